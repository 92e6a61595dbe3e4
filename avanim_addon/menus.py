# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's menus for files and rendering, which its search (F3) reads too."""

from collections.abc import Callable

import bpy

from .export.operators import AVANIM_OT_export_to_file
from .face.operators import AVANIM_OT_export_face_to_file, AVANIM_OT_import_face
from .render.operators import AVANIM_OT_add_studio, AVANIM_OT_render_film, AVANIM_OT_render_still
from .sound.operators import AVANIM_OT_find_beats, AVANIM_OT_mix_sound


def _in_import_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_import_face.bl_idname, text="AVAnim Face Capture (.csv, .npz)")


def _in_export_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_export_to_file.bl_idname, text="AVAnim Character (.fbx, .glb)")
    menu.layout.operator(AVANIM_OT_export_face_to_file.bl_idname, text="AVAnim Face (.csv)")


def _in_render_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    # As buttons would: start, rather than wait.
    menu.layout.operator_context = "INVOKE_DEFAULT"
    menu.layout.operator(AVANIM_OT_render_film.bl_idname, text="AVAnim Film")
    menu.layout.operator(AVANIM_OT_render_still.bl_idname, text="AVAnim Still")


def _in_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator(AVANIM_OT_add_studio.bl_idname, text="AVAnim Studio", icon="OUTLINER_OB_CAMERA")


def _in_strip_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.operator_context = "INVOKE_DEFAULT"
    menu.layout.operator(AVANIM_OT_find_beats.bl_idname)
    menu.layout.operator(AVANIM_OT_mix_sound.bl_idname)


_ENTRIES: dict[str, Callable[[bpy.types.Menu, bpy.types.Context], None]] = {
    "TOPBAR_MT_file_import": _in_import_menu,
    "TOPBAR_MT_file_export": _in_export_menu,
    "TOPBAR_MT_render": _in_render_menu,
    "VIEW3D_MT_add": _in_add_menu,
    "SEQUENCER_MT_strip": _in_strip_menu,
}


def register() -> None:
    for name, entry in _ENTRIES.items():
        getattr(bpy.types, name).append(entry)


def unregister() -> None:
    for name, entry in _ENTRIES.items():
        getattr(bpy.types, name).remove(entry)
