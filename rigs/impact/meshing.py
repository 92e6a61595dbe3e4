# SPDX-License-Identifier: GPL-3.0-or-later
"""From any triangle mesh to what can be analysed: an even shell of a few hundred vertices, or a solid of tetrahedra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

from ..errors import InputError
from .thin import clustered, without_slivers

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MOST_VERTICES = 800  # of a shell: beyond, solving takes long and gains little


@dataclass(frozen=True)
class Measures:
    """`area` m² and `volume` m³ (0 of an open mesh) · `closed` · `size` m, the longest side of the box along its axes ·
    `axes` (3, 3), rows, and `low`, `high` (3,) m of that box · `fill`, the share of it that the volume takes.
    """

    area: float
    volume: float
    closed: bool
    size: float
    axes: Array
    low: Array
    high: Array
    fill: float


def cleaned(vertices: NDArray[np.floating], triangles: NDArray[np.integer]) -> tuple[Array, Index]:
    """Without unused and doubled vertices, doubled triangles and those without area.

    Raises:
        InputError: nothing with an area is left, or a coordinate is not finite.
    """
    vertices = np.asarray(vertices, float).reshape(-1, 3)
    triangles = np.asarray(triangles, np.int64).reshape(-1, 3)
    if not np.isfinite(vertices).all():
        raise InputError("The mesh has coordinates that are not numbers; repair it with Mesh > Clean Up.")
    if len(triangles) == 0:
        raise InputError("The mesh has no faces, so it cannot sound; give it faces.")
    size = float(np.ptp(vertices[np.unique(triangles)], axis=0).max())
    if size <= 0:
        raise InputError("The mesh has no extent, so it cannot sound; scale it up.")
    # Within a millionth of the size it is the same place; unused vertices may lie anywhere.
    low = vertices[triangles.ravel()].min(0)
    cell = np.clip(np.round((vertices - low) / (size * 1e-6)), -1, 1 << 20).astype(np.int64) + 1
    key = (cell[:, 0] << 42) + (cell[:, 1] << 21) + cell[:, 2]
    _, kept, places = np.unique(key, return_index=True, return_inverse=True)
    vertices, triangles = vertices[kept], places.reshape(-1)[triangles]
    return without_slivers(vertices, triangles.astype(np.int64), size)


def measure(vertices: Array, triangles: Index) -> Measures:
    """Of a cleaned mesh."""
    a, b, c = vertices[triangles].swapaxes(0, 1)
    normals = np.cross(b - a, c - a) / 2
    areas = np.linalg.norm(normals, axis=1)
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    keys = directed[:, 0] * len(vertices) + directed[:, 1]
    back = directed[:, 1] * len(vertices) + directed[:, 0]
    # A few edges that thinning has left open do not make a vessel of a solid.
    closed = bool(np.isin(back, keys).mean() > 0.985 and len(np.unique(keys)) > 0.985 * len(keys))
    middle = vertices.mean(0)
    volume = abs(float(np.einsum("ij,ij->i", a - middle, np.cross(b - middle, c - middle)).sum() / 6))
    axes = _box_axes(vertices, normals, areas)
    along = vertices @ axes.T
    low, high = along.min(0), along.max(0)
    box = float(np.prod(np.maximum(high - low, 1e-12)))
    return Measures(float(areas.sum()), volume if closed else 0.0, closed, float((high - low).max()), axes, low, high,
                    volume / box if closed else 0.0)  # fmt: skip


def _box_axes(vertices: Array, normals: Array, areas: Array) -> Array:
    """Rows: the axes of the smallest of two boxes, one along the faces' directions, one along the mesh's own axes."""
    best, axes = np.inf, np.eye(3)
    _, faces = np.linalg.eigh((normals / np.maximum(areas, 1e-30)[:, None] ** 0.5).T @ (
        normals / np.maximum(areas, 1e-30)[:, None] ** 0.5))  # fmt: skip
    for candidate in (np.eye(3), faces.T):
        box = float(np.prod(np.maximum(np.ptp(vertices @ candidate.T, axis=0), 1e-9)))
        if box < 0.98 * best:
            best, axes = box, candidate
    return axes


# --- shells ---------------------------------------------------------------------------------------------------------


def even_shell(vertices: Array, triangles: Index, count: int = 420) -> tuple[Array, Index]:
    """About `count` vertices, evenly spread: long edges are split, and what lies close together is made one."""
    area = float(np.linalg.norm(np.cross(*np.diff(vertices[triangles], axis=1).swapaxes(0, 1)), axis=1).sum() / 2)
    edge = np.sqrt(area / count / 0.87)
    # A mesh of millions of faces is thinned first: splitting it would only make more.
    if len(vertices) > 4 * count:
        vertices, triangles = clustered(vertices, triangles, 0.5 * edge)
    for _ in range(12):
        vertices, triangles, split = _split_edges(vertices, triangles, 1.35 * edge)
        if not split or len(vertices) > 12 * count:
            break
    thinned, cell = (vertices, triangles), 0.7 * edge
    while len(thinned[0]) > min(1.6 * count, MOST_VERTICES):
        thinned = clustered(vertices, triangles, cell)
        cell *= 1.1
    return thinned


def _split_edges(vertices: Array, triangles: Index, longest: float) -> tuple[Array, Index, bool]:
    """Every edge longer than that gets a vertex in its middle, and every triangle is cut to fit."""
    sides = np.stack([triangles, np.roll(triangles, -1, axis=1)], -1)  # (F, 3, 2)
    keys = np.sort(sides, axis=-1)
    flat = keys[..., 0] * len(vertices) + keys[..., 1]
    unique, first, place = np.unique(flat, return_index=True, return_inverse=True)
    ends = keys.reshape(-1, 2)[first]
    long = np.linalg.norm(vertices[ends[:, 0]] - vertices[ends[:, 1]], axis=1) > longest
    if not long.any():
        return vertices, triangles, False
    number = np.full(len(unique), -1, np.int64)
    number[long] = len(vertices) + np.arange(long.sum())
    vertices = np.concatenate([vertices, vertices[ends[long]].mean(1)])
    middle = number[place.reshape(-1, 3)]  # of the side that starts at each corner
    cut = middle >= 0
    made = [triangles[~cut.any(1)]]
    for pattern in range(1, 8):
        want = np.array([pattern & 1, pattern >> 1 & 1, pattern >> 2 & 1], bool)
        chosen = (cut == want).all(1)
        if not chosen.any():
            continue
        # Turned so that the uncut side, or the only cut one, comes first.
        turn = 0 if want.all() else int(np.flatnonzero(want if want.sum() == 1 else ~want)[0])
        a, b, c = np.roll(triangles[chosen], -turn, axis=1).T
        ab, bc, ca = np.roll(middle[chosen], -turn, axis=1).T
        if want.all():
            pieces = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        elif want.sum() == 1:
            pieces = [(a, ab, c), (ab, b, c)]
        else:
            pieces = [(c, ca, bc), (a, b, bc), (a, bc, ca)]
        made += [np.stack(piece, 1) for piece in pieces]
    return vertices, np.concatenate(made), True


def middle_surface(vertices: Array, triangles: Index, thickness: float) -> tuple[Array, Index]:
    """Of a closed mesh that has both faces of its wall: each vertex moved inwards by half the wall, where they meet."""
    a, b, c = vertices[triangles].swapaxes(0, 1)
    normals = np.cross(b - a, c - a)
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum()
    at = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(at, triangles[:, corner], normals)
    at /= np.maximum(np.linalg.norm(at, axis=1, keepdims=True), 1e-30)
    moved = vertices - np.sign(volume) * 0.5 * thickness * at
    pairs = KDTree(moved).query_pairs(0.4 * thickness, output_type="ndarray")
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (len(moved), len(moved)))
    _, group = csgraph.connected_components(graph, directed=False)
    _, first = np.unique(group, return_index=True)
    merged = group[triangles]
    whole = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    if not whole.any():
        return vertices, triangles
    return without_slivers(moved[first], merged[whole], float(np.ptp(moved, axis=0).max()))


# --- solids ---------------------------------------------------------------------------------------------------------

# A cube cut into six tetrahedra round its diagonal from corner 0 to corner 7; corner bits are x, y, z.
_KUHN = np.array([[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]])
_CORNERS = np.array([[n & 1, n >> 1 & 1, n >> 2 & 1] for n in range(8)])


def tetrahedra(vertices: Array, triangles: Index, measures: Measures, cells: int = 100) -> tuple[Array, Index]:
    """A closed mesh filled with tetrahedra: those of a grid along its box, whose nodes near the surface lie on it.

    Every edge of the grid that the surface cuts has its nearer node moved onto the cut, after which no edge goes
    through the surface; the tetrahedra within are kept (after Labelle and Shewchuk 2007, with moved nodes only).

    Args:
        cells: about how many cubes; a side has one at least.

    Returns:
        nodes (N, 3) m and tetrahedra (E, 4), in the mesh's own space.

    Raises:
        InputError: nothing of it is inside.
    """
    along = vertices @ measures.axes.T
    extent = np.maximum(measures.high - measures.low, 1e-9)
    counts = _cell_counts(extent, cells)
    if measures.fill < 0.97:  # what is round needs more than a node or two inside
        counts = np.maximum(counts, 4)
    step = extent / counts
    grid = np.stack(np.meshgrid(*[np.arange(n + 1) for n in counts], indexing="ij"), -1).reshape(-1, 3)
    shape = tuple(int(n) + 1 for n in counts)
    nodes = measures.low + grid * step
    # A line exactly along a face or an edge is undecided, so the lines run a hair inside.
    inside, nearest = np.zeros(shape), np.full((*shape, 3), np.inf)
    votes = np.zeros(shape)
    for axis in range(3):
        if counts[axis] >= 1:
            _cast(along, triangles, measures, counts, axis, inside, nearest)
            votes += 1
    state = np.where(inside / votes > 0.5, -1, 1).reshape(-1)
    nearest = nearest.reshape(-1, 3)
    moved = np.argmin(np.abs(nearest) / step, axis=1)
    rows = np.arange(len(nodes))
    shift = nearest[rows, moved]
    snapped = np.abs(shift) <= 0.5001 * step[moved]
    nodes[rows[snapped], moved[snapped]] += shift[snapped]
    state[snapped] = 0
    base = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), -1).reshape(-1, 3)
    x, y, z = (base[:, None] + _CORNERS).transpose(2, 0, 1)
    corners = (x * shape[1] + y) * shape[2] + z
    tets = corners[:, _KUHN].reshape(-1, 4)
    signs = state[tets]
    keep = signs.sum(1) < 0
    # Those whose corners all lie on the surface are inside if their middle is.
    undecided = (signs == 0).all(1)
    if undecided.any():
        keep[undecided] = _contains(along, triangles, nodes[tets[undecided]].mean(1))
    tets = tets[keep]
    a, b, c, d = nodes[tets].swapaxes(0, 1)
    volume = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6
    tets[volume < 0] = tets[volume < 0][:, [0, 2, 1, 3]]
    tets = tets[np.abs(volume) > 0.02 * np.prod(step) / 6]
    if len(tets) == 0:
        raise InputError("The mesh encloses nothing; close it, or give it a Solidify modifier.")
    used, places = np.unique(tets, return_inverse=True)
    return nodes[used] @ measures.axes, places.reshape(-1, 4).astype(np.int64)


def _cell_counts(extent: Array, cells: int) -> Index:
    edge = (float(np.prod(extent)) / cells) ** (1 / 3)
    for _ in range(30):
        counts = np.maximum(1, np.round(extent / edge)).astype(np.int64)
        if counts.prod() <= 1.15 * cells:
            break
        edge *= 1.06
    return np.minimum(counts, 60)


def _cast(
    along: Array, triangles: Index, measures: Measures, counts: Index, axis: int, inside: Array, nearest: Array
) -> None:
    """Count, for each node, how often a line along the axis has passed the surface, and note the cuts beside it."""
    others = [other for other in range(3) if other != axis]
    step = (measures.high - measures.low) / counts
    lines = [np.arange(counts[other] + 1) * step[other] + measures.low[other] for other in others]
    nudge = [1e-4 * step[other] for other in others]
    for k, other in enumerate(others):
        lines[k] = np.clip(lines[k], measures.low[other] + nudge[k] * 1.3, measures.high[other] - nudge[k])
    u, v = (axis_grid.reshape(-1) for axis_grid in np.meshgrid(*lines, indexing="ij"))
    corners = along[triangles]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    (ua, ub, uc), (va, vb, vc) = (tuple(corner[:, other] for corner in (a, b, c)) for other in others)
    area = (ub - ua) * (vc - va) - (uc - ua) * (vb - va)
    usable = np.abs(area) > 1e-14 * measures.size**2
    steps = np.arange(counts[axis] + 1) * step[axis] + measures.low[axis]
    line, height = [], []
    for start in range(0, len(u), 64):
        part = slice(start, start + 64)
        x, y = u[part, None], v[part, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            w1 = ((x - ua) * (vc - va) - (uc - ua) * (y - va)) / area
            w2 = ((ub - ua) * (y - va) - (x - ua) * (vb - va)) / area
            hit = usable & (w1 >= 0) & (w2 >= 0) & (w1 + w2 <= 1)
        where, which = np.nonzero(hit)
        line.append(where + start)
        height.append(
            a[which, axis]
            + w1[where, which] * (b[which, axis] - a[which, axis])
            + w2[where, which] * (c[which, axis] - a[which, axis])
        )
    lines_hit, heights = np.concatenate(line), np.concatenate(height)
    order = np.lexsort((heights, lines_hit))
    lines_hit, heights = lines_hit[order], heights[order]
    table_in = np.moveaxis(inside, axis, -1).reshape(len(u), -1)
    table_near = np.moveaxis(nearest[..., axis], axis, -1).reshape(len(u), -1)
    small = 1e-3 * step[axis]
    bounds = np.searchsorted(lines_hit, np.arange(len(u) + 1))
    for number in range(len(u)):
        cuts = heights[bounds[number] : bounds[number + 1]]
        if len(cuts) == 0:
            continue
        # A node a hair outside its own face belongs to it.
        table_in[number] += (
            np.searchsorted(cuts, np.clip(steps, cuts[0] + small, cuts[-1] - small))
            % 2
            * ((steps >= cuts[0] - small) & (steps <= cuts[-1] + small))
        )
        gaps = cuts[None] - steps[:, None]
        best = np.argmin(np.abs(gaps), axis=1)
        table_near[number] = gaps[np.arange(len(steps)), best]
    shape = np.moveaxis(inside, axis, -1).shape
    inside[...] = np.moveaxis(table_in.reshape(shape), -1, axis)
    nearest[..., axis] = np.moveaxis(table_near.reshape(shape), -1, axis)


def _contains(along: Array, triangles: Index, points: Array) -> NDArray[np.bool_]:
    """Whether points lie in a closed mesh: by the solid angle under which it is seen (van Oosterom and Strackee)."""
    result = np.zeros(len(points), bool)
    for start in range(0, len(points), 32):
        r = along[triangles][None] - points[start : start + 32, None, None]
        length = np.linalg.norm(r, axis=-1)
        a, b, c = r[:, :, 0], r[:, :, 1], r[:, :, 2]
        la, lb, lc = length[..., 0], length[..., 1], length[..., 2]
        top = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
        bottom = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
        angle = 2 * np.arctan2(top, bottom).sum(1)
        result[start : start + 32] = np.abs(angle) > 2 * np.pi
    return result
