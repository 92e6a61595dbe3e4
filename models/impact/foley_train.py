# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of what watches silent shots, on rendered clips; it can be stopped and taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...rigs.job import Progress, part, silent
from .foley import Watcher, save_weights, targets, watch
from .foley_score import f1_of, matched
from .shots import FPS, SIZE, Clip, Pictures
from .training import Run, clips_to_learn_from, few_threads

MINUTES, BATCH, LENGTH = 30.0, 4, 45
_RATES = (15, 20, 24, 24, 25, 25)  # frames a second of other films


def augmented(frames: Pictures, rng: np.random.Generator) -> NDArray[np.float32]:
    """Other light, colours, framing, grain, pans and rates; (T, 96, 96, 3) to floats 0..1."""
    if rng.random() < 0.35:  # a film of fewer frames a second, each held until the next
        rate = rng.choice(_RATES)
        clock = np.floor(np.arange(len(frames)) * rate / FPS + rng.random()) / rate * FPS
        frames = frames[np.clip(np.round(clock - clock[0]).astype(int), 0, np.arange(len(frames)))]
    size = frames.shape[1]
    crop = rng.integers(size - size // 5, size + 1)
    top, left = rng.integers(0, size - crop + 1, 2)
    index = np.minimum((np.arange(size) * crop / size).astype(int), crop - 1)
    across = index[::-1] if rng.random() < 0.5 else index
    if rng.random() < 0.3 and crop < size:  # as a camera pans
        tops, lefts = (
            np.round(np.linspace(begin, rng.integers(0, size - crop + 1), len(frames))).astype(int)
            for begin in (top, left)
        )
        rows, columns = tops[:, None] + index, lefts[:, None] + across
        made = frames[np.arange(len(frames))[:, None, None], rows[:, :, None], columns[:, None, :]]
    else:
        made = frames.take(top + index, 1).take(left + across, 2)
    if rng.random() < 0.3:  # as a wide shot is squared
        bar = int(rng.integers(0, size // 5))
        made[:, :bar], made[:, size - bar :] = made[:, bar : bar + 1], made[:, size - bar - 1 : size - bar]
    curve = (np.arange(256) / 255)[:, None] ** rng.uniform(0.8, 1.25)
    curve = (curve * rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    lit = np.empty((len(made), 3, size, size), np.float32)  # as torch wants it
    for channel in range(3):
        np.take(curve[:, channel], made[..., channel], out=lit[:, channel])
    grain = _grain()[(int(rng.integers(1 << 16)) + np.arange(len(lit))) % len(_grain())]
    lit += np.roll(grain, tuple(rng.integers(0, size, 2)), (1, 2))[:, None] * np.float32(rng.uniform(0, 0.025))
    return np.clip(lit, 0, 1, out=lit).transpose(0, 2, 3, 1)


@lru_cache(maxsize=1)
def _grain() -> NDArray[np.float32]:
    """(61, 96, 96): noise of deviation one; drawing it anew each time would take a tenth of the training."""
    return np.random.default_rng(0).standard_normal((61, SIZE, SIZE), np.float32)


class Trainer(Run[Watcher]):
    """The watcher, and the clips that it learns from."""

    def __init__(self, clips: Sequence[Clip], seed: int = 0) -> None:
        torch.manual_seed(seed)
        super().__init__(Watcher(), seed)
        self.clips = list(clips)
        self.targets = [targets(clip) for clip in self.clips]

    def step(self, share: float, batch: int = BATCH, length: int = LENGTH) -> float:
        """One step at `share` 0..1 of the schedule; its error."""
        rng = np.random.default_rng((self.seed, self.done))
        frames, wanted = [], []
        for number in rng.integers(0, len(self.clips), batch):
            count = len(self.clips[number].frames)
            begin = int(rng.integers(0, max(1, count - length + 1)))
            frames.append(augmented(self.clips[number].frames[begin : begin + length], rng))
            wanted.append({name: values[begin : begin + length] for name, values in self.targets[number].items()})
        want = {name: torch.tensor(np.stack([one[name] for one in wanted])) for name in wanted[0]}
        found = self.net(torch.tensor(np.stack([one.transpose(0, 3, 1, 2) for one in frames])))
        total = sum(losses(found, want).values(), torch.zeros(()))
        return self.descend(total, share)


def losses(found: dict[str, torch.Tensor], want: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Errors by name. A frame beside a hit is no mistake: there the network may say what it likes."""
    cross = nn.functional.binary_cross_entropy_with_logits
    hit, near = want["hit"], want["near"]
    care = torch.where(hit > 0, 6.0, torch.where(near > 0, 0.2, 1.0))
    count = hit.sum().clamp(min=1)
    seen = (near + want["slide"] * 0.3 + 0.1) * (want["material"] >= 0)  # what is not heard is of no material
    kinds = nn.functional.cross_entropy(
        found["material"].flatten(0, 1), want["material"].flatten(), ignore_index=-1, reduction="none"
    )
    return {
        "hit": (care * cross(found["hit"], hit, reduction="none")).mean() * 2,
        "strength": (hit * (found["strength"] - want["strength"]).abs()).sum() / count,
        "size": (hit * (found["size"] - want["size"]).abs()).sum() / count * 0.5,
        "slide": cross(found["slide"], want["slide"]),
        "material": (seen.flatten() * kinds).sum() / seen.sum().clamp(min=1) * 0.7,
    }


def best_threshold(net: Watcher, clips: Sequence[Clip]) -> float:
    """How sure of a hit to be, so that hits and false hits weigh the same."""
    tried = np.linspace(0.15, 0.85, 15)
    seen = [watch(clip.frames, net, float(tried[0]), "cpu") for clip in clips]
    scores = []
    for threshold in tried:
        sure = [one.times[one.sure >= threshold] for one in seen]
        counts = np.sum([matched(clip.times, times)[1] for clip, times in zip(clips, sure, strict=True)], 0)
        scores.append((f1_of(*counts), float(threshold)))
    return max(scores)[1]


def train(
    data_dir: str | Path, out: str | Path, *, minutes: float = MINUTES, progress: Progress = silent
) -> dict[str, Any]:
    """Train for so many minutes and write `out`, a .safetensors; the checkpoint lies beside it. A stopped run goes on.

    Raises:
        InputError: no clips in `data_dir`.
        Cancelled: progress raised it; the next call goes on from the last checkpoint.
    """
    out = Path(out)
    taught, held = clips_to_learn_from(data_dir)
    with few_threads():
        trainer = Trainer(taught)
        trainer.run(minutes, out.with_name(out.stem + "_run.pt"), part(progress, 0.0, 0.98))
        threshold = best_threshold(trainer.average.eval(), held)
        save_weights(trainer.average, threshold, out)
    return {"weights": str(out), "clips": len(taught), "steps": trainer.done, "threshold": threshold}
