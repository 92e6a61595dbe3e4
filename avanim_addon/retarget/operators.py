# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons of the retarget panel, and what a motion file dropped onto a 3D view does."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...rigs.bone_mapping import BoneMap
from ...rigs.errors import InputError
from ..generating import poll, why_no_job
from ..scene import foreign, foreign_face, smpl_shape
from ..scene.carry import motion_to_rig, take_to_rig
from ..scene.smpl_body import add_smpl_body
from ..takes import tracks
from . import properties
from .reduce import reduce_keys

_NO_CORRECTIVES = "Select a character with shape keys that repair its skin (Pose. …)"


def rig_of(context: bpy.types.Context) -> Any:
    """The armature that is active, itself or by one of its meshes, and is none of AVAnim's characters; else None."""
    found = context.object
    while found is not None and found.type != "ARMATURE":
        found = found.parent
    return found if found is not None and "avanim_skeleton" not in found else None


def why_no_map(context: bpy.types.Context) -> str:
    """Why the active object cannot be mapped, in one sentence; empty when it can."""
    armature = rig_of(context)
    if armature is None:
        return "Select the armature of a rig of your own; AVAnim's characters need no map"
    if armature.library is not None:
        return f"{armature.name} is linked from another file; make a library override of it first"
    return ""


def why_not_mapped(context: bpy.types.Context) -> str:
    """Why there is no map to work on, in one sentence; empty when there is."""
    reason = why_no_map(context)
    return reason or ("" if foreign.is_mapped(rig_of(context)) else "Press Map Bones first")


class AVANIM_OT_map_bones(bpy.types.Operator):
    bl_idname = "avanim.map_bones"
    bl_label = "Map Bones"
    bl_description = (
        "Find out which bone of the rig is which, by the names of known rigs or by its shape. "
        "Then dances and faces can be made for it as for AVAnim's characters"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_map(context))

    def execute(self, context):
        armature = rig_of(context)
        try:
            bones = foreign.map_bones(armature)
        except InputError as error:
            if not foreign.is_mapped(armature):
                # An empty table, so that the bones can be mapped by hand.
                foreign.keep_bones(armature, BoneMap({}))
            properties.fill(armature)
            self.report({"ERROR"}, str(error))
            return {"FINISHED"}
        properties.fill(armature)
        unsure = [properties.label_of(role) for role, score in bones.scores.items() if score < 0.6]
        held = foreign.held_bones(armature, bones)
        if unsure:
            self.report({"WARNING"}, f"{bones.label}; look over: {', '.join(unsure[:5])}")
        elif held:
            self.report({"WARNING"}, f"{bones.label}; constraints hold {', '.join(held[:4])}, which takes cannot move")
        else:
            self.report({"INFO"}, f"{bones.label}: {len(bones.bones)} bones mapped")
        return {"FINISHED"}


class AVANIM_OT_map_face(bpy.types.Operator):
    bl_idname = "avanim.map_face"
    bl_label = "Map Face"
    bl_description = (
        "Find out by their names what the shape keys of the rig's meshes are: ARKit's, visemes, VRM's, MetaHuman's, "
        "Reallusion's … Takes of the face then move them, each by its gain"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, why_not_mapped(context))

    def execute(self, context):
        armature = rig_of(context)
        try:
            face = foreign_face.map_face(armature)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        properties.fill_face(armature)
        self.report({"INFO"}, f"{face.label}: {len(face.targets)} shape keys mapped")
        return {"FINISHED"}


class AVANIM_OT_clear_bones(bpy.types.Operator):
    bl_idname = "avanim.clear_bones"
    bl_label = "Forget the Map"
    bl_description = "Forget which bone is which. Takes that are there stay"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, why_not_mapped(context))

    def execute(self, context):
        armature = rig_of(context)
        for name in (foreign.BONES, foreign.WISHES, foreign_face.FACE):
            if name in armature:
                del armature[name]
        armature.avanim.retarget.rows.clear()
        armature.avanim.retarget.face.clear()
        return {"FINISHED"}


class AVANIM_OT_save_scheme(ExportHelper, bpy.types.Operator):
    bl_idname = "avanim.save_scheme"
    bl_label = "Save Scheme"
    bl_description = "Write the table of mapped bones to a file, for other rigs of the same kind"

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return poll(cls, why_not_mapped(context))

    def execute(self, context):
        try:
            foreign.bones_of(rig_of(context)).save(self.filepath)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class AVANIM_OT_load_scheme(ImportHelper, bpy.types.Operator):
    bl_idname = "avanim.load_scheme"
    bl_label = "Load Scheme"
    bl_description = "Read a table of mapped bones from a file. Bones that the rig lacks stay empty"
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_map(context))

    def execute(self, context):
        armature = rig_of(context)
        try:
            bones = BoneMap.load(self.filepath)
            kept = {role: bone for role, bone in bones.bones.items() if bone in armature.data.bones}
            scores = {role: bones.scores.get(role, 1.0) for role in kept}
            foreign.map_bones(armature, BoneMap(kept, scores, bones.convention))
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        properties.fill(armature)
        return {"FINISHED"}


class AVANIM_OT_import_motion(ImportHelper, bpy.types.Operator):
    bl_idname = "avanim.import_motion"
    bl_label = "Import Motion"
    bl_description = (
        "Choose body motion: .bvh of any skeleton, AMASS or SMPL .npz, AIST++ .pkl. It becomes a new take of the "
        "active character or rig, from the current frame on"
    )
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default="*.bvh;*.npz;*.pkl;*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_job(context))

    def invoke(self, context, event):
        if self.filepath:  # dropped
            return self.execute(context)
        return super().invoke(context, event)

    def execute(self, context):
        armature = tracks.active_character(context)
        try:
            action = motion_to_rig(self.filepath, armature, frame_start=context.scene.frame_current)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        tracks.select(armature, action)
        self.report({"INFO"}, f"New take: {action.name}")
        return {"FINISHED"}


class AVANIM_OT_import_body(ImportHelper, bpy.types.Operator):
    bl_idname = "avanim.import_body"
    bl_label = "Import SMPL Body"
    bl_description = (
        "Choose an SMPL, SMPL-H or SMPL-X file of yours (.npz or .pkl, of which nothing is run) and add its body, with "
        "its shapes as sliders and driven shape keys that repair the skin at bent joints"
    )
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default="*.npz;*.pkl", options={"HIDDEN"})

    def execute(self, context):
        try:
            add_smpl_body(self.filepath)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class _BodyOperator:
    """On the active character. Subclasses give `why_not` and `do`."""

    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, cls.why_not(tracks.active_character(context)))

    def execute(self, context):
        try:
            self.report({"INFO"}, self.do(tracks.active_character(context)))
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class AVANIM_OT_fit_joints(_BodyOperator, bpy.types.Operator):
    bl_idname = "avanim.fit_joints"
    bl_label = "Fit Joints to Shape"
    bl_description = (
        "Put the joints of the active SMPL body where the sliders of its shape (Shape000 …) have them, and its soles "
        "on the floor. Its takes stay"
    )

    @staticmethod
    def why_not(armature):
        return smpl_shape.why_no_fit(armature)

    def do(self, armature):
        betas = smpl_shape.fit_joints(armature)
        return f"{armature.name}: betas {', '.join(f'{beta:.2f}' for beta in betas[:10])}"


class AVANIM_OT_bake_correctives(_BodyOperator, bpy.types.Operator):
    bl_idname = "avanim.bake_correctives"
    bl_label = "Bake Correctives"
    bl_description = (
        "Key the shape keys that repair the skin at bent joints over the scene's range, and mute their drivers: for "
        "programs that play shape keys but no drivers"
    )

    @staticmethod
    def why_not(armature):
        return _NO_CORRECTIVES if smpl_shape.correctives_baked(armature) is None else ""

    def do(self, armature):
        return f"{smpl_shape.bake_correctives(armature)} shape keys of {armature.name} are keyed"


class AVANIM_OT_drive_correctives(_BodyOperator, bpy.types.Operator):
    bl_idname = "avanim.drive_correctives"
    bl_label = "Drive Correctives"
    bl_description = "Let the bones drive the shape keys that repair the skin again, and remove the keys baked of them"

    @staticmethod
    def why_not(armature):
        baked = smpl_shape.correctives_baked(armature)
        return _NO_CORRECTIVES if baked is None else "" if baked else "The bones drive them already"

    def do(self, armature):
        smpl_shape.drive_correctives(armature)
        return f"The bones of {armature.name} drive its correctives"


def why_no_take_to_carry(context: bpy.types.Context) -> str:
    """Why no take can be carried over, in one sentence; empty when one can."""
    reason = why_not_mapped(context)
    if reason:
        return reason
    source = context.scene.avanim.retarget.source
    if source is None:
        return "Choose the character whose take is carried over"
    track = tracks.selected_track(source)
    if track is None or tracks.is_face(tracks.take_on(track)):
        return f"Select a take of the body in the list of {source.name}'s takes first"
    return ""


class AVANIM_OT_retarget_take(bpy.types.Operator):
    bl_idname = "avanim.retarget_take"
    bl_label = "Carry Take Over"
    bl_description = "Make the take that is selected in the other character's list a take of this rig"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_take_to_carry(context))

    def execute(self, context):
        armature, source = rig_of(context), context.scene.avanim.retarget.source
        try:
            action = take_to_rig(source, tracks.take_on(tracks.selected_track(source)), armature)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        tracks.select(armature, action)
        self.report({"INFO"}, f"New take: {action.name}")
        return {"FINISHED"}


def why_no_reduction(context: bpy.types.Context) -> str:
    """Why no take can be reduced, in one sentence; empty when one can."""
    track = tracks.selected_track(tracks.active_character(context))
    return "" if track is not None else "Select a take in the list first"


class AVANIM_OT_reduce_keys(bpy.types.Operator):
    bl_idname = "avanim.reduce_keys"
    bl_label = "Reduce Keys"
    bl_description = (
        "Make a copy of the selected take with as few keys as keep every bone within the error stated here, "
        "so that its curves can be worked on; the take itself is muted"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_reduction(context))

    def execute(self, context):
        armature = tracks.active_character(context)
        panel = context.scene.avanim.retarget
        action = tracks.take_on(tracks.selected_track(armature))
        try:
            made, report = reduce_keys(armature, action, panel.degrees, panel.millimetres)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        tracks.select(armature, made)
        self.report({"INFO"}, f"{made.name}: {report}")
        return {"FINISHED"}


class AVANIM_FH_motion(bpy.types.FileHandler):
    bl_label = "Body Motion"
    bl_import_operator = AVANIM_OT_import_motion.bl_idname
    bl_file_extensions = ".bvh;.npz"

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (
    AVANIM_OT_map_bones,
    AVANIM_OT_map_face,
    AVANIM_OT_clear_bones,
    AVANIM_OT_save_scheme,
    AVANIM_OT_load_scheme,
    AVANIM_OT_import_motion,
    AVANIM_OT_import_body,
    AVANIM_OT_fit_joints,
    AVANIM_OT_bake_correctives,
    AVANIM_OT_drive_correctives,
    AVANIM_OT_retarget_take,
    AVANIM_OT_reduce_keys,
    AVANIM_FH_motion,
)
