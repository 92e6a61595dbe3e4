# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a SMPL body follows on request: its joints the sliders of its shape, and the repairs of its skin as keys."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ..compat import actions
from .axes import to_blender
from .character import CORRECTIVE_PREFIX, meshes_of, skeleton_of
from .render import changed

Array = NDArray[np.float64]

SHAPE_PREFIX = "Shape"
# On the armature: the betas that its mesh was built with, how its joints move with each, and their places for 0.
_BUILT, JOINT_WAYS, _PLACES = "avanim_built_betas", "avanim_joint_ways", "avanim_joint_places"
_BAKED = "avanim_correctives"


def keep_joints(armature: bpy.types.Object, built: Array, places: Array, ways: Array) -> None:
    """Keep on the armature what `fit_joints` needs of the body's file.

    Args:
        built: (K,) betas that are part of the mesh, beside the sliders · places: (J, 3) m for betas 0, in the model's
            axes · ways: (J, 3, K) m, by how much a joint moves with a beta of 1.
    """
    for name, values in ((_BUILT, built), (_PLACES, places), (JOINT_WAYS, ways)):
        armature[name] = np.asarray(values, float).ravel().tolist()


def why_no_fit(armature: bpy.types.Object | None) -> str:
    """Why its joints cannot follow its sliders, in one sentence; empty when they can."""
    if armature is None or JOINT_WAYS not in armature:
        return "Select a body of a SMPL file (Import SMPL Body); other characters have no sliders of their shape"
    if armature.library is not None or armature.override_library is not None:
        return f"{armature.name} is linked from another file; change it there"
    return ""


def betas_of(armature: bpy.types.Object) -> Array:
    """(K,): the shape that the body has now, by its file and its sliders.

    Raises:
        InputError: it is no body of a SMPL file.
    """
    reason = why_no_fit(armature)
    if reason:
        raise InputError(f"{reason}.")
    betas = np.array(armature[_BUILT], float)
    block = _block(armature)
    for index in range(len(betas)):
        key = block.key_blocks.get(f"{SHAPE_PREFIX}{index:03d}")
        if key is not None:
            betas[index] += key.value
    return betas


def set_betas(armature: bpy.types.Object, betas: Array) -> None:
    """Move the sliders to a shape of (≤ K,) betas; those that are not given become 0. The joints stay.

    Raises:
        InputError: it is no body of a SMPL file, has fewer betas, or a slider is missing.
    """
    reason = why_no_fit(armature)
    if reason:
        raise InputError(f"{reason}.")
    built = np.array(armature[_BUILT], float)
    if np.ndim(betas) != 1 or len(betas) > len(built) or not np.isfinite(betas).all():
        raise InputError(f"{armature.name} has {len(built)} betas; give at most so many numbers.")
    block = _block(armature)
    for index, value in enumerate(np.concatenate([betas, np.zeros(len(built) - len(betas))]) - built):
        key = block.key_blocks.get(f"{SHAPE_PREFIX}{index:03d}")
        if key is None:
            raise InputError(f"{armature.name} has lost its slider {SHAPE_PREFIX}{index:03d}; build the body anew.")
        # A slider holds no more than its range.
        key.slider_min, key.slider_max = min(key.slider_min, value), max(key.slider_max, value)
        key.value = value


def fit_joints(armature: bpy.types.Object) -> Array:
    """Put the joints of a SMPL body where its shape has them, and its soles on the floor. Returns its betas (K,).

    The bones keep their directions, so takes and correctives stay as they are; the way of a take's hips counts from
    where they now rest.

    Raises:
        InputError: it is no body of a SMPL file, or has lost bones.
    """
    betas = betas_of(armature)
    places = np.array(armature[_PLACES], float).reshape(-1, 3)
    joints = places + np.array(armature[JOINT_WAYS], float).reshape(*places.shape, -1) @ betas
    names = list(_skeleton(armature, len(joints)))
    # As the mesh stands, its soles may be off the floor by now.
    block = _block(armature)
    low = _shaped(block)[:, 2].min()
    for key in block.key_blocks:
        points = _points(key)
        points[:, 2] -= low
        key.data.foreach_set("co", np.ascontiguousarray(points, np.float32).ravel())
    mesh = _mesh(armature)
    mesh.data.vertices.foreach_set("co", np.ascontiguousarray(_points(block.reference_key), np.float32).ravel())
    mesh.data.update()
    lift = float(armature.get("avanim_lift", 0.0)) - low
    armature["avanim_lift"] = lift
    _place(armature, names, to_blender(joints) + np.array([0, 0, lift]))
    armature["avanim_root"] = [float(x) for x in joints[0]]
    armature["avanim_betas"] = betas.tolist()
    return betas


def _skeleton(armature: bpy.types.Object, count: int) -> tuple[str, ...]:
    names = skeleton_of(armature).joints
    if len(names) != count:
        raise InputError(f"{armature.name} has {len(names)} joints and its file had {count}; import the body anew.")
    return names


def _place(armature: bpy.types.Object, names: list[str], heads: Array) -> None:
    """Move the bones' heads to (J, 3) m in the armature's space; they keep their axes."""
    layer = bpy.context.view_layer
    if bpy.context.object and bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    before = layer.objects.active
    with changed((armature, "hide_viewport", False)):
        hidden = armature.hide_get()
        armature.hide_set(False)
        layer.objects.active = armature
        bpy.ops.object.mode_set(mode="EDIT")
        bones = armature.data.edit_bones
        rolls = {name: bones[name].roll for name in names}
        old = {name: (bones[name].head.copy(), bones[name].tail.copy()) for name in names}
        for name, head in zip(names, heads, strict=True):
            bone = bones[name]
            way = old[name][1] - old[name][0]
            # Bones end where their child begins, as far as their direction has it.
            ends = [n for n in names if bones[n].parent == bone and (old[n][0] - old[name][1]).length < 1e-4]
            length = way.length
            if ends:
                length = max(0.2 * length, float(np.linalg.norm(heads[names.index(ends[0])] - head)))
            bone.head = head
            bone.tail = bone.head + way.normalized() * length
            bone.roll = rolls[name]
        bpy.ops.object.mode_set(mode="OBJECT")
        armature.hide_set(hidden)
    layer.objects.active = before


def bake_correctives(armature: bpy.types.Object, first: int | None = None, last: int | None = None) -> int:
    """Key the shape keys that repair the skin at bent joints, as their drivers have them, and mute the drivers.

    For programs and render farms that play shape keys but no drivers. The keys lie on NLA tracks of their own;
    `drive_correctives` takes them away again.

    Args:
        first, last: frames, by default the scene's range.

    Returns:
        How many shape keys move.

    Raises:
        InputError: the armature has none, or the range is empty.
    """
    scene = bpy.context.scene
    first = scene.frame_start if first is None else first
    last = scene.frame_end if last is None else last
    if last < first:
        raise InputError(f"The range from frame {first} to {last} is empty; set the scene's range.")
    names = {mesh: list(driven) for mesh in meshes_of(armature) if (driven := _driven(mesh))}
    if not names:
        raise InputError(f"{armature.name} has no shape keys that repair its skin; add it with correctives.")
    drive_correctives(armature)
    frames = np.arange(first, last + 1)
    values = {mesh: np.empty((len(frames), len(some))) for mesh, some in names.items()}
    now = scene.frame_current
    for row, frame in enumerate(frames):
        scene.frame_set(int(frame))
        depsgraph = bpy.context.evaluated_depsgraph_get()
        for mesh, some in names.items():
            keys = mesh.evaluated_get(depsgraph).data.shape_keys or mesh.data.shape_keys
            values[mesh][row] = [keys.key_blocks[name].value for name in some]
    scene.frame_set(now)
    count = 0
    for mesh, some in names.items():
        block = mesh.data.shape_keys
        channels = [
            (f'key_blocks["{bpy.utils.escape_identifier(name)}"].value', 0, "Correctives", values[mesh][:, column])
            for column, name in enumerate(some)
        ]
        count += int((np.ptp(values[mesh], axis=0) > 1e-6).sum())
        action = actions.new_action(f"{mesh.name} correctives", block)
        actions.write_curves(action, "KEY", frames, channels)
        action[_BAKED] = True
        for curve in _driven(mesh).values():
            curve.mute = True
        actions.push_to_track(block, action, float(first)).extrapolation = "HOLD"
    return count


def drive_correctives(armature: bpy.types.Object) -> None:
    """Let the bones drive the shape keys that repair the skin, and remove the keys that were baked of them."""
    for mesh in meshes_of(armature):
        block = mesh.data.shape_keys
        animation = block.animation_data if block else None
        if animation is None:
            continue
        for track in list(animation.nla_tracks):
            baked = [strip.action for strip in track.strips if strip.action and _BAKED in strip.action]
            if baked:
                animation.nla_tracks.remove(track)
                for action in baked:
                    bpy.data.actions.remove(action)
        for curve in _driven(mesh).values():
            curve.mute = False


def correctives_baked(armature: bpy.types.Object | None) -> bool | None:
    """Whether its correctives are keys (True) or driven (False); None where it has none."""
    if armature is None:
        return None
    muted = [curve.mute for mesh in meshes_of(armature) for curve in _driven(mesh).values()]
    return any(muted) if muted else None


def _driven(mesh: bpy.types.Object) -> dict[str, bpy.types.FCurve]:
    """By shape key the driver of each corrective."""
    block = mesh.data.shape_keys
    animation = block.animation_data if block else None
    start = f'key_blocks["{CORRECTIVE_PREFIX}'
    return {
        curve.data_path.split('"')[1]: curve
        for curve in (animation.drivers if animation else ())
        if curve.data_path.startswith(start)
    }


def _mesh(armature: bpy.types.Object) -> bpy.types.Object:
    found = next((mesh for mesh in meshes_of(armature) if mesh.data.shape_keys), None)
    if found is None:
        raise InputError(f"{armature.name} has lost its skin or its sliders; import the body anew.")
    return found


def _block(armature: bpy.types.Object) -> bpy.types.Key:
    return _mesh(armature).data.shape_keys


def _points(key: bpy.types.ShapeKey) -> Array:
    points = np.empty(3 * len(key.data), np.float32)
    key.data.foreach_get("co", points)
    return points.reshape(-1, 3).astype(float)


def _shaped(block: bpy.types.Key) -> Array:
    """(V, 3) m: the skin at rest, as the sliders of the shape have it."""
    rest = _points(block.reference_key)
    shaped = rest.copy()
    for key in block.key_blocks:
        if key.name.startswith(SHAPE_PREFIX) and key.value:
            shaped += key.value * (_points(key) - rest)
    return shaped
