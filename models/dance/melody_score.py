# SPDX-License-Identifier: GPL-3.0-or-later
"""How well Dance with Melody dances to songs it was not trained on, beside trivial dancers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.job import Progress, silent
from ...rigs.motion_metrics import beat_alignment, measure
from ...rigs.skeleton import Rest
from ..audio.features import melody_features
from .melody import WEIGHTS, Trained, dance_positions, generate, load_weights, scaled_features, step_times
from .melody_train import HELD_OUT, SONGS, Pair, Repertoire, Song, composed, pair, repertoire

Array = NDArray[np.float64]


def mean_speed(positions: Array, fps: float) -> float:
    """m/s, mean over frames and joints of (T, K, 3) m."""
    return float(np.linalg.norm(np.diff(positions, axis=0), axis=-1).mean() * fps)


def dancers(trained: Trained, target: Pair, other: Pair) -> dict[str, Array]:
    """Joint positions (T, 21, 3) m by the network, and by three that any network must beat.

    mean_pose stands still in the training data's mean pose; random_figures dances the training figures on the beat, but
    in an order by chance (`other`); shuffled_beats is the network with the temporal indexes of half a beat later.
    """
    frames = len(target.motion)
    late = np.roll(target.temporal, max(1, round(0.5 * frames / max(target.temporal[:, 1].sum(), 1.0))), axis=0)
    still = np.zeros((frames, trained.style.config.code))
    cpu = torch.device("cpu")
    return {
        "network": dance_positions(trained, target.acoustic, target.temporal, still, cpu),
        "mean_pose": np.tile(trained.mean.reshape(1, -1, 3), (frames, 1, 1)),
        "random_figures": other.motion.reshape(frames, -1, 3),
        "shuffled_beats": dance_positions(trained, target.acoustic, late, still, cpu),
    }


def score_style(trained: Trained, moves: Repertoire, songs: list[Any], weights: Path) -> dict[str, Any]:
    """Scores of one dance type on held-out compositions, averaged over them."""
    rest, style = Rest.average(), trained.style
    rows: list[dict[str, Any]] = []
    for k, composition in enumerate(songs):
        song = Song(scaled_features(melody_features(composition.sound).astype(float)), composition.beats)
        target = pair(song, style, moves, np.random.default_rng(100 + k), trained.threshold)
        other = pair(song, style, moves, np.random.default_rng(200 + k), trained.threshold)
        truth = target.motion.reshape(len(target.motion), -1, 3)
        row: dict[str, Any] = {}
        for name, danced in dancers(trained, target, other).items():
            row[f"error_m.{name}"] = float(np.linalg.norm(danced - truth, axis=-1).mean())
            row[f"speed_ratio.{name}"] = mean_speed(danced, style.config.fps) / mean_speed(truth, style.config.fps)
        motion, _ = generate(
            composition.sound,
            composition.beats,
            rest,
            style=style.name,
            seed=k,
            fps=30.0,
            device="cpu",
            weights=weights,
        )
        steps, _ = step_times(composition.beats, style)
        measured = measure(motion, rest, steps)
        joints = rest.forward(motion.poses, motion.trans)[0]
        root = joints[:, 0, [0, 2]]
        at60 = motion.resampled(60.0)
        for rate, body in ((30, joints), (60, rest.forward(at60.poses, at60.trans)[0])):
            alignment = beat_alignment(body, rate, steps)
            row[f"beat_alignment_{rate}fps"] = alignment["per_music_beat"]
            row[f"beat_alignment_{rate}fps_half_a_beat_off"] = alignment["per_music_beat_shifted"]
        for name in ("pfc", "fsr", "contact_speed_median", "penetration_p99"):
            row[name] = measured[name]
        row["knee_hyperextension"] = measured["hyperextension"]["knee"]
        row["farthest_from_start_m"] = float(np.linalg.norm(root - root[0], axis=1).max())
        row["speed_ratio.delivered"] = mean_speed(joints[:, :22], 30.0) / mean_speed(truth, style.config.fps)
        rows.append(row)
    return {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}


def score(data_dir: str | Path, weights: str | Path = WEIGHTS, progress: Progress = silent) -> dict[str, Any]:
    """Scores by style on composed songs that were not trained on.

    Args:
        data_dir: the folder with the recordings (the styles cut from them need it).

    Raises:
        InputError: the recordings or the weights are missing.
    """
    styles = load_weights(Path(weights))
    result: dict[str, Any] = {"songs_per_style": HELD_OUT, "songs": "composed, not trained on"}
    for k, (name, trained) in enumerate(styles.items()):
        progress(k / len(styles), f"Scoring {name}")
        songs = [composed(name, SONGS + i) for i in range(HELD_OUT)]
        result[name] = score_style(trained, repertoire(name, Path(data_dir)), songs, Path(weights))
    progress(1.0, "Scored")
    return result
