# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What the buttons whose work is done elsewhere share: a place on the list of jobs, progress, ESC, an end."""

import tempfile
import traceback
from collections.abc import Container

import bpy
from bpy.props import IntProperty

from . import jobs, session
from .takes import tracks

_TICK = 0.1  # s


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


def poll(operator: type[bpy.types.Operator], reason: str) -> bool:
    """Whether it can run; if not, its button says why."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


class Background:
    """An operator that lives on in the window while its job is on the list. Subclasses give `_done`."""

    _job: session.Running
    _folder: tempfile.TemporaryDirectory  # removed at the end

    def _begin_job(self, context, job: session.Running, tick: float = _TICK):
        """Put a job that has been sent on the list."""
        job.timer = context.window_manager.event_timer_add(tick, window=context.window)
        self._job, self._number = job, session.begin(job)
        self._looks = ()
        redraw_sidebars()

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS" and session.running and over_view(context, event):
            job_to_escape(context).cancel()
            return {"RUNNING_MODAL"}  # one key stops one job: the others do not get to see it
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            return self._tick(context)
        except Exception as error:
            # Whatever it is, the job must not stay on the list.
            traceback.print_exc()
            return self._end({"ERROR"}, f"{self._job.title} failed: {type(error).__name__}: {error}")

    def cancel(self, context):
        """Blender closes the window or the file."""
        self._put_away()

    def _tick(self, context):
        handle = self._job.handle
        (self._job.own_worker or session.worker()).poll()
        if handle.state == "failed":
            return self._end({"ERROR"}, handle.error)
        if handle.state == "cancelled" or self._number not in session.running:
            return self._end({"INFO"}, "Cancelled")
        if handle.state == "done":
            return self._done(context)
        self._show()
        return {"PASS_THROUGH"}

    def _done(self, context):
        """The result is there; called again and again until it returns that the operator has ended."""
        raise NotImplementedError

    def _show(self):
        handle = self._job.handle
        looks = (handle.step, round(handle.progress, 2), handle.eta and round(handle.eta), self._job.name)
        if looks != self._looks:
            self._looks = looks
            redraw_sidebars()

    def _end(self, kind, text):
        self._put_away()
        self.report(kind, text)
        return {"CANCELLED"}

    def _put_away(self):
        session.finish(self._number)
        self._folder.cleanup()
        redraw(("UI", "WINDOW"))


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
        return poll(cls, "" if session.running else "No job is running")

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
        return poll(cls, "" if session.running else "No job is running")

    def execute(self, context):
        # The newest first: else each would begin when the one before it has stopped.
        for job in reversed(list(session.running.values())):
            job.handle.cancel()
        return {"FINISHED"}


CLASSES = (AVANIM_OT_cancel_job, AVANIM_OT_cancel_jobs)
