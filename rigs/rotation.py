# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as arrays. Axis-angle in rad, matrices (…, 3, 3) that act on columns, quaternions (…, 4) as w x y z.

numpy alone: Blender's own Python, which runs this too, brings no scipy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def matrix_from_axis_angle(axis_angle: Array) -> Array:
    """(…, 3) rad to (…, 3, 3)."""
    return matrix_from_quaternion(quaternion_from_axis_angle(axis_angle))


def matrix_from_quaternion(quaternion: Array) -> Array:
    """(…, 4) of unit length, w x y z, to (…, 3, 3)."""
    w, x, y, z = np.moveaxis(np.asarray(quaternion, float), -1, 0)
    matrix = np.empty((*w.shape, 3, 3))
    matrix[..., 0, 0] = 1 - 2 * (y * y + z * z)
    matrix[..., 0, 1] = 2 * (x * y - z * w)
    matrix[..., 0, 2] = 2 * (x * z + y * w)
    matrix[..., 1, 0] = 2 * (x * y + z * w)
    matrix[..., 1, 1] = 1 - 2 * (x * x + z * z)
    matrix[..., 1, 2] = 2 * (y * z - x * w)
    matrix[..., 2, 0] = 2 * (x * z - y * w)
    matrix[..., 2, 1] = 2 * (y * z + x * w)
    matrix[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return matrix


def axis_angle_from_matrix(matrix: Array) -> Array:
    """(…, 3, 3) to (…, 3) rad."""
    return axis_angle_from_quaternion(quaternion_from_matrix(matrix))


def axis_angle_from_quaternion(quaternion: Array) -> Array:
    """(…, 4) of unit length, w x y z, to (…, 3) rad of length 0..pi."""
    quaternion = np.asarray(quaternion, float)
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    sine = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternion[..., :1])
    return quaternion[..., 1:] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)


def quaternion_from_axis_angle(axis_angle: Array) -> Array:
    """(…, 3) rad to (…, 4), w x y z."""
    axis_angle = np.asarray(axis_angle, float)
    half = np.linalg.norm(axis_angle, axis=-1, keepdims=True) / 2
    # np.sinc(x) is sin(pi x) / (pi x), exact at 0.
    return np.concatenate([np.cos(half), axis_angle * (np.sinc(half / np.pi) / 2)], axis=-1)


def quaternion_from_matrix(matrix: Array) -> Array:
    """(…, 3, 3) to (…, 4), w x y z. Of four ways to read it off, the one with the largest divisor (Shepperd 1978)."""
    matrix = np.asarray(matrix, float)
    xx, yy, zz = matrix[..., 0, 0], matrix[..., 1, 1], matrix[..., 2, 2]
    wx, wy, wz = (
        matrix[..., 2, 1] - matrix[..., 1, 2],
        matrix[..., 0, 2] - matrix[..., 2, 0],
        matrix[..., 1, 0] - matrix[..., 0, 1],
    )
    xy, xz, yz = (
        matrix[..., 1, 0] + matrix[..., 0, 1],
        matrix[..., 0, 2] + matrix[..., 2, 0],
        matrix[..., 2, 1] + matrix[..., 1, 2],
    )
    candidates = np.stack(
        [
            np.stack([1 + xx + yy + zz, wx, wy, wz], axis=-1),
            np.stack([wx, 1 + xx - yy - zz, xy, xz], axis=-1),
            np.stack([wy, xy, 1 - xx + yy - zz, yz], axis=-1),
            np.stack([wz, xz, yz, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.einsum("...ii->...i", candidates), axis=-1)
    chosen = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    return chosen / np.linalg.norm(chosen, axis=-1, keepdims=True)


def quaternion_product(left: Array, right: Array) -> Array:
    """(…, 4), (…, 4): the rotation that turns by `right` first and then by `left`."""
    a, b = np.asarray(left, float), np.asarray(right, float)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    scalar = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdims=True)
    return np.concatenate([scalar, vector], axis=-1, dtype=float)


def sign_continuous(quaternions: Array) -> Array:
    """(T, …, 4): flip signs so that neighbours in time lie in the same half, which keeps interpolation short."""
    quaternions = np.array(quaternions, float)
    dots = (quaternions[1:] * quaternions[:-1]).sum(-1)
    flips = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    quaternions[1:] *= flips[..., None]
    return quaternions


def shortest_arc(source: Array, target: Array) -> Array:
    """(…, 3), (…, 3) directions of any length: the rotation (…, 3, 3) of least angle that turns source onto target."""
    source = np.asarray(source, float)
    target = np.asarray(target, float)
    source, target = np.broadcast_arrays(source, target)
    a = source / np.maximum(np.linalg.norm(source, axis=-1, keepdims=True), 1e-12)
    b = target / np.maximum(np.linalg.norm(target, axis=-1, keepdims=True), 1e-12)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1)
    cosine = (a * b).sum(-1)
    # Opposite directions leave the axis open: take any one at right angles to the source.
    spare = np.cross(a, np.where(np.abs(a[..., :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0]))
    spare /= np.maximum(np.linalg.norm(spare, axis=-1, keepdims=True), 1e-12)
    unit = np.where(sine[..., None] > 1e-9, axis / np.maximum(sine, 1e-12)[..., None], spare)
    return matrix_from_axis_angle(unit * np.arctan2(sine, cosine)[..., None])


def resample_rotations(axis_angle: Array, times: Array, new_times: Array) -> Array:
    """Slerp (T, J, 3) given at `times` (T,) s to (N, J, 3) at `new_times` (N,) s, held at both ends."""
    axis_angle = np.asarray(axis_angle, float)
    times, new_times = np.asarray(times, float), np.asarray(new_times, float)
    if len(times) == 1:
        return np.repeat(axis_angle, len(new_times), axis=0)
    new_times = np.clip(new_times, times[0], times[-1])
    before = np.clip(np.searchsorted(times, new_times, side="right") - 1, 0, len(times) - 2)
    share = ((new_times - times[before]) / (times[before + 1] - times[before]))[:, None, None]
    quaternions = quaternion_from_axis_angle(axis_angle)
    inverse = quaternions[:-1] * [1.0, -1.0, -1.0, -1.0]
    step = axis_angle_from_quaternion(quaternion_product(inverse, quaternions[1:]))
    return axis_angle_from_quaternion(
        quaternion_product(quaternions[before], quaternion_from_axis_angle(step[before] * share))
    )
