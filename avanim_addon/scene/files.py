# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that turn the current scene into a file: `Job.task` names one of TASKS, `Job.options` are its arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ...rigs.errors import InputError
from ...rigs.job import Job, Progress, silent
from .contacts import write_capture
from .export import export
from .face_file import write_face
from .render import join_pictures, render, write_mix

TASKS: dict[str, Callable[..., object]] = {
    "render": render,
    "film": join_pictures,
    "export": export,
    "mix": write_mix,
    "face": write_face,
    "contacts": write_capture,
}


def run(job: Job, progress: Progress = silent) -> dict[str, Any]:
    """Write the file that a job asks for, from the current scene, and return its path as `output`.

    Options are plain JSON values: `armature` is an object's name, `size` and `frame_range` are pairs.

    Raises:
        InputError: an unknown task or object, or what the task itself raises.
        Cancelled: progress raised it; nothing is written then.
    """
    if job.task not in TASKS or not job.output:
        raise InputError(f"Unknown task {job.task!r}; known are {', '.join(TASKS)}, each with an output.")
    options = dict(job.options)
    for name in ("size", "frame_range"):
        if options.get(name):
            options[name] = tuple(options[name])
    if options.get("armature"):
        name = options["armature"]
        options["armature"] = bpy.context.scene.objects.get(name)
        if options["armature"] is None:
            raise InputError(f"The scene {bpy.context.scene.name} has no object {name}; select a character.")
    TASKS[job.task](Path(job.output), progress=progress, **options)
    return {"output": job.output}
