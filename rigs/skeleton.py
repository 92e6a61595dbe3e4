# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint names, parents and rest positions; forward kinematics.

Axes: Y up, +Z forward, +X to the character's left; metres. In the rest pose (T-pose) every joint's frame is the
identity, so a pose is each joint's rotation relative to its parent, in model axes (SMPL's own convention, Loper et al.
2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .rotation import matrix_from_axis_angle

Array = NDArray[np.float64]

_BODY_22 = (
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot "
    "neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist"
).split()
_PARENTS_22 = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")


@dataclass(frozen=True)
class Skeleton:
    """Names and parents of J joints; a parent stands before its children and the root's parent is -1."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        return self.joints.index(joint)


def _with_fingers(first: Sequence[str], parents: Sequence[int], name: str) -> Skeleton:
    names, parents = list(first), list(parents)
    for side, wrist in (("left", 20), ("right", 21)):
        for finger in _FINGERS:
            for k in (1, 2, 3):
                parents.append(wrist if k == 1 else len(names) - 1)
                names.append(f"{side}_{finger}{k}")
    return Skeleton(name, tuple(names), tuple(parents))


SMPL24 = Skeleton("smpl24", (*_BODY_22, "left_hand", "right_hand"), (*_PARENTS_22, 20, 21))
SMPLH52 = _with_fingers(_BODY_22, _PARENTS_22, "smplh52")
SMPLX55 = _with_fingers([*_BODY_22, "jaw", "left_eye", "right_eye"], [*_PARENTS_22, 15, 15, 15], "smplx55")
SKELETONS = {skeleton.name: skeleton for skeleton in (SMPL24, SMPLH52, SMPLX55)}

# Rest positions (m) of an average adult in SMPL's T-pose, for work that has no particular body.
_AVERAGE_24 = np.array(
    [
        (-0.002, -0.223, 0.028), (0.068, -0.315, 0.021), (-0.068, -0.315, 0.021), (-0.004, -0.114, 0.002),
        (0.102, -0.690, 0.017), (-0.102, -0.690, 0.017), (0.001, 0.021, 0.003), (0.088, -1.088, -0.026),
        (-0.088, -1.088, -0.026), (0.003, 0.074, 0.028), (0.115, -1.144, 0.093), (-0.115, -1.144, 0.093),
        (0.000, 0.288, -0.015), (0.081, 0.196, -0.006), (-0.081, 0.196, -0.006), (0.005, 0.353, 0.037),
        (0.172, 0.226, -0.015), (-0.172, 0.226, -0.015), (0.432, 0.213, -0.042), (-0.432, 0.213, -0.042),
        (0.681, 0.222, -0.044), (-0.681, 0.222, -0.044), (0.765, 0.214, -0.059), (-0.765, 0.214, -0.059),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Rest:
    """One body's rest pose: `joints` (J, 3) m, and `floor`, the height (m) of its soles in that pose."""

    skeleton: Skeleton
    joints: Array
    floor: float

    @classmethod
    def average(cls) -> Rest:
        """An average adult on SMPL24."""
        return cls(SMPL24, _AVERAGE_24.copy(), -1.175)

    @property
    def offsets(self) -> Array:
        """(J, 3) m from the parent joint; the root's row is its rest position."""
        parents = np.array(self.skeleton.parents)
        offsets = self.joints.copy()
        offsets[1:] -= self.joints[parents[1:]]
        return offsets

    def forward(self, poses: Array, trans: Array) -> tuple[Array, Array]:
        """Forward kinematics.

        Args:
            poses: (T, J, 3) axis-angle rad, relative to the parent.
            trans: (T, 3) m; the root stands at `joints[0] + trans`.

        Returns:
            positions (T, J, 3) m and global rotations (T, J, 3, 3).
        """
        local = matrix_from_axis_angle(poses)
        offsets = self.offsets
        turned = np.empty_like(local)
        positions = np.empty((*local.shape[:2], 3))
        turned[:, 0] = local[:, 0]
        positions[:, 0] = offsets[0] + trans
        for joint, parent in enumerate(self.skeleton.parents):
            if parent >= 0:
                turned[:, joint] = turned[:, parent] @ local[:, joint]
                positions[:, joint] = positions[:, parent] + turned[:, parent] @ offsets[joint]
        return positions, turned
