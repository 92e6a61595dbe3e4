# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's own menus, which its search (F3) reads too, and what a sound dropped onto a 3D view offers."""

from collections.abc import Callable

import bpy

from ..character.operators import AVANIM_OT_add_character
from ..sound.operators import AVANIM_OT_add_sound
from ..takes import operators as take_operators
from . import operators

# What a drop of a file is recognised by.
SOUND_FILES = ".wav;.mp3;.flac;.ogg;.m4a"


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
            layout.operator(operators.AVANIM_OT_repeat_take.bl_idname, text=text).vary = vary
        layout.operator(operators.AVANIM_OT_dance_like_take.bl_idname)
        layout.separator()
        layout.operator(take_operators.AVANIM_OT_use_only_take.bl_idname)
        layout.operator(take_operators.AVANIM_OT_delete_take.bl_idname)


class _Drop:
    bl_file_extensions = SOUND_FILES

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"


class AVANIM_FH_dance(_Drop, bpy.types.FileHandler):
    bl_label = "Dance"
    bl_import_operator = operators.AVANIM_OT_dance_to_file.bl_idname


class AVANIM_FH_sound(_Drop, bpy.types.FileHandler):
    bl_label = "Sound Strip"
    bl_import_operator = AVANIM_OT_add_sound.bl_idname


def _in_object_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu(AVANIM_MT_dance.__name__)


def _in_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_add_character.bl_idname, text="AVAnim Character", icon="ARMATURE_DATA")


def _in_sequencer_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.operator_context = "INVOKE_DEFAULT"
    menu.layout.operator(operators.AVANIM_OT_dance_to_file.bl_idname, text="Sound with Dance…", icon="ARMATURE_DATA")


_ENTRIES: dict[str, Callable[[bpy.types.Menu, bpy.types.Context], None]] = {
    "VIEW3D_MT_object": _in_object_menu,
    "VIEW3D_MT_pose": _in_object_menu,
    "VIEW3D_MT_add": _in_add_menu,
    "SEQUENCER_MT_add": _in_sequencer_menu,
}


def register() -> None:
    for name, entry in _ENTRIES.items():
        getattr(bpy.types, name).append(entry)


def unregister() -> None:
    for name, entry in _ENTRIES.items():
        getattr(bpy.types, name).remove(entry)
