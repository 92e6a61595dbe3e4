# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of takes, in Blender's window, see `drive.py`."""

import time

import bpy
import numpy as np
from file_scenarios import show_only
from scenarios import Ticks, _addon, _begin, _open_tab, _takes

_BUTTONS = ("avanim.repeat_take", "avanim.regenerate_part", "avanim.show_markers", "avanim.retime_take")


def _click(stage, place):
    stage.point_at(*place)
    yield 0.3
    stage.xdotool("click", 1)
    yield 0.5


def takes(stage):
    """From one dance: another seed, a part anew, moved beats; each by its button, the last undone by Ctrl-Z."""
    facts = stage.facts
    yield from _open_tab(stage)
    session, tracks = _addon("session"), _addon("takes.tracks")
    yield from _begin(stage)
    yield lambda: not session.running
    armature, scene = bpy.context.view_layer.objects.active, bpy.context.scene
    yield from show_only(stage, "AVANIM_PT_takes")
    yield 2.0
    # Both sub-panels are closed: their headers stand at the bottom, and a click opens one.
    region = stage.region("UI")
    found = yield from stage.buttons([_BUTTONS[0]])
    x, y = found[_BUTTONS[0]]
    row = 20 * bpy.context.preferences.system.ui_scale
    yield from _click(stage, (x, y - 4.1 * row))
    yield from _click(stage, (x, y - 2.8 * row))
    stage.picture("open")
    yield 1.0
    found = yield from stage.buttons(_BUTTONS)
    facts["region"] = [region.height, y]
    facts["buttons"] = found

    yield from _click(stage, found["avanim.repeat_take"])
    yield lambda: len(_takes(armature)) == 2 and not session.running
    armature.avanim.track = 0
    panel = scene.avanim.takes
    panel.first, panel.last = 150, 300
    stage.view.tag_redraw()
    yield 0.5

    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 0.5
    began = time.perf_counter()
    yield from _click(stage, found["avanim.regenerate_part"])
    yield lambda: len(_takes(armature)) == 3 and not session.running
    ticks.on = False
    facts["seconds"] = time.perf_counter() - began
    facts["gaps"] = ticks.gaps(began, time.perf_counter())
    facts["muted"] = [track.mute for track in tracks.take_tracks(armature)]
    yield 0.5

    yield from _click(stage, found["avanim.show_markers"])
    facts["markers"] = len(scene.timeline_markers)
    facts["first_markers"] = [marker.name for marker in scene.timeline_markers][:5]
    scene.timeline_markers[12].frame += 5
    bpy.ops.ed.undo_push(message="Move Marker")
    yield 0.5
    began = time.perf_counter()
    yield from _click(stage, found["avanim.retime_take"])
    yield lambda: len(_takes(armature)) == 4
    facts["retime_seconds"] = time.perf_counter() - began
    facts["takes"] = _takes(armature)
    scene.frame_set(200)
    yield 1.0
    facts["hips"] = np.array(armature.pose.bones["pelvis"].head).tolist()
    stage.picture("takes")
    yield 1.0

    stage.point_at_viewport()
    stage.xdotool("key", "ctrl+z")
    yield 1.5
    armature = bpy.context.view_layer.objects.active
    facts["after_undo"] = _takes(armature)
    facts["muted_after_undo"] = [track.mute for track in tracks.take_tracks(armature)]
    stage.picture("undone")
    yield 1.0
    yield from show_only(stage)
