# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance with Melody on the recordings of its own paper: does the same code behave there as it was published?

Those recordings and songs carry no licence, so what is trained here is measured and thrown away. One dance type
(cha-cha) is trained as published: the frame number counts from the first beat of the song, and a dance is the paper's
sequence of short clips laid on the beats. One song is held out. Prints one JSON object.

    python benchmarks/melody_research.py [STEPS]        (about 0.05 s a step on one idle core)
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from avanim.models.audio import load_sound
from avanim.models.audio.features import melody_features
from avanim.models.dance.melody import (
    JOINTS,
    Config,
    Style,
    Trained,
    dance_positions,
    scaled_features,
    temporal_indexes,
)
from avanim.models.dance.melody_score import mean_speed
from avanim.models.dance.melody_train import Pair, Trainer
from avanim.rigs.motion_metrics import beat_alignment
from avanim.rigs.skeleton import SMPL24, Rest
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]
HELD_OUT = "DANCE_C_6"
_COLUMNS = [SMPL24.index(name) for name in JOINTS]
_HIPS = [JOINTS.index("left_hip"), JOINTS.index("right_hip")]


def research_folder() -> Path:
    root = Path(os.environ.get("AVANIM_DATA") or Path(__file__).parents[2] / "shared" / "data")
    folder = root / "dance" / "research_only"
    if not folder.is_dir():
        sys.exit(f"needs the research recordings in {folder}; set AVANIM_DATA to the folder that holds dance/")
    return folder


def clips(folder: Path) -> dict[str, Array]:
    """Name of a cha-cha clip to its joints (T, 21, 3) m above the floor, about its own centre, 40 fps."""
    rest, result = Rest.average(), {}
    with np.load(folder / "smpl24_fits.npz") as fits, (folder / "caus.csv").open() as table:
        for row in csv.DictReader(table):
            if row["dance"] != "C" or f"{row['source']}/poses" not in fits.files:
                continue
            scale = float(fits[f"{row['source']}/fps"]) / float(row["source_fps"])
            span = slice(round(float(row["start_frame"]) * scale), round(float(row["end_frame"]) * scale) + 1)
            poses = fits[f"{row['source']}/poses"][span].reshape(-1, 24, 3).astype(float)
            if len(poses) < 4:
                continue
            joints = rest.forward(poses, np.zeros((len(poses), 3)))[0]
            joints -= joints[:, :1]
            joints[..., 1] -= joints[:, 10:12, 1].min()
            result[row["cau"]] = joints[:, _COLUMNS]
    return result


def turned(joints: Array, heading: float) -> Array:
    """(T, 21, 3) turned about Y so that its first frame faces `heading` rad."""
    across = joints[0, _HIPS[0]] - joints[0, _HIPS[1]]
    angle = heading - np.arctan2(-across[2], across[0])
    cosine, sine = np.cos(angle), np.sin(angle)
    return joints @ np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]).T


def paired(
    name: str, choreography: dict[str, Any], song: dict[str, Any], found: dict[str, Array], folder: Path
) -> Pair:
    """The paper's dance to one song: its clips, each stretched to its number of beats, turned on, and joined."""
    sound = load_sound(folder / "songs" / f"{name}.mp3", mono=True)
    features = scaled_features(melody_features(sound).astype(float))
    period, times = 60 / song["bpm"], np.arange(len(features)) / 25
    steps = song["beat0_in_clip_s"] + np.arange(song["beats"]) * period
    motion = np.full((len(features), len(JOINTS), 3), np.nan)
    beat, heading = 0.0, 0.0
    for clip, beats in zip(choreography["movements"], choreography["durations"], strict=True):
        start, end = steps[0] + beat * period, steps[0] + (beat + beats) * period
        rows = (times >= start) & (times < end)
        if clip in found and rows.any():
            joints = turned(found[clip], heading)
            motion[rows] = CubicSpline(np.linspace(start, end, len(joints)), joints)(times[rows])
            across = joints[-1, _HIPS[0]] - joints[-1, _HIPS[1]]
            heading = float(np.arctan2(-across[2], across[0]))
        beat += beats
    known = np.flatnonzero(np.isfinite(motion[:, 0, 0]))
    span = slice(known[0], known[-1] + 1)
    missing = np.isnan(motion[span, 0, 0])
    filled = motion[span]
    filled[missing] = CubicSpline(known, motion[known])(np.flatnonzero(missing) + known[0])
    style = Style(
        "chacha", Config(), 4, 100, (60, 200)
    )  # 400 beats: longer than any song, so the count never starts over
    temporal = temporal_indexes(times[span], steps, style, np.arange(400))
    kernel = np.array([0.25, 0.5, 0.25])
    padded = np.pad(filled.reshape(len(filled), -1), ((1, 1), (0, 0)), mode="edge")
    smooth = sum(kernel[k] * padded[k : k + len(filled)] for k in range(3))
    return Pair(features[span], temporal, smooth)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    torch.set_num_threads(1)
    folder = research_folder()
    found = clips(folder)
    dances, songs = (json.loads((folder / name).read_text()) for name in ("choreography.json", "songs.json"))
    names = sorted(name for name in songs if name.startswith("DANCE_C") and name in dances)
    pairs = {name: paired(name, dances[name], songs[name], found, folder) for name in names}
    trainer = Trainer([pairs[name] for name in names if name != HELD_OUT], Config(), steps)
    while trainer.done < steps:
        reconstruct, moved = trainer.step()
        if trainer.done % 200 == 0:
            print(
                f"step {trainer.done}: reconstruction {reconstruct:.3f}, motion {moved:.3f}",
                file=sys.stderr,
                flush=True,
            )
    style = Style("chacha", Config(), 4, 100, (60, 200))
    trained = Trained(style, trainer.net.eval(), trainer.mean, trainer.scale, 0.0)
    result: dict[str, Any] = {"steps": steps, "songs_trained": len(names) - 1}
    for label, name in (("trained_song", names[0]), ("held_out_song", HELD_OUT)):
        pair = pairs[name]
        truth = pair.motion.reshape(len(pair.motion), -1, 3)
        still = np.zeros((len(truth), 10))
        beats = np.flatnonzero(pair.temporal[:, 1]) / 25
        row = {}
        for who, indexes in (("network", pair.temporal), ("without_temporal_indexes", np.zeros_like(pair.temporal))):
            danced = dance_positions(trained, pair.acoustic, indexes, still, torch.device("cpu"))
            alignment = beat_alignment(np.concatenate([danced[:, :1], danced], axis=1), 25.0, beats)
            row[who] = {
                "error_m": float(np.linalg.norm(danced - truth, axis=-1).mean()),
                "speed_ratio": mean_speed(danced, 25.0) / mean_speed(truth, 25.0),
                "beat_alignment": alignment["per_music_beat"],
                "half_a_beat_off": alignment["per_music_beat_shifted"],
            }
        row["mean_pose"] = {"error_m": float(np.linalg.norm(truth - trained.mean.reshape(1, -1, 3), axis=-1).mean())}
        alignment = beat_alignment(np.concatenate([truth[:, :1], truth], axis=1), 25.0, beats)
        row["the_dancer"] = {
            "beat_alignment": alignment["per_music_beat"],
            "half_a_beat_off": alignment["per_music_beat_shifted"],
        }
        result[label] = row
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
