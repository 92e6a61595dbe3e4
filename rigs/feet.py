# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet on the floor: locking planted feet with analytic leg IK. When they are planted, `contacts` says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter1d,
    maximum_filter1d,
    percentile_filter,
    uniform_filter1d,
)

from .contacts import (
    SIDES,
    Array,
    Mask,
    Sole,
    contacts,
    eased,
    ground,
    raised_toes,
    runs,
    sole_points,
    soles,
    speed_of,
    steps,
    turn,
    unit,
)
from .errors import InputError
from .fit import HINGES, flexion
from .motion import Motion
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle, shortest_arc
from .skeleton import Rest

__all__ = ["contacts", "drifting_ground", "eased", "ground", "plant_feet", "sole_points", "soles"]

# Legs are kept a little short of straight: there the knee's angle is infinitely sensitive to the ankle's place.
_REACH = 0.9985


def drifting_ground(motion: Motion, rest: Rest, seconds: float = 3.0) -> Array:
    """(T,) m: a floor that follows slow errors of height, for stitched or generated motion.

    The lowest point of both soles within a sliding window, smoothed over it. A window shorter than the time a dancer
    spends in the air would pull jumps down.
    """
    lowest = sole_points(motion, rest)[:, :, :2, 1].min(axis=(1, 2))
    window = max(1, round(seconds * motion.fps))
    low = percentile_filter(lowest, 20, size=window, mode="nearest")
    return gaussian_filter1d(low, window / 4, mode="nearest")


def _yaw(rotation: Array) -> Array:
    forward = rotation[..., :, 2]
    return np.arctan2(forward[..., 0], forward[..., 2])


def _upright(yaw: Array) -> Array:
    return matrix_from_axis_angle(np.stack([np.zeros_like(yaw), yaw, np.zeros_like(yaw)], axis=-1))


def _horizontal(vectors: Array) -> Array:
    return vectors * [1.0, 0.0, 1.0]


def _clearing(ball: Array, lowest: Array, locked: Mask, fps: float, clearance: float) -> Array:
    """(T,) m by which a foot that travels over the floor is raised to clear it, 0 while `locked`."""
    speed = uniform_filter1d(speed_of(_horizontal(ball), fps), 3, mode="nearest")
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
    toe = steps(toe, _horizontal(ankle + turn(turned, sole.ball)), fps)
    heel = steps(heel, _horizontal(ankle + turn(turned, sole.heel)), fps)

    # Flat: heel and ball stand, so the sole is level and its yaw constant; a foot that turns pivots on its ball.
    flat = heel & toe
    wanted = turned.copy()
    for span in runs(flat):
        forward = turned[span, :, 2]
        mean = np.arctan2(forward[:, 0].mean(), forward[:, 2].mean())
        spin = np.abs(np.angle(np.exp(1j * (_yaw(turned[span]) - mean))))
        if spin.max() > np.deg2rad(20):
            flat[span] = heel[span] = False
        else:
            wanted[span] = _upright(np.full(len(forward), mean))
    change = axis_angle_from_matrix(wanted @ np.swapaxes(turned, -1, -2))
    turned = matrix_from_axis_angle(eased(change, flat, fps, ease)) @ turned

    # On the ball only, the heel must not dip below it; on the heel only, the ball not below the heel.
    along = turn(turned, sole.ball - sole.heel)
    wrong = (toe & ~flat & (along[:, 1] > 0)) | (heel & ~toe & (along[:, 1] < 0))
    level = _horizontal(along)
    turned = np.where(wrong[:, None, None], shortest_arc(along, level) @ turned, turned)

    locked = toe.copy()
    wanted_ankle = ankle.copy()
    arm, back = turn(turned, sole.ball), turn(turned, sole.heel)
    for span in runs(toe):
        points = ankle[span] + arm[span]
        chosen = points[flat[span]] if flat[span].any() else points
        wanted_ankle[span] = _horizontal(np.median(chosen, axis=0)) - arm[span]
    for span in runs(heel & ~toe):
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
        upper, lower = unit(turn(turned[:, hip], offsets[knee])), unit(turn(turned[:, knee], offsets[end]))
        axis = turn(turned[:, hip], HINGES[f"{side}_knee"])
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
        aim = shortest_arc(thigh * upper + shin * turn(fold, lower), way)
        new_hip, new_knee = aim @ turned[:, hip], aim @ fold @ turned[:, knee]
        end_place = positions[:, hip] - drop[:, None] * [0, 1, 0] + way * (reach / distance)[:, None]
        joint = end_place + turn(foot_turned, offsets[foot])
        toes = raised_toes(foot_turned @ matrix_from_axis_angle(poses[:, foot]), foot_turned, joint, sole.tip)
        above = turned[:, rest.skeleton.parents[hip]]
        for joint_index, parent, child in (
            (hip, above, new_hip),
            (knee, new_hip, new_knee),
            (end, new_knee, foot_turned),
            (foot, foot_turned, toes),
        ):
            poses[:, joint_index] = axis_angle_from_matrix(np.swapaxes(parent, -1, -2) @ child)
    return replace(motion, poses=poses, trans=trans)
