# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of a motion that goes over into another, and a motion played at other times. Loaded in Blender too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .marks import source_times
from .motion import Motion
from .rotation import resample_rotations

Array = NDArray[np.float64]


def retimed(motion: Motion, was: ArrayLike, now: ArrayLike) -> Motion:
    """The motion with what happened at the times `was` (N,) s happening at `now`, as `marks.source_times` says."""
    times = np.arange(len(motion)) / motion.fps
    source = source_times(was, now, times, times[-1])
    trans = np.stack([np.interp(source, times, motion.trans[:, axis]) for axis in range(3)], axis=1)
    return replace(motion, poses=resample_rotations(motion.poses, times, source), trans=trans)


def smooth(x: Array) -> Array:
    """0..1 to 0..1 with two derivatives that are 0 at both ends."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def part_shares(count: int, first: int, last: int, blend: int) -> Array:
    """(count,): 0 outside the range, 1 within, with a ramp at either end that is not an end of the motion."""
    blend = min(blend, (last - first + 1) // 2)
    frames = np.arange(count)
    rising = np.ones(count) if first == 0 else smooth((frames - first + 1) / (blend + 1))
    falling = np.ones(count) if last == count - 1 else smooth((last + 1 - frames) / (blend + 1))
    return rising * falling
