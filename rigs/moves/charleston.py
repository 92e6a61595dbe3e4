# SPDX-License-Identifier: GPL-3.0-or-later
"""Charleston and its friends of the twenties: swivelling feet, loose knees."""

from __future__ import annotations

from .move import KICK, TAP, TOUCH, L, Phrase, R, each, move

_TEMPO = (110.0, 190.0)


def _swivels(beats: float) -> tuple:
    steps = [L(0, 0.16, 0.0, 0.42), R(0.5, -0.16, 0.0, -0.22)]
    for k in range(2, int(beats * 2)):
        turn = 0.42 if k % 2 == 0 else -0.22
        steps += [L(k / 2, turn=turn, pivot=True, air=0.44), R(k / 2, turn=turn, pivot=True, air=0.44)]
    return tuple(steps)


CHARLESTON = Phrase(
    4,
    steps=(
        L(0, 0.10, 0.16, 0.3), R(1, -0.10, 0.40, 0.1, weight=0.0, lift=0.16, pitch=0.2),
        R(2, -0.10, -0.02, 0.3), L(3, 0.10, -0.28, 0.2, **TOUCH),
    ),
    body={
        "bow": {0: 0.08, 1: -0.06, 2: 0.08, 3: 0.16}, "twist": {0: -0.1, 1: 0.1, 2: 0.0, 3: 0.12},
        "turn": {0: 0.15, 1: -0.25, 2: 0.0, 3: 0.25}, "sink": {0: 0.03, 1: 0.01, 2: 0.03, 3: 0.03},
        "tuck": {1: -0.1, 3: 0.05},
    },
    arms={0: "bent", 1: ("front", "low_back"), 2: "bent", 3: ("low_back", "front")},
    bounce2=0.02,
    bounce=0.015,
    swing=0.5,
).twice()  # fmt: skip

KICKS = Phrase(
    4,
    steps=(
        L(0, 0.12), R(1, -0.12, 0.42, 0.1, **KICK), R(2, -0.12),
        L(3, 0.14, -0.30, 0.1, weight=0.0, lift=0.22, pitch=0.9),
    ),
    body={
        "bow": {0: 0.08, 1: -0.08, 2: 0.08, 3: 0.24}, "tuck": {0: 0.0, 1: -0.14, 2: 0.0, 3: 0.14},
        "turn": {0: 0.0, 1: -0.28, 2: 0.0, 3: -0.2}, "sink": {0: 0.04, 1: 0.01, 2: 0.04, 3: 0.02},
    },
    arms={0: "tuck", 1: ("front", "low_back"), 2: "tuck", 3: ("front", "low_back")},
    bounce2=0.02,
    bounce=0.01,
).twice()  # fmt: skip

SWIVEL = Phrase(
    4,
    steps=_swivels(4),
    body={
        "sink": {0: 0.05, 1: 0.06, 2: 0.07, 3: 0.05}, "turn": each(4, 0.12, -0.12), "lean": each(4, 0.06, -0.06),
        "bow": {0: 0.06, 2: 0.12}, "look": {0: 0.15, 2: -0.15},
    },
    arms={0: ("flap_up", "flap_down"), 1: ("flap_down", "flap_up"), 2: ("flap_up", "flap_down"),
        3: ("flap_down", "flap_up")},
    weight=each(4, 0.56, 0.44),
    bounce2=0.015,
    bounce=0.01,
).twice()  # fmt: skip

BEES_KNEES = Phrase(
    4,
    steps=(
        L(0, 0.20, 0.0, 0.45), R(0.5, -0.20, 0.0, 0.45),
        *(foot(k, turn=(-0.12, 0.5)[k % 2 == 0], pivot=True, air=0.6) for k in (1, 2, 3) for foot in (L, R)),
    ),
    body={
        "sink": {0: 0.12, 1: 0.14, 2: 0.13, 3: 0.14}, "bow": {0: 0.30, 1: 0.34, 2: 0.30, 3: 0.34},
        "nod": {0: -0.25, 1: -0.2, 2: -0.25, 3: -0.2}, "side": each(4, 0.02, -0.02), "turn": each(4, 0.06, -0.06),
    },
    arms={0: "low_front", 1: "knees_crossed", 2: "low_front", 3: "knees_crossed"},
    weight={0: 0.55, 1: 0.5, 3: 0.5},
    bounce=0.02,
    snap=0.3,
).twice()  # fmt: skip

FALL_OFF_LOG = Phrase(
    4,
    steps=(L(0, 0.12), R(1, -0.40, 0.02, 0.3, weight=0.0, lift=0.16, pitch=0.25), R(2, 0.02, -0.24, 0.15, pitch=0.2),
           L(2.5, 0.20), R(3, 0.0, 0.22, 0.05)),
    body={
        "lean": {0: 0.0, 1: -0.22, 2: 0.10, 3: 0.05}, "side": {0: 0.0, 1: 0.03, 2: 0.0},
        "twist": {0: 0.0, 1: 0.0, 2: -0.25, 2.5: 0.0, 3: 0.25}, "turn": {1: 0.15, 2: 0.15, 3: -0.15},
        "sink": {0: 0.03, 1: 0.02, 2: 0.03, 3: 0.04}, "look": {0: 0.0, 1: -0.25, 2: 0.0},
    },
    arms={0: "bent", 1: ("flap_up", "flap_down"), 2: ("wide", "cross"), 2.5: "bent", 3: ("cross", "wide")},
    bounce=0.02,
    bounce2=0.01,
).both_sides()  # fmt: skip

SHORTY = Phrase(
    4,
    steps=(L(0, 0.09, 0.12, 0.35), R(1, -0.09, 0.12, 0.35), L(2, 0.09, 0.12, 0.35), R(3, -0.10, 0.0, 0.2)),
    body={
        "path_z": {0: 0.12, 1: 0.34, 2: 0.56, 3: 0.66}, "sink": {0: 0.10, 1: 0.12, 2: 0.12, 3: 0.06},
        "twist": each(4, 0.2, -0.2), "turn": each(4, -0.1, 0.1), "lean": each(4, -0.14, 0.14),
        "bow": {0: 0.14, 3: 0.06},
    },
    arms={0: ("point_low", "wing"), 1: ("wing", "point_low"), 2: ("point_low", "wing"), 3: "bent"},
    bounce=0.02,
).then(
    Phrase(
        4,
        steps=(L(0, 0.10, -0.10, 0.2), R(1, -0.10, -0.10, 0.2), L(2, 0.10, -0.10, 0.2), R(3, -0.11, 0.02, 0.1, **TAP)),
        body={
            "path_z": {0: -0.12, 1: -0.34, 2: -0.56, 3: -0.66}, "turn": each(4, -0.15, 0.15), "bow": {0: 0.04},
            "sink": {0: 0.03, 3: 0.0},
        },
        arms={0: "bent", 3: "jazz"},
    )
)  # fmt: skip

MOVES = (
    move("charleston_basic", "Charleston basic", "charleston", "step", 0.65, _TEMPO, CHARLESTON),
    move("charleston_kick", "Charleston kicks", "charleston", "step", 0.8, (110, 175), KICKS),
    move("swivel", "Swivels", "charleston", "step", 0.6, (100, 165), SWIVEL),
    move("bees_knees", "Bee's knees", "charleston", "pose", 0.6, (100, 165), BEES_KNEES),
    move("fall_off_log", "Fall off the log", "charleston", "step", 0.7, (105, 165), FALL_OFF_LOG),
    move("shorty", "Shorty George", "charleston", "step", 0.6, (100, 165), SHORTY),
)
