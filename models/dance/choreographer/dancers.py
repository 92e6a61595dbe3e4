# SPDX-License-Identifier: GPL-3.0-or-later
"""A group: where each dancer stands, and that none runs into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....rigs.motion import Motion
from ....rigs.skeleton import Rest

Array = NDArray[np.float64]

CLEAR = 0.8  # m, the least between the hips of two dancers


def spots(count: int, spacing: float, paired: bool) -> Array:
    """(count, 2) x, z in m about the origin: rows of a wedge, its point to the front; or, `paired`, two columns."""
    if paired:
        rows = (count + 1) // 2
        places = [((-0.5 if k % 2 else 0.5), -(k // 2)) for k in range(count)]
        if count % 2:
            places[-1] = (0.0, -(rows - 1))
    else:
        places, row = [], 0
        while len(places) < count:
            size = min(row + 1, count - len(places)) if count > 3 else count
            places.extend((k - (size - 1) / 2, -0.9 * row) for k in range(size))
            row += 1
    at = np.array(places, float) * spacing
    return at - [0.0, (at[:, 1].max() + at[:, 1].min()) / 2]


def nearest(motions: Sequence[Motion], rest: Rest) -> float:
    """The least distance (m) over the floor between the hips of any two dancers at any time."""
    frames = min(len(motion) for motion in motions)
    roots = np.stack([(motion.trans[:frames] + rest.joints[0])[:, [0, 2]] for motion in motions])
    least = np.inf
    for k in range(len(roots) - 1):
        least = min(least, float(np.linalg.norm(roots[k + 1 :] - roots[k], axis=-1).min()))
    return least


def on_floor(motions: Sequence[Motion], rest: Rest, spacing: float, paired: bool) -> tuple[list[Motion], float]:
    """The dancers, each moved to a spot of its own, and the spacing (m): what was asked for, or as much more as keeps
    all of them CLEAR of each other."""
    if len(motions) == 1:
        return list(motions), spacing
    while True:
        placed = [
            replace(motion, trans=motion.trans + np.array([x, 0.0, z]))
            for motion, (x, z) in zip(motions, spots(len(motions), spacing, paired), strict=True)
        ]
        if nearest(placed, rest) >= min(CLEAR, 0.95 * spacing):
            return placed, spacing
        spacing *= 1.1
