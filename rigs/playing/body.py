# SPDX-License-Identifier: GPL-3.0-or-later
"""A musician's body, limb by limb, in global rotations."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..motion import Motion
from ..moves.body import two_bone
from ..rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ..skeleton import Rest
from .hand import FINGERS

Array = NDArray[np.float64]


class Body:
    """Global rotations of all joints, (T, J, 3, 3), that become a motion."""

    def __init__(self, rest: Rest, frames: int) -> None:
        if "left_index1" not in rest.skeleton.joints:
            raise InputError("A musician needs fingers; choose a character with hands (smplx55).")
        self.rest, self.frames = rest, frames
        self.world = np.tile(np.eye(3), (frames, len(rest.skeleton), 1, 1))
        self.pelvis = np.zeros((frames, 3))

    def at(self, joint: str) -> int:
        return self.rest.skeleton.index(joint)

    def between(self, first: str, second: str) -> Array:
        """(3,) m in the rest pose."""
        return self.rest.joints[self.at(second)] - self.rest.joints[self.at(first)]

    def trunk(self, bow: Array, turn: Array, tilt: Array, nod: Array, look: Array) -> None:
        """Bend the spine towards its top, and hold the head; all (T,) rad."""
        zero = np.zeros_like(bow)
        for part, share in (("spine1", 0.3), ("spine2", 0.65), ("spine3", 1.0)):
            self.world[:, self.at(part)] = turned_by(bow * share, turn * share, tilt * share)
        chest = self.world[:, self.at("spine3")]
        for part in ("left_collar", "right_collar"):
            self.world[:, self.at(part)] = chest
        self.world[:, self.at("neck")] = turned_by((bow + nod) / 2, (turn + look) / 2, tilt / 2)
        self.world[:, self.at("head")] = turned_by(nod, look, zero)

    def place(self, joint: str) -> Array:
        """(T, 3) m: where a joint is by the rotations above it."""
        chain = [self.at(joint)]
        while self.rest.skeleton.parents[chain[-1]] >= 0:
            chain.append(self.rest.skeleton.parents[chain[-1]])
        where = self.pelvis.copy()
        for parent, child in itertools.pairwise(reversed(chain)):
            where += self.world[:, parent] @ (self.rest.joints[child] - self.rest.joints[parent])
        return where

    def leg(self, side: str, ankle: Array, pole: Array) -> None:
        hip, knee, foot = f"{side}_hip", f"{side}_knee", f"{side}_ankle"
        upper, lower = two_bone(
            self.place(hip), np.broadcast_to(ankle, (self.frames, 3)), np.broadcast_to(pole, (self.frames, 3)),
            self.between(hip, knee), self.between(knee, foot), np.array([0.0, 0.0, 1.0]),
        )  # fmt: skip
        self.world[:, self.at(hip)], self.world[:, self.at(knee)] = upper, lower

    def arm(self, side: str, wrist: Array, turned: Array, pole: Array, fingers: Array) -> None:
        """`wrist` (T, 3) m, `turned` (T, 3, 3) its rotation, `fingers` (T, 5, 3, 3, 3) local rotations."""
        shoulder, elbow, hand = f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"
        upper, lower = two_bone(
            self.place(shoulder), wrist, np.broadcast_to(pole, wrist.shape),
            self.between(shoulder, elbow), self.between(elbow, hand), np.array([0.0, 0.0, -1.0]),
        )  # fmt: skip
        self.world[:, self.at(shoulder)], self.world[:, self.at(elbow)] = upper, lower
        self.world[:, self.at(hand)] = turned
        for row, finger in enumerate(FINGERS):
            above = turned
            for k in range(3):
                above = above @ fingers[:, row, k]
                self.world[:, self.at(f"{side}_{finger}{k + 1}")] = above

    def motion(self, fps: float) -> Motion:
        for joint in ("jaw", "left_eye", "right_eye"):
            if joint in self.rest.skeleton.joints:
                self.world[:, self.at(joint)] = self.world[:, self.at("head")]
        poses = self.world.copy()
        for joint, parent in enumerate(self.rest.skeleton.parents):
            if parent >= 0:
                poses[:, joint] = np.swapaxes(self.world[:, parent], -1, -2) @ self.world[:, joint]
        trans = self.pelvis - self.rest.joints[0]
        return Motion(axis_angle_from_matrix(poses), trans, fps, self.rest.skeleton.name)


def turned_by(x: Array, y: Array, z: Array) -> Array:
    """(T, 3, 3): about Z, then X, then Y."""
    zero = np.zeros_like(x)
    about_y = matrix_from_axis_angle(np.stack([zero, y, zero], -1))
    about_x = matrix_from_axis_angle(np.stack([x, zero, zero], -1))
    return about_y @ about_x @ matrix_from_axis_angle(np.stack([zero, zero, z], -1))


def slowed(values: Array, fps: float, seconds: float) -> Array:
    """Smoothed along time with a Hann window."""
    width = max(3, int(seconds * fps) | 1)
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(values, [(width // 2, width // 2)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    return np.apply_along_axis(lambda column: np.convolve(column, window / window.sum(), "valid"), 0, padded)
