# SPDX-License-Identifier: GPL-3.0-or-later
"""A job: the one description of work that the panel, the command line, the worker and the Python API share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import InputError

# Called as progress(fraction 0..1, what is being done). It may raise Cancelled.
Progress = Callable[[float, str], None]


def silent(fraction: float, step: str) -> None:
    """The progress callback that reports to nobody."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """A progress callback whose 0..1 is the stretch start..end of `progress`."""
    return lambda fraction, step: progress(start + (end - start) * fraction, step)


@dataclass(frozen=True)
class Job:
    """`task` dance, face, …; `input` a path; `options` what the command line calls flags; `output` a path or None.

    A preset is a job without an input.
    """

    task: str
    input: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    output: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Raises InputError when `text` is not a job."""
        try:
            fields = json.loads(text)
            job = cls(**fields)
        except (ValueError, TypeError) as error:
            raise InputError(f"This is not a job: {error}. Give task, input, options and output.") from error
        if not isinstance(job.task, str) or not isinstance(job.options, dict):
            raise InputError("This is not a job: task must be a text and options an object.")
        return job
