# SPDX-License-Identifier: GPL-3.0-or-later
"""Thinning meshes, with numpy alone, since Blender does it too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_RIMS = 400_000  # vertices up to which it is worth finding the rim


def thinned(vertices: Array, triangles: Index, most: int) -> tuple[Array, Index]:
    """At most about so many vertices: those of the finest grid that does. Raises InputError: no face has an area."""
    if len(vertices) <= most:
        return vertices, triangles
    cell = float(np.ptp(vertices, axis=0).max()) / most**0.5
    made = clustered(vertices, triangles, cell)
    while len(made[0]) > most:
        cell *= 1.2
        made = clustered(vertices, triangles, cell)
    return made


def without_slivers(vertices: Array, triangles: Index, size: float) -> tuple[Array, Index]:
    a, b, c = vertices[triangles].swapaxes(0, 1)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    edge = np.maximum.reduce([((a - b) ** 2).sum(1), ((b - c) ** 2).sum(1), ((c - a) ** 2).sum(1)])
    good = area > np.maximum(1e-4 * edge, 1e-12 * size**2)
    triangles = triangles[good]
    _, first = np.unique(np.sort(triangles, axis=1), axis=0, return_index=True)
    triangles = triangles[np.sort(first)]
    if len(triangles) == 0:
        raise InputError("The mesh has no face with an area, so it cannot sound; give it faces.")
    used, places = np.unique(triangles, return_inverse=True)
    return vertices[used], places.reshape(-1, 3).astype(np.int64)


def clustered(vertices: Array, triangles: Index, cell: float) -> tuple[Array, Index]:
    """One vertex for each cell of a grid: that nearest to the mean of those within, on the rim if there is any."""
    low = vertices.min(0) - 0.5 * cell
    key = np.floor((vertices - low) / cell).astype(np.int64)
    size = key.max(0) + 1
    flat = (key[:, 0] * size[1] + key[:, 1]) * size[2] + key[:, 2]
    _, group = np.unique(flat, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    mean = np.stack([np.bincount(group, vertices[:, axis]) / count for axis in range(3)], 1)
    far = ((vertices - mean[group]) ** 2).sum(1)
    # A rim stays where it is: a plate that shrinks rings higher.
    if len(vertices) < _RIMS:
        far[~on_rim(triangles, len(vertices))] += cell**2
    order = np.lexsort((far, group))
    chosen = order[np.searchsorted(group[order], np.arange(len(count)))]
    thinned = group[triangles]
    whole = (
        (thinned[:, 0] != thinned[:, 1]) & (thinned[:, 1] != thinned[:, 2]) & (thinned[:, 2] != thinned[:, 0])
    )  # fmt: skip
    if not whole.any():
        return vertices, triangles
    extent = float(np.ptp(vertices, axis=0).max())
    return without_slivers(vertices[chosen], thinned[whole], extent)


def on_rim(triangles: Index, count: int) -> NDArray[np.bool_]:
    """(V,) whether a vertex is on an edge of one triangle only."""
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    key, times = np.unique(edges[:, 0] * count + edges[:, 1], return_counts=True)
    rim = np.zeros(count, bool)
    rim[np.concatenate([key[times == 1] // count, key[times == 1] % count])] = True
    return rim
