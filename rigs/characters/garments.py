# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes as shells of their own: cut from MakeHuman's smooth 'tights' helper, and sneakers lofted round the feet.

Every garment vertex is tied to the skin beneath it by a sparse matrix, which carries weights and correctives over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

from ..skeleton import SMPLX55
from .body import SIDES, Body, smooth_step
from .makehuman import HumanData
from .surface import Patch, Sparse, averaging, edges_of, nearest_mean, normals, triangles

Array = NDArray[Any]

_HIDE_MARGIN = 0.012  # m; skin nearer to a hem than this stays visible
_MARGIN = 0.05  # m; cloth made beyond an outline before it is cut there
_HEM = 0.0035  # m; thickness shown at the rims


@dataclass(frozen=True)
class Top:
    """A shirt: `neck` radius of the neckline, `sleeve` its length from the shoulder joint (negative for straps),
    `hem` height above the hip joints, `loose` distance from the skin at the chest and `hang` what it has more of it at
    the waist, `folds` depth of its folds; all in m."""

    neck: float
    sleeve: float
    hem: float
    loose: float
    hang: float = 0.0
    folds: float = 0.0
    fabric: str = "top"
    trim: str = "trim"


@dataclass(frozen=True)
class Trousers:
    """`waist` height above the hip joints, `leg` height of the hem above the ankle joint, `loose` distance from the
    skin, `hang` what it has more of it at the shin, `folds` depth of the folds, `stripe` half width of a stripe along
    the outer seam (0 for none); all in m."""

    waist: float
    leg: float
    loose: float
    hang: float = 0.0
    folds: float = 0.0
    stripe: float = 0.0
    fabric: str = "trousers"
    trim: str = "band"


Cut = Top | Trousers


@dataclass
class Garment:
    """`patch` with labels as materials · `follow` (V, S) each vertex as a combination of skin vertices · `hidden` (S,)
    the skin that it covers."""

    patch: Patch
    follow: Sparse
    hidden: NDArray[np.bool_]


def _joint(body: Body, name: str) -> Array:
    return body.joints[SMPLX55.index(name)]


def _top_field(body: Body, top: Top, p: Array) -> Array:
    """(n,) m: how far inside the shirt's outline the points (n, 3) lie; negative outside."""
    neck, shoulder, hip = (_joint(body, name) for name in ("neck", "left_shoulder", "left_hip"))
    x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
    # The neckline lies low in front and high at the nape; above it there is no cloth.
    round_neck = np.sqrt(0.8 * x**2 + (0.95 * (z - neck[2] - 0.030)) ** 2 + (1.15 * (y - neck[1] + 0.012)) ** 2)
    inside = np.minimum(np.minimum(round_neck - top.neck, neck[1] + 0.035 - y), y - hip[1] - top.hem)
    if top.sleeve >= 0:
        return np.minimum(inside, shoulder[0] + top.sleeve - x)
    # A tank top's armhole: an ellipse round the shoulder, seen from the front.
    inside = np.minimum(inside, shoulder[0] + 0.01 - x)
    armhole = np.hypot((y - shoulder[1] + 0.035) * 0.8, (x - shoulder[0] - 0.028) * 1.25) - 0.075
    return np.minimum(inside, np.where(y > shoulder[1] - 0.16, armhole, 1.0))


def _trousers_field(body: Body, trousers: Trousers, p: Array) -> Array:
    hip, ankle = _joint(body, "left_hip"), _joint(body, "left_ankle")
    inside = np.minimum(hip[1] + trousers.waist - p[:, 1], p[:, 1] - ankle[1] - trousers.leg)
    return np.minimum(inside, 0.36 - np.abs(p[:, 0]))


class Wardrobe:
    """Makes garments for one body."""

    def __init__(self, data: HumanData, body: Body):
        self.body = body
        self.skin = body.vertices[: body.skin_count]
        faces = [face for face, material in zip(body.faces, body.face_materials, strict=True) if material == "skin"]
        self.skin_faces = faces
        self.skin_normals = normals(self.skin, triangles(faces))
        tights = [face for face, group in zip(data.faces, data.face_groups, strict=True) if group == "helper-tights"]
        self.tights = Patch.of(body.base, tights, "tights")
        self.ground = float(self.skin[:, 1].min())

    def _outside(self, patch: Patch, gap: Array, rounds: int = 4) -> Array:
        """Vertices pushed out of the skin until they keep the distance `gap` (V,) m, evenly rather than in dents."""
        vertices = patch.vertices.copy()
        tris = triangles(patch.faces)
        step = averaging(len(vertices), edges_of(patch.faces))
        tree = KDTree(self.skin)
        for _ in range(rounds):
            normal = normals(vertices, tris)
            distance, ids = tree.query(vertices, k=8)
            facing = np.einsum("vkc,vc->vk", self.skin_normals[ids], normal)
            height = np.einsum("vkc,vkc->vk", vertices[:, None] - self.skin[ids], self.skin_normals[ids])
            share = np.where(facing > 0.3, 1 / (distance**2 + 1e-6), 1e-9)
            height = (height * share).sum(1) / share.sum(1)
            push = np.maximum(gap - height, 0)
            for _ in range(3):
                push = np.maximum(push, step @ push)
            vertices += 0.8 * push[:, None] * normal
        return vertices

    def _shell(self, cut: Cut, outline: Callable[[Array], Array], hang: Callable[[Array], Array]) -> Patch:
        """The part of the tights in and just round a garment's outline, refined, smoothed and pushed off the skin.

        `outline` says for points (n, 3) how many m inside they are, `hang` how far 0..1 the cloth hangs free there.
        """
        near = outline(self.tights.vertices) > -_MARGIN
        faces = [face for face in self.tights.faces if near[face].all()]
        start = Patch.of(self.tights.vertices, faces, cut.fabric)
        start.source = (start.source @ self.tights.source).tocsr()
        patch = start.subdivided()
        step = averaging(len(patch.vertices), edges_of(patch.faces))
        rim = np.unique(np.concatenate(patch.boundary_loops()))
        vertices = patch.vertices
        free = hang(patch.vertices)
        for _ in range(6 + int(1500 * cut.hang)):
            vertices = vertices + (0.25 + 0.75 * free)[:, None] * (step @ vertices - vertices)
            vertices[rim] = patch.vertices[rim]
        patch.vertices = vertices
        # Close to the body round neck and sleeves, so that no gap shows there; at the hem it passes over other cloth.
        high = patch.vertices[:, 1] > _joint(self.body, "spine2")[1]
        near_rim = np.where(high, np.clip(0.35 + outline(patch.vertices) / 0.06, 0.35, 1), 1.0)
        gap = cut.loose * near_rim + cut.hang * free
        patch.vertices = self._outside(patch, gap)
        if cut.folds:
            normal = normals(patch.vertices, triangles(patch.faces))
            patch.vertices = patch.vertices + normal * (cut.folds * free * _folds(patch.vertices))[:, None]
        return patch

    def _finished(self, patch: Patch, hidden: NDArray[np.bool_], label: str) -> Garment:
        """Give the rims a thickness and tie the garment to the skin."""
        follow = self._follow(patch)
        normal = normals(patch.vertices, triangles(patch.faces))
        vertices, faces, labels, rows = [patch.vertices], list(patch.faces), list(patch.labels), [follow]
        count = len(patch.vertices)
        for loop in patch.boundary_loops():
            vertices.append(patch.vertices[loop] - _HEM * normal[loop])
            rows.append(follow[loop])
            n = len(loop)
            for k in range(n):
                faces.append([loop[(k + 1) % n], loop[k], count + k, count + (k + 1) % n])
                labels.append(label)
            count += n
        follow = sparse.vstack(rows).tocsr()
        whole = Patch(np.vstack(vertices), faces, follow, labels)
        whole.uvs = whole.vertices[:, :2] * 2
        return Garment(whole, follow, hidden)

    def _follow(self, patch: Patch) -> Sparse:
        """Each vertex as a mean of near skin that faces the same way, evened out along the garment."""
        normal = normals(patch.vertices, triangles(patch.faces))
        distance, ids = KDTree(self.skin).query(patch.vertices, k=24)
        facing = np.einsum("vkc,vc->vk", self.skin_normals[ids], normal)
        share = np.maximum(facing - 0.2, 1e-6) / (distance**2 + 1e-5)
        share /= share.sum(1, keepdims=True)
        rows = np.repeat(np.arange(len(patch.vertices)), 24)
        near = sparse.csr_matrix((share.ravel(), (rows, ids.ravel())), (len(patch.vertices), len(self.skin)))
        step = averaging(len(patch.vertices), edges_of(patch.faces))
        for _ in range(3):
            near = step @ near
        return near.tocsr()

    def top(self, top: Top) -> Garment:
        body = self.body
        chest, hip = _joint(body, "spine3")[1], _joint(body, "left_hip")[1]

        def hang(p: Array) -> Array:
            return np.clip(0.15 + np.clip((chest - p[:, 1]) / (0.7 * (chest - hip)), 0, 1), 0, 1)

        patch = self._shell(top, partial(_top_field, body, top), hang)
        patch = patch.cut(-_top_field(body, top, patch.vertices), None)
        patch = patch.cut(0.012 - _top_field(body, top, patch.vertices), top.trim)
        hidden = _top_field(body, top, self.skin) > _HIDE_MARGIN
        # The outline runs on through chin and forearms, where there is no cloth.
        hidden &= (self.skin[:, 1] < _joint(body, "neck")[1] + 0.06) & (body.weights[: len(hidden), 22] < 0.2)
        if top.sleeve < 0:
            hidden &= np.abs(self.skin[:, 0]) < _joint(body, "left_shoulder")[0] - 0.005
        return self._finished(patch, hidden, top.trim)

    def trousers(self, trousers: Trousers) -> Garment:
        body = self.body
        knee, ankle = _joint(body, "left_knee")[1], _joint(body, "left_ankle")[1]

        def hang(p: Array) -> Array:
            shin = np.interp(
                p[:, 1], [ankle + trousers.leg, ankle + trousers.leg + 0.06, knee, knee + 0.25], [0, 1, 0.8, 0.2]
            )
            return np.where(p[:, 1] > knee + 0.25, 0.2, shin)

        patch = self._shell(trousers, partial(_trousers_field, body, trousers), hang)
        patch = patch.cut(-_trousers_field(body, trousers, patch.vertices), None)
        if trousers.stripe:
            patch = self._striped(patch, trousers)
        patch = patch.cut(0.022 - _trousers_field(body, trousers, patch.vertices), trousers.trim)
        hidden = _trousers_field(body, trousers, self.skin) > _HIDE_MARGIN
        return self._finished(patch, hidden, trousers.trim)

    def _striped(self, patch: Patch, trousers: Trousers) -> Patch:
        """A stripe down the outside of each leg, cut one edge at a time, since it may be narrower than a face."""
        hip, ankle = _joint(self.body, "left_hip"), _joint(self.body, "left_ankle")

        def behind_and_inside(p: Array) -> tuple[Array, Array]:
            down = np.clip((hip[1] - p[:, 1]) / (hip[1] - ankle[1]), 0, 1)
            return hip[2] + down * (ankle[2] - hip[2]) - p[:, 2], 0.06 + down * (ankle[0] - 0.06) - np.abs(p[:, 0])

        patch = patch.cut(trousers.stripe - behind_and_inside(patch.vertices)[0], trousers.trim)
        patch = patch.cut(-trousers.stripe - behind_and_inside(patch.vertices)[0], trousers.fabric)
        return patch.cut(behind_and_inside(patch.vertices)[1], trousers.fabric)

    def sneakers(self, height: float) -> Garment:
        """Both shoes, their collars `height` m above the ground; the soles stand where the bare feet stood."""
        left, hidden_left = self._sneaker("left", 1.0, height)
        right, hidden_right = self._sneaker("right", -1.0, height)
        both = left.joined(right)
        return Garment(both, both.source, hidden_left | hidden_right)

    def _sneaker(self, side: str, sign: float, height: float) -> tuple[Patch, NDArray[np.bool_]]:
        ankle = _joint(self.body, f"{side}_ankle")
        foot = self.skin[(self.skin[:, 1] < ankle[1] + 0.12) & (sign * self.skin[:, 0] > 0)]
        centre = np.array([ankle[0], 0, ankle[2] + 0.012])
        around = 44
        # More columns where the outline is far from the ankle: round the toes.
        fine = np.linspace(0, 2 * np.pi, 721)
        low = foot[foot[:, 1] < self.ground + 0.03]
        reach = _outline(low - centre, fine) + 0.03
        length = np.r_[0, np.cumsum(np.hypot(np.diff(reach * np.cos(fine)), np.diff(reach * np.sin(fine))))]
        angles = np.interp(np.linspace(0, length[-1], around, endpoint=False), length, fine)

        heights = np.r_[0.0, 0.004, 0.012, 0.021, 0.0215, 0.027, np.linspace(0.034, height, 8)]
        radii = []
        for h in heights:
            thickness = 0.010 if h < 0.03 else 0.016
            slab = foot[np.abs(foot[:, 1] - self.ground - max(h, 0.008)) < thickness]
            radii.append(_outline(slab - centre, angles))
        radii = np.array(radii)
        # A shoe leans inwards as it rises, and hides the gaps between toes.
        radii = np.maximum.accumulate(radii[::-1], axis=0)[::-1]
        smooth = radii.copy()
        for _ in range(2):
            smooth[1:-1] = 0.25 * smooth[:-2] + 0.5 * smooth[1:-1] + 0.25 * smooth[2:]
            smooth = 0.25 * np.roll(smooth, 1, 1) + 0.5 * smooth + 0.25 * np.roll(smooth, -1, 1)
        radii = np.maximum(smooth, radii - 0.002)
        wall = np.interp(
            heights, [0, 0.004, 0.021, 0.0214, 0.03, height - 0.012, height], [7, 11, 11, 7, 6.5, 6.5, 8.5]
        )
        radii = radii + wall[:, None] / 1000
        rows = len(heights)
        rings = np.stack(
            [centre[0] + radii * np.sin(angles), np.repeat(heights[:, None], around, 1) + self.ground,
             centre[2] + radii * np.cos(angles)], -1,
        )  # fmt: skip
        # The toe curls up a little, as shoes do; the collar dips at the sides and rises at the heel.
        rings[-3:, :, 1] += np.array([0.3, 0.6, 1.0])[:, None] * (0.006 * np.cos(2 * angles) - 0.004)
        inner = rings[-1] + 0.005 * _unit(centre - rings[-1], flat=True) - [0, 0.012, 0]
        base = np.array([[centre[0], self.ground, centre[2] + 0.04]])
        vertices = np.concatenate([rings.reshape(-1, 3), inner, base])
        faces, labels = [], []
        for r in range(rows):
            for k in range(around):
                a, b = r * around + k, r * around + (k + 1) % around
                faces.append([a, b, b + around, a + around])
                labels.append("sole" if r < 4 else "shoe_trim" if r >= rows - 2 else "shoe")
        last = len(vertices) - 1
        for k in range(around):
            faces.append([last, (k + 1) % around, k])
            labels.append("sole")
        covered = (self.skin[:, 1] < self.ground + height - 0.008) & (sign * self.skin[:, 0] > 0)
        ids = np.flatnonzero((self.skin[:, 1] < ankle[1] + 0.14) & (sign * self.skin[:, 0] > 0))
        near = nearest_mean(self.skin[ids], vertices, 12)
        follow = sparse.csr_matrix((len(vertices), len(self.skin))).tolil()
        follow[:, ids] = near
        return Patch(vertices, faces, follow.tocsr(), labels, vertices[:, [0, 2]] * 2), covered


def _folds(p: Array) -> Array:
    """(n,) about -1..1: soft folds of changing direction, deep in some places and gone in others."""
    random = np.random.default_rng(7)
    depth = np.zeros(len(p))
    for _ in range(6):
        wave = np.array([random.normal(0, 45), random.uniform(50, 110), random.normal(0, 45)])
        where = random.normal(0, 14, 3)
        strength = np.clip(np.sin(p @ where + random.uniform(0, 2 * np.pi)), 0, 1)
        depth += 0.6 * strength * np.sin(p @ wave + random.uniform(0, 2 * np.pi))
    return depth


def _unit(v: Array, flat: bool = False) -> Array:
    v = v * [1, 0, 1] if flat else v
    return v / np.linalg.norm(v, axis=1, keepdims=True).clip(1e-9)


def _outline(points: Array, angles: Array) -> Array:
    """Radius of the convex outline of `points` (n, 3), seen from above, in directions `angles` from +Z to +X."""
    flat = points[:, [2, 0]]
    directions = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    support = (flat @ np.stack([np.cos(directions), np.sin(directions)])).max(0)
    cosine = np.cos(angles[:, None] - directions)
    return np.where(cosine > 0.05, support / np.maximum(cosine, 0.05), np.inf).min(1)


def dress(data: HumanData, body: Body, outfit: Mapping[str, object]) -> dict[str, Garment]:
    """The garments of an outfit: `top` a Top, `trousers` a Trousers, `sneakers` their height in m."""
    wardrobe = Wardrobe(data, body)
    garments = {}
    for name, spec in outfit.items():
        garments[name] = getattr(wardrobe, name)(spec)
    return garments


__all__ = ["SIDES", "Garment", "Top", "Trousers", "Wardrobe", "dress", "smooth_step"]
