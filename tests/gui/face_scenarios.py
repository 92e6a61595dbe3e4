# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking face in Blender's window, see `drive.py`."""

import time

import bpy
from file_scenarios import show_only
from scenarios import Ticks, _addon, _open_tab, _takes
from take_scenarios import _click

_GENERATE = "avanim.generate_face"


def face(stage):
    """Generate Face by a real click; the window lives on; then Show and Re-solve Mouth, and Ctrl-Z takes that back."""
    facts = stage.facts
    yield from _open_tab(stage)
    session, marks = _addon("session"), _addon("scene.marks")
    bpy.ops.avanim.add_character()
    armature, scene = bpy.context.view_layer.objects.active, bpy.context.scene
    scene.avanim.face.audio = stage.arguments["song"]
    yield from show_only(stage, "AVANIM_PT_face")
    bpy.ops.ed.undo_push(message="Character")
    yield 1.0
    # The panel is closed: its header is the first thing in the region, and a click opens it.
    region = stage.region("UI")
    row = 20 * bpy.context.preferences.system.ui_scale
    yield from _click(stage, (region.x + 0.3 * region.width, region.y + region.height - 0.8 * row))
    yield 1.0
    stage.picture("face")
    found = yield from stage.buttons([_GENERATE])
    facts["buttons"] = list(found)

    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 0.5
    began = time.perf_counter()
    yield from _click(stage, found[_GENERATE])
    yield lambda: len(_takes(armature)) == 1 and not session.running
    ticks.on = False
    facts["seconds"] = time.perf_counter() - began
    facts["gaps"] = ticks.gaps(began, time.perf_counter())
    block = next(m.data.shape_keys for m in armature.children if m.type == "MESH" and m.data.shape_keys)
    jaw = []
    for frame in range(scene.frame_start, scene.frame_start + 60, 3):
        scene.frame_set(frame)
        jaw.append(block.key_blocks["jawOpen"].value)
    facts["jaw"] = [min(jaw), max(jaw)]

    bpy.ops.avanim.show_markers("EXEC_DEFAULT", True)
    facts["markers"] = len(scene.timeline_markers)
    marker = sorted(scene.timeline_markers, key=lambda each: each.frame)[5]
    marker.name = "m" if not marker.name.startswith(("m", "p", "b")) else "aa"
    bpy.ops.ed.undo_push(message="Renamed")
    yield 0.5
    before = time.perf_counter()
    bpy.ops.avanim.resolve_face("EXEC_DEFAULT", True)
    facts["resolve_seconds"] = time.perf_counter() - before
    yield 0.5
    facts["takes"] = _takes(armature)
    tracks = armature.animation_data.nla_tracks
    facts["muted"], facts["shown"] = tracks[0].mute, marks.are_shown(scene, tracks[1].strips[0].action)
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield 1.5
    facts["after_undo"] = _takes(bpy.context.view_layer.objects.active)
    yield from show_only(stage)
