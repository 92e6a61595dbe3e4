# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the motion model fills in what it never saw, beside ways that have learned nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.feet import plant_feet, sole_points
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.motion_metrics import measure
from ...rigs.moves import MOVES
from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ...rigs.skeleton import Rest
from .beat_frames import (
    CONTACTS,
    PER_BEAT,
    ROOT,
    WIDTH,
    decode,
    mirrored,
    root_path,
)
from .diffusion import WEIGHTS, Sampler
from .diffusion_baselines import cut, frame_rate, ways_to_fill
from .diffusion_data import Take, build, is_held_out, recorded, written

Array = NDArray[Any]

GAPS = (0.5, 1.0, 2.0)  # beats
_AROUND = 3 * PER_BEAT  # frames given on both sides of a gap
_GUIDANCE = 2.5  # for phrases out of nothing
_EVERY = 2 * PER_BEAT + 5
_BODY = Rest.average()


def _joints(frames: Array, fps: float) -> tuple[Array, Motion]:
    motion, _ = decode(frames, _BODY, fps)
    return _BODY.forward(motion.poses, motion.trans)[0][:, :22], motion


# --- what is measured -------------------------------------------------------------------------------------------------


def _angles(found: Array, truth: Array) -> Array:
    """(T, 22) degrees between the local rotations of two motions (T, 24, 3)."""
    one, two = matrix_from_axis_angle(found[:, :22]), matrix_from_axis_angle(truth[:, :22])
    return np.rad2deg(np.linalg.norm(axis_angle_from_matrix(np.swapaxes(one, -1, -2) @ two), axis=-1))


def _jerk(joints: Array, fps: float) -> Array:
    return np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1).ravel() * fps**3


def _slide(motion: Motion, contact: Array) -> Array:
    """m/s at which points of the soles move over the floor while they should stand."""
    points = sole_points(motion, _BODY)[:, :, :2].reshape(len(motion), 4, 3)
    speed = np.linalg.norm(np.diff(points, axis=0)[..., [0, 2]], axis=-1) * motion.fps
    return speed[(contact[1:] & contact[:-1])]


def in_between(sampler: Sampler, takes: Sequence[Take], gap: float, most: int = 60) -> dict[str, dict[str, float]]:
    """Errors over gaps of `gap` beats in takes that were not learned from, for each way to fill them."""
    frames = round(gap * PER_BEAT)
    sums: dict[str, dict[str, list[Array]]] = defaultdict(lambda: defaultdict(list))
    places = [(take, start) for take in takes for start in range(0, len(take.frames) - 2 * _AROUND - frames, _EVERY)]
    for k in np.linspace(0, len(places) - 1, min(most, len(places))).astype(int):
        take, start = places[k]
        window = take.frames[start : start + 2 * _AROUND + frames].astype(float)
        known = np.ones(window.shape, bool)
        known[_AROUND : _AROUND + frames] = False
        truth, moved = _joints(window, frame_rate(take))
        inside = slice(_AROUND, _AROUND + frames)
        contact = window[:, CONTACTS] > 0.5
        for name, fill in {"truth": lambda *_, w=window: w, **ways_to_fill(sampler, True)}.items():
            found, motion = _joints(fill(window, known, take, start), frame_rate(take))
            row = sums[name]
            row["joints_mm"].append(np.linalg.norm(found[inside] - truth[inside], axis=-1).ravel() * 1000)
            row["rotations_deg"].append(_angles(motion.poses, moved.poses)[inside].ravel())
            # At its end the root should stand where it stood, as it came there on its own.
            row["root_at_end_mm"].append(
                np.linalg.norm(found[inside.stop, :1] - truth[inside.stop, :1], axis=-1) * 1000
            )
            row["jerk"].append(_jerk(found[inside.start - 3 : inside.stop + 3], frame_rate(take)))
            row["slide_m_s"].append(_slide(cut(motion, inside.start, inside.stop), contact[inside]))
    result = {}
    for name, rows in sums.items():
        values = {key: np.concatenate(row) for key, row in rows.items()}
        result[name] = {
            **{key: float(values[key].mean()) for key in ("joints_mm", "rotations_deg", "root_at_end_mm", "slide_m_s")},
            "jerk_p999": float(np.percentile(values["jerk"], 99.9)),
        }
    return result


def transitions(
    sampler: Sampler, takes: Sequence[Take], gap: float = 1.0, most: int = 40
) -> dict[str, dict[str, float]]:
    """Smoothness and feet where one held-out take leads into another over a gap: there is no truth to be near to."""
    rng = np.random.default_rng(0)
    frames = round(gap * PER_BEAT)
    sums: dict[str, dict[str, list[Array]]] = defaultdict(lambda: defaultdict(list))
    long = [take for take in takes if len(take.frames) > 2 * _AROUND + frames]
    ways = {name: fill for name, fill in ways_to_fill(sampler, False).items() if name != "mean_pose"}
    for _ in range(most):
        one, two = (long[k] for k in rng.integers(len(long), size=2))
        a, b = (int(rng.integers(len(take.frames) - _AROUND - frames)) for take in (one, two))
        window = np.concatenate([one.frames[a : a + _AROUND + frames], two.frames[b : b + _AROUND]]).astype(float)
        known = np.ones(window.shape, bool)
        known[_AROUND : _AROUND + frames] = False
        inside = slice(_AROUND, _AROUND + frames)
        for name, fill in ways.items():
            filled = fill(window, known, one, 0)
            found, motion = _joints(filled, frame_rate(one))
            sums[name]["jerk"].append(_jerk(found[inside.start - 3 : inside.stop + 3], frame_rate(one)))
            low = sole_points(motion, _BODY)[inside][..., 1].min(axis=(1, 2))
            sums[name]["depth"].append(np.maximum(0, -low) * 1000)
            if name == "model":  # the others tell of no contacts
                contact = filled[inside, CONTACTS] > 0.5
                sums[name]["slide"].append(_slide(cut(motion, inside.start, inside.stop), contact))
    result = {}
    for name, rows in sums.items():
        values = {key: np.concatenate(row) for key, row in rows.items()}
        result[name] = {
            "jerk_p999": float(np.percentile(values["jerk"], 99.9)),
            "jerk_mean": float(values["jerk"].mean()),
            "below_floor_mm": float(values["depth"].mean()),
        }
        if "slide" in values and len(values["slide"]):
            result[name]["slide_m_s"] = float(values["slide"].mean())
    return result


def _about_root(frames: Array) -> NDArray[np.float32]:
    """(T, 22, 3) m joints as seen from the root."""
    still = np.array(frames, float)
    still[:, ROOT] = 0
    return _joints(still, 24.0)[0].astype(np.float32)


def _speed(frames: Array) -> float:
    """m a frame: mean over the joints, about the root."""
    return float(np.linalg.norm(np.diff(_about_root(frames), axis=0), axis=-1).mean())


def _shape(frames: Array) -> NDArray[np.float32]:
    """(12, 22, 3) m a window of eight beats, one frame in eight."""
    return _about_root(frames[::8])


def _distances(window: NDArray[np.float32], others: NDArray[np.float32]) -> Array:
    """(N,) m: mean distance of the joints."""
    return np.linalg.norm(others - window, axis=-1).mean(axis=(1, 2))


def free_phrases(
    sampler: Sampler, learned: Sequence[Take], held: Sequence[Take], seeds: int = 4, progress: Progress = silent
) -> dict[str, Any]:
    """Phrases of eight beats out of nothing: are they lively, different, copies, and do their feet stand?"""
    windows, known_styles = [], sorted({style for take in learned for style in take.styles})
    for take in learned:
        for start in range(0, len(take.frames) - 95, 2 * PER_BEAT):
            cut = take.frames[start : start + 96]
            windows += [_shape(cut), _shape(mirrored(cut))]
    library = np.array(windows)
    real = [
        float(_distances(_shape(take.frames[s : s + 96]), library).min())
        for take in held
        for s in range(0, len(take.frames) - 95, 48)
    ]
    result: dict[str, Any] = {"nearest_of_held_out_m": float(np.mean(real))}
    for k, style in enumerate(known_styles):
        progress(k / len(known_styles), f"Free phrases: {style}")
        ours = [take for take in learned if style in take.styles and take.origin != "chained"]
        bpm = float(np.median([take.bpm for take in ours]))
        metre = 3 if style == "waltz" else 4
        nothing = np.zeros((96, WIDTH))
        made = [
            sampler.fill(
                nothing, nothing, style=style, bpm=bpm, energy=0.6, seed=seed, steps=20, guidance=_GUIDANCE, metre=metre
            )
            for seed in range(seeds)
        ]
        shapes = np.array([_shape(frames) for frames in made])
        apart = [float(_distances(shapes[i], shapes[i + 1 :]).mean()) for i in range(seeds - 1)]
        motions = [decode(frames, _BODY, bpm / 60 * PER_BEAT) for frames in made]
        raw = [measure(motion, _BODY) for motion, _ in motions]
        clean = [measure(plant_feet(motion, _BODY, contact=contact, root="feet"), _BODY) for motion, contact in motions]
        truth = [_speed(take.frames) for take in ours[:20]]
        calm, wild = (
            sampler.fill(
                nothing, nothing, style=style, bpm=bpm, energy=energy, steps=20, guidance=_GUIDANCE, metre=metre
            )
            for energy in (0.1, 0.9)
        )
        result[style] = {
            "speed_of_learned": float(np.mean([_speed(frames) for frames in made]) / np.mean(truth)),
            "speed_of_energy_0.9_by_0.1": _speed(wild) / _speed(calm),
            "between_seeds_m": float(np.mean(apart)),
            "nearest_learned_m": float(np.mean([_distances(shape, library).min() for shape in shapes])),
            "fsr_raw": float(np.mean([row["fsr"] for row in raw])),
            "fsr_planted": float(np.mean([row["fsr"] for row in clean])),
            "jerk": float(np.mean([row["jerk"] for row in raw])),
            "way_m": float(np.mean([np.linalg.norm(root_path(frames)[-1, :2]) for frames in made])),
        }
    return result


def speed(sampler: Sampler) -> dict[str, float]:
    """Seconds on this machine, the best of three."""

    def best(fill: Callable[[], Any]) -> float:
        took = []
        for _ in range(3):
            began = time.perf_counter()
            fill()
            took.append(time.perf_counter() - began)
        return min(took)

    minute = np.tile(sampler.trained.mean, (120 * PER_BEAT, 1))
    gaps = np.ones((len(minute), 1), bool)
    for beat in range(8, 120, 8):
        gaps[beat * PER_BEAT - 6 : beat * PER_BEAT + 6] = False
    nothing = np.zeros((96, 1), bool)
    return {
        "threads": float(torch.get_num_threads()),
        "window_of_96_frames_10_steps_s": best(lambda: sampler.fill(minute[:96], nothing)),
        "minute_with_14_transitions_s": best(lambda: sampler.fill(minute, gaps)),
        "free_minute_20_steps_guided_s": best(
            lambda: sampler.fill(minute, np.zeros_like(gaps), steps=20, guidance=_GUIDANCE)
        ),
    }


def constraints(sampler: Sampler, take: Take) -> dict[str, float]:
    """How far what was demanded is missed: frames, joints, a place to come to."""
    frames = take.frames[: 10 * PER_BEAT].astype(float)
    rng = np.random.default_rng(0)
    known = rng.random(frames.shape) < 0.3
    missed = float(np.abs(sampler.fill(frames, known) - frames)[known].max())
    gap = np.ones((len(frames), 1), bool)
    gap[40:80] = False
    path = np.full((len(frames), 3), np.nan)
    path[40] = root_path(frames)[40]
    path[80] = path[40] + [0.6, 0.4, 1.0]
    came = root_path(sampler.fill(frames, gap, path=path))[80]
    return {"given_numbers": missed, "place_mm": float(np.abs(came - path[80])[:2].max() * 1000)}


def score(data_dir: str | Path, weights: str | Path = WEIGHTS, progress: Progress = silent) -> dict[str, Any]:
    """All scores on recordings and moves that were held out, as one plain object.

    Args:
        data_dir: the folder with the recordings.

    Raises:
        InputError: the recordings or the weights are missing.
    """
    sampler = Sampler.load("cpu", weights)
    folder, rng = Path(data_dir), np.random.default_rng(1)
    clips = [take for take, _ in recorded(folder, wanted=True)]
    names = [name for name in MOVES if is_held_out(name)]
    moves = [
        written(
            [name] * max(2, 16 // MOVES[name].beats),
            float(np.sqrt(np.prod(MOVES[name].tempo))),
            MOVES[name].styles,
            rng,
        )[0]
        for name in names
    ]
    result: dict[str, Any] = {"held_out": {"recordings": sorted({take.name for take in clips}), "moves": names}}
    for k, (kind, takes) in enumerate((("recordings", clips), ("moves", moves))):
        for j, gap in enumerate(GAPS):
            progress(0.1 + 0.12 * (3 * k + j) / 2, f"Filling gaps of {gap:g} beats in held-out {kind}")
            result[f"gap_{gap:g}_beats_{kind}"] = in_between(sampler, takes, gap)
    progress(0.5, "Joining held-out takes")
    result["transitions_1_beat"] = transitions(sampler, clips + moves)
    result["constraints_missed_by"] = constraints(sampler, clips[0])
    result["speed"] = speed(sampler)
    learned = build(folder, progress=part(progress, 0.6, 0.7))
    result["free"] = free_phrases(sampler, learned, clips + moves, progress=part(progress, 0.7, 1.0))
    progress(1.0, "Scored")
    return _rounded(result)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value
