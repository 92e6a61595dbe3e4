# SPDX-License-Identifier: GPL-3.0-or-later
"""The feet in the beat's time: planted exactly, peeled off over the ball, swung past each other, rolled down."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .curves import settled, through

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# How long (s) a foot that has the time stays in the air.
AIR_SECONDS = 0.36
# The room (m) that a standing foot takes from one that swings past: sideways and lengthwise, from middle to middle.
_ROOM = (0.115, 0.26)
# The least distance (m) between the middle lines of two soles on the floor.
_APART = 0.10


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
    pivoted: tuple[float, float] | None = None  # (until beat, rad): turns with the body on its ball while it stands


@dataclass
class FootTrack:
    """One foot at each moment (T,): `place` (T, 2) m of the ball, `yaw`, `pitch` rad, `height` m over the floor,
    `down` whether it stands, `heel_pivot` 0 turned about the ball, 1 about the heel, `turning` whether its yaw
    changes."""

    place: Array
    yaw: Array
    pitch: Array
    height: Array
    down: Mask
    heel_pivot: Array
    turning: Mask


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
                far = np.hypot(landing.place[0] - before.place[0], landing.place[1] - before.place[1])
                wanted = (AIR_SECONDS + 0.3 * max(0.0, far - 0.3)) * beats_a_second(landing.beat)
                off = max(landing.beat - float(np.clip(wanted, 0.48 * min(gap, 1.0), 0.74 * gap)), free)
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
        # Where one strides, the hips are still on their way to the standing foot when the other leaves.
        keys[landing.off] = abs(1 - on - 0.03 - 0.3 * _striding(left, right, landing, on))
        if landing.weight:
            keys[landing.beat] = abs(1 - on - 0.6 * landing.weight)
            settle = landing.beat + 0.36
            if k + 1 == len(events) or offs[k + 1] > settle + 0.1:
                keys[settle] = abs(1 - on - (0.06 + 0.84 * landing.weight))
        else:
            keys[landing.beat] = abs(1 - on - 0.08)
    return keys


def _striding(left: list[Landing], right: list[Landing], landing: Landing, on: float) -> float:
    """0..1: how far a foot is left behind by the other one when it leaves for `landing`; 1 at 0.6 m."""
    mine, others = (left, right) if on else (right, left)
    before, _ = _standing(mine, landing.off)
    other, _ = _standing(others, landing.off)
    return float(np.clip((np.hypot(*(before - other)) - 0.3) / 0.3, 0, 1))


def track(landings: list[Landing], others: list[Landing], beat: Array, heel: Array, heading: Array) -> FootTrack:
    """One foot over time. `landings` begin with where it stands at first; `heel` (T,) rad is raised besides;
    `heading` (T,) rad is the body's."""
    beats = np.array([landing.beat for landing in landings])
    offs = np.array([landing.off for landing in landings])
    places = np.array([landing.place for landing in landings])
    yaws = np.array([landing.yaw + (landing.pivoted[1] if landing.pivoted else 0.0) for landing in landings])
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
        if landing.pivoted:
            inside = slice(*np.searchsorted(beat, [landing.beat, landing.pivoted[0]]))
            turn = heading[inside]
            if len(turn) > 1:
                share = (turn - turn[0]) / (turn[-1] - turn[0] or 1.0)
                yaw[inside] = landing.yaw + landing.pivoted[1] * share
                pitch[inside] += 0.1 * np.sin(np.pi * np.clip(share, 0, 1))
    rolls = np.array([min(landing.roll, landing.pitch) < 0 for landing in landings], float)
    heel_pivot = rolls[before] + (rolls[index] - rolls[before]) * settled(np.clip((u - 0.15) / 0.7, 0, 1))
    turning = np.abs(np.gradient(yaw, beat)) > 0.06 if len(beat) > 1 else np.zeros(1, bool)
    return FootTrack(place, yaw, pitch, height, down, heel_pivot, turning)


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


def _toward(yaw: float) -> Array:
    return np.array([np.sin(yaw), np.cos(yaw)])


def _standing(others: list[Landing], beat: float) -> tuple[Array, float]:
    """Where the other foot's ball is last set down by `beat`, and its yaw."""
    other = others[max(0, bisect_right(others, beat + 1e-6, key=lambda landing: landing.beat) - 1)]
    return np.array(other.place), other.yaw + (other.pivoted[1] if other.pivoted else 0.0)


def _round_the_other(landings: list[Landing], others: list[Landing]) -> Array:
    """(K, 2) m: how far the way to each landing bends aside, for the foot not to pass through the standing one."""
    result = np.zeros((len(landings), 2))
    for k in range(1, len(landings)):
        landing, before = landings[k], landings[k - 1]
        if landing.pivot:
            continue
        ball, yaw = _standing(others, landing.off)
        along = _toward(yaw)
        # In the standing foot's frame, measured in the room it takes: sideways and lengthwise.
        frame = np.stack([np.array([along[1], -along[0]]) / _ROOM[0], along / _ROOM[1]])
        centre = ball - 0.05 * along
        a = frame @ (np.array(before.place) - 0.05 * _toward(before.yaw) - centre)
        b = frame @ (np.array(landing.place) - 0.05 * _toward(landing.yaw) - centre)
        way = b - a
        length = float(np.linalg.norm(way))
        if length < 0.3:
            continue
        share = float(np.clip(-(a @ way) / length**2, 0, 1))
        if not 0.08 < share < 0.92:
            continue
        aside = a + share * way
        gap = float(np.linalg.norm(aside))
        if gap < 1:
            direction = aside / gap if gap > 0.05 else np.array([way[1], -way[0]]) / length
            bend = np.linalg.inv(frame) @ (direction * (1 - gap))
            result[k] = bend / max(np.sin(np.pi * share) ** 2, 0.4)
    return result


def kept_apart(left: list[Landing], right: list[Landing]) -> None:
    """Move landings that would come to lie on the other foot off it, whatever the size of the steps."""
    order = sorted((feet[k].beat, which, k) for which, feet in enumerate((left, right)) for k in range(1, len(feet)))
    lengthwise = np.linspace(-0.17, 0.07, 7)[:, None]
    for _, which, k in order:
        mine, others = (left, right) if which == 0 else (right, left)
        landing = mine[k]
        if landing.pivot:  # where it stands
            mine[k] = replace(landing, place=mine[k - 1].place)
            continue
        if landing.lift > 0.12:
            continue
        ball, yaw = _standing(others, landing.beat)
        place, standing = np.array(landing.place), ball + lengthwise * _toward(yaw)
        for _ in range(4):
            apart = (place + lengthwise * _toward(landing.yaw))[:, None] - standing
            distance = np.linalg.norm(apart, axis=-1)
            nearest = np.unravel_index(int(distance.argmin()), distance.shape)
            if distance[nearest] >= _APART:
                break
            place = place + apart[nearest] / max(distance[nearest], 1e-3) * (_APART - distance[nearest])
        mine[k] = replace(landing, place=(float(place[0]), float(place[1])))


def contacts(foot: FootTrack) -> tuple[Mask, Mask]:
    """(T,), (T,): heel and ball stand on the floor. A foot that turns does so on its ball."""
    flat = np.abs(foot.pitch) < 0.035
    return foot.down & (flat & ~foot.turning | (foot.pitch < -0.035)), foot.down & (foot.pitch > -0.035)
