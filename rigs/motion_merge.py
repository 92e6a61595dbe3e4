# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a stretch of one motion, or some of its joints, into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .feet import contacts, plant_feet, sole_points
from .motion import Motion
from .motion_edit import heading
from .motion_span import part_shares, smooth
from .rotation import (
    axis_angle_from_matrix,
    axis_angle_from_quaternion,
    matrix_from_axis_angle,
    quaternion_from_axis_angle,
    quaternion_product,
    sign_continuous,
)
from .skeleton import Rest

Array = NDArray[np.float64]

# What goes astray is put right at this speed (m/s) of the feet and more.
_LEAST_SPEED = 0.05
_EASE = 0.4  # s in which that begins and ends
_MARGIN = 2.0  # s beside the range in which feet are looked at
_PLANT_FRAMES = 2  # in which their planting comes in
_CLEARANCE = 0.05  # m by which a foot that steps over is raised


def merge(
    old: Motion,
    new: Motion,
    first: int,
    last: int,
    joints: Sequence[str] | None = None,
    blend: int = 12,
    rest: Rest | None = None,
) -> Motion:
    """`old` with its frames `first`..`last` taken from `new`, the same frames of which it is that go there.

    Outside that range, and in joints that are not asked for, the result is `old` to the bit. Within it, `blend` frames
    at either end go over from one to the other (none where the range begins or ends with the motion): rotations by
    slerp, with a weight whose first and second derivatives are 0 at both ends, so that neither place nor speed jumps.

    Where the root is among the joints, `new` is first turned about Y and moved over the floor, to go on where `old` is
    at the middle of the first blend; what it has gone astray by the middle of the last one is put right little by
    little on the way, mostly while its feet move.

    Args:
        joints: names; None is all of them, and the root's path.
        rest: the body. If it is given and all joints are asked for, feet that stand in the range are planted anew.

    Raises:
        InputError: the two do not fit together, the range lies outside, or a joint is unknown.
    """
    new = new.on(old.skeleton)
    if new.fps != old.fps:
        raise InputError(f"Motions at {old.fps:g} and {new.fps:g} frames a second can't be merged; resample one.")
    if not 0 <= first <= last < len(old):
        raise InputError(f"Frames {first} to {last} are not in a motion of {len(old)}; choose a range within it.")
    if len(new) <= last:
        raise InputError(f"The other motion has {len(new)} frames, but is needed up to {last}; make it longer.")
    unknown = [joint for joint in joints or () if joint not in old.rig.joints]
    if unknown:
        raise InputError(f"{old.skeleton} has no joint {unknown[0]!r}.")
    chosen = [index for index, joint in enumerate(old.rig.joints) if joints is None or joint in joints]
    frames = slice(first, last + 1)
    weight = part_shares(len(old), first, last, blend)
    middle = min(blend, (last - first + 1) // 2) // 2
    entry = 0 if first == 0 else first + middle
    leave = None if last == len(old) - 1 else last - middle
    short = max(0, len(old) - len(new))
    new = replace(
        new,
        poses=np.concatenate([new.poses[: len(old)], np.repeat(new.poses[-1:], short, axis=0)]),
        trans=np.concatenate([new.trans[: len(old)], np.repeat(new.trans[-1:], short, axis=0)]),
    )
    poses, trans = old.poses.copy(), old.trans.copy()
    if 0 in chosen:
        new = _carried_on(old, new, entry, leave, rest)
        share = weight[frames, None]
        trans[frames] = old.trans[frames] * (1 - share) + new.trans[frames] * share
    poses[frames][:, chosen] = _crossed(old.poses[frames][:, chosen], new.poses[frames][:, chosen], weight[frames])
    merged = replace(old, poses=poses, trans=trans)
    if rest is not None and joints is None:
        return _planted(merged, old, new, rest, weight)
    return merged


def _crossed(old: Array, new: Array, weight: Array) -> Array:
    """(T, J, 3) each: from `old` to `new` by slerp.

    Which of the two ways round is chosen once per blend, the short one at its middle: chosen frame by frame it would
    jump where the two poses are half a turn apart.
    """
    one, two = quaternion_from_axis_angle(old), quaternion_from_axis_angle(new)
    between = sign_continuous(quaternion_product(one * [1.0, -1.0, -1.0, -1.0], two))
    result = np.where(weight[:, None, None] > 0, new, old)
    mixed = np.concatenate([[False], (weight > 0) & (weight < 1), [False]])
    edges = np.flatnonzero(np.diff(mixed.astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        span = slice(start, stop)
        middle = start + int(np.argmin(np.abs(weight[span] - 0.5)))
        turn = between[span] * np.where(between[middle, :, :1] < 0, -1.0, 1.0)
        sine = np.linalg.norm(turn[..., 1:], axis=-1, keepdims=True)
        angle = 2 * np.arctan2(sine, turn[..., :1])
        part = turn[..., 1:] * (angle * weight[span, None, None] / np.maximum(sine, 1e-12))
        result[span] = axis_angle_from_quaternion(quaternion_product(one[span], quaternion_from_axis_angle(part)))
    return result


def _carried_on(old: Motion, new: Motion, entry: int, leave: int | None, rest: Rest | None) -> Motion:
    """`new` turned and moved over the floor as a whole, to meet `old` in frame `entry`.

    If there is a `leave`, it is bent on the way, to meet `old` there again.
    """
    root = rest.joints[0] if rest is not None else np.zeros(3)
    turn = np.full(len(new), heading(old)[entry] - heading(new)[entry])
    share = np.zeros(len(new))
    if leave is not None:
        astray = heading(old)[leave] - heading(new)[leave] - turn[0]
        share = _on_the_way(new, entry, leave, rest)
        turn += np.angle(np.exp(1j * astray)) * share
    path = new.trans + root
    ways = np.diff(path, axis=0)
    cosine, sine = np.cos(turn[:-1]), np.sin(turn[:-1])
    ways[:, 0], ways[:, 2] = cosine * ways[:, 0] + sine * ways[:, 2], cosine * ways[:, 2] - sine * ways[:, 0]
    path[1:] = path[0] + np.cumsum(ways, axis=0)
    goal = old.trans + root
    path += (goal[entry] - path[entry]) * [1, 0, 1]
    if leave is not None:
        path += share[:, None] * (goal[leave] - path[leave]) * [1, 0, 1]
    upright = matrix_from_axis_angle(np.stack([np.zeros_like(turn), turn, np.zeros_like(turn)], axis=1))
    poses = new.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(upright @ matrix_from_axis_angle(poses[:, 0]))
    return replace(new, poses=poses, trans=path - root)


def _on_the_way(motion: Motion, entry: int, leave: int, rest: Rest | None) -> Array:
    """(T,) from 0 at `entry` to 1 at `leave`, rising most where the feet (or, with no body given, the root) move."""
    moving = sole_points(motion, rest)[:, :, 1] if rest is not None else motion.trans[:, None]
    speed = np.zeros(len(motion))
    speed[1:] = np.linalg.norm(np.diff(moving[..., [0, 2]], axis=0), axis=-1).mean(axis=1) * motion.fps
    window = np.hanning(2 * max(1, round(0.1 * motion.fps)) + 3)
    speed = np.convolve(speed, window / window.sum(), mode="same") + _LEAST_SPEED
    frames = np.arange(len(motion))
    ease = max(1.0, min(_EASE * motion.fps, (leave - entry) / 2))
    speed *= smooth((frames - entry) / ease) * smooth((leave - frames) / ease)
    gone = np.cumsum(speed)
    if gone[-1] <= 0:
        return np.clip((frames - entry) / max(1, leave - entry), 0, 1)
    return gone / gone[-1]


def _planted(merged: Motion, old: Motion, new: Motion, rest: Rest, weight: Array) -> Motion:
    """`merged` with the feet planted where either motion stands and has all the weight; between, they step over."""
    inside = np.flatnonzero(weight)
    margin = round(_MARGIN * old.fps)
    start, stop = max(0, inside[0] - margin), min(len(old), inside[-1] + 1 + margin)
    near = slice(start, stop)

    def part(motion: Motion) -> Motion:
        return replace(motion, poses=motion.poses[near], trans=motion.trans[near])

    share = weight[near, None]
    contact = (contacts(part(old), rest) & (share < 0.05)) | (contacts(part(new), rest) & (share > 0.95))
    planted = plant_feet(part(merged), rest, contact=contact, floor=0.0, clearance=_CLEARANCE)
    share = part_shares(len(old), int(inside[0]), int(inside[-1]), _PLANT_FRAMES)[near]
    poses, trans = merged.poses.copy(), merged.trans.copy()
    poses[near] = _crossed(merged.poses[near], planted.poses, share)
    trans[near] += (planted.trans - merged.trans[near]) * share[:, None]
    return replace(merged, poses=poses, trans=trans)
