# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a character's takes."""

import bpy

from ..sidebar import Sidebar
from . import operators, tracks


class AVANIM_UL_takes(bpy.types.UIList):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0):
        row = layout.row(align=True)
        row.active = not item.mute
        action = tracks.take_on(item)
        kind = "SHAPEKEY_DATA" if tracks.is_face(action) else "ARMATURE_DATA"
        row.prop(action, "name", text="", emboss=False, icon="ASSET_MANAGER" if action.asset_data else kind)
        star = "SOLO_ON" if action.avanim.star else "SOLO_OFF"
        row.prop(action.avanim, "star", text="", emboss=False, icon=star)
        icon = "CHECKBOX_DEHLT" if item.mute else "CHECKBOX_HLT"
        row.operator(operators.AVANIM_OT_mute_take.bl_idname, text="", emboss=False, icon=icon).track = index

    def filter_items(self, context, data, propname):
        listed = getattr(data, propname)
        # The animator's own tracks are not shown; the newest take stands on top.
        flags = [self.bitflag_filter_item if tracks.take_on(track) else 0 for track in listed]
        return flags, list(reversed(range(len(listed))))


class AVANIM_PT_takes(Sidebar, bpy.types.Panel):
    bl_label = "Takes"

    @classmethod
    def poll(cls, context):
        return tracks.active_character(context) is not None

    def draw(self, context):
        layout = self.layout
        armature = tracks.active_character(context)
        if armature.animation_data is None:
            layout.label(text="None yet", icon="INFO")
            return
        row = layout.row()
        row.template_list(
            "AVANIM_UL_takes", "", armature.animation_data, "nla_tracks", armature.avanim, "track", rows=3, maxrows=8
        )
        column = row.column(align=True)
        column.operator(operators.AVANIM_OT_use_only_take.bl_idname, text="", icon="PLAY")
        column.operator(operators.AVANIM_OT_delete_take.bl_idname, text="", icon="TRASH")
        action = operators.selected_take(context)
        marked = action is not None and action.asset_data
        button = operators.AVANIM_OT_clear_take if marked else operators.AVANIM_OT_mark_take
        column.operator(button.bl_idname, text="", icon="ASSET_MANAGER", depress=bool(marked))
        column = layout.column(align=True)
        row = column.row(align=True)
        for vary, text, icon in (("SEED", "Another Seed", "FILE_REFRESH"), ("NOTHING", "Run Again", "LOOP_BACK")):
            row.operator(operators.AVANIM_OT_repeat_take.bl_idname, text=text, icon=icon).vary = vary
        column.operator(operators.AVANIM_OT_dance_like_take.bl_idname, icon="FILE_SOUND")


class AVANIM_PT_takes_part(Sidebar, bpy.types.Panel):
    bl_label = "Regenerate Part"
    bl_parent_id = "AVANIM_PT_takes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.takes
        layout.prop(panel, "span")
        if panel.span == "FRAMES":
            pair = layout.column(align=True)
            pair.prop(panel, "first")
            pair.prop(panel, "last")
        layout.row().prop(panel, "bones", expand=True)
        layout.prop(panel, "blend")
        layout.operator(operators.AVANIM_OT_regenerate_part.bl_idname, icon="MOD_TIME")


class AVANIM_PT_takes_markers(Sidebar, bpy.types.Panel):
    bl_label = "Markers"
    bl_parent_id = "AVANIM_PT_takes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        row = layout.row(align=True)
        row.operator(operators.AVANIM_OT_show_markers.bl_idname, text="Show", icon="MARKER_HLT")
        row.operator(operators.AVANIM_OT_hide_markers.bl_idname, text="Hide", icon="MARKER")
        layout.operator(operators.AVANIM_OT_retime_take.bl_idname, icon="MOD_TIME")


CLASSES = (AVANIM_UL_takes, AVANIM_PT_takes, AVANIM_PT_takes_part, AVANIM_PT_takes_markers)
