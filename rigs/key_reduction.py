# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys on a curve, within a stated error: keys that an animator can move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Keys:
    """K keys of D curves that share their frames: `frames` (K,), `values` (K, D), `slopes` (K, D) a frame.

    Between two keys a curve is the cubic with these values and slopes; that is a Bézier curve whose handles lie a third
    of the way to the neighbour.
    """

    frames: NDArray[np.int64]
    values: Array
    slopes: Array

    def at(self, count: int) -> Array:
        """(T, D): the curves on frames 0 to `count` - 1."""
        out = np.repeat(self.values[-1:], count, axis=0)
        for k in range(len(self.frames) - 1):
            first, last = self.frames[k], self.frames[k + 1]
            out[first : last + 1] = _cubic(last - first, *self.values[k : k + 2], *self.slopes[k : k + 2])
        return out


def reduced(values: Array, error: Callable[[Array, Array], Array], bound: float) -> Keys:
    """Keys by which curves stay within `bound` of `values` on every frame.

    Args:
        values: (T, D), one a frame.
        error: of two arrays (n, D) the distance (n,) between them, in the unit of `bound`.

    Raises:
        InputError: the bound is no positive number.
    """
    if not (np.isfinite(bound) and bound > 0):
        raise InputError(f"The error must be a positive number, not {bound}.")
    values = np.asarray(values, float)
    count = len(values)
    slopes = np.gradient(values, axis=0) if count > 1 else np.zeros_like(values)
    if count < 3 or error(values, np.repeat(values[:1], count, axis=0)).max() <= bound / 2:
        frames = np.array([0] if count < 2 else [0, count - 1])
        # Nothing moves: one key would do, but a second one says how long.
        return Keys(frames, values[np.zeros(len(frames), int)], np.zeros((len(frames), values.shape[1])))
    keep = {0, count - 1}
    todo = [(0, count - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        curve = _cubic(last - first, values[first], values[last], slopes[first], slopes[last])
        off = error(values[first : last + 1], curve)
        worst = int(off[1:-1].argmax()) + 1
        if off[worst] <= bound:
            continue
        # Very near one end the cut would leave a sliver; the curve's own slope is to blame there.
        worst = min(max(worst, (last - first) // 8), last - first - max(1, (last - first) // 8))
        cut = first + max(1, worst)
        keep.add(cut)
        todo += [(first, cut), (cut, last)]
    frames = np.array(sorted(keep))
    return Keys(frames, values[frames], slopes[frames])


def _cubic(span: int, value0: Array, value1: Array, slope0: Array, slope1: Array) -> Array:
    x = (np.arange(span + 1) / span)[:, None]
    return (
        (2 * x**3 - 3 * x**2 + 1) * value0
        + (x**3 - 2 * x**2 + x) * span * slope0
        + (3 * x**2 - 2 * x**3) * value1
        + (x**3 - x**2) * span * slope1
    )


def degrees_between(first: Array, second: Array) -> Array:
    """(n, 4), (n, 4) quaternions of any length: the angle (n,) between the rotations, degrees."""
    dots = np.abs((first * second).sum(-1)) / np.maximum(
        np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1), 1e-12
    )
    return np.degrees(2 * np.arccos(np.clip(dots, -1, 1)))


def millimetres_between(first: Array, second: Array) -> Array:
    """(n, 3), (n, 3) m: the distance (n,), mm."""
    return 1000 * np.linalg.norm(first - second, axis=-1)
