# SPDX-License-Identifier: GPL-3.0-or-later
"""A take's marks (beats, phonemes): kept on its action, and shown as timeline markers that can be moved.

A sound strip can stand in the take's place, see `strip_beats`.

Blender's markers carry nothing but a name and a frame, and may be renamed, moved, copied and deleted. So what was shown
is written down on the scene, under names that occur once. A marker is known again by its name; one that was renamed, by
its frame. Whatever else stands on the timeline is the animator's own.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.marks import Marks

_KEY = "avanim_marks"


class Moved(NamedTuple):
    """Where the marks of one kind stand now: per mark that is still there `was` and `now` s, and its label."""

    was: NDArray[np.float64]
    now: NDArray[np.float64]
    labels: tuple[str, ...]


def keep(action: bpy.types.Action, kind: str, marks: Marks, made: NDArray[np.float64] | None = None) -> None:
    """Keep marks on a take, under a name such as "beats"; those beyond its end are left out.

    Args:
        made: the times at which these marks stood when the animation was generated, if they have been moved since.
    """
    made = marks.times if made is None else made
    inside = (marks.times >= 0) & (marks.times * action["avanim_fps"] < action["avanim_frames"])
    labels = tuple(label for label, within in zip(marks.labels, inside, strict=True) if within)
    fields = Marks(marks.times[inside], labels).to_dict()
    fields["made"] = [round(float(time), 6) for time in made[inside]]
    action[_KEY] = json.dumps({**_kept(action), kind: fields})


def kept(action: bpy.types.Action) -> dict[str, Marks]:
    """The marks of a take, by kind."""
    return {kind: Marks.from_dict(fields) for kind, fields in _kept(action).items()}


def since_made(action: bpy.types.Action) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The times (N,) s at which the beats stood when the take was generated, and where they stand; None if the same."""
    fields = _kept(action).get("beats")
    if fields is None or fields["made"] == fields["times"]:
        return None
    return np.array(fields["made"]), np.array(fields["times"])


def made(action: bpy.types.Action, kind: str) -> NDArray[np.float64]:
    """(N,) s: where the marks of that kind stood when the take was generated."""
    return np.array(_kept(action)[kind]["made"])


def show(scene: bpy.types.Scene, action: bpy.types.Action, shift: int = 0) -> int:
    """Show a take's marks as timeline markers, in place of those of other takes; returns how many.

    Args:
        shift: how many frames later than it is keyed the take plays.
    """
    hide(scene, action)
    count = 0
    for kind, marks in kept(action).items():
        for other in [entry for entry in _shown(scene) if entry["kind"] == kind]:
            _remove(scene, other)
        names = _unique(marks.labels, {marker.name for marker in scene.timeline_markers})
        frames = [shift + action["avanim_frame_start"] + round(t * action["avanim_fps"]) for t in marks.times]
        for name, frame in zip(names, frames, strict=True):
            scene.timeline_markers.new(name, frame=frame)
        count += len(names)
        entry = {"take": action["avanim_take"], "kind": kind, "names": names, "frames": frames}
        scene[_KEY] = json.dumps([*_shown(scene), entry])
    return count


def hide(scene: bpy.types.Scene, action: bpy.types.Action) -> None:
    """Take a take's markers away again, wherever they have been moved."""
    for entry in _entries(scene, action):
        _remove(scene, entry)


def are_shown(scene: bpy.types.Scene, action: bpy.types.Action) -> bool:
    """Whether a take's markers are on the timeline."""
    return action["avanim_take"] in scene.get(_KEY, "")


def moved(scene: bpy.types.Scene, action: bpy.types.Action, shift: int = 0) -> dict[str, Moved]:
    """Where the markers of a take stand now, by kind; without those that have been deleted."""
    result = {}
    for entry in _entries(scene, action):
        marks = kept(action)[entry["kind"]]
        found = _find(scene, entry)
        was, now, labels = [], [], []
        for index, marker in sorted(found.items()):
            was.append(marks.times[index])
            labels.append(marks.labels[index] if marker.name == entry["names"][index] else marker.name)
            frame = marker.frame - shift - action["avanim_frame_start"]
            # A beat may lie between two frames; where its marker has not been touched, it stays there.
            still = marker.frame == entry["frames"][index]
            now.append(marks.times[index] if still else frame / action["avanim_fps"])
        result[entry["kind"]] = Moved(np.array(was), np.array(now), tuple(labels))
    return result


def _kept(action: bpy.types.Action) -> dict[str, Any]:
    return json.loads(action.get(_KEY, "{}"))


def _shown(scene: bpy.types.Scene) -> list[dict[str, Any]]:
    return json.loads(scene.get(_KEY, "[]"))


def _entries(scene: bpy.types.Scene, action: bpy.types.Action) -> list[dict[str, Any]]:
    return [entry for entry in _shown(scene) if entry["take"] == action["avanim_take"]]


def _remove(scene: bpy.types.Scene, entry: dict[str, Any]) -> None:
    for marker in _find(scene, entry).values():
        scene.timeline_markers.remove(marker)
    scene[_KEY] = json.dumps([other for other in _shown(scene) if other != entry])


def _unique(labels: tuple[str, ...], taken: set[str]) -> list[str]:
    """A name for each label that occurs once: labels that occur several times are numbered."""
    names: list[str] = []
    for label in labels:
        name, number = label, 1
        if labels.count(label) > 1:
            name = f"{label} {number}"
        while name in taken:
            number += 1
            name = f"{label} {number}"
        taken.add(name)
        names.append(name)
    return names


def _find(scene: bpy.types.Scene, entry: dict[str, Any]) -> dict[int, bpy.types.TimelineMarker]:
    """The markers that are still there, by their place in the entry."""
    named: dict[str, list[bpy.types.TimelineMarker]] = {}
    placed: dict[int, list[bpy.types.TimelineMarker]] = {}
    for marker in scene.timeline_markers:
        named.setdefault(marker.name, []).append(marker)
        placed.setdefault(marker.frame, []).append(marker)
    found = {}
    for index, (name, frame) in enumerate(zip(entry["names"], entry["frames"], strict=True)):
        # Of copies, which bear the same name, the one that has stayed nearest.
        near = sorted(named.get(name, ()), key=lambda marker: abs(marker.frame - frame))
        if near:
            found[index] = near[0]
    # What stands where a lost one stood, and is no other's, has been renamed: perhaps to a name that others have.
    claimed = {marker.as_pointer() for marker in found.values()}
    for index, frame in enumerate(entry["frames"]):
        strangers = [marker for marker in placed.get(frame, ()) if marker.as_pointer() not in claimed]
        if index not in found and strangers:
            found[index] = strangers[0]
            claimed.add(strangers[0].as_pointer())
    return found
