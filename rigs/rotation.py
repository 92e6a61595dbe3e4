# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as arrays. Axis-angle in rad, matrices (…, 3, 3) that act on columns, quaternions (…, 4) as w x y z."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

Array = NDArray[np.float64]


def matrix_from_axis_angle(axis_angle: Array) -> Array:
    """(…, 3) rad to (…, 3, 3)."""
    axis_angle = np.asarray(axis_angle, float)
    return Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(*axis_angle.shape[:-1], 3, 3)


def axis_angle_from_matrix(matrix: Array) -> Array:
    """(…, 3, 3) to (…, 3) rad."""
    matrix = np.asarray(matrix, float)
    return Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec().reshape(*matrix.shape[:-2], 3)


def quaternion_from_axis_angle(axis_angle: Array) -> Array:
    """(…, 3) rad to (…, 4), w x y z."""
    axis_angle = np.asarray(axis_angle, float)
    xyzw = Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_quat()
    return np.roll(xyzw, 1, axis=-1).reshape(*axis_angle.shape[:-1], 4)


def quaternion_from_matrix(matrix: Array) -> Array:
    """(…, 3, 3) to (…, 4), w x y z."""
    matrix = np.asarray(matrix, float)
    xyzw = Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_quat()
    return np.roll(xyzw, 1, axis=-1).reshape(*matrix.shape[:-2], 4)


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
    if len(times) == 1:
        return np.repeat(axis_angle, len(new_times), axis=0)
    new_times = np.clip(new_times, times[0], times[-1])
    joints = [
        Slerp(times, Rotation.from_rotvec(axis_angle[:, joint]))(new_times).as_rotvec()
        for joint in range(axis_angle.shape[1])
    ]
    return np.stack(joints, axis=1)
