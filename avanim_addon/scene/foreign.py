# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of the user's own as targets of takes: an armature whose bones are mapped to joints.

What is mapped, and how motion is carried over, is kept on the armature object as text (`BONES`, `WISHES`), so that it
is saved, undone and appended with it. Nothing else of the rig is changed: a take holds all that it needs, the switches
of the controls among it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import ClassVar

import bpy
import numpy as np
from mathutils import Euler, Quaternion
from numpy.typing import NDArray

from ...rigs import characters
from ...rigs.average import average_rest
from ...rigs.bone_mapping import BoneMap, checked, recognised
from ...rigs.errors import InputError
from ...rigs.motion import Motion
from ...rigs.npz import load_npz
from ...rigs.retarget import Carried, RigTarget, Wishes, leg_of, retarget
from ...rigs.retarget_source import motion_of
from ...rigs.rig_shape import RigShape, facing
from ...rigs.skeleton import SMPL24, Rest, Skeleton
from .axes import TURN
from .character import meshes_of
from .foreign_ik import ik_keys, limbs_on_ik, unstretched

Array = NDArray[np.float64]
Channel = tuple[str, int, str, Array]

BONES, WISHES = "avanim_bones", "avanim_wishes"
# How much the three scales of an armature may differ.
_UNIFORM = 0.01
# The joints of a limb on IK.
_LIMB = {
    "ankle": lambda side: (f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_foot"),
    "wrist": lambda side: (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"),
}
# A mesh reaches this far (of the leg) below the ankles at most; what lies lower are no soles.
_SOLE = 0.2


def is_mapped(armature: bpy.types.Object | None) -> bool:
    """Whether the object is a rig of the user's own whose bones are mapped."""
    return armature is not None and armature.type == "ARMATURE" and BONES in armature


def map_bones(armature: bpy.types.Object, bones: BoneMap | None = None, wishes: Wishes | None = None) -> BoneMap:
    """Keep on an armature which bone is which; by default it is found out.

    Raises:
        InputError: it is no humanoid's, is scaled unevenly, or is linked from another file.
    """
    if armature.type != "ARMATURE":
        raise InputError(f"{armature.name} is no armature; select one.")
    shape, upright = read_shape(armature)
    bones = bones or recognised(shape.turned(upright))
    facing(shape, checked(bones, shape).bones)
    keep_bones(armature, bones)
    if wishes is not None or WISHES not in armature:
        keep_wishes(armature, wishes or Wishes())
    return bones


def keep_bones(armature: bpy.types.Object, bones: BoneMap) -> None:
    """Keep a map as it is, whether it is good or not. Raises InputError: the object cannot be changed."""
    table = {"convention": bones.convention, "bones": bones.bones, "scores": bones.scores}
    _keep(armature, BONES, json.dumps(table, ensure_ascii=False))


def keep_wishes(armature: bpy.types.Object, wishes: Wishes) -> None:
    """Keep how motion is carried over to the rig. Raises InputError: the object cannot be changed."""
    _keep(armature, WISHES, json.dumps(asdict(wishes)))


def _keep(armature: bpy.types.Object, name: str, text: str) -> None:
    if armature.library is not None:
        raise InputError(f"{armature.name} is linked from another file; make a library override of it first.")
    try:
        armature[name] = text
    except (TypeError, RuntimeError, AttributeError) as error:
        raise InputError(f"{armature.name} cannot be changed ({error}); make it editable first.") from error


def bones_of(armature: bpy.types.Object) -> BoneMap:
    """Raises InputError: the armature is not mapped, or what is kept on it was damaged."""
    if not is_mapped(armature):
        raise InputError(f"The bones of {armature.name} are not mapped yet; press Map Bones in the Retarget panel.")
    try:
        table = json.loads(armature[BONES])
        return BoneMap(dict(table["bones"]), dict(table["scores"]), table["convention"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"The map of {armature.name}'s bones is damaged; press Map Bones anew.") from error


def wishes_of(armature: bpy.types.Object) -> Wishes:
    """How motion is carried over to the rig; the default where nothing is kept."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return Wishes(**json.loads(armature[WISHES]))
    return Wishes()


def read_shape(armature: bpy.types.Object) -> tuple[RigShape, Array]:
    """The rig at rest in the armature's own axes, m, and what turns those so that the world's up is Y."""
    location, rotation, scale = armature.matrix_world.decompose()
    del location
    sizes = np.abs(scale)
    if not len(armature.data.bones):
        raise InputError(f"{armature.name} has no bones; select another armature.")
    if sizes.min() < 1e-9 or sizes.max() / sizes.min() > 1 + _UNIFORM or armature.matrix_world.determinant() < 0:
        raise InputError(
            f"{armature.name} is scaled unevenly or mirrored ({', '.join(f'{size:.3g}' for size in scale)}); "
            "apply its scale first (Ctrl A)."
        )
    bones = sorted(armature.data.bones, key=lambda bone: len(bone.parent_recursive))
    column = {bone.name: index for index, bone in enumerate(bones)}
    size = float(sizes.mean())
    axes = np.array([np.array(bone.matrix_local.to_3x3()) for bone in bones], float)
    left, _, right = np.linalg.svd(axes)
    shape = RigShape(
        tuple(column),
        tuple(column[bone.parent.name] if bone.parent else -1 for bone in bones),
        size * np.array([bone.head_local for bone in bones], float),
        size * np.array([bone.tail_local for bone in bones], float),
        np.asarray(left @ right, float),
        loose=frozenset(bone.name for bone in bones if bone.parent and not bone.use_inherit_rotation),
        square=frozenset(bone.name for bone in bones if bone.parent and not bone.use_local_location),
    )
    return shape, np.asarray(TURN.T @ np.array(rotation.to_matrix()), float)


@dataclass(frozen=True)
class ForeignShape:
    """What of a mapped rig its takes are written by; kept, it is good when the rig has gone. As `take.Shape`.

    `rig` in the model's axes, m · `turn` (3, 3) from the armature's axes into those · `size` m per unit of it ·
    `modes`, by bone, the rotation mode · `switches`, data paths and values that are held while a take plays · `rest`,
    the body that motion is made for · `exact`, frames of a motion whose poses come out as they are: pins.
    """

    id_type: ClassVar = "OBJECT"
    owner: int
    name: str
    rig: RigShape
    bones: BoneMap
    wishes: Wishes
    turn: Array
    size: float
    modes: dict[str, str]
    switches: dict[str, float]
    rest: Rest
    skeleton: Skeleton = field(default=SMPL24)
    exact: tuple[int, ...] = ()

    @classmethod
    def of(cls, armature: bpy.types.Object, rest: Rest | None = None) -> ForeignShape:
        """Raises InputError: the rig is not mapped, or has lost bones that are needed."""
        shape, _ = read_shape(armature)
        bones = checked(bones_of(armature), shape)
        turn = facing(shape, bones.bones)
        shape = shape.turned(turn)
        size = float(np.abs(armature.matrix_world.to_scale()).mean())
        hips = armature.data.bones[bones.bones["pelvis"]]
        if hips.use_connect:
            raise InputError(f"The bone {hips.name} is connected to its parent and cannot move; disconnect it first.")
        return cls(
            armature.session_uid,
            armature.name,
            _with_floor(shape, armature, bones, turn, size),
            bones,
            wishes_of(armature),
            turn,
            size,
            {bone.name: bone.rotation_mode for bone in armature.pose.bones},
            _switches(armature, bones, wishes_of(armature).controls, shape),
            rest or default_rest(),
        )

    def carry(self, motion: Motion) -> Carried:
        """The motion on this rig."""
        return retarget(motion, self.rig, self.bones, self.wishes, rest=self.rest, exact=self.exact)

    def channels(self, motion: Motion) -> Iterator[list[Channel]]:
        """The curves of one bone after the other: path, index, group, values (T,)."""
        carried = self.carry(motion)
        limbs = limbs_on_ik(self.bones, self.wishes.controls, self.rig)
        quaternions, locations = ik_keys(carried, self.rig, self.bones, limbs)
        quaternions, locations = carried.quaternions | quaternions, carried.locations | locations
        for bone in dict.fromkeys([*quaternions, *locations]):
            path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'
            channels: list[Channel] = []
            if bone in quaternions:
                name, values = rotation_values(quaternions[bone], self.modes[bone])
                channels = [(f"{path}.{name}", part, bone, values[:, part]) for part in range(values.shape[1])]
            if bone in locations:
                places = locations[bone] / self.size
                channels = [(f"{path}.location", axis, bone, places[:, axis]) for axis in range(3)] + channels
            yield channels
        held = [(path, 0, "Switches", np.full(len(motion), value)) for path, value in self.switches.items()]
        if held:
            yield held

    def seen(self, matrices: Array) -> tuple[RigShape, BoneMap, Array, Array]:
        """The rig, its map, and of its bones' matrices (T, N, 4, 4) in the armature's space the turns from the rest
        pose (T, N, 3, 3) and the places (T, N, 3) m, in the model's axes."""
        turned = matrices[..., :3, :3] / np.linalg.norm(matrices[..., :3, :3], axis=-2, keepdims=True)
        axes = self.turn.T @ self.rig.axes
        turns = self.turn @ turned @ np.swapaxes(axes, -1, -2) @ self.turn.T
        return self.rig, self.bones, turns, self.size * matrices[..., :3, 3] @ self.turn.T

    def played_by(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The joints of the body that the named bones play, and all bones that are keyed for those.

        Raises:
            InputError: none of them plays one.
        """
        own = {name: joint for name in self.rig.names if (joint := self._joint_of(name))}
        joints = {own[name] for name in names if name in own}
        for joint, ik in self.bones.controls.ik.items():
            if {ik.control, ik.pole, ik.toe} & set(names):
                joints |= set(_LIMB[joint.partition("_")[2]](joint.partition("_")[0]))
        if not joints:
            raise InputError(f"None of the chosen bones of {self.name} plays a joint of the body; choose others.")
        bones = {name for name, joint in own.items() if joint in joints}
        for joint, ik in limbs_on_ik(self.bones, self.wishes.controls, self.rig).items():
            if joint in joints:
                bones |= {ik.control, ik.pole, ik.toe}
        return tuple(joint for joint in self.skeleton.joints if joint in joints), tuple(sorted(bones))

    def _joint_of(self, name: str) -> str:
        """The joint that a bone plays, itself or as part of the one that it hangs on; "" where there is none."""
        roles = {bone: role for role, bone in self.bones.bones.items()}
        line = [name, *(self.rig.names[above] for above in self.rig.ancestors(self.rig.index(name)))]
        role = next((roles[bone] for bone in line if bone in roles), "")
        if role and role not in self.skeleton.joints:
            side = role.partition("_")[0]
            role = f"{side}_wrist" if role[-1].isdigit() and side in ("left", "right") else "pelvis" * (role == "root")
        return role

    @property
    def joints(self) -> Array:
        """(J, 3) m: those of the body that the motion is made for."""
        return self.rest.joints

    @property
    def root(self) -> Array:
        """(3,) m, where the motion's own root rests."""
        return self.rest.joints[0]

    def in_armature(self, points: Array) -> Array:
        """(…, 3) m in the model's axes, on this rig, to the armature's space."""
        return points @ self.turn / self.size

    def in_space(self, points: Array) -> Array:
        """(…, 3) m where the body that the motion is made for stands, to the armature's space, at the rig's height."""
        ratio = RigTarget(self.rig, self.bones.bones, False).leg() / leg_of(self.rest)
        return ratio * points @ self.turn / self.size


def posed(armature: bpy.types.Object) -> Motion:
    """Two frames of the pose that a mapped rig has now, as the body that the models dance with would stand.

    Raises:
        InputError: the rig is not mapped, has lost bones, or its limbs are on IK controls, which tell no turns.
    """
    shape = ForeignShape.of(armature)
    if limbs_on_ik(shape.bones, shape.wishes.controls, shape.rig):
        raise InputError(f"The limbs of {armature.name} are on IK controls; set Controls to FK to pin its pose.")
    seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrices = np.array([seen.pose.bones[name].matrix for name in shape.rig.names], float)
    motion = motion_of(*shape.seen(matrices[None]), 30.0, rest=shape.rest)
    return replace(motion, poses=np.repeat(motion.poses, 2, axis=0), trans=np.repeat(motion.trans, 2, axis=0))


@cache
def default_rest() -> Rest:
    """The body that the models dance with: the neutral character's, or an average adult's where that is not built."""
    path = characters.FOLDER / "SMPL_NEUTRAL.npz"
    if not path.exists():
        return average_rest("smpl24")
    # All of the character takes seconds to read; this is what `Character.rest` makes of it.
    fields = load_npz(path, {"v_template", "J_regressor"}.__contains__)
    points = np.asarray(fields["v_template"], float)
    return Rest(SMPL24, np.asarray(np.asarray(fields["J_regressor"]) @ points, float), float(points[:, 1].min()))


def _with_floor(shape: RigShape, armature: bpy.types.Object, bones: BoneMap, turn: Array, size: float) -> RigShape:
    """The rig with the height of its meshes' soles, where it has meshes and those end below the feet."""
    ankles = [shape.heads[shape.index(bones.bones[f"{side}_ankle"]), 1] for side in ("left", "right")]
    leg = shape.heads[shape.index(bones.bones["left_hip"]), 1] - min(ankles)
    lowest = []
    inverse = np.array(armature.matrix_world.inverted())
    for mesh in meshes_of(armature):
        count = len(mesh.data.vertices)
        if not count:
            continue
        points = np.empty(3 * count, np.float32)
        mesh.data.vertices.foreach_get("co", points)
        matrix = turn @ (inverse @ np.array(mesh.matrix_world))[:3]
        lowest.append(size * float((points.reshape(-1, 3) @ matrix[1, :3] + matrix[1, 3]).min()))
    soles = [low for low in lowest if min(ankles) - _SOLE * leg < low < min(ankles)]
    return replace(shape, floor=min(soles)) if soles else shape


def _switches(armature: bpy.types.Object, bones: BoneMap, controls: str, shape: RigShape) -> dict[str, float]:
    found = {}
    tables = [bones.controls.switches, *(ik.switches for ik in limbs_on_ik(bones, controls, shape).values())]
    for bone, values in (item for table in tables for item in table.items()):
        for name, value in values.items():
            if bone in armature.pose.bones and name in armature.pose.bones[bone]:
                path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"]["{bpy.utils.escape_identifier(name)}"]'
                found[path] = value
    return found | unstretched(armature, limbs_on_ik(bones, controls, shape))


def rotation_values(quaternions: Array, mode: str) -> tuple[str, Array]:
    """The property that turns a bone of that mode, and its values (T, 3 | 4), without jumps."""
    if mode == "QUATERNION":
        return "rotation_quaternion", quaternions
    if mode == "AXIS_ANGLE":
        turns = [Quaternion(quaternion).to_axis_angle() for quaternion in quaternions]
        return "rotation_axis_angle", np.array([(angle, *axis) for axis, angle in turns])
    angles, before = np.empty((len(quaternions), 3)), Euler((0, 0, 0), mode)
    for row, quaternion in enumerate(quaternions):
        before = Quaternion(quaternion).to_euler(mode, before)
        angles[row] = before
    return "rotation_euler", angles


def held_bones(armature: bpy.types.Object, bones: BoneMap) -> list[str]:
    """Mapped bones that constraints move, so that a take cannot."""
    if bones.controls.follow_body:
        return []
    return [
        bone
        for bone in bones.bones.values()
        if bone in armature.pose.bones
        and any(not each.mute and each.influence > 0 for each in armature.pose.bones[bone].constraints)
    ]
