# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining clips: placing one where another ends, and inertialised transitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .motion import Motion
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle
from .skeleton import Rest

Array = NDArray[np.float64]


def heading(motion: Motion) -> Array:
    """(T,) rad: the direction in which the pelvis faces, about Y from +Z towards +X."""
    forward = matrix_from_axis_angle(motion.poses[:, 0])[:, :, 2]
    return np.arctan2(forward[:, 0], forward[:, 2])


def placed(motion: Motion, rest: Rest, yaw: float, x: float, z: float) -> Motion:
    """The motion turned by `yaw` rad about the place of its root in frame 0, which is then moved to (x, z) m."""
    turn = matrix_from_axis_angle(np.array([0.0, yaw, 0.0]))
    poses = motion.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(turn @ matrix_from_axis_angle(poses[:, 0]))
    root = motion.trans + rest.joints[0]
    path = (root - root[0] * [1, 0, 1]) @ turn.T + [x, 0, z]
    return replace(motion, poses=poses, trans=path - rest.joints[0])


def _decay(value: Array, speed: Array, frames: int) -> Array:
    """(frames, …): a quintic in time that starts with `value` and `speed` (per frame) and comes to rest at 0.

    Inertialisation as in Bollo, "Inertialization: High-Performance Animation Transitions in Gears of War", GDC 2018.
    """
    x = (np.arange(frames) / frames).reshape(-1, *[1] * np.ndim(value))
    still = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5
    moving = x - 6 * x**3 + 8 * x**4 - 3 * x**5
    return still * value + moving * speed * frames


def inertialised(before: Motion, after: Motion, seconds: float = 0.3) -> Motion:
    """`after`, entered from where `before` ends: its first frames start at that pose and speed and let them fade.

    Every joint keeps moving as it did for a moment, so there is no freeze and no cross-fade of two motions.
    The result has the length of `after`; feet that stood may slide in it, so plant them afterwards.

    Raises:
        InputError: the two have different skeletons or frame rates.
    """
    if before.skeleton != after.skeleton or before.fps != after.fps:
        raise InputError(
            f"Clips of {before.skeleton} at {before.fps:g} fps and {after.skeleton} at {after.fps:g} fps "
            "can't be joined; resample or convert one."
        )
    frames = min(max(1, round(seconds * after.fps)), len(after))
    old = matrix_from_axis_angle(before.poses[-2:])
    new = matrix_from_axis_angle(after.poses)
    step = old[-1] @ np.swapaxes(old[0], -1, -2)
    new_step = new[1] @ np.swapaxes(new[0], -1, -2) if len(new) > 1 else np.broadcast_to(np.eye(3), step.shape)
    offset = axis_angle_from_matrix(step @ old[-1] @ np.swapaxes(new[0], -1, -2))
    speed = axis_angle_from_matrix(step) - axis_angle_from_matrix(new_step)
    poses = after.poses.copy()
    poses[:frames] = axis_angle_from_matrix(matrix_from_axis_angle(_decay(offset, speed, frames)) @ new[:frames])

    move = before.trans[-1] - before.trans[-2] if len(before) > 1 else np.zeros(3)
    new_move = after.trans[1] - after.trans[0] if len(after) > 1 else np.zeros(3)
    trans = after.trans.copy()
    trans[:frames] += _decay(before.trans[-1] + move - after.trans[0], move - new_move, frames)
    return replace(after, poses=poses, trans=trans)


def concatenate(motions: list[Motion], rest: Rest, seconds: float = 0.3, align: bool = True) -> Motion:
    """The clips one after the other, each entered by an inertialised transition of `seconds` within its own length.

    With `align` each clip is first turned about Y and moved over the floor, to go on where the one before stands and
    faces.

    Raises:
        InputError: no clips, or their skeletons or frame rates differ.
    """
    if not motions:
        raise InputError("There is no motion to join; give at least one.")
    joined = motions[0]
    for motion in motions[1:]:
        if align:
            root = joined.trans[-1] + rest.joints[0]
            motion = placed(motion, rest, float(heading(joined)[-1] - heading(motion)[0]), root[0], root[2])
        motion = inertialised(joined, motion, seconds)
        joined = replace(
            joined,
            poses=np.concatenate([joined.poses, motion.poses]),
            trans=np.concatenate([joined.trans, motion.trans]),
        )
    return joined


def blend(first: Motion, second: Motion, weight: ArrayLike) -> Motion:
    """Each rotation on the shortest way from `first` (weight 0) to `second` (1), the roots mixed in a straight line.

    `weight` is one number or (T,). Both clips must have the same skeleton, frame rate and number of frames.

    Raises:
        InputError: they do not.
    """
    if (first.skeleton, first.fps, len(first)) != (second.skeleton, second.fps, len(second)):
        raise InputError("Only clips of the same skeleton, frame rate and length can be blended; resample or cut one.")
    share = np.broadcast_to(np.asarray(weight, float), (len(first),))[:, None]
    one, two = matrix_from_axis_angle(first.poses), matrix_from_axis_angle(second.poses)
    way = axis_angle_from_matrix(two @ np.swapaxes(one, -1, -2))
    poses = axis_angle_from_matrix(matrix_from_axis_angle(way * share[..., None]) @ one)
    return replace(first, poses=poses, trans=first.trans * (1 - share) + second.trans * share)
