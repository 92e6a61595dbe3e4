# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the dance goes on the floor: each move's way is known beforehand, and kept within the region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....rigs.moves import MOVES, Placed

Array = NDArray[np.float64]
Spot = tuple[float, float, float]  # x, z in m and heading in rad

_BACK = np.deg2rad(12)  # a beat, the most that a move is asked to turn back to the front
_SWAY = 0.12  # m by which the hips leave their way
_WIDEST = (5.0, 4.0)  # m, the region at travel 0.5 where none is given


@dataclass(frozen=True)
class Region:
    """`width` (x) and `depth` (z) about `centre` (x, z), m."""

    width: float
    depth: float
    centre: tuple[float, float] = (0.0, 0.0)

    def outside(self, path: Array) -> float:
        """How far (m) a path (T, 2) leaves the region at most."""
        beyond = np.abs(path - self.centre) - [self.width / 2 - _SWAY, self.depth / 2 - _SWAY]
        return float(max(0.0, beyond.max(initial=0.0)))


def region_for(travel: float, given: tuple[float, float] | None) -> Region:
    """The region that was given, or one that grows with the travel asked for."""
    if given is not None:
        return Region(*given)
    width, depth = (0.9 + 2 * travel * (size - 0.9) for size in _WIDEST)
    return Region(width, depth)


@lru_cache(maxsize=512)
def way(move: str) -> Array:
    """(T, 3) x, z, heading, as it is written, of a move that begins at the origin facing +Z: four points a beat."""
    phrase = MOVES[move].phrase
    beats = np.arange(4 * phrase.beats + 1) / 4
    path = np.zeros((len(beats), 3))
    for column, channel in enumerate(("path_x", "path_z", "heading")):
        keys = {0.0: 0.0, **phrase.body.get(channel, {})}
        path[:, column] = np.interp(beats, sorted(keys), [keys[beat] for beat in sorted(keys)])
    return path


def walked(spot: Spot, path: Array, mirrored: bool, scale: float, extra: float) -> Array:
    """`path` of a move from `spot`, in the world, its way scaled and `extra` heading spread over it."""
    side = -1.0 if mirrored else 1.0
    x, z = path[:, 0] * side * scale, path[:, 1] * scale
    c, s = np.cos(spot[2]), np.sin(spot[2])
    turn = spot[2] + path[:, 2] * side + extra * np.linspace(0, 1, len(path))
    return np.stack([spot[0] + c * x + s * z, spot[1] - s * x + c * z, turn], axis=1)


def wrapped(angle: float) -> float:
    return float(np.angle(np.exp(1j * angle)))


def within(placed: Sequence[Placed], region: Region, travel: float, start: Spot = (0.0, 0.0, 0.0)) -> list[Placed]:
    """The moves with their `travel` and `heading` chosen so that the hips stay in the region and face the front.

    travel: 0 in place, 0.5 as the moves are written, 1 as wide as the region allows. A move that turns by design is
    left to do so; what it leaves of the heading is turned back by the next.
    """
    spot, result = start, []
    fullest = min(2 * travel, 1.5)
    for one in placed:
        off, most = wrapped(spot[2]), _BACK * MOVES[one.move].beats
        extra = 0.0 if MOVES[one.move].turns else -float(np.clip(off, -most, most))
        choices = [fullest * share for share in (1.0, 0.75, 0.5, 0.25, 0.0)] if fullest else [0.0]
        tries = []
        for rank, scale in enumerate(choices):
            for mirrored in (one.mirrored,) if rank else (one.mirrored, not one.mirrored):
                path = walked(spot, way(one.move), mirrored, scale * one.amplitude, extra)
                away = float(np.hypot(*((path[-1, :2] - region.centre) / [region.width, region.depth])))
                cost = 20 * region.outside(path[:, :2]) + 0.35 * rank + 0.5 * away + 0.6 * (mirrored != one.mirrored)
                tries.append((cost, len(tries), scale, mirrored, path))
        _, _, scale, mirrored, path = min(tries)
        result.append(replace(one, travel=round(scale, 3), heading=round(extra, 4), mirrored=mirrored))
        spot = (float(path[-1, 0]), float(path[-1, 1]), float(path[-1, 2]))
    return result
