# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the network says of each frame to timed phones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ...rigs.phones import PHONES, Phones, those
from .features import FRAMES
from .net import EVENTS

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """How the decoder weighs, in natural logarithms: `change` is what a change of phone costs, `closed` and `teeth` how
    much likelier lips that meet and a lip on the teeth are taken to be, `trust` how far the events are heeded.
    """

    change: float = 2.2
    closed: float = -0.2
    teeth: float = 0.7
    silence: float = 0.1
    trust: float = 0.6


USUAL = Weights()
_LIPS = [PHONES.index(name) for name in ("p", "b", "m")]
_TEETH = [PHONES.index(name) for name in ("f", "v")]
_CONTACTS = those("bilabial", "labiodental")
_SHORTEST = 2  # frames of a phone
_STOPS = those("stop", "affricate") - {"q"}
_LONGEST_STOP, _USUAL_STOP = 0.16, 0.11  # s


def decode(posterior: Array, events: Array, effort: Array, weights: Weights = USUAL) -> Phones:
    """Timed phones of (T, P) probabilities of phones, (T, E) of events and (T,) effort, all at 100 Hz.

    The likeliest sequence (Viterbi) where each change of phone costs the same, so that no language is preferred.
    """
    if not len(posterior):
        return Phones.nothing()
    return timed(_best_path(scores(posterior, events, weights), weights.change), effort)


def timed(path: NDArray[np.int64], effort: Array) -> Phones:
    """Timed phones of (T,) numbers of phones at 100 Hz, and of the effort there."""
    rows = []
    runs = _runs(path)
    tried = np.add.reduceat(effort[: len(path)], [first for first, _ in runs])
    for (first, last), total in zip(runs, tried.tolist(), strict=True):
        name = PHONES[path[first]]
        if name != "sil":
            full = 1.0 if name in _CONTACTS else 0.8 + 0.2 * min(total / (last - first) * 2, 1.0)
            rows.append((first / FRAMES, last / FRAMES, name, full))
    return Phones.of(prompt(rows))


def prompt(rows: list[tuple[float, float, str, float]]) -> list[tuple[float, float, str, float]]:
    """(start, end, name, strength) where a stop after a pause is closed no longer than stops are: nobody can hear when
    its closure began.
    """
    made: list[tuple[float, float, str, float]] = []
    for start, end, name, strength in rows:
        if name in _STOPS and end - start > _LONGEST_STOP and (not made or start > made[-1][1] + 1e-6):
            start = end - _USUAL_STOP
        made.append((start, end, name, strength))
    return made


def scores(posterior: Array, events: Array, weights: Weights = USUAL) -> Array:
    """(T, P) log-probabilities in which the events have had their say."""
    made = np.log(posterior + 1e-5)
    for event, members, gain in (("closed", _LIPS, weights.closed), ("lip-teeth", _TEETH, weights.teeth)):
        chance = events[:, EVENTS.index(event)]
        together = np.log(posterior[:, members].sum(axis=1) + 1e-5)
        # As likely together as the event says, or more.
        told = np.log(chance + 1e-5)
        # Which of them it is does not show on a mouth: the likeliest speaks for all.
        shared = together - made[:, members].max(axis=1)
        made[:, members] += (shared + gain + weights.trust * np.clip(told - together, -3, 3))[:, None]
    made[:, 0] += weights.silence
    return made


def smoothed_effort(loudness: Array, tilt: Array, speech: Array) -> Array:
    """(T,) 0..1, 0.5 for this recording's usual voice: from loudness in dB and how bright the sound is, smoothed."""
    if not len(loudness):
        return np.zeros(0, np.float32)
    spoken = speech > 0.5
    if not spoken.any():
        return np.zeros(len(loudness), np.float32)
    level = uniform_filter1d(loudness, 15)
    bright = uniform_filter1d(tilt, 25)
    loud = (level - np.median(level[spoken])) / 8.0
    keen = (bright - np.median(bright[spoken])) / 12.0
    made = 1.0 / (1.0 + np.exp(-(loud + 0.5 * keen)))
    return (made * uniform_filter1d(speech, 9)).astype(np.float32)


def _best_path(score: Array, change: float) -> NDArray[np.int64]:
    frames, count = score.shape
    back = np.zeros((frames, count), np.uint8)
    at = score[0].copy()
    for t in range(1, frames):
        best = int(at.argmax())
        moved = at[best] - change
        stays = at >= moved
        back[t] = np.where(stays, _NUMBERS, best)
        at = np.where(stays, at, moved) + score[t]
    path = np.zeros(frames, np.int64)
    path[-1] = at.argmax()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return without_flickers(path)


def without_flickers(path: NDArray[np.int64]) -> NDArray[np.int64]:
    """(T,) numbers of phones: one of a single frame is its neighbour's, but p, b and m."""
    made = path.copy()
    for first, last in _runs(path):
        if last - first < _SHORTEST and path[first] not in _LIPS:
            made[first:last] = made[first - 1] if first else path[min(last, len(path) - 1)]
    return made


def _runs(path: NDArray[np.int64]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(path)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(path)], strict=True))


_NUMBERS = np.arange(len(PHONES), dtype=np.uint8)
