# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the dance goes on the floor: each move's way is known beforehand, and kept within the region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....rigs.motion_edit import heading
from ....rigs.moves import MOVES, Placed, perform
from ....rigs.skeleton import Rest

Array = NDArray[np.float64]
Spot = tuple[float, float, float]  # x, z in m and heading in rad

_FPS = 12.0
_MOST_TURN = np.deg2rad(50)  # that a move is asked to turn back to the front
_WIDEST = (4.0, 3.0)  # m, the region at travel 0.5 where none is given


@dataclass(frozen=True)
class Region:
    """`width` (x) and `depth` (z) about `centre` (x, z), m."""

    width: float
    depth: float
    centre: tuple[float, float] = (0.0, 0.0)

    def outside(self, path: Array) -> float:
        """How far (m) a path (T, 2) leaves the region at most."""
        beyond = np.abs(path - self.centre) - [self.width / 2, self.depth / 2]
        return float(max(0.0, beyond.max(initial=0.0)))


def region_for(travel: float, given: tuple[float, float] | None) -> Region:
    """The region that was given, or one that grows with the travel asked for."""
    if given is not None:
        return Region(*given)
    return Region(*(0.9 + 2 * travel * (size - 0.9) for size in _WIDEST))


@lru_cache(maxsize=1024)
def way(move: str, travel: float) -> Array:
    """(T, 3) x, z, heading of the hips through a move that begins at the origin facing +Z; at amplitude 1."""
    rest, beats = Rest.average(), MOVES[move].beats
    motion = perform([Placed(move, 2, travel=travel)], np.arange(beats + 5) * 0.5, rest, _FPS).motion
    root = motion.trans + rest.joints[0]
    turned = np.unwrap(heading(motion))
    first, last = round(_FPS), min(round(_FPS * (1 + beats / 2)), len(motion) - 1)
    path = np.stack([root[:, 0], root[:, 2], turned], axis=1)[first : last + 1]
    return path - path[0]


def walked(spot: Spot, path: Array, mirrored: bool, size: float, extra: float) -> Array:
    """`path` of a move from `spot`, in the world, with `extra` heading spread over it."""
    side = -1.0 if mirrored else 1.0
    x, z, turn = path[:, 0] * side * size, path[:, 1] * size, path[:, 2] * side
    facing = spot[2] + extra * np.linspace(0, 1, len(path)) ** 2
    out = np.empty_like(path)
    out[:, 0] = spot[0] + np.cos(facing) * x + np.sin(facing) * z
    out[:, 1] = spot[1] - np.sin(facing) * x + np.cos(facing) * z
    out[:, 2] = spot[2] + turn + extra * np.linspace(0, 1, len(path))
    return out


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
        off = wrapped(spot[2])
        extra = 0.0 if MOVES[one.move].turns else -float(np.clip(off, -_MOST_TURN, _MOST_TURN))
        choices = [fullest * share for share in (1.0, 0.75, 0.5, 0.25, 0.0)] if fullest else [0.0]
        tries = []
        for rank, scale in enumerate(choices):
            for mirrored in (one.mirrored,) if rank else (one.mirrored, not one.mirrored):
                path = walked(spot, way(one.move, round(scale, 2)), mirrored, one.amplitude, extra)
                away = float(np.hypot(*((path[-1, :2] - region.centre) / [region.width, region.depth])))
                cost = 20 * region.outside(path[:, :2]) + 0.35 * rank + 0.5 * away + 0.6 * (mirrored != one.mirrored)
                tries.append((cost, len(tries), scale, mirrored, path))
        _, _, scale, mirrored, path = min(tries)
        result.append(replace(one, travel=round(scale, 3), heading=round(extra, 4), mirrored=mirrored))
        spot = (float(path[-1, 0]), float(path[-1, 1]), float(path[-1, 2]))
    return result
