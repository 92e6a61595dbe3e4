# SPDX-License-Identifier: GPL-3.0-or-later
"""An average adult's rest pose with fingers, jaw and eyes, for work on motion that has no particular body."""

from __future__ import annotations

import numpy as np

from .errors import InputError
from .skeleton import SKELETONS, Rest

# Left finger joints (m) from the wrist or the joint before, and the head's, all measured on the default character.
_FINGERS = {
    "index": ((0.1052, -0.0114, 0.0264), (0.0260, -0.0027, 0.0042), (0.0229, -0.0047, 0.0037)),
    "middle": ((0.1046, -0.0064, -0.0002), (0.0344, -0.0042, 0.0007), (0.0276, -0.0061, 0.0006)),
    "pinky": ((0.0887, -0.0096, -0.0389), (0.0210, -0.0026, -0.0053), (0.0151, -0.0035, -0.0038)),
    "ring": ((0.0987, -0.0054, -0.0201), (0.0301, -0.0037, -0.0030), (0.0247, -0.0055, -0.0025)),
    "thumb": ((0.0379, -0.0063, 0.0248), (0.0229, -0.0089, 0.0197), (0.0270, -0.0105, 0.0233)),
}
_IN_HEAD = {"jaw": (0, 0.0061, 0.0138), "left_eye": (0.0297, 0.0394, 0.0773), "right_eye": (-0.0297, 0.0394, 0.0773)}


def average_rest(skeleton: str) -> Rest:
    """An average adult on `skeleton`. Raises InputError: there is no such skeleton."""
    if skeleton not in SKELETONS:
        raise InputError(f"Unknown skeleton {skeleton!r}; known are {', '.join(SKELETONS)}.")
    body = Rest.average()
    rig = SKELETONS[skeleton]
    joints = np.zeros((len(rig), 3))
    for index, (joint, parent) in enumerate(zip(rig.joints, rig.parents, strict=True)):
        if joint in body.skeleton.joints:
            joints[index] = body.joints[body.skeleton.index(joint)]
        elif joint in _IN_HEAD:
            joints[index] = joints[parent] + _IN_HEAD[joint]
        else:
            side, _, finger = joint.partition("_")
            step = np.array(_FINGERS[finger[:-1]][int(finger[-1]) - 1])
            joints[index] = joints[parent] + step * [1 if side == "left" else -1, 1, 1]
    return Rest(rig, joints, body.floor)
