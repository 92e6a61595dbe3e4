# SPDX-License-Identifier: GPL-3.0-or-later
"""Re-timing a take: what happened at its marks happens where they have been moved."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.marks import Marks, moved_times, source_times
from ...rigs.motion_span import retimed
from ..compat import actions
from ..scene import keys, marks, source_motion
from ..scene.foreign import is_mapped
from . import tracks

Array = NDArray[np.float64]


def retime(
    armature: bpy.types.Object, action: bpy.types.Action, was: Array, now: Array, name: str | None = None
) -> bpy.types.Action:
    """Another take, in which what happens at `was` (N,) s of this one happens at `now`; this one is muted.

    Its first and last frames stay, and so does the sound. All its curves are keyed anew on each whole frame of the
    take; keys beyond them stay. Its marks go along.

    Raises:
        InputError: marks have changed places or left the take, or it is not one of this armature.
    """
    track = tracks.track_of(armature, action)
    fps, first, count = action["avanim_fps"], action["avanim_frame_start"], action["avanim_frames"]
    last = (count - 1) / fps
    source = first + fps * source_times(was, now, np.arange(count) / fps, last)
    copies = []
    for part in tracks.parts(armature, track):
        title = name or f"{action.name} re-timed"
        copy = tracks.copy_of(part.action, title + part.action.name.removeprefix(action.name) if copies else title)
        for curve in actions.curves(copy, part.owner.id_type):
            keys.put_keys(curve, first, keys.sample(curve, source))
        copies.append(copy)
    for kind, old in marks.kept(action).items():
        times = moved_times(was, now, old.times, last)
        marks.keep(copies[0], kind, Marks(times, old.labels), marks.made(action, kind))
    if is_mapped(armature) and not tracks.is_face(action):
        motion, rest = source_motion.kept(action)
        source_motion.keep(copies[0], retimed(motion, was, now), rest)
    tracks.play_instead(armature, track, copies)
    tracks.select(armature, copies[0])
    return copies[0]


def retime_to_markers(scene: bpy.types.Scene, armature: bpy.types.Object, action: bpy.types.Action) -> bpy.types.Action:
    """`retime` by the take's markers on the timeline; they are the new take's from then on.

    A mark whose marker was deleted is left out, of the map and of the new take.

    Raises:
        InputError: as `retime`; or none is shown, or none has been moved or deleted.
    """
    if not marks.are_shown(scene, action):
        raise InputError(f"No markers of {action.name} are shown; press Show Markers, and drag some.")
    shift = tracks.frame_shift(armature, action)
    stand = marks.moved(scene, action, shift)
    before = marks.kept(action)
    if all(np.array_equal(at.now, before[kind].times) for kind, at in stand.items()):
        raise InputError(f"No marker of {action.name} has been moved or deleted; drag one first.")
    was, now = (np.concatenate([getattr(at, name) for at in stand.values()]) for name in ("was", "now"))
    order = np.argsort(was, kind="stable")
    was, now = was[order], now[order]
    apart = np.diff(was, prepend=-1.0) > 1e-3  # kinds may coincide
    made = retime(armature, action, was[apart], now[apart])
    for kind, at in stand.items():
        then = np.interp(at.was, before[kind].times, marks.made(action, kind))
        marks.keep(made, kind, Marks(at.now, at.labels), then)
    marks.hide(scene, action)
    marks.show(scene, made, shift)
    return made
