# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What of a take is to be made anew, `Scene.avanim.takes`."""

import bpy
from bpy.props import EnumProperty, IntProperty


class AVANIM_PG_takes(bpy.types.PropertyGroup):
    span: EnumProperty(
        name="Frames",
        description="Which stretch of the take is made anew",
        items=(
            ("FRAMES", "From, to", "The frames given below"),
            ("PREVIEW", "Preview range", "The timeline's preview range (P draws it)"),
            ("MARKERS", "Selected markers", "From the first to the last selected marker of the timeline"),
            ("ALL", "Whole take", "All of it; for bones that should dance anew throughout"),
        ),
    )
    first: IntProperty(name="From", description="The first frame that is made anew", default=1)
    last: IntProperty(name="To", description="The last frame that is made anew", default=100)
    bones: EnumProperty(
        name="Bones",
        description="Which bones are made anew",
        items=(
            ("ALL", "All", "All bones, and the way over the floor; feet are planted anew"),
            ("SELECTED", "Selected", "The bones that are selected in pose mode; the others keep their keys"),
        ),
    )
    blend: IntProperty(
        name="Blend",
        description="Frames at either end of the stretch in which the old and the new go over into each other",
        default=12,
        min=0,
        soft_max=60,
    )


CLASSES = (AVANIM_PG_takes,)
