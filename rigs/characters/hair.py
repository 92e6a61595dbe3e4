# SPDX-License-Identifier: GPL-3.0-or-later
"""Short hair as a mesh: an opaque cap that follows the hairline, and on it tapered ribbons combed along a style's flow.

A mesh survives FBX and glTF and looks alike in Workbench, EEVEE and Cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

from ..skeleton import SMPLX55
from .body import Body
from .surface import Patch, averaging, edges_of, nearest_mean, normals, triangles

Array = NDArray[Any]


@dataclass(frozen=True)
class Style:
    """`lift` m of the outermost ribbons above the skin at the crown, and `side_lift` at the hairline; `length` and
    `side_length` of the ribbons, m; `width` of a ribbon, m; `count` of ribbons; `shaved` height (m) above the hairline
    below which only stubble is painted at sides and back; `curl` and `scatter` (rad) disturb the flow.
    """

    flow: str
    lift: float
    side_lift: float
    length: float
    side_length: float
    count: int
    width: float = 0.0045
    shaved: float = 0.0
    curl: float = 0.0
    scatter: float = 0.2


STYLES = {
    "crop": Style("side", 0.024, 0.006, 0.056, 0.026, 2050, width=0.0034, scatter=0.20, curl=0.15),
    "bun": Style("bun", 0.010, 0.004, 0.16, 0.16, 1500, width=0.0032, scatter=0.04),
    "fade": Style("forward", 0.017, 0.004, 0.022, 0.009, 2100, width=0.0036, shaved=0.022, curl=0.7, scatter=0.5),
}
_STEPS = 4
_STRANDS = 64  # ribbon colours side by side in the texture


class Scalp:
    """The head's skin as the ground on which hair grows."""

    def __init__(self, body: Body, ears: Array):
        self.body = body
        self.vertices = body.vertices[: body.skin_count]
        self.faces = [f for f, material in zip(body.faces, body.face_materials, strict=True) if material == "skin"]
        self.normals = normals(self.vertices, triangles(self.faces))
        self.eye = np.abs(body.eyes[0][0])
        head = SMPLX55.index("head")
        grows = (body.weights[: body.skin_count, [head, SMPLX55.index("neck")]].sum(1) > 0.9) & (ears < 0.25)
        self.grows = grows & (self.vertices[:, 1] > self.eye[1] - 0.13)
        crown = self.vertices[self.grows]
        self.top = float(crown[:, 1].max())
        self.centre = np.array([0, self.top - 0.095, self.eye[2] - 0.105])
        skull = np.flatnonzero(self.grows)
        self._tree = KDTree(self.vertices[skull])
        self._skull = skull

    def hairline(self, p: Array) -> Array:
        """(n,) m: how far above the hairline the points (n, 3) lie; negative on bare skin."""
        x, y = np.abs(p[:, 0]), p[:, 1] - self.eye[1]
        depth = self.eye[2] - 0.01 - p[:, 2]
        # Forehead, temple with its recess, sideburn before the ear, above and behind the ear, nape.
        line = np.interp(
            depth,
            [-0.03, 0.0, 0.012, 0.024, 0.040, 0.052, 0.062, 0.075, 0.088, 0.100, 0.115, 0.135, 0.160, 0.20],
            [0.064, 0.062, 0.055, 0.040, 0.026, 0.008, -0.022, -0.026, 0.000, 0.008, -0.008, -0.040, -0.064, -0.072],
        )
        line = line - 0.12 * np.clip(0.03 - x, 0, 0.03) * (depth < 0.02)
        return y - line

    def inside(self, p: Array) -> Array:
        """Like `hairline`, held down where no hair grows (ears, face, trunk)."""
        _, ids = self._tree.query(p)
        near = np.linalg.norm(self.vertices[self._skull[ids]] - p, axis=1) < 0.02
        return np.where(near, self.hairline(p), -0.05)

    def shaved(self, p: Array, height: float) -> Array:
        """(n,) m above the fade line: the hairline at the front, `height` higher at sides and back."""
        depth = self.eye[2] - 0.01 - p[:, 2]
        raised = self.eye[1] + np.interp(depth, [0.0, 0.03, 0.06, 0.2], [0.0, 0.045, 0.028 + height, 0.010 + height])
        return np.minimum(self.hairline(p), np.where(depth > 0.0, p[:, 1] - raised, 1.0))

    def cover(self, style: Style) -> Array:
        """(S,) 0..1: how densely hair covers the skin at its vertices, stubble included."""
        dense = np.clip(0.5 + self.hairline(self.vertices) / 0.010, 0, 1) * self.grows
        if style.shaved:
            above = self.shaved(self.vertices, style.shaved)
            dense *= np.clip(1.0 + above / 0.055, 0.42, 1)
        return dense

    def ground(self, p: Array) -> tuple[Array, Array]:
        """Nearest places on the scalp to points (n, 3) and the normals there, blended from near vertices."""
        distance, ids = self._tree.query(p, k=6)
        share = 1 / (distance**2 + 2e-5)
        share /= share.sum(1, keepdims=True)
        ids = self._skull[ids]
        normal = np.einsum("nk,nkc->nc", share, self.normals[ids])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        height = np.einsum("nk,nkc,nkc->n", share, p[:, None] - self.vertices[ids], self.normals[ids])
        return p - height[:, None] * normal, normal


def _cap(scalp: Scalp, style: Style) -> Patch:
    """The shell under the ribbons: sunk into the skin at its rim, so that it rises out of the painted stubble."""

    def inside(p: Array) -> Array:
        return np.minimum(scalp.shaved(p, style.shaved) if style.shaved else 1.0, scalp.hairline(p))

    good = scalp.grows
    faces = [f for f in scalp.faces if good[f].all() and (inside(scalp.vertices[f]) > -0.025).all()]
    patch = Patch.of(scalp.vertices, faces, "hair").subdivided()
    patch = patch.cut(-inside(patch.vertices), None)
    _, normal = scalp.ground(patch.vertices)
    step = averaging(len(patch.vertices), edges_of(patch.faces))
    rise = -0.0012 + 0.62 * _lift(scalp, style, patch.vertices)
    for _ in range(3):
        rise = step @ rise
    rim = np.unique(np.concatenate(patch.boundary_loops()))
    rise[rim] = -0.0012
    patch.vertices = patch.vertices + normal * rise[:, None]
    around = np.arctan2(patch.vertices[:, 0], patch.vertices[:, 2] - scalp.centre[2])
    patch.uvs = np.stack([np.abs(around) / np.pi, np.full(len(around), 0.2)], 1)
    return patch


def _lift(scalp: Scalp, style: Style, p: Array) -> Array:
    """(n,) m height of the hair's surface above the skin."""
    inside = scalp.shaved(p, style.shaved) if style.shaved else scalp.hairline(p)
    up = np.clip((p[:, 1] - scalp.eye[1] - 0.03) / (scalp.top - scalp.eye[1] - 0.04), 0, 1)
    height = style.side_lift + (style.lift - style.side_lift) * up**1.3
    return height * np.clip(inside / 0.016, 0, 1) ** 0.7


def _flow(scalp: Scalp, style: Style) -> Callable[[Array], Array]:
    """Where a ribbon at points (n, 3) wants to go, (n, 3), not yet along the skin."""
    centre, eye = scalp.centre, scalp.eye

    def side(p: Array) -> Array:
        # A parting on the left: hair on top falls to the right and forward, the rest down.
        top = np.clip((p[:, 1] - eye[1] - 0.05) / 0.05, 0, 1)[:, None]
        across = np.tanh((p[:, :1] - 0.034) / 0.006) * [1, 0, 0]
        front = np.clip((p[:, 2:] - centre[2]) / 0.09, -1, 1)
        on_top = across + [0, 0, 1] * (0.75 * front) - [0, 0.3, 0]
        down = np.array([0, -1.0, -0.25])
        return top * on_top + (1 - top) * down

    def forward(p: Array) -> Array:
        whorl = np.array([0.012, scalp.top - 0.02, centre[2] - 0.065])
        away = p - whorl
        away /= np.linalg.norm(away, axis=1, keepdims=True).clip(1e-6)
        top = np.clip((p[:, 1] - eye[1] - 0.05) / 0.05, 0, 1)[:, None]
        return top * (away + np.array([0.25, 0, 0.35])) + (1 - top) * np.array([0, -1.0, -0.1])

    knot = bun_place(scalp)[0]

    def bun(p: Array) -> Array:
        return knot - p

    return {"side": side, "forward": forward, "bun": bun}[style.flow]


def bun_place(scalp: Scalp) -> tuple[Array, float]:
    """Centre and radius (m) of a bun, high on the back of the head."""
    at = np.array([[0, scalp.top - 0.030, scalp.centre[2] - 0.13]])
    ground, normal = scalp.ground(at)
    return (ground + 0.020 * normal)[0], 0.037


def _ribbons(scalp: Scalp, style: Style, cap: Patch) -> Patch:
    random = np.random.default_rng(11)
    tris = triangles(cap.faces)
    a, b, c = (cap.vertices[tris[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    pick = random.choice(len(tris), style.count, p=area / area.sum())
    u = random.random((style.count, 2))
    u = np.where(u.sum(1, keepdims=True) > 1, 1 - u, u)
    roots = a[pick] + u[:, :1] * (b - a)[pick] + u[:, 1:] * (c - a)[pick]
    ground, normal = scalp.ground(roots)
    lift = _lift(scalp, style, ground)
    layer = 0.55 + 0.55 * random.random(style.count)
    up = np.clip((ground[:, 1] - scalp.eye[1] - 0.03) / 0.07, 0, 1)
    length = (style.side_length + (style.length - style.side_length) * up) * random.uniform(0.75, 1.15, style.count)
    want = _flow(scalp, style)
    knot, knot_radius = bun_place(scalp)

    place = ground + (0.35 * lift - 0.001)[:, None] * normal
    turn = random.normal(0, style.scatter, style.count)
    bend = random.normal(0, style.curl, style.count)
    path, sides = [], []
    alive = np.ones(style.count)
    for k in range(_STEPS + 1):
        direction = want(place)
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True).clip(1e-9)
        direction -= normal * (direction * normal).sum(1, keepdims=True)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True).clip(1e-9)
        across = np.cross(normal, direction)
        angle = (turn + bend * k / _STEPS)[:, None]
        direction = np.cos(angle) * direction + np.sin(angle) * across
        across = np.cross(normal, direction)
        path.append(place)
        sides.append(across)
        if style.flow == "bun":
            alive = np.clip((np.linalg.norm(place - knot, axis=1) - 0.6 * knot_radius) / 0.03, 0, 1)
        moved = place + direction * (length / _STEPS * alive)[:, None]
        ground, normal = scalp.ground(moved)
        grown = (k + 1) / _STEPS
        # Ribbons rise from the skin and come down again towards the tip, lying on those beneath.
        rise = np.minimum(1, 0.45 + 1.3 * grown) - 0.35 * grown**3
        lift = (
            np.maximum(_lift(scalp, style, ground), 0.5 * lift) if style.flow != "bun" else _lift(scalp, style, ground)
        )
        place = ground + (layer * lift * rise + 0.0008)[:, None] * normal
    centre = np.stack(path, 1)
    across = np.stack(sides, 1)
    along = np.linspace(0, 1, _STEPS + 1)
    half = 0.5 * style.width * (0.45 + 1.0 * np.minimum(along * 3, 1) * (1 - 0.85 * along**2.2))
    half = half * random.uniform(0.8, 1.25, (style.count, 1))
    left = centre - across * half[..., None]
    right = centre + across * half[..., None]
    points = np.stack([left, right], 2)
    per = 2 * (_STEPS + 1)
    faces = [
        [n * per + 2 * k, n * per + 2 * k + 1, n * per + 2 * k + 3, n * per + 2 * k + 2]
        for n in range(style.count)
        for k in range(_STEPS)
    ]
    strand = random.integers(0, _STRANDS, style.count) / _STRANDS
    uvs = np.empty((style.count, _STEPS + 1, 2, 2))
    uvs[..., 0] = strand[:, None, None] + np.array([0.06, 0.94])[None, None] / _STRANDS
    uvs[..., 1] = along[None, :, None]
    tie = nearest_mean(scalp.vertices, roots, 4)
    source = sparse.csr_matrix(tie)[np.repeat(np.arange(style.count), per)]
    return Patch(points.reshape(-1, 3), faces, source, ["hair"] * len(faces), uvs.reshape(-1, 2))


def _bun(scalp: Scalp, style: Style) -> Patch:
    """A knot of hair: a ball, and ribbons wound round it."""
    knot, radius = bun_place(scalp)
    _, out = scalp.ground(knot[None])
    axis = out[0]
    first = np.cross(axis, [1.0, 0, 0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    frame = np.stack([first, second, axis], 1)
    random = np.random.default_rng(5)
    pieces, faces, uvs = [], [], []

    def on_ball(polar: Array, turn: Array, swell: Array | float) -> Array:
        r = radius * swell
        flat = np.sin(polar) * r * 1.06
        # A dimple in the middle, where the ends are tucked in.
        height = 0.80 * np.cos(polar) * r - 0.010 * np.exp(-((polar / 0.35) ** 2))
        return knot + np.stack([flat * np.cos(turn), flat * np.sin(turn), height], -1) @ frame.T

    rows, columns = 13, 24
    polar, turn = np.meshgrid(np.linspace(0.02, 2.5, rows), 2 * np.pi * np.arange(columns) / columns, indexing="ij")
    pieces.append(on_ball(polar, turn, 0.95).reshape(-1, 3))
    uvs.append(np.stack([turn.ravel() / 6.3, np.full(turn.size, 0.3)], 1))
    for r in range(rows - 1):
        for k in range(columns):
            n = (k + 1) % columns
            faces.append([r * columns + k, (r + 1) * columns + k, (r + 1) * columns + n, r * columns + n])
    count, steps = 130, 8
    total = rows * columns
    for _ in range(count):
        t = np.linspace(0, 1, steps + 1)
        where = np.arccos(random.uniform(-0.75, 0.98))
        spread = random.uniform(-0.25, 0.25)
        polar = np.clip(where + spread * t, 0.05, 2.4)
        turn = random.uniform(0, 2 * np.pi) + random.uniform(1.0, 1.7) * t
        swell = 0.97 + 0.07 * random.random() * np.sin(np.pi * t)
        half = 0.065 * (0.3 + np.sin(np.pi * t)) * random.uniform(0.7, 1.1) * 1.2
        edge = np.stack([on_ball(polar - half, turn, swell), on_ball(polar + half, turn, swell)], 1)
        pieces.append(edge.reshape(-1, 3))
        strand = random.integers(0, _STRANDS) / _STRANDS
        uv = np.empty((steps + 1, 2, 2))
        uv[..., 0] = strand + np.array([0.06, 0.94]) / _STRANDS
        uv[..., 1] = t[:, None]
        uvs.append(uv.reshape(-1, 2))
        for k in range(steps):
            n = total + 2 * k
            faces.append([n, n + 2, n + 3, n + 1])
        total += 2 * (steps + 1)
    vertices = np.concatenate(pieces)
    tie = nearest_mean(scalp.vertices, knot[None], 4)
    source = sparse.csr_matrix(tie)[np.zeros(len(vertices), int)]
    return Patch(vertices, faces, source, ["hair"] * len(faces), np.concatenate(uvs))


def grow(scalp: Scalp, style: Style) -> Patch:
    """All hair of one head."""
    cap = _cap(scalp, style)
    hair = cap.joined(_ribbons(scalp, style, cap))
    if style.flow == "bun":
        hair = hair.joined(_bun(scalp, style))
    return hair


def hair_texture(colour: Sequence[float]) -> Array:
    """Linear RGB (128, 512, 3): one column of fine streaks per ribbon colour; roots (v = 0) darker than tips."""
    random = np.random.default_rng(3)
    shade = np.repeat(random.normal(1, 0.22, _STRANDS), 512 // _STRANDS) * random.normal(1, 0.20, 512)
    tip = np.linspace(1.35, 0.7, 128)[:, None]
    shade = np.clip(shade, 0.45, 1.9)[None] * tip
    warm = np.repeat(random.normal(0, 0.05, _STRANDS), 512 // _STRANDS)[None]
    picture = np.array(colour) * shade[..., None]
    picture[..., 0] *= 1 + warm
    return picture
