# SPDX-License-Identifier: GPL-3.0-or-later
"""Leading a motion through given poses, smoothly, and closing it to a loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .feet import eased
from .motion import Motion
from .motion_edit import heading
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle

Array = NDArray[np.float64]

_WALK = 0.25  # m/s, the most at which the whole body is shifted to a pin and back
_TURN = 0.8  # rad/s likewise


def pinned(motion: Motion, pins: Mapping[int, tuple[Array, Array]], seconds: float = 0.6) -> Motion:
    """The same motion passing exactly through `pins`: frame -> (poses (J, 3), trans (3,)).

    Where the body stands and faces is corrected slowly, over as long as it takes at a walk; the joints and the height
    over `seconds` before and after. Frames next to each other are passed with their own speed, others with the
    motion's. Between pins that lie closer than that one correction goes over into the next. Feet may slide: plant them,
    then pin again for what the planting changed.

    Raises:
        InputError: a pin lies outside the motion or does not fit its skeleton.
    """
    for frame, (poses, trans) in pins.items():
        if not 0 <= frame < len(motion):
            raise InputError(f"A pin at frame {frame} is outside the motion of {len(motion)} frames; move it.")
        if np.shape(poses) != motion.poses.shape[1:] or np.shape(trans) != (3,):
            raise InputError(f"A pin of shape {np.shape(poses)} does not fit {motion.skeleton}; give (J, 3) and (3,).")
    if not pins:
        return motion
    frames = np.array(sorted(pins))
    locked = np.zeros(len(motion), bool)
    locked[frames] = True
    goal = Motion(
        np.stack([pins[k][0] for k in frames]), np.stack([pins[k][1] for k in frames]), motion.fps, motion.skeleton
    )

    shift = np.zeros((len(motion), 3))
    shift[frames, :2] = (goal.trans - motion.trans[frames])[:, [0, 2]]
    shift[frames, 2] = np.unwrap(np.angle(np.exp(1j * (heading(goal) - heading(motion)[frames]))))
    slow = max(seconds, np.linalg.norm(shift[:, :2], axis=1).max() / _WALK, np.abs(shift[:, 2]).max() / _TURN)
    shift = eased(shift, locked, motion.fps, slow)
    trans = motion.trans.copy()
    trans[:, [0, 2]] += shift[:, :2]
    turn = matrix_from_axis_angle(shift[:, 2:] * [0.0, 1.0, 0.0])
    poses = motion.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(turn @ matrix_from_axis_angle(poses[:, 0]))

    change = np.zeros((len(motion), 1 + poses[0].size))
    change[frames, 0] = goal.trans[:, 1] - trans[frames, 1]
    here, there = matrix_from_axis_angle(poses[frames]), matrix_from_axis_angle(goal.poses)
    change[frames, 1:] = axis_angle_from_matrix(there @ np.swapaxes(here, -1, -2)).reshape(len(frames), -1)
    change = eased(change, locked, motion.fps, seconds)
    near = change.any(axis=1)
    trans[:, 1] += change[:, 0]
    turned = matrix_from_axis_angle(change[near, 1:].reshape(-1, *poses.shape[1:]))
    poses[near] = axis_angle_from_matrix(turned @ matrix_from_axis_angle(poses[near]))
    poses[frames], trans[frames] = goal.poses, goal.trans
    return replace(motion, poses=poses, trans=trans)


def looped(motion: Motion, frames: int, seconds: float = 0.6) -> Motion:
    """The first `frames` + 1 frames, the last like the first in pose and place, so that frames 0..`frames` - 1 repeat.

    The motion must go on for some frames after that, of which its speed at the seam is known.

    Raises:
        InputError: it does not.
    """
    extra = 3
    if not extra < frames < len(motion) - extra:
        raise InputError(f"A loop of {frames} frames needs some more than that; the motion has {len(motion)}.")
    cut = replace(motion, poses=motion.poses[: frames + extra + 1], trans=motion.trans[: frames + extra + 1])
    seam = {at + k: (motion.poses[k], motion.trans[k]) for k in range(extra + 1) for at in (0, frames)}
    closed = pinned(cut, seam, seconds)
    return replace(closed, poses=closed.poses[: frames + 1], trans=closed.trans[: frames + 1])
