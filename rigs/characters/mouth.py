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
# mm behind the upper incisors where the lower teeth begin to lie lower than in the base mesh and where they do fully,
# how much, and how much further the open jaw takes them down: the base mesh's hinge is too near, and its lower molars
# stayed above the corner of an open mouth.
_BACK, _SUNK, _DROP = (12.0, 40.0), 3.5, 5.0
# Share by which the rounded mouth is narrower: in /u/ by some 30 % and in /o/ by 20 %, of which the base mesh's shapes
# had a third.
_ROUND = {"mouthPucker": 0.40, "mouthFunnel": 0.32}
# mm that lips open further half-way to the corners, upper and lower, so that a funnel is round and not pointed.
_RING = {"mouthFunnel": (2.6, 3.4)}
# Share by which they are less tall at the corners, so that a pucker is no box.
_TAPER = {"mouthPucker": 0.45}
# mm: the mouth's corner, how far beside it cheeks still follow, how far the lips reach up and down and how softly that
# ends, and between which depths the inside of the cheeks stays at the teeth.
_WIDE, _CHEEK, _TALL, _SOFT, _INSIDE = 27.0, 34.0, 9.0, 12.0, (126.0, 142.0)


def arranged(data: HumanData) -> Array:
    """(N, 3) offsets of the base mesh, in its own units."""
    offsets = np.zeros_like(data.vertices)
    for group, (up, forward) in _MOVES.items():
        ids = data.groups[group]
        offsets[ids] += _MM * np.array([0.0, up, forward])
        offsets[ids, 0] += (_NARROWER.get(group, 1.0) - 1) * data.vertices[ids, 0]
    lower = data.groups["helper-lower-teeth"]
    offsets[lower, 1] -= _MM * _SUNK * _far_back(data, lower)
    offsets[data.groups["body"], 1] += _MM * _lifted_lip(data)
    return offsets


def shapes(data: HumanData) -> dict[str, Array]:
    """ARKit name to offsets (N, 3), in the base mesh's units; the tongue comes out as far as before it was moved."""
    made = dict(data.face_units)
    out = made["tongueOut"].copy()
    up, forward = _MOVES["helper-tongue"]
    out[data.groups["helper-tongue"]] -= _MM * np.array([0.0, up, forward])
    jaw = made["jawOpen"].copy()
    lower = data.groups["helper-lower-teeth"]
    jaw[lower, 1] -= _MM * _DROP * _far_back(data, lower)
    return made | {"tongueOut": out, "jawOpen": jaw} | {name: _rounded(data, name) for name in _ROUND}


def _far_back(data: HumanData, ids: Array) -> Array:
    """0 at the front teeth to 1 at the last molars."""
    front = data.vertices[data.groups["helper-upper-teeth"], 2].max()
    return _smooth(((front - data.vertices[ids, 2]) / _MM - _BACK[0]) / (_BACK[1] - _BACK[0]))


def _rounded(data: HumanData, name: str) -> Array:
    """The shape's offsets with lips and corners drawn in; up, down and forward they go as before."""
    ids = data.groups["body"]
    x, y, z = (data.vertices[ids] / _MM).T
    drawn = -_ROUND[name] * np.clip(x, -_WIDE, _WIDE)
    beside = 1 - _smooth((np.abs(x) - _WIDE) / _CHEEK)
    level = np.exp(-((np.clip(np.abs(y - _SEAM) - _TALL, 0, None) / _SOFT) ** 2))
    share = beside * level * _smooth((z - _INSIDE[0]) / (_INSIDE[1] - _INSIDE[0]))
    offsets = data.face_units[name].copy()
    offsets[ids, 0] += share * (_MM * drawn - offsets[ids, 0])
    offsets[ids, 1] -= _TAPER.get(name, 0.0) * share * _MM * (y - _SEAM) * np.clip(x / _WIDE, -1, 1) ** 2
    if name in _RING:
        up, down = _RING[name]
        lower = _lower_lip(data)
        aside = np.sin(np.pi * np.clip(np.abs(x) / _WIDE, 0, 1)) ** 2
        offsets[ids, 1] += _MM * share * aside * ((1 - lower) * up - lower * down)
    return offsets


def _smooth(x: Array) -> Array:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _lifted_lip(data: HumanData) -> Array:
    """(S,) mm by which each vertex of the skin rises, so that the lips meet all along; the base mesh leaves a slit."""
    ids = data.groups["body"]
    x, y, z = (data.vertices[ids] / _MM).T
    x = np.abs(x)
    lift = _LIFT + (_LIFT_AT_CORNER - _LIFT) * np.clip(x / _CORNER, 0, 1) ** 2
    lift = lift * np.clip((26.5 - x) / 3.0, 0, 1)
    near = np.exp(-(((y - _SEAM) / _REACH) ** 2)) * np.clip((z - _FRONT) / 3.0, 0, 1)
    return lift * _lower_lip(data) * near


def _lower_lip(data: HumanData) -> Array:
    """(S,) 1 on the lower lip, which the jaw takes along, 0 on the upper one, which goes some way near the corner."""
    ids = data.groups["body"]
    taken = -data.face_units["jawOpen"][ids, 1] / _MM
    return np.clip((taken - 4.0 - 8.5 * (data.vertices[ids, 0] / _MM / 25.0) ** 2) / 3.0, 0, 1)
