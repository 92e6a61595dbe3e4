# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's face panel."""

import bpy

from ..errands import draw_errand
from ..sidebar import Sidebar
from . import operators


class AVANIM_PT_face(Sidebar, bpy.types.Panel):
    bl_label = "Face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(operators.AVANIM_OT_import_face.bl_idname, icon="IMPORT")
        layout.column().prop(context.scene.avanim.face, "path")
        draw_errand(layout, "face", operators.AVANIM_OT_export_face.bl_idname, "EXPORT")


CLASSES = (AVANIM_PT_face,)
