# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of an exported clip, beside it: those of the scene's last bake, else what is found now."""

from __future__ import annotations

import contextlib
import json
import warnings
from pathlib import Path

import bpy

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.impact import bundle
from ...rigs.impact.events import Events
from ...rigs.job import Progress, silent
from . import contacts, foreign, impact_result
from .take import scene_fps


def events_of(scene: bpy.types.Scene, frame_range: tuple[int, int], progress: Progress = silent) -> Events | None:
    """None where nothing touches anything. Raises Cancelled."""
    baked = impact_result.kept(scene).get("events")
    if baked and Path(baked).is_file():
        with contextlib.suppress(InputError):
            return Events.load(baked)
    with contextlib.suppress(InputError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return contacts.capture(frame_range=frame_range, progress=progress).events
    return None


def joints_of(armature: bpy.types.Object) -> dict[str, str]:
    """Part of the character (left heel, hands …) -> its bone."""
    bones = {bone.name: bone.name for bone in armature.data.bones}
    if not armature.get("avanim_skeleton") and foreign.is_mapped(armature):
        with contextlib.suppress(InputError):
            bones = foreign.bones_of(armature).bones
    parts = {f"{side} {part}": f"{side}_{joint}" for side in ("left", "right")
             for part, joint in (("heel", "ankle"), ("toe", "foot"))}  # fmt: skip
    parts["hands"] = "left_wrist"
    return {part: bones[role] for part, role in parts.items() if role in bones}


def write_beside(
    stack: contextlib.ExitStack, path: Path, files: dict[str, Path], armature: bpy.types.Object,
    events: Events | None, frame_range: tuple[int, int], target: str,
) -> None:  # fmt: skip
    """Write NAME.events.json, the engine's script, and NAME.manifest.json; they come to their places with the stack.

    Args:
        files: name -> where it is now; of clip and sound. What is written here is added.
    """
    scene = bpy.context.scene
    fps = scene_fps(scene)
    seconds = (frame_range[1] - frame_range[0] + 1) / fps
    sound = next((name for name in files if name.endswith(".wav")), None)

    def write(name: str, text: str) -> None:
        temporary = stack.enter_context(replacing(path.with_name(name)))
        temporary.write_text(text, encoding="utf-8")
        files[name] = temporary

    if events is not None:
        shift = (events.frame_start - frame_range[0]) / fps
        table = bundle.clip_events(events, shift, seconds, sound, joints_of(armature), armature.name)
        listed = f"{path.stem}.events.json"
        write(listed, json.dumps(table, indent=1, ensure_ascii=False) + "\n")
        if target == "unreal":
            write(f"{path.stem}_unreal.py", bundle.unreal_script(listed))
        if target == "unity":
            write(f"{bundle.identifier(path.stem)}Impacts.cs", bundle.unity_script(path.name, listed))
    write(f"{path.stem}.manifest.json", bundle.manifest(files, target, seconds, fps))
