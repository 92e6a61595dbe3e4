# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to recordings and voices, each as a function of samples at 16 kHz, to measure how recognition bears it.

Whispering, singing and shouting are made of ordinary speech: linear prediction (Makhoul, 1975) keeps the mouth's
filter, and another source sounds through it, so the labels' times stay. Real singers also lengthen their vowels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from ..audio.composer import compose
from .features import RATE, features, pitch

Array = NDArray[np.float32]


def conditions(seed: int = 0) -> dict[str, Callable[[Array], Array]]:
    """Name → what it does to (N,) samples."""
    rng = np.random.default_rng(seed)
    song = compose("pop", 104.0, 8, seed, rate=RATE, stereo=False).sound.mono()
    tail = rng.standard_normal(int(0.4 * RATE)) * np.exp(-6.9 * np.linspace(0, 1, int(0.4 * RATE)))
    tail *= 0.7 / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    telephone = butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")

    def beside(samples: Array, other: NDArray[np.floating], decibels: float) -> Array:
        """With another sound under it, so many dB quieter."""
        loud = np.sqrt(np.mean(samples**2)) / (np.sqrt(np.mean(other**2)) + 1e-9)
        return (samples + other * loud * 10 ** (-decibels / 20)).astype(np.float32)

    return {
        "as it is": lambda x: x,
        "telephone": lambda x: np.asarray(sosfilt(telephone, x), np.float32),
        "noise, 10 dB below": lambda x: beside(x, rng.standard_normal(len(x)), 10.0),
        "music, 6 dB below": lambda x: beside(x, np.resize(song, len(x)), 6.0),
        "a room": lambda x: np.asarray(fftconvolve(x, tail)[: len(x)], np.float32),
        "40 dB quieter": lambda x: x * np.float32(0.01),
        "clipped": lambda x: np.clip(x, -0.25 * np.abs(x).max(), 0.25 * np.abs(x).max()),
        "whispered": lambda x: whispered(x, rng),
        "sung": lambda x: sung(x, rng),
        "shouted": lambda x: shouted(x, rng),
    }


def whispered(samples: Array, rng: np.random.Generator) -> Array:
    """Breath in place of the voice, its low part weaker, as where the glottis stays open."""
    weak = butter(1, 700, "highpass", fs=RATE, output="sos")
    made = np.asarray(sosfilt(weak, _through_the_mouth(samples, rng.standard_normal(len(samples)))))
    return np.asarray(0.3 * made, np.float32)


def sung(samples: Array, rng: np.random.Generator) -> Array:
    """On a melody: a note of a pentatonic scale each 0.4 s, with vibrato."""
    times = np.arange(len(samples)) / RATE
    steps = rng.choice([0, 2, 4, 7, 9, 12, 14], size=int(times[-1] / 0.4) + 1 if len(times) else 1)
    note = steps[np.minimum((times / 0.4).astype(int), len(steps) - 1)] + 0.4 * np.sin(2 * np.pi * 5.5 * times)
    return _through_the_mouth(samples, _voiced(samples, 165.0 * 2 ** (note / 12), rng))


def shouted(samples: Array, rng: np.random.Generator) -> Array:
    """An octave up, with a harder source, and so loud that it overdrives the microphone somewhat."""
    heard = _pitch(samples)
    high = 2.0 * np.where(heard > 0, heard, 120.0)
    hard = np.asarray(lfilter([1.0, -0.7], [1.0], _through_the_mouth(samples, _voiced(samples, high, rng))))
    return np.asarray(np.tanh(4.0 * hard / (np.abs(hard).max() + 1e-9)), np.float32)


def _pitch(samples: Array) -> NDArray[np.float64]:
    """(N,) Hz, 0 where there is no voice."""
    heard = pitch(features(samples))
    at = (np.arange(len(samples)) * len(heard) // max(len(samples), 1)).clip(0, max(len(heard) - 1, 0))
    return np.asarray(heard, float)[at] if len(heard) else np.zeros(len(samples))


def _voiced(samples: Array, hertz: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float64]:
    """(N,) of unit power: pulses at `hertz` where there is a voice, else noise."""
    phase = np.cumsum(hertz) / RATE
    pulses = np.zeros(len(samples))
    pulses[1:] = np.diff(np.floor(phase)) > 0
    pulses *= np.sqrt(RATE / hertz)
    breath = rng.standard_normal(len(samples))
    return np.where(_pitch(samples) > 0, pulses + 0.05 * breath, breath)


def _through_the_mouth(samples: Array, source: NDArray[np.floating]) -> Array:
    """(N,) the source of unit power filtered as the mouth filters in `samples`, frame by frame, as loud as they are."""
    long, hop, order = 400, 200, 20
    window = np.hanning(long + 1)[:-1]
    padded, fed = (np.pad(np.asarray(x, float), (long, 2 * long)) for x in (samples, source))
    made = np.zeros(len(padded))
    for first in range(hop, len(padded) - long, hop):
        frame = padded[first : first + long] * window
        lags = np.correlate(frame, frame, "full")[long - 1 : long + order]
        if lags[0] < 1e-9:
            continue
        lags[0] *= 1 + 1e-4
        predictor = solve_toeplitz(lags[:-1], lags[1:])
        left = max(float(lags[0] - predictor @ lags[1:]), 0.0) / (window**2).sum()
        # The filter has rung in when the frame begins.
        rung = lfilter([np.sqrt(left)], np.r_[1.0, -predictor], fed[first - hop : first + long])[hop:]
        made[first : first + long] += rung * window
    return np.asarray(made[long : long + len(samples)], np.float32)
