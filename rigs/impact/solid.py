# SPDX-License-Identifier: GPL-3.0-or-later
"""Stiffness and mass of chunky solids: quadratic tetrahedra (linear ones are far too stiff for anything that bends)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .materials import Material

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_EDGES = np.array([[0, 1], [1, 2], [2, 0], [0, 3], [1, 3], [2, 3]])
# Four points that integrate quadratics exactly, and fifteen-point accuracy is not needed for straight sides' stiffness.
_A, _B = 0.5854101966249685, 0.1381966011250105
_POINTS = np.full((4, 4), _B) + (_A - _B) * np.eye(4)


def with_middles(nodes: Array, tets: Index) -> tuple[Array, Index]:
    """The nodes in the middles of the edges added: (N', 3) and (E, 10)."""
    edges = np.sort(tets[:, _EDGES], axis=-1).reshape(-1, 2)
    key = edges[:, 0] * len(nodes) + edges[:, 1]
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    middles = nodes[edges[first]].mean(1)
    return np.concatenate([nodes, middles]), np.hstack([tets, len(nodes) + place.reshape(-1, 6)])


def solid_matrices(nodes: Array, tets: Index, material: Material) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
    """K and M (3N, 3N) of ten-node tetrahedra (E, 10) with straight sides."""
    young, nu = material.young, material.poisson
    lame, shear = young * nu / ((1 + nu) * (1 - 2 * nu)), young / (2 * (1 + nu))
    elastic = np.zeros((6, 6))
    elastic[:3, :3] = lame
    elastic[range(3), range(3)] += 2 * shear
    elastic[range(3, 6), range(3, 6)] = shear
    corners = nodes[tets[:, :4]]
    jacobian = corners[:, 1:] - corners[:, :1]
    volume = np.abs(np.linalg.det(jacobian)) / 6
    inverse = np.linalg.inv(jacobian)  # (E, 3, 3): columns are the gradients of barycentric coordinates 1 to 3
    gradient = np.concatenate([-inverse.sum(2, keepdims=True), inverse], 2).swapaxes(1, 2)  # (E, 4, 3)
    count = len(tets)
    stiff = np.zeros((count, 30, 30))
    for point in _POINTS:
        shape = np.zeros((count, 10, 3))
        shape[:, :4] = (4 * point - 1)[:, None] * gradient
        i, j = _EDGES.T
        shape[:, 4:] = 4 * (point[i][:, None] * gradient[:, j] + point[j][:, None] * gradient[:, i])
        strain = np.zeros((count, 6, 10, 3))
        for axis in range(3):
            strain[:, axis, :, axis] = shape[..., axis]
        for row, (one, other) in enumerate(((0, 1), (1, 2), (2, 0)), 3):
            strain[:, row, :, one] = shape[..., other]
            strain[:, row, :, other] = shape[..., one]
        strain = strain.reshape(count, 6, 30)
        stiff += (volume / 4)[:, None, None] * (strain.swapaxes(1, 2) @ (elastic @ strain))
    dofs = (tets[:, :, None] * 3 + np.arange(3)).reshape(count, 30)
    size = 3 * len(nodes)
    place = (np.repeat(dofs, 30, axis=1).ravel(), np.tile(dofs, (1, 30)).ravel())
    k = sparse.coo_matrix((stiff.ravel(), place), (size, size)).tocsc()
    scalar = material.density * volume[:, None, None] * _mass()
    parts = []
    for axis in range(3):
        at = tets * 3 + axis
        parts.append((scalar.ravel(), np.repeat(at, 10, axis=1).ravel(), np.tile(at, (1, 10)).ravel()))
    data, rows, columns = (np.concatenate(item) for item in zip(*parts, strict=True))
    m = sparse.coo_matrix((data, (rows, columns)), (size, size))
    return sparse.csc_matrix((k + k.T) / 2), sparse.csc_matrix(m)


def _mass() -> Array:
    """(10, 10) integrals of products of the shape functions over a tetrahedron of volume 1, exactly."""
    from math import factorial

    # Shape functions as polynomials in barycentric coordinates: {powers: factor}.
    shapes: list[dict[tuple[int, ...], float]] = []
    for corner in range(4):
        once = tuple(int(k == corner) for k in range(4))
        shapes.append({tuple(2 * x for x in once): 2.0, once: -1.0})
    for i, j in _EDGES:
        shapes.append({tuple(int(k in (i, j)) for k in range(4)): 4.0})
    result = np.zeros((10, 10))
    for a, one in enumerate(shapes):
        for b, other in enumerate(shapes):
            for p, f in one.items():
                for q, g in other.items():
                    powers = [x + y for x, y in zip(p, q, strict=True)]
                    top = float(np.prod([factorial(x) for x in powers]))
                    result[a, b] += f * g * 6 * top / factorial(sum(powers) + 3)
    return result
