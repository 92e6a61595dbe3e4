# SPDX-License-Identifier: GPL-3.0-or-later
"""Training and score of the motion manifold: `avanim train dance/manifold`, `avanim score dance/manifold`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ....rigs.errors import InputError
from ....rigs.families.space import Space
from ....rigs.job import Progress, silent
from ....rigs.motion import Motion
from ....rigs.motion_files import load_bundle
from ....rigs.moves import MOVES, Placed, perform
from ....rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ....rigs.skeleton import Rest
from ..diffusion_data import is_held_out, standing
from ..repertoire import BUNDLE
from .manifold import FPS, Config, Manifold, cleaned, load, save

Array = NDArray[np.float64]

_EVERY = 3  # one stretch in so many is counted; the others are much like it
_BODY = Rest.average()
_SIGMAS = (0.5, 1, 1.5, 2, 3, 4, 6, 8)  # frames
# Spoiling for the score: rad of trembling, and of jumps.
SPOILED = {"tremble 0.05 rad": 0.05, "tremble 0.1 rad": 0.1, "tremble 0.2 rad": 0.2, "jumps": 0.0}


def recordings(data: str | Path, held_out: bool) -> dict[str, Motion]:
    """The recorded dances at 30 frames a second on the average body: those that are held out, or the others.

    Raises:
        InputError: they are not there.
    """
    path = Path(data) / BUNDLE
    path = path if path.is_file() else Path(data) / "dance" / BUNDLE
    if not path.is_file():
        raise InputError(f"{data} has no {BUNDLE}; give the folder of the recorded dances with --data.")
    clips = load_bundle(path, fps=FPS)
    return {
        name: standing(clip, root_in_world=True).resampled(FPS)
        for name, clip in clips.items()
        if is_held_out(name) == held_out
    }


def performances(tempos: tuple[float, ...] = (100.0, 130.0)) -> list[Motion]:
    """The moves that we wrote, but for those that are held out, each danced four times."""
    made = []
    for name, move in MOVES.items():
        if is_held_out(name):
            continue
        for tempo in tempos:
            beats = np.arange(4 * move.beats + 2) * 60 / tempo
            placed = [Placed(name, k * move.beats, mirrored=bool(k % 2)) for k in range(4)]
            made.append(perform(placed, beats, _BODY, fps=FPS).motion.slice(0, 4 * move.beats * 60 / tempo))
    return made


def train(data_dir: str | Path, out: str | Path, *, progress: Progress = silent) -> dict[str, Any]:
    """Find the manifold of recorded dances and the moves that we wrote, and of their mirror images.

    Raises:
        InputError: no recordings there. Cancelled: progress raised it.
    """
    progress(0.0, "Reading the recordings")
    recorded = [*recordings(data_dir, False).values()]
    progress(0.3, "Dancing the moves")
    motions = [one for motion in (*recorded, *performances()) for one in (motion, motion.mirrored())]
    progress(0.6, "Finding the components")
    net = learned(motions, Config())
    save(net, Path(out))
    progress(1.0, "Done")
    return {"weights": str(out), "seconds_of_motion": round(sum(map(len, motions)) / FPS)}


def learned(motions: Sequence[Motion], config: Config) -> Manifold:
    """The best linear convolution for all stretches of `config.frames` frames in the motions."""
    space = Space.of(motions, _BODY)
    vectors = [space.body(motion) for motion in motions]
    centre = np.concatenate(vectors).mean(0)
    size = config.width * config.frames
    total, count = np.zeros((size, size)), 0
    for one in vectors:
        stretches = np.lib.stride_tricks.sliding_window_view(one - centre, config.frames, axis=0)[::_EVERY]
        flat = stretches.reshape(len(stretches), size).astype(np.float32)  # (N, width * frames)
        total += flat.T @ flat
        count += len(flat)
    variance, basis = np.linalg.eigh(total / max(1, count))
    net = Manifold(config)
    net.mean.copy_(torch.tensor(space.mean))
    net.centre.copy_(torch.tensor(centre))
    net.variance.copy_(torch.tensor(np.maximum(variance[::-1][: config.code], 1e-9).copy()))
    kernel = basis[:, ::-1][:, : config.code].T.reshape(config.code, config.width, config.frames)
    net.kernel.copy_(torch.tensor(kernel.copy()))
    return net


def _joints(motion: Motion) -> Array:
    return _BODY.forward(motion.poses, motion.trans)[0]


def trembling(motion: Motion, size: float, seed: int = 0) -> Motion:
    """Each joint turned at random in each frame, by `size` rad; at 0, one joint in three jumps now and then."""
    rng = np.random.default_rng(seed)
    noise = size * rng.normal(size=motion.poses.shape)
    if not size:
        for _ in range(len(motion) // 5):
            at, long = rng.integers(len(motion)), rng.integers(1, 6)
            noise[at : at + long, rng.integers(1, 22)] += rng.normal(0, 0.5, 3)
    matrices = matrix_from_axis_angle(motion.poses) @ matrix_from_axis_angle(noise)
    return replace(motion, poses=axis_angle_from_matrix(matrices))


def smoothed(motion: Motion, sigma: float) -> Motion:
    """The baseline: a Gaussian over time on the rotation matrices, made rotations again."""
    matrices = matrix_from_axis_angle(motion.poses)
    blurred: Any = gaussian_filter1d(matrices, sigma, axis=0, mode="nearest")
    left, _, right = np.linalg.svd(blurred)
    return replace(
        motion,
        poses=axis_angle_from_matrix(left @ right),
        trans=gaussian_filter1d(motion.trans, sigma, axis=0, mode="nearest"),
    )


def score(data_dir: str | Path, weights: Path | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Mean error of the joints' places (mm) on recordings that were not trained on, spoiled in four ways.

    Beside it the Gaussian smoothing whose width is the best of eight on these very recordings: more than it could know.
    """
    clips = list(recordings(data_dir, True).values())
    result: dict[str, Any] = {}
    if weights is not None:
        load(weights)
    own: dict[str, Any] = {} if weights is None else {"weights": weights}
    ways: dict[str, Callable[[Motion], Motion]] = {
        "spoiled": lambda motion: motion,
        **{f"gaussian {sigma:g}": lambda motion, sigma=sigma: smoothed(motion, sigma) for sigma in _SIGMAS},
        "manifold": lambda motion: cleaned(motion, _BODY, **own)[0],
    }  # fmt: skip
    for k, (kind, size) in enumerate(SPOILED.items()):
        errors: dict[str, list[float]] = {name: [] for name in ways}
        jerks: dict[str, list[float]] = {name: [] for name in ways}
        for seed, clip in enumerate(clips):
            truth, bad = _joints(clip), trembling(clip, size, seed)
            for name, way in ways.items():
                found = _joints(way(bad))
                errors[name].append(1000 * float(np.linalg.norm(found - truth, axis=-1).mean()))
                jerks[name].append(float(np.linalg.norm(np.diff(found, 3, axis=0), axis=-1).mean() * FPS**3))
        mean = {name: round(float(np.mean(values)), 1) for name, values in errors.items()}
        best = min((name for name in mean if name.startswith("gaussian")), key=mean.__getitem__)
        result[kind] = {
            "spoiled_mm": mean["spoiled"], "best_gaussian_mm": mean[best], "best_gaussian": best,
            "manifold_mm": mean["manifold"], "jerk_spoiled": round(float(np.mean(jerks["spoiled"]))),
            "jerk_gaussian": round(float(np.mean(jerks[best]))),
            "jerk_manifold": round(float(np.mean(jerks["manifold"]))),
        }  # fmt: skip
        progress((k + 1) / len(SPOILED), f"Scored {kind}")
    changed = [
        np.linalg.norm(_joints(cleaned(clip, _BODY, **own)[0]) - _joints(clip), axis=-1).mean() for clip in clips
    ]
    result["clean_motion_changed_mm"] = round(1000 * float(np.mean(changed)), 1)
    result["clips"] = len(clips)
    return result
