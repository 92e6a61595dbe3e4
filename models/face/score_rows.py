# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the table: our methods, Rhubarb Lip Sync, mouths that hear next to nothing, and known phones."""

from __future__ import annotations

import importlib
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation import MouthSettings, articulate
from ...rigs.errors import InputError
from ...rigs.face import FaceTrack
from ...rigs.files import replacing
from ...rigs.phones import Phones
from ..audio.load import save_wav
from . import METHODS, TRAINED
from .articulator import mouth as articulated
from .hearing import Source, Voice, listen
from .live import LOOKAHEAD_MS, LiveMouth
from .score_measures import SHAPES, shapes_of_cues, shapes_of_track
from .score_sets import Item

Ints = NDArray[np.int64]
Shown = tuple[Ints, FaceTrack | None]

FPS = 60.0
_RECOGNISERS = {"rhubarb": "phonetic", "rhubarb_sphinx": "pocketSphinx"}


@dataclass(frozen=True)
class Row:
    """`shapes` (set, clip, frames) to the mouth's shapes, and the curves where there are some; None leaves it out.

    `track` of a clip, to be held against a captured face. `closures` (clip, fps) to the phones that were decoded and
    the curves that they gave.
    """

    title: str
    shapes: Callable[[str, Item, int], Shown | None]
    track: Callable[[Item], FaceTrack | None] | None = None
    closures: Callable[[Item, float], tuple[Phones, FaceTrack]] | None = None


def rows_of(methods: str, rhubarb: str | Path | None, cache: str | Path | None) -> dict[str, Row]:
    """The rows of these names, with commas, or all. Raises InputError: one is unknown."""
    ours = _Ours()
    every: dict[str, Row] = {
        "articulator": Row("AVAnim", _of_track(ours.track), ours.track, ours.closures),
        "streaming": Row(f"AVAnim, streaming {LOOKAHEAD_MS} ms", _of_track(_streamed), _streamed),
        "aligned": Row("AVAnim, text known (aligned)", _of_track(_aligned)),
        "labels": Row("AVAnim, labels articulated", _of_track(_labelled)),
    }
    for name, recogniser in _RECOGNISERS.items():
        every[name] = Row(f"Rhubarb 1.13, {recogniser}", _Rhubarb(rhubarb, cache, recogniser))
    every["flap"] = Row("loudness flap", lambda group, item, count: (_flap(item, count), None))
    every["constant"] = Row("never moves", lambda group, item, count: (np.full(count, SHAPES.index("B")), None))
    for name in TRAINED:
        track = _Points(name)
        every[name] = Row(METHODS[name].title, _of_track(track), track)
    if methods == "all":
        return every
    names = [name.strip() for name in methods.split(",") if name.strip()]
    for name in names:
        if name not in every:
            raise InputError(f"There is no face method {name!r} to score; choose all, or of {', '.join(every)}.")
    return {name: every[name] for name in names}


def _of_track(track: Callable[[Item], FaceTrack | None]) -> Callable[[str, Item, int], Shown | None]:
    def shapes(group: str, item: Item, count: int) -> Shown | None:
        made = track(item)
        return (shapes_of_track(made, count), made) if made is not None else None

    return shapes


def _as_track(weights: NDArray[np.float64], fps: float = FPS) -> FaceTrack:
    return FaceTrack(weights, np.zeros((len(weights), 3)), np.zeros((len(weights), 2)), fps)


class _Ours:
    """AVAnim's own method, which hears each clip once for all frame rates."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Item, Voice]] = {}

    def track(self, item: Item) -> FaceTrack:
        return self.closures(item, FPS)[1]

    def closures(self, item: Item, fps: float) -> tuple[Phones, FaceTrack]:
        if id(item) not in self._kept:
            self._kept[id(item)] = item, listen(Source.of_sound(item.sound))
        voice = self._kept[id(item)][1]
        return voice.phones, _as_track(articulated(voice, fps, MouthSettings()), fps)


def _streamed(item: Item) -> FaceTrack:
    """As the sound comes in, in pieces of 40 ms."""
    mouth = LiveMouth(FPS, LOOKAHEAD_MS)
    samples, piece = item.sound.samples[0], 640
    made = [mouth.feed(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return _as_track(np.concatenate([*made, mouth.finish()]))


def _aligned(item: Item) -> FaceTrack | None:
    from ..speech import align

    if not len(item.phones):
        return None
    try:
        phones = align(item.sound, [name for name in item.phones.names if name != "sil"])
    except InputError:
        return None
    return _as_track(articulate(phones, item.sound.seconds, FPS))


def _labelled(item: Item) -> FaceTrack:
    return _as_track(articulate(item.phones, item.sound.seconds, FPS))


def _flap(item: Item, count: int) -> Ints:
    """What many add-ons do: the jaw goes by the loudness."""
    samples = item.sound.samples[0]
    hop = item.sound.rate // 100
    power = np.array([np.mean(samples[max(0, (i - 1) * hop) : (i + 2) * hop] ** 2) + 1e-12 for i in range(count)])
    level = 10 * np.log10(power)
    below = level - np.percentile(level, 95)
    steps = [(-6, "D"), (-14, "C"), (-25, "B"), (-35, "A")]
    return np.select([below > limit for limit, _ in steps], [SHAPES.index(s) for _, s in steps], SHAPES.index("X"))


class _Points:
    """A published method, by its own network."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, item: Item) -> FaceTrack:
        from .recurrent import mouth

        recipe = importlib.import_module(f".{METHODS[self.name].module}", __package__).RECIPE
        return _as_track(mouth(recipe, Source.of_sound(item.sound), FPS))


class _Rhubarb:
    """Rhubarb Lip Sync as a program; what it said is kept in a folder, as it takes long."""

    def __init__(self, program: str | Path | None, cache: str | Path | None, recogniser: str) -> None:
        self.program, self.recogniser = program, recogniser
        self.cache = Path(cache) if cache else None

    def __call__(self, group: str, item: Item, count: int) -> Shown | None:
        name = f"{group.replace(' ', '_')}__{item.name}-{self.recogniser}.tsv"
        kept = self.cache / name if self.cache else None
        if kept is not None and kept.is_file():
            return self._shapes(kept.read_text(encoding="utf-8"), count)
        if self.program is None:
            return None
        with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
            wav = Path(folder) / "clip.wav"
            save_wav(item.sound, wav)
            command = [str(self.program), "-q", "-f", "tsv", "--extendedShapes", "GHX", "-r", self.recogniser, str(wav)]
            try:
                said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900).stdout
            except (OSError, subprocess.SubprocessError) as error:
                raise InputError(f"Rhubarb cannot be run as {self.program} ({error}); check --rhubarb.") from error
        if kept is not None:
            with replacing(kept) as temporary:
                temporary.write_text(said, encoding="utf-8")
        return self._shapes(said, count)

    @staticmethod
    def _shapes(text: str, count: int) -> Shown | None:
        cues = [(float(cells[0]), cells[1]) for line in text.splitlines() if len(cells := line.split()) == 2]
        return (shapes_of_cues(cues, count), None) if cues else None


__all__ = ["FPS", "Row", "Voice", "rows_of"]
