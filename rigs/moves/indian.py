# SPDX-License-Identifier: GPL-3.0-or-later
"""Bhangra, Bollywood, and steps of the classical dances: stamped feet, speaking hands."""

from __future__ import annotations

from typing import Any

from .move import HEEL, KNEE, STAMP, TAP, L, Phrase, R, each, move

_BHANGRA = (90.0, 140.0)

BHANGRA_SHOULDERS = Phrase(
    4,
    steps=(L(0, 0.2, 0.0, 0.3), R(1, -0.2, 0.0, 0.3)),
    body={
        "shrug_left": each(4, 0.32, 0.0, every=0.5), "shrug_right": each(4, 0.32, 0.0, every=0.5),
        "side": each(4, 0.03, -0.03), "lean": each(4, -0.08, 0.08), "turn": each(4, 0.08, -0.08),
        "sink": each(4, 0.05, 0.01, every=0.5), "nod": each(4, -0.08, 0.02, every=0.5), "cock": each(4, -0.1, 0.1),
        "heel_left": each(4, 0.0, 0.2), "heel_right": each(4, 0.2, 0.0),
    },
    arms={0: "lamp", 0.5: "lamp_wide", 1: "lamp", 1.5: "lamp_wide", 2: "lamp", 2.5: "lamp_wide", 3: "lamp",
        3.5: "lamp_wide"},
    weight=each(4, 0.7, 0.3),
    bounce=0.015,
    snap=0.2,
).twice()  # fmt: skip

BHANGRA_HOP = Phrase(
    2,
    steps=(L(0, 0.12, 0.0, 0.2, **STAMP), R(0.5, -0.16, 0.14, 0.3, **KNEE), R(1, -0.12, 0.0, 0.2, **STAMP),
           L(1.5, 0.16, 0.14, 0.3, **KNEE)),
    body={
        "lean": {0: 0.06, 0.5: 0.08, 1: -0.06, 1.5: -0.08}, "turn": {0: 0.12, 1: -0.12}, "nod": {0: -0.1, 1: -0.1},
        "sink": each(2, 0.05, -0.01, every=0.5), "shrug_left": each(2, 0.2, 0.0, every=0.5),
        "shrug_right": each(2, 0.2, 0.0, every=0.5), "bow": each(2, 0.06, -0.04, every=0.5),
    },
    arms={0: ("lamp", "vee"), 0.5: ("lamp_wide", "vee"), 1: ("vee", "lamp"), 1.5: ("vee", "lamp_wide")},
    bounce=0.01,
    snap=0.3,
).twice().then(
    Phrase(
        4,
        steps=(L(0, 0.12, 0.0, 0.2, **STAMP), R(0.5, -0.16, 0.14, 0.3, **KNEE), R(1, -0.12, 0.0, 0.2, **STAMP),
               L(1.5, 0.16, 0.14, 0.3, **KNEE), L(2, 0.14, **STAMP), R(3, -0.14, **STAMP)),
        body={
            "lean": {0: 0.06, 1: -0.06, 2: 0.0}, "sink": {0: 0.05, 0.5: -0.01, 1: 0.05, 1.5: -0.01, 2: 0.07, 3: 0.04},
            "shrug_left": each(4, 0.2, 0.0, every=0.5), "shrug_right": each(4, 0.2, 0.0, every=0.5),
        },
        arms={0: ("lamp", "vee"), 0.5: ("lamp_wide", "vee"), 1: ("vee", "lamp"), 1.5: ("vee", "lamp_wide"), 2: "vee",
            3: "clap_up"},
    )
)  # fmt: skip

LUDDI = Phrase(
    4,
    steps=(L(0, 0.24, 0.05, 0.35), R(1, -0.05, 0.0, 0.1, **TAP), R(2, -0.14, 0.0, 0.2), L(3, 0.14, 0.14, 0.2, **HEEL)),
    body={
        "side": {0: 0.03, 1: 0.04, 2: 0.0}, "lean": {0: -0.15, 1: -0.2, 2: 0.0, 3: 0.12},
        "turn": {0: 0.2, 1: 0.28, 2: 0.0, 3: -0.1},
        "hike": {0: 0.06, 1: 0.1, 2: 0.0}, "look": {0: 0.2, 1: 0.3, 2: 0.0}, "cock": {0: -0.1, 1: -0.15, 3: 0.1},
        "shrug_left": each(4, 0.18, 0.0, every=0.5), "shrug_right": each(4, 0.18, 0.0, every=0.5),
        "sink": {0: 0.04, 1: 0.03, 2: 0.02, 3: 0.03},
    },
    arms={0: ("lamp", "hip"), 0.5: ("lamp_wide", "hip"), 1: ("lamp", "hip"), 2: "curl", 3: ("hip", "lamp")},
    bounce=0.03,
).both_sides()  # fmt: skip

BULB = Phrase(
    4,
    steps=(L(0, 0.22, 0.0, 0.3), R(1, -0.22, 0.0, 0.3)),
    body={
        "side": each(4, 0.05, -0.05), "hike": each(4, 0.10, -0.10), "lean": each(4, 0.10, -0.10),
        "look": each(4, 0.25, -0.25),
        "cock": each(4, -0.1, 0.1), "nod": each(4, -0.1, -0.1), "sink": each(4, 0.03, 0.05),
        "heel_left": each(4, 0.0, 0.3), "heel_right": each(4, 0.3, 0.0),
    },
    arms={0: ("lamp_wide", "hip"), 0.5: ("lamp", "hip"), 1: ("hip", "lamp_wide"), 1.5: ("hip", "lamp"),
          2: ("lamp_wide", "hip"), 2.5: ("lamp", "hip"), 3: ("hip", "lamp_wide"), 3.5: ("hip", "lamp")},
    weight=each(4, 0.8, 0.2),
    bounce=0.03,
    snap=0.2,
).twice()  # fmt: skip

THUMKA = Phrase(
    4,
    steps=(L(0, 0.16, 0.06, 0.3, pitch=0.25, weight=0.45), L(2, 0.13, 0.0, 0.2), R(3, -0.14)),
    body={
        "side": {0: 0.05, 0.5: 0.0, 1: 0.065, 1.5: 0.0, 2: 0.03, 3: -0.02},
        "hike": {0: 0.16, 0.5: 0.0, 1: 0.18, 1.5: 0.0, 2: 0.05, 3: -0.05},
        "lean": {0: 0.10, 0.5: 0.02, 1: 0.12, 2: 0.0}, "turn": {0: -0.12, 2: 0.1},
        "look": {0: 0.3, 1: 0.35, 2: 0.0, 3: -0.1},
        "cock": {0: -0.12, 1: -0.15, 2: 0.08}, "sink": {0: 0.03, 0.5: 0.01, 1: 0.03, 2: 0.02},
    },
    arms={0: ("hip", "lamp"), 1: ("hip", "lamp"), 2: "mudra_front", 3: "lamp"},
    weight={0: 0.35, 0.5: 0.2, 1: 0.38, 1.5: 0.15},
    bounce=0.012,
    snap=0.35,
).both_sides()  # fmt: skip

# The half-sitting stance: heels near, knees and toes out, arms drawn on lines.
_SIT: Any = {"turn": 0.62, "roll": 0.02}
TATKAR = Phrase(
    4,
    steps=(L(0, 0.16, 0.0, **_SIT), R(0.5, -0.16, 0.0, **_SIT), L(1, 0.16, 0.0, **_SIT), R(1.5, -0.16, 0.0, **_SIT),
           R(2, -0.16, 0.0, **_SIT), L(2.5, 0.16, 0.0, **_SIT), R(3, -0.16, 0.0, **_SIT), L(3.5, 0.16, 0.0, **_SIT)),
    body={
        "sink": {0: 0.08, 1: 0.09, 2: 0.08, 3: 0.09}, "look": {0: 0.35, 1: 0.1, 2: -0.35, 3: -0.1}, "bow": {0: -0.03},
        "lean": {0: -0.03, 2: 0.03}, "slide": {0: 0.012, 2: -0.012},
    },
    arms={0: ("mudra_side", "namaste"), 1: ("mudra_front", "namaste"), 2: ("namaste", "mudra_side"),
        3: ("namaste", "mudra_front")},
    bounce=0.0,
    cuban=0.0,
    swing=0.0,
    snap=0.35,
).twice()  # fmt: skip

ADAVU = Phrase(
    4,
    steps=(L(0, 0.17, 0.0, **_SIT), R(1, -0.17, 0.0, **_SIT), L(2, 0.32, 0.08, 0.6, **HEEL), L(3, 0.17, 0.0, **_SIT)),
    body={
        "sink": {0: 0.10, 1: 0.10, 2: 0.11, 3: 0.09}, "lean": {0: 0.0, 2: -0.16, 3: 0.0}, "turn": {2: 0.12, 3: 0.0},
        "look": {0: 0.0, 1: 0.1, 2: 0.4, 3: 0.0}, "nod": {2: 0.08, 3: -0.04}, "bow": {0: -0.03, 2: 0.03},
    },
    arms={0: "namaste", 1: "mudra_front", 2: ("mudra_side", "lamp"), 3: "namaste"},
    bounce=0.0,
    cuban=0.0,
    swing=0.0,
    snap=0.5,
).both_sides()  # fmt: skip

GARBA = Phrase(
    4,
    steps=(L(0, 0.16, 0.12, 0.2), R(1, -0.10, 0.10, 0.1), L(2, 0.12, 0.06, 0.15), R(3, -0.10, 0.02, 0.1, **TAP)),
    body={
        "heading": {0: 0.25, 1: 0.0, 2: -0.2, 3: 0.0},
        "bow": {0: 0.16, 1: 0.02, 2: 0.0, 3: 0.08},
        "turn": {0: 0.15, 1: 0.0, 2: -0.15, 3: 0.0},
        "hike": each(4, 0.06, -0.06),
        "sink": {0: 0.05, 1: 0.0, 2: 0.02, 3: 0.03},
        "look": {0: 0.1, 2: -0.1},
        "path_z": {0: 0.06, 1: 0.1, 2: 0.1, 3: 0.0},
    },
    arms={0: "low_back", 1: "clap", 2: ("lamp_wide", "open"), 3: "clap_up"},
    bounce=0.03,
).both_sides()

MOVES = (
    move("bhangra_shoulders", "Bhangra shoulders", "indian", "groove", 0.7, _BHANGRA, BHANGRA_SHOULDERS),
    move("bhangra_hop", "Bhangra hop", "indian", "step", 0.9, (90, 132), BHANGRA_HOP),
    move("luddi", "Luddi", "indian", "step", 0.6, _BHANGRA, LUDDI),
    move("bulb", "Screw the bulb", "indian pop", "arms", 0.5, (80, 130), BULB),
    move("thumka", "Thumka", "indian", "groove", 0.5, (75, 125), THUMKA),
    move("tatkar", "Stamped tatkar", "indian", "step", 0.7, (70, 115), TATKAR),
    move("adavu", "Adavu", "indian", "pose", 0.6, (70, 120), ADAVU),
    move("garba", "Garba claps", "indian", "step", 0.55, (80, 135), GARBA),
)
