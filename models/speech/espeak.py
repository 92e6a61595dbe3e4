# SPDX-License-Identifier: GPL-3.0-or-later
"""espeak-ng through its C library: speech with the time of every phone, to train on."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from .spelling import Label, from_ipa, spread

_SYNCHRONOUS, _PHONEME_EVENTS, _IPA_NAMES = 2, 1, 2
_RATE, _PITCH, _RANGE = 1, 3, 4
_PHONEME = 7
_VOICELESS, _VOICED = {"p", "t", "k", "q"}, {"b", "d", "g"}
_STEP = 0.005
# Against speech whose times are known its events come late, s; and a closure's sound has fallen by so many dB.
_LATE, _FALLEN = 0.007, 13.0
# A pause briefer than this, s, between two words is a catch in the throat: the mouth stays as it is.
_CATCH = 0.08


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text", ctypes.c_int), ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("id", _Id),
    )  # fmt: skip


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """The library and its sample rate, Hz: the system's, or else the one that the package espeakng-loader brings."""
    for name, data in _places():
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _IPA_NAMES)
        if rate > 0:
            return library, rate
    raise InputError("Text is spoken by espeak-ng, and it is not installed: pip install espeakng-loader.")


def _places() -> list[tuple[str, bytes | None]]:
    """Where the library may be, and its data where that is not beside it."""
    places: list[tuple[str, bytes | None]] = [(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1", None)]
    with contextlib.suppress(ImportError):
        import espeakng_loader  # type: ignore[import-not-found]

        places.append((espeakng_loader.get_library_path(), str(espeakng_loader.get_data_path()).encode()))
    return places


@cache
def voices() -> dict[str, str]:
    """The language codes that espeak-ng speaks here, and what it calls the voice of each."""

    class Voice(ctypes.Structure):
        _fields_ = (("name", ctypes.c_char_p), ("languages", ctypes.c_char_p), ("identifier", ctypes.c_char_p))

    library, _ = _library()
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    listed = library.espeak_ListVoices(None)
    found: dict[str, str] = {}
    at = 0
    while listed[at]:
        voice = listed[at].contents
        code = voice.languages[1:].split(b"\0")[0].decode()
        found.setdefault(code, voice.identifier.decode())
        at += 1
    return found


def speak(
    text: str, voice: str, rate: int = 170, pitch: int = 50, pitch_range: int = 50
) -> tuple[NDArray[np.float32], int, list[Label]]:
    """(N,) samples −1..1, their rate in Hz, and the phones of `text`.

    `voice` is a language code with or without "+variant"; `rate` in words a minute; pitch and its range 0..100.

    Raises:
        InputError: espeak-ng is missing or does not know the voice.
    """
    library, hz = _library()
    blocks: list[NDArray[np.int16]] = []
    events: list[tuple[float, str]] = []

    @_CALLBACK
    def receive(wave, count, event):  # type: ignore[no-untyped-def]
        if wave and count > 0:
            blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        at = 0
        while event[at].type != 0:
            if event[at].type == _PHONEME:
                name = bytes(event[at].id.string).split(b"\0")[0].decode("utf-8", "ignore")
                events.append((event[at].sample / hz, name))
            at += 1
        return 0

    library.espeak_SetSynthCallback(receive)
    code, plus, variant = voice.partition("+")
    if library.espeak_SetVoiceByName(f"{voices().get(code, code)}{plus}{variant}".encode()) != 0:
        raise InputError(f"espeak-ng has no voice {voice}; list them with espeak-ng --voices.")
    for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
        library.espeak_SetParameter(parameter, int(value), 0)
    encoded = text.encode() + b"\0"
    library.espeak_Synth(encoded, len(encoded), 0, 0, 0, 1, None, None)
    library.espeak_Synchronize()
    samples = (np.concatenate(blocks) if blocks else np.zeros(0, np.int16)).astype(np.float32) / 32768
    return samples, hz, _labels(samples, hz, events, code)


def _labels(samples: NDArray[np.float32], hz: int, events: list[tuple[float, str]], language: str) -> list[Label]:
    """The phones of the events. A stop's event is its release, so the closure is looked for in the sound before it."""
    length = len(samples) / hz
    hop = int(_STEP * hz)
    power = np.array([np.mean(samples[i : i + hop] ** 2) for i in range(0, max(len(samples) - hop, 0), hop)])
    level = np.asarray(10 * np.log10(power + 1e-9), np.float64)
    events = [(time, name) for time, name in events if not name.startswith("(")]  # marks of another language
    labels = [Label(0.0, events[0][0], "sil")] if events and events[0][0] > 0 else []
    for (start, name), (end, _) in zip(events, [*events[1:], (length, "")], strict=True):
        if end <= start + 1e-4:
            continue
        names = from_ipa(name, language)
        if not names:  # a pause has no name; a mark such as palatalisation belongs to what it follows
            names = [labels[-1].phone] if name and labels else ["sil"]
        if labels and names[0] in _VOICELESS | _VOICED | {"ch", "jh"}:
            closed = _closure(level, labels[-1], start, names[0])
            if closed < start:
                before = labels.pop()
                labels.append(replace(before, end=closed))
                start = closed
        labels += spread(start, end, names)
    labels = _merged(_pauses(level, [label for label in labels if label.end > label.start]))
    earlier = [replace(label, start=max(label.start - _LATE, 0.0), end=label.end - _LATE) for label in labels]
    return [label for label in earlier if label.end > label.start]


def _closure(level: NDArray[np.float64], before: Label, release: float, name: str) -> float:
    """When the closure of a stop begins that is released at `release` s: where the sound before it has died away."""
    last = min(int(release / _STEP), len(level))
    first = max(int((release - 0.14) / _STEP), int((before.start + 0.3 * (before.end - before.start)) / _STEP), 0)
    if before.phone == "sil":
        return max(release - 0.07, before.start)
    loud = level[max(first - 4, 0) : last]
    threshold = (float(loud.max()) if len(loud) else -90.0) - _FALLEN
    at = last
    while at > first and level[at - 1] < threshold:
        at -= 1
    closed = at * _STEP
    if name in _VOICELESS or name in ("ch", "jh"):
        closed = min(closed, release - 0.02)
    return max(closed, before.start + 0.3 * (before.end - before.start))


def _pauses(level: NDArray[np.float64], labels: list[Label]) -> list[Label]:
    """A last phone before a pause or the end lasts no longer than it sounds."""
    made = []
    for i, label in enumerate(labels):
        ends = i + 1 == len(labels) or labels[i + 1].phone == "sil"
        if label.phone != "sil" and ends:
            first, last = int(label.start / _STEP), min(int(label.end / _STEP), len(level))
            at = last
            while at > first + 4 and level[at - 1] < -65:
                at -= 1
            if last - at > 6:
                made += [Label(label.start, at * _STEP, label.phone, label.also), Label(at * _STEP, label.end, "sil")]
                continue
        made.append(label)
    return made


def _merged(labels: list[Label]) -> list[Label]:
    """Neighbouring pauses become one; the phone before a brief one lasts through it."""
    made: list[Label] = []
    for label in labels:
        if made and made[-1].phone == label.phone == "sil":
            made[-1] = Label(made[-1].start, label.end, "sil")
        else:
            made.append(label)
    return without_catches(made)


def without_catches(labels: list[Label]) -> list[Label]:
    made: list[Label] = []
    for i, label in enumerate(labels):
        inside = made and i + 1 < len(labels)
        if inside and label.phone == "sil" and label.end - label.start < _CATCH:
            made[-1] = replace(made[-1], end=label.end)
        else:
            made.append(label)
    return made
