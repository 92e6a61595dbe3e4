# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's menus for files."""

import bpy

from .operators import AVANIM_OT_export_face_to_file, AVANIM_OT_import_face


def _in_import_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_import_face.bl_idname, text="AVAnim Face Capture (.csv, .npz)")


def _in_export_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_export_face_to_file.bl_idname, text="AVAnim Face (.csv)")


ENTRIES = {"TOPBAR_MT_file_import": _in_import_menu, "TOPBAR_MT_file_export": _in_export_menu}
