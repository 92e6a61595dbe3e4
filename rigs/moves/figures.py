# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance moves written by hand: key poses on the beats, joined by easing, with the legs and arms solved by two-bone IK.

A move is a bar or two of key poses. Each key says where the dancer *arrives* on its beat: feet, weight, heading, trunk,
hands. The last beat of every move is the same `HOME` key (feet together, weight on the right foot), so any move may
follow any other, and the first step of each is the left foot's. Nothing here comes from a recording.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ..skeleton import Rest

Array = NDArray[np.float64]

# Wrist from the shoulder in arm lengths (out to the side, up, forward; in the chest's frame), and where the elbow
# points.
ARMS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "down": ((0.16, -0.94, 0.10), (0.4, 0.0, -1.0)),
    "loose": ((0.22, -0.72, 0.38), (0.5, -0.3, -1.0)),
    "bent": ((0.12, -0.42, 0.62), (0.5, -0.8, -0.6)),
    "guard": ((-0.12, -0.05, 0.55), (0.6, -1.0, 0.0)),
    "chest": ((-0.42, -0.12, 0.36), (0.9, -0.6, 0.1)),
    "clap": ((-0.31, -0.10, 0.68), (0.6, -1.0, 0.0)),
    "out": ((0.95, 0.02, 0.15), (0.0, -0.5, -1.0)),
    "wide": ((0.80, 0.25, 0.35), (0.2, -1.0, -0.6)),
    "curl": ((0.55, 0.42, 0.20), (0.9, -0.6, -0.2)),
    "high": ((0.22, 0.93, 0.12), (0.9, 0.0, -0.5)),
    "point_up": ((0.62, 0.74, 0.18), (0.3, -0.5, -1.0)),
    "point_down": ((-0.48, -0.72, 0.38), (0.7, -0.2, -0.6)),
    "hip": ((0.10, -0.74, 0.05), (1.0, -0.1, -0.5)),
    "front": ((0.05, -0.02, 0.96), (0.6, -1.0, 0.0)),
    "cross": ((-0.40, -0.30, 0.60), (0.7, -0.8, 0.1)),
    "back": ((0.24, -0.80, -0.36), (0.5, 0.2, -1.0)),
    "head": ((-0.06, 0.36, 0.14), (1.0, 0.3, 0.3)),
    "frame": ((0.45, -0.02, 0.60), (0.6, -0.7, -0.4)),
    "wave_low": ((0.70, -0.45, 0.30), (0.4, 0.6, -0.8)),
}


@dataclass(frozen=True)
class Key:
    """Where the dancer stands on a beat.

    `left`, `right`: ball of the foot x (to the dancer's left), z (forward) m and turn-out rad · `heels` how far each
    heel is raised, rad · `lifts` height of each foot, m · `weight` 1 on the left foot, 0 on the right · `heading` rad,
    counting on through turns · `sink` how far the hips drop, m · `hips` (push to the left m, forward m, twist rad) ·
    `chest` (bow, twist, tilt to the left) rad · `head` (nod, turn) rad · `arms` names out of ARMS, left and right.
    """

    left: tuple[float, float, float] = (0.11, 0.0, 0.15)
    right: tuple[float, float, float] = (-0.11, 0.0, 0.15)
    weight: float = 0.5
    heels: tuple[float, float] = (0.0, 0.0)
    lifts: tuple[float, float] = (0.0, 0.0)
    heading: float = 0.0
    sink: float = 0.05
    hips: tuple[float, float, float] = (0.0, 0.0, 0.0)
    chest: tuple[float, float, float] = (0.0, 0.0, 0.0)
    head: tuple[float, float] = (0.0, 0.0)
    arms: tuple[str, str] = ("bent", "bent")

    def row(self) -> list[float]:
        """The key as one row of numbers, in the order in which `_channels` reads them."""
        left, right = ARMS[self.arms[0]], ARMS[self.arms[1]]
        return [
            *self.left[:2],
            self.heading + self.left[2],
            self.heels[0],
            self.lifts[0],
            *self.right[:2],
            self.heading - self.right[2],
            self.heels[1],
            self.lifts[1],
            self.weight,
            self.heading,
            self.sink,
            *self.hips,
            *self.chest,
            *self.head,
            *left[0],
            *left[1],
            *right[0],
            *right[1],
        ]


@dataclass(frozen=True)
class Move:
    """`beats` long, a multiple of the metre; `keys` by beat, the last beat being HOME; `energy` 0 calm … 2 big.

    `bounce` m is how deep the knees give on every beat.
    """

    beats: int
    energy: int
    keys: dict[float, Key]
    bounce: float = 0.025


HOME = Key(weight=0.2, sink=0.06, arms=("bent", "bent"), head=(0.1, 0.0))
_TURN = 2 * np.pi

# fmt: off

def _step_touch() -> dict[float, Key]:
    def side(s: float, reach: float, closed: bool) -> Key:
        out, near = (0.34 * s * reach, 0.0, 0.15), (0.14 * s * reach, 0.02, 0.1)
        left = s > 0
        if not closed:
            stay = (-0.11 if left else 0.11, 0.0, 0.15)
            return Key(left=out if left else stay, right=stay if left else out, weight=0.85 if left else 0.15,
                sink=0.09, hips=(0.05 * s, 0, 0.15 * s), chest=(0.08, -0.2 * s, -0.06 * s), head=(0.05, 0.15 * s),
                arms=("wide", "wide"))
        return Key(left=out if left else near, right=near if left else out, weight=0.95 if left else 0.05, sink=0.05,
            heels=(0.0, 0.5) if left else (0.5, 0.0), hips=(0.04 * s, 0, -0.1 * s), chest=(0.1, 0.15 * s, 0.08 * s),
            head=(0.15, 0.0), arms=("clap", "clap"))

    return {
        0: side(1, 1, False),
        1: side(1, 1, True),
        2: side(-1, 1, False),
        3: side(-1, 1, True),
        4: side(1, 1.15, False),
        5: side(1, 1.15, True),
        6: Key(left=(0.2, 0, 0.15), right=(-0.2, 0, 0.15), weight=0.25, sink=0.1, hips=(-0.05, 0, -0.15),
            chest=(0.1, 0.2, 0.05), arms=("wide", "wide")),
    }


def _two_step() -> dict[float, Key]:
    swing_l, swing_r = ("cross", "back"), ("back", "cross")
    return {
        0: Key(left=(0.36, 0, 0.15), weight=0.8, sink=0.09, chest=(0.08, -0.25, -0.05), hips=(0.03, 0, 0.1),
            arms=swing_r),
        1: Key(left=(0.36, 0, 0.15), right=(0.16, 0, 0.15), weight=0.3, chest=(0.05, 0.2, 0.0), arms=swing_l),
        2: Key(left=(0.58, 0, 0.2), right=(0.16, 0, 0.15), weight=0.85, sink=0.1, chest=(0.1, -0.3, -0.08),
            hips=(0.04, 0, 0.1), arms=swing_r),
        3: Key(left=(0.58, 0, 0.2), right=(0.40, 0.05, 0.1), weight=0.97, heels=(0, 0.5), chest=(0.12, 0.2, 0.1),
            head=(0.1, -0.2), arms=("clap", "clap")),
        4: Key(left=(0.58, 0, 0.15), right=(0.12, 0, 0.15), weight=0.2, sink=0.09, chest=(0.08, 0.25, 0.05),
            hips=(-0.03, 0, -0.1), arms=swing_l),
        5: Key(left=(0.32, 0, 0.15), right=(0.12, 0, 0.15), weight=0.7, chest=(0.05, -0.2, 0), arms=swing_r),
        6: Key(left=(0.32, 0, 0.15), right=(-0.11, 0, 0.2), weight=0.15, sink=0.1, chest=(0.1, 0.3, 0.08),
            hips=(-0.04, 0, -0.1), arms=swing_l),
    }


def _grapevine() -> dict[float, Key]:
    return {
        0: Key(left=(0.34, 0, 0.15), weight=0.8, sink=0.08, arms=("out", "out"), head=(0, 0.3), chest=(0.03, 0, -0.04)),
        1: Key(left=(0.34, 0, 0.15), right=(0.50, -0.16, 0.1), weight=0.2, heels=(0.3, 0), hips=(0, 0, -0.45),
            chest=(0.05, 0.35, 0), head=(0, 0.3), arms=("wide", "cross")),
        2: Key(left=(0.74, 0, 0.15), right=(0.50, -0.16, 0.1), weight=0.85, sink=0.09, arms=("out", "out"),
            head=(0, 0.2)),
        3: Key(left=(0.74, 0, 0.15), right=(0.56, 0.04, 0.1), weight=0.97, heels=(0, 0.5), arms=("clap", "clap"),
            chest=(0.1, 0.1, 0.06), head=(0.1, 0)),
        4: Key(left=(0.74, 0, 0.15), right=(0.32, 0, 0.15), weight=0.2, sink=0.08, arms=("out", "out"), head=(0, -0.3),
            chest=(0.03, 0, 0.04)),
        5: Key(left=(0.14, -0.16, 0.1), right=(0.32, 0, 0.15), weight=0.8, heels=(0, 0.3), hips=(0, 0, 0.45),
            chest=(0.05, -0.35, 0), head=(0, -0.3), arms=("cross", "wide")),
        6: Key(left=(0.14, -0.16, 0.1), right=(-0.11, 0, 0.15), weight=0.1, sink=0.09, arms=("out", "out"),
            head=(0, -0.2)),
    }


def _disco_point() -> dict[float, Key]:
    wide = Key(left=(0.24, 0, 0.3), right=(-0.24, 0, 0.3))
    up = replace(wide, weight=0.25, sink=0.07, hips=(-0.09, 0, -0.2), chest=(-0.05, -0.35, 0.12), head=(-0.25, -0.5),
        heels=(0.35, 0), arms=("hip", "point_up"))
    low = replace(wide, weight=0.75, sink=0.11, hips=(0.09, 0, 0.2), chest=(0.18, 0.45, -0.1), head=(0.15, 0.45),
        heels=(0, 0.3), arms=("hip", "point_down"))
    return {
        0: low,
        1: up,
        2: low,
        3: up,
        4: low,
        5: up,
        6: replace(wide, weight=0.5, sink=0.05, chest=(-0.1, 0, 0), head=(-0.2, 0), arms=("curl", "curl")),
    }


def _groove() -> dict[float, Key]:
    wide = Key(left=(0.19, 0.0, 0.25), right=(-0.19, 0.0, 0.25))

    def lean(s: float, deep: float) -> Key:
        return replace(wide, weight=0.5 + 0.33 * s, sink=0.06 + deep, hips=(0.06 * s, -0.02, 0.2 * s),
            chest=(0.12, -0.3 * s, -0.16 * s), head=(0.18, 0.25 * s), heels=(0.0, 0.25) if s > 0 else (0.25, 0.0),
            arms=("loose", "guard") if s > 0 else ("guard", "loose"))

    return {
        0: lean(1, 0.03),
        1: lean(-1, 0.03),
        2: lean(1, 0.06),
        3: lean(1, 0.1),
        4: lean(-1, 0.03),
        5: lean(1, 0.03),
        6: lean(-1, 0.09),
    }


def _arm_wave() -> dict[float, Key]:
    wide = Key(left=(0.21, 0.0, 0.25), right=(-0.21, 0.0, 0.25))
    return {
        0: replace(wide, weight=0.8, sink=0.07, hips=(0.07, 0, 0), chest=(0, -0.1, -0.12), head=(0, 0.6),
            arms=("out", "wave_low")),
        1: replace(wide, weight=0.65, sink=0.07, hips=(0.03, 0, 0), chest=(0, 0, -0.05), head=(0, 0.4),
            arms=("curl", "out")),
        2: replace(wide, weight=0.35, sink=0.07, hips=(-0.03, 0, 0), chest=(0, 0, 0.05), head=(0, -0.4),
            arms=("out", "curl")),
        3: replace(wide, weight=0.2, sink=0.09, hips=(-0.07, 0, 0), chest=(0, 0.1, 0.12), head=(0, -0.6),
            arms=("wave_low", "out")),
        4: replace(wide, weight=0.35, sink=0.07, hips=(-0.03, 0, 0), chest=(0, 0, 0.05), head=(0, -0.4),
            arms=("out", "curl")),
        5: replace(wide, weight=0.65, sink=0.07, hips=(0.03, 0, 0), chest=(0, 0, -0.05), head=(0, 0.4),
            arms=("curl", "out")),
        6: replace(wide, weight=0.8, sink=0.1, hips=(0.07, 0, 0), chest=(0.15, 0, -0.12), head=(0.2, 0),
            arms=("cross", "cross")),
    }


def _hip_sway() -> dict[float, Key]:
    wide = Key(left=(0.2, 0.0, 0.25), right=(-0.2, 0.0, 0.25))

    def sway(s: float, arms: tuple[str, str], sink: float) -> Key:
        return replace(wide, weight=0.5 + 0.35 * s, sink=sink, hips=(0.10 * s, 0, 0.12 * s),
            chest=(0.0, -0.1 * s, 0.2 * s), head=(-0.05, 0.25 * s), heels=(0.0, 0.3) if s > 0 else (0.3, 0.0),
            arms=arms)

    up = ("high", "high")
    return {
        0: sway(1, ("curl", "curl"), 0.06),
        1: sway(-1, up, 0.06),
        2: sway(1, up, 0.09),
        3: sway(-1, up, 0.12),
        4: sway(1, up, 0.14),
        5: sway(-1, ("head", "curl"), 0.1),
        6: sway(1, ("hip", "curl"), 0.06),
    }


def _rolling_turn() -> dict[float, Key]:
    """A three-step turn to the left, and back."""
    return {
        0: Key(left=(0.34, 0, 0.4), weight=0.8, heading=0.25 * _TURN * 0.8, sink=0.07, arms=("wide", "wide"),
            head=(0, 0.3)),
        1: Key(left=(0.34, 0, 0.0), right=(0.62, 0.02, 0.0), weight=0.2, heading=0.62 * _TURN, sink=0.06,
            arms=("chest", "chest")),
        2: Key(left=(0.82, 0, 0.1), right=(0.60, 0.02, 0.0), weight=0.85, heading=_TURN, sink=0.09,
            arms=("wide", "wide")),
        3: Key(left=(0.82, 0, 0.15), right=(0.62, 0.04, 0.1), weight=0.97, heels=(0, 0.5), heading=_TURN,
            arms=("clap", "clap"), head=(0.1, 0)),
        4: Key(left=(0.82, 0, 0.0), right=(0.40, 0, 0.4), weight=0.2, heading=_TURN * 0.8, sink=0.07,
            arms=("wide", "wide"), head=(0, -0.3)),
        5: Key(left=(0.12, 0.02, 0.0), right=(0.40, 0, 0.0), weight=0.8, heading=_TURN * 0.38, sink=0.06,
            arms=("chest", "chest")),
        6: Key(left=(0.12, 0.02, 0.0), right=(-0.13, 0, 0.1), weight=0.15, heading=0.0, sink=0.09,
            arms=("wide", "wide")),
    }


def _march_pump() -> dict[float, Key]:
    def step(s: float, arms: tuple[str, str]) -> Key:
        knee = (0.0, 0.24) if s > 0 else (0.24, 0.0)
        return Key(left=(0.11, 0.03 if s < 0 else 0, 0.1), right=(-0.11, 0.03 if s > 0 else 0, 0.1),
            weight=0.5 + 0.47 * s, lifts=knee, sink=0.03, heels=(0.0, 0.5) if s > 0 else (0.5, 0.0),
            hips=(0.03 * s, 0, -0.15 * s), chest=(0.12, 0.25 * s, 0.05 * s), head=(0.08, 0), arms=arms)

    return {
        0: step(1, ("back", "guard")),
        1: step(-1, ("guard", "back")),
        2: step(1, ("back", "guard")),
        3: step(-1, ("guard", "back")),
        4: step(1, ("bent", "high")),
        5: step(-1, ("high", "bent")),
        6: step(1, ("bent", "high")),
    }


def _kick_step() -> dict[float, Key]:
    return {
        0: Key(left=(0.14, 0.02, 0.1), weight=0.9, sink=0.09, chest=(0.1, 0.2, 0), arms=("loose", "guard")),
        1: Key(left=(0.14, 0.02, 0.1), right=(-0.08, 0.46, 0.1), weight=0.98, lifts=(0, 0.2), heels=(0, 0.2),
            sink=0.06, chest=(-0.12, -0.25, 0), head=(0.05, 0), arms=("front", "back")),
        2: Key(left=(0.14, 0.02, 0.1), right=(-0.14, -0.06, 0.2), weight=0.1, sink=0.1, chest=(0.12, 0.2, 0),
            arms=("guard", "loose")),
        3: Key(left=(0.10, 0.46, 0.1), right=(-0.14, -0.06, 0.2), weight=0.02, lifts=(0.2, 0), heels=(0.2, 0),
            sink=0.06, chest=(-0.12, 0.25, 0), head=(0.05, 0), arms=("back", "front")),
        4: Key(left=(0.26, 0.0, 0.3), right=(-0.14, -0.06, 0.2), weight=0.7, sink=0.12, chest=(0.2, 0, 0),
            head=(0.2, 0), arms=("wide", "wide")),
        5: Key(left=(0.26, 0.0, 0.3), right=(-0.26, 0.0, 0.3), weight=0.3, sink=0.14, hips=(0, -0.05, 0),
            chest=(0.25, 0, 0), head=(0.2, 0), arms=("cross", "cross")),
        6: Key(left=(0.2, 0.0, 0.2), right=(-0.2, 0.0, 0.2), weight=0.3, sink=0.03, chest=(-0.1, 0, 0), head=(-0.2, 0),
            arms=("point_up", "point_up")),
    }


def _twist() -> dict[float, Key]:
    def twist(s: float, sink: float) -> Key:
        return Key(left=(0.15, 0, 0.45 * s), right=(-0.15, 0, -0.45 * s), weight=0.5 + 0.2 * s, heels=(0.25, 0.25),
            sink=sink, hips=(0.03 * s, 0, 0.45 * s), chest=(0.12, -0.75 * s, 0.0), head=(0.05, 0.3 * s),
            arms=("back", "guard") if s > 0 else ("guard", "back"))

    return {
        0: twist(1, 0.07),
        1: twist(-1, 0.1),
        2: twist(1, 0.14),
        3: twist(-1, 0.19),
        4: twist(1, 0.19),
        5: twist(-1, 0.13),
        6: twist(1, 0.08),
    }


def _lunge_reach() -> dict[float, Key]:
    return {
        0: Key(left=(0.5, 0.05, 0.4), weight=0.8, sink=0.16, hips=(0.02, 0, 0.15), chest=(0.1, 0.3, -0.15),
            head=(-0.1, 0.4), heels=(0, 0.3), arms=("point_up", "hip")),
        1: Key(left=(0.5, 0.05, 0.4), weight=0.7, sink=0.08, chest=(0.0, 0.1, -0.05), head=(0, 0.2),
            arms=("curl", "hip")),
        2: Key(left=(0.5, 0.05, 0.4), weight=0.8, sink=0.18, hips=(0.02, 0, 0.15), chest=(0.12, 0.35, -0.18),
            head=(-0.1, 0.4), heels=(0, 0.3), arms=("point_up", "hip")),
        3: Key(left=(0.16, 0, 0.15), weight=0.75, sink=0.05, chest=(0.1, 0, 0), head=(0.15, 0),
            arms=("chest", "chest")),
        4: Key(left=(0.16, 0, 0.15), right=(-0.5, 0.05, 0.4), weight=0.2, sink=0.16, hips=(-0.02, 0, -0.15),
            chest=(0.1, -0.3, 0.15), head=(-0.1, -0.4), heels=(0.3, 0), arms=("hip", "point_up")),
        5: Key(left=(0.16, 0, 0.15), right=(-0.5, 0.05, 0.4), weight=0.3, sink=0.08, chest=(0, -0.1, 0.05),
            head=(0, -0.2), arms=("curl", "curl")),
        6: Key(left=(0.16, 0, 0.15), right=(-0.14, 0.0, 0.15), weight=0.2, sink=0.04, chest=(-0.08, 0, 0),
            head=(-0.2, 0), arms=("high", "high")),
    }


def _waltz_box(turn: float) -> dict[float, Key]:
    """A box step in 3/4: forward, side, close; back, side, close. `turn` rad is made over the whole box."""
    hold = ("frame", "frame")
    return {
        0: Key(left=(0.11, 0.36, 0.05), weight=0.85, sink=0.09, heading=0.1 * turn, chest=(0, -0.1, -0.03), arms=hold),
        1: Key(left=(0.11, 0.36, 0.05), right=(-0.32, 0.34, 0.1), weight=0.2, sink=0.0, heels=(0.4, 0.3),
            heading=0.4 * turn, chest=(-0.04, 0, 0.08), arms=("out", "frame")),
        2: Key(left=(-0.12, 0.34, 0.05), right=(-0.32, 0.34, 0.1), weight=0.75, sink=-0.01, heels=(0.45, 0.45),
            heading=0.5 * turn, chest=(-0.04, 0, 0.05), arms=hold),
        3: Key(left=(-0.12, 0.34, 0.05), right=(-0.32, -0.02, 0.05), weight=0.15, sink=0.09, heading=0.6 * turn,
            chest=(0.0, 0.1, 0.03), arms=hold),
        4: Key(left=(0.14, 0.0, 0.1), right=(-0.32, -0.02, 0.05), weight=0.8, sink=0.0, heels=(0.3, 0.4),
            heading=0.9 * turn, chest=(-0.04, 0, -0.08), arms=("frame", "out")),
    }


def _waltz_balance() -> dict[float, Key]:
    """Side and rise on the spot, left and right."""
    return {
        0: Key(left=(0.36, 0, 0.15), weight=0.85, sink=0.1, hips=(0.04, 0, 0.05), chest=(0.02, 0, -0.12), head=(0, 0.4),
            arms=("wave_low", "frame")),
        1: Key(left=(0.36, 0, 0.15), right=(0.20, -0.06, 0.1), weight=0.6, sink=0.0, heels=(0.4, 0.4),
            chest=(-0.05, 0, -0.08), head=(-0.05, 0.4), arms=("out", "high")),
        2: Key(left=(0.36, 0, 0.15), right=(0.20, -0.06, 0.1), weight=0.85, sink=0.05, heels=(0.0, 0.4),
            arms=("frame", "wide")),
        3: Key(left=(0.36, 0, 0.15), right=(-0.16, 0, 0.15), weight=0.15, sink=0.1, hips=(-0.04, 0, -0.05),
            chest=(0.02, 0, 0.12), head=(0, -0.4), arms=("frame", "wave_low")),
        4: Key(left=(0.02, -0.06, 0.1), right=(-0.16, 0, 0.15), weight=0.4, sink=0.0, heels=(0.4, 0.4),
            chest=(-0.05, 0, 0.08), head=(-0.05, -0.4), arms=("high", "out")),
    }


def _waltz_sweep() -> dict[float, Key]:
    """A long step forward into an open line, and back."""
    return {
        0: Key(left=(0.16, 0.44, 0.3), weight=0.85, sink=0.15, heading=-0.3, chest=(0.05, 0.3, -0.1), head=(-0.1, 0.4),
            heels=(0.0, 0.4), arms=("point_up", "back")),
        1: Key(left=(0.16, 0.44, 0.3), right=(0.02, 0.34, 0.1), weight=0.8, sink=0.02, heading=-0.15, heels=(0.3, 0.5),
            chest=(-0.1, 0.1, 0), head=(-0.2, 0.2), arms=("high", "out")),
        2: Key(left=(0.16, 0.44, 0.2), right=(0.02, 0.34, 0.1), weight=0.85, sink=0.04, heels=(0.2, 0.4),
            arms=("out", "wide")),
        3: Key(left=(0.16, 0.44, 0.2), right=(-0.2, -0.12, 0.3), weight=0.15, sink=0.15, heading=0.3,
            chest=(0.05, -0.3, 0.1), head=(0.1, -0.3), heels=(0.4, 0.0), arms=("frame", "wave_low")),
        4: Key(left=(0.08, 0.06, 0.1), right=(-0.2, -0.12, 0.3), weight=0.6, sink=0.0, heading=0.1, heels=(0.4, 0.4),
            chest=(-0.05, 0, 0), arms=("wide", "out")),
    }
# fmt: on


MOVES: dict[str, Move] = {
    "step_touch": Move(8, 0, _step_touch(), 0.02),
    "hip_sway": Move(8, 0, _hip_sway(), 0.02),
    "groove": Move(8, 0, _groove(), 0.035),
    "arm_wave": Move(8, 0, _arm_wave(), 0.02),
    "two_step": Move(8, 1, _two_step(), 0.03),
    "disco_point": Move(8, 1, _disco_point(), 0.025),
    "twist": Move(8, 1, _twist(), 0.02),
    "grapevine": Move(8, 1, _grapevine(), 0.02),
    "march_pump": Move(8, 2, _march_pump(), 0.03),
    "kick_step": Move(8, 2, _kick_step(), 0.03),
    "rolling_turn": Move(8, 2, _rolling_turn(), 0.02),
    "lunge_reach": Move(8, 2, _lunge_reach(), 0.02),
    "waltz_box": Move(6, 0, _waltz_box(0.0), 0.0),
    "waltz_turn": Move(6, 1, _waltz_box(_TURN), 0.0),
    "waltz_balance": Move(6, 0, _waltz_balance(), 0.0),
    "waltz_sweep": Move(6, 1, _waltz_sweep(), 0.0),
}


def perform(names: list[str], beats: Array, rest: Rest) -> tuple[Array, Array]:
    """Dance the moves `names` one after the other, over and over.

    Args:
        names: keys of MOVES.
        beats: (T,) beat number of each frame, 0 on the first beat of the first move; rising.
        rest: an SMPL24-like body (its first 22 joints are used).

    Returns:
        poses (T, J, 3) rad and trans (T, 3) m, feet on the floor at y = 0, standing round the origin, facing +Z.
    """
    times, rows, bounce, start = [], [], [], 0.0
    total = float(sum(MOVES[name].beats for name in names))
    for name in names:
        move = MOVES[name]
        keys = {**move.keys, float(move.beats - 1): HOME}
        times += [start + beat for beat in sorted(keys)]
        rows += [keys[beat].row() for beat in sorted(keys)]
        bounce += [move.bounce] * len(keys)
        start += move.beats
    key_times, key_rows = np.array(times), np.array(rows)
    key_rows = np.concatenate([key_rows, np.array(bounce)[:, None]], 1)
    return _pose(
        _channels(np.asarray(beats, float) % total, key_times, key_rows, total), np.asarray(beats, float), rest
    )


def _channels(beats: Array, times: Array, rows: Array, total: float) -> dict[str, Array]:
    """Ease from key to key. Feet move in the middle of the stretch only, and hands arrive a little after the beat."""
    times = np.concatenate([[times[-1] - total], times, [times[0] + total]])
    rows = np.concatenate([rows[-1:], rows, rows[:1]])

    def between(lag: float, first: float, last: float) -> tuple[NDArray[np.int64], Array]:
        at = beats - lag
        index = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2).astype(np.int64)
        u = (at - times[index]) / (times[index + 1] - times[index])
        return index, np.clip((u - first) / (last - first), 0, 1)

    def eased(columns: slice, lag: float = 0.0, first: float = 0.0, last: float = 1.0) -> Array:
        index, u = between(lag, first, last)
        u = (u * u * u * (10 - 15 * u + 6 * u * u))[:, None]  # velocity and acceleration vanish on the key
        return rows[index, columns] * (1 - u) + rows[index + 1, columns] * u

    index, u = between(0.0, 0.1, 0.92)
    channels = {}
    for side, at in (("left", 0), ("right", 5)):
        foot = eased(slice(at, at + 5), 0.0, 0.1, 0.92)
        change = rows[index + 1, at : at + 3] - rows[index, at : at + 3]
        moving = np.hypot(change[:, 0], change[:, 1]) + 0.12 * np.abs(change[:, 2])
        swing = np.sin(np.pi * u) ** 2
        foot[:, 4] += np.minimum(0.02 + 0.16 * moving, 0.08) * swing * (np.hypot(change[:, 0], change[:, 1]) > 0.02)
        foot[:, 3] += np.minimum(1.2 * moving, 0.45) * np.sin(np.pi * u) * (1 - u) * 1.6
        channels[side] = foot
    channels["weight"] = eased(slice(10, 11), 0.0, 0.0, 0.9)[:, 0]
    channels["heading"] = eased(slice(11, 12), 0.0, 0.05, 0.98)[:, 0]
    channels["sink"] = eased(slice(12, 13))[:, 0]
    channels["hips"] = eased(slice(13, 16))
    channels["chest"] = eased(slice(16, 19), 0.03)
    channels["head"] = eased(slice(19, 21), 0.06)
    channels["left_arm"] = eased(slice(21, 27), 0.06)
    channels["right_arm"] = eased(slice(27, 33), 0.06)
    channels["bounce"] = eased(slice(33, 34))[:, 0]
    return channels


def _euler(x: Array, y: Array, z: Array) -> Array:
    """Rotation about y, then x, then z of the turned frame, (T, 3, 3)."""
    zero = np.zeros_like(x)
    return (
        matrix_from_axis_angle(np.stack([zero, y, zero], -1))
        @ matrix_from_axis_angle(np.stack([x, zero, zero], -1))
        @ matrix_from_axis_angle(np.stack([zero, zero, z], -1))
    )


def _basis(along: Array, toward: Array) -> Array:
    """Orthonormal frames (…, 3, 3): the first column is `along`, the second lies in the plane of it and `toward`."""
    first = along / np.linalg.norm(along, axis=-1, keepdims=True)
    second = toward - (toward * first).sum(-1, keepdims=True) * first
    second /= np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-9)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def two_bone(
    root: Array, target: Array, pole: Array, upper: Array, lower: Array, rest_pole: Array
) -> tuple[Array, Array]:
    """Global rotations of two bones that reach from `root` to `target`, bending toward `pole`.

    Args:
        root, target, pole: (T, 3) positions m, and a direction.
        upper, lower: (3,) rest offsets m of the middle and end joint.
        rest_pole: (3,) the direction in which the middle joint points in the rest pose.

    Returns:
        (T, 3, 3) of the upper and of the lower bone. A target out of reach is pointed at.
    """
    a, b = np.linalg.norm(upper), np.linalg.norm(lower)
    reach = target - root
    distance = np.linalg.norm(reach, axis=-1, keepdims=True)
    along = reach / np.maximum(distance, 1e-9)
    distance = np.clip(distance, abs(a - b) + 1e-3, (a + b) * 0.9995)
    cosine = np.clip((a * a + distance * distance - b * b) / (2 * a * distance), -1, 1)
    aside = _basis(along, pole)[..., 1]
    middle = along * a * cosine + aside * a * np.sqrt(1 - cosine**2)
    first = _basis(middle, aside) @ _basis(upper, rest_pole).T
    second = _basis(along * distance - middle, aside) @ _basis(lower, rest_pole).T
    return first, second


def _pose(c: dict[str, Array], beats: Array, rest: Rest) -> tuple[Array, Array]:
    """Channels to poses (T, J, 3) and trans (T, 3)."""
    index, joints, count = rest.skeleton.index, rest.joints, len(beats)
    hip_height = joints[0, 1] - rest.floor
    # The knees give on the beat: the hips are lowest there and highest halfway.
    sink = c["sink"] + c["bounce"] * (0.5 + 0.5 * np.cos(2 * np.pi * beats))
    pelvis_turn = _euler(np.zeros(count), c["heading"] + c["hips"][:, 2], np.zeros(count))
    ankles = {}
    for side in ("left", "right"):
        ball, ankle = joints[index(f"{side}_foot")], joints[index(f"{side}_ankle")]
        x, z, yaw, heel, lift = c[side].T
        turned = _euler(heel, yaw, np.zeros(count))
        place = np.stack([x, ball[1] - rest.floor + lift, z], -1)
        ankles[side] = (place + turned @ (ankle - ball), turned, _euler(np.zeros(count), yaw, np.zeros(count)), heel)
    w = c["weight"][:, None]
    ground = c["left"][:, :2] * w + c["right"][:, :2] * (1 - w)
    heading = c["heading"]
    side_push = np.stack([np.cos(heading), -np.sin(heading)], -1) * c["hips"][:, :1]
    front_push = np.stack([np.sin(heading), np.cos(heading)], -1) * c["hips"][:, 1:2]
    ground = ground + side_push + front_push - 0.03 * np.stack([np.sin(heading), np.cos(heading)], -1)
    pelvis = np.stack([ground[:, 0], hip_height - sink, ground[:, 1]], -1)
    # Weight on a leg raises that hip; the chest leans back against it.
    roll = -0.10 * (2 * c["weight"] - 1)
    pelvis_turn = pelvis_turn @ _euler(np.full(count, 0.06), np.zeros(count), -roll)
    # The hips can be no higher than both legs reach.
    top = np.full(count, np.inf)
    for side in ("left", "right"):
        hip, knee, ankle = (joints[index(f"{side}_{part}")] for part in ("hip", "knee", "ankle"))
        socket = (pelvis_turn @ (hip - joints[0])) + pelvis
        flat = np.hypot(*(ankles[side][0] - socket)[:, [0, 2]].T)
        length = 0.985 * (np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
        top = np.minimum(
            top, ankles[side][0][:, 1] + np.sqrt(np.maximum(length**2 - flat**2, 0.05)) - (socket - pelvis)[:, 1]
        )
    gap = pelvis[:, 1] - top
    pelvis[:, 1] -= 0.02 * np.logaddexp(0, gap / 0.02)

    world = np.tile(np.eye(3), (count, len(joints), 1, 1))
    world[:, 0] = pelvis_turn
    bow, twist, tilt = c["chest"].T
    for part, share in (("spine1", 0.35), ("spine2", 0.7), ("spine3", 1.0)):
        chest = _euler(np.zeros(count), heading, np.zeros(count)) @ _euler(
            bow * share, (twist + c["hips"][:, 2]) * share + c["hips"][:, 2] * (1 - share), -(tilt + roll * 0.6) * share
        )
        world[:, index(part)] = chest
    for part in ("left_collar", "right_collar"):
        world[:, index(part)] = chest
    nod, look = c["head"].T
    head = _euler(np.zeros(count), heading, np.zeros(count)) @ _euler(nod, look, np.zeros(count))
    world[:, index("neck")] = _euler(np.zeros(count), heading, np.zeros(count)) @ _euler(
        (nod + bow) / 2, (look + twist + c["hips"][:, 2]) / 2, -tilt / 2
    )
    world[:, index("head")] = head

    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip, knee, ankle = (joints[index(f"{side}_{part}")] for part in ("hip", "knee", "ankle"))
        socket = pelvis_turn @ (hip - joints[0]) + pelvis
        place, turned, flat, heel = ankles[side]
        pole = flat @ np.array([0.12 * sign, 0.0, 1.0])
        upper, lower = two_bone(socket, place, pole, knee - hip, ankle - knee, np.array([0.0, 0.0, 1.0]))
        world[:, index(f"{side}_hip")], world[:, index(f"{side}_knee")] = upper, lower
        world[:, index(f"{side}_ankle")] = turned
        # A raised heel bends the toes, which stay flat.
        world[:, index(f"{side}_foot")] = flat @ _euler(
            heel * np.clip(c[side][:, 4] / 0.05, 0, 1), np.zeros(count), np.zeros(count)
        )

        shoulder, elbow, wrist = (joints[index(f"{side}_{part}")] for part in ("shoulder", "elbow", "wrist"))
        mirror = np.array([sign, 1.0, 1.0])
        length = np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow)
        arm = c[f"{side}_arm"]
        # A hand that would pass close by its shoulder swings past in front instead.
        near = np.exp(-((arm[:, :3] ** 2).sum(-1) / 0.45**2))
        reach = (arm[:, :3] + near[:, None] * [0.0, 0.0, 0.5]) * mirror * length
        pole = arm[:, 3:] * mirror
        upper, lower = two_bone(
            np.zeros((count, 3)), reach, pole, elbow - shoulder, wrist - elbow, np.array([0.0, 0.0, -1.0])
        )
        world[:, index(f"{side}_shoulder")] = chest @ upper
        world[:, index(f"{side}_elbow")] = world[:, index(f"{side}_wrist")] = chest @ lower
        if f"{side}_hand" in rest.skeleton.joints:
            world[:, index(f"{side}_hand")] = chest @ lower

    local = world.copy()
    for joint, parent in enumerate(rest.skeleton.parents):
        if parent >= 0:
            local[:, joint] = np.swapaxes(world[:, parent], -1, -2) @ world[:, joint]
    return axis_angle_from_matrix(local), pelvis - joints[0]
