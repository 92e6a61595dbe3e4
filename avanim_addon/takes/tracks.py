# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's takes: which there are, which one plays. The NLA tracks are the only record, so undo keeps it right.

A take of the body is one action on the armature. One of the face has an action more for each mesh whose shape keys it
moves, on a track of those; the one on the armature, which the list shows, stands for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import bpy

from ...rigs.errors import InputError
from ..compat import actions
from ..scene import take
from ..scene.character import meshes_of
from ..scene.foreign import is_mapped


class Part(NamedTuple):
    """One action of a take: whose animation it is, on which track."""

    owner: bpy.types.ID
    track: bpy.types.NlaTrack
    strip: bpy.types.NlaStrip
    action: bpy.types.Action


def active_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the character that is active, itself or by one of its meshes; or a rig whose bones are mapped."""
    found = context.object
    while found is not None and not (found.type == "ARMATURE" and ("avanim_skeleton" in found or is_mapped(found))):
        found = found.parent
    return found


def take_on(track: bpy.types.NlaTrack) -> bpy.types.Action | None:
    """The take that the track plays; None for a track of the animator's own."""
    strip = strip_on(track)
    return strip.action if strip else None


def strip_on(track: bpy.types.NlaTrack) -> bpy.types.NlaStrip | None:
    """The strip that plays the track's take."""
    return next((strip for strip in track.strips if strip.action and "avanim_take" in strip.action), None)


def take_tracks(armature: bpy.types.Object) -> list[bpy.types.NlaTrack]:
    """The tracks that hold takes, oldest first."""
    animation = armature.animation_data
    return [track for track in animation.nla_tracks if take_on(track)] if animation else []


def track_of(armature: bpy.types.Object, action: bpy.types.Action) -> bpy.types.NlaTrack:
    """The track that plays a take. Raises InputError: there is none."""
    for track in take_tracks(armature):
        if take_on(track) == action:
            return track
    raise InputError(f"{action.name} is not a take of {armature.name}; choose one of its own.")


def is_face(action: bpy.types.Action) -> bool:
    """Whether it is a take of the face, rather than of the body."""
    return "avanim_skeleton" not in action


def parts(armature: bpy.types.Object, track: bpy.types.NlaTrack) -> list[Part]:
    """All the actions of the take on an armature's track; the armature's own first."""
    lead = take_on(track)
    return [part for part in _all_parts(armature) if lead and part.action["avanim_take"] == lead["avanim_take"]]


def _all_parts(armature: bpy.types.Object) -> Iterator[Part]:
    blocks = [mesh.data.shape_keys for mesh in meshes_of(armature)]
    for owner in dict.fromkeys([armature, *(block for block in blocks if block)]):
        for track in owner.animation_data.nla_tracks if owner.animation_data else ():
            strip = strip_on(track)
            if strip:
                yield Part(owner, track, strip, strip.action)


def seed_of(track: bpy.types.NlaTrack) -> int | None:
    """The seed of the take on the track, if it has one."""
    action = take_on(track)
    return action.get("avanim_seed") if action else None


def selected_track(armature: bpy.types.Object | None) -> bpy.types.NlaTrack | None:
    """The track of the take that is selected in the list."""
    animation = armature.animation_data if armature else None
    if animation is None or not 0 <= armature.avanim.track < len(animation.nla_tracks):
        return None
    track = animation.nla_tracks[armature.avanim.track]
    return track if take_on(track) else None


def select(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    """Select the take in the list; without registration there is none."""
    for index, track in enumerate(armature.animation_data.nla_tracks):
        if take_on(track) == action and hasattr(armature, "avanim"):
            armature.avanim.track = index


def set_mute(armature: bpy.types.Object, track: bpy.types.NlaTrack, mute: bool) -> None:
    """Silence a take, or let it play."""
    for part in parts(armature, track):
        part.track.mute = mute


def use_only(armature: bpy.types.Object, track: bpy.types.NlaTrack) -> None:
    """Play this take and mute the others of its kind, body or face; the animator's own tracks stay as they are."""
    kind = is_face(take_on(track))
    for other in take_tracks(armature):
        if is_face(take_on(other)) == kind:
            set_mute(armature, other, other != track)


def delete(armature: bpy.types.Object, track: bpy.types.NlaTrack) -> None:
    """Remove a take, and its actions unless something else uses them."""
    for part in parts(armature, track):
        action = part.action
        part.owner.animation_data.nla_tracks.remove(part.track)
        if action.users <= int(action.use_fake_user):
            bpy.data.actions.remove(action)
    if hasattr(armature, "avanim"):
        armature.avanim.track = min(armature.avanim.track, len(armature.animation_data.nla_tracks) - 1)


def frame_shift(armature: bpy.types.Object, action: bpy.types.Action) -> int:
    """How many frames later than it is keyed the NLA plays a take.

    Raises:
        InputError: its strip is stretched, repeated or reversed, so that no such number exists.
    """
    strip = strip_on(track_of(armature, action))
    assert strip is not None
    if abs(strip.scale - 1) > 1e-6 or abs(strip.repeat - 1) > 1e-6 or strip.use_reverse:
        raise InputError(f"The strip of {action.name} is stretched, repeated or reversed; set that back first.")
    return round(strip.frame_start - strip.action_frame_start)


def copy_of(action: bpy.types.Action, name: str) -> bpy.types.Action:
    """A copy of one of a take's actions that is a take of its own, on no track yet."""
    copy = action.copy()
    copy.name = name
    take.new_identity(copy)
    # Without registration (scripts with the bpy wheel) there are no stars.
    if hasattr(copy, "avanim"):
        copy.avanim.star = False
    return copy


def play_instead(armature: bpy.types.Object, track: bpy.types.NlaTrack, copies: list[bpy.types.Action]) -> None:
    """Put copies of a take's actions, one for each of `parts`, on tracks over the old ones, which are muted.

    They play where and how the old ones do.
    """
    olds = parts(armature, track)
    for old, action in zip(olds, copies, strict=True):
        action.use_fake_user = True
        action["avanim_take"] = copies[0]["avanim_take"]
        strip = actions.push_to_track(old.owner, action, old.strip.frame_start)
        for name in ("blend_type", "extrapolation", "influence"):
            setattr(strip, name, getattr(old.strip, name))
        old.track.mute = True
