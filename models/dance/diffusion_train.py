# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the motion model: windows of eight beats, parts of which are given and the rest to be found."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...rigs.errors import InputError
from ...rigs.feet import soles
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ...rigs.skeleton import SMPL24, Rest
from ..device import choose
from .beat_frames import CONTACTS, HEIGHT, PER_BEAT, PLANAR, ROOT, ROTATIONS, TURN, WIDTH, columns, mirrored
from .diffusion import Trained, place_columns, save_weights, scalar_columns, way_to_go
from .diffusion_data import Take, build, load, save
from .diffusion_net import SIZES, Config, Denoiser, signal

Array = NDArray[Any]

BATCH, PEAK_RATE, MINUTES = 32, 6e-4, 80.0
_AVERAGING = 0.999
_UPPER = [SMPL24.index(f"{s}_{p}") for s in ("left", "right") for p in ("collar", "shoulder", "elbow", "wrist", "hand")]
_LEGS = [SMPL24.index(f"{s}_{p}") for s in ("left", "right") for p in ("hip", "knee", "ankle", "foot")]
_TRUNK = [SMPL24.index(name) for name in ("spine1", "spine2", "spine3", "neck", "head")]
_SHARES = {"recorded": 0.4, "written": 0.35, "chained": 0.25}
# Weights of the losses, each brought to a deviation of about one first.
_WEIGHTS = {"pose": 1.0, "speed": 1.0, "joints": 1.0, "travel": 1.0, "slide": 0.3, "contact": 0.3}


def _columns_of(joints: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(WIDTH)[columns(joint)] for joint in joints])


_CONTACT = np.arange(WIDTH)[CONTACTS]
_ROOT = np.append(HEIGHT, np.arange(WIDTH)[ROOT])
_LOWER = np.concatenate([_CONTACT, _ROOT, _columns_of([0, *_LEGS])])
_PARTS = [_columns_of(_UPPER), _columns_of([*_UPPER, *_TRUNK]), _LOWER, _columns_of(_TRUNK), _ROOT, np.arange(5, 8)]


def random_known(frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(T, 152): what of a window is given. Gaps, single poses, a beginning, parts of the body, a path, or nothing."""
    known = np.zeros((frames, WIDTH), bool)
    kind = rng.choice(6, p=[0.12, 0.36, 0.14, 0.14, 0.14, 0.10])
    if kind == 1:  # one or two gaps
        known[:] = True
        for _ in range(rng.integers(1, 3)):
            length = round(PER_BEAT * float(np.exp(rng.uniform(np.log(0.33), np.log(5)))))
            start = int(rng.integers(-length // 2, frames - length // 2))
            known[max(start, 0) : start + length] = False
    elif kind == 2:  # single poses, up to one a beat
        known[rng.random(frames) < np.exp(rng.uniform(np.log(0.01), np.log(0.12)))] = True
    elif kind == 3:  # go on from here, or lead up to there
        length = int(rng.integers(2, frames // 2))
        known[:length] = True
        if rng.random() < 0.3:
            known = known[::-1].copy()
    elif kind >= 4:  # parts of the body all along, and perhaps a gap in which the rest is missing
        if kind == 4:
            known[:] = True
            length = int(rng.integers(PER_BEAT, frames))
            start = int(rng.integers(0, frames - length + 1))
            known[start : start + length] = False
        for which in rng.choice(len(_PARTS), rng.integers(1, 3), replace=False):
            known[:, _PARTS[which]] = True
    if rng.random() < 0.5:
        known[:, CONTACTS] = False
    return known


class Batches:
    """Windows out of takes, varied: mirrored, relabelled in tempo, arms of one on the legs of another, arms larger."""

    def __init__(self, takes: Sequence[Take], config: Config, levels: Array) -> None:
        window = config.window
        self.config, self.levels = config, levels
        self.takes = [take for take in takes if len(take.frames) >= PER_BEAT * 5]
        self.chance = np.zeros(len(self.takes))
        for origin, share in _SHARES.items():
            sizes = np.array([len(take.frames) * (take.origin == origin) for take in self.takes], float)
            if sizes.any():
                self.chance += share * sizes / sizes.sum()
        self.chance /= self.chance.sum()
        self.window = window

    def _window(self, rng: np.random.Generator) -> tuple[Take, NDArray[np.float32], float, float]:
        """A take, frames (T, 152), the beat of the first, and the energy. A short take is held at its ends."""
        take = self.takes[rng.choice(len(self.takes), p=self.chance)]
        start = int(rng.integers(0, max(1, len(take.frames) - self.window + 1)))
        frames = take.frames[start : start + self.window]
        speed = float(take.speed[start : start + self.window].mean())
        if len(frames) < self.window:
            frames = np.concatenate([frames, np.repeat(frames[-1:], self.window - len(frames), axis=0)])
            frames[-(self.window - len(take.frames)) :, ROOT] = 0
        if rng.random() < 0.5:
            frames = mirrored(frames)
        energy = float(np.interp(speed, self.levels, np.linspace(0, 1, len(self.levels))))
        return take, frames, take.beat + start / PER_BEAT, energy

    def sample(self, size: int, rng: np.random.Generator) -> dict[str, Array]:
        """Arrays of a batch, frames not yet normalised."""
        rows: dict[str, list[Any]] = {key: [] for key in ("frames", "known", "place", "style", "scalars")}
        styles = self.config.styles
        for _ in range(size):
            take, frames, beat, energy = self._window(rng)
            if rng.random() < 0.2:
                frames = frames.copy()
                swapped = _columns_of(_UPPER)
                frames[:, swapped] = self._window(rng)[1][:, swapped]
            if rng.random() < 0.3:
                frames = frames.copy()
                chosen = _columns_of(_UPPER)
                mean = frames[:, chosen].mean(axis=0)
                frames[:, chosen] = mean + (frames[:, chosen] - mean) * rng.uniform(0.75, 1.2)
            known = random_known(len(frames), rng)
            drop = rng.random(5)
            bare = drop[4] < 0.08
            named = [styles.index(style) for style in take.styles if style in styles]
            label = named[rng.integers(len(named))] if named and drop[0] > 0.15 and not bare else len(styles)
            bpm = take.bpm * float(np.exp(rng.uniform(-0.25, 0.25)))
            rows["frames"].append(frames)
            rows["known"].append(known)
            rows["place"].append(
                place_columns(
                    len(frames), beat if drop[3] > 0.1 else None, take.metre,
                    way_to_go(frames, known, rng.random() < 0.5),
                )
            )  # fmt: skip
            rows["style"].append(label)
            rows["scalars"].append(
                scalar_columns(
                    bpm if drop[1] > 0.15 and not bare else None, energy if drop[2] > 0.15 and not bare else None
                )
            )
        return {key: np.array(value) for key, value in rows.items()}


@dataclass(frozen=True)
class Body:
    """Bones for forward kinematics in torch: joints by depth below the root."""

    parents: tuple[int, ...]
    offsets: Tensor
    depths: tuple[tuple[int, ...], ...]
    sole: Tensor  # (4, 3) heel and ball of both feet, from the ankle

    @classmethod
    def average(cls, device: torch.device) -> Body:
        rest = Rest.average()
        parents = rest.skeleton.parents
        depth = [0] * len(parents)
        for joint, parent in enumerate(parents):
            depth[joint] = depth[parent] + 1 if parent >= 0 else 0
        levels = tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(1, max(depth) + 1))
        sole = np.array([point for sole in soles(rest) for point in (sole.heel, sole.ball)])
        return cls(
            parents,
            torch.tensor(rest.offsets, dtype=torch.float32, device=device),
            levels,
            torch.tensor(sole, dtype=torch.float32, device=device),
        )

    def points(self, frames: Tensor) -> Tensor:
        """(B, T, 28, 3) m of frames (B, T, 152): 24 joints and 4 points of the soles, about the root, heading +Z."""
        pairs = frames[..., ROTATIONS].unflatten(-1, (24, 2, 3))
        first = torch.nn.functional.normalize(pairs[..., 0, :], dim=-1)
        second = pairs[..., 1, :]
        second = torch.nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
        local = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
        turned: list[Tensor] = [local[..., 0, :, :]] + [local[..., 0, :, :]] * 23
        height = frames[..., HEIGHT]
        places: list[Tensor] = [torch.stack([torch.zeros_like(height), height, torch.zeros_like(height)], -1)] * 24
        for joints in self.depths:
            parents = [self.parents[joint] for joint in joints]
            above = torch.stack([turned[p] for p in parents], dim=-3)
            spot = torch.stack([places[p] for p in parents], dim=-2)
            offset = self.offsets[list(joints)].unsqueeze(-1)
            at = spot + (above @ offset).squeeze(-1)
            here = above @ local[..., list(joints), :, :]
            for k, joint in enumerate(joints):
                turned[joint], places[joint] = here[..., k, :, :], at[..., k, :]
        ankles = [SMPL24.index("left_ankle")] * 2 + [SMPL24.index("right_ankle")] * 2
        for point, ankle in zip(self.sole, ankles, strict=True):
            places.append(places[ankle] + turned[ankle] @ point)
        return torch.stack(places, dim=-2)


def travelled(points: Tensor, frames: Tensor) -> Tensor:
    """(B, T - 1, K, 3) m by which points move over the floor from frame to frame, seen from the first one's heading."""
    turn = frames[:, :-1, TURN]
    sine, cosine = turn.sin()[..., None], turn.cos()[..., None]
    after = points[:, 1:]
    x = cosine * after[..., 0] + sine * after[..., 2] + frames[:, :-1, PLANAR.start, None]
    z = -sine * after[..., 0] + cosine * after[..., 2] + frames[:, :-1, PLANAR.start + 1, None]
    return torch.stack([x, after[..., 1], z], dim=-1) - points[:, :-1]


def losses(body: Body, found: Tensor, truth: Tensor, mean: Tensor, deviation: Tensor) -> dict[str, Tensor]:
    """Each (B,): errors of normalised frames (B, T, 152), of joints in space, and of feet that should stand."""
    found_frames, frames = found * deviation + mean, truth * deviation + mean
    here, there = body.points(found_frames), body.points(frames)
    moved, should = travelled(here, found_frames), travelled(there, frames)
    contact = frames[..., CONTACTS]
    standing = (contact[:, 1:] * contact[:, :-1])[..., None]
    steps, true_steps = found.diff(dim=1), truth.diff(dim=1)
    return {
        "pose": (found - truth).square().mean((1, 2)),
        "speed": (steps - true_steps).square().mean((1, 2)) * 25,
        "joints": (here - there).square().mean((1, 2, 3)) / 0.06**2,
        "travel": (moved - should).square().mean((1, 2, 3)) / 0.012**2,
        "slide": (moved[:, :, 24:] * standing).square().mean((1, 2, 3)) / 0.006**2,
        "contact": (found[..., CONTACTS] - truth[..., CONTACTS]).square().mean((1, 2)),
    }


class Trainer:
    """The network, its running average and its optimiser; it can be stopped and taken up again."""

    def __init__(
        self, takes: Sequence[Take], config: Config, batch: int = BATCH, peak: float = PEAK_RATE, seed: int = 0,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        torch.manual_seed(seed)
        self.config, self.batch, self.peak, self.seed = config, batch, peak, seed
        self.device = choose(device)
        every = np.concatenate([take.frames for take in takes]).astype(np.float64)
        self.levels = np.quantile(np.concatenate([take.speed for take in takes]), np.linspace(0.02, 0.98, 11))
        mean, deviation = every.mean(axis=0), every.std(axis=0)
        # One scale for all six numbers of a rotation, and none so small that noise would fill it.
        rotations = deviation[ROTATIONS].reshape(-1, 6)
        rotations[:] = np.maximum(np.sqrt((rotations**2).mean(axis=1, keepdims=True)), 0.05)
        deviation[PLANAR] = deviation[PLANAR].mean()
        self.use(mean, np.maximum(deviation, 0.01))
        self.batches = Batches(takes, config, self.levels)
        self.net = Denoiser(config).to(self.device)
        self.average = Denoiser(config).to(self.device)
        self.average.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(self.net.parameters(), peak, (0.9, 0.99), weight_decay=0.01)
        self.body = Body.average(self.device)
        self.done, self.elapsed = 0, 0.0

    def use(self, mean: Array, deviation: Array) -> None:
        self.mean, self.deviation = (
            torch.tensor(values, dtype=torch.float32, device=self.device) for values in (mean, deviation)
        )

    def step(self, share: float) -> dict[str, float]:
        """One step, at `share` 0..1 of the schedule; the errors before it. What it sees depends on its number alone."""
        rate = self.peak * min(1.0, (self.done + 1) / 200) * (0.51 + 0.49 * math.cos(math.pi * min(share, 1.0)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng((self.seed, self.done))
        sampled = self.batches.sample(self.batch, rng)
        known = torch.tensor(sampled["known"], device=self.device)
        place, style, scalars = (
            torch.tensor(sampled[key], dtype=kind, device=self.device)
            for key, kind in (("place", torch.float32), ("style", torch.long), ("scalars", torch.float32))
        )
        truth = (torch.tensor(sampled["frames"], dtype=torch.float32, device=self.device) - self.mean) / self.deviation
        t = torch.tensor((np.arange(self.batch) + rng.random(self.batch)) / self.batch, dtype=torch.float32)
        t = t.to(self.device)
        noise = torch.tensor(rng.standard_normal(truth.shape, dtype=np.float32), device=self.device)
        clean = signal(t)[:, None, None]
        noisy = clean.sqrt() * truth + (1 - clean).sqrt() * noise
        found = self.net(noisy, t, known, truth, place, style, scalars)
        errors = losses(self.body, torch.where(known, truth, found), truth, self.mean, self.deviation)
        ratio = (clean / (1 - clean).clamp(min=1e-4)).flatten()
        # Min-SNR weighting (Hang et al., 2023) with a floor: few steps are taken in use, so the noisy end matters.
        weight = ratio.clamp(0.5, 5) ** 0.5
        weight = weight / weight.mean()
        total = (weight * sum(_WEIGHTS[key] * error for key, error in errors.items())).mean()
        # What is given must come out as well: seams are mended by how far it does not.
        total = total + 0.2 * (torch.where(known, found - truth, 0.0)).square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        keep = min(_AVERAGING, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            for ours, theirs in zip(self.average.parameters(), self.net.parameters(), strict=True):
                ours.lerp_(theirs, 1 - keep)
        self.done += 1
        return {"total": total.item(), **{key: float(error.detach().mean()) for key, error in errors.items()}}

    def trained(self) -> Trained:
        return Trained(self.average.eval(), self.mean.cpu().numpy(), self.deviation.cpu().numpy(), self.levels)

    def save(self, path: Path) -> None:
        state = {key: getattr(self, key).state_dict() for key in ("net", "average", "optimizer")}
        numbers = {"done": self.done, "elapsed": self.elapsed, "mean": self.mean, "deviation": self.deviation}
        with replacing(path) as temporary:
            torch.save({**state, **numbers, "levels": torch.tensor(self.levels)}, temporary)

    def resume(self, path: Path) -> None:
        """Take up a run, with the scales that it began with."""
        state = torch.load(path, weights_only=True, map_location=self.device)
        for key in ("net", "average", "optimizer"):
            getattr(self, key).load_state_dict(state[key])
        self.done, self.elapsed = int(state["done"]), float(state["elapsed"])
        self.mean, self.deviation = state["mean"], state["deviation"]
        self.levels = self.batches.levels = state["levels"].numpy()


def train(
    data_dir: str | Path,
    out: str | Path,
    *,
    minutes: float = MINUTES,
    size: str = "small",
    batch: int = BATCH,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train for so many minutes and write `out`, a .safetensors; checkpoints lie in a folder beside it.

    A run that was stopped goes on where it was; one that is asked for more minutes than it had goes on learning.

    Raises:
        InputError: no recordings in `data_dir`, an unknown size, or no such device.
        Cancelled: progress raised it; the next call goes on from the last checkpoint.
    """
    if size not in SIZES:
        raise InputError(f"There is no size {size!r}; choose {' or '.join(SIZES)}.")
    out = Path(out)
    work = out.with_suffix("").with_name(out.stem + "_training")
    work.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("AVANIM_TRAIN_THREADS", "1")))
    try:
        prepared = work / "takes.npz"
        if not prepared.is_file():
            save(build(Path(data_dir), progress=part(progress, 0.0, 0.02)), prepared)
        trainer = Trainer(load(prepared), SIZES[size], batch, device=device)
        checkpoint = work / f"run_{size}.pt"
        if checkpoint.is_file():
            trainer.resume(checkpoint)
        began, before, shown = time.monotonic(), trainer.elapsed, 0.0
        while trainer.elapsed < 60 * minutes:
            share = trainer.elapsed / (60 * minutes)
            errors = trainer.step(share)
            trainer.elapsed = before + time.monotonic() - began
            shown = errors["joints"] if not shown else 0.99 * shown + 0.01 * errors["joints"]
            if trainer.done % 50 == 0:
                progress(0.02 + 0.98 * min(share, 1.0), f"Training: step {trainer.done}, joint error {shown:.3f}")
            if trainer.done % 500 == 0:
                trainer.save(checkpoint)
        trainer.save(checkpoint)
        save_weights(trainer.trained(), out)
    finally:
        torch.set_num_threads(threads)
    return {"weights": str(out), "size": size, "steps": trainer.done, "minutes": round(trainer.elapsed / 60, 1)}
