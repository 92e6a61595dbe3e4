# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's own menus, which its search (F3) reads too."""

import bpy

from .operators import AVANIM_OT_add_character


def _in_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_add_character.bl_idname, text="AVAnim Character", icon="ARMATURE_DATA")


ENTRIES = {"VIEW3D_MT_add": _in_add_menu}
