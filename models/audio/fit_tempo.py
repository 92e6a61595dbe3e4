# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the weights of beats.tempo_features to composed songs: `python -m avanim.models.audio.fit_tempo` (2 minutes).

A conditional logit over all candidates (tempo and metre) of a song: the weights that make the true one likeliest, with
a small penalty on their size. No recording takes part, so that the weights are free, and every real song is a test.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from .beats import CANDIDATES, METRES, tempo_features
from .composer import compose
from .features import onset_bands, spectrogram
from .styles import STYLES

_PENALTY = 1e-3
_SPREAD = 0.01  # of the true tempo's place among the candidates, in log tempo


def composed_songs(songs_a_style: int, seed: int = 0) -> list[tuple[float, int, NDArray[np.float64]]]:
    """(bpm, metre, features (2, N, K)) of songs of 12 to 45 s of every style; one in four drifts by 2 %."""
    rng = np.random.default_rng(seed)
    songs = []
    for name, style in STYLES.items():
        for index in range(songs_a_style):
            low, high = np.log(style.tempo)
            bpm = float(np.exp(rng.uniform(low - 0.05, high + 0.05)))
            bars = max(2, int(rng.uniform(12, 45) * bpm / 60 / style.metre))
            drift = float(rng.choice([0.0, 0.0, 0.0, 0.02]))
            song = compose(name, bpm, bars, seed=1000 + index, rate=22050, stereo=False, drift=drift)
            songs.append((bpm, style.metre, tempo_features(onset_bands(spectrogram(song.sound)))[0]))
    return songs


def fit(songs: list[tuple[float, int, NDArray[np.float64]]]) -> NDArray[np.float64]:
    """(K,) the weights."""
    scale = np.mean([features.reshape(-1, features.shape[-1]).std(axis=0) for _, _, features in songs], axis=0)
    truths = []
    for bpm, metre, _ in songs:
        near = np.exp(-0.5 * (np.log(CANDIDATES / bpm) / _SPREAD) ** 2)
        truths.append(np.outer([m == metre for m in METRES], near / near.sum()))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = _PENALTY * float(weights @ weights), 2 * _PENALTY * weights
        for (_, _, features), truth in zip(songs, truths, strict=True):
            score = features / scale @ weights
            probability = np.exp(score - score.max())
            total = probability.sum()
            value -= float(np.sum(truth * (score - score.max() - np.log(total)))) / len(songs)
            slope = slope + np.tensordot(probability / total - truth, features / scale, 2) / len(songs)
        return value, slope

    return minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=40, help="songs of each style (default 40)")
    songs = composed_songs(parser.parse_args().songs)
    weights = fit(songs)
    right = 0
    for bpm, _, features in songs:
        best = np.unravel_index(int((features @ weights).argmax()), features.shape[:2])
        right += abs(CANDIDATES[best[1]] / bpm - 1) < 0.04
    print(json.dumps({"weights": np.round(weights, 2).tolist(), "songs": len(songs), "right": int(right)}))


if __name__ == "__main__":
    main()
