# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered clips of things that fall and slide, with what is known of every contact: what learns sound from pictures.

Each clip is a random scene: floor, one to three bodies of one material each, light, camera and textures by chance. Its
physics runs in steps that are a fraction of a frame, and every contact is read off the solver's own steps.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Vector
from numpy.typing import NDArray

from ...rigs.impact.detect import hits, velocity_jumps
from ...rigs.npz import save_npz
from ..compat import versions
from .impact_looks import SHAPES, TEXTURES, UNSEEN_SHAPES, UNSEEN_TEXTURES, light, look, mesh_object

Array = NDArray[np.float64]

FPS, STEPS = 30, 8  # frames a second, and steps of the solver in one
SIZE = 96  # pixels, square
SECONDS = 2.0
RATE = FPS * STEPS
MATERIALS = ("steel", "glass", "wood", "plastic", "ceramic", "rubber", "stone", "cardboard")
KINDS = ("fall", "slide", "float")
_CHANCES = (0.62, 0.3, 0.08)
# Restitution and friction; what a solver wants of a material. Of two that touch it takes the products.
_BOUNCE = {
    "steel": (0.75, 0.35), "glass": (0.7, 0.3), "wood": (0.6, 0.5), "plastic": (0.75, 0.4), "ceramic": (0.6, 0.4),
    "rubber": (0.9, 0.9), "stone": (0.45, 0.6), "cardboard": (0.3, 0.6),
}  # fmt: skip
_DENSITY = {
    "steel": 7850, "glass": 2600, "wood": 750, "plastic": 1070, "ceramic": 2700, "rubber": 1100, "stone": 2600,
    "cardboard": 300,
}  # fmt: skip
_FULL = 0.25  # how much of a body's bounding solid is material: things are hollow
# Blows weaker than this change of velocity, m/s, belong to rolling; sooner than this, s, they are one.
HEARD, APART = 0.6, 0.05
_SLIDES = 0.15  # m/s
_MADE = ("objects", "meshes", "armatures", "materials", "images", "worlds", "lights", "cameras", "collections")
_GRAVITY, _DAMPING = 9.81, 0.04  # m/s², and what a rigid body of Blender's loses by default in a second


@dataclass(frozen=True)
class Body:
    """One thing of a clip. `size` m is its longest side, `mass` kg; `release`, the solver's step that sets it free."""

    shape: str
    material: str
    texture: str
    size: float
    mass: float
    release: int


def make_clip(
    path: str | Path,
    seed: int,
    *,
    unseen: bool = False,
    material: str | None = None,
    shape: str | None = None,
    kind: str | None = None,
    bodies: int | None = None,
) -> int:
    """Simulate and render one clip into an .npz, in a scene of its own that is gone afterwards.

    The file: `frames` (T, 96, 96, 3) uint8; of the hits that are seen `times` s, `strengths` m/s (change of velocity)
    and `bodies` (number of what is hit); `slides` (N, T) m/s, how fast each body slides or rolls; of the bodies
    `shapes`, `materials`, `textures`, `sizes` m and `masses` kg; `fps`.

    Args:
        seed: another scene for each. unseen: shapes and textures that no other clip has. material, shape, kind (of
            KINDS: things fall, are thrown flat over the floor, or float and touch nothing), bodies: instead of by
            chance. With the same seed all else stays as it is.

    Returns:
        The number of hits.
    """
    rng = np.random.default_rng([seed, int(unseen)])
    with own_scene() as scene:
        chosen = str(rng.choice(KINDS, p=_CHANCES))
        things, objects = _fill(scene, rng, unseen, material, shape, kind or chosen, bodies)
        light(scene, rng)
        views = _camera(scene, rng)
        places, turns = _simulate(scene, objects)
        events = sorted(
            (time, strength, number)
            for number, (body, track) in enumerate(zip(things, places, strict=True))
            for time, strength in blows(track, body.release)
            if _seen(scene, views, track, round(time * RATE))
        )
        slides = np.stack([sliding(track, body.release) for body, track in zip(things, places, strict=True)])
        for thing in objects:
            scene.rigidbody_world.collection.objects.unlink(thing)
            thing.animation_data_clear()
            thing.rotation_mode = "QUATERNION"

        def pose(picture: int) -> None:
            step = picture * STEPS
            for thing, place, turn in zip(objects, places[:, step], turns[:, step], strict=True):
                thing.location, thing.rotation_quaternion = place, turn

        frames = render(scene, views, pose)
        columns = np.array(events).reshape(-1, 3).T
        save_npz(
            path, frames=frames, times=columns[0], strengths=columns[1], bodies=columns[2].astype(np.int32),
            slides=slides[:, ::STEPS].astype(np.float32), shapes=np.array([b.shape for b in things]),
            fps=np.float64(FPS), materials=np.array([b.material for b in things]),
            textures=np.array([b.texture for b in things]), sizes=np.array([b.size for b in things]),
            masses=np.array([b.mass for b in things]),
        )  # fmt: skip
        return len(events)


@contextmanager
def own_scene() -> Iterator[bpy.types.Scene]:
    """A scene in the window that is gone afterwards, with all that was made meanwhile."""
    scene = bpy.data.scenes.new("Impacts")
    before = {name: set(getattr(bpy.data, name)) for name in _MADE}
    window_scene = bpy.context.window.scene
    bpy.context.window.scene = scene
    try:
        yield scene
    finally:
        bpy.context.window.scene = window_scene
        if scene.rigidbody_world is not None:
            with bpy.context.temp_override(scene=scene):
                bpy.ops.rigidbody.world_remove()
        bpy.data.scenes.remove(scene)
        for name, known in before.items():
            blocks: Any = getattr(bpy.data, name)
            for block in [block for block in blocks if block not in known]:
                blocks.remove(block)


def blows(track: Array, release: int = 0) -> list[tuple[float, float]]:
    """What a body gets once it is free, read off its path: (time s, change of velocity m/s).

    Args:
        track: (S, 3) m, its middle, Z up, at every step of the solver. release: the step that sets it free.
    """
    jumps = velocity_jumps(track, 1 / RATE, (0, 0, -_GRAVITY), _DAMPING)
    jumps[: release + 2] = 0  # the last of these is the hand that lets go
    found: list[tuple[float, float]] = []
    for blow in hits(jumps, 1 / RATE, _GRAVITY, HEARD):
        if found and blow.time - found[-1][0] < APART:
            # An edge and the face after it: the stronger says when.
            if blow.size > found[-1][1]:
                found[-1] = blow.time, blow.size
        else:
            found.append((blow.time, blow.size))
    return found


def sliding(track: Array, release: int = 0) -> Array:
    """(S,) m/s: how fast a body slides or rolls over what it lies on; 0 where it rests, flies or is held."""
    velocity = np.gradient(track, 1 / RATE, axis=0)
    half = max(1, round(0.05 * RATE))
    padded = np.pad(velocity[:, 2], half, mode="edge")
    falling = np.abs(padded[2 * half :] - padded[: -2 * half])  # of the speed upwards within 0.1 s; in flight 1 m/s
    across = np.linalg.norm(velocity[:, :2], axis=1)
    free = np.arange(len(track)) > release
    return np.where(free & (falling < 0.4) & (np.abs(velocity[:, 2]) < 0.3) & (across > _SLIDES), across, 0.0)


# --- the scene ------------------------------------------------------------------------------------------------------


def _fill(
    scene: bpy.types.Scene,
    rng: np.random.Generator,
    unseen: bool,
    material: str | None,
    shape: str | None,
    kind: str,
    count: int | None,
) -> tuple[list[Body], list[bpy.types.Object]]:
    bpy.ops.rigidbody.world_add()
    world = scene.rigidbody_world
    world.collection = bpy.data.collections.new("Impacts")
    scene.render.fps, scene.render.fps_base = RATE, 1.0
    scene.frame_start, scene.frame_end = 1, round(SECONDS * FPS) * STEPS
    world.point_cache.frame_start, world.point_cache.frame_end = 1, scene.frame_end
    world.substeps_per_frame, world.solver_iterations = 1, 30
    scene.gravity = (0, 0, -_GRAVITY)
    shapes = UNSEEN_SHAPES if unseen else tuple(s for s in SHAPES if s not in UNSEEN_SHAPES)
    textures = UNSEEN_TEXTURES if unseen else tuple(t for t in TEXTURES if t not in UNSEEN_TEXTURES)

    floor = mesh_object(scene, "Floor", "cube", 1.0)
    floor.scale = (8, 8, 0.2)
    floor.location.z = -0.1
    floor.data.materials.append(look("floor", str(rng.choice(textures)), rng))
    _rigid(scene, floor, "PASSIVE", 1.0, 0.5, 1.0)

    chance = int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))
    count = count or chance
    together = rng.random() < 0.25  # several that are let go at once
    seeds = rng.integers(1 << 31, size=3)
    turn = rng.uniform(0, 2 * math.pi)
    bodies, objects = [], []
    for index in range(count):
        own = np.random.default_rng(seeds[index])
        by_chance = str(own.choice(shapes)), str(own.choice(MATERIALS))
        shape_of, made_of = shape or by_chance[0], material or by_chance[1]
        size = float(own.uniform(0.22, 0.42) * (1.0 if count == 1 else 0.85))
        release = 3 if kind == "slide" or together else round(own.uniform(0.0125, 0.3 + 0.5 * index) * RATE)
        texture = str(own.choice(textures))
        body = Body(shape_of, made_of, texture, size, _DENSITY[made_of] * size**3 * _FULL, release)
        side = (index - (count - 1) / 2) * 0.55
        drop = 0.4 if together else own.uniform(0.05, 0.75)
        spot = Vector((side * math.cos(turn), side * math.sin(turn), 0)) + Vector((*own.uniform(-0.08, 0.08, 2), 0))
        spot.z = size * 0.75 + drop
        facing, push, spin = own.uniform(-math.pi, math.pi, 3), own.uniform((-0.3, -0.3, -1), (0.3, 0.3, 0.5)), 3.0
        bounce, friction = _BOUNCE[made_of]
        if kind == "slide":
            facing, spin, friction = np.array([0, 0, own.uniform(0, 6)]), 0.4, 0.12
            spot.z = size * (0.5 if shape_of in ("cube", "cylinder", "slab") else 0.6) + own.uniform(0.01, 0.08)
            push = np.array([-math.sin(turn), math.cos(turn), 0]) * own.uniform(0.7, 1.3)
            spot -= Vector(push) * 0.4
        elif together:
            push, spin = np.zeros(3), 0.6
        thing = mesh_object(scene, shape_of, shape_of, size)
        thing.data.materials.append(look(made_of, texture, own))
        thing.location, thing.rotation_mode, thing.rotation_euler = spot, "XYZ", Euler(facing)
        if kind == "float":
            body = Body(shape_of, made_of, texture, size, body.mass, scene.frame_end)
            _fly(thing, scene.frame_end, size, own)
        else:
            _throw(thing, Vector(push), own.uniform(-spin, spin, 3), release)
        _rigid(scene, thing, "ACTIVE", bounce, friction, body.mass, body.release)
        bodies.append(body)
        objects.append(thing)
    return bodies, objects


def _throw(thing: bpy.types.Object, push: Vector, spin: Array, release: int) -> None:
    """Two keys a body is carried by before the solver takes over: so it starts with a velocity."""
    begin, turn = thing.location.copy(), np.array(thing.rotation_euler)
    step = 1 / RATE
    for frame in (release - 1, release + 1):
        thing.location = begin + push * step * (frame - release + 1)
        thing.rotation_euler = turn + spin * step * (frame - release + 1)
        thing.keyframe_insert("location", frame=frame)
        thing.keyframe_insert("rotation_euler", frame=frame)


def _fly(thing: bpy.types.Object, last: int, size: float, rng: np.random.Generator) -> None:
    """Keys of a body that moves through the air, stops and goes on, and never touches anything."""
    begin, turn, frame = Vector(thing.location), np.array(thing.rotation_euler), 1
    begin.z = max(begin.z, size)
    while frame < last + 60:
        thing.location = begin + Vector(rng.uniform((-0.25, -0.25, 0), (0.25, 0.25, 0.3)))
        thing.rotation_euler = turn + rng.uniform(-1, 1, 3)
        thing.keyframe_insert("location", frame=frame)
        thing.keyframe_insert("rotation_euler", frame=frame)
        frame += int(rng.integers(40, 160))


def _rigid(
    scene: bpy.types.Scene, thing: bpy.types.Object, kind: str, bounce: float, friction: float, mass: float,
    release: int = 0,
) -> None:  # fmt: skip
    scene.rigidbody_world.collection.objects.link(thing)
    body = thing.rigid_body
    body.type, body.restitution, body.friction, body.mass = kind, bounce, friction, max(mass, 0.01)
    body.collision_shape = "BOX" if thing.name.startswith("Floor") else "CONVEX_HULL"
    body.use_margin, body.collision_margin = True, 0.001
    if kind == "ACTIVE":
        body.kinematic = True
        body.keyframe_insert("kinematic", frame=1)
        body.keyframe_insert("kinematic", frame=release)
        body.kinematic = False
        body.keyframe_insert("kinematic", frame=release + 1)


def _camera(scene: bpy.types.Scene, rng: np.random.Generator) -> list[tuple[Vector, Euler]]:
    """A camera that stands, or in every fourth clip drifts; where it is and looks in each picture."""
    lens = bpy.data.cameras.new("Camera")
    lens.lens, lens.sensor_width = float(rng.uniform(36, 44)), 36.0
    scene.camera = bpy.data.objects.new("Camera", lens)
    scene.collection.objects.link(scene.camera)
    around, up, far = rng.uniform(0, 2 * math.pi), rng.uniform(0.12, 0.6), rng.uniform(1.4, 1.9)
    target = Vector((*rng.uniform(-0.1, 0.1, 2), rng.uniform(0.3, 0.45)))
    drifts = rng.random() < 0.25
    turning, nearing = rng.uniform(-0.12, 0.12) * drifts, rng.uniform(-0.15, 0.15) * drifts
    shaking, speed = 0.01 * rng.random() * drifts, rng.uniform(3, 9, 3)
    views = []
    for picture in range(round(SECONDS * FPS)):
        clock = picture / FPS
        angle, away = around + turning * clock, far + nearing * clock
        place = target + away * Vector((math.cos(angle) * math.cos(up), math.sin(angle) * math.cos(up), math.sin(up)))
        aim = target + shaking * Vector(np.sin(speed * clock + np.arange(3)))
        views.append((place, (aim - place).to_track_quat("-Z", "Y").to_euler()))
    return views


def _seen(scene: bpy.types.Scene, views: Sequence[tuple[Vector, Euler]], track: Array, step: int) -> bool:
    camera = scene.camera
    assert camera is not None
    camera.location, camera.rotation_euler = views[min(step // STEPS, len(views) - 1)]
    scene.view_layers[0].update()
    x, y, depth = world_to_camera_view(scene, camera, Vector(track[min(step, len(track) - 1)]))
    return 0.02 < x < 0.98 and 0.02 < y < 0.98 and depth > 0


# --- simulation and pictures ----------------------------------------------------------------------------------------


def _simulate(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object]) -> tuple[Array, Array]:
    """(N, S, 3) m and (N, S, 4) quaternions: where the bodies are at every step of the solver."""
    places, turns = [], []
    for frame in range(1, scene.frame_end + 1):
        scene.frame_set(frame)
        matrices = [thing.matrix_world.copy() for thing in objects]
        places.append([matrix.translation[:] for matrix in matrices])
        turns.append([matrix.to_quaternion()[:] for matrix in matrices])
    return np.array(places).swapaxes(0, 1), np.array(turns).swapaxes(0, 1)


def render(
    scene: bpy.types.Scene, views: Sequence[tuple[Vector, Euler]], pose: Callable[[int], None]
) -> NDArray[np.uint8]:
    """(T, 96, 96, 3): what the scene's camera sees from each of `views`; `pose` puts things where they then are."""
    from PIL import Image

    assert scene.camera is not None
    render = scene.render
    render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 2, False, False
    scene.cycles.max_bounces, scene.cycles.diffuse_bounces = 6, 0
    scene.view_settings.view_transform = "Standard" if views[0][0].x > 0 else "AgX"
    # As many processes as one likes may make clips.
    render.threads_mode, render.threads = "FIXED", 1
    render.resolution_x = render.resolution_y = SIZE
    render.resolution_percentage = 100
    render.use_persistent_data = True
    versions.set_image_output(render, 0)
    frames = []
    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        path = Path(folder) / "frame.png"
        render.filepath = str(path)
        for picture, (place, aim) in enumerate(views):
            pose(picture)
            scene.camera.location, scene.camera.rotation_euler = place, aim
            bpy.ops.render.render(write_still=True, scene=scene.name)
            with Image.open(path) as image:
                frames.append(np.asarray(image.convert("RGB")))
    return np.stack(frames)
