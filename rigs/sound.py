# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound in memory. Reading one from a file is floor 2's work (models/audio)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sound:
    """`samples` (C, N) float32, -1..1; `rate` Hz; `layout` mono, stereo or ambiX (ACN/SN3D)."""

    samples: NDArray[np.float32]
    rate: int
    layout: str = "mono"

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.rate

    def within(self, start: float, seconds: float) -> Sound:
        """The part that begins at `start` s; shorter than `seconds` where the sound ends before."""
        first = round(start * self.rate)
        return replace(self, samples=self.samples[:, first : first + round(seconds * self.rate)])

    def mono(self) -> NDArray[np.float32]:
        """(N,) the mean of the channels; of ambiX the omnidirectional one."""
        if self.layout == "ambiX":
            return self.samples[0]
        return self.samples.mean(axis=0, dtype=np.float32)
