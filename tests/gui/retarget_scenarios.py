# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig of the user's own in Blender's window, see `drive.py`."""

import importlib
import json
import sys
import time
from pathlib import Path

import bpy
import numpy as np
from file_scenarios import _shot, open_tab, show_only
from scenarios import MODULE, Ticks, _addon, _held, _newest, _press_generate, _takes
from take_scenarios import _click

_MAP, _FACE = "avanim.map_bones", "avanim.generate_face"
KEYS = ("viseme_PP", "viseme_FF", "viseme_aa", "viseme_E", "viseme_O", "viseme_U", "viseme_SS")


def bring_rig(stage, convention="mixamo"):
    """A made-up rig in centimetres, written as .fbx and imported again, as files from elsewhere come. Returns it."""
    sample_rig = importlib.import_module(f"{MODULE}.rigs.sample_rig").sample_rig
    made = _addon("scene.sample_armature").add_sample_armature(
        sample_rig(convention, drop=45, prefix="mixamorig:" if convention == "mixamo" else ""),
        units_per_metre=100.0,
        shape_keys=KEYS,
    )
    path = str(stage.folder / "rig.fbx")
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        # Nothing else that is in the scene comes twice.
        bpy.ops.object.select_all(action="DESELECT")
        for obj in [made, *made.children]:
            obj.select_set(True)
        bpy.ops.export_scene.fbx(filepath=path, use_selection=True, add_leaf_bones=False, bake_anim=False)
        for obj in [made, *made.children]:
            bpy.data.objects.remove(obj)
        bpy.ops.import_scene.fbx(filepath=path)
    armature = _rig()
    bpy.context.view_layer.objects.active = armature
    armature.select_set(True)
    bpy.ops.ed.undo_push(message="Rig")
    return armature


def _rig():
    return next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and "avanim_skeleton" not in obj)


def retarget(stage):
    """Map by a click, an edited row, a scheme saved and loaded, a dance, Ctrl-Z, a take carried over."""
    facts = stage.facts
    # Else the view shines through the sidebar.
    bpy.context.preferences.system.use_region_overlap = False
    yield from open_tab(stage)
    session, foreign = _addon("session"), _addon("scene.foreign")
    bring_rig(stage)
    yield from show_only(stage, "AVANIM_PT_retarget")
    yield 1.0
    found = yield from stage.buttons([_MAP])
    yield from _click(stage, found[_MAP])
    yield lambda: foreign.is_mapped(_rig())
    table = _rig().avanim.retarget
    facts["convention"] = foreign.bones_of(_rig()).convention
    facts["rows"] = {row.role: [row.bone, round(row.score, 2)] for row in table.rows}
    yield 0.5

    # A row is edited, the scheme kept, the row emptied, and the scheme brings it back.
    rows = {row.role: row for row in table.rows}
    was = rows["left_foot"].bone
    rows["left_foot"].bone = "mixamorig:LeftFoot_none"
    rows["left_foot"].bone = was
    scheme = stage.folder / "scheme.json"
    bpy.ops.avanim.save_scheme("EXEC_DEFAULT", filepath=str(scheme))
    facts["scheme"] = json.loads(scheme.read_text())["bones"]["left_foot"]
    rows["left_foot"].bone = ""
    facts["emptied"] = "left_foot" not in foreign.bones_of(_rig()).bones
    bpy.ops.ed.undo_push(message="Emptied")
    bpy.ops.avanim.load_scheme("EXEC_DEFAULT", True, filepath=str(scheme))
    facts["loaded"] = foreign.bones_of(_rig()).bones["left_foot"] == was
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.avanim.map_face()
    facts["face"] = [row.name for row in _rig().avanim.retarget.face]
    _rig().avanim.retarget.face[0].gain = 0.5
    bpy.ops.ed.undo_push(message="Gain")
    facts["gain"] = _addon("scene.foreign_face").face_of(_rig()).gains[facts["face"][0]]
    yield 0.5
    _shot(stage, "panel_retarget", stage.view, stage.region("UI"))
    yield 1.0

    # A dance by a click; the window lives on; Ctrl-Z takes the dance and leaves the map.
    panel = bpy.context.scene.avanim.dance
    panel.audio, panel.seconds = stage.arguments["song"], 4.0
    yield from show_only(stage, "AVANIM_PT_dance")
    bpy.ops.ed.undo_push(message="Song")
    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 0.5
    began = time.perf_counter()
    _press_generate(stage)
    yield lambda: len(_takes(_rig())) == 1 and not session.running
    ticks.on = False
    facts["seconds"], facts["gaps"] = time.perf_counter() - began, ticks.gaps(began, time.perf_counter())
    scene, places = bpy.context.scene, []
    for frame in (1, 24, 48, 72):
        scene.frame_set(frame)
        posed = _rig().evaluated_get(bpy.context.evaluated_depsgraph_get())
        places.append(list(posed.matrix_world @ posed.pose.bones["mixamorig:LeftHand"].head))
    facts["hand"] = places
    yield 0.5
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield 1.5
    facts["after_undo"] = [_takes(_rig()), foreign.is_mapped(_rig()), len(bpy.data.actions)]

    # A take of one of AVAnim's characters is carried over.
    rig_name = _rig().name
    bpy.ops.avanim.add_character()
    ava = bpy.context.view_layer.objects.active
    motion = importlib.import_module(f"{MODULE}.rigs.motion").Motion
    made = _addon("scene.take").write_take(ava, motion(np.zeros((30, 24, 3)), np.zeros((30, 3)), 30.0), "still")
    _addon("takes.tracks").select(ava, made)
    rig = bpy.data.objects[rig_name]
    bpy.context.view_layer.objects.active = rig
    bpy.context.scene.avanim.retarget.source = ava
    bpy.ops.ed.undo_push(message="Source")
    yield 0.5
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.avanim.retarget_take("INVOKE_DEFAULT")
    facts["carried"] = _takes(bpy.data.objects[rig_name])
    yield from show_only(stage, "AVANIM_PT_face")
    yield 0.5
    _shot(stage, "panel_face", stage.view, stage.region("UI"))
    yield 1.0
    yield from show_only(stage)


def escape(stage):
    """ESC over the view ends the job of a rig of one's own, also after an undo."""
    facts = stage.facts
    yield from open_tab(stage)
    session = _addon("session")
    bring_rig(stage)
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.avanim.map_bones()
    bpy.ops.ed.undo_push(message="Mapped")
    _rig().location.x = 1
    bpy.ops.ed.undo_push(message="Moved")
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield lambda: _rig().location.x == 0
    panel = bpy.context.scene.avanim.dance
    panel.audio, panel.seconds = stage.arguments["song"], 0.0
    _press_generate(stage)
    handle = _newest().handle
    yield lambda: handle.state == "running" or handle.ended
    # However slowly the window answers the key, the job is not done before.
    with _held():
        facts["state_before"] = handle.state
        stage.point_at_viewport()
        yield 0.3
        pressed = time.perf_counter()
        stage.xdotool("key", "Escape")
        yield lambda: not session.running
        facts["state"], facts["seconds"] = handle.state, time.perf_counter() - pressed
    facts["left"] = [_takes(_rig()), len(bpy.data.actions)]


def speak(stage):
    """Generate Face by a real click on an imported rig whose face has visemes and none of ARKit's shapes; Ctrl-Z."""
    facts, scene = stage.facts, bpy.context.scene
    yield from open_tab(stage)
    session = _addon("session")
    bring_rig(stage)
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.avanim.map_bones()
    scene.avanim.face.audio = stage.arguments["song"]
    bpy.ops.ed.undo_push(message="Mapped")
    yield from show_only(stage, "AVANIM_PT_face")
    yield 1.0
    _shot(stage, "panel_face_of_a_rig", stage.view, stage.region("UI"))
    yield 0.5
    found = yield from stage.buttons([_FACE])
    yield from _click(stage, found[_FACE])
    yield lambda: len(_takes(_rig())) == 1 and not session.running
    block = next(mesh.data.shape_keys for mesh in _rig().children if mesh.type == "MESH" and mesh.data.shape_keys)
    facts["shown"] = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        facts["shown"].append([block.key_blocks[key].value for key in KEYS])
    action = next(track.strips[0].action for track in _rig().animation_data.nla_tracks)
    phonemes = _addon("scene.marks").kept(action)["phonemes"]
    facts["phonemes"] = [[float(time), label] for time, label in zip(phonemes.times, phonemes.labels, strict=True)]
    facts["rate"] = scene.render.fps / scene.render.fps_base
    yield 0.5
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield 1.5
    facts["after_undo"] = _takes(_rig())
    yield from show_only(stage)


def speak_faces(stage):
    """MakeHuman's mesh with ARKit's keys, a jaw bone alone, Rigify's controls: each speaks by a click; Ctrl-Z."""
    facts = stage.facts
    yield from open_tab(stage)
    sys.path.insert(0, stage.arguments["rigs"])
    human = importlib.import_module("makehuman_rigs").MakeHuman(Path(stage.arguments["human"]))
    bpy.ops.preferences.addon_enable(module="rigify")
    session = _addon("session")
    bpy.context.scene.avanim.face.audio = stage.arguments["song"]
    yield from show_only(stage, "AVANIM_PT_face")
    for kind, bones, keys in (("arkit", "default", "arkit"), ("jaw", "default", ""), ("rigify", "rigify", "")):
        with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
            armature = human.add(bones, keys)
            for obj in bpy.context.selected_objects:
                obj.select_set(False)
            bpy.context.view_layer.objects.active = armature
            armature.select_set(True)
            bpy.ops.avanim.map_bones()
            bpy.ops.ed.undo_push(message="Mapped")
        name = armature.name
        yield 1.0
        found = yield from stage.buttons([_FACE])
        yield from _click(stage, found[_FACE])
        yield lambda name=name: len(_takes(bpy.data.objects[name])) == 1 and not session.running
        # Undo makes all of Blender's data anew.
        scene, armature = bpy.context.scene, bpy.data.objects[name]
        body = next(mesh for mesh in armature.children if mesh.type == "MESH")
        gaps = []
        for frame in range(scene.frame_start, scene.frame_end + 1):
            scene.frame_set(frame)
            vertices = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices
            upper, lower = (np.mean([vertices[at].co for at in some], axis=0) for some in stage.arguments["rims"])
            gaps.append(1000 * float((upper - lower)[2]))
        marks = _addon("scene.marks").kept(armature.animation_data.nla_tracks[0].strips[0].action)["phonemes"]
        facts[kind] = {"gaps": gaps, "rate": scene.render.fps / scene.render.fps_base}
        facts[kind]["phonemes"] = [[float(t), label] for t, label in zip(marks.times, marks.labels, strict=True)]
        stage.point_at_viewport()
        yield 0.3
        stage.xdotool("key", "ctrl+z")
        yield 1.5
        facts[kind]["after_undo"] = _takes(bpy.data.objects[name])
        for obj in list(bpy.data.objects):
            bpy.data.objects.remove(obj)
        yield 0.3
    yield from show_only(stage)
