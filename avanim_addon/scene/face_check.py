# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a take of the face is seen to move the mouth, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import bpy
import numpy as np
from mathutils import Matrix

from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52
from ...rigs.face_regions import shapes_of
from ..compat import actions
from . import keys
from .character import meshes_of, skeleton_of
from .face_take import keyed_blocks
from .foreign import bones_of, is_mapped
from .foreign_face import controls_of, face_of, mesh_name, why_no_face

# Shapes without which a mouth does not speak.
_NEEDED = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower")
# A take whose largest weight is below this asks for no movement; what of it is seen to arrive.
_LEAST, _SHARE = 0.05, 0.5


def require_face(armature: bpy.types.Object) -> None:
    """Raises InputError with one sentence where no mesh of the character has shapes of ARKit's that a take can move, or
    where those are driven or linked.
    """
    if is_mapped(armature):
        reason = why_no_face(armature)
        if reason:
            raise InputError(f"{reason}.")
        return
    skeleton_of(armature)
    meshes = meshes_of(armature)
    named = [key.name for mesh in meshes if mesh.data.shape_keys for key in mesh.data.shape_keys.key_blocks]
    if any(name in ARKIT_52 for name in named):
        keyed_blocks(armature)
        return
    others = [name for name in dict.fromkeys(named) if name != "Basis"]
    if others:
        raise InputError(
            f"The shape keys of {armature.name} ({', '.join(others[:3])} …) have none of ARKit's names, such as "
            "jawOpen; rename them, or add one of AVAnim's characters."
        )
    raise InputError(f"{armature.name} has no mesh with shape keys; add one of AVAnim's characters.")


class Part(Protocol):
    """As `takes.tracks.Part`."""

    @property
    def owner(self) -> Any: ...

    @property
    def track(self) -> Any: ...

    @property
    def strip(self) -> Any: ...

    @property
    def action(self) -> Any: ...


def why_still(scene: bpy.types.Scene, armature: bpy.types.Object, take: Sequence[Part]) -> str:
    """Why the mouth is not seen to move as the parts of a take say, in one sentence; empty when it is."""
    parts = [(part.owner, part) for part in take if part.owner != armature]
    if not parts and is_mapped(armature):
        return _bones_still(scene, armature, next(part for part in take if part.owner == armature))
    if not parts:
        return f"{armature.name} has lost its shape keys; the take moves nothing."
    keys = _mouth_keys(armature)
    asked = {block: _loudest(part.action, keys) for block, part in parts}
    block, part = max(parts, key=lambda pair: asked[pair[0]][2])
    shape, frame, value = asked[block]
    if value < _LEAST:
        return ""
    name = mesh_name(armature, block)
    reason = "" if is_mapped(armature) else _missing(block, name)
    reason = reason or _hindered(armature, block, shape, keys) or _overruled(block, part, name)
    seen = _seen(scene, block, shape, frame)
    if reason or seen >= _SHARE * value or part.strip.blend_type != "REPLACE":
        return reason
    return (
        f"{shape} of {name} should be {value:.2f} at frame {frame:.0f} and is {seen:.2f}: something else moves "
        "it; look for drivers, constraints and other tracks of it."
    )


def _mouth_keys(armature: bpy.types.Object) -> set[str]:
    """The names of the shape keys that move the mouth."""
    lower = {ARKIT_52[index] for index in np.flatnonzero(shapes_of(["lower"]))}
    if not is_mapped(armature):
        return lower
    return {key for key, target in face_of(armature).targets.items() if lower & target.recipe.keys()}


def _loudest(action: bpy.types.Action, keys_of_mouth: set[str]) -> tuple[str, float, float]:
    """The mouth's shape that gets the largest weight: its name, the frame, the weight."""
    best = ("", 0.0, 0.0)
    for curve in actions.curves(action, "KEY"):
        shape = bpy.utils.unescape_identifier(curve.data_path[len('key_blocks["') : -len('"].value')])
        if shape not in keys_of_mouth or not len(curve.keyframe_points):
            continue
        spots = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", spots)
        at = int(np.argmax(spots[1::2]))
        if spots[1::2][at] > best[2]:
            best = (shape, float(spots[::2][at]), float(keys.sample(curve, spots[::2][at : at + 1])[0]))
    return best


def _missing(block: bpy.types.Key, name: str) -> str:
    lacking = [shape for shape in _NEEDED if shape not in block.key_blocks]
    if not lacking:
        return ""
    return f"{name} has no shape key {', '.join(lacking)}, so the mouth cannot close or round as it should."


def _hindered(armature: bpy.types.Object, block: bpy.types.Key, shape: str, mouth: set[str]) -> str:
    """What of the mesh or the shape keys themselves keeps it still."""
    name = mesh_name(armature, block)
    owners = [mesh for mesh in meshes_of(armature) if mesh.data.shape_keys == block]
    if not block.use_relative:
        return f"{name} is set to absolute shape keys, which no weights move; switch Relative on."
    muted = [key.name for key in block.key_blocks if key.name in mouth and key.mute]
    if muted:
        return f"The shape key {muted[0]} of {name} is muted ({len(muted)} are); tick its box in the mesh's data."
    low = block.key_blocks[shape]
    if low.slider_max < 0.5:
        return f"{shape} of {name} may go to {low.slider_max:.2f} only; raise Range Max to 1."
    pinned = [mesh for mesh in owners if mesh.show_only_shape_key]
    if pinned:
        return f"{pinned[0].name} shows only its active shape key (the pin); unpin it in the mesh's data."
    if owners and not any(mesh.visible_get() for mesh in owners):
        return f"{owners[0].name} is hidden, so its mouth is not seen; show it, or select another character."
    if any(mesh.mode == "EDIT" for mesh in owners):
        return f"{owners[0].name} is in edit mode, in which shape keys do not play; leave it."
    return ""


def _overruled(block: bpy.types.Key, part: Part, name: str) -> str:
    """What of the animation plays over the take."""
    animation = block.animation_data
    track, strip = part.track, part.strip
    if not animation.use_nla:
        return f"The NLA of {name} is switched off, and the take lies there; switch it on in the NLA editor."
    if track.mute or strip.mute:
        return f"The track of the take on {name} is muted; unmute it in the NLA editor."
    solo = [other.name for other in animation.nla_tracks if other.is_solo and other != track]
    if solo:
        return f"The track {solo[0]} of {name} is solo, so the take does not play; click its star off."
    own = animation.action
    if own is not None:
        moved = {curve.data_path for curve in actions.curves(own, "KEY") if not curve.mute}
        shared = moved & {curve.data_path for curve in actions.curves(part.action, "KEY")}
        if shared and animation.action_blend_type == "REPLACE" and animation.action_influence > 0:
            return f"The action {own.name} of {name} plays over the take; push it down to a track, or unlink it."
    locked = [curve for curve in actions.curves(part.action, "KEY") if curve.mute]
    if locked:
        return f"{len(locked)} curves of the take are muted; unmute them in the graph editor."
    return ""


def _bones_still(scene: bpy.types.Scene, armature: bpy.types.Object, part: Part) -> str:
    """Why the jaw is not seen to turn as a take says of a face that bones move, in one sentence; empty when it is."""
    controls = controls_of(armature)
    jaw = controls.jaw if controls else bones_of(armature).bones.get("jaw", "")
    curves = [curve for curve in actions.curves(part.action) if f'"{jaw}"].rotation' in curve.data_path]
    if not jaw or not curves:
        return ""
    frames = int(part.action["avanim_frame_start"]) + np.arange(int(part.action["avanim_frames"]))
    values = np.array([keys.sample(curve, frames.astype(float)) for curve in curves])
    if np.ptp(values, axis=1).max() < _LEAST / 10:
        return ""
    most = int(np.argmax(np.abs(values - values[:, :1]).max(axis=0)))
    current, below = scene.frame_current, scene.frame_subframe
    poses = []
    try:
        for frame in (frames[0], frames[most]):
            scene.frame_set(int(frame))
            posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones[jaw]
            above = posed.parent.matrix if posed.parent else Matrix()
            poses.append((above.inverted() @ posed.matrix).to_quaternion())
    finally:
        scene.frame_set(current, subframe=below)
    if poses[0].rotation_difference(poses[1]).angle > _SHARE * _LEAST / 10:
        return ""
    return f"The jaw's bone {jaw} of {armature.name} does not turn: look for constraints and other tracks that hold it."


def _seen(scene: bpy.types.Scene, block: bpy.types.Key, shape: str, frame: float) -> float:
    """The weight as Blender plays it at that frame."""
    current, below = scene.frame_current, scene.frame_subframe
    try:
        scene.frame_set(int(frame), subframe=float(frame - int(frame)))
        played = block.evaluated_get(bpy.context.evaluated_depsgraph_get())
        return float(played.key_blocks[shape].value)
    finally:
        scene.frame_set(current, subframe=below)
