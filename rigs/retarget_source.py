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
from .contacts import contacts_of, sole_points
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


def body_of(shape: RigShape, bones: BoneMap) -> Rest:
    """A body with the proportions of a rig, in the model's T-pose; what legs and arms leave open is an average adult's.

    Motion that is read for it stands on the floor as the rig's does.
    """
    bones = checked(bones, shape)
    target = RigTarget(shape, bones.bones, False)
    average = average_rest("smplx55" if "left_index1" in bones.bones else "smpl24")
    index = average.skeleton.index
    offsets = average.offsets * target.leg() / leg_of(average)
    flat = np.array([1.0, 0, 1])
    for side in ("left", "right"):
        for first, second in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            own = np.linalg.norm(target.place(f"{side}_{second}") - target.place(f"{side}_{first}"))
            offsets[index(f"{side}_{second}")] *= own / np.linalg.norm(offsets[index(f"{side}_{second}")])
        if target.has(f"{side}_foot"):
            own = target.place(f"{side}_foot") - target.place(f"{side}_ankle")
            ahead = offsets[index(f"{side}_foot")] * flat
            ahead *= np.linalg.norm(own * flat) / np.linalg.norm(ahead)
            offsets[index(f"{side}_foot")] = ahead + np.array([0, own[1], 0])
        apart = np.linalg.norm(target.place("left_hip") - target.place("right_hip"))
        offsets[index(f"{side}_hip"), 0] = np.copysign(apart / 2, offsets[index(f"{side}_hip"), 0])
    joints = offsets.copy()
    joints[0] = average.joints[0]
    for joint, parent in enumerate(average.skeleton.parents):
        if parent >= 0:
            joints[joint] = joints[parent] + offsets[joint]
    ankles = [f"{side}_ankle" for side in ("left", "right")]
    high = np.mean([target.place(ankle)[1] - target.floor for ankle in ankles])
    floor = np.mean([joints[index(ankle), 1] for ankle in ankles]) - high
    return Rest(average.skeleton, joints, float(floor))


def standing_body(motion: Motion, bodies: list[Rest]) -> Rest:
    """Of several bodies the one for which a motion was made: files do not say, but its feet stand stillest on that.

    Where it says little, or nothing stands, it is the first.
    """
    slips = []
    for body in bodies:
        points = sole_points(motion.on(body.skeleton.name), body)[:, :, :2]
        held = contacts_of(points, motion.fps)
        speed = np.linalg.norm(np.diff(points[..., [0, 2]], axis=0), axis=-1).reshape(-1, 4) * motion.fps
        stood = speed[held[1:] & held[:-1]]
        slips.append(float(np.median(stood)) if len(stood) else np.inf)
    best = int(np.argmin(slips))
    return bodies[best] if slips[best] < 0.5 * slips[0] else bodies[0]


def motion_of_bvh(clip: BvhClip, bones: BoneMap | None = None, *, rest: Rest | None = None) -> Motion:
    """A BVH on a skeleton of its own. Raises InputError: it is no humanoid's."""
    shape, bones, turn = _placed(clip, bones)
    places, turned = clip.forward()
    height = np.array([0, float(shape.floor or 0.0), 0])
    # What the file calls the world's floor is 0 there, while that of the skeleton lies below its root.
    return motion_of(shape, bones, turn @ turned @ turn.T, places @ turn.T + height, clip.fps, rest=rest)


def _placed(clip: BvhClip, bones: BoneMap | None) -> tuple[RigShape, BoneMap, Array]:
    """The skeleton of a BVH in the model's axes, its map, and what turns the file's axes into those."""
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
    return ours, bones, turn


def _upright(shape: RigShape) -> Array:
    """(3, 3): Y up. A BVH is Y up by custom; one whose largest extent is along Z was written Z up."""
    extent = np.ptp(shape.heads, axis=0)
    if extent[2] > 1.3 * extent[1]:
        return np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    return np.eye(3)


def load_any_motion(path: str | Path, fps: float | None = None, *, own_body: bool = False) -> tuple[Motion, Rest]:
    """A motion file of any kind, BVH on foreign skeletons among them, and the body it is for.

    Args:
        own_body: a foreign skeleton keeps its proportions (`body_of`); else the motion is an average adult's.

    Raises:
        InputError: the file is missing, damaged, or holds no motion of a humanoid.
    """
    if Path(path).suffix.lower() == ".bvh":
        clip = load_bvh(path)
        if not any(set(known.joints) == set(clip.names) for known in SKELETONS.values()):
            try:
                shape, bones, _ = _placed(clip, None)
                motion = motion_of_bvh(clip, bones, rest=body_of(shape, bones) if own_body else None)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
            return motion, body_of(shape, bones) if own_body else average_rest(motion.skeleton)
    motion = load_motion(path, fps)
    return motion, average_rest(motion.skeleton)
