# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose correctives: fitted so that linear blend skinning keeps the body's volume where joints bend far.

The target is delta mush (Mancewicz et al., "Delta Mush: Smoothing Deformations While Preserving Detail", 2014) of the
body as it was modelled, arms at ease, where the artists' mesh has no distortion. For random plausible poses of one
limb at a time, offsets linear in R - I (SMPL, Loper et al. 2015) are fitted to it by ridge regression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rotation import matrix_from_axis_angle
from ..skeleton import SMPLX55
from .surface import Sparse, averaging, edges_of, enclosed_volume, normals, triangles

Array = NDArray[Any]

_SMOOTHINGS = 24
_MOST_SWELL = 0.006  # m; creases lose volume for good, so not all of it may come back elsewhere
_QUANTUM = 2.0**-15  # m; offsets are rounded to it, which lets files shrink
_NEGLIGIBLE = 2e-4  # m; what no pose moves farther is left out
_MIRROR = np.array([-1.0, 1.0, 1.0])


class DeltaMush:
    """Smooths a deformed mesh and puts back the detail and the volume that smoothing takes from the original."""

    def __init__(self, vertices: Array, faces: list[list[int]], amount: Array):
        edges = edges_of(faces)
        self.tris = triangles(faces)
        self.amount = amount[:, None]
        self.step = averaging(len(vertices), edges)
        neighbour = np.arange(len(vertices))
        neighbour[edges[:, 1]] = edges[:, 0]
        neighbour[edges[:, 0]] = edges[:, 1]
        self.neighbour = neighbour
        smooth = self._smooth(vertices)
        self.detail = np.einsum("vab,va->vb", self._frames(smooth), vertices - smooth)
        self.volume = enclosed_volume(vertices, self.tris)

    def _smooth(self, vertices: Array) -> Array:
        for _ in range(_SMOOTHINGS):
            vertices = self.step @ vertices
        return vertices

    def _frames(self, vertices: Array) -> Array:
        """(V, 3, 3) with the normal and the direction to a neighbour as columns."""
        normal = normals(vertices, self.tris)
        tangent = vertices[self.neighbour] - vertices
        tangent = tangent - normal * (tangent * normal).sum(1, keepdims=True)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True).clip(1e-12)
        return np.stack([normal, tangent, np.cross(normal, tangent)], axis=2)

    def __call__(self, deformed: Array) -> Array:
        smooth = self._smooth(deformed)
        restored = smooth + np.einsum("vab,vb->va", self._frames(smooth), self.detail)
        mushed = deformed + self.amount * (restored - deformed)
        return self._refilled(mushed, np.linalg.norm(mushed - deformed, axis=1))

    def _refilled(self, vertices: Array, moved: Array) -> Array:
        """Smoothing hollows bent limbs: swell what `moved` (V,) m along its normals to the original volume."""
        for _ in range(4):
            moved = self.step @ moved
        a, b, c = (vertices[self.tris[:, k]] for k in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
        areas = np.bincount(self.tris.ravel(), np.repeat(area, 3), minlength=len(vertices))
        share = self.amount[:, 0] * moved / max(moved.max(), 1e-9)
        missing = self.volume - enclosed_volume(vertices, self.tris)
        swell = np.clip(share * missing / max(areas @ share, 1e-9), -_MOST_SWELL, _MOST_SWELL)
        return vertices + swell[:, None] * normals(vertices, self.tris)


def _turn(axis: tuple[float, float, float], degrees: float) -> Array:
    return matrix_from_axis_angle(np.radians(degrees) * np.array(axis, float))


def _arm(random: np.random.Generator) -> dict[str, Array]:
    """Left arm: collar and shoulder together, from hanging to overhead, forward over the chest, back, and twisted."""
    raise_ = random.uniform(-88, 92)
    forward = random.uniform(-35, 115) * np.cos(np.radians(raise_ * 0.9))
    twist = random.uniform(-60, 60)
    shoulder = _turn((0, 1, 0), -forward) @ _turn((0, 0, 1), raise_) @ _turn((1, 0, 0), twist)
    lift = 0.35 * max(raise_, 0) * random.random() + random.uniform(-8, 12)
    return {
        "left_collar": _turn((0, 0, 1), lift) @ _turn((0, 1, 0), random.uniform(-20, 20)),
        "left_shoulder": shoulder,
    }


def _elbow(random: np.random.Generator) -> dict[str, Array]:
    bend, lean = random.uniform(-5, 150), random.uniform(-25, 25)
    return {"left_elbow": _turn((0, 1, 0), -bend) @ _turn((0, 0, 1), lean) @ _turn((1, 0, 0), random.uniform(-60, 60))}


def _hip(random: np.random.Generator) -> dict[str, Array]:
    flex, out, twist = random.uniform(-35, 125), random.uniform(-25, 70), random.uniform(-40, 40)
    return {"left_hip": _turn((0, 0, 1), out) @ _turn((1, 0, 0), -flex) @ _turn((0, 1, 0), twist)}


def _knee(random: np.random.Generator) -> dict[str, Array]:
    return {"left_knee": _turn((1, 0, 0), random.uniform(-5, 150)) @ _turn((0, 1, 0), random.uniform(-15, 15))}


_LIMBS: tuple[tuple[Callable[[np.random.Generator], dict[str, Array]], int], ...] = (
    (_arm, 110),
    (_elbow, 50),
    (_hip, 80),
    (_knee, 40),
)


def global_transforms(turns: dict[str, Array], joints: Array) -> tuple[Array, Array]:
    """Rotations (55, 3, 3) and translations (55, 3) that carry rest points along, for local rotations by joint name."""
    rotations = np.tile(np.eye(3), (55, 1, 1))
    places = joints[:55].copy()
    for j, (name, parent) in enumerate(zip(SMPLX55.joints, SMPLX55.parents, strict=True)):
        if parent >= 0:
            places[j] = places[parent] + rotations[parent] @ (joints[j] - joints[parent])
            rotations[j] = rotations[parent] @ turns.get(name, np.eye(3))
    return rotations, places - np.einsum("jab,jb->ja", rotations, joints[:55])


def skin(vertices: Array, weights: Array, rotations: Array, translations: Array) -> Array:
    """Linear blend skinning of (V, 3) with weights (V, J)."""
    blend = (weights @ rotations.reshape(len(rotations), 9)).reshape(-1, 3, 3)
    return np.einsum("vab,vb->va", blend, vertices) + weights @ translations


def mushed_share(weights: Array) -> Array:
    """(V,): 1 on trunk and limbs, falling to 0 on head, hands and feet, whose detail must not move."""
    still = [j for j, name in enumerate(SMPLX55.joints) if name in ("head", "jaw") or "eye" in name or j >= 25]
    feet = [SMPLX55.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("ankle", "foot", "wrist")]
    return np.clip(1 - 2 * weights[:, still + feet].sum(1), 0, 1)


def fit_posedirs(
    template: Array,
    weights: Array,
    joints: Array,
    mirror: NDArray[np.int64],
    target: Callable[[Array, Array], Array],
) -> Array:
    """Fit the correctives.

    Args:
        template: (V, 3) m. weights: (V, 55). joints: (55 or more, 3) m. mirror: (V,) from `body.mirror_of`.
        target: the wanted vertices (V, 3) for global rotations (55, 3, 3) and translations (55, 3).

    Returns:
        (V, 3, 486) m per entry of R - I, row-major, joints 1..; 0 outside collars, shoulders, elbows, hips and knees.
    """
    posedirs = np.zeros((len(template), 3, 486))
    random = np.random.default_rng(0)
    for limb, count in _LIMBS:
        poses = [limb(random) for _ in range(count)]
        columns = np.concatenate([9 * (SMPLX55.index(name) - 1) + np.arange(9) for name in poses[0]])
        features, blends, wanted = [], [], []
        for pose in poses:
            rotations, translations = global_transforms(pose, joints)
            features.append(np.concatenate([(turn - np.eye(3)).ravel() for turn in pose.values()]))
            blends.append((weights @ rotations.reshape(55, 9)).reshape(-1, 3, 3))
            wanted.append(target(rotations, translations) - skin(template, weights, rotations, translations))
        features, blends, wanted = np.array(features), np.array(blends), np.array(wanted)
        moved = np.abs(wanted).max((0, 2)) > 5e-4
        for ids in np.array_split(np.flatnonzero(moved), 40):
            posedirs[ids[:, None], :, columns] = _ridge(features, blends[:, ids], wanted[:, ids]).transpose(0, 2, 1)
    posedirs += _mirrored(posedirs, mirror)
    reach = np.abs(posedirs).max(1)
    posedirs *= (reach > _NEGLIGIBLE)[:, None, :]
    return np.round(posedirs / _QUANTUM) * _QUANTUM


def _ridge(features: Array, blends: Array, wanted: Array) -> Array:
    """Offsets D (V, 3, K) that minimise |B D f - wanted|² over the poses; features (P, K), blends (P, V, 3, 3)."""
    poses, k = features.shape
    count = blends.shape[1]
    gram = np.einsum("pvca,pvcb->vpab", blends, blends, optimize=True)
    right = np.einsum("pvca,pvc->vpa", blends, wanted, optimize=True)
    outer = (features[:, :, None] * features[:, None, :]).reshape(poses, k * k)
    normal = np.einsum("vpx,py->vxy", gram.reshape(count, poses, 9), outer, optimize=True)
    normal = normal.reshape(count, 3, 3, k, k).transpose(0, 1, 3, 2, 4).reshape(count, 3 * k, 3 * k)
    normal += 0.02 * poses * np.eye(3 * k)
    moment = np.einsum("vpa,pk->vak", right, features, optimize=True).reshape(count, 3 * k)
    return np.linalg.solve(normal, moment[..., None])[..., 0].reshape(count, 3, k)


def _mirrored(posedirs: Array, mirror: NDArray[np.int64]) -> Array:
    """The same correctives on the other side of the body."""
    signs = np.einsum("x,a,b->xab", _MIRROR, _MIRROR, _MIRROR)
    result = np.zeros_like(posedirs)
    blocks = posedirs.reshape(len(posedirs), 3, 54, 3, 3)
    swapped = result.reshape(blocks.shape)
    for j, name in enumerate(SMPLX55.joints[1:]):
        if name.startswith("left_"):
            other = SMPLX55.index(name.replace("left_", "right_")) - 1
            swapped[:, :, other] = blocks[mirror, :, j] * signs
    return result


def spread(posedirs: Array, source: Sparse) -> Array:
    """The correctives of a mesh whose vertices are combinations (sparse, (W, V)) of the body's."""
    flat = source @ posedirs.reshape(len(posedirs), -1)
    return (np.round(flat / _QUANTUM) * _QUANTUM).reshape(-1, *posedirs.shape[1:])
