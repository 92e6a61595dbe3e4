# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a shot's hits are seen, on clips whose shapes and textures were not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.job import Progress, part, silent
from .foley import Seen, watch
from .shots import FPS, MATERIALS, Clip, load_clips

Array = NDArray[np.float64]

# A hit is found when one is said to be within this many frames of it; so much more for rounding to frames.
_FRAMES, _ROUNDING = 1.0, 0.5


def matched(true: Array, said: Array, frames: float = _FRAMES) -> tuple[list[tuple[int, int]], tuple[int, int, int]]:
    """Pairs of indices (of `true` and `said`, times in s) at most `frames` apart, each used once, nearest first.

    Returns:
        The pairs, and the numbers of hits found, of hits missed, and of hits that were none.
    """
    far = (frames + _ROUNDING) / FPS
    near = sorted(
        (abs(a - b), i, j) for i, a in enumerate(true) for j, b in enumerate(said) if abs(a - b) <= far + 1e-9
    )
    pairs: list[tuple[int, int]] = []
    for _, i, j in near:
        if all(i != one and j != two for one, two in pairs):
            pairs.append((i, j))
    return sorted(pairs), (len(pairs), len(true) - len(pairs), len(said) - len(pairs))


def f1_of(found: int, missed: int, false: int) -> float:
    """2 PR / (P + R); 1 where there was nothing and nothing was said."""
    return 1.0 if found + missed + false == 0 else 2 * found / (2 * found + missed + false)


def mean_guess(clips: list[Clip], taught: list[Clip]) -> list[Seen]:
    """What one says who looks at nothing: as many hits as usual, evenly spread, of the usual strength and material."""
    rate = sum(len(clip.times) for clip in taught) / sum(len(clip.frames) / FPS for clip in taught)
    strength = np.exp(np.mean(np.concatenate([np.log(clip.strengths) for clip in taught])))
    most = int(np.bincount(np.concatenate([clip.materials for clip in taught]), minlength=len(MATERIALS)).argmax())
    return [_said((np.arange(int(rate * len(clip.frames) / FPS)) + 0.5) / rate, strength, most) for clip in clips]


def motion_guess(clips: list[Clip], taught: list[Clip]) -> list[Seen]:
    """What frame differences alone say: a hit wherever the motion in the picture drops most sharply."""
    made = []
    for clip, guess in zip(clips, mean_guess(clips, taught), strict=True):
        grey = clip.frames.astype(np.float32).mean(3)
        motion = np.abs(np.diff(grey, axis=0)).mean((1, 2))
        drop = np.pad(np.maximum(motion[:-1] - motion[1:], 0), (1, 1))
        peaks = np.flatnonzero((drop[1:-1] >= drop[:-2]) & (drop[1:-1] > drop[2:])) + 1
        loudest = np.sort(peaks[np.argsort(-drop[peaks])][: len(guess.times)])
        made.append(_said(loudest / FPS, float(guess.strengths.mean()), int(guess.material.argmax())))
    return made


def _said(times: Array, strength: float, material: int) -> Seen:
    count = len(times)
    return Seen(
        times, np.full(count, strength), np.full(count, material), np.full(count, 0.3), np.ones(count), np.zeros(0),
        np.eye(len(MATERIALS))[material],
    )  # fmt: skip


def figures(clips: list[Clip], said: list[Seen]) -> dict[str, Any]:
    """Precision, recall and F1 of hits, median error in ms, strength and material of the hits that were found."""
    counts, errors, strengths, kinds, whole = np.zeros(3, int), [], [], [], []
    for clip, seen in zip(clips, said, strict=True):
        pairs, some = matched(clip.times, seen.times)
        counts += some
        errors += [abs(clip.times[i] - seen.times[j]) * 1000 for i, j in pairs]
        strengths += [(np.log(clip.strengths[i]), np.log(seen.strengths[j])) for i, j in pairs]
        kinds += [clip.materials[i] == seen.materials[j] for i, j in pairs]
        if clip.material >= 0:
            whole.append(clip.material == int(seen.material.argmax()))
    empty = [not len(seen.times) for clip, seen in zip(clips, said, strict=True) if not len(clip.times)]
    found, missed, false = (int(count) for count in counts)
    true, told = np.array(strengths).reshape(-1, 2).T
    varies = len(true) > 2 and true.std() > 0 and told.std() > 0
    return {
        "hits": found + missed,
        "f1": f1_of(found, missed, false),
        "precision": found / max(1, found + false),
        "recall": found / max(1, found + missed),
        "onset_error_ms": float(np.median(errors)) if errors else None,
        "strength_r": float(np.corrcoef(true, told)[0, 1]) if varies else 0.0,
        "strength_error_log": float(np.abs(true - told).mean()) if len(true) else None,
        "material_of_hits": float(np.mean(kinds)) if kinds else 0.0,
        "material_of_clips": float(np.mean(whole)) if whole else 0.0,
        "clips_without_hits": len(empty),
        "left_without_hits": sum(empty),
    }


def score(data_dir: str | Path, progress: Progress = silent) -> dict[str, Any]:
    """The figures of the shipped network on the clips test-*.npz, beside guesses. The clips are rendered, not filmed.

    `quiet`: in how many of the clips quiet-test-*.npz, where things move and nothing touches, it hears nothing, and how
    many hits it hears in the others; None where there are none.

    Raises:
        InputError: there are no clips, or no weights.
    """
    clips, taught = load_clips(data_dir, "test"), load_clips(data_dir, "train")
    said = [
        watch(clip.frames, device="cpu", progress=part(progress, index / len(clips), (index + 1) / len(clips)))
        for index, clip in enumerate(clips)
    ]
    still = load_clips(data_dir, "quiet-test", needed=False)
    false = [len(watch(clip.frames, device="cpu").times) for clip in still]
    quiet = {"clips": len(still), "left_without_hits": false.count(0), "false_hits": sum(false)} if still else None
    return {
        "clips": len(clips),
        "clips_are": "rendered; their shapes and textures were not trained on",
        "quiet": quiet,
        "watched": figures(clips, said),
        "motion_guess": figures(clips, motion_guess(clips, taught)),
        "mean_guess": figures(clips, mean_guess(clips, taught)),
    }
