# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardly dancing: a body that hears the music and stays where it is."""

from __future__ import annotations

from typing import Any

from .move import HEEL, L, Phrase, R, each, move

_ANY = (55.0, 160.0)
_QUIET: Any = {"swing": 0.1, "snap": 0.05}

BREATHE = Phrase(
    8,
    body={
        "bow": {0: 0.0, 2: -0.02, 4: 0.01, 6: -0.015},
        "look": {0: 0.0, 3: 0.15, 6: -0.05},
        "lean": {0: 0.0, 4: 0.02},
    },
    arms={0: "hang"},
    weight={0: 0.42, 4: 0.58},
    bounce=0.004,
    cuban=0.06,
    swing=0.0,
    snap=0.0,
)

WEIGHT_SHIFT = Phrase(
    4,
    steps=(L(0, 0.13, 0.02),),
    body={
        "hike": {0: 0.04, 2: -0.03},
        "turn": {0: -0.04, 2: 0.05},
        "look": {0: 0.2, 2: 0.05, 3: -0.15},
        "heel_right": {0: 0.0, 1: 0.1, 2: 0.0},
    },
    arms={0: "hang", 2: ("hang", "loose")},
    weight={0: 0.6, 1: 0.8, 2: 0.55, 3: 0.32},
    bounce=0.01,
    cuban=0.12,
    **_QUIET,
).both_sides()

BOB = Phrase(
    4,
    steps=(L(0, 0.14),),
    body={
        "nod": each(4, 0.10, -0.02, every=0.5),
        "turn": each(4, 0.04, -0.04),
        "lean": each(4, -0.03, 0.03),
        "shrug_left": each(4, 0.06, 0.0, every=0.5),
        "shrug_right": each(4, 0.06, 0.0, every=0.5),
    },
    arms={0: "hang", 2: "loose"},
    weight=each(4, 0.56, 0.44),
    bounce=0.035,
    **_QUIET,
).twice()

SWAY = Phrase(
    4,
    steps=(L(0, 0.17), R(2, -0.17)),
    body={
        "side": each(4, 0.03, -0.03),
        "lean": each(4, -0.07, 0.07),
        "look": each(4, 0.12, -0.12),
        "cock": each(4, -0.05, 0.05),
        "heel_left": each(4, 0.0, 0.15),
        "heel_right": each(4, 0.15, 0.0),
        "turn": each(4, 0.06, -0.06),
    },
    arms={0: ("hang", "loose"), 1: ("loose", "hang"), 2: ("hang", "loose"), 3: ("loose", "hang")},
    weight=each(4, 0.76, 0.24),
    bounce=0.015,
    cuban=0.14,
    **_QUIET,
).twice()

HEAD_NOD = Phrase(
    4,
    body={
        "nod": each(4, 0.24, -0.06, every=0.5),
        "bow": each(4, 0.05, 0.0, every=0.5),
        "look": {0: 0.0, 2: 0.15, 3: 0.0},
        "heel_left": each(4, 0.16, 0.0, every=0.5, start=0.5),
    },
    arms={0: "hang"},
    weight={0: 0.4, 3: 0.38},
    bounce=0.015,
    **_QUIET,
).both_sides()

FINGER_SNAP = Phrase(
    4,
    steps=(L(0, 0.20), R(1, -0.06, 0.0, weight=0.0, pitch=0.12), R(2, -0.20), L(3, 0.06, 0.0, weight=0.0, pitch=0.12)),
    body={
        "lean": {0: -0.06, 1: -0.09, 2: 0.06, 3: 0.09},
        "turn": {0: -0.08, 1: 0.1, 2: 0.08, 3: -0.1},
        "nod": {0: -0.02, 1: 0.12, 2: -0.02, 3: 0.12},
        "cock": {0: -0.04, 1: 0.1, 2: 0.04, 3: -0.1},
    },
    arms={0: ("snap", "snap_down"), 1: ("snap_down", "snap"), 2: ("snap_down", "snap"), 3: ("snap", "snap_down")},
    bounce=0.028,
    **_QUIET,
).twice()

FOOT_TAP = Phrase(
    4,
    steps=(L(0, 0.16, 0.10, 0.25, **HEEL), L(3, 0.12)),
    body={
        "nod": each(4, 0.08, 0.0, every=0.5), "heel_left": {0: 0.0, 0.5: 0.2, 1: 0.0, 1.5: 0.2, 2: 0.0},
        "turn": {0: 0.06, 3: 0.0},
        "hike": {0: -0.04, 3: 0.0}, "look": {0: 0.15, 2: -0.1, 3: 0.0},
    },
    arms={0: ("hang", "hip"), 3: "hang"},
    weight={0: 0.12, 2: 0.12},
    bounce=0.018,
    **_QUIET,
).both_sides()  # fmt: skip

SHOULDER_ROCK = Phrase(
    4,
    steps=(L(0, 0.16), R(2, -0.16)),
    body={
        "shrug_left": each(4, 0.20, 0.0),
        "shrug_right": each(4, 0.0, 0.20),
        "turn": each(4, -0.16, 0.16),
        "lean": each(4, 0.05, -0.05),
        "nod": each(4, 0.08, 0.0, every=0.5),
        "look": each(4, 0.1, -0.1),
        "slide": each(4, 0.015, -0.015),
    },
    arms={0: ("loose", "bent"), 1: ("bent", "loose"), 2: ("loose", "bent"), 3: ("bent", "loose")},
    weight=each(4, 0.6, 0.4),
    bounce=0.03,
    **_QUIET,
).twice()

HAND_ON_HEART = Phrase(
    8,
    steps=(L(0, 0.17), R(4, -0.17)),
    body={
        "side": each(8, 0.02, 0.03, -0.02, -0.03),
        "lean": {0: -0.05, 2: 0.0, 4: 0.06, 6: 0.0},
        "look": {0: 0.15, 4: -0.15},
        "nod": {0: -0.05, 2: 0.1, 4: -0.05, 6: 0.12},
        "cock": {0: -0.06, 4: 0.08},
        "bow": {0: -0.02, 2: 0.04, 6: 0.04},
    },
    arms={0: ("loose", "hang"), 2: ("chest", "hang"), 4: ("chest", "loose"), 6: ("loose", "wide"), 7: "loose"},
    weight={0: 0.7, 2: 0.62, 4: 0.3, 6: 0.38},
    bounce=0.014,
    **_QUIET,
)

MOVES = (
    move("idle", "Standing at ease", "subtle", "idle", 0.0, (50, 200), BREATHE, (2, 3, 4)),
    move("weight_shift", "Weight shift", "subtle", "idle", 0.05, (50, 150), WEIGHT_SHIFT),
    move("bob", "Bob", "subtle hiphop", "groove", 0.2, _ANY, BOB),
    move("sway", "Sway", "subtle", "groove", 0.15, (55, 130), SWAY),
    move("head_nod", "Head nod", "subtle hiphop", "groove", 0.15, _ANY, HEAD_NOD),
    move("finger_snap", "Finger snaps", "subtle pop", "arms", 0.25, (60, 140), FINGER_SNAP),
    move("foot_tap", "Foot tap", "subtle", "groove", 0.15, (60, 150), FOOT_TAP),
    move("shoulder_rock", "Shoulder rock", "subtle pop hiphop", "groove", 0.25, (60, 135), SHOULDER_ROCK),
    move("hand_on_heart", "Hand on the heart", "subtle", "pose", 0.2, (55, 130), HAND_ON_HEART),
)
