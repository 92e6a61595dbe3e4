# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves through keys, and the clock that tells the beat of a moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def through(times: Array, values: Array, at: Array) -> Array:
    """A cubic through keys that never overshoots them; flat outside.

    Slopes after Fritsch and Carlson, "Monotone Piecewise Cubic Interpolation", SIAM J. Numer. Anal. 17, 1980.

    Args:
        times: (K,) strictly rising. values: (K, D). at: (T,).

    Returns:
        (T, D).
    """
    if len(times) == 1:
        return np.repeat(values, len(at), axis=0)
    step = np.diff(times)[:, None]
    rise = np.diff(values, axis=0) / step
    slope = np.zeros_like(values)
    if len(times) > 2:
        before, after = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
        same = rise[1:] * rise[:-1] > 0
        mean = before / np.where(same, rise[:-1], 1.0) + after / np.where(same, rise[1:], 1.0)
        slope[1:-1] = np.where(same, (before + after) / np.where(same, mean, 1.0), 0.0)
    index = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    width = step[index]
    u = np.clip((at - times[index])[:, None] / width, 0.0, 1.0)
    left, right = values[index], values[index + 1]
    return (
        left * (1 + 2 * u) * (1 - u) ** 2
        + right * u * u * (3 - 2 * u)
        + width * (slope[index] * u * (1 - u) ** 2 - slope[index + 1] * u * u * (1 - u))
    )


def held(times: Array, values: Array, snap: Array) -> tuple[Array, Array]:
    """Keys with pauses: the way to each key begins late by `snap` (K,) 0..1 of the key, so that it is hit harder."""
    share, width = 0.5 * snap[1:], np.diff(times)
    wanted = (share > 0.02) & (width <= 2.01)
    pause = times[:-1] + share * width
    drift = values[:-1] + 0.06 * np.diff(values, axis=0)
    order = np.argsort(np.concatenate([times, pause[wanted]]), kind="stable")
    return np.concatenate([times, pause[wanted]])[order], np.concatenate([values, drift[wanted]])[order]


def softened(values: Array, sigma: float) -> Array:
    """(T, D) smoothed in time by a Gaussian of `sigma` samples, held at both ends."""
    if sigma <= 0.05 or len(values) < 2:
        return values
    reach = int(np.ceil(3.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    result = np.zeros_like(values)
    for k, weight in enumerate(weights):
        result += weight * padded[k : k + len(values)]
    return result


def settled(u: Array) -> Array:
    """0..1 to 0..1 with speed and acceleration zero at both ends."""
    return u * u * u * (10 - 15 * u + 6 * u * u)


class Clock:
    """Moments (s) to beats and back; `beats` (B >= 2,) s of beat 0, 1, …; the tempo goes on at both ends."""

    def __init__(self, beats: Sequence[float] | Array) -> None:
        times = np.asarray(beats, float)
        more = np.arange(1, 9)
        self._times = np.concatenate(
            [times[0] - (times[1] - times[0]) * more[::-1], times, times[-1] + (times[-1] - times[-2]) * more]
        )
        self._beats = np.arange(-8.0, len(times) + 8)

    def beat(self, seconds: Array) -> Array:
        seconds = np.asarray(seconds, float)
        inside = through(self._times, self._beats[:, None], seconds)[:, 0]
        early = (seconds - self._times[0]) / (self._times[1] - self._times[0]) + self._beats[0]
        late = (seconds - self._times[-1]) / (self._times[-1] - self._times[-2]) + self._beats[-1]
        return np.where(seconds < self._times[0], early, np.where(seconds > self._times[-1], late, inside))
