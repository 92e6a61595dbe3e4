# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry in Blender's menu for files."""

import bpy

from .operators import AVANIM_OT_export_to_file


def _in_export_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_export_to_file.bl_idname, text="AVAnim Character (.fbx, .glb, .usdc, .abc, .bvh)")


ENTRIES = {"TOPBAR_MT_file_export": _in_export_menu}
