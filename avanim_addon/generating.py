# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What the buttons that generate something share: the job, its progress, its end, and why it cannot begin."""

import random
import time
import traceback
from collections.abc import Callable, Container

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ..rigs.errors import Cancelled, InputError
from . import jobs, session
from .request import Request, perform, temporary_folder
from .scene.take import Undone, by_uid
from .takes import tracks

_TICK = 0.1  # s
_WRITING = 0.02  # s of each tick that go into writing the take


def redraw(kinds: Container[str]) -> None:
    """Have these regions of every 3D view drawn anew: WINDOW the view itself, UI its sidebar."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type in kinds:
                        region.tag_redraw()


def redraw_sidebars() -> None:
    """Show the news in every 3D view's sidebar."""
    redraw(("UI",))


def over_view(context: bpy.types.Context, event: bpy.types.Event) -> bool:
    """Whether the mouse is over a 3D view."""
    return any(
        area.type == "VIEW_3D"
        and 0 <= event.mouse_x - area.x < area.width
        and 0 <= event.mouse_y - area.y < area.height
        for area in context.window.screen.areas
    )


def job_to_escape(context: bpy.types.Context) -> jobs.JobHandle:
    """The job that ESC stops: the active character's, else the newest. There is one at least."""
    newest = next(reversed(session.running.values())).handle
    return session.job_of(tracks.active_character(context)) or newest


def why_no_job(context: bpy.types.Context) -> str:
    """Why nothing can be generated for the active character, in one sentence; empty when something can."""
    armature = tracks.active_character(context)
    if armature is None:
        return "Select a character, or add one first"
    if armature.library is not None:
        return f"{armature.name} is linked from another file; make it local first"
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
        try:
            self._begin(context)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _begin(self, context):
        """Put the job into the worker's queue, and on the list."""
        armature, scene = tracks.active_character(context), context.scene
        self._request = self.request(context)
        self._target = self._request.target(armature, scene)
        if any(session.running[number].request == self._request for number in session.jobs_of(armature)):
            raise InputError(f"{self._target.title} is on its way for {armature.name} already; wait, or change it")
        self._folder = temporary_folder()
        self._armature, self._scene = armature.session_uid, scene.session_uid
        self._handle = session.worker().submit(self._request.job(armature, scene, self._folder.name))
        self._looks = ()
        self._preview = self._handle.preview
        self._steps = None
        timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        self._job = session.Running(
            self._handle, timer, self._armature, armature.name, self._target.title, self._request
        )
        self._number = session.begin(self._job)
        redraw_sidebars()

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS" and over_view(context, event):
            job_to_escape(context).cancel()
            return {"RUNNING_MODAL"}  # one key stops one job: the others do not get to see it
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            return self._tick()
        except Exception as error:
            # Whatever it is, the job must not stay on the list.
            traceback.print_exc()
            return self._end({"ERROR"}, f"{self._target.title} failed: {type(error).__name__}: {error}")

    def cancel(self, context):
        """Blender closes the window or the file."""
        self._put_away()

    def _tick(self):
        handle = self._handle
        session.worker().poll()
        if handle.state == "failed":
            return self._end({"ERROR"}, handle.error)
        if handle.state == "cancelled" or self._number not in session.running:
            return self._end({"INFO"}, "Cancelled")
        if handle.state == "done":
            return self._write()
        armature = by_uid(bpy.data.objects, self._armature)
        self._job.name = armature.name if armature else self._job.name
        if handle.preview is not self._preview:
            self._preview = handle.preview
            if self._job.shown is not None:
                self._job.shown.remove()
            self._job.shown = self._target.show(handle.preview)
            redraw(("WINDOW",))
        self._show()
        return {"PASS_THROUGH"}

    def _write(self):
        """Go on writing the take for a moment: a long one would hold up the window."""
        self._handle.step = "Writing the take"
        self._show()
        armature, scene = by_uid(bpy.data.objects, self._armature), by_uid(bpy.data.scenes, self._scene)
        # Deleted, or in no collection any more and so on its way out.
        gone = armature is None or scene is None or not armature.users_collection
        try:
            if self._steps is not None and gone != self._alone:
                self._steps.close()
                self._steps = None
            if self._steps is None:
                self._alone = gone
                result = self._handle.result
                self._steps = self._target.keep(result) if gone else self._request.steps(armature, scene, result)
            until = time.monotonic() + _WRITING
            while time.monotonic() < until:
                next(self._steps)
        except StopIteration as end:
            self._put_away()
            if isinstance(end.value, tuple):
                self._tell(*end.value)
            else:
                lost = self._job.name if scene else "The scene"
                self.report({"WARNING"}, f"{lost} is gone; the result is kept as the action {end.value.name}")
            return {"FINISHED"}
        except Undone:
            self._steps = None
        except InputError as error:
            return self._end({"ERROR"}, str(error))
        return {"PASS_THROUGH"}

    def _show(self):
        handle = self._handle
        looks = (handle.step, round(handle.progress, 2), handle.eta and round(handle.eta), self._job.name)
        if looks != self._looks:
            self._looks = looks
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
        session.finish(self._number)
        self._folder.cleanup()
        redraw(("UI", "WINDOW"))


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
    bl_description = (
        "Stop this job; nothing is changed. ESC over a 3D view stops the active character's job, else the newest"
    )
    bl_options = {"INTERNAL"}

    job: IntProperty(name="Job", description="Its number; 0 is the active character's", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if session.running else "Nothing is being generated for this character or another")

    def execute(self, context):
        number = self.job or next(iter(session.jobs_of(tracks.active_character(context))), 0)
        if number not in session.running:
            self.report({"INFO"}, "There is no such job any more")
            return {"CANCELLED"}
        session.running[number].handle.cancel()
        return {"FINISHED"}


class AVANIM_OT_cancel_jobs(bpy.types.Operator):
    bl_idname = "avanim.cancel_jobs"
    bl_label = "Cancel All"
    bl_description = "Stop all jobs, the running and the waiting; nothing is changed"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if session.running else "Nothing is being generated")

    def execute(self, context):
        # The newest first: else each would begin when the one before it has stopped.
        for job in reversed(list(session.running.values())):
            job.handle.cancel()
        return {"FINISHED"}
