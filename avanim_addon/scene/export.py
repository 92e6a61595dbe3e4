# SPDX-License-Identifier: GPL-3.0-or-later
"""A character with its animation and sound for a game engine: .fbx or .glb, and beside it .wav, events and manifest.

What is written is a copy that is made for the export (export_copy.py); nothing of the user's is touched.
"""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import bpy

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ..compat import versions
from .character import meshes_of
from .export_copy import baked_copy, sample
from .export_motion import write_motion
from .export_report import save_report, validate
from .export_writers import MISSING_EXPORTERS, WRITERS
from .impact_bundle import events_of, write_beside
from .render import mix_sound

TARGETS = ("plain", "unity", "unreal")
# Motion alone, and everything.
MOTION_ENDINGS = (".bvh", ".npz")
ENDINGS = (*WRITERS, *MOTION_ENDINGS)


def export(
    path: str | Path,
    target: str = "plain",
    *,
    armature: bpy.types.Object | None = None,
    frame_range: tuple[int, int] | None = None,
    correctives: bool = False,
    sound: bool = True,
    report: bool = False,
    events: bool = True,
    progress: Progress = silent,
) -> None:
    """Export one character of the current scene; the clip begins at time 0 in the file.

    Metres, scale 1, no leaf bones, a key per frame. FBX cannot carry sound: the scene's sound over the same frames goes
    to a .wav with the same base name, starting with the first frame. For Unreal the armature is called "Armature",
    which its importer drops, and a bone `root` on the floor carries the way and the heading.

    Args:
        path: ends in .fbx, .glb, .usdc or .abc; or in .bvh or .npz (AMASS's kind) for the motion alone.
        target: `plain`, `unity` or `unreal`.
        armature: by default the active one, or the only one of the scene.
        frame_range: first and last frame; by default the scene's.
        correctives: keep the corrective shape keys, as animated morph targets.
        sound: write the .wav where the scene has sound and this Blender can mix it.
        report: read the file back and write what was found to NAME.report.json (`export_report`).
        events: write what touches what to NAME.events.json, for an engine also the script that reads it there.
            NAME.manifest.json names every file with a hash.

    Raises:
        InputError: a wrong argument, or no character to export.
        Cancelled: progress raised it; nothing is written then.
    """
    path = Path(path)
    scene = bpy.context.scene
    if path.suffix not in ENDINGS:
        raise InputError(f"Cannot export to {path}; end the name in {', '.join(ENDINGS)}.")
    if target not in TARGETS:
        raise InputError(f"Unknown target {target!r}; known are {', '.join(TARGETS)}.")
    if path.suffix in MISSING_EXPORTERS:
        raise InputError(f"This Blender lacks {MISSING_EXPORTERS[path.suffix]}, which writes {path.suffix}.")
    armature = armature or chosen_armature(scene)
    frame_range = frame_range or (scene.frame_start, scene.frame_end)
    meshes = meshes_of(armature)
    samples = sample(scene, armature, meshes, frame_range, part(progress, 0, 0.4))
    contacts = events_of(scene, frame_range, part(progress, 0.4, 0.5)) if events else None
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(replacing(path))
        files = {path.name: temporary}
        if sound and versions.CAN_MIX:
            mixed = mix_sound(scene, temporary.with_name("mix.wav"), frame_range)
            if mixed:
                files[path.stem + ".wav"] = stack.enter_context(replacing(path.with_suffix(".wav")))
                mixed.replace(files[path.stem + ".wav"])
        elif sound and versions.all_strips(scene):
            warnings.warn("This Blender cannot mix sound, so no .wav lies beside the export.", stacklevel=2)
        progress(0.5, f"Writing {path.name}")
        if path.suffix in MOTION_ENDINGS:
            fps = scene.render.fps / scene.render.fps_base
            write_motion(temporary, armature, samples.names, samples.bones, fps)
        else:
            with baked_copy(scene, armature, meshes, samples, target, correctives):
                WRITERS[path.suffix](temporary)
        write_beside(stack, path, files, armature, contacts, frame_range, target)
    if report:
        fps, count = scene.render.fps / scene.render.fps_base, len(samples.bones)
        save_report(path, validate(path, samples.names, fps, count, target))
    progress(1.0, "Exported")


def chosen_armature(scene: bpy.types.Scene) -> bpy.types.Object:
    """The active armature, else the only one. Raises InputError: there is none, or which one cannot be told."""
    active = bpy.context.view_layer.objects.active
    if active and active.type == "ARMATURE":
        return active
    armatures = [obj for obj in scene.objects if obj.type == "ARMATURE"]
    if not armatures:
        raise InputError(f"The scene {scene.name} holds no armature; add a character first.")
    if len(armatures) > 1:
        raise InputError(f"The scene {scene.name} holds {len(armatures)} armatures; make the one to export active.")
    return armatures[0]
