# SPDX-License-Identifier: GPL-3.0-or-later
"""ObamaNet, the first stage: log-mel bands to eight principal components of twenty mouth points, 200 ms late.

Kumar, Sotelo, Kumar, de Brébisson and Bengio: *ObamaNet: Photo-realistic lip-sync from text*, arXiv 1801.01442, 2017.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...rigs.job import Progress, silent
from .landmarks import MOUTH
from .recurrent import Recipe
from .sounds import log_mel

LOOK_BACK, DELAY = 50, 20  # steps of 10 ms
_AT_ONCE = 4096


class LookBack(nn.Module):
    """An LSTM that hears the last 50 steps of each frame, and no more."""

    def __init__(self, inputs: int, outputs: int, hidden: int = 60) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, sound: Tensor, rest: Tensor) -> Tensor:
        """(B, T, F) to (B, T, outputs); before the beginning the first frame is heard again."""
        before = sound[:, :1].expand(-1, LOOK_BACK - 1, -1)
        windows = torch.cat([before, sound], 1).unfold(1, LOOK_BACK, 1).transpose(2, 3)  # (B, T, 50, F)
        flat = windows.reshape(-1, LOOK_BACK, sound.shape[2])
        last = torch.cat([self.lstm(some)[1][0][-1] for some in flat.split(_AT_ONCE)])
        return self.out(last).reshape(len(sound), sound.shape[1], -1)


RECIPE = Recipe(
    name="obamanet",
    reference="Kumar, Sotelo, Kumar, de Brébisson, Bengio: ObamaNet, arXiv 1801.01442, 2017",
    hears=log_mel,
    build=LookBack,
    fps=100.0,
    delay=DELAY,
    points=MOUTH,
    components=8,
    sequence=48,
    batch=10,
)


def train(data: str | Path, out: str | Path, *, steps: int = 600, progress: Progress = silent) -> dict[str, Any]:
    """See `lessons.train`."""
    from . import lessons

    return lessons.train(RECIPE, data, out, steps=steps, progress=progress)
