# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in the sequencer's menu, and what a sound dropped onto a 3D view offers."""

import bpy

from ..generating import SoundDrop
from .operators import AVANIM_OT_add_sound, AVANIM_OT_find_beats, AVANIM_OT_mix_sound


class AVANIM_FH_sound(SoundDrop, bpy.types.FileHandler):
    bl_label = "Sound Strip"
    bl_import_operator = AVANIM_OT_add_sound.bl_idname


def _in_strip_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.operator_context = "INVOKE_DEFAULT"
    menu.layout.operator(AVANIM_OT_find_beats.bl_idname)
    menu.layout.operator(AVANIM_OT_mix_sound.bl_idname)


CLASSES = (AVANIM_FH_sound,)
ENTRIES = {"SEQUENCER_MT_strip": _in_strip_menu}
