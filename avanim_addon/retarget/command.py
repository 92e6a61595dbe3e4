# SPDX-License-Identifier: GPL-3.0-or-later
"""`avanim retarget`: a motion onto a rig in a file, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...rigs.bone_mapping import BoneMap
from ...rigs.errors import InputError
from ...rigs.files import ensure_writable
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.retarget import Wishes
from ...rigs.retarget_source import load_any_motion
from ...rigs.skeleton import Rest
from ..scene import foreign, performance, studio
from ..scene.carry import source_body
from ..scene.export import ENDINGS, export
from ..scene.rig_file import RIG_FILES, open_rig, read_animation
from ..scene.sound import set_frame_rate
from ..scene.take import scene_fps, write_take
from ..takes import tracks
from .reduce import reduce_keys

_SCENE_ENDINGS = (".blend", ".mp4", ".png")


def mapping(rig: str, armature: str | None = None, scheme: str | None = None) -> dict[str, Any]:
    """Which bone of a rig plays which joint, and how sure that is, 0..1.

    Raises:
        InputError: the rig or the scheme cannot be read, or it is no humanoid.
    """
    found = open_rig(rig, armature)
    bones = foreign.map_bones(found, BoneMap.load(scheme) if scheme else None)
    return _mapping(found, bones)


def _mapping(armature: bpy.types.Object, bones: BoneMap) -> dict[str, Any]:
    return {
        "armature": armature.name,
        "convention": bones.convention,
        "label": bones.label,
        "bones": {role: {"bone": bone, "score": bones.scores.get(role, 1.0)} for role, bone in bones.bones.items()},
        "held": foreign.held_bones(armature, bones),
    }


def retarget_file(
    source: str,
    rig: str,
    output: str | Path,
    *,
    wishes: Wishes | None = None,
    armature: str | None = None,
    scheme: str | None = None,
    keep_scheme: str | None = None,
    take: str | None = None,
    source_armature: str | None = None,
    body: str | None = None,
    seconds: float | None = None,
    fps: float | None = None,
    error: tuple[float, float] | None = None,
    target: str = "plain",
    engine: str = "workbench",
    size: tuple[int, int] = (640, 360),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Carry a motion over to the rig of a file, and write what comes of it.

    Args:
        source: .npz, .pkl, .bvh; or .blend, .fbx, .glb, .usd of which `source_armature` and its action `take` are read.
        rig: as `open_rig`.
        output: .blend keeps the rig's scene; the endings of `export`, .mp4 and .png.
        scheme: a saved map of the bones, in place of finding it out; `keep_scheme`: save the one that was used.
        body: that a file without a rig was made for: see `carry.source_body`.
        seconds: only so much of the motion.
        fps: keys a second; by default the scene's of a .blend, else the motion's.
        error: keys of a .blend are left out while the curves stay within so many degrees and mm.

    Returns:
        The output, the mapping, and how well it went: see docs/retargeting.md.

    Raises:
        InputError: something cannot be read or written, or does not fit.
        Cancelled: progress raised it; nothing is written then.
    """
    output = Path(output)
    if output.suffix not in (*ENDINGS, *_SCENE_ENDINGS):
        raise InputError(f"Cannot write to {output}; end it in {' '.join((*_SCENE_ENDINGS, *ENDINGS))}.")
    if error is not None and output.suffix != ".blend":
        raise InputError("Keys are left out of a .blend only; other files have one on every frame. Leave out --error.")
    if seconds is not None and not (np.isfinite(seconds) and seconds > 0):
        raise InputError(f"The seconds must be a positive number, not {seconds}.")
    ensure_writable(output)
    bones = BoneMap.load(scheme) if scheme else None
    motion, rest, name = _source(source, take, source_armature, body, part(progress, 0, 0.4))
    if seconds is not None:
        count = max(2, round(seconds * motion.fps))
        motion = replace(motion, poses=motion.poses[:count], trans=motion.trans[:count])
    progress(0.4, "Opening the rig")
    found = open_rig(rig, armature)
    scene = bpy.context.scene
    bones = foreign.map_bones(found, bones, wishes or Wishes())
    if keep_scheme:
        bones.save(keep_scheme)
    if fps is not None or not str(rig).lower().endswith(".blend"):
        set_frame_rate(scene, fps or motion.fps)
    shape = foreign.ForeignShape.of(found, rest)
    progress(0.5, "Writing the take")
    settings = {"method": "file", "audio": None, "file": Path(source).name}
    if found.animation_data and found.animation_data.action:
        # An action that is being edited would play over every take; it stays in the file.
        found.animation_data.action.use_fake_user = True
        found.animation_data.action = None
    action = write_take(found, motion, name, settings, shape=shape)
    tracks.use_only(found, tracks.track_of(found, action))
    carried = shape.carry(motion.resampled(scene_fps(scene)))
    scene.frame_start, scene.frame_end = scene.frame_start, scene.frame_start + len(carried) - 1
    keys = None
    if error is not None:
        action, keys = reduce_keys(found, action, *error)
    _write(output, found, target, engine, size, part(progress, 0.6, 1))
    return {
        "output": str(output),
        "take": action.name,
        "frames": len(carried),
        "fps": scene_fps(scene),
        "scale": round(carried.scale, 6),
        "keys": keys,
        "legs": {
            "bent_degrees": round(float(np.degrees(carried.legs.bent.max(initial=0.0))), 3),
            "slide_cm_s": round(100 * carried.legs.slide(carried.fps), 3),
            "depth_cm": round(100 * carried.legs.depth, 3),
        },
        "mapping": _mapping(found, bones),
    }


def _source(
    path: str, take: str | None, armature: str | None, body: str | None, progress: Progress
) -> tuple[Motion, Rest, str]:
    if Path(path).suffix.lower() in RIG_FILES:
        if body is not None:
            raise InputError(f"{path} holds a rig, whose proportions are known; leave out --body.")
        progress(0.0, "Opening the source")
        motion, rest, name = read_animation(open_rig(path, armature), take, progress=part(progress, 0.2, 1))
        return motion, rest, name
    if Path(path).suffix.lower() == ".abc":
        raise InputError(f"{path} is Alembic, which holds meshes and no bones; give the motion as .usd, .fbx or .glb.")
    if take is not None or armature is not None:
        raise InputError(f"{path} holds one motion; leave out --take and --source-armature.")
    motion, rest = load_any_motion(path, own_body=True)
    return motion, source_body(motion, rest, body), Path(path).stem


def _write(
    output: Path, armature: bpy.types.Object, target: str, engine: str, size: tuple[int, int], progress: Progress
) -> None:
    scene = bpy.context.scene
    if output.suffix in (".mp4", ".png") and scene.camera is None:
        studio.add_studio(scene, armature, (scene.frame_start, scene.frame_end))
    scene.frame_set(scene.frame_start)
    if output.suffix in ENDINGS:
        export(output, target=target, armature=armature, report=True, progress=progress)
    else:
        performance.finish(output, engine=engine, size=size, target=target, progress=progress)
