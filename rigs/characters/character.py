# SPDX-License-Identifier: GPL-3.0-or-later
"""The default characters as plain data: a body that follows motion, and the meshes and materials it is seen with.

Loaded in Blender too, hence without scipy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..skeleton import SMPL24, Rest
from ..smpl import BodyModel

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Material:
    """One surface, in the terms of a principled shader.

    `color` (3,) linear RGB, used where there is no `image`; `image` PNG bytes, sRGB base colour, or None;
    `roughness`, `subsurface`, `sheen`, `coat`, `specular` 0..1.
    """

    name: str
    color: tuple[float, ...]
    roughness: float = 0.5
    subsurface: float = 0.0
    sheen: float = 0.0
    coat: float = 0.0
    specular: float = 0.5
    image: bytes | None = None


@dataclass(frozen=True)
class SkinnedMesh:
    """V vertices, P polygons with L corners in all, bound to J joints.

    `vertices` (V, 3) m, rest T-pose · `polygon_vertices` (L,) · `polygon_sizes` (P,) · `corner_uvs` (L, 2), v upwards ·
    `polygon_materials` (P,) into `materials`, which name entries of the character's materials · `weights` (V, J), each
    row sums to 1 · `morphs` name to (V, 3) m offsets at full weight · `posedirs` (V, 3, 9(J-1)) m per entry of
    R_j - I, row-major, joints 1.., as in SMPL, or None · `subdivision` level that a close render wants.
    """

    name: str
    vertices: Floats
    polygon_vertices: Integers
    polygon_sizes: Integers
    corner_uvs: Floats
    polygon_materials: Integers
    materials: list[str]
    weights: Floats
    morphs: dict[str, Floats] = field(default_factory=dict)
    posedirs: Floats | None = None
    subdivision: int = 0


@dataclass(frozen=True)
class Character:
    """`meshes[0]` is the body with the vertex order of `body`; polygons hidden under clothes are left out of it.

    `materials` by name. `relaxed_hand` maps finger joints of SMPL-X to axis-angle (3,) rad: a hand at ease (empty for
    SMPL-24, whose template has the fingers at ease already).
    """

    name: str
    body: BodyModel
    meshes: list[SkinnedMesh]
    materials: dict[str, Material]
    relaxed_hand: dict[str, Floats] = field(default_factory=dict)

    def rest(self) -> Rest:
        return self.body.rest()


def relaxed_hand() -> dict[str, Floats]:
    """Finger joint of SMPL-X to axis-angle (3,) rad that bends the straight fingers of the T-pose to a hand at ease."""
    bends = {"index": (10, 18, 12), "middle": (16, 24, 14), "ring": (20, 27, 15), "pinky": (22, 28, 15)}
    pose = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for finger, angles in bends.items():
            for k, angle in enumerate(angles, 1):
                pose[f"{side}_{finger}{k}"] = np.array([0.0, 0.0, -sign * np.radians(angle)])
        # The thumb lies across the palm's front: it bends about the axis square to its own direction.
        for k, angle in enumerate((6, 12, 14), 1):
            axis = np.array([0.35, -sign * 0.86, -sign * 0.37])
            pose[f"{side}_thumb{k}"] = -sign * np.radians(angle) * axis * np.array([sign, sign, 1.0]) * -1
    return pose


def to_smpl24(weights: Floats) -> Floats:
    """(V, 55) to (V, 24): jaw and eyes count to the head, fingers to the hands."""
    merged = weights[:, :24].copy()
    merged[:, 22] = weights[:, 25:40].sum(1)
    merged[:, 23] = weights[:, 40:55].sum(1)
    merged[:, SMPL24.index("head")] += weights[:, 22:25].sum(1)
    return merged
