# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What the add-on keeps in a .blend file: `Scene.avanim`, one group per domain, and `Object.avanim` per character."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty

from .dance.properties import AVANIM_PG_dance
from .export.properties import AVANIM_PG_export
from .face.properties import AVANIM_PG_face
from .render.properties import AVANIM_PG_render
from .sound.properties import AVANIM_PG_sound
from .takes.properties import AVANIM_PG_takes


class AVANIM_PG_scene(bpy.types.PropertyGroup):
    """`Scene.avanim`."""

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
    dance: PointerProperty(type=AVANIM_PG_dance)
    takes: PointerProperty(type=AVANIM_PG_takes)
    face: PointerProperty(type=AVANIM_PG_face)
    sound: PointerProperty(type=AVANIM_PG_sound)
    render: PointerProperty(type=AVANIM_PG_render)
    export: PointerProperty(type=AVANIM_PG_export)


class AVANIM_PG_object(bpy.types.PropertyGroup):
    """`Object.avanim`, of a character's armature."""

    track: IntProperty(name="Take", description="The take on which the buttons beside the list act", options=set())


class AVANIM_PG_action(bpy.types.PropertyGroup):
    """`Action.avanim`, of a take."""

    star: BoolProperty(name="Star", description="Mark this take as one to keep", options=set())
