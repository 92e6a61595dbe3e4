# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's menus for rendering and adding."""

import bpy

from .operators import AVANIM_OT_add_studio, AVANIM_OT_render_film, AVANIM_OT_render_still


def _in_render_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    # As buttons would: start, rather than wait.
    menu.layout.operator_context = "INVOKE_DEFAULT"
    menu.layout.operator(AVANIM_OT_render_film.bl_idname, text="AVAnim Film")
    menu.layout.operator(AVANIM_OT_render_still.bl_idname, text="AVAnim Still")


def _in_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_add_studio.bl_idname, text="AVAnim Studio", icon="OUTLINER_OB_CAMERA")


ENTRIES = {"TOPBAR_MT_render": _in_render_menu, "VIEW3D_MT_add": _in_add_menu}
