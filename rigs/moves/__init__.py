# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance moves written by hand, exact on the beat: what there is, and how to perform them.

    placed = [Placed("step_touch", 0), Placed("grapevine", 8, mirrored=True, energy=0.8)]
    performance = perform(placed, beats, rest, fps=30)

The moves themselves are data, in files by style, written as move.py explains. Numpy alone is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from ..skeleton import Rest
from . import ballroom, charleston, disco, hiphop, indian, latin, performing, social, subtle, waltz
from .arms import STYLINGS
from .move import Move, Phrase, Step
from .performing import Performance, Placed

STYLES = ("pop", "hiphop", "disco", "salsa", "chacha", "rumba", "tango", "waltz", "indian", "charleston", "subtle")

_FILES = (social, hiphop, disco, latin, waltz, ballroom, indian, charleston, subtle)
MOVES: dict[str, Move] = {move.name: move for file in _FILES for move in file.MOVES}


def perform(
    placed: Sequence[Placed], beats: ArrayLike, rest: Rest, fps: float = 30.0,
    start: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Performance:  # fmt: skip
    return performing.perform(placed, beats, rest, fps, MOVES, start)


def perform_on(
    placed: Sequence[Placed], beat: ArrayLike, rest: Rest, fps: float = 30.0,
    start: tuple[float, float, float] = (0.0, 0.0, 0.0), hit: float = 0.0,
) -> Performance:  # fmt: skip
    return performing.perform_on(placed, beat, rest, fps, MOVES, start, hit)


perform.__doc__ = performing.perform.__doc__
perform_on.__doc__ = performing.perform_on.__doc__

__all__ = ["MOVES", "STYLES", "STYLINGS", "Move", "Performance", "Phrase", "Placed", "Step", "perform", "perform_on"]
