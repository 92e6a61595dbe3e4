# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes in which something falls, and what of a scene must be the same afterwards."""

from __future__ import annotations

import hashlib

import bpy
import numpy as np
from mathutils import Matrix


def drop(scene, *, height=0.6, frames=20, ball=False):
    """A floor and one thing that falls on it."""
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, frames
    bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.point_cache.frame_end = max(frames, 2)
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, -0.1))
    floor = bpy.context.object
    floor.name = "Floor"
    # Its size is in the mesh: Blender itself throws off what is near a kinematic body with a scale.
    floor.data.transform(Matrix.Diagonal((6, 6, 0.2, 1)))
    bpy.ops.rigidbody.object_add(type="PASSIVE")
    floor.rigid_body.collision_shape = "BOX"
    if ball:
        bpy.ops.mesh.primitive_uv_sphere_add(radius=0.1, location=(0, 0, height))
    else:
        bpy.ops.mesh.primitive_cube_add(size=0.2, location=(0, 0, height))
    thing = bpy.context.object
    thing.name, thing["avanim_sound_material"] = "Thing", "wood"
    bpy.ops.rigidbody.object_add(type="ACTIVE")
    thing.rigid_body.restitution = 0.3
    if ball:
        thing.rigid_body.collision_shape = "SPHERE"
    return floor, thing


def _values(struct, skip=()):
    """All plain properties of one of Blender's structs."""
    kinds = ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM", "POINTER")
    found = {}
    for prop in struct.bl_rna.properties:
        if prop.identifier in skip or prop.type not in kinds:
            continue
        value = getattr(struct, prop.identifier)
        if prop.type == "POINTER":
            value = getattr(value, "name", None)
        elif getattr(prop, "is_array", False):
            value = str(np.array(value).tolist())
        elif prop.type == "ENUM" and prop.is_enum_flag:
            value = sorted(value)
        found[prop.identifier] = value
    return found


def _mesh(mesh):
    points = np.empty(3 * len(mesh.vertices), np.float32)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.vertices.foreach_get("co", points)
    mesh.loops.foreach_get("vertex_index", corners)
    return hashlib.sha256(points.tobytes() + corners.tobytes()).hexdigest()


_MEMORY = (
    "is_updated",
    "is_updated_data",
    "users",
    "id_data",
    "rna_type",
    "session_uid",
    "is_evaluated",
    "use_nodes",
    "execution_time",
)
# Where a simulated body is seen follows from what was played before.
_SEEN = ("matrix_world", "matrix_local")


def dump(scene):
    """Everything of the file that finding contacts could change by accident, as plain values by their names."""
    told = {}
    bpy.context.view_layer.update()

    def tell(name, struct, skip=_MEMORY):
        if struct is not None:
            told.update({f"{name}.{key}": value for key, value in _values(struct, skip).items()})

    for kind in ("objects", "scenes", "actions", "collections", "meshes", "cameras", "sounds", "libraries", "worlds"):
        told[kind] = [item.name_full for item in getattr(bpy.data, kind)]
    for mesh in bpy.data.meshes:
        told[f"{mesh.name_full}'s shape"] = _mesh(mesh)
    for obj in bpy.data.objects:
        name, animation = obj.name_full, obj.animation_data
        tell(name, obj, _MEMORY + (_SEEN if obj.rigid_body else ()))
        tell(f"{name} body", obj.rigid_body)
        for each in (*obj.modifiers, *obj.constraints):
            tell(f"{name} {each.name}", each)
        told[f"{name} own"] = {key: str(getattr(value, "to_list", lambda v=value: v)()) for key, value in obj.items()}
        told[f"{name} is seen"] = obj.visible_get(), obj.select_get()
        told[f"{name} action"] = animation and animation.action and animation.action.name_full
    for each in bpy.data.scenes:
        name, world = each.name_full, each.rigidbody_world
        tell(name, each)
        tell(f"{name} render", each.render)
        tell(f"{name} world", world)
        told[f"{name} own"] = {key: str(value) for key, value in each.items()}
        told[f"{name} markers"] = [(marker.name, marker.frame) for marker in each.timeline_markers]
        if world:
            cache = world.point_cache
            told[f"{name} bodies"] = world.collection and [obj.name for obj in world.collection.all_objects]
            told[f"{name} cache"] = cache.frame_start, cache.frame_end, cache.is_baked
    told["window"] = scene.name, bpy.context.scene.name, bpy.context.object and bpy.context.object.name
    told["mode"] = bpy.context.mode
    return told


def walk(seconds=2.0, fps=30):
    """Marching on the spot: each thigh goes up and down once a second, half a second apart."""
    from avanim.rigs.motion import Motion  # not in a real Blender, where the package has another name

    clock = np.arange(round(seconds * fps)) / fps
    poses, trans = np.zeros((len(clock), 24, 3)), np.tile([0.0, 1.175, 0.0], (len(clock), 1))
    for hip, knee, phase in ((1, 4, 0.0), (2, 5, 0.5)):
        lift = np.clip(np.sin(2 * np.pi * (clock - phase)), 0, None) * (clock >= phase)
        poses[:, hip, 0], poses[:, knee, 0] = -0.7 * lift, 1.4 * lift
    return Motion(poses, trans, float(fps))


def lowest(armature):
    """Height of the soles in the first frame."""
    bpy.context.scene.frame_set(1)
    skin = armature.children[0].evaluated_get(bpy.context.evaluated_depsgraph_get())
    return min((skin.matrix_world @ vertex.co).z for vertex in skin.data.vertices)
