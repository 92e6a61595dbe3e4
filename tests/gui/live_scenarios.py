# SPDX-License-Identifier: GPL-3.0-or-later
"""The live dance, in Blender's window, see `drive.py`."""

import bpy
from scenarios import _addon, _open_tab, _takes


def live(stage):
    """A character that stands still dances while the timeline plays; ESC ends it, and Record has made a take."""
    facts, scene = stage.facts, bpy.context.scene
    yield from _open_tab(stage)
    session, live = _addon("session"), _addon("live.operators")
    bpy.ops.avanim.add_character()
    armature = bpy.context.view_layer.objects.active
    bpy.ops.ed.undo_push(message="Character")
    scene.avanim.dance.audio = stage.arguments["song"]
    scene.avanim.live.record = True
    before = [list(bone.rotation_quaternion) for bone in armature.pose.bones]
    yield 0.5
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        facts["began"] = sorted(bpy.ops.avanim.dance_live("INVOKE_DEFAULT"))
    yield lambda: stage.window.screen.is_animation_playing
    facts["listed"] = [job.title for job in session.running.values()]
    elbows = []
    for _ in range(8):
        yield 0.4
        elbows.append((scene.frame_current, list(armature.pose.bones["left_shoulder"].rotation_quaternion)))
    stage.picture("dancing")
    yield 1.0
    facts["poses"] = elbows
    facts["keys_meanwhile"] = len(bpy.data.actions)
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "Escape")
    yield lambda: not live.dancing()
    yield 0.5
    facts["playing_after"] = stage.window.screen.is_animation_playing
    facts["takes"] = _takes(armature)
    take = bpy.data.actions[facts["takes"][0]]
    facts["take"] = [take["avanim_frame_start"], take["avanim_frames"]]
    stage.picture("recorded")
    yield 1.0
    # Without its take the character stands as it stood.
    armature.animation_data.nla_tracks[0].mute = True
    armature.pose.bones["left_shoulder"].rotation_quaternion = (1, 0, 0, 0)
    facts["handlers"] = len(bpy.app.handlers.frame_change_post)
    facts["before"] = before[0]
