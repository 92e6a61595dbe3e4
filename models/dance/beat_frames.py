# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion counted in beats: 12 frames a beat, and 152 numbers a frame that know neither place nor heading.

A frame holds contacts 4 (left heel, left ball, right heel, right ball) · height of the root 1 · planar step of the root
to the next frame 2 (to the left, forward) · turn to the next frame 1 · 24 local rotations, the first two columns of
each matrix (Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019), the root's
without its heading. Lengths are those of the average body.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from ...rigs.errors import InputError
from ...rigs.feet import contacts
from ...rigs.motion import Motion
from ...rigs.rotation import (
    axis_angle_from_matrix,
    axis_angle_from_quaternion,
    matrix_from_axis_angle,
    quaternion_from_axis_angle,
    sign_continuous,
)
from ...rigs.skeleton import SMPL24, Rest

Array = NDArray[Any]

PER_BEAT = 12
WIDTH = 152
CONTACTS, HEIGHT, PLANAR, TURN, ROTATIONS = slice(0, 4), 4, slice(5, 7), 7, slice(8, WIDTH)
ROOT = slice(5, 8)  # the planar step and the turn
_JOINTS = 24
_SWAPPED = [
    SMPL24.index("_".join({"left": "right", "right": "left"}.get(part, part) for part in name.split("_")))
    for name in SMPL24.joints
]


def columns(joint: int) -> slice:
    """The columns of one joint's rotation."""
    return slice(ROTATIONS.start + 6 * joint, ROTATIONS.start + 6 * joint + 6)


def _scale(rest: Rest) -> float:
    """Average body's hip height through this body's."""
    average = Rest.average()
    return float((average.joints[0, 1] - average.floor) / (rest.joints[0, 1] - rest.floor))


def _upright(heading: Array) -> Array:
    zero = np.zeros_like(heading)
    return matrix_from_axis_angle(np.stack([zero, heading, zero], axis=-1))


def headings(poses: Array) -> Array:
    """(T,) rad, unwrapped: the part of the root's rotation (T, J, 3) that turns about Y (swing-twist)."""
    quaternion = quaternion_from_axis_angle(poses[:, 0])
    return np.unwrap(2 * np.arctan2(quaternion[:, 2], quaternion[:, 0]))


def at_times(motion: Motion, times: Array, fps: float) -> Motion:
    """The motion at `times` (N,) s, held at both ends, as one of `fps`: cubic in quaternions and in the root's path."""
    given = np.arange(len(motion)) / motion.fps
    if len(given) < 2:
        return replace(
            motion,
            poses=motion.poses[np.zeros(len(times), int)],
            trans=motion.trans[np.zeros(len(times), int)],
            fps=fps,
        )
    times = np.clip(times, given[0], given[-1])
    quaternions = CubicSpline(given, sign_continuous(quaternion_from_axis_angle(motion.poses)))(times)
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    return replace(
        motion,
        poses=axis_angle_from_quaternion(quaternions),
        trans=CubicSpline(given, motion.trans)(times),
        fps=float(fps),
    )


def in_beats(motion: Motion, beat: Array, first: float, count: int) -> Motion:
    """The motion at 12 frames a beat.

    Args:
        beat: (T,) beat number of each of its frames, rising.
        first: beat number of the first frame wanted. count: how many frames.

    Raises:
        InputError: `beat` does not fit the motion or does not rise.
    """
    beat = np.asarray(beat, float)
    if beat.shape != (len(motion),) or (np.diff(beat) <= 0).any():
        raise InputError(f"The beat numbers of {len(motion)} frames must be as many, and rise.")
    times = np.interp(first + np.arange(count) / PER_BEAT, beat, np.arange(len(motion)) / motion.fps)
    rate = (beat[-1] - beat[0]) / max(motion.seconds - 1 / motion.fps, 1e-9)
    return at_times(motion, times, PER_BEAT * max(rate, 1e-6))


def in_seconds(motion: Motion, first: float, beat: Array, fps: float) -> Motion:
    """A motion at 12 frames a beat that begins on beat `first`, at the beat numbers `beat` (N,) of frames of `fps`."""
    return at_times(motion, (np.asarray(beat, float) - first) * PER_BEAT / motion.fps, fps)


def encode(motion: Motion, rest: Rest, contact: Array | None = None) -> Array:
    """(T, 152) of a motion at 12 frames a beat that stands on y = 0; `contact` (T, 4), else found by height and speed.

    Raises:
        InputError: fewer than 2 frames.
    """
    if len(motion) < 2:
        raise InputError("One frame has no motion; give two at least.")
    contact = contacts(motion, rest) if contact is None else contact
    motion = motion.on("smpl24")
    scale = _scale(rest)
    heading = headings(motion.poses)
    matrix = matrix_from_axis_angle(motion.poses)
    matrix[:, 0] = _upright(-heading) @ matrix[:, 0]
    root = (motion.trans + rest.joints[0]) * scale
    step = np.einsum("tij,tj->ti", _upright(-heading[:-1]), np.diff(root, axis=0))[:, [0, 2]]
    turn = np.diff(heading)
    frames = np.empty((len(motion), WIDTH))
    frames[:, CONTACTS] = contact
    frames[:, HEIGHT] = root[:, 1]
    # Nothing is known of where the last frame leads to: it goes on.
    frames[:, PLANAR] = np.concatenate([step, step[-1:]])
    frames[:, TURN] = np.append(turn, turn[-1])
    frames[:, ROTATIONS] = np.swapaxes(matrix[..., :2], -1, -2).reshape(len(motion), -1)
    return frames


def matrices(frames: Array) -> Array:
    """(T, 24, 3, 3) rotations of (T, 152), made orthonormal by Gram and Schmidt."""
    pairs = np.asarray(frames, float)[:, ROTATIONS].reshape(len(frames), _JOINTS, 2, 3)
    first = pairs[:, :, 0] / np.maximum(np.linalg.norm(pairs[:, :, 0], axis=-1, keepdims=True), 1e-9)
    second = pairs[:, :, 1] - (first * pairs[:, :, 1]).sum(-1, keepdims=True) * first
    second /= np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-9)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def root_path(frames: Array, start: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Array:
    """(T, 3): x, z m and heading rad of the root, `start` being those of the first frame."""
    heading = start[2] + np.concatenate([[0.0], np.cumsum(frames[:-1, TURN])])
    sine, cosine = np.sin(heading[:-1]), np.cos(heading[:-1])
    left, forward = frames[:-1, PLANAR].T
    path = np.zeros((len(frames), 3))
    path[1:, 0] = np.cumsum(cosine * left + sine * forward)
    path[1:, 1] = np.cumsum(-sine * left + cosine * forward)
    path[:, :2] += start[:2]
    path[:, 2] = heading
    return path


def decode(
    frames: Array, rest: Rest, fps: float, start: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> tuple[Motion, NDArray[np.bool_]]:
    """A motion on `rest` (SMPL's 24 joints) and the contacts (T, 4) of frames (T, 152).

    Args:
        fps: frames a second, 12 times the beats a second.
        start: x, z m and heading rad of the root in the first frame.

    Raises:
        InputError: the frames have another width.
    """
    frames = np.asarray(frames, float)
    if frames.ndim != 2 or frames.shape[1] != WIDTH:
        raise InputError(f"Frames of shape {frames.shape} hold no motion; give (T, {WIDTH}).")
    scale = _scale(rest)
    path = root_path(frames, (start[0] * scale, start[1] * scale, start[2]))
    matrix = matrices(frames)
    matrix[:, 0] = _upright(path[:, 2]) @ matrix[:, 0]
    root = np.stack([path[:, 0], frames[:, HEIGHT], path[:, 1]], axis=1) / scale
    motion = Motion(axis_angle_from_matrix(matrix), root - rest.joints[0], fps)
    return motion, frames[:, CONTACTS] > 0.5


def mirrored(frames: Array) -> Array:
    """Left and right exchanged in frames (…, T, 152)."""
    result = np.array(frames)
    result[..., CONTACTS] = frames[..., [2, 3, 0, 1]]
    result[..., PLANAR.start] *= -1
    result[..., TURN] *= -1
    pairs = frames[..., ROTATIONS].reshape(*frames.shape[:-1], _JOINTS, 6)[..., _SWAPPED, :]
    # S R S with S = diag(-1, 1, 1): the first column keeps its x, the second its y and z.
    pairs = pairs * [1, -1, -1, -1, 1, 1]
    result[..., ROTATIONS] = pairs.reshape(*frames.shape[:-1], 6 * _JOINTS)
    return result
