# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What the add-on keeps in a .blend file: `Scene.avanim`, one group per domain, and `Object.avanim` per character."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty


class AVANIM_PG_scene(bpy.types.PropertyGroup):
    """`Scene.avanim`. Each domain that has settings gets its group, under its name, when that is registered."""

    character: EnumProperty(
        name="Character",
        description="The character to add",
        items=(
            ("neutral", "Ava", "A character of average build"),
            ("female", "Nora", "A female character"),
            ("male", "Leo", "A male character"),
        ),
    )
    skeleton: EnumProperty(
        name="Skeleton",
        description="How many joints the new character has",
        items=(
            ("smpl24", "Body", "24 joints: the body. SMPL's skeleton"),
            ("smplx55", "Body, hands and face", "55 joints: fingers, jaw and eyes too. SMPL-X's skeleton"),
        ),
    )


class AVANIM_PG_object(bpy.types.PropertyGroup):
    """`Object.avanim`, of a character's armature."""

    track: IntProperty(name="Take", description="The take on which the buttons beside the list act", options=set())


class AVANIM_PG_action(bpy.types.PropertyGroup):
    """`Action.avanim`, of a take."""

    star: BoolProperty(name="Star", description="Mark this take as one to keep", options=set())


CLASSES = (AVANIM_PG_scene, AVANIM_PG_object, AVANIM_PG_action)
