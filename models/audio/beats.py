# SPDX-License-Identifier: GPL-3.0-or-later
"""Tempo, metre, beats and downbeats of a piece of music.

Four steps. (1) Onset strength in five bands. (2) Each tempo from 50 to 210 in duple and in triple metre is scored by
how strongly the onsets repeat at the multiples and fractions of its beat: a linear score whose few weights were fitted
(WEIGHTS), and a softmax over all the candidates. (3) Beats by dynamic programming over (time, beat interval), so that
a tempo that drifts is followed; a regular grid where that fits nearly as well. (4) The downbeat by accents of the
bass and changes of harmony.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import zoom_fft

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from ...rigs.sound import Sound
from .features import ONSET_FPS, chroma, levelled, onset_bands, spectrogram

DEFAULT_BPM = 120.0
BPM_RANGE = (30.0, 300.0)  # what a user may ask for
CANDIDATES = np.exp(np.arange(np.log(50.0), np.log(210.0), 0.006))
_PULSES = np.exp(np.arange(np.log(12.0), np.log(900.0), 0.006))  # a minute
METRES = (4, 3)
_WINDOW = 12.0  # s, of the tempogram
_LEAST_SECONDS = 2.0  # below, nothing can repeat
_ENOUGH_SECONDS = 24.0  # from here on a piece without a pulse is known to have none

# Of the columns of `tempo_features`; fitted to composed songs alone by `python -m avanim.models.audio.fit_tempo`.
WEIGHTS = np.array([1.01, 1.13, 2.97, 2.64, 0.24, -4.16, -2.28, 1.94, 0.22])
# A steady tempo is believed when its grid meets this part of the onset strength that the free path meets. Most composed
# songs that drift by 2 % lie below 0.55, steady ones above 0.7.
_STEADY = 0.58


@dataclass(frozen=True)
class TempoScores:
    """`bpm` (N,), `probability` (2, N) of each in 4 and in 3, `clarity` 0..1 how far the pulse stands out of noise."""

    bpm: NDArray[np.float64]
    probability: NDArray[np.float64]
    clarity: float


def track_beats(
    sound: Sound,
    bpm: float | None = None,
    metre: int | None = None,
    offset: float | None = None,
    progress: Progress = silent,
) -> Beats:
    """The beats of `sound`.

    `bpm` fixes the tempo (a constant one; only the place of the beats is searched), `metre` the beats of a
    bar, `offset` s the first downbeat. Metre is found as 3 or 4 (2/4 counts as 4: only the score tells them apart).
    Silence, under 2 s of sound, or 24 s and more without a pulse give a grid at `bpm` or 120 with confidence 0.

    Raises:
        InputError: an override that cannot be.
    """
    if bpm is not None and not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
        raise InputError(f"A tempo of {bpm:g} beats a minute cannot be used: give one from 30 to 300.")
    if metre is not None and not 1 <= metre <= 12:
        raise InputError(f"A metre of {metre} beats a bar cannot be used: give one from 1 to 12.")
    if offset is not None and not 0 <= offset <= sound.seconds:
        raise InputError(
            f"The first downbeat at {offset:g} s is outside the {sound.seconds:.2f} s of sound: change it."
        )

    progress(0.0, "listening for onsets")
    if sound.seconds < _LEAST_SECONDS or float(np.abs(sound.samples).max()) < 1e-4:
        return _grid(sound.seconds, bpm or DEFAULT_BPM, offset or 0.0, metre or 4, 0, 0.0)
    magnitudes = spectrogram(sound)
    bands = onset_bands(magnitudes)
    onsets = levelled(bands).sum(axis=0)

    progress(0.5, "comparing tempi")
    scores = tempo_scores(bands)
    known = np.ones(len(METRES), bool) if metre is None else np.array([(m == 3) == (metre % 3 == 0) for m in METRES])
    near = np.ones(len(scores.bpm), bool) if bpm is None else np.abs(scores.bpm / bpm - 1.0) < 0.04
    allowed = scores.probability * known[:, None] * (near if near.any() else 1.0)
    best_metre, best = np.unravel_index(int(allowed.argmax()), allowed.shape)
    beats_a_bar = metre if metre is not None else METRES[best_metre]
    if scores.clarity <= 0.0 and sound.seconds > _ENOUGH_SECONDS:
        return _grid(sound.seconds, bpm or DEFAULT_BPM, offset or 0.0, metre or 4, 0, 0.0)
    chosen = float(scores.bpm[best])
    confidence = scores.clarity
    if bpm is None:
        confidence *= float(scores.probability[:, np.abs(scores.bpm / chosen - 1.0) < 0.04].sum())

    progress(0.7, "placing the beats")
    if bpm is not None:
        times = _regular(_best_phase(onsets, bpm), 60.0 / bpm, sound.seconds)
        chosen = bpm
    else:
        times, chosen = _place(onsets, chosen, sound.seconds)
    if offset is not None:
        return _grid(sound.seconds, chosen, offset, beats_a_bar, 0, confidence)

    progress(0.9, "finding the downbeats")
    first = _downbeat(times, beats_a_bar, bands, magnitudes)
    progress(1.0, "beats found")
    positions = (np.arange(len(times)) - first) % beats_a_bar
    return Beats(times, positions.astype(np.int64), round(chosen, 3), beats_a_bar, round(confidence, 3))


def tempo_scores(bands: NDArray[np.float32], weights: NDArray[np.float64] = WEIGHTS) -> TempoScores:
    """Of onset strength (5, T) at ONSET_FPS."""
    features, strength = tempo_features(bands)
    score = features @ weights
    probability = np.exp(score - score.max())
    # What the largest of the mean magnitudes of noise comes to (measured), the less the more windows there are.
    noise = 1.0 + 2.4 / np.sqrt(max(1.0, bands.shape[1] / ONSET_FPS / _WINDOW))
    clarity = float(np.clip((strength / noise - 1.0) / 0.6, 0.0, 1.0))
    return TempoScores(CANDIDATES, probability / probability.sum(), clarity)


def tempo_features(bands: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """((2, N, 9) features of each candidate in 4 and in 3, the strongest pulse over the median one).

    Log strength of the onsets' repetition in all bands (F) and in the bass (L): F(1) L(1) F(2) L(2) L(½), each at
    that multiple of the tempo; p = log2(bpm / 100) and p²; in the bass and in all bands, how much stronger the pulses
    of this metre are than those of the other.
    """
    everywhere, strength = _pulse_strength(bands.mean(axis=0))
    bass, _ = _pulse_strength(bands[:2].mean(axis=0))

    def at(pulses: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
        return np.interp(np.log(CANDIDATES * ratio), np.log(_PULSES), pulses)

    pulse = [at(everywhere, 1), at(bass, 1), at(everywhere, 2), at(bass, 2), at(bass, 0.5)]
    octave = np.log2(CANDIDATES / 100.0)
    duple_bass = at(bass, 1 / 2) + at(bass, 3 / 4) - at(bass, 1 / 3) - at(bass, 2 / 3)
    duple = at(everywhere, 3 / 4) + at(everywhere, 3 / 2) - at(everywhere, 2 / 3) - at(everywhere, 4 / 3)
    common = [*pulse, octave, octave**2]
    return np.stack([np.stack([*common, sign * duple_bass, sign * duple], axis=1) for sign in (1, -1)]), strength


def _pulse_strength(onsets: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """(log strength at each of _PULSES relative to the median one, the largest ratio): a mean Fourier tempogram."""
    length, hop = int(_WINDOW * ONSET_FPS), int(_WINDOW / 4 * ONSET_FPS)
    flat = levelled(onsets)
    flat = np.pad(flat, (0, max(0, length - len(flat))))
    window = np.hanning(length)
    turn = np.exp(-2j * np.pi * np.outer(np.arange(length) / ONSET_FPS, _PULSES / 60.0)) * window[:, None]
    pieces = np.stack([flat[i : i + length] for i in range(0, len(flat) - length + 1, hop)])
    strength = np.abs(pieces @ turn).mean(axis=0)
    usual = (_PULSES > 30) & (_PULSES < 400)
    ratio = strength / (np.median(strength[usual]) + 1e-9)
    return maximum_filter1d(np.log(ratio + 0.3), 3), float(ratio[usual].max())


def _place(onsets: NDArray[np.float32], bpm: float, seconds: float) -> tuple[NDArray[np.float64], float]:
    """(beat times, bpm) near the tempo `bpm`: a regular grid where that fits nearly as well as the free path."""
    steady = _steady_bpm(onsets, bpm)
    grid = _regular(_best_phase(onsets, steady), 60.0 / steady, seconds)
    path = _beat_path(onsets, 60.0 * ONSET_FPS / bpm)
    if len(path) < 8:
        return grid, steady
    near = maximum_filter1d(onsets, 3)
    frames = np.minimum(np.round(grid * ONSET_FPS).astype(int), len(onsets) - 1)
    if near[frames].mean() >= _STEADY * onsets[path].mean():
        return grid, steady
    times = path / ONSET_FPS
    step = float(np.median(np.diff(times)))
    before = np.arange(times[0] - step, 0.0, -step)[::-1]
    after = np.arange(times[-1] + step, seconds, step)
    mean_bpm = 60.0 * (len(times) - 1) / float(times[-1] - times[0])
    return np.concatenate([before, times, after]), mean_bpm


def _steady_bpm(onsets: NDArray[np.float32], bpm: float) -> float:
    """The constant tempo within 3 % of `bpm` whose comb (three harmonics, best phase) fits the whole piece best."""
    clock = np.arange(len(onsets)) / ONSET_FPS
    beats = max(4.0, clock[-1] * bpm / 60.0)
    tempi = bpm * np.arange(0.97, 1.03, 0.02 / beats)  # steps that slip a fiftieth of a beat over it
    phases = np.arange(0.0, 1.0, 0.02)
    # Chirp z-transform: the spectrum at evenly spaced frequencies only.
    comb = np.zeros((len(tempi), len(phases)))
    for harmonic in (1, 2, 3):
        ends = harmonic * tempi[[0, -1]] / 60.0 * 2.0 / ONSET_FPS  # in half cycles a frame
        spectrum = zoom_fft(onsets, ends, len(tempi), endpoint=True)
        # e^(-i w t) of the transform: the strength at phase p is Re(X e^(+2 pi i h p)).
        comb += (spectrum[:, None] * np.exp(2j * np.pi * harmonic * phases)[None, :]).real
    return float(tempi[int(comb.max(axis=1).argmax())])


def _beat_path(onsets: NDArray[np.float32], interval: float) -> NDArray[np.int64]:
    """Frames of the beats: the path through (frame, interval) that collects most onset strength.

    Dynamic programming after Ellis (JNMR 2007), with the interval a state of its own, as in the bar pointer model
    (Whiteley, Cemgil and Godsill, ISMIR 2006), so that it may drift by up to a sixth but not jump.
    """
    intervals = np.arange(max(2, int(interval / 1.17)), int(interval * 1.17) + 2)
    stay = -300.0 * np.log(intervals[:, None] / intervals[None, :]) ** 2  # to, from
    longest = int(intervals[-1])
    total = np.tile(onsets[:, None], (1, len(intervals))).astype(np.float64)
    back = np.full(total.shape, -1, np.int32)
    rows = np.arange(len(intervals))
    for frame in range(longest, len(onsets)):
        via = total[frame - intervals] + stay  # (to, from)
        choice = via.argmax(axis=1)
        total[frame] = onsets[frame] + via[rows, choice]
        back[frame] = choice
    frame = max(0, len(onsets) - longest) + int(total[max(0, len(onsets) - longest) : len(onsets)].max(axis=1).argmax())
    state = int(total[frame].argmax())
    path = [frame]
    while back[frame, state] >= 0:
        frame, state = frame - int(intervals[state]), int(back[frame, state])
        path.append(frame)
    return np.array(path[::-1], np.int64)


def _best_phase(onsets: NDArray[np.float32], bpm: float) -> float:
    """The time s in 0..60 / bpm of the first beat of the grid that collects most onset strength."""
    period = 60.0 / bpm
    count = max(8, int(period * 200))
    phases = np.arange(count) * period / count
    last = (len(onsets) - 1) / ONSET_FPS
    grid = phases[:, None] + np.arange(max(1, int(last / period) + 1))[None, :] * period
    values = np.interp(grid, np.arange(len(onsets)) / ONSET_FPS, onsets, right=0.0)
    folded = values.mean(axis=1)
    smooth = folded + 0.5 * (np.roll(folded, 1) + np.roll(folded, -1))
    return float(phases[int(smooth.argmax())])


def _downbeat(
    times: NDArray[np.float64], metre: int, bands: NDArray[np.float32], magnitudes: NDArray[np.float32]
) -> int:
    """Which of the first `metre` beats is a downbeat: accents of the lowest band, and, twice as much, how far the
    harmony of the bar before differs from that of the bar after."""
    if metre == 1 or len(times) < 2 * metre:
        return 0
    frames = np.clip(np.round(times * ONSET_FPS).astype(int), 0, bands.shape[1] - 1)
    bass = maximum_filter1d(levelled(bands[0]), 7)[frames]
    pitch = chroma(magnitudes)
    edges = np.append(frames, pitch.shape[1])
    harmony = np.stack([pitch[:, a : max(b, a + 1)].mean(axis=1) for a, b in pairwise(edges)])
    harmony /= np.linalg.norm(harmony, axis=1, keepdims=True) + 1e-6
    change = np.zeros(len(times))
    for beat in range(1, len(times)):
        before, after = harmony[max(0, beat - metre) : beat].sum(axis=0), harmony[beat : beat + metre].sum(axis=0)
        change[beat] = 1.0 - before @ after / (np.linalg.norm(before) * np.linalg.norm(after) + 1e-9)
    score = np.zeros(metre)
    for evidence, weight in ((bass, 1.0), (change, 2.0)):
        mean = np.array([evidence[place::metre].mean() for place in range(metre)])
        score += weight * (mean - mean.mean()) / (evidence.std() + 1e-6)
    return int(score.argmax())


def _regular(first: float, period: float, seconds: float) -> NDArray[np.float64]:
    """Times of a regular grid through `first` within 0..seconds; at least one."""
    start = first - np.floor(first / period + 1e-9) * period
    return start + period * np.arange(max(1, int(np.ceil((seconds - start) / period - 1e-9))))


def _grid(seconds: float, bpm: float, offset: float, metre: int, place: int, confidence: float) -> Beats:
    """A regular grid with a downbeat at `offset`."""
    period = 60.0 / bpm
    times = _regular(offset, period, seconds)
    positions = (np.round((times - offset) / period).astype(np.int64) - place) % metre
    return Beats(times, positions, round(bpm, 3), metre, round(confidence, 3))
