# SPDX-License-Identifier: GPL-3.0-or-later
"""Stretches of speech to train on: clips of several voices one after the other, disturbed as recordings in use are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .corpus import Clip
from .features import BANDS, FRAMES, HOP, LEVEL_DB, RATE, WIDTH, fast_length, features, irfft, rfft
from .net import CURVES, EVENTS

Array = NDArray[np.float32]

# How often a piece is taken from each kind of clip.
SHARES = {"espeak": 0.37, "flite": 0.11, "festival": 0.05, "so762": 0.27, "grid": 0.1, "facegood": 0.04, "": 0.06}


@dataclass(frozen=True)
class Stretch:
    """(T, …) at 100 Hz: features, two equally right phones, events, how far to trust those, curves and whether there
    are any.
    """

    heard: Array
    phones: NDArray[np.int64]
    events: Array
    sure: Array
    curves: Array
    captured: Array


class Stretches:
    """Draws stretches of `seconds` from clips. `music` at 16 kHz lies under the voices or stands alone."""

    def __init__(self, clips: list[Clip], music: list[Array], seconds: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.frames = round(seconds * FRAMES) // 2 * 2
        self.music = music
        self.kinds: dict[str, list[Clip]] = {}
        for clip in clips:
            self.kinds.setdefault(clip.kind, []).append(clip)
        known = [kind for kind in SHARES if kind in self.kinds or not kind]
        self.names = known
        self.kept: list[Stretch] = []
        self.again = False
        self.shares = np.array([SHARES[kind] for kind in known]) / sum(SHARES[kind] for kind in known)
        # By voice and language first, so that who has much to say is not heard more often.
        self.voices: dict[str, list[list[Clip]]] = {}
        for kind, members in self.kinds.items():
            groups: dict[str, list[Clip]] = {}
            for clip in members:
                groups.setdefault(clip.language if kind == "espeak" else clip.voice, []).append(clip)
            self.voices[kind] = list(groups.values())

    def draw(self) -> Stretch:
        """A stretch; every other one is an earlier one in a new voice, since to make one takes long."""
        kept, rng = self.kept, self.rng
        if len(kept) > 64 and self.again:
            self.again = False
            stretch = kept.pop(int(rng.integers(len(kept))))
        else:
            self.again = True
            stretch = self._made()
            kept.append(stretch)
        heard = stretch.heard.copy()
        if rng.random() < 0.75:
            heard = self._warped(heard, float(np.clip(rng.normal(1.0, 0.07), 0.84, 1.19)))
        self._mask(heard)
        return replace(stretch, heard=heard)

    def _made(self) -> Stretch:
        rng = self.rng
        n = self.frames * HOP
        wave = np.zeros(n, np.float32)
        phones = np.zeros((self.frames, 2), np.int64)
        events = np.zeros((self.frames, len(EVENTS)), np.float32)
        sure = np.ones(self.frames, np.float32)
        curves = np.zeros((self.frames, len(CURVES)), np.float32)
        captured = np.zeros(self.frames, np.float32)
        at = int(rng.integers(0, 30)) if rng.random() < 0.5 else 0
        while at < self.frames:
            kind = str(rng.choice(self.names, p=self.shares))
            if not kind:
                length = min(int(rng.uniform(40, 250)), self.frames - at)
                wave[at * HOP : (at + length) * HOP] += self._no_speech(length * HOP)
                at += length
                continue
            groups = self.voices[kind]
            group = groups[int(rng.integers(len(groups)))]
            clip = group[int(rng.integers(len(group)))]
            speed = float(np.clip(rng.normal(1.0, 0.09), 0.8, 1.25))
            piece, index = self._piece(clip, speed, self.frames - at)
            length = len(index)
            wave[at * HOP : (at + length) * HOP] += self._coloured(piece)[: length * HOP]
            span = slice(at, at + length)
            phones[span], events[span], sure[span] = clip.phones[index], clip.events[index], clip.sure[index]
            if clip.curves is not None:
                curves[span], captured[span] = clip.curves[index], 1.0
            at += length + (int(rng.integers(5, 60)) if rng.random() < 0.35 else 0)
        wave = self._disturbed(wave)
        wave *= 10 ** (rng.normal(0.0, 4.0) / 20)
        return Stretch(features(wave.astype(np.float32)), phones, events, sure, curves, captured)

    def _piece(self, clip: Clip, speed: float, room: int) -> tuple[Array, NDArray[np.int64]]:
        """A part of a clip played at `speed` and at the usual level, and which of the clip's frames it is made of."""
        rng = self.rng
        total = len(clip.phones)
        wanted = min(room, max(int(total / speed) - 1, 1))
        spare = total - int(wanted * speed) - 1
        first = int(rng.integers(0, spare)) if spare > 0 else 0
        index = np.minimum(first + ((np.arange(wanted) + 0.5) * speed).astype(np.int64), total - 1)
        source = clip.samples
        places = first * HOP + np.arange(wanted * HOP) * speed
        low, high = int(places[0]), min(int(places[-1]) + 2, len(source))
        part = source[low:high].astype(np.float32) / 32768
        piece = np.interp(places - low, np.arange(len(part)), part).astype(np.float32) if len(part) else np.zeros(1)
        if len(piece) < wanted * HOP:
            piece = np.pad(piece, (0, wanted * HOP - len(piece)))
        return piece.astype(np.float32) * gain_to_level(clip.samples[low:high].astype(np.float32) / 32768), index

    def _coloured(self, piece: Array) -> Array:
        """Through another microphone, room or telephone."""
        rng = self.rng
        n = len(piece)
        size = fast_length(n + RATE // 2)
        hertz = np.arange(size // 2 + 1) * RATE / size
        octaves = np.log2(np.maximum(hertz, 40) / 1000)
        curve = rng.normal(0, 3.0) * octaves / 3
        knots = np.interp(octaves, np.linspace(-4.5, 3, 7), rng.normal(0, 3.5, 7))
        response = 10 ** ((curve + knots) / 20)
        chance = rng.random()
        if chance < 0.06:
            response = response / (1 + (300 / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / 3400) ** 12)
        elif chance < 0.22:
            response = response / (1 + (hertz / rng.uniform(3500, 7500)) ** 10)
        elif chance < 0.34:
            response = response / (1 + (rng.uniform(60, 250) / np.maximum(hertz, 1)) ** 4)
        spectrum = rfft(piece, size) * response.astype(np.float32)
        if rng.random() < 0.35:
            spectrum = spectrum * rfft(self._room(), size)
        made = irfft(spectrum, size)[:n].astype(np.float32)
        return made * np.float32(10 ** (rng.normal(0, 3.0) / 20))

    def _room(self) -> Array:
        rng = self.rng
        length = int(RATE * rng.uniform(0.1, 0.45))
        decay = np.exp(-6.9 * np.arange(length) / length)
        tail = rng.standard_normal(length) * decay
        tail *= 10 ** (rng.uniform(-16, 0) / 20) / (np.sqrt((tail**2).sum()) + 1e-9)
        tail[: int(0.002 * RATE)] = 0
        tail[0] += 1.0
        return tail.astype(np.float32)

    def _disturbed(self, wave: Array) -> Array:
        rng = self.rng
        usual = 10 ** (LEVEL_DB / 20)
        if rng.random() < 0.65:
            decibels = rng.uniform(4, 40)
            wave = wave + self._noise(len(wave)) * np.float32(usual * 10 ** (-decibels / 20))
        if rng.random() < 0.13:
            wave = wave + self._tune(len(wave)) * np.float32(usual * 10 ** (-rng.uniform(2, 25) / 20))
        if rng.random() < 0.07:
            ceiling = usual * rng.uniform(0.8, 3.0)
            wave = np.clip(wave, -ceiling, ceiling)
        if rng.random() < 0.05:
            levels = float(2 ** rng.integers(6, 10))
            wave = np.round(wave * levels / 2) * 2 / levels
        if rng.random() < 0.05:
            wave = wave + np.float32(rng.normal(0, 0.02))
        return wave.astype(np.float32)

    def _noise(self, n: int) -> Array:
        """(n,) of RMS 1: noise of some colour, hum, or people talking."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.15:
            made = np.zeros(n, np.float32)
            for _ in range(int(rng.integers(3, 7))):
                members = self.kinds.get("espeak") or next(iter(self.kinds.values()))
                source = members[int(rng.integers(len(members)))].samples
                made += np.resize(np.roll(source, int(rng.integers(len(source)))), n).astype(np.float32)
        elif kind < 0.25:
            time = np.arange(n) / RATE
            base = rng.uniform(45, 130)
            made = 0.05 * rng.standard_normal(n)
            for k in range(1, 6):
                made += np.sin(2 * np.pi * base * k * time) / k ** rng.uniform(0.5, 2)
        else:
            size = fast_length(n)
            spectrum = rfft(rng.standard_normal(size).astype(np.float32), size)
            hertz = np.arange(len(spectrum)) * RATE / size + 20
            made = irfft(spectrum * (hertz ** -rng.uniform(-0.3, 1.3)).astype(np.float32), size)[:n]
            if rng.random() < 0.25:
                made = made * np.interp(np.arange(n), np.linspace(0, n, 12), rng.uniform(0, 1, 12) ** 2)
        return (made / (np.sqrt(np.mean(made**2)) + 1e-9)).astype(np.float32)

    def _tune(self, n: int) -> Array:
        if not self.music:
            return self._noise(n)
        song = self.music[int(self.rng.integers(len(self.music)))]
        first = int(self.rng.integers(0, max(len(song) - n, 1)))
        part = np.resize(song[first : first + n], n)
        return (part / (np.sqrt(np.mean(part**2)) + 1e-6)).astype(np.float32)

    def _no_speech(self, n: int) -> Array:
        """Silence, noise, breath or clicks, or music, for which the mouth stays shut."""
        rng = self.rng
        usual = np.float32(10 ** (LEVEL_DB / 20))
        kind = rng.random()
        if kind < 0.35:
            return self._tune(n) * usual * np.float32(10 ** (rng.uniform(-20, 4) / 20))
        if kind < 0.6:
            return self._noise(n) * usual * np.float32(10 ** (rng.uniform(-30, 2) / 20))
        if kind < 0.85:  # a breath
            size = fast_length(n)
            spectrum = rfft(rng.standard_normal(size).astype(np.float32), size)
            hertz = np.arange(len(spectrum)) * RATE / size
            shape = np.exp(-(((hertz - rng.uniform(900, 2500)) / rng.uniform(600, 2500)) ** 2))
            breath = irfft(spectrum * shape, size)[:n] * np.sin(np.pi * np.linspace(0, 1, n)) ** 1.5
            breath /= np.sqrt(np.mean(breath**2)) + 1e-9
            return (breath * usual * 10 ** (rng.uniform(-35, -10) / 20)).astype(np.float32)
        made = np.zeros(n, np.float32)
        for _ in range(int(rng.integers(1, 6))):
            at, length = int(rng.integers(0, n)), int(rng.uniform(0.002, 0.03) * RATE)
            made[at : at + length] += rng.standard_normal(len(made[at : at + length])) * rng.uniform(0.005, 0.15)
        return made

    def _warped(self, heard: Array, factor: float) -> Array:
        """A longer or shorter throat: bands moved along the mel scale."""
        places = np.clip(np.arange(BANDS) * factor, 0, BANDS - 1)
        low = np.minimum(places.astype(int), BANDS - 2)
        part = (places - low).astype(np.float32)
        warped = heard.copy()
        warped[:, :BANDS] = heard[:, low] * (1 - part) + heard[:, low + 1] * part
        return warped

    def _mask(self, heard: Array) -> None:
        rng = self.rng
        if rng.random() < 0.4:
            first, width = int(rng.integers(0, BANDS - 8)), int(rng.integers(2, 9))
            heard[:, first : first + width] = heard[:, first : first + width].mean()
        if rng.random() < 0.2:
            heard[:, BANDS + 1 : WIDTH] = 0.0
        if rng.random() < 0.15:
            heard[:, BANDS] = 0.8


def gain_to_level(samples: Array) -> np.float32:
    """By how much to multiply samples so that what is loud in them comes to the level at which speech is heard."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    if not len(frames):
        return np.float32(1.0)
    power = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    return level_gain(power)


def level_gain(decibels: Array) -> np.float32:
    """As `gain_to_level`, of the loudness of frames in dB: that of the frames within 20 dB of the loudest.

    The loudest are those of the loudest twenty-fifth: a word in 20 s of silence counts, a click does not.
    """
    loud = decibels[decibels > np.percentile(decibels, 96) - 20]
    level = 10 * np.log10(np.mean(10 ** (loud / 10)))
    return np.float32(10 ** (np.clip(LEVEL_DB - level, -40, 45) / 20))
