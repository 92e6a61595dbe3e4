# SPDX-License-Identifier: GPL-3.0-or-later
"""Limbs of two bones: bending them so that their ends come where they should, and what of a turn is twist."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .contacts import unit
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle, quaternion_from_matrix, shortest_arc

Array = NDArray[np.float64]

# Limbs are kept a little short of straight, unless they were straighter: there the joint's angle is infinitely
# sensitive to the end's place.
_REACH = 0.9985


def longest(upper: Array, lower: Array, lengths: tuple[float, float]) -> Array:
    """(T,) m: how far a limb may reach whose bones pointed along `upper` and `lower` (T, 3)."""
    now = np.linalg.norm(lengths[0] * upper + lengths[1] * lower, axis=-1)
    return np.maximum(_REACH * sum(lengths), now)


def bent(
    start: Array, upper: Array, lower: Array, lengths: tuple[float, float], hinge: Array, end: Array
) -> tuple[Array, Array]:
    """Rotations (T, 3, 3) of the upper and the lower bone after which the limb ends in `end`, or as near as it gets.

    The plane in which it bends is kept; where it is straight, it bends about `hinge`.

    Args:
        start, end: (T, 3) m.
        upper, lower: (T, 3) directions of the bones as they are.
        lengths: m.
        hinge: (T, 3) about which the lower bone turns when the limb bends.
    """
    a, b = lengths
    way = end - start
    wanted = _folded(way, upper, lower, lengths, hinge)
    fold = shortest_arc(lower, wanted)
    aim = shortest_arc(a * upper + b * wanted, np.where(np.linalg.norm(way, axis=-1, keepdims=True) > 1e-9, way, upper))
    return aim, aim @ fold


def bent_directions(
    way: Array, upper: Array, lower: Array, lengths: tuple[float, float], hinge: Array
) -> tuple[Array, Array]:
    """Where the bones (T, 3) point of a limb that `bent` brings to `way` (T, 3) m from its start."""
    wanted = _folded(way, upper, lower, lengths, hinge)
    here, there = unit(lengths[0] * upper + lengths[1] * wanted), unit(way)
    axis, cosine = np.cross(here, there), (here * there).sum(-1, keepdims=True)

    def aimed(line: Array) -> Array:
        across = np.cross(axis, line)
        return line + across + np.cross(axis, across) / np.maximum(1 + cosine, 1e-6)

    return aimed(upper), aimed(wanted)


def _folded(way: Array, upper: Array, lower: Array, lengths: tuple[float, float], hinge: Array) -> Array:
    """(T, 3): where the lower bone points when the limb is as long as `way`, before it is aimed there."""
    a, b = lengths
    distance = np.linalg.norm(way, axis=-1)
    reach = np.clip(distance, abs(a - b) + 0.02 * (a + b), longest(upper, lower, lengths))
    cosine = np.clip((reach**2 - a**2 - b**2) / (2 * a * b), -1, 1)
    across = lower - upper * (lower * upper).sum(-1, keepdims=True)
    missing = np.maximum(0.0, 0.05 - np.linalg.norm(across, axis=-1, keepdims=True))
    across = unit(across + missing * np.cross(hinge, upper))
    return cosine[:, None] * upper + np.sqrt(1 - cosine**2)[:, None] * across


def angle(first: Array, second: Array) -> Array:
    """(…,) rad between vectors (…, 3) of any length."""
    sine = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.arctan2(sine, (first * second).sum(-1))


def twist(turned: Array, axis: Array) -> Array:
    """(T,) rad, without jumps: by how much rotations (T, 3, 3) turn about `axis` (3,) (their swing-twist parts)."""
    quaternion = quaternion_from_matrix(turned)
    return np.unwrap(2 * np.arctan2(quaternion[:, 1:] @ axis, quaternion[:, 0]))


def about(axis: Array, angles: Array) -> Array:
    """(T, 3, 3): turns by `angles` (T,) rad about one axis (3,)."""
    return matrix_from_axis_angle(angles[:, None] * axis)


def between(first: Array, second: Array, share: float) -> Array:
    """(T, 3, 3): the rotation that lies at `share`, 0..1, on the way from `first` to `second` (slerp)."""
    step = axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second)
    return first @ matrix_from_axis_angle(share * step)
