# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion of an armature alone to a file: BVH on its own skeleton, or SMPL's as AMASS-style .npz."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs import characters
from ...rigs.bone_mapping import BoneMap
from ...rigs.bvh import BvhClip
from ...rigs.bvh_clip import save_clip
from ...rigs.errors import InputError
from ...rigs.retarget_source import motion_of
from ...rigs.rig_shape import RigShape, facing
from ...rigs.rotation import axis_angle_from_matrix
from ...rigs.skeleton import SKELETONS, Rest
from .axes import TURN
from .foreign import bones_of, default_rest, is_mapped, read_shape
from .smpl_shape import JOINT_WAYS
from .take import Shape

Array = NDArray[np.float64]


def write_motion(path: Path, armature: bpy.types.Object, names: list[str], bones: Array, fps: float) -> None:
    """Write sampled bones as .bvh or .npz, whole or not at all.

    Args:
        names: of the J bones of `bones` (T, J, 4, 4), their matrices in the world.

    Raises:
        InputError: an .npz of a rig whose bones are not mapped, or a .bvh of one with several roots.
    """
    shape, _ = read_shape(armature)
    order = [names.index(name) for name in shape.names]
    inverse = np.array(armature.matrix_world.to_quaternion().to_matrix()).T
    bones = bones[:, order]
    turned = bones[..., :3, :3]
    turned = inverse @ (turned / np.linalg.norm(turned, axis=-2, keepdims=True))
    places = (bones[..., :3, 3] - np.array(armature.matrix_world.translation)) @ inverse.T
    turns = turned @ np.swapaxes(shape.axes, -1, -2)
    if path.suffix == ".bvh":
        upright = np.asarray(TURN.T @ inverse.T, float)
        shape = shape.turned(upright)
        above = places @ upright.T + np.array(armature.matrix_world.translation) @ TURN
        _write_bvh(path, shape, upright @ turns @ upright.T, np.asarray(above, float), fps)
        return
    if is_mapped(armature):
        kept = bones_of(armature)
        rest = None if "left_index1" in kept.bones else default_rest()
    elif armature.get("avanim_skeleton") in SKELETONS:
        own = Shape.of(armature)
        kept = BoneMap({joint: joint for joint in own.skeleton.joints if joint not in ("left_hand", "right_hand")})
        floor = own.root[1] - own.joints[0][1]
        rest = Rest(own.skeleton, own.joints - own.joints[0] + own.root, floor)
    else:
        raise InputError(f"The bones of {armature.name} are not mapped yet; press Map Bones in the Retarget panel.")
    turn = facing(shape, kept.bones)
    shape = shape.turned(turn)
    motion = motion_of(shape, kept, turn @ turns @ turn.T, places @ turn.T, fps, rest=rest)
    replace(motion, body=_body(armature, rest)).save(path)


def _body(armature: bpy.types.Object, rest: Rest | None) -> str:
    """The name of the body that the motion is made for; "" of one that has none."""
    if rest is None:
        return "average"
    if is_mapped(armature):
        return "neutral" if (characters.FOLDER / "SMPL_NEUTRAL.npz").exists() else "average"
    return "" if JOINT_WAYS in armature else str(armature.get("avanim_character", ""))


def _write_bvh(path: Path, shape: RigShape, turns: Array, places: Array, fps: float) -> None:
    names, parents, heads, tails = shape.names, shape.parents, shape.heads, shape.tails
    local, offsets, positions = turns.copy(), heads.copy(), places.copy()
    for at, parent in enumerate(parents):
        if parent >= 0:
            local[:, at] = np.swapaxes(turns[:, parent], -1, -2) @ turns[:, at]
            offsets[at] = heads[at] - heads[parent]
            # The hips of a rig with a root bone, and whatever constraints pull off its place.
            positions[:, at] = np.einsum("tji,tj->ti", turns[:, parent], places[:, at] - places[:, parent])
    ends = {name: tails[at] - heads[at] for at, name in enumerate(names)}
    save_clip(BvhClip(names, parents, offsets, axis_angle_from_matrix(local), positions, fps, ends), path)
