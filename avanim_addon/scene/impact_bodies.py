# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thing of the scene is made of, and its shape as it is seen: for its sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.impact import materials
from ...rigs.impact.thin import thinned
from .render import changed

Array = NDArray[np.float64]
Index = NDArray[np.int64]

# Plain properties of objects and materials, which are read where the add-on is not enabled, too.
MATERIAL = "avanim_sound_material"
VALUES = {"loss": "avanim_sound_loss", "young": "avanim_sound_young", "density": "avanim_sound_density",
          "thickness": "avanim_sound_thickness"}  # fmt: skip
MOST_VERTICES = 6000
_PROBES = 400  # vertices that are held against other bodies


def to_model(points: Any) -> Array:
    """(…, 3) in Blender's axes to Y up."""
    points = np.asarray(points, float)
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def turn_to_model(rotations: Array) -> Array:
    """(…, 3, 3) of frames whose points keep Blender's own axes: only what comes out is Y up."""
    return np.stack([rotations[..., 0, :], rotations[..., 2, :], -rotations[..., 1, :]], axis=-2)


@dataclass
class Shape:
    """`vertices` (V, 3) m in the object's axes, with its scale, `triangles` (F, 3), `slots` (F,) · `tree` for distances
    · `probes` (P, 3) · `thickness` m of a Solidify modifier, or None · `low`, `high` (3,) m and `reach` m from the
    origin, within which all of it lies.
    """

    name: str
    vertices: Array
    triangles: Index
    slots: Index
    tree: Any
    probes: Array
    thickness: float | None
    low: Array = field(init=False)
    high: Array = field(init=False)
    reach: float = field(init=False)

    def __post_init__(self) -> None:
        self.low, self.high = self.vertices.min(0), self.vertices.max(0)
        self.reach = float(np.linalg.norm(self.vertices, axis=1).max())


def shape_of(obj: bpy.types.Object, graph: bpy.types.Depsgraph | None = None) -> Shape | None:
    """The evaluated mesh of an object, without what Solidify adds; None where there are no faces.

    Nothing of the object stays changed. Meshes of millions of vertices are thinned.
    """
    walls = [m for m in obj.modifiers if m.type == "SOLIDIFY" and m.show_viewport]
    scale = np.array(obj.matrix_world.to_scale())
    with changed(*((m, "show_viewport", False) for m in walls)):
        evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get() if walls or graph is None else graph)
        try:
            mesh = evaluated.to_mesh()
        except RuntimeError:
            return None
        if mesh is None:
            return None
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        vertices = np.empty(3 * len(mesh.vertices), np.float32)
        triangles, polygons = np.empty(3 * count, np.int32), np.empty(count, np.int32)
        slots = np.empty(len(mesh.polygons), np.int32)
        mesh.vertices.foreach_get("co", vertices)
        mesh.loop_triangles.foreach_get("vertices", triangles)
        mesh.loop_triangles.foreach_get("polygon_index", polygons)
        mesh.polygons.foreach_get("material_index", slots)
        evaluated.to_mesh_clear()
    if count == 0:
        return None
    points: Array = np.multiply(vertices.reshape(-1, 3), scale, dtype=np.float64)
    faces, slot = triangles.reshape(-1, 3).astype(np.int64), slots[polygons].astype(np.int64)
    if scale.prod() < 0:  # a mirrored mesh is inside out
        faces = faces[:, ::-1].copy()
    points = np.asarray(points, np.float64)
    if not np.isfinite(points).all():
        return None
    if len(points) > MOST_VERTICES:
        try:
            points, faces = thinned(points, faces, MOST_VERTICES)
        except InputError:
            return None
        slot = np.full(len(faces), np.bincount(slot).argmax())
    if np.ptp(points[np.unique(faces)], axis=0).max() <= 0:
        return None
    tree = BVHTree.FromPolygons(points.tolist(), faces.tolist())
    every = max(1, len(points) // _PROBES)
    thickness = None
    if walls:
        thickness = float(abs(walls[0].thickness) * np.abs(scale).mean()) or None
    return Shape(obj.name, points, faces, slot, tree, points[::every], thickness)


def material_of(obj: bpy.types.Object, slot: int | None = None, otherwise: str = "wood") -> str:
    """What the object, or what is in one of its slots, sounds like: as was chosen, else by the names."""
    chosen = obj.get(MATERIAL)
    blocks = [s.material for s in obj.material_slots if s.material]
    if slot is not None and slot < len(obj.material_slots) and obj.material_slots[slot].material:
        block = obj.material_slots[slot].material
        if block.get(MATERIAL) in materials.MATERIALS:
            return block[MATERIAL]
    if chosen in materials.MATERIALS:
        return chosen
    for block in blocks:
        if block.get(MATERIAL) in materials.MATERIALS:
            return block[MATERIAL]
    return materials.guessed(*(block.name for block in blocks), obj.name, otherwise=otherwise)


def values_of(obj: bpy.types.Object) -> dict[str, float]:
    """The numbers of the material that were set on the object itself, thickness left out."""
    return {
        name: float(obj[key]) for name, key in VALUES.items() if name != "thickness" and isinstance(obj.get(key), float)
    }


def thickness_of(obj: bpy.types.Object, shape: Shape) -> float | None:
    """m: as was set on the object, else of its Solidify modifier, else None."""
    chosen = obj.get(VALUES["thickness"])
    return float(chosen) if isinstance(chosen, float) and chosen > 0 else shape.thickness


def parted(matrix: Matrix) -> tuple[Array, Array]:
    """Place (3,) and turn (3, 3) of a world matrix; its scale is in the shape."""
    place, turn, _ = matrix.decompose()
    return np.array(place), np.array(turn.to_matrix())
