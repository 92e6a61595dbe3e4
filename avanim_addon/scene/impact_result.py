# SPDX-License-Identifier: GPL-3.0-or-later
"""A baked sound in the scene: a strip per object, one of everything, and a marker per event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from ...rigs.impact.events import Event, Events
from ..compat import versions
from .sound import add_sound_strip

_KEY = "avanim_impacts"
MOST_MARKERS = 400
MASTER = "All impacts"


def kept(scene: bpy.types.Scene) -> dict[str, Any]:
    """What the last bake has put into the scene; empty where there was none, or what is kept was damaged."""
    try:
        made = json.loads(scene.get(_KEY, "{}"))
        return made if isinstance(made, dict) else {}
    except (ValueError, TypeError):
        return {}


def label(event: Event) -> str:
    """What an event is called, on a marker and in the list."""
    what = event.part or event.kind
    return f"{event.objects[0]} {what}" + (f" {event.objects[1]}" if event.objects[1] else "")


def place(
    scene: bpy.types.Scene, events: Events, result: dict[str, Any], folder: str | Path, only: set[str] | None = None
) -> int:
    """Put the sounds of a bake on the timeline, in place of those of the bake before; how many events are marked.

    The objects' strips are heard; the one of everything is muted, for who wants one file.

    Args:
        result: of the task "impacts". folder: where its files are.
        only: the objects that were made anew; the strips of others stay.

    Raises:
        InputError: a sound cannot be read.
    """
    before = kept(scene)
    stay = {name for name in before.get("strips", {}) if only and name not in only and name != MASTER}
    strips = {name: before["strips"][name] for name in stay}
    stems = {**{name: path for name, path in before.get("stems", {}).items() if name in stay}, **result["stems"]}
    remove(scene, [name for name in before.get("strips", {}) if name not in stay])
    for name, path in (*result["stems"].items(), (MASTER, result["output"])):
        strip = add_sound_strip(scene, path, events.frame_start, name=f"{name} impacts" if name != MASTER else name)
        strip.mute = name == MASTER
        if only and before.get("pascal"):
            strip.volume = result["pascal"] / before["pascal"]
        strips[name] = strip.name
    markers = []
    for event in sorted(events, key=lambda event: -event.impulse)[:MOST_MARKERS]:
        if not event.mute:
            marker = scene.timeline_markers.new(label(event)[:60], frame=round(events.frame(event)))
            markers.append([marker.name, marker.frame])
    made = {
        "strips": strips, "markers": markers, "folder": str(folder), "stems": stems, "layout": result["layout"],
        "pascal": before.get("pascal") if only and before.get("pascal") else result["pascal"],
        "events": str(Path(folder) / "events.json"), "capture": str(Path(folder) / "scene.npz"),
    }  # fmt: skip
    scene[_KEY] = json.dumps(made)
    return len(markers)


def remove(scene: bpy.types.Scene, names: list[str] | None = None) -> None:
    """Take the strips of these objects, by default of all, and the markers off the timeline. The files stay."""
    before = kept(scene)
    gone = list(before.get("strips", {})) if names is None else names
    take_away(scene, [before["strips"][name] for name in gone], before.get("markers", []))
    if names is None and _KEY in scene:
        del scene[_KEY]


def take_away(scene: bpy.types.Scene, strips: list[str], markers: list[Any]) -> None:
    """Remove strips by name, with their sounds, and markers by [name, frame]; what is gone already is no harm."""
    there = versions.sequence_strips(scene)
    for strip in [there[name] for name in strips if name in there]:
        sound = strip.sound
        there.remove(strip)
        if sound is not None and not sound.users:
            bpy.data.sounds.remove(sound)
    wanted = {(name, frame) for name, frame in markers}
    for marker in [m for m in scene.timeline_markers if (m.name, m.frame) in wanted]:
        scene.timeline_markers.remove(marker)
