# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound as the ear's first stage hears it: envelopes of bands as wide as the cochlea's, compressed.

After McDermott and Simoncelli (Neuron 2011), as Owens et al. (CVPR 2016) use it: 40 bands evenly spaced in equivalent
rectangular bandwidths, with one below and one above, 90 values a second, raised to 0.3.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATE, FPS = 22050, 90
BANDS = 42
_LOWEST, _HIGHEST = 60.0, 10000.0  # Hz, of the middle of the bands between the outer two
_COMPRESSION = 0.3
_EDGE = 441  # samples


def erb_number(hertz: Array) -> Array:
    """Place on the cochlea in equivalent rectangular bandwidths (Glasberg, Moore 1990)."""
    return 9.265 * np.log(1 + np.asarray(hertz, float) / (24.7 * 9.265))


@lru_cache(maxsize=8)
def _filters(length: int) -> Array:
    """(42, length // 2 + 1): half cosines on the ERB scale whose squares sum to one at every frequency."""
    place = erb_number(np.fft.rfftfreq(length, 1 / RATE))
    low, high = erb_number(np.array([_LOWEST, _HIGHEST]))
    edges = np.linspace(low, high, BANDS)
    step = edges[1] - edges[0]
    centres = edges - step / 2
    made = np.cos(np.clip((place[None] - centres[:, None]) / step, -1, 1) * np.pi / 2)
    made[0, place < centres[0]] = 1.0
    made[-1, place > centres[-1]] = 1.0
    return made


def cochleagram(samples: Array) -> Array:
    """(N,) mono samples at 22,050 Hz to (ceil(N · 90 / 22050), 42) compressed envelopes."""
    count = len(samples)
    # What is cut off in the middle of a tone would end with a click in every band.
    edge = min(_EDGE, count // 2)
    fade = np.ones(count)
    fade[count - edge :] = np.cos(np.linspace(0, np.pi / 2, edge)) ** 2
    samples = samples * fade
    length = 1 << max(10, int(count - 1).bit_length())
    spectrum = np.fft.rfft(samples, length) * _filters(length)
    analytic = np.zeros((BANDS, length), complex)  # twice the positive frequencies: what Hilbert's transform makes
    analytic[:, : length // 2 + 1] = 2 * spectrum
    analytic[:, 0] /= 2
    analytic[:, length // 2] /= 2
    envelopes = np.abs(np.fft.ifft(analytic))
    frames = -(-count * FPS // RATE)
    edges = np.minimum(np.round(np.arange(frames + 1) * RATE / FPS).astype(int), max(count, 1))
    summed = np.concatenate([np.zeros((BANDS, 1)), np.cumsum(envelopes[:, : max(count, 1)], 1)], 1)
    means = (summed[:, edges[1:]] - summed[:, edges[:-1]]) / np.maximum(np.diff(edges), 1)
    return np.maximum(means, 0).T ** _COMPRESSION
