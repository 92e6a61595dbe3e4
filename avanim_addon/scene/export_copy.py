# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exported: the animation sampled frame by frame, and a copy of the character that is keyed with it.

The copy stands in a scene of its own, so that NLA tracks, constraints and drivers all come out as plain keys and
nothing of the user's is touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector
from numpy.typing import NDArray

from ...rigs.job import Progress
from ...rigs.rotation import quaternion_from_matrix, sign_continuous
from ..compat import actions
from .axes import Array
from .character import CORRECTIVE_PREFIX
from .render import changed

ROOT_BONE = "root"
# Smaller changes of a channel than this are not worth a curve.
_STILL = 1e-6


@dataclass
class Samples:
    """T frames: `bones` (T, J, 4, 4) world, `names` of the J bones, and per mesh its shape keys' values (T,)."""

    names: list[str]
    bones: Array
    keys: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)


def sample(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    meshes: list[bpy.types.Object],
    frame_range: tuple[int, int],
    progress: Progress,
) -> Samples:
    """Play the scene once. Modifiers are off meanwhile: only bones and the values of shape keys are of interest."""
    first, last = frame_range
    names = [bone.name for bone in armature.data.bones]
    bones = np.empty((last - first + 1, len(names), 4, 4))
    with_keys = [mesh for mesh in meshes if mesh.data.shape_keys]
    blocks = {mesh.name: mesh.data.shape_keys.key_blocks for mesh in with_keys}
    values = {name: np.empty((len(bones), len(keys)), np.float32) for name, keys in blocks.items()}
    off = [(modifier, "show_viewport", False) for mesh in meshes for modifier in mesh.modifiers]
    current = scene.frame_current
    try:
        with changed(*off):
            for row in range(len(bones)):
                progress(row / len(bones), "Reading the animation")
                scene.frame_set(first + row)
                graph = bpy.context.evaluated_depsgraph_get()
                posed = armature.evaluated_get(graph)
                for column, name in enumerate(names):
                    bones[row, column] = posed.matrix_world @ posed.pose.bones[name].matrix
                for mesh in with_keys:
                    evaluated = mesh.data.shape_keys.evaluated_get(graph)
                    evaluated.key_blocks.foreach_get("value", values[mesh.name][row])
    finally:
        scene.frame_set(current)
    keys = {mesh: {key.name: values[mesh][:, column] for column, key in enumerate(blocks[mesh])} for mesh in values}
    return Samples(names, bones, keys)


@contextlib.contextmanager
def baked_copy(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    meshes: list[bpy.types.Object],
    samples: Samples,
    target: str,
    correctives: bool,
) -> Iterator[None]:
    """A scene with the baked copy is the current one inside the block; it is gone afterwards."""
    originals = [armature, *meshes]
    used: list[bpy.types.ID] = [item for obj in originals for item in (obj, obj.data)]
    used += [data for mesh in meshes if (data := mesh.data.shape_keys)]
    names = {item: item.name for item in used}
    scene_name, clip = scene.name, _clip_name(armature, scene)
    kept_window_scene = bpy.context.window.scene
    before = {collection: set(collection) for collection in (bpy.data.actions, bpy.data.objects)}
    made: list[bpy.types.ID] = []
    stage = None
    try:
        # Names are unique, and the file should show the user's, so the originals lend them.
        for item in used:
            item.name = f"{item.name}~"
        scene.name = f"{scene_name}~"
        stage = bpy.data.scenes.new(clip)
        stage.render.fps, stage.render.fps_base = scene.render.fps, scene.render.fps_base
        stage.frame_start, stage.frame_end = 0, len(samples.bones) - 1
        bpy.context.window.scene = stage
        copy = armature.copy()
        copy.data = armature.data.copy()
        made += [copy.data]
        copy.animation_data_clear()
        copy.data.animation_data_clear()
        for bone in copy.pose.bones:
            for constraint in list(bone.constraints):
                bone.constraints.remove(constraint)
        for constraint in list(copy.constraints):
            copy.constraints.remove(constraint)
        copy.parent = None
        upright = _uprighted(armature)
        if upright is not None:
            copy.data.transform(upright)
            samples = _unscaled(samples, float(np.mean(np.abs(armature.matrix_world.to_scale()))))
        copy.matrix_world.identity()
        copy.matrix_basis.identity()
        copy.name = "Armature" if target == "unreal" else names[armature]
        copy.data.name = names[armature.data]
        copy.data.pose_position = "POSE"
        stage.collection.objects.link(copy)
        copy.hide_set(False)
        copy.hide_viewport = False
        if target == "unreal":
            samples = _with_root(copy, samples)
        _bake_bones(copy, samples, clip)
        for mesh in meshes:
            made.append(_copy_mesh(stage, mesh, copy, names, samples, clip, correctives))
            if upright is not None:
                moved = stage.objects[names[mesh]]
                moved.data.transform(upright @ armature.matrix_world.inverted() @ mesh.matrix_world, shape_keys=True)
                moved.matrix_parent_inverse.identity()
                moved.matrix_basis.identity()
        stage.frame_set(0)
        yield
    finally:
        bpy.context.window.scene = kept_window_scene
        for collection, existing in before.items():
            for item in set(collection) - existing:
                collection.remove(item)
        for data in made:
            (bpy.data.meshes if isinstance(data, bpy.types.Mesh) else bpy.data.armatures).remove(data)
        if stage:
            bpy.data.scenes.remove(stage)
        for item, name in names.items():
            item.name = name
        scene.name = scene_name


def _uprighted(armature: bpy.types.Object) -> Matrix | None:
    """What makes a rig in other units or axes one in metres that stands upright; None where it is that already.

    Files from elsewhere often come as large bones on an object scaled to 0.01 and turned by a quarter.
    """
    _, rotation, scale = armature.matrix_world.decompose()
    up = rotation @ Vector((0, 0, 1))
    if abs(scale[0] - 1) < 1e-4 and up.z > 0.999:
        return None
    # Its heading is left to the animation.
    yaw = Quaternion((0, 0, 1), rotation.to_euler("YXZ").z) if up.z > 0.999 else Quaternion()
    return (yaw.inverted() @ rotation).to_matrix().to_4x4() @ Matrix.Diagonal((*scale, 1.0))


def _unscaled(samples: Samples, scale: float) -> Samples:
    """The bones without the scale of the object that they were on."""
    bones = samples.bones.copy()
    bones[..., :3, :3] /= scale
    return Samples(samples.names, bones, samples.keys)


def _clip_name(armature: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """The name of the take that is seen, else the scene's."""
    animation = armature.animation_data
    if animation and animation.action:
        return animation.action.name
    tracks = [track for track in animation.nla_tracks if not track.mute and track.strips] if animation else []
    return tracks[-1].strips[0].action.name if tracks and tracks[-1].strips[0].action else scene.name


def _with_root(armature: bpy.types.Object, samples: Samples) -> Samples:
    """Add a bone on the floor under the first one that carries its way over the floor and its heading."""
    top = next(bone.name for bone in armature.data.bones if bone.parent is None)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    root = armature.data.edit_bones.new(ROOT_BONE)
    root.head, root.tail = (0, 0, 0), (0, 0.2, 0)
    for bone in armature.data.edit_bones:
        if bone.parent is None and bone != root:
            bone.parent = root
    bpy.ops.object.mode_set(mode="OBJECT")
    armature.pose.bones[ROOT_BONE].rotation_mode = "QUATERNION"
    moved = samples.bones[:, samples.names.index(top)]
    rest = np.array(armature.data.bones[top].matrix_local)
    turned = moved[:, :3, :3] @ rest[:3, :3].T
    # Where the body's left side (+X at rest) points, seen from above, tells the heading.
    heading = np.unwrap(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))
    path = np.tile(np.eye(4), (len(moved), 1, 1))
    path[:, 0, 0] = path[:, 1, 1] = np.cos(heading)
    path[:, 1, 0] = np.sin(heading)
    path[:, 0, 1] = -path[:, 1, 0]
    path[:, :2, 3] = moved[:, :2, 3]
    return Samples([ROOT_BONE, *samples.names], np.concatenate([path[:, None], samples.bones], axis=1), samples.keys)


def _bake_bones(armature: bpy.types.Object, samples: Samples, name: str) -> None:
    """Key the bones so that each stands where it was sampled, in the world."""
    action = actions.new_action(name, armature)
    frames = np.arange(len(samples.bones))
    column = {bone: index for index, bone in enumerate(samples.names)}
    channels = []
    for bone in armature.data.bones:
        rest = np.array(bone.matrix_local)
        if bone.parent:
            above = (
                samples.bones[:, column[bone.parent.name]] @ np.linalg.inv(np.array(bone.parent.matrix_local)) @ rest
            )
        else:
            above = rest
        basis = np.linalg.inv(above) @ samples.bones[:, column[bone.name]]
        scale = np.linalg.norm(basis[:, :3, :3], axis=1)
        turns = sign_continuous(quaternion_from_matrix(basis[:, :3, :3] / scale[:, None]))
        path = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"]'
        armature.pose.bones[bone.name].rotation_mode = "QUATERNION"
        channels += [(f"{path}.rotation_quaternion", index, bone.name, turns[:, index]) for index in range(4)]
        if np.abs(basis[:, :3, 3]).max() > 10 * _STILL:
            channels += [(f"{path}.location", axis, bone.name, basis[:, axis, 3]) for axis in range(3)]
        if np.abs(scale - 1).max() > 1e-4:
            channels += [(f"{path}.scale", axis, bone.name, scale[:, axis]) for axis in range(3)]
    actions.write_curves(action, "OBJECT", frames, channels)
    actions.assign(armature, action)


def _copy_mesh(
    stage: bpy.types.Scene,
    mesh: bpy.types.Object,
    armature: bpy.types.Object,
    names: dict[bpy.types.ID, str],
    samples: Samples,
    clip: str,
    correctives: bool,
) -> bpy.types.Mesh:
    copy = mesh.copy()
    copy.data = mesh.data.copy()
    copy.name, copy.data.name = names[mesh], names[mesh.data]
    stage.collection.objects.link(copy)
    copy.hide_set(False)
    copy.hide_viewport = copy.hide_render = False
    copy.animation_data_clear()
    for modifier in list(copy.modifiers):
        if modifier.type == "ARMATURE":
            modifier.object = armature
        else:
            copy.modifiers.remove(modifier)
    inverse = mesh.matrix_parent_inverse.copy()
    copy.parent = armature
    copy.matrix_parent_inverse = inverse
    block = copy.data.shape_keys
    if block is None:
        return copy.data
    block.animation_data_clear()
    block.name = names[mesh.data.shape_keys]
    for key in list(block.key_blocks):
        if key.name.startswith(CORRECTIVE_PREFIX):
            if correctives:
                # Importers clamp to the slider's range.
                key.slider_min, key.slider_max = -2.0, 2.0
            else:
                copy.shape_key_remove(key)
    moving = []
    for key in block.key_blocks[1:]:
        values = samples.keys[f"{names[mesh]}"][key.name]
        key.value = float(values[0])
        if np.ptp(values) > _STILL:
            moving.append((f'key_blocks["{bpy.utils.escape_identifier(key.name)}"].value', 0, "Shape keys", values))
    if moving:
        action = actions.new_action(f"{clip} {names[mesh]}", block)
        actions.write_curves(action, "KEY", np.arange(len(samples.bones)), moving)
        actions.assign(block, action)
    return copy.data
