# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses put on a character while the timeline plays, without a key; when it ends the character is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.motion import Motion
from ...rigs.motion_files import load_motion
from ..scene import take


class Player:
    """Plays a motion that grows, from `frame_start` on.

    The character's actions and NLA stay as they are and go on being evaluated; after them, in each frame, its bones are
    put into the pose of that frame. Nothing of that is animation data, so the frame that is set after `stop` shows
    what the character's own animation says; bones that none moves get back what they had.

    `heard` (first, last) frames of the motion that have been played, None before the first.
    """

    def __init__(self, armature: bpy.types.Object, frame_start: int) -> None:
        self.shape = take.Shape.of(armature)
        self.frame_start = frame_start
        self.heard: tuple[int, int] | None = None
        self.length = 0
        self._channels: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._chunks = 0
        self._before = {
            bone.name: (bone.rotation_mode, tuple(bone.location), tuple(bone.rotation_quaternion))
            for bone in armature.pose.bones
        }
        bpy.app.handlers.frame_change_post.append(self._frame_changed)

    def take_in(self, output: Path, chunks: int) -> None:
        """Read what has been sent since: the files of `chunks` seconds lie beside `output`."""
        for number in range(self._chunks, chunks):
            self._append(load_motion(output.with_name(f"{output.stem}-{number}.npz")))
        self._chunks = max(self._chunks, chunks)

    def _append(self, motion: Motion) -> None:
        for joint in motion.rig.joints:
            if joint not in self.shape.skeleton.joints:
                continue
            for path, index, _, values in take.channels_of(self.shape, motion, joint):
                key = joint, f"{path.rpartition('.')[2]} {index}"
                known = self._channels.get(key)
                self._channels[key] = values if known is None else np.concatenate([known, values])
        self.length += len(motion)

    def show(self, frame: int) -> None:
        """Put the character into the pose of a frame of the scene; before the first and after the last they hold."""
        armature = take.by_uid(bpy.data.objects, self.shape.owner)
        if armature is None or not self.length:
            return
        at = min(max(frame - self.frame_start, 0), self.length - 1)
        if frame >= self.frame_start:
            low, high = self.heard or (at, at)
            self.heard = min(low, at), max(high, at)
        bones = armature.pose.bones
        for joint in self.shape.skeleton.joints:
            bone = bones.get(joint)
            if bone is None or (joint, "rotation_quaternion 0") not in self._channels:
                continue
            bone.rotation_mode = "QUATERNION"
            bone.rotation_quaternion = [self._channels[joint, f"rotation_quaternion {k}"][at] for k in range(4)]
            if (joint, "location 0") in self._channels:
                bone.location = [self._channels[joint, f"location {k}"][at] for k in range(3)]

    def _frame_changed(self, scene: bpy.types.Scene, *_: Any) -> None:
        self.show(scene.frame_current)

    def stop(self, scene: bpy.types.Scene | None) -> None:
        """Let go of the character. May be called again."""
        if self._frame_changed not in bpy.app.handlers.frame_change_post:
            return
        bpy.app.handlers.frame_change_post.remove(self._frame_changed)
        armature = take.by_uid(bpy.data.objects, self.shape.owner)
        if armature is not None:
            for name, (mode, location, rotation) in self._before.items():
                bone = armature.pose.bones.get(name)
                if bone is not None:
                    bone.rotation_mode, bone.location, bone.rotation_quaternion = mode, location, rotation
        if scene is not None:
            scene.frame_set(scene.frame_current)
