# SPDX-License-Identifier: GPL-3.0-or-later
"""Where two shapes touch, or are nearest: the gap, the places, and which way they push."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .impact_bodies import Shape

Array = NDArray[np.float64]

_EVEN = 0.002  # m: places that are nearer by less than this touch together
_PLACES = 4  # that stand for a face on a face


@dataclass(frozen=True)
class Touch:
    """`gap` m · `points` (K, 3) m in the world, K 1 to 4, spread as far as they go · `normals` (K, 3), the way in which
    the first shape is pushed at each · `slot` of the second one's face.
    """

    gap: float
    points: Array
    normals: Array
    slot: int

    @property
    def middle(self) -> Array:
        return self.points.mean(0)


def touch_between(
    one: Shape, at_one: tuple[Array, Array], other: Shape, at_other: tuple[Array, Array], reach: float = 10.0
) -> Touch | None:
    """Where two shapes at (place, turn) are nearest; None where that is farther than `reach` m.

    Vertices of each are held against the faces of the other.
    """
    best, slot = reach, 0
    found: list[tuple[float, Array, Array]] = []
    for a, (place_a, turn_a), b, (place_b, turn_b), mine in (
        (one, at_one, other, at_other, True), (other, at_other, one, at_one, False),
    ):  # fmt: skip
        there = ((a.probes @ turn_a.T + place_a) - place_b) @ turn_b
        outside = np.linalg.norm(np.maximum(0, np.maximum(b.low - there, there - b.high)), axis=1)
        for index in np.argsort(outside)[:120]:
            if outside[index] > best + _EVEN:
                break
            spot, face_normal, face, distance = b.tree.find_nearest(there[index].tolist(), best + 1.5 * _EVEN)
            if spot is None:
                continue
            if distance < best:
                best = distance
                slot = int(b.slots[face]) if mine else slot
            between = there[index] - np.array(spot)
            along = between if distance > 1e-4 else np.array(face_normal)
            found.append((distance, np.array(spot) @ turn_b.T + place_b, along @ turn_b.T))
    found = [item for item in found if item[0] < best + _EVEN]
    if not found:
        return None
    points, normals = np.array([item[1] for item in found]), np.array([item[2] for item in found])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    # Away from the other is towards one's own middle, also where the two overlap, or a face has its back to it.
    middle = (one.low + one.high) / 2 @ at_one[1].T + at_one[0]
    normals[np.einsum("ij,ij->i", normals, middle - points) < 0] *= -1
    chosen = _apart(points)
    return Touch(best, points[chosen], normals[chosen], slot)


def _apart(points: Array) -> list[int]:
    """At most `_PLACES` of them, each as far as can be from those before it; the first the farthest from the middle."""
    far = np.linalg.norm(points - points.mean(0), axis=1)
    chosen = [int(np.argmax(far))]
    left = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < _PLACES and left.max() > _EVEN:
        chosen.append(int(np.argmax(left)))
        left = np.minimum(left, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def boxes_near(
    one: Shape, at_one: tuple[Array, Array], other: Shape, at_other: tuple[Array, Array], gap: float
) -> bool:
    """Whether the boxes round two shapes come within `gap` m of each other."""
    bounds = []
    for shape, (place, turn) in ((one, at_one), (other, at_other)):
        middle = (shape.low + shape.high) / 2 @ turn.T + place
        half = np.abs(turn) @ ((shape.high - shape.low) / 2)
        bounds.append((middle - half, middle + half))
    (a, b), (c, d) = bounds
    return bool((a <= d + gap).all() and (c <= b + gap).all())
