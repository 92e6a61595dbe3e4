# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stood in the source stand still on a rig of other proportions, and none goes through the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .contacts import SIDES, raised_toes, turn
from .limbs import angle, bent, longest
from .retarget_legs import Foot, Leg, Target
from .retarget_stance import continued, settled
from .rotation import matrix_from_axis_angle
from .skeleton import Rest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The most (of the leg) by which the hips sink so that a foot reaches, and how often a way through the floor is mended.
_DROP, _LIFTS = 0.12, 3


@dataclass(frozen=True)
class Legs:
    """`points` (T, 2, 3, 3) m: of the left and the right sole the heel, the ball and the tip, over the floor at y = 0 ·
    `pinned` (T, 2, 2), where heel and ball were held · `bent` (T, 2) rad, by how much thigh or shin turned for it."""

    points: Array
    pinned: Mask
    bent: Array

    def slide(self, fps: float) -> float:
        """m/s: the fastest that a point that is held moves over the floor; 0 where none is."""
        if len(self.points) < 2:
            return 0.0
        speed = np.linalg.norm(np.diff(self.points[:, :, :2, [0, 2]], axis=0), axis=-1) * fps
        held = self.pinned[1:] & self.pinned[:-1]
        return float(speed[held].max(initial=0.0))

    @property
    def depth(self) -> float:
        """m by which the soles go below the floor at worst."""
        return float(max(0.0, -self.points[..., 1].min(initial=0.0)))


def kept_feet(
    target: Target,
    rest: Rest,
    turns: dict[str, Array],
    pelvis: Array,
    source: Array,
    contact: Mask,
    scale: float,
    fps: float,
    plant: bool,
    exact: Mask,
) -> tuple[Array, Legs]:
    """The pelvis' way (T, 3) m, shifted so that standing feet may stand still, and the soles.

    `turns` of the legs are changed, by what the pelvis cannot take up.

    Args:
        turns: D (T, 3, 3) by role.
        source: (T, 2, 2, 3) m, heels and balls of the source.
        contact: (T, 4) of the source.
        exact: (T,) where the pose is kept as it is.
    """
    up = np.array([0.0, 1.0, 0.0])
    legs = []
    for number, side in enumerate(SIDES):
        foot = Foot(target, rest, side, scale)
        hip = pelvis + turn(turns["pelvis"], target.place(foot.hip) - target.place("pelvis"))
        stands = contact[:, 2 * number : 2 * number + 2] & plant
        legs.append(Leg(foot, turns, hip, stands, source[:, number], fps, exact))
    if plant:
        pelvis = pelvis + _planted(legs, turns, fps, exact)
    points, off = [], []
    for leg in legs:
        foot = leg.foot
        upper, lower = turn(turns[foot.hip], foot.thigh), turn(turns[foot.knee], foot.shin)
        off.append(np.maximum(angle(upper, leg.upper), angle(lower, leg.lower)))
        ankle = leg.hip + upper + lower
        toes = turns.get(foot.toes, turns[foot.ankle])
        joint = ankle + turn(turns[foot.ankle], foot.joint)
        if plant and foot.toes in turns:
            turns[foot.toes] = toes = raised_toes(toes, turns[foot.ankle], joint - target.floor * up, foot.tip)
        sole = [ankle + turn(turns[foot.ankle], foot.heel), ankle + turn(turns[foot.ankle], foot.ball)]
        points.append(np.stack([*sole, joint + turn(toes, foot.tip)], axis=1) - target.floor * up)
    pinned = np.stack([leg.pinned for leg in legs], axis=1)
    return pelvis, Legs(np.stack(points, axis=1), pinned, np.stack(off, axis=1))


def _planted(legs: list[Leg], turns: dict[str, Array], fps: float, exact: Mask) -> Array:
    """(T, 3) m by which the pelvis gives way to the feet that stand; the legs' `turns` and `hip` are changed."""
    up = np.array([0.0, 1.0, 0.0])
    offset, moves = settled(legs, fps, exact)
    drop = np.zeros(len(offset))
    ankles = []
    for leg, move in zip(legs, moves, strict=True):
        stands = leg.pinned.any(1)
        tilts = leg.tilts(move) * stands
        turned = continued(tilts[:, None], stands[:, None], np.ones((len(tilts), 1, 1)), fps)
        turns[leg.foot.ankle] = matrix_from_axis_angle(leg.side * turned) @ turns[leg.foot.ankle]
        leg.hip, ankle = leg.hip + offset, leg.ankle + offset
        # Where the foot would go through the floor on its way, it has to be that much higher.
        move, known = (
            np.where(stands[:, None], move + leg.tilted(tilts), 0),
            np.repeat((stands | exact)[:, None], 3, axis=1),
        )
        for _ in range(_LIFTS):
            whole = continued(move, known, leg.cost() * leg.foot.size**2, fps)
            low = _raise(leg.foot, turns[leg.foot.ankle], ankle + whole)
            if not (low > 0).any():
                break
            move[:, 1] = np.where(low > 0, whole[:, 1] + low, move[:, 1])
            known[:, 1] |= low > 0
        ankle = ankle + whole
        ankle = ankle + _raise(leg.foot, turns[leg.foot.ankle], ankle)[:, None] * up
        ankles.append(ankle)
        reach = longest(leg.upper, leg.lower, leg.foot.lengths)
        way = ankle - leg.hip
        flat = np.linalg.norm(way[:, [0, 2]], axis=-1)
        short = -way[:, 1] - np.sqrt(np.maximum(reach**2 - flat**2, 0))
        drop = np.maximum(drop, np.where(stands, np.clip(short, 0, _DROP * leg.foot.size), 0))
    sunk = _smooth_over(drop, 2 * round(0.1 * fps) + 1)[:, None] * up
    for leg, ankle in zip(legs, ankles, strict=True):
        leg.hip = leg.hip - sunk
        hip, knee = leg.foot.hip, leg.foot.knee
        first, second = bent(leg.hip, leg.upper, leg.lower, leg.foot.lengths, leg.hinge, ankle)
        turns[hip], turns[knee] = first @ turns[hip], second @ turns[knee]
    return offset - sunk


def _raise(foot: Foot, turned: Array, ankle: Array) -> Array:
    """(T,) m by which a foot has to be lifted out of the floor."""
    lowest = np.minimum(*(ankle[:, 1] + turn(turned, point)[:, 1] for point in (foot.heel, foot.ball)))
    return np.maximum(0.0, foot.floor - lowest)


def _smooth_over(values: Array, window: int) -> Array:
    """(T,): smooth, and nowhere less than `values`."""
    if not values.any():
        return values
    half = window - 1
    padded = np.pad(values, half, mode="edge")
    values = np.lib.stride_tricks.sliding_window_view(padded, 2 * window - 1).max(axis=1)
    for _ in range(2):
        padded = np.pad(values, window // 2, mode="edge")
        values = np.lib.stride_tricks.sliding_window_view(padded, window).mean(axis=1)
    return values
