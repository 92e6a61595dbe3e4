# SPDX-License-Identifier: GPL-3.0-or-later
"""Single lashes and teeth with gums, drawn on the bands that MakeHuman's base mesh has in their places.

All of it is combinations of the base mesh's vertices, so it follows every slider and every shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .makehuman import HumanData
from .surface import Sparse

Array = NDArray[Any]

# The bands of lashes, lower 1 and upper 2: how many lashes, and how much of the band's width (4 rows) they cover.
_LASHES = {"eyelashes-1": (24, 1.5), "eyelashes-2": (52, 3.2)}

# Widths of the teeth of one side, mm, from the middle on (Wheeler's dental anatomy); all of them fill the band.
_UPPER = (8.5, 6.5, 7.5, 7.0, 6.8, 10.0, 9.5, 8.5)
_LOWER = (5.3, 5.8, 6.8, 7.0, 7.0, 11.0, 10.5, 10.0)
# The outline of a tooth from the gum outside over its edge to the gum inside: height over the edge in units of the
# band's, depth behind the band's outer face in units of its thickness. Incisors are wedges, molars blocks.
_WEDGE = ((0.64, 0.02), (0.34, -0.06), (0.09, -0.02), (0.0, 0.12), (0.08, 0.28), (0.34, 0.50), (0.64, 0.72))
_BLOCK = ((0.64, 0.02), (0.34, -0.06), (0.12, 0.00), (0.04, 0.22), (0.06, 0.80), (0.30, 0.98), (0.64, 1.00))
# Across a tooth, −1..1: how much higher its edge is there, and how much thinner it is on either face.
_ACROSS = ((-0.97, 0.10, 0.17), (-0.72, 0.02, 0.05), (0.0, 0.0, 0.0), (0.72, 0.02, 0.05), (0.97, 0.10, 0.17))
_POINTED = 2  # the canine
_GUM = ((1.0, -0.04), (0.66, -0.10), (0.55, -0.07), (0.55, 0.30), (0.62, 0.95), (0.90, 1.10))


@dataclass
class Drawn:
    """`vertices` (L, N) combinations of the base mesh's N vertices; `faces` and the material of each."""

    vertices: Sparse
    faces: list[list[int]]
    materials: list[str]


def drawn(data: HumanData) -> Drawn:
    """Lashes of both eyes, and teeth and gums of both jaws."""
    made = _Drawing(data)
    for s in ("l", "r"):
        for name, (number, reach) in _LASHES.items():
            made.lashes(_lash_grid(data, f"helper-{s}-{name}"), number, reach)
    for jaw, widths in (("upper", _UPPER), ("lower", _LOWER)):
        made.teeth(_teeth_grid(data, f"helper-{jaw}-teeth"), widths)
    return made.result()


def _grid(data: HumanData, group: str) -> NDArray[np.int64]:
    """(rows, columns) vertex numbers of a band of quads, along its longer side."""
    faces = [face for face, name in zip(data.faces, data.face_groups, strict=True) if name == group]
    near: dict[int, set[int]] = {}
    uses: dict[int, int] = {}
    for face in faces:
        for a, b in zip(face, [*face[1:], face[0]], strict=True):
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
            uses[a] = uses.get(a, 0) + 1

    def along(start: int, first: int) -> list[int]:
        """Along the rim from a corner to the next one."""
        path = [start, first]
        while uses[path[-1]] == 2:
            path.append(next(v for v in near[path[-1]] if v not in path and uses[v] <= 2))
        return path

    corner = min(v for v, count in uses.items() if count == 1)
    row = max((along(corner, v) for v in near[corner]), key=len)
    rows = [row]
    seen = set(row)
    while len(seen) < len(near):
        row = [next(v for v in near[a] if v not in seen) for a in row]
        rows.append(row)
        seen.update(row)
    return np.array(rows)


def _lash_grid(data: HumanData, group: str) -> NDArray[np.int64]:
    """From the root's row outwards."""
    grid = _grid(data, group)
    # Lashes stand on the lid's edge, which lies closer to the eyeball's centre than their tips do.
    centre = data.vertices[data.groups["helper-" + group[7] + "-eye"]].mean(0)
    away = [np.linalg.norm(data.vertices[row] - centre, axis=1).mean() for row in (grid[0], grid[-1])]
    return grid if away[0] < away[1] else grid[::-1]


def _teeth_grid(data: HumanData, group: str) -> NDArray[np.int64]:
    """Four rows from the outer gum over the outer face and the edge to the inner face; columns from right to left."""
    grid = _grid(data, group)
    heights = data.vertices[grid][:, :, 1].mean(axis=1)
    # The edge is the row that is furthest from the gum.
    grid = grid if np.abs(heights[2] - heights[0]) > np.abs(heights[1] - heights[0]) else grid[::-1]
    return grid if data.vertices[grid[0, 0], 0] < data.vertices[grid[0, -1], 0] else grid[:, ::-1]


class _Drawing:
    """Collects vertices as weights of the base mesh's, and faces."""

    def __init__(self, data: HumanData):
        self.data = data
        self.entries: list[tuple[int, int, float]] = []
        self.count = 0
        self.faces: list[list[int]] = []
        self.materials: list[str] = []
        self.random = np.random.default_rng(2)

    def result(self) -> Drawn:
        rows, columns, shares = (np.array(column) for column in zip(*self.entries, strict=True))
        vertices = sparse.csr_matrix((shares, (rows, columns)), (self.count, len(self.data.vertices)))
        return Drawn(vertices, self.faces, self.materials)

    def vertex(self, weights: dict[int, float]) -> int:
        self.entries += [(self.count, vertex, share) for vertex, share in weights.items()]
        self.count += 1
        return self.count - 1

    def face(self, corners: list[int], material: str) -> None:
        self.faces.append(corners)
        self.materials.append(material)

    def sheet(self, rows: list[list[int]], material: str, flip: bool) -> None:
        """Quads between rows of vertices."""
        for upper, lower in pairwise(rows):
            for (a, b), (d, c) in zip(pairwise(upper), pairwise(lower), strict=True):
                self.face([a, d, c, b] if flip else [a, b, c, d], material)

    def lashes(self, grid: NDArray[np.int64], number: int, reach: float) -> None:
        """Tapered lashes."""
        columns = grid.shape[1] - 1
        for k in range(number):
            at = (k + 0.5 + self.random.uniform(-0.3, 0.3)) / number * columns
            lean = 0.55 * (at / columns - 0.5) + self.random.uniform(-0.12, 0.12)
            tall = reach * self.random.uniform(0.7, 1.0) * (0.75 + 0.25 * np.sin(np.pi * at / columns))
            width = 0.16
            made = [
                self.vertex(_within(grid, row, at + shift + side * half))
                for row, shift, half in ((0, 0, width), (0.45 * tall, 0.4 * lean, 0.55 * width), (tall, lean, 0))
                for side in ((-1, 1) if half else (0,))
            ]
            self.face([made[0], made[1], made[3], made[2]], "lashes")
            self.face([made[2], made[3], made[4]], "lashes")

    def teeth(self, grid: NDArray[np.int64], widths: tuple[float, ...]) -> None:
        """The teeth of a jaw, and its gum."""
        outer = self.data.vertices[grid[1]]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(outer, axis=0), axis=1))])
        middle = along[-1] / 2
        flip = bool(self.data.vertices[grid[0], 1].mean() > self.data.vertices[grid[2], 1].mean())

        def columns(places: Array) -> Array:
            return np.interp(places, along, np.arange(len(along)))

        scale = middle / sum(widths)
        borders = middle + scale * np.concatenate([-np.cumsum(widths)[::-1], [0.0], np.cumsum(widths)])
        for number, (start, end) in enumerate(pairwise(borders)):
            kind = abs(number - len(widths) + 0.5) - 0.5
            block = float(np.clip((kind - 2) / 2, 0, 1))
            outline = (1 - block) * np.array(_WEDGE) + block * np.array(_BLOCK)
            places = columns((start + end) / 2 + (end - start) / 2 * np.array([t for t, _, _ in _ACROSS]))
            rows = []
            for index, (height, depth) in enumerate(outline):
                side = -1.0 if index > 3 else 1.0 if index < 3 else 0.0
                low = max(0.0, 1 - height / 0.3)  # 1 at the edge, 0 up the crown
                point = 0.05 if kind == _POINTED else 0.0
                rows.append(
                    [
                        self.vertex(
                            _tooth_point(grid, place, height + low * (raised + point * abs(t)), depth + side * thin)
                        )
                        for place, (t, raised, thin) in zip(places, _ACROSS, strict=True)
                    ]
                )
            self.sheet(rows, "teeth", flip)
        gum = columns(np.linspace(along[0], along[-1], 25))
        self.sheet(
            [[self.vertex(_tooth_point(grid, place, height, depth)) for place in gum] for height, depth in _GUM],
            "gums", flip,
        )  # fmt: skip


def _within(grid: NDArray[np.int64], row: float, column: float) -> dict[int, float]:
    """Bilinear weights of a place on the band."""
    row, column = float(np.clip(row, 0, len(grid) - 1)), float(np.clip(column, 0, grid.shape[1] - 1))
    r, c = min(int(row), len(grid) - 2), min(int(column), grid.shape[1] - 2)
    return {
        int(grid[r + dr, c + dc]): share_r * share_c
        for dr, share_r in ((0, 1 - row + r), (1, row - r))
        for dc, share_c in ((0, 1 - column + c), (1, column - c))
    }


def _tooth_point(grid: NDArray[np.int64], column: float, height: float, depth: float) -> dict[int, float]:
    """Weights of a place `height` from the edge (0) to the outer gum (1), `depth` from the outer face (0) inwards."""
    weights: dict[int, float] = {}
    for row, share in (
        (2, max(0.0, 1 - 2 * height)), (1, 1 - abs(1 - 2 * height)), (0, max(0.0, 2 * height - 1)),
        (1, -depth), (3, depth),
    ):  # fmt: skip
        for vertex, part in _within(grid, row, column).items():
            weights[vertex] = weights.get(vertex, 0.0) + share * part
    return weights
