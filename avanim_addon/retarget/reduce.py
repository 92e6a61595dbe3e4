# SPDX-License-Identifier: GPL-3.0-or-later
"""A take with fewer keys, within a stated error."""

from __future__ import annotations

import re
from collections.abc import Callable

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.key_reduction import Keys, degrees_between, millimetres_between, reduced
from ..compat import actions
from ..scene import keys
from ..takes import tracks

Array = NDArray[np.float64]

_BEZIER = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["BEZIER"].value
_HANDLES = bpy.types.Keyframe.bl_rna.properties["handle_left_type"].enum_items
# Handles that stay on one line when one of them is moved.
_ALIGNED = _HANDLES["ALIGNED"].value
# Shape keys run from 0 to 1: this much of that may be off.
_WEIGHT = 0.005


def reduce_keys(
    armature: bpy.types.Object, action: bpy.types.Action, degrees: float = 0.5, millimetres: float = 2.0
) -> tuple[bpy.types.Action, str]:
    """A copy of a take with Bézier curves through few keys; the take is muted.

    Every bone's own turn stays within `degrees` and its place within `millimetres` of the take on each frame, and every
    shape key within 0.005. Errors of bones that hang on each other add up.

    Returns:
        The new action, and what came of it, e.g. "2,210 of 9,240 keys".

    Raises:
        InputError: an error is no positive number, or it is no take of this armature.
    """
    if not (degrees > 0 and millimetres > 0):
        raise InputError("The errors must be positive numbers of degrees and millimetres.")
    track = tracks.track_of(armature, action)
    first, count = int(action["avanim_frame_start"]), int(action["avanim_frames"])
    frames = first + np.arange(count, dtype=np.float64)
    size = float(np.mean(np.abs(armature.matrix_world.to_scale())))
    copies, before, after = [], 0, 0
    title = f"{action.name} reduced"
    for part in tracks.parts(armature, track):
        copy = tracks.copy_of(part.action, title + part.action.name.removeprefix(action.name) if copies else title)
        for path, curves in _together(actions.curves(copy, part.owner.id_type)).items():
            values = np.stack([keys.sample(curve, frames) for curve in curves], axis=1)
            error, bound = _error(path, degrees, millimetres, size)
            kept = reduced(values, error, bound)
            for column, curve in enumerate(curves):
                before += len(curve.keyframe_points)
                after += len(kept.frames)
                _put(curve, first, kept, column)
        copies.append(copy)
    tracks.play_instead(armature, track, copies)
    return copies[0], f"{after:,} of {before:,} keys"


def _together(curves: list[bpy.types.FCurve]) -> dict[str, list[bpy.types.FCurve]]:
    """Curves of one property, which share their keys."""
    found: dict[str, list[bpy.types.FCurve]] = {}
    for curve in curves:
        found.setdefault(curve.data_path, []).append(curve)
    return {path: sorted(some, key=lambda curve: curve.array_index) for path, some in found.items()}


def _error(path: str, degrees: float, millimetres: float, size: float) -> tuple[Callable[[Array, Array], Array], float]:
    name = re.split(r"[.\]]", path)[-1]
    if name == "rotation_quaternion":
        return degrees_between, degrees
    if name == "location":
        return lambda a, b: size * millimetres_between(a, b), millimetres
    if name in ("rotation_euler", "rotation_axis_angle"):
        # Of angles that follow each other none is off by more than all of them together.
        return lambda a, b: np.degrees(np.abs(a - b).sum(-1)), degrees
    return lambda a, b: np.abs(a - b).max(-1), _WEIGHT


def _put(curve: bpy.types.FCurve, first: int, kept: Keys, column: int) -> None:
    points = curve.keyframe_points
    points.clear()
    count = len(kept.frames)
    points.add(count)
    frames = first + kept.frames.astype(float)
    values, slopes = kept.values[:, column], kept.slopes[:, column]
    spans = np.diff(frames) / 3
    left, right = np.concatenate([spans[:1], spans]), np.concatenate([spans, spans[-1:]])
    if count == 1:
        left = right = np.ones(1)
    spots = np.stack([frames, values], axis=1)
    points.foreach_set("co", spots.astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(count, _BEZIER, np.int32))
    for side in ("left", "right"):
        points.foreach_set(f"handle_{side}_type", np.full(count, _ALIGNED, np.int32))
    before, behind = np.stack([left, left * slopes], axis=1), np.stack([right, right * slopes], axis=1)
    points.foreach_set("handle_left", (spots - before).astype(np.float32).ravel())
    points.foreach_set("handle_right", (spots + behind).astype(np.float32).ravel())
    curve.update()
