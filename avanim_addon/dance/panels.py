# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's dance panels."""

import bpy

from .. import session
from . import operators, takes
from .presets import AVANIM_PT_dance_presets


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AVAnim"


def remaining(seconds: float | None) -> str:
    """An ETA for people, e.g. "0:07 left"."""
    if seconds is None:
        return ""
    return f" · {int(seconds) // 60}:{int(seconds) % 60:02d} left"


class AVANIM_PT_dance(_Sidebar, bpy.types.Panel):
    bl_label = "Dance"

    def draw_header_preset(self, context):
        AVANIM_PT_dance_presets.draw_panel_header(self.layout)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.dance
        column = layout.column()
        column.row().prop(panel, "source", expand=True)
        if panel.source == "FILE":
            column.prop(panel, "audio")
            pair = column.column(align=True)
            pair.prop(panel, "start")
            pair.prop(panel, "seconds")
        elif context.scene.sequence_editor:
            editor = context.scene.sequence_editor
            column.prop_search(panel, "strip", editor, "strips" if hasattr(editor, "strips") else "sequences")
        else:
            column.label(text="The sequencer has no strips", icon="INFO")
        column.separator()
        column.prop(panel, "method")
        column.prop(panel, "style")
        row = column.row(align=True)
        row.prop(panel, "seed")
        row.operator(operators.AVANIM_OT_new_seed.bl_idname, text="", icon="FILE_REFRESH")
        handle = session.job_of(takes.active_character(context))
        if handle:
            row = layout.row(align=True)
            row.scale_y = 1.6
            row.progress(factor=handle.progress, text=handle.step.capitalize() + remaining(handle.eta))
            row.operator(operators.AVANIM_OT_cancel_dance.bl_idname, text="", icon="X")
        else:
            row = layout.row()
            row.scale_y = 1.6
            row.operator(operators.AVANIM_OT_generate_dance.bl_idname, icon="ARMATURE_DATA")


class AVANIM_PT_dance_tempo(_Sidebar, bpy.types.Panel):
    bl_label = "Beat"
    bl_parent_id = "AVANIM_PT_dance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.dance
        for name, heading in (("bpm", "Tempo"), ("metre", "Metre"), ("offset", "First beat")):
            row = layout.row(heading=heading)
            row.prop(panel, f"use_{name}", text="")
            value = row.row()
            value.active = getattr(panel, f"use_{name}")
            value.prop(panel, name, text="")


class AVANIM_PT_dance_scene(_Sidebar, bpy.types.Panel):
    bl_label = "Scene"
    bl_parent_id = "AVANIM_PT_dance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.dance
        column = layout.column(heading="Add")
        row = column.row()
        row.active = panel.source == "FILE"
        row.prop(panel, "add_sound")
        column.prop(panel, "beat_markers")
        layout.column(heading="Follow").prop(panel, "fit_range")
        layout.prop(panel, "frame_rate")


class AVANIM_UL_takes(bpy.types.UIList):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0):
        row = layout.row(align=True)
        row.active = not item.mute
        action = takes.take_on(item)
        row.prop(action, "name", text="", emboss=False, icon="ACTION")
        star = "SOLO_ON" if action.avanim.star else "SOLO_OFF"
        row.prop(action.avanim, "star", text="", emboss=False, icon=star)
        row.prop(item, "mute", text="", emboss=False, icon="CHECKBOX_DEHLT" if item.mute else "CHECKBOX_HLT")

    def filter_items(self, context, data, propname):
        tracks = getattr(data, propname)
        # The animator's own tracks are not shown; the newest take stands on top.
        flags = [self.bitflag_filter_item if takes.take_on(track) else 0 for track in tracks]
        return flags, list(reversed(range(len(tracks))))


class AVANIM_PT_takes(_Sidebar, bpy.types.Panel):
    bl_label = "Takes"

    @classmethod
    def poll(cls, context):
        return takes.active_character(context) is not None

    def draw(self, context):
        layout = self.layout
        armature = takes.active_character(context)
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
        column = layout.column(align=True)
        row = column.row(align=True)
        for vary, text, icon in (("SEED", "Another Seed", "FILE_REFRESH"), ("NOTHING", "Run Again", "LOOP_BACK")):
            row.operator(operators.AVANIM_OT_repeat_take.bl_idname, text=text, icon=icon).vary = vary
        column.operator(operators.AVANIM_OT_dance_like_take.bl_idname, icon="FILE_SOUND")
