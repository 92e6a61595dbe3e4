# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons beside and below the list of takes."""

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ...rigs.errors import InputError
from ..compat import versions
from ..generating import Generate, SoundFile, new_seed, poll, start, why_no_job
from ..request import asked_for, with_seed
from ..scene import marks
from . import asset, tracks
from .regenerate import RegenerateRequest
from .retime import retime_to_markers


def selected_take(context: bpy.types.Context) -> bpy.types.Action | None:
    """The take that is selected in the active character's list."""
    track = tracks.selected_track(tracks.active_character(context))
    return tracks.take_on(track) if track else None


def unused_seed(armature: bpy.types.Object) -> int:
    """A seed that none of the character's takes has."""
    return new_seed({tracks.seed_of(track) for track in tracks.take_tracks(armature)})


class _TakeOperator:
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        reason = cls.why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    @classmethod
    def why_not(cls, context):
        """Why it cannot be pressed, in one sentence; empty when it can."""
        return "" if selected_take(context) else "Select a take in the list first"

    def execute(self, context):
        armature = tracks.active_character(context)
        try:
            told = self.do(context, armature, tracks.selected_track(armature))
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if told:
            self.report({"INFO"}, told)
        return {"FINISHED"}

    def do(self, context, armature, track) -> str | None:
        """Do it to the take on the track; what to tell the user. Raises InputError."""
        raise NotImplementedError


class AVANIM_OT_use_only_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.use_only_take"
    bl_label = "Use Only This Take"
    bl_description = "Play the selected take and mute the others of its kind, body or face"

    def do(self, context, armature, track):
        tracks.use_only(armature, track)


class AVANIM_OT_mute_take(bpy.types.Operator):
    bl_idname = "avanim.mute_take"
    bl_label = "Mute Take"
    bl_description = "Let the take play, or silence it"
    bl_options = {"UNDO", "INTERNAL"}

    track: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        return tracks.active_character(context) is not None

    def execute(self, context):
        armature = tracks.active_character(context)
        track = armature.animation_data.nla_tracks[self.track]
        tracks.set_mute(armature, track, not track.mute)
        return {"FINISHED"}


class AVANIM_OT_delete_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.delete_take"
    bl_label = "Delete Take"
    bl_description = "Remove the selected take, its action and its markers"

    def do(self, context, armature, track):
        marks.hide(context.scene, tracks.take_on(track))
        tracks.delete(armature, track)


class AVANIM_OT_mark_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.mark_take"
    bl_label = "Mark as Asset"
    bl_description = "Offer the selected take in the asset browser, with its settings as tags and description"

    def do(self, context, armature, track):
        action = tracks.take_on(track)
        asset.mark(armature, action)
        return f"{action.name} is an asset of this file"


class AVANIM_OT_clear_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.clear_take"
    bl_label = "Clear Asset"
    bl_description = "Take the selected take out of the asset browser; the take itself stays"

    @classmethod
    def why_not(cls, context):
        action = selected_take(context)
        if action is not None and not action.asset_data:
            return f"{action.name} is no asset"
        return super().why_not(context)

    def do(self, context, armature, track):
        asset.clear(armature, tracks.take_on(track))


class AVANIM_OT_show_markers(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.show_markers"
    bl_label = "Show Markers"
    bl_description = "Put the selected take's beats or phonemes on the timeline as markers, where they can be moved"

    @classmethod
    def why_not(cls, context):
        action = selected_take(context)
        if action is not None and "avanim_marks" not in action:
            return f"{action.name} has no beats or phonemes"
        return super().why_not(context)

    def do(self, context, armature, track):
        action = tracks.take_on(track)
        count = marks.show(context.scene, action, tracks.frame_shift(armature, action))
        return f"{count} markers. Move some in the timeline, then press Re-time"


class _ShownMarkers(_TakeOperator):
    @classmethod
    def why_not(cls, context):
        action = selected_take(context)
        if action is not None and not marks.are_shown(context.scene, action):
            return f"The markers of {action.name} are not shown; press Show Markers first"
        return super().why_not(context)


class AVANIM_OT_hide_markers(_ShownMarkers, bpy.types.Operator):
    bl_idname = "avanim.hide_markers"
    bl_label = "Hide Markers"
    bl_description = "Take the selected take's markers off the timeline; the animator's own stay"

    def do(self, context, armature, track):
        marks.hide(context.scene, tracks.take_on(track))


class AVANIM_OT_retime_take(_ShownMarkers, bpy.types.Operator):
    bl_idname = "avanim.retime_take"
    bl_label = "Re-time"
    bl_description = (
        "Make another take that follows the markers: what happened at a marker happens where it has been moved. The "
        "sound stays where it is"
    )

    def do(self, context, armature, track):
        return f"New take: {retime_to_markers(context.scene, armature, tracks.take_on(track)).name}"


def why_no_repeat(context: bpy.types.Context) -> str:
    """Why the selected take cannot be made again, in one sentence; empty when it can."""
    reason = why_no_job(context)
    action = selected_take(context)
    if reason:
        return reason
    if action is None:
        return "Select a take in the list first"
    if "avanim_request" not in action:
        return f"{action.name} does not say how it was made"
    return ""


class AVANIM_OT_repeat_take(Generate, bpy.types.Operator):
    bl_idname = "avanim.repeat_take"
    bl_label = "Run Again"
    bl_description = "Make the selected take again, as another take"
    why_not = staticmethod(why_no_repeat)

    vary: EnumProperty(
        items=(
            ("NOTHING", "Nothing", "Make the selected take again, with the same settings, as another take"),
            ("SEED", "Seed", "Another dance to the same song, with the settings of the selected take"),
        ),
        options={"HIDDEN", "SKIP_SAVE"},
    )
    audio: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, context, properties):
        return properties.bl_rna.properties["vary"].enum_items[properties.vary].description

    def request(self, context):
        armature, action = tracks.active_character(context), selected_take(context)
        assert action is not None  # why_no_repeat
        request = asked_for(action, self.audio)
        return with_seed(request, unused_seed(armature)) if self.vary == "SEED" else request


class AVANIM_OT_dance_like_take(SoundFile, bpy.types.Operator):
    bl_idname = "avanim.dance_like_take"
    bl_label = "Same Settings, Other Song"
    bl_description = "Choose another song and let the character dance to it with the settings of the selected take"

    @classmethod
    def poll(cls, context):
        return poll(cls, why_no_repeat(context))

    def execute(self, context):
        return start(self, bpy.ops.avanim.repeat_take, audio=self.filepath)


def why_no_part(context: bpy.types.Context) -> str:
    """Why no part of the selected take can be made anew, in one sentence; empty when it can."""
    reason, action = why_no_job(context), selected_take(context)
    panel = context.scene.avanim.takes
    if reason:
        return reason
    if action is None:
        return "Select a take in the list first"
    if tracks.is_face(action):
        return f"{action.name} is a take of the face; select a dance"
    if "avanim_request" not in action:
        return f"{action.name} does not say how it was made"
    if panel.span == "PREVIEW" and not context.scene.use_preview_range:
        return "Draw a preview range in the timeline first (P)"
    if panel.span == "MARKERS" and sum(marker.select for marker in context.scene.timeline_markers) < 2:
        return "Select two markers in the timeline first"
    if panel.bones == "SELECTED" and not versions.selected_bones(tracks.active_character(context)):
        return "Select some bones in pose mode first"
    return ""


class AVANIM_OT_regenerate_part(Generate, bpy.types.Operator):
    bl_idname = "avanim.regenerate_part"
    bl_label = "Regenerate Part"
    bl_description = (
        "Make another take that is the selected one, but for the frames and bones above: those are danced anew with "
        "another seed. ESC cancels"
    )
    why_not = staticmethod(why_no_part)

    def request(self, context):
        armature, action, scene = tracks.active_character(context), selected_take(context), context.scene
        assert action is not None  # why_no_part
        panel = scene.avanim.takes
        first, last = panel.first, panel.last
        if panel.span == "PREVIEW":
            first, last = scene.frame_preview_start, scene.frame_preview_end
        elif panel.span == "MARKERS":
            frames = [marker.frame for marker in scene.timeline_markers if marker.select]
            first, last = min(frames), max(frames)
        elif panel.span == "ALL":
            first = tracks.frame_shift(armature, action) + action["avanim_frame_start"]
            last = first + action["avanim_frames"] - 1
        joints = tuple(versions.selected_bones(armature)) if panel.bones == "SELECTED" else None
        return RegenerateRequest.of(armature, action, first, last, joints, panel.blend, unused_seed(armature))


CLASSES = (
    AVANIM_OT_use_only_take,
    AVANIM_OT_mute_take,
    AVANIM_OT_delete_take,
    AVANIM_OT_mark_take,
    AVANIM_OT_clear_take,
    AVANIM_OT_show_markers,
    AVANIM_OT_hide_markers,
    AVANIM_OT_retime_take,
    AVANIM_OT_regenerate_part,
    AVANIM_OT_repeat_take,
    AVANIM_OT_dance_like_take,
)
