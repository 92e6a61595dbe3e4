# SPDX-License-Identifier: GPL-3.0-or-later
"""The beats of a sound strip: kept on it as on a take, shown as timeline markers, and moved there by hand."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...rigs.beats import Beats
from ...rigs.marks import Marks
from . import marks
from .take import new_identity, scene_fps

# What `dance.request.visible_part` says of a strip: audio, start, seconds, frame_start.
Part = dict[str, Any]


def mark(scene: bpy.types.Scene, strip: Any, beats: Beats, part: Part) -> int:
    """Keep the beats of a strip's visible part on it, and show them as markers; returns how many.

    Args:
        beats: times count from where the visible part begins.
    """
    if "avanim_take" not in strip:
        new_identity(strip)
    fps = scene_fps(scene)
    strip["avanim_fps"], strip["avanim_frames"] = fps, round(part["seconds"] * fps)
    strip["avanim_frame_start"], strip["avanim_start"] = int(part["frame_start"]), float(part["start"])
    strip["avanim_metre"] = beats.metre
    marks.keep(strip, "beats", Marks.of_beats(beats))
    return marks.show(scene, strip)


def are_marked(strip: Any) -> bool:
    """Whether beats are kept on the strip."""
    return bool(strip) and "avanim_marks" in strip


def marked(scene: bpy.types.Scene, strip: Any, part: Part) -> list[list[float]] | None:
    """The beats that are marked on a strip, as they stand now: time s in its visible part, place in the bar.

    Where markers have been moved, renamed (to bar.beat) or deleted since, that is kept on the strip. A strip that was
    moved along the timeline has kept its beats; markers that were moved are meant for where it lies now. None where
    fewer than two beats are marked.
    """
    if not are_marked(strip):
        return None
    if marks.are_shown(scene, strip):
        fps = strip["avanim_fps"]
        was, now = strip["avanim_frame_start"] - strip["avanim_start"] * fps, part["frame_start"] - part["start"] * fps
        stand = marks.moved(scene, strip, round(now - was))["beats"]
        order = np.argsort(stand.now, kind="stable")
        marks.keep(strip, "beats", Marks(stand.now[order], tuple(stand.labels[index] for index in order)))
        marks.show(scene, strip, round(now - was))
    kept, metre, place, pairs = marks.kept(strip)["beats"], strip["avanim_metre"], 0, []
    for time, label in zip(kept.times + strip["avanim_start"] - part["start"], kept.labels, strict=True):
        number = label.rpartition(".")[2]
        # A marker that was given a name of its own is the next beat.
        place = int(number) - 1 if number.isdecimal() and 1 <= int(number) <= metre else (place + 1) % metre
        if 0 <= time < part["seconds"]:
            pairs.append([round(float(time), 6), place])
    if len(pairs) > 1:
        return pairs
    if not len(kept.times):
        del strip["avanim_marks"]
    return None
