# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance moves written by hand, on the beat: what there is, and how to perform them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..motion import Motion
from ..skeleton import Rest
from . import figures

Array = NDArray[np.float64]

STYLES = ("pop", "hiphop", "disco", "salsa", "chacha", "waltz", "indian", "charleston", "subtle")


@dataclass(frozen=True)
class Move:
    """What a choreographer must know of a move.

    `styles` of STYLES · `metres` beats a bar that it fits · `beats` its length · `energy` 0 calm … 1 wild · `tempo`
    beats a minute between which it looks right · `turns` the dancer turns round · `travel` net way over the floor at
    amplitude 1, m · `jumps` both feet leave the floor · `family` step, turn, arms, groove, pose or idle.
    """

    name: str
    title: str
    styles: tuple[str, ...]
    metres: tuple[int, ...]
    beats: int
    energy: float
    tempo: tuple[float, float]
    turns: bool = False
    travel: float = 0.0
    jumps: bool = False
    family: str = "step"


@dataclass(frozen=True)
class Placed:
    """A move from `beat` of the music on.

    `amplitude` size of steps, hips and arms · `energy` 0..1 bounce and sharpness · `travel` scale of the way over the
    floor, 0 in place · `heading` rad of extra turn spread over the move · `arms` a styling in place of the move's own.
    """

    move: str
    beat: float
    mirrored: bool = False
    amplitude: float = 1.0
    energy: float = 0.5
    travel: float = 1.0
    heading: float = 0.0
    arms: str | None = None


@dataclass(frozen=True)
class Performance:
    """`motion`; `contacts` (T, 4) left heel, left toe, right heel, right toe stand; `beat` (T,) of each frame."""

    motion: Motion
    contacts: NDArray[np.bool_]
    beat: Array


def _move(name: str, styles: str, energy: float, **more) -> tuple[str, Move]:
    beats = figures.MOVES[name].beats
    metres = (3,) if beats == 6 else (2, 4)
    title = name.replace("_", " ").capitalize()
    tempo = (75.0, 190.0) if beats == 6 else (75.0, 150.0)
    return name, Move(name, title, tuple(styles.split()), metres, beats, energy, tempo, **more)


MOVES: dict[str, Move] = dict(
    [
        _move("step_touch", "pop disco subtle", 0.3),
        _move("hip_sway", "pop salsa subtle", 0.3, family="groove"),
        _move("groove", "pop hiphop", 0.4, family="groove"),
        _move("arm_wave", "pop hiphop", 0.3, family="arms"),
        _move("two_step", "pop hiphop disco", 0.5),
        _move("disco_point", "disco pop", 0.6, family="arms"),
        _move("twist", "pop charleston", 0.6),
        _move("grapevine", "pop disco", 0.5),
        _move("march_pump", "pop", 0.8),
        _move("kick_step", "pop charleston", 0.8),
        _move("rolling_turn", "pop disco", 0.7, turns=True, family="turn"),
        _move("lunge_reach", "pop disco", 0.8, family="pose"),
        _move("waltz_box", "waltz", 0.3),
        _move("waltz_turn", "waltz", 0.5, turns=True, family="turn"),
        _move("waltz_balance", "waltz", 0.3),
        _move("waltz_sweep", "waltz", 0.5),
    ]
)


def perform(
    placed: Sequence[Placed],
    beats: Array,
    rest: Rest,
    fps: float = 30.0,
    start: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Performance:
    """Dance `placed` to music whose beats come at `beats` s, from 0 to the last of them."""
    del start
    beats = np.asarray(beats, float)
    frames = np.arange(max(1, round(beats[-1] * fps)))
    beat = np.interp(frames / fps, beats, np.arange(len(beats)))
    poses, trans = figures.perform([one.move for one in placed], beat - placed[0].beat, rest)
    motion = Motion(poses, trans, fps, rest.skeleton.name)
    joints = rest.forward(poses, trans)[0]
    low = joints[:, [7, 10, 8, 11], 1] - (joints[:, [7, 10, 8, 11], 1].min(axis=0) + 0.02)
    return Performance(motion, low < 0, beat)


__all__ = ["MOVES", "STYLES", "Move", "Performance", "Placed", "perform"]
