# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthesizing Obama, the first stage: 28 features to twenty components of eighteen mouth points, 200 ms late.

Suwajanakorn, Seitz and Kemelmacher-Shlizerman: *Synthesizing Obama: Learning Lip Sync from Audio*, ACM Transactions on
Graphics 36(4), 2017.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...rigs.job import Progress, silent
from .landmarks import MOUTH_18
from .recurrent import Delayed, Recipe
from .sounds import cepstra_and_energy

DELAY = 20  # steps of 10 ms

RECIPE = Recipe(
    name="synthesizing",
    reference="Suwajanakorn, Seitz, Kemelmacher-Shlizerman: Synthesizing Obama, ACM TOG 36(4), 2017",
    hears=cepstra_and_energy,
    build=Delayed,
    fps=100.0,
    delay=DELAY,
    points=MOUTH_18,
    components=20,
)


def train(data: str | Path, out: str | Path, *, steps: int = 1200, progress: Progress = silent) -> dict[str, Any]:
    """See `lessons.train`."""
    from . import lessons

    return lessons.train(RECIPE, data, out, steps=steps, progress=progress)
