# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives as long as Blender runs and belongs to no file: the worker, and the jobs on their way."""

from __future__ import annotations

import importlib.util
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import bpy

from ..rigs.job import Job, Progress, silent
from . import jobs

# The add-on's own name in this Blender, by which its preferences are found.
PACKAGE = (__package__ or "").rpartition(".")[0]


class Shown(Protocol):
    """Something on the screen that is no data of Blender's."""

    def remove(self) -> None: ...


@dataclass
class Running:
    """One job of a modal operator, from the queue to the last key written.

    `handle` or what is shown like one · `timer` is the window manager's · `owner` the session_uid of the character, 0
    for an errand · `name` the character's or the file's, for showing · `title` says what is made · `request` what was
    wished for · `shown` a preview that is on the screen · `kind` of an errand, at most one each · `own_worker` one that
    was started for this job alone, and ends with it.
    """

    handle: Any
    timer: Any
    owner: int = 0
    name: str = ""
    title: str = ""
    request: Any = None
    shown: Shown | None = None
    kind: str = ""
    own_worker: jobs.Worker | None = None


# Number -> job, the oldest first. The worker does one after the other; errands have workers of their own.
running: dict[int, Running] = {}
_numbers = itertools.count(1)
# What the preferences show of the Python: one line.
status = "Not tried yet"

_worker: jobs.Worker | None = None
_worker_python = ""


def preferences() -> Any:
    """The add-on's preferences, or None where it was registered without being installed."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


def worker() -> jobs.Worker:
    """The one worker, for the Python that the preferences name. Does not start it yet."""
    global _worker, _worker_python
    chosen = getattr(preferences(), "python", "")
    if _worker is not None and chosen != _worker_python:
        stop_worker()
    if _worker is None:
        _worker_python = chosen
        python = bpy.path.abspath(chosen) if chosen else ""
        runtime = runtime_folder()

        # Runs on the worker's thread, where Blender must not be asked anything.
        def command() -> list[str]:
            return [jobs.find_python(python, runtime).path, str(jobs.WORKER)]

        _worker = jobs.Worker(command, log_file())
    return _worker


def log_file() -> Path:
    """What the worker says beside its results is kept here."""
    if not PACKAGE.startswith("bl_ext."):
        return Path(bpy.app.tempdir) / "avanim-worker.log"
    return Path(bpy.utils.extension_path_user(PACKAGE, path="worker.log"))


def runtime_folder() -> Path | None:
    """Where a runtime of the add-on's own lies, if it has one."""
    if not PACKAGE.startswith("bl_ext."):
        return None
    return Path(bpy.utils.extension_path_user(PACKAGE, path="runtime"))


def stop_worker() -> None:
    """End the worker and free its memory; what it did is cancelled, and the next job starts it again."""
    global _worker
    if _worker is not None:
        _worker.kill()
    _worker = None


def begin(job: Running) -> int:
    """Put a job on the list; its number."""
    number = next(_numbers)
    running[number] = job
    return number


def jobs_of(armature: bpy.types.Object | None) -> list[int]:
    """The numbers of the jobs for this character, the oldest first."""
    return [number for number, job in running.items() if armature and job.owner == armature.session_uid]


def job_of(armature: bpy.types.Object | None) -> jobs.JobHandle | None:
    """The job for this character that runs, or is next to."""
    numbers = jobs_of(armature)
    return running[numbers[0]].handle if numbers else None


def errand(kind: str) -> int:
    """The number of the errand of that kind that is on its way; 0 if none is."""
    return next((number for number, job in running.items() if job.kind == kind), 0)


def finish(number: int) -> None:
    """Take a job off the list, stop it and its timer, and take its preview from the screen."""
    ended = running.pop(number, None)
    if ended is not None:
        ended.handle.cancel()
        if ended.own_worker is not None:
            ended.own_worker.kill()
        if ended.shown is not None:
            ended.shown.remove()
        if ended.timer is not None:
            bpy.context.window_manager.event_timer_remove(ended.timer)


def run_to_the_end(job: Job, progress: Progress = silent) -> dict[str, Any]:
    """Do a job and wait: in this process where there is no window and torch is at hand, else in the worker.

    Raises:
        InputError: the input is wrong, or no Python can run the models.
        Cancelled: progress raised it.
        RuntimeError: the worker failed.
    """
    if bpy.app.background and importlib.util.find_spec("torch"):
        from ..models import tasks

        return tasks.run(job, progress)
    return jobs.run_to_the_end(worker(), job, progress)


@bpy.app.handlers.persistent
def cancel_all(*_: object) -> None:
    """Before another file is loaded: its objects are not the ones that the jobs were for."""
    for number in list(running):
        finish(number)


def register() -> None:
    bpy.app.handlers.load_pre.append(cancel_all)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(cancel_all)
    cancel_all()
    stop_worker()
