# SPDX-License-Identifier: GPL-3.0-or-later
"""The turn from Y up (floors 1 and 2) to Blender's Z up, and the bones' own axes.

A model point (x, y, z) lies in Blender at (x, -z, y): a turn by +90° about X, called C here. With B the rest matrix of
a bone (columns are its axes in the armature's space), a joint's rotation R in model axes is, in the bone's axes,
Bᵀ C R Cᵀ B.
"""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import Skeleton

Array = NDArray[np.float64]

# C: model axes to Blender's.
TURN = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
_BONE_LENGTH_AT_ENDS = 0.08
# The child that a branching joint's bone points at.
_MAIN_CHILD = {
    "pelvis": "spine1",
    "spine3": "neck",
    "left_wrist": "left_middle1",
    "right_wrist": "right_middle1",
}  # fmt: skip


def to_blender(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """(…, 3) in model axes to Blender's."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def bone_layout(skeleton: Skeleton, joints: Array) -> tuple[Array, Array, Array]:
    """Bones that run along the limbs.

    Args:
        joints: (J, 3) m in Blender's axes, the figure facing -Y.

    Returns:
        heads (J, 3) m, tails (J, 3) m, and the direction (J, 3) that each bone's local Z should face: to the front, so
        that knees and elbows bend about their local X; upwards for feet, fingers and jaw, which point forward or curl.
    """
    tails = np.empty_like(joints)
    up = np.zeros_like(joints)
    for index, name in enumerate(skeleton.joints):
        parent = skeleton.parents[index]
        children = [child for child, above in enumerate(skeleton.parents) if above == index]
        main = _MAIN_CHILD.get(name)
        if main in skeleton.joints:
            tails[index] = joints[skeleton.index(main)]
        elif name == "head":
            tails[index] = joints[index] + [0, 0, 2 * _BONE_LENGTH_AT_ENDS]
        elif name in ("jaw", "left_eye", "right_eye"):
            tails[index] = joints[index] + [0, -_BONE_LENGTH_AT_ENDS / 2, 0]
        elif len(children) == 1:
            tails[index] = joints[children[0]]
        else:
            along = joints[index] - joints[parent]
            length = _BONE_LENGTH_AT_ENDS if len(skeleton) == 24 else 0.025
            tails[index] = joints[index] + along / np.linalg.norm(along) * length
        direction = tails[index] - joints[index]
        forward_or_finger = name[-1].isdigit() and not name.startswith("spine")
        horizontal_forward = abs(direction[1]) > 0.7 * np.linalg.norm(direction)
        up[index] = (0, 0, 1) if forward_or_finger or horizontal_forward else (0, -1, 0)
    return joints.copy(), tails, up


def bone_axes(armature: bpy.types.Object, names: list[str]) -> Array:
    """(J, 3, 3): M = Cᵀ B per bone, which turns vectors in the bone's rest axes into model axes."""
    rest = np.array([np.array(armature.data.bones[name].matrix_local.to_3x3()) for name in names])
    # matrix_local is single precision: make it a rotation to double precision, or errors add up along the limbs.
    left, _, right = np.linalg.svd(rest)
    return np.asarray(TURN.T @ left @ right, float)
