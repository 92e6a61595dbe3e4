# SPDX-License-Identifier: GPL-3.0-or-later
"""When lips, teeth and jaw must touch: for every p, b and m a frame with closed lips, at any frame rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .face import ARKIT_52
from .phones import Phones, those

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Spans = tuple[Array, Array, NDArray[np.int64]]

LIPS, TEETH, HISSING = those("bilabial"), those("labiodental"), those("sibilant")
_STOPS = those("stop")
# A stop's closure is this part of it; its release is the rest.
CLOSURE = 0.7
# The touch is complete in its middle: this part at either end, at most so long (s), is the way there and back.
_EDGE, _LONGEST_EDGE = 0.3, 0.030
_IN_A_ROW = 0.15

# jawOpen at which the teeth nearly meet, for s and its like, and at which f and v show the upper teeth.
TEETH_MEET, LIP_AT_TEETH = 0.06, 0.08


@dataclass(frozen=True)
class Contacts:
    """Of T frames: in which the lips are `closed`, the lower lip is at the `teeth`, the jaw is `shut` (T,).

    No frame is both `closed` and `teeth`.
    """

    closed: Flags
    teeth: Flags
    shut: Flags


def frame_count(seconds: float, fps: float) -> int:
    return max(1, round(seconds * fps))


def spans(phones: Phones, kind: frozenset[str]) -> Spans:
    """Start and end, s, of the full contact of each phone of `kind`, and its place in `phones`."""
    at = np.flatnonzero(phones.among(kind))
    part = np.where(phones.among(_STOPS)[at], CLOSURE, 1.0)
    start = phones.start[at]
    end = start + part * (phones.end[at] - start)
    edge = np.minimum(_EDGE * (end - start), _LONGEST_EDGE)
    start, end = start + edge, end - edge
    # Of two such phones in a row the first one's contact lasts until the second's.
    row = np.flatnonzero((np.diff(at) == 1) & (start[1:] - end[:-1] < _IN_A_ROW))
    end[row] = start[row + 1]
    return start, end, at


def all_spans(phones: Phones) -> dict[frozenset[str], Spans]:
    """`spans` of each kind of contact."""
    return {kind: spans(phones, kind) for kind in (LIPS, TEETH, HISSING)}


def contacts(phones: Phones, seconds: float, fps: float) -> Contacts:
    """The frames that phones claim: all within a contact, or where none falls into it, the nearest one.

    Lips come first. An f or v whose only frame a p, b or m has taken gets the free frame beside it; between two such
    neighbours at a low frame rate it may be left with none.
    """
    return claimed(all_spans(phones.within(0.0, max(seconds, 1 / fps))), frame_count(seconds, fps), fps)


def claimed(touch: dict[frozenset[str], Spans], count: int, fps: float) -> Contacts:
    """As `contacts`, of `all_spans` of phones that end with the clip of `count` frames."""
    closed = _claimed(touch[LIPS], count, fps)
    teeth = _claimed(touch[TEETH], count, fps, closed)
    return Contacts(closed, teeth, _claimed(touch[HISSING], count, fps))


def _claimed(touch: Spans, count: int, fps: float, taken: Flags | None = None) -> Flags:
    flags = np.zeros(count, bool)
    taken = np.zeros(count, bool) if taken is None else taken
    for start, end, _ in zip(*touch, strict=True):
        low, high = int(np.ceil(start * fps - 1e-6)), int(np.floor(end * fps + 1e-6))
        low, high = max(low, 0), min(high, count - 1)
        if low <= high and not taken[low : high + 1].all():
            flags[low : high + 1] |= ~taken[low : high + 1]
            continue
        middle = (start + end) / 2 * fps
        # A phone at the very end may lie beyond the last frame.
        near = np.arange(int(middle) - 1, int(middle) + 3).clip(0, count - 1)
        free = near[~taken[near]]
        if len(free):
            flags[free[np.abs(free - middle).argmin()]] = True
    return flags


def gate(times: Array, start: Array, end: Array, attack: float, release: float) -> Array:
    """(T,) 0..1: 1 within any of the spans, with smooth ways in and out."""
    level = np.zeros(len(times))
    for a, b in zip(start, np.maximum(start, end), strict=True):
        low, high = np.searchsorted(times, [a - attack, b + release])
        part = times[low:high]
        away = np.maximum((a - part) / attack, (part - b) / release).clip(0, 1)
        np.maximum(level[low:high], 0.5 + 0.5 * np.cos(np.pi * away), out=level[low:high])
    return level


def _mean(weights: Array, stem: str) -> Array:
    return (weights[:, ARKIT_52.index(f"{stem}Left")] + weights[:, ARKIT_52.index(f"{stem}Right")]) / 2


def aperture(weights: Array) -> Array:
    """(T,) how far the lips are apart, in jawOpen's unit; at most 0.03 counts as closed. Of weights (T, 52)."""

    def of(name: str) -> Array:
        return weights[:, ARKIT_52.index(name)]

    parted = 0.35 * (_mean(weights, "mouthLowerDown") + _mean(weights, "mouthUpperUp"))
    rolled = 0.25 * (of("mouthRollLower") + of("mouthRollUpper") + _mean(weights, "mouthPress"))
    return of("jawOpen") - of("mouthClose") + parted - rolled


def lip_at_teeth(weights: Array) -> Array:
    """(T,) how far the lower lip is drawn to the upper teeth; 0.25 or more counts as touching. Of weights (T, 52)."""

    def of(name: str) -> Array:
        return weights[:, ARKIT_52.index(name)]

    drawn = of("mouthRollLower") + 0.5 * _mean(weights, "mouthUpperUp")
    return drawn - 0.8 * of("mouthRollUpper") - 0.6 * _mean(weights, "mouthPress")
