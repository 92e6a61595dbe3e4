# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's face panels."""

import bpy

from ..errands import draw_errand
from ..sidebar import Sidebar, draw_generate
from ..takes.operators import AVANIM_OT_hide_markers, AVANIM_OT_show_markers
from . import operators
from .presets import AVANIM_PT_face_presets


def _columns(panel: bpy.types.Panel) -> bpy.types.UILayout:
    layout = panel.layout
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout.column()


class AVANIM_PT_face(Sidebar, bpy.types.Panel):
    bl_label = "Face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context):
        AVANIM_PT_face_presets.draw_panel_header(self.layout)

    def draw(self, context):
        column = _columns(self)
        panel = context.scene.avanim.face
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
        column.prop(panel, "channel")
        column.prop(panel, "text")
        if panel.text:
            column.prop(panel, "language")
        column.separator()
        column.prop(panel, "method")
        row = column.row(align=True)
        row.prop(panel, "seed")
        row.operator(operators.AVANIM_OT_new_face_seed.bl_idname, text="", icon="FILE_REFRESH")
        column.prop(panel, "emotion")
        if panel.emotion == "CURVE":
            column.prop(panel, "emotion_curve")
        elif panel.emotion != "NONE":
            column.prop(panel, "emotion_amount")
        draw_generate(self.layout, context, operators.AVANIM_OT_generate_face.bl_idname, "SHAPEKEY_DATA")


class AVANIM_PT_face_mouth(Sidebar, bpy.types.Panel):
    bl_label = "Mouth"
    bl_parent_id = "AVANIM_PT_face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        column = _columns(self)
        panel = context.scene.avanim.face
        for name in ("articulation", "jaw", "lips", "tongue", "closure", "smoothing", "natural", "lead_ms", "stepped"):
            column.prop(panel, name)
        if panel.stepped:
            column.prop(panel, "hold_ms")


class AVANIM_PT_face_upper(Sidebar, bpy.types.Panel):
    bl_label = "Upper Face"
    bl_parent_id = "AVANIM_PT_face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        column = _columns(self)
        panel = context.scene.avanim.face
        for name in ("upper", "blinks", "saccades", "brows", "head", "breath", "suggest_emotion"):
            column.prop(panel, name)


class AVANIM_PT_face_scene(Sidebar, bpy.types.Panel):
    bl_label = "Regions and Keys"
    bl_parent_id = "AVANIM_PT_face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        column = _columns(self)
        panel = context.scene.avanim.face
        part = column.column(heading="Move", align=True)
        for name in ("mouth", "brows", "eyes", "cheeks", "head"):
            part.prop(panel, f"do_{name}")
        column.prop(panel, "additive")
        column.prop(panel, "error")
        column.prop(panel, "use_range")
        extra = column.column(heading="Add")
        row = extra.row()
        row.active = panel.source == "FILE" and not panel.use_range
        row.prop(panel, "add_sound")
        extra.prop(panel, "show_markers")
        column.column(heading="Follow").prop(panel, "fit_range")


class AVANIM_PT_face_phonemes(Sidebar, bpy.types.Panel):
    bl_label = "Phonemes"
    bl_parent_id = "AVANIM_PT_face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        row = self.layout.row(align=True)
        row.operator(AVANIM_OT_show_markers.bl_idname, text="Show", icon="MARKER_HLT")
        row.operator(AVANIM_OT_hide_markers.bl_idname, text="Hide", icon="MARKER")
        self.layout.operator(operators.AVANIM_OT_resolve_face.bl_idname, icon="MOD_TIME")


class AVANIM_PT_face_capture(Sidebar, bpy.types.Panel):
    bl_label = "Capture"
    bl_parent_id = "AVANIM_PT_face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(operators.AVANIM_OT_import_face.bl_idname, icon="IMPORT")
        layout.column().prop(context.scene.avanim.face, "path")
        draw_errand(layout, "face", operators.AVANIM_OT_export_face.bl_idname, "EXPORT")


CLASSES = (
    AVANIM_PT_face,
    AVANIM_PT_face_mouth,
    AVANIM_PT_face_upper,
    AVANIM_PT_face_scene,
    AVANIM_PT_face_phonemes,
    AVANIM_PT_face_capture,
)
