# SPDX-License-Identifier: GPL-3.0-or-later
"""A face that is moved by controls, such as Rigify's: each goes where its point of the face would.

Controls hang on each other in many ways: glued, halfway along chains of others, on arms that turn. So what each does to
all of them is tried out on the rig itself, and their keys are what puts all of them into their places together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.face import ARKIT_52
from ...rigs.face_controls import FaceControls, travel
from ...rigs.face_mapping import opening
from .character import meshes_of
from .foreign import Channel, ForeignShape
from .render import changed

Array = NDArray[np.float64]

# Of the way between the eyes: how far a control is moved to see what follows. Of the largest: what counts as no effect.
_TRIED, _NO_EFFECT = 0.02, 0.05
# jawOpen below which the lips stay together anyhow.
_SHUT = 0.02
_POSE = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


def channels(
    armature: bpy.types.Object,
    shape: ForeignShape,
    controls: FaceControls,
    weights: Array,
    gaze: Array | None,
    moved: NDArray[np.bool_],
) -> list[Channel]:
    """Curves of the controls and of the lips' lock.

    Args:
        weights: (T, 52) · gaze: (T, 2) rad, pitch and yaw, or None · moved: (52,) which shapes are keyed.
    """
    names = [*controls.bones, *controls.eyes.values(), *([controls.aim] if controls.aim else [])]
    places = {name: shape.rig.heads[shape.rig.index(name)] for name in dict.fromkeys(names)}
    ways = {bone: way * moved[:, None] for bone, way in travel(controls, places).items()}
    bones = [bone for bone, way in ways.items() if way.any()]
    found: list[Channel] = []
    if bones:
        # In the armature's own axes and units.
        goals = np.einsum("ts,bsc->tbc", weights, np.stack([ways[bone] for bone in bones])) @ shape.turn / shape.size
        groups = [[bones.index(bone) for bone in group if bone in bones] for group in controls.regions]
        keys = _keys(armature, bones, list(filter(None, groups)), goals)
        for column, bone in enumerate(bones):
            found += _located(bone, keys[:, column])
    jaw = ARKIT_52.index("jawOpen")
    if controls.lock and controls.lock in armature.pose.bones[controls.jaw] and moved[jaw]:
        apart = opening(weights) / np.maximum(weights[:, jaw], _SHUT)
        path = f'pose.bones["{controls.jaw}"]["{controls.lock}"]'
        found.append((path, 0, controls.jaw, np.clip(1 - apart, 0, 1)))
    if gaze is not None and controls.aim and controls.eyes:
        at = shape.rig.index(controls.aim)
        away = shape.rig.heads[at] - np.mean([places[eye] for eye in controls.eyes.values()], axis=0)
        # Pitch is down, yaw to the left.
        aim = np.linalg.norm(away) * np.stack([np.tan(gaze[:, 1]), -np.tan(gaze[:, 0]), 0 * gaze[:, 0]], axis=1)
        found += _located(controls.aim, aim @ shape.rig.location_axes(at) / shape.size)
    return found


def _located(bone: str, values: Array) -> list[Channel]:
    path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].location'
    return [(path, axis, bone, values[:, axis]) for axis in range(3)]


def _keys(armature: bpy.types.Object, bones: list[str], groups: list[list[int]], goals: Array) -> Array:
    """(T, B, 3) locations in the bones' own axes that bring their heads to `goals` (T, B, 3) off their rest places.

    Args:
        groups: of places in `bones`: those of different ones do not hang on each other.
    """
    heads = np.array([armature.data.bones[bone].head_local for bone in bones])
    response = _tried(armature, bones, groups, _TRIED * float(np.ptp(heads, axis=0).max()))
    keys = np.zeros_like(goals)
    for group in groups:
        # (goal, axis, control, axis) of this group alone.
        own = response[np.ix_(group, range(3), group, range(3))].reshape(3 * len(group), -1)
        flat = goals[:, group].reshape(len(goals), -1) @ np.linalg.pinv(own, rcond=_NO_EFFECT).T
        keys[:, group] = flat.reshape(len(goals), -1, 3)
    return keys


def _tried(armature: bpy.types.Object, bones: list[str], groups: list[list[int]], step: float) -> Array:
    """(B, 3, B, 3): how far the head of each goes, in the armature's axes, by a unit of each control's location.

    One control of each group is moved at a time, so that few poses tell it all; across groups it is 0.
    """

    def heads() -> Array:
        bpy.context.view_layer.update()
        seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        return np.array([seen.pose.bones[bone].head for bone in bones])

    response = np.zeros((len(bones), 3, len(bones), 3))
    with _at_rest(armature):
        before = heads()
        for turn in range(max(map(len, groups))):
            moved = [(group, group[turn]) for group in groups if turn < len(group)]
            for axis in range(3):
                for _, at in moved:
                    armature.pose.bones[bones[at]].location[axis] = step
                way = (heads() - before) / step
                for group, at in moved:
                    response[group, :, at, axis] = way[group]
                    armature.pose.bones[bones[at]].location[axis] = 0.0
    return response


@contextlib.contextmanager
def _at_rest(armature: bpy.types.Object) -> Iterator[None]:
    """The rig in its rest pose, moved by nothing but its own constraints and drivers; afterwards as it was."""
    poses = {bone.name: [tuple(getattr(bone, name)) for name in _POSE] for bone in armature.pose.bones}
    animation = armature.animation_data
    mute = [(track, "mute", True) for track in animation.nla_tracks] if animation else []
    action = animation.action if animation else None
    off = [(modifier, "show_viewport", False) for mesh in meshes_of(armature) for modifier in mesh.modifiers]
    with changed(*off, *mute):
        if action is not None:
            slot = getattr(animation, "action_slot", None)
            animation.action = None
        try:
            for bone in armature.pose.bones:
                bone.matrix_basis.identity()
            yield
        finally:
            if action is not None:
                animation.action = action
                if slot is not None:
                    animation.action_slot = slot
            for bone, pose in poses.items():
                for name, value in zip(_POSE, pose, strict=True):
                    setattr(armature.pose.bones[bone], name, value)
    bpy.context.view_layer.update()
