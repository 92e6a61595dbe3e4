# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple instruments where a musician's hands are: a keyboard with its bench, a violin with its bow."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.playing import Hand, Piano, Violin
from ...rigs.playing.piano import BLACK_DEPTH, HIGHEST, KEY_HEIGHT, KEY_WIDTH, LOWEST, white_keys
from ...rigs.playing.violin import BOW, FROG, bow_grip
from ...rigs.skeleton import Rest
from ..compat import versions
from .axes import TURN, to_blender
from .character import skeleton_of

Array = NDArray[np.float64]

# Base colour (linear RGB) and roughness.
_SURFACES = {
    "ivory": ((0.86, 0.84, 0.78), 0.25),
    "ebony": ((0.012, 0.012, 0.013), 0.3),
    "lacquer": ((0.02, 0.018, 0.017), 0.12),
    "varnish": ((0.32, 0.10, 0.025), 0.22),
    "spruce": ((0.52, 0.24, 0.07), 0.25),
    "hair": ((0.80, 0.76, 0.66), 0.7),
    "leather": ((0.03, 0.026, 0.025), 0.6),
}


class _Parts:
    """Boxes and outlines that become one mesh."""

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.faces: list[tuple[int, ...]] = []
        self.surfaces: list[str] = []

    def prism(self, outline: Array, along: Array, surface: str) -> None:
        """`outline` (N, 3) m, anticlockwise seen from where `along` (3,) leads."""
        first, count = sum(map(len, self.points)), len(outline)
        self.points += [outline, outline + along]
        ring = list(range(first, first + count))
        self._add([tuple(reversed(ring)), tuple(i + count for i in ring)], surface)
        sides = [(a, b, b + count, a + count) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
        self._add(sides, surface)

    def box(self, centre: Iterable[float], size: Iterable[float], surface: str) -> None:
        middle, half = np.array(list(centre), float), np.array(list(size), float) / 2
        corners = np.array([(1, -1, 1), (1, -1, -1), (-1, -1, -1), (-1, -1, 1)]) * half + middle
        self.prism(corners[::-1], np.array([0, 2 * half[1], 0]), surface)

    def rod(self, start: Array, end: Array, radius: float, surface: str) -> None:
        along = end - start
        first = np.cross(along, [0.0, 1.0, 0.0] if abs(along[1]) < 0.9 * np.linalg.norm(along) else [1.0, 0.0, 0.0])
        first /= np.linalg.norm(first)
        second = np.cross(along, first) / np.linalg.norm(along)
        turns = np.arange(8) * np.pi / 4
        circle = radius * (np.cos(turns)[:, None] * first + np.sin(turns)[:, None] * second)
        self.prism(start + circle, along, surface)

    def _add(self, faces: list[tuple[int, ...]], surface: str) -> None:
        self.faces += faces
        self.surfaces += [surface] * len(faces)

    def mesh(self, name: str) -> bpy.types.Mesh:
        """The parts in Blender's axes."""
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(to_blender(np.concatenate(self.points)).tolist(), [], self.faces)
        used = list(dict.fromkeys(self.surfaces))
        for surface in used:
            mesh.materials.append(_material(surface))
        mesh.polygons.foreach_set("material_index", [used.index(surface) for surface in self.surfaces])
        mesh.validate()
        return mesh


def _material(surface: str) -> bpy.types.Material:
    name = f"Instrument.{surface}"
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    material = bpy.data.materials.new(name)
    versions.use_nodes(material)
    colour, roughness = _SURFACES[surface]
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    material.diffuse_color = (*colour, 1.0)
    material.roughness = roughness
    return material


def add_instrument(kind: str, armature: bpy.types.Object) -> list[bpy.types.Object]:
    """Put a piano or violin where the character plays it; it follows the character. None is added twice.

    Raises:
        InputError: an unknown instrument, or a character without fingers.
    """
    made = {"piano": _piano, "violin": _violin}
    if kind not in made:
        raise InputError(f"There is no instrument {kind!r}; choose piano or violin.")
    skeleton = skeleton_of(armature)
    if "left_index1" not in skeleton.joints:
        raise InputError(f"{armature.name} has no fingers; add a character with hands to play the {kind}.")
    there = {child["avanim_part"]: child for child in armature.children if child.get("avanim_instrument") == kind}
    heads = np.array([armature.data.bones[joint].head_local for joint in skeleton.joints], float)
    rest = Rest(skeleton, np.asarray(heads @ TURN, float), 0.0)
    objects = []
    for name, parts, bone in made[kind](rest):
        if name in there:
            objects.append(there[name])
            continue
        obj = bpy.data.objects.new(name, parts.mesh(name))
        for collection in armature.users_collection:
            collection.objects.link(obj)
        obj.parent = armature
        obj["avanim_instrument"], obj["avanim_part"] = kind, name
        if bone:
            # Skinned to one bone rather than parented to it: exporters carry that along.
            group = obj.vertex_groups.new(name=bone)
            group.add(range(len(obj.data.vertices)), 1.0, "REPLACE")
            obj.modifiers.new("Armature", "ARMATURE").object = armature
        objects.append(obj)
    return objects


def _piano(rest: Rest) -> list[tuple[str, _Parts, str]]:
    piano, parts = Piano(rest), _Parts()
    pitches = np.arange(LOWEST, HIGHEST + 1)
    keys, black = piano.key(pitches), white_keys(pitches) % 1 != 0
    length = 0.15
    for place, is_black in zip(keys, black, strict=True):
        front = piano.front + (BLACK_DEPTH if is_black else 0.0)
        size = (0.0105, 0.02, length - BLACK_DEPTH) if is_black else (KEY_WIDTH - 0.0008, 0.02, length)
        centre = (place[0], place[1] - 0.01, front + size[2] / 2)
        parts.box(centre, size, "ebony" if is_black else "ivory")
    left, right = keys[0, 0] + 0.03, keys[-1, 0] - 0.03
    middle, width = (left + right) / 2, left - right
    back = piano.front + length
    parts.box((middle, KEY_HEIGHT - 0.055, piano.front + 0.14), (width, 0.06, 0.30), "lacquer")
    parts.box((middle, KEY_HEIGHT + 0.03, back + 0.07), (width, 0.13, 0.13), "lacquer")
    for x in (left + 0.015, right - 0.015):
        parts.box((x, KEY_HEIGHT - 0.02, piano.front + 0.14), (0.03, 0.13, 0.30), "lacquer")
        parts.box((x, (KEY_HEIGHT - 0.085) / 2, piano.front + 0.22), (0.05, KEY_HEIGHT - 0.085, 0.08), "lacquer")
    seat = piano.pelvis[1] - 0.17
    bench = _Parts()
    bench.box((0.0, seat, -0.02), (0.55, 0.06, 0.34), "leather")
    for x in (-0.24, 0.24):
        for z in (-0.16, 0.12):
            bench.box((x, (seat - 0.03) / 2, z), (0.04, seat - 0.03, 0.04), "lacquer")
    return [("Piano", parts, ""), ("Bench", bench, "")]


def _violin(rest: Rest) -> list[tuple[str, _Parts, str]]:
    violin, parts = Violin(rest), _Parts()
    origin = rest.joints[rest.skeleton.index("spine3")]
    along, across, normal = violin.along, violin.across, violin.normal

    def at(x: float, y: float, z: float) -> Array:
        """Along the strings from the bridge, towards the E string, up; m."""
        return origin + violin.bridge + x * along + y * across + z * normal

    # Half of the outline from the end button to the neck: lower bout, waist, upper bout.
    half = [(-0.195, 0.0), (-0.19, 0.055), (-0.155, 0.098), (-0.10, 0.10), (-0.055, 0.072), (-0.015, 0.056),
            (0.03, 0.058), (0.065, 0.078), (0.11, 0.083), (0.145, 0.058), (0.16, 0.0)]  # fmt: skip
    smooth = _rounded(np.array(half))
    outline = np.concatenate([smooth, smooth[-2:0:-1] * [1, -1]])
    belly = np.array([at(x, y, -0.034) for x, y in outline])
    if np.cross(belly[1] - belly[0], belly[2] - belly[1]) @ normal < 0:
        belly = belly[::-1]
    parts.prism(belly - 0.034 * normal, 0.031 * normal, "varnish")
    parts.prism(belly - 0.003 * normal, 0.003 * normal, "spruce")
    for start, end, wide, high, deep, surface in (
        (0.10, 0.335, 0.013, -0.008, 0.006, "ebony"),  # fingerboard
        (0.13, 0.335, 0.011, -0.014, 0.016, "varnish"),  # neck
        (0.335, 0.41, 0.009, -0.012, 0.018, "varnish"),  # peg box
        (-0.175, -0.07, 0.014, -0.020, 0.006, "ebony"),  # tailpiece
    ):
        corners = [at(start, -wide, high), at(start, wide, high), at(end, 0.8 * wide, high), at(end, -0.8 * wide, high)]
        if np.cross(corners[1] - corners[0], corners[2] - corners[1]) @ -normal < 0:
            corners = corners[::-1]
        parts.prism(np.array(corners), -deep * normal, surface)
    parts.prism(np.array([at(-0.002, -0.02, -0.034), at(0.002, -0.02, -0.034), at(0.002, 0.02, -0.034),
                          at(-0.002, 0.02, -0.034)]), 0.03 * normal, "spruce")  # fmt: skip
    for string in range(4):
        ends = origin + violin.string(np.full(2, string), np.array([-0.3, 1.05]))
        parts.rod(ends[0], ends[1], 0.0005, "ivory")

    hand, bow = Hand(rest, "right"), _Parts()
    wrist = rest.joints[rest.skeleton.index("right_wrist")]
    held = wrist + bow_grip(hand, 1)[1][0]
    tip = np.array([0.0, 0.0, 1.0])
    down = np.array([np.sin(0.5), -np.cos(0.5), 0.0])  # the hair's side, as `bow_arm` turns the hand
    hair = held + tip * FROG
    bow.rod(hair + tip * -0.06 - down * 0.012, hair + tip * (BOW + 0.02) - down * 0.009, 0.0035, "varnish")
    bow.rod(hair, hair + tip * BOW, 0.0015, "hair")
    bow.box(held - down * 0.004, (0.012, 0.02, 0.05), "ebony")
    return [("Violin", parts, "spine3"), ("Bow", bow, "right_wrist")]


def _rounded(points: Array, rounds: int = 2) -> Array:
    """(N, 2) corners cut off by a quarter, twice (Chaikin 1974), with the ends kept."""
    for _ in range(rounds):
        inner = np.stack([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], 1)
        points = np.concatenate([points[:1], inner.reshape(-1, 2), points[-1:]])
    return points
