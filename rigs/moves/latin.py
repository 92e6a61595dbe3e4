# SPDX-License-Identifier: GPL-3.0-or-later
"""Salsa (on one) and cha-cha (two, three, cha-cha-one): knees and hips make the style, the chest stays quiet."""

from __future__ import annotations

from typing import Any

from .move import Arms, Keys, L, Phrase, R, move

_TURN = 6.283185307179586
_SALSA = (140.0, 210.0)
_CHACHA = (100.0, 132.0)
_LATIN: Any = {"bounce": 0.008, "cuban": 0.16, "snap": 0.05, "swing": 0.35}
_ARMS: Arms = {0: ("latin", "latin_low"), 1: ("latin_low", "latin"), 2: ("latin", "latin_low"), 3: "latin"}

SALSA_BASIC = Phrase(
    4,
    steps=(L(0, 0.09, 0.22, 0.1), R(1, -0.10, 0.0, 0.2), L(2, 0.09, 0.0, 0.2)),
    body={
        "twist": {0: -0.16, 1: 0.12, 2: 0.10, 3: -0.04}, "turn": {0: 0.10, 1: -0.08, 2: -0.06, 3: 0.03},
        "sink": {0: 0.02, 1: 0.01, 2: 0.0, 3: 0.01}, "bow": {0: 0.05, 1: 0.0},
    },
    arms=_ARMS,
    **_LATIN,
).then(
    Phrase(
        4,
        steps=(R(0, -0.09, -0.22, 0.15), L(1, 0.10, 0.0, 0.2), R(2, -0.09, 0.0, 0.2)),
        body={
            "twist": {0: -0.16, 1: -0.12, 2: -0.10, 3: 0.04}, "turn": {0: 0.10, 1: 0.08, 2: 0.06, 3: -0.03},
            "sink": {0: 0.02, 1: 0.01, 2: 0.0, 3: 0.01}, "bow": {0: 0.02, 1: 0.0},
        },
        arms={0: ("latin_low", "latin"), 1: ("latin", "latin_low"), 2: ("latin_low", "latin"), 3: "latin"},
    )
)  # fmt: skip

SALSA_SIDE = Phrase(
    4,
    steps=(L(0, 0.32, 0.0, 0.25), R(1, -0.10, 0.0, 0.2), L(2, 0.08, 0.0, 0.2)),
    body={
        "twist": {0: 0.12, 1: -0.10, 2: 0.08, 3: 0.0},
        "turn": {0: -0.08, 1: 0.08, 2: -0.05, 3: 0.0},
        "lean": {0: 0.05, 1: -0.04, 2: 0.0},
        "look": {0: 0.2, 1: 0.0},
    },
    arms={0: ("latin_out", "latin"), 1: ("latin_low", "latin"), 2: ("latin", "latin_low"), 3: "latin"},
    **_LATIN,
).both_sides()

SALSA_BACK = Phrase(
    4,
    steps=(L(0, 0.05, -0.26, 0.3, pitch=0.25), R(1, -0.10, 0.0, 0.2), L(2, 0.10, 0.0, 0.2)),
    body={
        "twist": {0: 0.30, 1: 0.05, 2: 0.08, 3: 0.0}, "turn": {0: 0.18, 1: 0.0, 2: -0.05},
        "look": {0: 0.1, 1: 0.0}, "sink": {0: 0.03, 1: 0.0},
    },
    arms={0: ("latin_out", "latin"), 1: ("latin", "latin_low"), 2: ("latin_low", "latin"), 3: "latin"},
    **_LATIN,
).both_sides()  # fmt: skip

SALSA_TURN = Phrase(
    8,
    steps=(
        L(0, 0.09, 0.20, 0.1), R(1, -0.10, 0.0, 0.2), L(2, 0.10, 0.0, 0.1),
        R(4, -0.06, 0.10, 0.25), L(5, 0.10, 0.0, 0.1), R(6, -0.10, 0.0, 0.15),
    ),
    body={
        "heading": {0: 0.0, 1: 0.0, 2: 0.25, 3: 0.1, 4: -0.28 * _TURN, 5: -0.78 * _TURN, 6: -_TURN, 7: -_TURN},
        "twist": {0: -0.12, 1: 0.1, 2: 0.1, 3: 0.0}, "turn": {0: 0.1, 2: 0.2, 3: 0.1, 4: -0.1, 6: 0.0},
        "sink": {0: 0.02, 3: 0.03, 4: 0.02, 5: -0.01, 6: 0.0},
    },
    arms={0: ("latin", "latin_low"), 1: ("latin_low", "latin"), 2: ("latin", "frame"), 3: ("chest", "lamp"),
        4: ("chest", "lamp"),
          5: ("chest", "lamp"), 6: ("latin", "latin_out"), 7: "latin"},
    spot=True,
    **_LATIN,
)  # fmt: skip

CROSS_BODY = Phrase(
    8,
    steps=(
        L(0, 0.09, 0.20, 0.1), R(1, -0.10, 0.0, 0.15), L(2, 0.16, 0.0, 0.4),
        R(4, -0.10, 0.10, 0.1), L(5, 0.10, 0.05, 0.3), R(6, -0.10, 0.0, 0.15),
    ),
    body={
        "heading": {0: 0.0, 1: 0.1, 2: 0.25 * _TURN, 3: 0.25 * _TURN, 4: 0.28 * _TURN, 5: 0.44 * _TURN, 6: 0.5 * _TURN},
        "path_x": {0: 0.0, 2: 0.12, 4: 0.24, 5: 0.20, 6: 0.12},
        "path_z": {0: 0.05, 1: 0.0, 4: -0.10, 5: -0.16, 6: -0.18},
        "twist": {0: -0.12, 1: 0.1, 2: 0.0, 4: 0.12, 5: -0.1, 6: 0.0}, "turn": {2: 0.15, 4: -0.1, 6: 0.0},
        "look": {2: 0.3, 4: 0.35, 6: 0.0},
    },
    arms={0: ("latin", "latin_low"), 1: ("latin_low", "latin"), 2: ("latin_out", "latin"), 3: ("latin_out", "latin"),
          4: ("frame", "latin_out"), 5: ("latin", "latin_out"), 6: "latin"},
    **_LATIN,
)  # fmt: skip

SUZY_Q = Phrase(
    4,
    steps=(L(0, -0.06, 0.24, 0.0), R(1, -0.26, 0.0, 0.2), L(2, -0.02, 0.22, 0.05)),
    body={
        "twist": {0: -0.38, 1: 0.20, 2: -0.30, 3: -0.05}, "turn": {0: 0.28, 1: -0.15, 2: 0.22, 3: 0.0},
        "sink": {0: 0.03, 1: 0.0, 2: 0.02, 3: 0.0}, "look": {0: -0.15, 3: 0.0},
    },
    arms={0: ("cross", "latin_out"), 1: ("latin_out", "latin"), 2: ("cross", "latin_out"), 3: "latin"},
    **_LATIN,
).both_sides()  # fmt: skip

_SWAY: dict[str, Keys] = {"lean": {0: 0.06, 1: 0.0, 2: 0.0, 3: -0.04}}

CHACHA_BASIC = Phrase(
    4,
    steps=(L(0, 0.26, 0.0, 0.25), R(1, -0.05, -0.22, 0.3, pitch=0.15), L(2, 0.11, 0.0, 0.2), R(3, -0.14), L(3.5, 0.04)),
    body={
        "twist": {0: 0.08, 1: -0.24, 2: 0.12, 3: -0.08, 3.5: 0.08}, "turn": {0: -0.05, 1: 0.0, 2: -0.08, 3: 0.05},
        "sink": {0: 0.01, 1: 0.03, 2: 0.0}, **_SWAY,
    },
    arms={0: ("latin_out", "latin"), 1: ("latin", "latin_out"), 2: ("latin_low", "latin"), 3: "latin"},
    **_LATIN,
).then(
    Phrase(
        4,
        steps=(R(0, -0.26, 0.0, 0.25), L(1, 0.06, 0.22, 0.1), R(2, -0.11, 0.0, 0.2), L(3, 0.14), R(3.5, -0.04)),
        body={
            "twist": {0: -0.08, 1: -0.18, 2: -0.10, 3: 0.08, 3.5: -0.08}, "turn": {0: 0.05, 1: 0.12, 2: 0.06},
            "sink": {0: 0.01, 1: 0.03, 2: 0.0}, "lean": {0: -0.06, 1: 0.0, 3: 0.04},
        },
        arms={0: ("latin", "latin_out"), 1: ("latin", "latin_low"), 2: ("latin_low", "latin"), 3: "latin"},
    )
)  # fmt: skip

NEW_YORKER = Phrase(
    4,
    steps=(L(0, 0.26, 0.0, 0.25), R(1, -0.06, 0.26, 0.0), L(2, 0.11, 0.0, 0.15), R(3, -0.15), L(3.5, 0.04)),
    body={
        "heading": {0: 0.0, 1: 1.05, 2: 0.75, 3: 0.0, 3.5: 0.0},
        "twist": {0: 0.1, 1: 0.15, 2: 0.0, 3: -0.05}, "turn": {0: -0.1, 1: -0.35, 2: -0.1, 3: 0.0},
        "look": {0: 0.15, 1: 0.0, 2: -0.3, 3: 0.0}, "sink": {0: 0.01, 1: 0.03, 2: 0.0}, "nod": {1: -0.1, 2: 0.0},
    },
    arms={0: "latin", 1: ("latin_out", "vee"), 2: "latin", 3: ("latin_out", "latin"), 3.5: "latin"},
    weight={0.95: 0.5, 1.15: 0.32},
    **_LATIN,
).both_sides()  # fmt: skip

HAND_TO_HAND = Phrase(
    4,
    steps=(L(0, 0.26, 0.0, 0.25), R(1, -0.08, -0.24, 0.2, pitch=0.12), L(2, 0.11, 0.0, 0.15), R(3, -0.15),
        L(3.5, 0.04)),
    body={
        "heading": {0: 0.0, 1: -1.0, 2: -0.7, 3: 0.0, 3.5: 0.0},
        "twist": {0: 0.1, 1: -0.1, 2: 0.0}, "turn": {0: -0.1, 1: 0.15, 2: 0.1, 3: 0.0},
        "look": {0: -0.1, 1: 0.2, 2: 0.3, 3: 0.0}, "sink": {0: 0.01, 1: 0.03, 2: 0.0},
    },
    arms={0: "latin", 1: ("front", "latin_out"), 2: ("latin", "latin_low"), 3: ("latin_out", "latin"), 3.5: "latin"},
    **_LATIN,
).both_sides()  # fmt: skip

SPOT_TURN = Phrase(
    4,
    steps=(L(0, 0.26, 0.0, 0.25), R(1, -0.12, 0.16, 0.0), L(2, 0.12, 0.0, 0.1), R(3, -0.15), L(3.5, 0.07)),
    body={
        "heading": {0: 0.0, 1: 0.22 * _TURN, 2: 0.72 * _TURN, 3: _TURN, 3.5: _TURN},
        "turn": {0: -0.2, 1: 0.1, 2: 0.1, 3: 0.0},
        "sink": {0: 0.02, 2: 0.0},
    },
    arms={0: ("latin_out", "latin_out"), 1: ("latin", "latin"), 2: "chest", 3: ("latin_out", "latin"), 3.5: "latin"},
    spot=True,
    **_LATIN,
).both_sides()

TIME_STEP = Phrase(
    4,
    steps=(L(0, 0.24, 0.0, 0.25), R(1, 0.02, -0.17, 0.2, pitch=0.22), L(2, 0.12, 0.0, 0.2), R(3, -0.14), L(3.5, 0.02)),
    body={
        "twist": {0: 0.1, 1: -0.25, 2: 0.12, 3: -0.1, 3.5: 0.1}, "turn": {0: -0.08, 1: 0.18, 2: -0.08, 3: 0.05},
        "slide": {0: 0.02, 1: 0.0, 2: 0.015, 3: -0.015}, "hike": {0: 0.04, 1: -0.04, 2: 0.05, 3: -0.04},
    },
    arms={0: ("hip", "latin"), 1: ("hip", "latin_out"), 2: ("hip", "latin"), 3: ("latin", "latin")},
    **_LATIN,
).both_sides()  # fmt: skip

CUBAN_BREAK = Phrase(
    4,
    steps=(
        L(0, 0.22), R(1, 0.04, 0.16, 0.0), L(1.5, 0.12), R(2, -0.16), L(2.5, 0.11, 0.0, 0.2), R(3, 0.04, 0.16, 0.0),
        L(3.5, 0.12),
    ),
    body={
        "twist": {0: 0.08, 1: 0.32, 1.5: 0.1, 2: -0.1, 2.5: 0.1, 3: 0.32, 3.5: 0.1},
        "turn": {0: -0.05, 1: -0.2, 1.5: 0.0, 2: 0.08, 3: -0.2, 3.5: 0.0}, "look": {0: 0.0, 1: 0.15, 2: 0.0, 3: 0.15},
    },
    arms={0: "latin", 1: ("latin", "cross"), 1.5: "latin", 2: ("latin", "latin_out"), 3: ("latin", "cross"),
        3.5: "latin"},
    **_LATIN,
).both_sides()  # fmt: skip

MOVES = (
    move("salsa_basic", "Salsa basic", "salsa", "step", 0.45, _SALSA, SALSA_BASIC),
    move("salsa_side", "Salsa side basic", "salsa", "step", 0.45, _SALSA, SALSA_SIDE),
    move("salsa_back", "Salsa back breaks", "salsa", "step", 0.5, _SALSA, SALSA_BACK),
    move("salsa_turn", "Salsa right turn", "salsa", "turn", 0.7, (140, 195), SALSA_TURN),
    move("cross_body", "Cross body", "salsa", "turn", 0.6, (140, 200), CROSS_BODY),
    move("suzy_q", "Suzy Q", "salsa charleston", "step", 0.65, (120, 195), SUZY_Q),
    move("chacha_basic", "Cha-cha basic", "chacha", "step", 0.45, _CHACHA, CHACHA_BASIC),
    move("new_yorker", "New Yorker", "chacha", "step", 0.6, _CHACHA, NEW_YORKER),
    move("hand_to_hand", "Hand to hand", "chacha", "step", 0.55, _CHACHA, HAND_TO_HAND),
    move("spot_turn", "Spot turn", "chacha", "turn", 0.7, (100, 126), SPOT_TURN),
    move("time_step", "Time step", "chacha", "step", 0.5, _CHACHA, TIME_STEP),
    move("cuban_break", "Cuban breaks", "chacha", "step", 0.65, (100, 124), CUBAN_BREAK),
)
