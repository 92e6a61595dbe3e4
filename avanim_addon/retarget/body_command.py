# SPDX-License-Identifier: GPL-3.0-or-later
"""`avanim body`: the body of a SMPL file, its shape, a motion and its correctives, without a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...rigs.errors import InputError
from ...rigs.files import ensure_writable
from ...rigs.job import Progress, part, silent
from ...rigs.retarget_source import load_any_motion
from ...rigs.smpl import load_body
from ..scene import performance, smpl_shape, studio
from ..scene.carry import motion_to_rig
from ..scene.export import ENDINGS, export
from ..scene.rig_file import open_rig
from ..scene.smpl_body import add_smpl_body
from ..scene.sound import set_frame_rate
from ..scene.take import scene_fps
from ..takes import tracks

CORRECTIVES = ("driven", "baked", "none")
_SCENE_ENDINGS = (".blend", ".mp4", ".png")


def body_file(
    source: str | Path,
    output: str | Path,
    *,
    motion: str | None = None,
    betas: list[float] | None = None,
    fit_joints: bool = False,
    correctives: str | None = None,
    armature: str | None = None,
    fps: float | None = None,
    target: str = "plain",
    engine: str = "workbench",
    size: tuple[int, int] = (640, 360),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Build the body of a SMPL file, or change one in a scene, and write what comes of it.

    Args:
        source: SMPL, SMPL-H or SMPL-X .npz or .pkl; or a .blend with such a body, in which all else stays.
        motion: AMASS .npz, AIST++ .pkl or .bvh that the body does, as a new take.
        betas: its shape; by default the motion's where a new body is built. Joints and soles follow.
        fit_joints: of a .blend: the joints follow the sliders as they stand there.
        correctives: `driven` by the bones, `baked` to keys over the frames, or `none`; by default driven where a body
            is built, and as they are in a .blend. Exports hold them where they are baked.
        armature: of a .blend, where it holds several.
        fps: keys a second; by default the motion's, or the .blend's.

    Returns:
        The output, the betas, how many shape keys the correctives move, the take and its frames.

    Raises:
        InputError: something cannot be read or written, or does not fit.
        Cancelled: progress raised it; nothing is written then.
    """
    output, source = Path(output), Path(source)
    if output.suffix not in (*ENDINGS, *_SCENE_ENDINGS):
        raise InputError(f"Cannot write to {output}; end it in {' '.join((*_SCENE_ENDINGS, *ENDINGS))}.")
    if correctives not in (None, *CORRECTIVES):
        raise InputError(f"Correctives are {', '.join(CORRECTIVES)}, not {correctives}.")
    ensure_writable(output)
    done = load_any_motion(motion)[0] if motion else None
    progress(0.0, "Reading the body")
    if source.suffix.lower() == ".blend":
        if correctives == "none":
            raise InputError("A body is built with or without correctives; give its SMPL file with none, not a .blend.")
        body = open_rig(source, armature)
        if betas is not None:
            smpl_shape.set_betas(body, np.array(betas))
        if betas is not None or fit_joints:
            smpl_shape.fit_joints(body)
    else:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        if betas is None and done is not None:
            betas = done.betas[: load_body(source).shapedirs.shape[2]].tolist()
        body = add_smpl_body(source, betas, correctives=correctives != "none")
    scene = bpy.context.scene
    if fps is not None or (done is not None and source.suffix.lower() != ".blend"):
        set_frame_rate(scene, fps or done.fps)
    progress(0.2, "Writing the take")
    action = _take(body, motion) if motion else None
    keyed = None
    if correctives == "baked":
        keyed = smpl_shape.bake_correctives(body)
    elif correctives == "driven":
        smpl_shape.drive_correctives(body)
    _write(output, body, target, engine, size, part(progress, 0.5, 1))
    return {
        "output": str(output),
        "betas": np.round(smpl_shape.betas_of(body), 6).tolist(),
        "correctives": {None: "none", True: "baked", False: "driven"}[smpl_shape.correctives_baked(body)],
        "keyed": keyed,
        "take": action.name if action else None,
        "frames": scene.frame_end - scene.frame_start + 1,
        "fps": scene_fps(scene),
    }


def _take(body: bpy.types.Object, motion: str) -> bpy.types.Action:
    scene = bpy.context.scene
    action = motion_to_rig(motion, body, frame_start=scene.frame_start)
    tracks.use_only(body, tracks.track_of(body, action))
    scene.frame_end = scene.frame_start + action["avanim_frames"] - 1
    return action


def _write(
    output: Path, body: bpy.types.Object, target: str, engine: str, size: tuple[int, int], progress: Progress
) -> None:
    scene = bpy.context.scene
    if output.suffix in (".mp4", ".png") and scene.camera is None:
        studio.add_studio(scene, body, (scene.frame_start, scene.frame_end))
    scene.frame_set(scene.frame_start)
    if output.suffix in ENDINGS:
        baked = bool(smpl_shape.correctives_baked(body))
        export(output, target=target, armature=body, correctives=baked, report=True, progress=progress)
    else:
        performance.finish(output, engine=engine, size=size, target=target, progress=progress)
