# SPDX-License-Identifier: GPL-3.0-or-later
"""How well phones are heard, on speakers, clips and languages that were held out; beside a mouth that flaps.

Five classes of a mouth are told apart, straight from the phones; `avanim score face` measures the curves made of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.job import Progress, silent
from ...rigs.phones import PHONES, Phones
from ...rigs.sound import Sound
from . import voices
from .corpus import Clip, held_out, labelled, load_people
from .decode import decode
from .features import FRAMES, RATE
from .net import CURVES, SpeechNet, load_weights
from .recogniser import WEIGHTS, Heard, recognise
from .stream import Listener

CLASSES = ("closed", "lip-teeth", "narrow", "open", "round")
_IN = {
    "closed": "p b m",
    "lip-teeth": "f v",
    "narrow": "t d n l s z th dh y i ih e",
    "open": "a aa ae",
    "round": "w o ao u uh yy oe",
}
_CLASS = np.full(len(PHONES), -1)
for _number, _members in enumerate(_IN.values()):
    _CLASS[[PHONES.index(name) for name in _members.split()]] = _number
_NEAR = 6  # frames within which a closure is the one that was meant
_SPOKEN_CLIPS = 60


@dataclass
class Tally:
    """What has been counted over the clips of one row."""

    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((5, 5), np.int64))
    lips: list[bool] = field(default_factory=list)
    claims: list[bool] = field(default_factory=list)
    teeth: list[bool] = field(default_factory=list)
    onsets: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)

    def add(self, true: NDArray[np.int64], told: NDArray[np.int64], sure: NDArray[np.float32]) -> None:
        """Two sequences (T,) of numbers of PHONES; where `sure` is below 0.9 the frames count for the events alone."""
        mine, theirs = _CLASS[told], _CLASS[true]
        counted = (theirs >= 0) & (sure > 0.9)
        # What is heard of no class in particular counts as the commonest, a narrow opening.
        np.add.at(self.confusion, (theirs[counted], np.where(mine < 0, 2, mine)[counted]), 1)
        quiet = (true == 0) & (sure > 0.9)
        self.silence += [float(x) for x in told[quiet] == 0]
        heard = _runs(mine == 0)
        near = np.zeros(len(true), bool)
        for first, last in _runs(theirs == 0):
            near[max(first - _NEAR, 0) : last + _NEAR] = True
            starts = [a for a, b in heard if a < last + 3 and b > first - _NEAR]
            self.lips.append(bool(starts))
            if starts and (first == 0 or true[first - 1] != 0):
                self.onsets.append(abs(min(starts, key=lambda a: abs(a - first)) - first) * 1000 / FRAMES)
        self.claims += [bool(near[a:b].any()) for a, b in heard]
        for first, last in _runs(theirs == 1):
            self.teeth.append(bool((mine[max(first - 3, 0) : last + 3] == 1).any()))

    def result(self) -> dict[str, float]:
        hits = np.diag(self.confusion)
        both = self.confusion.sum(0) + self.confusion.sum(1)
        there = self.confusion.sum(1) > 0
        recall, precision = (float(np.mean(x)) if x else 0.0 for x in (self.lips, self.claims))
        made = {
            "macro_f1": float((2 * hits / np.maximum(both, 1))[there].mean()),
            "bilabial_f": 2 * recall * precision / max(recall + precision, 1e-9),
            "bilabial_recall": recall,
            "bilabial_precision": precision,
            "lip_teeth_recall": float(np.mean(self.teeth)) if self.teeth else float("nan"),
            "onset_ms": float(np.median(self.onsets)) if self.onsets else float("nan"),
            "onset_p90_ms": float(np.percentile(self.onsets, 90)) if self.onsets else float("nan"),
            "silence": float(np.mean(self.silence)) if self.silence else float("nan"),
        }
        return {name: round(value, 3) for name, value in made.items()}


def score(data: str | Path, weights: str | Path | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Measure the weights (None: the shipped ones) on what is held out of the corpora below `data`.

    Raises:
        InputError: the corpora, the weights or espeak-ng are missing.
    """
    data = Path(data)
    net = load_weights(Path(weights) if weights else WEIGHTS)
    clips = [clip for clip in load_people(data) if held_out(clip)]
    clips += spoken(data / "text" / "udhr_sentences.json")
    rows: dict[str, dict[str, Tally]] = {}
    faces = {}
    for number, clip in enumerate(clips):
        progress(number / len(clips), "Scoring")
        sound = Sound(clip.samples[None].astype(np.float32) / 32768, RATE)
        heard = recognise(sound, net=net, device="cpu")
        if clip.curves is not None:
            faces[clip.voice] = _motion(clip, heard)
            continue
        true = clip.phones[:, 0].astype(np.int64)
        told = {
            "ours": sequence(heard.phones, len(true)),
            "ours, stream of 120 ms": sequence(streamed(sound, net), len(true)),
            "loudness flap": _flap(heard.loudness)[: len(true)],
        }
        for name, path in told.items():
            rows.setdefault(clip.kind, {}).setdefault(name, Tally()).add(true, path, clip.sure)
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        **{kind: {name: tally.result() for name, tally in tallies.items()} for kind, tallies in rows.items()},
        "real motion, r": faces,
    }


def spoken(texts: Path, count: int = _SPOKEN_CLIPS) -> list[Clip]:
    """Clips in the held-out languages and voices, synthesised anew."""
    made: list[Clip] = []
    for said in voices.held_out_speech(texts, seed=99):
        samples = (said.samples * 32767).astype(np.int16)
        made.append(labelled("espeak", said.voice, said.language, samples, said.labels, False))
        if len(made) == count:
            break
    return made


def sequence(phones: Phones, frames: int) -> NDArray[np.int64]:
    """(T,) numbers of PHONES at 100 Hz."""
    path = np.zeros(frames, np.int64)
    for start, end, name in zip(phones.start, phones.end, phones.names, strict=True):
        path[round(start * FRAMES) : round(end * FRAMES)] = PHONES.index(name)
    return path


def streamed(sound: Sound, net: SpeechNet, lookahead_ms: int = 120) -> Phones:
    """The phones of a sound at 16 kHz that was heard as a stream, 40 ms at a time."""
    listener, samples, hop = Listener(lookahead_ms, net), sound.mono(), RATE // 25
    parts = [listener.feed(samples[first : first + hop]) for first in range(0, len(samples), hop)]
    parts.append(listener.finish())
    posterior, events, effort = (
        np.concatenate([getattr(p, f) for p in parts]) for f in ("posterior", "events", "effort")
    )
    return decode(posterior, events, effort)


def _flap(loudness: NDArray[np.float32]) -> NDArray[np.int64]:
    """What many plug-ins do: the louder, the wider."""
    below = loudness - np.percentile(loudness, 95)
    steps = [below > -6, below > -14, below > -25, below > -35]
    return np.select(steps, [PHONES.index(name) for name in ("aa", "a", "i", "p")], 0)


def _motion(clip: Clip, heard: Heard) -> dict[str, float]:
    """How the curves go along with the real ones, and how loudness alone would do for the jaw."""
    assert clip.curves is not None
    frames = min(len(heard.curves), len(clip.curves))
    made = {}
    for i, name in enumerate(CURVES):
        mine, theirs = heard.curves[:frames, i], clip.curves[:frames, i]
        if mine.std() > 1e-6 and theirs.std() > 1e-6:
            made[name] = round(float(np.corrcoef(mine, theirs)[0, 1]), 3)
    loud = np.maximum(heard.loudness[:frames], -60)
    made["jawOpen of loudness"] = round(float(np.corrcoef(loud, clip.curves[:frames, 0])[0, 1]), 3)
    return made


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
