# SPDX-License-Identifier: GPL-3.0-or-later
"""Stiffness and mass of thin shells: triangles that stretch (CST) and bend (DKT).

The bending part is the discrete Kirchhoff triangle of Batoz, Bathe and Ho 1980. The turn of a node about its triangle's
normal is tied to the turn of the triangle in its own plane, as Hughes and Brezzi 1989 do, which leaves no turn free and
no stiffness against moving as a whole. Mass sits on displacements alone, so that turns follow statically.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .materials import Material

Array = NDArray[np.float64]
Index = NDArray[np.int64]

# Of the shear modulus: how firmly the turn in the plane is tied.
_TIE = 0.05


def shell_matrices(
    vertices: Array, triangles: Index, material: Material, thickness: Array | float
) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
    """K (6N, 6N) and M (6N, 6N): per vertex three displacements, then three turns, in the mesh's axes.

    Args:
        thickness: m, one or (F,).
    """
    corners = vertices[triangles]
    frame, x, y, area = _plane(corners)
    count = len(triangles)
    thick = np.broadcast_to(np.asarray(thickness, float), (count,))
    local = np.zeros((count, 18, 18))
    membrane, tie = _membrane(x, y, area, material, thick)
    # Local places in a node's six: u, v 0 1, w 2, turns 3 4 5.
    flat = np.array([0, 1, 6, 7, 12, 13])
    bent = np.array([2, 3, 4, 8, 9, 10, 14, 15, 16])
    in_plane = np.array([0, 1, 5, 6, 7, 11, 12, 13, 17])
    local[:, flat[:, None], flat] += membrane
    local[:, in_plane[:, None], in_plane] += tie
    local[:, bent[:, None], bent] += _bending(x, y, area, material, thick)
    # To the mesh's axes: each triple of an element turns alike.
    triples = local.reshape(count, 6, 3, 6, 3)
    turned = np.einsum("eai,ebasc,ecj->ebisj", frame, triples, frame, optimize=True)
    stiff = turned.reshape(count, 18, 18)
    dofs = (triangles[:, :, None] * 6 + np.arange(6)).reshape(count, 18)
    rows = np.repeat(dofs, 18, axis=1).ravel()
    columns = np.tile(dofs, (1, 18)).ravel()
    size = 6 * len(vertices)
    k = sparse.coo_matrix((stiff.ravel(), (rows, columns)), (size, size)).tocsc()
    weight = material.density * thick * area
    # Between the lumped and the linear mass, whose errors have opposite signs.
    share = 0.5 * np.eye(3) / 3 + 0.5 * (np.ones((3, 3)) + np.eye(3)) / 12
    values = weight[:, None, None] * share
    parts = []
    for axis in range(3):
        nodes = triangles * 6 + axis
        parts.append((values.ravel(), np.repeat(nodes, 3, axis=1).ravel(), np.tile(nodes, (1, 3)).ravel()))
    data, rows, columns = (np.concatenate(item) for item in zip(*parts, strict=True))
    m = sparse.coo_matrix((data, (rows, columns)), (size, size)).tocsc()
    return sparse.csc_matrix((k + k.T) / 2), sparse.csc_matrix(m)


def _plane(corners: Array) -> tuple[Array, Array, Array, Array]:
    """frame (F, 3, 3), rows are local axes; x, y (F, 3) m of the corners in it; area (F,) m²."""
    along = corners[:, 1] - corners[:, 0]
    normal = np.cross(along, corners[:, 2] - corners[:, 0])
    twice = np.linalg.norm(normal, axis=1)
    e1 = along / np.linalg.norm(along, axis=1, keepdims=True)
    e3 = normal / twice[:, None]
    frame = np.stack([e1, np.cross(e3, e1), e3], axis=1)
    flat = np.einsum("fij,fkj->fki", frame, corners - corners[:, :1])
    return frame, flat[..., 0], flat[..., 1], twice / 2


def _membrane(x: Array, y: Array, area: Array, material: Material, thick: Array) -> tuple[Array, Array]:
    """(F, 6, 6) of u1 v1 u2 …, and the tie (F, 9, 9) of u1 v1 t1 u2 …"""
    young, nu = material.young, material.poisson
    elastic = young / (1 - nu**2) * np.array([[1, nu, 0], [nu, 1, 0], [0, 0, (1 - nu) / 2]])
    b = np.stack([y[:, 1] - y[:, 2], y[:, 2] - y[:, 0], y[:, 0] - y[:, 1]], 1) / (2 * area)[:, None]
    c = np.stack([x[:, 2] - x[:, 1], x[:, 0] - x[:, 2], x[:, 1] - x[:, 0]], 1) / (2 * area)[:, None]
    strain = np.zeros((len(area), 3, 6))
    strain[:, 0, 0::2] = b
    strain[:, 1, 1::2] = c
    strain[:, 2, 0::2] = c
    strain[:, 2, 1::2] = b
    stiff = np.einsum("eki,kl,elj,e->eij", strain, elastic, strain, area * thick, optimize=True)
    shear = young / (2 * (1 + nu))
    # t_i - (dv/dx - du/dy) / 2 for each corner.
    gap = np.zeros((len(area), 3, 9))
    for corner in range(3):
        gap[:, corner, 0::3] = c / 2
        gap[:, corner, 1::3] = -b / 2
        gap[:, corner, 3 * corner + 2] = 1
    tie = np.einsum("eki,ekj,e->eij", gap, gap, _TIE * shear * area * thick / 3, optimize=True)
    return stiff, tie


def _bending(x: Array, y: Array, area: Array, material: Material, thick: Array) -> Array:
    """(F, 9, 9) of w1 (turn about x)1 (turn about y)1 w2 …"""
    x23, x31, x12 = x[:, 1] - x[:, 2], x[:, 2] - x[:, 0], x[:, 0] - x[:, 1]
    y23, y31, y12 = y[:, 1] - y[:, 2], y[:, 2] - y[:, 0], y[:, 0] - y[:, 1]
    xs, ys = np.stack([x23, x31, x12], 1), np.stack([y23, y31, y12], 1)  # sides 4, 5, 6
    length = xs**2 + ys**2
    p, q = -6 * xs / length, 3 * xs * ys / length
    t, r = -6 * ys / length, 3 * ys**2 / length
    p4, p5, p6 = p.T
    q4, q5, q6 = q.T
    t4, t5, t6 = t.T
    r4, r5, r6 = r.T
    young, nu = material.young, material.poisson
    flexural = np.array([[1, nu, 0], [nu, 1, 0], [0, 0, (1 - nu) / 2]]) * young / (12 * (1 - nu**2))
    stiff = np.zeros((len(area), 9, 9))
    for xi, eta in ((0.5, 0.0), (0.5, 0.5), (0.0, 0.5)):
        a, b = 1 - 2 * xi, 1 - 2 * eta
        hx_xi = np.stack([
            p6 * a + (p5 - p6) * eta, q6 * a - (q5 + q6) * eta, -4 + 6 * (xi + eta) + r6 * a - eta * (r5 + r6),
            -p6 * a + eta * (p4 + p6), q6 * a - eta * (q6 - q4), -2 + 6 * xi + r6 * a + eta * (r4 - r6),
            -eta * (p5 + p4), eta * (q4 - q5), -eta * (r5 - r4),
        ], 1)  # fmt: skip
        hy_xi = np.stack([
            t6 * a + eta * (t5 - t6), 1 + r6 * a - eta * (r5 + r6), -q6 * a + eta * (q5 + q6),
            -t6 * a + eta * (t4 + t6), -1 + r6 * a + eta * (r4 - r6), -q6 * a - eta * (q4 - q6),
            -eta * (t4 + t5), eta * (r4 - r5), -eta * (q4 - q5),
        ], 1)  # fmt: skip
        hx_eta = np.stack([
            -p5 * b - xi * (p6 - p5), q5 * b - xi * (q5 + q6), -4 + 6 * (xi + eta) + r5 * b - xi * (r5 + r6),
            xi * (p4 + p6), xi * (q4 - q6), -xi * (r6 - r4),
            p5 * b - xi * (p4 + p5), q5 * b + xi * (q4 - q5), -2 + 6 * eta + r5 * b + xi * (r4 - r5),
        ], 1)  # fmt: skip
        hy_eta = np.stack([
            -t5 * b - xi * (t6 - t5), 1 + r5 * b - xi * (r5 + r6), -q5 * b + xi * (q5 + q6),
            xi * (t4 + t6), xi * (r4 - r6), -xi * (q4 - q6),
            t5 * b - xi * (t4 + t5), -1 + r5 * b + xi * (r4 - r5), -q5 * b - xi * (q4 - q5),
        ], 1)  # fmt: skip
        curve = np.stack([
            y31[:, None] * hx_xi + y12[:, None] * hx_eta,
            -x31[:, None] * hy_xi - x12[:, None] * hy_eta,
            -x31[:, None] * hx_xi - x12[:, None] * hx_eta + y31[:, None] * hy_xi + y12[:, None] * hy_eta,
        ], 1) / (2 * area)[:, None, None]  # fmt: skip
        stiff += np.einsum("eki,kl,elj,e->eij", curve, flexural, curve, area * thick**3 / 3, optimize=True)
    return stiff
