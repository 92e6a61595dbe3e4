# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of sound as it comes in, 60 times a second: none looks ahead, so that a dancer can follow a live stream.

The 84 of GrooveNet (Alemi, Françoise, Pasquier, KDD 2017 workshop) by name: loudness, Bark bands, moments and shape of
the spectrum, MFCC, tristimulus, pitch, salience, inharmonicity, dissonance. What of them the paper leaves open is
filled here with onsets, how long ago they were, and pitch classes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import lfilter

from ...rigs.sound import Sound
from .load import resampled

Array = NDArray[np.float64]

RATE, HOP, WINDOW = 15360, 256, 1024
FPS = RATE / HOP  # 60
FEATURES = 84
# Edges (Hz) of Zwicker's critical bands; the last ends where the spectrum does.
_BARK = np.array(
    [0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 4900, 5300,
     5800, 6400, 7000, 7680], float
)  # fmt: skip
_ONSETS = (0, 2, 5, 11, 17, 24)  # bands between which onsets are told apart: kick, bass, chords, voice, cymbals
_DECAYS = (0.15, 0.5)  # s, of the traces that onsets leave
_LEVELS = (0.5, 2.0, 8.0)  # s, over which loudness is averaged

_FREQUENCIES = np.fft.rfftfreq(WINDOW, 1 / RATE)
_BANDS = np.array([(a <= _FREQUENCIES) & (b > _FREQUENCIES) for a, b in pairwise(_BARK)], float).T  # (513, 24)
_PITCHES = 80.0 * 2 ** (np.arange(48) / 12)
_HARMONICS = np.clip(
    np.round(_PITCHES[:, None] * np.arange(1, 9) * WINDOW / RATE).astype(int), 0, len(_FREQUENCIES) - 1
)  # (48, 8) bins
_CLASSES = np.zeros((len(_FREQUENCIES), 12))
_HEARD = np.flatnonzero((_FREQUENCIES > 100) & (_FREQUENCIES < 4000))
_CLASSES[_HEARD, np.round(12 * np.log2(_FREQUENCIES[_HEARD] / 440)).astype(int) % 12] = 1


class Listener:
    """Turns a stream of mono samples at RATE into features; keeps what it must remember between two pieces."""

    def __init__(self) -> None:
        self._samples = np.zeros(WINDOW - HOP)
        self._bands = np.full((1, 24), np.log(1e-6))
        self._traces = np.zeros((len(_DECAYS) + len(_LEVELS), 5))
        self._heard = False

    def hear(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """(n * HOP,) samples to (n, 84) features, those of a frame from its own and earlier samples.

        Raises:
            ValueError: the number of samples is no multiple of HOP.
        """
        if len(samples) % HOP:
            raise ValueError(f"Give a multiple of {HOP} samples, not {len(samples)}.")
        if not len(samples):
            return np.zeros((0, FEATURES), np.float32)
        stream = np.concatenate([self._samples, samples])
        self._samples = stream[-(WINDOW - HOP) :].copy()
        frames = np.lib.stride_tricks.sliding_window_view(stream, WINDOW)[::HOP]
        return self._features(np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) / WINDOW).astype(np.float32)

    def _features(self, magnitude: Array) -> Array:
        """(n, 513) to (n, 84)."""
        power = magnitude**2
        total = power.sum(axis=1) + 1e-12
        loud = np.log(total)
        bands = np.log(power @ _BANDS + 1e-9)
        share = power / total[:, None]
        centroid = share @ _FREQUENCIES
        off = _FREQUENCIES - centroid[:, None]
        spread = np.sqrt((share * off**2).sum(1)) + 1.0
        skew, flat = ((share * (off / spread[:, None]) ** k).sum(1) for k in (3, 4))
        rolloff = _FREQUENCIES[(np.cumsum(share, axis=1) < 0.85).sum(axis=1).clip(max=len(_FREQUENCIES) - 1)]
        crest = np.log(power.max(axis=1) / (total / len(_FREQUENCIES)) + 1e-9)
        peaks = (magnitude[:, 1:-1] > magnitude[:, :-2]) & (magnitude[:, 1:-1] > magnitude[:, 2:])
        complexity = (peaks & (magnitude[:, 1:-1] > 0.1 * magnitude.max(axis=1, keepdims=True))).sum(1)
        before = np.concatenate([self._bands if self._heard else bands[:1], bands[:-1]])
        self._bands, self._heard = bands[-1:], True
        rise = np.maximum(bands - before, 0)
        comb = magnitude[:, _HARMONICS]  # (n, 48, 8)
        strength = comb.sum(-1)
        best = strength.argmax(1)
        partials = comb[np.arange(len(comb)), best]
        summed = partials.sum(1) + 1e-9
        tristimulus = np.stack([partials[:, 0], partials[:, 1:4].sum(1), partials[:, 4:].sum(1)], 1) / summed[:, None]
        salience = strength.max(1) / (strength.mean(1) + 1e-9)
        inharmonic = 1 - np.minimum(1, (partials**2).sum(1) / total)
        width = np.exp(bands - bands.max(axis=1, keepdims=True))
        dissonance = (width[:, 1:] * width[:, :-1]).sum(1) / (width**2).sum(1)
        classes = power @ _CLASSES
        onsets = np.stack([rise[:, a:b].mean(1) for a, b in pairwise(_ONSETS)], 1)
        return np.concatenate(
            [
                loud[:, None], bands, np.log(centroid + 1)[:, None], np.log(spread)[:, None],
                np.cbrt(skew)[:, None], np.log(flat + 1)[:, None], np.log(rolloff + 1)[:, None], crest[:, None],
                rise.mean(1)[:, None], np.sqrt(complexity)[:, None], bands.std(1)[:, None],
                np.asarray(dct(bands, norm="ortho", axis=1))[:, :13], tristimulus,
                np.log2(_PITCHES[best] / 80)[:, None], salience[:, None], inharmonic[:, None], dissonance[:, None],
                onsets, *self._faded(onsets, loud),
                classes / (classes.sum(1, keepdims=True) + 1e-12),
            ],
            axis=1,
        )  # fmt: skip

    def _faded(self, onsets: Array, loud: Array) -> list[Array]:
        """Traces of the onsets that fade, and running means of the loudness."""
        result = []
        for k, seconds in enumerate(_DECAYS):
            keep = np.exp(-1 / (seconds * FPS))
            faded, memory = lfilter([1.0], [1.0, -keep], onsets, axis=0, zi=self._traces[k : k + 1])
            self._traces[k] = memory
            result.append(np.log1p(faded))
        for k, seconds in enumerate(_LEVELS, len(_DECAYS)):
            keep = np.exp(-1 / (seconds * FPS))
            mean, memory = lfilter([1 - keep], [1.0, -keep], loud[:, None], axis=0, zi=self._traces[k : k + 1, :1])
            self._traces[k, :1] = memory
            result.append(mean)
        return result


def live_features(sound: Sound) -> NDArray[np.float32]:
    """(T, 84) of a whole sound at 60 fps, as `Listener` hears them one after the other."""
    y = resampled(sound, RATE).mono()
    frames = int(np.ceil(sound.seconds * FPS))
    return Listener().hear(np.pad(y, (0, max(0, frames * HOP - len(y))))[: frames * HOP])
