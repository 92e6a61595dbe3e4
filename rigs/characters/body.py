# SPDX-License-Identifier: GPL-3.0-or-later
"""From MakeHuman's base mesh to a body in SMPL's terms: T-pose, joints and weights of SMPL-X, shape directions, ARKit.

The shape directions are this generator's own (`BETAS`), not those that were learned for SMPL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial import KDTree

from ..rotation import matrix_from_axis_angle, shortest_arc
from ..skeleton import SMPLX55
from .bands import drawn
from .correctives import DeltaMush, mushed_share, skin
from .makehuman import AVERAGE, HumanData
from .mouth import arranged, shapes
from .surface import nearest_mean

Array = NDArray[Any]

UNIT = 0.1  # metres per MakeHuman unit
SIDES = (("left", "l", 1.0), ("right", "r", -1.0))
# SMPL's fingers and their numbers in MakeHuman.
FINGERS = {"index": 2, "middle": 3, "pinky": 5, "ring": 4, "thumb": 1}
PELVIS = np.array([0.0, -0.2233, 0.0282])  # where SMPL's neutral template has it

# One step (a plausible standard deviation) of each shape direction.
BETAS: dict[str, dict[str, Any]] = {
    "stature": {"height": 0.065},
    "weight": {"weight": 0.45},
    "muscle": {"muscle": 0.35},
    "male": {"gender": 0.25},
    "age": {"age": 0.18},
    "proportions": {"proportions": -0.4},
    "african": {"race": (0.7, -0.35, -0.35)},
    "asian": {"race": (-0.35, 0.7, -0.35)},
    "cup": {"cup": 0.3},
    "child": {"age": -0.12},
}

# Directions of the segments in SMPL's rest pose, left side, and the joint at the segment's far end.
_SEGMENTS = {
    "hip": ("knee", (0.052, -0.997, -0.01)),
    "knee": ("ankle", (-0.02, -0.994, -0.09)),
    "shoulder": ("elbow", (0.994, -0.03, -0.09)),
    "elbow": ("wrist", (0.999, 0.015, -0.01)),
    "wrist": ("middle1", (0.99, -0.06, 0.0)),
}
_FINGER_DIRECTIONS = {
    "index": (0.98, -0.10, 0.16),
    "middle": (0.99, -0.12, 0.02),
    "ring": (0.985, -0.12, -0.10),
    "pinky": (0.96, -0.12, -0.24),
    "thumb": (0.72, -0.28, 0.62),
}
_TORSO_BONES = {"root", "pelvis", "spine05", "spine04", "spine03", "spine02", "spine01", "breast"}
_JAW_BONES = {"jaw", "special04", "oris01", "oris02", "oris06", "oris07"}

# What of the base mesh the body mesh takes as it is, and the material of each part.
PARTS = {"body": "skin", "helper-tongue": "tongue"}
# What is coloured by its depth in the mouth, and how deep (m) that is.
MOUTH, MOUTH_DEPTH = ("teeth", "gums", "tongue"), 0.05
# How much light reaches which depth (mm) behind the front teeth; without it back teeth, and the cheeks from within,
# shine as the front does wherever a renderer knows no shadow within the mouth.
_DEPTHS, _LIGHT = (0.0, 8.0, 14.0, 22.0, 32.0, 50.0), (1.0, 0.95, 0.62, 0.26, 0.12, 0.05)


def smooth_step(x: Array, centre: float, half_width: float) -> Array:
    t = np.clip((x - (centre - half_width)) / (2 * half_width), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass
class Shape:
    """One body in T-pose: all N base vertices (m), the 55 joints and the two hand joints of SMPL-24, (57, 3)."""

    vertices: Array
    joints: Array


class BodyBuilder:
    """Builds T-posed shapes from slider values; the weights are those of the first shape built."""

    def __init__(self, data: HumanData, sliders: Mapping[str, Any], details: Mapping[str, float]):
        self.data = data
        self.sliders = {**AVERAGE, **sliders}
        self.details = UNIT * sum((amount * data.detail(name) for name, amount in details.items()), arranged(data))
        start = self._a_pose(self.sliders)
        self.weights = self._weights(start, self._joints(start))
        self.skin = data.groups["body"]
        number = np.full(len(start), -1)
        number[self.skin] = np.arange(len(self.skin))
        self.skin_faces = [
            number[face].tolist() for face, group in zip(data.faces, data.face_groups, strict=True) if group == "body"
        ]
        self.mushed = mushed_share(self.weights[self.skin])
        self.follow = nearest_mean(start[self.skin], start)

    def shape(self, step: Mapping[str, Any] | None = None, sign: float = 1.0) -> Shape:
        """The body with `sign` times `step` added to its sliders."""
        values = dict(self.sliders)
        for name, change in (step or {}).items():
            if isinstance(change, tuple):
                values[name] = tuple(a + sign * b for a, b in zip(values[name], change, strict=True))
            else:
                values[name] = float(np.clip(values[name] + sign * change, 0, 1))
        return self._t_pose(self._a_pose(values))

    def _a_pose(self, sliders: Mapping[str, Any]) -> Array:
        return UNIT * (self.data.vertices + self.data.macro(sliders)) + self.details

    def _joints(self, vertices: Array) -> dict[str, Array]:
        """Joint positions: the centres of the base mesh's joint cubes, placed where SMPL has its joints."""

        def cube(name: str) -> Array:
            return vertices[self.data.groups["joint-" + name]].mean(0)

        joints = {
            "pelvis": (cube("l-upper-leg") + cube("r-upper-leg")) / 2,
            "spine1": (cube("spine-3") + cube("spine-2")) / 2,
            "spine2": 0.35 * cube("spine-2") + 0.65 * cube("spine-1"),
            "spine3": 0.88 * cube("spine-1") + 0.12 * cube("neck"),
            "neck": cube("neck"),
            "head": cube("head"),
            "jaw": cube("mouth"),
        }
        joints["pelvis"][1] = cube("spine-4")[1]
        for side, s, _ in SIDES:
            joints[f"{side}_collar"] = 0.6 * cube(f"{s}-clavicle") + 0.4 * cube(f"{s}-shoulder")
            for joint, name in (
                ("hip", "upper-leg"), ("knee", "knee"), ("ankle", "ankle"), ("foot", "foot-1"), ("eye", "eye"),
                ("shoulder", "shoulder"), ("elbow", "elbow"), ("wrist", "hand"),
            ):  # fmt: skip
                joints[f"{side}_{joint}"] = cube(f"{s}-{name}")
            for finger, number in FINGERS.items():
                for k in (1, 2, 3, 4):
                    joints[f"{side}_{finger}{k}"] = cube(f"{s}-finger-{number}-{k}")
        return joints

    def _weights(self, vertices: Array, joints: dict[str, Array]) -> Array:
        """(N, 55): MakeHuman's 163 bones merged; the torso is shared out over the spine by height."""
        index = SMPLX55.index
        weights = np.zeros((len(vertices), 55))
        torso = np.zeros(len(vertices))
        for bone, (ids, values) in self.data.bone_weights.items():
            name, _, ending = bone.partition(".")
            side = {"L": "left", "R": "right"}.get(ending)
            if name in _TORSO_BONES:
                torso[ids] += values
                continue
            shares = [(1.0, self._joint_of_bone(name, side))]
            if name == "neck03":
                shares = [(0.5, "neck"), (0.5, "head")]
            for share, joint in shares:
                weights[ids, index(joint)] += share * values
        y = vertices[:, 1]
        trunk = joints["neck"][1] - joints["pelvis"][1]
        one = smooth_step(y, joints["spine1"][1] - 0.02 * trunk, 0.14 * trunk)
        two = smooth_step(y, joints["spine2"][1], 0.11 * trunk)
        three = smooth_step(y, joints["spine3"][1] + 0.03 * trunk, 0.10 * trunk)
        weights[:, index("pelvis")] += torso * (1 - one)
        weights[:, index("spine1")] += torso * one * (1 - two)
        weights[:, index("spine2")] += torso * one * two * (1 - three)
        weights[:, index("spine3")] += torso * one * two * three
        return weights / weights.sum(1, keepdims=True)

    @staticmethod
    def _joint_of_bone(name: str, side: str | None) -> str:
        if name in ("neck01", "neck02"):
            return "neck"
        if name in ("clavicle", "shoulder01"):
            return f"{side}_collar"
        if name.startswith("finger"):
            number, k = name[6:].split("-")
            finger = next(finger for finger, n in FINGERS.items() if n == int(number))
            return f"{side}_{finger}{k}"
        for start, joint in (
            ("upperarm", "shoulder"), ("lowerarm", "elbow"), ("wrist", "wrist"), ("metacarpal", "wrist"),
            ("upperleg", "hip"), ("lowerleg", "knee"), ("foot", "ankle"), ("toe", "foot"),
        ):  # fmt: skip
            if name.startswith(start):
                return f"{side}_{joint}"
        if (name in _JAW_BONES or name.startswith("tongue")) and not (name == "oris06" and side is None):
            return "jaw"
        if name == "eye":
            return f"{side}_eye"
        return "head"

    def _t_pose(self, vertices: Array) -> Shape:
        """Turn each segment onto SMPL's rest direction, with the skin as `target` wants it in that pose."""
        joints = self._joints(vertices)
        places = np.array([joints[name] for name in SMPLX55.joints])
        turns = np.tile(np.eye(3), (55, 1, 1))
        for i, name in enumerate(SMPLX55.joints[1:], 1):
            turns[i] = self._turn(name, turns[SMPLX55.parents[i]], joints)
        ends = places.copy()
        for i, parent in enumerate(SMPLX55.parents[1:], 1):
            ends[i] = ends[parent] + turns[parent] @ (places[i] - places[parent])
        ends += PELVIS - ends[0]

        self.turns = turns
        self.shifts = ends - np.einsum("jab,jb->ja", turns, places)
        self.a_pose = vertices
        self.mush = DeltaMush(vertices[self.skin], self.skin_faces, self.mushed)
        posed = skin(vertices, self.weights, turns, self.shifts)
        smooth = self.mush(posed[self.skin])
        # Helpers (clothes, lashes) go along with the skin beneath them.
        posed += self.follow @ (smooth - posed[self.skin])
        posed[self.skin] = smooth
        index = SMPLX55.index
        hands = [
            np.mean([ends[index(f"{side}_{finger}1")] for finger in ("index", "middle", "ring", "pinky")], 0)
            for side in ("left", "right")
        ]
        return Shape(posed, np.vstack([ends, hands]))

    def target(self, rotations: Array, translations: Array) -> Array:
        """The skin (S, 3) as it should look where rotations (55, 3, 3) and translations carry the T-pose."""
        turns = rotations @ self.turns
        shifts = np.einsum("jab,jb->ja", rotations, self.shifts) + translations
        return self.mush(skin(self.a_pose[self.skin], self.weights[self.skin], turns, shifts))

    def _turn(self, name: str, parent: Array, joints: dict[str, Array]) -> Array:
        if name == "spine1":
            return matrix_from_axis_angle(np.array([-0.075, 0, 0]))
        side, _, joint = name.partition("_")
        sign = -1.0 if side == "right" else 1.0
        if name == "neck" or joint in ("ankle", "foot"):
            return np.eye(3)
        if joint == "collar":
            return matrix_from_axis_angle(np.array([0, 0, sign * np.radians(13)])) @ parent
        direction: Any = np.zeros(3)
        finger = joint[:-1]
        if joint in _SEGMENTS:
            end, direction = _SEGMENTS[joint][0], np.array(_SEGMENTS[joint][1])
        elif finger in FINGERS:
            end, direction = f"{finger}{int(joint[-1]) + 1}", np.array(_FINGER_DIRECTIONS[finger])
            if finger != "thumb":
                direction = direction - [0, 0.10 * (int(joint[-1]) - 1), 0]
        else:
            return parent
        segment = parent @ (joints[f"{side}_{end}"] - joints[name])
        turn = shortest_arc(np.asarray(segment, float), direction * np.array([sign, 1.0, 1.0])) @ parent
        if joint in ("elbow", "wrist"):
            turn = self._palm_down(turn, side, sign, joints, 0.5 if joint == "elbow" else 1.0) @ turn
        return turn

    @staticmethod
    def _palm_down(turn: Array, side: str, sign: float, joints: dict[str, Array], share: float) -> Array:
        """The share of the twist about the arm that lets the palm face the floor."""
        wrist = joints[f"{side}_wrist"]
        normal = np.cross(turn @ (joints[f"{side}_index1"] - wrist), turn @ (joints[f"{side}_pinky1"] - wrist))
        normal[0] = 0
        if normal[1] > 0:
            normal = -normal
        axis = np.array([sign, 0, 0])
        down = np.array([0, -1.0, 0])
        return matrix_from_axis_angle(axis * share * np.arctan2(np.cross(normal, down) @ axis, normal @ down))


def fit_sphere(points: Array) -> tuple[Array, float]:
    """Centre and radius of the sphere nearest to `points` (n, 3), by linear least squares."""
    rows = np.c_[2 * points, np.ones(len(points))]
    x = np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)[0]
    return x[:3], float(np.sqrt(x[3] + x[:3] @ x[:3]))


# Polar angles (degrees from the line of sight) of an eyeball's rings; the edges of pupil and iris lie on rings.
PUPIL, IRIS = 8.5, 22.0
_RINGS = (4.5, PUPIL, 13, 18, IRIS, 24.5, 29, 36, 44, 54, 66, 80, 96, 115, 135, 157)


def eyeball(around: int = 32) -> tuple[Array, list[list[int]], list[str], list[Array]]:
    """Unit sphere that looks along +Z: vertices, faces, material of each face, and UVs of each face's corners."""
    angles = np.radians(_RINGS)
    turn = 2 * np.pi * np.arange(around) / around
    rings = np.stack(
        [np.sin(angles)[:, None] * np.cos(turn), np.sin(angles)[:, None] * np.sin(turn),
         np.cos(angles)[:, None] * np.ones(around)], -1,
    )  # fmt: skip
    vertices = np.concatenate([[[0, 0, 1.0]], rings.reshape(-1, 3), [[0, 0, -1.0]]])
    polar = np.concatenate([[0], np.repeat(angles, around), [np.pi]])
    direction = np.concatenate([[0], np.tile(turn, len(angles)), [0]])
    # The texture shows the eye as seen from the front, polar angle drawn as radius.
    uvs = 0.5 + 0.5 * (polar / np.pi)[:, None] * np.stack([np.cos(direction), np.sin(direction)], 1)
    faces, materials = [], []
    last = len(vertices) - 1
    for ring in range(len(angles) + 1):
        outer = 180.0 if ring == len(angles) else _RINGS[ring]
        material = "pupil" if outer <= PUPIL else "iris" if outer <= IRIS else "eye"
        for j in range(around):
            k = (j + 1) % around
            a, b = 1 + (ring - 1) * around, 1 + ring * around
            if ring == 0:
                face = [0, b + j, b + k]
            elif ring == len(angles):
                face = [a + j, last, a + k]
            else:
                face = [a + j, b + j, b + k, a + k]
            faces.append(face)
            materials.append(material)
    return vertices, faces, materials, [uvs[face] for face in faces]


@dataclass
class Body:
    """The finished T-posed body on SMPL-X's 55 joints; V vertices, the last of them the two eyeballs.

    `joints` (57, 3): the 55 and SMPL-24's hands · `shapedirs` (V, 3, B) and `joint_dirs` (57, 3, B) per beta ·
    `arkit` name to (V, 3) m · `kept` the base mesh's number of every vertex before lashes, teeth and eyeballs ·
    `base` all the base mesh's vertices, helpers too, in the same pose · `eyes` centre and radius of each eyeball ·
    `skin_count` S, the skin's vertices, which come first · `target` see `BodyBuilder.target`.
    """

    vertices: Array
    weights: Array
    faces: list[list[int]]
    face_materials: list[str]
    face_uvs: list[Array]
    joints: Array
    shapedirs: Array
    joint_dirs: Array
    arkit: dict[str, Array]
    kept: NDArray[np.int64]
    base: Array
    base_weights: Array
    eyes: list[tuple[Array, float]]
    skin_count: int
    target: Callable[[Array, Array], Array]


def build_body(data: HumanData, sliders: Mapping[str, Any], details: Mapping[str, float]) -> Body:
    """Assemble skin, teeth, tongue, lashes and eyeballs of one body."""
    builder = BodyBuilder(data, sliders, details)
    kept = np.unique(np.concatenate([data.groups[part] for part in PARTS]))
    number = np.full(len(data.vertices), -1)
    number[kept] = np.arange(len(kept))

    faces, materials, uvs = [], [], []
    for face, corners, group in zip(data.faces, data.face_uvs, data.face_groups, strict=True):
        if group in PARTS:
            faces.append(number[face].tolist())
            materials.append(PARTS[group])
            uvs.append(data.uvs[corners])

    added = drawn(data)
    faces += [[len(kept) + i for i in face] for face in added.faces]
    materials += added.materials
    uvs += [np.zeros((len(face), 2)) for face in added.faces]

    ball, ball_faces, ball_materials, ball_uvs = eyeball()
    first_ball = len(kept) + added.vertices.shape[0]
    for e in range(2):
        start = first_ball + e * len(ball)
        faces += [[start + i for i in face] for face in ball_faces]
        materials += ball_materials
        uvs += ball_uvs

    def eyes_of(vertices: Array) -> list[tuple[Array, float]]:
        return [fit_sphere(vertices[data.groups[f"helper-{s}-eye"]]) for _, s, _ in SIDES]

    def whole(vertices: Array) -> Array:
        return np.concatenate(
            [
                vertices[kept],
                added.vertices @ vertices,
                *(centre + radius * ball for centre, radius in eyes_of(vertices)),
            ]
        )

    weights = np.zeros((first_ball + 2 * len(ball), 55))
    weights[:first_ball] = np.vstack([builder.weights[kept], added.vertices @ builder.weights])
    for e, (side, _, _) in enumerate(SIDES):
        weights[first_ball + e * len(ball) :][: len(ball), SMPLX55.index(f"{side}_eye")] = 1

    # The template is built last, so that the builder's target is the one of the template.
    shapedirs, joint_dirs = [], []
    for step in BETAS.values():
        more, less = builder.shape(step, 1), builder.shape(step, -1)
        shapedirs.append((whole(more.vertices) - whole(less.vertices)) / 2)
        joint_dirs.append((more.joints - less.joints) / 2)
    base = builder.shape()
    turn_of_head = builder.turns[SMPLX55.index("head")]
    eyes = eyes_of(base.vertices)
    template = whole(base.vertices)
    _lay_by_depth(template, faces, materials, uvs)

    arkit = {}
    for name, offsets in shapes(data).items():
        offsets = UNIT * offsets @ turn_of_head.T
        parts = [offsets[kept], added.vertices @ offsets]
        for (side, s, _), (centre, radius) in zip(SIDES, eyes, strict=True):
            look = name.startswith("eyeLook") and name.endswith(side.capitalize())
            ids = data.groups[f"helper-{s}-eye"]
            turn = _best_rotation(base.vertices[ids] - centre, base.vertices[ids] + offsets[ids] - centre)
            parts.append(radius * (ball @ turn.T - ball) if look else np.zeros_like(ball))
        arkit[name] = np.concatenate(parts)

    return Body(
        template, weights, faces, materials, uvs, base.joints,
        np.stack(shapedirs, -1), np.stack(joint_dirs, -1), arkit, kept, base.vertices, builder.weights, eyes,
        len(builder.skin), builder.target,
    )  # fmt: skip


def mouth_light(depth: Array) -> Array:
    """(…, 3): factors on linear RGB at depths (…) m behind the front teeth; what light there is comes off the lips."""
    return np.interp(1000 * depth, _DEPTHS, _LIGHT)[..., None] ** np.array([0.85, 1.1, 1.1])


def front_of_teeth(vertices: Array, faces: list[list[int]], materials: list[str]) -> float:
    """z, m."""
    return max(float(vertices[face, 2].max()) for face, name in zip(faces, materials, strict=True) if name == "teeth")


def _lay_by_depth(vertices: Array, faces: list[list[int]], materials: list[str], uvs: list[Array]) -> None:
    """Teeth, gums and tongue get as u how far they lie behind the front teeth: 0 there to 1 at `MOUTH_DEPTH`."""
    inside = [f for f, material in enumerate(materials) if material in MOUTH]
    front = front_of_teeth(vertices, faces, materials)
    for f in inside:
        depth = np.clip((front - vertices[faces[f], 2]) / MOUTH_DEPTH, 0, 1)
        uvs[f] = np.stack([0.01 + 0.98 * depth, np.full(len(depth), 0.5)], 1)


def _best_rotation(source: Array, target: Array) -> Array:
    """The rotation (3, 3) that turns the points `source` (n, 3) nearest to `target` (Kabsch 1976)."""
    u, _, vt = np.linalg.svd(source.T @ target)
    return vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T


def joint_regressor(body: Body) -> Array:
    """(57, V), rows non-negative with sum 1: joints of the template and of every shape direction from near vertices."""
    basis = np.concatenate([body.vertices[None], body.shapedirs.transpose(2, 0, 1)])
    targets = np.concatenate([body.joints[None], body.joint_dirs.transpose(2, 0, 1)])
    regressor = np.zeros((len(body.joints), len(body.vertices)))
    for j, joint in enumerate(body.joints):
        away = body.vertices - joint
        distance = np.linalg.norm(away, axis=1)
        order = np.argsort(distance)
        chosen = set(order[:60].tolist())
        # Besides the nearest vertices, some on every side, so that the joint lies inside their hull.
        directions = np.round(1.2 * away / distance[:, None].clip(1e-6)).astype(int) @ [1, 10, 100]
        ordered = directions[order]
        for key in np.unique(directions):
            chosen.update(order[ordered == key][:8].tolist())
        ids = np.array(sorted(chosen))
        ids = ids[distance[ids] < max(0.30, 4 * distance.min())]
        rows = np.vstack([basis[:, ids].transpose(0, 2, 1).reshape(-1, len(ids)), np.full((1, len(ids)), 10.0)])
        right = np.r_[targets[:, j].reshape(-1), 10.0, np.zeros(len(ids))]
        solution, _ = nnls(np.vstack([rows, 1e-4 * np.eye(len(ids))]), right)
        regressor[j, ids] = solution / solution.sum()
    return regressor


def mirror_of(vertices: Array) -> NDArray[np.int64]:
    """For every vertex the number of the one that lies mirrored in the plane x = 0."""
    return np.asarray(KDTree(vertices).query(vertices * [-1, 1, 1])[1])
