# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: each generated motion is a named action of its own, on its own NLA track, over whatever is there already."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np

from ...rigs.errors import InputError
from ...rigs.motion import Motion
from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle, quaternion_from_matrix, sign_continuous
from ...rigs.skeleton import SKELETONS
from ..compat import actions
from .axes import TURN, bone_axes, to_blender
from .character import skeleton_of


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second, e.g. 29.97… for 30 / 1.001."""
    return scene.render.fps / scene.render.fps_base


def write_take(
    armature: bpy.types.Object,
    motion: Motion,
    name: str,
    settings: dict[str, Any] | None = None,
    *,
    frame_start: int | None = None,
    fps: float | None = None,
) -> bpy.types.Action:
    """Key a motion onto a character as a new take.

    Joints are matched by name: what the motion has and the armature lacks is left out, and the other way round stays
    unkeyed. Nothing that exists is changed; if the name is taken Blender adds a number.

    Args:
        settings: plain values such as `method`, `seed`, `audio`, kept on the action as custom properties.
        frame_start: the frame of the first key, by default the scene's first.
        fps: keys a second, by default the scene's.

    Raises:
        InputError: the armature is not one of AVAnim's characters.
    """
    skeleton = skeleton_of(armature)
    scene = bpy.context.scene
    frame_start = scene.frame_start if frame_start is None else frame_start
    motion = motion.resampled(fps or scene_fps(scene))
    shared = [joint for joint in motion.rig.joints if joint in skeleton.joints]
    indices = [motion.rig.index(joint) for joint in shared]
    axes = bone_axes(armature, shared)
    rotations = axes.transpose(0, 2, 1) @ matrix_from_axis_angle(motion.poses[:, indices]) @ axes
    quaternions = sign_continuous(quaternion_from_matrix(rotations))

    root = skeleton.joints[0]
    rest_root = np.array(armature["avanim_root"])
    head = np.array(armature.data.bones[root].head_local)
    locations = (to_blender(rest_root + motion.trans) - head) @ (TURN @ axes[shared.index(root)])

    action = actions.new_action(name, armature)
    # Without a user of its own the action would be lost if its track is removed.
    action.use_fake_user = True
    channels = [(f'pose.bones["{root}"].location', axis, root, locations[:, axis]) for axis in range(3)]
    channels += [
        (f'pose.bones["{joint}"].rotation_quaternion', part, joint, quaternions[:, index, part])
        for index, joint in enumerate(shared)
        for part in range(4)
    ]
    actions.write_curves(action, "OBJECT", frame_start + np.arange(len(motion)), channels)
    _describe(action, motion, frame_start, settings or {})

    first = armature.animation_data is None or not armature.animation_data.nla_tracks
    strip = actions.push_to_track(armature, action, frame_start)
    # The only take holds its last pose; a later one must not hide the others outside its own range.
    strip.extrapolation = "HOLD" if first else "NOTHING"
    return action


def read_take(armature: bpy.types.Object, action: bpy.types.Action) -> Motion:
    """The motion of a take, as it is keyed now.

    Raises:
        InputError: the action is not a take of this character.
    """
    skeleton = skeleton_of(armature)
    if "avanim_skeleton" not in action:
        raise InputError(f"{action.name} is not a take of AVAnim; choose one that is.")
    rig = SKELETONS[action["avanim_skeleton"]]
    frames = action["avanim_frame_start"] + np.arange(action["avanim_frames"])
    curves = {(curve.data_path, curve.array_index): curve for curve in actions.curves(action)}

    def values(path: str, index: int, otherwise: float) -> np.ndarray:
        curve = curves.get((path, index))
        return np.array([curve.evaluate(frame) for frame in frames]) if curve else np.full(len(frames), otherwise)

    poses = np.zeros((len(frames), len(rig), 3))
    for joint in rig.joints:
        if joint in skeleton.joints:
            path = f'pose.bones["{joint}"].rotation_quaternion'
            w, x, y, z = (values(path, part, float(part == 0)) for part in range(4))
            axes = bone_axes(armature, [joint])[0]
            poses[:, rig.index(joint)] = axis_angle_from_matrix(axes @ _matrices(w, x, y, z) @ axes.T)
    root = rig.joints[0]
    head = np.array(armature.data.bones[root].head_local)
    locations = np.stack([values(f'pose.bones["{root}"].location', axis, 0.0) for axis in range(3)], axis=1)
    trans = head @ TURN + locations @ bone_axes(armature, [root])[0].T - np.array(armature["avanim_root"])
    return Motion(poses, trans, float(action["avanim_fps"]), rig.name, np.array(action["avanim_betas"]))


def _matrices(w: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Quaternions of any length, (T,) each, to (T, 3, 3)."""
    vector = np.stack([x, y, z], axis=-1)
    sine = np.linalg.norm(vector, axis=-1)
    angle = 2 * np.arctan2(sine, w)
    return matrix_from_axis_angle(vector * (angle / np.maximum(sine, 1e-12))[:, None])


def _describe(action: bpy.types.Action, motion: Motion, frame_start: int, settings: dict[str, Any]) -> None:
    """Custom properties: enough to read the take back, and to make it again."""
    action["avanim_skeleton"] = motion.skeleton
    action["avanim_fps"] = float(motion.fps)
    action["avanim_frame_start"] = int(frame_start)
    action["avanim_frames"] = len(motion)
    action["avanim_betas"] = [float(beta) for beta in motion.betas]
    for key in ("method", "style", "seed", "audio"):
        if settings.get(key) is not None:
            action[f"avanim_{key}"] = settings[key]
    action["avanim_settings"] = json.dumps(settings, default=str, sort_keys=True)
