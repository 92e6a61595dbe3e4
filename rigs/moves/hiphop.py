# SPDX-License-Identifier: GPL-3.0-or-later
"""Old-school hip-hop: the body goes down on the beat, and the feet talk."""

from __future__ import annotations

from .move import KNEE, TAP, TOUCH, L, Phrase, R, each, move

_WIDE = (L(0, 0.2, 0.0, 0.25), R(1, -0.2, 0.0, 0.25))
_HOP = (85.0, 125.0)

RUNNING_MAN = Phrase(
    2,
    steps=(
        L(0, 0.10, 0.16, 0.08, air=0.42), R(0, -0.10, -0.17, 0.08, slide=True, weight=0.0, pitch=0.4, air=0.42),
        L(0.52, 0.10, 0.0, 0.08, slide=True, air=0.36), R(0.52, -0.10, 0.14, 0.05, **KNEE),
        R(1, -0.10, 0.16, 0.08, air=0.42), L(1, 0.10, -0.17, 0.08, slide=True, weight=0.0, pitch=0.4, air=0.42),
        R(1.52, -0.10, 0.0, 0.08, slide=True, air=0.36), L(1.52, 0.10, 0.14, 0.05, **KNEE),
    ),
    body={
        "bow": each(2, 0.16, 0.04, every=0.5),
        "turn": each(2, 0.16, -0.16),
        "sink": each(2, 0.06, 0.0, every=0.5),
        "fwd": each(2, -0.03, 0.0, every=0.5),
    },
    arms={0: ("pull", "rein_up"), 0.5: ("rein_up", "pull"), 1: ("rein_up", "pull"), 1.5: ("pull", "rein_up")},
    weight={0: 0.82, 0.52: 0.95, 1: 0.18, 1.52: 0.05},
    bounce=0.012,
    swing=0.0,
).twice()  # fmt: skip
# At its end both feet are on the floor again.
RUNNING_MAN_OUT = Phrase(
    8,
    steps=(*tuple(s for s in RUNNING_MAN.twice().steps if s.beat < 7.4), L(7.5, 0.11)),
    body=RUNNING_MAN.twice().body,
    arms=RUNNING_MAN.twice().arms,
    weight={k: v for k, v in RUNNING_MAN.twice().weight.items() if k < 7.4},
    bounce=0.012,
    swing=0.0,
)

BART_SIMPSON = Phrase(
    2,
    steps=(
        L(0, 0.25, 0.04, 0.45, air=0.5), R(0.5, -0.02, 0.0, -0.1, slide=True, weight=0.0, pitch=0.35),
        R(1, 0.08, 0.02, 0.1, lift=0.10, pitch=0.3, weight=0.0),
    ),
    body={
        "turn": {0: -0.40, 0.5: -0.45, 1: -0.2, 1.5: 0.1},
        "twist": {0: 0.22, 1: 0.1},
        "lean": {0: 0.20, 0.5: 0.22, 1: 0.08},
        "bow": {0: 0.14, 0.5: 0.22, 1: 0.08, 1.5: 0.16},
        "sink": {0: 0.08, 0.5: 0.10, 1: 0.03, 1.5: 0.07},
        "look": {0: 0.3, 1: 0.1},
    },
    arms={0: ("wide", "cross"), 0.5: ("low_back", "cross"), 1: ("guard", "guard")},
    bounce=0.02,
    snap=0.4,
).both_sides()  # fmt: skip

REEBOK = Phrase(
    4,
    steps=(L(0, 0.30, 0.0, 0.35), R(3, -0.10, 0.0, 0.1, **TAP)),
    body={
        "side": {0: 0.02, 1: -0.02, 2: 0.03, 3: 0.02},
        "turn": {0: -0.30, 0.5: -0.10, 1: 0.25, 1.5: 0.0, 2: -0.34, 3: 0.0},
        "lean": {0: -0.16, 1: 0.10, 2: -0.22, 3: 0.06},
        "bow": {0: 0.10, 0.5: 0.22, 1: 0.06, 1.5: 0.20, 2: 0.08, 2.5: 0.24, 3: 0.08},
        "sink": {0: 0.05, 1: 0.06, 2: 0.07, 3: 0.01},
        "shrug_left": {0: 0.2, 1: 0.0, 2: 0.22, 3: 0.0},
        "shrug_right": {0: 0.0, 1: 0.2, 2: 0.0, 3: 0.1},
        "look": {0: 0.25, 1: -0.1, 2: 0.3, 3: 0.0},
        "heel_right": {0: 0.2, 1: 0.0, 2: 0.3, 2.6: 0.2},
    },
    arms={0: ("wing", "guard"), 1: ("guard", "wing"), 2: ("wing", "guard"), 3: "tuck"},
    weight={0: 0.72, 1: 0.42, 2: 0.82},
    bounce=0.045,
).both_sides()

CABBAGE_PATCH = Phrase(
    4,
    steps=(L(0, 0.19, 0.0, 0.3), R(1, -0.19, 0.0, 0.3)),
    body={
        "turn": each(4, 0.30, 0.0, -0.30, 0.0, every=0.5),
        "side": each(4, 0.05, 0.0, -0.05, 0.0, every=0.5),
        "fwd": each(4, 0.0, 0.04, 0.0, -0.03, every=0.5),
        "bow": each(4, 0.10, 0.18, 0.10, 0.0, every=0.5),
        "lean": each(4, -0.10, 0.0, 0.10, 0.0, every=0.5),
        "sink": {0: 0.04, 1: 0.05, 2: 0.07, 3: 0.05},
        "nod": each(4, 0.1, 0.0, every=0.5),
    },
    arms={
        0: ("cabbage", "cabbage_in"), 0.5: "cabbage", 1: ("cabbage_in", "cabbage"), 1.5: "cabbage_in",
        2: ("cabbage", "cabbage_in"), 2.5: "cabbage", 3: ("cabbage_in", "cabbage"), 3.5: "cabbage_in",
    },
    weight=each(4, 0.68, 0.32),
    bounce=0.035,
    snap=0.0,
).twice()  # fmt: skip

WOP = Phrase(
    4,
    steps=(L(0, 0.2, 0.02, 0.3), R(1, -0.2, 0.02, 0.3), L(2, 0.2, 0.02, 0.3), R(3, -0.2, 0.02, 0.3)),
    body={
        "lean": {0: -0.20, 0.5: -0.06, 1: 0.20, 1.5: 0.06, 2: -0.22, 2.5: -0.08, 3: 0.22},
        "turn": {0: -0.18, 1: 0.18, 2: -0.2, 3: 0.2},
        "bow": each(4, 0.22, 0.02, every=0.5),
        "sink": each(4, 0.07, 0.03, every=0.5),
        "cock": {0: -0.15, 1: 0.15, 2: -0.15, 3: 0.15},
        "shrug_left": each(4, 0.2, 0.0),
        "shrug_right": each(4, 0.0, 0.2),
        "nod": each(4, 0.12, -0.05, every=0.5),
    },
    arms={0: ("pump", "curl"), 1: ("curl", "pump"), 2: ("pump", "curl"), 3: ("curl", "pump")},
    bounce=0.03,
).twice()

ROGER_RABBIT = Phrase(
    2,
    steps=(
        L(0, 0.02, -0.20, 0.2, pitch=0.25, air=0.42), R(0.25, -0.16, 0.10, 0.25, weight=0.0, lift=0.08, pitch=-0.2),
        R(1, -0.12, -0.02, 0.15, air=0.4), L(1.5, 0.12, 0.06, 0.1, weight=0.0, lift=0.10, pitch=0.3),
    ),
    body={
        "bow": {0: 0.10, 0.5: 0.20, 1: 0.05, 1.5: 0.18},
        "lean": {0: 0.12, 1: -0.05},
        "turn": {0: 0.25, 0.5: 0.1, 1: -0.1},
        "sink": {0: 0.05, 0.5: 0.02, 1: 0.05, 1.5: 0.02},
        "shrug_left": {0: 0.15, 0.5: 0.0, 1: 0.15, 1.5: 0.0}, "shrug_right": {0: 0.15, 0.5: 0.0, 1: 0.15, 1.5: 0.0},
    },
    arms={0: ("shoulder", "shoulder"), 0.5: "guard", 1: "wing", 1.5: "guard"},
    bounce=0.03,
).both_sides()  # fmt: skip

HAPPY_FEET = Phrase(
    4,
    steps=(
        L(0, 0.13, 0.0, 0.4), R(0.5, -0.10, 0.0, -0.25),
        L(1, turn=-0.25, pivot=True, air=0.45), R(1, turn=0.45, pivot=True, air=0.45),
        L(1.5, turn=0.45, pivot=True, air=0.45), R(1.5, turn=-0.25, pivot=True, air=0.45),
        L(2, turn=-0.25, pivot=True, air=0.45), R(2, turn=0.45, pivot=True, air=0.45),
        L(2.5, turn=0.45, pivot=True, air=0.45), R(2.5, turn=-0.25, pivot=True, air=0.45),
        L(3, 0.12, 0.05, 0.15, weight=0.0, pitch=-0.3),
    ),
    body={
        "twist": {0: 0.1, 1: -0.12, 1.5: 0.12, 2: -0.12, 2.5: 0.12, 3: -0.1},
        "turn": {0: -0.1, 1: 0.15, 1.5: -0.15, 2: 0.15, 2.5: -0.15, 3: 0.15},
        "sink": {0: 0.04, 3: 0.05},
        "bow": {0: 0.1, 2: 0.15, 3: 0.02},
        "nod": {0: 0.15, 3: -0.05},
    },
    arms={0: "wide", 1: "bent", 1.5: "wide", 2: "bent", 2.5: "wide", 3: ("wing", "guard")},
    weight={0: 0.6, 1: 0.5, 3: 0.12},
    bounce=0.018,
).both_sides()  # fmt: skip

PARTY_MACHINE = Phrase(
    4,
    steps=(
        L(0, 0.22, 0.0, 0.5), R(0.5, -0.22, 0.0, 0.5),
        L(1, turn=-0.05, pivot=True, air=0.5), R(1, turn=-0.05, pivot=True, air=0.5),
        L(2, turn=0.5, pivot=True, air=0.5), R(2, turn=0.5, pivot=True, air=0.5),
        L(3, turn=-0.05, pivot=True, air=0.5), R(3, turn=-0.05, pivot=True, air=0.5),
    ),
    body={
        "bow": each(4, 0.25, 0.06, every=0.5),
        "sink": each(4, 0.08, 0.03, every=0.5),
        "side": {0: 0.04, 1: -0.04, 2: 0.04, 3: -0.04},
        "lean": {0: -0.1, 1: 0.1, 2: -0.1, 3: 0.1},
        "nod": each(4, 0.12, -0.1, every=0.5),
    },
    arms={k / 2: ("rein_down", "rein_up")[k % 2] for k in range(8)},
    weight={0: 0.6, 1: 0.4, 2: 0.6, 3: 0.4},
    bounce=0.02,
).twice()  # fmt: skip

BUTTERFLY = Phrase(
    4,
    steps=(
        L(0, 0.25, 0.0, 0.5), R(1, -0.25, 0.0, 0.5), L(2, turn=0.0, pivot=True, air=0.45),
        L(2.5, turn=0.5, pivot=True, air=0.45),
        R(3, turn=0.0, pivot=True, air=0.45), R(3.5, turn=0.5, pivot=True, air=0.45),
    ),
    body={
        "sink": {0: 0.08, 1: 0.11, 2: 0.13, 2.5: 0.11, 3: 0.13, 3.5: 0.1},
        "side": {0: 0.05, 1: -0.05, 2: -0.05, 3: 0.05},
        "lean": {0: -0.1, 1: 0.1, 2: 0.12, 3: -0.12},
        "bow": {0: 0.12, 2: 0.2},
        "turn": {0: -0.1, 1: 0.1, 2: 0.2, 3: -0.2},
    },
    arms={0: "wide", 1: "low_front", 2: ("cross", "wide"), 2.5: "wide", 3: ("wide", "cross"), 3.5: "wide"},
    weight={0: 0.65, 1: 0.35, 2: 0.3, 3: 0.7},
    bounce=0.02,
).twice()  # fmt: skip

CHEST_POP = Phrase(
    4,
    steps=_WIDE,
    body={
        "pop": {0: 0.05, 0.5: -0.03, 1: 0.05, 1.5: -0.03, 2: 0.05, 2.5: 0.0, 3: -0.04},
        "slide": {0: 0.0, 2: 0.0, 2.5: 0.045, 3: -0.045},
        "bow": {0: -0.06, 0.5: 0.12, 1: -0.06, 1.5: 0.12, 2: -0.08, 3: 0.18},
        "shrug_left": {0: 0.0, 0.5: 0.12, 1: 0.0, 1.5: 0.12, 2: 0.0, 3: 0.2},
        "shrug_right": {0: 0.0, 0.5: 0.12, 1: 0.0, 1.5: 0.12, 2: 0.0, 3: 0.2},
        "sink": {0: 0.03, 3: 0.07},
        "nod": {0: -0.08, 0.5: 0.05, 1: -0.08, 1.5: 0.05, 2: -0.1, 3: 0.15},
    },
    arms={0: "wing", 0.5: "tuck", 1: "wing", 1.5: "tuck", 2: "wide", 3: "low_front"},
    weight={0: 0.55, 1: 0.5, 2: 0.58, 3: 0.42},
    bounce=0.015,
    snap=0.6,
).twice()

DOUGIE = Phrase(
    4,
    steps=(L(0, 0.24, 0.0, 0.3), R(1, -0.16, 0.0, 0.25), L(2, 0.22, 0.0, 0.3), R(3, -0.18, 0.0, 0.25)),
    body={
        "lean": {0: -0.20, 1: 0.14, 2: -0.16, 3: 0.16},
        "turn": {0: -0.2, 1: 0.25, 2: -0.15, 3: 0.2},
        "side": {0: 0.04, 1: -0.04, 2: 0.04, 3: -0.04},
        "bow": {0: 0.02, 1: 0.14, 2: 0.04, 3: 0.14},
        "sink": {0: 0.03, 1: 0.06, 2: 0.03, 3: 0.07},
        "cock": {0: -0.15, 1: 0.1, 2: -0.1, 3: 0.1},
    },
    arms={0: ("head", "loose"), 1: ("pump", "wide"), 2: ("loose", "head"), 3: ("wide", "pump")},
    bounce=0.035,
    snap=0.15,
).both_sides()

STEP_ROCK = Phrase(
    4,
    steps=(
        L(0, 0.12, 0.22, 0.2), R(1, -0.12, -0.03), L(2, 0.30, 0.0, 0.35), R(3, -0.12, 0.02, 0.1, **TOUCH),
    ),
    body={
        "bow": {0: 0.22, 0.5: 0.10, 1: -0.02, 2: 0.18, 2.5: 0.05, 3: 0.15},
        "turn": {0: 0.25, 1: -0.15, 2: -0.3, 3: 0.15},
        "lean": {0: 0.0, 1: 0.0, 2: -0.15, 3: 0.08},
        "sink": {0: 0.07, 1: 0.02, 2: 0.08, 3: 0.03},
        "shrug_left": {0: 0.15, 1: 0.0, 2: 0.15, 3: 0.0}, "shrug_right": {0: 0.0, 1: 0.15, 2: 0.0, 3: 0.15},
    },
    arms={0: ("low_back", "guard"), 1: ("guard", "wide"), 2: ("wing", "cross"), 3: ("guard", "guard")},
    bounce=0.035,
    snap=0.35,
).both_sides()  # fmt: skip

STEVE_MARTIN = Phrase(
    2,
    steps=(L(0, 0.15, 0.0, 0.25, air=0.45), R(0.5, -0.42, 0.02, 0.3, weight=0.0, lift=0.20, pitch=0.2), R(1, -0.16)),
    body={
        "lean": {0: 0.05, 0.5: 0.22, 1: 0.0, 1.5: -0.05},
        "turn": {0: 0.1, 0.5: 0.2, 1: -0.1},
        "bow": {0: 0.16, 0.5: 0.06, 1: 0.16},
        "sink": {0: 0.05, 0.5: 0.01, 1: 0.05},
        "side": {0: 0.0, 0.5: 0.03, 1: 0.0},
    },
    arms={0: "tuck", 0.5: ("wide", "guard"), 1: "tuck", 1.5: "bent"},
    bounce=0.02,
    snap=0.3,
).both_sides()

MOVES = (
    move("running_man", "Running man", "hiphop pop", "step", 0.8, (90, 130), RUNNING_MAN_OUT),
    move("bart_simpson", "Bart Simpson", "hiphop", "step", 0.65, _HOP, BART_SIMPSON),
    move("reebok", "Reebok", "hiphop", "groove", 0.55, (80, 118), REEBOK),
    move("cabbage_patch", "Cabbage patch", "hiphop pop disco", "groove", 0.5, (80, 125), CABBAGE_PATCH),
    move("wop", "Wop", "hiphop", "groove", 0.6, (80, 120), WOP),
    move("roger_rabbit", "Roger rabbit", "hiphop", "step", 0.75, _HOP, ROGER_RABBIT),
    move("happy_feet", "Happy feet", "hiphop charleston", "step", 0.6, (80, 125), HAPPY_FEET),
    move("party_machine", "Party machine", "hiphop", "groove", 0.75, _HOP, PARTY_MACHINE),
    move("butterfly", "Butterfly", "hiphop", "groove", 0.55, (75, 115), BUTTERFLY),
    move("chest_pop", "Chest pops", "hiphop pop", "groove", 0.5, (75, 115), CHEST_POP),
    move("dougie", "Dougie", "hiphop pop", "groove", 0.4, (75, 115), DOUGIE),
    move("step_rock", "Rock step", "hiphop pop", "step", 0.55, (80, 120), STEP_ROCK),
    move("steve_martin", "Steve Martin", "hiphop", "step", 0.75, _HOP, STEVE_MARTIN),
)
