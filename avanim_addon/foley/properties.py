# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The settings of the sound of films, `Scene.avanim.foley`."""

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ...models.impact import DEFAULT_METHOD, METHODS
from ..compat import versions
from ..impacts.properties import MATERIAL_ITEMS

SEEN = "SEEN"  # the material is the one that is seen


class AVANIM_PG_foley(bpy.types.PropertyGroup):
    film: StringProperty(
        name="Film", description="The silent film, or playblast, that is to be heard", subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )  # fmt: skip
    method: EnumProperty(
        name="Method",
        description="How the film becomes sound",
        items=tuple((name, method.title, method.reference) for name, method in METHODS.items()),
        default=DEFAULT_METHOD,
    )
    material: EnumProperty(
        name="Made Of",
        description="What all that moves is made of: a film shows that by looks alone, which deceive",
        items=((SEEN, "As It Looks", "Each thing as it looks"), *MATERIAL_ITEMS),
        default=SEEN,
    )
    ground: EnumProperty(
        name="Falls On", description="What it falls on; by Foley alone", items=MATERIAL_ITEMS, default="stone"
    )
    seed: IntProperty(name="Seed", description="Another seed strikes other corners", min=0)
    path: StringProperty(
        name="Sound",
        description="The .wav to write; a number is added where there is one. // is the folder of the .blend",
        default="//foley.wav",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )
    found: StringProperty(name="Found", description="What was seen in the film")


CLASSES = (AVANIM_PG_foley,)
