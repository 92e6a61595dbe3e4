# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons of the face panel, and what a face capture dropped onto a 3D view does."""

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...rigs.errors import InputError
from ...rigs.job import Job
from .. import api
from ..errands import Errand, output_path, why_no_output
from ..generating import poll, start
from ..scene.face_file import face_mesh
from ..takes import tracks


def why_no_face(context: bpy.types.Context) -> str:
    """Why the active character can move no face, in one sentence; empty when it can."""
    armature = tracks.active_character(context)
    if armature is None:
        return "Select a character, or add one first"
    if face_mesh(armature) is None:
        return f"{armature.name} has no facial shape keys named as ARKit's; add one of AVAnim's characters"
    return ""


def why_no_face_file(context: bpy.types.Context) -> str:
    """Why the face cannot be written, in one sentence; empty when it can."""
    return why_no_face(context) or why_no_output(context.scene.avanim.face.path)


class AVANIM_OT_import_face(ImportHelper, bpy.types.Operator):
    bl_idname = "avanim.import_face"
    bl_label = "Import Face Capture"
    bl_description = (
        "Choose a recording of the Live Link Face app (.csv), or a face of AVAnim's own (.npz), and key it onto the "
        "active character as a new take, from the current frame on"
    )
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default="*.csv;*.npz", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_face(context))

    def invoke(self, context, event):
        if self.filepath:  # dropped
            return self.execute(context)
        return super().invoke(context, event)

    def execute(self, context):
        armature = tracks.active_character(context)
        try:
            action = api.import_face(self.filepath, armature, frame_start=context.scene.frame_current)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"New take: {action.name}")
        return {"FINISHED"}


class AVANIM_OT_export_face(Errand, bpy.types.Operator):
    bl_idname = "avanim.export_face"
    bl_label = "Export Face"
    bl_description = (
        "Write what the active character's face, head and eyes do over the scene's range as a Live Link Face recording "
        "(.csv), which Unreal's and other programs' faces play. ESC cancels"
    )
    kind = "face"
    why_not = staticmethod(why_no_face_file)

    def job(self, context):
        armature = tracks.active_character(context)
        path = output_path(context.scene.avanim.face.path, ".csv")
        return Job("face", None, {"armature": armature.name}, str(path))


class AVANIM_OT_export_face_to_file(ExportHelper, bpy.types.Operator):
    bl_idname = "avanim.export_face_to_file"
    bl_label = "AVAnim Face"
    bl_description = "Choose a .csv file and write what the active character's face does, as a Live Link Face recording"

    filename_ext = ".csv"
    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_face(context))

    def execute(self, context):
        context.scene.avanim.face.path = self.filepath
        return start(self, bpy.ops.avanim.export_face)


class AVANIM_FH_face(bpy.types.FileHandler):
    bl_label = "Face Capture"
    bl_import_operator = AVANIM_OT_import_face.bl_idname
    bl_file_extensions = ".csv"

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (AVANIM_OT_import_face, AVANIM_OT_export_face, AVANIM_OT_export_face_to_file, AVANIM_FH_face)
