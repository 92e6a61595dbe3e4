# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests do in Blender's window, see `drive.py`."""

import importlib
import itertools
import sys
import time

import bpy

MODULE = "bl_ext.user_default.avanim"
GENERATE, ADD, CANCEL = "avanim.generate_dance", "avanim.add_character", "avanim.cancel_dance"


def _addon(name):
    return importlib.import_module(f"{MODULE}.avanim_addon.{name}")


class Ticks:
    """How long the window's main loop takes from one turn to the next."""

    def __init__(self) -> None:
        self.times = []
        self.on = True

    def __call__(self):
        self.times.append(time.perf_counter())
        return 0.005 if self.on else None

    def gaps(self, start, end):
        inside = [t for t in self.times if start <= t <= end]
        return [b - a for a, b in itertools.pairwise(inside)]


def _open_tab(stage):
    bpy.ops.extensions.package_install_files(
        filepath=stage.arguments["extension"], repo="user_default", enable_on_install=True
    )
    stage.facts["enabled"] = MODULE in bpy.context.preferences.addons
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    stage.view.spaces.active.show_region_ui = True
    yield 1.0
    stage.region("UI").active_panel_category = "AVAnim"
    yield 1.0
    stage.facts["tab"] = stage.region("UI").active_panel_category
    stage.facts["torch_in_blender"] = [name for name in ("torch", "scipy", "librosa") if name in sys.modules]
    bpy.ops.ed.undo_push(message="Begin")


def _add_character(stage):
    found = yield from stage.buttons([ADD])
    stage.facts["buttons"] = found
    began = time.perf_counter()
    stage.point_at(*found[ADD])
    stage.xdotool("click", 1)
    yield lambda: any(obj.type == "ARMATURE" for obj in bpy.data.objects)
    stage.facts["add_seconds"] = time.perf_counter() - began
    yield 1.0
    armature = bpy.context.view_layer.objects.active
    stage.facts["character"] = {"name": armature.name, "bones": len(armature.data.bones)}


def dance(stage):
    """Install, add a character, generate, cancel, generate, undo: all with the mouse and the keyboard."""
    yield from _open_tab(stage)
    stage.picture("tab")
    yield 0.5
    yield from _add_character(stage)
    stage.picture("character")
    yield 0.5
    session, takes = _addon("session"), _addon("dance.takes")
    bpy.context.scene.avanim.dance.audio = stage.arguments["song"]
    yield 0.5

    armature = bpy.context.view_layer.objects.active
    found = yield from stage.buttons([GENERATE])
    stage.facts["buttons"].update(found)

    # 1. Begun, and cancelled with ESC while it runs.
    stage.point_at(*found[GENERATE])
    stage.xdotool("click", 1)
    yield lambda: session.running
    stage.point_at_viewport()
    handle = session.job_of(armature)
    yield lambda: handle.state == "running" or handle.ended
    stage.facts["state_before_esc"] = handle.state
    began = time.perf_counter()
    stage.xdotool("key", "Escape")
    yield lambda: not session.running
    stage.facts["esc_seconds"] = time.perf_counter() - began
    stage.facts["state_after_esc"] = handle.state
    stage.facts["actions_after_esc"] = len(bpy.data.actions)

    # 2. To the end, with the main loop's ticks counted.
    yield 1.0
    stage.point_at(*found[GENERATE])
    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 0.5
    stage.xdotool("click", 1)
    yield lambda: session.running
    began = time.perf_counter()
    stage.point_at_viewport()
    handle = session.job_of(armature)
    pictured = False
    seen = []
    while not handle.ended:
        seen.append(handle.progress)
        if not pictured and handle.progress > 0.3:
            pictured = True
            stage.picture("progress")
        yield 0.05
    ended = time.perf_counter()
    yield lambda: not session.running
    applied = time.perf_counter()
    yield 1.0
    ticks.on = False
    stage.facts["state"] = handle.state
    stage.facts["job_error"] = handle.error
    stage.facts["progress_seen"] = sorted(set(seen))
    stage.facts["seconds"] = ended - began
    stage.facts["apply_seconds"] = applied - ended
    # The first seconds after a change of the window go into compiling shaders.
    stage.facts["gaps"] = ticks.gaps(began + 5, ended)
    stage.facts["takes"] = [takes.take_on(track).name for track in takes.take_tracks(armature)]
    scene = bpy.context.scene
    strips = scene.sequence_editor.strips if scene.sequence_editor else []
    stage.facts["sound_strips"] = [strip.name for strip in strips]
    stage.facts["frame_end"] = scene.frame_end
    stage.facts["worker"] = session.worker().about
    scene.frame_set(90)
    yield 1.0
    stage.picture("dance")
    yield 1.0

    # 3. One undo takes it all away, redo brings it back.
    stage.point_at_viewport()
    stage.xdotool("key", "ctrl+z")
    yield 1.0
    armature = bpy.context.view_layer.objects.active
    stage.facts["after_undo"] = {
        "actions": len(bpy.data.actions),
        "takes": len(takes.take_tracks(armature)),
        "character": armature.name,
        "strips": len(bpy.context.scene.sequence_editor.strips) if bpy.context.scene.sequence_editor else 0,
    }
    stage.xdotool("key", "ctrl+shift+z")
    yield 1.0
    armature = bpy.context.view_layer.objects.active
    stage.facts["after_redo"] = {"takes": len(takes.take_tracks(armature))}
    stage.picture("end")
    yield 1.0
