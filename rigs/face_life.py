# SPDX-License-Identifier: GPL-3.0-or-later
"""What a speaking face does besides the mouth: blinks, glances, brows and nods on accents, breath between phrases.

All of it is drawn from a seed and follows the voice where there is one. Sizes and rates are of the literature on people
in conversation: 12 to 20 blinks a minute, the main sequence of saccades (Bahill, Clark and Stark, 1975), nods of 1 to 3
degrees on accents. Loaded in Blender too, hence without scipy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .articulation_contacts import frame_count
from .articulation_poses import columns
from .face import ARKIT_52
from .phones import Phones, those

Array = NDArray[np.float64]

# Name -> (type, smallest, largest), as models/tasks.py checks options; 1 as people do, 0 not at all.
OPTIONS: dict[str, tuple[type, float | None, float | None]] = {
    name: (float, 0, 2) for name in ("blinks", "saccades", "brows", "head", "breath")
}

# What the eyes turn by at full weight of eyeLook…, yaw and pitch, rad: as on the default characters.
EYE_TURN = (0.25, 0.18)

_VOWELS = those("vowel")
# A pause between phrases, and one that is long enough to breathe in, s.
_PHRASE, _BREATHING = 0.18, 0.35
# Blinks: seconds from one to the next (median, and spread of its logarithm), the least; closing, closed and opening.
_BLINK_EVERY, _BLINK_SPREAD, _BLINK_LEAST = 3.3, 0.45, 0.7
_BLINK_TIMES = (0.075, 0.035, 0.130)
# Accents: at least so far apart (s), at so many a second of speech where nothing tells them.
_ACCENT_APART, _ACCENT_RATE = 0.55, 0.7


def live(
    phones: Phones,
    seconds: float,
    fps: float,
    *,
    loudness: ArrayLike | None = None,
    f0: ArrayLike | None = None,
    seed: int = 0,
    blinks: float = 1.0,
    saccades: float = 1.0,
    brows: float = 1.0,
    head: float = 1.0,
    breath: float = 1.0,
) -> tuple[Array, Array, Array]:
    """Weights (T, 52), head (T, 3) rad and gaze (T, 2) rad as in FaceTrack, T = round(seconds · fps).

    Args:
        loudness: dB, any number of values spread evenly over `seconds`.
        f0: Hz, likewise, 0 or not a number where the voice has no pitch.
        blinks, saccades, brows, head, breath: amounts, 0 … 1 … 2.
    """
    times = np.arange(frame_count(seconds, fps)) / fps
    spoken = phones.filled(max(seconds, 1 / fps))
    # Each part has its own chance, so that one slider leaves the others' doings as they are.
    chances = [np.random.default_rng([abs(int(seed)), part]) for part in range(5)]
    weights = np.zeros((len(times), len(ARKIT_52)))
    accents = _accents(spoken, seconds, loudness, f0, chances[0])

    turn = _head(spoken, times, accents, chances[1]) * head
    gaze, shifts = _gaze(spoken, times, seconds, chances[2])
    # Eyes stay on whom they look at while the head nods.
    gaze = gaze * saccades - 0.7 * turn[:, :2] * min(saccades, 1.0)
    _look(weights, gaze)
    lids = _blinks(spoken, times, seconds, fps, shifts, blinks, chances[3])
    _add(weights, "eyeBlink", lids)
    _add(weights, "eyeSquint", 0.25 * lids)
    _brows(weights, times, accents, brows, chances[4])
    _breathe(weights, turn, spoken, times, breath)
    return weights.clip(0, 1), turn, gaze


def _add(weights: Array, shape: str, values: Array) -> None:
    weights[:, columns(shape)] += values[:, None]


def bump(times: Array, start: float, top: float, end: float) -> Array:
    """(T,) a smooth rise from 0 at `start` to 1 at `top` and back to 0 at `end`, s."""
    x = np.interp(times, [start, top, end], [0.0, 1.0, 0.0])
    return x * x * (3 - 2 * x)


def _add_bump(values: Array, times: Array, size: float, start: float, top: float, end: float) -> None:
    low, high = np.searchsorted(times, [start, end])
    values[low:high] += size * bump(times[low:high], start, top, end)


def _pauses(phones: Phones, least: float) -> list[tuple[float, float]]:
    return [
        (float(s), float(e))
        for s, e, name in zip(phones.start, phones.end, phones.names, strict=True)
        if name == "sil" and e - s >= least
    ]


def _accents(
    phones: Phones, seconds: float, loudness: ArrayLike | None, f0: ArrayLike | None, chance: np.random.Generator
) -> list[tuple[float, float]]:
    """Times (s) and sizes 0..1 of the accents: vowels that stand out in pitch or loudness, else long ones by chance."""
    at = [i for i, name in enumerate(phones.names) if name in _VOWELS]
    if not at:
        return []
    middle, long = ((phones.start + phones.end) / 2)[at], (phones.end - phones.start)[at]
    height = _standing_out(f0, seconds, middle, True)
    force = _standing_out(loudness, seconds, middle, False)
    if height is None and force is None:
        z = (long - long.mean()) / (long.std() + 0.02) * 0.5 + chance.normal(size=len(long)) * 0.8
    else:
        z = sum((part for part in (height, force) if part is not None), np.zeros(len(middle)))
        z = z / max(1.0, float(np.std(z)))
    threshold = 1.0
    found: list[tuple[float, float]] = []
    for i in np.argsort(-z, kind="stable"):
        if z[i] < threshold or len(found) > _ACCENT_RATE * seconds + 1:
            break
        if all(abs(middle[i] - time) >= _ACCENT_APART for time, _ in found):
            found.append((float(middle[i]), float(np.clip(0.45 + 0.25 * z[i], 0, 1))))
    return sorted(found)


def _standing_out(values: ArrayLike | None, seconds: float, at: Array, pitch: bool) -> Array | None:
    """How many deviations above the voice's own mean the value at each of these times is; None where there is none."""
    given = np.asarray([] if values is None else values, float).reshape(-1)
    good = np.isfinite(given) & ((given > 0) if pitch else np.ones(len(given), bool))
    if good.sum() < 8:
        return None
    level = np.log2(given[good]) if pitch else given[good]
    own = (np.flatnonzero(good) + 0.5) * (seconds / len(given))
    here = np.interp(at, own, level)
    if not pitch:
        level = here
    return (here - np.mean(level)) / (np.std(level) + (0.04 if pitch else 1.0))


def _blinks(
    phones: Phones, times: Array, seconds: float, fps: float, shifts: Sequence[float], amount: float,
    chance: np.random.Generator,
) -> Array:  # fmt: skip
    """(T,) weight of eyeBlink. A blink moves to a glance, a phrase's end or a pause if one is near."""
    lids = np.zeros(len(times))
    if amount <= 0:
        return lids
    good = np.sort(np.array([*shifts, *(start + 0.1 for start, _ in _pauses(phones, _PHRASE))]))
    at, last = float(chance.uniform(0.3, _BLINK_EVERY)), -9.0
    while at < seconds:
        near = good[np.abs(good - at) < 0.6] if len(good) else good
        if len(near) and chance.random() < 0.65:
            at = float(near[np.abs(near - at).argmin()])
        if at - last >= _BLINK_LEAST:
            size = float(chance.uniform(0.92, 1.0))
            closing, closed, opening = np.array(_BLINK_TIMES) * chance.uniform(0.85, 1.2)
            # A frame must fall on the closed eye, whatever the frame rate.
            middle = min(round(at * fps), len(times) - 1) / fps
            edges = middle + np.array([-closed / 2 - closing, -closed / 2, closed / 2, closed / 2 + opening])
            low, high = np.searchsorted(times, edges[[0, 3]])
            way = np.interp(times[low:high], edges, [0.0, 1.0, 1.0, 0.0])
            lids[low:high] = np.maximum(lids[low:high], size * way * way * (3 - 2 * way))
            last = at
            if chance.random() < 0.07:  # two in a row
                at = last + 0.32
                last -= 1
                continue
        at = max(at, last) + float(np.exp(chance.normal(np.log(_BLINK_EVERY), _BLINK_SPREAD))) / amount
    return lids


def _gaze(phones: Phones, times: Array, seconds: float, chance: np.random.Generator) -> tuple[Array, list[float]]:
    """Pitch and yaw (T, 2) rad, and the times (s) of the larger glances.

    The eyes rest on the listener, with small saccades; speakers look away before they begin and in longer pauses.
    """
    away: list[tuple[float, float, float, float]] = []  # start, end, pitch, yaw
    for start, end in _pauses(phones, _PHRASE):
        if chance.random() < 0.4 and end - start < 6:
            begin = max(start, end - chance.uniform(0.2, 0.7))
            angle = chance.uniform(0.07, 0.17)
            side = chance.choice([-1, 1])
            away.append((begin, end + chance.uniform(0.2, 0.8), angle * chance.uniform(-0.45, 0.5), side * angle))
    keys: list[tuple[float, float, float]] = [(-1.0, 0.0, 0.0)]
    at = 0.0
    while at < seconds:
        at += float(np.exp(chance.normal(np.log(0.75), 0.5)))
        keys.append((at, *chance.normal(0, [0.006, 0.010])))
    keys = [key for key in keys if not any(start <= key[0] < end for start, end, _, _ in away)]
    for start, end, pitch, yaw in away:
        keys += [(start, pitch, yaw), (end, *chance.normal(0, [0.006, 0.010]))]
    keys.sort()
    starts, places = np.array([key[0] for key in keys]), np.array([key[1:] for key in keys])
    last = np.searchsorted(starts, times, side="right") - 1
    old, new = places[np.maximum(last - 1, 0)], places[last]
    # The main sequence: 21 ms and 2.2 ms a degree.
    long = 0.021 + 0.0022 * np.degrees(np.hypot(*(new - old).T))
    x = ((times - starts[last]) / long).clip(0, 1)
    gaze = old + (x * x * (3 - 2 * x))[:, None] * (new - old)
    return gaze, [start for start, *_ in away]


def _look(weights: Array, gaze: Array) -> None:
    """The eyes' shapes, of which the lids are part, for pitch (down) and yaw (to the face's left)."""
    pitch, yaw = gaze[:, 0] / EYE_TURN[1], gaze[:, 1] / EYE_TURN[0]
    _add(weights, "eyeLookDown", np.maximum(pitch, 0))
    _add(weights, "eyeLookUp", np.maximum(-pitch, 0))
    for side, outwards in (("Left", yaw), ("Right", -yaw)):
        weights[:, ARKIT_52.index(f"eyeLookOut{side}")] += np.maximum(outwards, 0)
        weights[:, ARKIT_52.index(f"eyeLookIn{side}")] += np.maximum(-outwards, 0)


def _brows(
    weights: Array, times: Array, accents: list[tuple[float, float]], amount: float, chance: np.random.Generator
) -> None:
    inner, outer = np.zeros(len(times)), np.zeros(len(times))
    for time, size in accents:
        if chance.random() < 0.75:
            rise, fall = chance.uniform(0.16, 0.24), chance.uniform(0.3, 0.5)
            _add_bump(inner, times, 0.32 * size, time - rise, time, time + fall)
            _add_bump(outer, times, 0.22 * size * chance.uniform(0.6, 1.1), time - rise, time + 0.02, time + fall)
    # They are never quite still.
    inner += 0.035 * (1 + _drift(times, chance, (0.11, 0.29)))
    _add(weights, "browOuterUp", amount * outer)
    weights[:, ARKIT_52.index("browInnerUp")] += amount * inner


def _head(phones: Phones, times: Array, accents: list[tuple[float, float]], chance: np.random.Generator) -> Array:
    """Pitch, yaw and roll (T, 3) rad: a slow drift, more while speaking, nods on accents, a tilt where phrases end."""
    talking = (~phones.among(those("pause"))).astype(float)
    level = np.interp(times, (phones.start + phones.end) / 2, talking)
    level = 0.45 + 0.55 * _slow(level, times, 0.5)
    sizes = np.radians([1.0, 1.7, 0.9])
    turn = np.stack([_drift(times, chance, (0.19, 0.33, 0.61)) for _ in range(3)], axis=1) * sizes * level[:, None]
    for time, size in accents:
        depth = np.radians(chance.uniform(1.0, 2.6)) * size
        _add_bump(turn[:, 0], times, -0.35 * depth, time - 0.38, time - 0.16, time + 0.02)
        _add_bump(turn[:, 0], times, depth, time - 0.14, time + 0.08, time + 0.48)
        if chance.random() < 0.4:
            _add_bump(turn[:, 1], times, np.radians(chance.normal(0, 1.4)), time - 0.2, time + 0.1, time + 0.7)
    for start, _ in _pauses(phones, _PHRASE):
        _add_bump(turn[:, 2], times, np.radians(chance.normal(0, 1.3)), start - 0.4, start + 0.15, start + 1.0)
    return turn


def _drift(times: Array, chance: np.random.Generator, rates: Sequence[float]) -> Array:
    """(T,) a slow wander within about ±1, of sines of these rates (Hz) whose phases wander too."""
    total = np.zeros(len(times))
    for rate in rates:
        phase = chance.uniform(0, 2 * np.pi)
        wander = np.sin(2 * np.pi * 0.043 * times * chance.uniform(0.7, 1.4) + chance.uniform(0, 6.3))
        total += np.sin(2 * np.pi * rate * times + phase + 1.5 * wander)
    return total / len(rates)


def _slow(values: Array, times: Array, seconds: float) -> Array:
    """The mean over `seconds` around each moment."""
    step = times[1] - times[0] if len(times) > 1 else 1.0
    reach = max(1, int(seconds / step / 2))
    total = np.cumsum(np.pad(values, (reach + 1, reach), mode="edge"))
    return (total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1)


def _breathe(weights: Array, turn: Array, phones: Phones, times: Array, amount: float) -> None:
    """Before a phrase: the jaw sinks a little, the lips part just not, nostrils and brows rise, the head goes back."""
    air = np.zeros(len(times))
    for start, end in _pauses(phones, _BREATHING):
        if end < phones.seconds - 1e-6:  # else nothing is said after it
            begin = max(start + 0.05, end - 0.55)
            _add_bump(air, times, amount, begin, (begin + end) / 2 + 0.05, end + 0.02)
    weights[:, ARKIT_52.index("jawOpen")] += 0.055 * air
    weights[:, ARKIT_52.index("mouthClose")] += 0.035 * air
    weights[:, ARKIT_52.index("browInnerUp")] += 0.04 * air
    _add(weights, "noseSneer", 0.05 * air)
    turn[:, 0] -= np.radians(0.7) * air
