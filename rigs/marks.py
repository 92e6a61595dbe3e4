# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks in time, such as beats or phonemes, and the map of time that moving some of them makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .beats import Beats
from .errors import InputError

Array = NDArray[np.float64]

# Marks nearer to each other than this (s) cannot be told apart.
_APART = 1e-4


@dataclass(frozen=True)
class Marks:
    """`times` (N,) s ascending, counted from where the animation begins; `labels`, a text for each."""

    times: Array
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if np.shape(self.times) != (len(self.labels),):
            raise InputError(f"{np.size(self.times)} times and {len(self.labels)} labels do not fit; give one each.")
        if not np.isfinite(self.times).all() or (np.diff(self.times) < 0).any():
            raise InputError("Marks must be numbers in ascending order; sort them.")

    @classmethod
    def of_beats(cls, beats: Beats) -> Marks:
        """One mark a beat, labelled bar.beat: 1.1 is the first downbeat, 0.4 a beat before it in common time."""
        bar = np.cumsum(beats.positions == 0)
        labels = tuple(f"{b}.{p + 1}" for b, p in zip(bar, beats.positions, strict=True))
        return cls(np.asarray(beats.times, float), labels)

    def to_dict(self) -> dict[str, Any]:
        return {"times": [round(float(t), 6) for t in self.times], "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Marks:
        return cls(np.asarray(fields["times"], float), tuple(map(str, fields["labels"])))


def source_times(was: ArrayLike, now: ArrayLike, times: ArrayLike, seconds: float) -> Array:
    """For each new time in `times`, the old time of what is seen there, when marks go from `was` to `now` (N,) s.

    The map runs through all the marks, keeps 0 and `seconds` (the animation's end) in place, rises everywhere, and has
    a continuous slope: cubic Hermite pieces with the slopes of Fritsch and Butland (SIAM J. Sci. Stat. Comput., 1984).
    A mark changes nothing beyond its second neighbours. What is asked for before the first or after the last old frame
    is held.

    Raises:
        InputError: the marks are in another order now, coincide, or lie outside the animation.
    """
    was, now = np.asarray(was, float), np.asarray(now, float)
    if len(was) == 0 or was.shape != now.shape:
        raise InputError("There are no marks to go by; show the take's markers first.")
    late = np.flatnonzero(np.diff(now) < _APART)
    if len(late):
        raise InputError(
            f"The mark from {was[late[0] + 1]:.2f} s now stands at {now[late[0] + 1]:.2f} s, on or before its "
            f"neighbour from {was[late[0]]:.2f} s; keep them in order."
        )
    if now[0] < -_APART or now[-1] > seconds + _APART:
        outside = now[0] if now[0] < 0 else now[-1]
        raise InputError(f"A mark stands at {outside:.2f} s, outside the take; keep them within 0 and {seconds:.2f} s.")
    # Both ends stay, unless a mark stands on one of them.
    if was[0] > _APART and now[0] > _APART:
        was, now = np.append(0.0, was), np.append(0.0, now)
    if was[-1] < seconds - _APART and now[-1] < seconds - _APART:
        was, now = np.append(was, seconds), np.append(now, seconds)
    return np.clip(_monotone_cubic(now, was, np.asarray(times, float)), 0.0, seconds)


def moved_times(was: ArrayLike, now: ArrayLike, times: ArrayLike, seconds: float) -> Array:
    """The inverse of `source_times`: where old times go, to 0.1 ms."""
    grid = np.linspace(0.0, seconds, max(2, round(seconds / 0.005)))
    return np.interp(np.asarray(times, float), source_times(was, now, grid, seconds), grid)


def _monotone_cubic(x: Array, y: Array, at: Array) -> Array:
    """Through the knots (x, y), both rising; on at the slope of the end beyond them."""
    if len(x) == 1:
        return at - x[0] + y[0]
    width, rise = np.diff(x), np.diff(y)
    secant = rise / width
    slope = np.empty(len(x))
    slope[0], slope[-1] = secant[0], secant[-1]
    # The harmonic mean, weighted towards the shorter neighbour, never overshoots.
    after, before = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    slope[1:-1] = (after + before) / np.maximum(
        after / np.maximum(secant[:-1], 1e-9) + before / np.maximum(secant[1:], 1e-9), 1e-9
    )
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    h = width[piece]
    u = np.clip((at - x[piece]) / h, 0, 1)
    inside = (
        (2 * u**3 - 3 * u**2 + 1) * y[piece]
        + (u**3 - 2 * u**2 + u) * h * slope[piece]
        + (3 * u**2 - 2 * u**3) * y[piece + 1]
        + (u**3 - u**2) * h * slope[piece + 1]
    )
    return inside + np.minimum(at - x[0], 0) * slope[0] + np.maximum(at - x[-1], 0) * slope[-1]
