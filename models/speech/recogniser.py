# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline recognition: a sound to phones, events of the mouth, effort and pitch. No language need be named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from ...rigs.job import Progress, part, silent
from ...rigs.phones import PHONES, Phones
from ...rigs.sound import Sound
from .. import device as devices
from ..audio.load import load_sound, probe, resampled
from . import features
from .augment import level_gain
from .decode import USUAL, Weights, decode, smoothed_effort
from .features import BANDS, FRAMES, HOP, RATE, REACH
from .net import PAIR, SpeechNet, load_weights

Array = NDArray[np.float32]

WEIGHTS = Path(__file__).parent.parent / "weights" / "speech_phones.safetensors"
_WINDOW = 3000  # frames at a time
_LEVEL_WINDOW, _LEVEL_STEP = 20 * FRAMES, 5 * FRAMES
PART_SECONDS = 120.0


@dataclass(frozen=True)
class Heard:
    """What was heard, at 100 Hz: `posterior` (T, P) of `PHONES`, `events` (T, 5) probabilities of net.EVENTS, `curves`
    (T, C) of net.CURVES as a captured face would move, `effort` (T,) 0..1 where 0.5 is this recording's usual voice,
    `loudness` (T,) dB relative to full scale, `f0` (T,) Hz, 0 without voice, `speech` (T,) probability.
    """

    phones: Phones
    posterior: Array
    events: Array
    effort: Array
    loudness: Array
    f0: Array
    speech: Array
    curves: Array

    @property
    def seconds(self) -> float:
        return len(self.posterior) / FRAMES


def recognise(
    sound: Sound,
    *,
    progress: Progress = silent,
    device: str = "auto",
    weights: Weights = USUAL,
    net: SpeechNet | None = None,
) -> Heard:
    """What is said in `sound`, and how. A sound without speech gives no phones and a `speech` near 0.

    Args:
        weights: how the decoder weighs lips, teeth and changes.
        net: another network than the shipped one.

    Raises:
        InputError: the device is not there, or the weights are missing.
        Cancelled: progress raised it.
    """
    samples = np.nan_to_num(resampled(sound, RATE).mono())
    on = devices.choose(device)
    net = (net or shipped()).to(on)
    frames = -(-len(samples) // HOP)
    level, gains = _levels(samples)
    outputs: list[tuple[Array, ...]] = []
    back, ahead = (steps * PAIR for steps in net.reach())
    for first in range(0, frames, _WINDOW):
        last = min(first + _WINDOW, frames)
        low, high = max(first - back, 0), min(last + ahead, frames)
        heard = _heard(samples, gains, low, high)
        values = (*listen(net, heard), heard[:, BANDS + 1 :], tilt(heard))
        outputs.append(tuple(value[first - low : last - low] for value in values))
        progress(0.8 * last / max(frames, 1), "Listening")
    if not outputs:
        empty = np.zeros(0, np.float32)
        nothing = [np.zeros((0, n), np.float32) for n in net.heads]
        return Heard(Phones.nothing(), nothing[0], nothing[1], empty, empty, empty, empty, nothing[2])
    posterior, events, curves, voice, bright = (np.concatenate(x) for x in zip(*outputs, strict=True))
    speech = 1.0 - posterior[:, 0]
    effort = smoothed_effort(level, bright, speech)
    voiced = (voice[:, 0] > 0.5) & (level > -60) & (speech > 0.3)
    # The median drops leaps of a frame or two to an octave beside, and voices that are no longer.
    f0 = median_filter(np.where(voiced, 150.0 * 2.0 ** voice[:, 1], 0.0), 5).astype(np.float32)
    phones = decode(posterior, events, effort, weights)
    progress(1.0, "Listening")
    return Heard(phones, posterior, events, effort, level, f0, speech, curves)


def recognised_parts(
    path: str | Path, *, part_seconds: float = PART_SECONDS, progress: Progress = silent, device: str = "auto"
) -> Iterator[tuple[float, Heard]]:
    """(start in s, what is heard from there on) of a file, in parts, so that hours need no more memory than minutes.

    Each part is heard with two seconds on either side, and a phone on the border goes to the part in which most of it
    lies.

    Raises:
        InputError: as `recognise`, and as `load_sound`.
    """
    length = probe(path)[0]
    margin = 2.0
    start = 0.0
    while start < length - 0.5 / FRAMES:
        seconds = min(part_seconds, length - start)
        before = min(start, margin)
        sound = load_sound(path, rate=RATE, start=start - before, seconds=before + seconds + margin, mono=True)
        share = part(progress, start / length, min((start + seconds) / length, 1.0))
        yield start, _within(recognise(sound, progress=share, device=device), before, seconds)
        start += seconds


def listen(net: SpeechNet, heard: Array, limit: int | None = None) -> tuple[Array, Array, Array]:
    """(T, P) probabilities of phones, (T, E) of events and (T, C) curves 0..1 of (T, WIDTH) features."""
    on = next(net.parameters()).device
    padded = np.pad(heard, ((0, len(heard) % PAIR), (0, 0)), mode="edge") if len(heard) else heard
    with torch.inference_mode():
        said, seen, moved = net(torch.from_numpy(padded)[None].to(on), limit)
        made = (said.softmax(2), seen.sigmoid(), moved.clamp(0, 1))
    posterior, events, curves = (x[0, : len(heard)].float().cpu().numpy() for x in made)
    return posterior, events, curves


@cache
def shipped() -> SpeechNet:
    """The network that comes with the program. Raises InputError where its weights are missing."""
    return load_weights(WEIGHTS)


def _heard(samples: Array, gains: Array, low: int, high: int) -> Array:
    """The features of frames low..high, each sample multiplied by the gain of its place."""
    first, last = low * HOP - REACH, high * HOP + REACH
    cut = samples[max(first, 0) : last]
    places = np.arange(max(first, 0), max(first, 0) + len(cut))
    gain = np.interp(places / HOP, np.arange(len(gains)) * _LEVEL_STEP, gains).astype(np.float32)
    padded = np.pad(cut * gain, (max(-first, 0), max(last - len(samples), 0)))
    return features.framed_features(padded)


def _levels(samples: Array) -> tuple[Array, Array]:
    """(T,) dB of each frame, and the gain at every _LEVEL_STEP frames: each from the 20 s around it."""
    frames = -(-len(samples) // HOP)
    blocks = np.pad(samples, (0, frames * HOP - len(samples))).reshape(frames, HOP)
    level = (10 * np.log10(np.einsum("ij,ij->i", blocks, blocks) / HOP + 1e-9)).astype(np.float32)
    gains = []
    for middle in range(0, frames + _LEVEL_STEP, _LEVEL_STEP):
        around = level[max(middle - _LEVEL_WINDOW // 2, 0) : middle + _LEVEL_WINDOW // 2]
        gains.append(level_gain(around) if len(around) else np.float32(1))
    return level, np.array(gains, np.float32)


def tilt(heard: Array) -> Array:
    """(T,) dB by which the upper bands are louder than the lower ones."""
    return 20.0 * (heard[:, 32:56].mean(axis=1) - heard[:, 4:24].mean(axis=1))


def _within(heard: Heard, start: float, seconds: float) -> Heard:
    first, count = round(start * FRAMES), round(seconds * FRAMES)
    span = slice(first, first + count)
    phones = heard.phones
    middle = (phones.start + phones.end) / 2
    keep = np.flatnonzero((middle >= start) & (middle < start + seconds))
    begin = np.maximum(phones.start[keep] - start, 0.0)
    end = np.minimum(phones.end[keep] - start, seconds)
    kept = Phones(begin, end, tuple(phones.names[i] for i in keep), phones.strength[keep])
    arrays = (heard.posterior, heard.events, heard.effort, heard.loudness, heard.f0, heard.speech, heard.curves)
    return Heard(kept, *(values[span] for values in arrays))


assert len(PHONES) < 256
