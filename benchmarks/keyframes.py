# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender takes to be given a minute of body (24 bones) and face (52 shape keys), a key on every frame.

    python benchmarks/keyframes.py [--full]

Compares AVAnim's writer, as the panel uses it (from the motion to the take on its track), with `keyframe_insert`, which
is given bare values. The time of the latter grows with the square of the length, so it is measured on 100, 200 and 400
frames, and b·n + c·n² through those gives the minute; `--full` measures the minute at 30 frames a second as well.
Needs the bpy wheel; prints one table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import bpy
import numpy as np
from avanim.avanim_addon.scene.face_take import write_face_take
from avanim.avanim_addon.scene.take import write_take
from avanim.rigs.face import ARKIT_52, FaceTrack
from avanim.rigs.motion import Motion
from avanim.rigs.skeleton import SMPL24, Rest

SECONDS = 60
SHORT = (100, 200, 400)


def character() -> tuple[bpy.types.Object, bpy.types.Object]:
    """An armature of 24 bones, and a mesh of one triangle that has the 52 shapes."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    data = bpy.data.armatures.new("Ava")
    armature = bpy.data.objects.new("Ava", data)
    scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    rest = Rest.average()
    for name, parent, (x, y, z) in zip(SMPL24.joints, SMPL24.parents, rest.joints, strict=True):
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = (x, -z, y), (x, -z, y + 0.1)
        bone.parent = data.edit_bones[SMPL24.joints[parent]] if parent >= 0 else None
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    armature["avanim_character"], armature["avanim_skeleton"] = "neutral", "smpl24"
    armature["avanim_root"] = rest.joints[0].tolist()
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    face = bpy.data.objects.new("Face", mesh)
    scene.collection.objects.link(face)
    face.parent = armature
    face.modifiers.new("Armature", "ARMATURE").object = armature
    face.shape_key_add(name="Basis")
    for shape in ARKIT_52:
        face.shape_key_add(name=shape)
    return armature, face


def ours(fps: int) -> tuple[float, float]:
    """s for the body and for the face, a minute each."""
    random = np.random.default_rng(0)
    frames = SECONDS * fps
    motion = Motion(random.normal(0, 0.2, (frames, 24, 3)), random.normal(0, 1, (frames, 3)), float(fps))
    track = FaceTrack(
        random.random((frames, 52)), random.normal(0, 0.1, (frames, 3)), np.zeros((frames, 2)), float(fps)
    )
    armature, _ = character()
    body = timed(lambda: write_take(armature, motion, "body", fps=fps))
    return body, timed(lambda: write_face_take(armature, track, "face", fps=fps))


def inserted(frames: int) -> tuple[float, float]:
    """s that `keyframe_insert` takes for the body and for the face."""
    random = np.random.default_rng(0)
    armature, face = character()
    turns = random.normal(0, 1, (frames, 24, 4))
    weights = random.random((frames, 52))

    def body() -> None:
        for frame in range(frames):
            for bone, turn in zip(armature.pose.bones, turns[frame], strict=True):
                bone.rotation_quaternion = turn
                bone.keyframe_insert("rotation_quaternion", frame=frame)
            armature.pose.bones[0].keyframe_insert("location", frame=frame)

    def shapes() -> None:
        keys = [face.data.shape_keys.key_blocks[name] for name in ARKIT_52]
        for frame in range(frames):
            for key, weight in zip(keys, weights[frame], strict=True):
                key.value = weight
                key.keyframe_insert("value", frame=frame)

    return timed(body), timed(shapes)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def extrapolated(measured: list[float], frames: int) -> float:
    """b·n + c·n² through what was measured on `SHORT` frames, at `frames`."""
    n = np.array(SHORT, float)
    # Each weighs the same, whatever its size.
    terms = np.stack([n, n**2], axis=1) / np.array(measured)[:, None]
    linear, square = np.linalg.lstsq(terms, np.ones(len(n)), rcond=None)[0]
    return linear * frames + square * frames**2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--full", action="store_true", help="measure keyframe_insert over the minute too (minutes)")
    arguments = parser.parse_args()
    writer = {fps: np.min([ours(fps) for _ in range(3)], axis=0) for fps in (30, 60)}
    short = np.array([inserted(frames) for frames in SHORT])
    print(f"Blender {bpy.app.version_string}; seconds for one minute, best of three for AVAnim's writer\n")
    print("| | body, 24 bones | face, 52 shapes | both |")
    print("|---|---|---|---|")

    def row(name: str, body: float, face: float, about: str = "") -> None:
        print(f"| {name} | {about}{body:.3g} | {about}{face:.3g} | {about}{body + face:.3g} |")

    for fps, (body, face) in writer.items():
        row(f"AVAnim's writer, {fps} fps", body, face)
    for frames, (body, face) in zip(SHORT, short, strict=True):
        row(f"keyframe_insert, {frames} frames (measured)", body, face)
    for fps in (30, 60):
        body, face = (extrapolated(list(column), SECONDS * fps) for column in short.T)
        row(f"keyframe_insert, {fps} fps (extrapolated)", body, face, "≈ ")
    if arguments.full:
        row("keyframe_insert, 30 fps (measured)", *inserted(SECONDS * 30))


if __name__ == "__main__":
    main()
