# SPDX-License-Identifier: GPL-3.0-or-later
"""Labelled speech to learn from and to measure on: synthesised voices, two corpora of people, and a captured face.

The folder has so762_sub (speechocean762), grid_s1 (GRID's first speaker), facegood_arkit (FACEGOOD) and text.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from ...rigs.phones import PHONES
from ..audio.load import load_sound
from .features import FRAMES, HOP, RATE
from .net import CURVES, EVENTS
from .spelling import Label, from_arpabet
from .voices import HELD_OUT_LANGUAGES

_CLOSURE = 0.65  # how much of a stop is its closure
_LATE = 0.005  # s that the forced labels of the corpora come late
_UNSURE, _UNSURE_WEIGHT = 2, 0.35  # frames beside a forced boundary, and what they weigh
HELD_OUT_CLIPS = ("1114_2_04", "1114_3_15")
_IN = {
    "closed": {"p", "b", "m"},
    "lip-teeth": {"f", "v"},
    "round": {"w", "ao", "o", "u", "uh", "yy", "oe"},
    "wide": {"i", "ih", "e", "eh", "ae", "s", "z", "y"},
    "tongue": {"th", "dh", "t", "d", "n", "l"},
}


@dataclass(frozen=True)
class Clip:
    """`samples` (N,) int16 at 16 kHz; at 100 Hz `phones` (T, 2) two numbers of PHONES that are each as right, `events`
    (T, E) 0 or 1, `sure` (T,) 0..1 how far to trust the two, and, where there is a captured face, `curves` (T, C).
    """

    kind: str
    voice: str
    language: str
    samples: NDArray[np.int16]
    labels: tuple[Label, ...]
    phones: NDArray[np.uint8]
    events: NDArray[np.uint8]
    sure: NDArray[np.float32]
    curves: NDArray[np.float32] | None = None

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def labelled(
    kind: str, voice: str, language: str, samples: NDArray[np.int16], labels: list[Label], forced: bool
) -> Clip:
    """A clip with its labels at 100 Hz. `forced`: they are another recogniser's, not exact."""
    frames = -(-len(samples) // HOP)
    phones = np.zeros((frames, 2), np.uint8)
    events = np.zeros((frames, len(EVENTS)), np.uint8)
    sure = np.ones(frames, np.float32)
    for label in labels:
        first, last = (min(max(round(t * FRAMES), 0), frames) for t in (label.start, label.end))
        phones[first:last] = PHONES.index(label.phone), PHONES.index(label.also or label.phone)
        for i, event in enumerate(EVENTS):
            if label.phone in _IN[event]:
                stop = label.phone in ("p", "b")
                released = label.start + _CLOSURE * (label.end - label.start) if stop else label.end
                events[first : max(round(released * FRAMES), first + 2), i] = 1
        if forced:
            for edge in (first, last):
                sure[max(edge - _UNSURE, 0) : edge + _UNSURE] = _UNSURE_WEIGHT
    return Clip(kind, voice, language, samples, tuple(labels), phones, events, sure)


def load_spoken(listed: Path, progress: Progress = silent) -> list[Clip]:
    """The clips that `voices.make_voices` made. Raises InputError."""
    clips = []
    lines = _lines(listed)
    for number, line in enumerate(lines):
        samples = np.asarray(soundfile.read(listed.parent / line["wav"], dtype="int16")[0], np.int16)
        labels = [Label(*label) for label in line["labels"]]
        clips.append(labelled(line["voice"].split()[0], line["voice"], line["language"], samples, labels, False))
        progress(number / len(lines), "Reading the synthesised speech")
    return clips


def load_people(folder: Path, progress: Progress = silent) -> list[Clip]:
    """speechocean762's and GRID's clips, and FACEGOOD's without phones but with curves. Raises InputError."""
    clips: list[Clip] = []
    for name, listing, key, spoken in (
        ("so762", folder / "so762_sub" / "so762.jsonl", "wav", "labels"),
        ("grid", folder / "grid_s1" / "grid_s1.jsonl", "clip", "phones"),
    ):
        lines = _lines(listing)
        for number, line in enumerate(lines):
            samples = _read(listing.parent / line[key])
            labels = []
            for start, end, symbol in line[spoken]:
                labels += from_arpabet(max(start - _LATE, 0.0), max(end - _LATE, 0.0), symbol)
            voice = line.get("speaker", line["id"] if name == "grid" else "")
            clips.append(labelled(name, f"{name} {voice}", "en", samples, labels, True))
            progress(number / len(lines), f"Reading {name}")
    return clips + load_captured(folder)


def load_captured(folder: Path) -> list[Clip]:
    """FACEGOOD's clips, without phones but with curves."""
    return [_captured(path) for path in sorted((folder / "facegood_arkit").glob("*.npz"))]


def held_out(clip: Clip) -> bool:
    """Whether a clip is measured on and never learnt from: by speaker, for GRID by clip, for the others by language."""
    if clip.kind == "so762":
        return int(clip.voice.split()[1]) % 5 == 0
    if clip.kind == "grid":
        return zlib.crc32(clip.voice.encode()) % 10 == 0
    if clip.kind == "facegood":
        return clip.voice.split()[1] in HELD_OUT_CLIPS
    return clip.language in HELD_OUT_LANGUAGES


def trimmed(clip: Clip, most: float = 0.25) -> Clip:
    """Without the silence before and after speech that is more than `most` s."""
    spoken = np.flatnonzero(clip.phones[:, 0])
    if not len(spoken):
        return clip
    margin = round(most * FRAMES)
    first, last = max(int(spoken[0]) - margin, 0), min(int(spoken[-1]) + margin, len(clip.phones))
    return replace(
        clip, samples=clip.samples[first * HOP : last * HOP], phones=clip.phones[first:last],
        events=clip.events[first:last], sure=clip.sure[first:last],
    )  # fmt: skip


def _captured(path: Path) -> Clip:
    with np.load(path) as file:
        names = [str(name) for name in file["arkit_names"]]
        weights, fps = file["arkit"].astype(np.float32), float(file["fps"])
    samples = _read(path.with_suffix(".flac"))
    frames = -(-len(samples) // HOP)
    times = (np.arange(frames) + 0.5) / FRAMES

    def curve(name: str) -> NDArray[np.float32]:
        sides = [name] if name in names else [f"{name}Left", f"{name}Right"]
        both = np.mean([weights[:, names.index(side)] for side in sides], axis=0)
        return np.interp(times, np.arange(len(both)) / fps, both).astype(np.float32)

    curves = np.stack([curve(name) for name in CURVES], axis=1)
    nothing = np.zeros((frames, 2), np.uint8)
    return Clip(
        "facegood", f"facegood {path.stem}", "cmn", samples, (), nothing,
        np.zeros((frames, len(EVENTS)), np.uint8), np.zeros(frames, np.float32), curves,
    )  # fmt: skip


def _read(path: Path) -> NDArray[np.int16]:
    return (load_sound(path, rate=RATE, mono=True).samples[0] * 32767).astype(np.int16)


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(
            f"Cannot read {path} ({error}); --data is the folder with so762_sub, grid_s1, facegood_arkit and text."
        ) from error
