# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The sound panel's settings, `Scene.avanim.sound`."""

import bpy
from bpy.props import StringProperty

from ..compat import versions


class AVANIM_PG_sound(bpy.types.PropertyGroup):
    strip: StringProperty(name="Strip", description="The sound strip of the sequencer whose beats are to be found")
    found: StringProperty(name="Found", description="What was heard in the strip last")
    path: StringProperty(
        name="File",
        description="Where to write the mix, without an ending. // is the folder of the .blend",
        default="//sound",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )


CLASSES = (AVANIM_PG_sound,)
