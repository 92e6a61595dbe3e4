# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a curve as arrays: reading it, and writing a part of it without touching the rest."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

_VALUES = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items
CONSTANT, LINEAR = _VALUES["CONSTANT"].value, _VALUES["LINEAR"].value
# Everything that a key has, and how many numbers that is. The types of the handles stand before the handles.
_FIELDS: dict[str, tuple[int, type]] = {
    "co": (2, np.float32),
    "interpolation": (1, np.int32),
    "easing": (1, np.int32),
    "type": (1, np.int32),
    "back": (1, np.float32),
    "amplitude": (1, np.float32),
    "period": (1, np.float32),
    "handle_left_type": (1, np.int32),
    "handle_right_type": (1, np.int32),
    "handle_left": (2, np.float32),
    "handle_right": (2, np.float32),
}


def sample(curve: bpy.types.FCurve, frames: NDArray[np.floating]) -> NDArray[np.float64]:
    """The curve's values at `frames` (N,), whole or not."""
    points = curve.keyframe_points
    kinds = np.empty(len(points), np.int32)
    points.foreach_get("interpolation", kinds)
    if len(points) and (kinds == LINEAR).all() and not curve.modifiers and curve.extrapolation == "CONSTANT":
        keys = np.empty(2 * len(points), np.float32)
        points.foreach_get("co", keys)
        return np.interp(frames, keys[::2], keys[1::2])
    return np.array([curve.evaluate(float(frame)) for frame in frames])


def put_keys(curve: bpy.types.FCurve, first: int, values: NDArray[np.floating], hold_last: bool = False) -> None:
    """Key whole frames from `first` on with `values` (N,) instead of what keys there are in that stretch.

    The other keys stay as they are, to the bit, with their handles and interpolation.

    Args:
        hold_last: let the last of the new keys hold its value up to the next key.
    """
    points = curve.keyframe_points
    last = first + len(values) - 1
    spots = np.stack([first + np.arange(len(values)), values], axis=1).astype(np.float32)
    if _exactly(points, spots[:, 0]):
        for name in ("co", "handle_left", "handle_right"):
            points.foreach_set(name, spots.ravel())
        kinds = np.full(len(values), LINEAR, np.int32)
        if hold_last:
            kinds[-1] = CONSTANT
        points.foreach_set("interpolation", kinds)
        curve.update()
        return
    kept: dict[str, NDArray[np.number]] = {}
    for name, (size, kind) in _FIELDS.items():
        kept[name] = np.empty(len(points) * size, kind)
        points.foreach_get(name, kept[name])
    frames = kept["co"][::2]
    before, after = int(np.searchsorted(frames, first)), int(np.searchsorted(frames, last, side="right"))
    pattern = before if before < len(points) else len(points) - 1
    points.clear()
    points.add(before + len(values) + len(frames) - after)
    fresh: dict[str, NDArray[np.number]] = {}
    for name, (size, kind) in _FIELDS.items():
        one = kept[name].reshape(-1, size)[pattern]
        fresh[name] = np.tile(one, (len(values), 1)).astype(kind)
    fresh["co"], fresh["handle_left"], fresh["handle_right"] = spots, spots, spots
    fresh["interpolation"][:] = LINEAR
    if hold_last:
        fresh["interpolation"][-1] = CONSTANT
    for name, (size, _) in _FIELDS.items():
        old = kept[name].reshape(-1, size)
        points.foreach_set(name, np.concatenate([old[:before], fresh[name], old[after:]]).ravel())
    curve.update()


def _exactly(points: bpy.types.FCurveKeyframePoints, frames: NDArray[np.float32]) -> bool:
    """Whether there are keys at these frames and no others; then they need not be made anew, which takes longer."""
    if len(points) != len(frames):
        return False
    keys = np.empty(2 * len(points), np.float32)
    points.foreach_get("co", keys)
    return np.array_equal(keys[::2], frames)


def replace_keys(
    curve: bpy.types.FCurve, frames: NDArray[np.number], values: NDArray[np.floating], kind: int = LINEAR
) -> None:
    """All the keys of a curve anew: `values` (N,) at `frames` (N,)."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    spots = np.stack([frames, values], axis=1).astype(np.float32)
    for name in ("co", "handle_left", "handle_right"):
        points.foreach_set(name, spots.ravel())
    points.foreach_set("interpolation", np.full(len(frames), kind, np.int32))
    curve.update()
