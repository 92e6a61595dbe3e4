# SPDX-License-Identifier: GPL-3.0-or-later
"""What the motion model learns from: recordings and written moves at 12 frames a beat, and chains of both."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ...rigs.errors import InputError
from ...rigs.feet import contacts, drifting_ground, plant_feet
from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from ...rigs.motion import Motion
from ...rigs.motion_edit import concatenate
from ...rigs.motion_files import load_bundle, load_motion
from ...rigs.moves import MOVES, STYLES, Placed, perform
from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle, resample_rotations
from ...rigs.skeleton import SMPL24, Rest
from .beat_frames import PER_BEAT, TURN, encode, in_beats
from .melody import JOINTS
from .repertoire import BUNDLE, Clip, step_rate

Array = NDArray[Any]

# Kept for the score: salsa couples (n and n + 15 are partners) and one Indian dance; moves by their name.
HELD_OUT_CLIPS = ("salsa_05", "salsa_20", "salsa_12", "salsa_27", "indian_07")
_STEP_RATES = {"salsa": (2.7, 3.2), "indian": (1.6, 3.0)}  # steps a second in which a beat is looked for
_ANY_RATE = (1.3, 3.2)
_BODY = Rest.average()
_COLUMNS = [SMPL24.index(name) for name in JOINTS]
_CHAIN_BEATS = 32
# Nobody turns a joint faster; where a recording does, its markers were mistaken for one another.
_FASTEST = np.deg2rad(1200)  # rad/s
_ENDS = [SMPL24.index(f"{side}_{part}") for side in ("left", "right") for part in ("wrist", "ankle")]
_ENDS += [SMPL24.index("neck"), SMPL24.index("head")]
_TOES = [SMPL24.index("left_foot"), SMPL24.index("right_foot")]
_CORE = [k for k in range(22) if k not in (*_ENDS, *_TOES)]
_SHARPEST = 0.5  # rad of the whole body, from frame to frame
_SHORTEST = 5 * PER_BEAT


@dataclass(frozen=True)
class Take:
    """`frames` (T, 152) · `speed` (T,) mean joint speed about the root, m a beat · `styles` of STYLES, none if unknown
    · `bpm` · `metre` 0 if unknown · `beat` number of the first frame's beat · `origin` recorded, written or chained.
    """

    name: str
    frames: NDArray[np.float32]
    speed: NDArray[np.float32]
    styles: tuple[str, ...]
    bpm: float
    metre: int
    beat: float
    origin: str


def is_held_out(name: str) -> bool:
    """Whether a recording, or a move, is kept for the score: the named ones, and every ninth move by its name's sum."""
    return name in HELD_OUT_CLIPS or (name in MOVES and zlib.crc32(name.encode()) % 9 == 0)


def joint_speed(motion: Motion, rest: Rest) -> Array:
    """(T,) m a beat of a motion at 12 frames a beat: mean over the joints, relative to the root."""
    joints = rest.forward(motion.poses, np.zeros_like(motion.trans))[0]
    speed = np.linalg.norm(np.gradient(joints, axis=0), axis=-1).mean(axis=1)
    return speed * PER_BEAT


def _take(name: str, motion: Motion, styles: Sequence[str], bpm: float, metre: int, beat: float, origin: str) -> Take:
    frames = encode(motion, _BODY).astype(np.float32)
    speed = joint_speed(motion, _BODY).astype(np.float32)
    return Take(name, frames, speed, tuple(styles), bpm, metre, beat, origin)


def _rates(poses: Array) -> Array:
    """(T - 1, J) rad by which each joint turns from frame to frame."""
    matrix = matrix_from_axis_angle(poses)
    return np.linalg.norm(axis_angle_from_matrix(np.swapaxes(matrix[:-1], -1, -2) @ matrix[1:]), axis=-1)


def _repaired(poses: Array, fps: float) -> Array:
    """Wrists, ankles, neck and head, where they turn impossibly fast, led past it in a tenth of a second."""
    poses = poses.copy()
    times = np.arange(len(poses))
    for joint in _ENDS:
        fast = _rates(poses[:, joint : joint + 1])[:, 0] > _FASTEST / fps
        bad = (np.append(fast, False) | np.append(False, fast)).astype(np.int8)
        good = np.flatnonzero(np.asarray(maximum_filter1d(bad, 2 * max(1, round(0.07 * fps)) + 1)) == 0)
        if 0 < len(good) < len(poses):
            poses[:, joint : joint + 1] = resample_rotations(
                poses[good, joint : joint + 1], good.astype(float), times.astype(float)
            )
    return poses


def standing(motion: Motion, root_in_world: bool = False) -> Motion:
    """A recording on the average body: SMPL's 24 joints, hands at rest, feet still while they stand on y = 0.

    The path is scaled by the length of the legs.

    Args:
        root_in_world: `trans` is the place of the hips, as in BUNDLE, rather than their way from the rest place.
    """
    motion = motion.on("smpl24")
    poses = _repaired(motion.poses, motion.fps)
    poses[:, 22:] = 0
    root = motion.trans if root_in_world else motion.trans + _BODY.joints[0]
    low = _BODY.forward(poses, np.zeros_like(root))[0][:, [0, 10, 11], 1]
    legs = np.median(low[:, 0] - low[:, 1:].min(axis=1)) / max(float(np.median(root[:, 1])), 0.3)
    motion = replace(motion, poses=poses, trans=root * min(float(legs), 1.1) - _BODY.joints[0])
    motion = plant_feet(motion, _BODY, floor=drifting_ground(motion, _BODY))
    poses = motion.poses.copy()
    # Toes that bend to clear the floor do so in a frame or two.
    poses[:, _TOES] = gaussian_filter1d(poses[:, _TOES], 0.06 * motion.fps, axis=0)
    return replace(motion, poses=poses)


def in_step(name: str, motion: Motion) -> tuple[Motion, float, float]:
    """A standing recording at 12 frames a beat, a beat being a step; its beats a minute; its first frame's beat."""
    kind = name.split("_")[0]
    joints = _BODY.forward(motion.poses, motion.trans)[0][:, _COLUMNS]
    rate = step_rate(Clip(name, joints, motion.fps), *_STEP_RATES.get(kind, _ANY_RATE))
    balls = contacts(motion, _BODY)[:, 1::2]
    landings = np.flatnonzero((balls[1:] & ~balls[:-1]).any(axis=1)) / motion.fps
    phase = float(np.angle(np.exp(2j * np.pi * rate * landings).sum())) / (2 * np.pi)
    beat = rate * np.arange(len(motion)) / motion.fps - phase
    first = np.ceil(beat[0])
    count = int((beat[-1] - first) * PER_BEAT)
    return in_beats(motion, beat, first, count), 60 * rate, float(first)


def _sound(take: Take, motion: Motion) -> list[tuple[Take, Motion]]:
    """The stretches of a take in which trunk and limbs never turn impossibly fast."""
    fast = (_rates(motion.poses[:, _CORE]) > _FASTEST / motion.fps).any(axis=1)
    fast |= np.abs(take.frames[:-1, TURN]) > _SHARPEST
    cuts = [0, *(np.flatnonzero(fast) + 1), len(motion)]
    result = []
    for a, b in pairwise(cuts):
        # From a beat on, and without the last frame, which leads into the cut.
        a, b = -(-a // PER_BEAT) * PER_BEAT, b - 1
        if b - a >= _SHORTEST:
            part = replace(take, frames=take.frames[a:b], speed=take.speed[a:b], beat=take.beat + a / PER_BEAT)
            result.append((part, replace(motion, poses=motion.poses[a:b], trans=motion.trans[a:b])))
    return result


def recorded(folder: Path, wanted: bool) -> list[tuple[Take, Motion]]:
    """The recordings of a folder: those held out (`wanted` True) or the others.

    Raises:
        InputError: there are none, or one is damaged.
    """
    clips: dict[str, tuple[Motion, bool]] = {}
    if (folder / BUNDLE).is_file():
        clips = {name: (motion, True) for name, motion in load_bundle(folder / BUNDLE, 30.0).items()}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix in (".npz", ".pkl", ".json", ".bvh") and path.name != BUNDLE:
            clips[path.stem] = (load_motion(path), False)
    if not clips:
        raise InputError(f"There are no recordings in {folder}; name a folder that holds {BUNDLE} or motion files.")
    result = []
    for name, (motion, in_world) in sorted(clips.items()):
        if is_held_out(name) == wanted:
            # The database's clips begin in the T-pose.
            motion = motion.resampled(30.0).slice(0.1, motion.seconds)
            moved, bpm, beat = in_step(name, standing(motion, in_world))
            kind = name.split("_")[0]
            styles = (kind,) if kind in STYLES else ()
            result += _sound(_take(name, moved, styles, bpm, 0, beat, "recorded"), moved)
    return result


def _placed(names: Sequence[str], rng: np.random.Generator) -> tuple[list[Placed], int]:
    """The moves one after the other, each a little different, and the beats they take."""
    energy = rng.uniform(0.1, 1.0)
    placed, beat = [], 0
    for name in names:
        placed.append(
            Placed(
                name, beat, bool(rng.random() < 0.5), rng.uniform(0.7, 1.2),
                float(np.clip(energy + rng.normal(0, 0.15), 0, 1)), rng.uniform(0.2, 1.1),
                rng.uniform(-1.6, 1.6) if rng.random() < 0.15 else 0.0,
            )
        )  # fmt: skip
        beat += MOVES[name].beats
    return placed, beat


def written(names: Sequence[str], bpm: float, styles: Sequence[str], rng: np.random.Generator) -> tuple[Take, Motion]:
    """Moves danced one after the other at one tempo."""
    placed, beats = _placed(names, rng)
    times = np.arange(beats + 1) * 60 / bpm
    motion = perform(placed, times, _BODY, fps=PER_BEAT * bpm / 60).motion
    metre = 3 if MOVES[names[0]].metres == (3,) else 4
    return _take("+".join(names), motion, styles, bpm, metre, 0.0, "written"), motion


def random_moves(rng: np.random.Generator, style: str | None) -> tuple[list[str], float, tuple[str, ...]]:
    """Moves of a style (None: of any) that may follow each other, a tempo for them, and the styles they share."""
    names = [name for name in MOVES if not is_held_out(name) and (style is None or style in MOVES[name].styles)]
    first = MOVES[names[rng.integers(len(names))]]
    metre = first.metres[rng.integers(len(first.metres))]
    names = [name for name in names if metre in MOVES[name].metres]
    bpm = float(np.exp(rng.uniform(*np.log(first.tempo))))
    chosen, beats = [first.name], first.beats
    while beats < _CHAIN_BEATS:
        name = names[rng.integers(len(names))]
        for _ in range(rng.integers(1, 3)):
            chosen.append(name)
            beats += MOVES[name].beats
    return chosen, bpm, () if style is None else (style,)


def chained(pieces: list[tuple[Take, Motion]], rng: np.random.Generator) -> Take:
    """Stretches of 4 to 8 beats out of anything, one after the other, joined and set on their feet again."""
    parts: list[Motion] = []
    beats, tempos, styles = 0, [], []
    while beats < _CHAIN_BEATS:
        take, motion = pieces[rng.integers(len(pieces))]
        length = 4 * int(rng.integers(1, 3))
        last = len(motion) // PER_BEAT - length
        if last < 1:
            continue
        start = int(rng.integers(last)) * PER_BEAT
        piece = replace(
            motion,
            poses=motion.poses[start : start + length * PER_BEAT],
            trans=motion.trans[start : start + length * PER_BEAT],
            fps=float(PER_BEAT * 2),
        )
        parts.append(piece.mirrored() if rng.random() < 0.5 else piece)
        beats += length
        tempos.append(take.bpm)
        styles.append(set(take.styles))
    joined = plant_feet(concatenate(parts, _BODY, seconds=0.4), _BODY)
    return _take("chain", joined, sorted(set.intersection(*styles)), float(np.mean(tempos)), 0, 0.0, "chained")


def build(folder: Path, seed: int = 0, chains: int = 80, progress: Progress = silent) -> list[Take]:
    """All that may be learned from; the held out recordings and moves are left out.

    Raises:
        InputError: as `recorded`.
        Cancelled: progress raised it.
    """
    rng = np.random.default_rng(seed)
    pieces = recorded(folder, wanted=False)
    progress(0.3, "Read the recordings")
    learned = [move for name, move in MOVES.items() if not is_held_out(name)]
    styles = [style for style in STYLES if any(style in move.styles for move in learned)]
    moves = [
        part
        for style in [*styles, None]
        for _ in range(40)
        for part in _sound(*written(*random_moves(rng, style), rng))
    ]
    progress(0.7, "Danced the moves")
    takes = [take for take, _ in pieces + moves]
    takes += [chained(pieces, rng) for _ in range(chains)]
    takes += [chained(pieces + moves, rng) for _ in range(chains)]
    progress(1.0, "Chained them")
    return takes


def save(takes: list[Take], path: Path) -> None:
    """Keep prepared takes in one .npz."""
    about = [[take.name, take.styles, take.bpm, take.metre, take.beat, take.origin, len(take.frames)] for take in takes]
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            about=np.array(json.dumps(about)),
            frames=np.concatenate([take.frames for take in takes]).astype(np.float16),
            speed=np.concatenate([take.speed for take in takes]),
        )


def load(path: Path) -> list[Take]:
    """What `save` wrote. Rotations lose less than a tenth of a degree to the half precision."""
    with np.load(path) as stored:
        about, frames, speed = json.loads(str(stored["about"])), stored["frames"].astype(np.float32), stored["speed"]
    takes, at = [], 0
    for name, styles, bpm, metre, beat, origin, length in about:
        part = slice(at, at + length)
        takes.append(Take(name, frames[part], speed[part], tuple(styles), bpm, metre, beat, origin))
        at += length
    return takes
