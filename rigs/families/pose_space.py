# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose space: a motion's own principal components as sliders.

Linear subspaces of motion as in Shapiro, Cao, Faloutsos, "Style Components", Graphics Interface 2006, and Tilmanne,
Dutoit, "Expressive Gait Synthesis Using PCA and Gaussian Modeling", MIG 2010. numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..motion import Motion
from ..skeleton import Rest
from .space import Components, Space

Array = NDArray[np.float64]

COMPONENTS = 6


@dataclass(frozen=True)
class PoseSpace:
    """The linear subspace in which a motion's poses lie."""

    space: Space
    components: Components

    @classmethod
    def of(cls, motion: Motion, rest: Rest, count: int = COMPONENTS) -> PoseSpace:
        """Learned from a motion on the body's skeleton.

        Raises:
            InputError: fewer than 3 frames, or `count` is less than 1.
        """
        if len(motion) < 3:
            raise InputError(f"A motion of {len(motion)} frames has no pose space; give 3 frames at least.")
        if count < 1:
            raise InputError(f"A pose space needs one component at least, not {count}.")
        space = Space.of([motion], rest)
        return cls(space, Components.of(space.body(motion), count))

    def coordinates(self, motion: Motion) -> Array:
        """(T, k) in standard deviations of the motion that was learned from."""
        return self.components.squeezed(self.space.body(motion)) / self.components.spread

    def edited(
        self, motion: Motion, gains: Sequence[float] = (), offsets: Sequence[float] = (), only: bool = False
    ) -> Motion:
        """The motion with its coordinates multiplied by `gains` and moved by `offsets` (standard deviations).

        What lies outside the subspace stays, unless `only` the subspace is wanted. The way over the floor stays.

        Args:
            gains, offsets: one for each of the first components; for the others 1 and 0.

        Raises:
            InputError: more numbers than components, or one that is not finite.
        """
        count = len(self.components.spread)
        gain, offset = np.ones(count), np.zeros(count)
        for name, given, into in (("gains", gains, gain), ("offsets", offsets, offset)):
            if len(given) > count:
                raise InputError(f"There are {len(given)} {name}, but this motion has {count} components; give fewer.")
            into[: len(given)] = given
            if not np.isfinite(into).all():
                raise InputError(f"The {name} must be plain numbers.")
        body = self.space.body(motion)
        here = self.components.squeezed(body)
        there = here * gain + offset * self.components.spread
        changed = self.components.unfolded(there) if only else body + (there - here) @ self.components.basis
        return self.space.reposed(motion, changed)
