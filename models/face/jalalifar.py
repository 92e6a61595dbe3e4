# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech-driven facial reenactment, the first of its two nets: an LSTM from sound to the landmarks of the mouth.

Jalalifar, Hasani and Aghajan: *Speech-Driven Facial Reenactment Using Conditional Generative Adversarial Networks*,
arXiv 1803.07461, 2018.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ...rigs.job import Progress, silent
from .landmarks import MOUTH
from .recurrent import Recipe
from .sounds import cepstra_and_energy


class BothWays(nn.Module):
    """It hears a whole stretch before it says anything, so it can wait for nothing."""

    def __init__(self, inputs: int, outputs: int, hidden: int = 64) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, outputs)

    def forward(self, sound: Tensor, rest: Tensor) -> Tensor:
        return self.out(self.lstm(sound)[0])


RECIPE = Recipe(
    name="jalalifar",
    reference="Jalalifar, Hasani, Aghajan: Speech-Driven Facial Reenactment, arXiv 1803.07461, 2018",
    hears=cepstra_and_energy,
    build=BothWays,
    fps=100.0,
    delay=0,
    points=MOUTH,
    components=None,
    batch=64,
)


def train(data: str | Path, out: str | Path, *, steps: int = 1200, progress: Progress = silent) -> dict[str, Any]:
    """See `lessons.train`."""
    from . import lessons

    return lessons.train(RECIPE, data, out, steps=steps, progress=progress)
