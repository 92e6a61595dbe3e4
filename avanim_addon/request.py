# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a take, and its fulfilment. Each domain has its own kind of request."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

import bpy

from ..rigs.errors import InputError
from ..rigs.job import Job, Progress, part, silent
from . import session
from .scene import take


class Target(Protocol):
    """What is kept of the character and the scene when a job begins. `title` says what is made: "Dance to song"."""

    @property
    def title(self) -> str: ...

    def keep(self, result: dict[str, Any]) -> Generator[None, None, bpy.types.Action]:
        """Write the result bit by bit as an action alone: the character or the scene has gone."""
        ...

    def show(self, preview: dict[str, Any]) -> session.Shown | None:
        """Show what the worker has sent ahead; None where there is nothing to be seen."""
        ...


class Request(Protocol):
    """One wish for a take: the job that it becomes, and what its result does to the scene. Equal wishes are equal."""

    def job(self, armature: bpy.types.Object, scene: bpy.types.Scene, folder: str | Path) -> Job: ...

    def target(self, armature: bpy.types.Object, scene: bpy.types.Scene) -> Target: ...

    def steps(
        self, armature: bpy.types.Object, scene: bpy.types.Scene, result: dict[str, Any]
    ) -> Generator[None, None, tuple[bpy.types.Action, str]]:
        """Write the result bit by bit; returns the take, and what could not be added beside it."""
        ...


def temporary_folder() -> tempfile.TemporaryDirectory:
    """Where a job leaves its files until they are read. Raises InputError where there is no room."""
    try:
        return tempfile.TemporaryDirectory(prefix="avanim-", ignore_cleanup_errors=True)
    except OSError as error:
        raise InputError(f"There is no room for temporary files ({error.strerror}); free some space.") from error


def perform(
    request: Request, armature: bpy.types.Object, scene: bpy.types.Scene, progress: Progress = silent
) -> tuple[bpy.types.Action, str]:
    """Do a request from end to end. Raises what `generate_dance` raises, returns what `Request.steps` returns."""
    with temporary_folder() as folder:
        result = session.run_to_the_end(request.job(armature, scene, folder), part(progress, 0.0, 0.95))
        progress(0.95, "Writing the take")
        action, problem = take.last_of(request.steps(armature, scene, result))
    progress(1.0, "Done")
    return action, problem
