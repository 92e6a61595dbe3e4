# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes, and how hands travel from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Note:
    """`start`, `seconds` s · `pitch` MIDI number · `velocity` 0..1 · `hand` a pianist's left, right, or ""."""

    start: float
    seconds: float
    pitch: int
    velocity: float = 0.7
    hand: str = ""


def smoothly(x: Array) -> Array:
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (x * (6 * x - 15) + 10)


def held_path(moments: Array, leave: Array, values: Array, times: Array) -> Array:
    """(T, D): at `values` (N, D) from each of `moments` on until `leave`, and moving on to the next in between."""
    place = np.clip(np.searchsorted(moments, times, side="right") - 1, 0, len(moments) - 1)
    following = np.minimum(place + 1, len(moments) - 1)
    gap = np.maximum(moments[following] - leave[place], 1e-6)
    share = smoothly((times - leave[place]) / gap)[:, None] * (following != place)[:, None]
    return values[place] * (1 - share) + values[following] * share


def chords(notes: list[Note]) -> list[list[Note]]:
    """Notes that begin together, at most five, in order of time."""
    groups: list[list[Note]] = []
    for note in sorted(notes, key=lambda n: (n.start, n.pitch)):
        if groups and note.start - groups[-1][0].start < 0.03:
            if len(groups[-1]) < 5 and note.pitch not in [n.pitch for n in groups[-1]]:
                groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def checked(notes: Sequence[Note], low: int, high: int) -> list[Note]:
    if not notes:
        raise InputError("There is no note to play; choose music with notes.")
    outside = [note.pitch for note in notes if not low <= note.pitch <= high]
    if outside:
        raise InputError(f"The instrument has no pitch {outside[0]}; it goes from {low} to {high}.")
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def effort_of(notes: Sequence[Note], times: Array) -> Array:
    """(T,) 0..1: how hard is played, a moment ahead of the sound."""
    effort = np.zeros(len(times))
    for note in notes:
        effort = np.maximum(effort, note.velocity * np.exp(-(((times - note.start + 0.05) / 0.15) ** 2)))
    return effort
