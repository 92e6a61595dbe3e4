# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's export panel."""

import bpy

from ..compat import versions
from ..errands import draw_errand
from ..scene.export import ENDINGS, MISSING_EXPORTERS
from ..sidebar import Sidebar
from . import operators
from .presets import AVANIM_PT_export_presets


class AVANIM_PT_export(Sidebar, bpy.types.Panel):
    bl_label = "Export"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context):
        AVANIM_PT_export_presets.draw_panel_header(self.layout)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.export
        column = layout.column()
        column.row().prop(panel, "target", expand=True)
        grid = column.grid_flow(row_major=True, columns=3, even_columns=True, align=True)
        for ending in ENDINGS:
            cell = grid.row()
            cell.enabled = ending not in MISSING_EXPORTERS
            cell.prop_enum(panel, "format", ending)
        for ending, lacking in MISSING_EXPORTERS.items():
            column.label(text=f"No {ending}: this Blender lacks {lacking}", icon="INFO")
        column.prop(panel, "path")
        column = layout.column(heading="With")
        column.prop(panel, "correctives")
        row = column.row()
        row.enabled = versions.CAN_MIX
        row.prop(panel, "sound")
        if not versions.CAN_MIX:
            layout.label(text="This Blender cannot mix sound", icon="INFO")
        draw_errand(layout, "export", operators.AVANIM_OT_export_character.bl_idname, "EXPORT")
        column = layout.column(align=True)
        for check in operators.reports:
            icon = {True: "CHECKMARK", False: "ERROR", None: "DOT"}[check.good]
            column.label(text=f"{check.name}: {check.found}", icon=icon)


CLASSES = (AVANIM_PT_export,)
