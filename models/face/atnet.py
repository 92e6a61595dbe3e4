# SPDX-License-Identifier: GPL-3.0-or-later
"""AT-net, the first stage of ATVGnet: windows of cepstra and the face at rest to six components of 68 landmarks.

Chen, Maddox, Duan and Xu: *Hierarchical Cross-Modal Talking Face Generation with Dynamic Pixel-Wise Loss*, CVPR 2019.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.job import Progress, silent
from ...rigs.sound import Sound
from .recurrent import Recipe
from .sounds import cepstra

FPS = 25.0
WINDOW, COEFFICIENTS = 28, 12  # seven frames of film, four steps of 10 ms each


def windows(sound: Sound) -> NDArray[np.float32]:
    """(T, 336): of each frame of film the 280 ms of twelve coefficients around it."""
    heard = cepstra(sound, COEFFICIENTS)
    frames = -(-len(heard) // 4)
    if not frames:
        return np.zeros((0, WINDOW * COEFFICIENTS), np.float32)
    before = (WINDOW - 4) // 2
    padded = np.pad(heard, ((before, before + 4 * frames - len(heard)), (0, 0)), mode="edge")
    seen = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0)[::4][:frames]  # (T, 12, 28)
    return np.ascontiguousarray(seen.transpose(0, 2, 1).reshape(frames, -1))


class ATNet(nn.Module):
    """Convolutions over each window, the resting face beside it, three layers of LSTM over the frames."""

    def __init__(self, inputs: int, outputs: int, width: int = 16) -> None:
        super().__init__()
        sizes = [1, width, 2 * width, 4 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = []
        for number, (a, b) in enumerate(pairwise(sizes)):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]
            if number in (0, 1, 3):
                layers.append(nn.MaxPool2d(2))
        self.sound = nn.Sequential(*layers)
        self.heard = nn.Sequential(nn.Linear(sizes[-1] * 3, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
        self.face = nn.Sequential(nn.Linear(outputs, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU())
        self.lstm = nn.LSTM(256 + 512, 256, num_layers=3, batch_first=True)
        self.out = nn.Linear(256, outputs)

    def forward(self, sound: Tensor, rest: Tensor) -> Tensor:
        """(B, T, 336) and (B, K) to (B, T, K): how the face differs from its rest, and the rest."""
        batch, frames = sound.shape[:2]
        flat = sound.reshape(-1, 1, WINDOW, COEFFICIENTS)
        heard = torch.cat([self.heard(self.sound(some).flatten(1)) for some in flat.split(1024)])
        face = self.face(rest)[:, None].expand(-1, frames, -1)
        return self.out(self.lstm(torch.cat([heard.reshape(batch, frames, -1), face], 2))[0]) + rest[:, None]


RECIPE = Recipe(
    name="atnet",
    reference="Chen, Maddox, Duan, Xu: Hierarchical Cross-Modal Talking Face Generation, CVPR 2019",
    hears=windows,
    build=ATNet,
    fps=FPS,
    delay=0,
    points=tuple(range(68)),
    components=6,
    sequence=16,
    batch=16,
)


def train(data: str | Path, out: str | Path, *, steps: int = 400, progress: Progress = silent) -> dict[str, Any]:
    """See `lessons.train`."""
    from . import lessons

    return lessons.train(RECIPE, data, out, steps=steps, progress=progress)
