# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels of a dancing body to joint rotations: hips over the feet, a spine that follows them, legs and arms by IK."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ..skeleton import Rest
from .curves import softened
from .feet import FootTrack

Array = NDArray[np.float64]

# Legs are kept this much short of straight.
_REACH = 0.988


@dataclass
class Channels:
    """All that the body does, each (T,) or (T, D): the names of `move.BODY`, `weight`, `air` m by which the body is off
    the floor, the feet, and the arms as rows of hand 3, elbow 3, palm, wrist."""

    body: dict[str, Array]
    weight: Array
    air: Array
    left: FootTrack
    right: FootTrack
    left_arm: Array
    right_arm: Array
    cuban: Array
    spot: Array


def _about(axis: int, angle: Array) -> Array:
    vector = np.zeros((len(angle), 3))
    vector[:, axis] = angle
    return matrix_from_axis_angle(vector)


def euler(pitch: Array, yaw: Array, roll: Array) -> Array:
    """Rotation (T, 3, 3) about y, then x, then z of the turned frame."""
    return _about(1, yaw) @ _about(0, pitch) @ _about(2, roll)


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _basis(along: Array, toward: Array) -> Array:
    """Orthonormal frames (…, 3, 3): the first column is `along`, the second lies in the plane of it and `toward`."""
    first = _unit(along)
    second = _unit(toward - (toward * first).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def two_bone(
    root: Array, target: Array, pole: Array, upper: Array, lower: Array, rest_pole: Array
) -> tuple[Array, Array]:
    """Global rotations of two bones that reach from `root` to `target`, bending toward `pole`.

    Args:
        root, target, pole: (T, 3) positions m, and a direction.
        upper, lower: (3,) rest offsets m of the middle and end joint.
        rest_pole: (3,) the direction in which the middle joint points in the rest pose.

    Returns:
        (T, 3, 3) of the upper and of the lower bone. A target out of reach is pointed at.
    """
    a, b = np.linalg.norm(upper), np.linalg.norm(lower)
    reach = target - root
    distance = np.linalg.norm(reach, axis=-1, keepdims=True)
    along = reach / np.maximum(distance, 1e-9)
    distance = np.clip(distance, abs(a - b) + 1e-3, (a + b) * 0.9985)
    cosine = np.clip((a * a + distance * distance - b * b) / (2 * a * distance), -1, 1)
    aside = _basis(along, pole)[..., 1]
    middle = along * a * cosine + aside * a * np.sqrt(1 - cosine**2)
    first = _basis(middle, aside) @ _basis(upper, rest_pole).T
    second = _basis(along * distance - middle, aside) @ _basis(lower, rest_pole).T
    return first, second


def _turned(rotation: Array, vector: Array) -> Array:
    return np.einsum("...ij,...j->...i", rotation, vector)


def _share(rotation: Array, part: float) -> Array:
    return matrix_from_axis_angle(axis_angle_from_matrix(rotation) * part)


def _inverse(rotation: Array) -> Array:
    return np.swapaxes(rotation, -1, -2)


def ankle(foot: FootTrack, ball0: Array, ankle0: Array, heel0: Array) -> tuple[Array, Array, Array]:
    """Place (T, 3), rotation (T, 3, 3) and yaw (T, 3, 3) of a foot; `ball0` and `heel0` (3,) m lie on its sole."""
    # Feet in a rest pose point outward a little; `yaw` is where they really point.
    along = ball0 - heel0
    flat = _about(1, foot.yaw - np.arctan2(along[0], along[2]))
    turned = flat @ _about(0, foot.pitch)
    ground = np.stack([foot.place[:, 0], foot.height, foot.place[:, 1]], axis=1)
    about_ball = ground + turned @ (ankle0 - ball0)
    about_heel = ground + flat @ (heel0 - ball0) + turned @ (ankle0 - heel0)
    # While a foot stands it turns about what touches the floor, in the air about whatever lies between.
    share = np.where(foot.down, (foot.pitch < 0).astype(float), foot.heel_pivot)[:, None]
    place = about_ball * (1 - share) + about_heel * share
    lowest = np.minimum((place + turned @ (ball0 - ankle0))[:, 1], (place + turned @ (heel0 - ankle0))[:, 1])
    # A foot on its way to land on its heel hangs from that with its toes still down: those clear the floor as well.
    place[:, 1] += np.maximum(0.0, np.where(foot.down, 0.0, foot.height * share[:, 0]) - lowest)
    return place, turned, flat


def pose(c: Channels, rest: Rest, fps: float) -> tuple[Array, Array]:
    """Poses (T, J, 3) rad and trans (T, 3) m."""
    index, joints, count = rest.skeleton.index, rest.joints, len(c.weight)
    zero = np.zeros(count)
    b, w = c.body, c.weight
    heading = b["heading"]
    face = _about(1, heading)
    forward, left = face[:, :, 2], face[:, :, 0]

    def joint(name: str) -> Array:
        return joints[index(name)]

    feet, middles = {}, []
    for side, foot in (("left", c.left), ("right", c.right)):
        ball, end = joint(f"{side}_foot"), joint(f"{side}_ankle")
        along = (ball - end) * [1, 0, 1]
        ball0 = np.array([ball[0], rest.floor, ball[2]])
        heel0 = np.array([end[0], rest.floor, end[2]]) - 0.4 * along
        feet[side] = (*ankle(foot, ball0, end, heel0), ball0)
        toes = np.stack([np.sin(foot.yaw), np.cos(foot.yaw)], axis=1)
        middles.append(foot.place - 0.042 * toes)

    # The hips: over the weight, pushed out over the standing leg, that leg's side up, led by the foot in front.
    stance = 2 * w - 1
    apart = ((middles[0] - middles[1]) * np.stack([np.sin(heading), np.cos(heading)], 1)).sum(1)
    stride = -0.55 * np.clip(apart, -0.4, 0.4)
    hike = b["hike"] + (0.03 + c.cuban) * stance
    twist = b["twist"] + stride
    side = b["side"] + (0.012 + 0.12 * c.cuban) * stance
    hips = face @ euler(0.05 + b["tuck"], twist, hike)
    over = softened(middles[0] * w[:, None] + middles[1] * (1 - w[:, None]), 0.06 * fps)
    hip_height = joints[0, 1] - rest.floor
    pelvis = np.stack([over[:, 0], hip_height - b["sink"] + c.air, over[:, 1]], axis=1)
    pelvis += left * side[:, None] + forward * (b["fwd"] - 0.25 * np.maximum(b["sink"] - 0.06, 0))[:, None]
    pelvis[:, 1] -= _short(pelvis, hips, feet, rest)

    world = np.tile(np.eye(3), (count, len(joints), 1, 1))
    world[:, 0] = hips
    # The chest turns against the hips and stays upright over them; both bend the spine between.
    lean = b["lean"] - 0.35 * hike
    chest = face @ euler(0.05 + b["bow"], b["turn"] + 0.25 * twist - 0.7 * stride, -lean)
    between = _inverse(hips) @ chest
    shift = euler(-2.2 * b["pop"], zero, 2.2 * b["slide"])
    world[:, index("spine1")] = hips @ _share(between, 0.3) @ _inverse(shift)
    world[:, index("spine2")] = hips @ _share(between, 0.65) @ _inverse(_share(shift, 0.4))
    world[:, index("spine3")] = chest
    # The head keeps more level than the chest, and in a spotted turn goes ahead of it at the last moment.
    gaze = heading + c.spot * _spotted(heading)
    head = _about(1, gaze) @ euler(0.25 * b["bow"] + b["nod"], b["look"] + 0.35 * b["turn"], -(0.35 * lean + b["cock"]))
    world[:, index("head")] = head
    world[:, index("neck")] = chest @ _share(_inverse(chest) @ head, 0.45)

    for side_name, sign in (("left", 1.0), ("right", -1.0)):
        foot = c.left if sign > 0 else c.right
        place, turned, flat, ball0 = feet[side_name]
        hip, knee, end = (joint(f"{side_name}_{part}") for part in ("hip", "knee", "ankle"))
        socket = pelvis + hips @ (hip - joints[0])
        # The knee goes where the toes point, half-way to where the hips do.
        off = np.arctan2(np.sin(foot.yaw - heading - twist), np.cos(foot.yaw - heading - twist))
        across = _about(1, heading + twist + 0.55 * off + 0.06 * sign)[:, :, 0]
        pole = np.cross(place - socket, across)
        upper, lower = two_bone(socket, place, pole, knee - hip, end - knee, np.array([0.0, 0.0, 1.0]))
        world[:, index(f"{side_name}_hip")], world[:, index(f"{side_name}_knee")] = upper, lower
        world[:, index(f"{side_name}_ankle")] = turned
        world[:, index(f"{side_name}_foot")] = flat @ _toes(place, turned, foot, rest, side_name, ball0)
        _arm(world, c, rest, chest, side_name, sign, fps)

    local = world.copy()
    for j, parent in enumerate(rest.skeleton.parents):
        if parent >= 0:
            local[:, j] = _inverse(world[:, parent]) @ world[:, j]
    return axis_angle_from_matrix(local), pelvis - joints[0]


def _short(pelvis: Array, hips: Array, feet: dict, rest: Rest) -> Array:
    """(T,) m by which the hips must sink for both legs to reach."""
    index, joints = rest.skeleton.index, rest.joints
    top = np.full(len(pelvis), np.inf)
    for side, (place, *_) in feet.items():
        hip, knee, end = (joints[index(f"{side}_{part}")] for part in ("hip", "knee", "ankle"))
        socket = hips @ (hip - joints[0])
        across = ((place - pelvis - socket)[:, [0, 2]] ** 2).sum(1)
        length = _REACH * (np.linalg.norm(knee - hip) + np.linalg.norm(end - knee))
        top = np.minimum(top, place[:, 1] + np.sqrt(np.maximum(length**2 - across, 0.04)) - socket[:, 1])
    gap = pelvis[:, 1] - top
    return 0.012 * np.logaddexp(0, gap / 0.012)


def _spotted(heading: Array) -> Array:
    """(T,) rad from a turning chest to a head that stays in front as long as the neck allows, then whips round."""
    turns = heading / (2 * np.pi)
    rest_of = turns - np.round(turns)  # -0.5 … 0.5 of a turn away from the front
    far = np.clip((np.abs(rest_of) - 0.17) / 0.33, 0, 1)
    return -2 * np.pi * rest_of * (1 - far * far * (3 - 2 * far))


def _toes(place: Array, turned: Array, foot: FootTrack, rest: Rest, side: str, ball0: Array) -> Array:
    """Toes against the foot's yaw, (T, 3, 3): flat on the floor under a raised heel, relaxed in the air."""
    index, joints = rest.skeleton.index, rest.joints
    end, ball = joints[index(f"{side}_ankle")], joints[index(f"{side}_foot")]
    height = (place + turned @ (ball - end))[:, 1]
    length = 0.55 * float(np.linalg.norm((ball - end) * [1, 0, 1]))
    drop = ball[1] - rest.floor
    # The angle at which the tip, `length` before the joint and `drop` below it, is on the floor.
    reach = float(np.hypot(length, drop))
    flat = np.arcsin(np.clip(height / reach, -1, 1)) - np.arcsin(drop / reach)
    free = np.clip(foot.height / 0.05, 0, 1)
    pitch = np.minimum(foot.pitch, 0) * (1 - free) + (foot.pitch * 0.85) * free
    return _about(0, np.minimum(np.where(foot.pitch > 0, pitch, foot.pitch), np.maximum(flat, -0.9)))


def _arm(world: Array, c: Channels, rest: Rest, chest: Array, side: str, sign: float, fps: float) -> None:
    """Shoulder, elbow, wrist of one arm: the hand goes where its channel says, and trails behind."""
    index, joints = rest.skeleton.index, rest.joints
    rows = c.left_arm if sign > 0 else c.right_arm
    shrug = c.body[f"shrug_{side}"]
    mirror = np.array([sign, 1.0, 1.0])
    collar, shoulder, elbow, wrist = (
        joints[index(f"{side}_{part}")] for part in ("collar", "shoulder", "elbow", "wrist")
    )
    length = float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow))
    hand = rows[:, :3]
    # A hand that would pass close by its shoulder swings past in front instead.
    near = np.exp(-((hand**2).sum(-1) / 0.4**2))
    hand = hand + near[:, None] * [0.0, -0.1, 0.4]
    target = _outside(hand * mirror * length + shoulder, sign)
    # The shoulder blade takes its part of a raised or forward arm.
    direction = _unit(hand)
    up = np.clip(direction[:, 1] + 0.1, 0, 1.1) * 0.42 + shrug
    front = np.clip(direction[:, 2] - 0.3, 0, 1) * np.clip(0.6 - direction[:, 0], 0, 1) * 0.3
    blade = euler(np.zeros_like(up), -sign * front, sign * up)
    socket = collar + blade @ (shoulder - collar)
    target = socket + _within(target - socket, length)
    pole, back = rows[:, 3:6] * mirror, np.array([0.0, 0.0, -1.0])
    upper, lower = two_bone(socket, target, pole, elbow - shoulder, wrist - elbow, back)
    along = _unit(wrist - elbow)
    palm = matrix_from_axis_angle(along * (sign * rows[:, 6])[:, None])
    half = matrix_from_axis_angle(along * (0.5 * sign * rows[:, 6])[:, None])
    # The hand is bent as its pose says and left behind by its own movement.
    speed = np.gradient(target, 1 / fps, axis=0) if len(target) > 1 else np.zeros_like(target)
    behind = _turned(_inverse(lower), -speed)
    behind -= (behind @ along)[:, None] * along
    size = np.linalg.norm(behind, axis=1, keepdims=True)
    drag = np.cross(along, behind) / np.maximum(size, 1e-6) * (0.45 * np.tanh(size / 2.5))
    bend = np.zeros((len(rows), 3))
    bend[:, 2] = -sign * rows[:, 7]
    world[:, index(f"{side}_collar")] = chest @ blade
    world[:, index(f"{side}_shoulder")] = chest @ upper
    world[:, index(f"{side}_elbow")] = chest @ lower @ half
    world[:, index(f"{side}_wrist")] = (
        chest @ lower @ matrix_from_axis_angle(drag) @ palm @ matrix_from_axis_angle(bend)
    )
    if f"{side}_hand" in rest.skeleton.joints:
        world[:, index(f"{side}_hand")] = world[:, index(f"{side}_wrist")]


def _within(reach: Array, length: float) -> Array:
    """(T, 3) kept gently short of `length`: near straight, an elbow flies open for a small move of the hand."""
    share = np.linalg.norm(reach, axis=1, keepdims=True) / length
    over = np.maximum(share - 0.86, 0)
    return reach * (np.minimum(share, 0.86) + 0.125 * np.tanh(over / 0.125)) / np.maximum(share, 1e-6)


def _outside(hand: Array, sign: float) -> Array:
    """Wrists (T, 3) m in the chest's frame, pushed out of the trunk, an upright ellipse round the spine."""
    half = np.array([0.205, 0.185])
    flat = hand[:, [0, 2]] / half
    size = np.linalg.norm(flat, axis=1, keepdims=True)
    # Only beside the trunk: fading out over the shoulders.
    inside = np.clip((0.30 - hand[:, 1:2]) / 0.08, 0, 1) * np.maximum(0, 1 - size)
    # A hand behind the middle leaves to its own side, one in front of it to the front.
    away = flat / np.maximum(size, 1e-3) + np.array([0.4 * sign, 0.2])
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    result = hand.copy()
    result[:, [0, 2]] += away * half * inside
    return result


__all__ = ["Channels", "euler", "pose", "two_bone"]
