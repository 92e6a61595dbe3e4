# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's dance panels."""

import bpy

from ...models.dance import METHODS
from ..scene import strip_beats
from ..sidebar import Sidebar, draw_generate
from . import operators
from .presets import AVANIM_PT_dance_presets


class AVANIM_PT_dance(Sidebar, bpy.types.Panel):
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
            strips = "strips" if hasattr(editor, "strips") else "sequences"
            column.prop_search(panel, "strip", editor, strips)
            if strip_beats.are_marked(getattr(editor, strips).get(panel.strip)):
                column.label(text="Keeps to its beat markers", icon="MARKER")
        else:
            column.label(text="The sequencer has no strips", icon="INFO")
        column.separator()
        column.prop(panel, "method")
        column.prop(panel, "style")
        row = column.row(align=True)
        row.prop(panel, "seed")
        row.operator(operators.AVANIM_OT_new_seed.bl_idname, text="", icon="FILE_REFRESH")
        draw_generate(layout, context, operators.AVANIM_OT_generate_dance.bl_idname, "ARMATURE_DATA")


class AVANIM_PT_dance_choreography(Sidebar, bpy.types.Panel):
    bl_label = "Choreography"
    bl_parent_id = "AVANIM_PT_dance"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return METHODS[context.scene.avanim.dance.method].choreographs

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.dance.choreography
        column = layout.column()
        if context.scene.avanim.dance.style == "mix":
            column.prop(panel, "mix")
        for name in ("energy", "amplitude", "travel", "variation"):
            column.prop(panel, name)
        row = column.row(heading="Keep within")
        row.prop(panel, "use_region", text="")
        value = row.row()
        value.active = panel.use_region
        value.prop(panel, "region", text="")
        column.prop(panel, "mirror")
        column.prop(panel, "pace")
        column.prop(panel, "beat_offset")
        column.separator()
        column.prop(panel, "track")
        column.prop(panel, "script")
        column.separator()
        pins = column.row(align=True)
        pins.operator(operators.AVANIM_OT_pin_pose.bl_idname, icon="PINNED").what = "THIS"
        pins.operator(operators.AVANIM_OT_pin_pose.bl_idname, text="My Keys").what = "KEYED"
        pins.operator(operators.AVANIM_OT_pin_pose.bl_idname, text="", icon="X").what = "CLEAR"
        if panel.pins:
            column.label(text=f"Pinned at {panel.pinned}")
        column.prop(panel, "from_pose")
        row = column.row(heading="Loop")
        row.prop(panel, "use_loop", text="")
        value = row.row()
        value.active = panel.use_loop
        value.prop(panel, "loop")
        column.separator()
        column.prop(panel, "dancers")
        if panel.dancers > 1:
            column.prop(panel, "formation")
            if panel.formation == "canon":
                column.prop(panel, "canon")
            column.prop(panel, "spacing")


class AVANIM_PT_dance_tempo(Sidebar, bpy.types.Panel):
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


class AVANIM_PT_dance_scene(Sidebar, bpy.types.Panel):
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


CLASSES = (AVANIM_PT_dance, AVANIM_PT_dance_choreography, AVANIM_PT_dance_tempo, AVANIM_PT_dance_scene)
