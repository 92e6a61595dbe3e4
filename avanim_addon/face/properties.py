# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The face panel's settings, `Scene.avanim.face`."""

import bpy
from bpy.props import StringProperty

from ..compat import versions


class AVANIM_PG_face(bpy.types.PropertyGroup):
    path: StringProperty(
        name="File",
        description="Where to write the face, without an ending. // is the folder of the .blend",
        default="//face",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )


CLASSES = (AVANIM_PG_face,)
