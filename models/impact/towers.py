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
    """(N, 3, H, W) 0..1 to (N, FEATURES).

    Args:
        watched: how many maps of weights (N, watched, …) come with the pictures: of each, the mean of what is seen
            where it is heavy is told beside the mean and the strongest answer anywhere.
    """

    def __init__(self, width: int = 16, watched: int = 0) -> None:
        super().__init__()
        sizes = (3, width, 2 * width, 4 * width, 6 * width)
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(sizes)):
            stride = 2 if number < 3 else 1  # weights need places
            layers += [
                nn.Conv2d(before, after, 5 if number == 0 else 3, stride, 2 if number == 0 else 1, bias=False),
                nn.GroupNorm(4, after), nn.ReLU(),
            ]  # fmt: skip
        self.layers = nn.Sequential(*layers)
        # The strongest answer anywhere, and the mean: what is seen is small, and may be anywhere.
        self.out = nn.Linear((2 + watched) * sizes[-1], FEATURES)

    def forward(self, pictures: Tensor, weights: Tensor | None = None) -> Tensor:
        seen = self.layers(pictures - 0.5)
        told = [seen.amax((2, 3)), seen.mean((2, 3))]
        if weights is not None:
            places = nn.functional.adaptive_avg_pool2d(weights, (seen.shape[2], seen.shape[3])).square() + 1e-6
            places = places / places.sum((2, 3), keepdim=True)
            told += [torch.einsum("nchw,nhw->nc", seen, place) for place in places.unbind(1)]
        return torch.relu(self.out(torch.cat(told, 1)))


class Eyes(nn.Module):
    """Both towers. (B, T, 3, 96, 96) frames 0..1 to (B, T, 2 · FEATURES).

    The first looks above all at what moves just now, and at what is not always there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look, self.motion = Tower(watched=2), Tower()

    def forward(self, frames: Tensor) -> Tensor:
        batch, count = frames.shape[:2]
        looked = self.look(frames[:, ::LOOKED_AT].flatten(0, 1), moving(frames)[:, ::LOOKED_AT].flatten(0, 1))
        looked = looked.unflatten(0, (batch, -1)).repeat_interleave(LOOKED_AT, 1)[:, :count]
        moved = self.motion(space_time(frames).flatten(0, 1)).unflatten(0, (batch, count))
        return torch.cat([looked, moved], 2)


def moving(frames: Tensor) -> Tensor:
    """(B, T, 3, H, W) to (B, T, 2, H/4, W/4): how much each place differs from two frames ago, and from its mean."""
    small = nn.functional.avg_pool2d(frames.flatten(0, 1), 4).unflatten(0, frames.shape[:2])
    before = torch.cat([small[:, :1], small[:, :1], small], 1)[:, : frames.shape[1]]
    return torch.stack([(small - before).abs().mean(2), (small - small.mean(1, keepdim=True)).abs().mean(2)], 2)


def space_time(frames: Tensor) -> Tensor:
    """(B, T, 3, H, W) frames to images (B, T, 3, H/2, W/2): the grey of the frames before, now and after."""
    grey = nn.functional.avg_pool2d(frames.mean(2), 2)
    before = torch.cat([grey[:, :1], grey[:, :-1]], 1)
    after = torch.cat([grey[:, 1:], grey[:, -1:]], 1)
    now = torch.stack([before, grey, after], 2)
    # What stands still cancels: a still background is no motion.
    return 0.5 + torch.stack([(now[:, :, 0] - grey) * 2, grey - 0.5, (now[:, :, 2] - grey) * 2], 2)
