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
from avanim.avanim_addon.scene.character import add_character
from avanim.avanim_addon.scene.render import render
from avanim.avanim_addon.scene.take import scene_fps, write_take
from avanim.rigs.characters import load_character
from avanim.rigs.motion import Motion
from avanim.rigs.moves import MOVES, STYLES, Placed, perform
from PIL import Image, ImageDraw

FPS = 60.0
SIZE = (130, 190)
HEIGHT = 2.15  # m that a picture shows


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
    camera.data.type, camera.data.ortho_scale = "ORTHO", HEIGHT
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "MATERIAL"
    scene.display.shading.show_cavity = True
    scene.display.shading.background_type, scene.display.shading.background_color = "VIEWPORT", (0.62, 0.64, 0.66)
    return armature


def shoot(armature: bpy.types.Object, motion: Motion, turns: Sequence[float]) -> list[list[Image.Image]]:
    """One row of pictures for each view; `turns` rad by which the camera goes round."""
    scene, camera = bpy.context.scene, bpy.context.scene.camera
    armature.animation_data_clear()
    write_take(armature, replace(motion, fps=scene_fps(scene)), "sheet", frame_start=1)
    rows: list[list[Image.Image]] = [[] for _ in turns]
    with tempfile.TemporaryDirectory() as folder:
        for frame in range(1, len(motion) + 1):
            scene.frame_set(frame)
            hips = armature.matrix_world @ armature.pose.bones["pelvis"].head
            for row, turn in zip(rows, turns, strict=True):
                camera.location = (hips.x + 6 * np.sin(turn), hips.y - 6 * np.cos(turn), HEIGHT / 2 - 0.1)
                camera.rotation_euler = (np.pi / 2, 0, turn)
                path = Path(folder) / "pose.png"
                render(path, size=SIZE, frame=frame)
                with Image.open(path) as picture:
                    row.append(picture.convert("RGB"))
    return rows


def sheet(armature: bpy.types.Object, name: str, character: str, count: int) -> Image.Image:
    """Front and side of a move, in two rows, with its name and the beats."""
    motion, beats = poses_of(name, character, count)
    rows = shoot(armature, motion, (0.0, np.pi / 2))
    width, height = SIZE
    whole = Image.new("RGB", (width * count, 2 * height + 14), "white")
    draw = ImageDraw.Draw(whole)
    for k, beat in enumerate(beats):
        draw.text((k * width + 4, 1), f"{name}  {beat:.4g}" if k == 0 else f"{beat:.3g}", fill="black")
        for r, row in enumerate(rows):
            whole.paste(row[k], (k * width, 14 + r * height))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"styles ({', '.join(STYLES)}) or moves; all by default")
    parser.add_argument("--out", type=Path, default=Path("build/moves"))
    parser.add_argument("--poses", type=int, default=12)
    parser.add_argument("--character", default="neutral")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    armature = studio(arguments.character)
    for name in chosen(arguments.names):
        sheet(armature, name, arguments.character, arguments.poses).save(arguments.out / f"{name}.png")
        print(arguments.out / f"{name}.png")


if __name__ == "__main__":
    main()
