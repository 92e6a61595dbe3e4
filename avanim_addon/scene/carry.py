# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion that is there already onto a character or a rig: a file, or another character's take."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...rigs.errors import InputError
from ...rigs.retarget_source import load_any_motion
from ...rigs.skeleton import Rest
from . import foreign
from .take import Shape, read_take, write_take


def motion_to_rig(
    path: str | Path,
    armature: bpy.types.Object,
    name: str | None = None,
    *,
    frame_start: int | None = None,
    fps: float | None = None,
) -> bpy.types.Action:
    """Key a motion file (.bvh of any skeleton, AMASS or SMPL .npz, AIST++ .pkl) as a new take. Returns its action.

    Args:
        armature: one of AVAnim's characters, or a rig whose bones are mapped.

    Raises:
        InputError: the file holds no motion of a humanoid, or the armature is no such target.
    """
    path = Path(path)
    motion, rest = load_any_motion(path)
    settings = {"method": "file", "audio": None, "file": path.name}
    shape = foreign.ForeignShape.of(armature, rest) if foreign.is_mapped(armature) else Shape.of(armature)
    return write_take(armature, motion, name or path.stem, settings, frame_start=frame_start, fps=fps, shape=shape)


def take_to_rig(
    source: bpy.types.Object, action: bpy.types.Action, armature: bpy.types.Object, name: str | None = None
) -> bpy.types.Action:
    """Carry a take of one of AVAnim's characters over to a rig, as a take of that, on the same frames.

    Raises:
        InputError: the action is no take of the source's body, or the armature is not mapped.
    """
    if not foreign.is_mapped(armature):
        raise InputError(f"The bones of {armature.name} are not mapped yet; press Map Bones in the Retarget panel.")
    motion = read_take(source, action)
    heads = Shape.of(source)
    # The motion's root rests where the character's own does, not where its bone was lifted to.
    rest = Rest(heads.skeleton, heads.joints - heads.joints[0] + heads.root, heads.root[1] - heads.joints[0][1])
    shape = foreign.ForeignShape.of(armature, rest)
    settings = {"method": "carried over", "audio": action.get("avanim_audio"), "take": action.name}
    first, fps = int(action["avanim_frame_start"]), float(action["avanim_fps"])
    return write_take(armature, motion, name or action.name, settings, frame_start=first, fps=fps, shape=shape)
