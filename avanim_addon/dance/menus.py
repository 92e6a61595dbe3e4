# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's own menus, which its search (F3) reads too, and what a sound dropped onto a 3D view offers."""

import bpy

from ..generating import SoundDrop
from ..takes import operators as take_operators
from . import operators


class AVANIM_MT_dance(bpy.types.Menu):
    bl_label = "AVAnim"
    bl_description = "Let the active character dance"

    def draw(self, context):
        layout = self.layout
        # As buttons would: start, rather than wait.
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(operators.AVANIM_OT_generate_dance.bl_idname, icon="ARMATURE_DATA")
        layout.operator(operators.AVANIM_OT_dance_to_file.bl_idname, text="Dance to File…", icon="FILE_SOUND")
        layout.separator()
        for vary, text in (("SEED", "Another Seed"), ("NOTHING", "Run Again")):
            layout.operator(take_operators.AVANIM_OT_repeat_take.bl_idname, text=text).vary = vary
        layout.operator(take_operators.AVANIM_OT_dance_like_take.bl_idname)
        layout.separator()
        layout.operator(take_operators.AVANIM_OT_use_only_take.bl_idname)
        layout.operator(take_operators.AVANIM_OT_delete_take.bl_idname)


class AVANIM_FH_dance(SoundDrop, bpy.types.FileHandler):
    bl_label = "Dance"
    bl_import_operator = operators.AVANIM_OT_dance_to_file.bl_idname


def _in_object_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu(AVANIM_MT_dance.__name__)


def _in_sequencer_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.operator_context = "INVOKE_DEFAULT"
    menu.layout.operator(operators.AVANIM_OT_dance_to_file.bl_idname, text="Sound with Dance…", icon="ARMATURE_DATA")


CLASSES = (AVANIM_MT_dance, AVANIM_FH_dance)
ENTRIES = {
    "VIEW3D_MT_object": _in_object_menu,
    "VIEW3D_MT_pose": _in_object_menu,
    "SEQUENCER_MT_add": _in_sequencer_menu,
}
