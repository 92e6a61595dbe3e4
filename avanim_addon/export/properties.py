# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The export panel's settings, `Scene.avanim.export`."""

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..compat import versions


class AVANIM_PG_export(bpy.types.PropertyGroup):
    target: EnumProperty(
        name="For",
        description="Which program the file is for",
        items=(
            ("plain", "Any", "The character's own bones, nothing added"),
            ("unreal", "Unreal", "A root bone on the floor carries the way and the heading: root motion"),
            ("unity", "Unity", "The character's own bones, in metres; for a Humanoid rig"),
        ),
    )
    format: EnumProperty(
        name="Format",
        description="The kind of file",
        items=(
            (".fbx", "FBX", "Unreal, Unity, Maya, MotionBuilder"),
            (".glb", "glTF", "One binary file; Unreal, Unity, Godot, web"),
            (".usdc", "USD", "Omniverse, Houdini, Maya; bones and shape keys"),
            (".abc", "Alembic", "The skin on every frame, without bones"),
            (".bvh", "BVH", "The motion alone, on the rig's own skeleton"),
            (".npz", "AMASS", "The motion alone, on SMPL's skeleton"),
        ),
    )
    correctives: BoolProperty(
        name="Corrective shapes",
        description="Keep the shapes that repair the skin at bent joints, as animated morph targets",
    )
    sound: BoolProperty(
        name="Sound beside it",
        description="Write the scene's sound over the same frames to a .wav of the same name",
        default=True,
    )
    path: StringProperty(
        name="File",
        description="Where to write, without an ending. // is the folder of the .blend",
        default="//export",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )


CLASSES = (AVANIM_PG_export,)
