# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel below the list of takes."""

import bpy

from ...models.dance.families import TOOLS
from ..sidebar import Sidebar
from . import operators
from .properties import SLIDERS


class AVANIM_PT_tools(Sidebar, bpy.types.Panel):
    bl_label = "Tools"
    bl_parent_id = "AVANIM_PT_takes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.tools
        tool = TOOLS[panel.tool]
        layout.prop(panel, "tool")
        if tool.needs_other or panel.tool in ("gp", "fcrbm"):
            layout.prop(panel, "other")
        if panel.tool == "pca":
            column = layout.column(align=True)
            for number in range(SLIDERS):
                row = column.row(align=True)
                row.use_property_split = False
                row.prop(panel, "gains", index=number, text=f"{number + 1}", slider=True)
                row.prop(panel, "offsets", index=number, text="", slider=True)
            layout.operator(operators.AVANIM_OT_reset_sliders.bl_idname, icon="LOOP_BACK")
        if panel.tool == "gp":
            layout.prop(panel, "span")
        if "seconds" in tool.options and (panel.tool != "gp" or panel.span == "CONTINUE"):
            layout.prop(panel, "seconds")
        for name in ("temperature", "strength"):
            if name in tool.options:
                layout.prop(panel, name)
        if "mix" in tool.options and (tool.needs_other or panel.other is not None):
            layout.prop(panel, "mix", slider=True)
        if "seed" in tool.options:
            row = layout.row(align=True)
            row.prop(panel, "seed")
            row.operator(operators.AVANIM_OT_new_tool_seed.bl_idname, text="", icon="FILE_REFRESH")
        layout.operator(operators.AVANIM_OT_use_tool.bl_idname, text=tool.title, icon="TOOL_SETTINGS")


CLASSES = (AVANIM_PT_tools,)
