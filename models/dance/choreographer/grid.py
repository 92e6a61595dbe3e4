# SPDX-License-Identifier: GPL-3.0-or-later
"""The dance's own beats: those of the music, or half or twice as many, and where its bars and sections lie on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....rigs.beats import Beats
from ....rigs.moves import Move

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """`times` (N,) s of the dance's beats, from before the music's beginning to after its end.

    `share` dance beats for one of the music's · `metre` dance beats in a bar of the dance · `music_metre` beats in a
    bar of the music · `origin` the music beat (with a fraction: the animator's offset) on which dance beat `lead`
    falls, where bar 1 begins · `bpm` of the dance.
    """

    times: Array
    share: float
    metre: int
    music_metre: int
    origin: float
    lead: int
    bpm: float

    def beat_of(self, music_beat: float) -> float:
        """The dance beat at a beat of the music (counted from its first)."""
        return (music_beat - self.origin) * self.share + self.lead

    def bar(self, number: int, beat: int = 1) -> float:
        """The dance beat at which the music's bar `number` (from 1), or a beat of it (from 1), begins."""
        return self.lead + ((number - 1) * self.music_metre + beat - 1) * self.share

    def bar_at(self, beat: float) -> float:
        """The music's bar, from 1 and with a fraction, at a dance beat."""
        return (beat - self.lead) / self.share / self.music_metre + 1

    def seconds(self, beat: float | Array) -> Array:
        return np.interp(beat, np.arange(len(self.times)), self.times)


def make_grid(beats: Beats, seconds: float, moves: list[Move], pace: float | None, offset: float) -> Grid:
    """The grid on which `moves` are danced to `beats` for `seconds` s.

    pace: dance beats for one of the music's; None halves or doubles (in three: takes every third) where the tempo lies
    outside that at which most of the moves look right. offset: music beats by which the dance comes late.
    """
    step = float(np.median(np.diff(beats.times))) if len(beats.times) > 1 else 60.0 / beats.bpm
    bpm = 60.0 / step
    share = pace if pace is not None else _share(bpm, beats.metre, moves)
    downbeats = np.flatnonzero(beats.positions == 0)
    # Half time counts from a downbeat, whole bars before which the dance has begun already.
    origin = (float(downbeats[0]) if len(downbeats) else 0.0) + offset
    lead = int(np.ceil((origin + beats.times[0] / step) * share)) + 1
    first, count = beats.times[0], len(beats.times)
    last = int(np.ceil((count + (seconds - beats.times[-1]) / step + abs(offset)) * share)) + lead + 2
    number = origin + (np.arange(last) - lead) / share
    times = np.interp(number, np.arange(count), beats.times)
    times = np.where(number < 0, first + number * step, times)
    times = np.where(number > count - 1, beats.times[-1] + (number - count + 1) * step, times)
    kept = np.flatnonzero(times <= seconds + step / share)
    times = times[: int(kept[-1]) + 2]
    metre = _bar(beats.metre, share)
    metre = metre if any(metre in move.metres for move in moves) else _most_common(moves)
    return Grid(times, share, metre, beats.metre, origin, lead, bpm * share)


def _bar(metre: int, share: float) -> int:
    """Dance beats in a bar of the dance: bars of two are taken in pairs, as are those of which few beats are danced."""
    if metre == 3 and share >= 1:
        return 3
    return 4


def _share(bpm: float, metre: int, moves: list[Move]) -> float:
    options = (1.0, 1 / 3) if metre == 3 else (1.0, 0.5, 2.0, 0.25)

    def wrong(share: float) -> float:
        outside = [
            max(0.0, np.log(move.tempo[0] / (bpm * share)), np.log(bpm * share / move.tempo[1])) for move in moves
        ]
        return float(np.mean(np.minimum(outside, 0.5))) + 0.08 * (share != 1)

    return min(options, key=wrong)


def _most_common(moves: list[Move]) -> int:
    metres = [metre for move in moves for metre in move.metres if metre != 2]
    return max(set(metres), key=metres.count) if metres else 4
