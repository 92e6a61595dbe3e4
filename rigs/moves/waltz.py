# SPDX-License-Identifier: GPL-3.0-or-later
"""Waltz, in bars of three: down on one, up through two and three."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .move import HEEL_FIRST, Arms, Keys, L, Phrase, R, move

_TURN = 6.283185307179586
_TEMPO = (78.0, 180.0)
_FLOW: Any = {"bounce": 0.0, "cuban": 0.02, "snap": 0.0, "swing": 0.0}


def _rise(down: float = 0.05, up: float = 0.05) -> Keys:
    return {0: down, 1: -0.4 * up, 2: -up, 2.6: 0.01}


_HEELS: dict[str, Keys] = {
    "heel_left": {0: 0.0, 1: 0.25, 2: 0.34, 2.6: 0.05},
    "heel_right": {0: 0.0, 1: 0.3, 2: 0.34, 2.6: 0.05},
}
_HOLD: Arms = {0: "frame"}


def _box(heading: Keys) -> Phrase:
    forward = Phrase(
        3,
        steps=(L(0, 0.09, 0.28, 0.05, **HEEL_FIRST), R(1, -0.30, 0.26, 0.1), L(2, -0.08, 0.26, 0.05)),
        body={
            "sink": _rise(), "lean": {0: -0.03, 1: 0.09, 2: 0.06}, "turn": {0: -0.10, 1: 0.0, 2: 0.05},
            "look": {0: 0.25},
            **_HEELS,
        },
        arms={0: "frame", 1: ("latin_out", "frame"), 2: "frame"},
        **_FLOW,
    )  # fmt: skip
    back = Phrase(
        3,
        steps=(R(0, -0.30, -0.03, 0.05), L(1, 0.10, 0.0, 0.1), R(2, -0.11, 0.0, 0.1)),
        body={
            "sink": _rise(), "lean": {0: 0.03, 1: -0.09, 2: -0.06}, "turn": {0: 0.10, 1: 0.0, 2: -0.05},
            "look": {0: 0.25},
            **_HEELS,
        },
        arms={0: "frame", 1: ("frame", "latin_out"), 2: "frame"},
    )  # fmt: skip
    return forward.then(back) if not heading else _turned(forward.then(back), heading)


def _turned(phrase: Phrase, heading: Keys) -> Phrase:
    return replace(phrase, body={**phrase.body, "heading": heading}, spot=False)


BALANCE = Phrase(
    3,
    steps=(L(0, 0.32, 0.0, 0.2), R(1, 0.10, -0.08, 0.1, weight=0.5, pitch=0.3), L(2, 0.26, 0.0, 0.15)),
    body={
        "sink": {0: 0.06, 1: -0.05, 2: 0.0}, "side": {0: 0.02, 1: 0.0}, "lean": {0: -0.12, 1: -0.06, 2: -0.04},
        "turn": {0: 0.12, 1: 0.05, 2: 0.0}, "look": {0: 0.4, 1: 0.35, 2: 0.1}, "nod": {0: -0.02, 1: -0.1, 2: 0.0},
        "heel_left": {0: 0.0, 1: 0.3, 2: 0.0}, "slide": {0: 0.015, 2: 0.0},
    },
    arms={0: ("wave_low", "frame"), 1: ("latin_out", "high"), 2: ("wide", "frame")},
    **_FLOW,
).both_sides()  # fmt: skip

SWEEP = Phrase(
    3,
    steps=(L(0, 0.13, 0.38, 0.25, **HEEL_FIRST), R(1, -0.06, 0.26, 0.2, weight=0.25, pitch=0.4)),
    body={
        "sink": {0: 0.08, 1: -0.035, 2: 0.0}, "heading": {0: -0.25, 1: -0.15, 2: 0.0},
        "turn": {0: 0.3, 1: 0.12, 2: 0.0},
        "lean": {0: -0.08, 1: 0.0}, "look": {0: 0.4, 1: 0.25, 2: 0.0}, "nod": {0: -0.1, 1: -0.2, 2: 0.0},
        "bow": {0: 0.05, 1: -0.1, 2: 0.0}, "heel_left": {0: 0.0, 1: 0.25, 2: 0.0},
    },
    arms={0: ("point_up", "low_back"), 1: ("high", "latin_out"), 2: ("latin_out", "wide")},
    **_FLOW,
).then(
    Phrase(
        3,
        steps=(R(0, -0.13, -0.06, 0.3), L(1, 0.10, 0.0, 0.1, weight=0.5, pitch=0.25), R(2, -0.11, 0.0)),
        body={
            "sink": {0: 0.07, 1: -0.03, 2: 0.0}, "heading": {0: 0.2, 1: 0.1, 2: 0.0},
            "turn": {0: -0.3, 1: -0.1, 2: 0.0},
            "lean": {0: 0.1, 1: 0.0}, "look": {0: -0.25, 1: 0.0}, "nod": {0: 0.1, 1: -0.05}, "bow": {0: 0.08, 1: -0.04},
        },
        arms={0: ("frame", "wave_low"), 1: ("wide", "latin_out"), 2: "frame"},
    )
)  # fmt: skip

NATURAL = Phrase(
    3,
    steps=(L(0, 0.08, 0.16, 0.0, **HEEL_FIRST), R(1, -0.14, 0.06, 0.1), L(2, 0.10, 0.0, 0.1)),
    body={
        "heading": {0: 0.12 * _TURN, 1: 0.34 * _TURN, 2: 0.5 * _TURN},
        "path_z": {0: 0.22, 1: 0.52, 2: 0.66}, "path_x": {0: 0.03, 1: 0.0, 2: 0.0},
        "sink": _rise(0.05, 0.045), "lean": {0: 0.0, 1: -0.10, 2: -0.05}, "turn": {0: 0.15, 1: 0.05, 2: 0.0},
        "look": {0: 0.3}, **_HEELS,
    },
    arms=_HOLD,
    **_FLOW,
).then(
    Phrase(
        3,
        steps=(R(0, -0.08, -0.16, 0.0), L(1, 0.14, -0.04, 0.1), R(2, -0.10, 0.0, 0.1)),
        body={
            "heading": {0: 0.12 * _TURN, 1: 0.34 * _TURN, 2: 0.5 * _TURN},
            "path_z": {0: 0.22, 1: 0.5, 2: 0.62},
            "sink": _rise(0.05, 0.045), "lean": {0: 0.0, 1: 0.10, 2: 0.05}, "turn": {0: 0.15, 1: 0.05, 2: 0.0},
            "look": {0: 0.3}, **_HEELS,
        },
        arms=_HOLD,
    )
)  # fmt: skip

HESITATION = Phrase(
    3,
    steps=(L(0, 0.09, 0.26, 0.1, **HEEL_FIRST), R(1, -0.10, 0.22, 0.1, weight=0.15, pitch=0.35)),
    body={
        "sink": {0: 0.05, 1: -0.03, 2: -0.045, 2.6: 0.0}, "lean": {0: 0.0, 1: -0.04, 2: -0.06},
        "heel_left": {0: 0.0, 1: 0.2, 2: 0.3, 2.6: 0.05}, "bow": {0: 0.03, 1: -0.03, 2: -0.05},
        "nod": {1: -0.06, 2: -0.08},
        "look": {0: 0.2},
    },
    arms={0: "frame", 1: "latin_out", 2: "latin_out"},
    **_FLOW,
).then(
    Phrase(
        3,
        steps=(R(0, -0.10, -0.02, 0.1), L(1, 0.10, 0.0, 0.1, weight=0.15, pitch=0.35)),
        body={
            "sink": {0: 0.05, 1: -0.03, 2: -0.045, 2.6: 0.0}, "lean": {0: 0.0, 1: 0.04, 2: 0.06},
            "heel_right": {0: 0.0, 1: 0.2, 2: 0.3, 2.6: 0.05}, "bow": {0: 0.05, 1: 0.0, 2: -0.02},
            "look": {0: 0.2, 2: 0.0},
        },
        arms={0: "frame", 1: "frame", 2: "frame"},
    )
)  # fmt: skip

TWINKLE = Phrase(
    3,
    steps=(L(0, -0.02, 0.28, 0.0, **HEEL_FIRST), R(1, -0.26, 0.10, 0.2), L(2, 0.08, 0.02, 0.1)),
    body={
        "heading": {0: -0.35, 1: -0.05, 2: 0.3}, "path_z": {0: 0.12, 1: 0.16, 2: 0.2},
        "sink": _rise(), "turn": {0: 0.15, 1: 0.0, 2: -0.1}, "lean": {0: -0.04, 1: 0.08, 2: 0.03},
        "look": {0: -0.1, 1: 0.0, 2: 0.1}, **_HEELS,
    },
    arms={0: ("frame", "latin_out"), 1: "frame", 2: ("latin_out", "frame")},
    **_FLOW,
).then(
    Phrase(
        3,
        steps=(R(0, -0.06, 0.26, 0.0, **HEEL_FIRST), L(1, 0.26, 0.02, 0.2), R(2, -0.08, 0.0, 0.1)),
        body={
            "heading": {0: 0.05, 1: -0.15, 2: -0.3}, "path_z": {0: -0.06, 1: -0.14, 2: -0.2},
            "sink": _rise(), "turn": {0: -0.15, 1: 0.0, 2: 0.0}, "lean": {0: 0.04, 1: -0.08, 2: -0.03},
            "look": {0: 0.1, 1: 0.0}, **_HEELS,
        },
        arms={0: ("latin_out", "frame"), 1: "frame", 2: "frame"},
    )
)  # fmt: skip

SWAY = Phrase(
    3,
    steps=(L(0, 0.22, 0.0, 0.2),),
    body={
        "side": {0: 0.02, 1: 0.04, 2: 0.03}, "lean": {0: -0.06, 1: 0.10, 2: 0.06}, "sink": {0: 0.03, 1: 0.01, 2: 0.0},
        "hike": {0: 0.03, 1: 0.08, 2: 0.04}, "look": {0: 0.15, 1: 0.3, 2: 0.1}, "cock": {1: -0.08, 2: 0.0},
        "heel_right": {0: 0.1, 1: 0.28, 2: 0.15},
    },
    arms={0: ("loose", "frame"), 1: ("wide", "shoulder"), 2: ("loose", "chest")},
    weight={0: 0.68, 1: 0.84, 2: 0.78},
    **_FLOW,
).both_sides()  # fmt: skip

_BOX_TURN: Keys = {0: 0.06 * _TURN, 1: 0.16 * _TURN, 2: 0.25 * _TURN, 3: 0.31 * _TURN, 4: 0.42 * _TURN, 5: 0.5 * _TURN}

_M: Any = {"metres": (3,)}
MOVES = (
    move("waltz_box", "Waltz box", "waltz", "step", 0.3, _TEMPO, _box({}), **_M),
    move("waltz_turn", "Turning waltz box", "waltz", "turn", 0.5, _TEMPO, _box(_BOX_TURN), **_M),
    move("waltz_balance", "Waltz balance", "waltz subtle", "step", 0.3, _TEMPO, BALANCE, **_M),
    move("waltz_sweep", "Waltz sweep", "waltz", "pose", 0.5, _TEMPO, SWEEP, **_M),
    move("waltz_natural", "Natural turn", "waltz", "turn", 0.6, (78, 168), NATURAL, **_M),
    move("waltz_hesitation", "Hesitation", "waltz", "step", 0.25, _TEMPO, HESITATION, **_M),
    move("waltz_twinkle", "Twinkle", "waltz", "step", 0.45, _TEMPO, TWINKLE, **_M),
    move("waltz_sway", "Waltz sway", "waltz subtle", "groove", 0.15, (70, 190), SWAY, **_M),
)
