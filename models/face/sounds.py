# SPDX-License-Identifier: GPL-3.0-or-later
"""What the published methods hear: log-mel bands, cepstral coefficients, and their differences, 100 times a second."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ...rigs.sound import Sound
from ..audio.load import resampled

Array = NDArray[np.float32]

RATE, HOP, FRAMES = 16000, 160, 100
_WINDOW, _SIZE = 400, 512
_BANDS = 26
_FLOOR = 1e-6


def log_mel(sound: Sound) -> Array:
    """(T, 26) natural logarithms of mel bands; frame t is centred on (t + 0.5) · 10 ms, T = ceil(seconds · 100)."""
    samples = np.nan_to_num(resampled(sound, RATE).mono()) if sound.samples.shape[1] else np.zeros(0, np.float32)
    peak = np.sqrt(np.mean(np.sort(samples**2)[-max(len(samples) // 4, 1) :])) if len(samples) else 0.0
    # The loud quarter is brought to one level, so that the microphone does not matter.
    samples = samples * np.float32(0.1 / max(peak, 1e-3))
    frames = -(-len(samples) // HOP)
    reach = (_WINDOW - HOP) // 2
    padded = np.pad(samples, (reach, reach + frames * HOP - len(samples)))
    if not frames:
        return np.zeros((0, _BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:frames]
    made = np.empty((frames, _BANDS), np.float32)
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    for first in range(0, frames, 4096):
        power = np.abs(np.fft.rfft(windows[first : first + 4096] * hann, _SIZE)) ** 2
        made[first : first + 4096] = np.log(power @ _filters().T + _FLOOR)
    return made


def cepstra(sound: Sound, count: int) -> Array:
    """(T, count) mel-frequency cepstral coefficients (Davis and Mermelstein, 1980), scaled to about −1..1."""
    return _cosines(log_mel(sound), count)


def cepstra_and_energy(sound: Sound) -> Array:
    """(T, 28): thirteen coefficients and the logarithm of the energy, and their differences."""
    bands = log_mel(sound)
    energy = np.log(np.exp(bands).sum(axis=1, keepdims=True) + _FLOOR)
    static = np.concatenate([_cosines(bands, 13), energy / 8.0], axis=1)
    change = np.gradient(static, axis=0) if len(static) > 1 else np.zeros_like(static)
    return np.concatenate([static, 4 * change], axis=1).astype(np.float32)


def _cosines(bands: Array, count: int) -> Array:
    return np.asarray(scipy.fft.dct(bands, norm="ortho", axis=1), np.float32)[:, :count] / np.float32(8.0)


@cache
def _filters() -> Array:
    """(26, 257) triangles, evenly spaced on the mel scale from 60 to 7600 Hz."""
    mel = 2595 * np.log10(1 + np.array([60.0, 7600.0]) / 700)
    edges = 700 * (10 ** (np.linspace(mel[0], mel[1], _BANDS + 2) / 2595) - 1)
    hertz = np.arange(_SIZE // 2 + 1) * RATE / _SIZE
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
