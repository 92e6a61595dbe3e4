# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance a song in each style, and render contact sheets of what comes out, from the front and from the side.

    python examples/style_films.py SONG [--styles pop waltz …] [--seconds 30] [--out DIR] [--film] [--method M]
    python examples/style_films.py --motions a.npz b.npz [--first S]        sheets of motions that are there already

A SONG that is `composed` is composed for each style. --film renders the dances too. Needs the bpy wheel and Pillow.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from avanim.rigs.motion import Motion
from avanim.rigs.motion_files import load_motion
from avanim.rigs.moves import STYLES
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent))
import move_sheet

# What models/audio/composer.py composes for a style of dance: its style, beats a minute.
COMPOSED = {
    "pop": ("pop", 112), "hiphop": ("hiphop", 92), "disco": ("disco", 120), "salsa": ("salsa", 180),
    "chacha": ("chacha", 120), "rumba": ("rumba", 104), "tango": ("tango", 124), "waltz": ("waltz", 96),
    "indian": ("house", 112), "charleston": ("disco", 130), "subtle": ("pop", 84), "mix": ("pop", 116),
}  # fmt: skip
ROW = 12  # figures beside each other


def song_for(style: str, given: str, folder: Path) -> Path:
    """The song to dance a style to."""
    if given != "composed":
        return Path(given)
    from avanim.models.audio import save_wav
    from avanim.models.audio.composer import compose

    kind, bpm = COMPOSED[style]
    path = folder / f"{style}.wav"
    save_wav(compose(kind, bpm, bars=24, seed=7, rate=22050).sound, path)
    return path


def sheet(armature: move_sheet.bpy.types.Object, motion: Motion, title: str, poses: int, first: float) -> Image.Image:
    """`poses` moments, evenly spread from `first` s on: rows of twelve, each from the front and below from the side."""
    frames = np.linspace(round(first * motion.fps), len(motion) - 1, poses).round().astype(int)
    strips = []
    for start in range(0, poses, ROW):
        part = frames[start : start + ROW]
        strip = replace(motion, poses=motion.poses[part], trans=motion.trans[part])
        strips.append(_strip(armature, strip, [f"{frame / motion.fps:.1f} s" for frame in part]))
    whole = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)), "white")
    for k, strip in enumerate(strips):
        whole.paste(strip, (0, k * strips[0].height))
    ImageDraw.Draw(whole).text((4, 14), title, fill="black")
    return whole


def _strip(armature: move_sheet.bpy.types.Object, motion: Motion, labels: list[str]) -> Image.Image:
    scene = move_sheet.bpy.context.scene
    for mesh in move_sheet.meshes_of(armature):
        mesh.hide_render = False
    figures = move_sheet.stand_ins(armature, motion)
    for mesh in move_sheet.meshes_of(armature):
        mesh.hide_render = True
    width, height, pixels = move_sheet.WIDTH, move_sheet.HEIGHT, move_sheet.PIXELS
    scene.camera.data.ortho_scale = ROW * width
    scene.camera.location = ((ROW - 1) * width / 2, -6, -0.1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.png"
        move_sheet.render(path, size=(round(ROW * width * pixels), round(2 * height * pixels)), frame=1)
        with Image.open(path) as picture:
            whole = picture.convert("RGB")
    for figure in figures:
        move_sheet.bpy.data.objects.remove(figure)
    move_sheet.bpy.data.orphans_purge()
    draw = ImageDraw.Draw(whole)
    for k, label in enumerate(labels):
        draw.text((round(k * width * pixels) + 4, 2), label, fill="black")
    return whole


def dance(song: Path, style: str, method: str, seconds: float, out: Path, *more: str) -> None:
    """`avanim dance`, as on the command line."""
    command = [sys.executable, "-m", "avanim", "dance", str(song), "-o", str(out), "--method", method, "--style", style,
               "--seconds", str(seconds), "--quiet", *more]  # fmt: skip
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", nargs="?", default="composed")
    parser.add_argument("--styles", nargs="*", default=[*STYLES, "mix"])
    parser.add_argument("--method", default="choreographer")
    parser.add_argument("--motions", nargs="*", type=Path, help="no dance: sheets of these")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--first", type=float, default=0.0, metavar="S", help="show from here on")
    parser.add_argument("--poses", type=int, default=2 * ROW)
    parser.add_argument("--film", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("build/styles"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    motions = list(arguments.motions or [])
    for style in [] if arguments.motions else arguments.styles:
        song = song_for(style, arguments.song, arguments.out)
        motions.append(arguments.out / f"{style}.npz")
        dance(song, style, arguments.method, arguments.seconds, motions[-1])
        if arguments.film:
            dance(song, style, arguments.method, arguments.seconds, arguments.out / f"{style}.mp4")
    armature = move_sheet.studio("neutral")
    for path in motions:
        target = arguments.out / f"{path.stem}.png"
        made = sheet(armature, load_motion(path), path.stem, arguments.poses, arguments.first)
        made.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
        print(target, flush=True)


if __name__ == "__main__":
    main()
