# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in a scene that touches anything, ready to be played: the way from Blender to `rigs/impact`."""

from __future__ import annotations

import warnings
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.impact.capture import Body, Capture
from ...rigs.impact.events import Event, Events
from ...rigs.job import Progress, part, silent
from . import impact_events
from . import impact_keys as keys
from . import impact_solver as solver
from .character import meshes_of
from .impact_bodies import Shape, material_of, shape_of, thickness_of, to_model, turn_to_model, values_of
from .render import changed
from .take import scene_fps

Array = NDArray[np.float64]

_MOST = 20000  # events: beyond that it is noise, not blows
_EAR = np.array([0.0, -5.0, 1.7])  # m: who listens where there is no camera
GROUND = "avanim_sound_ground"  # of the scene: what a floor is made of where there is none


def capture(
    path: str | Path | None = None, *, frame_range: tuple[int, int] | None = None, progress: Progress = silent
) -> Capture:
    """Find all contacts of the current scene between two frames, by default its own, and save that to `path`.

    The scene is played through and left as it was.

    Raises:
        InputError: nothing in it touches anything, or the range is empty.
        Cancelled: progress raised it.
    """
    scene = bpy.context.scene
    first, last = frame_range or (scene.frame_start, scene.frame_end)
    if last < first:
        raise InputError(f"The frames {first} to {last} are no range; let it end after it begins.")
    mode = bpy.context.object.mode if bpy.context.object is not None else "OBJECT"
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    current, between = scene.frame_current, scene.frame_subframe
    try:
        found = _capture(scene, first, last, progress)
    finally:
        scene.frame_set(current, subframe=between)
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)
    for note in found.events.notes:
        warnings.warn(note, stacklevel=2)
    if path is not None:
        found.save(path)
    return found


def _capture(scene: bpy.types.Scene, first: int, last: int, progress: Progress) -> Capture:
    figures = keys.figures_of(scene)
    skins = {mesh for figure in figures for mesh in meshes_of(figure.armature)}
    # Playing is quicker when no skin has to follow the bones.
    with changed(*((mesh, "hide_viewport", True) for mesh in skins)):
        solved = solver.solve(scene, last, part(progress, 0, 0.4))
        simulated = {obj.name for obj in solver.bodies_of(scene)}
        meshes = [
            obj for obj in scene.objects
            if obj.type == "MESH" and obj not in skins and (obj.visible_get() or obj.name in simulated)
        ]  # fmt: skip
        tracks, ears, looks = _play(scene, meshes, first, last, part(progress, 0.4, 0.5))
        keyed = [
            obj for obj in meshes
            if obj.name not in simulated and _moves(tracks[obj.name]) and not _deforms(obj)
        ]  # fmt: skip
        fixed = [
            obj for obj in meshes if obj.name not in simulated and obj not in keyed and not _moves(tracks[obj.name])
        ]
        wanted = [obj for obj in meshes if obj.name in simulated]
        if keyed:
            wanted += keyed + fixed
        elif figures:
            wanted += fixed
        scene.frame_set(first)
        shapes = shapes_of(wanted)
        events: list[Event] = []
        notes: list[str] = []
        if solved is not None:
            events += impact_events.events_of(solved, shapes, scene, first, part(progress, 0.5, 0.75))
            notes += solved.notes
        if figures or keyed:
            sampled = keys.sample(scene, figures, keyed, first, last, part(progress, 0.75, 0.9))
            scene.frame_set(first)
            grounds = [(obj, shapes[obj.name]) for obj in meshes if obj.name in shapes and obj not in keyed]
            ground = scene.get(GROUND, "wood")
            for figure, soles, palms in zip(figures, sampled.soles, sampled.palms, strict=True):
                events += keys.steps_of(figure, soles, palms, sampled.rate, grounds, ground)
                within_reach = [obj for obj in (*keyed, *fixed) if obj.name in shapes]
                events += keys.slaps_of(figure, palms, sampled, within_reach, shapes)
            events += keys.meetings_of(scene, [obj.name for obj in keyed], sampled, shapes, part(progress, 0.9, 1.0))
    fps = scene_fps(scene)
    seconds = (last - first + 1) / fps
    events = sorted((e for e in events if e.time < seconds), key=lambda e: e.time)
    if not events:
        raise _nothing_to_hear(scene)
    if len(events) > _MOST:
        notes.append(f"There are {len(events)} contacts; the {_MOST} strongest are kept.")
        events = sorted(sorted(events, key=lambda e: -e.impulse)[:_MOST], key=lambda e: e.time)
    if scene.camera is None:
        notes.append(
            "The scene has no camera, so it is heard from 5 m before its middle; add a camera to be elsewhere."
        )
    details = {} if solved is None else {"solver_error_m": solved.error, "solver_step_s": solved.step}
    names = {name for event in events for name in event.objects}
    bodies = tuple(
        _body(scene.objects[name], shape, tracks[name], solved) for name, shape in shapes.items() if name in names
    )
    return Capture(bodies, Events(tuple(events), fps, first, seconds, tuple(notes), details), ears, looks, fps)


def _play(
    scene: bpy.types.Scene, meshes: list[bpy.types.Object], first: int, last: int, progress: Progress
) -> tuple[dict[str, Array], Array, Array]:
    """Matrices (T, 4, 4) by object, and where and how the camera is, (T, 3) and (T, 3, 3), Y up."""
    count = last - first + 1
    tracks = {obj.name: np.empty((count, 4, 4)) for obj in meshes}
    views = np.tile(np.eye(4), (count, 1, 1))
    # Looking along +Y with Z up: a camera's own -Z is forward.
    views[:, :3, :3] = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    views[:, :3, 3] = _EAR
    for row in range(count):
        progress(row / count, "Playing the scene")
        scene.frame_set(first + row)
        for obj in meshes:
            tracks[obj.name][row] = obj.matrix_world
        if scene.camera is not None:
            views[row] = scene.camera.matrix_world
    axes = views[:, :3, :3] / np.maximum(np.linalg.norm(views[:, :3, :3], axis=1, keepdims=True), 1e-12)
    right, up, forward = axes[:, :, 0], axes[:, :, 1], -axes[:, :, 2]
    return tracks, to_model(views[:, :3, 3]), to_model(np.stack([right, up, forward], 1))


def _moves(track: Array) -> bool:
    return bool(np.abs(track - track[0]).max() > 1e-5)


def _deforms(obj: bpy.types.Object) -> bool:
    return any(m.type in ("ARMATURE", "CLOTH", "SOFT_BODY", "FLUID") for m in obj.modifiers)


def shapes_of(objects: list[bpy.types.Object]) -> dict[str, Shape]:
    """By name, those that have faces."""
    graph = bpy.context.evaluated_depsgraph_get()
    shapes = {}
    for obj in objects:
        shape = shape_of(obj, graph)
        if any(m.type == "SOLIDIFY" for m in obj.modifiers):
            graph = bpy.context.evaluated_depsgraph_get()
        if shape is not None:
            shapes[obj.name] = shape
    return shapes


def _body(obj: bpy.types.Object, shape: Shape, track: Array, solved: solver.Solved | None) -> Body:
    axes = track[:, :3, :3]
    turns = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)
    # A mirrored object: its mirror is in the shape.
    turns = np.where(np.linalg.det(turns)[:, None, None] < 0, -turns, turns)
    row = solved.names.index(obj.name) if solved is not None and obj.name in solved.names else -1
    moved = row >= 0 and solved is not None and bool(solved.active[row])
    return Body(
        obj.name, material_of(obj), shape.vertices, shape.triangles, to_model(track[:, :3, 3]), turn_to_model(turns),
        float(solved.masses[row]) if moved and solved is not None else 0.0, thickness_of(obj, shape),
        not moved and not _moves(track), values_of(obj),
    )  # fmt: skip


def _nothing_to_hear(scene: bpy.types.Scene) -> InputError:
    start = f"Nothing in the scene {scene.name}"
    shown = next((obj for obj in scene.objects if obj.instance_collection is not None), None)
    if shown is not None:
        return InputError(
            f"{start} touches anything within its frames; {shown.name} only shows a collection, which cannot be heard: "
            "use Object > Apply > Make Instances Real, or make a library override of it."
        )
    if scene.rigidbody_world is None:
        return InputError(
            f"{start} touches anything within its frames; add rigid bodies, a character that steps on a floor, or "
            "keyed things that meet."
        )
    return InputError(f"{start} hits anything within its frames; lengthen its range.")


def write_capture(path: str | Path, *, progress: Progress = silent) -> None:
    """`capture` as a job of scene/files.py. Raises InputError and Cancelled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes are in the file
        capture(path, progress=progress)
