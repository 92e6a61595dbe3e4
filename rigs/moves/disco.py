# SPDX-License-Identifier: GPL-3.0-or-later
"""Disco floors and house clubs."""

from __future__ import annotations

from .move import KICK, KNEE, TAP, TOUCH, L, Phrase, R, each, move, rolling

_DISCO = (95.0, 135.0)
_HOUSE = (105.0, 130.0)


HUSTLE = Phrase(
    4,
    steps=(L(0, 0.09, -0.12, 0.12), R(1, -0.09, -0.12, 0.12), L(2, 0.09, -0.12, 0.12), R(3, -0.10, 0.03, 0.1, **TOUCH)),
    body={
        "path_z": {0: -0.2, 1: -0.52, 2: -0.82, 3: -0.92},
        "twist": each(4, 0.12, -0.12), "turn": each(4, -0.2, 0.2),
        "bow": {0: 0.02, 3: 0.1}, "sink": {0: 0.02, 3: 0.0}, "hike": each(4, 0.05, -0.05),
    },
    arms={0: ("pull", "front"), 1: ("front", "pull"), 2: ("pull", "front"), 3: "clap"},
).then(
    Phrase(
        4,
        steps=(R(0, -0.09, 0.12, 0.1), L(1, 0.09, 0.12, 0.1), R(2, -0.09, 0.12, 0.1), L(3, 0.11, 0.03, 0.1, **TOUCH)),
        body={
            "path_z": {0: 0.2, 1: 0.52, 2: 0.82, 3: 0.92},
            "twist": each(4, -0.12, 0.12), "turn": each(4, 0.2, -0.2),
            "bow": {0: 0.06, 3: 0.1}, "sink": {0: 0.02, 3: 0.0}, "hike": each(4, -0.05, 0.05),
        },
        arms={0: ("front", "pull"), 1: ("pull", "front"), 2: ("front", "pull"), 3: "clap_up"},
    )
)  # fmt: skip

ROLLING_ARMS = Phrase(
    4,
    steps=(L(0, 0.24), R(1, 0.02, 0.0, 0.1, **TAP), R(2, -0.24), L(3, -0.02, 0.0, 0.1, **TAP)),
    body={
        "turn": {0: 0.2, 1: 0.25, 2: -0.2, 3: -0.25},
        "lean": {0: -0.08, 1: -0.1, 2: 0.08, 3: 0.1},
        "look": {0: 0.2, 1: 0.3, 2: -0.2, 3: -0.3},
        "hike": {0: 0.06, 1: 0.09, 2: -0.06, 3: -0.09},
        "bow": {0: 0.05, 1: 0.12, 2: 0.05, 3: 0.12},
    },
    arms=rolling(0, 4),
    bounce=0.035,
    snap=0.0,
).twice()

HIP_BUMP = Phrase(
    4,
    steps=(L(0, 0.22, 0.0, 0.25), R(2, -0.22, 0.0, 0.25)),
    body={
        "side": {0: 0.07, 0.5: 0.03, 1: 0.08, 2: -0.07, 2.5: -0.03, 3: -0.08},
        "hike": {0: 0.14, 0.5: 0.04, 1: 0.16, 2: -0.14, 2.5: -0.04, 3: -0.16},
        "lean": {0: 0.12, 0.5: 0.04, 1: 0.14, 2: -0.12, 2.5: -0.04, 3: -0.14},
        "twist": {0: 0.1, 1: 0.15, 2: -0.1, 3: -0.15},
        "heel_right": {0: 0.3, 1: 0.35, 2: 0.0}, "heel_left": {0: 0.0, 1: 0.0, 2: 0.3, 3: 0.35},
        "look": {0: 0.25, 2: -0.25},
    },
    arms={0: ("hip", "snap"), 1: ("hip", "pump"), 2: ("snap", "hip"), 3: ("pump", "hip")},
    weight={0: 0.8, 0.5: 0.68, 1: 0.84, 2: 0.2, 2.5: 0.32, 3: 0.16},
    bounce=0.02,
    snap=0.35,
).twice()  # fmt: skip

FEVER_WALK = Phrase(
    4,
    steps=(L(0, 0.06, 0.14, 0.1), R(1, -0.05, 0.14, 0.1), L(2, 0.06, 0.14, 0.1), R(3, -0.3, 0.05, 0.3, **TOUCH)),
    body={
        "path_z": {0: 0.2, 1: 0.56, 2: 0.9, 3: 0.98},
        "hike": each(4, 0.07, -0.07), "turn": {0: -0.25, 1: 0.25, 2: -0.25, 3: 0.35}, "twist": {3: -0.15},
        "nod": {0: 0.0, 3: -0.15}, "lean": {3: 0.15}, "look": {3: -0.3},
    },
    arms={0: "bent", 2: ("hip", "bent"), 3: ("hip", "point_up")},
    swing=1.0,
    snap=0.35,
).then(
    Phrase(
        4,
        steps=(R(0, -0.1, -0.14, 0.1), L(1, 0.1, -0.14, 0.1), R(2, -0.1, -0.14, 0.1), L(3, 0.3, 0.05, 0.3, **TOUCH)),
        body={
            "path_z": {0: -0.2, 1: -0.56, 2: -0.9, 3: -0.98},
            "hike": each(4, -0.05, 0.05), "turn": {0: 0.15, 1: -0.15, 2: 0.15, 3: -0.35}, "twist": {3: 0.15},
            "nod": {0: 0.0, 3: -0.15}, "lean": {3: -0.15}, "look": {3: 0.3},
        },
        arms={0: "bent", 2: ("bent", "hip"), 3: ("point_up", "hip")},
    )
)  # fmt: skip

SIDE_POINT = Phrase(
    4,
    steps=(L(0, 0.30, 0.0, 0.3), R(1, 0.08, -0.16, 0.1, **TOUCH), R(2, -0.24), L(3, 0.1, 0.0, **TAP)),
    body={
        "turn": {0: 0.0, 1: 0.30, 2: -0.1, 3: 0.0}, "lean": {0: -0.06, 1: 0.14, 2: 0.05, 3: 0.0},
        "sink": {0: 0.03, 1: 0.07, 2: 0.02, 3: 0.0}, "look": {0: 0.1, 1: -0.35, 2: -0.1, 3: 0.0},
        "nod": {1: -0.12, 2: 0.0},
    },
    arms={0: "chest", 1: ("low_back", "point_up"), **rolling(2, 1), 3: "tuck"},
    snap=0.4,
).both_sides()  # fmt: skip

JACK = Phrase(
    4,
    steps=(L(0, 0.15, 0.03, 0.2), R(1, -0.15, 0.03, 0.2), L(2, 0.15, -0.03, 0.2), R(3, -0.15, -0.03, 0.2)),
    body={
        "pop": each(4, -0.035, 0.045, every=0.5),
        "bow": each(4, 0.28, -0.06, every=0.5),
        "tuck": each(4, -0.16, 0.16, every=0.5),
        "fwd": each(4, 0.03, -0.03, every=0.5),
        "sink": each(4, 0.08, 0.02, every=0.5),
        "nod": each(4, 0.08, -0.12, every=0.5),
        "turn": each(4, 0.1, -0.1),
    },
    arms={k / 2: ("low_front", "wing")[k % 2] for k in range(8)},
    bounce=0.01,
    snap=0.0,
).twice()

LOOSE_LEGS = Phrase(
    2,
    steps=(
        L(0, 0.12, 0.0, 0.2, air=0.3), R(0.5, 0.04, 0.24, 0.2, weight=0.0, lift=0.12, pitch=0.25),
        R(1, -0.24, 0.0, 0.3), L(1.5, 0.06, -0.14, 0.1, pitch=0.3, weight=0.55),
    ),
    body={
        "twist": {0: 0.0, 0.5: 0.3, 1: -0.1, 1.5: 0.1}, "turn": {0: 0.1, 0.5: -0.25, 1: 0.1, 1.5: -0.1},
        "bow": {0: 0.14, 0.5: 0.06, 1: 0.16, 1.5: 0.12}, "sink": {0: 0.05, 0.5: 0.02, 1: 0.06, 1.5: 0.04},
        "lean": {0: 0.0, 0.5: 0.08, 1: 0.06},
    },
    arms={0: ("bent", "wide"), 0.5: ("wide", "low_front"), 1: ("low_front", "wide"), 1.5: "bent"},
    bounce=0.012,
    snap=0.0,
).both_sides()  # fmt: skip

PAS_DE_BOURREE = Phrase(
    2,
    steps=(
        L(0, 0.22, 0.02, 0.25), R(0.5, 0.06, -0.20, 0.15, pitch=0.2, weight=0.8), L(1, 0.14, -0.02),
        R(1.5, -0.14, 0.08, 0.2, weight=0.7),
    ),
    body={
        "twist": {0: 0.1, 0.5: -0.3, 1: 0.0, 1.5: 0.1}, "turn": {0: -0.1, 0.5: 0.25, 1: 0.0, 1.5: -0.15},
        "bow": {0: 0.14, 0.5: 0.08, 1: 0.14, 1.5: 0.1}, "sink": {0: 0.05, 0.5: 0.02, 1: 0.05, 1.5: 0.03},
        "lean": {0: -0.06, 1: 0.05},
    },
    arms={0: ("wide", "bent"), 0.5: ("bent", "wide"), 1: ("guard", "bent"), 1.5: ("bent", "guard")},
    bounce=0.012,
    snap=0.0,
).both_sides()  # fmt: skip

SHUFFLE = Phrase(
    2,
    steps=(
        L(0, 0.10, 0.12, 0.1), R(0.5, -0.12, 0.16, 0.05, **KNEE), R(1, -0.10, -0.10, 0.15),
        L(1.5, 0.12, -0.24, 0.1, weight=0.0, pitch=0.5),
    ),
    body={
        "bow": {0: 0.14, 0.5: 0.0, 1: 0.12, 1.5: 0.2}, "turn": {0: 0.15, 1: -0.15},
        "sink": {0: 0.04, 0.5: 0.0, 1: 0.04}, "fwd": {0: 0.02, 1: -0.02},
    },
    arms={0: ("low_back", "guard"), 0.5: ("guard", "guard"), 1: ("guard", "low_back"), 1.5: "tuck"},
    swing=0.2,
    bounce=0.02,
).twice()  # fmt: skip

KICK_BALL_CHANGE = Phrase(
    2,
    steps=(L(0, 0.10, 0.34, 0.1, **KICK), L(0.5, 0.09, -0.12, 0.1, pitch=0.3, weight=0.8), R(1, -0.12, 0.02)),
    body={
        "tuck": {0: -0.12, 0.5: 0.05, 1: 0.0},
        "bow": {0: -0.04, 0.5: 0.14, 1: 0.06},
        "turn": {0: 0.25, 0.5: -0.1, 1: -0.15},
        "sink": {0: 0.0, 0.5: 0.03, 1: 0.04},
    },
    arms={0: ("low_back", "front"), 0.5: "tuck", 1: ("wide", "bent")},
    bounce=0.02,
    snap=0.2,
).twice()

MOVES = (
    move("hustle", "Line hustle", "disco", "step", 0.5, _DISCO, HUSTLE),
    move("rolling_arms", "Rolling arms", "disco pop", "arms", 0.55, _DISCO, ROLLING_ARMS),
    move("hip_bump", "Hip bumps", "disco pop salsa", "groove", 0.5, (85, 130), HIP_BUMP),
    move("fever_walk", "Fever walk", "disco", "step", 0.6, (90, 130), FEVER_WALK),
    move("side_point", "Side and point", "disco pop", "pose", 0.6, (90, 130), SIDE_POINT),
    move("jack", "Jack", "disco hiphop", "groove", 0.6, _HOUSE, JACK),
    move("loose_legs", "Loose legs", "disco", "step", 0.75, (100, 126), LOOSE_LEGS),
    move("pas_de_bourree", "Pas de bourrée", "disco", "step", 0.65, (100, 126), PAS_DE_BOURREE),
    move("shuffle", "House shuffle", "disco", "step", 0.75, (100, 128), SHUFFLE),
    move(
        "kick_ball_change", "Kick ball change", "disco pop charleston", "step", 0.7, (90, 130), KICK_BALL_CHANGE.twice()
    ),
)
