# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the sheets of docs/characters.md: the default characters in hard poses, and their faces.

    python examples/character_sheet.py [--out docs/pictures] [--samples 16]

Needs the bpy wheel and Pillow.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

import bpy
import numpy as np
from avanim.avanim_addon.scene.axes import bone_axes
from avanim.avanim_addon.scene.character import add_character, meshes_of
from avanim.rigs.rotation import matrix_from_axis_angle, quaternion_from_matrix
from mathutils import Vector
from PIL import Image

# Degrees of each joint's rotation vector, in model axes (X left, Y up, Z forward).
REST = {
    "left_shoulder": (0, 0, -70),
    "right_shoulder": (0, 0, 70),
    "left_elbow": (0, -15, 0),
    "right_elbow": (0, 15, 0),
}
OVERHEAD = {
    "left_collar": (0, 0, 25), "right_collar": (0, 0, -25), "left_shoulder": (0, 0, 55), "right_shoulder": (0, 0, -55),
    "left_elbow": (0, 0, 25), "right_elbow": (0, 0, -25),
}  # fmt: skip
LUNGE = {
    "left_hip": (-80, 0, 8), "left_knee": (85, 0, 0), "right_hip": (25, 0, 0), "right_knee": (30, 0, 0),
    "right_ankle": (20, 0, 0), "left_shoulder": (0, 0, -15), "right_shoulder": (0, -10, -55), "left_elbow": (0, -40, 0),
}  # fmt: skip
CROUCH = {
    "spine1": (15, 0, 0), "spine2": (15, 0, 0), "left_hip": (-110, 0, 15), "right_hip": (-110, 0, -15),
    "left_knee": (128, 0, 0), "right_knee": (128, 0, 0), "left_ankle": (-22, 0, 0), "right_ankle": (-22, 0, 0),
    "left_shoulder": (0, -70, -15), "right_shoulder": (0, 70, 15), "left_elbow": (0, -40, 0), "right_elbow": (0, 40, 0),
}  # fmt: skip
KICK = {
    "pelvis": (0, 20, 0), "spine1": (0, 0, 8), "spine3": (0, 0, 6), "right_hip": (-15, 0, -50), "left_knee": (15, 0, 0),
    "left_collar": (0, 0, 15), "left_shoulder": (0, 0, 55), "right_shoulder": (0, 35, -10), "right_elbow": (0, 80, 0),
}  # fmt: skip
CROSSED = {
    "left_shoulder": (0, -65, -45), "right_shoulder": (0, 65, 45),
    "left_elbow": (0, -95, 10), "right_elbow": (0, 95, -10),
}  # fmt: skip
BODIES = [
    ("neutral", REST, 25), ("female", OVERHEAD, -15), ("male", LUNGE, 30), ("neutral", CROUCH, 40), ("female", KICK, 0),
    ("male", CROSSED, -10), ("female", REST, 160), ("male", REST, 200),
]  # fmt: skip


def both(name: str, value: float) -> dict[str, float]:
    return {f"{name}Left": value, f"{name}Right": value}


FACES = [
    ("neutral", {}, 25),
    ("female", both("mouthSmile", 0.8) | both("cheekSquint", 0.4) | {"jawOpen": 0.06}, -25),
    ("male", both("mouthSmile", 0.8) | both("mouthUpperUp", 0.4) | both("mouthLowerDown", 0.3) | {"jawOpen": 0.12}, 15),
    ("neutral", {"jawOpen": 0.5}, 0),
    ("female", {"mouthPucker": 0.65, "mouthFunnel": 0.35, "jawOpen": 0.1}, 10),
    ("male", {"mouthRollLower": 0.5, "jawOpen": 0.06} | both("mouthUpperUp", 0.45), -20),
    ("neutral", both("mouthPress", 0.35) | {"mouthRollLower": 0.3, "mouthRollUpper": 0.3}, -30),
    ("female", both("eyeBlink", 1.0), 60),
]


def shoot(name: str, pose: dict, face: dict, turn: float, close: bool, samples: int) -> Image.Image:
    """One picture of one character in a fresh scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = add_character(name)
    joints = [bone.name for bone in armature.pose.bones]
    for joint, axes in zip(joints, bone_axes(armature, joints), strict=True):
        if joint in pose:
            turned = axes.T @ matrix_from_axis_angle(np.radians(np.array(pose[joint], float))) @ axes
            armature.pose.bones[joint].rotation_quaternion = quaternion_from_matrix(turned)
    armature.rotation_euler.z = np.radians(turn)
    meshes = meshes_of(armature)
    for shape, value in face.items():
        meshes[0].data.shape_keys.key_blocks[shape].value = value
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    corners = np.array([mesh.matrix_world @ v.co for mesh in evaluated(meshes) for v in mesh.data.vertices])
    low = corners[:, 2].min()
    head = armature.matrix_world @ armature.pose.bones["head"].head
    middle = (corners[:, 0].min() + corners[:, 0].max()) / 2
    target = Vector((middle, 0, low + 1.08)) if not close else head + Vector((0, 0, 0.05))
    height, size = (2.25, (340, 560)) if not close else (0.36, (330, 360))
    reach = 2.3 if not close else 1.0
    for place, energy, width in (((-1.3, -1.9, 1.2), 52, 0.9), ((1.6, -1.3, 0.2), 17, 1.2), ((0.5, 1.5, 1.1), 50, 0.9)):
        light = bpy.data.objects.new("Light", bpy.data.lights.new("Light", "AREA"))
        light.data.energy, light.data.size = energy * reach**2, width * reach
        light.location = target + reach * Vector(place)
        light.rotation_euler = (target - light.location).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(light)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", height
    camera.location, camera.rotation_euler = target + Vector((0, -6, 0)), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.19, 0.195, 0.205, 1)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = samples, 4, True
    scene.render.resolution_x, scene.render.resolution_y = size
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "shot.png")
        bpy.ops.render.render(write_still=True)
        with Image.open(scene.render.filepath) as picture:
            return picture.convert("RGB")


def evaluated(meshes: list) -> list:
    graph = bpy.context.evaluated_depsgraph_get()
    return [mesh.evaluated_get(graph) for mesh in meshes]


def sheet(pictures: list[Image.Image], columns: int, path: Path) -> None:
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (columns * width, rows * height))
    for index, picture in enumerate(pictures):
        whole.paste(picture, (index % columns * width, index // columns * height))
    file = io.BytesIO()
    whole.save(file, "PNG", optimize=True)
    path.write_bytes(file.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--samples", type=int, default=16)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    bodies = [shoot(name, pose, {}, turn, False, arguments.samples) for name, pose, turn in BODIES]
    sheet(bodies, 4, arguments.out / "characters.png")
    faces = [shoot(name, REST, face, turn, True, arguments.samples) for name, face, turn in FACES]
    sheet(faces, 4, arguments.out / "visemes.png")


if __name__ == "__main__":
    main()
