# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet on the floor: contact detection, and locking planted feet with analytic leg IK.

A foot touches the floor with three points of its sole, derived from the rest pose: the heel behind the ankle, the ball
below the foot joint, the toe tip before it. Heel and ball belong to the ankle's frame, the tip to the foot joint's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter1d,
    maximum_filter1d,
    percentile_filter,
    uniform_filter1d,
)

from .errors import InputError
from .fit import HINGES, flexion, unit
from .motion import Motion
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle, shortest_arc
from .skeleton import Rest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SIDES = ("left", "right")
# A point comes into contact below the first pair of height (m) and speed (m/s) and stays in it below the second.
ENTER = (0.03, 0.25)
STAY = (0.045, 0.45)
# How far (m) a planted point may wander before the span counts as two steps.
_WANDER = 0.08
# Legs are kept a little short of straight: there the knee's angle is infinitely sensitive to the ankle's place.
_REACH = 0.9985


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


def _turn(rotation: Array, vectors: Array) -> Array:
    return np.einsum("...ij,...j->...i", rotation, vectors)


def sole_points(motion: Motion, rest: Rest) -> Array:
    """(T, 2, 3, 3) m: left and right; heel, ball, toe tip; world position."""
    positions, turned = rest.forward(motion.poses, motion.trans)
    points = []
    for side, sole in zip(SIDES, soles(rest), strict=True):
        ankle, foot = rest.skeleton.index(f"{side}_ankle"), rest.skeleton.index(f"{side}_foot")
        points.append(
            np.stack(
                [
                    positions[:, ankle] + _turn(turned[:, ankle], sole.heel),
                    positions[:, ankle] + _turn(turned[:, ankle], sole.ball),
                    positions[:, foot] + _turn(turned[:, foot], sole.tip),
                ],
                axis=1,
            )
        )
    return np.stack(points, axis=1)


def _speed(points: Array, fps: float) -> Array:
    """(T, …) m/s of points (T, …, 3), central differences."""
    if len(points) < 2:
        return np.zeros(points.shape[:-1])
    return np.linalg.norm(np.gradient(points, 1 / fps, axis=0), axis=-1)


def _runs(mask: Mask) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _contacts(points: Array, fps: float) -> Mask:
    """(T, 4) contacts of heels and balls (T, 2, 2, 3)."""
    speed = _speed(points, fps).reshape(-1, 4)
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
        for span in _runs(stay[:, k]):
            kept[span] = enter[span, k].any()
        for hole in _runs(~kept):
            if hole.start > 0 and hole.stop < len(kept) and hole.stop - hole.start <= gap:
                kept[hole] = height[hole, k].max() < STAY[0]
        for span in _runs(kept):
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
    return _contacts(sole_points(motion, rest)[:, :, :2], motion.fps)


def _standing_height(points: Array, mask: Mask) -> tuple[Array, Mask]:
    """(T,) height of the lowest standing point, and (T,) whether any stands."""
    height = np.where(mask, points[..., 1].reshape(-1, 4), np.inf).min(axis=1)
    return height, mask.any(axis=1)


def ground(motion: Motion, rest: Rest, contact: ArrayLike | None = None) -> float:
    """Height (m) of the floor on which the clip was danced: the median height of the standing soles.

    Where nothing stands, the 5th percentile of the lowest point of both soles.
    """
    points = sole_points(motion, rest)[:, :, :2]
    mask = _contacts(points, motion.fps) if contact is None else np.asarray(contact, bool)
    height, stands = _standing_height(points, mask)
    if stands.any():
        return float(np.median(height[stands]))
    return float(np.percentile(points[..., 1].min(axis=(1, 2)), 5))


def drifting_ground(motion: Motion, rest: Rest, seconds: float = 3.0) -> Array:
    """(T,) m: a floor that follows slow errors of height, for stitched or generated motion.

    The lowest point of both soles within a sliding window, smoothed over it. A window shorter than the time a dancer
    spends in the air would pull jumps down.
    """
    lowest = sole_points(motion, rest)[:, :, :2, 1].min(axis=(1, 2))
    window = max(1, round(seconds * motion.fps))
    low = percentile_filter(lowest, 20, size=window, mode="nearest")
    return gaussian_filter1d(low, window / 4, mode="nearest")


def eased(values: Array, locked: Mask, fps: float, ease: float) -> Array:
    """Corrections (T, D), known where `locked`, continued over the other frames.

    A gap between two locked spans is bridged by one cubic with matching values and slopes if it is shorter than twice
    `ease` seconds; a longer one, and both ends of the clip, by cubics that fall to zero.
    """
    result = np.where(locked[:, None], values, 0.0)
    spans = _runs(locked)
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


def _steps(mask: Mask, points: Array, fps: float) -> Mask:
    """`mask` with each span cut at its fastest frame until its points stay within `_WANDER` of their median."""
    mask = mask.copy()
    speed = _speed(points, fps)
    margin, shortest = max(1, round(0.1 * fps)), max(2, round(0.1 * fps))
    todo = _runs(mask)
    while todo:
        span = todo.pop()
        here = points[span]
        if np.linalg.norm(here - np.median(here, axis=0), axis=-1).max() <= _WANDER:
            continue
        middle = span.start + int(np.argmax(speed[span]))
        mask[max(span.start, middle - margin) : min(span.stop, middle + margin + 1)] = False
        for piece in (slice(span.start, middle - margin), slice(middle + margin + 1, span.stop)):
            if piece.stop - piece.start >= shortest:
                todo.append(piece)
            elif piece.stop > piece.start:
                mask[piece] = False
    return mask


def _yaw(rotation: Array) -> Array:
    forward = rotation[..., :, 2]
    return np.arctan2(forward[..., 0], forward[..., 2])


def _upright(yaw: Array) -> Array:
    return matrix_from_axis_angle(np.stack([np.zeros_like(yaw), yaw, np.zeros_like(yaw)], axis=-1))


def _horizontal(vectors: Array) -> Array:
    return vectors * [1.0, 0.0, 1.0]


def _clearing(ball: Array, lowest: Array, locked: Mask, fps: float, clearance: float) -> Array:
    """(T,) m by which a foot that travels over the floor is raised to clear it, 0 while `locked`."""
    speed = uniform_filter1d(_speed(_horizontal(ball), fps), 3, mode="nearest")
    short = np.maximum(0, clearance * np.clip((speed - 0.2) / 0.6, 0, 1) - lowest)
    width = max(1, round(0.05 * fps))
    smooth = gaussian_filter1d(maximum_filter1d(short, 2 * width + 1, mode="nearest"), width, mode="nearest")
    # Frames to the nearest locked one, so that the foot leaves the floor and comes back gently.
    away = distance_transform_edt(~locked) if locked.any() else np.full(len(locked), np.inf)
    part = np.clip((np.asarray(away) - 0.5) / (0.1 * fps), 0, 1)
    return smooth * part * part * (3 - 2 * part)


def _planted(
    ankle: Array, turned: Array, sole: Sole, heel: Mask, toe: Mask, fps: float, ease: float, clearance: float
) -> tuple[Array, Array, Mask]:
    """New ankle positions (T, 3), foot rotations (T, 3, 3) and the frames (T,) that are locked, for one foot."""
    toe = _steps(toe, _horizontal(ankle + _turn(turned, sole.ball)), fps)
    heel = _steps(heel, _horizontal(ankle + _turn(turned, sole.heel)), fps)

    # Flat: heel and ball stand, so the sole is level and its yaw constant; a foot that turns pivots on its ball.
    flat = heel & toe
    wanted = turned.copy()
    for span in _runs(flat):
        forward = turned[span, :, 2]
        mean = np.arctan2(forward[:, 0].mean(), forward[:, 2].mean())
        turn = np.abs(np.angle(np.exp(1j * (_yaw(turned[span]) - mean))))
        if turn.max() > np.deg2rad(20):
            flat[span] = heel[span] = False
        else:
            wanted[span] = _upright(np.full(len(forward), mean))
    change = axis_angle_from_matrix(wanted @ np.swapaxes(turned, -1, -2))
    turned = matrix_from_axis_angle(eased(change, flat, fps, ease)) @ turned

    # On the ball only, the heel must not dip below it; on the heel only, the ball not below the heel.
    along = _turn(turned, sole.ball - sole.heel)
    wrong = (toe & ~flat & (along[:, 1] > 0)) | (heel & ~toe & (along[:, 1] < 0))
    level = _horizontal(along)
    turned = np.where(wrong[:, None, None], shortest_arc(along, level) @ turned, turned)

    locked = toe.copy()
    wanted_ankle = ankle.copy()
    arm, back = _turn(turned, sole.ball), _turn(turned, sole.heel)
    for span in _runs(toe):
        points = ankle[span] + arm[span]
        chosen = points[flat[span]] if flat[span].any() else points
        wanted_ankle[span] = _horizontal(np.median(chosen, axis=0)) - arm[span]
    for span in _runs(heel & ~toe):
        if span.stop < len(toe) and toe[span.stop]:
            anchor = wanted_ankle[span.stop] + back[span.stop]
        elif span.start > 0 and toe[span.start - 1]:
            anchor = wanted_ankle[span.start - 1] + back[span.start - 1]
        else:
            anchor = np.median(ankle[span] + back[span], axis=0)
        wanted_ankle[span] = _horizontal(anchor) - back[span]
        locked[span] = True
    ankle = ankle + eased(wanted_ankle - ankle, locked, fps, ease)

    lowest = np.minimum((ankle + arm)[:, 1], (ankle + back)[:, 1])
    ankle[:, 1] += np.maximum(0, -lowest)
    ankle[:, 1] += _clearing(ankle + arm, np.maximum(0, lowest), locked, fps, clearance)
    return ankle, turned, locked


def _raised_toes(turned: Array, foot: Array, joint: Array, tip: Array) -> Array:
    """Global toe rotations `turned`, bent up where the toe tip would go below the floor.

    `joint` (T, 3) is the foot joint, `foot` (T, 3, 3) the rotation of the foot, about whose side axis the toes bend.
    """
    reach = _turn(turned, tip)
    side = unit(np.cross(_turn(foot, np.array([0.0, 1, 0])), reach))
    for _ in range(6):  # Newton on the angle; the height of the tip is nearly linear in it
        reach = _turn(turned, tip)
        depth = np.maximum(0, -(joint + reach)[:, 1])
        lift = -np.cross(side, reach)[:, 1]
        angle = np.clip(depth / np.maximum(lift, 0.02), 0, 1.0)
        turned = matrix_from_axis_angle(-side * angle[:, None]) @ turned
    return turned


def _followed_root(motion: Motion, rest: Rest, mask: Mask) -> Motion:
    """Planar root motion such that planted feet stand still: the root takes on the opposite of their mean slip."""
    points = sole_points(motion, rest)[:, :, :2]
    slip = _horizontal(np.diff(points, axis=0)).reshape(-1, 4, 3)
    weight = (mask[1:] & mask[:-1]).astype(float)
    weight = gaussian_filter1d(weight, 0.04 * motion.fps, axis=0) * weight
    total = weight.sum(axis=1, keepdims=True)
    step = (weight[..., None] * slip).sum(axis=1) / np.maximum(total, 1e-6) * np.minimum(total, 1)
    path = np.concatenate([np.zeros((1, 3)), np.cumsum(step, axis=0)])
    return replace(motion, trans=motion.trans - path)


def plant_feet(
    motion: Motion,
    rest: Rest,
    *,
    contact: ArrayLike | None = None,
    root: str = "keep",
    floor: float | Array | None = None,
    ease: float = 0.3,
    clearance: float = 0.03,
) -> Motion:
    """The same motion with its planted feet standing still on the floor, y = 0.

    Each contact span is locked at its median place: flat where heel and ball stand, free to roll and pivot about the
    ball where only that stands. Between spans the correction is eased with matching speeds. Legs follow by analytic
    two-bone IK that keeps the knee's bend plane; the hips sink where a leg would not reach, toes bend rather than
    pierce the floor.

    Args:
        motion: any skeleton with the 22 body joints.
        rest: the body, whose `floor` gives the sole's height.
        contact: (T, 4) bool: left heel, left toe, right heel, right toe; None finds them with `contacts`.
        root: "keep" leaves the root's path on the floor; "feet" derives it from the planted feet first, for motion
            whose feet slide all the time.
        floor: height (m) of the floor in the input, one or one per frame (`drifting_ground`); None takes `ground`.
        clearance: height (m) that the sole of a fast moving foot keeps from the floor; 0 lets it brush the floor.
        ease: seconds over which a correction comes and goes; shorter where contacts follow each other quickly.

    Raises:
        InputError: `contact` does not fit the motion, or `root` is unknown.
    """
    if root not in ("keep", "feet"):
        raise InputError(f"Unknown root {root!r}; choose keep or feet.")
    if contact is not None and np.shape(contact) != (len(motion), 4):
        raise InputError(f"Contacts of shape {np.shape(contact)} do not fit; give ({len(motion)}, 4).")
    level = np.broadcast_to(ground(motion, rest, contact) if floor is None else floor, len(motion))
    motion = replace(motion, trans=motion.trans - level[:, None] * [0, 1, 0])
    mask = contacts(motion, rest) if contact is None else np.asarray(contact, bool)
    if root == "feet" and len(motion) > 1:
        motion = _followed_root(motion, rest, mask)

    fps, offsets, index = motion.fps, rest.offsets, rest.skeleton.index
    positions, turned = rest.forward(motion.poses, motion.trans)
    feet = [
        _planted(
            positions[:, index(f"{side}_ankle")],
            turned[:, index(f"{side}_ankle")],
            sole,
            heel,
            toe,
            fps,
            ease,
            clearance,
        )
        for side, sole, heel, toe in zip(SIDES, soles(rest), mask.T[::2], mask.T[1::2], strict=True)
    ]

    legs = []
    drop = np.zeros(len(motion))
    for side, (ankle, _, locked) in zip(SIDES, feet, strict=True):
        hip, knee, end = (index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
        thigh, shin = np.linalg.norm(offsets[knee]), np.linalg.norm(offsets[end])
        upper, lower = unit(_turn(turned[:, hip], offsets[knee])), unit(_turn(turned[:, knee], offsets[end]))
        axis = _turn(turned[:, hip], HINGES[f"{side}_knee"])
        bend, sideways = flexion(upper, lower, axis)
        lean = np.arcsin(np.clip((upper * axis).sum(-1), -1, 1))
        longest = _REACH * np.sqrt(thigh**2 + shin**2 + 2 * thigh * shin * np.cos(lean - sideways))
        way = ankle - positions[:, hip]
        flat_way = np.linalg.norm(way[:, [0, 2]], axis=-1)
        short = -way[:, 1] - np.sqrt(np.maximum(longest**2 - flat_way**2, 0))
        drop = np.maximum(drop, np.where(locked, np.clip(short, 0, 0.12), 0))
        legs.append((thigh, shin, upper, lower, axis, bend, sideways, lean, longest))
    # The maximum over a window, averaged over that same window, is smooth and nowhere less than what is needed.
    window = 2 * round(0.1 * fps) + 1
    drop = maximum_filter1d(drop, 2 * window - 1, mode="nearest")
    for _ in range(2):
        drop = uniform_filter1d(drop, window, mode="nearest")
    trans = motion.trans - drop[:, None] * [0, 1, 0]

    poses = motion.poses.copy()
    for side, sole, (ankle, foot_turned, _), leg in zip(SIDES, soles(rest), feet, legs, strict=True):
        thigh, shin, upper, lower, axis, bend, sideways, lean, longest = leg
        hip, knee, end, foot = (index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "foot"))
        way = ankle - (positions[:, hip] - drop[:, None] * [0, 1, 0])
        distance = np.linalg.norm(way, axis=-1)
        reach = np.clip(distance, 0.2 * (thigh + shin), longest)
        cosine = (reach**2 - thigh**2 - shin**2) / (2 * thigh * shin)
        cosine = (cosine - np.sin(lean) * np.sin(sideways)) / (np.cos(lean) * np.cos(sideways))
        more = np.arccos(np.clip(cosine, -1, 1)) - bend
        fold = matrix_from_axis_angle(axis * more[:, None])
        aim = shortest_arc(thigh * upper + shin * _turn(fold, lower), way)
        new_hip, new_knee = aim @ turned[:, hip], aim @ fold @ turned[:, knee]
        end_place = positions[:, hip] - drop[:, None] * [0, 1, 0] + way * (reach / distance)[:, None]
        joint = end_place + _turn(foot_turned, offsets[foot])
        toes = _raised_toes(foot_turned @ matrix_from_axis_angle(poses[:, foot]), foot_turned, joint, sole.tip)
        above = turned[:, rest.skeleton.parents[hip]]
        for joint_index, parent, child in (
            (hip, above, new_hip),
            (knee, new_hip, new_knee),
            (end, new_knee, foot_turned),
            (foot, foot_turned, toes),
        ):
            poses[:, joint_index] = axis_angle_from_matrix(np.swapaxes(parent, -1, -2) @ child)
    return replace(motion, poses=poses, trans=trans)
