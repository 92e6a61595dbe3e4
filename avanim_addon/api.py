# SPDX-License-Identifier: GPL-3.0-or-later
"""For scripts, with and without a window: what the buttons do, as functions that return when it is done.

In Blender: `from bl_ext.user_default.avanim.avanim_addon import api`. With the bpy wheel: `from avanim.avanim_addon
import api`; there it needs no registration, and runs the models in the same process.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import bpy

from ..rigs.beats import Beats
from ..rigs.errors import InputError
from ..rigs.face import FaceTrack
from ..rigs.job import Job, Progress, silent
from . import runtime_operators, session
from .dance.request import DanceRequest
from .request import perform
from .scene import character, face_file, studio
from .scene.export import export
from .scene.render import render
from .scene.render import write_mix as mix_sound

__all__ = [
    "DanceRequest",
    "add_character",
    "add_studio",
    "create_runtime",
    "export",
    "export_face",
    "find_beats",
    "generate_dance",
    "mix_sound",
    "remove_runtime",
    "render",
]


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
    armature = _character(armature)
    request = DanceRequest(Path(audio).resolve(), **wishes)  # type: ignore[arg-type]
    action, problem = perform(request, armature, scene or bpy.context.scene, progress)
    if problem:
        warnings.warn(problem, stacklevel=2)
    return action


def find_beats(
    audio: str | Path,
    *,
    start: float = 0.0,
    seconds: float | None = None,
    progress: Progress = silent,
    **wishes: float,
) -> Beats:
    """The beats of a sound file, their times counted from `start`; `scene.sound.add_beat_markers` shows them.

    Args:
        start, seconds: the part that is listened to, s; by default all of it.
        wishes: `bpm`, `metre`, `offset` where they are known.

    Raises:
        InputError: the sound or an option is wrong, or no Python can run the models.
        Cancelled: progress raised it.
        RuntimeError: the worker failed.
    """
    job = Job("beats", str(Path(audio).resolve()), {"start": start, "seconds": seconds, **wishes})
    return Beats.from_dict(session.run_to_the_end(job, progress)["beats"])


def add_studio(
    armature: bpy.types.Object | None = None,
    *,
    scene: bpy.types.Scene | None = None,
    follow: bool | None = None,
) -> bpy.types.Object:
    """Add backdrop, lights and a camera that sees a character's whole performance over the scene's range.

    Where the scene has the studio already its camera is fitted anew.

    Args:
        armature: a character, by default the active object.
        follow: let the camera glide along; by default only where the dance covers much ground.

    Returns:
        The camera.

    Raises:
        InputError: the armature is no character.
    """
    return studio.add_or_refit(scene or bpy.context.scene, _character(armature), follow=follow)


def export_face(
    path: str | Path,
    armature: bpy.types.Object | None = None,
    *,
    frame_range: tuple[int, int] | None = None,
    progress: Progress = silent,
) -> FaceTrack:
    """Write what a character's face does to a Live Link Face .csv, or to .npz, and return it.

    Args:
        armature: a character, by default the active object.
        frame_range: first and last frame; by default the scene's.

    Raises:
        InputError: the armature is no character with a face, or the file cannot be written.
        Cancelled: progress raised it; nothing is written then.
    """
    return face_file.write_face(path, armature=_character(armature), frame_range=frame_range, progress=progress)


def create_runtime(compute: str = "cpu", *, progress: Progress = silent) -> Path:
    """Make the extension's own Python with what the models need, or go on with a half-made one; return its path.

    Args:
        compute: cpu, or cuda for NVIDIA's graphics cards.

    Raises:
        InputError: online access is off, no network, no room, no fitting Python, AVAnim is not an extension here.
        Cancelled: progress raised it; what is there is kept.
    """
    return runtime_operators.create_runtime(compute, progress)


def remove_runtime(*, progress: Progress = silent) -> None:
    """Delete the extension's own Python.

    Raises:
        InputError: there is none, or it is in use.
        Cancelled: progress raised it.
    """
    runtime_operators.remove_runtime(progress)


def _character(armature: bpy.types.Object | None) -> bpy.types.Object:
    armature = armature or bpy.context.object
    if armature is None:
        raise InputError("No character is selected; select one, or add one first.")
    character.skeleton_of(armature)
    return armature
