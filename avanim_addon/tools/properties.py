# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The tools' settings, `Scene.avanim.tools`."""

import bpy
from bpy.props import (
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
)

from ...models.dance.families import TOOLS

SLIDERS = 6


def _is_body_take(group: bpy.types.PropertyGroup, action: bpy.types.Action) -> bool:
    return "avanim_take" in action and "avanim_skeleton" in action


class AVANIM_PG_tools(bpy.types.PropertyGroup):
    tool: EnumProperty(
        name="Tool",
        description="What to make of the selected take",
        items=tuple((name, tool.title, f"{tool.about}. {tool.reference}") for name, tool in TOOLS.items()),
    )
    other: PointerProperty(
        name="With", description="Another take to learn from", type=bpy.types.Action, poll=_is_body_take
    )
    gains: FloatVectorProperty(
        name="Gain", description="What the take's principal components are multiplied by, the largest first",
        size=SLIDERS, default=(1.0,) * SLIDERS, soft_min=0, soft_max=2, min=-5, max=5,
    )  # fmt: skip
    offsets: FloatVectorProperty(
        name="Offset", description="By how many standard deviations the components are moved",
        size=SLIDERS, soft_min=-2, soft_max=2, min=-5, max=5,
    )  # fmt: skip
    mix: FloatProperty(
        name="Mix", description="From this take's style to the other's", subtype="FACTOR", min=0, max=1, default=0.5
    )
    span: EnumProperty(
        name="Do",
        description="What is made anew",
        items=(
            ("CONTINUE", "Continue", "Go on where the take ends"),
            ("PREVIEW", "Preview range", "All between the first and the last frame of the preview range (P draws it)"),
            ("MARKERS", "Between markers", "All between the selected markers of the timeline; their poses stay"),
            ("KEYS", "Between keys", "All between the selected keys of the take (Tab in the NLA); their poses stay"),
        ),
    )
    seconds: FloatProperty(
        name="Length", description="How long it goes on", min=0.5, max=600, default=8, unit="TIME_ABSOLUTE",
        subtype="TIME",
    )  # fmt: skip
    temperature: FloatProperty(
        name="Temperature", description="0 takes the likeliest way, 1 draws as often as it saw, more is wilder",
        min=0, max=2, default=0.5,
    )  # fmt: skip
    seed: IntProperty(name="Seed", description="Another seed goes another way", min=0, default=1)
    strength: FloatProperty(
        name="Strength", description="How far the poses go to what the model knows as motion", subtype="FACTOR",
        min=0, max=1, default=1,
    )  # fmt: skip


CLASSES = (AVANIM_PG_tools,)
