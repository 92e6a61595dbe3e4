# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes skin and eye textures: colours painted in the rest pose's space, laid out in the base mesh's own UVs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import KDTree

from ..skeleton import SMPLX55
from .body import IRIS, PUPIL, SIDES, Body, front_of_teeth, mouth_light
from .makehuman import HumanData
from .surface import triangles

Array = NDArray[Any]
Image = NDArray[np.float32]

SIZE = 2048


def to_png(linear: Image) -> bytes:
    """Linear RGB (H, W, 3) 0..1 as the bytes of an sRGB PNG."""
    from PIL import Image as Pictures

    linear = np.clip(linear, 0, 1)
    srgb = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    file = io.BytesIO()
    Pictures.fromarray((srgb * 255 + 0.5).astype(np.uint8)).save(file, "PNG", optimize=False, compress_level=7)
    return file.getvalue()


def at_vertices(data: HumanData, body: Body, name: str) -> Array:
    """(S,) the value of one of the base mesh's masks at each skin vertex."""
    picture = _mask(data, name)
    values = np.zeros(body.skin_count)
    for face, corners, material in zip(body.faces, body.face_uvs, body.face_materials, strict=True):
        if material == "skin":
            columns = np.clip(corners[:, 0] * SIZE, 0, SIZE - 1).astype(int)
            rows = np.clip((1 - corners[:, 1]) * SIZE, 0, SIZE - 1).astype(int)
            values[face] = np.maximum(values[face], picture[rows, columns])
    return values


def _mask(data: HumanData, name: str) -> Image:
    from PIL import Image as Pictures

    with Pictures.open(data.texture(name)) as picture:
        grey = picture.convert("L").resize((SIZE, SIZE), Pictures.Resampling.BILINEAR)
        return np.asarray(grey, np.float32) / 255


@lru_cache(maxsize=16)
def _noise(sigma: float, seed: int) -> Image:
    """Smooth noise (SIZE, SIZE) of unit variance; worked out coarse where it is smooth."""
    coarse = max(1, int(sigma // 3))
    random = np.random.default_rng(seed).standard_normal((SIZE // coarse, SIZE // coarse)).astype(np.float32)
    noise = gaussian_filter(random, sigma / coarse, mode="wrap")
    noise = noise.repeat(coarse, 0).repeat(coarse, 1)
    noise = np.pad(noise, ((0, SIZE - len(noise)), (0, SIZE - noise.shape[1])), mode="wrap")
    return (gaussian_filter(noise, coarse / 2) if coarse > 1 else noise) / noise.std()


def rasterise(uvs: Array, tris: NDArray[np.int64]) -> tuple[NDArray[np.int64], Array]:
    """Which triangle covers each pixel (H, W), -1 for none, and its barycentric coordinates (H, W, 3).

    uvs (V, 2) per corner, v upwards; tris (F, 3) into them. Triangles of like size are drawn together.
    """
    owner = np.full((SIZE, SIZE), -1)
    inside = np.zeros((SIZE, SIZE, 3), np.float32)
    corners = np.stack([uvs[:, 0], 1 - uvs[:, 1]], 1)[tris] * SIZE
    low = np.floor(corners.min(1)).astype(int) - 1
    span = (np.ceil(corners.max(1)).astype(int) + 1 - low).max(1)
    (ax, ay), (bx, by), (cx, cy) = (corners[:, k].T for k in range(3))
    area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
    sizes = [8, 16, 32, 64, 128, 256, 512]
    for smaller, size in zip([0, *sizes[:-1]], sizes, strict=True):
        ids = np.flatnonzero((span > smaller) & (span <= size) & (np.abs(area) > 1e-9))
        grid_y, grid_x = np.mgrid[:size, :size] + 0.5
        for some in np.array_split(ids, max(1, len(ids) * size * size // 2_000_000)):
            x = low[some, 0, None, None] + grid_x
            y = low[some, 1, None, None] + grid_y
            k = (some, None, None)
            a = ((by - cy)[k] * (x - cx[k]) + (cx - bx)[k] * (y - cy[k])) / area[k]
            b = ((cy - ay)[k] * (x - cx[k]) + (ax - cx)[k] * (y - cy[k])) / area[k]
            c = 1 - a - b
            fits = (a > -0.02) & (b > -0.02) & (c > -0.02) & (x > 0) & (y > 0) & (x < SIZE) & (y < SIZE)
            px, py = x[fits].astype(int), y[fits].astype(int)
            owner[py, px] = np.broadcast_to(some[:, None, None], fits.shape)[fits]
            inside[py, px] = np.stack([a[fits], b[fits], c[fits]], -1)
    return owner, inside


class SkinMap:
    """The rest-pose position of every pixel of the skin's texture. The layout is the same for every character."""

    def __init__(self, body: Body):
        faces = [f for f, material in zip(body.faces, body.face_materials, strict=True) if material == "skin"]
        corner_uvs = [u for u, material in zip(body.face_uvs, body.face_materials, strict=True) if material == "skin"]
        uvs = np.concatenate(corner_uvs)
        starts = np.cumsum([0, *(len(face) for face in faces[:-1])])
        corners = [list(range(start, start + len(face))) for start, face in zip(starts, faces, strict=True)]
        self.tris = triangles(faces)
        self.owner, self.inside = rasterise(uvs, triangles(corners))
        self.covered = self.owner >= 0
        nearest: Any = distance_transform_edt(~self.covered, return_distances=False, return_indices=True)
        self.nearest = tuple(nearest)

    def positions(self, vertices: Array) -> Image:
        """(SIZE, SIZE, 3) m; pixels outside every triangle repeat the nearest one inside."""
        tri = self.tris[np.maximum(self.owner, 0)]
        position = np.zeros((SIZE, SIZE, 3), np.float32)
        for k in range(3):
            position += self.inside[..., k, None] * vertices[tri[..., k]].astype(np.float32)
        return position[self.nearest]


def _brows(position: Image, covered: NDArray[np.bool_], eyes: Sequence[tuple[Array, float]], thick: float) -> Image:
    """Coverage (SIZE, SIZE) of brow hairs: short strokes drawn along an arch above each eye."""
    canvas = np.zeros((SIZE, SIZE), np.float32)
    random = np.random.default_rng(1)
    front = covered & (position[..., 2] > eyes[0][0][2] - 0.01) & (np.abs(position[..., 1] - eyes[0][0][1]) < 0.06)
    rows, columns = np.nonzero(front)
    tree = KDTree(position[rows, columns, :2])
    steps = np.linspace(0, 1, 26)
    for centre, _ in eyes:
        outward = np.sign(centre[0])
        count = int(430 * thick)
        u = random.random(count) ** 0.9
        along = -0.0155 + 0.043 * u
        height = 0.0165 + 0.0075 * np.sin(np.clip(1.25 * u, 0, 1.25) * np.pi * 0.62) - 0.006 * np.clip(u - 0.6, 0, 1)
        width = 0.0036 * thick * (1 - 0.72 * u) * np.clip(0.55 + 4 * u, 0, 1)
        across = (random.random(count) - 0.5) * 2 * width
        angle = np.radians(58 - 62 * u + random.normal(0, 7, count) - np.sign(across) * 14 * u)
        length = (0.0050 + 0.0028 * random.random(count)) * (1 - 0.25 * u)
        start = centre[:2] + np.stack([outward * along, height + across], 1)
        bend = angle[:, None] - 0.5 * steps
        step = np.stack([outward * np.cos(bend), np.sin(bend)], -1) * (length[:, None] * steps)[..., None]
        _, hit = tree.query(start[:, None] + step)
        ink = np.broadcast_to(0.85 - 0.5 * steps, hit.shape)
        np.maximum.at(canvas, (rows[hit], columns[hit]), ink)
    return np.clip(1.4 * gaussian_filter(canvas, 0.8), 0, 1)


def bake_skin(
    data: HumanData,
    body: Body,
    layout: SkinMap,
    tone: Sequence[float],
    hair: Sequence[float],
    lips: Sequence[float],
    stubble: float,
    brow: float,
    scalp: Array,
) -> bytes:
    """The skin's base colour as PNG.

    Args:
        tone, hair: linear RGB. lips: factors on the tone. stubble: 0..1 shadow of a shaved beard.
        brow: thickness, 1 for average. scalp: (S,) 0..1 per skin vertex, where hair grows.
    """
    position = layout.positions(body.vertices)
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    fine, middle, coarse = _noise(1.2, 3), _noise(6, 2), _noise(30, 1)
    colour = np.ones((SIZE, SIZE, 3), np.float32) * np.array(tone, np.float32)
    colour *= (1 + 0.025 * coarse + 0.02 * middle + 0.022 * fine)[..., None]
    colour[..., 0] *= 1 + 0.015 * _noise(60, 5)
    colour[..., 1] *= 1 - 0.02 * _noise(14, 6)

    def tint(factors: Sequence[float], amount: Image) -> None:
        colour[:] = colour * (1 + amount[..., None] * (np.array(factors, np.float32) - 1))

    def spot(at: Sequence[float], radius: float) -> Image:
        square = (np.abs(x) - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2
        return np.exp(-square / radius**2).astype(np.float32)

    eye_x, eye_y, eye_z = np.abs(body.eyes[0][0])
    blush = 0.55 * spot((eye_x + 0.012, eye_y - 0.04, eye_z - 0.002), 0.022) + 0.5 * spot(
        (0, eye_y - 0.042, eye_z + 0.035), 0.014
    )
    for name, strength, radius in (
        ("left_elbow", 0.35, 0.05), ("left_knee", 0.35, 0.05), ("left_middle1", 0.5, 0.013),
        ("left_index1", 0.5, 0.013), ("left_ring1", 0.5, 0.013), ("left_pinky1", 0.5, 0.013),
    ):  # fmt: skip
        blush += strength * spot(np.abs(body.joints[SMPLX55.index(name)]), radius)
    ears = _mask(data, "ears")
    tint((1.06, 0.76, 0.72), np.clip(blush + 0.45 * ears, 0, 1) * 0.55)
    tint((0.80, 0.70, 0.72), spot((eye_x, eye_y - 0.014, eye_z + 0.01), 0.013) * 0.35)
    if stubble:
        chin = body.joints[SMPLX55.index("jaw")]
        region = np.clip((eye_y - 0.050 - y) / 0.012, 0, 1) * np.clip((y - (chin[1] - 0.10)) / 0.03, 0, 1)
        region = region * np.clip((z - 0.02) / 0.03, 0, 1)
        tint((0.62, 0.62, 0.66), (region * stubble * (0.75 + 0.25 * np.clip(fine, -1, 1))).astype(np.float32))
    tint(lips, np.clip(gaussian_filter(_mask(data, "lips"), 2.5), 0, 1) * (0.9 + 0.06 * middle))
    tint((0.84, 0.72, 0.72), _mask(data, "eyelids") * 0.5)
    tint((1.12, 1.0, 1.0), _mask(data, "fingernails") * 0.7)
    within = _mask(data, "inside-mouth")[..., None]
    depth = front_of_teeth(body.vertices, body.faces, body.face_materials) - z
    colour = colour * (1 + within * (np.array([0.45, 0.18, 0.18]) * mouth_light(depth) - 1)).astype(np.float32)

    ink = np.array(hair, np.float32)
    covered = _brows(position, layout.covered, body.eyes, brow)[..., None]
    colour = colour * (1 - covered) + ink * covered
    tri = layout.tris[np.maximum(layout.owner, 0)]
    grown = np.einsum("yxk,yxk->yx", layout.inside, scalp[tri])[layout.nearest]
    grown = np.clip(grown * (1 + 0.10 * middle + 0.16 * fine), 0, 1)[..., None] * 0.92
    colour = colour * (1 - grown) + ink * grown
    return to_png(colour.astype(np.float32))


def bake_eye(iris: Sequence[float], size: int = 512) -> bytes:
    """The eyeball seen from the front, polar angle drawn as radius (180° at the picture's edge), as PNG."""
    rows, columns = np.mgrid[:size, :size]
    x, y = (columns + 0.5) / size * 2 - 1, 1 - (rows + 0.5) / size * 2
    polar = 180 * np.hypot(x, y)
    angle = np.arctan2(y, x)
    random = np.random.default_rng(4)
    streaks = sum(np.cos(k * angle + random.uniform(0, 6.3)) * random.normal() for k in range(9, 60)) / 7
    ring = np.clip((polar - PUPIL) / (IRIS - PUPIL), 0, 1)
    shade = (0.75 + 0.22 * streaks) * (1.25 - 0.55 * ring) * np.clip((1 - ring) / 0.16, 0.22, 1)
    colour = np.array(iris)[None, None] * shade[..., None]
    white = np.array([0.78, 0.74, 0.70]) * (1 - 0.12 * np.clip((polar - 40) / 50, 0, 1))[..., None]
    white = white * (1 - np.array([0.02, 0.14, 0.14]) * np.clip((polar - 38) / 45, 0, 1)[..., None])
    mix = np.clip((polar - IRIS + 0.8) / 1.6, 0, 1)[..., None]
    colour = colour * (1 - mix) + white * mix
    dark = np.clip((PUPIL + 0.5 - polar) / 1.0, 0, 1)[..., None]
    return to_png((colour * (1 - dark) + 0.004 * dark).astype(np.float32))


__all__ = ["SIDES", "SkinMap", "bake_eye", "bake_skin", "rasterise", "to_png"]
