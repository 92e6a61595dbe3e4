# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons of the dance panel."""

import random
import tempfile
import time
from collections.abc import Callable, Container
from dataclasses import replace

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...rigs.errors import Cancelled, InputError
from .. import api, session
from ..scene import sound
from ..scene.character import skeleton_of
from ..scene.take import Undone, by_uid
from . import takes
from .request import DanceRequest

_TICK = 0.1  # s
_WRITING = 0.02  # s of each tick that go into writing the take


def redraw_sidebars() -> None:
    """Show the news in every 3D view's sidebar."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def why_no_job(context: bpy.types.Context) -> str:
    """Why nothing can be generated for the active character, in one sentence; empty when something can."""
    armature = takes.active_character(context)
    if armature is None:
        return "Select a character, or add one first"
    if armature.library is not None:
        return f"{armature.name} is linked from another file; make it local first"
    if session.job_of(armature):
        return f"{armature.name} is being worked on; wait for it, or cancel"
    return ""


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


def _poll(operator: type[bpy.types.Operator], reason: str) -> bool:
    """Whether it can run; if not, its button says why."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


def _start(operator: bpy.types.Operator, other: Callable[..., set[str]], **values: object) -> set[str]:
    """Hand over to another operator, which lives on in the window, and waits where there is none."""
    try:
        other("EXEC_DEFAULT" if bpy.app.background else "INVOKE_DEFAULT", **values)
    except RuntimeError as error:  # what it has reported
        operator.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"CANCELLED"}
    return {"FINISHED"}


def _new_seed(taken: Container[int]) -> int:
    return next(seed for seed in iter(lambda: random.randrange(1, 10_000), None) if seed not in taken)


class _Dance:
    """In the window it starts the job, leaves the window free and writes the take at the end; elsewhere it waits."""

    # No REGISTER: the redo panel would run it all again at every touch of a property.
    bl_options = {"UNDO"}
    why_not = staticmethod(why_no_dance)

    @classmethod
    def poll(cls, context):
        return _poll(cls, cls.why_not(context))

    def request(self, context) -> DanceRequest:
        """What is wished for; raises InputError."""
        return DanceRequest.from_panel(context.scene)

    def execute(self, context):
        armature = takes.active_character(context)
        try:
            made = api.perform(self.request(context), armature, context.scene)
        except Cancelled:
            return {"CANCELLED"}
        except (InputError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._tell(*made)
        return {"FINISHED"}

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        armature = takes.active_character(context)
        try:
            skeleton_of(armature)
            self._request = self.request(context)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._folder = tempfile.TemporaryDirectory(prefix="avanim-", ignore_cleanup_errors=True)
        self._armature = armature.session_uid
        self._scene = context.scene.session_uid
        self._handle = session.worker().submit(self._request.job(armature, context.scene, self._folder.name))
        self._shown = ()
        self._steps = None
        timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        session.running[self._armature] = session.Running(self._handle, timer)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        handle = self._handle
        escape = event.type == "ESC" and event.value == "PRESS"
        if escape:
            handle.cancel()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        else:
            session.worker().poll()
        armature = by_uid(bpy.data.objects, self._armature)
        scene = by_uid(bpy.data.scenes, self._scene)
        if armature is None or scene is None:
            handle.cancel()
            return self._end({"WARNING"}, "The character is gone, so its dance was cancelled")
        if handle.state == "failed":
            return self._end({"ERROR"}, handle.error)
        if handle.state == "cancelled" or escape or self._armature not in session.running:
            return self._end({"INFO"}, "Cancelled")
        if handle.state == "done":
            return self._write(armature, scene)
        self._show()
        return {"PASS_THROUGH"}

    def cancel(self, context):
        """Blender closes the window or the file."""
        self._put_away()

    def _write(self, armature, scene):
        """Go on writing the take for a moment: a long one would hold up the window."""
        self._handle.step = "Writing the take"
        self._show()
        try:
            self._steps = self._steps or self._request.steps(armature, scene, self._handle.result)
            until = time.monotonic() + _WRITING
            while time.monotonic() < until:
                next(self._steps)
        except StopIteration as end:
            self._put_away()
            self._tell(*end.value)
            return {"FINISHED"}
        except Undone:
            self._steps = None
        except InputError as error:
            return self._end({"ERROR"}, str(error))
        return {"PASS_THROUGH"}

    def _show(self):
        handle = self._handle
        shown = (handle.step, round(handle.progress, 2), handle.eta and round(handle.eta))
        if shown != self._shown:
            self._shown = shown
            redraw_sidebars()

    def _end(self, kind, text):
        self._put_away()
        self.report(kind, text)
        return {"CANCELLED"}

    def _tell(self, action, problem):
        if problem:
            self.report({"WARNING"}, f"New take: {action.name}, but without its sound. {problem}")
        else:
            self.report({"INFO"}, f"New take: {action.name}")

    def _put_away(self):
        if self._steps is not None:
            self._steps.close()
        session.finish(self._armature)
        self._folder.cleanup()
        redraw_sidebars()


class AVANIM_OT_generate_dance(_Dance, bpy.types.Operator):
    bl_idname = "avanim.generate_dance"
    bl_label = "Generate Dance"
    bl_description = "Let the character dance to the music. Adds a take; ESC cancels. One undo removes it again"


def why_no_repeat(context: bpy.types.Context) -> str:
    """Why the selected take cannot be made again, in one sentence; empty when it can."""
    reason = why_no_job(context)
    track = takes.selected_track(takes.active_character(context))
    if reason:
        return reason
    action = takes.take_on(track) if track else None
    if action is None:
        return "Select a take in the list first"
    if "avanim_request" not in action:
        return f"{action.name} does not say how it was made"
    return ""


class AVANIM_OT_repeat_take(_Dance, bpy.types.Operator):
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
        action = takes.take_on(takes.selected_track(takes.active_character(context)))
        request = DanceRequest.from_take(action, song=self.audio)
        if self.vary == "SEED":
            taken = {takes.seed_of(track) for track in takes.take_tracks(takes.active_character(context))}
            request = replace(request, seed=_new_seed(taken), name=None)
        return request


class _SoundFile:
    """Asks for a sound file where it is given none."""

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_sound: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class AVANIM_OT_dance_like_take(_SoundFile, bpy.types.Operator):
    bl_idname = "avanim.dance_like_take"
    bl_label = "Same Settings, Other Song"
    bl_description = "Choose another song and let the character dance to it with the settings of the selected take"

    @classmethod
    def poll(cls, context):
        return _poll(cls, why_no_repeat(context))

    def execute(self, context):
        return _start(self, bpy.ops.avanim.repeat_take, audio=self.filepath)


class AVANIM_OT_dance_to_file(_SoundFile, bpy.types.Operator):
    bl_idname = "avanim.dance_to_file"
    bl_label = "Dance to File"
    bl_description = (
        "Choose the music and let the character dance to it with the settings of the dance panel. "
        "Where no character is selected one is added first"
    )

    @classmethod
    def poll(cls, context):
        return _poll(cls, why_no_job(context) if takes.active_character(context) else "")

    def execute(self, context):
        if takes.active_character(context) is None:
            if context.object is not None and context.object.mode != "OBJECT":
                self.report({"ERROR"}, "Leave the mode in which the active object is, or select a character")
                return {"CANCELLED"}
            if _start(self, bpy.ops.avanim.add_character) == {"CANCELLED"}:
                return {"CANCELLED"}
        panel = context.scene.avanim.dance
        panel.source, panel.audio, panel.start, panel.seconds = "FILE", self.filepath, 0.0, 0.0
        # A step of its own: undoing the dance keeps the character and the choice of the music.
        bpy.ops.ed.undo_push(message=self.bl_label)
        return _start(self, bpy.ops.avanim.generate_dance)


class AVANIM_OT_add_sound(_SoundFile, bpy.types.Operator):
    bl_idname = "avanim.add_sound"
    bl_label = "Add Sound Strip"
    bl_description = "Choose a sound and put it into the sequencer at the current frame, to be played in step"
    bl_options = {"UNDO"}

    def execute(self, context):
        try:
            strip = sound.add_sound_strip(context.scene, self.filepath, context.scene.frame_current)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Added {strip.name} to the sequencer")
        return {"FINISHED"}


class AVANIM_OT_cancel_dance(bpy.types.Operator):
    bl_idname = "avanim.cancel_dance"
    bl_label = "Cancel"
    bl_description = "Stop; nothing is changed"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        if session.job_of(takes.active_character(context)):
            return True
        cls.poll_message_set("Nothing is being generated for this character")
        return False

    def execute(self, context):
        session.job_of(takes.active_character(context)).cancel()
        return {"FINISHED"}


class AVANIM_OT_new_seed(bpy.types.Operator):
    bl_idname = "avanim.new_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice: the next dance is another one"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context):
        context.scene.avanim.dance.seed = _new_seed({context.scene.avanim.dance.seed})
        return {"FINISHED"}


class _TakeOperator:
    @classmethod
    def poll(cls, context):
        if takes.selected_track(takes.active_character(context)):
            return True
        cls.poll_message_set("Select a take in the list first")
        return False


class AVANIM_OT_use_only_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.use_only_take"
    bl_label = "Use Only This Take"
    bl_description = "Play the selected take and mute the others"
    bl_options = {"UNDO"}

    def execute(self, context):
        armature = takes.active_character(context)
        takes.use_only(armature, takes.selected_track(armature))
        return {"FINISHED"}


class AVANIM_OT_delete_take(_TakeOperator, bpy.types.Operator):
    bl_idname = "avanim.delete_take"
    bl_label = "Delete Take"
    bl_description = "Remove the selected take and its action"
    bl_options = {"UNDO"}

    def execute(self, context):
        armature = takes.active_character(context)
        takes.delete(armature, takes.selected_track(armature))
        return {"FINISHED"}
