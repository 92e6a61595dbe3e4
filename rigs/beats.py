# SPDX-License-Identifier: GPL-3.0-or-later
"""The beats of a piece of music."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Beats:
    """`times` (B,) s ascending; `positions` (B,) place in the bar, 0 on the downbeat; `bpm`; `metre` beats a bar.

    `confidence` 0..1 says how far the tempo stood out; 0 for music in which no beat was found (B may then be a plain
    grid at the default tempo, so that a dance is still possible).
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64]
    bpm: float
    metre: int
    confidence: float = 1.0

    def within(self, start: float, seconds: float) -> Beats:
        """The beats of a part of the music, their times counted from its `start` s."""
        kept = (self.times >= start) & (self.times < start + seconds)
        return replace(self, times=self.times[kept] - start, positions=self.positions[kept])

    def to_dict(self) -> dict[str, Any]:
        return {
            "times": [round(float(t), 6) for t in self.times],
            "positions": [int(p) for p in self.positions],
            "bpm": self.bpm,
            "metre": self.metre,
            "confidence": self.confidence,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Beats:
        return cls(
            np.asarray(fields["times"], float),
            np.asarray(fields["positions"], np.int64),
            float(fields["bpm"]),
            int(fields["metre"]),
            float(fields.get("confidence", 1.0)),
        )
