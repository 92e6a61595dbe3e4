# SPDX-License-Identifier: GPL-3.0-or-later
"""The beats of a piece of music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

# Beats that are given by hand lie at least this far apart, s: 400 a minute.
_APART = 0.15


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

    @classmethod
    def by_hand(cls, pairs: Sequence[Sequence[float]], seconds: float) -> Beats:
        """From pairs of time s and place in the bar, such as moved markers; those outside `seconds` fall away.

        Raises:
            InputError: fewer than two are left, or they are no such pairs in ascending order.
        """
        try:
            table = np.array(pairs, float).reshape(len(pairs), 2)
        except (TypeError, ValueError) as error:
            raise InputError(
                "Beats are given as pairs of a time in s and a place in the bar, 0 the downbeat."
            ) from error
        places = table[:, 1]
        if (
            not np.isfinite(table).all()
            or (places != np.round(places)).any()
            or (places < 0).any()
            or (places > 11).any()
        ):
            raise InputError("Beats are given as pairs of a time in s and a place in the bar, 0 the downbeat.")
        table = table[(table[:, 0] >= 0) & (table[:, 0] < seconds)]
        steps = np.diff(table[:, 0])
        if not len(steps):
            raise InputError(f"Fewer than two of the given beats lie within the {seconds:.2f} s of music; give more.")
        if steps.min() < _APART:
            late = int(steps.argmin())
            raise InputError(
                f"The given beats at {table[late, 0]:.2f} s and {table[late + 1, 0]:.2f} s are out of order or too "
                "near to each other; move them apart."
            )
        bpm = float(60 / np.median(steps))
        return cls(table[:, 0], table[:, 1].astype(np.int64), bpm, max(2, int(table[:, 1].max()) + 1))

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
