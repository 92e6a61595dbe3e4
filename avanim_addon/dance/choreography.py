# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The choreographer's controls, `Scene.avanim.dance.choreography`, and the poses that a dance is to pass through."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from mathutils import Quaternion

from ...models.dance.choreographer.controls import Controls
from ...rigs.motion import Motion
from ...rigs.rotation import axis_angle_from_matrix
from ..scene import foreign
from ..scene.take import Shape

_PLAIN = Controls()
# What presets keep: all but what belongs to one scene and one song.
KEPT = (
    *("mix", "energy", "amplitude", "travel", "use_region", "region", "mirror", "pace", "variation"),
    *("dancers", "formation", "canon", "spacing"),
)


class AVANIM_PG_choreography(bpy.types.PropertyGroup):
    mix: StringProperty(
        name="Mix", description="Styles and their weights in place of one style, such as pop:2, hiphop:1"
    )
    energy: FloatProperty(name="Energy", description="1 as the music has it", min=0, max=2, default=1)
    amplitude: FloatProperty(
        name="Amplitude", description="Size of steps, hips and arms", min=0.2, max=1.6, default=1, soft_min=0.5
    )
    travel: FloatProperty(
        name="Travel", description="0 in place, 1 over the whole floor", subtype="FACTOR", min=0, max=1, default=0.5
    )
    use_region: BoolProperty(name="Keep within", description="Stay within a rectangle about where the dance begins")
    region: FloatVectorProperty(
        name="Region", description="Width and depth that the hips do not leave", size=2, min=0.5, max=100,
        default=(3, 2), unit="LENGTH", subtype="XYZ_LENGTH",
    )  # fmt: skip
    mirror: BoolProperty(name="Mirror", description="Left for right")
    pace: EnumProperty(
        name="Pace",
        description="The dance's beats to the music's",
        items=(
            ("auto", "Auto", "Half or double time where the tempo is beyond the moves'"),
            ("half", "Half time", "One beat of the dance for two of the music"),
            ("normal", "Normal", "Beat by beat"),
            ("double", "Double time", "Two beats of the dance for one of the music"),
        ),
    )
    beat_offset: FloatProperty(
        name="Beat offset", description="Dance so many beats late", min=-8, max=8, default=0, step=50
    )
    track: StringProperty(
        name="Track",
        description="What must be danced where: 9: grapevine; verse: no turns; forbid twist; 17-24: idle",
    )
    script: PointerProperty(
        name="Text", description="The same as lines of a text, from the text editor", type=bpy.types.Text
    )
    pins: StringProperty(options={"HIDDEN"})
    pinned: StringProperty(name="Pinned at", options={"HIDDEN"})
    from_pose: BoolProperty(
        name="From this pose", description="Begin in the pose and place in which the character is now"
    )
    use_loop: BoolProperty(name="Loop", description="A dance that repeats without a seam")
    loop: IntProperty(name="Bars", description="Length of the loop in bars of the music", min=1, max=64, default=8)
    dancers: IntProperty(name="Dancers", description="More than one adds further characters", min=1, max=24, default=1)
    formation: EnumProperty(
        name="Formation",
        description="How the dancers go together",
        items=(
            ("unison", "Unison", "All the same"),
            ("canon", "Canon", "The same, one after the other"),
            ("mirrored", "Mirrored", "In pairs, each the other's mirror image"),
            ("own", "Own", "Each has a dance of its own"),
        ),
    )
    canon: FloatProperty(name="Beats apart", description="Between one dancer and the next", min=0, max=32, default=2)
    spacing: FloatProperty(
        name="Spacing", description="Between neighbours; more where they would run into each other", min=0.5, max=10,
        default=1.5, unit="LENGTH", subtype="DISTANCE",
    )  # fmt: skip
    variation: FloatProperty(
        name="Variation", description="How freely the motion model varies the moves", subtype="FACTOR", min=0, max=1
    )


def wishes(panel: AVANIM_PG_choreography) -> dict[str, Any]:
    """The job's options for what is not as it is by default. Pins have scene frames yet, and `from_pose` no file."""
    found: dict[str, Any] = {}
    for name in ("energy", "amplitude", "travel", "mirror", "pace", "beat_offset", "variation"):
        value = getattr(panel, name)
        value = round(value, 4) if isinstance(value, float) else value
        if value != getattr(_PLAIN, name):
            found[name] = value
    lines = [panel.track, panel.script.as_string() if panel.script else ""]
    if any(line.strip() for line in lines):
        found["track"] = "\n".join(line for line in lines if line.strip())
    if panel.mix.strip():
        found["mix"] = panel.mix
    if panel.use_region:
        found["region"] = f"{panel.region[0]:.4g}x{panel.region[1]:.4g}"
    if panel.use_loop:
        found["loop"] = panel.loop
    if panel.dancers > 1:
        found.update(dancers=panel.dancers, formation=panel.formation, spacing=round(panel.spacing, 4))
        if panel.formation == "canon":
            found["canon"] = round(panel.canon, 4)
    if pins_of(panel):
        found["pins"] = pins_of(panel)
    if panel.from_pose:
        found["continue_from"] = ""
    return found


def pins_of(panel: AVANIM_PG_choreography) -> list[dict[str, Any]]:
    """Each {"frame" of the scene, "poses", "trans"}, by frame."""
    return json.loads(panel.pins or "[]")


def add_pin(panel: AVANIM_PG_choreography, armature: bpy.types.Object, frame: int) -> None:
    """Pin the pose in which the character is."""
    motion = posed(armature)
    pins = {pin["frame"]: pin for pin in pins_of(panel)}
    pins[frame] = {
        "frame": frame, "poses": np.round(motion.poses[0], 6).tolist(), "trans": np.round(motion.trans[0], 6).tolist()
    }  # fmt: skip
    panel.pins = json.dumps([pins[key] for key in sorted(pins)])
    panel.pinned = ", ".join(map(str, sorted(pins)))


def posed(armature: bpy.types.Object) -> Motion:
    """Two frames of the pose that the character has now.

    Raises:
        InputError: it is neither one of AVAnim's characters nor mapped, has lost a bone, or stands by IK controls.
    """
    if foreign.is_mapped(armature):
        return foreign.posed(armature)
    shape = Shape.of(armature)
    poses = np.zeros((len(shape.skeleton), 3))
    for index, joint in enumerate(shape.skeleton.joints):
        bone = armature.pose.bones[joint]
        turn: Quaternion = bone.matrix_basis.to_quaternion()
        axes = shape.axes[joint]
        poses[index] = axis_angle_from_matrix(axes @ np.array(turn.to_matrix()) @ axes.T)
    root = shape.skeleton.joints[0]
    moved = np.array(armature.pose.bones[root].matrix_basis.translation) @ shape.axes[root].T
    trans = shape.joints[0] + moved - shape.root
    return Motion(np.stack([poses] * 2), np.stack([trans] * 2), 30.0, shape.skeleton.name)
