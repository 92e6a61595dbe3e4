# SPDX-License-Identifier: GPL-3.0-or-later
"""Variation of what is written, by the motion model (models/dance/diffusion.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....rigs.errors import InputError
from ....rigs.job import Progress, silent
from ....rigs.moves import MOVES, Placed
from ....rigs.skeleton import Rest
from .grid import Grid
from .realise import Rough

_MOST = 0.8  # of the noise from which the model begins at variation 1: the move stays that move


def varied(
    made: Rough, placed: Sequence[Placed], grid: Grid, rest: Rest, variation: float, *, style: str, seed: int,
    device: str, progress: Progress = silent,
) -> Rough:  # fmt: skip
    """The same dance, each move freely danced anew by the motion model, the more so the more `variation` (0..1).

    The way over the floor and whatever is danced between moves, at ease, stay as they are.

    Raises:
        InputError: the motion model's weights are not there.
    """
    from ..beat_frames import PER_BEAT, ROOT, decode, encode, headings, in_beats, in_seconds
    from ..diffusion import Sampler, load_weights

    if not Sampler.available():
        raise InputError("Variation needs the motion model, whose weights are not installed; set variation to 0.")
    motion = made.motion
    count = np.arange(len(grid.times))
    beat = np.interp(np.arange(len(motion)) / motion.fps, grid.times, count)
    frames = int((beat[-1] - beat[0]) * PER_BEAT) + 2
    given = in_beats(motion, beat, beat[0], frames)
    contacts = _at_frames(made.contacts, np.interp(beat[0] + np.arange(frames) / PER_BEAT, beat, np.arange(len(beat))))
    coded = encode(given, rest, contacts)
    known = np.ones(coded.shape, bool)
    for one in placed:
        first, last = ((one.beat + edge - beat[0]) * PER_BEAT for edge in (0.0, MOVES[one.move].beats))
        known[max(0, round(first)) : max(0, round(last))] = False
    known[:, ROOT] = True
    styles = load_weights().net.config.styles
    danced = Sampler.load(device).fill(
        coded, known, style=style if style in styles else None, bpm=grid.bpm, seed=seed, strength=_MOST * variation,
        beat=float(beat[0] - grid.lead), metre=grid.metre, progress=progress,
    )  # fmt: skip
    start = given.trans[0] + rest.joints[0]
    begin = (float(start[0]), float(start[2]), float(headings(given.poses)[0]))
    back, stands = decode(danced, rest, PER_BEAT * grid.bpm / 60, begin)
    result = in_seconds(back, float(beat[0]), beat, motion.fps).on(motion.skeleton)
    return Rough(
        replace(motion, poses=result.poses, trans=result.trans),
        _at_frames(stands, (beat - beat[0]) * PER_BEAT),
    )


def _at_frames(contacts: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return contacts[np.clip(np.round(frames).astype(int), 0, len(contacts) - 1)]
