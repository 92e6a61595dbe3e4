# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The retarget panel's settings, `Scene.avanim.retarget`, and the table of bones of a rig, `Object.avanim.retarget`.

What counts is kept as text on the rig (`scene.foreign`), so that scripts without the add-on have it too; the table is
how it is shown and edited.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...rigs.bone_mapping import REQUIRED, BoneMap
from ...rigs.conventions import ROLES
from ...rigs.errors import InputError
from ..compat import versions
from ..scene import foreign, foreign_face

# A library override of a linked rig has a table of its own.
_OF_ITS_OWN = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
# Set while the table is filled, which is no edit.
_filling = False


def label_of(role: str) -> str:
    """A joint as people write it: "Left index 1"."""
    words = role.replace("_", " ").capitalize()
    return f"{words[:-1]} {words[-1]}" if words[-1].isdigit() else words


def _edited(row: AVANIM_PG_bone, context: bpy.types.Context) -> None:
    if _filling:
        return
    armature = row.id_data
    row.score = 1.0 if row.bone else 0.0
    table = armature.avanim.retarget
    bones = {each.role: each.bone for each in table.rows if each.bone}
    scores = {each.role: each.score for each in table.rows if each.bone}
    convention = foreign.bones_of(armature).convention
    foreign.keep_bones(armature, BoneMap(bones, scores, convention))


def _wished(table: AVANIM_PG_retarget_object, context: bpy.types.Context) -> None:
    armature = table.id_data
    if _filling or not foreign.is_mapped(armature):
        return
    wishes = replace(
        foreign.wishes_of(armature),
        root=table.root,
        feet=table.feet,
        hands=table.hands,
        fingers=table.fingers,
        scale=table.scale or None,
        controls=table.controls,
    )
    foreign.keep_wishes(armature, wishes)


class AVANIM_PG_bone(bpy.types.PropertyGroup):
    role: StringProperty(name="Joint", description="What the bone stands for")
    bone: StringProperty(name="Bone", description="The bone of the rig that plays this joint", update=_edited)
    score: FloatProperty(name="Score", description="How sure the mapping is", min=0, max=1)


def _gained(row: AVANIM_PG_face_key, context: bpy.types.Context) -> None:
    if not _filling:
        armature = row.id_data
        foreign_face.map_face(armature, foreign_face.face_of(armature).with_gain(row.name, row.gain))


class AVANIM_PG_face_key(bpy.types.PropertyGroup):
    of: StringProperty(name="Of", description="What of ARKit's shapes it is made of")
    gain: FloatProperty(
        name="Gain", description="How much the shape key moves; 0 leaves it alone", default=1, soft_min=0, soft_max=2,
        update=_gained,
    )  # fmt: skip


class AVANIM_PG_retarget_object(bpy.types.PropertyGroup):
    """`Object.avanim.retarget`, of a rig of the user's own."""

    rows: CollectionProperty(type=AVANIM_PG_bone, override=_OF_ITS_OWN)
    row: IntProperty(name="Joint", options=set())
    prefix: StringProperty(description="What the mapped bones' names begin with, all of them", options={"HIDDEN"})
    face: CollectionProperty(type=AVANIM_PG_face_key, override=_OF_ITS_OWN)
    face_row: IntProperty(name="Shape key", options=set())
    root: EnumProperty(
        name="Root motion",
        description="What carries the way over the floor",
        items=(
            ("hips", "Hips", "The hips carry all of it"),
            ("root", "Root bone", "The root bone carries the way over the floor and the heading: for game engines"),
            ("in_place", "In place", "The body stays where it is"),
        ),
        update=_wished,
    )
    controls: EnumProperty(
        name="Controls",
        description="Which controls of the rig are keyed",
        items=(
            ("fk", "FK", "The controls that turn the bones"),
            ("feet", "IK feet", "The feet's IK controls with their poles; the arms as FK"),
            ("all", "IK feet and hands", "The IK controls of feet and hands with their poles"),
        ),
        update=_wished,
    )
    feet: BoolProperty(
        name="Plant feet",
        description="Feet that stand still in the source stand still here, and none goes below the floor",
        default=True,
        update=_wished,
    )
    hands: BoolProperty(
        name="Keep hands together",
        description="Hands that meet in the source meet here, whatever the length of the arms",
        update=_wished,
    )
    fingers: EnumProperty(
        name="Fingers",
        description="What fingers do that the motion does not move",
        items=(
            ("relaxed", "Relaxed", "A hand at ease"),
            ("rest", "As they are", "They are not keyed"),
        ),
        update=_wished,
    )
    scale: FloatProperty(
        name="Scale of the way",
        description="How far the rig travels against the source; 0 goes by the length of the legs",
        min=0,
        soft_max=3,
        update=_wished,
    )


class AVANIM_PG_retarget(bpy.types.PropertyGroup):
    source: PointerProperty(
        name="From",
        description="The character whose take is carried over",
        type=bpy.types.Object,
        poll=lambda _, each: each.type == "ARMATURE" and "avanim_skeleton" in each,
    )
    degrees: FloatProperty(
        name="Degrees", description="How far a bone may turn off its keys", default=0.5, min=0.01, soft_max=5
    )
    millimetres: FloatProperty(
        name="Millimetres", description="How far the hips may stray off their keys", default=2.0, min=0.01, soft_max=50
    )
    scheme: StringProperty(
        name="Scheme",
        description="A file with a rig's mapped bones",
        default="//rig.json",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )


def _common_prefix(names: list[str]) -> str:
    """What all of them begin with, up to a sign that ends a word: "mixamorig:", "CC_Base_"."""
    first, last = (min(names), max(names)) if len(names) > 1 else ("", "")
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[: max(first.rfind(sign, 0, same) for sign in ":|_ .-") + 1]


def fill(armature: bpy.types.Object) -> None:
    """Show what is kept on the rig in the table. Without registration there is none."""
    global _filling
    if not hasattr(armature, "avanim"):
        return
    table: Any = armature.avanim.retarget
    try:
        bones, wishes = foreign.bones_of(armature), foreign.wishes_of(armature)
    except InputError:
        bones, wishes = BoneMap({}), foreign.wishes_of(armature)
    _filling = True
    try:
        table.rows.clear()
        for role in ROLES:
            if role in bones.bones or role in REQUIRED or role in _SHOWN:
                row = table.rows.add()
                row.name, row.role = label_of(role), role
                row.bone, row.score = bones.bones.get(role, ""), bones.scores.get(role, 0.0)
        table.prefix = _common_prefix([row.bone for row in table.rows if row.bone])
        table.root, table.feet, table.hands = wishes.root, wishes.feet, wishes.hands
        table.fingers, table.scale, table.controls = wishes.fingers, wishes.scale or 0.0, wishes.controls
    finally:
        _filling = False


def fill_face(armature: bpy.types.Object) -> None:
    """Show the map of the face in its table."""
    global _filling
    if not hasattr(armature, "avanim"):
        return
    face, table = foreign_face.face_of(armature), armature.avanim.retarget
    _filling = True
    try:
        table.face.clear()
        for key, target in face.targets.items():
            row = table.face.add()
            row.name, row.gain = key, face.gains.get(key, 1.0)
            row.of = next(iter(target.recipe)) if len(target.recipe) == 1 else target.kind
    finally:
        _filling = False


_SHOWN = {*ROLES[:23]}

CLASSES = (AVANIM_PG_bone, AVANIM_PG_face_key, AVANIM_PG_retarget_object, AVANIM_PG_retarget)
