# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding contacts in motion: in the solver's own steps, and in what is left of them at the frame rate.

All with numpy alone. Gravity and places may have any axes, as long as they agree.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MERGED = 0.012  # s: blows closer than this are one
FAINTEST = 0.08  # m/s: a smaller change of velocity is not heard


@dataclass(frozen=True)
class Jump:
    """A blow: `time` s, `step` at which it begins, `change` (3,) m/s of the velocity."""

    time: float
    step: int
    change: Array

    @property
    def size(self) -> float:
        return float(np.linalg.norm(self.change))


def velocity_jumps(places: Array, step: float, gravity: ArrayLike, damping: float = 0.0) -> Array:
    """(S, 3) m/s: what contact did to the velocity at each step, exactly, for a semi-implicit solver such as Bullet.

    Between two steps it does v' = (v + g h)(1 - damping)^h + J/m and x' = x + v' h.

    Args:
        places: (S, 3) m at every step of `step` s.
    """
    velocity = np.diff(places, axis=0) / step
    jumps = np.zeros_like(places)
    if len(velocity) > 1:
        free = (velocity[:-1] + np.asarray(gravity) * step) * (1 - damping) ** step
        jumps[1:-1] = velocity[1:] - free
    return jumps


def hits(jumps: Array, step: float, gravity: float, faintest: float = FAINTEST) -> list[Jump]:
    """The blows among the jumps: what is more than lying on something needs, all within `MERGED` s made one."""
    sizes = np.linalg.norm(jumps, axis=1)
    least = max(faintest, 2.5 * gravity * step)
    width = max(1, round(MERGED / step))
    found, at = [], 0
    over = np.flatnonzero(sizes > least)
    while at < len(over):
        first = int(over[at])
        inside = over[(over >= first) & (over < first + width)]
        found.append(Jump(first * step, first, jumps[inside].sum(0)))
        at = int(np.searchsorted(over, first + width))
    return found


def resting(jumps: Array, step: float, gravity: float) -> NDArray[np.bool_]:
    """(S,): where something carries the body, without a blow. Contacts that flicker count as lasting."""
    sizes = np.linalg.norm(jumps, axis=1)
    width = max(1, round(0.025 / step))
    calm = np.minimum(sizes, 3 * gravity * step)
    mean = np.convolve(calm, np.ones(width) / width, "same")
    return (mean > 0.25 * gravity * step) & (sizes < max(FAINTEST, 2.5 * gravity * step))


# --- from frames alone ----------------------------------------------------------------------------------------------


def arc_hits(places: Array, fps: float, gravity: ArrayLike, faintest: float = 0.3) -> list[Jump]:
    """Blows at frame rate: where two free flights meet, to a fraction of a frame.

    Flight is where the second difference is that of gravity. Between the last frames of one and the first of the next,
    the moment is where the two parabolas are nearest.
    """
    g = np.asarray(gravity, float)
    step = 1 / fps
    if len(places) < 5:
        return []
    bend = (places[2:] - 2 * places[1:-1] + places[:-2]) / step**2 - g
    free = np.zeros(len(places), bool)
    free[1:-1] = np.linalg.norm(bend, axis=1) < 0.12 * max(float(np.linalg.norm(g)), 1.0)
    found = []
    middle = np.flatnonzero(free)
    for before, after in itertools.pairwise(middle):
        if not 2 < after - before <= 4:
            continue
        a, b = before + 1, after - 1  # the frames nearest to the blow that still are on the arcs
        va = (places[a] - places[a - 1]) / step + g * step / 2
        vb = (places[b + 1] - places[b]) / step - g * step / 2
        clock = np.linspace(0, (b - a) * step, 200)[:, None]
        one = places[a] + va * clock + g * clock**2 / 2
        back = clock - (b - a) * step
        other = places[b] + vb * back + g * back**2 / 2
        moment = float(clock[np.argmin(((one - other) ** 2).sum(1)), 0])
        change = (vb + g * (moment - (b - a) * step)) - (va + g * moment)
        if np.linalg.norm(change) > faintest:
            time = a * step + moment
            found.append(Jump(time, int(time * fps), change))
    return found


def acceleration_peaks(places: Array, fps: float, gravity: ArrayLike, faintest: float = 0.3) -> list[Jump]:
    """The simple way: local peaks of the second difference at frames."""
    jumps = np.zeros_like(places)
    jumps[1:-1] = np.diff(places, 2, axis=0) * fps - np.asarray(gravity) / fps
    sizes = np.linalg.norm(jumps, axis=1)
    peaks = [k for k in range(1, len(sizes) - 1) if sizes[k] > faintest and sizes[k - 1] <= sizes[k] > sizes[k + 1]]
    return [Jump(k / fps, k, jumps[k]) for k in peaks]


def jerk_rule(places: Array, fps: float, threshold: float = 10.0) -> list[Jump]:
    """The rule of jerk per axis above a threshold (that of "Bake Collisions To Sounds", in other words), at frames."""
    jerk = np.abs(np.diff(places, 3, axis=0)) * fps**2
    loud = (jerk > threshold).any(1)
    starts = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
    return [Jump((k + 3) / fps, int(k + 3), jerk[k] / fps) for k in starts]


@dataclass(frozen=True)
class Match:
    """`recall`, `precision`, `f1` and the errors' median and 90th percentile, s; `bias` s, positive where late."""

    recall: float
    precision: float
    f1: float
    median: float
    p90: float
    bias: float


def matched(truth: ArrayLike, found: ArrayLike, window: float) -> Match:
    """Times (N,) s against the true ones: each is taken once, by the nearest."""
    truth, found = np.sort(np.asarray(truth, float)), np.sort(np.asarray(found, float))
    gaps = found[:, None] - truth[None]
    pairs = sorted((abs(gaps[i, j]), i, j) for i, j in zip(*np.nonzero(np.abs(gaps) <= window), strict=True))
    seen_i: set[int] = set()
    seen_j: set[int] = set()
    errors = []
    for _, i, j in pairs:
        if i not in seen_i and j not in seen_j:
            seen_i.add(i)
            seen_j.add(j)
            errors.append(gaps[i, j])
    count = len(errors)
    recall, precision = count / max(len(truth), 1), count / max(len(found), 1)
    far = np.abs(errors) if errors else np.array([np.nan])
    return Match(recall, precision, 2 * count / max(len(truth) + len(found), 1), float(np.median(far)),
                 float(np.percentile(far, 90)), float(np.median(errors)) if errors else np.nan)  # fmt: skip


def approaches(gaps: Array, fps: float, touch: float, slowest: float) -> list[tuple[float, float]]:
    """Moments at which a distance (T,) m over time comes down to contact: (time s, closing speed m/s).

    Contact is the first moment below `touch` of each visit; between frames by the closing speed.
    """
    found = []
    near = gaps < touch
    if not len(gaps):
        return found
    for start in np.flatnonzero(near & ~np.concatenate([[True], near[:-1]])):
        speed = (gaps[start - 1] - gaps[start]) * fps
        if start > 1:
            speed = max(speed, (gaps[start - 2] - gaps[start - 1]) * fps)
        if speed < slowest:
            continue
        part = (gaps[start - 1] - touch) / max(gaps[start - 1] - gaps[start], 1e-9)
        found.append(((start - 1 + float(np.clip(part, 0, 1))) / fps, float(speed)))
    return found


def settles(track: Array, start: int, fps: float, within: float, give: float) -> float:
    """The sample, with its part, from which something is down that falls at sample `start` of `track` (T,).

    That is where it comes within `give` of the lowest that it gets before it rises again, at most `within` s later.
    """
    last = start
    while last + 1 < min(len(track), start + round(within * fps) + 1) and track[last + 1] < track[last]:
        last += 1
    goal = track[last] + give
    first = next(k for k in range(start, last + 1) if track[k] <= goal)
    if first == 0 or track[first - 1] <= goal:
        return float(first)
    return first - float((goal - track[first]) / (track[first - 1] - track[first]))
