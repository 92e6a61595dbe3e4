# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's first panel: whom to animate."""

import bpy

from ..sidebar import Sidebar
from ..takes.tracks import active_character
from .operators import AVANIM_OT_add_character


class AVANIM_PT_character(Sidebar, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.avanim
        armature = active_character(context)
        if armature:
            layout.label(text=armature.name, icon="OUTLINER_OB_ARMATURE")
        else:
            layout.label(text="No character selected", icon="INFO")
        column = layout.column(align=True)
        column.row(align=True).prop(settings, "character", expand=True)
        column.prop(settings, "skeleton", text="")
        column.operator(AVANIM_OT_add_character.bl_idname, icon="ADD")


CLASSES = (AVANIM_PT_character,)
