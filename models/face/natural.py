# SPDX-License-Identifier: GPL-3.0-or-later
"""What a captured face would do, from what is heard: `avanim train face/natural --data DIR` fits it.

A ridge regression from the recogniser's phones, events, effort and guess of a captured face around each moment to the
curves of `articulation_natural.MOTION`. None of its inputs depends on how loud, high or fast a voice is, so it serves
any voice although one was captured. `articulate` follows it within what each phone is recognised by.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.articulation_natural import MOTION
from ...rigs.errors import InputError
from ...rigs.files import ensure_writable, replacing
from ...rigs.job import Progress, part, silent
from ...rigs.sound import Sound
from ..speech import recognise
from ..speech.corpus import Clip, held_out, load_captured
from ..speech.net import CURVES
from ..weights_file import reading_weights

Array = NDArray[np.float64]

WEIGHTS = Path(__file__).parent.parent / "weights" / "face_natural.safetensors"
# Moments that are looked at, in frames of 10 ms: no farther ahead than a live mouth waits for anyway.
TAPS = tuple(range(-12, 10, 3))
BACK, AHEAD = -min(TAPS), max(TAPS)
# A captured motion comes so long, s, after its sound.
LATE = 1 / 30
_RIDGE = 3.0  # against inputs of variance 1
# A regression makes less of what it is unsure of; these come as large as the captured ones, or nothing would be round.
_AS_LARGE = ("mouthFunnel", "mouthPucker")
_EVERY = 3  # frames of 10 ms that are learned from: a capture has 30 a second


@dataclass(frozen=True)
class Natural:
    """`gain` (taps · F, M) and `rest` (M,): the motion is heard frames times gain, and rest."""

    gain: Array
    rest: Array

    def motion(self, heard: Array) -> Array:
        """(T, M) 0..1 of MOTION, of (T, F) of `inputs`."""
        if not len(heard):
            return np.zeros((0, len(MOTION)))
        return (_around(heard) @ self.gain + self.rest).clip(0, 1)


def inputs(posterior: Any, events: Any, effort: Any, curves: Any) -> Array:
    """(T, F) of (T, P) probabilities of phones, (T, E) of events, (T,) effort and (T, C) curves, at 100 Hz."""
    # The root tells a phone that is hardly likely from one that is not there at all.
    return np.concatenate([np.sqrt(posterior), events, np.asarray(effort)[:, None], curves], axis=1).astype(float)


def _around(inputs: Array) -> Array:
    """(T, taps · F): each frame with those around it; beyond the ends the outermost one is heard again."""
    at = np.arange(len(inputs))
    return np.concatenate([inputs[(at + tap).clip(0, len(inputs) - 1)] for tap in TAPS], axis=1)


@cache
def shipped() -> Natural:
    """What comes with the program. Raises InputError where it is missing."""
    return load(WEIGHTS)


def load(path: Path) -> Natural:
    """Raises InputError: the file is missing or another one's."""
    with reading_weights(path, "natural", "face/natural") as (about, tensors):
        if tuple(about["motion"]) != MOTION or tuple(about["taps"]) != TAPS:
            raise ValueError("it is of another version")
        return Natural(tensors["gain"].double().numpy(), tensors["rest"].double().numpy())


@dataclass(frozen=True)
class Lesson:
    """One captured clip: `heard` (T, taps · F) and the `motion` (T, M) that comes with it."""

    name: str
    heard: Array
    motion: Array


def lesson(clip: Clip, device: str = "auto") -> Lesson:
    """What is heard of a captured clip, and what the face did."""
    assert clip.curves is not None
    heard = recognise(Sound((clip.samples / np.float32(32768))[None], 16000), device=device)
    count = min(len(heard.posterior), len(clip.curves))
    own = np.arange(len(clip.curves)) / 100
    later = np.arange(count) / 100 + LATE
    motion = np.stack([np.interp(later, own, clip.curves[:, CURVES.index(name)]) for name in MOTION], axis=1)
    known = _around(inputs(heard.posterior, heard.events, heard.effort, heard.curves))
    return Lesson(clip.voice.split()[-1], known[:count], motion)


def fit(lessons: Sequence[Lesson], ridge: float = _RIDGE) -> Natural:
    """Least squares, held to small gains; the rounding as large as it was."""
    heard = np.concatenate([one.heard[::_EVERY] for one in lessons])
    motion = np.concatenate([one.motion[::_EVERY] for one in lessons])
    mean, spread = heard.mean(0), heard.std(0) + 1e-3
    known = (heard - mean) / spread
    square = known.T @ known / len(known) + ridge * np.eye(known.shape[1])
    gain = np.linalg.solve(square, known.T @ (motion - motion.mean(0)) / len(known)) / spread[:, None]
    made = heard @ gain
    for at in map(MOTION.index, _AS_LARGE):
        gain[:, at] *= motion[:, at].std() / max(float(made[:, at].std()), 1e-3)
    return Natural(gain, motion.mean(0) - mean @ gain)


def correlations(natural: Natural, lessons: Sequence[Lesson]) -> dict[str, float]:
    """Of the predicted with the captured motion, over all clips together; of what never moves there is none."""
    made = np.concatenate([(one.heard @ natural.gain + natural.rest).clip(0, 1) for one in lessons])
    return _correlations(made, np.concatenate([one.motion for one in lessons]))


def _correlations(made: Array, real: Array) -> dict[str, float]:
    found = {}
    for at, name in enumerate(MOTION):
        if min(made[:, at].std(), real[:, at].std()) > 1e-6:
            found[name] = round(float(np.corrcoef(made[:, at], real[:, at])[0, 1]), 3)
    return found


def crossed(lessons: Sequence[Lesson], ridge: float = _RIDGE) -> dict[str, float]:
    """Correlations where each clip is predicted by what the others taught."""
    made = []
    for others in list(combinations(range(len(lessons)), len(lessons) - 1))[::-1]:
        left = (set(range(len(lessons))) - set(others)).pop()
        natural = fit([lessons[i] for i in others], ridge)
        made.append((lessons[left].heard @ natural.gain + natural.rest).clip(0, 1))
    return _correlations(np.concatenate(made), np.concatenate([one.motion for one in lessons]))


def train(data: str | Path, out: str | Path, *, device: str = "auto", progress: Progress = silent) -> dict[str, Any]:
    """Fit to the captured clips below `data` that are not held out, and write the weights.

    Returns:
        `weights` the file, `minutes` of capture, and correlations by shape: `crossed` of each clip predicted from the
        others, `held_out`.

    Raises:
        InputError: there are fewer than two such clips, or `out` cannot be written. Cancelled: progress raised it.
    """
    from safetensors.torch import save_file

    ensure_writable(out)
    clips = load_captured(Path(data))
    learnt = [clip for clip in clips if not held_out(clip)]
    if len(learnt) < 2:
        raise InputError(f"{data} needs two captured faces or more in facegood_arkit that are not held out.")
    lessons = {}
    for number, clip in enumerate(clips):
        part(progress, 0, 0.9)(number / len(clips), f"Listening to {clip.voice}")
        lessons[clip.voice] = lesson(clip, device)
    taught = [lessons[clip.voice] for clip in learnt]
    kept = [lessons[clip.voice] for clip in clips if held_out(clip)]
    natural = fit(taught)
    tensors = {"gain": torch.from_numpy(natural.gain).float(), "rest": torch.from_numpy(natural.rest).float()}
    with replacing(out) as temporary:
        about = {"motion": MOTION, "taps": TAPS}
        save_file({k: v.contiguous() for k, v in tensors.items()}, str(temporary), {"natural": json.dumps(about)})
    progress(1.0, "Fitted")
    return {
        "weights": str(out), "minutes": round(sum(clip.seconds for clip in learnt) / 60, 1),
        "crossed": crossed(taught), "held_out": correlations(natural, kept) if kept else {},
    }  # fmt: skip
