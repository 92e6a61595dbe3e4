# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel below the dance panel."""

import bpy

from ..sidebar import Sidebar
from . import operators


class AVANIM_PT_live(Sidebar, bpy.types.Panel):
    bl_label = "Live"
    bl_parent_id = "AVANIM_PT_dance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.live
        layout.prop(panel, "style")
        row = layout.row(align=True)
        row.prop(panel, "seed")
        row.operator(operators.AVANIM_OT_new_live_seed.bl_idname, text="", icon="FILE_REFRESH")
        layout.prop(panel, "record")
        if operators.dancing():
            layout.operator(operators.AVANIM_OT_stop_live.bl_idname, icon="PAUSE")
        else:
            layout.operator(operators.AVANIM_OT_dance_live.bl_idname, icon="PLAY_SOUND")


CLASSES = (AVANIM_PT_live,)
