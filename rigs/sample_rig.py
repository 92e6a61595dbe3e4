# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig of any convention, made up: for tests, pictures and benchmarks, which need one of each and may ship none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .average import average_rest
from .conventions import ROOT, conventions
from .errors import InputError
from .rig_shape import RigShape
from .rotation import matrix_from_axis_angle
from .skeleton import SMPLX55

Array = NDArray[np.float64]

# Bones that stand for no joint: name -> the joints between which they lie, how far along, and whether the second hangs
# on them. @ stands for the side.
_EXTRAS: dict[str, dict[str, tuple[str, str, float, bool]]] = {
    "unreal5": {
        "spine_02": ("spine1", "spine2", 0.5, True),
        "spine_04": ("spine2", "spine3", 0.5, True),
        "neck_02": ("neck", "head", 0.5, True),
        "upperarm_twist_01_@": ("@_shoulder", "@_elbow", 0.4, False),
        "lowerarm_twist_01_@": ("@_elbow", "@_wrist", 0.6, False),
        "thigh_twist_01_@": ("@_hip", "@_knee", 0.4, False),
    },
    "mpfb": {
        "spine05": ("pelvis", "spine1", 0.5, True),
        "spine02": ("spine2", "spine3", 0.5, True),
        "pelvis.@": ("pelvis", "@_hip", 0.4, True),
        "upperleg02.@": ("@_hip", "@_knee", 0.5, True),
        "lowerleg02.@": ("@_knee", "@_ankle", 0.5, True),
        "upperarm02.@": ("@_shoulder", "@_elbow", 0.5, True),
        "lowerarm02.@": ("@_elbow", "@_wrist", 0.5, True),
        "neck02": ("neck", "head", 0.4, True),
        "neck03": ("neck", "head", 0.7, True),
    },
    "cmu_bvh": {
        "LHipJoint": ("pelvis", "left_hip", 0.0, True),
        "RHipJoint": ("pelvis", "right_hip", 0.0, True),
        "Neck1": ("neck", "head", 0.5, True),
    },
    "cc4": {"CC_Base_@_ForearmTwist01": ("@_elbow", "@_wrist", 0.4, False)},
}
_SIDES = {"left": 1.0, "right": -1.0}


def sample_rig(
    convention: str,
    *,
    drop: float = 0.0,
    swing: float = 0.0,
    height: float = 1.0,
    legs: float = 1.0,
    arms: float = 1.0,
    shins: float = 1.0,
    seed: int | None = 0,
    fingers: bool = True,
    prefix: str = "",
) -> RigShape:
    """A rig with the bones of `convention` that its file names, and some that it does not, standing at y = 0.

    Args:
        drop, swing: degrees by which the arms hang down from the T-pose (45 is an A-pose) and point backwards.
        height: how much larger than an average adult it is; `legs`, `arms`: how much longer yet those are; `shins`: how
            much longer yet those are, at the thighs' expense, so that the legs stay as long.
        seed: of the bones' rolls, which are all different; None points every bone along +Y, as SMPL's do.
        prefix: of all names.

    Raises:
        InputError: there is no such convention.
    """
    if convention not in conventions():
        raise InputError(f"There is no convention {convention!r}; known are {', '.join(conventions())}.")
    rest = average_rest(SMPLX55.name)
    bones = dict(conventions()[convention].bones)
    if not fingers:
        bones = {role: bone for role, bone in bones.items() if not (role[-1].isdigit() and "spine" not in role)}
    joints = _built(rest.joints - [0, rest.floor, 0], drop, swing, height, legs, arms, shins)
    place = dict(zip(SMPLX55.joints, joints, strict=True)) | {ROOT: np.zeros(3)}
    names, parents, heads = [], [], []

    def add(name: str, parent: int, head: Array) -> None:
        names.append(prefix + name)
        parents.append(parent)
        heads.append(head)

    made: dict[str, int] = {}
    if ROOT in bones:
        add(bones[ROOT], -1, place[ROOT])
        made[ROOT] = 0
    extras = _of_both_sides(_EXTRAS.get(convention, {}))
    for joint, parent in zip(SMPLX55.joints, SMPLX55.parents, strict=True):
        above = made.get(SMPLX55.joints[parent], -1) if parent >= 0 else made.get(ROOT, -1)
        for name, (first, second, share, carries) in extras.items():
            if second == joint and carries and joint in bones:
                add(name, above, place[first] + share * (place[second] - place[first]))
                above = len(names) - 1
        made[joint] = above
        if joint in bones:
            add(bones[joint], above, place[joint])
            made[joint] = len(names) - 1
    for name, (first, second, share, carries) in extras.items():
        if not carries:
            add(name, made[first], place[first] + share * (place[second] - place[first]))
    return _with_axes(tuple(names), tuple(parents), np.array(heads), seed)


def _of_both_sides(extras: dict[str, tuple[str, str, float, bool]]) -> dict[str, tuple[str, str, float, bool]]:
    found = {}
    for name, (first, second, share, carries) in extras.items():
        if "@" not in name:
            found[name] = (first, second, share, carries)
            continue
        for side in ("left", "right"):
            letter = side[0].upper() if not name.endswith("_@") else side[0]
            found[name.replace("@", letter)] = (
                first.replace("@", side),
                second.replace("@", side),
                share,
                carries,
            )
    return found


def _built(joints: Array, drop: float, swing: float, height: float, legs: float, arms: float, shins: float) -> Array:
    """Joints (55, 3) m of another build, arms lowered, soles at y = 0."""
    offsets = joints.copy()
    parents = np.array(SMPLX55.parents)
    offsets[1:] -= joints[parents[1:]]
    thigh, shin = (float(np.linalg.norm(offsets[SMPLX55.index(joint)])) for joint in ("left_knee", "left_ankle"))
    longer = {"knee": legs * (1 - (shins - 1) * shin / thigh), "ankle": legs * shins}
    for index, joint in enumerate(SMPLX55.joints):
        side, _, part = joint.partition("_")
        sign = _SIDES.get(side, 0.0)
        if part in longer:
            offsets[index] *= longer[part]
        elif part in ("elbow", "wrist") or (sign and part[-1].isdigit()):
            turn = matrix_from_axis_angle(np.array([0, 0, -sign * np.radians(drop)]))
            turn = turn @ matrix_from_axis_angle(np.array([0, sign * np.radians(swing), 0]))
            offsets[index] = turn @ offsets[index] * (arms if part in ("elbow", "wrist") else 1.0)
    built = offsets.copy()
    for index, parent in enumerate(parents):
        if parent >= 0:
            built[index] = built[parent] + offsets[index]
    sole = joints[SMPLX55.index("left_foot"), 1]
    up = sole - built[SMPLX55.index("left_foot"), 1]
    return height * (built + np.array([0, up, 0]))


def _with_axes(names: tuple[str, ...], parents: tuple[int, ...], heads: Array, seed: int | None) -> RigShape:
    random = np.random.default_rng(seed)
    tails, axes = heads.copy(), np.tile(np.eye(3), (len(names), 1, 1))
    for bone in range(len(names)):
        children = [child for child, parent in enumerate(parents) if parent == bone]
        along = heads[children].mean(0) - heads[bone] if children else np.zeros(3)
        if np.linalg.norm(along) < 1e-3:
            above = heads[bone] - heads[parents[bone]] if parents[bone] >= 0 else np.zeros(3)
            along = 0.5 * above if np.linalg.norm(above) > 1e-3 else np.array([0, 0.05, 0])
        if parents[bone] < 0 and abs(heads[bone][1]) < 1e-9:
            # A root on the floor points forward: one that ended at the hips would be taken for connected to them.
            along = np.array([0, 0, 0.2])
        if seed is None:
            along = np.array([0, 0.1, 0])
        tails[bone] = heads[bone] + along
        along = along / np.linalg.norm(along)
        across = np.cross(along, [0.3, 0.1, 1.0])
        across /= np.linalg.norm(across)
        frame = np.stack([across, along, np.cross(across, along)], axis=1)
        roll = 0.0 if seed is None else random.uniform(-np.pi, np.pi)
        axes[bone] = np.eye(3) if seed is None else frame @ matrix_from_axis_angle(np.array([0, roll, 0]))
    return RigShape(names, parents, heads, tails, axes, 0.0)
