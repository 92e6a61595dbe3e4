# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to recordings in use, each as a function of samples at 16 kHz, to measure how recognition bears it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from ..audio.composer import compose
from .features import RATE

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
    }
