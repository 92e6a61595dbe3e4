# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion on a face that speaks: additive poses, mixed over time, that never part the lips of a p, b or m.

The poses are made of the action units that Ekman and Friesen's facial action coding system (1978) gives for each
emotion. Loaded in Blender too, hence without scipy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .articulation import MouthSettings, contact_levels, led
from .articulation_contacts import contacts, frame_count
from .articulation_poses import columns
from .errors import InputError
from .face import ARKIT_52
from .phones import Phones

Array = NDArray[np.float64]
Curve = Sequence[tuple[float, Mapping[str, float]]]

# Emotion -> shape, a pair of left and right named once, -> weight at amount 1.
EMOTIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.50, "mouthDimple": 0.12, "cheekSquint": 0.42, "eyeSquint": 0.22, "browOuterUp": 0.08,
        "mouthUpperUp": 0.06,
    },
    "sad": {
        "browInnerUp": 0.62, "browDown": 0.14, "mouthFrown": 0.42, "mouthShrugLower": 0.22, "eyeSquint": 0.16,
        "eyeLookDown": 0.16, "mouthPucker": 0.04,
    },
    "angry": {
        "browDown": 0.72, "eyeSquint": 0.34, "eyeWide": 0.12, "noseSneer": 0.26, "mouthPress": 0.22, "mouthFrown": 0.20,
        "mouthLowerDown": 0.10, "jawForward": 0.12,
    },
    "surprised": {
        "browInnerUp": 0.68, "browOuterUp": 0.62, "eyeWide": 0.60, "jawOpen": 0.16, "mouthFunnel": 0.06,
    },
    "afraid": {
        "browInnerUp": 0.66, "browOuterUp": 0.12, "browDown": 0.32, "eyeWide": 0.56, "mouthStretch": 0.40,
        "mouthFrown": 0.12, "jawOpen": 0.06,
    },
    "disgusted": {
        "noseSneer": 0.62, "browDown": 0.40, "eyeSquint": 0.36, "cheekSquint": 0.24, "mouthUpperUp": 0.26,
        "mouthShrugUpper": 0.14, "mouthFrown": 0.18,
    },
}  # fmt: skip

# Shapes that part the lips, press them or draw them away: a contact of lips or teeth leaves none of them.
_PARTING = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthLowerDown", "mouthUpperUp", "mouthShrugLower", "mouthShrugUpper",
    "mouthStretch", "mouthFrown",
)  # fmt: skip
_PRESSING = ("mouthPress", "mouthRollLower", "mouthRollUpper")
# Shapes that a rounded mouth leaves room for only in part.
_DRAWING = ("mouthSmile", "mouthStretch", "mouthFrown", "mouthDimple")
_MOST = 1.5


def pose(mix: Mapping[str, float]) -> Array:
    """(52,) the sum of these emotions' poses, each times its amount. Raises InputError."""
    total = np.zeros(len(ARKIT_52))
    for name, amount in mix.items():
        if name not in EMOTIONS:
            raise InputError(f"There is no emotion {name!r}; choose of {', '.join(EMOTIONS)}.")
        if not (isinstance(amount, int | float) and math.isfinite(amount) and 0 <= amount <= _MOST):
            raise InputError(f"The amount of {name} must lie within 0 and {_MOST}, not at {amount}.")
        for shape, weight in EMOTIONS[name].items():
            total[columns(shape)] += amount * weight
    return total


def read_curve(text: str) -> list[tuple[float, dict[str, float]]]:
    """ "happy", "happy 0.7 + sad 0.2", or with times in s "0: neutral; 2.5: happy 0.8; 4: angry". Raises InputError."""
    curve: list[tuple[float, dict[str, float]]] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        time, colon, mixed = part.rpartition(":")
        mix: dict[str, float] = {}
        try:
            start = float(time) if colon else 0.0
            for item in mixed.split("+"):
                name, _, amount = item.strip().partition(" ")
                mix[name.lower()] = float(amount) if amount.strip() else 1.0
        except ValueError as error:
            raise InputError(f"The emotion {part!r} cannot be read; write for example 0: happy 0.7; 3: sad.") from error
        pose(mix)
        curve.append((start, mix))
    return sorted(curve, key=lambda key: key[0])


def express(curve: Curve, seconds: float, fps: float) -> Array:
    """(T, 52) what the emotions of `curve`, pairs of a time in s and amounts by name, add to the face; smooth between.

    Before the first time and after the last one the emotion stays as it is there.

    Raises:
        InputError: an emotion is unknown, an amount or a time no number within its bounds.
    """
    times = np.arange(frame_count(seconds, fps)) / fps
    if not len(curve):
        return np.zeros((len(times), len(ARKIT_52)))
    keys = np.array([float(time) for time, _ in curve])
    if not np.isfinite(keys).all() or (np.diff(keys) < 0).any():
        raise InputError("The times of the emotions must be numbers in ascending order; sort them.")
    poses = np.stack([pose(mix) for _, mix in curve])
    after = np.searchsorted(keys, times, side="right").clip(0, len(keys) - 1)
    before = np.maximum(after - 1, 0)
    x = ((times - keys[before]) / np.maximum(keys[after] - keys[before], 1e-6)).clip(0, 1)[:, None]
    return (poses[before] + x * x * (3 - 2 * x) * (poses[after] - poses[before])).clip(0, 1)


def felt(layers: Sequence[tuple[Curve, float]], seconds: float, fps: float) -> Array | None:
    """(T, 52) the sum of emotion curves, each times its amount; None where there are none. Raises InputError."""
    shown = [amount * express(curve, seconds, fps) for curve, amount in layers if len(curve) and amount]
    return sum(shown[1:], shown[0]) if shown else None


def combine(
    mouth: Array,
    life: Array | None = None,
    emotion: Array | None = None,
    *,
    phones: Phones,
    fps: float,
    settings: MouthSettings | None = None,
) -> Array:
    """(T, 52) the sum of the mouth's curves and the other two layers, with every contact of the mouth as it was.

    `phones` and `settings` are those that `mouth` was made of.
    """
    added = np.zeros_like(mouth)
    for layer in (life, emotion):
        if layer is not None:
            added += layer
    seconds = len(mouth) / fps
    led_phones = led(phones, settings or MouthSettings()).filled(seconds)
    times = np.arange(len(mouth)) / fps
    lips, teeth, hissing = contact_levels(led_phones, times, contacts(led_phones, seconds, fps))

    free = 1 - np.maximum(lips, teeth)
    for shape in _PARTING:
        added[:, columns(shape)] *= free[:, None]
    for shape in _PRESSING:
        added[:, columns(shape)] *= (1 - teeth)[:, None]
    added[:, ARKIT_52.index("jawOpen")] *= 1 - hissing
    rounded = np.maximum(mouth[:, ARKIT_52.index("mouthPucker")], mouth[:, ARKIT_52.index("mouthFunnel")])
    for shape in _DRAWING:
        added[:, columns(shape)] *= (1 - 0.8 * np.minimum(rounded / 0.5, 1))[:, None]
    # An eye that is shut is not opened wide, nor squinted.
    total = mouth + added
    for side in ("Left", "Right"):
        shut = np.minimum(total[:, ARKIT_52.index(f"eyeBlink{side}")], 1)
        for shape in ("eyeWide", "eyeSquint"):
            total[:, ARKIT_52.index(f"{shape}{side}")] *= 1 - shut
    return total.clip(0, 1)


def suggest(
    f0: ArrayLike, loudness: ArrayLike, seconds: float, *, effort: ArrayLike | None = None, window: float = 2.5
) -> list[tuple[float, dict[str, float]]]:
    """An emotion curve guessed from the voice by rules of prosody (after Banse and Scherer, 1996), a key a `window`.

    Loud, lively and high is happy, or surprised where the pitch leaps; loud, hard and less lively is angry; quiet, low
    and level is sad; quiet and high is afraid. Each is judged against the clip's own voice, so a voice that never
    changes is neutral. The amounts stay below 0.7: it is a start for the animator, not a finding.

    Args:
        f0: Hz, 0 or not a number where there is no pitch; `loudness` dB; `effort` 0..1; each of any number of values
            spread evenly over `seconds`.
    """
    pitch, level = np.asarray(f0, float).reshape(-1), np.asarray(loudness, float).reshape(-1)
    count = max(1, round(seconds / window))
    if len(pitch) < 2 * count or len(level) < 2 * count:
        return [(0.0, {"neutral": 1.0})]
    tones = np.where(np.isfinite(pitch) & (pitch > 0), 12 * np.log2(np.maximum(np.nan_to_num(pitch), 1) / 100), np.nan)
    rows = []
    for part, sound in zip(np.array_split(tones, count), np.array_split(level, count), strict=True):
        voiced = part[np.isfinite(part)]
        heard = sound[np.isfinite(sound)]
        if len(voiced) < 0.15 * len(part) or not len(heard):
            rows.append([np.nan] * 4)
            continue
        rows.append([voiced.mean(), voiced.std(), np.percentile(voiced, 95) - voiced.mean(), np.percentile(heard, 80)])
    table = np.array(rows)
    if np.isfinite(table).all(1).sum() < 2:
        return [(0.0, {"neutral": 1.0})]
    # Deviations from the clip's own middle, in units that are audible: 2 semitones, 1 semitone, 2 semitones, 4 dB.
    middle = np.nanmedian(table, axis=0)
    height, lively, leap, force = ((table - middle) / [2.0, 1.0, 2.0, 4.0]).T
    hard = force if effort is None else force + _means(effort, count)
    amounts = {
        "happy": 0.45 * lively + 0.35 * height + 0.2 * force,
        "surprised": 0.5 * leap + 0.5 * height - 0.2 * hard,
        "angry": 0.6 * hard - 0.3 * lively + 0.15 * height,
        "sad": -0.4 * force - 0.3 * height - 0.4 * lively,
        "afraid": 0.6 * height - 0.5 * force - 0.2 * lively,
    }
    curve: list[tuple[float, dict[str, float]]] = []
    for index in range(count):
        time = (index + 0.5) * seconds / count
        found = {name: float(values[index]) for name, values in amounts.items() if np.isfinite(values[index])}
        best = max(found, key=found.__getitem__) if found else ""
        strength = min(0.7, 0.6 * (found[best] - 0.4)) if best else 0.0
        curve.append((round(time, 3), {best: round(strength, 3)} if strength > 0.05 else {"neutral": 1.0}))
    return curve


def _means(values: ArrayLike, count: int) -> Array:
    given = np.nan_to_num(np.asarray(values, float).reshape(-1), nan=0.5)
    if len(given) < count:
        return np.zeros(count)
    means = np.array([part.mean() for part in np.array_split(given, count)])
    return (means - np.median(means)) / 0.15
