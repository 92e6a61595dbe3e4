# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons that add characters."""

import bpy

from ...rigs.errors import InputError
from .. import api


class AVANIM_OT_add_character(bpy.types.Operator):
    bl_idname = "avanim.add_character"
    bl_label = "Add Character"
    bl_description = "Add a character that is ready to dance: a rig, a body with 52 face shapes, and an outfit"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        settings = context.scene.avanim
        try:
            armature = api.add_character(settings.character, settings.skeleton)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Added {armature.name}")
        return {"FINISHED"}


CLASSES = (AVANIM_OT_add_character,)
