# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet and hands of a rig by its IK controls: where the control stands, and where the pole that the joint points at."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.bone_mapping import BoneMap
from ...rigs.contacts import turn, unit
from ...rigs.conventions import Ik
from ...rigs.retarget import Carried
from ...rigs.rig_shape import RigShape
from ...rigs.rotation import quaternion_from_matrix, sign_continuous

Array = NDArray[np.float64]

_LIMBS = {"ankle": ("hip", "knee", "foot"), "wrist": ("shoulder", "elbow", "")}
# The pole stands off the joint by this much of the limb's length.
_OFF = 0.7
# A limb whose joint stands off the straight line by less than this points in part to where it would naturally.
_STRAIGHT = 0.03


def limbs_on_ik(bones: BoneMap, controls: str, rig: RigShape) -> dict[str, Ik]:
    """By joint (left_ankle …) the controls that are wished for and there."""
    wanted = {"fk": (), "feet": ("_ankle",), "all": ("_ankle", "_wrist")}[controls]
    return {
        joint: ik
        for joint, ik in bones.controls.ik.items()
        if wanted and joint.endswith(wanted) and ik.control in rig.names and ik.pole in rig.names
    }


def unstretched(armature: bpy.types.Object, limbs: dict[str, Ik]) -> dict[str, float]:
    """By data path what keeps the bones of those limbs as long as they are while the take plays.

    Blender's solver shortens bones that may stretch wherever a limb bends: by 2 to 3 % on Rigify's rigs, which puts
    knees 25 mm off.
    """
    poles = {ik.pole for ik in limbs.values()}
    found = {}
    for bone in armature.pose.bones if poles else ():
        for each in bone.constraints:
            if each.type == "IK" and each.pole_target == armature and each.pole_subtarget in poles:
                for part in [bone, *bone.parent_recursive][: each.chain_count or None]:
                    if part.ik_stretch > 0:
                        found[f'pose.bones["{bpy.utils.escape_identifier(part.name)}"].ik_stretch'] = 0.0
    return found


def ik_keys(
    carried: Carried, rig: RigShape, bones: BoneMap, limbs: dict[str, Ik]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Quaternions (T, 4) and locations (T, 3) m by control, in its own axes; the controls hang on the rig's root."""
    quaternions: dict[str, Array] = {}
    locations: dict[str, Array] = {}
    root = bones.bones.get("root", "")
    back, travelled = np.eye(3), np.zeros(3)
    if root in carried.turns:
        back = np.swapaxes(carried.turns[root], -1, -2)
        travelled = carried.places[root] - turn(carried.turns[root], rig.heads[rig.index(root)])
    for joint, ik in limbs.items():
        side, _, end = joint.partition("_")
        first, middle, toes = _LIMBS[end]
        bone = bones.bones[joint]
        turned, place = carried.turns[bone], carried.places[bone]
        at = rig.index(ik.control)
        stands = place + turn(turned, rig.heads[at] - rig.heads[rig.index(bone)])
        moved = turn(back, stands - travelled) - rig.heads[at]
        quaternions[ik.control] = _in_axes(rig.axes[at], back @ turned)
        locations[ik.control] = moved @ rig.location_axes(at)
        start, bend = (carried.places[bones.bones[f"{side}_{part}"]] for part in (first, middle))
        way = unit(place - start)
        # Where the joint stands off the straight line; a straight limb points as its bone's own rest pose would.
        out = (bend - start) - way * ((bend - start) * way).sum(-1, keepdims=True)
        rest = _rest_bend(rig, bones, side, first, middle, joint)
        natural = turn(carried.turns[bones.bones[f"{side}_{first}"]], rest)
        natural = natural - way * (natural * way).sum(-1, keepdims=True)
        length = float(
            np.linalg.norm(rig.heads[rig.index(bone)] - rig.heads[rig.index(bones.bones[f"{side}_{first}"])])
        )
        doubt = np.maximum(0.0, _STRAIGHT * length - np.linalg.norm(out, axis=-1, keepdims=True))
        direction = unit(out + doubt * unit(natural))
        pole = rig.index(ik.pole)
        aimed = turn(back, bend + _OFF * length * direction - travelled)
        locations[ik.pole] = (aimed - rig.heads[pole]) @ rig.location_axes(pole)
        if toes and ik.toe in rig.names and f"{side}_{toes}" in bones.bones:
            toe = rig.index(ik.toe)
            bent = np.swapaxes(turned, -1, -2) @ carried.turns[bones.bones[f"{side}_{toes}"]]
            quaternions[ik.toe] = _in_axes(rig.axes[toe], bent)
    return quaternions, locations


def _rest_bend(rig: RigShape, bones: BoneMap, side: str, first: str, middle: str, joint: str) -> Array:
    """(3,): to where the joint between the two bones bends at rest."""
    start, bend, end = (
        rig.heads[rig.index(bones.bones[role])] for role in (f"{side}_{first}", f"{side}_{middle}", joint)
    )
    way = (end - start) / np.linalg.norm(end - start)
    out = (bend - start) - way * ((bend - start) @ way)
    front = np.array([0, 0, 1.0 if first == "hip" else -1.0])
    return out if np.linalg.norm(out) > 1e-3 * np.linalg.norm(end - start) else front


def _in_axes(axes: Array, turned: Array) -> Array:
    return sign_continuous(quaternion_from_matrix(axes.T @ turned @ axes))
