# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of a clip by which sets of dances are compared: how its joints move, and what poses it takes.

Functions take joint positions (T, 24, 3) in metres, Y up, in SMPL's order, at 60 frames a second unless told.

Both sets are defined by the code in which "AI Choreographer" (Li et al., ICCV 2021) compares dances, in its corrected
form. Nobody departs from it, so that distances can be compared, and it has slips of its own, which are named below. The
one in the kinetic features is great and can be left out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .skeleton import SMPL24

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINETIC, GEOMETRIC = 72, 32
FPS = 60.0
_WINDOW = 2  # frames on either side over which a velocity is averaged

# Lengths (m) that the thresholds of the geometric features count in: those of SMPL's mean body.
_UPPER_ARM, _SHOULDERS, _HIPS = 0.2569, 0.3909, 0.1192


def _clip(positions: ArrayLike) -> Array:
    array = np.asarray(positions, float)
    if array.ndim != 3 or array.shape[1:] != (24, 3) or len(array) < 4:
        raise InputError(f"Features need joint positions of shape (T >= 4, 24, 3), not {array.shape}.")
    return array


def _windowed(steps: Array) -> Array:
    """(T, J, 3) mean of the rows within `_WINDOW` of each row, of those there are."""
    total = np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
    at = np.arange(len(steps))
    low, high = np.maximum(at - _WINDOW, 0), np.minimum(at + _WINDOW + 1, len(steps))
    return (total[high] - total[low]) / (high - low)[:, None, None]


def kinetic_features(positions: ArrayLike, fps: float = FPS, published: bool = False) -> Array:
    """(72,) for each joint: mean squared horizontal speed, mean squared vertical speed (m²/s²), mean acceleration
    (m/s²), the velocity and the acceleration averaged over 5 frames.

    Source: Onuma, Faloutsos, Hodgins, "FMDistance", Eurographics 2008.

    Args:
        published: divide only the earlier position of the acceleration by the frame time, as a misplaced bracket
            does in the published code. It then measures how far a joint is from the origin.
    """
    joints = _clip(positions)
    velocity = np.diff(joints, axis=0) * fps
    if published:
        acceleration = (velocity[1:] - (joints[1:-1] - joints[:-2] * fps)) * fps
    else:
        acceleration = np.diff(velocity, axis=0) * fps
    velocity, acceleration = _windowed(velocity), _windowed(acceleration)
    horizontal = (velocity[..., [0, 2]] ** 2).sum(-1).mean(0)
    vertical = (velocity[..., 1] ** 2).mean(0)
    effort = np.linalg.norm(acceleration, axis=-1).mean(0)
    return np.stack([horizontal, vertical, effort], axis=1).ravel()


class _Poses:
    """What holds between joints, (T - 1,) bool each, from the second frame on. Distances in m, speeds in m/s."""

    def __init__(self, joints: Array, rate: float) -> None:
        self.joints, self.rate = joints, rate
        self.lowest = joints[1:, :, 1].min(axis=1)

    def at(self, name: str) -> Array:
        return self.joints[1:, SMPL24.index(name)]

    def velocity(self, name: str) -> Array:
        return np.diff(self.joints[:, SMPL24.index(name)], axis=0) * self.rate

    def normal(self, a: str, b: str, c: str) -> Array:
        """Unit normal of the plane through three joints; the mirrored joints have the opposite one."""
        return _unit(np.cross(self.at(c) - self.at(a), self.at(b) - self.at(a)))

    def moves(self, mover: str, base: str, direction: Array, speed: float) -> Mask:
        return ((self.velocity(mover) - self.velocity(base)) * direction).sum(-1) > speed

    def fast(self, name: str, speed: float) -> Mask:
        return np.linalg.norm(self.velocity(name), axis=-1) > speed

    def towards(self, start: str, end: str) -> Array:
        return _unit(self.at(end) - self.at(start))

    def beyond(self, point: str, origin: str, direction: Array, distance: float) -> Mask:
        return ((self.at(point) - self.at(origin)) * direction).sum(-1) > distance

    def height(self, point: str) -> Array:
        return self.at(point)[:, 1] - self.lowest

    def angle(self, one: Array, other: Array, low: float, high: float) -> Mask:
        """The angle between two directions lies between `low` and `high` degrees."""
        degrees = np.degrees(np.arccos(np.clip((one * other).sum(-1), -1, 1)))
        return (degrees > low) & (degrees < high)


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def geometric_relations(positions: ArrayLike, fps: float = FPS) -> dict[str, Mask]:
    """Name to (T - 1,) bool for each of the 32 relations: a hand is raised, a knee bent, the feet crossed, …

    Source: Müller, Röder, Clausen, "Efficient content-based retrieval of motion capture data", SIGGRAPH 2005, in
    fairmotion's selection. The names say what is measured. Other things were meant where hands move: speeds are taken
    as if there were twice as many frames a second; the right hand's way forwards has the wrong sign, as has the left
    foot's place before the other leg; that a hand rises is asked of the chest, twice, and its way to the root of the
    other hand.
    """
    pose = _Poses(_clip(positions), 2 * fps)
    arm = _UPPER_ARM
    trunk = pose.towards("neck", "pelvis")
    rises = pose.moves("spine3", "spine1", pose.towards("spine1", "spine3"), 1.8 * arm)
    across = pose.towards("left_shoulder", "right_shoulder"), pose.towards("left_hip", "right_hip")
    behind = pose.normal("right_ankle", "neck", "left_ankle")
    upwards = np.broadcast_to([0.0, 1.0, 0.0], trunk.shape)

    def sided(name: str, relation: Callable[[str, str], Mask]) -> dict[str, Mask]:
        return {
            name.replace("*", side): relation(side, other) for side, other in (("right", "left"), ("left", "right"))
        }

    return {
        **{
            f"{side} hand moves {way}": pose.moves(
                f"{side}_wrist", "neck", pose.normal("neck", f"{side}_hip", f"{other}_hip"), 1.8 * arm
            )
            for side, other, way in (("right", "left", "backwards"), ("left", "right", "forwards"))
        },
        **sided(
            "* hand above the neck",
            lambda s, _: pose.beyond(f"{s}_wrist", "neck", pose.towards("spine3", "neck"), 0.2 * arm),
        ),
        "chest rises": rises,
        "chest rises, again": rises,
        **sided(
            "* elbow bent",
            lambda s, _: pose.angle(
                pose.towards(f"{s}_elbow", f"{s}_shoulder"), pose.towards(f"{s}_elbow", f"{s}_wrist"), 0, 110
            ),
        ),
        "hands far apart": pose.beyond("right_wrist", "left_wrist", across[0], 2.5 * _SHOULDERS),
        "hands part": pose.moves("right_wrist", "left_wrist", pose.towards("left_wrist", "right_wrist"), 1.4 * arm),
        **sided(
            "* hand's way to the root taken by the other",
            lambda s, o: pose.moves(f"{o}_wrist", f"{s}_wrist", pose.towards(f"{s}_wrist", "pelvis"), 1.4 * arm),
        ),
        **sided("* hand fast", lambda s, _: pose.fast(f"{s}_wrist", 2.5 * arm)),
        "right foot before the left leg": pose.beyond(
            "right_ankle", "pelvis", pose.normal("pelvis", "left_hip", "left_foot"), 0.38 * arm
        ),
        "left foot behind the right leg": pose.beyond(
            "left_ankle", "pelvis", pose.normal("pelvis", "right_hip", "right_foot"), 0.38 * arm
        ),
        **sided("* foot raised", lambda s, _: pose.height(f"{s}_ankle") > 1.2 * arm),
        "feet far apart": pose.beyond("right_ankle", "left_ankle", across[1], 2.1 * _HIPS),
        **sided(
            "* knee bent",
            lambda s, _: pose.angle(
                pose.towards(f"{s}_knee", f"{s}_hip"), pose.towards(f"{s}_knee", f"{s}_ankle"), 0, 110
            ),
        ),
        **sided("* foot fast", lambda s, _: pose.fast(f"{s}_ankle", 2.5 * arm)),
        **sided(
            "* arm away from the trunk",
            lambda s, _: pose.angle(trunk, pose.towards(f"{s}_shoulder", f"{s}_elbow"), 25, 180),
        ),
        **sided(
            "* thigh away from the trunk",
            lambda s, _: pose.angle(trunk, pose.towards(f"{s}_hip", f"{s}_knee"), 50, 180),
        ),
        "root off the plane of neck and feet": pose.beyond("pelvis", "right_ankle", behind, 0.5 * arm),
        "trunk level": pose.angle(trunk, upwards, 70, 110),
        **sided("* hand low", lambda s, _: pose.height(f"{s}_wrist") < 1.2 * arm),
        "root fast": pose.fast("pelvis", 2.3 * arm),
    }


def geometric_features(positions: ArrayLike, fps: float = FPS) -> Array:
    """(32,) share of the frames in which each of `geometric_relations` holds, 0..1."""
    return np.array([holds.mean() for holds in geometric_relations(positions, fps).values()])
