# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: each generated motion is a named action of its own, on its own NLA track, over whatever is there already."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.motion import Motion
from ...rigs.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    quaternion_from_axis_angle,
    sign_continuous,
)
from ...rigs.skeleton import SKELETONS, Skeleton
from ..compat import actions
from . import keys, source_motion
from .axes import TURN, bone_axes, to_blender
from .character import skeleton_of
from .foreign import Channel, ForeignShape, is_mapped

Result = TypeVar("Result")


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second, e.g. 29.97… for 30 / 1.001."""
    return scene.render.fps / scene.render.fps_base


class Undone(Exception):
    """The user has undone a step while a take was written, which took the unfinished take along."""


@dataclass(frozen=True)
class Shape:
    """What of a character its takes are written by; kept, it is good when the character has gone.

    `axes` per joint as `bone_axes` gives them · `joints` (J, 3) m, the bones' heads, and `root` (3,) m, where the
    motion's own root rests, all in the armature's space with the model's axes.
    """

    id_type: ClassVar = "OBJECT"
    owner: int  # session_uid
    name: str
    skeleton: Skeleton
    axes: dict[str, NDArray[np.float64]]
    joints: NDArray[np.float64]
    root: NDArray[np.float64]

    @classmethod
    def of(cls, armature: bpy.types.Object) -> Shape:
        """Raises InputError: the armature is not one of AVAnim's characters, or has lost a bone."""
        skeleton = skeleton_of(armature)
        lost = [joint for joint in skeleton.joints if joint not in armature.data.bones]
        if lost:
            raise InputError(
                f"{armature.name} has no bone {lost[0]} any more; name it so again, or add a new character."
            )
        axes = dict(zip(skeleton.joints, bone_axes(armature, list(skeleton.joints)), strict=True))
        heads = np.array([armature.data.bones[joint].head_local for joint in skeleton.joints])
        root = np.array(armature["avanim_root"])
        return cls(armature.session_uid, armature.name, skeleton, axes, np.asarray(heads @ TURN, np.float64), root)

    def channels(self, motion: Motion) -> Iterator[list[Channel]]:
        """The curves of one joint after the other, of those that both have."""
        for joint in motion.rig.joints:
            if joint in self.skeleton.joints:
                yield channels_of(self, motion, joint)

    def in_space(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(…, 3) m in the model's axes to the armature's space."""
        return to_blender(points)


def shape_of(armature: bpy.types.Object) -> Shape | ForeignShape:
    """Raises InputError: it is neither one of AVAnim's characters nor a rig whose bones are mapped."""
    return ForeignShape.of(armature) if is_mapped(armature) else Shape.of(armature)


def write_take(
    armature: bpy.types.Object,
    motion: Motion,
    name: str,
    settings: dict[str, Any] | None = None,
    *,
    frame_start: int | None = None,
    fps: float | None = None,
    shape: Shape | ForeignShape | None = None,
) -> bpy.types.Action:
    """Key a motion onto a character, or onto a rig whose bones are mapped, as a new take.

    Joints of a character are matched by name: what the motion has and the armature lacks is left out, and the other way
    round stays unkeyed. Nothing that exists is changed; if the name is taken Blender adds a number.

    Args:
        settings: plain values such as `method`, `seed`, `audio`, kept on the action as custom properties.
        frame_start: the frame of the first key, by default the scene's first.
        fps: keys a second, by default the scene's.
        shape: of the armature, where it was read already.

    Raises:
        InputError: the armature is neither one of AVAnim's characters nor mapped (`foreign.map_bones`).
    """
    return last_of(take_steps(armature, motion, name, settings, frame_start=frame_start, fps=fps, shape=shape))


def last_of(steps: Generator[None, None, Result]) -> Result:
    """Take all the steps at once; what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def take_steps(
    armature: bpy.types.Object | None,
    motion: Motion,
    name: str,
    settings: dict[str, Any] | None = None,
    *,
    frame_start: int | None = None,
    fps: float | None = None,
    shape: Shape | ForeignShape | None = None,
) -> Generator[None, None, bpy.types.Action]:
    """`write_take`, with a pause after each joint, in which the window may live on.

    No data of Blender's is held across a pause: the user may delete it or undo it. Up to the last step there is nothing
    but an action without users; `close()` removes it.

    Args:
        armature: None where the character has gone; then `shape` says what it was, and the take gets no track.

    Raises:
        InputError: as `write_take`.
        Undone: begin again.
    """
    if shape is None:
        assert armature is not None
        shape = shape_of(armature)
    alone = armature is None
    scene = bpy.context.scene
    frame_start = scene.frame_start if frame_start is None else frame_start
    motion = motion.resampled(fps or scene_fps(scene))
    frames = frame_start + np.arange(len(motion))

    made = actions.new_action(name, shape).session_uid
    finished = False
    try:
        for channels in shape.channels(motion):
            actions.write_curves(found(bpy.data.actions, made), "OBJECT", frames, channels)
            yield
        action = found(bpy.data.actions, made)
        if not alone:
            armature = found(bpy.data.objects, shape.owner)
            first = armature.animation_data is None or not armature.animation_data.nla_tracks
            strip = actions.push_to_track(armature, action, frame_start)
            # The only take holds its last pose; a later one must not hide the others outside its own range.
            strip.extrapolation = "HOLD" if first else "NOTHING"
        # Without a user of its own the action would be lost if its track is removed.
        action.use_fake_user = True
        _describe(action, motion, frame_start, settings or {})
        if isinstance(shape, ForeignShape):
            source_motion.keep(action, motion, shape.rest)
        finished = True
        return action
    finally:
        left = None if finished else by_uid(bpy.data.actions, made)
        if left is not None:
            bpy.data.actions.remove(left)


def channels_of(shape: Shape, motion: Motion, joint: str) -> list[Channel]:
    """The curves by which a joint plays its part of a motion: path, index, group, values (T,)."""
    # R turns about a; seen from the bone's own axes B, Bᵀ R B turns about Bᵀ a by as much.
    turns = motion.poses[:, motion.rig.index(joint)] @ shape.axes[joint]
    quaternions = sign_continuous(quaternion_from_axis_angle(turns))
    path = f'pose.bones["{joint}"]'
    channels = [(f"{path}.rotation_quaternion", part, joint, quaternions[:, part]) for part in range(4)]
    if joint == shape.skeleton.joints[0]:
        locations = (shape.root + motion.trans - shape.joints[0]) @ shape.axes[joint]
        channels = [(f"{path}.location", axis, joint, locations[:, axis]) for axis in range(3)] + channels
    return channels


def by_uid(data: Any, uid: int) -> Any:
    """The data-block, whatever its name is by now; None if it has gone."""
    return next((block for block in data if block.session_uid == uid), None)


def found(data: Any, uid: int) -> Any:
    """The data-block; raises `Undone` if it has gone."""
    block = by_uid(data, uid)
    if block is None:
        raise Undone
    return block


def read_take(armature: bpy.types.Object, action: bpy.types.Action) -> Motion:
    """The motion of a take, as it is keyed now; of one on a rig of the user's own, the motion that it was made of.

    Raises:
        InputError: the action is not a take of this character, or does not hold what it was made of.
    """
    if is_mapped(armature):
        return source_motion.kept(action)[0]
    skeleton = skeleton_of(armature)
    if "avanim_skeleton" not in action:
        raise InputError(f"{action.name} is not a take of AVAnim; choose one that is.")
    rig = SKELETONS[action["avanim_skeleton"]]
    frames = action["avanim_frame_start"] + np.arange(action["avanim_frames"])
    curves = {(curve.data_path, curve.array_index): curve for curve in actions.curves(action)}

    def values(path: str, index: int, otherwise: float) -> np.ndarray:
        curve = curves.get((path, index))
        return keys.sample(curve, frames) if curve else np.full(len(frames), otherwise)

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
    new_identity(action)
    action["avanim_skeleton"] = motion.skeleton
    action["avanim_fps"] = float(motion.fps)
    action["avanim_frame_start"] = int(frame_start)
    action["avanim_frames"] = len(motion)
    action["avanim_betas"] = [float(beta) for beta in motion.betas]
    keep_settings(action, settings)


def new_identity(action: bpy.types.Action) -> None:
    """Make an action known as a take. The name may change and be given anew; this may not."""
    action["avanim_take"] = uuid.uuid4().hex


def keep_settings(action: bpy.types.Action, settings: dict[str, Any]) -> None:
    """Keep what a take was made with."""
    for key in ("method", "style", "seed", "audio"):
        if settings.get(key) is not None:
            action[f"avanim_{key}"] = settings[key]
    action["avanim_settings"] = json.dumps(settings, default=str, sort_keys=True)
