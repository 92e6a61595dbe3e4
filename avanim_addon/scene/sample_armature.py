# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up rig as an armature with a body of tubes: for tests and pictures, which need one of each convention."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np
from mathutils import Matrix

from ...rigs.rig_shape import RigShape
from .axes import to_blender

_SIDES = 8
_THICK = 0.035


def add_sample_armature(
    shape: RigShape, name: str = "Rig", *, units_per_metre: float = 1.0, shape_keys: Iterable[str] = ()
) -> bpy.types.Object:
    """Add a rig in the model's axes to the scene, standing on the floor, facing -Y.

    Args:
        units_per_metre: 100 makes it as files in centimetres come: large bones, the object scaled down to 0.01.
        shape_keys: names that the mesh gets; each moves it a little.
    """
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    heads, tails = (units_per_metre * to_blender(points) for points in (shape.heads, shape.tails))
    lengths = np.maximum(np.linalg.norm(tails - heads, axis=1), 0.005 * units_per_metre)
    for at, bone_name in enumerate(shape.names):
        bone = data.edit_bones.new(bone_name)
        axes = np.stack([to_blender(column) for column in shape.axes[at].T], axis=1)
        bone.head, bone.tail = heads[at], heads[at] + axes[:, 1] * lengths[at]
        matrix = Matrix.Identity(4)
        for row in range(3):
            for column in range(3):
                matrix[row][column] = axes[row, column]
            matrix[row][3] = heads[at][row]
        bone.matrix = matrix
        bone.length = lengths[at]
        if shape.parents[at] >= 0:
            bone.parent = data.edit_bones[shape.names[shape.parents[at]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    armature.scale = (1 / units_per_metre,) * 3
    _add_tubes(armature, shape, heads, units_per_metre, list(shape_keys))
    bpy.context.view_layer.update()
    return armature


def _add_tubes(
    armature: bpy.types.Object, shape: RigShape, heads: np.ndarray, size: float, shape_keys: list[str]
) -> None:
    """A tube from each bone's head to that of each child, moved by the bone alone."""
    circle = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    vertices, faces, owners = [], [], []
    for at, parent in enumerate(shape.parents):
        along = heads[at] - heads[parent]
        length = np.linalg.norm(along)
        if parent < 0 or length < 0.01 * size or (shape.parents[parent] < 0 and heads[parent][2] < 0.1 * size):
            continue
        across = np.cross(along / length, [0.31, 0.52, 0.79])
        across /= np.linalg.norm(across)
        ring = np.cos(circle)[:, None] * across + np.sin(circle)[:, None] * np.cross(along / length, across)
        thick = min(_THICK * size, 0.35 * length)
        first = len(vertices) * 2 * _SIDES
        vertices.append(np.concatenate([heads[parent] + thick * ring, heads[at] + 0.8 * thick * ring]))
        faces += [
            (first + k, first + (k + 1) % _SIDES, first + _SIDES + (k + 1) % _SIDES, first + _SIDES + k)
            for k in range(_SIDES)
        ]
        faces += [tuple(range(first, first + _SIDES)), tuple(range(first + _SIDES, first + 2 * _SIDES))]
        owners += [parent] * (2 * _SIDES)
    points = np.concatenate(vertices)
    mesh = bpy.data.meshes.new(f"{armature.name} body")
    mesh.from_pydata(points.tolist(), [], faces)
    body = bpy.data.objects.new(mesh.name, mesh)
    bpy.context.scene.collection.objects.link(body)
    body.parent = armature
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    for at in sorted(set(owners)):
        group = body.vertex_groups.new(name=shape.names[at])
        group.add([row for row, owner in enumerate(owners) if owner == at], 1.0, "REPLACE")
    if shape_keys:
        body.shape_key_add(name="Basis", from_mix=False)
    for number, key_name in enumerate(shape_keys):
        key = body.shape_key_add(name=key_name, from_mix=False)
        moved = points + 0.02 * size * np.sin(points / size * (number + 1))
        key.data.foreach_set("co", moved.astype(np.float32).ravel())
        key.value = 0.0
