# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the impacts panel that hears films."""

import bpy

from ..errands import draw_errand
from ..sidebar import Sidebar
from . import operators


class AVANIM_PT_foley(Sidebar, bpy.types.Panel):
    bl_label = "From a Film"
    bl_parent_id = "AVANIM_PT_impacts"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.foley
        column = layout.column()
        column.prop(panel, "film")
        column.prop(panel, "method")
        column.prop(panel, "material")
        row = column.row()
        row.active = panel.method == "foley"
        row.prop(panel, "ground")
        column.prop(panel, "seed")
        column.prop(panel, "path")
        column.operator_context = "INVOKE_DEFAULT"
        draw_errand(column, "foley", operators.AVANIM_OT_foley.bl_idname, "FILE_MOVIE")
        if panel.found:
            row = column.row(align=True)
            row.label(text=panel.found, icon="INFO")
            row.operator(operators.AVANIM_OT_remove_foley.bl_idname, text="", icon="TRASH")


CLASSES = (AVANIM_PT_foley,)
