# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The render panel's settings, `Scene.avanim.render`."""

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..compat import versions

SIZES = ("1280x720", "1920x1080", "3840x2160", "1080x1080", "1080x1920")
_SIZE_NAMES = ("720p", "1080p", "4K", "Square", "Upright")


class AVANIM_PG_render(bpy.types.PropertyGroup):
    engine: EnumProperty(
        name="Engine",
        description="What draws the pictures",
        items=(
            ("workbench", "Workbench", "Quick and plain; good without a graphics card"),
            ("eevee", "EEVEE", "Real light and shadow; wants a graphics card"),
            ("cycles", "Cycles", "Traced light: slow, and as good as it gets"),
        ),
    )
    size: EnumProperty(
        name="Size",
        description="Width and height in pixels",
        items=(
            ("SCENE", "Scene's", "As the scene's output properties say"),
            *((size, f"{name}  {size.replace('x', ' × ')}", f"{size} pixels")
              for size, name in zip(SIZES, _SIZE_NAMES, strict=True)),
        ),
    )  # fmt: skip
    samples: IntProperty(
        name="Samples", description="Per pixel; 0 is a small number that suits the engine", min=0, soft_max=256
    )
    path: StringProperty(
        name="File",
        description="Where to write, without an ending. // is the folder of the .blend",
        default="//render",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )


CLASSES = (AVANIM_PG_render,)
