# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shot shows, played on a body's modes: a box of that size and material, since its true form is not known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...rigs.impact.contact import contact_modulus, hertz_duration
from ...rigs.impact.materials import Material, material
from ...rigs.impact.modes import Modes, analyse
from ...rigs.impact.synth import RATE, Blow, Rub, jolt, ring, rubbing, thud
from ...rigs.job import Progress, silent
from .shots import FPS

Array = NDArray[np.float64]

_SIZE = 0.3  # m, of the box whose modes are computed; others are scaled
_SIZES = 0.05, 2.0  # m, between which a body is taken to be
_CORNER = 0.01  # m, radius of what touches
GROUND, _GROUND_THICK = "stone", 0.1
SLIDING_SPEED = 0.6  # m/s, that is taken for what is seen to slide
_SHORTEST = 3  # frames that something must slide
# Long films are played in parts of so many s, each of which may ring on so long into the next.
_PART, _TAIL = 30, 12


@lru_cache(maxsize=32)
def _box(name: str) -> Modes:
    x, y, z = _SIZE / 2 * np.array([1.0, 0.8, 0.6])
    corners = np.array([[i * x, j * y, k * z] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return analyse(corners, triangles, material(name), 0.02 * _SIZE, count=60)


def body(name: str, size: float) -> Modes:
    """The box that stands for a thing of that material and longest side in m."""
    return _box(name).scaled(float(np.clip(size, *_SIZES)) / _SIZE)


def stretches(slides: ArrayLike) -> list[tuple[int, int]]:
    """(first frame, the frame after the last) of each stretch in which something slides; (T,) 0..1."""
    on = np.concatenate([[False], np.asarray(slides, float) > 0.5, [False]])
    edges = zip(np.flatnonzero(on[1:] & ~on[:-1]), np.flatnonzero(~on[1:] & on[:-1]), strict=True)
    return [(int(first), int(last)) for first, last in edges if last - first >= _SHORTEST]


def played(*what: Any, **how: Any) -> NDArray[np.float32]:
    """(N,) all of what `played_in_parts` gives."""
    return np.concatenate([np.zeros(0, np.float32), *played_in_parts(*what, **how)])


def played_in_parts(
    times: ArrayLike,
    strengths: ArrayLike,
    materials: list[str],
    sizes: ArrayLike,
    slides: ArrayLike,
    sliding: str,
    seconds: float,
    *,
    seed: int = 0,
    ground: str = GROUND,
    progress: Progress = silent,
) -> Iterator[NDArray[np.float32]]:
    """Pa at one metre, 48 kHz: hits and slides on a floor, half a minute at a time.

    Args:
        times: (H,) s. strengths: (H,) m/s, change of velocity. materials: (H,) their names. sizes: (H,) m, longest
            side. slides: (T,) 0..1 at 30 frames a second, how surely something slides. sliding: its material.
            ground: material of the floor.
    """
    rng = np.random.default_rng(seed)
    count, rings = round(seconds * RATE), np.zeros(0)
    hits = list(zip(np.asarray(times, float), np.asarray(strengths, float), materials, np.asarray(sizes, float),
                    strict=True))  # fmt: skip
    slides = np.asarray(slides, float)
    for begin in range(0, math.ceil(seconds), _PART):
        progress(begin / seconds, "Playing what is seen")
        here = [(time - begin, *hit) for time, *hit in hits if begin <= time < begin + _PART]
        slid = slides[begin * FPS : (begin + _PART) * FPS]
        if here or stretches(slid):
            length = min(count - begin * RATE, (_PART + _TAIL) * RATE)
            sound = _part(here, slid, sliding, material(ground), length, rng)
            sound[: len(rings)] += rings[:length]
        else:
            sound = np.pad(rings, (0, max(0, min(count - begin * RATE, _PART * RATE) - len(rings))))
        yield sound[: _PART * RATE].astype(np.float32)
        rings = sound[_PART * RATE :]
    progress(1.0, "Playing what is seen")


def _part(
    hits: list[Any], slides: Array, sliding: str, ground: Material, length: int, rng: np.random.Generator
) -> Array:
    result = np.zeros(length)
    for name in sorted({*(kind for _, _, kind, _ in hits), sliding}):
        own = material(name)
        usual = float(np.median([size for *_, kind, size in hits if kind == name] or [_SIZE]))
        modes = body(name, usual)
        blows = [_blow(time, speed, own, ground, modes, rng) for time, speed, kind, _ in hits if kind == name]
        rubs = _rubs(slides, own, ground, modes, rng) if name == sliding else []
        result += ring(modes, own, blows, rubs, length)
        result += jolt(modes.mass, modes.mass / own.density, blows, length)
        result += thud(ground, _GROUND_THICK, blows, length)
    return result


def _blow(time: float, speed: float, own: Material, ground: Material, modes: Modes, rng: np.random.Generator) -> Blow:
    corner = modes.positions[rng.integers(len(modes.positions))]
    direction = rng.normal(0, 0.3, 3) + np.array([0.0, 0.0, 1.0])
    impulse = modes.mass * speed * direction / np.linalg.norm(direction)
    return Blow(time, impulse, corner, hertz_duration(modes.mass, contact_modulus(own, ground), _CORNER, speed))


def _rubs(slides: Array, own: Material, ground: Material, modes: Modes, rng: np.random.Generator) -> list[Rub]:
    """One for each stretch in which something is seen to slide."""
    made, rough = [], float(np.hypot(own.roughness, ground.roughness))
    for first, last in stretches(slides):
        knots = np.arange(first, last + 1) / FPS
        speed = np.full(len(knots), SLIDING_SPEED)
        track = np.stack([knots, np.full(len(knots), modes.mass * 9.81), speed], 1)
        force, times = rubbing(track, rough, False, int(rng.integers(1 << 31)))
        points = np.repeat(modes.positions[rng.integers(len(modes.positions))][None], len(times), 0)
        made.append(Rub(float(knots[0]), force, times, points, np.tile([0.0, 0.0, 1.0], (len(times), 1))))
    return made
