# SPDX-License-Identifier: GPL-3.0-or-later
"""Continue and in-between: a Gaussian process dynamical model of one or two clips.

J. Wang, D. Fleet, A. Hertzmann, "Gaussian Process Dynamical Models for Human Motion", TPAMI 2008. Each frame is a
point in a space of few dimensions; one Gaussian process maps points to poses, another each pair of points to the next
one. Points and kernels are found together, by gradients, as the likeliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....rigs.errors import InputError
from ....rigs.families.space import headings, upright
from ....rigs.job import Progress, part, silent
from ....rigs.motion import Motion
from ....rigs.motion_pins import pinned
from ....rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ....rigs.skeleton import Rest
from .latent import Latent

Array = NDArray[np.float64]

FPS = 15.0
MOST = 240  # frames that are learned from: cost grows with their cube
_SIZE, _COMPONENTS = 4, 20
_ROUNDS, _GAP_ROUNDS = 60, 60
_LEAST_NOISE = 1e-3  # variance: nothing is known more firmly
_MARGIN, _LED = 3, 0.4  # frames around a gap that it must meet; s in which it is led there


def _squared(one: Tensor, two: Tensor) -> Tensor:
    return ((one**2).sum(-1)[:, None] + (two**2).sum(-1) - 2 * one @ two.T).clamp(min=0)


@dataclass
class Kernel:
    """a exp(-r² / 2 l²) + b x·y, and noise; `log` (4,) of a, l, b and the noise's variance."""

    log: Tensor

    def __call__(self, one: Tensor, two: Tensor) -> Tensor:
        size, length, linear, _ = self.log.exp()
        return size * torch.exp(-0.5 * _squared(one, two) / length**2) + linear * one @ two.T

    def diagonal(self, one: Tensor) -> Tensor:
        size, _, linear, _ = self.log.exp()
        return size + linear * (one**2).sum(-1)


class Process:
    """A Gaussian process from inputs (N, q) to outputs (N, D), each of these with the same kernel."""

    def __init__(self, kernel: Kernel, inputs: Tensor, outputs: Tensor) -> None:
        self.kernel, self.inputs, self.outputs = kernel, inputs, outputs
        noise = kernel.log.exp()[3] + _LEAST_NOISE
        self.root = torch.linalg.cholesky(kernel(inputs, inputs) + noise * torch.eye(len(inputs), dtype=inputs.dtype))
        self.solved = torch.cholesky_solve(outputs, self.root)

    def surprise(self) -> Tensor:
        """Negative log likelihood of the outputs, without its constant."""
        width = self.outputs.shape[1]
        return width * self.root.diagonal().log().sum() + 0.5 * (self.outputs * self.solved).sum()

    def mean(self, at: Tensor) -> Tensor:
        return self.kernel(at, self.inputs) @ self.solved

    def variance(self, at: Tensor) -> Tensor:
        """(M,) of what is observed there, noise and all."""
        across = self.kernel(at, self.inputs)
        known = (across * torch.cholesky_solve(across.T, self.root).T).sum(-1)
        return (self.kernel.diagonal(at) - known).clamp(min=0) + self.kernel.log.exp()[3] + _LEAST_NOISE

    def surprise_at(self, at: Tensor, outputs: Tensor) -> Tensor:
        """Negative log likelihood of outputs (M, D) at inputs (M, q), one by one."""
        variance = self.variance(at)
        off = ((outputs - self.mean(at)) ** 2).sum(-1)
        return 0.5 * (off / variance + outputs.shape[1] * variance.log()).sum()


@dataclass
class Dynamics:
    """The model: `points` (N, q) of the frames learned from, the process to poses and that of the dynamics.

    `starts` frames at which a clip begins · `surprise` before and after learning.
    """

    points: Tensor
    starts: list[int]
    poses: Process
    moves: Process
    surprise: tuple[float, float]

    def next(self, two: Tensor) -> Tensor:
        """The likeliest point (M, q) after pairs of points (M, 2, q)."""
        pair = _pair(two[:, 0], two[:, 1])
        # As little as is known there, so little it goes: the kernel's linear part would only ever go faster.
        sure = (1 - self.moves.variance(pair) / (self.moves.kernel.diagonal(pair) + _LEAST_NOISE)).clamp(0, 1)
        made = two[:, 1] + sure[:, None] * self.moves.mean(pair)
        # Beyond what was learned from nothing is known: there it would run away.
        return made.clamp(-self.points.abs().amax(0), self.points.abs().amax(0))


def _pair(before: Tensor, here: Tensor) -> Tensor:
    return torch.cat([here, here - before], dim=-1)


def _moves(points: Tensor, starts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Pairs of points, and the step to the next one: where nothing is known the process stands still."""
    inside = [k for k in range(2, len(points)) if not any(start in (k - 1, k) for start in starts)]
    here = torch.tensor(inside)
    return _pair(points[here - 2], points[here - 1]), points[here] - points[here - 1]


def learned(clips: Sequence[Array], rounds: int = _ROUNDS, progress: Progress = silent) -> Dynamics:
    """A model of clips of numbers (T, d); their points begin as principal components.

    Raises:
        Cancelled: progress raised it.
    """
    numbers = torch.tensor(np.concatenate(clips))
    starts = [0, *np.cumsum([len(clip) for clip in clips])[:-1].tolist()]
    centred = numbers - numbers.mean(0)
    left, size, _ = torch.linalg.svd(centred, full_matrices=False)
    points = (left[:, :_SIZE] * size[:_SIZE] / size[0] * len(numbers) ** 0.5).contiguous().requires_grad_(True)
    pose = torch.tensor([0.0, 0.0, -1.0, -4.0], dtype=torch.double, requires_grad=True)
    move = torch.tensor([-2.0, 0.0, -3.0, -5.0], dtype=torch.double, requires_grad=True)

    def both() -> tuple[Process, Process]:
        return Process(Kernel(pose), points, numbers), Process(Kernel(move), *_moves(points, starts))

    def surprise() -> Tensor:
        one, two = both()
        # Kernels stay within reason: what little data cannot tell is not believed too firmly (log-normal priors).
        prior = 0.5 * sum(((log / 3) ** 2).sum() for log in (pose, move))
        # Few numbers of a point stand against many of a pose: weighed evenly, or the dynamics are not heard (Urtasun,
        # Fleet, Fua, "3D People Tracking with Gaussian Process Dynamical Models", CVPR 2006).
        return one.surprise() + numbers.shape[1] / _SIZE * two.surprise() + prior

    first = surprise().item()
    optimiser = torch.optim.LBFGS([points, pose, move], max_iter=10, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = surprise()
        value.backward()
        return value

    for k in range(max(1, rounds // 10)):
        progress(k / max(1, rounds // 10), "Learning")
        optimiser.step(closure)
    for one in (points, pose, move):
        one.requires_grad_(False)
    poses, moves = both()
    return Dynamics(points, starts, poses, moves, (first, surprise().item()))


def simulated(model: Dynamics, clip: int, frames: int) -> Array:
    """(frames, d): the likeliest that follows the end of a clip, step by step."""
    ends = [*model.starts[1:], len(model.points)]
    path = [model.points[ends[clip] - 2], model.points[ends[clip] - 1]]
    with torch.no_grad():
        for _ in range(frames):
            path.append(model.next(torch.stack(path[-2:])[None])[0])
        return model.poses.mean(torch.stack(path[2:])).numpy()


def filled(model: Dynamics, known: dict[int, Array], frames: int, before: int, progress: Progress = silent) -> Array:
    """(frames, d) of a gap: the likeliest way that the dynamics allow from what stands before to what comes after.

    Args:
        known: frame of the gap to its numbers (d,); frame `frames` is the first behind it, where there is one.
        before: the model's frame on which the gap follows.
    """
    ends = torch.stack([model.points[before - 1], model.points[before]])
    keys = sorted(known)
    given = torch.tensor(np.stack([known[k] for k in keys])) if keys else None
    width, noise = model.poses.outputs.shape[1], model.poses.kernel.log.exp()[3] + _LEAST_NOISE
    total = frames + (1 if frames in known else 0)
    best: tuple[float, Tensor] | None = None
    tries = _first_tries(model, known, total, before)
    for number, first in enumerate(tries):
        progress(number / len(tries), "Filling")
        points = first.clone().requires_grad_(True)
        optimiser = torch.optim.LBFGS([points], max_iter=_GAP_ROUNDS, history_size=20, line_search_fn="strong_wolfe")

        def surprise(points: Tensor = points) -> Tensor:
            whole = torch.cat([ends, points])
            steps = whole[2:] - whole[1:-1]
            value = width / _SIZE * model.moves.surprise_at(_pair(whole[:-2], whole[1:-1]), steps)
            value = value + 0.5 * width * model.poses.variance(points).log().sum()
            if given is not None:
                at = points[torch.tensor(keys)]
                value = value + ((given - model.poses.mean(at)) ** 2).sum() / (2 * noise)
            return value

        def closure(optimiser: Any = optimiser, surprise: Any = surprise) -> Tensor:
            optimiser.zero_grad()
            value = surprise()
            value.backward()
            return value

        optimiser.step(closure)
        value = surprise().item()
        if np.isfinite(value) and (best is None or value < best[0]):
            best = value, points.detach()
    assert best is not None
    with torch.no_grad():
        made = model.poses.mean(best[1]).numpy()
    # The process only comes near the keys; what is left is spread over the frames between them.
    anchors = [-1, *keys]
    with torch.no_grad():
        off = [(model.poses.outputs[before] - model.poses.mean(model.points[before][None])[0]).numpy()]
    off += [known[k] - made[k] for k in keys]
    table = np.stack(off)
    at = np.arange(total)
    correction = np.stack([np.interp(at, anchors, column) for column in table.T], axis=1)
    return (made + correction)[:frames]


def _first_tries(model: Dynamics, known: dict[int, Array], total: int, before: int) -> list[Tensor]:
    """Ways (total, q) to begin with: straight from key to key, and stretches of the clips whose ends fit best."""
    with torch.no_grad():
        keys, points = [-1], [model.points[before]]
        for k in sorted(known):
            away = ((model.poses.outputs - torch.tensor(known[k])) ** 2).sum(-1)
            keys.append(k)
            points.append(model.points[int(away.argmin())])
        table = torch.stack(points).numpy()
        straight = np.stack([np.interp(np.arange(total), keys, column) for column in table.T], axis=1)
        tries = [torch.tensor(straight)]
        ends = [*model.starts[1:], len(model.points)]
        costs = []
        for start, end in zip(model.starts, ends, strict=True):
            for k in range(start + 1, end - total):
                cost = ((model.points[k - 1 : k + 1] - model.points[before - 1 : before + 1]) ** 2).sum()
                for key, value in known.items():
                    cost = cost + ((model.poses.outputs[k + 1 + key] - torch.tensor(value)) ** 2).sum()
                costs.append((float(cost), k))
        taken: list[int] = []
        for _, k in sorted(costs):
            if all(abs(k - other) > 3 for other in taken):
                taken.append(k)
                tries.append(model.points[k + 1 : k + 1 + total].clone())
            if len(taken) == 2:
                break
        return tries


def in_between(
    motion: Motion, rest: Rest, keys: Sequence[int], example: Motion | None = None, rounds: int = _ROUNDS,
    progress: Progress = silent,
) -> tuple[Motion, dict[str, Any]]:  # fmt: skip
    """The frames between `keys` made anew, those of the keys kept, and all that lies outside them.

    It is learned from the frames outside, and from the example, where there is one.

    Raises:
        InputError: fewer than two keys, keys outside the motion, or too little to learn from.
        Cancelled: progress raised it.
    """
    keys = sorted(set(keys))
    if len(keys) < 2 or not 0 <= keys[0] <= keys[-1] < len(motion):
        raise InputError(f"To in-between give two frames at least, from 0 to {len(motion) - 1}.")
    step = max(1, round(motion.fps / FPS))
    first, last = keys[0], keys[-1]
    clips = _pieces(motion, first, last, step)
    if example is not None:
        clips.append(_thinned(example.resampled(motion.fps), step))
    clips = [clip for clip in clips if len(clip) >= 6]
    if sum(map(len, clips)) < 2 * FPS or not clips:
        raise InputError("There are less than 2 s beside those frames to learn from; give an example beside.")
    latent = Latent.of(clips, rest, _COMPONENTS)
    room = MOST
    numbers = []
    for clip in clips:
        numbers.append(latent.numbers(clip)[-room:] if clip is clips[0] else latent.numbers(clip)[:room])
        room = max(6, room - len(numbers[-1]))
    whole = latent.numbers(_thinned_from(motion, first % step, step))

    def at(frame: int) -> int:
        return round((frame - first % step) / step)

    gap = at(last) - at(first) - 1
    if gap < 1:
        raise InputError("There is nothing between those frames; choose some that lie farther apart.")
    known = {at(k) - at(first) - 1: whole[at(k)] for k in keys[1:]}
    # The first key's own pair is the last of what stands before; where nothing does, it begins a clip.
    if first < 2 * step or not len(_pieces(motion, first, last, step)[0]) >= 6:
        lead = whole[at(first) : at(first) + 1]
        numbers.insert(0, np.concatenate([lead, lead]))
    model = learned(numbers, rounds, part(progress, 0.0, 0.7))
    made = filled(model, known, gap, len(numbers[0]) - 1, part(progress, 0.7, 1.0))
    slow = _thinned_from(motion, first % step, step)
    stretch = np.concatenate([whole[at(first)][None], made, whole[at(last)][None]])
    start = Motion(slow.poses[at(first) :][:1], slow.trans[at(first) :][:1], slow.fps, slow.skeleton)
    between = latent.motion(stretch, slow, start).resampled(motion.fps)
    between = _arriving(between, motion, keys)
    return put_in(motion, between, keys), {"keys": list(keys), "surprise": model.surprise}


def _thinned(motion: Motion, step: int) -> Motion:
    return _thinned_from(motion, 0, step)


def _thinned_from(motion: Motion, first: int, step: int) -> Motion:
    return Motion(motion.poses[first::step], motion.trans[first::step], motion.fps / step, motion.skeleton)


def _pieces(motion: Motion, first: int, last: int, step: int) -> list[Motion]:
    """What stands before the first key, up to it, and what stands behind the last."""
    head = Motion(motion.poses[first % step : first + 1 : step], motion.trans[first % step : first + 1 : step],
                  motion.fps / step, motion.skeleton)  # fmt: skip
    tail = Motion(motion.poses[last::step], motion.trans[last::step], motion.fps / step, motion.skeleton)
    return [head, tail]


def _arriving(between: Motion, motion: Motion, keys: Sequence[int]) -> Motion:
    """`between` turned and led, evenly from key to key, so that it comes to where the keys stand and face."""
    at = [min(key - keys[0], len(between) - 1) for key in keys]
    frames = np.arange(len(between))
    off = headings(motion.poses[keys]) - headings(between.poses)[at]
    turn = np.interp(frames, at, np.unwrap(off))
    step = np.diff(between.trans, axis=0)
    cosine, sine = np.cos(turn[:-1]), np.sin(turn[:-1])
    trans = between.trans.copy()
    trans[1:, 0] = trans[0, 0] + np.cumsum(cosine * step[:, 0] + sine * step[:, 2])
    trans[1:, 2] = trans[0, 2] + np.cumsum(cosine * step[:, 2] - sine * step[:, 0])
    for axis in (0, 2):
        trans[:, axis] += np.interp(frames, at, motion.trans[keys, axis] - trans[at, axis])
    poses = between.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(upright(turn) @ matrix_from_axis_angle(poses[:, 0]))
    return replace(between, poses=poses, trans=trans)


def put_in(motion: Motion, between: Motion, keys: Sequence[int]) -> Motion:
    """`motion` with `between` from the first key to the last, led through the keys and into what stands around."""
    first, last = keys[0], keys[-1]
    low, high = max(0, first - _MARGIN), min(len(motion), last + _MARGIN + 1)
    at = np.minimum(np.arange(last - first + 1), len(between) - 1)
    poses, trans = motion.poses[low:high].copy(), motion.trans[low:high].copy()
    poses[first - low : last - low + 1], trans[first - low : last - low + 1] = between.poses[at], between.trans[at]
    fixed = [*range(low, first), *keys, *range(last + 1, high)]
    pins = {k - low: (motion.poses[k], motion.trans[k]) for k in fixed}
    led = pinned(replace(motion, poses=poses, trans=trans), pins, _LED)
    poses, trans = motion.poses.copy(), motion.trans.copy()
    poses[low:high], trans[low:high] = led.poses, led.trans
    return replace(motion, poses=poses, trans=trans)


def continued(
    motion: Motion, rest: Rest, seconds: float, example: Motion | None = None, rounds: int = _ROUNDS,
    progress: Progress = silent,
) -> tuple[Motion, dict[str, Any]]:  # fmt: skip
    """What goes on where `motion` ends, `seconds` long, at its rate: the likeliest of the learned dynamics.

    Raises:
        InputError: less than 2 s of motion. Cancelled: progress raised it.
    """
    step = max(1, round(motion.fps / FPS))
    clips = [_thinned_from(motion, (len(motion) - 1) % step, step)]
    if clips[0].seconds < 2:
        raise InputError(f"To continue a motion, 2 s of it at least are learned from, not {motion.seconds:.2f} s.")
    if example is not None:
        clips.append(_thinned_from(example.resampled(motion.fps), 0, step))
    latent = Latent.of(clips, rest, _COMPONENTS)
    numbers = [latent.numbers(clips[0])[-MOST:]]
    if example is not None and len(numbers[0]) < MOST:
        numbers.append(latent.numbers(clips[1])[: MOST - len(numbers[0])])
    numbers = [one for one in numbers if len(one) >= 6]
    model = learned(numbers, rounds, part(progress, 0.0, 0.9))
    made = simulated(model, 0, max(2, round(seconds * motion.fps / step)))
    most = np.abs(np.concatenate(numbers)).max(axis=0)
    made = np.clip(made, -most, most)
    last = clips[0].slice(clips[0].seconds - 1.5 / clips[0].fps, clips[0].seconds)
    # The process does not quite give back the frame it goes on from: what is off fades.
    off = numbers[0][-1] - model.poses.mean(model.points[[len(numbers[0]) - 1]])[0].numpy()
    made = made + off * np.exp(-np.arange(1, len(made) + 1)[:, None] / (0.4 * motion.fps / step))
    return latent.motion(np.concatenate([numbers[0][-1:], made]), clips[0], last), {"surprise": model.surprise}
