# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts of rigid bodies: the scene is simulated again, in a copy that shows every step of the solver.

At frames a contact is a kink that can be anywhere between two of them. A copy at frame rate times substeps, with one
substep to a frame, moves bit for bit as the scene does, and shows each step. It is held against the visible motion;
where they part, the visible one counts, and its contacts are found by the arcs of free flight.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.impact import detect
from ...rigs.impact.events import Event
from ...rigs.job import Progress, part, silent
from ...rigs.rotation import quaternion_from_matrix, sign_continuous
from ..compat import actions
from .console import quiet
from .impact_bodies import Shape, boxes_near, gap_between, material_of, to_model
from .take import scene_fps

Array = NDArray[np.float64]

TOLERANCE = 1e-3  # m between copy and scene, beyond which the copy is not believed
_NEAR = 0.03  # m: how near a body must be to have been hit; the solver's margins keep them apart
_SLIDES = 0.05  # m/s
_KNOT = 0.02  # s between the knots of a contact that lasts
_SHORTEST = 0.08  # s


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
        Cancelled: progress raised it.
    """
    objects = bodies_of(scene)
    world = scene.rigidbody_world
    if not objects or world.point_cache.frame_start > last:
        return None
    first, substeps = world.point_cache.frame_start, world.substeps_per_frame
    last = max(last, first + 1)
    fps = scene_fps(scene)
    seen = _visible(scene, objects, first, min(last, world.point_cache.frame_end), part(progress, 0, 0.4))
    with _copied(scene, objects, seen, substeps) as (copy, copies):
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


@dataclass
class _Seen:
    """T frames: `places` (T, N, 3), `turns` (T, N, 3, 3), `sizes` (N, 3), `held` (T, N): moved by keys."""

    places: Array
    turns: Array
    sizes: Array
    held: NDArray[np.bool_]


def _visible(
    scene: bpy.types.Scene, objects: list[bpy.types.Object], first: int, last: int, progress: Progress
) -> _Seen:
    count = last - first + 1
    seen = _Seen(
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


@contextlib.contextmanager
def _copied(
    scene: bpy.types.Scene, objects: list[bpy.types.Object], seen: _Seen, substeps: int
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


def _copy_body(
    copy: bpy.types.Scene, obj: bpy.types.Object, index: int, seen: _Seen, substeps: int
) -> bpy.types.Object:
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


# --- events ---------------------------------------------------------------------------------------------------------


def events_of(
    solved: Solved, shapes: dict[str, Shape], scene: bpy.types.Scene, frame_start: int, progress: Progress = silent
) -> list[Event]:
    """The blows and what lasts, of all bodies, from frame `frame_start` on. Raises Cancelled."""
    found: list[Event] = []
    clock = solved.step  # s of the solver; the scene's own may run faster or slower
    speedup = 1 / (solved.fps * (solved.places.shape[1] - 1) / max(solved.visible.shape[1] - 1, 1) * solved.step)
    shift = (solved.first - frame_start) / solved.fps
    size = float(np.linalg.norm(solved.gravity))
    for row, name in enumerate(solved.names):
        progress(row / len(solved.names), f"Looking what {name} touches")
        if not solved.active[row] or name not in shapes:
            continue
        until = int(solved.until[row])
        track = solved.places[row, : max(until, 1)]
        jumps = detect.velocity_jumps(track, clock, solved.gravity, float(solved.dampings[row]))
        for jump in detect.hits(jumps, clock, size):
            event = _hit(solved, row, jump, shapes, scene)
            if event is not None:
                found.append(_moved(event, speedup, shift))
        lasting = detect.resting(jumps, clock, size)
        for event in _lasting(solved, row, jumps, lasting, shapes, scene):
            found.append(_moved(event, speedup, shift))
        found += [_moved(event, 1.0, shift) for event in _by_arcs(solved, row, shapes, scene)]
    return [event for event in _paired(found) if event.time >= 0]


def _moved(event: Event, speedup: float, shift: float) -> Event:
    from dataclasses import replace

    track = tuple((row[0] * speedup + shift, *row[1:]) for row in event.track)
    return replace(event, time=event.time * speedup + shift, seconds=event.seconds * speedup, track=track)


def _touched(
    solved: Solved, row: int, step: int, shapes: dict[str, Shape], reach: float
) -> tuple[int, float, Array, int] | None:
    """The body nearest to one at a step: its row, the gap m, the point, and the slot of its face."""
    mine, at = shapes[solved.names[row]], (solved.places[row, step], solved.turns[row, step])
    best = None
    for other, name in enumerate(solved.names):
        if other == row or name not in shapes:
            continue
        there = (solved.places[other, step], solved.turns[other, step])
        if not boxes_near(mine, at, shapes[name], there, reach):
            continue
        gap, point, slot = gap_between(mine, at, shapes[name], there, reach)
        if gap < reach and (best is None or gap < best[1]):
            best = (other, gap, point, slot)
    return best


def _materials(scene: bpy.types.Scene, one: str, other: str, slot: int | None = None) -> tuple[str, str]:
    first, second = scene.objects.get(one), scene.objects.get(other)
    return (material_of(first) if first else "wood", material_of(second, slot) if second else "wood")


def _hit(solved: Solved, row: int, jump: detect.Jump, shapes: dict[str, Shape], scene: bpy.types.Scene) -> Event | None:
    step, clock = jump.step, solved.step
    normal = jump.change / max(jump.size, 1e-12)
    velocity = (solved.places[row, step] - solved.places[row, step - 1]) / clock
    speed = max(0.0, float(-velocity @ normal))
    touched = _touched(solved, row, step, shapes, _NEAR + speed * clock)
    if touched is None:
        return None
    other, gap, point, slot = touched
    theirs = (solved.places[other, step] - solved.places[other, step - 1]) / clock
    spin = _spin(solved, row, step)
    closing = float(-(velocity + np.cross(spin, point - solved.places[row, step]) - theirs) @ normal)
    closing = max(closing, 0.5 * jump.size)
    # The solver acts at whole steps; the bodies meet when what is left between them is used up.
    within = float(np.clip(gap / max(closing, 1e-3), 0, clock))
    name, partner = solved.names[row], solved.names[other]
    return Event(
        jump.time + within, tuple(to_model(point)), float(solved.masses[row] * jump.size),
        _materials(scene, name, partner, slot), "hit", (name, partner), tuple(to_model(normal)), closing,
        float(solved.masses[row]),
    )  # fmt: skip


def _spin(solved: Solved, row: int, step: int) -> Array:
    """(3,) rad/s."""
    before = max(step - 1, 0)
    turn = solved.turns[row, min(before + 1, solved.turns.shape[1] - 1)] @ solved.turns[row, before].T
    return np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / (2 * solved.step)


def _lasting(
    solved: Solved, row: int, jumps: Array, lasting: NDArray[np.bool_], shapes: dict[str, Shape],
    scene: bpy.types.Scene,
) -> list[Event]:  # fmt: skip
    """Scrapes and rolls of a body, as stretches in which it is carried and moves over what carries it."""
    every = max(1, round(_KNOT / solved.step))
    load = np.linalg.norm(jumps, axis=1)
    load = np.convolve(load, np.ones(2 * every + 1) / (2 * every + 1), "same") / solved.step * solved.masses[row]
    velocity = np.gradient(solved.places[row], solved.step, axis=0)
    found: list[Event] = []
    current: list[tuple[Any, ...]] = []

    def close() -> None:
        if len(current) > 2 and current[-1][0] - current[0][0] >= _SHORTEST:
            rolls = np.median([knot[6] for knot in current]) > 0.5
            track = tuple((k[0], k[1], k[3] if rolls else k[2], *to_model(k[4])) for k in current)
            partner = max({k[5] for k in current}, key=[k[5] for k in current].count)
            name, carrier = solved.names[row], solved.names[partner]
            found.append(Event(
                current[0][0], tuple(to_model(current[0][4])), float(np.mean([k[1] for k in current])),
                _materials(scene, name, carrier, current[0][7]), "roll" if rolls else "scrape", (name, carrier),
                tuple(to_model(np.array([0.0, 0, 1]))), float(np.mean([row[2] for row in track])),
                float(solved.masses[row]), current[-1][0] - current[0][0], track,
            ))  # fmt: skip
        current.clear()

    for step in range(every, len(jumps) - 1, every):
        moving = np.linalg.norm(velocity[step]) > _SLIDES
        touched = None
        if lasting[step] and moving:
            touched = _touched(solved, row, step, shapes, _NEAR)
        if touched is None:
            close()
            continue
        other, _, point, slot = touched
        arm = point - solved.places[row, step]
        slip = velocity[step] + np.cross(_spin(solved, row, step), arm)
        slip = slip - (solved.places[other, step] - solved.places[other, step - 1]) / solved.step
        across = float(np.linalg.norm(slip))
        whole = float(np.linalg.norm(velocity[step]))
        current.append((step * solved.step, load[step], across, whole, point, other, across < 0.4 * whole, slot))
    close()
    return found


def _by_arcs(solved: Solved, row: int, shapes: dict[str, Shape], scene: bpy.types.Scene) -> list[Event]:
    """Past the step up to which the copy is right: from the visible motion."""
    substeps = (solved.places.shape[1] - 1) // max(solved.visible.shape[1] - 1, 1)
    start = int(solved.until[row]) // max(substeps, 1)
    frames = solved.visible.shape[1]
    if start >= frames - 4:
        return []
    track = solved.visible[row, start:]
    name = solved.names[row]
    events = []
    found = detect.arc_hits(track, solved.fps, solved.gravity)
    for peak in detect.acceleration_peaks(track, solved.fps, solved.gravity, 0.6):
        if all(abs(peak.time - jump.time) > 2 / solved.fps for jump in found):
            found.append(peak)
    for jump in found:
        normal = jump.change / max(jump.size, 1e-12)
        place = track[min(len(track) - 1, round(jump.time * solved.fps))]
        low = shapes[name].vertices @ solved.turns[row, -1].T
        point = place + low[np.argmin(low @ normal)]
        materials_ = _materials(scene, name, "")
        events.append(Event(
            jump.time + start / solved.fps, tuple(to_model(point)), float(solved.masses[row] * jump.size), materials_,
            "hit", (name, ""), tuple(to_model(normal)), 0.6 * jump.size, float(solved.masses[row]), source="arc",
        ))  # fmt: skip
    return events


def _paired(events: list[Event]) -> list[Event]:
    """Two bodies that hit each other both notice; that is one event."""
    kept: list[Event] = []
    for event in sorted(events, key=lambda event: event.time):
        twin = next(
            (
                k for k in reversed(kept[-40:])
                if event.kind == "hit" == k.kind and event.time - k.time < detect.MERGED
                and set(event.objects) == set(k.objects)
            ),
            None,
        )  # fmt: skip
        if twin is None:
            kept.append(event)
        elif event.impulse > twin.impulse and event.objects == twin.objects:
            kept[kept.index(twin)] = event
    return kept


def nothing_to_hear(scene: bpy.types.Scene) -> InputError:
    """The sentence for a scene in which nothing happens."""
    if scene.rigidbody_world is None:
        return InputError(
            f"Nothing in the scene {scene.name} touches anything within its frames; add rigid bodies, a character "
            "that steps on a floor, or keyed things that meet."
        )
    return InputError(f"Nothing in the scene {scene.name} hits anything within its frames; lengthen its range.")
