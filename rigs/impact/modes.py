# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which a body rings: frequencies and shapes of its free vibrations, found once and kept."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph, linalg

from ..errors import InputError
from ..npz import load_npz, save_npz
from .materials import Material
from .meshing import Measures, cleaned, even_shell, measure, middle_surface, tetrahedra
from .shell import shell_matrices
from .solid import solid_matrices, with_middles

Array = NDArray[np.float64]
Index = NDArray[np.int64]

COUNT = 60
HIGHEST = 20000.0  # Hz, of what is kept
_LOWEST = 18.0  # Hz
_SHELL_VERTICES = 420
_SOLID_CELLS = 100
# A closed body that takes this share of its box is a solid; what takes less is a hollow thing with walls.
_FULL = 0.28
# … unless it is a plate: thinner than this share of its width.
_PLATE = 0.1
# Walls thicker than this share of the size are no thin shell.
THICK = 0.2
_VERSION = 4


@dataclass(frozen=True)
class Modes:
    """M modes: `frequencies` (M,) Hz, rising · `shapes` (M, P, 3) kg^-1/2 at the points `positions` (P, 3) m · `mass`
    kg · `area` m² of the surface · `normals` (P, 3) · `kind` shell or solid.

    With a blow of j N·s at point p, mode m gets the velocity shapes[m, p] · j (in its own, mass-normalised, measure).
    """

    frequencies: Array
    shapes: Array
    positions: Array
    normals: Array
    mass: float
    area: float
    kind: str = "shell"

    def __len__(self) -> int:
        return len(self.frequencies)

    def scaled(self, factor: float) -> Modes:
        """Of the same thing made `factor` times as large: frequencies fall with it, shapes with its power 1.5."""
        return replace(
            self, frequencies=self.frequencies / factor, shapes=self.shapes * factor**-1.5,
            positions=self.positions * factor, mass=self.mass * factor**3, area=self.area * factor**2,
        )  # fmt: skip

    def at(self, point: Array) -> Array:
        """(M, 3): the shapes at a point, from the three nearest."""
        far = ((self.positions - point) ** 2).sum(1)
        near = np.argsort(far)[:3]
        weight = 1 / (far[near] + 1e-6 * self.area)
        return np.einsum("mpi,p->mi", self.shapes[:, near], weight / weight.sum())

    def surface_motion(self) -> Array:
        """(M,) kg^-1/2: root mean square of the shapes along the surface's normal, which is what moves the air."""
        return np.sqrt((np.einsum("mpi,pi->mp", self.shapes, self.normals) ** 2).mean(1))

    def swelling(self) -> Array:
        """(M,) 0..1: the share of that motion that changes the volume. A shell moves as much air before as behind."""
        if self.kind != "solid":
            return np.zeros(len(self))
        along = np.einsum("mpi,pi->mp", self.shapes, self.normals)
        return along.mean(1) ** 2 / np.maximum((along**2).mean(1), 1e-30)

    def save(self, path: str | Path) -> None:
        """Raises InputError."""
        save_npz(path, frequencies=self.frequencies, shapes=self.shapes.astype(np.float32), positions=self.positions,
                 normals=self.normals, mass=self.mass, area=self.area, kind=np.array(self.kind))  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> Modes:
        """Raises InputError: the file is missing, damaged, or holds no modes."""
        values = load_npz(path)
        try:
            names = ("frequencies", "shapes", "positions", "normals")
            frequencies, shapes, positions, normals = (np.asarray(values[name], float) for name in names)
            modes = cls(frequencies, shapes, positions, normals, float(values["mass"]), float(values["area"]),
                        str(values["kind"]))  # fmt: skip
            if modes.shapes.shape != (len(modes), *modes.positions.shape) or not np.isfinite(modes.shapes).all():
                raise ValueError("sizes do not agree")
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{path} holds no modes of a body; delete it, and it is made anew.") from error
        return modes


def analyse(
    vertices: NDArray[np.floating],
    triangles: NDArray[np.integer],
    material: Material,
    thickness: float | None = None,
    *,
    count: int = COUNT,
    detail: float = 1.0,
) -> Modes:
    """The modes of a free body.

    Args:
        vertices, triangles: (V, 3) m and (F, 3); any mesh with faces.
        thickness: m of its wall; by default it is told from the mesh: a closed one that fills its box well is a solid,
            any other has walls, of volume over area where it is closed, else of what is usual for the material.
        detail: more or fewer vertices than usual.

    Raises:
        InputError: no faces, no extent, or coordinates that are not finite.
    """
    vertices, triangles = cleaned(vertices, triangles)
    measures = measure(vertices, triangles)
    if is_solid(measures, thickness):
        try:
            return _solid(vertices, triangles, measures, material, count, detail)
        except (InputError, np.linalg.LinAlgError, RuntimeError):
            thickness = THICK * measures.size  # what cannot be filled still has a surface
    wall, walled = wall_of(measures, material, thickness)
    if walled:
        vertices, triangles = middle_surface(vertices, triangles, wall)
    return _shell(vertices, triangles, material, wall, count, detail)


def is_solid(measures: Measures, thickness: float | None) -> bool:
    """Whether a body is filled, rather than made of walls."""
    if thickness is not None:
        return measures.closed and thickness > THICK * measures.size
    extent = np.sort(measures.high - measures.low)
    return measures.closed and measures.fill > _FULL and extent[0] > _PLATE * extent[1]


def wall_of(measures: Measures, material: Material, thickness: float | None) -> tuple[float, bool]:
    """m: how thick a wall is, and whether the mesh has both faces of it."""
    if thickness is not None:
        return min(max(thickness, 1e-5), measures.size / 2), False
    if measures.closed and measures.volume > 0:
        return max(2 * measures.volume / measures.area, 1e-5), True
    return min(material.thickness, 0.1 * measures.size), False


def _shell(vertices: Array, triangles: Index, material: Material, wall: float, count: int, detail: float) -> Modes:
    vertices, triangles = even_shell(vertices, triangles, round(_SHELL_VERTICES * detail))
    k, m = shell_matrices(vertices, triangles, material, wall)
    size = 6 * len(vertices)
    frequencies, vectors = _eigen(k, m, count, _parts(triangles, len(vertices)))
    shapes = vectors.T.reshape(-1, size // 6, 6)[:, :, :3]
    area, normals = _normals(vertices, triangles)
    return Modes(frequencies, shapes, vertices, normals, float(m.sum() / 3), 2 * area, "shell")


def _solid(
    vertices: Array, triangles: Index, measures: Measures, material: Material, count: int, detail: float
) -> Modes:
    nodes, tets = tetrahedra(vertices, triangles, measures, round(_SOLID_CELLS * detail))
    nodes, tets = with_middles(nodes, tets)
    k, m = solid_matrices(nodes, tets, material)
    true = measures.volume * material.density
    if m.sum() / 3 < 0.75 * true and detail < 3:
        return _solid(vertices, triangles, measures, material, count, 2 * detail)
    frequencies, vectors = _eigen(k, m, count, 1)
    faces = tets[:, [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]].reshape(-1, 3)
    opposite = tets[:, [3, 2, 1, 0]].reshape(-1)
    _, first, times = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    outer, inner = faces[first[times == 1]], opposite[first[times == 1]]
    a, b, c = nodes[outer].swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    flip = np.einsum("ij,ij->i", normal, nodes[inner] - a) > 0
    outer[flip] = outer[flip][:, [0, 2, 1]]
    used, places = np.unique(outer, return_inverse=True)
    _, normals = _normals(nodes[used], places.reshape(-1, 3))
    shapes = vectors.T.reshape(-1, len(nodes), 3)[:, used]
    # What the grid has too much or too little of is not the body's.
    return Modes(frequencies, shapes * np.sqrt(m.sum() / 3 / true), nodes[used], normals, true, measures.area, "solid")


def _normals(vertices: Array, triangles: Index) -> tuple[float, Array]:
    a, b, c = vertices[triangles].swapaxes(0, 1)
    normal = np.cross(b - a, c - a) / 2
    at = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(at, triangles[:, corner], normal)
    at /= np.maximum(np.linalg.norm(at, axis=1, keepdims=True), 1e-30)
    return float(np.linalg.norm(normal, axis=1).sum()), at


def _parts(triangles: Index, count: int) -> int:
    """Of how many pieces a mesh consists; each of them can move freely."""
    rows = triangles[:, [0, 1, 2]].ravel()
    columns = triangles[:, [1, 2, 0]].ravel()
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    return int(csgraph.connected_components(graph, directed=False)[0])


def _eigen(k: sparse.csc_matrix, m: sparse.csc_matrix, count: int, parts: int) -> tuple[Array, Array]:
    """Hz (M,) and mass-normalised vectors (D, M) of K x = (2 pi f)² M x above the free movements."""
    rigid = 6 * parts
    size: int = k.get_shape()[0]
    wanted = min(count + rigid, size // 2 - 2)
    # Below zero, where the matrix is positive, so that no pivoting is needed.
    shift = -((2 * np.pi * 30.0) ** 2)
    solver = linalg.splu(
        (k - shift * m).tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    inverse = linalg.LinearOperator((size, size), matvec=solver.solve, dtype=float)  # pyright: ignore
    start = np.random.default_rng(0).standard_normal(size)
    values, vectors = linalg.eigsh(k, wanted, m, sigma=shift, OPinv=inverse, v0=start)
    frequencies = np.sqrt(np.maximum(values, 0)) / (2 * np.pi)
    order = np.argsort(frequencies)
    frequencies, vectors = frequencies[order], vectors[:, order]
    # Free movements come out as next to nothing, which is still something beside a soft body's first mode.
    above = np.arange(len(frequencies)) >= rigid
    keep = above & (frequencies > _LOWEST) & (frequencies < HIGHEST)
    vectors = vectors[:, keep]
    norm = np.sqrt(np.einsum("ij,ij->j", vectors, m @ vectors))
    return frequencies[keep], vectors / norm


# --- kept -----------------------------------------------------------------------------------------------------------


def cached(
    folder: str | Path | None,
    vertices: NDArray[np.floating],
    triangles: NDArray[np.integer],
    material: Material,
    thickness: float | None = None,
    **how: float,
) -> Modes:
    """`analyse`, or what it found before, in a file named by a hash of shape, size, wall and material.

    Raises InputError.
    """
    points = np.asarray(vertices, float).reshape(-1, 3)
    size = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
    if folder is None or not size > 0 or not np.isfinite(size):
        return analyse(vertices, triangles, material, thickness, **how)  # type: ignore[arg-type]
    middle = points.mean(0)
    unit = np.round((points - middle) / size, 6)
    key = hashlib.sha256()
    key.update(np.ascontiguousarray(unit + 0.0).tobytes())
    key.update(np.ascontiguousarray(triangles, np.int64).tobytes())
    wall = f"{thickness:.6g}" if thickness is not None else f"usual {material.thickness:.6g}"
    numbers = (material.density, material.young, material.poisson, f"{size:.4g}", wall)
    key.update(repr((_VERSION, numbers, sorted(how.items()))).encode())
    path = Path(folder) / f"{key.hexdigest()[:32]}.npz"
    if path.is_file():
        with contextlib.suppress(InputError):  # damaged: made anew
            modes = Modes.load(path)
            return replace(modes, positions=modes.positions + middle)
    modes = analyse(points - middle, triangles, material, thickness, **how)  # type: ignore[arg-type]
    modes.save(path)
    return replace(modes, positions=modes.positions + middle)
