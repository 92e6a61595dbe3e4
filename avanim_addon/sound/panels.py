# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's sound panel."""

import bpy

from ..errands import draw_errand
from ..sidebar import Sidebar
from . import operators


class AVANIM_PT_sound(Sidebar, bpy.types.Panel):
    bl_label = "Sound"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.sound
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(operators.AVANIM_OT_add_sound.bl_idname, icon="ADD")
        column = layout.column()
        editor = context.scene.sequence_editor
        if editor:
            column.prop_search(panel, "strip", editor, "strips" if hasattr(editor, "strips") else "sequences")
        draw_errand(column, "beats", operators.AVANIM_OT_find_beats.bl_idname, "PREVIEW_RANGE")
        if panel.found:
            column.label(text=panel.found, icon="INFO")
        column = layout.column()
        column.prop(panel, "path")
        draw_errand(column, "mix", operators.AVANIM_OT_mix_sound.bl_idname, "SOUND")


CLASSES = (AVANIM_PT_sound,)
