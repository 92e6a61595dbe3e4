# SPDX-License-Identifier: GPL-3.0-or-later
"""Ballroom: waltz figures that cover the floor, rumba (two, three, four-one), tango (slow, slow, quick, quick, slow).

Long steps from straight legs, feet that close or pass, and arms carried wide: the lines are the style.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .move import HEEL_FIRST, Arms, Keys, L, Phrase, R, move

_TURN = 6.283185307179586
_FLOW: Any = {"bounce": 0.0, "cuban": 0.02, "snap": 0.0, "swing": 0.0}
_RUMBA: Any = {"bounce": 0.0, "cuban": 0.15, "snap": 0.1, "swing": 0.1}
_TANGO: Any = {"bounce": 0.0, "cuban": 0.0, "snap": 0.55, "swing": 0.0}

_RISE: Keys = {0: 0.05, 1: -0.015, 2: -0.04, 2.6: 0.01}
_RISE2: Keys = {**_RISE, **{3 + beat: value for beat, value in _RISE.items()}}
_HOLD: Arms = {0: ("hold", "hold_out")}


def circle(radius: float, beats: int) -> dict[str, Keys]:
    """Path and heading, a key on each beat, of once round to the left, begun and ended at the edge of the circle."""
    angle = _TURN * (np.arange(beats) + 1) / beats
    way = {"path_x": radius * (1 - np.cos(angle)), "path_z": radius * np.sin(angle), "heading": angle}
    return {
        channel: {float(beat): float(value) for beat, value in enumerate(values)} for channel, values in way.items()
    }


# --- waltz: bars of three ---------------------------------------------------------------------------------------------

CHANGE = Phrase(
    3,
    steps=(L(0, 0.08, 0.10, 0.05, **HEEL_FIRST), R(1, -0.16, 0.10, 0.1), L(2, 0.09, 0.0, 0.1)),
    body={
        "path_z": {0: 0.42, 1: 0.90, 2: 1.02}, "path_x": {0: 0.0, 1: -0.16, 2: -0.26},
        "sink": _RISE, "lean": {0: -0.04, 1: 0.10, 2: 0.06}, "turn": {0: -0.2, 1: 0.0, 2: 0.1},
        "look": {0: 0.3, 2: 0.35}, "nod": {0: -0.05, 2: -0.1}, "bow": {0: 0.03, 2: -0.05},
    },
    arms={0: ("hold", "hold_out"), 1: ("out", "hold_out"), 2: ("out", "hold_out")},
    **_FLOW,
).then(
    Phrase(
        3,
        steps=(R(0, -0.08, -0.10, 0.05), L(1, 0.16, -0.08, 0.1), R(2, -0.09, 0.0, 0.1)),
        body={
            "path_z": {0: -0.42, 1: -0.88, 2: -1.0}, "path_x": {0: 0.0, 1: 0.16, 2: 0.26},
            "sink": _RISE, "lean": {0: 0.04, 1: -0.10, 2: -0.06}, "turn": {0: 0.2, 1: 0.0, 2: -0.1},
            "look": {0: 0.3, 2: 0.1}, "nod": {0: 0.0},
        },
        arms={0: ("out", "hold"), 1: ("hold", "out"), 2: ("hold", "hold_out")},
    )
)  # fmt: skip

WHISK = Phrase(
    3,
    steps=(L(0, 0.10, 0.34, 0.05, **HEEL_FIRST), R(1, -0.34, 0.26, 0.2), L(2, -0.22, 0.08, 0.3)),
    body={
        "sink": {0: 0.05, 1: -0.02, 2: 0.02}, "lean": {0: 0.0, 1: 0.14, 2: 0.10}, "turn": {0: -0.1, 1: 0.15, 2: 0.3},
        "look": {0: 0.2, 1: -0.2, 2: -0.5}, "nod": {2: -0.1}, "twist": {2: 0.12},
    },
    arms={0: ("hold", "hold_out"), 1: ("hold", "out"), 2: ("lift", "out")},
    **_FLOW,
).then(
    Phrase(
        3,
        steps=(R(0, 0.02, 0.26, 0.1), L(1, 0.16, 0.10, 0.2), R(2, -0.11, 0.0, 0.1)),
        body={
            "path_x": {0: -0.1, 1: 0.0, 2: 0.12}, "path_z": {0: 0.06, 1: 0.10, 2: 0.12},
            "sink": _RISE, "lean": {0: -0.06, 1: 0.06, 2: 0.04}, "turn": {0: -0.2, 1: 0.0}, "look": {0: 0.4, 2: 0.0},
        },
        arms={0: ("out", "hold_out"), 1: ("out", "hold"), 2: ("hold", "hold_out")},
    )
)  # fmt: skip

ROUND = Phrase(
    6,
    steps=(
        L(0, 0.07, 0.08, 0.1, **HEEL_FIRST), R(1, -0.09, 0.08, 0.0), L(2, 0.07, 0.08, 0.1),
        R(3, -0.09, 0.08, 0.0, **HEEL_FIRST), L(4, 0.07, 0.08, 0.1), R(5, -0.11, 0.0, 0.1),
    ),
    body={
        **circle(0.42, 6), "sink": _RISE2, "lean": {0: -0.10, 3: -0.12, 5: -0.05}, "turn": {0: 0.25, 3: 0.3, 5: 0.0},
        "look": {0: 0.35, 5: 0.1}, "nod": {0: -0.05, 3: -0.1},
    },
    arms={0: ("open", "hold_out"), 2: ("lift", "out"), 4: ("high", "out"), 5: ("out", "hold_out")},
    **_FLOW,
)  # fmt: skip

SIDE_LUNGE = Phrase(
    3,
    steps=(L(0, 0.46, 0.04, 0.3), R(1, -0.08, 0.03, 0.1, weight=0.12, pitch=0.3)),
    body={
        "sink": {0: 0.10, 1: 0.02, 2: -0.02}, "lean": {0: -0.20, 1: -0.06, 2: 0.04},
        "turn": {0: 0.25, 1: 0.1, 2: 0.0},
        "look": {0: 0.45, 1: 0.3, 2: 0.0}, "hike": {0: -0.03, 2: 0.0}, "bow": {0: 0.06, 1: -0.06, 2: -0.04},
        "path_x": {0: 0.0, 1: 0.24, 2: 0.30},
    },
    arms={0: ("sweep", "low_back"), 1: ("out", "wide"), 2: ("lift", "out")},
    **_FLOW,
).both_sides()  # fmt: skip

# --- rumba: bars of four, steps on two, three and four, hips through one --------------------------------------------

RUMBA_BASIC = Phrase(
    4,
    steps=(L(1, 0.08, 0.34, 0.1), R(2, -0.10, 0.0, 0.2), L(3, 0.34, 0.0, 0.25)),
    body={
        "hike": {0: -0.05, 1: 0.03, 3: 0.0}, "side": {0: -0.03, 1: 0.0, 3: 0.02},
        "twist": {0: 0.10, 1: -0.2, 2: 0.15, 3: 0.05}, "turn": {0: 0.0, 1: 0.25, 2: -0.15, 3: 0.05},
        "bow": {1: 0.02, 2: -0.04}, "look": {0: 0.1, 1: 0.0, 3: 0.25},
    },
    arms={0: ("out", "out"), 1: ("latin_wide", "sweep"), 2: ("sweep", "latin_wide"), 3: ("out", "wide")},
    **_RUMBA,
).then(
    Phrase(
        4,
        steps=(R(1, -0.08, -0.34, 0.1), L(2, 0.10, 0.0, 0.2), R(3, -0.34, 0.0, 0.25)),
        body={
            "hike": {0: 0.05, 1: -0.03, 3: 0.0}, "side": {0: 0.04, 1: 0.0, 3: -0.02},
            "twist": {0: -0.10, 1: -0.2, 2: -0.15, 3: -0.05}, "turn": {0: 0.0, 1: 0.25, 2: 0.15, 3: -0.05},
            "look": {0: -0.1, 1: 0.0, 3: -0.25},
            "path_x": {0: 0.0, 3: 0.12},
        },
        arms={0: ("wide", "out"), 1: ("sweep", "latin_wide"), 2: ("latin_wide", "lift"), 3: ("wide", "out")},
    )
)  # fmt: skip

RUMBA_WALKS = Phrase(
    4,
    steps=(L(1, 0.04, 0.10, 0.15), R(2, -0.04, 0.10, 0.15), L(3, 0.04, 0.10, 0.15)),
    body={
        "path_z": {0: 0.0, 1: 0.38, 2: 0.86, 3: 1.30},
        "hike": {0: -0.05, 1: 0.05, 2: -0.05, 3: 0.05}, "twist": {0: 0.0, 1: -0.2, 2: 0.2, 3: -0.2},
        "turn": {0: 0.0, 1: 0.25, 2: -0.25, 3: 0.2}, "nod": {0: -0.04},
    },
    arms={0: ("out", "out"), 1: ("latin_wide", "out"), 2: ("out", "latin_wide"), 3: ("latin_wide", "out")},
    **_RUMBA,
).then(
    Phrase(
        4,
        steps=(R(1, -0.04, -0.10, 0.15), L(2, 0.04, -0.10, 0.15), R(3, -0.10, 0.0, 0.2)),
        body={
            "path_z": {0: 0.0, 1: -0.38, 2: -0.86, 3: -1.2},
            "hike": {0: 0.05, 1: -0.05, 2: 0.05, 3: -0.05}, "twist": {0: 0.0, 1: -0.2, 2: 0.2, 3: 0.0},
            "turn": {0: 0.0, 1: 0.25, 2: -0.25, 3: 0.0}, "look": {0: 0.0, 1: 0.2, 3: 0.0},
        },
        arms={0: ("out", "lift"), 1: ("out", "sweep"), 2: ("sweep", "out"), 3: ("out", "out")},
    )
)  # fmt: skip

RUMBA_NEW_YORK = Phrase(
    4,
    steps=(L(1, 0.08, 0.40, 0.05), R(2, -0.10, -0.02, 0.2), L(3, 0.32, 0.0, 0.25)),
    body={
        "heading": {0: 0.0, 1: -1.0, 2: -0.6, 3: 0.0},
        "twist": {1: -0.12, 2: 0.0}, "turn": {0: 0.1, 1: 0.3, 2: 0.1, 3: 0.0},
        "look": {0: 0.0, 1: 0.1, 2: 0.25, 3: 0.0}, "nod": {1: -0.12, 2: 0.0}, "bow": {1: -0.04, 2: 0.0},
        "path_x": {0: 0.0, 3: 0.18},
    },
    arms={0: ("out", "out"), 1: ("vee", "out"), 2: ("sweep", "latin_wide"), 3: ("out", "out")},
    **_RUMBA,
).both_sides()  # fmt: skip

CUCARACHA = Phrase(
    4,
    steps=(L(1, 0.42, 0.0, 0.25, weight=0.75), R(2, -0.11, 0.0, 0.2), L(3, -0.02, 0.0, 0.1)),
    body={
        "hike": {0: -0.05, 1: 0.10, 2: -0.08, 3: 0.05}, "side": {0: -0.02, 1: 0.02, 2: -0.03, 3: 0.0},
        "twist": {0: 0.0, 1: 0.2, 2: -0.15, 3: 0.0}, "lean": {0: 0.0, 1: 0.12, 2: -0.08, 3: 0.0},
        "turn": {1: -0.2, 2: 0.15, 3: 0.0}, "look": {0: 0.2, 1: 0.4, 2: 0.0},
        "path_x": {0: 0.0, 3: -0.10},
    },
    arms={0: ("latin_wide", "out"), 1: ("out", "lift"), 2: ("latin_wide", "out"), 3: ("out", "out")},
    **_RUMBA,
).both_sides()  # fmt: skip

RUMBA_ROUND = Phrase(
    8,
    steps=(
        L(1, 0.07, 0.09, 0.1), R(2, -0.08, 0.09, 0.1), L(3, 0.07, 0.09, 0.1),
        R(5, -0.08, 0.09, 0.1), L(6, 0.07, 0.09, 0.1), R(7, -0.11, 0.0, 0.15),
    ),
    body={
        "heading": {0: 0.02 * _TURN, 1: 0.16 * _TURN, 2: 0.34 * _TURN, 3: 0.50 * _TURN, 4: 0.52 * _TURN,
                    5: 0.68 * _TURN, 6: 0.86 * _TURN, 7: _TURN},
        "path_x": {0: 0.0, 1: 0.15, 2: 0.50, 3: 0.68, 4: 0.68, 5: 0.53, 6: 0.15, 7: 0.0},
        "path_z": {0: 0.0, 1: 0.29, 2: 0.29, 3: 0.0, 4: 0.0, 5: -0.29, 6: -0.29, 7: 0.0},
        "hike": {0: -0.05, 1: 0.05, 2: -0.05, 3: 0.05, 5: -0.05, 6: 0.05, 7: -0.05},
        "turn": {0: 0.2, 7: 0.0}, "look": {0: 0.3, 7: 0.0}, "lean": {0: -0.06, 7: 0.0},
    },
    arms={0: ("sweep", "out"), 1: ("lift", "out"), 3: ("high", "out"), 5: ("out", "sweep"), 6: ("out", "lift"),
          7: ("out", "out")},
    **_RUMBA,
)  # fmt: skip

OPENING_OUT = Phrase(
    4,
    steps=(L(1, 0.10, -0.38, 0.35), R(2, -0.10, 0.0, 0.15), L(3, 0.30, 0.0, 0.2)),
    body={
        "heading": {0: 0.0, 1: 0.85, 2: 0.3, 3: 0.0}, "turn": {0: 0.0, 1: 0.35, 2: 0.0},
        "sink": {0: 0.0, 1: 0.05, 2: 0.0}, "lean": {1: -0.10, 2: 0.0}, "look": {0: 0.1, 1: 0.2, 2: 0.0},
        "bow": {1: -0.05, 2: 0.0}, "twist": {1: 0.1, 2: 0.0}, "path_x": {0: 0.0, 3: 0.12},
    },
    arms={0: ("out", "out"), 1: ("lift", "front"), 2: ("out", "latin_wide"), 3: ("out", "out")},
    **_RUMBA,
).both_sides()  # fmt: skip

SPOT_RUMBA = Phrase(
    4,
    steps=(L(1, 0.06, 0.24, 0.0), R(2, -0.11, 0.02, 0.0), L(3, 0.24, 0.0, 0.2)),
    body={
        "heading": {0: 0.0, 1: -0.24 * _TURN, 2: -0.64 * _TURN, 3: -_TURN},
        "turn": {0: 0.2, 1: -0.1, 3: 0.0},
        "hike": {0: -0.04, 3: 0.0},
        "path_x": {0: 0.0, 3: 0.14},
    },
    arms={0: ("out", "out"), 1: ("latin_wide", "sweep"), 2: "chest", 3: ("out", "out")},
    spot=True,
    **_RUMBA,
).both_sides()

# --- tango: bars of four ----------------------------------------------------------------------------------------------

_T: Arms = {0: ("hold", "hold_low")}

TANGO_WALK = Phrase(
    4,
    steps=(L(0, 0.02, 0.14, 0.0, **HEEL_FIRST), R(2, -0.06, 0.14, 0.0, **HEEL_FIRST)),
    body={
        "path_z": {0: 0.34, 1: 0.36, 2: 0.84, 3: 0.86}, "sink": {0: 0.05, 1: 0.06, 2: 0.05, 3: 0.06},
        "turn": {0: -0.12, 2: 0.08}, "look": {0: 0.45, 1: 0.5, 2: 0.45, 3: 0.5},
        "heading": {0: 0.1, 2: 0.2},
    },
    arms=_T,
    **_TANGO,
).then(
    Phrase(
        4,
        steps=(L(0, 0.02, 0.14, 0.0, **HEEL_FIRST), R(1, -0.34, 0.10, 0.1), L(2, -0.13, 0.08, 0.0),
               L(3, 0.10, 0.0)),
        body={
            "path_z": {0: 0.36, 1: 0.40, 2: 0.40, 3: 0.42}, "sink": {0: 0.05, 1: 0.04, 2: 0.06, 3: 0.03},
            "heading": {0: -0.1, 1: -0.2}, "turn": {0: -0.1, 1: 0.1, 2: 0.2, 3: 0.0},
            "look": {0: 0.4, 1: 0.3, 2: -0.55, 3: -0.1},
        },
        arms={0: ("hold", "hold_low"), 2: ("out", "hold_low"), 3: ("hold", "hold_low")},
    )
)  # fmt: skip

TANGO_BACK = Phrase(
    4,
    steps=(L(0, 0.06, -0.12, 0.0), R(2, -0.06, -0.12, 0.0)),
    body={
        "path_z": {0: -0.34, 1: -0.36, 2: -0.80, 3: -0.82}, "sink": {0: 0.05, 1: 0.06, 2: 0.05, 3: 0.06},
        "turn": {0: 0.12, 2: -0.1}, "look": {0: 0.4, 2: -0.4}, "heading": {0: -0.08, 2: 0.0},
    },
    arms=_T,
    **_TANGO,
).then(
    Phrase(
        4,
        steps=(L(0, 0.08, -0.14, 0.0), R(1, -0.36, 0.0, 0.1), L(2, -0.10, 0.0, 0.05, weight=1.0), R(3, -0.30, 0.0)),
        body={
            "path_z": {0: -0.30, 1: -0.34, 3: -0.34}, "path_x": {0: 0.0, 3: -0.16},
            "sink": {0: 0.06, 1: 0.03, 2: 0.06, 3: 0.03},
            "turn": {0: 0.15, 1: 0.0, 2: -0.2, 3: 0.0}, "look": {0: -0.4, 1: 0.0, 2: 0.55, 3: 0.1},
        },
        arms={0: ("hold", "hold_low"), 2: ("hold", "out"), 3: ("hold", "hold_low")},
    )
)  # fmt: skip

PROMENADE = Phrase(
    4,
    steps=(L(0, 0.42, 0.0, 0.5), R(1, 0.02, 0.16, 0.2), L(2, 0.36, 0.0, 0.2), R(3, -0.08, 0.0, 0.1)),
    body={
        "path_x": {0: 0.0, 1: 0.62, 2: 0.70, 3: 1.0}, "twist": {0: 0.35, 1: 0.45, 2: 0.1, 3: 0.0},
        "turn": {0: 0.15, 1: 0.25, 2: 0.0}, "look": {0: 0.6, 1: 0.6, 2: 0.2, 3: -0.4},
        "sink": {0: 0.05, 1: 0.06, 2: 0.05, 3: 0.04},
    },
    arms={0: ("out", "hold_low"), 2: ("hold", "hold_low"), 3: ("hold", "hold_low")},
    **_TANGO,
).both_sides()  # fmt: skip

CORTE = Phrase(
    4,
    steps=(L(0, 0.14, -0.38, 0.4), R(2, -0.11, 0.04, 0.1), L(3, 0.11, 0.04, 0.1)),
    body={
        "sink": {0: 0.08, 1: 0.11, 2: 0.04, 3: 0.03}, "turn": {0: 0.3, 1: 0.35, 2: -0.1, 3: 0.0},
        "lean": {0: -0.12, 1: -0.15, 2: 0.0}, "look": {0: -0.4, 1: -0.55, 2: 0.3, 3: 0.0},
        "nod": {0: -0.1, 1: -0.14, 2: 0.0}, "path_z": {0: 0.0, 3: 0.0},
    },
    arms={0: ("lift", "hold_low"), 1: ("lift", "out"), 2: ("hold", "hold_low"), 3: ("hold", "hold_low")},
    **_TANGO,
).both_sides()  # fmt: skip

ROCKS = Phrase(
    4,
    steps=(L(0, 0.04, 0.36, 0.0), R(1, -0.10, 0.02, 0.1), L(2, 0.10, 0.06, 0.0), R(3, -0.11, 0.0)),
    body={
        "heading": {0: 0.15, 1: 0.55, 2: 1.1, 3: 0.25 * _TURN}, "sink": {0: 0.06, 1: 0.04, 2: 0.06, 3: 0.04},
        "turn": {0: -0.15, 1: 0.1, 2: -0.1, 3: 0.0}, "look": {0: 0.4, 1: 0.4, 2: 0.5, 3: 0.0},
    },
    arms=_T,
    **_TANGO,
).then(
    Phrase(
        4,
        steps=(L(0, 0.08, -0.30, 0.1), R(1, -0.10, 0.02, 0.1), L(2, 0.10, 0.06, 0.0), R(3, -0.11, 0.0)),
        body={
            "heading": {0: -0.15, 1: -0.55, 2: -1.1, 3: -0.25 * _TURN}, "sink": {0: 0.06, 1: 0.04, 2: 0.06, 3: 0.04},
            "turn": {0: 0.2, 1: 0.0, 3: 0.0}, "look": {0: -0.3, 1: -0.4, 2: -0.4, 3: 0.0},
        },
        arms=_T,
    )
)  # fmt: skip

_W: Any = {"metres": (3,)}
_WALTZ, _SLOW, _QUICK = (78.0, 112.0), (58.0, 104.0), (104.0, 134.0)
MOVES = (
    move("waltz_change", "Change steps", "waltz", "step", 0.45, _WALTZ, CHANGE, **_W),
    move("waltz_whisk", "Whisk and chassé", "waltz", "step", 0.5, (78, 112), WHISK, **_W),
    move("waltz_round", "Round the circle", "waltz", "turn", 0.6, _WALTZ, ROUND, **_W),
    move("waltz_lunge", "Side lunges", "waltz", "pose", 0.55, (78, 112), SIDE_LUNGE, **_W),
    move("rumba_basic", "Rumba basic", "rumba", "step", 0.35, _SLOW, RUMBA_BASIC),
    move("rumba_walks", "Rumba walks", "rumba", "step", 0.5, _SLOW, RUMBA_WALKS),
    move("rumba_new_york", "Rumba New York", "rumba", "step", 0.55, _SLOW, RUMBA_NEW_YORK),
    move("cucaracha", "Cucarachas", "rumba", "groove", 0.4, _SLOW, CUCARACHA),
    move("rumba_round", "Rumba round", "rumba", "turn", 0.6, _SLOW, RUMBA_ROUND),
    move("opening_out", "Opening out", "rumba", "pose", 0.45, _SLOW, OPENING_OUT),
    move("rumba_spot", "Rumba spot turn", "rumba", "turn", 0.65, (58, 92), SPOT_RUMBA),
    move("tango_walk", "Tango walk", "tango", "step", 0.45, _QUICK, TANGO_WALK),
    move("tango_back", "Tango walk back", "tango", "step", 0.45, _QUICK, TANGO_BACK),
    move("promenade", "Promenade", "tango", "step", 0.5, _QUICK, PROMENADE),
    move("corte", "Corte", "tango", "pose", 0.55, _QUICK, CORTE),
    move("tango_rocks", "Rock turn", "tango", "step", 0.6, _QUICK, ROCKS),
)
