# SPDX-License-Identifier: GPL-3.0-or-later
"""A character in the scene: an armature with anatomical bones, and skinned meshes with shape keys and materials."""

from __future__ import annotations

import bpy
import numpy as np

from ...rigs import characters
from ...rigs.characters import Character, SkinnedMesh
from ...rigs.characters import Material as Surface
from ...rigs.errors import InputError
from ...rigs.job import Progress, part, silent
from ...rigs.skeleton import SKELETONS, Rest, Skeleton
from ..compat import versions
from .axes import bone_axes, bone_layout, to_blender

# What the characters are called in the outliner.
LABELS = {"neutral": "Ava", "female": "Nora", "male": "Leo"}
CORRECTIVE_PREFIX = "Pose."
# Columns of the pose correctives that move no vertex by more than this (m) get no shape key.
_SMALLEST_CORRECTIVE = 1e-6
_OPEN_SHARE = 0.1

# The entries of R - I in terms of the quaternion w x y z, row-major. Blender evaluates such simple expressions itself,
# without Python, so they cost little during playback and work where scripts are switched off.
_ROTATION_TERMS = (
    "-2*(y*y+z*z)", "2*(x*y-w*z)", "2*(x*z+w*y)",
    "2*(x*y+w*z)", "-2*(x*x+z*z)", "2*(y*z-w*x)",
    "2*(x*z-w*y)", "2*(y*z+w*x)", "-2*(x*x+y*y)",
)  # fmt: skip


def add_character(
    character: str | Character = "neutral",
    skeleton: str = "smpl24",
    *,
    correctives: bool = True,
    progress: Progress = silent,
) -> bpy.types.Object:
    """Add a character to the current scene, standing on the floor at the origin, facing -Y.

    Args:
        character: one of `rigs.characters.CHARACTERS`, or a `Character` (then `skeleton` is not looked at).
        correctives: give the meshes driven shape keys that repair the skin at bent joints.

    Returns:
        The armature object. Bones are named like the joints; it carries the properties `avanim_character`,
        `avanim_skeleton`, `avanim_betas` and `avanim_root`, the rest position (3,) m of the root in model axes.

    Raises:
        InputError: an unknown name, or the character's files are missing and cannot be built.
        Cancelled: progress raised it.
    """
    if isinstance(character, str):
        character = characters.load_character(character, skeleton, progress=part(progress, 0, 0.6))
    progress(0.6, "Adding the character")
    if bpy.context.object and bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    label = _free_name(LABELS.get(character.name, character.name.title()))
    collection = bpy.data.collections.new(label)
    bpy.context.scene.collection.children.link(collection)
    rest = character.rest()
    lift = np.array([0, 0, -rest.floor])
    armature = _add_armature(label, collection, rest, lift)
    armature["avanim_character"] = character.name
    armature["avanim_skeleton"] = rest.skeleton.name
    armature["avanim_betas"] = [0.0] * character.body.shapedirs.shape[2]
    armature["avanim_root"] = [float(x) for x in rest.joints[0]]
    surfaces = {name: _material(f"{label}.{name}", surface) for name, surface in character.materials.items()}
    for index, mesh in enumerate(character.meshes):
        progress(0.65 + 0.35 * index / len(character.meshes), f"Adding {mesh.name}")
        _add_mesh(label, collection, armature, mesh, rest.skeleton, lift, surfaces, correctives)
    _relax_hands(armature, character)
    progress(1.0, "Character added")
    return armature


def skeleton_of(armature: bpy.types.Object) -> Skeleton:
    """The skeleton of an armature that `add_character` made.

    Raises:
        InputError: it is no such armature.
    """
    name = armature.get("avanim_skeleton") if armature.type == "ARMATURE" else None
    if name not in SKELETONS:
        raise InputError(f"{armature.name} is not one of AVAnim's characters; select one, or add one first.")
    skeleton = SKELETONS[name]
    missing = [joint for joint in skeleton.joints if joint not in armature.data.bones]
    if missing:
        raise InputError(f"{armature.name} lacks the bones {', '.join(missing)}; undo their renaming or removal.")
    return skeleton


def meshes_of(armature: bpy.types.Object) -> list[bpy.types.Object]:
    """The mesh objects that are bound to this armature, the body (the one with most shape keys) first."""
    bound = [
        child
        for child in armature.children_recursive
        if child.type == "MESH" and any(m.type == "ARMATURE" and m.object == armature for m in child.modifiers)
    ]
    return sorted(bound, key=lambda mesh: -len(mesh.data.shape_keys.key_blocks) if mesh.data.shape_keys else 0)


def _free_name(label: str) -> str:
    taken = {item.name for items in (bpy.data.objects, bpy.data.collections) for item in items}
    name, number = label, 1
    while name in taken:
        number += 1
        name = f"{label} {number}"
    return name


def _add_armature(label: str, collection: bpy.types.Collection, rest: Rest, lift: np.ndarray) -> bpy.types.Object:
    data = bpy.data.armatures.new(label)
    armature = bpy.data.objects.new(label, data)
    collection.objects.link(armature)
    view_layer = bpy.context.view_layer
    for selected in view_layer.objects.selected:
        selected.select_set(False)
    view_layer.objects.active = armature
    armature.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    heads, tails, up = bone_layout(rest.skeleton, to_blender(rest.joints) + lift)
    for index, name in enumerate(rest.skeleton.joints):
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = heads[index], tails[index]
        bone.align_roll(up[index])
        if rest.skeleton.parents[index] >= 0:
            bone.parent = data.edit_bones[rest.skeleton.joints[rest.skeleton.parents[index]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    _sort_bones(data, rest.skeleton)
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    data.display_type = "STICK"
    armature.show_in_front = True
    return armature


def _sort_bones(data: bpy.types.Armature, skeleton: Skeleton) -> None:
    """Bone collections and colours: left red, right blue, the middle yellow, as animators know them."""
    for name in skeleton.joints:
        part_name = "Body"
        if name in ("jaw", "left_eye", "right_eye"):
            part_name = "Face"
        elif name[-1].isdigit() and not name.startswith("spine"):
            part_name = "Fingers"
        group = data.collections.get(part_name) or data.collections.new(part_name)
        bone = data.bones[name]
        group.assign(bone)
        side = name.split("_")[0]
        bone.color.palette = {"left": "THEME01", "right": "THEME04"}.get(side, "THEME09")


def _add_mesh(
    label: str,
    collection: bpy.types.Collection,
    armature: bpy.types.Object,
    source: SkinnedMesh,
    skeleton: Skeleton,
    lift: np.ndarray,
    surfaces: dict[str, bpy.types.Material],
    correctives: bool,
) -> None:
    name = f"{label}.{source.name.replace('_', ' ').title()}"
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(source.vertices))
    mesh.vertices.foreach_set("co", _flat(to_blender(source.vertices) + lift))
    sizes = np.asarray(source.polygon_sizes, np.int32)
    mesh.loops.add(len(source.polygon_vertices))
    mesh.loops.foreach_set("vertex_index", np.asarray(source.polygon_vertices, np.int32))
    mesh.polygons.add(len(sizes))
    mesh.polygons.foreach_set("loop_start", np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32))
    mesh.polygons.foreach_set("material_index", np.asarray(source.polygon_materials, np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(sizes), bool))
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", _flat(source.corner_uvs))
    mesh.update(calc_edges=True)
    for material in source.materials:
        mesh.materials.append(surfaces[material])
    obj = bpy.data.objects.new(name, mesh)
    collection.objects.link(obj)
    # Each open edge costs Workbench's shadows dearly, and strands of hair are little else: the head's shadow will do.
    open_edges = 2 * len(mesh.edges) - len(mesh.loops)
    obj.display.show_shadows = open_edges < _OPEN_SHARE * len(mesh.edges)
    obj.parent = armature
    _add_weights(obj, source.weights, skeleton)
    modifier = obj.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    modifier.use_deform_preserve_volume = False
    if source.subdivision:
        smoothing = obj.modifiers.new("Subdivision", "SUBSURF")
        smoothing.levels = 0
        smoothing.render_levels = source.subdivision
    if source.morphs or (correctives and source.posedirs is not None):
        obj.shape_key_add(name="Basis", from_mix=False)
        mesh.shape_keys.name = name
    for morph, offsets in source.morphs.items():
        _add_shape_key(obj, morph, offsets)
    if correctives and source.posedirs is not None:
        _add_correctives(obj, armature, skeleton, source.posedirs)


def _add_weights(obj: bpy.types.Object, weights: np.ndarray, skeleton: Skeleton) -> None:
    for joint, name in enumerate(skeleton.joints):
        group = obj.vertex_groups.new(name=name)
        column = weights[:, joint]
        for vertex in np.flatnonzero(column > 0).tolist():
            group.add((vertex,), float(column[vertex]), "REPLACE")


def _add_shape_key(obj: bpy.types.Object, name: str, offsets: np.ndarray) -> bpy.types.ShapeKey:
    """`offsets` (V, 3) m in model axes."""
    key = obj.shape_key_add(name=name, from_mix=False)
    basis = np.empty(len(offsets) * 3, np.float32)
    obj.data.vertices.foreach_get("co", basis)
    key.data.foreach_set("co", basis + _flat(to_blender(offsets)))
    # Some versions add keys fully switched on.
    key.value = 0.0
    return key


def _add_correctives(
    obj: bpy.types.Object, armature: bpy.types.Object, skeleton: Skeleton, posedirs: np.ndarray
) -> None:
    """One shape key per joint and entry of R - I (SMPL's pose blend shapes, Loper et al. 2015), driven by the bone.

    The drivers see the bone's rotation in its own axes, so the directions are turned into those: the offset is linear
    in R - I, and R - I = M E Mᵀ with E its counterpart in the bone's axes.
    """
    axes = bone_axes(armature, list(skeleton.joints))
    for joint, bone in enumerate(skeleton.joints[1:], start=1):
        directions = posedirs[:, :, 9 * (joint - 1) : 9 * joint].reshape(-1, 3, 3, 3)
        if np.abs(directions).max() < _SMALLEST_CORRECTIVE:
            continue
        directions = np.einsum("vkab,ac,bd->vkcd", directions, axes[joint], axes[joint], optimize=True)
        for entry, expression in enumerate(_ROTATION_TERMS):
            row, column = divmod(entry, 3)
            offsets = directions[:, :, row, column]
            if np.abs(offsets).max() < _SMALLEST_CORRECTIVE:
                continue
            key = _add_shape_key(obj, f"{CORRECTIVE_PREFIX}{bone}.{'xyz'[row]}{'xyz'[column]}", offsets)
            key.slider_min, key.slider_max = -2.0, 2.0
            driver = key.driver_add("value").driver
            driver.type = "SCRIPTED"
            for component in "wxyz":
                if component in expression:
                    variable = driver.variables.new()
                    variable.name = component
                    variable.type = "TRANSFORMS"
                    target = variable.targets[0]
                    target.id = armature
                    target.bone_target = bone
                    target.transform_type = f"ROT_{component.upper()}"
                    target.rotation_mode = "QUATERNION"
                    target.transform_space = "LOCAL_SPACE"
            driver.expression = expression


def _relax_hands(armature: bpy.types.Object, character: Character) -> None:
    """Leave the fingers at ease, where they stay unless a take animates them."""
    from ...rigs.rotation import matrix_from_axis_angle, quaternion_from_matrix

    for joint, axis_angle in character.relaxed_hand.items():
        if joint in armature.pose.bones:
            axes = bone_axes(armature, [joint])[0]
            rotation = axes.T @ matrix_from_axis_angle(np.asarray(axis_angle)) @ axes
            armature.pose.bones[joint].rotation_quaternion = quaternion_from_matrix(rotation)


def _material(name: str, surface: Surface) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    versions.use_nodes(material)
    material.diffuse_color = (*surface.color, 1.0)
    material.roughness = surface.roughness
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*surface.color, 1.0)
    shader.inputs["Roughness"].default_value = surface.roughness
    shader.inputs["Specular IOR Level"].default_value = surface.specular
    shader.inputs["Subsurface Weight"].default_value = surface.subsurface
    shader.inputs["Subsurface Scale"].default_value = 0.01
    shader.inputs["Sheen Weight"].default_value = surface.sheen
    shader.inputs["Coat Weight"].default_value = surface.coat
    if surface.image:
        texture = nodes.new("ShaderNodeTexImage")
        texture.location = (shader.location.x - 320, shader.location.y)
        texture.image = _packed_image(name, surface.image)
        links.new(texture.outputs["Color"], shader.inputs["Base Color"])
        # Workbench shows the texture of the active image node.
        nodes.active = texture
    return material


def _packed_image(name: str, png: bytes) -> bpy.types.Image:
    """An image that lives inside the .blend file."""
    image = bpy.data.images.new(name, 8, 8)
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    return image


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).ravel()
