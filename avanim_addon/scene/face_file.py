# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's facial animation, as the scene plays it, to a file of other programs."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.job import Progress, silent
from .axes import bone_axes
from .character import meshes_of
from .face_take import EYES, GAZE, turned_by
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
    """The face on every frame, whatever moves it: takes, hand-made keys, drivers, constraints.

    The head's turn is the one against the neck, that of a dance included; the gaze is the mean of the eyes' bones, and
    what a face take keeps of it where no bones do. Shapes outside 0..1 are clipped.

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
    bones = [name for name in ("head", *EYES) if name in armature.data.bones]
    turns = np.tile(np.eye(3), (count, len(bones), 1, 1))
    gaze = np.zeros((count, 2))
    current = scene.frame_current
    try:
        with changed(*off):
            for row in range(count):
                progress(row / count, "Reading the face")
                scene.frame_set(first + row)
                graph = bpy.context.evaluated_depsgraph_get()
                keys = mesh.data.shape_keys.evaluated_get(graph).key_blocks
                for column, name in shapes:
                    weights[row, column] = keys[name].value
                posed = armature.evaluated_get(graph)
                gaze[row] = posed.get(GAZE, (0.0, 0.0))
                for column, name in enumerate(bones):
                    bone = posed.pose.bones[name]
                    local = posed.convert_space(pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL")
                    turns[row, column] = local.to_quaternion().to_matrix()
    finally:
        scene.frame_set(current)
    head = np.zeros((count, 3))
    for column, (name, axes) in enumerate(zip(bones, bone_axes(armature, bones), strict=True)):
        yaw, pitch, roll = turned_by(axes @ turns[:, column] @ axes.T)
        if name == "head":
            head = np.stack([pitch, yaw, roll], axis=1)
        else:
            gaze += np.stack([pitch, yaw], axis=1) / (len(bones) - 1)
    return FaceTrack(np.clip(weights, 0, 1), head, gaze, scene_fps(scene))


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
