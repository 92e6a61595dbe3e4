# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Jobs that change nothing in the scene while they run: films, exports, mixed sound, beats that are to be found.

In the window a second Blender writes the files, from a copy of the .blend: the window stays free, the settings stay as
they are, and stopping it is at once. Elsewhere everything is done on the spot.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..rigs.errors import Cancelled, InputError
from ..rigs.job import Job
from . import jobs, session
from .generating import over_view, poll, redraw_sidebars
from .scene import files
from .scene.render import changed
from .sidebar import remaining

_TICK = 0.1  # s
_SECOND = Path(__file__).with_name("second.py")
_OUTPUTS = (".mp4", ".png", ".fbx", ".glb", ".wav", ".csv", ".npz")


@dataclass
class Running:
    """An errand on its way. `timer` is the window manager's."""

    handle: Any  # jobs.JobHandle, or what is shown like one
    worker: jobs.Worker | None
    timer: Any


# Kind of errand -> the one on its way; at most one each.
running: dict[str, Running] = {}
# Kind of errand -> the file that it wrote last.
written: dict[str, str] = {}


def output_path(text: str, suffix: str) -> Path:
    """The file that a panel's path stands for; its ending is ours to choose."""
    path = Path(bpy.path.abspath(text))
    known = path.suffix.lower() in _OUTPUTS
    return path.with_suffix(suffix) if known else path.with_name(path.name + suffix)


def why_no_output(text: str) -> str:
    """Why nothing can be written there, in one sentence; empty when it can."""
    if not text.strip("/ "):
        return "Choose the file to write first"
    if text.startswith("//") and not bpy.data.filepath:
        return "Save the .blend first, or choose a file elsewhere: // is the folder of the .blend"
    return ""


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """For the copy of the .blend and all else that an errand needs; removed at its end."""
    return tempfile.TemporaryDirectory(prefix="avanim-", ignore_cleanup_errors=True)


def end(kind: str) -> None:
    """Stop an errand and forget it."""
    ended = running.pop(kind, None)
    if ended is not None:
        ended.handle.cancel()
        if ended.worker is not None and ended.worker is not session.worker():
            ended.worker.kill()  # a second Blender that was there for this alone
        bpy.context.window_manager.event_timer_remove(ended.timer)


@bpy.app.handlers.persistent
def end_all(*_: object) -> None:
    """Before another file is loaded, and when the add-on goes."""
    for kind in list(running):
        end(kind)


class Errand:
    """An operator that does a job and tells of its end. Subclasses give `kind`, `why_not` and `job`."""

    kind: str

    @classmethod
    def poll(cls, context):
        busy = "This is being done already; wait for it, or cancel" if cls.kind in running else ""
        return poll(cls, busy or cls.why_not(context))

    @staticmethod
    def why_not(context: bpy.types.Context) -> str:
        """Why it cannot begin, in one sentence; empty when it can."""
        raise NotImplementedError

    def job(self, context: bpy.types.Context) -> Job:
        """What is to be done; raises InputError."""
        raise NotImplementedError

    def do(self, job: Job) -> dict[str, Any]:
        """The job on the spot."""
        return files.run(job)

    def send(self, context: bpy.types.Context, job: Job) -> tuple[jobs.Worker, jobs.JobHandle]:
        """Have the job done elsewhere; the worker, and the job on its way."""
        copy = Path(self._folder.name) / "scene.blend"
        # Drawing the file's little picture would hold up the window.
        with changed((context.preferences.filepaths, "file_preview_type", "NONE")):
            bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, check_existing=False)
        # Scripts in the file are trusted there as far as they are here.
        trust = "-Y" if bpy.app.autoexec_fail else "-y"
        command = [bpy.app.binary_path, "-b", trust, str(copy), "--python", str(_SECOND)]
        worker = jobs.Worker(lambda: command)
        options = {**job.options, "scene": context.scene.name, "folder": self._folder.name}
        handle = worker.submit(Job(job.task, job.input, options, job.output))
        handle.step = "Starting"
        return worker, handle

    def finish(self, context: bpy.types.Context, result: dict[str, Any]) -> str:
        """The job is done; what to tell."""
        written[self.kind] = result["output"]
        return f"Wrote {result['output']}"

    def execute(self, context):
        try:
            self.report({"INFO"}, self.finish(context, self.do(self.job(context))))
        except Cancelled:
            return {"CANCELLED"}
        except (InputError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        self._folder = temporary_folder()
        try:
            worker, self._handle = self.send(context, self.job(context))
        except (InputError, RuntimeError) as error:
            self._folder.cleanup()
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._shown = ()
        timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        running[self.kind] = Running(self._handle, worker, timer)
        context.window_manager.modal_handler_add(self)
        redraw_sidebars()
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        handle = self._handle
        here = running.get(self.kind)
        escape = event.type == "ESC" and event.value == "PRESS" and over_view(context, event)
        if here is None or here.handle is not handle or escape:
            return self._end({"INFO"}, "Cancelled; nothing was written")
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        here.worker.poll()
        if handle.state == "cancelled":
            return self._end({"INFO"}, "Cancelled; nothing was written")
        if handle.state == "failed":
            return self._end({"ERROR"}, handle.error)
        if handle.state == "done":
            try:
                text = self.finish(context, handle.result)
            except InputError as error:
                return self._end({"ERROR"}, str(error))
            self._put_away()
            self.report({"INFO"}, text)
            return {"FINISHED"}
        shown = (handle.step, round(handle.progress, 2), handle.eta and round(handle.eta))
        if shown != self._shown:
            self._shown = shown
            redraw_sidebars()
        return {"PASS_THROUGH"}

    def cancel(self, context):
        """Blender closes the window or the file."""
        self._put_away()

    def _end(self, kind, text):
        self._put_away()
        self.report(kind, text)
        return {"CANCELLED"}

    def _put_away(self):
        if self.kind in running and running[self.kind].handle is self._handle:
            end(self.kind)
        self._folder.cleanup()
        redraw_sidebars()


class AVANIM_OT_cancel_errand(bpy.types.Operator):
    bl_idname = "avanim.cancel_errand"
    bl_label = "Cancel"
    bl_description = "Stop; nothing is written"
    bl_options = {"INTERNAL"}

    kind: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        if self.kind not in running:
            return {"CANCELLED"}
        running[self.kind].handle.cancel()
        return {"FINISHED"}


class AVANIM_OT_open_written(bpy.types.Operator):
    bl_idname = "avanim.open_written"
    bl_label = "Open"
    bl_description = "Show the file that was written last, with the program that your system has for it"
    bl_options = {"INTERNAL"}

    kind: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        path = written.get(self.kind, "")
        if not Path(path).is_file():
            self.report({"ERROR"}, f"There is no file {path} any more")
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=path)
        return {"FINISHED"}


def draw_errand(layout: bpy.types.UILayout, kind: str, operator: str, icon: str, text: str | None = None) -> None:
    """The big button; while it is being done how far that is and a way to stop it; afterwards the file."""
    row = layout.row(align=True)
    row.scale_y = 1.6
    if kind in running:
        handle = running[kind].handle
        row.progress(factor=handle.progress, text=handle.step + remaining(handle.eta))
        row.operator(AVANIM_OT_cancel_errand.bl_idname, text="", icon="X").kind = kind
        return
    row.operator(operator, icon=icon, **({"text": text} if text else {}))
    if kind in written:
        row = layout.row(align=True)
        row.label(text=bpy.path.basename(written[kind]), icon="CHECKMARK")
        row.operator(AVANIM_OT_open_written.bl_idname, text="", icon="FILE_TICK").kind = kind


def register() -> None:
    bpy.app.handlers.load_pre.append(end_all)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(end_all)
    end_all()
