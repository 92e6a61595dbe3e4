# SPDX-License-Identifier: GPL-3.0-or-later
"""What a captured face would do, on top of articulated curves, as far as each phone lets it.

A `motion` heard from the voice (models/face/natural.py) moves jaw, rounding and parting towards itself, but within what
the phone of the moment is recognised by: a narrow sound stays narrow, an open one open, a round one round. Contacts are
made afterwards, so none is lost; how far the lips roll in them follows the motion too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .articulation_poses import CHANNELS, CONTACTS
from .phones import PHONES, Phones

Array = NDArray[np.float64]

# What a motion holds, (T, M), at any rate, spread evenly over the sound.
MOTION = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthLowerDown", "mouthUpperUp",
    "mouthPress",
)  # fmt: skip

# Phones, and within which jawOpen they look like themselves; others are free within the first row.
_JAW = (
    (" ".join(PHONES), 0.06, 0.26),
    ("sil", 0.0, 0.0),
    ("p b m", 0.03, 0.33),
    ("f v", 0.0, 0.2),
    ("t d th dh s z sh zh ch jh i ih", 0.06, 0.15),
    ("eh a ae aa", 0.18, 0.9),
    ("o ao", 0.06, 0.5),
)
# The same of rounding, mouthPucker + 0.8 · mouthFunnel.
_ROUND = (
    (" ".join(PHONES), 0.0, 0.18),
    ("sil", 0.0, 0.0),
    ("p b m", 0.0, 0.9),
    ("sh zh ch jh", 0.0, 0.45),
    ("o ao oe", 0.27, 0.8),
    ("u w uh yy", 0.48, 0.9),
    ("er r", 0.0, 0.4),
)
_FUNNEL = 0.8
# How far each of MOTION is followed at an amount of 1.
_FOLLOWED = np.array([0.8, 0.75, 0.75, 1.0, 1.0, 0.6, 0.6, 1.0])


def _table(rows: tuple[tuple[str, float, float], ...]) -> Array:
    made = np.zeros((len(PHONES), 2))
    for names, low, high in rows:
        made[[PHONES.index(name) for name in names.split()]] = low, high
    return made


_BOUNDS = np.concatenate([_table(_JAW), _table(_ROUND)], axis=1)


def bounds(phones: Phones, targets: Array, size: tuple[float, float]) -> Array:
    """(N, 4): of each phone the least and most jawOpen, and the least and most rounding; its own target is within.

    Args:
        targets: (N, C) as `articulation.asked` says. size: of the jaw's and the lips' movement.
    """
    made = _BOUNDS[phones.numbers] * np.repeat(size, 2)
    for first, asked in ((0, targets[:, CHANNELS.index("jawOpen")]), (2, rounding(targets))):
        made[:, first] = np.minimum(made[:, first], asked)
        made[:, first + 1] = np.maximum(made[:, first + 1], asked)
    return made


def rounding(curves: Array) -> Array:
    """(T,) of curves (T, C) of CHANNELS."""
    return curves[:, CHANNELS.index("mouthPucker")] + _FUNNEL * curves[:, CHANNELS.index("mouthFunnel")]


def sampled(motion: ArrayLike | None, seconds: float, times: Array) -> Array | None:
    """(T, M) of a motion that is spread evenly over `seconds`, at other times; None where there is none."""
    given = np.asarray([] if motion is None else motion, float)
    if not given.size or given.ndim != 2 or given.shape[1] != len(MOTION):
        return None
    given = np.nan_to_num(given).clip(0, 1)
    place = (times * (len(given) / max(seconds, 1e-9)) - 0.5).clip(0, len(given) - 1)
    before = np.minimum(place.astype(int), max(len(given) - 2, 0))
    share = (place - before)[:, None]
    return given[before] * (1 - share) + given[np.minimum(before + 1, len(given) - 1)] * share


def moved(curves: Array, motion: Array, within: Array, amount: float, size: tuple[float, float]) -> Array:
    """(T, C): the curves, moved towards the motion (T, M) within the bounds (T, 4) of the phones of the moment; where
    a curve is beyond its bounds, on its way to the next phone, it goes no farther.
    """
    jaws, rounds = curves[:, CHANNELS.index("jawOpen")], rounding(curves)
    low, high = np.minimum(within[:, 0], jaws), np.maximum(within[:, 1], jaws)
    least, most = np.minimum(within[:, 2], rounds), np.maximum(within[:, 3], rounds)
    made = curves.copy()
    follow = amount * _FOLLOWED

    def towards(shape: str, size: float) -> Array:
        before = curves[:, CHANNELS.index(shape)]
        at = MOTION.index(shape)
        return before + follow[at] * (size * motion[:, at] - before)

    jaw, lips = size
    made[:, CHANNELS.index("jawOpen")] = towards("jawOpen", jaw).clip(low, high)
    for shape in ("mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp"):
        made[:, CHANNELS.index(shape)] = towards(shape, lips)
    pair = [CHANNELS.index(shape) for shape in ("mouthFunnel", "mouthPucker")]
    have = rounding(made)
    wanted = have.clip(least, most)
    made[:, pair] *= (wanted / np.maximum(have, 1e-6))[:, None]
    # Where there was nothing to enlarge.
    short = np.maximum(wanted - rounding(made), 0)
    made[:, CHANNELS.index("mouthPucker")] += short
    return made


# What the motion's rolls are on the mean where lips, or lip and teeth, touch; how far they go down and up from there.
_USUAL = 0.05
_LEAST = 0.4
_FIRMEST = {True: 1.5, False: 1.0}
_MOST_FREE = 0.12
_ROLLS = ("mouthRollLower", "mouthRollUpper", "mouthPress")


def firmness(motion: Array, lips: bool, amount: float, least: float) -> Array:
    """(T, K) factor of each of CONTACTS: `least` or more, and harder where a captured face rolls its lips."""
    rolled = motion[:, [MOTION.index("mouthRollLower"), MOTION.index("mouthRollUpper")]].mean(1)
    factor = (rolled / _USUAL).clip(_LEAST, _FIRMEST[lips])
    made = np.ones((len(motion), len(CONTACTS)))
    for shape in _ROLLS:
        made[:, CONTACTS.index(shape)] = (1 + amount * (factor - 1)).clip(least, None)
    return made


def rolls(motion: Array) -> dict[str, Array]:
    """By shape (T,): what of the rolls stays outside the contacts."""
    return {shape: motion[:, MOTION.index(shape)].clip(0, _MOST_FREE) for shape in _ROLLS[:2]}
