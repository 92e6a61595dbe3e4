# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole performance in a fresh scene, and its way into a file: what the command line calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...rigs.beats import Beats
from ...rigs.characters import Character
from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ...rigs.marks import Marks
from ...rigs.motion import Motion
from ...rigs.skeleton import Rest
from . import marks, studio
from .axes import TURN, Array, to_blender
from .character import add_character, skeleton_of
from .console import quiet
from .export import export
from .instrument import add_instrument
from .render import render
from .sound import add_sound_strip, set_frame_rate
from .take import write_take


def stage_dance(
    motion: Motion,
    beats: Beats | None,
    audio_path: str | Path | None,
    *,
    character: str | Character = "neutral",
    skeleton: str | None = None,
    name: str = "Dance",
    settings: dict[str, Any] | None = None,
    start: float = 0.0,
    seconds: float | None = None,
    correctives: bool = True,
    others: Sequence[Motion] = (),
    progress: Progress = silent,
) -> bpy.types.Object:
    """Set up a fresh scene: character, take, music, beat markers, studio and camera.

    Without a window everything that was loaded is dropped first; with one a new scene is added beside the others.

    Args:
        beats: times count from the start of the dance.
        skeleton: the character's, by default one that has the motion's fingers.
        start, seconds: the part of the music that is danced to, s.
        settings: kept on the take (see `take.write_take`).
        others: the motions of the other dancers of a group, each of whom comes as a further character.

    Returns:
        The armature, of the first dancer.

    Raises:
        InputError: the character or the music cannot be loaded.
        Cancelled: progress raised it.
    """
    if bpy.app.background:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
    else:
        scene = bpy.data.scenes.new(name)
        bpy.context.window.scene = scene
    scene.name = name
    skeleton = skeleton or ("smpl24" if motion.skeleton == "smpl24" else "smplx55")
    set_frame_rate(scene, motion.fps)
    scene.frame_start, scene.frame_end = 1, len(motion)
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    armature = add_character(character, skeleton, correctives=correctives, progress=part(progress, 0, 0.8))
    progress(0.8, "Writing the take")
    action = write_take(armature, motion, name, settings)
    if settings and "instrument" in settings:
        add_instrument(settings["instrument"], armature)
    if audio_path is not None:
        add_sound_strip(scene, audio_path, scene.frame_start, start=start, seconds=seconds or motion.seconds)
    if beats is not None:
        marks.keep(action, "beats", Marks.of_beats(beats))
        marks.show(scene, action)
    positions = [joint_positions(armature, motion)]
    for number, other in enumerate(others, 2):
        progress(0.8 + 0.1 * number / (len(others) + 2), f"Adding dancer {number}")
        dancer = add_character(character, skeleton, correctives=correctives)
        write_take(dancer, other, f"{name} {number}", settings)
        positions.append(joint_positions(dancer, other))
    progress(0.9, "Building the studio")
    studio.add_studio(scene, armature, (scene.frame_start, scene.frame_end), positions=np.hstack(positions))
    scene.frame_set(scene.frame_start)
    progress(1.0, "Staged")
    return armature


def joint_positions(armature: bpy.types.Object, motion: Motion) -> Array:
    """(T, J, 3) m: where a take of `motion` puts the character's joints, in the armature's space."""
    rig = skeleton_of(armature)
    heads = np.array([armature.data.bones[joint].head_local for joint in rig.joints], float)
    poses = np.zeros((len(motion), len(rig), 3))
    for index, joint in enumerate(rig.joints):
        if joint in motion.rig.joints:
            poses[:, index] = motion.poses[:, motion.rig.index(joint)]
    rest = np.asarray(heads @ TURN, float)
    trans = motion.trans + np.array(armature["avanim_root"]) - rest[0]
    positions, _ = Rest(rig, rest, 0.0).forward(poses, trans)
    return to_blender(positions)


def open_scene(path: str | Path) -> None:
    """Load a .blend file in place of the current one, without running scripts in it.

    Raises:
        InputError: it is missing or no .blend file that this Blender can read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no scene {path}; check the name.")
    try:
        with quiet():
            bpy.ops.wm.open_mainfile(filepath=str(path.resolve()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise InputError(f"Cannot read {path} as a .blend file; was it made by a newer Blender?") from error


def save_scene(path: str | Path) -> None:
    """Write everything loaded into one compressed .blend with images and sounds packed, whole or not at all."""
    path = Path(path)
    with replacing(path) as temporary:
        for sound in bpy.data.sounds:
            if not sound.packed_file:
                sound.pack()
            # A path of this machine would be of no use elsewhere.
            sound.filepath = "//" + Path(sound.filepath.replace("\\", "/")).name
        with quiet():
            bpy.ops.file.pack_all()
            bpy.ops.wm.save_as_mainfile(
                filepath=str(temporary.resolve()), copy=True, compress=True, relative_remap=False, check_existing=False
            )


def finish(
    output: str | Path,
    *,
    engine: str = "workbench",
    size: tuple[int, int] = (640, 360),
    target: str = "plain",
    progress: Progress = silent,
) -> None:
    """Turn the staged scene into `output`: .blend saves it, .mp4 and .png render it, .fbx and .glb export it.

    Raises:
        InputError: an ending that is not known, or what `render` and `export` raise.
        Cancelled: progress raised it; nothing is written then.
    """
    output = Path(output)
    scene = bpy.context.scene
    if output.suffix == ".blend":
        progress(0.0, "Saving the scene")
        save_scene(output)
        progress(1.0, "Saved")
    elif output.suffix in (".mp4", ".png"):
        _reframe(scene, size)
        frame = (scene.frame_start + scene.frame_end) // 2
        render(output, engine=engine, size=size, frame=frame, progress=progress)
    elif output.suffix in (".fbx", ".glb"):
        export(output, target=target, progress=progress)
    else:
        raise InputError(f"Cannot tell what {output} should be; end it in .blend, .mp4, .png, .fbx or .glb.")


def _reframe(scene: bpy.types.Scene, size: tuple[int, int]) -> None:
    """Place the studio's camera anew where the picture has another shape."""
    camera = scene.camera
    subject = scene.objects.get(camera.get("avanim_subject", "")) if camera else None
    before = scene.render.resolution_x / scene.render.resolution_y
    if subject is None or abs(before - size[0] / size[1]) < 0.01:
        return
    scene.render.resolution_x, scene.render.resolution_y = size
    positions = studio.joint_trajectory(scene, subject, (scene.frame_start, scene.frame_end))
    studio.frame_performance(scene, camera, skeleton_of(subject).joints, positions, scene.frame_start)
