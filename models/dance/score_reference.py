# SPDX-License-Identifier: GPL-3.0-or-later
"""What dances are scored against: recorded dancers, songs whose beats are known, and the motion that trains.

The recorded dancers carry no licence. They are measured and train nothing.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...rigs import moves
from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.feet import drifting_ground, ground
from ...rigs.motion import Motion
from ...rigs.motion_files import load_bundle
from ...rigs.npz import load_npz
from ...rigs.skeleton import SMPL24, Rest
from .beat_frames import at_times, headings
from .repertoire import BUNDLE

Array = NDArray[np.float64]

FITS, SECTIONS, TRUTH = "smpl24_fits.npz", "caus.csv", "songs.json"
_STITCHED = "DANCE_"  # takes whose floor drifts, since they were put together from clips
_TEMPI = (100.0, 125.0, 150.0)  # at which authored moves are shown to the copy detector
_SOUND_FILES = (".mp3", ".wav", ".ogg", ".flac", ".m4a")


@dataclass(frozen=True)
class Recording:
    """A recorded dancer on its own body, standing on y = 0.

    `danced` are stretches (start s, times of their beats in s from that start) in which the beats are known.
    """

    name: str
    motion: Motion
    rest: Rest
    danced: list[tuple[float, float, Array]]


@dataclass(frozen=True)
class Song:
    """A sound file, and its beats where they are known."""

    name: str
    path: Path
    beats: Beats | None


def resampled(motion: Motion, fps: float) -> Motion:
    """The motion at `fps`, without the corners that linear interpolation would put into recordings."""
    if fps == motion.fps:
        return motion
    times = np.arange(max(2, int((len(motion) - 1) / motion.fps * fps) + 1)) / fps
    return at_times(motion, times, fps)


def _body(offsets: Array) -> Rest:
    """The body with these bone offsets (24, 3) m, the root at the origin."""
    joints = offsets.copy()
    joints[0] = 0
    for joint, parent in enumerate(SMPL24.parents):
        if parent >= 0:
            joints[joint] = joints[parent] + offsets[joint]
    average = Rest.average()
    sole = average.joints[10, 1] - average.floor
    return Rest(SMPL24, joints, float(joints[[10, 11], 1].min() - sole))


def load_recordings(folder: Path) -> list[Recording]:
    """The recorded dancers of `folder`, which holds FITS and SECTIONS.

    Raises:
        InputError: they are not there.
    """
    for name in (FITS, SECTIONS):
        if not (folder / name).is_file():
            raise InputError(
                f"There is no {name} in {folder}: give with --reference the folder of the recorded dances."
            )
    fields = load_npz(folder / FITS, lambda key: "/" in key)
    with (folder / SECTIONS).open() as table:
        rows = list(csv.DictReader(table))
    result = []
    for key in sorted(fields):
        name, _, kind = key.rpartition("/")
        if kind != "poses":
            continue
        rest = _body(np.asarray(fields[f"{name}/offsets"], float))
        motion = Motion(
            np.asarray(fields[key], float).reshape(-1, 24, 3),
            np.asarray(fields[f"{name}/trans"], float),
            float(fields[f"{name}/fps"]),
        )
        high = drifting_ground(motion, rest) if name.startswith(_STITCHED) else ground(motion, rest)
        trans = motion.trans - np.multiply.outer(np.broadcast_to(high, len(motion)), [0.0, 1.0, 0.0])
        result.append(
            Recording(name, replace(motion, trans=trans), rest, _danced([r for r in rows if r["source"] == name]))
        )
    return result


def _danced(rows: list[dict[str, str]]) -> list[tuple[float, float, Array]]:
    """(start s, end s, beats s from the start) of sections of a take that follow one another without a pause."""
    spans: list[tuple[float, float, list[float]]] = []
    for row in sorted(rows, key=lambda row: float(row["start_frame"])):
        start, end = (float(row[f"{which}_frame"]) / float(row["source_fps"]) for which in ("start", "end"))
        beats = [start + (end - start) * k / float(row["beats"]) for k in range(int(float(row["beats"])))]
        if spans and -0.05 < start - spans[-1][1] < 0.1:
            spans[-1] = (spans[-1][0], end, spans[-1][2] + beats)
        elif not spans or start >= spans[-1][1]:
            spans.append((start, end, beats))
    return [(start, end, np.array(beats) - start) for start, end, beats in spans if len(beats) >= 4]


def load_songs(folder: Path, limit: int | None = None) -> list[Song]:
    """The sound files of `folder`, with the beats that TRUTH there or in the folder above states.

    TRUTH maps a file's name without its ending to `bpm`, `beat0_in_clip_s` and `beats`. `limit` takes so many, evenly
    spread.

    Raises:
        InputError: no sound files there.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in _SOUND_FILES) if folder.is_dir() else []
    if not paths:
        raise InputError(f"There are no songs in {folder}: give with --songs a folder of sound files.")
    truth: dict[str, dict[str, float]] = {}
    for place in (folder, folder.parent):
        if (place / TRUTH).is_file():
            truth = json.loads((place / TRUTH).read_text())
            break
    if limit:
        paths = [paths[k] for k in np.unique(np.linspace(0, len(paths) - 1, limit).round().astype(int))]
    return [Song(path.stem, path, _beats(path.stem, truth.get(path.stem))) for path in paths]


def _beats(name: str, known: dict[str, float] | None) -> Beats | None:
    if known is None:
        return None
    count, metre = int(known["beats"]), 3 if "_W_" in name else 4
    times = known["beat0_in_clip_s"] + np.arange(count) * 60.0 / known["bpm"]
    return Beats(times, np.arange(count) % metre, float(known["bpm"]), metre)


# --- the copy detector ------------------------------------------------------------------------------------------------

# 13 joints at 6 times within a second say what a body does.
_TOLD_BY = [SMPL24.index(n) for n in "pelvis spine3 head".split()] + [
    SMPL24.index(f"{side}_{joint}") for side in ("left", "right") for joint in "knee ankle foot elbow wrist".split()
]
_SAMPLES, _SECONDS = 6, 1.0


def gestures(motion: Motion, rest: Rest, hop: float, speed: float = 1.0) -> NDArray[np.float32]:
    """(N, 234) m: seconds of motion begun every `hop` s, seen from where the dancer is and faces in their middle.

    `speed` plays the motion faster first.
    """
    joints, _ = rest.forward(motion.poses, motion.trans)
    facing = headings(motion.poses)
    rate = motion.fps / speed
    offsets = np.linspace(0, _SECONDS, _SAMPLES)
    starts = np.arange(0, (len(motion) - 1) / rate - _SECONDS, hop)
    if not len(starts):
        return np.zeros((0, 3 * _SAMPLES * len(_TOLD_BY)), np.float32)
    frames = np.round((starts[:, None] + offsets) * rate).astype(int)
    middle = frames[:, _SAMPLES // 2]
    place = joints[middle, 0] * [1, 0, 1]
    seen = joints[frames][:, :, _TOLD_BY] - place[:, None, None]
    cosine, sine = np.cos(facing[middle]), np.sin(facing[middle])
    zero, one = np.zeros_like(cosine), np.ones_like(cosine)
    turn = np.stack([cosine, zero, sine, zero, one, zero, -sine, zero, cosine], axis=-1).reshape(-1, 3, 3)
    return np.einsum("ntji,nik->ntjk", seen, turn).reshape(len(frames), -1).astype(np.float32)


def training_motions(data: Path | None) -> list[tuple[str, Motion]]:
    """Name and motion of all that may train: the recordings in `data` (None: none) and every authored move."""
    rest = Rest.average()
    found = []
    if data is not None:
        if not (data / BUNDLE).is_file():
            raise InputError(f"There is no {BUNDLE} in {data}: give with --data the folder of the training motion.")
        for name, motion in load_bundle(data / BUNDLE, 30.0).items():
            # The bundle states where the hips of another skeleton are.
            found.append((name, replace(motion, trans=(motion.trans - [0, ground(motion, rest), 0]))))
    for name, move in moves.MOVES.items():
        for bpm in _TEMPI:
            beats = np.arange(2 * move.beats + 1) * 60.0 / bpm
            placed = [moves.Placed(name, 0.0), moves.Placed(name, float(move.beats))]
            found.append((f"{name} at {bpm:g}", moves.perform(placed, beats, rest, 30.0).motion))
    return found


def training_gestures(motions: list[tuple[str, Motion]]) -> NDArray[np.float32]:
    """(N, 234): every second of the training motion, to both sides, as it is, slower and faster."""
    rest = Rest.average()
    return np.concatenate(
        [
            gestures(side, rest, 0.125, speed)
            for name, motion in motions
            for speed in ((1.0,) if " at " in name else (0.8, 1.0, 1.25))
            for side in (motion, motion.mirrored())
        ]
    )


def nearest(queries: NDArray[np.float32], known: NDArray[np.float32]) -> Array:
    """(N,) m: root mean square distance of the joints from the most similar known second."""
    squares = (known**2).sum(1)
    best = [
        np.maximum(((chunk**2).sum(1)[:, None] - 2 * chunk @ known.T + squares).min(axis=1), 0)
        for chunk in np.array_split(queries, max(1, len(queries) // 64))
    ]
    return np.sqrt(np.concatenate(best) / (_SAMPLES * len(_TOLD_BY))).astype(float)
