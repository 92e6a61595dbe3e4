# SPDX-License-Identifier: GPL-3.0-or-later
"""Render contact sheets of the dance moves: each on a default character, from the front and from the side.

    python examples/move_sheet.py [style or move …] [--out DIR] [--poses 12] [--character neutral]

Needs the bpy wheel and Pillow.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from avanim.avanim_addon.scene.character import add_character, meshes_of
from avanim.avanim_addon.scene.render import render
from avanim.avanim_addon.scene.take import scene_fps, write_take
from avanim.rigs.characters import load_character
from avanim.rigs.motion import Motion
from avanim.rigs.moves import MOVES, STYLES, Placed, perform
from mathutils import Matrix
from PIL import Image, ImageDraw

FPS = 60.0
WIDTH, HEIGHT = 1.25, 2.15  # m that one figure takes
PIXELS = 85  # a metre


def chosen(names: Sequence[str]) -> list[str]:
    """The moves of the styles and names given, all where there are none."""
    return [n for n, m in MOVES.items() if not names or n in names or set(m.styles) & set(names)]


def poses_of(name: str, character: str, count: int) -> tuple[Motion, np.ndarray]:
    """The second of two times that a move is danced, as `count` frames evenly over its beats, and those beats."""
    move = MOVES[name]
    bpm = (move.tempo[0] * move.tempo[1]) ** 0.5
    rest = load_character(character).rest()
    beats = np.arange(2 * move.beats + 4) * 60 / bpm
    danced = perform([Placed(name, 1), Placed(name, 1 + move.beats)], beats, rest, FPS)
    at = 1 + move.beats + np.arange(count) * min(move.beats, 8) / count
    frames = np.clip(np.searchsorted(danced.beat, at), 0, len(danced.motion) - 1)
    motion = danced.motion
    return replace(motion, poses=motion.poses[frames], trans=motion.trans[frames]), at - 1 - move.beats


def studio(character: str) -> bpy.types.Object:
    """An empty scene with a character and a camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    armature = add_character(character)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.rotation_euler = "ORTHO", (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.45, 0.47, 0.5)
    scene.view_settings.view_transform = "Standard"
    scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "MATERIAL"
    return armature


def stand_ins(armature: bpy.types.Object, motion: Motion) -> list[bpy.types.Object]:
    """Figures that stand as the character does in each frame: a row from the front, below it one from the side."""
    scene = bpy.context.scene
    armature.animation_data_clear()
    middle = replace(motion, fps=scene_fps(scene), trans=motion.trans * [0, 1, 0])
    write_take(armature, middle, "sheet", frame_start=1)
    figures = []
    for frame in range(len(motion)):
        scene.frame_set(frame + 1)
        graph = bpy.context.evaluated_depsgraph_get()
        for mesh in meshes_of(armature):
            posed = mesh.evaluated_get(graph)
            copy = bpy.data.meshes.new_from_object(posed)
            for row, turn in enumerate((0.0, np.pi / 2)):
                figure = bpy.data.objects.new("Figure", copy)
                place = Matrix.Translation((frame * WIDTH, 0, -row * HEIGHT)) @ Matrix.Rotation(-turn, 4, "Z")
                figure.matrix_world = place @ posed.matrix_world
                scene.collection.objects.link(figure)
                figures.append(figure)
    return figures


def sheet(armature: bpy.types.Object, name: str, character: str, count: int) -> Image.Image:
    """Front and side of a move, in two rows, with its name and the beats."""
    motion, beats = poses_of(name, character, count)
    scene, camera = bpy.context.scene, bpy.context.scene.camera
    for mesh in meshes_of(armature):
        mesh.hide_render = False
    figures = stand_ins(armature, motion)
    for mesh in meshes_of(armature):
        mesh.hide_render = True
    size = (round(count * WIDTH * PIXELS), round(2 * HEIGHT * PIXELS))
    camera.data.ortho_scale = count * WIDTH
    camera.location = ((count - 1) * WIDTH / 2, -6, -0.1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.png"
        render(path, size=size, frame=scene.frame_current)
        with Image.open(path) as picture:
            whole = picture.convert("RGB")
    for figure in figures:
        bpy.data.objects.remove(figure)
    bpy.data.orphans_purge()
    draw = ImageDraw.Draw(whole)
    for k, beat in enumerate(beats):
        label = f"{name}  {beat:.3g}" if k == 0 else f"{beat:.3g}"
        draw.text((round(k * WIDTH * PIXELS) + 4, 2), label, fill="black")
    return whole


def overview(sheets: Sequence[Image.Image]) -> Image.Image:
    """The upper rows of sheets of one size, two beside each other."""
    width, height = sheets[0].width, sheets[0].height // 2
    whole = Image.new("RGB", (2 * width, -(-len(sheets) // 2) * height), "white")
    for k, one in enumerate(sheets):
        whole.paste(one.crop((0, 0, width, height)), (k % 2 * width, k // 2 * height))
    small = whole.resize((round(0.7 * whole.width), round(0.7 * whole.height)), Image.Resampling.LANCZOS)
    return small.quantize(40, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"styles ({', '.join(STYLES)}) or moves; all by default")
    parser.add_argument("--out", type=Path, default=Path("build/moves"))
    parser.add_argument("--poses", type=int, default=12)
    parser.add_argument("--character", default="neutral")
    parser.add_argument("--overview", type=Path, help="one picture of all of them, from the front")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    armature = studio(arguments.character)
    sheets = []
    for name in chosen(arguments.names):
        sheets.append(sheet(armature, name, arguments.character, arguments.poses))
        sheets[-1].save(arguments.out / f"{name}.png")
        print(arguments.out / f"{name}.png", flush=True)
    if arguments.overview:
        overview(sheets).save(arguments.overview, optimize=True)


if __name__ == "__main__":
    main()
