# SPDX-License-Identifier: GPL-3.0-or-later
"""Training and score of the motion manifold: `avanim train dance/manifold`, `avanim score dance/manifold`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ....rigs.errors import InputError
from ....rigs.families.space import Space
from ....rigs.job import Progress, part, silent
from ....rigs.motion import Motion
from ....rigs.motion_files import load_bundle
from ....rigs.moves import MOVES, Placed, perform
from ....rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ....rigs.skeleton import Rest
from ..diffusion_data import is_held_out, standing
from ..lessons import Run, one_thread
from ..repertoire import BUNDLE
from .manifold import FPS, Config, Manifold, cleaned, load, save, vectors_of

Array = NDArray[np.float64]

STEPS, _BATCH, _WINDOW = 3000, 16, 64
_BODY = Rest.average()
_TREMBLE = 0.25  # rad, the most of the noise that is learned to be taken off
_LOST = 0.4  # of the windows have joints that jump elsewhere for some frames
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


def spoiled(rng: np.random.Generator, vectors: torch.Tensor, weight: Array, scale: torch.Tensor) -> torch.Tensor:
    """Normalised windows (N, T, width) with joints that tremble, and some that jump elsewhere for a few frames."""
    count, frames, _ = vectors.shape
    joints = len(weight)
    noise = np.zeros((count, frames, joints, 3))
    noise += rng.uniform(0, _TREMBLE, (count, 1, 1, 1)) * rng.normal(size=noise.shape)
    for k in np.flatnonzero(rng.random(count) < _LOST):
        for _ in range(rng.integers(1, 5)):
            at, long = rng.integers(frames - 8), rng.integers(1, 8)
            noise[k, at : at + long, rng.integers(joints)] += rng.normal(0, 0.6, 3)
    flat = (noise * weight[:, None]).reshape(count, frames, -1)
    result = vectors.clone()
    result[..., : 3 * joints] += torch.tensor(flat, dtype=torch.float32) / scale[: 3 * joints]
    rest = result[..., 3 * joints :]
    rest += torch.tensor(rng.uniform(0, 0.5, (count, 1, 1)) * rng.normal(size=rest.shape), dtype=torch.float32)
    return result


def train(
    data_dir: str | Path, out: str | Path, *, steps: int | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Train on recorded dances and the moves that we wrote; a checkpoint lies beside `out`.

    Raises:
        InputError: no recordings there. Cancelled: progress raised it.
    """
    out = Path(out)
    work = out.with_name(out.stem + "_training")
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    progress(0.0, "Reading the recordings")
    motions = [*recordings(data_dir, False).values(), *performances()]
    motions = [one for motion in motions for one in (motion, motion.mirrored()) if len(motion) > _WINDOW]
    space = Space.of(motions, _BODY)
    vectors = [vectors_of(space, motion) for motion in motions]
    net = Manifold(Config())
    net.mean.copy_(torch.tensor(space.mean))
    net.learn_scales(np.concatenate(vectors))
    clean = [(torch.tensor(one, dtype=torch.float32) - net.centre) / net.scale for one in vectors]
    share = np.array([len(one) for one in clean], float)
    share /= share.sum()

    def loss(step: int) -> torch.Tensor:
        rng = np.random.default_rng(step)
        windows = []
        for k in rng.choice(len(clean), _BATCH, p=share):
            at = rng.integers(len(clean[k]) - _WINDOW)
            windows.append(clean[k][at : at + _WINDOW])
        truth = torch.stack(windows)
        made = net(spoiled(rng, truth, space.weight, net.scale).transpose(1, 2)).transpose(1, 2)
        off = made - truth
        return (off**2).mean() + 2 * (torch.diff(off, dim=1) ** 2).mean()

    with one_thread():
        run = Run(net, steps or STEPS, 2e-3, work / "run_manifold.pt")
        run.go(loss, part(progress, 0.05, 1.0), "Training manifold")
    save(net, out)
    return {"weights": str(out), "steps": run.done, "seconds_of_motion": sum(map(len, motions)) / FPS}


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
