# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions across versions: plain curves up to 4.3, one slot with a channel bag per data-block since 4.4."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .versions import HAS_ACTION_SLOTS

_KINDS = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items


def new_action(name: str, owner: Any) -> bpy.types.Action:
    """An empty action for `owner`, which does not use it yet: an object, a shape-key block …

    Of one that has gone its `id_type` and `name` are enough.
    """
    action = bpy.data.actions.new(name)
    if HAS_ACTION_SLOTS:
        action.slots.new(id_type=owner.id_type, name=owner.name)
        action.layers.new("Layer").strips.new(type="KEYFRAME")
    else:
        action.id_root = owner.id_type
    return action


def assign(owner: bpy.types.ID, action: bpy.types.Action) -> None:
    """Make `action` the active one of `owner`."""
    owner.animation_data_create()
    owner.animation_data.action = action
    if HAS_ACTION_SLOTS:
        owner.animation_data.action_slot = _slot(action, owner.id_type)


def push_to_track(owner: bpy.types.ID, action: bpy.types.Action, start: float) -> bpy.types.NlaStrip:
    """Put `action` on a new top NLA track of `owner`, named like it, its first key at frame `start`."""
    owner.animation_data_create()
    track = owner.animation_data.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, int(start), action)
    if HAS_ACTION_SLOTS:
        strip.action_slot = _slot(action, owner.id_type)
    return strip


def curves(action: bpy.types.Action, id_type: str = "OBJECT") -> list[bpy.types.FCurve]:
    """The curves that `action` holds for a data-block of that type."""
    if not HAS_ACTION_SLOTS:
        return list(action.fcurves) if action.id_root in (id_type, "UNSPECIFIED") else []
    found = []
    slots = [slot for slot in action.slots if slot.target_id_type == id_type]
    for layer in action.layers:
        for strip in layer.strips:
            for slot in slots:
                bag = strip.channelbag(slot)
                found += list(bag.fcurves) if bag else []
    return found


def write_curves(
    action: bpy.types.Action,
    id_type: str,
    frames: NDArray[np.number],
    channels: Iterable[tuple[str, int, str, NDArray[np.floating]]],
    interpolation: str = "LINEAR",
) -> None:
    """Write whole curves with `foreach_set`, linear between keys, or held with "CONSTANT".

    Args:
        frames: (T,) ascending.
        channels: per curve its data path, array index, group, and values (T,).
    """
    container: Any = action
    if HAS_ACTION_SLOTS:
        container = action.layers[0].strips[0].channelbag(_slot(action, id_type), ensure=True)
    groups: dict[str, Any] = {group.name: group for group in container.groups}
    points = np.empty((len(frames), 2), np.float32)
    points[:, 0] = frames
    kinds = np.full(len(frames), _KINDS[interpolation].value, np.int32)
    for path, index, group, values in channels:
        curve = container.fcurves.new(path, index=index)
        if group not in groups:
            groups[group] = container.groups.new(group)
        curve.group = groups[group]
        points[:, 1] = values
        curve.keyframe_points.add(len(frames))
        curve.keyframe_points.foreach_set("co", points.ravel())
        curve.keyframe_points.foreach_set("interpolation", kinds)
        curve.update()


def _slot(action: bpy.types.Action, id_type: str) -> Any:
    return next(slot for slot in action.slots if slot.target_id_type == id_type)
