# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigid bodies are simulated again, in a copy that shows every step of the solver.

At frames a contact is a kink that can be anywhere between two of them. A copy at frame rate times substeps, with one
substep to a frame, moves bit for bit as the scene does, and shows each step. It is held against the visible motion;
where they part, the visible one counts, and its contacts are found by the arcs of free flight.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.job import Progress, part, silent
from .impact_replica import Seen, replica
from .take import scene_fps

Array = NDArray[np.float64]

# Blender's solver makes a hull of 22,500 points in 3 s, of 90,000 in 11; that of 360,000 was waited for 80 s in vain.
_MOST_HULL, _TRIED = 200_000, 200
TOLERANCE = 1e-3  # m between copy and scene, beyond which the copy is not believed


@dataclass
class Solved:
    """What the solver did. `places` (N, S, 3) m and `turns` (N, S, 3, 3) at steps of `step` s, Blender's axes, from the
    scene's first simulated frame · `names` of the N bodies, in the solver's order · `active`, those that it moves ·
    `until`, the step up to which each one's copy is that of the scene · `error` m, the largest difference within
    that · `notes`.
    """

    names: list[str]
    places: Array
    turns: Array
    step: float
    masses: Array
    dampings: Array
    active: NDArray[np.bool_]
    until: NDArray[np.int64]
    error: float
    gravity: Array
    visible: Array
    first: int
    fps: float
    notes: list[str] = field(default_factory=list)


def bodies_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Those that take part in the scene's rigid body world."""
    world = scene.rigidbody_world
    if world is None or world.collection is None or not world.enabled:
        return []
    return [obj for obj in world.collection.all_objects if obj.rigid_body is not None and obj.type == "MESH"]


def solve(scene: bpy.types.Scene, last: int, progress: Progress = silent) -> Solved | None:
    """Simulate a copy of the current scene's rigid bodies up to frame `last`, step by step. None: there are none.

    The scene is played through, and put back to the frame it was at; nothing else of it is touched.

    Raises:
        InputError: a body's convex hull has more points than Blender's solver can work with.
        Cancelled: progress raised it.
    """
    objects = bodies_of(scene)
    world = scene.rigidbody_world
    if not objects or world.point_cache.frame_start > last:
        return None
    for obj in objects:
        points = _hull_points(obj) if obj.rigid_body.collision_shape == "CONVEX_HULL" else 0
        if points > _MOST_HULL:
            raise InputError(
                f"The convex hull that {obj.name} collides with has about {points:,} points, which Blender's solver "
                "does not finish; choose Sphere, Box or Mesh as its Collision Shape, or decimate its mesh."
            )
    first, substeps = world.point_cache.frame_start, world.substeps_per_frame
    last = max(last, first + 1)
    fps = scene_fps(scene)
    seen = _visible(scene, objects, first, min(last, world.point_cache.frame_end), part(progress, 0, 0.4))
    with replica(scene, objects, seen, substeps) as (copy, copies):
        # What was just made has no place yet; the solver would take it to come flying from the middle of the world.
        bpy.context.view_layer.update()
        copy.frame_set(0)
        steps = (len(seen.places) - 1) * substeps + 1
        places, turns = np.empty((len(copies), steps, 3)), np.empty((len(copies), steps, 3, 3))
        for index in range(steps):
            if index % 24 == 0:
                progress(0.4 + 0.6 * index / steps, "Simulating step by step")
            copy.frame_set(index + 1)
            for row, thing in enumerate(copies):
                matrix = np.array(thing.matrix_world)
                places[row, index] = matrix[:3, 3]
                turns[row, index] = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    visible = seen.places.transpose(1, 0, 2)
    gap = np.linalg.norm(places[:, ::substeps] - visible, axis=2)
    until = np.full(len(objects), steps, np.int64)
    notes = []
    active = np.array([obj.rigid_body.type == "ACTIVE" for obj in objects])
    for row, obj in enumerate(objects):
        wrong = np.flatnonzero(gap[row] > TOLERANCE)
        if len(wrong):
            until[row] = max(0, (int(wrong[0]) - 1) * substeps)
            if active[row]:
                notes.append(
                    f"From frame {first + int(wrong[0])} on {obj.name} moves otherwise than when it is simulated step "
                    "by step, so its contacts are found from the visible motion, with less certainty."
                )
    good = np.array([gap[row, : until[row] // substeps + 1].max(initial=0) for row in range(len(objects))])
    pull = np.array(scene.gravity if scene.use_gravity else (0, 0, 0), float)
    return Solved(
        [obj.name for obj in objects], places, turns, world.time_scale / (fps * substeps),
        np.array([obj.rigid_body.mass for obj in objects]),
        np.array([obj.rigid_body.linear_damping for obj in objects]), active, until, float(good.max(initial=0)),
        pull * world.effector_weights.gravity * world.effector_weights.all, visible, first, fps, notes,
    )  # fmt: skip


def _hull_points(obj: bpy.types.Object) -> int:
    """About how many points the convex hull of a large mesh has: of some, how many are farther out than all others."""
    shown = obj.rigid_body.mesh_source == "FINAL"
    mesh: bpy.types.Mesh = (obj.evaluated_get(bpy.context.evaluated_depsgraph_get()) if shown else obj).data
    count = len(mesh.vertices)
    if count <= _MOST_HULL:
        return count
    points, normals = np.empty(3 * count, np.float32), np.empty(3 * count, np.float32)
    mesh.vertices.foreach_get("co", points)
    mesh.vertex_normals.foreach_get("vector", normals)
    points, normals = points.reshape(-1, 3), normals.reshape(-1, 3)
    tried = np.random.default_rng(0).choice(count, _TRIED, replace=False)
    alone = 0
    for index in tried:
        heights = points @ normals[index]
        alone += int(heights[index] >= heights.max() and np.count_nonzero(heights >= heights[index]) == 1)
    return count * alone // _TRIED


def _visible(
    scene: bpy.types.Scene, objects: list[bpy.types.Object], first: int, last: int, progress: Progress
) -> Seen:
    count = last - first + 1
    seen = Seen(
        np.empty((count, len(objects), 3)), np.empty((count, len(objects), 3, 3)),
        np.array([obj.matrix_world.to_scale() for obj in objects]), np.zeros((count, len(objects)), bool),
    )  # fmt: skip
    for row in range(count):
        progress(row / count, "Playing the scene")
        scene.frame_set(first + row)
        for column, obj in enumerate(objects):
            matrix = np.array(obj.matrix_world)
            seen.places[row, column] = matrix[:3, 3]
            seen.turns[row, column] = matrix[:3, :3] / np.maximum(np.linalg.norm(matrix[:3, :3], axis=0), 1e-12)
            seen.held[row, column] = obj.rigid_body.kinematic or obj.rigid_body.type == "PASSIVE"
    return seen
