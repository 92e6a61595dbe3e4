# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs in files: opened to be animated, and read for the motion that they have."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import addon_utils
import bpy
import numpy as np

from ...rigs.bone_mapping import BoneMap, recognised
from ...rigs.conventions import conventions
from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from ...rigs.motion import Motion
from ...rigs.retarget_source import body_of, motion_of
from ...rigs.rig_shape import RigShape
from ...rigs.sample_rig import sample_rig
from ...rigs.skeleton import Rest
from . import foreign
from .console import quiet
from .export import chosen_armature
from .performance import open_scene
from .sample_armature import add_sample_armature
from .sound import set_frame_rate

# By ending Blender's own add-on that reads it.
_IMPORTERS = {".fbx": "io_scene_fbx", ".glb": "io_scene_gltf2", ".gltf": "io_scene_gltf2", ".vrm": "io_scene_gltf2"}
# Blender reads these itself, where it was built to.
_USD = (".usd", ".usda", ".usdc", ".usdz")
RIG_FILES = (".blend", *_IMPORTERS, *_USD)
_BEGINS = {".fbx": b"Kaydara FBX Binary", ".glb": b"glTF", ".vrm": b"glTF"}


def open_rig(path: str | Path, armature: str | None = None) -> bpy.types.Object:
    """Load a file in place of what is loaded, and choose its rig.

    Args:
        path: .blend, .fbx, .glb, .gltf, .vrm or .usd (.usda .usdc .usdz); or the name of one of `conventions()`, of
            which a rig is made up.
        armature: the object's name, where the file holds several.

    Raises:
        InputError: the file is missing, damaged or of another kind, or which armature is meant cannot be told.
    """
    if str(path) in conventions():
        bpy.ops.wm.read_factory_settings(use_empty=True)
        shape, marks = sample_rig(str(path), seed=None), conventions()[str(path)].marks
        if marks and not any(mark in name for mark in marks for name in shape.names):
            shape = sample_rig(str(path), seed=None, prefix=f"{marks[0]}:")
        return add_sample_armature(shape, str(path))
    path = Path(path)
    ending = path.suffix.lower()
    if ending == ".abc":
        raise InputError(
            f"{path} is Alembic, which holds meshes and no bones; give the rig as .fbx, .glb, .usd or .blend."
        )
    if ending not in RIG_FILES:
        known = ", ".join(conventions())
        raise InputError(f"{path} is no rig; give a file that ends in {', '.join(RIG_FILES)}, or one of {known}.")
    if ending == ".blend":
        open_scene(path)
    else:
        _import(path, ending)
    scene = bpy.context.scene
    if armature is None:
        try:
            found = chosen_armature(scene)
        except InputError:
            names = [obj.name for obj in scene.objects if obj.type == "ARMATURE"]
            if not names:
                raise InputError(f"{path} holds no armature; choose a file with a rig.") from None
            raise InputError(f"{path} holds several armatures; choose with --armature: {', '.join(names)}.") from None
    else:
        found = scene.objects.get(armature)
        if found is None or found.type != "ARMATURE":
            names = ", ".join(obj.name for obj in scene.objects if obj.type == "ARMATURE")
            raise InputError(f"{path} holds no armature {armature!r}; it has {names or 'none'}.")
    bpy.context.view_layer.objects.active = found
    return found


def _import(path: Path, ending: str) -> None:
    if not path.is_file():
        raise InputError(f"There is no rig {path}; check the name.")
    begins = _BEGINS.get(ending, b"")
    with path.open("rb") as file:
        if file.read(len(begins)) != begins:
            raise InputError(
                f"{path} is no binary {ending[1:].upper()} file, which is what Blender reads; save it as one."
            )
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if ending in _USD:
        _import_usd(path)
        return
    addon = _IMPORTERS[ending]
    if not addon_utils.check(addon)[1] and addon_utils.enable(addon) is None:
        raise InputError(f"This Blender was packaged without {addon}, which reads {ending}; give the rig as .blend.")
    operator: Any = bpy.ops.import_scene.fbx if ending == ".fbx" else bpy.ops.import_scene.gltf
    try:
        with quiet():
            operator(filepath=str(path.resolve()))
    except Exception as error:  # the add-ons raise whatever they come across
        raise InputError(f"Cannot read {path} as {ending[1:].upper()} ({str(error).splitlines()[-1]}).") from error


def _import_usd(path: Path) -> None:
    """Also takes over the file's frame rate, which Blender leaves as it is."""
    if not bpy.app.build_options.usd:
        raise InputError("This Blender was packaged without USD; give the rig as .fbx, .glb or .blend.")
    damaged = f"{path} is no USD file, or a damaged one; save it anew in the program that it comes from."
    with path.open("rb") as file:
        # Else USD's own messages come before ours.
        if not file.read(8).startswith((b"PXR-USDC", b"#usda", b"PK")):
            raise InputError(damaged)
    try:
        with quiet():
            done = bpy.ops.wm.usd_import(filepath=str(path.resolve()))
    except RuntimeError as error:
        raise InputError(damaged) from error
    if done != {"FINISHED"}:
        raise InputError(damaged)
    try:
        usd: Any = importlib.import_module("pxr.Usd")
    except ImportError:  # a Blender with USD, but without its Python part
        return
    stage = usd.Stage.Open(str(path.resolve()))
    if stage.HasAuthoredTimeCodeRange():
        set_frame_rate(bpy.context.scene, stage.GetTimeCodesPerSecond())


def read_animation(
    armature: bpy.types.Object, take: str | None = None, *, bones: BoneMap | None = None, progress: Progress = silent
) -> tuple[Motion, Rest, str]:
    """What a rig does in its file, as motion of a body of its own proportions; and the name of the take.

    Every frame is evaluated, with constraints and drivers: of the action `take`, or of all that plays.

    Raises:
        InputError: it is no humanoid, does not move, or has no such action.
    """
    scene = bpy.context.scene
    name, first, last = _played(armature, take)
    shape, upright = foreign.read_shape(armature)
    bones = bones or (foreign.bones_of(armature) if foreign.is_mapped(armature) else recognised(shape.turned(upright)))
    foreign.map_bones(armature, _driven(bones, shape))
    read = foreign.ForeignShape.of(armature)
    for obj in scene.objects:
        # Meshes need not be deformed to be told how the bones stand.
        obj.hide_viewport = obj.hide_viewport or obj.type == "MESH"
    at_rest = np.array(armature.matrix_world.inverted())
    posed = [armature.pose.bones[bone] for bone in read.rig.names]
    matrices = np.empty((last - first + 1, len(posed), 4, 4))
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        # A rig may travel as an object.
        moved = at_rest @ np.array(seen.matrix_world)
        for column, bone in enumerate(posed):
            matrices[frame - first, column] = moved @ np.array(seen.pose.bones[bone.name].matrix)
        if frame % 100 == 0:
            progress((frame - first) / (last - first + 1), "Reading the source")
    motion = motion_of(
        *read.seen(matrices), scene.render.fps / scene.render.fps_base, rest=body_of(read.rig, read.bones)
    )
    return motion, body_of(read.rig, read.bones), name


def _driven(bones: BoneMap, shape: RigShape) -> BoneMap:
    """Of a control rig the bones that its controls move, whether by FK or by IK."""
    if bones.convention != "rigify":
        return bones
    below = {role: f"ORG-{bone}" for role, bone in conventions()["rigify_metarig"].bones.items()}
    return BoneMap({role: bone for role, bone in below.items() if bone in shape.names})


def _played(armature: bpy.types.Object, take: str | None) -> tuple[str, int, int]:
    """Let the action `take` alone play, if one is named: its name, first and last frame."""
    data = armature.animation_data
    if take is not None:
        action = bpy.data.actions.get(take)
        if action is None:
            known = ", ".join(sorted(action.name for action in bpy.data.actions))
            raise InputError(f"There is no take {take!r}; the file has {known or 'none'}.")
        data = data or armature.animation_data_create()
        for track in data.nla_tracks:
            track.mute = True
        data.action = action
        slots = getattr(action, "slots", ())
        if slots and getattr(data, "action_slot", True) is None:
            data.action_slot = slots[0]
        return take, *_frames(action.frame_range)
    strips = [strip for track in (data.nla_tracks if data else ()) if not track.mute for strip in track.strips]
    if data is not None and data.action is not None:
        return data.action.name, *_frames(data.action.frame_range)
    if strips:
        ends = min(strip.frame_start for strip in strips), max(strip.frame_end for strip in strips)
        return strips[-1].name, *_frames(ends)
    raise InputError(f"{armature.name} has no animation; choose a file in which it moves.")


def _frames(ends: Any) -> tuple[int, int]:
    first, last = (round(end) for end in ends)
    if last <= first:
        raise InputError("The source's animation is a single frame; choose one that moves.")
    return first, last
