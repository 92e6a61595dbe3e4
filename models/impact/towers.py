# SPDX-License-Identifier: GPL-3.0-or-later
"""What sees: one tower of convolutions for how things look, one for how they move.

After Owens et al., Visually Indicated Sounds (CVPR 2016): a colour frame, and a space-time image whose three channels
are the grey frames before, now and after. Their towers were AlexNets; these are small, and learned from nothing.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

FEATURES = 128  # of each tower
LOOKED_AT = 5  # frames between two looks at the colours


class Tower(nn.Module):
    """(N, 3, 96, 96) 0..1 to (N, FEATURES)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = (3, width, 2 * width, 4 * width, 6 * width)
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(sizes)):
            layers += [
                nn.Conv2d(before, after, 5 if number == 0 else 3, 2, 2 if number == 0 else 1, bias=False),
                nn.GroupNorm(4, after), nn.ReLU(),
            ]  # fmt: skip
        self.layers = nn.Sequential(*layers)
        # The strongest answer anywhere, and the mean: what is seen is small, and may be anywhere.
        self.out = nn.Linear(2 * sizes[-1], FEATURES)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = self.layers(pictures - 0.5)
        return torch.relu(self.out(torch.cat([seen.amax((2, 3)), seen.mean((2, 3))], 1)))


class Eyes(nn.Module):
    """Both towers. (B, T, 3, 96, 96) frames 0..1 to (B, T, 2 · FEATURES)."""

    def __init__(self) -> None:
        super().__init__()
        self.look, self.motion = Tower(), Tower()

    def forward(self, frames: Tensor) -> Tensor:
        batch, count = frames.shape[:2]
        looked = self.look(frames[:, ::LOOKED_AT].flatten(0, 1)).unflatten(0, (batch, -1))
        looked = looked.repeat_interleave(LOOKED_AT, 1)[:, :count]
        moved = self.motion(space_time(frames).flatten(0, 1)).unflatten(0, (batch, count))
        return torch.cat([looked, moved], 2)


def space_time(frames: Tensor) -> Tensor:
    """(B, T, 3, H, W) frames to images of the same shape: the grey of the frames before, now and after."""
    grey = frames.mean(2)
    before = torch.cat([grey[:, :1], grey[:, :-1]], 1)
    after = torch.cat([grey[:, 1:], grey[:, -1:]], 1)
    now = torch.stack([before, grey, after], 2)
    # What stands still cancels: a still background is no motion.
    return 0.5 + torch.stack([(now[:, :, 0] - grey) * 2, grey - 0.5, (now[:, :, 2] - grey) * 2], 2)
