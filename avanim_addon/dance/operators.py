# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons of the dance panel."""

import bpy
from bpy.props import EnumProperty

from ...rigs.errors import InputError
from ..compat import actions
from ..generating import Generate, SoundFile, new_seed, poll, start, why_no_job
from ..takes import tracks
from . import choreography
from .request import DanceRequest


def why_no_dance(context: bpy.types.Context) -> str:
    """Why no dance can be generated from the panel, in one sentence; empty when one can."""
    panel = context.scene.avanim.dance
    reason = why_no_job(context)
    if reason:
        return reason
    if panel.source == "FILE" and not panel.audio:
        return "Choose the music first"
    if panel.source == "STRIP" and not panel.strip:
        return "Choose a sound strip first"
    return ""


class AVANIM_OT_generate_dance(Generate, bpy.types.Operator):
    bl_idname = "avanim.generate_dance"
    bl_label = "Generate Dance"
    bl_description = (
        "Let the character dance to the music. Adds a take; ESC over a 3D view cancels. One undo removes it again"
    )
    why_not = staticmethod(why_no_dance)

    def request(self, context):
        return DanceRequest.from_panel(context.scene)


class AVANIM_OT_dance_to_file(SoundFile, bpy.types.Operator):
    bl_idname = "avanim.dance_to_file"
    bl_label = "Dance to File"
    bl_description = (
        "Choose the music and let the character dance to it with the settings of the dance panel. "
        "Where no character is selected one is added first"
    )

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_job(context) if tracks.active_character(context) else "")

    def execute(self, context):
        if tracks.active_character(context) is None:
            if context.object is not None and context.object.mode != "OBJECT":
                self.report({"ERROR"}, "Leave the mode in which the active object is, or select a character")
                return {"CANCELLED"}
            if start(self, bpy.ops.avanim.add_character) == {"CANCELLED"}:
                return {"CANCELLED"}
        panel = context.scene.avanim.dance
        panel.source, panel.audio, panel.start, panel.seconds = "FILE", self.filepath, 0.0, 0.0
        # A step of its own: undoing the dance keeps the character and the choice of the music.
        bpy.ops.ed.undo_push(message=self.bl_label)
        return start(self, bpy.ops.avanim.generate_dance)


class AVANIM_OT_pin_pose(bpy.types.Operator):
    bl_idname = "avanim.pin_pose"
    bl_label = "Pin Pose"
    bl_description = "Let the next dance pass exactly through this pose, at this frame"
    bl_options = {"UNDO", "INTERNAL"}

    what: EnumProperty(
        items=(
            ("THIS", "This pose", "Let the next dance pass exactly through the pose and place of this frame"),
            (
                "KEYED",
                "Keyed frames",
                "Let the next dance pass through the poses of all frames that I have keyed myself",
            ),
            ("CLEAR", "Clear", "Forget all pinned poses"),
        ),
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context, properties):
        return properties.bl_rna.properties["what"].enum_items[properties.what].description

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_job(context))

    def execute(self, context):
        scene, armature = context.scene, tracks.active_character(context)
        panel = scene.avanim.dance.choreography
        if self.what == "CLEAR":
            panel.pins = panel.pinned = ""
            return {"FINISHED"}
        now = scene.frame_current
        frames = [now]
        if self.what == "KEYED":
            own = armature.animation_data and armature.animation_data.action
            if not own:
                self.report({"ERROR"}, f"{armature.name} has no keys of your own; key some poses first")
                return {"CANCELLED"}
            frames = sorted({round(key.co[0]) for curve in actions.curves(own) for key in curve.keyframe_points})
        try:
            for frame in frames:
                if frame != scene.frame_current:
                    scene.frame_set(frame)
                choreography.add_pin(panel, armature, frame)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            if scene.frame_current != now:
                scene.frame_set(now)
        return {"FINISHED"}


class AVANIM_OT_new_seed(bpy.types.Operator):
    bl_idname = "avanim.new_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice: the next dance is another one"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context):
        context.scene.avanim.dance.seed = new_seed({context.scene.avanim.dance.seed})
        return {"FINISHED"}


CLASSES = (AVANIM_OT_generate_dance, AVANIM_OT_new_seed, AVANIM_OT_pin_pose, AVANIM_OT_dance_to_file)
