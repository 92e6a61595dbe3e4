# SPDX-License-Identifier: GPL-3.0-or-later
"""From a source's own sound to what the listener hears: distance, delay, Doppler, and direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from ..errors import InputError
from .synth import SOUND, filtered

Array = NDArray[np.float64]

LAYOUTS = ("stereo", "binaural", "ambix", "mono")
_NEAREST = 0.3  # m: nearer, it gets no louder
_HEAD = 0.0875  # m, radius


def heard(
    source: Array, places: Array, ears: Array, looks: Array, fps: float, layout: str, rate: int
) -> NDArray[np.float64]:
    """(C, N) Pa at the listener, of a source (N,) in Pa at 1 m.

    Args:
        places, ears: (T, 3) m of source and listener. looks: (T, 3, 3), rows right, up, forward of the listener.
        layout: stereo: amplitude panning of equal power. binaural: a sphere for a head, with Woodworth's delay between
            the ears (1938) and the shadow of Brown and Duda (1998). ambix: first order, ACN and SN3D: W Y Z X, with X
            before, Y to the left and Z above the listener. mono.

    Raises:
        InputError: an unknown layout.
    """
    if layout not in LAYOUTS:
        raise InputError(f"There is no layout {layout!r}; choose one of {', '.join(LAYOUTS)}.")
    count = len(source)
    clock = np.arange(count) / rate
    away = _sampled(places, clock, fps) - _sampled(ears, clock, fps)
    distance = np.linalg.norm(away, axis=1)
    right, up, ahead = (np.einsum("ni,ni->n", away, _sampled(looks[:, row], clock, fps)) for row in range(3))
    norm = np.maximum(np.sqrt(right**2 + up**2 + ahead**2), 1e-9)
    right, up, ahead = right / norm, up / norm, ahead / norm
    gain = 1 / np.maximum(distance, _NEAREST)
    delay = distance / SOUND
    if layout == "binaural":
        side = np.arcsin(np.clip(right, -1, 1))
        wood = _HEAD / SOUND
        channels = []
        for ear in (-1, 1):  # left, right
            incidence = np.pi / 2 - ear * side  # between the ear's axis and the source
            # Woodworth and Schlosberg: straight to the near ear, round the head to the far one.
            extra = np.where(incidence < np.pi / 2, -wood * np.cos(incidence), wood * (incidence - np.pi / 2))
            came = _delayed(source, delay + wood + extra, rate) * gain
            channels.append(_shadow(came, incidence, rate))
        return np.stack(channels)
    came = _delayed(source, delay, rate) * gain
    if layout == "mono":
        return came[None]
    if layout == "stereo":
        angle = (np.clip(right / np.maximum(np.hypot(right, ahead), 1e-9), -1, 1) + 1) * np.pi / 4
        return np.stack([came * np.cos(angle), came * np.sin(angle)])
    return np.stack([came, -right * came, up * came, ahead * came])


def direction(ambix: Array) -> Array:
    """(3,) unit, right, up, forward: whence a first-order ambiX sound (4, N) comes, by its mean intensity."""
    w, y, z, x = ambix
    flow = np.array([-(w * y).sum(), (w * z).sum(), (w * x).sum()])
    return flow / max(float(np.linalg.norm(flow)), 1e-30)


def _sampled(track: Array, clock: Array, fps: float) -> Array:
    if len(track) == 1 or np.ptp(track, axis=0).max() < 1e-9:
        return np.broadcast_to(track[0], (len(clock), track.shape[1]))
    at = clock * fps
    frames = np.arange(len(track))
    return np.stack([np.interp(at, frames, track[:, axis]) for axis in range(track.shape[1])], 1)


def _delayed(source: Array, delay: Array, rate: int) -> Array:
    """The source as it was `delay` s ago, by Lagrange interpolation over six samples, which a moving delay needs."""
    at = np.arange(len(source)) - delay * rate
    base = np.floor(at).astype(np.int64)
    part = at - base
    padded = np.concatenate([np.zeros(8), source, np.zeros(8)])
    result = np.zeros(len(source))
    taps = np.arange(-2, 4)
    for tap in taps:
        weight = np.ones(len(source))
        for other in taps[taps != tap]:
            weight *= (part - other) / (tap - other)
        place = np.clip(base + tap + 8, 0, len(padded) - 1)
        result += weight * padded[place]
    return result


def _shadow(sound: Array, incidence: Array, rate: int) -> Array:
    """The head's shadow: (1 + alpha s/2w) / (1 + s/2w), w = c/a; alpha 2 at the near ear, 0.1 behind the head."""
    alpha = 1.05 + 0.95 * np.cos(incidence / np.deg2rad(150) * np.pi)
    w = 2 * SOUND / _HEAD
    low = filtered(*signal.bilinear([1.0], [1 / w, 1.0], rate), sound)
    high = filtered(*signal.bilinear([1 / w, 0.0], [1 / w, 1.0], rate), sound)
    return low + alpha * high
