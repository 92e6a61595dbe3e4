# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as assets: what the asset browser shows of them."""

from __future__ import annotations

import json
import re

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import Rest
from ..scene import take
from . import tracks

_SIZE = 128  # pixels


def mark(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    """Offer a take in the asset browser, with tags and a description from its settings, and a picture of a pose."""
    settings = json.loads(action.get("avanim_settings", "{}"))
    seconds = action["avanim_frames"] / action["avanim_fps"]
    song = re.split(r"[\\/]", str(settings.get("audio", "")))[-1]
    kind = "Face" if tracks.is_face(action) else "Dance" if song else "Motion"
    facts = [f"{kind} of {seconds:.1f} s at {action['avanim_fps']:g} fps"]
    facts += [f"to {song}"] if song else []
    facts += [f"{name} {settings[name]}" for name in ("method", "style", "seed") if settings.get(name) is not None]
    tempo = settings.get("bpm")
    tags = ["AVAnim", kind, settings.get("method"), settings.get("style"), f"{round(tempo)} bpm" if tempo else None]
    tags.append(action.get("avanim_skeleton"))
    for part in tracks.parts(armature, tracks.track_of(armature, action)):
        part.action.asset_mark()
        data = part.action.asset_data
        data.description = ", ".join(facts)
        for tag in dict.fromkeys(str(tag) for tag in tags if tag):
            data.tags.new(tag, skip_if_exists=True)
    if not tracks.is_face(action):
        picture = _picture(armature, action)
        preview = action.preview_ensure()
        preview.image_size = (_SIZE, _SIZE)
        preview.image_pixels_float.foreach_set(picture.ravel())


def clear(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    """Take a take out of the asset browser; the take itself stays."""
    for part in tracks.parts(armature, tracks.track_of(armature, action)):
        part.action.asset_clear()


def _picture(armature: bpy.types.Object, action: bpy.types.Action) -> NDArray[np.float32]:
    """(128, 128, 4): the bones, seen from the front, in the pose of the take in which they reach farthest."""
    motion = take.read_take(armature, action)
    shape = take.shape_of(armature)
    places, _ = Rest(shape.skeleton, shape.joints, 0.0).forward(motion.on(shape.skeleton.name).poses, motion.trans)
    spread = places - places[:, :1]
    pose = spread[np.argmax(np.abs(spread[..., :2]).sum(axis=(1, 2)))]
    low, high = pose[:, :2].min(axis=0), pose[:, :2].max(axis=0)
    scale = 0.8 * _SIZE / max(float((high - low).max()), 1e-6)
    points = (pose[:, :2] - (low + high) / 2) * scale + _SIZE / 2
    y, x = np.mgrid[:_SIZE, :_SIZE] + 0.5
    away = np.full((_SIZE, _SIZE), np.inf)
    for joint, parent in enumerate(shape.skeleton.parents):
        if parent > 0:
            start, way = points[parent], points[joint] - points[parent]
            along = ((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(float(way @ way), 1e-6)
            along = np.clip(along, 0, 1)
            away = np.minimum(away, np.hypot(x - start[0] - along * way[0], y - start[1] - along * way[1]))
    ink = np.clip(3.5 - away, 0, 1)[..., None]
    back, line = np.array([0.16, 0.17, 0.2, 1.0]), np.array([0.95, 0.75, 0.3, 1.0])
    return (back + ink * (line - back)).astype(np.float32)
