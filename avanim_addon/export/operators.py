# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons of the export panel."""

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ...rigs.job import Job
from ..errands import Errand, output_path, why_no_output
from ..generating import poll, start
from ..scene.export import ENDINGS, MISSING_EXPORTERS
from ..scene.export_report import Check, load_report, summary
from ..takes import tracks
from .properties import AVANIM_PG_export

# What was found in the file that was written last, for showing.
reports: list[Check] = []


def why_no_export(context: bpy.types.Context, where: bool = True) -> str:
    """Why nothing can be exported, in one sentence; empty when it can. `where`: the panel's file matters too."""
    panel: AVANIM_PG_export = context.scene.avanim.export
    if tracks.active_character(context) is None:
        return "Select the character to export"
    if where and panel.format in MISSING_EXPORTERS:
        return f"This Blender lacks {MISSING_EXPORTERS[panel.format]}; choose another format"
    return why_no_output(panel.path) if where else ""


class AVANIM_OT_export_character(Errand, bpy.types.Operator):
    bl_idname = "avanim.export_character"
    bl_label = "Export"
    bl_description = (
        "Write the active character with all that moves it over the scene's range, a key on each frame. A second "
        "Blender does it from a copy; ESC cancels"
    )
    kind = "export"
    why_not = staticmethod(why_no_export)

    def job(self, context):
        panel: AVANIM_PG_export = context.scene.avanim.export
        options = {
            "target": panel.target,
            "armature": tracks.active_character(context).name,
            "correctives": panel.correctives,
            "sound": panel.sound,
            "report": True,
        }
        return Job("export", None, options, str(output_path(panel.path, panel.format)))

    def finish(self, context, result):
        text = super().finish(context, result)
        reports[:] = load_report(result["output"])
        return f"{text}: {summary(reports)}"


class AVANIM_OT_export_to_file(ExportHelper, bpy.types.Operator):
    bl_idname = "avanim.export_to_file"
    bl_label = "AVAnim Character"
    bl_description = (
        "Choose a file (.fbx, .glb, .usdc, .abc, .bvh, .npz) and export the active character with the settings of the "
        "panel"
    )

    filename_ext = ""
    check_extension = None
    filter_glob: StringProperty(default="*.fbx;*.glb;*.usdc;*.abc;*.bvh;*.npz", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_export(context, where=False))

    def execute(self, context):
        panel: AVANIM_PG_export = context.scene.avanim.export
        ending = "." + self.filepath.rpartition(".")[2].lower()
        if ending in ENDINGS:
            panel.format = ending
        panel.path = self.filepath
        return start(self, bpy.ops.avanim.export_character)


CLASSES = (AVANIM_OT_export_character, AVANIM_OT_export_to_file)
