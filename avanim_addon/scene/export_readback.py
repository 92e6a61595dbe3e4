# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only Blender itself can read back: imported into a scene of their own, which is gone afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...rigs.errors import InputError
from .console import quiet


@dataclass(frozen=True)
class Imported:
    """What came of a file: the `bones` and those of them without a parent (`roots`), the `scales` of all objects,
    `first` and `last` frame, and how many `meshes` there are.
    """

    bones: list[str]
    roots: list[str]
    scales: list[float]
    first: float | None
    last: float | None
    meshes: int


def read_back(path: Path, fps: float) -> Imported:
    """Import a .usdc or .abc and look. Nothing of the user's is touched. Raises InputError: it cannot be read."""
    with _alone(fps) as scene:
        try:
            with quiet():
                if path.suffix == ".abc":
                    bpy.ops.wm.alembic_import(filepath=str(path), set_frame_range=True, as_background_job=False)
                else:
                    bpy.ops.wm.usd_import(filepath=str(path), set_frame_range=True)
        except RuntimeError as error:
            raise InputError(f"{path} cannot be read back ({str(error).strip()}); export it again.") from error
        objects = list(scene.objects)
        bones = [bone for obj in objects if obj.type == "ARMATURE" for bone in obj.data.bones]
        meshes = sum(obj.type == "MESH" for obj in objects)
        scales = [axis for obj in objects for axis in obj.matrix_local.to_scale()]
        moves = bool(objects) and scene.frame_end > scene.frame_start
        return Imported(
            [bone.name.rpartition("/")[2] for bone in bones],
            [bone.name.rpartition("/")[2] for bone in bones if bone.parent is None],
            scales,
            float(scene.frame_start) if moves else None,
            float(scene.frame_end) if moves else None,
            meshes,
        )


@contextlib.contextmanager
def _alone(fps: float) -> Iterator[bpy.types.Scene]:
    """An empty scene is the current one inside the block; it goes afterwards, with all that has come meanwhile."""

    def everything() -> set[Any]:
        return {block for name in _KINDS if hasattr(bpy.data, name) for block in getattr(bpy.data, name)}

    window = bpy.context.window
    kept = window.scene
    before = everything()
    scene = bpy.data.scenes.new("Read back")
    scene.render.fps, scene.render.fps_base = max(1, round(fps)), max(1, round(fps)) / fps
    window.scene = scene
    try:
        yield scene
    finally:
        window.scene = kept
        bpy.data.batch_remove(everything() - before)


_KINDS = ("actions", "armatures", "cache_files", "cameras", "collections", "curves", "images", "lights", "materials",
          "meshes", "objects", "scenes", "worlds")  # fmt: skip
