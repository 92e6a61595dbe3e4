# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieval with no model: pieces of the training motion, taken by tempo and energy, cut on the beats and joined."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...rigs.beats import Beats
from ...rigs.motion import Motion
from ...rigs.motion_edit import heading, inertialised, placed
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from .beat_frames import at_times

Array = NDArray[np.float64]

_DRAWS = 12  # pieces among which the one of the nearest energy is taken
_STRETCH = 1.35  # the most by which a piece whose beats are known is played faster or slower


def _written(name: str) -> float | None:
    """Beats a minute of an authored move among the training motion, None for a recording."""
    found = re.search(r" at ([\d.]+)$", name)
    return float(found[1]) if found else None


def retrieval(
    sound: Sound, beats: Beats, training: list[tuple[str, Motion]], fps: float, rng: np.random.Generator
) -> Motion:
    """A dance of pieces of `training` (as score_reference.training_motions names them), none of them changed.

    Every eight beats (six in three-time) a dozen pieces are drawn, each take as often as it is long. The one is taken
    whose joints are as fast, among these, as the music is loud, among its beats; it is put where the last one ended.
    Authored moves are fitted to the beats. Nobody knows the beats of the recordings, so they keep their own time.
    Joints between pieces fade in 0.3 s.
    """
    from ..audio.structure import analyse

    rest = Rest.average()
    energy = analyse(sound, beats).energy
    rank = np.argsort(np.argsort(energy)) / max(1, len(energy) - 1)
    step = 60.0 / beats.bpm
    edges = np.concatenate([beats.times[:: 6 if beats.metre == 3 else 8], [sound.seconds]])
    edges = np.concatenate([[0.0], edges[edges > step]])
    usable = [(name, one) for name, one in training if _fits(_written(name), beats.bpm)]
    length = np.array([one.seconds for _, one in usable])
    whole: Motion | None = None
    for start, end in pairwise(edges):
        count = round(end * fps) - round(start * fps)
        if count < 1:
            continue
        tries = []
        for pick in rng.choice(len(usable), _DRAWS, p=length / length.sum()):
            name, motion = usable[pick]
            bpm = _written(name)
            speed = beats.bpm / bpm if bpm else 1.0
            latest = max(0.0, motion.seconds - speed * count / fps - 0.1)
            # A move begins on one of its own beats.
            first = 0.0 if bpm else float(rng.uniform(0, latest))
            cut = motion.slice(first, first + speed * count / fps + 0.2)
            piece = at_times(cut, speed * np.arange(count) / fps, fps)
            joints = rest.forward(piece.poses, piece.trans)[0]
            tries.append((float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean()) if count > 1 else 0.0, piece))
        tries.sort(key=lambda one: one[0])
        wanted = float(np.interp(start, beats.times, rank))
        piece = tries[round(wanted * (_DRAWS - 1))][1]
        if whole is None:
            whole = piece
            continue
        x, _, z = whole.trans[-1] + rest.joints[0]
        turn = float(heading(whole)[-1] - heading(piece)[0])
        piece = inertialised(whole, placed(piece, rest, turn, float(x), float(z)))
        whole = replace(
            whole,
            poses=np.concatenate([whole.poses, piece.poses]),
            trans=np.concatenate([whole.trans, piece.trans]),
        )
    assert whole is not None
    return whole


def _fits(bpm: float | None, music: float) -> bool:
    return bpm is None or max(bpm / music, music / bpm) <= _STRETCH
