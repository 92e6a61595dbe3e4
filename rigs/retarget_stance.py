# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hips go and where feet stand on a rig of other proportions, so that its legs keep their directions.

Legs that keep the source's directions put the ankles elsewhere than the source's own lengths did. Two things are free
to take that up: the way of the pelvis, and the place of each stance on the floor. Both are found at once, by least
squares over the whole of the motion, in which the largest angles count by more than their squares; what is left over,
the legs take up by bending (`limbs.bent`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .retarget_legs import Leg

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The cost of a frame is the squared angles (rad²) by which the bones of a leg turn. Beside it, in lengths of the leg:
# an acceleration by 1 a s² of the offset, and of a leg's move on its way from stance to stance; and an offset by 1 from
# the way that the legs' length gives, which only settles what is free else.
_SMOOTH, _LEG_SMOOTH, _TIE = 1.2e-5, 1e-4, 6e-5
# The most steps of the solution, how many are enough where the largest angle (rad) is no more than `_FINE`, and the
# angle from which on one counts more than its square.
_STEPS, _ENOUGH, _FINE, _LARGE = 5, 3, np.radians(2.0), np.radians(1.0)
# So much more than all else counts that a place stays one during a stance, and that a pose that was asked for is kept.
_STIFF = 1e7
# And so much (rad² a leg's length²) that a foot is where such a pose has it.
_EXACT = 1e4
# Frames to a block of the solution: small ones cost calls, large ones work.
_BLOCK = 6
_SIZE = 7


def settled(legs: list[Leg], fps: float, exact: Mask) -> tuple[Array, list[Array]]:
    """The offset (T, 3) m of the pelvis from its way, and by leg the move (T, 3) m of the point on which it stands.

    A move is what an offset leaves to be done by the leg's own turns: to be in the place of its stance, or not to go
    through the floor on its way to the next. Gauss and Newton's steps, by which angles that are larger count more.
    Frames that are `exact` (T,) keep the directions that they have: no offset there, and stances lie as they do there.
    """
    size = sum(leg.foot.size for leg in legs) / len(legs)
    moves = [np.zeros_like(leg.ankle) for leg in legs]
    near = [(leg.cost(), move, np.zeros(len(move))) for leg, move in zip(legs, moves, strict=True)]
    weights = [np.ones(len(move)) for move in moves]
    deep = [np.zeros(len(move), bool) for move in moves]
    offset = moves[0]
    for step in range(_STEPS):
        if step:
            near = [leg.near(move) for leg, move in zip(legs, moves, strict=True)]
        if step >= _ENOUGH and max(worst.max() for _, _, worst in near) <= _FINE:
            break
        for leg, under in zip(legs, deep, strict=True):
            under |= (leg.height + offset[:, 1] < 0) & ~leg.pinned.any(1)
        weights = [
            weight**0.75 * np.maximum(1, worst / _LARGE) for weight, (_, _, worst) in zip(weights, near, strict=True)
        ]
        costs = [weight[:, None, None] * cost * size**2 for weight, (cost, _, _) in zip(weights, near, strict=True)]
        least = [np.where(exact[:, None], 0.0, there) for _, there, _ in near]
        costs = [np.where(exact[:, None, None], _EXACT * np.eye(3), cost) for cost in costs]
        offset, places = _settled(legs, costs, least, deep, fps, exact)
        for leg, move, of_leg, under in zip(legs, moves, places, deep, strict=True):
            move[under, 1] = np.maximum(0, -leg.height - offset[:, 1])[under]
            stood = leg.ankle + leg.pivots() + offset
            for stance, place in zip(leg.stances, of_leg, strict=True):
                move[stance.frames] = place + stance.way - stood[stance.frames]
    return offset, moves


def _settled(
    legs: list[Leg], costs: list[Array], least: list[Array], deep: list[Mask], fps: float, exact: Mask
) -> tuple[Array, list[list[Array]]]:
    """The offset (T, 3) m of the pelvis from its way, and by leg and stance the place (3,) m on the floor.

    Args:
        costs: by leg (T, 3, 3) rad² a leg's length², of a move other than that which costs the `least` (T, 3) m.
        deep: by leg (T,), where only the floor asks for a move.
        exact: (T,), where there is no offset.
    """
    count = len(least[0])
    blocks = np.zeros((3, count, _SIZE, _SIZE))
    right = np.zeros((count, _SIZE))
    here = blocks[0]
    here[:, range(3), range(3)] += _TIE + _STIFF * exact[:, None]
    here[:, range(3, _SIZE), range(3, _SIZE)] += 1e-6
    _add_acceleration(blocks, _SMOOTH * fps**4, 3)
    for number, (leg, cost, under) in enumerate(zip(legs, costs, deep, strict=True)):
        rising = np.where(under, cost[:, 1, 1], 0)
        here[:, 1, 1] += rising
        right[:, 1] -= rising * leg.height
        # What is wanted less what is: place + way - point - offset.
        point = leg.ankle + leg.pivots() + least[number]
        ours = [3 + 2 * number, 4 + 2 * number]
        pick = np.zeros((3, _SIZE))
        pick[range(3), range(3)] = -1
        pick[[0, 2], ours] = 1
        for stance in leg.stances:
            frames = stance.frames
            weighted = np.einsum("ai,tab->tib", pick, cost[frames])
            here[frames] += weighted @ pick
            right[frames] -= np.einsum("tib,tb->ti", weighted, stance.way - point[frames])
            for k in ours:
                here[frames.start : frames.stop - 1, k, k] += _STIFF
                here[frames.start + 1 : frames.stop, k, k] += _STIFF
                blocks[1, frames.start : frames.stop - 1, k, k] -= _STIFF
    found = _solved(blocks, right)
    places = []
    for number, leg in enumerate(legs):
        flat = found[:, 3 + 2 * number : 5 + 2 * number]
        means = [flat[stance.frames].mean(0) for stance in leg.stances]
        places.append([np.array([mean[0], 0, mean[1]]) for mean in means])
    return found[:, :3], places


def continued(values: Array, known: Mask, cost: Array, fps: float) -> Array:
    """(T, N): values (T, N) that are `known` (T, N) in part, and elsewhere come and go smoothly.

    Args:
        cost: (T, N, N), what they cost there, rad² a leg's length² or a rad².
    """
    blocks = np.zeros((3, *cost.shape))
    blocks[0] = cost
    parts = np.arange(values.shape[1])
    _add_acceleration(blocks, _LEG_SMOOTH * fps**4, len(parts))
    blocks[0][:, parts, parts] += _STIFF * known
    return np.where(known, values, _solved(blocks, _STIFF * np.where(known, values, 0.0)))


def _add_acceleration(blocks: Array, weight: float, of: int) -> None:
    """Add weight |x(t - 1) - 2 x(t) + x(t + 1)|², x being the first unknowns, so many."""
    if blocks.shape[1] < 3:
        return
    step = np.array([1.0, -2.0, 1.0])
    for first in range(3):
        for later in range(3 - first):
            stop = blocks.shape[1] - 2 + first
            for k in range(of):
                blocks[later, first:stop, k, k] += weight * step[first] * step[first + later]


def _solved(blocks: Array, right: Array) -> Array:
    """(T, N): x of the symmetric system whose blocks (3, T, N, N) say how frame t meets frames t, t + 1, t + 2.

    Block elimination (Thomas), of `_BLOCK` frames at a time.
    """
    count, size = right.shape
    groups = -(-count // _BLOCK)
    wide, edge = _BLOCK * size, 2 * size
    # Frames that pad the last group are their own.
    padded = np.zeros((3, groups * _BLOCK, size, size))
    padded[:, :count] = blocks
    padded[0, count:] = np.eye(size)
    padded = padded.reshape(3, groups, _BLOCK, size, size)
    diagonal = np.zeros((groups, _BLOCK, size, _BLOCK, size))
    # Only the last two frames of a group and the first two of the next one meet.
    over = np.zeros((groups, 2, size, 2, size))
    for k in range(_BLOCK):
        for later in range(3):
            if k + later < _BLOCK:
                diagonal[:, k, :, k + later] = padded[later, :, k]
                if later:
                    diagonal[:, k + later, :, k] = padded[later, :, k].swapaxes(-1, -2)
            else:
                over[:, k - _BLOCK + 2, :, k + later - _BLOCK] = padded[later, :, k]
    diagonal, over = diagonal.reshape(groups, wide, wide), over.reshape(groups, edge, edge)
    values = np.zeros((groups * _BLOCK, size))
    values[:count] = right
    values = values.reshape(groups, wide)
    ahead = np.zeros((groups, wide, edge))
    known = np.zeros((wide, edge + 1))
    for group in range(groups):
        if group:
            before = over[group - 1].T
            diagonal[group, :edge, :edge] -= before @ ahead[group - 1, -edge:]
            values[group, :edge] -= before @ values[group - 1, -edge:]
        known[-edge:, :edge], known[:, edge] = over[group], values[group]
        solved = np.linalg.solve(diagonal[group], known)
        ahead[group], values[group] = solved[:, :edge], solved[:, edge]
    for group in range(groups - 2, -1, -1):
        values[group] -= ahead[group] @ values[group + 1, :edge]
    return values.reshape(-1, size)[:count]
