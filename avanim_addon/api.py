# SPDX-License-Identifier: GPL-3.0-or-later
"""For scripts, with and without a window: what the buttons do, as functions that return when it is done.

In Blender: `from bl_ext.user_default.avanim.avanim_addon import api`. With the bpy wheel: `from avanim.avanim_addon
import api`; there it needs no registration, and runs the models in the same process.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import bpy
import numpy as np

from ..rigs.beats import Beats
from ..rigs.bone_mapping import BoneMap
from ..rigs.errors import InputError
from ..rigs.face import FaceTrack
from ..rigs.job import Job, Progress, silent
from ..rigs.marks import Marks
from ..rigs.retarget import Wishes
from . import runtime_operators, session
from .dance.request import DanceRequest
from .face.request import FaceRequest
from .face.resolve import resolve
from .request import asked_for, perform, with_seed
from .scene import carry, character, face_file, face_take, foreign, marks, studio
from .scene.export import export
from .scene.render import render
from .scene.render import write_mix as mix_sound
from .takes import asset, tracks
from .takes import retime as retiming
from .takes.regenerate import RegenerateRequest

__all__ = [
    "DanceRequest",
    "add_character",
    "add_studio",
    "clear_asset",
    "create_runtime",
    "delete_take",
    "export",
    "export_face",
    "find_beats",
    "generate_dance",
    "generate_face",
    "hide_markers",
    "import_face",
    "import_motion",
    "map_bones",
    "mark_asset",
    "mix_sound",
    "regenerate",
    "remove_runtime",
    "render",
    "repeat",
    "resolve_face",
    "retime",
    "show_markers",
    "takes",
    "use_only",
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
        wishes: `start`, `seconds`, `method`, `style`, `seed`, `bpm`, `metre`, `offset`, `beats`, `fps`,
            `frame_start`, `add_sound`, `fit_range`, `beat_markers`, `name`; see `DanceRequest`.

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


def generate_face(
    audio: str | Path,
    armature: bpy.types.Object | None = None,
    *,
    scene: bpy.types.Scene | None = None,
    progress: Progress = silent,
    **wishes: object,
) -> bpy.types.Action:
    """Let a character say a recording, in any language, and wait until it is written as a new take.

    Args:
        armature: a character, by default the active object.
        wishes: `start`, `seconds`, `method`, `seed`, `channel`, `text`, `frame_start`, `regions`, `additive`, `error`,
            `add_sound`, `fit_range`, `show_markers`, `name`, and `controls`, by the names of models.face.OPTIONS; see
            `FaceRequest`.

    Returns:
        The take's action. What is odd about the sound, or keeps the mouth still, is a warning.

    Raises:
        InputError: the sound, an option or the armature is wrong, or no Python can run the models.
        Cancelled: progress raised it.
        RuntimeError: the worker failed.
    """
    armature = _character(armature)
    request = FaceRequest(Path(audio).resolve(), **wishes)  # type: ignore[arg-type]
    request.target(armature, scene or bpy.context.scene)
    action, problem = perform(request, armature, scene or bpy.context.scene, progress)
    if problem:
        warnings.warn(problem, stacklevel=2)
    return action


def resolve_face(
    action: bpy.types.Action, armature: bpy.types.Object | None = None, scene: bpy.types.Scene | None = None
) -> bpy.types.Action:
    """Make another take whose mouth forms the phonemes as their markers stand now, see `show_markers`.

    Raises:
        InputError: none was moved, renamed or deleted, one is unknown or out of order, or the take has none.
    """
    return resolve(scene or bpy.context.scene, _character(armature), action)


def find_beats(
    audio: str | Path,
    *,
    start: float = 0.0,
    seconds: float | None = None,
    progress: Progress = silent,
    **wishes: float,
) -> Beats:
    """The beats of a sound file, their times counted from `start`.

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


def takes(armature: bpy.types.Object | None = None) -> list[bpy.types.Action]:
    """A character's takes, oldest first. One of the face has more actions; the armature's stands for them here.

    Raises:
        InputError: the armature is no character.
    """
    return [action for track in tracks.take_tracks(_character(armature)) if (action := tracks.take_on(track))]


def use_only(action: bpy.types.Action, armature: bpy.types.Object | None = None) -> None:
    """Play this take and mute the others of its kind, body or face. Raises InputError: it is none of the character."""
    armature = _character(armature)
    tracks.use_only(armature, tracks.track_of(armature, action))


def delete_take(action: bpy.types.Action, armature: bpy.types.Object | None = None) -> None:
    """Remove a take with its actions. Raises InputError: it is none of the character."""
    armature = _character(armature)
    tracks.delete(armature, tracks.track_of(armature, action))


def repeat(
    action: bpy.types.Action,
    armature: bpy.types.Object | None = None,
    *,
    seed: int | None = None,
    audio: str | Path = "",
    progress: Progress = silent,
) -> bpy.types.Action:
    """Make a take again at its place, with another seed or to another sound, and wait until it is a new take.

    Args:
        seed: by default the take's own.
        audio: a sound file, whose tempo is found out anew; by default the take's own.

    Raises:
        InputError: the take does not say how it was made, there is no such file, or no Python can run the models.
        Cancelled: progress raised it.
        RuntimeError: the worker failed.
    """
    armature = _character(armature)
    request = asked_for(action, str(audio))
    request = request if seed is None else with_seed(request, seed)
    return perform(request, armature, bpy.context.scene, progress)[0]


def regenerate(
    action: bpy.types.Action,
    first: int,
    last: int,
    armature: bpy.types.Object | None = None,
    *,
    joints: Iterable[str] | None = None,
    blend: int = 12,
    seed: int,
    progress: Progress = silent,
) -> bpy.types.Action:
    """Make a part of a dance anew with another seed, and wait until it is written as a new take; the old one is muted.

    Outside the part the new take has the old one's keys, to the bit.

    Args:
        first, last: frames of the scene between which it is made anew.
        joints: names of bones; None is all of them and the way over the floor.
        blend: frames at either end in which old and new go over into each other.

    Raises:
        InputError: the take does not say how it was made, the part misses it, or no Python can run the models.
        Cancelled: progress raised it.
        RuntimeError: the worker failed.
    """
    armature = _character(armature)
    names = tuple(joints) if joints is not None else None
    request = RegenerateRequest.of(armature, action, first, last, names, blend, seed)
    return perform(request, armature, bpy.context.scene, progress)[0]


def retime(
    action: bpy.types.Action,
    armature: bpy.types.Object | None = None,
    *,
    was: Sequence[float] | None = None,
    now: Sequence[float] | None = None,
    scene: bpy.types.Scene | None = None,
) -> bpy.types.Action:
    """Make another take that follows moved marks; the old one is muted, the sound stays.

    Args:
        was, now: s from the take's beginning: what happened at `was` happens at `now`. Without them the take's markers
            on the timeline say it, see `show_markers`.

    Raises:
        InputError: marks have changed places or left the take, none was moved, or the take is none of the character.
    """
    armature = _character(armature)
    if was is None or now is None:
        return retiming.retime_to_markers(scene or bpy.context.scene, armature, action)
    return retiming.retime(armature, action, np.asarray(was, float), np.asarray(now, float))


def show_markers(
    action: bpy.types.Action, armature: bpy.types.Object | None = None, scene: bpy.types.Scene | None = None
) -> int:
    """Put a take's beats or phonemes on the timeline as markers, and return how many. Raises InputError."""
    shift = tracks.frame_shift(_character(armature), action)
    return marks.show(scene or bpy.context.scene, action, shift)


def hide_markers(action: bpy.types.Action, scene: bpy.types.Scene | None = None) -> None:
    """Take a take's markers off the timeline."""
    marks.hide(scene or bpy.context.scene, action)


def mark_asset(action: bpy.types.Action, armature: bpy.types.Object | None = None) -> None:
    """Offer a take in the asset browser, tagged with its settings. Raises InputError: it is none of the character."""
    asset.mark(_character(armature), action)


def clear_asset(action: bpy.types.Action, armature: bpy.types.Object | None = None) -> None:
    """Take a take out of the asset browser; the take itself stays. Raises InputError: it is none of the character."""
    asset.clear(_character(armature), action)


def import_face(
    path: str | Path,
    armature: bpy.types.Object | None = None,
    *,
    name: str | None = None,
    frame_start: int | None = None,
    fps: float | None = None,
    phonemes: Marks | None = None,
) -> bpy.types.Action:
    """Key a recorded face onto a character as a new take: a Live Link Face .csv, or an .npz of AVAnim's own.

    Args:
        name: of the take, by default the file's.
        frame_start: the frame of the first key, by default the scene's first.
        fps: keys a second, by default the scene's.
        phonemes: marks to keep on the take, by which it can be re-timed.

    Returns:
        The action that stands for the take in the list.

    Raises:
        InputError: the file is no face track, or the character has no shape keys that can be moved.
    """
    armature, path = _character(armature), Path(path).resolve()
    track = FaceTrack.load(path)
    settings = {"method": "capture", "audio": None, "file": str(path)}
    kept = {"phonemes": phonemes} if phonemes is not None else None
    action = face_take.write_face_take(
        armature, track, name or path.stem, settings, frame_start=frame_start, fps=fps, marks=kept
    )
    tracks.select(armature, action)
    return action


def map_bones(armature: bpy.types.Object, bones: BoneMap | None = None, wishes: Wishes | None = None) -> BoneMap:
    """Make a rig of your own a target of takes: find out, or say, which bone is which. Returns the map.

    Args:
        wishes: root motion, planted feet, IK controls …, as `rigs.retarget.Wishes` has them.

    Raises:
        InputError: it is no humanoid's armature, or cannot be changed.
    """
    return foreign.map_bones(armature, bones, wishes)


def import_motion(
    path: str | Path,
    armature: bpy.types.Object | None = None,
    *,
    name: str | None = None,
    frame_start: int | None = None,
    fps: float | None = None,
) -> bpy.types.Action:
    """Key a motion file as a new take: .bvh of any skeleton, AMASS or SMPL .npz, AIST++ .pkl. Returns its action.

    Raises:
        InputError: the file holds no motion of a humanoid, or the armature is neither a character nor mapped.
    """
    armature = _character(armature)
    action = carry.motion_to_rig(path, armature, name, frame_start=frame_start, fps=fps)
    tracks.select(armature, action)
    return action


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
    if not foreign.is_mapped(armature):
        character.skeleton_of(armature)
    return armature
