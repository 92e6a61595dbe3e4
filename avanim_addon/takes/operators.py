# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons beside the list of takes."""

import bpy

from . import tracks


class _TakeOperator:
    @classmethod
    def poll(cls, context):
        if tracks.selected_track(tracks.active_character(context)):
            return True
        cls.poll_message_set("Select a take in the list first")
        return False


class AVANIM_OT_use_only_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.use_only_take"
    bl_label = "Use Only This Take"
    bl_description = "Play the selected take and mute the others"
    bl_options = {"UNDO"}

    def execute(self, context):
        armature = tracks.active_character(context)
        tracks.use_only(armature, tracks.selected_track(armature))
        return {"FINISHED"}


class AVANIM_OT_delete_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.delete_take"
    bl_label = "Delete Take"
    bl_description = "Remove the selected take and its action"
    bl_options = {"UNDO"}

    def execute(self, context):
        armature = tracks.active_character(context)
        tracks.delete(armature, tracks.selected_track(armature))
        return {"FINISHED"}
