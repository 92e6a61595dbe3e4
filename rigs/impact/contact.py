# SPDX-License-Identifier: GPL-3.0-or-later
"""The blow of two bodies: how long it lasts, and the force of it on a clock of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .materials import Material

Array = NDArray[np.float64]

# s; shorter ones than the first have no audible difference, longer ones are no blow.
SHORTEST, LONGEST = 2e-5, 0.03


def contact_modulus(one: Material, other: Material) -> float:
    """Pa: E* of two elastic bodies, 1/E* = sum of (1 - nu²)/E."""
    return 1 / ((1 - one.poisson**2) / one.young + (1 - other.poisson**2) / other.young)


def combined(one: float, other: float) -> float:
    """1/(1/a + 1/b), of radii (m) or masses (kg); an infinite one leaves the other."""
    return 1 / (1 / one + 1 / other)


def hertz_duration(mass: float, modulus: float, radius: float, speed: float) -> float:
    """s that an elastic blow of two round bodies lasts: 2.868 (m²/(E*² R v))^(1/5) (Hertz 1882; Johnson 1985).

    Args:
        mass: kg, reduced. modulus: Pa, E*. radius: m, reduced. speed: m/s at which they meet.
    """
    speed = max(speed, 1e-3)
    return float(np.clip(2.868 * (mass**2 / (modulus**2 * radius * speed)) ** 0.2, SHORTEST, LONGEST))


def flat_duration(mass: float, modulus: float, area: float) -> float:
    """s that a blow of two flat faces of `area` m² lasts: half a period of the mass on k = 2E* sqrt(A/pi)."""
    stiffness = 2 * modulus * np.sqrt(area / np.pi)
    return float(np.clip(np.pi * np.sqrt(mass / stiffness), SHORTEST, LONGEST))


def pulses(
    times: ArrayLike, durations: ArrayLike, rate: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Half sines of unit impulse as sample averages, which keeps the impulse exactly and does not alias to hearing.

    Args:
        times, durations: (E,) s, begin and length of each.

    Returns:
        samples (K,), which event each belongs to (K,), and the share of its impulse (K,); those outside are left out.
    """
    times, durations = np.atleast_1d(np.asarray(times, float)), np.atleast_1d(np.asarray(durations, float))
    first = np.floor(times * rate).astype(np.int64)
    counts = np.floor((times + durations) * rate).astype(np.int64) - first + 1
    event = np.repeat(np.arange(len(times)), counts)
    sample = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[event]

    def until(moment: Array) -> Array:
        part = np.clip((moment - times[event]) / durations[event], 0, 1)
        return (1 - np.cos(np.pi * part)) / 2

    share = until((sample + 1) / rate) - until(sample / rate)
    inside = (sample >= 0) & (sample < length)
    return sample[inside].astype(np.int64), event[inside].astype(np.int64), share[inside].astype(float)


def local_radius(vertices: Array, triangles: NDArray[np.int64], point: ArrayLike, size: float) -> float:
    """m: radius of curvature of a surface where it is touched, from the directions of the faces round the point.

    A corner or an edge counts as rounded, by a fiftieth of `size`; a flat face as a ball three times `size`.
    """
    corners = vertices[triangles]
    centres = corners.mean(1)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(areas, 1e-30)[:, None]
    # Nearness to a triangle: to the nearest of its corners and its centre.
    near = np.concatenate([corners, centres[:, None]], 1) - np.asarray(point, float)
    distance = np.sqrt((near**2).sum(-1).min(1))
    order = np.argsort(distance)[: min(16, len(distance))]
    chosen = order[distance[order] <= distance[order[0]] + 0.25 * size]
    normal, middle = normals[chosen], centres[chosen]
    weight = areas[chosen]
    mean_normal = (normal * weight[:, None]).sum(0)
    mean_normal = mean_normal / max(float(np.linalg.norm(mean_normal)), 1e-30)
    mean_place = (middle * weight[:, None]).sum(0) / max(weight.sum(), 1e-30)
    turn = np.sqrt((weight * ((normal - mean_normal) ** 2).sum(1)).sum() / max(weight.sum(), 1e-30))
    across = middle - mean_place
    across -= (across @ mean_normal)[:, None] * mean_normal
    spread = np.sqrt((weight * (across**2).sum(1)).sum() / max(weight.sum(), 1e-30))
    if turn < 1e-3:
        return 3 * size
    if turn > 0.6:  # an edge or a corner
        return 0.02 * size
    return float(np.clip(spread / turn, 0.02 * size, 3 * size))
