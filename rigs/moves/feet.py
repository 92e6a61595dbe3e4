# SPDX-License-Identifier: GPL-3.0-or-later
"""The feet in the beat's time: planted exactly, peeled off over the ball, swung past each other, rolled down."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .curves import settled, through

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# How long (s) a foot that has the time stays in the air.
AIR_SECONDS = 0.36
# The least distance (m) between the balls of two feet that pass each other.
CLEARANCE = 0.17


@dataclass(frozen=True)
class Landing:
    """A foot is set down, in the world: x, z m of the ball, yaw rad; the rest as in `Step`. `off` is when it leaves."""

    beat: float
    place: tuple[float, float]
    yaw: float
    weight: float
    lift: float
    pitch: float
    air: float | None
    roll: float
    slide: bool
    pivot: bool
    height: float = 1.0  # scale of the swing
    off: float = 0.0
    turned: tuple[float, float, float] | None = None  # (from beat, to beat, rad): turns on its ball while it stands


@dataclass
class FootTrack:
    """One foot at each moment (T,): `place` (T, 2) m of the ball, `yaw`, `pitch` rad, `height` m over the floor,
    `down` whether it stands, `heel_pivot` 0 turned about the ball, 1 about the heel."""

    place: Array
    yaw: Array
    pitch: Array
    height: Array
    down: Mask
    heel_pivot: Array = field(default_factory=lambda: np.zeros(0))


def timed(left: list[Landing], right: list[Landing], beats_a_second: Callable[[float], float]) -> None:
    """Fill in when each foot leaves the floor: late enough for the weight to be on the other one."""
    feet = (left, right)
    for mine, other in (feet, feet[::-1]):
        others = np.array([landing.beat for landing in other])
        for k in range(1, len(mine)):
            landing, before = mine[k], mine[k - 1]
            earlier = others[others < landing.beat - 1e-6]
            free = before.beat + (0.06 if before.lift == 0 else 0.0)
            if landing.air is not None:
                off = max(landing.beat - landing.air, free)
            else:
                gap = landing.beat - max(before.beat, earlier[-1] if len(earlier) else -np.inf)
                wanted = AIR_SECONDS * beats_a_second(landing.beat)
                off = max(landing.beat - float(np.clip(wanted, 0.48 * gap, 0.74 * gap)), free)
            mine[k] = replace(landing, off=min(off, landing.beat - 0.05))


def weight_keys(left: list[Landing], right: list[Landing]) -> dict[float, float]:
    """Share of the left foot in bearing the body, by beat: off a foot before it leaves, on it after it has landed."""
    keys: dict[float, float] = {}
    events = sorted(
        [(landing, 1.0) for landing in left[1:] if not landing.pivot]
        + [(landing, 0.0) for landing in right[1:] if not landing.pivot],
        key=lambda event: event[0].beat,
    )
    offs = [landing.off for landing, _ in events]
    for k, (landing, on) in enumerate(events):
        jumped = any(
            other.off < landing.beat - 0.02 and other.beat > landing.off + 0.02 and side != on
            for other, side in events[max(0, k - 3) : k + 4]
        )
        if jumped:
            keys[landing.beat] = 0.5 if landing.weight else 1 - on
            continue
        keys[landing.off] = abs(1 - on - 0.03)
        if landing.weight:
            keys[landing.beat] = abs(1 - on - 0.6 * landing.weight)
            settle = landing.beat + 0.36
            if k + 1 == len(events) or offs[k + 1] > settle + 0.1:
                keys[settle] = abs(1 - on - (0.06 + 0.84 * landing.weight))
        else:
            keys[landing.beat] = abs(1 - on - 0.08)
    return keys


def track(landings: list[Landing], others: list[Landing], beat: Array, heel: Array) -> FootTrack:
    """One foot over time. `landings` begin with where it stands at first; `heel` (T,) rad is raised besides."""
    beats = np.array([landing.beat for landing in landings])
    offs = np.array([landing.off for landing in landings])
    places = np.array([landing.place for landing in landings])
    yaws = np.array([landing.yaw + (landing.turned[2] if landing.turned else 0.0) for landing in landings])
    arriving = np.array([landing.yaw for landing in landings])
    lifts = np.array([landing.lift for landing in landings])
    slides = np.array([landing.slide for landing in landings])
    pivots = np.array([landing.pivot for landing in landings])
    heights = np.array([landing.height for landing in landings])

    index = np.clip(np.searchsorted(beats, beat, side="left"), 1, len(beats) - 1)
    before = index - 1
    u = np.clip((beat - offs[index]) / (beats[index] - offs[index]), 0, 1)
    change = places[index] - places[before]
    distance = np.linalg.norm(change, axis=1)
    forth = settled(np.clip(u / 0.94, 0, 1))
    place = places[before] + change * forth[:, None]
    place += _round_the_other(landings, others)[index] * (np.sin(np.pi * forth) ** 2)[:, None]
    yaw = yaws[before] + (arriving[index] - yaws[before]) * settled(u)

    turn = np.abs(arriving[index] - yaws[before])
    size = np.clip(0.012 + 0.13 * distance + 0.02 * turn, 0.02, 0.075) * heights[index]
    size = np.where(slides[index], 0.004, np.where(pivots[index], 0.0, size))
    # Up quickly, down with some speed: a foot that settles down without any seems to float.
    bump = 0.7 * 16 * (u * (1 - u)) ** 2 + 0.3 * 6.75 * u * u * (1 - u)
    raised = np.maximum(lifts[before], lifts[index])
    height = lifts[before] + (lifts[index] - lifts[before]) * settled(u) + size * bump * (raised < 0.1)

    standing = (lifts[before] == 0) & (u <= 0)
    landed = (lifts[index] == 0) & (u >= 1)
    down = standing | landed | (pivots[index] & (lifts[before] == 0))
    pitch = _pitch(landings, beat) + heel
    for landing in landings:
        if landing.turned:
            first, last, angle = landing.turned
            inside = slice(*np.searchsorted(beat, [landing.beat, last]))
            share = settled(np.clip((beat[inside] - first) / (last - first), 0, 1))
            yaw[inside] = landing.yaw + angle * share
            pitch[inside] += 0.1 * np.sin(np.pi * share)
    rolls = np.array([min(landing.roll, landing.pitch) < 0 for landing in landings], float)
    heel_pivot = rolls[before] + (rolls[index] - rolls[before]) * settled(np.clip((u - 0.15) / 0.7, 0, 1))
    return FootTrack(place, yaw, pitch, height, down, heel_pivot)


def _pitch(landings: list[Landing], beat: Array) -> Array:
    """Peel off over the ball, point the toes in the air, land on ball or heel, roll down."""
    keys: list[tuple[float, float]] = [(landings[0].beat, landings[0].pitch)]
    for before, landing in itertools.pairwise(landings):
        air = landing.beat - landing.off
        if landing.pivot:
            keys += [(landing.off, before.pitch), ((landing.off + landing.beat) / 2, 0.12), (landing.beat, 0.0)]
            continue
        far = float(np.hypot(landing.place[0] - before.place[0], landing.place[1] - before.place[1]))
        size = float(np.clip(far / 0.35 + landing.lift / 0.2, 0.25, 1.0)) * min(landing.height, 1.2)
        if landing.slide:
            size *= 0.3
        if before.lift == 0:
            keys += [(landing.off - 0.3 * air, before.pitch), (landing.off, max(before.pitch, 0.45 * size))]
        else:
            keys.append((landing.off, before.pitch))
        if landing.lift:
            keys.append((landing.beat, landing.pitch))
            continue
        keys.append((landing.off + 0.45 * air, max(0.4 * size, landing.pitch * 0.8)))
        touch = landing.pitch if landing.pitch else landing.roll * (size if landing.roll > 0 else min(1.0, 0.4 + size))
        keys.append((landing.beat, touch))
        if landing.pitch == 0:
            keys.append((landing.beat + 0.14, 0.0))
    kept = [keys[0]]
    for at, value in sorted(keys[1:], key=lambda key: key[0]):
        if at > kept[-1][0] + 0.015:
            kept.append((at, value))
        else:
            kept[-1] = (kept[-1][0], value)
    times, values = np.array(kept).T
    return through(times, values[:, None], beat)[:, 0]


def _round_the_other(landings: list[Landing], others: list[Landing]) -> Array:
    """(K, 2) m: how far the way to each landing bends aside, for the foot not to pass through the standing one."""
    result = np.zeros((len(landings), 2))
    beats = np.array([other.beat for other in others])
    for k in range(1, len(landings)):
        landing, a, b = landings[k], np.array(landings[k - 1].place), np.array(landings[k].place)
        other = np.array(others[max(0, int(np.searchsorted(beats, landing.off, side="right")) - 1)].place)
        way = b - a
        length = float(np.linalg.norm(way))
        if length < 0.05 or landing.pivot:
            continue
        along = float(np.clip((other - a) @ way / length**2, 0, 1))
        if not 0.1 < along < 0.9:
            continue
        aside = a + along * way - other
        gap = float(np.linalg.norm(aside))
        if gap >= CLEARANCE:
            continue
        across = np.array([way[1], -way[0]]) / length
        direction = aside / gap if gap > 0.02 else across
        result[k] = direction * (CLEARANCE - gap) / max(np.sin(np.pi * along) ** 2, 0.4)
    return result


def contacts(foot: FootTrack) -> tuple[Mask, Mask]:
    """(T,), (T,): heel and ball stand on the floor."""
    return foot.down & (np.abs(foot.pitch) < 0.035) | foot.down & (foot.pitch < 0), foot.down & (foot.pitch > -0.035)
