# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces of the user's own: takes onto whatever shape keys the meshes of a mapped rig have, and its bones of the face.

The map of the shape keys with their gains is kept as text on the armature; without one it is found out by the names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.face_controls import FaceControls, recognised_controls
from ...rigs.face_conventions import FaceTarget
from ...rigs.face_mapping import FaceMap, opening, recognised_face
from ...rigs.face_regions import shapes_of
from ...rigs.rotation import matrix_from_axis_angle, quaternion_from_matrix, sign_continuous
from . import foreign_face_controls
from .character import meshes_of
from .foreign import Channel, ForeignShape, rotation_values

Array = NDArray[np.float64]

FACE = "avanim_face"
# rad by which a jaw bone turns down, and to a side, where ARKit's shape is 1.
_JAW_OPEN, _JAW_SIDE = 0.42, 0.16


def map_face(armature: bpy.types.Object, face: FaceMap | None = None) -> FaceMap:
    """Keep on an armature what the shape keys of its meshes are; by default it is found out.

    Raises:
        InputError: no mesh of it has shape keys, or none of their names is known.
    """
    names = list(dict.fromkeys(key for block in face_blocks(armature) for key in block.key_blocks.keys()[1:]))
    if not names:
        raise InputError(f"No mesh of {armature.name} has shape keys; its face can move by bones alone.")
    face = face or recognised_face(names)
    table = {
        key: {"kind": target.kind, "recipe": target.recipe, "gain": face.gains.get(key, 1.0)}
        for key, target in face.targets.items()
    }
    armature[FACE] = json.dumps({"convention": face.convention, "targets": table, "scores": face.scores})
    return face


def face_of(armature: bpy.types.Object) -> FaceMap:
    """The map that is kept, else the one that is found out; empty where no shape key is known."""
    if FACE in armature:
        try:
            table = json.loads(armature[FACE])
            targets = {key: FaceTarget(one["kind"], dict(one["recipe"])) for key, one in table["targets"].items()}
            gains = {key: float(one["gain"]) for key, one in table["targets"].items()}
            return FaceMap(targets, gains, dict(table["scores"]), table["convention"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"The map of {armature.name}'s face is damaged; press Map Face anew.") from error
    names = [key for block in face_blocks(armature) for key in block.key_blocks.keys()[1:]]
    try:
        return recognised_face(names)
    except InputError:
        return FaceMap({})


def face_blocks(armature: bpy.types.Object) -> list[bpy.types.Key]:
    """The shape keys of the meshes that the armature moves."""
    blocks = [mesh.data.shape_keys for mesh in meshes_of(armature) if mesh.data.shape_keys]
    return list(dict.fromkeys(blocks))


def mesh_name(armature: bpy.types.Object, block: bpy.types.Key) -> str:
    """The mesh whose shape keys these are: the keys' own name is seen nowhere in Blender."""
    return next((mesh.name for mesh in meshes_of(armature) if mesh.data.shape_keys == block), block.name)


def controls_of(armature: bpy.types.Object) -> FaceControls | None:
    """The controls of a face that is moved by bones, where the rig has such as are known."""
    return recognised_controls(armature.data.bones.keys())


def why_no_face(armature: bpy.types.Object) -> str:
    """Why a mapped rig can move no face, in one sentence; empty when it can."""
    try:
        shape = ForeignShape.of(armature)
        if _free_blocks(armature, face_of(armature)) or controls_of(armature) or "jaw" in shape.bones.bones:
            return ""
    except InputError as error:
        return str(error).removesuffix(".")
    return f"{armature.name} has neither shape keys with known names nor a jaw bone; map its face in the Retarget panel"


def _free_blocks(armature: bpy.types.Object, face: FaceMap) -> list[bpy.types.Key]:
    """Those blocks that have mapped keys; raises InputError where those are linked or driven."""
    found = []
    for block in face_blocks(armature):
        keys = [key for key in face.targets if key in block.key_blocks]
        if not keys:
            continue
        require_free(armature, block, keys, "remove the drivers, or map the controls that drive it")
        found.append(block)
    return found


def require_free(armature: bpy.types.Object, block: bpy.types.Key, keys: list[str], remedy: str) -> None:
    """Raises InputError where a take cannot move these keys of a mesh of the armature: linked or driven."""
    mesh = mesh_name(armature, block)
    if block.library is not None:
        raise InputError(
            f"The shape keys of {mesh} are linked from another file; make its mesh data a library override, or local."
        )
    drivers = block.animation_data.drivers if block.animation_data else ()
    driven = [key for key in keys if any(f'"{key}"' in curve.data_path for curve in drivers)]
    if driven:
        raise InputError(
            f"The shape key {driven[0]} of {mesh} is driven ({len(driven)} are), so no take can move it; {remedy}."
        )


def foreign_parts(
    armature: bpy.types.Object, track: FaceTrack, fps: float, regions: tuple[str, ...] = ("all",)
) -> Iterator[tuple[bpy.types.ID, list[Channel]]]:
    """Per data-block its curves: first the armature's, then those of each block of shape keys.

    Raises:
        InputError: the rig is not mapped, or nothing of its face can be moved.
    """
    reason = why_no_face(armature)
    if reason:
        raise InputError(f"{reason}.")
    face, shape = face_of(armature), ForeignShape.of(armature)
    times = np.arange(max(1, round(track.seconds * fps))) / fps
    own = np.arange(len(track)) / track.fps
    weights, head, gaze = (
        np.stack([np.interp(times, own, column) for column in values.T], axis=1)
        for values in (track.weights, track.head, track.gaze)
    )
    moved = shapes_of(regions)
    blocks = _free_blocks(armature, face)
    yield armature, _bones(armature, shape, np.where(moved, weights, 0), head, gaze, regions, bool(blocks))
    shown = {ARKIT_52[index] for index in np.flatnonzero(moved)}
    keyed = {key for key, target in face.targets.items() if shown & target.recipe.keys()}
    values = face.values(np.where(moved, weights, 0)) if keyed else {}
    for block in blocks:
        yield (
            block,
            [
                (f'key_blocks["{bpy.utils.escape_identifier(key)}"].value', 0, "Face", values[key])
                for key in face.targets
                if key in keyed and key in block.key_blocks
            ],
        )


def _bones(
    armature: bpy.types.Object,
    shape: ForeignShape,
    weights: Array,
    head: Array,
    gaze: Array,
    regions: tuple[str, ...],
    by_shapes: bool,
) -> list[Channel]:
    """Curves of the head, and of eyes, jaw and the face's controls; those stay where shape keys move the face."""
    one = np.eye(3)

    def turned(pitch: Array, yaw: Array, roll: Array | None = None) -> Array:
        both = matrix_from_axis_angle(yaw[:, None] * one[1]) @ matrix_from_axis_angle(pitch[:, None] * one[0])
        return both if roll is None else both @ matrix_from_axis_angle(roll[:, None] * one[2])

    asked = set(regions)
    turns = {"head": turned(head[:, 0], head[:, 1], head[:, 2])} if {"all", "head"} & asked else {}
    controls = None if by_shapes else controls_of(armature)
    if not by_shapes and {"all", "lower", "jaw", "mouth"} & asked:
        opened = weights[:, ARKIT_52.index("jawOpen")] if controls and controls.lock else opening(weights)
        aside = weights[:, ARKIT_52.index("jawLeft")] - weights[:, ARKIT_52.index("jawRight")]
        turns["jaw"] = turned(_JAW_OPEN * opened, _JAW_SIDE * aside)
    looks = bool({"all", "eyes", "gaze", "upper"} & asked) and bool(gaze.any())
    if looks:
        turns |= {eye: turned(gaze[:, 0], gaze[:, 1]) for eye in ("left_eye", "right_eye")}
    bones = dict(shape.bones.bones)
    if controls:
        bones.setdefault("jaw", controls.jaw)
    channels: list[Channel] = []
    for role, rotations in turns.items():
        bone = bones.get(role)
        if bone is None:
            continue
        axes = shape.rig.axes[shape.rig.index(bone)]
        quaternions = sign_continuous(quaternion_from_matrix(axes.T @ rotations @ axes))
        name, values = rotation_values(quaternions, shape.modes[bone])
        path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].{name}'
        channels += [(path, part, bone, values[:, part]) for part in range(values.shape[1])]
    if controls:
        channels += foreign_face_controls.channels(
            armature, shape, controls, weights, gaze if looks else None, shapes_of(regions)
        )
    return channels
