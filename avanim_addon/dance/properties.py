# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The dance panel's settings, `Scene.avanim.dance`."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ...models.dance import METHODS
from ..compat import versions
from .choreography import AVANIM_PG_choreography

# The table of methods alone loads no torch.
_METHOD_ITEMS = tuple((name, method.title, method.reference) for name, method in METHODS.items())
# Blender does not keep the texts of items that a function gives, so they are kept here.
_STYLE_ITEMS = {
    name: (
        ("auto", "Auto", "Chosen by tempo and metre"),
        *((style, style.replace("_", " ").title(), f"Always {style}") for style in method.styles),
    )
    for name, method in METHODS.items()
}


class AVANIM_PG_dance(bpy.types.PropertyGroup):
    source: EnumProperty(
        name="From a",
        description="Where the music comes from",
        items=(
            ("FILE", "File", "A sound file, or the sound of a film"),
            ("STRIP", "Strip", "A sound strip of this scene's sequencer: its visible part, at its place"),
        ),
    )
    audio: StringProperty(
        name="Music",
        description="Any sound file or film that has sound",
        subtype="FILE_PATH",
        maxlen=1024,
        options=versions.RELATIVE_PATH,
    )
    strip: StringProperty(name="Strip", description="A sound strip of the sequencer")
    start: FloatProperty(name="From", description="Begin here in the file", min=0, unit="TIME_ABSOLUTE", subtype="TIME")
    seconds: FloatProperty(
        name="Length",
        description="Dance so long; 0 is to the end of the music",
        min=0,
        unit="TIME_ABSOLUTE",
        subtype="TIME",
    )
    method: EnumProperty(name="Method", description="How the dance is made", items=_METHOD_ITEMS)
    style: EnumProperty(
        name="Style", description="The kind of movement", items=lambda self, context: _STYLE_ITEMS[self.method]
    )
    seed: IntProperty(
        name="Seed",
        description="Another seed is another dance; the same seed is the same dance again",
        min=0,
        default=1,
    )

    choreography: PointerProperty(type=AVANIM_PG_choreography)

    use_bpm: BoolProperty(name="Set tempo", description="Give the tempo instead of having it heard")
    bpm: FloatProperty(name="Tempo", description="Beats a minute", min=20, max=400, default=120, precision=2)
    use_metre: BoolProperty(name="Set metre", description="Give the beats in a bar instead of having them heard")
    metre: IntProperty(name="Metre", description="Beats in a bar", min=2, max=4, default=4)
    use_offset: BoolProperty(
        name="Set first beat", description="Give the time of a downbeat instead of having it heard"
    )
    offset: FloatProperty(
        name="First beat",
        description="Time of the first downbeat, counted from the beginning of what is danced to",
        unit="TIME_ABSOLUTE",
        subtype="TIME",
        precision=3,
    )

    add_sound: BoolProperty(
        name="Sound strip", description="Put the music into the sequencer, in step with the dance", default=True
    )
    fit_range: BoolProperty(
        name="Scene range", description="Let the scene's frame range end with the dance", default=True
    )
    beat_markers: BoolProperty(name="Beat markers", description="Mark each beat on the timeline, named bar.beat")
    frame_rate: EnumProperty(
        name="Frame rate",
        description="Keys a second; other than the scene's own, the scene is set to it",
        items=(
            ("SCENE", "Scene's", "One key on every frame of the scene as it is"),
            ("24", "24 fps", "Film"),
            ("25", "25 fps", "PAL"),
            ("30", "30 fps", "Web, AIST++"),
            ("60", "60 fps", "Games"),
        ),
    )


CLASSES = (AVANIM_PG_choreography, AVANIM_PG_dance)
