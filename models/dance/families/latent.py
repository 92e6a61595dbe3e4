# SPDX-License-Identifier: GPL-3.0-or-later
"""What the families that learn from one or two clips share: their poses and way as a few numbers a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....rigs.errors import InputError
from ....rigs.families.space import PATH, Components, Space
from ....rigs.motion import Motion
from ....rigs.skeleton import Rest

Array = NDArray[np.float64]

_PATH_WEIGHT = 3.0  # of the way's spread against one m of the body's


@dataclass(frozen=True)
class Latent:
    """Numbers of unit variance for each frame: principal components of the poses, and the way over the floor.

    `spread` (d,) standard deviations by which they were divided · `centre` (3,) the way's mean.
    """

    space: Space
    components: Components
    spread: Array
    centre: Array

    @classmethod
    def of(cls, motions: Sequence[Motion], rest: Rest, count: int) -> Latent:
        """Raises InputError: less than a second of motion in all."""
        if sum(motion.seconds for motion in motions) < 1:
            raise InputError("There is less than a second of motion to learn from; give a longer one.")
        space = Space.of(motions, rest)
        components = Components.of(np.concatenate([space.body(motion) for motion in motions]), count)
        paths = np.concatenate([space.path(motion) for motion in motions])
        # Small components count for less than large ones, but for more than their size.
        spread = components.spread[0] ** 0.5 * components.spread**0.5
        return cls(space, components, np.concatenate([spread, np.maximum(paths.std(0), 1e-4)]), paths.mean(0))

    @property
    def size(self) -> int:
        return len(self.spread)

    def numbers(self, motion: Motion) -> Array:
        """(T, d)."""
        body = self.components.squeezed(self.space.body(motion))
        return np.concatenate([body, self.space.path(motion) - self.centre], axis=1) / self.spread

    def motion(self, numbers: Array, like: Motion, start: Motion | None = None) -> Motion:
        """The motion of numbers (T, d), at `like`'s rate, from the first place of `start` (`like`) on."""
        values = numbers * self.spread
        return self.space.motion(
            self.components.unfolded(values[:, :-PATH]), values[:, -PATH:] + self.centre, like, start
        )
