# SPDX-License-Identifier: GPL-3.0-or-later
"""Short hair as a mesh: an opaque cap that follows the hairline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..skeleton import SMPLX55
from .body import Body
from .surface import Patch, averaging, edges_of, normals, triangles

Array = NDArray[np.float64]


def hairline(body: Body, p: Array) -> Array:
    """(n,) m: how far above the hairline the points (n, 3) lie, measured roughly upwards; negative on bare skin."""
    eye = np.abs(body.eyes[0][0])
    head = body.joints[SMPLX55.index("head")]
    x, y, z = np.abs(p[:, 0]), p[:, 1] - eye[1], p[:, 2]
    front = eye[2] - 0.01
    # Forehead, temple with its recess, sideburn before the ear, round the ear, and the nape.
    depth = front - z
    line = np.interp(
        depth,
        [-0.03, 0.0, 0.012, 0.028, 0.045, 0.060, 0.075, 0.092, 0.105, 0.125, 0.150, 0.19],
        [0.068, 0.064, 0.055, 0.038, 0.020, -0.012, -0.004, 0.012, 0.004, -0.030, -0.062, -0.072],
    )
    line = line - np.clip(0.035 - x, 0, 0.035) * np.clip((0.03 - depth) / 0.03, 0, 1) * 0.15
    return np.where(y > head[1] - eye[1] - 0.09, y - line, -1.0)


def scalp_cover(body: Body) -> Array:
    """(S,) 0..1: where hair grows on the skin's vertices."""
    skin = body.vertices[: body.skin_count]
    inside = np.clip(0.5 + hairline(body, skin) / 0.012, 0, 1)
    return inside * (body.weights[: body.skin_count, SMPLX55.index("head")] > 0.4)


def cap(body: Body, thickness: float) -> Patch:
    """A shell over the scalp, `thickness` m at the crown and thin at the hairline."""
    skin = body.vertices[: body.skin_count]
    inside = hairline(body, skin)
    on_head = body.weights[: body.skin_count, SMPLX55.index("head")] > 0.4
    faces = [
        face
        for face, material in zip(body.faces, body.face_materials, strict=True)
        if material == "skin" and (inside[face] > -0.02).all() and on_head[face].all()
    ]
    patch = Patch.of(skin, faces, "hair").subdivided()
    patch = patch.cut(-hairline(body, patch.vertices), None)
    normal = normals(patch.vertices, triangles(patch.faces))
    step = averaging(len(patch.vertices), edges_of(patch.faces))
    rise = np.clip(hairline(body, patch.vertices) / 0.03, 0.1, 1) * thickness
    for _ in range(8):
        rise = step @ rise
    patch.vertices = patch.vertices + normal * rise[:, None]
    patch.uvs = patch.vertices[:, :2] * 4
    return patch
