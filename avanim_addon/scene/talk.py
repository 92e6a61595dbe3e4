# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking head in a fresh scene: character, take of the face, speech, phonemes as marks, a camera close by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...rigs.errors import InputError
from ...rigs.face import FaceTrack
from ...rigs.job import Progress, part, silent
from ...rigs.phones import Phones
from ...rigs.rotation import matrix_from_axis_angle, quaternion_from_matrix
from . import marks, studio
from .axes import bone_axes
from .character import add_character
from .face_take import write_face_take
from .foreign import bones_of, is_mapped, map_bones
from .rig_file import open_rig
from .sound import add_sound_strip, set_frame_rate

# Where the camera stands before the head, m, and its lens, mm: head and shoulders at 16 : 9.
_AWAY, _ABOVE, _ASIDE, _LENS = 1.25, 0.06, 0.17, 85.0
# How far the arms hang down from their rest at the sides, rad.
_HANGING = math.radians(72)


def stage_face(
    track: FaceTrack,
    phones: Phones | None,
    audio_path: str | Path | None,
    *,
    character: str = "neutral",
    rig: str | Path | None = None,
    of_rig: str | None = None,
    name: str = "Speech",
    settings: dict[str, Any] | None = None,
    start: float = 0.0,
    seconds: float | None = None,
    keys: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> bpy.types.Object:
    """Set up a fresh scene with a character that speaks; without a window everything that was loaded is dropped first.

    Args:
        phones: marked on the take and on the timeline.
        rig: a file (`rig_file.RIG_FILES`) whose only armature, or active one, speaks instead of a character, in that
            scene. of_rig: the armature's name, where the file holds several.
        start, seconds: the part of the sound that is spoken, s.
        settings: kept on the take.
        keys: how `write_face_take` keys it.

    Returns:
        The armature.

    Raises:
        InputError: the character or the sound cannot be loaded.
        Cancelled: progress raised it.
    """
    if rig is not None:
        progress(0.0, "Opening the rig")
        armature = open_rig(rig, of_rig)
        scene = bpy.context.scene
        if not is_mapped(armature) and "avanim_skeleton" not in armature:
            map_bones(armature)
    elif bpy.app.background:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
    else:
        scene = bpy.data.scenes.new(name)
        bpy.context.window.scene = scene
    set_frame_rate(scene, track.fps)
    scene.frame_start, scene.frame_end = 1, max(1, len(track))
    if rig is None:
        scene.name = name
        scene.render.resolution_x, scene.render.resolution_y = 1280, 720
        armature = add_character(character, "smplx55", progress=part(progress, 0, 0.7))
        hang_arms(armature)
    progress(0.7, "Writing the take")
    kept = {"phonemes": phones.to_marks(track.seconds)} if phones is not None and len(phones) else None
    action = write_face_take(armature, track, name, settings, marks=kept, **(keys or {}))
    if audio_path is not None:
        add_sound_strip(scene, audio_path, scene.frame_start, start=start, seconds=seconds or track.seconds)
    if kept:
        marks.show(scene, action)
    if scene.camera is None:
        progress(0.9, "Building the studio")
        studio.add_studio(scene, armature, (scene.frame_start, scene.frame_start))
        look_at_face(scene, armature)
    scene.frame_set(scene.frame_start)
    progress(1.0, "Staged")
    return armature


def look_at_face(scene: bpy.types.Scene, armature: bpy.types.Object) -> bpy.types.Object:
    """Move the scene's camera close to a character's face, and keep it there; returns it."""
    camera = scene.camera
    bpy.context.view_layer.update()
    bone = bones_of(armature).bones.get("head", "") if is_mapped(armature) else "head"
    if bone not in armature.pose.bones:
        raise InputError(f"{armature.name} has no bone that is mapped to the head; map it, or add a camera yourself.")
    head = armature.matrix_world @ armature.pose.bones[bone].head
    face = head + Vector((0.0, 0.0, 0.045))
    place = head + Vector((_ASIDE, -_AWAY, _ABOVE))
    camera.animation_data_clear()
    camera.data.lens = _LENS
    camera.matrix_world = Matrix.Translation(place) @ (face - place).to_track_quat("-Z", "Y").to_matrix().to_4x4()
    # It is not to be fitted to the whole body again.
    if "avanim_subject" in camera:
        del camera["avanim_subject"]
    return camera


def hang_arms(armature: bpy.types.Object) -> None:
    """Let the arms hang, as no take of the body says otherwise."""
    for bone, angle in (("left_shoulder", -_HANGING), ("right_shoulder", _HANGING)):
        if bone in armature.pose.bones:
            axes = bone_axes(armature, [bone])[0]
            turn = matrix_from_axis_angle(np.array([[0.0, 0.0, angle]]))[0]
            posed = armature.pose.bones[bone]
            posed.rotation_mode = "QUATERNION"
            posed.rotation_quaternion = quaternion_from_matrix((axes.T @ turn @ axes)[None])[0]
