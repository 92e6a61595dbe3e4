# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that anyone knows from a party, and what pop choreography makes of them."""

from __future__ import annotations

from .move import HEEL, HEEL_FIRST, KICK, KNEE, STAMP, TAP, TOUCH, L, Phrase, R, each, move, rolling

_TURN = 6.283185307179586
_POP = (80.0, 145.0)

STEP_TOUCH = Phrase(
    4,
    steps=(L(0, 0.28), R(1, 0.08, 0.03, 0.05, **TOUCH), R(2, -0.28), L(3, -0.08, 0.03, 0.05, **TOUCH)),
    body={
        "twist": {0: 0.12, 1: -0.14, 2: -0.12, 3: 0.14},
        "turn": {0: -0.15, 1: 0.22, 2: 0.15, 3: -0.22},
        "lean": {0: -0.08, 1: 0.10, 2: 0.08, 3: -0.10},
        "sink": {0: 0.05, 1: 0.01, 2: 0.05, 3: 0.01},
        "look": {0: 0.2, 1: 0.1, 2: -0.2, 3: -0.1},
        "bow": {0: 0.03, 1: 0.10, 2: 0.03, 3: 0.10},
    },
    arms={0: "wide", 1: "clap", 2: "wide", 3: "clap"},
    bounce=0.025,
).twice()

TWO_STEP = Phrase(
    4,
    steps=(L(0, 0.34), R(1, 0.12), L(2, 0.56, turn=0.25), R(3, 0.38, 0.05, 0.05, **TOUCH)),
    body={
        "twist": {0: 0.1, 1: -0.08, 2: 0.14, 3: -0.16},
        "turn": {0: -0.25, 1: 0.22, 2: -0.32, 3: 0.26},
        "lean": {0: -0.06, 1: 0.0, 2: -0.12, 3: 0.10},
        "sink": {0: 0.04, 1: 0.0, 2: 0.06, 3: 0.0},
        "look": {0: 0.25, 2: 0.3, 3: 0.0},
    },
    arms={0: ("back", "cross"), 1: ("cross", "back"), 2: ("back", "cross"), 3: "clap"},
)
# Back again: the other foot's steps, counted from where the first half has come to.
_TWO_STEP_BACK = Phrase(
    4,
    steps=(R(0, 0.12), L(1, 0.34), R(2, -0.11), L(3, 0.10, 0.05, 0.05, **TOUCH)),
    body=TWO_STEP.mirrored().body,
    arms=TWO_STEP.mirrored().arms,
)

GRAPEVINE = Phrase(
    4,
    steps=(
        L(0, 0.17), R(1, 0.08, -0.20, 0.05), L(2, 0.14, turn=0.2), R(3, -0.08, 0.05, 0.05, **TOUCH),
    ),
    body={
        "path_x": {0: 0.18, 1: 0.40, 2: 0.62, 3: 0.66},
        "twist": {0: 0.05, 1: -0.42, 2: 0.10, 3: 0.0},
        "turn": {0: 0.0, 1: 0.25, 2: -0.1, 3: 0.12},
        "look": {0: 0.35, 1: 0.35, 2: 0.25, 3: 0.0},
        "sink": {0: 0.04, 1: 0.02, 2: 0.05, 3: 0.0},
        "lean": {0: -0.05, 2: -0.06, 3: 0.08},
    },
    arms={0: "wide", 1: ("wide", "cross"), 2: "out", 3: "clap"},
    bounce=0.022,
)  # fmt: skip

HIP_SWAY = Phrase(
    4,
    steps=(L(0, 0.20, 0.0, 0.25), R(1, -0.20, 0.0, 0.25)),
    body={
        "side": each(4, 0.055, -0.055),
        "hike": each(4, 0.10, -0.10),
        "twist": each(4, 0.14, -0.14),
        "turn": each(4, -0.10, 0.10),
        "lean": each(4, 0.12, -0.12),
        "look": each(4, 0.22, -0.22),
        "cock": each(4, -0.08, 0.08),
        "heel_left": each(4, 0.0, 0.32),
        "heel_right": each(4, 0.32, 0.0),
        "sink": {0: 0.01, 1: 0.02, 2: 0.04, 3: 0.06},
    },
    arms={0: "curl", 1: ("vee", "high"), 2: ("high", "vee"), 3: ("head", "curl")},
    weight=each(4, 0.84, 0.16),
    bounce=0.018,
    snap=0.1,
)

DISCO_POINT = Phrase(
    8,
    steps=(L(0, 0.26, 0.0, 0.3), R(1, -0.26, 0.0, 0.3)),
    body={
        "side": each(8, 0.06, -0.06),
        "twist": each(8, 0.22, -0.22),
        "turn": each(8, 0.40, -0.32),
        "lean": each(8, -0.12, 0.14),
        "bow": each(8, 0.18, -0.06),
        "nod": each(8, 0.12, -0.22),
        "look": each(8, 0.30, -0.40),
        "sink": each(8, 0.05, 0.01),
        "heel_left": each(8, 0.0, 0.35),
        "heel_right": each(8, 0.35, 0.0),
    },
    arms={
        **{b: ("hip", ("point_down", "point_up")[b % 2]) for b in range(6)},
        **rolling(6, 1), 7: "hip",
    },
    weight=each(8, 0.78, 0.22),
    snap=0.45,
)  # fmt: skip

_LEAN = Phrase(
    4,
    steps=(L(0, 0.2, 0.0, 0.25), R(1, -0.2, 0.0, 0.25)),
    body={
        "side": {0: 0.05, 1: -0.05, 2: 0.06, 3: 0.07},
        "twist": {0: 0.2, 1: -0.2, 2: 0.22, 3: 0.25},
        "turn": {0: -0.28, 1: 0.28, 2: -0.30, 3: -0.35},
        "lean": {0: -0.14, 1: 0.14, 2: -0.16, 3: -0.2},
        "bow": {0: 0.12, 1: 0.12, 2: 0.16, 3: 0.2},
        "sink": {0: 0.02, 1: 0.02, 2: 0.05, 3: 0.09},
        "nod": each(4, 0.15, 0.02, every=0.5),
        "look": {0: 0.25, 1: -0.25, 2: 0.25, 3: 0.3},
        "heel_right": {0: 0.25, 1: 0.0, 2: 0.25, 3: 0.25},
        "heel_left": {0: 0.0, 1: 0.25, 2: 0.0},
    },
    arms={0: ("loose", "guard"), 1: ("guard", "loose"), 2: ("loose", "guard"), 3: ("loose", "guard")},
    weight={0: 0.82, 1: 0.18, 2: 0.84, 3: 0.86},
    bounce=0.04,
)
GROOVE = _LEAN.both_sides()

_WIDE = (L(0, 0.21, 0.0, 0.25), R(1, -0.21, 0.0, 0.25))
ARM_WAVE = Phrase(
    4,
    steps=_WIDE,
    body={
        "side": {0: 0.06, 1: 0.03, 2: -0.03, 3: -0.06},
        "slide": {0: 0.03, 1: 0.01, 2: -0.01, 3: -0.03},
        "lean": {0: -0.12, 1: -0.04, 2: 0.04, 3: 0.12},
        "look": {0: 0.5, 1: 0.3, 2: -0.3, 3: -0.5},
        "shrug_left": {0: 0.0, 1: 0.25, 2: 0.05, 3: 0.0},
        "shrug_right": {0: 0.0, 1: 0.05, 2: 0.25, 3: 0.0},
        "sink": {0: 0.03, 3: 0.04},
    },
    arms={
        0: ("wave_high", "out"), 0.5: ("wave_elbow", "out"), 1: ("wave_low", "out"), 1.5: ("out", "out"),
        2: ("out", "wave_low"), 2.5: ("out", "wave_elbow"), 3: ("out", "wave_high"), 3.5: ("out", "out"),
    },
    weight={0: 0.75, 1: 0.6, 2: 0.4, 3: 0.25},
    bounce=0.015,
    snap=0.0,
).both_sides()  # fmt: skip

TWIST = Phrase(
    4,
    steps=(
        L(0, 0.14, 0.05, 0.45, air=0.5), R(0, -0.14, -0.02, -0.45, pivot=True, air=0.6),
        L(1, turn=-0.45, pivot=True, air=0.8), R(1, turn=0.45, pivot=True, air=0.8),
        L(2, turn=0.45, pivot=True, air=0.8), R(2, turn=-0.45, pivot=True, air=0.8),
        L(3, turn=-0.45, pivot=True, air=0.8), R(3, turn=0.45, pivot=True, air=0.8),
    ),
    body={
        "twist": each(4, 0.42, -0.42),
        "turn": each(4, -0.38, 0.38),
        "sink": {0: 0.04, 1: 0.07, 2: 0.10, 3: 0.07},
        "lean": each(4, -0.06, 0.06),
        "bow": {0: 0.05, 2: 0.15, 3: 0.1},
        "look": each(4, 0.0, 0.0),
    },
    arms={0: ("tuck", "guard"), 1: ("guard", "tuck"), 2: ("tuck", "guard"), 3: ("guard", "tuck")},
    weight=each(4, 0.6, 0.4),
    bounce=0.02,
).twice()  # fmt: skip

ROLLING_TURN = Phrase(
    4,
    steps=(L(0, 0.12, 0.05, 0.3), R(1, -0.12, 0.0, 0.1), L(2, 0.14, 0.0, 0.2), R(3, -0.07, 0.05, 0.05, **TOUCH)),
    body={
        "path_x": {0: 0.20, 1: 0.48, 2: 0.74, 3: 0.78},
        "heading": {0: 0.20 * _TURN, 1: 0.62 * _TURN, 2: _TURN, 3: _TURN},
        "sink": {0: 0.03, 1: 0.0, 2: 0.05, 3: 0.0},
        "lean": {2: -0.05, 3: 0.1},
    },
    arms={0: "wide", 1: "chest", 2: "out", 3: "clap"},
    bounce=0.015,
    spot=True,
)

MARCH_PUMP = Phrase(
    2,
    steps=(L(0, 0.11, **STAMP), R(0.5, -0.11, 0.08, **KNEE), R(1, -0.11, **STAMP), L(1.5, 0.11, 0.08, **KNEE)),
    body={
        "twist": each(2, 0.12, -0.12),
        "turn": each(2, -0.22, 0.22),
        "lean": each(2, -0.05, 0.05),
        "bow": {0: 0.06, 0.5: 0.0, 1: 0.06, 1.5: 0.0},
    },
    arms={0: ("pull", "pump"), 1: ("pump", "pull")},
    bounce=0.03,
    snap=0.4,
).twice()

KICK_STEP = Phrase(
    4,
    steps=(L(0, 0.14), R(1, -0.16, 0.42, **KICK), R(2, -0.14), L(3, 0.16, 0.42, **KICK)),
    body={
        "twist": {0: 0.1, 1: 0.15, 2: -0.1, 3: -0.15},
        "turn": {0: -0.1, 1: -0.3, 2: 0.1, 3: 0.3},
        "bow": {0: 0.12, 1: -0.08, 2: 0.12, 3: -0.08},
        "tuck": {0: 0.05, 1: -0.12, 2: 0.05, 3: -0.12},
        "sink": {0: 0.03, 1: 0.0, 2: 0.03, 3: 0.0},
    },
    arms={0: "tuck", 1: ("front", "low_back"), 2: "tuck", 3: ("low_back", "front")},
    bounce=0.03,
    snap=0.35,
).twice()

LUNGE_REACH = Phrase(
    4,
    steps=(L(0, 0.46, 0.03, 0.45), L(2, 0.12), R(3, -0.12)),
    body={
        "sink": {0: 0.13, 1: 0.10, 2: 0.02, 3: 0.0},
        "side": {0: 0.02, 1: 0.03},
        "twist": {0: 0.2, 1: 0.25, 2: 0.0},
        "turn": {0: 0.25, 1: 0.35, 2: 0.0},
        "lean": {0: -0.20, 1: -0.26, 2: 0.05},
        "nod": {0: -0.12, 1: -0.2, 2: 0.1},
        "look": {0: 0.35, 1: 0.45, 2: 0.0},
        "heel_right": {0: 0.35, 1: 0.4, 2: 0.1, 3: 0.0},
    },
    arms={0: ("out", "hip"), 1: ("point_up", "hip"), 2: "chest", 3: "hip"},
    weight={0: 0.7, 1: 0.78},
    snap=0.5,
)

STEP_CLAP = Phrase(
    2,
    steps=(L(0, 0.26), R(1, 0.06, 0.0, **TAP)),
    body={
        "twist": {0: 0.08, 1: -0.06}, "turn": {0: -0.12, 1: 0.14}, "lean": {0: -0.08, 1: 0.06},
        "cock": {0: -0.06, 1: 0.08}, "nod": {0: 0.0, 1: 0.12},
    },
    arms={0: "curl", 1: "clap_up"},
    bounce=0.035,
).both_sides()  # fmt: skip

BOX_STEP = Phrase(
    4,
    steps=(L(0, -0.02, 0.26, 0.05), R(1, -0.26, 0.24, 0.1), L(2, -0.02, -0.04, 0.1), R(3, -0.11, 0.0)),
    body={
        "twist": {0: -0.25, 1: 0.1, 2: 0.1, 3: -0.05},
        "turn": {0: 0.25, 1: -0.1, 2: -0.2, 3: 0.1},
        "bow": {0: 0.10, 1: 0.02, 2: 0.08, 3: 0.02},
        "sink": {0: 0.04, 2: 0.03, 3: 0.0},
        "look": {0: -0.1, 1: 0.0},
    },
    arms={0: ("guard", "back"), 1: "wide", 2: ("back", "guard"), 3: "bent"},
    swing=0.5,
).both_sides()

MAMBO = Phrase(
    4,
    steps=(L(0, 0.09, 0.24, 0.1), R(1, -0.11, 0.0), L(2, 0.11, 0.0), R(3, -0.11, 0.02, **TAP)),
    body={
        "twist": {0: -0.18, 1: 0.1, 2: 0.15, 3: 0.0},
        "turn": {0: 0.15, 1: -0.1, 2: -0.15},
        "bow": {0: 0.08, 1: 0.0, 2: -0.02},
        "sink": {0: 0.03, 1: 0.01},
    },
    arms={0: ("latin", "tuck"), 1: ("tuck", "latin"), 2: ("latin", "tuck"), 3: ("tuck", "latin")},
    cuban=0.14,
    swing=0.6,
).both_sides()

HEEL_DIG = Phrase(
    2,
    steps=(L(0, 0.15, 0.24, 0.1, **HEEL), L(1, 0.11)),
    body={
        "twist": {0: -0.12, 1: 0.05}, "turn": {0: 0.2, 1: -0.06}, "lean": {0: 0.10, 1: 0.0}, "tuck": {0: -0.08, 1: 0.0},
        "sink": {0: 0.04, 1: 0.0}, "cock": {0: 0.1, 1: 0.0},
    },
    arms={0: ("low_front", "hip"), 1: "bent"},
    bounce=0.03,
).both_sides().twice()  # fmt: skip

WALK = Phrase(
    4,
    steps=(
        L(0, 0.08, 0.14, 0.08, **HEEL_FIRST), R(1, -0.08, 0.14, 0.08, **HEEL_FIRST),
        L(2, 0.08, 0.14, 0.08, **HEEL_FIRST), R(3, -0.10, 0.0, 0.1),
    ),
    body={
        "path_z": {0: 0.25, 1: 0.72, 2: 1.18, 3: 1.42},
        "turn": each(4, 0.12, -0.12),
        "hike": each(4, 0.04, -0.04),
        "nod": {0: -0.05, 3: 0.05},
    },
    arms={0: "bent", 3: "bent"},
    swing=1.0,
    cuban=0.12,
    bounce=0.02,
)  # fmt: skip

WALK_BACK = Phrase(
    4,
    steps=(L(0, 0.09, -0.14, 0.15), R(1, -0.09, -0.14, 0.15), L(2, 0.09, -0.14, 0.15), R(3, -0.11, 0.02, 0.1, **TAP)),
    body={
        "path_z": {0: -0.2, 1: -0.58, 2: -0.95, 3: -1.15},
        "turn": each(4, -0.2, 0.2),
        "bow": {0: 0.1, 1: 0.12, 3: 0.02},
        "look": each(4, 0.12, -0.12),
    },
    arms={0: "guard", 3: "clap"},
    swing=0.8,
)

PIVOT_TURN = Phrase(
    4,
    steps=(L(0, 0.08, 0.24, 0.0), R(2, -0.10, 0.24, 0.0), L(3, 0.11, 0.02, 0.1, **TAP)),
    body={
        "heading": {0: 0.0, 0.3: -0.1, 1: -0.5 * _TURN, 2: -0.5 * _TURN, 2.3: -0.5 * _TURN - 0.1, 3: -_TURN},
        "sink": {0: 0.03, 1: 0.0, 2: 0.03, 3: 0.0},
        "bow": {0: 0.04, 1: 0.0},
    },
    arms={0: ("front", "wide"), 1: "tuck", 2: ("wide", "front"), 3: "tuck"},
    weight={0: 0.62, 1: 0.35},
    bounce=0.012,
    spot=False,
)

SPIN = Phrase(
    4,
    steps=(L(0, 0.26, 0.02, 0.3), R(1, -0.14, 0.04, 0.2), L(3, 0.13, 0.0)),
    body={
        "heading": {0: 0.0, 1: 0.12 * _TURN, 1.25: 0.3 * _TURN, 2.4: _TURN, 3: _TURN},
        "sink": {0: 0.07, 1: 0.01, 2: -0.02, 3: 0.05},
        "heel_right": {0: 0.0, 1.1: 0.1, 1.5: 0.25, 2.2: 0.25, 2.8: 0.0},
        "heel_left": {0: 0.0},
        "turn": {0: -0.35, 1: 0.2, 2: 0.0, 3: 0.0},
    },
    arms={0: ("wide", "front"), 1: "tuck", 2: "chest", 3: "wide"},
    bounce=0.01,
    spot=True,
)

JUMPING_JACK = Phrase(
    2,
    steps=(
        L(0, 0.34, 0.0, 0.35, air=0.42), R(0, -0.34, 0.0, 0.35, air=0.42),
        L(1, 0.11, 0.0, 0.15, air=0.42), R(1, -0.11, 0.0, 0.15, air=0.42),
    ),
    body={"sink": {0: 0.06, 1: 0.03}, "bow": {0: 0.03, 1: 0.06}},
    arms={0: "clap_up", 1: "hang"},
    weight={0: 0.5, 1: 0.5},
    jumps=((-0.42, 0.0), (0.58, 1.0)),
    bounce=0.0,
).twice()  # fmt: skip

JUMP = Phrase(
    4,
    steps=(
        L(0, 0.15, 0.0, 0.2), R(1, -0.15, 0.0, 0.2),
        L(2, 0.16, 0.0, 0.25, air=0.55), R(2, -0.16, 0.0, 0.25, air=0.55),
    ),
    body={
        "sink": {0: 0.03, 1: 0.10, 1.45: 0.0, 2: 0.07, 3: 0.02},
        "bow": {0: 0.05, 1: 0.22, 1.5: -0.05, 2: 0.15, 3: 0.02},
        "nod": {0: 0.0, 1: 0.1, 1.5: -0.15, 2: 0.1},
        "tuck": {0: 0.0, 1: 0.15, 1.6: 0.0},
    },
    arms={0: "bent", 1: "low_back", 1.6: "vee", 2: "curl", 3: "wide"},
    weight={0: 0.6, 1: 0.5, 2: 0.5, 3: 0.5},
    jumps=((1.45, 2.0),),
    bounce=0.015,
)  # fmt: skip

BODY_ROLL = Phrase(
    4,
    steps=_WIDE,
    body={
        "nod": {0: -0.35, 0.5: 0.1, 1: 0.3, 2: 0.0, 3: 0.0},
        "bow": {0: -0.05, 0.5: -0.2, 1: 0.1, 1.5: 0.35, 2: 0.2, 3: 0.0},
        "pop": {0: 0.02, 0.5: 0.05, 1: 0.0, 1.5: -0.045, 2: -0.02, 3: 0.0},
        "tuck": {0: 0.1, 0.5: 0.15, 1: 0.05, 1.5: -0.25, 2: -0.15, 2.5: 0.15, 3: 0.0},
        "fwd": {0: -0.02, 0.5: -0.04, 1: 0.0, 1.5: 0.06, 2: 0.05, 3: 0.0},
        "sink": {0: 0.0, 1: 0.02, 1.5: 0.07, 2: 0.12, 3: 0.02},
    },
    arms={0: "low_back", 1: "back", 2: "low_front", 3: "loose"},
    weight={0: 0.5, 3: 0.5},
    bounce=0.008,
    snap=0.0,
).twice()

BOUNCE = Phrase(
    4,
    steps=(L(0, 0.17, 0.0, 0.2), R(1, -0.17, 0.0, 0.2)),
    body={
        "lean": {0: -0.08, 1: 0.08, 2: -0.08, 3: 0.08},
        "side": {0: 0.03, 1: -0.03, 2: 0.03, 3: -0.03},
        "shrug_left": each(4, 0.16, 0.0, every=0.5),
        "shrug_right": each(4, 0.16, 0.0, every=0.5),
        "nod": each(4, 0.14, -0.04, every=0.5),
    },
    arms={0: ("guard", "bent"), 2: ("bent", "guard")},
    weight=each(4, 0.62, 0.38),
    bounce=0.055,
).twice()

SHIMMY = Phrase(
    4,
    steps=(L(0, 0.2, 0.05, 0.25), R(2, -0.2, 0.05, 0.25)),
    body={
        "turn": each(4, 0.26, -0.26, every=0.5),
        "shrug_left": each(4, 0.14, 0.0, every=0.5),
        "shrug_right": each(4, 0.0, 0.14, every=0.5),
        "bow": {0: 0.10, 1: 0.18, 2: 0.02, 3: -0.08},
        "fwd": {0: 0.02, 1: 0.05, 2: 0.0, 3: -0.03},
        "sink": {0: 0.05, 1: 0.09, 2: 0.04, 3: 0.02},
        "nod": {0: -0.05, 1: -0.15, 2: 0.0, 3: 0.1},
    },
    arms={0: "wide", 2: "jazz"},
    weight={0: 0.7, 1: 0.72, 2: 0.3, 3: 0.28},
    bounce=0.015,
    snap=0.0,
)

VOGUE = Phrase(
    8,
    steps=(L(0, 0.24, 0.05, 0.35), R(2, -0.24, 0.05, 0.35), L(4, 0.05, 0.22, 0.1), L(6, 0.13), R(7, -0.12)),
    body={
        "side": {0: 0.06, 2: -0.06, 4: 0.0, 6: 0.0},
        "hike": {0: 0.10, 2: -0.10, 4: 0.08, 6: 0.0},
        "lean": {0: 0.1, 2: -0.1, 4: 0.0, 5: 0.06, 6: 0.0},
        "turn": {0: -0.2, 2: 0.2, 4: 0.25, 5: -0.25, 6: 0.0},
        "look": {0: 0.4, 1: 0.0, 2: -0.4, 3: 0.0, 4: 0.35, 5: 0.0, 6: 0.0},
        "nod": {0: -0.12, 2: -0.12, 4: 0.05, 5: -0.15, 6: 0.0},
        "heel_right": {0: 0.3, 2: 0.0}, "heel_left": {0: 0.0, 2: 0.3, 4: 0.0},
    },
    arms={
        0: ("head", "hip"), 1: ("high", "shoulder"), 2: ("hip", "head"), 3: ("shoulder", "high"),
        4: ("frame", "lamp"), 5: ("lamp", "frame"), 6: ("shoulder", "shoulder"), 7: "hip",
    },
    weight={0: 0.8, 1: 0.8, 2: 0.2, 3: 0.2, 4: 0.55},
    bounce=0.01,
    snap=0.7,
)  # fmt: skip

MOVES = (
    move("step_touch", "Step touch", "pop disco subtle", "step", 0.3, (70, 145), STEP_TOUCH),
    move("two_step", "Two-step", "pop hiphop disco", "step", 0.5, _POP, TWO_STEP.then(_TWO_STEP_BACK)),
    move("grapevine", "Grapevine", "pop disco", "step", 0.5, _POP, GRAPEVINE.both_sides()),
    move("hip_sway", "Hip sway", "pop salsa subtle", "groove", 0.35, (70, 135), HIP_SWAY.twice()),
    move("disco_point", "Disco point", "disco pop", "pose", 0.6, (90, 140), DISCO_POINT),
    move("groove", "Groove: rock and lean", "pop hiphop subtle", "groove", 0.4, (70, 130), GROOVE),
    move("arm_wave", "Arm wave", "pop hiphop", "arms", 0.3, (70, 125), ARM_WAVE),
    move("twist", "Twist", "pop charleston", "groove", 0.6, (90, 160), TWIST),
    move("rolling_turn", "Three-step turn", "pop disco", "turn", 0.65, (80, 135), ROLLING_TURN.both_sides()),
    move("march_pump", "March and pump", "pop", "step", 0.8, (80, 140), MARCH_PUMP.twice()),
    move("kick_step", "Kick step", "pop charleston disco", "step", 0.75, (80, 145), KICK_STEP),
    move("lunge_reach", "Lunge and reach", "pop disco", "pose", 0.7, (80, 140), LUNGE_REACH.both_sides()),
    move("step_clap", "Step clap", "pop indian", "step", 0.45, (75, 140), STEP_CLAP),
    move("box_step", "Box step", "pop salsa", "step", 0.4, (75, 140), BOX_STEP),
    move("mambo", "Mambo", "pop salsa chacha", "step", 0.45, (80, 150), MAMBO),
    move("heel_dig", "Heel digs", "pop charleston indian", "step", 0.5, (80, 145), HEEL_DIG),
    move("walk", "Strut forward", "pop disco hiphop", "step", 0.5, (75, 130), WALK),
    move("walk_back", "Steps back", "pop disco", "step", 0.45, (75, 130), WALK_BACK),
    move("pivot_turn", "Two pivots", "pop hiphop disco tango", "turn", 0.5, (75, 125), PIVOT_TURN),
    move("spin", "Spin on one foot", "pop disco salsa", "turn", 0.8, (75, 125), SPIN),
    move("jumping_jack", "Jumping jacks", "pop", "step", 1.0, (85, 140), JUMPING_JACK),
    move("jump", "Jump for joy", "pop hiphop", "step", 0.9, (80, 135), JUMP),
    move("body_roll", "Body roll", "pop hiphop", "groove", 0.4, (70, 120), BODY_ROLL),
    move("bounce", "Bounce", "pop hiphop", "groove", 0.5, (75, 130), BOUNCE),
    move("shimmy", "Shimmy", "pop salsa charleston", "groove", 0.55, (80, 140), SHIMMY),
    move("vogue", "Vogue poses", "pop disco", "pose", 0.6, (80, 135), VOGUE),
)
