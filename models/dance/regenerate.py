# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a dance made anew: a stretch of time, some joints, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...rigs.errors import InputError
from ...rigs.job import Job, Progress, part

Task = Callable[[Job, Progress], dict[str, Any]]


def regenerate(dance: Task, job: Job, progress: Progress) -> dict[str, Any]:
    """Dance to the whole music again by `dance`, and put the asked part of that into the take there was.

    Args:
        job: as for `dance`, and these options more: `take`, the motion there was, .npz, at the same `fps`; `first` and
            `last`, its frames to make anew; `blend`, frames; `joints`, a list of names, or None for all; `was` and
            `now`, lists of s: how the take's marks have been moved since it was made.

    Returns:
        What `dance` returns; `motion` is the merged one, of the take's length.

    Raises:
        InputError: the job is wrong, or the take does not fit the music.
        Cancelled: progress raised it.
    """
    from ...rigs.characters import load_character
    from ...rigs.motion_files import load_motion
    from ...rigs.motion_merge import merge
    from ...rigs.motion_span import retimed

    options = dict(job.options)
    try:
        old = load_motion(options.pop("take"))
        first, last, blend = (int(options.pop(name)) for name in ("first", "last", "blend"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"A part is made anew of a take: give take, first, last and blend ({error}).") from error
    joints, was, now = (options.pop(name, None) for name in ("joints", "was", "now"))
    if not job.output or Path(job.output).suffix != ".npz":
        raise InputError(f"Cannot write a dance as {job.output!r}; end the name in .npz.")
    result = dance(replace(job, options=options), part(progress, 0.0, 0.9))
    progress(0.9, "Joining")
    new = load_motion(result["motion"])
    # Both are at one rate; files and scenes only round it differently.
    new = replace(new, fps=old.fps)
    if was:
        new = retimed(new, was, now)
    rest = load_character(job.options.get("character", "neutral")).rest()
    merged = merge(old, new, first, last, joints, blend, rest)
    replace(merged, body=new.body).save(job.output)
    progress(1.0, "Done")
    return {**result, "frames": len(merged), "seconds": merged.seconds}
