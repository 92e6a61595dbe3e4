# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's takes: which there are, which one plays. The NLA tracks are the only record, so undo keeps it right."""

from __future__ import annotations

import bpy


def active_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the character that is active, itself or by one of its meshes."""
    found = context.object
    while found is not None and not (found.type == "ARMATURE" and "avanim_skeleton" in found):
        found = found.parent
    return found


def take_on(track: bpy.types.NlaTrack) -> bpy.types.Action | None:
    """The take that the track plays; None for a track of the animator's own."""
    for strip in track.strips:
        if strip.action and "avanim_skeleton" in strip.action:
            return strip.action
    return None


def take_tracks(armature: bpy.types.Object) -> list[bpy.types.NlaTrack]:
    """The tracks that hold takes, oldest first."""
    animation = armature.animation_data
    return [track for track in animation.nla_tracks if take_on(track)] if animation else []


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
    """Select the take in the list."""
    for index, track in enumerate(armature.animation_data.nla_tracks):
        if take_on(track) == action:
            armature.avanim.track = index


def use_only(armature: bpy.types.Object, track: bpy.types.NlaTrack) -> None:
    """Play this take and mute the others; tracks of the animator's own stay as they are."""
    for other in take_tracks(armature):
        other.mute = other != track


def delete(armature: bpy.types.Object, track: bpy.types.NlaTrack) -> None:
    """Remove a take, and its action unless something else uses that."""
    action = take_on(track)
    armature.animation_data.nla_tracks.remove(track)
    armature.avanim.track = min(armature.avanim.track, len(armature.animation_data.nla_tracks) - 1)
    if action is not None and action.users <= int(action.use_fake_user):
        bpy.data.actions.remove(action)
