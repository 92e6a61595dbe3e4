# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a piece of music: its sections, which of them are alike, and how energetic each beat is.

Features are averaged over bars; the bars are cut into sections by dynamic programming (the least spread within a
section against a price for each, lower for lengths that music has), and sections that sound alike get one letter by
average-linkage clustering. Silence is a section of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.ndimage import uniform_filter1d

from ...rigs.beats import Beats
from ...rigs.sound import Sound
from .features import ONSET_FPS, ONSET_RATE, chroma, onset_bands, spectrogram

Array = NDArray[np.float64]

SILENCE = "-"  # the letter of a section in which nothing sounds
_PIECE = 40.0  # s analysed at a time: bounds the memory whatever the length
_QUIET = 42.0  # dB below the loud part of the song, taken for silence
_RANGE = 9.0  # dB, the least over which energy goes from 0 to 1
_PRICE = 0.9  # of one more section, in bars of mean spread
_LONGEST = 24  # bars in a section
_ALIKE = 0.85  # distance of section means, in standard deviations of bars, below which they count as the same


@dataclass(frozen=True)
class Section:
    """Beats `first` to before `last`; `label` A, B … alike for sections that sound alike; `energy` 0..1, the mean.

    `name` is a guess at what a musician would say: intro, verse, chorus, bridge, break, outro or silence.
    """

    label: str
    name: str
    first: int
    last: int
    energy: float


@dataclass(frozen=True)
class Structure:
    """`sections` in order, without gaps; `energy` (B,) 0..1 of each beat."""

    sections: tuple[Section, ...]
    energy: Array

    def to_list(self) -> list[dict[str, Any]]:
        return [asdict(section) for section in self.sections]


def analyse(sound: Sound, beats: Beats) -> Structure:
    """The sections and the energy of `sound`, whose beats are known."""
    features, level, onsets = beat_features(sound, beats)
    loud = float(np.percentile(level, 95))
    audible = level > loud - 25.0
    soft = float(np.percentile(level[audible], 5))
    energy = np.clip(1 + (level - loud) / max(_RANGE, loud - soft), 0, 1)
    strength = np.clip(onsets / max(float(np.percentile(onsets, 95)), 1e-9), 0, 1)
    energy = uniform_filter1d(0.55 * energy + 0.45 * strength, max(2, beats.metre), mode="nearest")
    silent = _long_runs(level < max(loud - _QUIET, -75.0), beats)
    energy[silent] = 0.0

    spans: list[tuple[int, int, bool]] = []
    for first, last in _runs(silent):
        if silent[first]:
            spans.append((first, last, True))
        else:
            spans.extend((a, b, False) for a, b in _cut(features, beats, first, last))
    letters = _letters(features, energy, [(a, b) for a, b, quiet in spans if not quiet])
    labels = [SILENCE if quiet else next(letters) for _, _, quiet in spans]
    means = [float(energy[a:b].mean()) for a, b, _ in spans]
    names = _names(labels, means)
    return Structure(
        tuple(
            Section(label, name, a, b, round(mean, 3))
            for label, name, (a, b, _), mean in zip(labels, names, spans, means, strict=True)
        ),
        energy,
    )


def beat_features(sound: Sound, beats: Beats) -> tuple[Array, Array, Array]:
    """Of each beat: (B, 37) mel levels in dB, pitch classes and onset bands; (B,) level in dB; (B,) onset strength."""
    total = max(1, int(np.ceil(sound.seconds * ONSET_FPS)))
    parts = []
    for start in np.arange(0.0, sound.seconds, _PIECE):
        piece = sound.within(start, min(_PIECE, sound.seconds - start))
        magnitudes = spectrogram(piece)
        mel = librosa.filters.mel(sr=ONSET_RATE, n_fft=1024, n_mels=20, fmin=40, fmax=10000) @ magnitudes**2
        power = magnitudes.astype(np.float64) ** 2
        columns = np.concatenate([mel, chroma(magnitudes), onset_bands(magnitudes), power.sum(axis=0, keepdims=True)])
        parts.append(columns[:, : round(min(_PIECE, sound.seconds - start) * ONSET_FPS)])
    frames = np.concatenate(parts, axis=1)[:, :total]
    edges = np.clip(np.round(np.append(beats.times, sound.seconds) * ONSET_FPS).astype(int), 0, frames.shape[1] - 1)
    widths = np.maximum(np.diff(edges), 1)
    summed = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(frames, axis=1)], axis=1)
    mean = ((summed[:, np.minimum(edges[:-1] + widths, frames.shape[1])] - summed[:, edges[:-1]]) / widths).T
    level = 10 * np.log10(np.maximum(mean[:, -1] / 1024**2, 1e-12))
    mel = 10 * np.log10(np.maximum(mean[:, :20], 1e-6))
    features = np.concatenate([mel, mean[:, 20:-1]], axis=1)
    return np.asarray(features, float), np.asarray(level, float), mean[:, 32:37].sum(axis=1)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of each stretch of equal values."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8))) + 1
    bounds = [0, *edges.tolist(), len(mask)]
    return list(pairwise(bounds))


def _long_runs(mask: NDArray[np.bool_], beats: Beats) -> NDArray[np.bool_]:
    """`mask` without its stretches shorter than a bar and 1.5 s: a stop in the music is not its end."""
    kept = np.zeros_like(mask)
    step = 60.0 / beats.bpm
    for first, last in _runs(mask):
        kept[first:last] = mask[first] and (last - first) * step >= max(1.5, 2 * step)
    return kept


def _scaled(features: Array) -> Array:
    """Standardised, each group (timbre, harmony, rhythm) with a weight of its own whatever its number of columns."""
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.maximum(spread, 1e-3 * spread.max(initial=0.0) + 1e-9)
    for columns, weight in ((slice(0, 20), 1.0), (slice(20, 32), 0.45), (slice(32, 37), 0.7)):
        scaled[:, columns] *= weight / np.sqrt(columns.stop - columns.start)
    return scaled


def _cut(features: Array, beats: Beats, first: int, last: int) -> list[tuple[int, int]]:
    """Beats first..last cut at downbeats into sections."""
    downbeats = [k for k in range(first, last) if beats.positions[k] == 0]
    edges = np.unique([first, *downbeats, last])
    bars = np.stack([features[a:b].mean(axis=0) for a, b in pairwise(edges)])
    count = len(bars)
    if count < 4:
        return [(first, last)]
    bars = _scaled(bars)
    sums = np.concatenate([np.zeros((1, bars.shape[1])), np.cumsum(bars, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((bars**2).sum(axis=1))])
    price = _PRICE * (squares[-1] - (sums[-1] ** 2).sum() / count) / count
    best, back = np.full(count + 1, np.inf), np.zeros(count + 1, int)
    best[0] = 0.0
    for end in range(1, count + 1):
        starts = np.arange(max(0, end - _LONGEST), end)
        length = end - starts
        spread = squares[end] - squares[starts] - ((sums[end] - sums[starts]) ** 2).sum(axis=1) / length
        odd = 0.5 * (length % 4 != 0) + 0.4 * (length % 2 != 0) + 1.0 * (length < 4)
        total = best[starts] + spread + price * (1 + odd * ((end < count) | (length < 4)))
        back[end] = starts[int(total.argmin())]
        best[end] = total.min()
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(int(back[cuts[-1]]))
    return [(int(edges[a]), int(edges[b])) for a, b in zip(cuts[:0:-1], cuts[-2::-1], strict=True)]


def _letters(features: Array, energy: Array, spans: list[tuple[int, int]]):
    """The letter of each span in turn, from A on."""
    if len(spans) < 2:
        yield from "A"[: len(spans)]
        return
    rows = np.concatenate([_scaled(features), 0.8 * energy[:, None] / (energy.std() + 0.1)], axis=1)
    means = np.stack([rows[a:b].mean(axis=0) for a, b in spans])
    groups = fcluster(linkage(means, "average"), _ALIKE, "distance")
    order: dict[int, str] = {}
    for group in groups:
        yield order.setdefault(int(group), chr(ord("A") + min(len(order), 25)))


def _names(labels: list[str], energy: list[float]) -> list[str]:
    sounding = [k for k, label in enumerate(labels) if label != SILENCE]
    if not sounding:
        return ["silence"] * len(labels)
    heard = {labels[k] for k in sounding}
    mean = {label: float(np.mean([energy[k] for k in sounding if labels[k] == label])) for label in heard}
    # What returns is rather a chorus than what is loud once.
    loudest = max((labels[k] for k in sounding), key=lambda label: mean[label] + 0.1 * (labels.count(label) > 1))
    names = []
    for k, label in enumerate(labels):
        if label == SILENCE:
            names.append("silence")
        elif label == loudest and len(set(labels) - {SILENCE}) > 1:
            names.append("chorus")
        elif k == sounding[0] and len(sounding) > 2 and labels.count(label) == 1:
            names.append("intro")
        elif k == sounding[-1] and len(sounding) > 2 and labels.count(label) == 1:
            names.append("outro")
        elif energy[k] < 0.55 * mean[loudest] and 0 < k < len(labels) - 1:
            names.append("break")
        else:
            names.append("verse" if labels.index(label) == k or labels.count(label) > 1 else "bridge")
    return names
