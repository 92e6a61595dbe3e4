# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own way from a silent shot to its sound: what is seen to hit and slide, how hard and what it is made of.

The network answers for each frame; the answers become events, and the events are played on the modes of a body of
that material and size, as the sound of a scene is (rigs/impact).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from ..device import choose
from ..weights_file import reading_weights
from .shots import FPS, MATERIALS, Pictures, Rows, windows
from .towers import FEATURES, Eyes

Array = NDArray[np.float64]

WEIGHTS = Path(__file__).parent.parent / "weights" / "impact_foley.safetensors"
WIDTH = 96
WINDOW, OVERLAP = 120, 15  # frames that are watched at once, and how many of them on either side are watched twice


# What the network answers for each frame, and how many numbers that is.
_ANSWERS = {"hit": 1, "strength": 1, "size": 1, "slide": 1, "material": len(MATERIALS)}


class Watcher(nn.Module):
    """(B, T, 3, 96, 96) to one row per frame: a hit now, its strength, its size, sliding; and materials."""

    def __init__(self) -> None:
        super().__init__()
        self.eyes = Eyes()
        self.time = nn.GRU(2 * FEATURES, WIDTH, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * WIDTH, sum(_ANSWERS.values()))

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """`hit` logit, `strength` log m/s, `size` log m, `slide` logit, each (B, T); `material` logits (B, T, 8)."""
        seen, _ = self.time(self.eyes(frames))
        values = self.out(seen)
        parts = values.split(list(_ANSWERS.values()), -1)
        return {name: one if one.shape[-1] > 1 else one[..., 0] for name, one in zip(_ANSWERS, parts, strict=True)}


@dataclass(frozen=True)
class Seen:
    """What a shot shows. Hits: `times` s, `strengths` m/s, `materials` (indices), `sizes` m, `sure` 0..1, each (H,).

    `slides` (T,) 0..1 at 30 frames a second · `material` (8,) what the shot as a whole is thought to be made of.
    """

    times: Array
    strengths: Array
    materials: NDArray[np.int64]
    sizes: Array
    sure: Array
    slides: Array
    material: Array


def watch(
    frames: Iterable[Pictures],
    net: Watcher | None = None,
    threshold: float | None = None,
    device: str = "auto",
    progress: Progress = silent,
    count: int = 0,
) -> Seen:
    """What is seen to happen in a shot.

    Args:
        frames: (96, 96, 3) each, at 30 a second: an array of them, or a `shots.Film`, which is read as it is watched.
        threshold: how sure a hit must be, 0..1; by default what the weights say.
        count: how many frames there are, for `progress`.

    Raises:
        InputError: the weights are missing, or there is no such device.
        Cancelled: progress raised it.
    """
    if net is None:
        net, kept = load_weights()
        threshold = kept if threshold is None else threshold
    threshold = 0.5 if threshold is None else threshold
    place = choose(device)
    net = net.to(place).eval()
    rows, watched = Rows(count), 0
    with torch.inference_mode():
        for part, kept_rows in windows(frames, WINDOW - 2 * OVERLAP, OVERLAP, OVERLAP):
            progress(min(1.0, watched / max(count, watched + len(part))), "Watching the shot")
            answers = net(torch.tensor(part, device=place).permute(0, 3, 1, 2)[None].float() / 255)
            watched += kept_rows.stop - kept_rows.start
            columns = [answers[name][0, kept_rows].reshape(-1, size) for name, size in _ANSWERS.items()]
            rows.add(torch.cat(columns, 1).cpu().numpy())
    progress(1.0, "Watching the shot")
    ends = np.cumsum(list(_ANSWERS.values()))
    told = dict(zip(_ANSWERS, np.split(rows.all(), ends[:-1], axis=1), strict=True))
    return _events({name: told[name] if size > 1 else told[name][:, 0] for name, size in _ANSWERS.items()}, threshold)


def _events(answers: dict[str, Array], threshold: float) -> Seen:
    sure = 1 / (1 + np.exp(-answers["hit"]))
    padded = np.pad(sure, 1)
    peaks = np.flatnonzero((sure >= threshold) & (sure > padded[:-2]) & (sure >= padded[2:]))
    # Two frames next to each other are one hit: the surer stays.
    kept: list[int] = []
    for peak in peaks:
        if kept and peak - kept[-1] < 2:
            kept[-1] = int(max(kept[-1], peak, key=lambda index: sure[index]))
        else:
            kept.append(int(peak))
    at = np.array(kept, int)
    near = np.exp(answers["material"] - answers["material"].max(1, keepdims=True))
    near /= near.sum(1, keepdims=True)
    slides = 1 / (1 + np.exp(-answers["slide"]))
    weight = sure + slides + 1e-3
    whole = (near * weight[:, None]).sum(0) / weight.sum()
    left, right = padded[at], padded[at + 2] if len(at) else np.zeros(0)
    here = sure[at]
    shift = np.clip((right - left) / np.maximum(2 * (2 * here - left - right), 1e-6), -0.5, 0.5)
    # A frame shows what is; the blow lies between the last frame before it and the first after.
    return Seen(
        np.maximum((at + shift) / FPS, 0.0), np.exp(answers["strength"][at]), near[at].argmax(1),
        np.exp(answers["size"][at]), here, slides, whole,
    )  # fmt: skip


def save_weights(net: Watcher, threshold: float, path: str | Path) -> None:
    from safetensors.torch import save_file

    tensors = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"threshold": json.dumps(threshold)})


@lru_cache(maxsize=2)
def load_weights(path: Path = WEIGHTS) -> tuple[Watcher, float]:
    """The network and how sure it must be of a hit. Raises InputError."""
    with reading_weights(path, "threshold", "impact/foley") as (threshold, tensors):
        net = Watcher()
        net.load_state_dict(tensors)
        return net.eval(), float(threshold)


def targets(clip: Any) -> dict[str, NDArray[np.float32]]:
    """What `Watcher` should answer to a `shots.Clip`, each (T,); `weight` says in which frames a hit is known."""
    count = len(clip.frames)
    made = {name: np.zeros(count, np.float32) for name in ("hit", "near", "strength", "size", "slide")}
    material = np.full(count, clip.material, np.int64)
    for time, strength, kind, size in zip(clip.times, clip.strengths, clip.materials, clip.sizes, strict=True):
        frame = min(round(time * FPS), count - 1)
        if strength > np.expm1(made["strength"][frame]):
            made["strength"][frame], made["size"][frame] = np.log(strength), np.log(size)
        made["hit"][frame] = 1
        made["near"][max(0, frame - 1) : frame + 2] = 1
        material[frame] = kind
    made["slide"] = (clip.slides > 0).astype(np.float32)
    return {**made, "material": material}  # pyright: ignore[reportReturnType]
