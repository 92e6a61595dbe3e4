# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion that is there already onto a character or a rig: a file, or another character's take."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ...rigs import characters
from ...rigs.average import average_rest
from ...rigs.errors import InputError
from ...rigs.motion import Motion
from ...rigs.retarget_source import load_any_motion, standing_body
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
    mapped = foreign.is_mapped(armature)
    motion, rest = load_any_motion(path, own_body=mapped)
    settings = {"method": "file", "audio": None, "file": path.name}
    shape = foreign.ForeignShape.of(armature, source_body(motion, rest)) if mapped else Shape.of(armature)
    return write_take(armature, motion, name or path.stem, settings, frame_start=frame_start, fps=fps, shape=shape)


def source_body(motion: Motion, rest: Rest, body: str | None = None) -> Rest:
    """The body that a file's motion was made for.

    Args:
        rest: as `load_any_motion` gives it; the file's own where it has one.
        body: "average", one of the characters, or a SMPL file, which is shaped by the motion's betas. By default an
            that which the file names; else an average adult or the neutral character, whichever has the feet that
            stand stiller.

    Raises:
        InputError: there is no such body.
    """
    if body is None and (motion.body == "average" or _file_of(motion.body).is_file()):
        body = motion.body
    if body is None:
        own = not np.allclose(rest.joints, average_rest(motion.skeleton).joints)
        return rest if own else standing_body(motion, [rest, foreign.default_rest()])
    if body == "average":
        return average_rest(motion.skeleton)
    if body in characters.CHARACTERS:
        return characters.load_body(_file_of(body)).rest()
    if not Path(body).is_file():
        known = ", ".join(("average", *characters.CHARACTERS))
        raise InputError(f"There is no body {body}; choose {known}, or a SMPL file.")
    return characters.load_body(Path(body)).rest(motion.betas)


def _file_of(character: str) -> Path:
    """The body of one of the characters, if it is one and is built; no file of anything else."""
    return characters.FOLDER / (f"SMPL_{character.upper()}.npz" if character in characters.CHARACTERS else "")


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
