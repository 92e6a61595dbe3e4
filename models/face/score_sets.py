# SPDX-License-Identifier: GPL-3.0-or-later
"""Labelled speech to score faces on, of which nothing was learned: people, and languages left out of training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from ...rigs.phone_files import read_phones
from ...rigs.phones import Phones
from ...rigs.sound import Sound
from ..audio.load import load_sound
from ..speech.corpus import Clip, held_out, load_people
from ..speech.voices import HELD_OUT_LANGUAGES, HELD_OUT_VARIANTS

RATE = 16000
_SENTENCES = 6  # of each language that is spoken by a synthesiser
_SHORTEST = 25  # letters


@dataclass(frozen=True)
class Item:
    """A clip with its labels, and, where a face was captured with it, what that did: (T, 52) at 100 Hz."""

    name: str
    sound: Sound
    phones: Phones
    captured: Any = None


def held_out_sets(data: str | Path, limit: int | None = None, progress: Progress = silent) -> dict[str, list[Item]]:
    """Speechocean762's held-out speakers, GRID's held-out clips, each held-out language, and the held-out captures.

    Args:
        data: the folder with so762_sub, grid_s1, facegood_arkit and text. limit: clips of each set.
    """
    from .lessons import captured

    sets: dict[str, list[Item]] = {}
    for clip in load_people(Path(data), progress):
        if held_out(clip):
            found = sets.setdefault(clip.kind, [])
            curves = None
            if clip.curves is not None:
                curves = captured(clip, (np.arange(len(clip.curves)) + 0.5) / 100)
            if limit is None or len(found) < limit:
                found.append(Item(clip.voice.replace(" ", "_") + f"_{len(found)}", _sound(clip), _phones(clip), curves))
    sets.update(_languages(Path(data) / "text" / "udhr_sentences.json", limit))
    return sets


def labelled_folder(folder: str | Path, limit: int | None = None) -> list[Item]:
    """Sounds of a folder, each with a file of phones of the same name. Raises InputError: there are none."""
    items: list[Item] = []
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in (".wav", ".flac", ".ogg", ".mp3") and (limit is None or len(items) < limit):
            found = [p for p in sorted(path.parent.glob(f"{path.stem}.*")) if p.suffix.lower() in _LABELS]
            if found:
                items.append(Item(path.stem, load_sound(path, rate=RATE, mono=True), read_phones(found[0])))
    if not items:
        raise InputError(f"{folder} holds no sounds with files of phones ({', '.join(_LABELS)}) beside them.")
    return items


_LABELS = (".textgrid", ".lab", ".phn", ".json", ".txt", ".csv")


def _sound(clip: Clip) -> Sound:
    return Sound((clip.samples / np.float32(32768))[None], RATE)


def _phones(clip: Clip) -> Phones:
    return Phones.of((x.start, x.end, x.phone) for x in clip.labels if x.phone != "sil" and x.end > x.start + 1e-3)


def _languages(texts: Path, limit: int | None) -> dict[str, list[Item]]:
    """Sentences of the languages that training left out, in voices that it left out; phone times are exact."""
    from ..speech import espeak

    try:
        sentences = json.loads(texts.read_text(encoding="utf-8"))
        speak: Callable[..., Any] = espeak.speak
        espeak.voices()
    except (OSError, ValueError, InputError):
        return {}
    sets: dict[str, list[Item]] = {}
    for number, language in enumerate(HELD_OUT_LANGUAGES):
        lines = [line for line in sentences.get(language, []) if len(line) >= _SHORTEST]
        for index, line in enumerate(lines[: min(limit or _SENTENCES, _SENTENCES)]):
            variant = HELD_OUT_VARIANTS[(number + index) % len(HELD_OUT_VARIANTS)]
            samples, hz, labels = speak(line, f"{language}+{variant}", rate=140 + 12 * (index % 4))
            sound = Sound(np.asarray(soxr.resample(samples, hz, RATE), np.float32)[None], RATE)
            phones = Phones.of((x.start, x.end, x.phone) for x in labels if x.phone != "sil" and x.end > x.start + 1e-3)
            sets.setdefault(f"tts {language}", []).append(Item(f"{language}_{index}", sound, phones))
    return sets
