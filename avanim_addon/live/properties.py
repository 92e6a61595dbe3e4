# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of the live dance, `Scene.avanim.live`."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty

from ...models.dance import METHODS


class AVANIM_PG_live(bpy.types.PropertyGroup):
    style: EnumProperty(
        name="Style",
        description="Which of GrooveNet's machines dances",
        items=tuple((style, style.replace("_", " ").title(), "") for style in METHODS["groove"].styles),
    )
    seed: IntProperty(name="Seed", description="Another seed is another dance", min=0, default=1)
    record: BoolProperty(
        name="Record", description="When it is stopped, keep what has been danced as a take, its feet planted"
    )


CLASSES = (AVANIM_PG_live,)
