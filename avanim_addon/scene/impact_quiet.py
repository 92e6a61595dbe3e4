# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered clips in which things move and nothing touches: what a network that hears impacts must leave silent.

People who talk, nod and wave, cloth in the wind, things that swing in the air, and cameras that turn, shake and come
nearer where all stands still.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Vector
from numpy.typing import NDArray

from ...rigs.npz import save_npz
from . import talk
from .character import add_character, meshes_of
from .impact_clips import FPS, MATERIALS, SECONDS
from .impact_clips import own_scene as _own_scene
from .impact_clips import render as _render
from .impact_looks import SHAPES, TEXTURES, UNSEEN_SHAPES, UNSEEN_TEXTURES, light, look, mesh_object

Array = NDArray[np.float64]
Pose = Callable[[int], None]

KINDS = ("person", "cloth", "swing", "camera")
_CHANCES = (0.45, 0.2, 0.2, 0.15)
SEEN_CHARACTERS, UNSEEN_CHARACTERS = ("neutral", "female"), ("male",)
_FRAMES = round(SECONDS * FPS)
_WEAVE = 24  # quads along each side of a cloth
_MOUTH = ("jawOpen", "mouthFunnel", "mouthSmileLeft", "mouthSmileRight", "mouthPucker", "browInnerUp")


def make_quiet_clip(path: str | Path, seed: int, *, unseen: bool = False, kind: str | None = None) -> int:
    """Render one clip into an .npz as `impact_clips.make_clip` writes it, of no hits; `materials` are none, as nothing
    is to be heard. `quiet` says of which of KINDS it is.

    Args:
        seed: another scene for each. unseen: the character, shapes and textures that no other clip has. kind: instead
            of by chance.

    Returns:
        The number of hits, 0.
    """
    rng = np.random.default_rng([seed, 7 + int(unseen)])
    with _own_scene() as scene:
        chosen = str(rng.choice(KINDS, p=_CHANCES))
        kind = kind or chosen
        textures = UNSEEN_TEXTURES if unseen else tuple(t for t in TEXTURES if t not in UNSEEN_TEXTURES)
        shapes = UNSEEN_SHAPES if unseen else tuple(s for s in SHAPES if s not in UNSEEN_SHAPES)
        _backdrop(scene, textures, rng)
        light(scene, rng)
        if kind == "person":
            _fill_light(scene, rng)
        target, away, facing = Vector((0, 0, rng.uniform(0.3, 0.45))), rng.uniform(1.4, 1.9), None
        if kind == "person":
            pose, target, away = _person(str(rng.choice(UNSEEN_CHARACTERS if unseen else SEEN_CHARACTERS)), rng)
            facing = -math.pi / 2
        elif kind == "cloth":
            pose = _cloth(scene, str(rng.choice(textures)), rng)
        else:
            pose = _things(scene, shapes, textures, kind == "swing", rng)
        views = _camera(scene, target, away, facing, kind == "camera", rng)
        frames = _render(scene, views, pose)
        none = np.zeros(0)
        save_npz(
            path, frames=frames, times=none, strengths=none, bodies=none.astype(np.int32),
            slides=np.zeros((0, _FRAMES), np.float32), fps=np.float64(FPS), materials=np.zeros(0, "<U1"), sizes=none,
            quiet=np.array(kind),
        )  # fmt: skip
        return 0


def _smooth(rng: np.random.Generator, size: float, low: float, high: float, count: int = 3) -> Array:
    """(T,) a few waves of `low` to `high` Hz that together reach about `size`."""
    clock = np.arange(_FRAMES)[:, None] / FPS
    waves = np.sin(2 * math.pi * (rng.uniform(low, high, count) * clock + rng.random(count)))
    return size * (waves * rng.uniform(0.3, 1.0, count)).sum(1) / math.sqrt(count)


def _backdrop(scene: bpy.types.Scene, textures: tuple[str, ...], rng: np.random.Generator) -> None:
    """A floor, and mostly a wall some way behind."""
    floor = mesh_object(scene, "Floor", "cube", 1.0)
    floor.scale, floor.location.z = (8, 8, 0.2), -0.1
    floor.data.materials.append(look("floor", str(rng.choice(textures)), rng))
    if rng.random() < 0.6:
        wall = mesh_object(scene, "Wall", "cube", 1.0)
        wall.scale, wall.location = (8, 0.1, 5), (0, rng.uniform(0.8, 2.5), 2)
        wall.data.materials.append(look("floor", str(rng.choice(textures)), rng))


def _fill_light(scene: bpy.types.Scene, rng: np.random.Generator) -> None:
    """From where the camera is: people have no glow of their own in the shadow, as `impact_looks` gives things."""
    lamp = bpy.data.lights.new("Fill", "SUN")
    lamp.energy, lamp.angle = float(rng.uniform(1.0, 3.0)), 0.02
    sun = bpy.data.objects.new("Fill", lamp)
    sun.rotation_euler = (math.radians(70), 0, rng.uniform(-0.6, 0.6))
    scene.collection.objects.link(sun)


def _person(character: str, rng: np.random.Generator) -> tuple[Pose, Vector, float]:
    """Someone who talks; what of them is looked at, and from how far, m."""
    armature = add_character(character, correctives=False)
    talk.hang_arms(armature)
    body = meshes_of(armature)
    for mesh in body:  # finer than the pixels, and nine tenths of the time
        for modifier in [modifier for modifier in mesh.modifiers if modifier.type == "SUBSURF"]:
            mesh.modifiers.remove(modifier)
    close = rng.random() < 0.6
    waves = not close or rng.random() < 0.3
    # Syllables: the mouth opens some three to six times a second, now and then it rests.
    open_ = np.clip(_smooth(rng, 0.5, 2.0, 6.0), 0, 1) * (_smooth(rng, 1.0, 0.2, 0.8) > -0.4)
    weights = {"jawOpen": open_ * rng.uniform(0.3, 0.9)}
    for name in _MOUTH[1:]:
        weights[name] = np.clip(_smooth(rng, rng.uniform(0, 0.6), 1.0, 5.0), 0, 1)
    blink = np.zeros(_FRAMES)
    for at in rng.integers(0, _FRAMES, rng.integers(0, 3)):
        blink[at : at + 4] = 1
    weights["eyeBlinkLeft"] = weights["eyeBlinkRight"] = blink
    turning = {name: [_smooth(rng, rng.uniform(0, 0.14), 0.3, 2.0) for _ in range(3)] for name in ("head", "neck")}
    if waves:
        for side in ("left", "right"):
            if rng.random() < 0.8:
                turning[f"{side}_elbow"] = [np.abs(_smooth(rng, rng.uniform(0.3, 1.2), 0.5, 2.5)) for _ in range(3)]
                turning[f"{side}_shoulder"] = [_smooth(rng, rng.uniform(0, 0.25), 0.4, 2.0) for _ in range(3)]
    rests = {name: armature.pose.bones[name].rotation_quaternion.copy() for name in turning}
    for name in turning:
        armature.pose.bones[name].rotation_mode = "QUATERNION"

    def pose(picture: int) -> None:
        for name, angles in turning.items():
            turn = Euler([float(angle[picture]) for angle in angles]).to_quaternion()
            armature.pose.bones[name].rotation_quaternion = rests[name] @ turn
        for mesh in body:
            keys = mesh.data.shape_keys.key_blocks if mesh.data.shape_keys else {}
            for name, values in weights.items():
                if name in keys:
                    keys[name].value = float(values[picture])

    bpy.context.view_layer.update()
    head = armature.matrix_world @ armature.pose.bones["head"].head
    if close:
        return pose, head + Vector((*rng.uniform(-0.05, 0.05, 2), rng.uniform(0, 0.08))), float(rng.uniform(0.5, 1.0))
    return pose, head - Vector((0, 0, rng.uniform(0.2, 0.7))), float(rng.uniform(1.3, 2.6))


def _cloth(scene: bpy.types.Scene, texture: str, rng: np.random.Generator) -> Pose:
    """A flag or a curtain: waves run through it, from where it is held."""
    side = np.linspace(0, 1, _WEAVE + 1)
    across, down = (part.ravel() for part in np.meshgrid(side, side))
    width, height = rng.uniform(0.4, 0.9, 2)
    faces = [
        (row * (_WEAVE + 1) + column, row * (_WEAVE + 1) + column + 1, (row + 1) * (_WEAVE + 1) + column + 1,
         (row + 1) * (_WEAVE + 1) + column)
        for row in range(_WEAVE) for column in range(_WEAVE)
    ]  # fmt: skip
    mesh = bpy.data.meshes.new("Cloth")
    still = np.stack([(across - 0.5) * width, 0 * across, 0.75 - 0.5 * height + (0.5 - down) * height], 1)
    mesh.from_pydata(still.tolist(), [], faces)
    mesh.shade_smooth()
    mesh.materials.append(look("plastic" if rng.random() < 0.7 else "floor", texture, rng))
    cloth = bpy.data.objects.new("Cloth", mesh)
    scene.collection.objects.link(cloth)
    cloth.rotation_euler.z = rng.uniform(0, 2 * math.pi)
    held = across if rng.random() < 0.5 else down
    count = int(rng.integers(2, 5))
    along, rate, phase = rng.uniform(-9, 9, (2, count)), rng.uniform(0.6, 3.5, count), rng.random(count)
    size, gust = rng.uniform(0.02, 0.12, count), 1 + _smooth(rng, 0.6, 0.2, 1.0)

    def pose(picture: int) -> None:
        turns = 2 * math.pi * (rate * picture / FPS + phase)
        waves = np.sin(across[:, None] * along[0] + down[:, None] * along[1] - turns) * size
        moved = still.copy()
        moved[:, 1] = held * waves.sum(1) * gust[picture]
        moved[:, 2] += 0.3 * held * waves[:, 0] * gust[picture]
        mesh.vertices.foreach_set("co", moved.astype(np.float32).ravel())
        mesh.update()

    return pose


def _things(
    scene: bpy.types.Scene, shapes: tuple[str, ...], textures: tuple[str, ...], swing: bool, rng: np.random.Generator
) -> Pose:
    """Things of any material that stand on the floor, or else swing above it, each on an arc of its own."""
    moves = []
    for number in range(int(rng.integers(1, 4))):
        size = float(rng.uniform(0.2, 0.4))
        shape = str(rng.choice(shapes))
        thing = mesh_object(scene, shape, shape, size)
        thing.data.materials.append(look(str(rng.choice(MATERIALS)), str(rng.choice(textures)), rng))
        place = Vector(((number - 1) * 0.5, rng.uniform(-0.1, 0.1), size * 0.55))
        thing.rotation_mode = "QUATERNION"
        if not swing:
            thing.location, thing.rotation_quaternion = place, Euler((0, 0, rng.uniform(0, 6))).to_quaternion()
            continue
        place.z += rng.uniform(0.15, 0.4)
        # A pendulum turns back as sharply as it likes, and something that is carried may stop at once.
        track = np.stack([_smooth(rng, rng.uniform(0.02, 0.2), 0.3, 1.6) for _ in range(3)], 1)
        if rng.random() < 0.4:
            stop = int(rng.integers(15, 45))
            track[stop:] = track[stop] + (0.2 * (track[stop:] - track[stop]) if rng.random() < 0.5 else 0)
        track[:, 2] = np.abs(track[:, 2]) if rng.random() < 0.5 else track[:, 2] * 0.6
        spin = np.stack([_smooth(rng, rng.uniform(0, 0.8), 0.2, 1.2) for _ in range(3)], 1)
        moves.append((thing, np.array(place) + track, spin))

    def pose(picture: int) -> None:
        for thing, track, spin in moves:
            thing.location, thing.rotation_quaternion = track[picture], Euler(spin[picture]).to_quaternion()

    return pose


def _camera(
    scene: bpy.types.Scene, target: Vector, away: float, facing: float | None, moves: bool, rng: np.random.Generator
) -> list[tuple[Vector, Euler]]:
    """One that stands, in every third clip is held by hand, or `moves`; where it is and looks in each picture."""
    lens = bpy.data.cameras.new("Camera")
    lens.lens, lens.sensor_width, lens.clip_start = float(rng.uniform(36, 44)), 36.0, 0.05
    scene.camera = bpy.data.objects.new("Camera", lens)
    scene.collection.objects.link(scene.camera)
    around = rng.uniform(0, 2 * math.pi) if facing is None else facing + rng.uniform(-0.7, 0.7)
    up = rng.uniform(0.12, 0.6) if facing is None else rng.uniform(-0.05, 0.3)
    shakes = moves or rng.random() < 0.33
    size = 1.0 if moves else 0.15 * shakes
    turns = size * (_smooth(rng, rng.uniform(0, 0.5), 0.1, 1.2) if rng.random() < 0.7 else np.linspace(0, 0.8, _FRAMES))
    nears = 1 + size * _smooth(rng, rng.uniform(0, 0.25), 0.1, 1.0)
    aims = [size * away * _smooth(rng, rng.uniform(0, 0.12), 0.2, 4.0) for _ in range(3)]
    if moves and rng.random() < 0.3:  # it stops, as abruptly as what falls
        stop = int(rng.integers(15, 45))
        for values in (turns, nears, *aims):
            values[stop:] = values[stop]
    views = []
    for picture in range(_FRAMES):
        angle, far = around + float(turns[picture]), away * float(nears[picture])
        place = target + far * Vector((math.cos(angle) * math.cos(up), math.sin(angle) * math.cos(up), math.sin(up)))
        place.z = max(place.z, 0.1)
        aim = target + Vector([float(values[picture]) for values in aims])
        views.append((place, (aim - place).to_track_quat("-Z", "Y").to_euler()))
    return views
