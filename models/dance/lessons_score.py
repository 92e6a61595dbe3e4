# SPDX-License-Identifier: GPL-3.0-or-later
"""How the autoregressive methods dance to composed songs that they were not trained on: `avanim score dance/yalta` …"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.job import Progress, silent
from ...rigs.motion_metrics import beat_alignment, kinematic_beats, measure
from ...rigs.skeleton import Rest
from ..audio.score import beat_f1
from . import groove, listen, yalta
from .lessons import figures, first_downbeat, lesson
from .melody_score import mean_speed
from .melody_train import composed

Array = NDArray[np.float64]

# Module, its features, their frame rate, figures and levels it was taught.
METHODS: dict[str, tuple[Any, Any, float, int, int]] = {
    "yalta": (yalta, yalta.spectra, 15.0, 1, 1),
    "listen": (listen, listen.spectrogram, 20.0, 2, 2),
    "groove": (groove, groove.live_features, 60.0, 1, 1),
}
_FASTEST = 0.07  # s, that a motion beat may be off


def score(method: str, data_dir: str | Path, weights: str | Path | None = None, progress: Progress = silent) -> Any:
    """Scores by style, averaged over held-out compositions.

    `error_m` is the distance of the joints from the figures that the lesson would lay on the music, `mean_pose` that of
    a dancer who stands still in the mean pose; a dance that is right but begins elsewhere in its figure errs as well,
    so see also how far the body slows down on the music's beats (`beat_f1`) and half a beat after them, as the figures
    themselves do.

    Raises:
        InputError: the weights or the recordings are missing.
    """
    module, features_of, fps, count, levels = METHODS[method]
    nets = module.load(Path(weights) if weights else module.PATH)
    rest, result = Rest.average(), {"songs": len(module.HELD_OUT), "songs_are": "composed, not trained on"}
    for index, (name, (net, _)) in enumerate(nets.items()):
        style = name.partition("_")[0]
        moves = figures(style, Path(data_dir), count, levels)
        rows: list[dict[str, float]] = []
        for number in module.HELD_OUT:
            progress((index + (number - module.HELD_OUT.start) / len(module.HELD_OUT)) / len(nets), f"Scoring {name}")
            song = composed(style, number)
            features = features_of(song.sound)
            first = round(first_downbeat(song.beats) * fps)
            danced = module.dance_positions(net, features[first:])
            taught = (
                lesson(song.sound, song.beats, moves, features, fps).motion[first:].astype(float).reshape(danced.shape)
            )
            mean = taught.mean(axis=0)
            row = {
                "error_m": float(np.linalg.norm(danced - taught, axis=-1).mean()),
                "error_m.mean_pose": float(np.linalg.norm(mean - taught, axis=-1).mean()),
                "speed_ratio": mean_speed(danced, fps) / mean_speed(taught, fps),
            }
            motion, _ = module.generate(
                song.sound, song.beats, rest, style=name, seed=number, fps=60.0, device="cpu",
                weights=Path(weights) if weights else module.PATH,
            )  # fmt: skip
            joints = rest.forward(motion.poses, motion.trans)[0]
            alignment = beat_alignment(joints, 60.0, song.beats.times)
            slow, half = kinematic_beats(joints) / 60.0, float(np.median(np.diff(song.beats.times))) / 2
            measured = measure(motion, rest)
            row |= {
                "beat_alignment_60fps": alignment["per_music_beat"],
                "beat_alignment_60fps_half_a_beat_off": alignment["per_music_beat_shifted"],
                "beat_f1": beat_f1(slow, song.beats.times, _FASTEST),
                "beat_f1_half_a_beat_off": beat_f1(slow, song.beats.times + half, _FASTEST),
                **{key: measured[key] for key in ("pfc", "fsr", "contact_speed_median", "penetration_p99")},
            }
            body = lesson(song.sound, song.beats, moves, np.zeros((len(joints), 1), np.float32), 60.0).motion
            taught60 = body.astype(float).reshape(-1, 21, 3)
            slow = kinematic_beats(np.concatenate([taught60, taught60[:, :1]], axis=1)) / 60.0
            row["beat_f1.figures"] = beat_f1(slow, song.beats.times, _FASTEST)
            row["beat_f1.figures_half_a_beat_off"] = beat_f1(slow, song.beats.times + half, _FASTEST)
            rows.append(row)
        result[name] = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
    progress(1.0, "Scored")
    return result
