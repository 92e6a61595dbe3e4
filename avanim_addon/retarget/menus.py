# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry in Blender's menu for files."""

import bpy

from .operators import AVANIM_OT_import_motion


def _in_import_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_import_motion.bl_idname, text="AVAnim Body Motion (.bvh, .npz, .pkl)")


ENTRIES = {"TOPBAR_MT_file_import": _in_import_menu}
