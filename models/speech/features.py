# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recogniser hears: 64 log-mel bands, loudness, voicing and pitch, 100 times a second.

Frame t is centred on sample (t + 0.5) · HOP, so it speaks for the time t · 10 ms to (t + 1) · 10 ms.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

RATE = 16000
HOP = 160
FRAMES = RATE // HOP  # a second
BANDS = 64
WIDTH = BANDS + 3
_WINDOW = 400  # of the spectrum, 25 ms
_LONG = 640  # of the pitch, 40 ms: two periods of 50 Hz
REACH = (_LONG - HOP) // 2  # samples that a frame hears beyond its own 10 ms on either side
_LOWEST, _HIGHEST = 60.0, 500.0  # Hz of a voice's pitch
_SLOW = RATE // 2  # the pitch is looked for at half the rate
FLOOR_DB = -90.0
LEVEL_DB = -26.0  # what speech is brought to before it is heard

Array = NDArray[np.float32]


def features(samples: Array) -> Array:
    """(T, WIDTH) float32 of (N,) samples at 16 kHz, T = ceil(N / HOP): bands and loudness about −1..1, voicing 0..1,
    log2 of the pitch relative to 150 Hz where there is a voice and 0 elsewhere.
    """
    frames = -(-len(samples) // HOP)
    padded = np.pad(samples, (REACH, REACH + frames * HOP - len(samples)))
    return framed_features(padded)


def framed_features(padded: Array, gains: Array | None = None) -> Array:
    """As `features`, of samples that begin REACH before the first frame and end REACH after the last one; each frame
    louder by its own of `gains` (T,).
    """
    frames = (len(padded) - 2 * REACH) // HOP
    if frames <= 0:
        return np.zeros((0, WIDTH), np.float32)
    long = np.lib.stride_tricks.sliding_window_view(padded, _LONG)[::HOP][:frames]
    made = np.empty((frames, WIDTH), np.float32)
    for first in range(0, frames, 4096):  # so that an hour does not need gigabytes
        part = np.ascontiguousarray(long[first : first + 4096], np.float32)
        made[first : first + 4096] = _some(part if gains is None else part * gains[first : first + 4096, None])
    return made


def loudness(heard: Array) -> Array:
    """(T,) dB relative to full scale of what `features` made."""
    return heard[:, BANDS] * 30.0 - 50.0


def pitch(heard: Array, threshold: float = 0.5) -> Array:
    """(T,) Hz, 0 where there is no voice, of what `features` made."""
    voiced = (heard[:, BANDS + 1] > threshold) & (loudness(heard) > -55.0)
    return np.where(voiced, 150.0 * 2.0 ** heard[:, BANDS + 2], 0.0).astype(np.float32)


def rfft(samples: Any, size: int) -> Any:
    """(…, size // 2 + 1) spectrum in the precision of the samples, which numpy's is not."""
    return scipy.fft.rfft(samples, size)


def irfft(spectrum: Any, size: int | None = None) -> Any:
    """The inverse of `rfft`."""
    return scipy.fft.irfft(spectrum, size)


def fast_length(samples: int) -> int:
    """The next length of at least `samples` whose spectrum is quickly computed."""
    return int(scipy.fft.next_fast_len(samples, real=True) or samples)


def _some(long: Array) -> Array:
    middle = (_LONG - _WINDOW) // 2
    short = long[:, middle : middle + _WINDOW]
    emphasised = short.copy()
    emphasised[:, 1:] -= 0.97 * short[:, :-1]
    emphasised[:, 0] *= 0.03
    spectrum = np.abs(rfft(emphasised * _hann(_WINDOW), 512)).astype(np.float32) ** 2
    bands = 10.0 * np.log10(spectrum @ _mel_filters() + 1e-7)
    power = 10.0 * np.log10(np.mean(short**2, axis=1) + 1e-9)
    voicing, log_pitch = _voice(long)
    columns = [(bands + 40.0) / 20.0, ((power + 50.0) / 30.0)[:, None], voicing[:, None], log_pitch[:, None]]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _voice(long: Array) -> tuple[Array, Array]:
    """How periodic each frame is, and log2(pitch / 150 Hz): the highest peak of the normalised autocorrelation."""
    slow = 0.5 * (long[:, ::2] + long[:, 1::2])
    centred = (slow - slow.mean(axis=1, keepdims=True)) * _hann(_LONG // 2)
    power = np.abs(rfft(centred, _LONG)) ** 2
    shortest, longest = int(_SLOW / _HIGHEST), int(_SLOW / _LOWEST)
    lags = irfft(power)[:, : longest + 2]
    ratio = lags / (lags[:, :1] + 1e-5) / _window_lags()[: longest + 2]
    ratio = ratio[:, shortest - 1 :]
    inner = ratio[:, 1:-1]
    # A little in favour of short lags, else twice the period wins as often.
    peaks = np.where((inner >= ratio[:, :-2]) & (inner >= ratio[:, 2:]), inner, 0.0)
    weighed = peaks * np.linspace(1.0, 0.9, peaks.shape[1], dtype=np.float32)
    best = weighed.argmax(axis=1)
    rows = np.arange(len(peaks))
    middle, before, after = peaks[rows, best], ratio[rows, best], ratio[rows, best + 2]
    voicing = np.clip(middle, 0.0, 1.0)
    aside = np.clip(0.5 * (before - after) / (before - 2 * middle + after - 1e-6), -0.5, 0.5)  # the parabola's top
    hertz = _SLOW / (best + shortest + aside)
    log_pitch = np.where(voicing > 0.4, np.log2(hertz / 150.0), 0.0)
    return voicing.astype(np.float32), log_pitch.astype(np.float32)


@cache
def _hann(length: int) -> Array:
    return np.hanning(length + 1)[:-1].astype(np.float32)


@cache
def _window_lags() -> Array:
    power = np.abs(np.fft.rfft(_hann(_LONG // 2), _LONG)) ** 2
    lags = np.fft.irfft(power)
    return (lags / lags[0]).astype(np.float32)


@cache
def _mel_filters(lowest: float = 60.0, highest: float = 7600.0) -> Array:
    """(257, BANDS) triangles evenly spaced on the mel scale."""
    mel = np.linspace(2595 * np.log10(1 + lowest / 700), 2595 * np.log10(1 + highest / 700), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(257) * RATE / 512
    rising = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
