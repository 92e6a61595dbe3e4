# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion of any rig as one of the model's: the way back of `retarget`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .average import average_rest
from .bone_mapping import BoneMap, checked, recognised
from .bvh import BvhClip, load_bvh
from .errors import InputError
from .motion import Motion
from .motion_files import load_motion
from .retarget import RigTarget, alignments, leg_of
from .rig_shape import RigShape, facing
from .rotation import axis_angle_from_matrix
from .skeleton import SKELETONS, Rest

Array = NDArray[np.float64]


def motion_of(
    shape: RigShape, bones: BoneMap, turns: Array, places: Array, fps: float, *, rest: Rest | None = None
) -> Motion:
    """What a rig does, on the model's skeleton: SMPL-X's where fingers are mapped, else SMPL's.

    Args:
        shape: in the model's axes, m.
        turns: (T, N, 3, 3), each bone's turn from the rest pose, in the model's axes.
        places: (T, N, 3) m, the bones' heads.
        rest: the body that is to move, an average adult's by default.

    Raises:
        InputError: joints that are needed are not mapped.
    """
    bones = checked(bones, shape)
    if rest is None:
        rest = average_rest("smplx55" if "left_index1" in bones.bones else "smpl24")
    target = RigTarget(shape, bones.bones, False)
    skeleton = rest.skeleton

    def source(role: str) -> Array:
        if role in skeleton.joints:
            return rest.joints[skeleton.index(role)]
        whole = average_rest("smplx55")
        return whole.joints[whole.skeleton.index(role)]

    align = alignments(target, source)
    turned = np.empty((len(turns), len(skeleton), 3, 3))
    poses = np.zeros((len(turns), len(skeleton), 3))
    for index, (joint, parent) in enumerate(zip(skeleton.joints, skeleton.parents, strict=True)):
        above = turned[:, parent] if parent >= 0 else np.broadcast_to(np.eye(3), (len(turns), 3, 3))
        bone = bones.bones.get(joint)
        turned[:, index] = above if bone is None else turns[:, shape.index(bone)] @ align.get(joint, np.eye(3)).T
        poses[:, index] = axis_angle_from_matrix(np.swapaxes(above, -1, -2) @ turned[:, index])
    sides = [shape.index(bones.bones[f"{side}_hip"]) for side in ("left", "right")]
    scale = leg_of(rest) / target.leg()
    own = rest.joints[[skeleton.index(f"{side}_hip") for side in ("left", "right")]].mean(0)
    centre = scale * (places[:, sides].mean(1) - [0, target.floor, 0])
    pelvis = centre - np.einsum("tij,j->ti", turned[:, 0], own - rest.joints[0])
    return Motion(poses, pelvis - rest.joints[0], fps, skeleton.name)


def motion_of_bvh(clip: BvhClip, bones: BoneMap | None = None, *, rest: Rest | None = None) -> Motion:
    """A BVH on a skeleton of its own. Raises InputError: it is no humanoid's."""
    heads = clip.offsets.copy()
    tails = np.zeros_like(heads)
    for joint, parent in enumerate(clip.parents):
        if parent >= 0:
            heads[joint] += heads[parent]
    for joint, name in enumerate(clip.names):
        tails[joint] = heads[joint] + clip.ends.get(name, np.array([0, 0.05, 0]))
    heads, tails = heads - heads[0], tails - heads[0]
    shape = RigShape(clip.names, clip.parents, heads, tails, np.tile(np.eye(3), (len(heads), 1, 1)))
    upright = _upright(shape)
    bones = bones or recognised(shape.turned(upright))
    turn = facing(shape, bones.bones)
    # A BVH's skeleton hangs anywhere; its own floor is where its feet are lowest at rest.
    ours = shape.turned(turn)
    feet = [ours.heads[ours.index(bone), 1] for role, bone in bones.bones.items() if role.endswith(("_ankle", "_foot"))]
    ends = [turn @ (tails[clip.names.index(name)]) for name in clip.ends]
    ours = replace(ours, floor=min(min(feet) - 0.02, *(float(end[1]) for end in ends)) if ends else min(feet) - 0.05)
    places, turned = clip.forward()
    height = np.array([0, float(ours.floor or 0.0), 0])
    # What the file calls the world's floor is 0 there, while that of the skeleton lies below its root.
    motion = motion_of(ours, bones, turn @ turned @ turn.T, places @ turn.T + height, clip.fps, rest=rest)
    return motion


def _upright(shape: RigShape) -> Array:
    """(3, 3): Y up. A BVH is Y up by custom; one whose largest extent is along Z was written Z up."""
    extent = np.ptp(shape.heads, axis=0)
    if extent[2] > 1.3 * extent[1]:
        return np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    return np.eye(3)


def load_any_motion(path: str | Path, fps: float | None = None) -> tuple[Motion, Rest]:
    """A motion file of any kind, BVH on foreign skeletons among them, and the body it is for.

    Raises:
        InputError: the file is missing, damaged, or holds no motion of a humanoid.
    """
    if Path(path).suffix.lower() == ".bvh":
        clip = load_bvh(path)
        if not any(set(known.joints) == set(clip.names) for known in SKELETONS.values()):
            try:
                motion = motion_of_bvh(clip)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
            return motion, average_rest(motion.skeleton)
    motion = load_motion(path, fps)
    return motion, average_rest(motion.skeleton)
