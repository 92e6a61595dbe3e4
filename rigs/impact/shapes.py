# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes whose vibrations are known from theory: disc, bar, tube."""

import numpy as np
from numpy.typing import NDArray

Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]


def disc(radius: float, around: int = 40, rings: int = 10) -> Mesh:
    """A flat one: (V, 3) and (F, 3)."""
    turn = 2 * np.pi * np.arange(around) / around
    circle = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    vertices = np.concatenate([[[0, 0, 0]], *(radius * ring / rings * circle for ring in range(1, rings + 1))])
    here, after = np.arange(around), (np.arange(around) + 1) % around
    faces = [np.stack([0 * here, 1 + here, 1 + after], 1)]
    for ring in range(rings - 1):
        a, b = 1 + ring * around + here, 1 + ring * around + after
        faces += [np.stack([a, a + around, b + around], 1), np.stack([a, b + around, b], 1)]
    return vertices, np.concatenate(faces)


def box(x: float, y: float, z: float) -> Mesh:
    """A closed one of eight vertices."""
    vertices = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (-0.5, 0.5)]) * [x, y, z]
    faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
             [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]  # fmt: skip
    return vertices, np.array(faces)


def tube(radius: float, length: float, around: int = 32, along: int = 12, closed: bool = False) -> Mesh:
    """Open at both ends, or a cylinder with caps."""
    turn = 2 * np.pi * np.arange(around) / around
    rows = [np.stack([radius * np.cos(turn), radius * np.sin(turn), 0 * turn + length * (s / along - 0.5)], 1)
            for s in range(along + 1)]  # fmt: skip
    vertices = np.concatenate(rows)
    here, after = np.arange(around), (np.arange(around) + 1) % around
    faces = []
    for row in range(along):
        a, b = row * around + here, row * around + after
        faces += [np.stack([a, b, b + around], 1), np.stack([a, b + around, a + around], 1)]
    if closed:
        top, end = len(vertices), along * around
        vertices = np.concatenate([vertices, [[0, 0, -length / 2], [0, 0, length / 2]]])
        faces += [
            np.stack([0 * here + top, after, here], 1),
            np.stack([0 * here + top + 1, end + here, end + after], 1),
        ]
    return vertices, np.concatenate(faces)
