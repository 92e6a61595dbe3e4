# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a contact sheet of a character that speaks: the frames around every p, b, m, f, v, w and o, or all.

    python examples/mouth_sheet.py [--text "Bob, my friend, will move over."] [--fps 12] [--out docs/pictures/mouth.png]

Needs the bpy wheel, Pillow and espeak-ng (pip install espeakng-loader).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import bpy
import numpy as np
from avanim.avanim_addon.scene.character import add_character, meshes_of
from avanim.models.face.pronounce import pronounce
from avanim.rigs.articulation import articulate
from avanim.rigs.emotion import combine, express, read_curve
from avanim.rigs.face import ARKIT_52
from avanim.rigs.face_life import live
from avanim.rigs.phones import Phones
from mathutils import Vector
from PIL import Image, ImageDraw

AROUND = ("p", "b", "m", "f", "v", "w", "o", "ao")
SIZE = (150, 120)


def stage(name: str, samples: int) -> list[bpy.types.Object]:
    """A fresh scene with one character and a camera before its face; the meshes."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = add_character(name, correctives=False)
    armature.rotation_euler.z = np.radians(18)
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    # Between nose and mouth, which lies before the head's joint.
    target = armature.matrix_world @ (armature.pose.bones["head"].head + Vector((0, -0.095, -0.018)))
    for place, energy, width in (((-1.3, -1.9, 1.2), 52, 0.9), ((1.6, -1.3, 0.2), 17, 1.2), ((0.5, 1.5, 1.1), 50, 0.9)):
        light = bpy.data.objects.new("Light", bpy.data.lights.new("Light", "AREA"))
        light.data.energy, light.data.size, light.location = energy, width, target + Vector(place)
        light.rotation_euler = (target - light.location).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(light)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 0.145
    camera.location, camera.rotation_euler = target + Vector((0, -6, 0)), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.19, 0.195, 0.205, 1)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = samples, 3, True
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    return meshes_of(armature)


def shoot(meshes: list[bpy.types.Object], weights: np.ndarray, path: Path) -> Image.Image:
    for mesh in meshes:
        blocks = mesh.data.shape_keys.key_blocks if mesh.data.shape_keys else {}
        for shape, value in zip(ARKIT_52, weights, strict=True):
            if shape in blocks:
                blocks[shape].value = float(value)
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    with Image.open(path) as picture:
        return picture.convert("RGB")


def spoken_at(phones: Phones, time: float) -> str:
    now = np.flatnonzero((phones.start <= time) & (time < phones.end))
    return phones.names[now[0]] if len(now) else "sil"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", default="Bob, my friend, will move over.")
    parser.add_argument("--language", default="en-us")
    parser.add_argument("--character", default="female")
    parser.add_argument("--emotion", default="happy 0.3")
    parser.add_argument("--fps", type=float, default=12)
    parser.add_argument("--all", action="store_true", help="every frame")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/mouth.png"))
    wishes = parser.parse_args()
    phones = pronounce(wishes.text, wishes.language)
    seconds = phones.seconds + 0.3
    mouth = articulate(phones, seconds, wishes.fps)
    life, _, _ = live(phones, seconds, wishes.fps, seed=1)
    felt = express(read_curve(wishes.emotion), seconds, wishes.fps)
    weights = combine(mouth, life, felt, phones=phones, fps=wishes.fps)
    names = [spoken_at(phones, frame / wishes.fps) for frame in range(len(weights))]
    near = [any(n in AROUND for n in names[max(i - 1, 0) : i + 2]) for i in range(len(names))]
    frames = [i for i in range(len(names)) if wishes.all or near[i]]
    meshes = stage(wishes.character, wishes.samples)
    columns = min(8, len(frames))
    whole = Image.new("RGB", (columns * SIZE[0], -(-len(frames) // columns) * (SIZE[1] + 14)))
    pen = ImageDraw.Draw(whole)
    with tempfile.TemporaryDirectory() as folder:
        for place, frame in enumerate(frames):
            x, y = place % columns * SIZE[0], place // columns * (SIZE[1] + 14)
            whole.paste(shoot(meshes, weights[frame], Path(folder) / "shot.png"), (x, y + 14))
            pen.text((x + 4, y + 1), f"{frame}  {names[frame]}", fill=(255, 230, 120))
    wishes.out.parent.mkdir(parents=True, exist_ok=True)
    # Few colours: a page should load quickly.
    whole.quantize(256).save(wishes.out, optimize=True)


if __name__ == "__main__":
    main()
