# SPDX-License-Identifier: GPL-3.0-or-later
"""What a face needs to know of a voice, from a sound or a file of any length, heard part by part."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation_natural import MOTION
from ...rigs.errors import InputError
from ...rigs.job import Progress, part, silent
from ...rigs.phones import Phones
from ...rigs.sound import Sound
from ..audio.load import UnsoundWarning, load_sound, probe

if TYPE_CHECKING:
    from ..speech import Heard

Array = NDArray[np.float32]

RATE, FRAMES = 16000, 100
PART_SECONDS, _MARGIN = 120.0, 2.0
CHANNELS = ("mix", "left", "right")
# Samples at full scale, of which a clean recording has next to none; how alike two channels are that hold one voice.
_FULL, _CLIPPED, _ALIKE = 0.998, 0.001, 0.3
_QUIET = 1e-3
# How likely the likeliest phones of a phrase have to be, on the mean (speech 0.36 and more, music 0.24 and less), and
# the pause, s, that parts phrases.
_SURE, _APART = 0.29, 0.25
# The least speech that is worth a mouth: s, and a share of the sound. Up to a larger share it also has to stand out of
# the rest by so many dB, as a word in a silence does and a moment of music does not.
_LEAST_SECONDS, _LEAST_SHARE = 0.12, 0.01
_SMALL_SHARE, _STANDS_OUT = 0.08, 15.0


@dataclass(frozen=True)
class Voice:
    """`phones`, and at 100 Hz `effort` (T,) 0..1, `loudness` (T,) dB, `f0` (T,) Hz with 0 where there is no pitch,
    `speech` (T,) 0..1, and `motion` (T, M) of articulation_natural.MOTION, what a captured face would do.
    """

    phones: Phones
    effort: Array
    loudness: Array
    f0: Array
    speech: Array
    motion: Array
    seconds: float

    @classmethod
    def silent(cls, phones: Phones, seconds: float) -> Voice:
        """A voice that is known by its phones alone."""
        nothing = np.zeros(0, np.float32)
        return cls(phones, nothing, nothing, nothing, nothing, np.zeros((0, len(MOTION)), np.float32), seconds)


@dataclass
class Source:
    """A sound that is read in parts: `read` (start, seconds) to one channel. `notes`: what was odd about it."""

    seconds: float
    read: Callable[[float, float], Sound]
    name: str = "The sound"
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of_sound(cls, sound: Sound, channel: str = "mix") -> Source:
        """Raises InputError: there is no such channel."""
        source = cls(sound.seconds, lambda start, seconds: Sound(np.zeros((1, 0), np.float32), RATE))
        chosen = _chosen(sound, channel, source)
        source.read = lambda start, seconds: chosen.within(start, seconds)
        return source

    @classmethod
    def of_file(
        cls, path: str | Path, start: float = 0.0, seconds: float | None = None, channel: str = "mix"
    ) -> Source:
        """A part of a sound file, or of a film's sound.

        Raises:
            InputError: as `load_sound`; or there is no such channel, or the part lies beyond the end.
        """
        length, _, channels = probe(path)
        if start >= length:
            raise InputError(f"Cannot listen to {path} from {start:g} s: it is only {length:.2f} s long.")
        whole = length - start if seconds is None else min(seconds, length - start)
        source = cls(whole, lambda at, long: Sound(np.zeros((1, 0), np.float32), RATE), Path(path).name)

        def read(at: float, long: float) -> Sound:
            long = min(long, whole - at)
            if long <= 0:
                return Sound(np.zeros((1, 0), np.float32), RATE)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", UnsoundWarning)
                sound = load_sound(path, rate=RATE, start=start + at, seconds=long, mono=channels == 1)
            for warning in said:
                if issubclass(warning.category, UnsoundWarning):
                    source.note(str(warning.message))
            return _chosen(sound, channel, source)

        source.read = read
        return source

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def listen(source: Source, *, device: str = "auto", progress: Progress = silent) -> Voice:
    """Hear a sound from end to end; memory is that of a part, however long it is.

    Raises:
        InputError: the sound cannot be read, or the recogniser's weights are missing.
        Cancelled: progress raised it.
    """
    from ..speech import recognise
    from . import natural

    motion = natural.shipped()
    heard: list[Voice] = []
    start = 0.0
    while start < source.seconds - 0.5 / FRAMES:
        long = min(PART_SECONDS, source.seconds - start)
        before = min(start, _MARGIN)
        share = part(progress, start / source.seconds, min((start + long) / source.seconds, 1.0))
        made = recognise(source.read(start - before, before + long + _MARGIN), progress=share, device=device)
        known = natural.inputs(made.posterior, made.events, made.effort, made.curves)
        moved = motion.motion(known).astype(np.float32)
        whole = Voice(_meant(made), made.effort, made.loudness, made.f0, made.speech, moved, made.seconds)
        heard.append(_within(whole, before, long))
        start += long
    if not heard:
        return Voice.silent(Phones.nothing(), source.seconds)
    voice = _joined(heard, source.seconds)
    if not _is_speech(voice):
        source.note(f"No speech was heard in {source.name}: the mouth stays at rest. Choose another part or channel.")
        return replace(voice, phones=Phones.nothing())
    return voice


def _is_speech(voice: Voice) -> bool:
    """Whether there is enough of it, and not only a moment of something that sounds on and on."""
    if not len(voice.phones):
        return False
    spoken = float((voice.phones.end - voice.phones.start).sum())
    if spoken < max(_LEAST_SECONDS, _LEAST_SHARE * voice.seconds):
        return False
    if spoken > _SMALL_SHARE * voice.seconds or not len(voice.loudness):
        return True
    times = (np.arange(len(voice.loudness)) + 0.5) / FRAMES
    index = (np.searchsorted(voice.phones.start, times, side="right") - 1).clip(0)
    within = (voice.phones.start[index] <= times) & (times < voice.phones.end[index])
    if not within.any() or within.all():
        return True
    return float(np.median(voice.loudness[within]) - np.median(voice.loudness[~within])) > _STANDS_OUT


def _meant(heard: Heard) -> Phones:
    """The phones without phrases of which none is sure: what music and machines sound like."""
    phones = heard.phones
    if not len(phones):
        return phones
    frames = [slice(round(s * FRAMES), max(round(e * FRAMES), round(s * FRAMES) + 1)) for s, e in _times(phones)]
    likeliest = heard.posterior.max(axis=1)
    sure = np.array([likeliest[span].mean() if len(likeliest[span]) else 0.0 for span in frames])
    phrase = np.cumsum(np.concatenate([[False], phones.start[1:] - phones.end[:-1] > _APART]))
    means = np.bincount(phrase, sure) / np.bincount(phrase)
    keep = np.flatnonzero(means[phrase] >= _SURE)
    names = tuple(phones.names[i] for i in keep)
    return Phones(phones.start[keep], phones.end[keep], names, phones.strength[keep])


def _times(phones: Phones) -> list[tuple[float, float]]:
    return list(zip(phones.start.tolist(), phones.end.tolist(), strict=True))


def _chosen(sound: Sound, channel: str, source: Source) -> Sound:
    """One channel, and notes on what is odd about it."""
    count = len(sound.samples)
    if channel == "mix":
        samples = sound.mono()
        if count == 2 and sound.samples.shape[1] and _are_two(sound.samples):
            source.note(f"The two channels of {source.name} hold different sounds; choose the left or the right one.")
    else:
        place = {"left": 0, "right": 1}.get(channel, int(channel) - 1 if channel.isdigit() else -1)
        if not 0 <= place < count:
            raise InputError(
                f"{source.name} has no channel {channel!r}: it has {count}; choose {', '.join(CHANNELS)} or a number."
            )
        samples = sound.samples[place]
    if len(samples) and np.mean(np.abs(samples) > _FULL) > _CLIPPED:
        source.note(f"{source.name} is clipped in places; a softer recording would be heard better.")
    samples = np.nan_to_num(samples)
    # A constant offset would look like sound where there is none.
    samples = samples - np.float32(samples.mean()) if len(samples) else samples
    return Sound(samples[None], sound.rate)


def _are_two(samples: Array) -> bool:
    power = np.sqrt((samples**2).mean(axis=1))
    if power.min() < max(_QUIET, 0.05 * power.max()):
        return False
    # By loudness over time: one voice on both sides goes up and down together, delayed or not.
    width = max(1, samples.shape[1] // 400)
    count = samples.shape[1] // width
    level = np.sqrt((samples[:, : count * width].reshape(2, count, width) ** 2).mean(axis=2) + 1e-9)
    return count > 20 and float(np.corrcoef(np.log(level))[0, 1]) < _ALIKE


def _within(voice: Voice, start: float, seconds: float) -> Voice:
    """Of a part heard with its margins; a phone on the border goes to the part in which most of it lies."""
    middle = (voice.phones.start + voice.phones.end) / 2
    keep = np.flatnonzero((middle >= start) & (middle < start + seconds))
    phones = Phones(
        voice.phones.start[keep], voice.phones.end[keep], tuple(voice.phones.names[i] for i in keep),
        voice.phones.strength[keep],
    ).shifted(-start)  # fmt: skip
    first, count = round(start * FRAMES), round(seconds * FRAMES)
    arrays = (voice.effort, voice.loudness, voice.f0, voice.speech, voice.motion)
    return Voice(phones, *(values[first : first + count] for values in arrays), seconds=seconds)


def _joined(parts: list[Voice], seconds: float) -> Voice:
    rows: list[tuple[float, float, str, float]] = []
    start = 0.0
    for one in parts:
        phones = one.phones
        for s, e, name, strength in zip(phones.start, phones.end, phones.names, phones.strength, strict=True):
            begin = max(start + s, rows[-1][1] if rows else 0.0)
            if start + e > begin + 1e-3:
                rows.append((begin, start + e, name, strength))
        start += one.seconds
    table = [(one.effort, one.loudness, one.f0, one.speech, one.motion) for one in parts]
    arrays = (np.concatenate(column) for column in zip(*table, strict=True))
    return Voice(Phones.of(rows).within(0.0, seconds), *arrays, seconds=seconds)
