# SPDX-License-Identifier: GPL-3.0-or-later
"""For scripts, with and without a window: what the buttons do, as functions that return when it is done.

In Blender: `from bl_ext.user_default.avanim.avanim_addon import api`. With the bpy wheel: `from avanim.avanim_addon
import api`; there it needs no registration, and runs the models in the same process.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import bpy

from ..rigs.errors import InputError
from ..rigs.job import Progress, silent
from .dance.request import DanceRequest
from .request import perform
from .scene import character

__all__ = ["DanceRequest", "add_character", "generate_dance"]


def add_character(name: str = "neutral", skeleton: str = "smpl24") -> bpy.types.Object:
    """Add a character to the current scene: neutral, female or male; on smpl24, or smplx55 with fingers, jaw and eyes.

    Raises:
        InputError: an unknown name, or its files are missing.
    """
    return character.add_character(name, skeleton)


def generate_dance(
    audio: str | Path,
    armature: bpy.types.Object | None = None,
    *,
    scene: bpy.types.Scene | None = None,
    progress: Progress = silent,
    **wishes: object,
) -> bpy.types.Action:
    """Let a character dance to a sound file, and wait until it is written as a new take.

    Args:
        armature: a character, by default the active object.
        wishes: `start`, `seconds`, `method`, `style`, `seed`, `bpm`, `metre`, `offset`, `fps`, `frame_start`,
            `add_sound`, `fit_range`, `beat_markers`, `name`; see `DanceRequest`.

    Returns:
        The take's action.

    Raises:
        InputError: the sound, an option or the armature is wrong, or no Python can run the models.
        Cancelled: progress raised it.
        RuntimeError: the worker failed.
    """
    armature = armature or bpy.context.object
    if armature is None:
        raise InputError("No character is selected; select one, or add one first.")
    character.skeleton_of(armature)
    request = DanceRequest(Path(audio).resolve(), **wishes)  # type: ignore[arg-type]
    action, problem = perform(request, armature, scene or bpy.context.scene, progress)
    if problem:
        warnings.warn(problem, stacklevel=2)
    return action
