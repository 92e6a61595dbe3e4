# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a take, and its fulfilment. Each domain has its own kind of request."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

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


class Repeatable(Request, Protocol):
    """A request that is kept on its take, to be made again: a frozen dataclass of plain values, with `seed` and `name`.

    `kind` is the domain that it is of; `name`, what the take is to be called, may be None.
    """

    kind: ClassVar[str]

    @classmethod
    def from_take(cls, action: bpy.types.Action, song: str = "") -> Repeatable:
        """The wish that is kept on a take, or the same to another sound. Raises InputError."""
        ...


_Kind = TypeVar("_Kind", bound=type)
_kinds: dict[str, Any] = {}


def repeatable(cls: _Kind) -> _Kind:
    """Of a class of `Repeatable`: takes made by it can be made again."""
    _kinds[cls.kind] = cls
    return cls


def remember(action: bpy.types.Action, request: Repeatable) -> None:
    """Keep on a take what it was made for."""
    action["avanim_request"] = json.dumps({"kind": request.kind, **asdict(request)}, default=str)  # type: ignore[arg-type]


def remembered(action: bpy.types.Action) -> dict[str, Any]:
    """What `remember` kept, by the names of the request's fields, and `kind`. Raises InputError: nothing."""
    if "avanim_request" not in action:
        raise InputError(f"{action.name} does not say how it was made; generate one with the panel.")
    return {"kind": "dance", **json.loads(action["avanim_request"])}


def asked_for(action: bpy.types.Action, song: str = "") -> Repeatable:
    """The wish that a take was made for, at the take's place; or the same to another sound.

    Raises:
        InputError: the take does not say, or there is no such sound file.
    """
    kind = remembered(action)["kind"]
    if kind not in _kinds:
        raise InputError(f"{action.name} was made by something that this AVAnim does not know: {kind}.")
    return _kinds[kind].from_take(action, song)


def with_seed(request: Repeatable, seed: int) -> Repeatable:
    """The same with another seed, under a name of its own."""
    return replace(request, seed=seed, name=None)  # type: ignore[type-var]


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
