# SPDX-License-Identifier: GPL-3.0-or-later
"""Polygon surfaces whose vertices stay linear combinations of some source mesh, through subdivision and cutting.

So everything that is linear in the source's vertices (weights, correctives, offsets) follows through one sparse matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

Array = NDArray[Any]
Integers = NDArray[np.int64]
Faces = list[list[int]]
Sparse = Any  # a scipy.sparse matrix; scipy carries no types for them


def triangles(faces: Sequence[Sequence[int]]) -> Integers:
    """Fans of triangles (F, 3)."""
    return np.array([(face[0], face[k], face[k + 1]) for face in faces for k in range(1, len(face) - 1)])


def edges_of(faces: Sequence[Sequence[int]]) -> Integers:
    """Unique edges (E, 2), the smaller vertex number first."""
    pairs = [(a, b) for face in faces for a, b in zip(face, [*face[1:], face[0]], strict=True)]
    return np.unique(np.sort(np.array(pairs), axis=1), axis=0)


def normals(vertices: Array, tris: Integers) -> Array:
    """Area-weighted unit vertex normals (V, 3) of counter-clockwise triangles."""
    a, b, c = (vertices[tris[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    result = np.stack(
        [np.bincount(tris.ravel(), np.repeat(face[:, axis], 3), minlength=len(vertices)) for axis in range(3)], 1
    )
    return result / np.linalg.norm(result, axis=1, keepdims=True).clip(1e-12)


def enclosed_volume(vertices: Array, tris: Integers) -> float:
    """Signed volume (m³) inside a surface, by the divergence theorem."""
    a, b, c = (vertices[tris[:, k]] for k in range(3))
    return float(np.einsum("fc,fc->", a, np.cross(b, c)) / 6)


def averaging(count: int, edges: Integers, share: float = 0.5) -> Sparse:
    """(V, V): each vertex moves `share` of the way to the mean of its neighbours; lone vertices stay."""
    ones = np.ones(len(edges))
    near = sparse.coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    near = near + near.T
    degree = np.asarray(near.sum(1)).ravel()
    mean = sparse.diags(1 / np.maximum(degree, 1)) @ near
    still: Sparse = sparse.diags(np.where(degree > 0, 1 - share, 1.0))
    return (still + share * mean).tocsr()


def nearest_mean(vertices: Array, points: Array, count: int = 6) -> Sparse:
    """(P, V): each of `points` (P, 3) as a mean of its `count` nearest `vertices` (V, 3), near ones counting most."""
    distance, ids = KDTree(vertices).query(points, k=count)
    share = 1 / (distance**2 + 1e-6)
    share /= share.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), count)
    return sparse.csr_matrix((share.ravel(), (rows, ids.ravel())), (len(points), len(vertices)))


@dataclass
class Patch:
    """A surface in the making.

    `vertices` (V, 3) · `faces` · `source` (V, S) sparse: each vertex as a combination of the S source vertices ·
    `labels` one text per face, a material later on · `uvs` (V, 2).
    """

    vertices: Array
    faces: Faces
    source: Sparse
    labels: list[str]
    uvs: Array = field(default_factory=lambda: np.zeros((0, 2)))

    @classmethod
    def of(cls, vertices: Array, faces: Sequence[Sequence[int]], label: str) -> Patch:
        """The part of a mesh that `faces` use."""
        used = np.unique(np.concatenate([np.asarray(face) for face in faces]))
        number = np.full(len(vertices), -1)
        number[used] = np.arange(len(used))
        whole: Sparse = sparse.identity(len(vertices), format="csr")
        source = whole[used]
        return cls(vertices[used], [number[list(face)].tolist() for face in faces], source, [label] * len(faces))

    def subdivided(self) -> Patch:
        """One Catmull-Clark step (1978); boundary edges become cubic B-splines."""
        count, faces = len(self.vertices), self.faces
        edges = edges_of(faces)
        key = {(int(a), int(b)): i for i, (a, b) in enumerate(edges)}
        edge_faces: list[list[int]] = [[] for _ in edges]
        face_edges = []
        for f, face in enumerate(faces):
            ids = [key[(min(a, b), max(a, b))] for a, b in zip(face, [*face[1:], face[0]], strict=True)]
            face_edges.append(ids)
            for i in ids:
                edge_faces[i].append(f)
        sizes = np.array([len(face) for face in faces])
        rows = np.repeat(np.arange(len(faces)), sizes)
        centre = sparse.csr_matrix((np.repeat(1 / sizes, sizes), (rows, np.concatenate(faces))), (len(faces), count))
        ends = sparse.csr_matrix(
            (np.full(2 * len(edges), 0.5), (np.repeat(np.arange(len(edges)), 2), edges.ravel())), (len(edges), count)
        )
        inner = np.array([len(f) == 2 for f in edge_faces])
        pairs = np.array([f if len(f) == 2 else [f[0], f[0]] for f in edge_faces])
        beside = sparse.csr_matrix(
            (np.full(2 * len(edges), 0.5), (np.repeat(np.arange(len(edges)), 2), pairs.ravel())),
            (len(edges), len(faces)),
        )
        half = sparse.diags(np.where(inner, 0.5, 0.0))
        edge_points = ends - half @ ends + half @ (beside @ centre)

        boundary = np.zeros(count, bool)
        boundary[edges[~inner].ravel()] = True
        touch = sparse.csr_matrix(
            (np.ones(2 * len(edges)), (edges.ravel(), np.repeat(np.arange(len(edges)), 2))), (count, len(edges))
        )
        touch_faces = sparse.csr_matrix((np.ones(len(rows)), (np.concatenate(faces), rows)), (count, len(faces)))
        degree = np.asarray(touch.sum(1)).ravel().clip(1)
        around = sparse.diags(1 / np.asarray(touch_faces.sum(1)).ravel().clip(1)) @ touch_faces @ centre
        mids = sparse.diags(1 / degree) @ touch @ ends
        identity = sparse.identity(count, format="csr")
        smooth = sparse.diags(1 / degree) @ (around + 2 * mids + sparse.diags(degree - 3) @ identity)
        rim = touch @ sparse.diags((~inner).astype(float))
        on_rim = np.asarray(rim.sum(1)).ravel().clip(1)
        border = 0.5 * identity + 0.5 * sparse.diags(1 / on_rim) @ rim @ ends
        vertex_points = sparse.diags((~boundary).astype(float)) @ smooth + sparse.diags(boundary.astype(float)) @ border

        step = sparse.vstack([vertex_points, edge_points, centre]).tocsr()
        first_edge, first_face = count, count + len(edges)
        new_faces, labels = [], []
        for f, (face, ids) in enumerate(zip(faces, face_edges, strict=True)):
            for k, vertex in enumerate(face):
                new_faces.append([vertex, first_edge + ids[k], first_face + f, first_edge + ids[k - 1]])
                labels.append(self.labels[f])
        return Patch(step @ self.vertices, new_faces, (step @ self.source).tocsr(), labels)

    def cut(self, values: Array, label: str | None) -> Patch:
        """Split the faces along values = 0 (V,), linear along edges. Faces above 0 get `label`; None drops them.

        Vertices near the line are moved onto it, so that no slivers arise.
        """
        values, snap = self._snapped(values)
        ends, shares = [], []
        made: dict[tuple[int, int], int] = {}
        faces, labels = [], []

        def crossing(a: int, b: int) -> int:
            key = (min(a, b), max(a, b))
            if key not in made:
                made[key] = len(values) + len(ends)
                ends.append(key)
                shares.append(values[key[0]] / (values[key[0]] - values[key[1]]))
            return made[key]

        for face, old in zip(self.faces, self.labels, strict=True):
            for sign, new in ((1.0, label), (-1.0, old)):
                # A face that lies wholly on the line belongs below it.
                if new is None or not ((sign * values[face] > 0).any() or (sign < 0 and not values[face].any())):
                    continue
                piece = []
                for a, b in zip(face, [*face[1:], face[0]], strict=True):
                    if sign * values[a] >= 0:
                        piece.append(a)
                    if values[a] * values[b] < 0:
                        piece.append(crossing(a, b))
                faces.append(piece)
                labels.append(new)
        rows = np.arange(len(ends))
        pairs = np.array(ends, int).reshape(-1, 2)
        share = np.array(shares, float)
        extra = sparse.csr_matrix(
            (np.r_[1 - share, share], (np.r_[rows, rows], np.r_[pairs[:, 0], pairs[:, 1]])), (len(ends), len(values))
        )
        step = (sparse.vstack([sparse.identity(len(values)), extra]) @ snap).tocsr()
        return Patch(step @ self.vertices, faces, (step @ self.source).tocsr(), labels).compact()

    def _snapped(self, values: Array) -> tuple[Array, Sparse]:
        """Values with 0 where a vertex was moved onto the line, and the matrix (V, V) that moves the vertices."""
        edges = edges_of(self.faces)
        edges = np.vstack([edges, edges[:, ::-1]])
        first, second = values[edges[:, 0]], values[edges[:, 1]]
        crossed = first * second < 0
        edges, share = edges[crossed], (first / np.where(crossed, first - second, 1))[crossed]
        order = np.argsort(share)
        edges, share = edges[order], share[order]
        taken = np.zeros(len(values), bool)
        rows: dict[int, tuple[int, float]] = {}
        for (a, b), part in zip(edges.tolist(), share.tolist(), strict=True):
            if part > 0.3:
                break
            if not taken[a] and not taken[b]:
                rows[a] = (b, part)
                taken[a] = True
        values = np.where(taken, 0.0, values)
        moved = np.array(list(rows), int)
        target = np.array([b for b, _ in rows.values()], int)
        parts = np.array([part for _, part in rows.values()], float)
        diagonal = np.ones(len(values))
        diagonal[moved] -= parts
        return values, (
            sparse.diags(diagonal) + sparse.csr_matrix((parts, (moved, target)), (len(values),) * 2)
        ).tocsr()

    def compact(self) -> Patch:
        """Without the vertices that no face uses."""
        used = np.unique(np.concatenate([np.asarray(face) for face in self.faces]))
        number = np.full(len(self.vertices), -1)
        number[used] = np.arange(len(used))
        uvs = self.uvs[used] if len(self.uvs) else self.uvs
        faces = [number[face].tolist() for face in self.faces]
        return Patch(self.vertices[used], faces, self.source[used], self.labels, uvs)

    def boundary_loops(self) -> list[list[int]]:
        """Closed rims, each as vertex numbers in the direction in which its faces run."""
        directed = {(a, b) for face in self.faces for a, b in zip(face, [*face[1:], face[0]], strict=True)}
        following = {a: b for a, b in directed if (b, a) not in directed}
        loops = []
        while following:
            start, _ = next(iter(following.items()))
            loop, here = [], start
            while here in following:
                loop.append(here)
                here = following.pop(here)
            loops.append(loop)
        return loops

    def joined(self, other: Patch) -> Patch:
        """Both in one mesh."""
        shift = len(self.vertices)
        return Patch(
            np.vstack([self.vertices, other.vertices]),
            self.faces + [[i + shift for i in face] for face in other.faces],
            sparse.vstack([self.source, other.source]).tocsr(),
            self.labels + other.labels,
            np.vstack([self.uvs, other.uvs]) if len(self.uvs) and len(other.uvs) else np.zeros((0, 2)),
        )
