# SPDX-License-Identifier: GPL-3.0-or-later
"""Which contact did what: the impulses that a solver gave to bodies, shared among the places where they touch.

A solver's step tells of each body only the sum of all that was done to it. Several bodies at once, each with its own
sum and its own turn, say much more: what a thing that falls gives to the one below must go on into the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Of two ways that explain the steps alike, the one with smaller impulses, and less of them sideways, is taken.
_RIDGE, _SIDEWAYS = 1e-3, 10.0
_TURNS = 0.5  # weight of turns: inertia is only known as far as the shape is that of a box, a ball or a drum
_ROUNDS = 200


@dataclass(frozen=True)
class Spot:
    """A place where body `one` touches body `other` (numbers): `point` (3,) m and unit `normal` (3,) that pushes `one`
    away.
    """

    one: int
    other: int
    point: Array
    normal: Array


@dataclass(frozen=True)
class Struck:
    """What a step did to a body that moves: its `centre` (3,) m, `impulse` (3,) N·s, `turn` (3,) N·m·s about the
    centre, and `size` m, by which the two are weighed.
    """

    centre: Array
    impulse: Array
    turn: Array
    size: float


def shared(spots: list[Spot], bodies: dict[int, Struck]) -> Array:
    """(K, 3) N·s: the impulse on the first body at each spot; the second gets the opposite.

    Least squares of all bodies' impulses and turns, by pushes along the normals and what friction adds across.

    Args:
        bodies: by number; those that are not here take whatever comes.
    """
    if not spots:
        return np.zeros((0, 3))
    rows = {body: 6 * at for at, body in enumerate(bodies)}
    matrix, ways = np.zeros((6 * len(rows), 5 * len(spots))), np.empty((5 * len(spots), 3))
    wanted = np.zeros(len(matrix))
    for body, at in rows.items():
        struck = bodies[body]
        wanted[at : at + 3] = struck.impulse
        wanted[at + 3 : at + 6] = struck.turn * _TURNS / struck.size
    for number, spot in enumerate(spots):
        across = np.cross(spot.normal, np.eye(3)[np.argmin(np.abs(spot.normal))])
        across /= np.linalg.norm(across)
        also = np.cross(spot.normal, across)
        five = np.stack([spot.normal, *(way / _SIDEWAYS for way in (across, -across, also, -also))])
        ways[5 * number : 5 * number + 5] = five
        for body, sign in ((spot.one, 1.0), (spot.other, -1.0)):
            if body in rows:
                at, struck = rows[body], bodies[body]
                turns = np.cross(spot.point - struck.centre, five) * _TURNS / struck.size
                matrix[at : at + 3, 5 * number : 5 * number + 5] = sign * five.T
                matrix[at + 3 : at + 6, 5 * number : 5 * number + 5] = sign * turns.T
    padded = np.concatenate([matrix, _RIDGE * np.eye(matrix.shape[1])])
    sizes = least_squares(padded, np.concatenate([wanted, np.zeros(matrix.shape[1])]))
    return (sizes[:, None] * ways).reshape(len(spots), 5, 3).sum(1)


def least_squares(matrix: Array, wanted: Array) -> Array:
    """x >= 0 (N,) that brings matrix (M, N) x nearest to `wanted` (M,) (Lawson and Hanson 1974, chapter 23)."""
    gram, slope = matrix.T @ matrix, matrix.T @ wanted
    x, free = np.zeros(len(slope)), np.zeros(len(slope), bool)
    enough = 1e-10 * max(float(np.abs(slope).max(initial=0.0)), 1e-30)
    for _ in range(_ROUNDS):
        rising = np.where(free, -np.inf, slope - gram @ x)
        best = int(np.argmax(rising))
        if rising[best] <= enough:
            break
        free[best] = True
        while True:
            trial = np.zeros(len(x))
            trial[free] = np.linalg.solve(gram[np.ix_(free, free)], slope[free])
            low = free & (trial <= 0)
            if not low.any():
                break
            part = np.min(x[low] / np.maximum(x[low] - trial[low], 1e-300))
            x = x + part * (trial - x)
            free &= ~(low & (x <= 1e-14 * max(float(x.max()), 1e-300)))
            x[~free] = 0.0
        x = trial
    return x
