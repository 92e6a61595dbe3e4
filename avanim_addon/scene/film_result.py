# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of a film in the scene: one strip, and a marker per event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from ...rigs.impact.events import Events
from ..compat import versions
from .impact_result import MOST_MARKERS, take_away
from .sound import add_sound_strip
from .take import scene_fps

_KEY = "avanim_foley"


def kept(scene: bpy.types.Scene) -> dict[str, Any]:
    """What the last film heard has put into the scene; empty where there was none, or what is kept was damaged."""
    try:
        made = json.loads(scene.get(_KEY, "{}"))
        return made if isinstance(made, dict) else {}
    except (ValueError, TypeError):
        return {}


def place(scene: bpy.types.Scene, events: Events, sound: str | Path, film: str | Path) -> None:
    """Put a film's sound under its strip, else at the scene's first frame, in place of that of the film before.

    Raises:
        InputError: the sound cannot be read.
    """
    remove(scene)
    begin = _begins(scene, film)
    strip = add_sound_strip(scene, sound, round(begin), name=f"{Path(film).stem} impacts")
    markers = []
    for event in sorted(events, key=lambda event: -event.impulse)[:MOST_MARKERS]:
        frame = round(begin + event.time * scene_fps(scene))
        marker = scene.timeline_markers.new(f"{event.materials[0]} {event.kind}", frame=frame)
        markers.append([marker.name, marker.frame])
    scene[_KEY] = json.dumps({"strips": [strip.name], "markers": markers})


def remove(scene: bpy.types.Scene) -> None:
    """Take the strip and its markers off the timeline. The files stay."""
    before = kept(scene)
    take_away(scene, before.get("strips", []), before.get("markers", []))
    if _KEY in scene:
        del scene[_KEY]


def _begins(scene: bpy.types.Scene, film: str | Path) -> float:
    """The frame at which the film's first picture is."""
    wanted = Path(film).resolve()
    for strip in versions.all_strips(scene):
        if strip.type == "MOVIE" and Path(bpy.path.abspath(strip.filepath)).resolve() == wanted:
            return versions.strip_range(strip)[0]
    return scene.frame_start
