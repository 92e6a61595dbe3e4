# SPDX-License-Identifier: GPL-3.0-or-later
"""Body motion onto a rig of any build: other bones, other axes, other rest pose, other proportions.

What is carried over are turns from the rest pose, in the model's axes. With G the global rotation of a joint (identity
in SMPL's T-pose) and A the rotation that brings the rig's limb from its rest pose into the T-pose, a bone turns by
D = G A; in the bone's own axes B and relative to the bone that carries it, whose turn is C, that is Bᵀ Cᵀ D B. So bone
roll, A-poses and bones in between need no care of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .average import average_rest
from .bone_mapping import BoneMap, checked
from .characters.character import relaxed_hand
from .contacts import contacts_of, ground_under, posed_soles
from .errors import InputError
from .limbs import about, between, twist
from .motion import Motion
from .retarget_feet import Legs, kept_feet
from .retarget_hands import kept_hands
from .rig_shape import RigShape
from .rotation import quaternion_from_matrix, shortest_arc, sign_continuous
from .skeleton import SMPLX55, Rest

Array = NDArray[np.float64]

ROOT_MOTIONS = ("hips", "root", "in_place")
FINGERS = ("relaxed", "rest")
CONTROLS = ("fk", "feet", "all")
_SIDES = ("left", "right")
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_TWIST_NAMES = ("twist", "roll")
# Half of a turn about a limb's own axis goes to the bones that are there to share it.
_TWIST_SHARE = 0.5
# Before the name of a bone that stands for no joint, among the joints.
_OWN = "="


@dataclass(frozen=True)
class Wishes:
    """How a motion is carried over.

    `root`: the way over the floor is the hips', that of the root bone (which takes the heading too), or left out ·
    `feet`: planted feet stand still and nothing goes below the floor · `hands`: hands that meet keep their distance ·
    `fingers` that the motion lacks: "relaxed", or "rest" as they are · `scale`: of the way, None by the legs' length ·
    `level`: find the floor of the motion first, rather than take it as lying at 0 · `controls` of rigs that have them:
    "fk", or the IK ones of the "feet", or of "all" limbs.
    """

    root: str = "hips"
    feet: bool = True
    hands: bool = False
    fingers: str = "relaxed"
    scale: float | None = None
    level: bool = True
    controls: str = "fk"

    def __post_init__(self) -> None:
        if self.controls not in CONTROLS:
            raise InputError(f"Unknown controls {self.controls!r}; choose {', '.join(CONTROLS)}.")
        if self.root not in ROOT_MOTIONS:
            raise InputError(f"Unknown root motion {self.root!r}; choose {', '.join(ROOT_MOTIONS)}.")
        if self.fingers not in FINGERS:
            raise InputError(f"Unknown fingers {self.fingers!r}; choose {', '.join(FINGERS)}.")
        if self.scale is not None and not (np.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"The scale must be a positive number, not {self.scale}.")


@dataclass(frozen=True)
class Carried:
    """A motion on a rig: what to key, and where that puts the bones.

    `quaternions`, by bone, (T, 4) in the bone's own axes and without jumps · `locations`, by bone, (T, 3) m likewise ·
    `turns` (T, 3, 3) and `places` (T, 3) m, by bone, from the rest pose and in the model's axes · `scale` of the way ·
    `contact` (T, 4) as `contacts.contacts`, of the source · `legs`, the soles as they came to stand.
    """

    quaternions: dict[str, Array]
    locations: dict[str, Array]
    turns: dict[str, Array]
    places: dict[str, Array]
    scale: float
    contact: NDArray[np.bool_]
    legs: Legs
    fps: float

    def __len__(self) -> int:
        return len(self.contact)


def retarget(
    motion: Motion, shape: RigShape, bones: BoneMap, wishes: Wishes | None = None, *, rest: Rest | None = None,
    exact: tuple[int, ...] = (),
) -> Carried:  # fmt: skip
    """Carry `motion` over to the rig `shape`.

    Args:
        shape: in the model's axes (`rig_shape.facing`), metres.
        rest: the body that the motion was made for; an average adult's by default.
        exact: frames at which the joints' directions count more than feet: poses that were read off this very rig.

    Raises:
        InputError: the map lacks joints that are needed, or a limb has no length.
    """
    wishes = wishes or Wishes()
    bones = checked(bones, shape)
    rest = _with_fingers(rest or average_rest(motion.skeleton))
    has = set(motion.rig.joints)
    motion = _complete(motion, wishes)
    positions, turned = rest.forward(motion.poses, motion.trans)
    points = posed_soles(positions, turned, rest)[:, :, :2]
    contact = contacts_of(points, motion.fps)
    if wishes.level:
        positions = positions - [0, ground_under(points, contact), 0]
    target = RigTarget(shape, bones.bones, bones.controls.follow_body)
    scale = wishes.scale or target.leg() / leg_of(rest)
    turns = _turns(target, rest, turned, has, wishes)

    hips = positions[:, [rest.skeleton.index(f"{side}_hip") for side in _SIDES]].mean(1)
    hips0 = rest.joints[[rest.skeleton.index(f"{side}_hip") for side in _SIDES]].mean(0)
    ours0 = (target.place("left_hip") + target.place("right_hip")) / 2
    # Heights count from the floor; the way over it from where each stands at rest.
    centre = scale * (hips - hips0 * [1, 0, 1]) + ours0 * [1, 0, 1] + [0, target.floor, 0]
    pelvis = centre + np.einsum("tij,j->ti", turns["pelvis"], target.place("pelvis") - ours0)
    kept = np.isin(np.arange(len(motion)), exact)
    pelvis, legs = kept_feet(target, rest, turns, pelvis, points, contact, scale, motion.fps, wishes.feet, kept)
    if wishes.hands:
        kept_hands(target, rest, turns, pelvis, positions, scale)
    return _keyed(target, turns, pelvis, wishes, scale, contact, legs, motion.fps)


class RigTarget:
    """The rig by joints: where they are at rest, and which bone carries which."""

    def __init__(self, shape: RigShape, bones: dict[str, str], follow_body: bool) -> None:
        self.shape, self.bones, self.follow_body = shape, bones, follow_body
        self.role_of = {bone: role for role, bone in bones.items()}
        self.floor = self._floor()
        for side in _SIDES:
            for first, second in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
                step = self.place(f"{side}_{second}") - self.place(f"{side}_{first}")
                if np.linalg.norm(step) < 1e-4 * max(shape.height, 1e-9):
                    names = (bones[f"{side}_{first}"], bones[f"{side}_{second}"])
                    raise InputError(f"The bones {names[0]} and {names[1]} begin in one place; map others.")

    def place(self, role: str) -> Array:
        """(3,) m of a joint at rest."""
        return self.shape.heads[self.shape.index(self.bones[role])]

    def has(self, *roles: str) -> bool:
        return all(role in self.bones for role in roles)

    def leg(self) -> float:
        """m from the hips to the floor along the left leg and the right one, on average."""
        total = 0.0
        for side in _SIDES:
            hip, knee, ankle = (self.place(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
            total += np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee) + ankle[1] - self.floor
        return total / 2

    def _floor(self) -> float:
        if self.shape.floor is not None:
            return self.shape.floor
        feet = [self.place(role)[1] for role in self.bones if role.endswith(("_ankle", "_foot"))]
        height = self.place("left_hip")[1] - min(feet)
        # Rigs stand on their own origin; one that does not, stands a little below its lowest joint.
        return 0.0 if -0.02 * height < min(feet) < 0.16 * height else min(feet) - 0.035 * height

    def spine(self) -> list[str]:
        """The bones between pelvis and neck, lowest first, whether mapped or not."""
        mapped = [self.bones[role] for role in ("spine1", "spine2", "spine3") if role in self.bones]
        top = next((self.bones[role] for role in ("neck", "head") if role in self.bones), None)
        if self.follow_body or not (mapped or top):
            return mapped
        stop = {self.shape.index(self.bones["pelvis"]), *self.shape.ancestors(self.shape.index(self.bones["pelvis"]))}
        below = self.shape.index(top or mapped[-1])
        chain = [] if top else [below]
        for bone in self.shape.ancestors(below):
            if bone in stop:
                break
            chain.append(bone)
        else:
            return mapped
        return [self.shape.names[bone] for bone in reversed(chain)]

    def neck(self) -> list[str]:
        """The bones from the neck to below the head."""
        if not self.has("neck"):
            return []
        first = self.shape.index(self.bones["neck"])
        if not self.has("head") or self.follow_body:
            return [self.bones["neck"]]
        above = self.shape.ancestors(self.shape.index(self.bones["head"]))
        if first not in above:
            return [self.bones["neck"]]
        return [self.shape.names[bone] for bone in reversed(above[: above.index(first) + 1])]

    def carrier(self, bone: str, keyed: set[str]) -> str | None:
        """The nearest of the keyed bones that takes this one along."""
        if self.follow_body and bone in self.role_of:
            role = self.role_of[bone]
            if role == "root":
                return None
            index = SMPLX55.index(role)
            while (index := SMPLX55.parents[index]) >= 0:
                above = self.bones.get(SMPLX55.joints[index])
                if above in keyed:
                    return above
            root = self.bones.get("root")
            return root if root in keyed else None
        names = (self.shape.names[above] for above in self.shape.ancestors(self.shape.index(bone)))
        return next((name for name in names if name in keyed), None)


def _with_fingers(rest: Rest) -> Rest:
    """The body on SMPL-X's skeleton: what it lacks is an average adult's, at its own wrists and head."""
    if rest.skeleton.name == SMPLX55.name:
        return rest
    whole = average_rest(SMPLX55.name)
    own = dict(zip(rest.skeleton.joints, rest.joints, strict=True))
    joints = whole.joints.copy()
    for index, (joint, parent) in enumerate(zip(SMPLX55.joints, SMPLX55.parents, strict=True)):
        joints[index] = own.get(joint, joints[parent] + whole.offsets[index])
    return Rest(SMPLX55, joints, rest.floor)


def _complete(motion: Motion, wishes: Wishes) -> Motion:
    """The motion on SMPL-X's skeleton, with hands at ease where it has no fingers."""
    bare = not any(joint.startswith("left_index") for joint in motion.rig.joints)
    motion = motion.on(SMPLX55.name)
    if bare and wishes.fingers == "relaxed":
        poses = motion.poses.copy()
        for joint, pose in relaxed_hand().items():
            poses[:, SMPLX55.index(joint)] = pose
        motion = replace(motion, poses=poses)
    return motion


def leg_of(rest: Rest) -> float:
    total = 0.0
    for side in _SIDES:
        hip, knee, ankle = (rest.joints[rest.skeleton.index(f"{side}_{joint}")] for joint in ("hip", "knee", "ankle"))
        total += np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee) + ankle[1] - rest.floor
    return total / 2


def _turns(target: RigTarget, rest: Rest, turned: Array, has: set[str], wishes: Wishes) -> dict[str, Array]:
    """D (T, 3, 3) by bone, and also by role for the mapped ones."""
    index = rest.skeleton.index

    def source(role: str) -> Array:
        return rest.joints[index(role)]

    align = alignments(target, source)
    turns: dict[str, Array] = {}
    for role in target.bones:
        if role == "root" or role.startswith("spine") or role == "neck":
            continue
        finger = role[-1].isdigit()
        if finger and not any(joint[-1].isdigit() and "index" in joint for joint in has) and wishes.fingers == "rest":
            continue
        if role in ("jaw", "left_eye", "right_eye") and role not in has:
            continue
        turns[role] = turned[:, index(role)] @ align.get(role, np.eye(3))
    # Along the spine: from the pelvis' turn over those of the three bones of SMPL's spine, however many there are.
    knots = [turned[:, index(role)] for role in ("pelvis", "spine1", "spine2", "spine3")]
    chain = target.spine()
    for number, bone in enumerate(chain, 1):
        at = 3 * number / len(chain)
        low = min(int(at), 2)
        turns[target.role_of.get(bone, _OWN + bone)] = between(knots[low], knots[low + 1], at - low)
    neck = target.neck()
    for number, bone in enumerate(neck, 1):
        turns[target.role_of.get(bone, _OWN + bone)] = between(knots[3], turned[:, index("neck")], number / len(neck))
    return turns | _twists(target, turns)


def alignments(target: RigTarget, source: Callable[[str], Array]) -> dict[str, Array]:
    """A (3, 3) by role: from the rig's rest pose into the T-pose. Along a limb each goes on from the one before."""
    align: dict[str, Array] = {}

    def arc(turn: Array, role: str, end: str) -> Array:
        ours = turn @ (target.place(end) - target.place(role))
        return shortest_arc(ours, source(end) - source(role)) @ turn

    for side in _SIDES:
        for first, second, third in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            upper, lower, end = (f"{side}_{joint}" for joint in (first, second, third))
            align[upper] = arc(np.eye(3), upper, lower)
            align[lower] = arc(align[upper], lower, end)
        ankle, foot, wrist = (f"{side}_{joint}" for joint in ("ankle", "foot", "wrist"))
        if target.has(foot):
            # The soles of both lie flat, so that only where the toes point is made alike.
            ours, theirs = ((of(foot) - of(ankle)) * [1, 0, 1] for of in (target.place, source))
            if np.linalg.norm(ours) > 0.2 * np.linalg.norm(target.place(foot) - target.place(ankle)):
                align[ankle] = align[foot] = shortest_arc(ours, theirs)
        align[wrist] = align[f"{side}_elbow"]
        if target.has(f"{side}_middle1"):
            align[wrist] = arc(align[wrist], wrist, f"{side}_middle1")
        if target.has(f"{side}_index1", f"{side}_pinky1", f"{side}_middle1"):
            # The palms of both face down then.
            out = source(f"{side}_middle1") - source(wrist)
            ours = align[wrist] @ (target.place(f"{side}_pinky1") - target.place(f"{side}_index1"))
            theirs = source(f"{side}_pinky1") - source(f"{side}_index1")
            ours, theirs = (line - out * (line @ out) / (out @ out) for line in (ours, theirs))
            align[wrist] = shortest_arc(ours, theirs) @ align[wrist]
        for finger in _FINGERS:
            turn = align[wrist]
            for number in (1, 2, 3):
                role, end = f"{side}_{finger}{number}", f"{side}_{finger}{number + 1}"
                if target.has(role, end):
                    turn = arc(turn, role, end)
                align[role] = turn
    return align


def _twists(target: RigTarget, turns: dict[str, Array]) -> dict[str, Array]:
    """D of the bones that share a limb's turn about itself: of the forearm they follow the hand, of others less."""
    found: dict[str, Array] = {}
    shape = target.shape
    limbs = {}
    for side in _SIDES:
        limbs[f"{side}_elbow"] = (f"{side}_wrist", 1)
        limbs[f"{side}_shoulder"] = (f"{side}_collar" if target.has(f"{side}_collar") else "spine3", -1)
        limbs[f"{side}_hip"] = ("pelvis", -1)
    carrying = {above for bone in target.role_of for above in shape.ancestors(shape.index(bone))}
    for at, (name, parent) in enumerate(zip(shape.names, shape.parents, strict=True)):
        role = target.role_of.get(shape.names[parent], "") if parent >= 0 else ""
        helper = name not in target.role_of and any(word in name.lower() for word in _TWIST_NAMES)
        if (
            role is None
            or target.follow_body
            or not helper
            or at in carrying
            or role not in limbs
            or limbs[role][0] not in turns
        ):
            continue
        other, sense = limbs[role]
        child = {"elbow": "wrist", "shoulder": "elbow", "hip": "knee"}[role.split("_")[1]]
        axis = target.place(f"{role.split('_')[0]}_{child}") - target.place(role)
        axis = axis / np.linalg.norm(axis)
        if sense > 0:
            angle = twist(np.swapaxes(turns[role], -1, -2) @ turns[other], axis)
        else:
            angle = -twist(np.swapaxes(turns[other], -1, -2) @ turns[role], axis)
        found[_OWN + name] = turns[role] @ about(axis, _TWIST_SHARE * angle)
    return found


def _keyed(
    target: RigTarget,
    turns: dict[str, Array],
    pelvis: Array,
    wishes: Wishes,
    scale: float,
    contact: NDArray[np.bool_],
    legs: Legs,
    fps: float,
) -> Carried:
    """The turns in the bones' own axes, relative to what carries them."""
    shape = target.shape
    by_bone = {target.bones.get(role, role.removeprefix(_OWN)): turn for role, turn in turns.items()}
    hips = target.bones["pelvis"]
    places: dict[str, Array] = {}
    way = pelvis
    if wishes.root == "in_place":
        way = pelvis * [0, 1, 0] + target.place("pelvis") * [1, 0, 1]
    locations: dict[str, Array] = {}
    if target.has("root") and wishes.root == "root":
        root, at = target.bones["root"], target.place("root")
        left = by_bone[hips][:, :, 0]
        heading = np.unwrap(np.arctan2(-left[:, 2], left[:, 0]))
        by_bone[root] = about(np.array([0.0, 1, 0]), heading)
        places[root] = (way - target.place("pelvis")) * [1, 0, 1] + at
    keyed = set(by_bone)
    order = sorted(keyed, key=shape.index)
    if target.follow_body:
        ranks = {role: number for number, role in enumerate(("root", *SMPLX55.joints))}
        order = sorted(keyed, key=lambda bone: ranks.get(target.role_of.get(bone, ""), len(ranks)))
    quaternions: dict[str, Array] = {}
    for bone in order:
        at = shape.index(bone)
        axes = shape.axes[at]
        carrier = target.carrier(bone, keyed)
        still = np.broadcast_to(np.eye(3), by_bone[bone].shape)
        carried = by_bone[carrier] if carrier else still
        turning = still if bone in shape.loose else carried
        local = axes.T @ np.swapaxes(turning, -1, -2) @ by_bone[bone] @ axes
        quaternions[bone] = sign_continuous(quaternion_from_matrix(local))
        if carrier:
            step = shape.heads[at] - shape.heads[shape.index(carrier)]
            natural = places[carrier] + np.einsum("tij,j->ti", carried, step)
        else:
            natural = np.broadcast_to(shape.heads[at], (len(pelvis), 3))
        if bone == hips or bone in places:
            places[bone] = way if bone == hips else places[bone]
            offset = np.einsum("tji,tj->ti", carried, places[bone] - natural)
            locations[bone] = offset @ shape.location_axes(at)
        else:
            places[bone] = natural
    return Carried(quaternions, locations, by_bone, places, float(scale), contact, legs, fps)
