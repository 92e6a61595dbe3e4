# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's retarget panel."""

import bpy

from ..scene import foreign
from ..sidebar import Sidebar
from . import operators

# Scores from which a row looks sure, and from which it is worth a look.
_SURE, _UNSURE = 0.85, 0.6


class AVANIM_UL_bones(bpy.types.UIList):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0):
        # What all names begin with would push out their ends, and it is those that tell. The row under the list edits.
        split = layout.split(factor=0.36, align=True)
        split.label(text=item.name)
        row = split.row(align=True)
        row.label(text=item.bone.removeprefix(data.prefix) or "–")
        mark = "CHECKMARK" if item.score >= _SURE else "QUESTION" if item.score >= _UNSURE else "ERROR"
        end = row.row()
        end.ui_units_x = 2.3
        end.label(text=f"{100 * item.score:.0f}" if item.bone else "", icon=mark if item.bone else "NONE")


class AVANIM_UL_face_keys(bpy.types.UIList):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0):
        row = layout.row(align=True)
        row.label(text=item.name)
        row.label(text=item.of)
        row.prop(item, "gain", text="")


class AVANIM_PT_retarget(Sidebar, bpy.types.Panel):
    bl_label = "Retarget"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        armature = operators.rig_of(context)
        row = layout.row(align=True)
        row.operator(operators.AVANIM_OT_map_bones.bl_idname, icon="ARMATURE_DATA")
        row.operator(operators.AVANIM_OT_load_scheme.bl_idname, text="", icon="FILE_FOLDER")
        row.operator(operators.AVANIM_OT_save_scheme.bl_idname, text="", icon="FILE_TICK")
        row.operator(operators.AVANIM_OT_clear_bones.bl_idname, text="", icon="X")
        if armature is not None and foreign.is_mapped(armature):
            table = armature.avanim.retarget
            layout.template_list("AVANIM_UL_bones", "", table, "rows", table, "row", rows=6)
            if table.row < len(table.rows):
                chosen = table.rows[table.row]
                layout.prop_search(chosen, "bone", armature.data, "bones", text=chosen.name)
            column = layout.column()
            column.prop(table, "root")
            column.prop(table, "controls")
            column.prop(table, "fingers")
            column.prop(table, "scale")
            column = layout.column(heading="Contacts")
            column.prop(table, "feet")
            column.prop(table, "hands")
            layout.operator(operators.AVANIM_OT_map_face.bl_idname, icon="MESH_MONKEY")
            if len(table.face):
                layout.template_list("AVANIM_UL_face_keys", "", table, "face", table, "face_row", rows=4)
        layout.operator(operators.AVANIM_OT_import_motion.bl_idname, icon="IMPORT")
        column = layout.column(align=True)
        column.operator(operators.AVANIM_OT_import_body.bl_idname, icon="OUTLINER_OB_ARMATURE")
        column.operator(operators.AVANIM_OT_fit_joints.bl_idname, icon="BONE_DATA")
        row = column.row(align=True)
        row.operator(operators.AVANIM_OT_bake_correctives.bl_idname)
        row.operator(operators.AVANIM_OT_drive_correctives.bl_idname)
        panel = context.scene.avanim.retarget
        column = layout.column()
        column.prop(panel, "source")
        column.operator(operators.AVANIM_OT_retarget_take.bl_idname, icon="ARROW_LEFTRIGHT")
        column = layout.column(align=True)
        column.prop(panel, "degrees")
        column.prop(panel, "millimetres")
        column.operator(operators.AVANIM_OT_reduce_keys.bl_idname, icon="IPO_BEZIER")


CLASSES = (AVANIM_UL_bones, AVANIM_UL_face_keys, AVANIM_PT_retarget)
