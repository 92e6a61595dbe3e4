# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's facial animation, as the scene plays it, to a file of other programs."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.job import Progress, silent
from .character import meshes_of
from .render import changed
from .take import scene_fps


def face_mesh(armature: bpy.types.Object) -> bpy.types.Object | None:
    """The mesh of the character that carries most of ARKit's shapes; None if none carries any."""
    found = [(len(_shapes(mesh)), mesh) for mesh in meshes_of(armature)]
    count, mesh = max(found, key=lambda pair: pair[0], default=(0, None))
    return mesh if count else None


def read_face(
    armature: bpy.types.Object, frame_range: tuple[int, int] | None = None, progress: Progress = silent
) -> FaceTrack:
    """The shapes of the face on every frame, whatever moves them: takes, hand-made keys, drivers.

    Head and eyes rest; their turns are the body's animation. Values outside 0..1 are clipped.

    Args:
        frame_range: first and last frame; by default the scene's.

    Raises:
        InputError: the character has no facial shape keys.
        Cancelled: progress raised it.
    """
    scene = bpy.context.scene
    mesh = face_mesh(armature)
    if mesh is None:
        raise InputError(f"{armature.name} has no facial shape keys; select a character that has.")
    first, last = frame_range or (scene.frame_start, scene.frame_end)
    count = last - first + 1
    weights = np.zeros((count, len(ARKIT_52)))
    shapes = _shapes(mesh)
    # Only the shape keys' values are of interest: the meshes need not be deformed.
    off = [(modifier, "show_viewport", False) for each in meshes_of(armature) for modifier in each.modifiers]
    current = scene.frame_current
    try:
        with changed(*off):
            for row in range(count):
                progress(row / count, "Reading the face")
                scene.frame_set(first + row)
                keys = mesh.data.shape_keys.evaluated_get(bpy.context.evaluated_depsgraph_get()).key_blocks
                for column, name in shapes:
                    weights[row, column] = keys[name].value
    finally:
        scene.frame_set(current)
    return FaceTrack(np.clip(weights, 0, 1), np.zeros((count, 3)), np.zeros((count, 2)), scene_fps(scene))


def write_face(
    path: str | Path,
    *,
    armature: bpy.types.Object,
    frame_range: tuple[int, int] | None = None,
    progress: Progress = silent,
) -> FaceTrack:
    """`read_face` to a Live Link Face .csv, or to .npz. Returns and raises what that does."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".npz"):
        raise InputError(f"Cannot write a face as {path}; end the name in .csv or .npz.")
    track = read_face(armature, frame_range, progress)
    track.save(path)
    progress(1.0, "Written")
    return track


def _shapes(mesh: bpy.types.Object) -> list[tuple[int, str]]:
    """ARKit's shapes that the mesh has: place in ARKIT_52, and name."""
    keys = mesh.data.shape_keys
    return [(index, name) for index, name in enumerate(ARKIT_52) if keys and name in keys.key_blocks]
