# SPDX-License-Identifier: GPL-3.0-or-later
"""How the things of rendered clips look: their shapes, their materials by colour, shine and grain, the light."""

from __future__ import annotations

import math
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Euler
from numpy.typing import NDArray

from ..compat import versions

Array = NDArray[np.float64]

# Looks that a trained network must not have seen: the last of the shapes and of the textures are for its test.
SHAPES = ("cube", "sphere", "cylinder", "ico", "slab", "tube", "cone", "torus")
UNSEEN_SHAPES = ("cone", "torus")
TEXTURES = ("plain", "noise", "wave", "checker", "voronoi", "brick")
UNSEEN_TEXTURES = ("voronoi", "brick")

AMBIENT = 0.35  # of its own colour that a matt thing shows in its shadow
# Colour ranges (low, high, linear RGB), metallic, roughness range, transmission.
_LOOKS: dict[str, tuple[tuple[float, ...], tuple[float, ...], float, tuple[float, float], float]] = {
    "steel": ((0.45, 0.46, 0.48), (0.75, 0.76, 0.80), 1.0, (0.12, 0.35), 0.0),
    "glass": ((0.65, 0.85, 0.80), (0.90, 1.00, 0.97), 0.0, (0.0, 0.08), 1.0),
    "wood": ((0.22, 0.09, 0.03), (0.50, 0.27, 0.11), 0.0, (0.45, 0.75), 0.0),
    "plastic": ((0.02, 0.02, 0.02), (0.90, 0.90, 0.90), 0.0, (0.2, 0.4), 0.0),
    "ceramic": ((0.75, 0.73, 0.70), (0.92, 0.92, 0.92), 0.0, (0.03, 0.15), 0.0),
    "rubber": ((0.010, 0.010, 0.010), (0.045, 0.045, 0.05), 0.0, (0.75, 0.95), 0.0),
    "stone": ((0.18, 0.18, 0.17), (0.40, 0.39, 0.37), 0.0, (0.85, 1.0), 0.0),
    "cardboard": ((0.42, 0.27, 0.14), (0.58, 0.40, 0.24), 0.0, (0.85, 1.0), 0.0),
    "floor": ((0.05, 0.05, 0.05), (0.75, 0.75, 0.75), 0.0, (0.4, 0.9), 0.0),
}
# What a material always has of its own: pattern, its scale range, how much darker its dark parts are.
_GRAIN = {"wood": ("grain", (4, 9), 0.45), "stone": ("noise", (14, 26), 0.45), "cardboard": ("wave", (18, 26), 0.85)}
_PATTERNS = {
    "noise": "ShaderNodeTexNoise", "wave": "ShaderNodeTexWave", "grain": "ShaderNodeTexWave",
    "checker": "ShaderNodeTexChecker", "voronoi": "ShaderNodeTexVoronoi", "brick": "ShaderNodeTexBrick",
}  # fmt: skip


def mesh_object(scene: bpy.types.Scene, name: str, shape: str, size: float) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    made = bmesh.new()
    half = size / 2
    match shape:
        case "sphere":
            bmesh.ops.create_uvsphere(made, u_segments=20, v_segments=12, radius=half)
        case "ico":
            bmesh.ops.create_icosphere(made, subdivisions=1, radius=half)
        case "cylinder" | "tube":
            thin = 0.35 if shape == "tube" else 0.5
            bmesh.ops.create_cone(made, cap_ends=True, segments=20, radius1=size * thin, radius2=size * thin,
                                  depth=size * (1.2 if shape == "tube" else 0.8))  # fmt: skip
        case "cone":
            bmesh.ops.create_cone(made, cap_ends=True, segments=20, radius1=half, radius2=size * 0.1, depth=size)
        case "torus":
            _ring(made, size * 0.36, size * 0.14)
        case _:
            bmesh.ops.create_cube(made, size=size)
            if shape == "slab":
                bmesh.ops.scale(made, vec=(1.1, 0.7, 0.3), verts=made.verts)
    made.to_mesh(mesh)
    made.free()
    mesh.shade_smooth() if shape in ("sphere", "torus") else mesh.shade_flat()
    thing = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(thing)
    return thing


def _ring(made: bmesh.types.BMesh, radius: float, thickness: float, around: int = 24, across: int = 10) -> None:
    rows = []
    for turn in np.arange(around) / around * 2 * math.pi:
        rows.append([
            made.verts.new((
                (radius + thickness * math.cos(a)) * math.cos(turn),
                (radius + thickness * math.cos(a)) * math.sin(turn),
                thickness * math.sin(a),
            ))
            for a in np.arange(across) / across * 2 * math.pi
        ])  # fmt: skip
    for one, two in zip(rows, rows[1:] + rows[:1], strict=True):
        for index in range(across):
            after = (index + 1) % across
            made.faces.new((one[index], two[index], two[after], one[after]))


def look(material: str, texture: str, rng: np.random.Generator) -> bpy.types.Material:
    """A Blender material that looks like one of MATERIALS or "floor", with a pattern of TEXTURES over it."""
    low, high, metallic, rough, through = _LOOKS[material]
    made = bpy.data.materials.new(material)
    versions.use_nodes(made)
    nodes = made.node_tree.nodes
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    if material == "plastic":  # any bright colour
        colour = rng.permutation([rng.uniform(0.5, 0.9), rng.uniform(0.02, 0.5), rng.uniform(0.01, 0.1)])
    else:
        share = rng.random(3) * 0.4 + rng.random() * 0.6 if material == "floor" else rng.random()
        colour = np.array(low) + share * (np.array(high) - np.array(low))
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Roughness"].default_value = float(rng.uniform(*rough))
    shader.inputs["Transmission Weight"].default_value = through
    base = shader.inputs["Base Color"]
    base.default_value = (*colour, 1)
    if material in _GRAIN:
        kind, scales, dark = _GRAIN[material]
        _pattern(made, base, kind, rng.uniform(*scales), dark)
    if texture != "plain" and through == 0:
        dark = rng.uniform(0.3, 0.8) if material == "floor" else rng.uniform(0.55, 0.9)
        _pattern(made, base, texture, rng.uniform(3, 14), dark)
    if not metallic and not through:
        glow = shader.inputs["Emission Color"]
        glow.default_value = base.default_value
        if base.is_linked:
            made.node_tree.links.new(base.links[0].from_socket, glow)
        shader.inputs["Emission Strength"].default_value = AMBIENT
    return made


def _pattern(made: bpy.types.Material, base: Any, kind: str, scale: float, dark: float) -> None:
    """Multiply the base colour by a pattern from `dark` to as much more than 1."""
    nodes, links = made.node_tree.nodes, made.node_tree.links
    pattern = nodes.new(_PATTERNS[kind])
    pattern.inputs["Scale"].default_value = float(scale)
    if kind == "grain":
        pattern.inputs["Distortion"].default_value = 5.0
    place = nodes.new("ShaderNodeTexCoord")
    links.new(place.outputs["Object"], pattern.inputs["Vector"])
    shade = nodes.new("ShaderNodeMapRange")
    shade.inputs["To Min"].default_value, shade.inputs["To Max"].default_value = float(dark), float(2 - dark)
    links.new(next(s for s in pattern.outputs if s.name in ("Factor", "Fac", "Distance")), shade.inputs["Value"])
    mix = nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    next(socket for socket in mix.inputs if socket.type == "VALUE").default_value = 1.0
    first, second = [socket for socket in mix.inputs if socket.type == "RGBA"]
    if base.is_linked:
        links.new(base.links[0].from_socket, first)
    else:
        first.default_value = base.default_value
    links.new(shade.outputs["Result"], second)
    links.new(next(socket for socket in mix.outputs if socket.type == "RGBA"), base)


def light(scene: bpy.types.Scene, rng: np.random.Generator) -> None:
    """A sun, and a world of soft bright and dark patches: what shines and what is clear shows only by what it shows."""
    world = bpy.data.worlds.new("Impacts")
    versions.use_nodes(world)
    scene.world = world
    nodes, links = world.node_tree.nodes, world.node_tree.links
    background = next(node for node in nodes if node.type == "BACKGROUND")
    background.inputs["Strength"].default_value = float(rng.uniform(0.4, 1.0))
    place, patches, ramp = (nodes.new(kind) for kind in ("ShaderNodeTexCoord", "ShaderNodeTexNoise",
                                                         "ShaderNodeValToRGB"))  # fmt: skip
    patches.inputs["Scale"].default_value, patches.inputs["Detail"].default_value = float(rng.uniform(1.5, 4)), 1.0
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.38, 0.62
    tint = rng.uniform(0.75, 1.0, 3)
    ramp.color_ramp.elements[0].color = (*(tint * rng.uniform(0.05, 0.4)), 1)
    ramp.color_ramp.elements[1].color = (*(tint * rng.uniform(1.0, 1.8)), 1)
    links.new(place.outputs["Generated"], patches.inputs["Vector"])
    links.new(next(s for s in patches.outputs if s.name in ("Factor", "Fac")), ramp.inputs[0])
    links.new(ramp.outputs["Color"], background.inputs["Color"])
    # With few samples, light from all sides would be grain: what is matt has it as a glow of its own instead.
    world.cycles.sampling_method, world.cycles_visibility.diffuse = "NONE", False
    lamp = bpy.data.lights.new("Sun", "SUN")
    lamp.energy, lamp.angle = float(rng.uniform(1.5, 3.5)), 0.02
    sun = bpy.data.objects.new("Sun", lamp)
    sun.rotation_euler = Euler((rng.uniform(0.1, 0.9), rng.uniform(-0.6, 0.6), rng.uniform(0, 6.3)))
    scene.collection.objects.link(sun)
