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
from ..generating import Generate, SoundDrop, SoundFile, new_seed, poll, start, why_no_job
from ..scene import foreign_face, marks
from ..scene.face_check import require_face
from ..scene.face_file import face_mesh
from ..scene.foreign import is_mapped
from ..takes import tracks
from ..takes.operators import selected_take
from .request import FaceRequest
from .resolve import resolve


def why_no_face(context: bpy.types.Context) -> str:
    """Why the active character can move no face, in one sentence; empty when it can."""
    armature = tracks.active_character(context)
    if armature is None:
        return "Select a character, or add one first"
    if is_mapped(armature):
        return foreign_face.why_no_face(armature)
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


def why_no_speech(context: bpy.types.Context) -> str:
    """Why no face can be made to speak from the panel, in one sentence; empty when one can."""
    panel = context.scene.avanim.face
    reason = why_no_job(context)
    if reason:
        return reason
    if face_mesh(tracks.active_character(context)) is None:
        try:
            require_face(tracks.active_character(context))
        except InputError as error:
            return str(error).rstrip(".")
    if panel.source == "FILE" and not panel.audio:
        return "Choose the speech first"
    if panel.source == "STRIP" and not panel.strip:
        return "Choose a sound strip first"
    if panel.use_range and not context.scene.use_preview_range:
        return "Draw a preview range in the timeline first (P), or switch Preview range only off"
    return ""


class AVANIM_OT_generate_face(Generate, bpy.types.Operator):
    bl_idname = "avanim.generate_face"
    bl_label = "Generate Face"
    bl_description = (
        "Let the character say it, in any language. Adds a take; ESC over a 3D view cancels. One undo removes it again"
    )
    why_not = staticmethod(why_no_speech)

    def request(self, context):
        return FaceRequest.from_panel(context.scene)


class AVANIM_OT_speak_file(SoundFile, bpy.types.Operator):
    bl_idname = "avanim.speak_file"
    bl_label = "Speak File"
    bl_description = "Choose a recording and let the active character say it, with the settings of the face panel"

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_face(context))

    def execute(self, context):
        panel = context.scene.avanim.face
        panel.source, panel.audio, panel.start, panel.seconds = "FILE", self.filepath, 0.0, 0.0
        # A step of its own: undoing the face keeps the choice of the sound.
        bpy.ops.ed.undo_push(message=self.bl_label)
        return start(self, bpy.ops.avanim.generate_face)


class AVANIM_OT_new_face_seed(bpy.types.Operator):
    bl_idname = "avanim.new_face_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice: eyes, brows and head play another way"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context):
        context.scene.avanim.face.seed = new_seed({context.scene.avanim.face.seed})
        return {"FINISHED"}


def why_no_resolve(context: bpy.types.Context) -> str:
    """Why the selected take's mouth cannot be solved again, in one sentence; empty when it can."""
    action = selected_take(context)
    if action is None:
        return "Select a take of the face in the list of takes first"
    if "avanim_voice" not in action:
        return f"{action.name} does not say what phonemes it was made of"
    if not marks.are_shown(context.scene, action):
        return f"The phonemes of {action.name} are not shown; press Show Markers first"
    return ""


class AVANIM_OT_resolve_face(bpy.types.Operator):
    bl_idname = "avanim.resolve_face"
    bl_label = "Re-solve Mouth"
    bl_description = (
        "Make another take whose mouth forms the phonemes where their markers stand now, and as they are named now. "
        "The rest of the face stays"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_resolve(context))

    def execute(self, context):
        try:
            made = resolve(context.scene, tracks.active_character(context), selected_take(context))
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"New take: {made.name}")
        return {"FINISHED"}


class AVANIM_FH_speech(SoundDrop, bpy.types.FileHandler):
    bl_label = "Talking Face"
    bl_import_operator = AVANIM_OT_speak_file.bl_idname


CLASSES = (
    AVANIM_OT_import_face,
    AVANIM_OT_export_face,
    AVANIM_OT_export_face_to_file,
    AVANIM_FH_face,
    AVANIM_OT_generate_face,
    AVANIM_OT_speak_file,
    AVANIM_OT_new_face_seed,
    AVANIM_OT_resolve_face,
    AVANIM_FH_speech,
)
