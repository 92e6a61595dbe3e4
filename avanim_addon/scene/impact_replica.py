# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a scene's rigid bodies in which each substep of the solver is a frame of its own, and can be seen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import quaternion_from_matrix, sign_continuous
from ..compat import actions
from .console import quiet

Array = NDArray[np.float64]


@dataclass
class Seen:
    """T frames: `places` (T, N, 3), `turns` (T, N, 3, 3), `sizes` (N, 3), `held` (T, N): moved by keys."""

    places: Array
    turns: Array
    sizes: Array
    held: NDArray[np.bool_]


@contextlib.contextmanager
def replica(
    scene: bpy.types.Scene, objects: list[bpy.types.Object], seen: Seen, substeps: int
) -> Iterator[tuple[bpy.types.Scene, list[bpy.types.Object]]]:
    """A scene with copies of the bodies, one frame to each step, that is gone after the block."""
    kept_scene = bpy.context.window.scene
    before = {kind: set(getattr(bpy.data, kind)) for kind in ("objects", "actions", "collections")}
    was = scene.rigidbody_world
    copy = bpy.data.scenes.new("Contacts")
    try:
        copy.render.fps, copy.render.fps_base = scene.render.fps * substeps, scene.render.fps_base
        copy.frame_start, copy.frame_end = 1, (len(seen.places) - 1) * substeps + 1
        copy.gravity, copy.use_gravity = scene.gravity, scene.use_gravity
        copy.unit_settings.scale_length = scene.unit_settings.scale_length
        bpy.context.window.scene = copy
        with quiet():
            bpy.ops.rigidbody.world_add()
        world = copy.rigidbody_world
        world.collection = bpy.data.collections.new("Contacts")
        world.substeps_per_frame, world.solver_iterations = 1, was.solver_iterations
        world.use_split_impulse, world.time_scale = was.use_split_impulse, was.time_scale
        world.point_cache.frame_start, world.point_cache.frame_end = 1, copy.frame_end
        for name in ("all", "gravity", "force", "wind", "vortex", "drag", "turbulence", "magnetic"):
            setattr(world.effector_weights, name, getattr(was.effector_weights, name))
        for obj in scene.objects:
            if obj.field is not None and obj.field.type != "NONE" and obj not in objects:
                copy.collection.objects.link(obj)
        copies = [_copy_body(copy, obj, index, seen, substeps) for index, obj in enumerate(objects)]
        _copy_joints(copy, was, dict(zip(objects, copies, strict=True)))
        yield copy, copies
    finally:
        bpy.context.window.scene = kept_scene
        if copy.rigidbody_world is not None:
            with bpy.context.temp_override(scene=copy), quiet():
                bpy.ops.rigidbody.world_remove()
        bpy.data.scenes.remove(copy)
        for kind, known in before.items():
            blocks: Any = getattr(bpy.data, kind)
            for block in [block for block in blocks if block not in known]:
                blocks.remove(block)


def _copy_body(copy: bpy.types.Scene, obj: bpy.types.Object, index: int, seen: Seen, substeps: int) -> bpy.types.Object:
    thing = obj.copy()
    thing.animation_data_clear()
    for constraint in list(thing.constraints):
        thing.constraints.remove(constraint)
    thing.parent = None
    copy.collection.objects.link(thing)
    copy.rigidbody_world.collection.objects.link(thing)
    held = seen.held[:, index]
    turns = sign_continuous(quaternion_from_matrix(seen.turns[:, index]))
    moves = np.ptp(seen.places[:, index], axis=0).max() > 1e-9 or np.ptp(turns, axis=0).max() > 1e-9
    carried = (
        obj.parent is not None or len(obj.constraints) or (obj.animation_data is not None and held.any() and moves)
    )
    if not carried:
        # As it stands: the last bit of another way to write its turn would send the copy elsewhere.
        return thing
    thing.rotation_mode = "QUATERNION"
    thing.delta_location, thing.delta_scale = (0, 0, 0), (1, 1, 1)
    thing.delta_rotation_quaternion = (1, 0, 0, 0)
    thing.scale = seen.sizes[index]
    thing.location, thing.rotation_quaternion = seen.places[0, index], turns[0]
    # A body that is let go moves on as its last keys had it, so these are there one frame longer.
    if moves and held.any():
        count = len(held) if held.all() else min(len(held), int(np.flatnonzero(~held)[0]) + 1)
        frames = 1 + substeps * np.arange(count)
        # What is animated without being called so jumps, frame by frame, where the solver is concerned.
        jumps = thing.rigid_body.type == "PASSIVE" and not thing.rigid_body.kinematic
        if jumps:
            frames[1:] -= substeps - 1
        action = actions.new_action("Contacts", thing)
        channels = [("location", axis, "Object", seen.places[:count, index, axis]) for axis in range(3)]
        channels += [("rotation_quaternion", axis, "Object", turns[:count, axis]) for axis in range(4)]
        actions.write_curves(action, "OBJECT", frames, channels, "CONSTANT" if jumps else "LINEAR")
        if thing.rigid_body.type == "ACTIVE" and not held.all():
            switch = [("rigid_body.kinematic", 0, "Object", held[:count].astype(float))]
            actions.write_curves(action, "OBJECT", frames, switch, "CONSTANT")
        actions.assign(thing, action)
    return thing


def _copy_joints(
    copy: bpy.types.Scene, was: bpy.types.RigidBodyWorld, copies: dict[bpy.types.Object, bpy.types.Object]
) -> None:
    if was.constraints is None:
        return
    joints = [obj for obj in was.constraints.all_objects if obj.rigid_body_constraint is not None]
    if not joints:
        return
    copy.rigidbody_world.constraints = bpy.data.collections.new("Contacts joints")
    for obj in joints:
        joint = obj.copy()
        copy.collection.objects.link(joint)
        copy.rigidbody_world.constraints.objects.link(joint)
        for name in ("object1", "object2"):
            target = getattr(obj.rigid_body_constraint, name)
            setattr(joint.rigid_body_constraint, name, copies.get(target, target))
