# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands that met in the source meet again on a rig whose arms are of another length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .contacts import SIDES, turn, unit
from .limbs import bent
from .retarget_legs import Target
from .skeleton import Rest

Array = NDArray[np.float64]

# m between the wrists of the source: nearer than the first they keep their distance, beyond the second they are free.
_MEET = (0.14, 0.3)


def kept_hands(
    target: Target, rest: Rest, turns: dict[str, Array], pelvis: Array, positions: Array, scale: float
) -> None:
    """Let wrists that come near each other keep their distance; `turns` of the arms are changed."""
    index = rest.skeleton.index
    apart = positions[:, index("left_wrist")] - positions[:, index("right_wrist")]
    far = np.linalg.norm(apart, axis=-1)
    share = np.clip((_MEET[1] - far) / (_MEET[1] - _MEET[0]), 0, 1)
    share = (share * share * (3 - 2 * share))[:, None]
    arms = []
    for side in SIDES:
        roles = [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist")]
        start = _carried(target, turns, pelvis, roles[0])
        bones = [target.place(roles[1]) - target.place(roles[0]), target.place(roles[2]) - target.place(roles[1])]
        upper, lower = turn(turns[roles[0]], bones[0]), turn(turns[roles[1]], bones[1])
        lengths = float(np.linalg.norm(bones[0])), float(np.linalg.norm(bones[1]))
        arms.append((roles, start, upper, lower, lengths))
    ends = [start + upper + lower for _, start, upper, lower, _ in arms]
    middle = (ends[0] + ends[1]) / 2
    for (roles, start, upper, lower, lengths), end, sense in zip(arms, ends, (0.5, -0.5), strict=True):
        wanted = end + share * (middle + sense * scale * apart - end)
        # An elbow bends about the upright axis of the arm in the T-pose.
        hinge = turns[roles[0]][:, :, 1] * (-1.0 if sense > 0 else 1.0)
        first, second = bent(start, unit(upper), unit(lower), lengths, hinge, wanted)
        turns[roles[0]], turns[roles[1]] = first @ turns[roles[0]], second @ turns[roles[1]]


def _carried(target: Target, turns: dict[str, Array], pelvis: Array, role: str) -> Array:
    """(T, 3) m: where the bones from the pelvis up to a shoulder put it."""
    side = role.split("_")[0]
    chain = [joint for joint in ("pelvis", "spine1", "spine2", "spine3", f"{side}_collar") if joint in turns]
    place = pelvis
    for joint, following in zip(chain, [*chain[1:], role], strict=True):
        place = place + turn(turns[joint], target.place(following) - target.place(joint))
    return place
