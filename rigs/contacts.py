# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet touch the floor: the points of their soles, when those stand, and how a correction comes and goes.

A foot touches the floor with three points of its sole, derived from the rest pose: the heel behind the ankle, the ball
below the foot joint, the toe tip before it. Heel and ball belong to the ankle's frame, the tip to the foot joint's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .motion import Motion
from .rotation import matrix_from_axis_angle
from .skeleton import Rest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SIDES = ("left", "right")
# A point comes into contact below the first pair of height (m) and speed (m/s) and stays in it below the second.
ENTER = (0.03, 0.25)
STAY = (0.045, 0.45)
# How far (m) a planted point may wander before the span counts as two steps.
WANDER = 0.08


@dataclass(frozen=True)
class Sole:
    """Points (m) of one foot's sole in the rest pose: `heel` and `ball` from the ankle, `tip` from the foot joint."""

    heel: Array
    ball: Array
    tip: Array


def soles(rest: Rest) -> tuple[Sole, Sole]:
    """The left and the right sole of a body that stands in its rest pose with level feet.

    The heel lies behind the ankle by 0.4 and the toe tip before the foot joint by 0.55 of the distance between the two.
    """
    result = []
    for side in SIDES:
        ankle, foot = (rest.joints[rest.skeleton.index(f"{side}_{joint}")] for joint in ("ankle", "foot"))
        along = (foot - ankle) * [1, 0, 1]
        down = np.array([0, rest.floor - ankle[1], 0])
        result.append(Sole(down - 0.4 * along, down + along, 0.55 * along + [0, rest.floor - foot[1], 0]))
    return result[0], result[1]


def unit(vectors: Array) -> Array:
    """(…, 3) scaled to length 1; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def turn(rotation: Array, vectors: Array) -> Array:
    """(…, 3, 3) and (…, 3): the vectors turned."""
    return np.einsum("...ij,...j->...i", rotation, vectors)


def sole_points(motion: Motion, rest: Rest) -> Array:
    """(T, 2, 3, 3) m: left and right; heel, ball, toe tip; world position."""
    return posed_soles(*rest.forward(motion.poses, motion.trans), rest)


def posed_soles(positions: Array, turned: Array, rest: Rest) -> Array:
    """`sole_points` of joints (T, J, 3) m and their rotations (T, J, 3, 3), which `Rest.forward` gives."""
    points = []
    for side, sole in zip(SIDES, soles(rest), strict=True):
        ankle, foot = rest.skeleton.index(f"{side}_ankle"), rest.skeleton.index(f"{side}_foot")
        points.append(
            np.stack(
                [
                    positions[:, ankle] + turn(turned[:, ankle], sole.heel),
                    positions[:, ankle] + turn(turned[:, ankle], sole.ball),
                    positions[:, foot] + turn(turned[:, foot], sole.tip),
                ],
                axis=1,
            )
        )
    return np.stack(points, axis=1)


def speed_of(points: Array, fps: float) -> Array:
    """(T, …) m/s of points (T, …, 3), central differences."""
    if len(points) < 2:
        return np.zeros(points.shape[:-1])
    return np.linalg.norm(np.gradient(points, 1 / fps, axis=0), axis=-1)


def runs(mask: Mask) -> list[slice]:
    """The stretches in which a mask (T,) is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def contacts_of(points: Array, fps: float) -> Mask:
    """(T, 4) contacts of heels and balls (T, 2, 2, 3)."""
    speed = speed_of(points, fps).reshape(-1, 4)
    height = points[..., 1].reshape(-1, 4)
    # Feet that stand are slow, so a few frames with a foot thrown below the floor don't lower it.
    slow = np.where(speed < STAY[1], height, np.nan)
    if np.isnan(slow).all():
        return np.zeros(height.shape, bool)
    floor = np.nanpercentile(slow, 5)
    own = [np.nanpercentile(column, 5) if np.isfinite(column).any() else floor for column in slow.T]
    height = height - np.clip(own, floor - 0.03, floor + 0.03)
    enter = (height < ENTER[0]) & (speed < ENTER[1])
    stay = (height < STAY[0]) & (speed < STAY[1])
    shortest, gap = max(2, round(0.1 * fps)), round(0.07 * fps)
    result = np.zeros_like(enter)
    for k in range(4):
        kept = np.zeros(len(stay), bool)
        for span in runs(stay[:, k]):
            kept[span] = enter[span, k].any()
        for hole in runs(~kept):
            if hole.start > 0 and hole.stop < len(kept) and hole.stop - hole.start <= gap:
                kept[hole] = height[hole, k].max() < STAY[0]
        for span in runs(kept):
            if span.stop - span.start >= min(shortest, len(kept)):
                result[span, k] = True
    return result


def contacts(motion: Motion, rest: Rest) -> Mask:
    """(T, 4) bool: left heel, left toe (ball), right heel, right toe stand on the floor.

    Thresholds on height and speed with hysteresis (`ENTER`, `STAY`); gaps of up to 2 frames at 30 fps are closed and
    spans under 3 frames at 30 fps dropped. The floor is the 5th percentile of the heights of slow points. Heights count
    from each point's own 5th percentile, at most 3 cm off that, so that a foot which the source holds at a slant or a
    little high is seen to stand.
    """
    return contacts_of(sole_points(motion, rest)[:, :, :2], motion.fps)


def standing_height(points: Array, mask: Mask) -> tuple[Array, Mask]:
    """(T,) height of the lowest standing point, and (T,) whether any stands."""
    height = np.where(mask, points[..., 1].reshape(-1, 4), np.inf).min(axis=1)
    return height, mask.any(axis=1)


def ground(motion: Motion, rest: Rest, contact: ArrayLike | None = None) -> float:
    """Height (m) of the floor on which the clip was danced: the median height of the standing soles.

    Where nothing stands, the 5th percentile of the lowest point of both soles.
    """
    points = sole_points(motion, rest)[:, :, :2]
    return ground_under(points, contacts_of(points, motion.fps) if contact is None else np.asarray(contact, bool))


def ground_under(points: Array, mask: Mask) -> float:
    """`ground` of heels and balls (T, 2, 2, 3) m, of which `mask` (T, 4) stand."""
    height, stands = standing_height(points, mask)
    if stands.any():
        return float(np.median(height[stands]))
    return float(np.percentile(points[..., 1].min(axis=(1, 2)), 5))


def eased(values: Array, locked: Mask, fps: float, ease: float) -> Array:
    """Corrections (T, D), known where `locked`, continued over the other frames.

    A gap between two locked spans is bridged by one cubic with matching values and slopes if it is shorter than twice
    `ease` seconds; a longer one, and both ends of the clip, by cubics that fall to zero.
    """
    result = np.where(locked[:, None], values, 0.0)
    spans = runs(locked)
    length = max(1, round(ease * fps))

    def cubic(start: int, stop: int, value0: Array, slope0: Array, value1: Array, slope1: Array) -> None:
        """Fill frames between `start` and `stop`, both left out."""
        frames = np.arange(max(start + 1, 0), min(stop, len(result)))
        span = stop - start
        x = ((frames - start) / span)[:, None]
        result[frames] += (
            (2 * x**3 - 3 * x**2 + 1) * value0
            + (x**3 - 2 * x**2 + x) * span * slope0
            + (3 * x**2 - 2 * x**3) * value1
            + (x**3 - x**2) * span * slope1
        )

    def slope(span: slice, at_end: bool) -> Array:
        if span.stop - span.start < 2:
            return np.zeros(values.shape[1])
        return values[span.stop - 1] - values[span.stop - 2] if at_end else values[span.start + 1] - values[span.start]

    zero = np.zeros(values.shape[1])
    for k, span in enumerate(spans):
        first, last = span.start, span.stop - 1
        if k == 0:
            cubic(first - length, first, zero, zero, values[first], slope(span, False))
        following = spans[k + 1] if k + 1 < len(spans) else None
        if following is None or following.start - last > 2 * length:
            cubic(last, last + length, values[last], slope(span, True), zero, zero)
            if following is not None:
                other = following.start
                cubic(other - length, other, zero, zero, values[other], slope(following, False))
        else:
            other = following.start
            cubic(last, other, values[last], slope(span, True), values[other], slope(following, False))
    return result


def steps(mask: Mask, points: Array, fps: float, wander: float = WANDER) -> Mask:
    """`mask` with each span cut at its fastest frame until its points stay within `wander` m of their median."""
    mask = mask.copy()
    speed = speed_of(points, fps)
    margin, shortest = max(1, round(0.1 * fps)), max(2, round(0.1 * fps))
    todo = runs(mask)
    while todo:
        span = todo.pop()
        here = points[span]
        if np.linalg.norm(here - np.median(here, axis=0), axis=-1).max() <= wander:
            continue
        middle = span.start + int(np.argmax(speed[span]))
        mask[max(span.start, middle - margin) : min(span.stop, middle + margin + 1)] = False
        for piece in (slice(span.start, middle - margin), slice(middle + margin + 1, span.stop)):
            if piece.stop - piece.start >= shortest:
                todo.append(piece)
            elif piece.stop > piece.start:
                mask[piece] = False
    return mask


def raised_toes(turned: Array, foot: Array, joint: Array, tip: Array) -> Array:
    """Global toe rotations `turned`, bent up where the toe tip would go below the floor.

    `joint` (T, 3) is the foot joint, `foot` (T, 3, 3) the rotation of the foot, about whose side axis the toes bend.
    """
    # Of the foot, not of the toes, which a source may have folded back.
    side = unit(turn(foot, np.cross([0.0, 1, 0], tip)))
    for step in range(8):  # Newton on the angle; the height of the tip is nearly linear in it
        reach = turn(turned, tip)
        depth = np.maximum(0, -(joint + reach)[:, 1])
        lift = -np.cross(side, reach)[:, 1]
        # Up first, also past straight down; a foot that lies on its back has toes that rise the other way.
        sense = np.where((lift < 0) & (step > 3), -1.0, 1.0)
        angle = sense * np.clip(depth / np.maximum(sense * lift, 0.02), 0, 1.0)
        turned = matrix_from_axis_angle(-side * angle[:, None]) @ turned
    return turned
