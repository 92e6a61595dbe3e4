# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways: how far the root of a motion has to go while its steps are not given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...rigs.errors import InputError
from .beat_frames import ROOT

Array = NDArray[Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Way:
    """From frame `start` to `stop` the root goes `left`, `forward` m (as it faces at the start), turning `turn` rad."""

    start: int
    stop: int
    left: float
    forward: float
    turn: float


def _runs(free: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _steps(root: Array) -> tuple[Array, Array, Array]:
    """Headings before each step of `root` (T, 3), and its steps to the left and forward as seen at the start."""
    heading = np.concatenate([[0.0], np.cumsum(root[:-1, 2])])
    sine, cosine = np.sin(heading), np.cos(heading)
    return heading, cosine * root[:, 0] + sine * root[:, 1], cosine * root[:, 1] - sine * root[:, 0]


def way_columns(ways: Sequence[Way], frames: int) -> Array:
    """(T, 4): the mean step and turn of the way that a frame lies on, and whether it lies on one."""
    result = np.zeros((frames, 4))
    for way in ways:
        span = way.stop - way.start
        result[way.start : way.stop] = [way.left / span / 0.03, way.forward / span / 0.03, way.turn / span / 0.1, 1]
    return result


def way_to_go(frames: Array, known: Mask, told: bool) -> Array:
    """(T, 4) for training: how far the root goes while its path is not known, if that is to be told."""
    ways = []
    if told:
        for start, stop in _runs(~known[:, ROOT].any(axis=1)):
            root = np.asarray(frames[start:stop, ROOT], float)
            _, left, forward = _steps(root)
            ways.append(Way(start, stop, left.sum(), forward.sum(), root[:, 2].sum()))
    return way_columns(ways, len(frames))


def ways_between(path: ArrayLike | None, known: Mask) -> list[Way]:
    """The ways between places of `path` (T, 3) x, z, heading that are given (not NaN) at both ends of a free run."""
    if path is None:
        return []
    path = np.asarray(path, float)
    if path.shape != (len(known), 3):
        raise InputError(f"A path of shape {path.shape} does not fit {len(known)} frames; give ({len(known)}, 3).")
    given = np.isfinite(path).all(axis=1)
    ways = []
    for start, stop in _runs(~known[:, ROOT].any(axis=1)):
        stops = [k for k in range(start, min(stop, len(path) - 1) + 1) if given[k]]
        for a, b in pairwise(stops):
            (x, z), heading = path[b, :2] - path[a, :2], path[a, 2]
            left, forward = np.cos(heading) * x - np.sin(heading) * z, np.sin(heading) * x + np.cos(heading) * z
            ways.append(Way(a, b, float(left), float(forward), float(path[b, 2] - heading)))
    return ways


def led(root: Array, ways: Sequence[Way]) -> Array:
    """`root` (T, 3) with what each way lacks spread over it, most in its middle."""
    root = root.copy()
    for way in ways:
        part = root[way.start : way.stop]
        weight = np.sin(np.pi * (np.arange(len(part)) + 0.5) / len(part)) ** 2
        weight /= weight.sum()
        part[:, 2] += weight * (way.turn - part[:, 2].sum())
        heading, left, forward = _steps(part)
        left, forward = weight * (way.left - left.sum()), weight * (way.forward - forward.sum())
        sine, cosine = np.sin(heading), np.cos(heading)
        part[:, 0] += cosine * left - sine * forward
        part[:, 1] += sine * left + cosine * forward
    return root
