# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking face in Blender's window, see `drive.py`."""

import time

import bpy
from file_scenarios import show_only
from scenarios import Ticks, _addon, _open_tab, _takes
from take_scenarios import _click

_FIRST = ("avanim.generate_face", "avanim.show_markers", "avanim.resolve_face")


def face(stage):
    """Generate Face, Show and Re-solve Mouth by real clicks; the window lives on; Ctrl-Z takes the last back."""
    facts = stage.facts
    yield from _open_tab(stage)
    session, marks = _addon("session"), _addon("scene.marks")
    bpy.ops.avanim.add_character()
    armature, scene = bpy.context.view_layer.objects.active, bpy.context.scene
    scene.avanim.face.audio = stage.arguments["song"]
    panels = _addon("face.panels")
    for name in ("AVANIM_PT_face", "AVANIM_PT_face_phonemes"):
        getattr(panels, name).bl_options = set()  # open from the beginning
    yield from show_only(stage, "AVANIM_PT_face")
    bpy.ops.ed.undo_push(message="Character")
    yield 1.0
    stage.picture("face")
    found = yield from stage.buttons(_FIRST)
    facts["buttons"] = list(found)

    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 0.5
    began = time.perf_counter()
    yield from _click(stage, found["avanim.generate_face"])
    yield lambda: len(_takes(armature)) == 1 and not session.running
    ticks.on = False
    facts["seconds"] = time.perf_counter() - began
    facts["gaps"] = ticks.gaps(began, time.perf_counter())
    block = next(m.data.shape_keys for m in armature.children if m.type == "MESH" and m.data.shape_keys)
    jaw = []
    for frame in range(scene.frame_start, scene.frame_start + 90, 3):
        scene.frame_set(frame)
        jaw.append(block.key_blocks["jawOpen"].value)
    facts["jaw"] = [min(jaw), max(jaw)]

    yield from _click(stage, found["avanim.show_markers"])
    yield lambda: len(scene.timeline_markers) > 0
    facts["markers"] = len(scene.timeline_markers)
    marker = sorted(scene.timeline_markers, key=lambda each: each.frame)[5]
    marker.name = "m" if not marker.name.startswith(("m", "p", "b")) else "aa"
    bpy.ops.ed.undo_push(message="Renamed")
    stage.view.tag_redraw()
    yield 0.5
    yield from _click(stage, found["avanim.resolve_face"])
    yield lambda: len(_takes(armature)) == 2
    yield 0.5
    facts["takes"] = [str(name) for name in _takes(armature)]
    first = armature.animation_data.nla_tracks[0]
    facts["muted"] = first.mute
    facts["shown"] = marks.are_shown(scene, armature.animation_data.nla_tracks[1].strips[0].action)
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield 1.5
    armature = bpy.context.view_layer.objects.active
    facts["after_undo"] = [str(name) for name in _takes(armature)]
