# SPDX-License-Identifier: GPL-3.0-or-later
"""Inverse kinematics of the fingers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rotation import matrix_from_axis_angle
from ..skeleton import Rest

Array = NDArray[np.float64]

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_UP = np.array([0.0, 1.0, 0.0])


class Hand:
    """Inverse kinematics of five fingers in the frame of the wrist."""

    def __init__(self, rest: Rest, side: str) -> None:
        joints, index = rest.joints, rest.skeleton.index
        wrist = joints[index(f"{side}_wrist")]
        self.side = side
        self.points = np.stack(
            [[joints[index(f"{side}_{finger}{k}")] - wrist for k in (1, 2, 3)] for finger in FINGERS]
        )
        # The tips are no joints; the last bone is about as long as the one before.
        tips = self.points[:, 2] + 0.95 * (self.points[:, 2] - self.points[:, 1])
        self.points = np.concatenate([self.points, tips[:, None]], axis=1)
        along = self.points[:, 2] - self.points[:, 0]
        self.flexion = np.cross(along, -_UP)
        self.flexion /= np.linalg.norm(self.flexion, axis=-1, keepdims=True)
        self.spread = np.array(_UP) * (1.0 if side == "left" else -1.0)

    def turns(self, angles: Array) -> tuple[Array, Array]:
        """Rotations of the joints for `angles` (T, 5, 3): spread, flexion of the knuckle, flexion of the middle joint.

        Returns:
            local rotations (T, 5, 3, 3, 3) and tips (T, 5, 3) m in the frame of the wrist.
        """
        spread = matrix_from_axis_angle(angles[..., :1] * self.spread)
        first = spread @ matrix_from_axis_angle(angles[..., 1:2] * self.flexion)
        second = matrix_from_axis_angle(angles[..., 2:] * self.flexion)
        # The end joint cannot be bent alone: it follows the middle one.
        third = matrix_from_axis_angle(0.7 * angles[..., 2:] * self.flexion)
        bones = np.diff(self.points, axis=1)
        world = first @ second
        tip = self.points[:, 0] + (first @ bones[:, 0, :, None])[..., 0] + (world @ bones[:, 1, :, None])[..., 0]
        tip = tip + (world @ third @ bones[:, 2, :, None])[..., 0]
        return np.stack([first, second, third], axis=-3), tip

    def curved(self, frames: int) -> Array:
        """(T, 5, 3): a hand at rest on an instrument."""
        angles = np.tile([0.0, 0.16, 0.42], (frames, 5, 1))
        angles[:, 0] = [0.0, 0.1, 0.2]
        return angles

    def reach(self, targets: Array, rounds: int = 14) -> Array:
        """(T, 5, 3) angles that bring the tips to `targets` (T, 5, 3) m in the wrist's frame, as near as they get."""
        low = np.array([[-0.9, -0.8, -0.1]] + [[-0.45, -0.5, 0.0]] * 4)
        high = np.array([[0.9, 0.9, 1.3]] + [[0.45, 1.3, 1.6]] * 4)
        preferred = self.curved(len(targets))
        angles, step = preferred.copy(), 1e-4
        for _ in range(rounds):
            tip = self.turns(angles)[1]
            columns = []
            for part in range(3):
                moved = angles.copy()
                moved[..., part] += step
                columns.append((self.turns(moved)[1] - tip) / step)
            jacobian = np.stack(columns, axis=-1)
            normal = np.swapaxes(jacobian, -1, -2) @ jacobian + 2e-5 * np.eye(3)
            pull = np.swapaxes(jacobian, -1, -2) @ (targets - tip)[..., None] + 2e-6 * (preferred - angles)[..., None]
            # Small steps: a finger must not flip over into a bend that only seems near.
            angles = np.clip(angles + np.clip(np.linalg.solve(normal, pull)[..., 0], -0.25, 0.25), low, high)
        return angles
