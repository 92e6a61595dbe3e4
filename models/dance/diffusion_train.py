# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the motion model, which can be stopped and taken up again at any time."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ..device import choose
from .beat_frames import PLANAR, ROTATIONS
from .diffusion import Trained, save_weights
from .diffusion_batches import Batches
from .diffusion_data import Take, build, load, save
from .diffusion_losses import Body, losses
from .diffusion_net import SIZES, Config, Denoiser, signal

Array = NDArray[Any]

BATCH, PEAK_RATE, MINUTES = 32, 6e-4, 80.0
_AVERAGING = 0.999
_SAVED_EVERY, _LONGEST_STEP = 120.0, 20.0  # s
# Weights of the losses, each brought to a deviation of about one first.
_WEIGHTS = {"pose": 1.0, "speed": 1.0, "joints": 1.0, "travel": 1.0, "slide": 0.3, "contact": 0.3}


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
        shown, saved, clock = 0.0, trainer.elapsed, time.monotonic()
        while trainer.elapsed < 60 * minutes:
            share = trainer.elapsed / (60 * minutes)
            errors = trainer.step(share)
            # A machine that slept meanwhile has not trained.
            trainer.elapsed += min(time.monotonic() - clock, _LONGEST_STEP)
            clock = time.monotonic()
            shown = errors["joints"] if not shown else 0.99 * shown + 0.01 * errors["joints"]
            if trainer.done % 50 == 0:
                progress(0.02 + 0.98 * min(share, 1.0), f"Training: step {trainer.done}, joint error {shown:.3f}")
            if trainer.elapsed - saved > _SAVED_EVERY:
                trainer.save(checkpoint)
                saved = trainer.elapsed
        trainer.save(checkpoint)
        save_weights(trainer.trained(), out)
    finally:
        torch.set_num_threads(threads)
    return {"weights": str(out), "size": size, "steps": trainer.done, "minutes": round(trainer.elapsed / 60, 1)}
