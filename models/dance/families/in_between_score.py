# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a gap is filled by the Gaussian process, beside interpolation: `avanim score dance/gp`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ....rigs.job import Progress, silent
from ....rigs.motion import Motion
from ....rigs.rotation import resample_rotations
from ....rigs.skeleton import Rest
from .gp import in_between
from .manifold_train import recordings

GAPS = (15, 30, 45)  # frames at 30 a second
_BODY = Rest.average()


def interpolated(motion: Motion, first: int, last: int) -> Motion:
    """The baseline: slerp from frame `first` to `last`, and a straight way."""
    frames = np.arange(first, last + 1)
    poses, trans = motion.poses.copy(), motion.trans.copy()
    ends = np.array([first, last], float)
    poses[frames] = resample_rotations(motion.poses[[first, last]], ends, frames.astype(float))
    for axis in range(3):
        trans[frames, axis] = np.interp(frames, ends, motion.trans[[first, last], axis])
    return replace(motion, poses=poses, trans=trans)


def score(data_dir: str | Path, progress: Progress = silent) -> dict[str, Any]:
    """Mean error (mm) of the joints' places within gaps in the held-out recordings, of which nothing else is known.

    Each recording has two gaps of each length, at two fifths and three fifths.
    """
    clips = recordings(data_dir, True)
    result: dict[str, Any] = {}
    for number, gap in enumerate(GAPS):
        errors: dict[str, list[float]] = {"slerp": [], "gp": []}
        for clip in clips.values():
            for share in (0.4, 0.6):
                first = int(share * len(clip))
                holed = interpolated(clip, first, first + gap)
                made = {"slerp": holed, "gp": in_between(holed, _BODY, [first, first + gap])[0]}
                inside = slice(first, first + gap + 1)
                for name, motion in made.items():
                    off = _places(motion)[inside] - _places(clip)[inside]
                    errors[name].append(1000 * float(np.linalg.norm(off, axis=-1).mean()))
        wins = np.mean(np.array(errors["gp"]) < np.array(errors["slerp"]))
        result[f"{gap / 30:g} s"] = {
            "slerp_mm": round(float(np.mean(errors["slerp"]))),
            "gp_mm": round(float(np.mean(errors["gp"]))),
            "gp_nearer": round(float(wins), 2),
        }
        progress((number + 1) / len(GAPS), f"Filled gaps of {gap / 30:g} s")
    return {**result, "gaps_each": 2 * len(clips)}


def _places(motion: Motion) -> np.ndarray:
    return _BODY.forward(motion.poses, motion.trans)[0]
