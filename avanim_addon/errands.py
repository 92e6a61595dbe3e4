# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Jobs that change nothing in the scene while they run: films, exports, mixed sound, beats that are to be found.

In the window a second Blender writes the files, from a copy of the .blend: the window stays free, the settings stay as
they are, and stopping it is at once. Elsewhere everything is done on the spot.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..rigs.errors import Cancelled, InputError
from ..rigs.files import clear_after
from ..rigs.job import Job
from . import jobs, session
from .background import Background, poll
from .request import temporary_folder
from .scene import files
from .scene.render import changed
from .scene.take import by_uid
from .sidebar import draw_progress

_SECOND = Path(__file__).with_name("second.py")
_OUTPUTS = (".mp4", ".png", ".fbx", ".glb", ".wav", ".csv", ".npz")


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


def unused_path(path: Path, folder: bool = False) -> Path:
    """A file's path, with -2, -3 … where it is taken, or a folder's with -1, -2 …: what is undone can be redone."""
    stem, ending = (path.name, "") if folder else (path.stem, path.suffix)
    number, made = 1, path.with_name(f"{stem}-1") if folder else path
    while made.exists():
        number += 1
        made = path.with_name(f"{stem}-{number}{ending}")
    return made


def scene_of(uid: int, otherwise: str) -> bpy.types.Scene:
    """The scene that an errand began in. Raises InputError, with `otherwise`: it is gone."""
    scene = by_uid(bpy.data.scenes, uid)
    if scene is None:
        raise InputError(f"The scene is gone{otherwise}")
    return scene


class Errand(Background):
    """An operator that does a job and tells of its end. Subclasses give `kind`, `why_not` and `job`."""

    kind: str

    @classmethod
    def poll(cls, context):
        busy = "This is being done already; wait for it, or cancel" if session.errand(cls.kind) else ""
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

    def send(self, context: bpy.types.Context, job: Job) -> tuple[jobs.JobHandle, jobs.Worker | None]:
        """Have the job done elsewhere; the job on its way, and the worker if it is for this job alone."""
        copy = Path(self._folder.name) / "scene.blend"
        # Drawing the file's little picture would hold up the window.
        with changed((context.preferences.filepaths, "file_preview_type", "NONE")):
            bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, check_existing=False)
        # Scripts in the file are trusted there as far as they are here.
        trust = "-Y" if bpy.app.autoexec_fail else "-y"
        command = [bpy.app.binary_path, "-b", trust, str(copy), "--python", str(_SECOND)]
        temporary, output = self._folder.name, Path(job.output or copy).parent

        # It may be killed in the midst of writing, also when this Blender quits.
        def clear(pid: int) -> None:
            clear_after(pid, output)
            shutil.rmtree(temporary, ignore_errors=True)

        worker = jobs.Worker(lambda: command, afterwards=clear)
        options = {**job.options, "scene": context.scene.name, "folder": self._folder.name}
        handle = worker.submit(Job(job.task, job.input, options, job.output))
        handle.step = "Starting"
        return handle, worker

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
        folder = None
        try:
            self._folder = folder = temporary_folder()
            job = self.job(context)
            handle, worker = self.send(context, job)
        except (InputError, RuntimeError) as error:
            if folder is not None:
                folder.cleanup()
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.begin(context, handle, job.output or job.input, worker)
        return {"RUNNING_MODAL"}

    def begin(self, context, handle, path, worker=None, **how):
        """Go on in the window. `path`: the file by which the job is known in the list."""
        name = bpy.path.basename(path)
        job = session.Running(handle, None, name=name, title=self.bl_label, kind=self.kind, own_worker=worker)
        self._begin_job(context, job, **how)
        context.window_manager.modal_handler_add(self)

    def _done(self, context):
        try:
            text = self.finish(context, self._job.handle.result)
        except InputError as error:
            return self._end({"ERROR"}, str(error))
        self._put_away()
        self.report({"INFO"}, text)
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
    number = session.errand(kind)
    if number:
        draw_progress(row, number)
        return
    row.operator(operator, icon=icon, **({"text": text} if text else {}))
    if kind in written:
        row = layout.row(align=True)
        row.label(text=bpy.path.basename(written[kind]), icon="CHECKMARK")
        row.operator(AVANIM_OT_open_written.bl_idname, text="", icon="FILE_TICK").kind = kind


CLASSES = (AVANIM_OT_open_written,)
