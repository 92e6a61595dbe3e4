# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What the buttons that generate something share: the job, its progress, its end, and why it cannot begin."""

import random
import tempfile
import time
from collections.abc import Callable, Container

import bpy
from bpy.props import BoolProperty, StringProperty

from ..rigs.errors import Cancelled, InputError
from . import session
from .request import Request, perform
from .scene.character import skeleton_of
from .scene.take import Undone, by_uid
from .takes import tracks

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
    armature = tracks.active_character(context)
    if armature is None:
        return "Select a character, or add one first"
    if armature.library is not None:
        return f"{armature.name} is linked from another file; make it local first"
    if session.job_of(armature):
        return f"{armature.name} is being worked on; wait for it, or cancel"
    return ""


def poll(operator: type[bpy.types.Operator], reason: str) -> bool:
    """Whether it can run; if not, its button says why."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


def start(operator: bpy.types.Operator, other: Callable[..., set[str]], **values: object) -> set[str]:
    """Hand over to another operator, which lives on in the window, and waits where there is none."""
    try:
        other("EXEC_DEFAULT" if bpy.app.background else "INVOKE_DEFAULT", **values)
    except RuntimeError as error:  # what it has reported
        operator.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"CANCELLED"}
    return {"FINISHED"}


def new_seed(taken: Container[int]) -> int:
    return next(seed for seed in iter(lambda: random.randrange(1, 10_000), None) if seed not in taken)


class Generate:
    """In the window it starts the job, leaves the window free and writes the take at the end; elsewhere it waits."""

    # No REGISTER: the redo panel would run it all again at every touch of a property.
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, cls.why_not(context))

    @staticmethod
    def why_not(context: bpy.types.Context) -> str:
        """Why it cannot begin, in one sentence; empty when it can."""
        raise NotImplementedError

    def request(self, context: bpy.types.Context) -> Request:
        """What is wished for; raises InputError."""
        raise NotImplementedError

    def execute(self, context):
        armature = tracks.active_character(context)
        try:
            made = perform(self.request(context), armature, context.scene)
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
        armature = tracks.active_character(context)
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


class SoundFile:
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


class AVANIM_OT_cancel_job(bpy.types.Operator):
    bl_idname = "avanim.cancel_job"
    bl_label = "Cancel"
    bl_description = "Stop; nothing is changed"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        if session.job_of(tracks.active_character(context)):
            return True
        cls.poll_message_set("Nothing is being generated for this character")
        return False

    def execute(self, context):
        session.job_of(tracks.active_character(context)).cancel()
        return {"FINISHED"}
