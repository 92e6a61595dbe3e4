# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet and hands of a rig by its IK controls: where the control stands, and where the pole that the joint points at."""

from __future__ import annotations

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


def limbs_on_ik(bones: BoneMap, controls: str, rig: RigShape) -> dict[str, Ik]:
    """By joint (left_ankle …) the controls that are wished for and there."""
    wanted = {"fk": (), "feet": ("_ankle",), "all": ("_ankle", "_wrist")}[controls]
    return {
        joint: ik
        for joint, ik in bones.controls.ik.items()
        if wanted and joint.endswith(wanted) and ik.control in rig.names and ik.pole in rig.names
    }


def ik_keys(
    carried: Carried, rig: RigShape, bones: BoneMap, limbs: dict[str, Ik]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Quaternions (T, 4) and locations (T, 3) m by control, in its own axes; the controls hang on the world."""
    quaternions: dict[str, Array] = {}
    locations: dict[str, Array] = {}
    for joint, ik in limbs.items():
        side, _, end = joint.partition("_")
        first, middle, toes = _LIMBS[end]
        bone = bones.bones[joint]
        turned, place = carried.turns[bone], carried.places[bone]
        at = rig.index(ik.control)
        moved = place + turn(turned, rig.heads[at] - rig.heads[rig.index(bone)]) - rig.heads[at]
        quaternions[ik.control] = _in_axes(rig.axes[at], turned)
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
        direction = unit(out + 0.03 * length * unit(natural))
        pole = rig.index(ik.pole)
        locations[ik.pole] = (bend + _OFF * length * direction - rig.heads[pole]) @ rig.location_axes(pole)
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
