# SPDX-License-Identifier: GPL-3.0-or-later
"""Variation of what is written, by the motion model (models/dance/diffusion.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....rigs.errors import InputError
from ....rigs.job import Progress, silent
from ....rigs.motion_edit import blend
from ....rigs.moves import MOVES, Placed
from ....rigs.skeleton import Rest
from .grid import Grid
from .realise import Rough

_NEAR = 1.5  # beats before and after a pin that are found anew
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
    if not available():
        raise InputError("Variation needs the motion model, whose weights are not installed; set variation to 0.")
    free = [(one.beat, one.beat + MOVES[one.move].beats) for one in placed]
    return _filled(made, free, (), grid, rest, _MOST * variation, style, seed, device, progress)


def bridged(
    made: Rough, frames: Sequence[int], grid: Grid, rest: Rest, *, style: str, seed: int, device: str,
    progress: Progress = silent,
) -> Rough:  # fmt: skip
    """The same dance with the ways into and out of the poses in `frames` found by the motion model."""
    numbers = np.arange(len(grid.times))
    at = np.interp(np.array(frames) / made.motion.fps, grid.times, numbers)
    filled = _filled(
        made, [(one - _NEAR, one + _NEAR) for one in at], at, grid, rest, 1.0, style, seed, device, progress
    )
    beat = np.interp(np.arange(len(made.motion)) / made.motion.fps, grid.times, numbers)
    away = np.abs(beat[:, None] - at).min(axis=1)
    # Outside nothing is to change, not even by having been counted in beats.
    share = np.clip((_NEAR + 0.25 - away) / 0.25, 0, 1)
    share = share * share * (3 - 2 * share)
    contacts = np.where(share[:, None] > 0.5, filled.contacts, made.contacts)
    return Rough(blend(made.motion, filled.motion, share), contacts)


def available() -> bool:
    """Whether the motion model is there."""
    from ..diffusion import Sampler

    return Sampler.available()


def _filled(
    made: Rough, free: Sequence[tuple[float, float]], given_at: Sequence[float] | np.ndarray, grid: Grid, rest: Rest,
    strength: float, style: str, seed: int, device: str, progress: Progress,
) -> Rough:  # fmt: skip
    """`made` with the beats `free` (first, last) filled in, but for the frames next to the beats `given_at`."""
    from ..beat_frames import PER_BEAT, ROOT, decode, encode, headings, in_beats, in_seconds
    from ..diffusion import Sampler, load_weights

    motion = made.motion
    beat = np.interp(np.arange(len(motion)) / motion.fps, grid.times, np.arange(len(grid.times)))
    frames = int((beat[-1] - beat[0]) * PER_BEAT) + 2
    given = in_beats(motion, beat, beat[0], frames)
    contacts = _at_frames(made.contacts, np.interp(beat[0] + np.arange(frames) / PER_BEAT, beat, np.arange(len(beat))))
    coded = encode(given, rest, contacts)
    known = np.ones(coded.shape, bool)
    for edges in free:
        first, last = (max(0, round((edge - beat[0]) * PER_BEAT)) for edge in edges)
        known[first:last] = False
    for one in given_at:
        nearest = round((one - beat[0]) * PER_BEAT)
        known[max(0, nearest) : nearest + 1] = True
    known[:, ROOT] = True
    styles = load_weights().net.config.styles
    danced = Sampler.load(device).fill(
        coded, known, style=style if style in styles else None, bpm=grid.bpm, seed=seed, strength=strength,
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
