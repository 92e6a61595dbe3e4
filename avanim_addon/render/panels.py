# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's render panel."""

import bpy

from .. import session
from ..errands import draw_errand
from ..sidebar import Sidebar
from . import operators, playblast
from .presets import AVANIM_PT_render_presets


class AVANIM_PT_render(Sidebar, bpy.types.Panel):
    bl_label = "Render"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context):
        AVANIM_PT_render_presets.draw_panel_header(self.layout)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.render
        layout.operator(operators.AVANIM_OT_add_studio.bl_idname, icon="OUTLINER_OB_CAMERA")
        column = layout.column()
        column.prop(panel, "engine")
        column.prop(panel, "size")
        column.prop(panel, "samples")
        column.prop(panel, "path")
        draw_errand(layout, "render", operators.AVANIM_OT_render_film.bl_idname, "RENDER_ANIMATION")
        if not session.errand("render"):
            row = layout.row(align=True)
            row.operator(operators.AVANIM_OT_render_still.bl_idname, icon="RENDER_STILL")
            row.operator(playblast.AVANIM_OT_playblast.bl_idname, icon="PLAY")


CLASSES = (playblast.AVANIM_OT_playblast, AVANIM_PT_render)
