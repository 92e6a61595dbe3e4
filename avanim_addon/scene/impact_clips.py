# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered clips of things that fall and slide, with what is known of every contact: what learns sound from pictures.

Each clip is a random scene: floor, one or two bodies of one material each, light, camera and textures by chance. Its
physics runs in steps that are a fraction of a frame, and every contact is read off the solver's own steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bmesh
import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Vector
from numpy.typing import NDArray

from ...rigs.npz import save_npz
from ..compat import versions

Array = NDArray[np.float64]

FPS, STEPS = 30, 8  # frames a second, and steps of the solver in one
SIZE = 96  # pixels, square
SECONDS = 2.0
# Looks that a trained network must not have seen: the last of the shapes and of the textures are for its test.
SHAPES = ("cube", "sphere", "cylinder", "ico", "slab", "tube", "cone", "torus")
UNSEEN_SHAPES = ("cone", "torus")
TEXTURES = ("plain", "noise", "wave", "checker", "voronoi", "brick")
UNSEEN_TEXTURES = ("voronoi", "brick")
MATERIALS = ("steel", "glass", "wood", "plastic", "ceramic", "rubber", "stone", "cardboard")
# Restitution and friction; what a solver wants of a material.
_BOUNCE = {
    "steel": (0.5, 0.35), "glass": (0.55, 0.3), "wood": (0.45, 0.5), "plastic": (0.6, 0.4), "ceramic": (0.4, 0.4),
    "rubber": (0.8, 0.9), "stone": (0.25, 0.6), "cardboard": (0.2, 0.6),
}  # fmt: skip
_DENSITY = {
    "steel": 7850, "glass": 2600, "wood": 750, "plastic": 1070, "ceramic": 2700, "rubber": 1100, "stone": 2600,
    "cardboard": 300,
}  # fmt: skip
_FULL = 0.25  # how much of a body's bounding solid is material: things are hollow
# Blows weaker than this change of velocity, m/s, belong to rolling; sooner than this, s, they are one.
_HEARD, _APART = 0.6, 0.05
_SLIDES = 0.15  # m/s
_GRAVITY = 9.81
# s, after which a body that was thrown is on its own.
_STARTED = 0.03


@dataclass(frozen=True)
class Body:
    """One thing of a clip. `size` m is its longest side, `mass` kg."""

    shape: str
    material: str
    texture: str
    size: float
    mass: float


def make_clip(
    path: str | Path, seed: int, *, unseen: bool = False, material: str | None = None, slide: bool | None = None
) -> int:
    """Simulate and render one clip into an .npz, in a scene of its own that is gone afterwards.

    The file: `frames` (T, 96, 96, 3) uint8; of the hits that are seen `times` s, `strengths` m/s (change of velocity)
    and `bodies` (number of what is hit); `slides` (N, T) m/s, how fast each body slides or rolls; of the bodies
    `shapes`, `materials`, `textures`, `sizes` m and `masses` kg; `fps`.

    Args:
        seed: another scene for each. unseen: shapes and textures that no other clip has. material, slide: what the
            bodies are made of, and whether they are thrown flat over the floor, instead of by chance.

    Returns:
        The number of hits.
    """
    rng = np.random.default_rng([seed, int(unseen)])
    scene = bpy.data.scenes.new("Impacts")
    before = {kind: set(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "materials", "worlds", "lights",
                                                              "cameras", "collections")}  # fmt: skip
    window_scene = bpy.context.window.scene
    bpy.context.window.scene = scene
    try:
        bodies, objects = _fill(scene, rng, unseen, material, slide)
        places, turns = _simulate(scene, objects)
        rate = FPS * STEPS
        events = sorted(
            (time, strength, number)
            for number, track in enumerate(places)
            for time, strength in hits(track, rate)
            if time > _STARTED and _seen(scene, track[min(len(track) - 1, round(time * rate))])
        )
        slides = np.stack([sliding(track, rate)[::STEPS] for track in places])
        frames = _render(scene, objects, places, turns)
        columns = np.array(events).reshape(-1, 3).T
        save_npz(
            path, frames=frames, times=columns[0], strengths=columns[1], bodies=columns[2].astype(np.int32),
            slides=slides.astype(np.float32), shapes=np.array([b.shape for b in bodies]), fps=np.float64(FPS),
            materials=np.array([b.material for b in bodies]), textures=np.array([b.texture for b in bodies]),
            sizes=np.array([b.size for b in bodies]), masses=np.array([b.mass for b in bodies]),
        )  # fmt: skip
        return len(events)
    finally:
        bpy.context.window.scene = window_scene
        world = scene.rigidbody_world
        if world is not None:
            with bpy.context.temp_override(scene=scene):
                bpy.ops.rigidbody.world_remove()
        bpy.data.scenes.remove(scene)
        for kind, known in before.items():
            blocks: Any = getattr(bpy.data, kind)
            for block in [block for block in blocks if block not in known]:
                blocks.remove(block)


def hits(track: Array, rate: float) -> list[tuple[float, float]]:
    """The blows that a free body gets, read off its path: (time s, change of velocity m/s).

    Args:
        track: (T, 3) m, its middle, Z up, at `rate` steps a second.
    """
    jumps = np.diff(np.diff(track, axis=0) * rate, axis=0)
    jumps[:, 2] += _GRAVITY / rate  # what gravity alone would have done
    sizes = np.linalg.norm(jumps, axis=1)
    width = max(1, round(_APART * rate))
    result: list[tuple[float, float]] = []
    step = 0
    while step < len(sizes):
        if sizes[step] < _HEARD:
            step += 1
            continue
        strongest = step + int(np.argmax(sizes[step : step + width]))
        result.append(((strongest + 1) / rate, float(sizes[strongest])))
        step = strongest + width
    return result


def sliding(track: Array, rate: float) -> Array:
    """(T,) m/s: how fast a body slides or rolls over what it lies on; 0 where it rests or flies."""
    velocity = np.gradient(track, 1 / rate, axis=0)
    half = max(1, round(0.05 * rate))
    padded = np.pad(velocity[:, 2], half, mode="edge")
    falling = np.abs(padded[2 * half :] - padded[: -2 * half])  # of the speed upwards within 0.1 s; in flight 1 m/s
    across = np.linalg.norm(velocity[:, :2], axis=1)
    return np.where((falling < 0.4) & (np.abs(velocity[:, 2]) < 0.3) & (across > _SLIDES), across, 0.0)


# --- the scene ------------------------------------------------------------------------------------------------------


def _fill(
    scene: bpy.types.Scene, rng: np.random.Generator, unseen: bool, given: str | None, slide: bool | None
) -> tuple[list[Body], list[bpy.types.Object]]:
    bpy.ops.rigidbody.world_add()
    world = scene.rigidbody_world
    world.collection = bpy.data.collections.new("Impacts")
    scene.render.fps, scene.render.fps_base = FPS * STEPS, 1.0
    scene.frame_start, scene.frame_end = 1, round(SECONDS * FPS) * STEPS
    world.point_cache.frame_start, world.point_cache.frame_end = 1, scene.frame_end
    world.substeps_per_frame, world.solver_iterations = 1, 30
    scene.gravity = (0, 0, -_GRAVITY)
    shapes = UNSEEN_SHAPES if unseen else tuple(s for s in SHAPES if s not in UNSEEN_SHAPES)
    textures = UNSEEN_TEXTURES if unseen else tuple(t for t in TEXTURES if t not in UNSEEN_TEXTURES)

    floor = _mesh_object(scene, "Floor", "cube", 1.0)
    floor.scale = (8, 8, 0.2)
    floor.location.z = -0.1
    floor.data.materials.append(_look("floor", str(rng.choice(textures)), rng))
    _rigid(scene, floor, "PASSIVE", rng.choice([0.3, 0.5, 0.8]), 0.5, 1.0)

    bodies, objects = [], []
    count = int(rng.choice([1, 1, 1, 2]))
    for index in range(count):
        shape, material = str(rng.choice(shapes)), str(rng.choice(MATERIALS))
        material = given or material
        size = float(rng.uniform(0.22, 0.45))
        body = Body(shape, material, str(rng.choice(textures)), size, _DENSITY[material] * size**3 * _FULL)
        thing = _mesh_object(scene, shape, shape, size)
        thing.data.materials.append(_look(material, body.texture, rng))
        chance = rng.random() < 0.3
        slides = chance if slide is None else slide
        side = (index - (count - 1) / 2) * 0.7
        thing.location = (side + rng.uniform(-0.1, 0.1), rng.uniform(-0.15, 0.15), size + rng.uniform(0.0, 0.7))
        thing.rotation_euler = Euler(rng.uniform(-math.pi, math.pi, 3))
        push = Vector((rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), rng.uniform(-1, 0.5)))
        bounce, friction = _BOUNCE[material]
        if slides:  # thrown flat over the floor
            thing.rotation_euler = Euler((0, 0, rng.uniform(0, 6)))
            thing.location.z = size * (0.5 if shape in ("cube", "cylinder", "slab") else 0.55) + rng.uniform(0.01, 0.08)
            angle = rng.uniform(0, 2 * math.pi)
            push = Vector((math.cos(angle), math.sin(angle), 0)) * rng.uniform(0.7, 1.3)
            friction = 0.12
        _throw(thing, push, rng.uniform(-3, 3, 3) * (0.15 if slides else 1))
        _rigid(scene, thing, "ACTIVE", bounce, friction, body.mass)
        bodies.append(body)
        objects.append(thing)
    _light_and_camera(scene, rng)
    return bodies, objects


def _mesh_object(scene: bpy.types.Scene, name: str, shape: str, size: float) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    made = bmesh.new()
    half = size / 2
    match shape:
        case "sphere":
            bmesh.ops.create_uvsphere(made, u_segments=20, v_segments=12, radius=half)
        case "ico":
            bmesh.ops.create_icosphere(made, subdivisions=1, radius=half)
        case "cylinder" | "tube":
            thin = 0.35 if shape == "tube" else 0.5
            bmesh.ops.create_cone(made, cap_ends=True, segments=20, radius1=size * thin, radius2=size * thin,
                                  depth=size * (1.2 if shape == "tube" else 0.8))  # fmt: skip
        case "cone":
            bmesh.ops.create_cone(made, cap_ends=True, segments=20, radius1=half, radius2=size * 0.1, depth=size)
        case "torus":
            _ring(made, size * 0.36, size * 0.14)
        case _:
            bmesh.ops.create_cube(made, size=size)
            if shape == "slab":
                bmesh.ops.scale(made, vec=(1.1, 0.7, 0.3), verts=made.verts)
    made.to_mesh(mesh)
    made.free()
    mesh.shade_smooth() if shape in ("sphere", "torus") else mesh.shade_flat()
    thing = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(thing)
    return thing


def _ring(made: bmesh.types.BMesh, radius: float, thickness: float, around: int = 24, across: int = 10) -> None:
    rows = []
    for turn in np.arange(around) / around * 2 * math.pi:
        rows.append([
            made.verts.new((
                (radius + thickness * math.cos(a)) * math.cos(turn),
                (radius + thickness * math.cos(a)) * math.sin(turn),
                thickness * math.sin(a),
            ))
            for a in np.arange(across) / across * 2 * math.pi
        ])  # fmt: skip
    for one, two in zip(rows, rows[1:] + rows[:1], strict=True):
        for index in range(across):
            after = (index + 1) % across
            made.faces.new((one[index], two[index], two[after], one[after]))


def _throw(thing: bpy.types.Object, push: Vector, spin: Array) -> None:
    """Two keys a body is carried by before the solver takes over: so it starts with a velocity."""
    begin = thing.location.copy()
    step = 1 / (FPS * STEPS)
    thing.rotation_mode = "XYZ"
    turn = np.array(thing.rotation_euler)
    for frame in (1, 3):
        thing.location = begin + push * step * (frame - 1)
        thing.rotation_euler = turn + spin * step * (frame - 1)
        thing.keyframe_insert("location", frame=frame)
        thing.keyframe_insert("rotation_euler", frame=frame)


def _rigid(
    scene: bpy.types.Scene, thing: bpy.types.Object, kind: str, bounce: float, friction: float, mass: float
) -> None:
    scene.rigidbody_world.collection.objects.link(thing)
    body = thing.rigid_body
    body.type, body.restitution, body.friction, body.mass = kind, bounce, friction, max(mass, 0.01)
    body.collision_shape = "BOX" if thing.name.startswith("Floor") else "CONVEX_HULL"
    body.use_margin, body.collision_margin = True, 0.001
    if kind == "ACTIVE":
        body.kinematic = True
        body.keyframe_insert("kinematic", frame=1)
        body.keyframe_insert("kinematic", frame=2)
        body.kinematic = False
        body.keyframe_insert("kinematic", frame=3)


def _seen(scene: bpy.types.Scene, place: Array) -> bool:
    assert scene.camera is not None
    x, y, depth = world_to_camera_view(scene, scene.camera, Vector(place))
    return 0.02 < x < 0.98 and 0.02 < y < 0.98 and depth > 0


def _light_and_camera(scene: bpy.types.Scene, rng: np.random.Generator) -> None:
    world = bpy.data.worlds.new("Impacts")
    versions.use_nodes(world)
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    tint = rng.uniform(0.7, 1.0, 3)
    background.inputs["Color"].default_value = (*tint, 1)
    background.inputs["Strength"].default_value = float(rng.uniform(0.3, 1.0))
    scene.world = world
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy, light.angle = float(rng.uniform(1.5, 4.0)), 0.1
    sun = bpy.data.objects.new("Sun", light)
    sun.rotation_euler = Euler((rng.uniform(0.1, 0.9), rng.uniform(-0.6, 0.6), rng.uniform(0, 6.3)))
    scene.collection.objects.link(sun)
    lens = bpy.data.cameras.new("Camera")
    lens.lens, lens.sensor_width = float(rng.uniform(38, 46)), 36.0
    camera = bpy.data.objects.new("Camera", lens)
    around, up, far = rng.uniform(0, 2 * math.pi), rng.uniform(0.12, 0.6), rng.uniform(2.1, 2.6)
    target = Vector((0, 0, rng.uniform(0.25, 0.4)))
    camera.location = target + far * Vector(
        (math.cos(around) * math.cos(up), math.sin(around) * math.cos(up), math.sin(up))
    )
    camera.rotation_euler = (target - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.camera = camera


# Colour ranges (low, high, linear RGB), metallic, roughness range, transmission.
_LOOKS: dict[str, tuple[tuple[float, ...], tuple[float, ...], float, tuple[float, float], float]] = {
    "steel": ((0.45, 0.46, 0.48), (0.75, 0.76, 0.80), 1.0, (0.12, 0.4), 0.0),
    "glass": ((0.65, 0.85, 0.80), (0.90, 1.00, 0.97), 0.0, (0.0, 0.08), 1.0),
    "wood": ((0.22, 0.09, 0.03), (0.50, 0.27, 0.11), 0.0, (0.45, 0.75), 0.0),
    "plastic": ((0.02, 0.02, 0.02), (0.90, 0.90, 0.90), 0.0, (0.2, 0.4), 0.0),
    "ceramic": ((0.75, 0.73, 0.70), (0.92, 0.92, 0.92), 0.0, (0.03, 0.15), 0.0),
    "rubber": ((0.010, 0.010, 0.010), (0.045, 0.045, 0.05), 0.0, (0.75, 0.95), 0.0),
    "stone": ((0.18, 0.18, 0.17), (0.40, 0.39, 0.37), 0.0, (0.85, 1.0), 0.0),
    "cardboard": ((0.42, 0.27, 0.14), (0.58, 0.40, 0.24), 0.0, (0.85, 1.0), 0.0),
    "floor": ((0.05, 0.05, 0.05), (0.75, 0.75, 0.75), 0.0, (0.4, 0.9), 0.0),
}


def _look(material: str, texture: str, rng: np.random.Generator) -> bpy.types.Material:
    low, high, metallic, rough, through = _LOOKS[material]
    made = bpy.data.materials.new(material)
    versions.use_nodes(made)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    if material == "plastic":  # any bright colour
        hue = rng.permutation([rng.uniform(0.5, 0.9), rng.uniform(0.02, 0.5), rng.uniform(0.01, 0.1)])
        colour = hue
    else:
        share = rng.random(3) * 0.4 + rng.random() * 0.6 if material == "floor" else rng.random()
        colour = np.array(low) + share * (np.array(high) - np.array(low))
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Roughness"].default_value = float(rng.uniform(*rough))
    shader.inputs["Transmission Weight"].default_value = through
    shader.inputs["Base Color"].default_value = (*colour, 1)
    kinds = {"noise": "ShaderNodeTexNoise", "wave": "ShaderNodeTexWave", "checker": "ShaderNodeTexChecker",
             "voronoi": "ShaderNodeTexVoronoi", "brick": "ShaderNodeTexBrick"}  # fmt: skip
    if texture in kinds and through == 0:
        pattern = nodes.new(kinds[texture])
        pattern.inputs["Scale"].default_value = float(rng.uniform(3, 14))
        mix = nodes.new("ShaderNodeMix")
        mix.data_type = "RGBA"
        contrast = rng.uniform(0.3, 0.8) if material == "floor" else rng.uniform(0.55, 0.9)
        colours = [socket for socket in mix.inputs if socket.type == "RGBA"]
        colours[0].default_value = (*(colour * contrast), 1)
        colours[1].default_value = (*np.minimum(colour * (2 - contrast), 0.95), 1)
        factor = next(s for s in pattern.outputs if s.name in ("Factor", "Fac", "Distance", "Color"))
        links.new(factor, next(socket for socket in mix.inputs if socket.type == "VALUE"))
        place = nodes.new("ShaderNodeTexCoord")
        links.new(place.outputs["Object"], pattern.inputs["Vector"])
        links.new(next(socket for socket in mix.outputs if socket.type == "RGBA"), shader.inputs["Base Color"])
    return made


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


def _render(
    scene: bpy.types.Scene, objects: Sequence[bpy.types.Object], places: Array, turns: Array
) -> NDArray[np.uint8]:
    """(T, 96, 96, 3): every frame that a camera of FPS would take, with the bodies put where the solver had them."""
    import tempfile

    from PIL import Image

    for thing in objects:
        scene.rigidbody_world.collection.objects.unlink(thing)
        thing.animation_data_clear()
        thing.rotation_mode = "QUATERNION"
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 4, False
    scene.cycles.max_bounces, scene.cycles.device = 4, "CPU"
    render.resolution_x = render.resolution_y = SIZE
    render.resolution_percentage = 100
    render.use_persistent_data = True
    versions.set_image_output(render, 0)
    frames = []
    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        path = Path(folder) / "frame.png"
        render.filepath = str(path)
        for step in range(0, places.shape[1], STEPS):
            for thing, place, turn in zip(objects, places[:, step], turns[:, step], strict=True):
                thing.location, thing.rotation_quaternion = place, turn
            bpy.ops.render.render(write_still=True, scene=scene.name)
            with Image.open(path) as picture:
                frames.append(np.asarray(picture.convert("RGB")))
    return np.stack(frames)
