# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of the face seen from the front, as film and landmark trackers see it, and the way back to shape keys.

A point is a vertex of a default character, so that ARKit's weights move it; the weights are found again by least
squares within 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...rigs.characters import CHARACTERS, load_character
from ...rigs.face import ARKIT_52

Array = NDArray[np.float64]

# Where the points lie on the neutral character, mm to its left and up. The order is that of the 68 points of the iBUG
# 300-W annotation (Sagonas and others, 2013): jaw line, brows, nose, eyes, outer lips, inner lips.
_JAW = ((-70, 398), (-70, 376), (-68, 354), (-64, 332), (-56, 313), (-44, 299), (-30, 289), (-15, 284), (0, 282))
_BROWS = ((-55, 412), (-46, 419), (-36, 420), (-25, 418), (-15, 413))
_NOSE = ((0, 393), (0, 383), (0, 370), (0, 357), (-12, 347), (-6, 345), (0, 344), (6, 345), (12, 347))
_EYES = ((-44, 394), (-36, 399), (-28, 399), (-19, 392), (-28, 389), (-36, 389))
_OUTER = (
    *((-24, 323.6), (-16, 331), (-6, 335.5), (0, 334.6), (6, 335.5), (16, 331), (24, 323.6)),
    *((15, 315), (8, 311.5), (0, 311.4), (-8, 311.5), (-15, 315)),
)
_INNER = (
    *((-20, 323.8), (-10, 325.2), (0, 325.8), (10, 325.2), (20, 323.8)),
    *((10, 321.8), (0, 321.9), (-10, 321.8)),
)
_LOWER = {55, 56, 57, 58, 59, 65, 66, 67}


def _mirrored(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return tuple((-x, y) for x, y in reversed(points))


_ALL = (
    *(*_JAW, *_mirrored(_JAW[:-1]), *_BROWS, *_mirrored(_BROWS), *_NOSE),
    *(*_EYES, *((-x, y) for x, y in _EYES), *_OUTER, *_INNER),
)
MOUTH = tuple(range(48, 68))
# The 18 of Synthesizing Obama: without the corners of the inner lips, which lie on those of the outer ones.
MOUTH_18 = tuple(point for point in MOUTH if point not in (60, 64))

# What is solved for; a pair of left and right is one. What the others do, points seen from the front cannot tell.
SOLVED = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugUpper",
    "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "mouthPress",
)  # fmt: skip
# What a weight costs, in squared widths of the mouth: of two ways to the same points the smaller one is taken.
_COST = 2e-4
_DEAR = {"mouthClose": 4.0, "mouthPress": 3.0, "mouthShrugUpper": 3.0, "mouthSmile": 2.0}
_STEPS = 160


@dataclass(frozen=True)
class Landmarks:
    """`rest` (P, 2) and `moves` (52, P, 2), per unit of weight, in widths of the mouth, x to the face's left, y up."""

    rest: Array
    moves: Array

    def points(self, weights: Array) -> Array:
        """(T, P, 2) of (T, 52) weights."""
        return self.rest + np.tensordot(weights, self.moves, 1)

    def weights(self, points: Array) -> Array:
        """(T, 52) weights 0..1 that come nearest to (T, P, 2) points (accelerated projected gradient)."""
        columns = [_columns(shape) for shape in SOLVED]
        matrix = np.stack([self.moves[places].sum(0).ravel() for places in columns], axis=1)
        cost = _COST * np.array([_DEAR.get(shape, 1.0) for shape in SOLVED])
        gram = matrix.T @ matrix + np.diag(cost)
        wanted = (points - self.rest).reshape(len(points), -1) @ matrix
        step = 1.0 / np.linalg.eigvalsh(gram)[-1]
        made = np.zeros((len(points), len(SOLVED)))
        ahead, speed = made, 1.0
        for _ in range(_STEPS):
            after = np.clip(ahead - step * (ahead @ gram - wanted), 0.0, 1.0)
            faster = (1 + np.sqrt(1 + 4 * speed * speed)) / 2
            ahead, made, speed = after + (speed - 1) / faster * (after - made), after, faster
        weights = np.zeros((len(points), len(ARKIT_52)))
        for column, places in enumerate(columns):
            weights[:, places] = made[:, [column]]
        return weights

    def only(self, chosen: tuple[int, ...]) -> Landmarks:
        return Landmarks(self.rest[list(chosen)], self.moves[:, list(chosen)])


def _columns(shape: str) -> list[int]:
    names = [shape] if shape in ARKIT_52 else [f"{shape}Left", f"{shape}Right"]
    return [ARKIT_52.index(name) for name in names]


@cache
def landmarks(character: str = "neutral") -> Landmarks:
    """The 68 points of a default character. Raises InputError: there is none of that name, or no file of it."""
    mesh = load_character(character, "smplx55").meshes[0]
    chosen = list(_vertices())
    rest = np.asarray(mesh.vertices[chosen, :2], float)
    moves = np.stack([np.asarray(mesh.morphs[name][chosen, :2], float) for name in ARKIT_52])
    width = rest[54, 0] - rest[48, 0]
    middle = (rest[48] + rest[54]) / 2
    return Landmarks((rest - middle) / width, moves / width)


@cache
def _vertices() -> tuple[int, ...]:
    """The vertex of each point: the nearest on the front of the neutral face. The characters share their vertices."""
    mesh = load_character(CHARACTERS[0], "smplx55").meshes[0]
    skin = {i for i, name in enumerate(mesh.materials) if name == "skin"}
    corners = np.repeat(np.isin(mesh.polygon_materials, list(skin)), mesh.polygon_sizes)
    used = np.unique(mesh.polygon_vertices[corners])
    places = np.asarray(mesh.vertices[used], float) * 1000
    upper, lower = (np.linalg.norm(mesh.morphs[f"mouthRoll{side}"][used], axis=1) for side in ("Upper", "Lower"))
    chosen = []
    for number, (x, y) in enumerate(_ALL):
        away = np.hypot(places[:, 0] - x, places[:, 1] - y)
        if number in MOUTH and number not in (48, 54, 60, 64):
            away = np.where((lower > upper) == (number in _LOWER), away, np.inf)
        near = np.flatnonzero(away < away.min() + 2.0)
        # Of those the one in front: the inside of the lips and of the cheeks lies behind.
        chosen.append(int(used[near[np.argmax(places[near, 2] - 2.0 * away[near])]]))
    return tuple(chosen)
