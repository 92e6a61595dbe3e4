# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The impacts panel's settings, `Scene.avanim.impacts`, and its list of events."""

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...rigs.impact.materials import MATERIALS
from ..compat import versions

MATERIAL_ITEMS = tuple((m.name, m.label, f"{m.density:g} kg/m³, {m.young:.2g} Pa") for m in MATERIALS.values())


class AVANIM_PG_impact_event(bpy.types.PropertyGroup):
    """One event as it is listed; the rest of it is in the file."""

    index: IntProperty(name="Number in the file", options={"HIDDEN"})
    frame: FloatProperty(name="Frame", description="When it happens", options=set())
    mute: BoolProperty(name="Mute", description="Leave this event out when it is baked again", options=set())
    gain: FloatProperty(
        name="Strength", description="Factor on its strength", default=1.0, min=0.0, soft_max=4.0, options=set()
    )
    first: EnumProperty(name="Material", description="What hits", items=MATERIAL_ITEMS, options=set())
    second: EnumProperty(name="On", description="What is hit", items=MATERIAL_ITEMS, options=set())


class AVANIM_PG_impacts(bpy.types.PropertyGroup):
    layout: EnumProperty(
        name="Sound",
        description="For what it is mixed",
        items=(
            ("stereo", "Stereo", "Loudspeakers; each source is panned to where the camera sees it"),
            ("binaural", "Headphones", "Binaural: delay between the ears and the head's shadow, for each source"),
            ("ambix", "Ambisonics", "First-order ambiX, four channels (ACN, SN3D), for games and 360° video"),
        ),
    )
    damping: FloatProperty(
        name="Damping",
        description="How quickly everything dies down, as a factor on what the materials do by themselves",
        default=1.0, min=0.05, max=50.0, soft_min=0.2, soft_max=10.0,
    )  # fmt: skip
    seed: IntProperty(name="Seed", description="Another seed gives other grains and roughness", min=0)
    path: StringProperty(
        name="Folder",
        description="Where to write the sounds; a number is added for each bake. // is the folder of the .blend",
        default="//impacts",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )
    events: CollectionProperty(type=AVANIM_PG_impact_event)
    event: IntProperty(name="Event", options=set())
    found: StringProperty(name="Found", description="What the last bake has found")


CLASSES = (AVANIM_PG_impact_event, AVANIM_PG_impacts)
