# SPDX-License-Identifier: GPL-3.0-or-later
"""How the base mesh's mouth is arranged anew: teeth where lips show them, the tongue behind them, lips that meet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .makehuman import HumanData

Array = NDArray[Any]

_MM = 0.01  # MakeHuman's units
# mm up and forward. The upper teeth end 2 to 3 mm below the lip, as in young people (Vig and Brundo, 1978), the lower
# ones behind them and below the lower lip's rim; the tongue lies behind both.
_MOVES = {
    "helper-upper-teeth": (-3.6, 1.2),
    "helper-lower-teeth": (-3.2, -2.5),
    "helper-tongue": (-4.5, -5.0),
}
# The lower arch is narrower than the upper one.
_NARROWER = {"helper-lower-teeth": 0.93}
# The seam between the lips (mm, the base mesh's own place): how far the lower lip is lifted to it, in the middle and at
# `_CORNER` beside it, and how far around that is felt.
_SEAM, _FRONT, _CORNER = 660.5, 137.0, 22.0
_LIFT, _LIFT_AT_CORNER, _REACH = 0.5, 1.2, 4.0


def arranged(data: HumanData) -> Array:
    """(N, 3) offsets of the base mesh, in its own units."""
    offsets = np.zeros_like(data.vertices)
    for group, (up, forward) in _MOVES.items():
        ids = data.groups[group]
        offsets[ids] += _MM * np.array([0.0, up, forward])
        offsets[ids, 0] += (_NARROWER.get(group, 1.0) - 1) * data.vertices[ids, 0]
    offsets[data.groups["body"], 1] += _MM * _lifted_lip(data)
    return offsets


def shapes(data: HumanData) -> dict[str, Array]:
    """ARKit name to offsets (N, 3), in the base mesh's units; the tongue comes out as far as before it was moved."""
    made = dict(data.face_units)
    out = made["tongueOut"].copy()
    up, forward = _MOVES["helper-tongue"]
    out[data.groups["helper-tongue"]] -= _MM * np.array([0.0, up, forward])
    return made | {"tongueOut": out}


def _lifted_lip(data: HumanData) -> Array:
    """(S,) mm by which each vertex of the skin rises, so that the lips meet all along; the base mesh leaves a slit."""
    ids = data.groups["body"]
    x, y, z = (data.vertices[ids] / _MM).T
    x = np.abs(x)
    # The lower lip is what the jaw takes along; towards the corner the upper one goes some of the way.
    taken = -data.face_units["jawOpen"][ids, 1] / _MM
    lower = np.clip((taken - 4.0 - 8.5 * (x / 25.0) ** 2) / 3.0, 0, 1)
    lift = _LIFT + (_LIFT_AT_CORNER - _LIFT) * np.clip(x / _CORNER, 0, 1) ** 2
    lift = lift * np.clip((26.5 - x) / 3.0, 0, 1)
    near = np.exp(-(((y - _SEAM) / _REACH) ** 2)) * np.clip((z - _FRONT) / 3.0, 0, 1)
    return lift * lower * near
