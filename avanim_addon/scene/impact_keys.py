# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts of what no solver moves: feet of characters, hands that clap or hit, things that are keyed to meet."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ...rigs.contacts import contacts_of, runs
from ...rigs.errors import InputError
from ...rigs.impact import detect
from ...rigs.impact.events import Event
from ...rigs.impact.materials import MATERIALS
from ...rigs.job import Progress, silent
from . import foreign
from .character import meshes_of
from .impact_bodies import Shape, material_of, parted, thickness_of, to_model
from .impact_touch import boxes_near, touch_between
from .take import scene_fps

Array = NDArray[np.float64]

SUBFRAMES = 4
_HEEL_MASS, _TOE_MASS = 4.5, 2.0  # kg that a foot's blow stops, of a body of 70
_SETTLES = 0.25  # m/s: a foot that is put down with no speed still takes on weight
_SOFTEST = 0.08  # m/s: slower, it is not heard
_SOLE, _LIFTED = 0.006, 0.014  # m: what a sole gives, and how high a foot is that is said to be lifted
# m/s and s: slower, or shorter, a foot on the floor is not drawn over it; s that it may rest meanwhile; m that it goes.
_DRAWN, _SHORTEST, _RESTS, _WAY = 0.15, 0.1, 0.06, 0.04
_FLOATS = 0.05  # m over the floor
_WEIGHT = 70 * 9.81  # N
_BEARS = 0.15  # of the weight, a foot that is drawn while the other stands
_CLAP, _CLAP_SPEED = 0.13, 0.5  # m between the palms' middles, and m/s
# s in which what is that near comes down for good, and m above that at which it is heard.
_DOWN, _STEP_GIVE, _CLAP_GIVE = 0.12, 0.001, 0.01
_TOUCH, _SLOWEST = 0.006, 0.1  # m and m/s of things
# Of a hand that hits a thing: m from the palm's middle at which it does, m/s that are heard, m at which it is looked
# for, m that it must have been away to hit again, and kg that are stopped.
_PALM, _SLAP, _AROUND, _FREE, _HAND_MASS = 0.03, 0.4, 0.25, 0.1, 0.8


@dataclass
class Figure:
    """A character: of its soles, points (4, 3) in the axes of the bones `carriers` (4), left heel, left ball, right
    heel, right ball; and the same of the palms (2, 3), if it has hands.
    """

    armature: bpy.types.Object
    soles: Array
    carriers: list[str]
    palms: Array
    hands: list[str]


def figures_of(scene: bpy.types.Scene) -> list[Figure]:
    """The characters of the scene whose feet are known: our own, and rigs whose bones are mapped."""
    return [figure for obj in scene.objects if obj.type == "ARMATURE" and (figure := _figure(obj)) is not None]


def _figure(armature: bpy.types.Object) -> Figure | None:
    if armature.get("avanim_skeleton"):
        bones = {bone.name: bone.name for bone in armature.data.bones}
    elif foreign.is_mapped(armature):
        try:
            bones = foreign.bones_of(armature).bones
        except InputError:
            return None
    else:
        return None
    needed = [f"{side}_{joint}" for side in ("left", "right") for joint in ("ankle", "foot")]
    names = [bones.get(name, "") for name in needed]
    if not all(name in armature.data.bones for name in names[0::2]):
        return None
    names = [name if name in armature.data.bones else names[i - 1] for i, name in enumerate(names)]
    mesh = next(iter(meshes_of(armature)), None)
    floor = _lowest(mesh) if mesh is not None else min(armature.data.bones[n].tail_local.z for n in names)
    soles, palms, hands = [], [], []
    for ankle, foot in zip(names[0::2], names[1::2], strict=True):
        top, ball = armature.data.bones[ankle].head_local, armature.data.bones[foot].head_local
        if foot == ankle:
            ball = armature.data.bones[ankle].tail_local
        along = Vector((ball.x - top.x, ball.y - top.y, 0))
        for bone, spot in ((ankle, top - 0.4 * along), (foot, ball + 0.2 * along)):
            place = Vector((spot.x, spot.y, floor))
            soles.append(armature.data.bones[bone].matrix_local.inverted() @ place)
    for side in ("left", "right"):
        wrist = bones.get(f"{side}_wrist", "")
        if wrist in armature.data.bones:
            bone = armature.data.bones[wrist]
            middle = bones.get(f"{side}_middle1", "")
            end = armature.data.bones[middle].head_local if middle in armature.data.bones else bone.tail_local
            palms.append(bone.matrix_local.inverted() @ end)
            hands.append(wrist)
    if len(hands) < 2:
        palms, hands = [], []
    return Figure(armature, np.array(soles), names, np.array(palms).reshape(-1, 3), hands)


def _lowest(mesh: bpy.types.Object) -> float:
    points = np.empty(3 * len(mesh.data.vertices), np.float32)
    mesh.data.vertices.foreach_get("co", points)
    # In the armature's axes, to which a bound mesh is parented.
    matrix = np.array(mesh.matrix_parent_inverse @ mesh.matrix_basis if mesh.parent else mesh.matrix_world)
    return float((points.reshape(-1, 3) @ matrix[2, :3] + matrix[2, 3]).min())


@dataclass
class Sampled:
    """At T moments, SUBFRAMES to a frame: `soles` per figure (T, 4, 3) and `palms` (T, 2, 3), m, in Blender's world;
    `parts` per thing (T, 3) and (T, 3, 3).
    """

    rate: float
    soles: list[Array]
    palms: list[Array]
    parts: dict[str, tuple[Array, Array]]


def sample(
    scene: bpy.types.Scene, figures: list[Figure], things: list[bpy.types.Object], first: int, last: int,
    progress: Progress = silent,
) -> Sampled:  # fmt: skip
    """Play the scene between the frames, too. Its frame is put back. Raises Cancelled."""
    count = (last - first) * SUBFRAMES + 1
    soles = [np.empty((count, 4, 3)) for _ in figures]
    palms = [np.empty((count, len(figure.hands), 3)) for figure in figures]
    parts = {obj.name: (np.empty((count, 3)), np.empty((count, 3, 3))) for obj in things}
    current, between = scene.frame_current, scene.frame_subframe
    try:
        for index in range(count):
            if index % 16 == 0:
                progress(index / count, "Watching what moves")
            scene.frame_set(first + index // SUBFRAMES, subframe=index % SUBFRAMES / SUBFRAMES)
            graph = bpy.context.evaluated_depsgraph_get()
            for number, figure in enumerate(figures):
                posed = figure.armature.evaluated_get(graph)
                for names, points, out in (
                    (figure.carriers, figure.soles, soles), (figure.hands, figure.palms, palms),
                ):  # fmt: skip
                    for row, (name, point) in enumerate(zip(names, points, strict=True)):
                        out[number][index, row] = posed.matrix_world @ (posed.pose.bones[name].matrix @ Vector(point))
            for obj in things:
                place, turn = parted(obj.evaluated_get(graph).matrix_world)
                parts[obj.name][0][index], parts[obj.name][1][index] = place, turn
    finally:
        scene.frame_set(current, subframe=between)
    return Sampled(scene_fps(scene) * SUBFRAMES, soles, palms, parts)


# --- characters -----------------------------------------------------------------------------------------------------


def steps_of(
    figure: Figure, soles: Array, palms: Array, rate: float, grounds: list[tuple[bpy.types.Object, Shape]],
    otherwise: str,
) -> list[Event]:  # fmt: skip
    """Where heels and balls come down, where feet are drawn over the floor, and where hands meet.

    Args:
        soles: (T, 4, 3) m, palms (T, 2, 3) m, Blender's axes. grounds: what can be stepped on, and does not move.
        otherwise: what the ground is made of where there is none.
    """
    found: list[Event] = []
    under = [[_ground(point, grounds) for point in track[:: max(1, round(rate / 4))]] for track in soles.swapaxes(0, 1)]
    level = np.array([[item[0] for item in row] for row in under])  # (4, K)
    every = max(1, round(rate / 4))
    moments = np.arange(len(soles))
    height = np.stack(
        [track[:, 2] - np.interp(moments, np.arange(level.shape[1]) * every, level[k])
         for k, track in enumerate(soles.swapaxes(0, 1))], 1,
    )  # fmt: skip
    model = to_model(soles)
    model[..., 1] = height
    stands = contacts_of(model.reshape(len(soles), 2, 2, 3), rate)
    levels = np.array([
        np.median(height[stands[:, k], k]) if stands[:, k].any() else np.percentile(height[:, k], 10) for k in range(4)
    ])  # fmt: skip
    for k in range(4):
        side, heel = ("left", "right")[k // 2], k % 2 == 0
        drop = np.gradient(height[:, k]) * rate
        for near in _landings(height[:, k] - levels[k]):
            speed = float(max(0.0, -drop[max(0, near - round(0.08 * rate)) : near + 1].min()))
            exact = detect.settles(height[:, k], near, rate, _DOWN, _STEP_GIVE)
            moment = round(exact)
            if speed < _SOFTEST:
                continue
            name, matter = under[k][min(len(under[k]) - 1, moment // every)][1:]
            mass = _HEEL_MASS if heel else _TOE_MASS
            found.append(Event(
                exact / rate, tuple(to_model(soles[moment, k])), mass * (speed + _SETTLES),
                ("flesh", matter or otherwise), "step", (figure.armature.name, name), (0.0, 1.0, 0.0), speed, mass,
                part=f"{side} {'heel' if heel else 'toe'}", source="keys",
            ))  # fmt: skip
    # Who floats stands on nothing.
    down = (height - levels < _SOLE) & (levels < _FLOATS)
    for foot, side in enumerate(("left", "right")):
        mine, others = slice(2 * foot, 2 * foot + 2), slice(2 - 2 * foot, 4 - 2 * foot)
        for span, track in _drags(soles[:, mine], down[:, mine], rate):
            middle = (span.start + span.stop) // 2
            name, matter = under[2 * foot + 1][min(len(under[0]) - 1, middle // every)][1:]
            load = _WEIGHT * np.where(stands[span, others].any(1), _BEARS, 0.5)
            rows = np.column_stack([np.arange(span.start, span.stop) / rate, load, track])
            found.append(Event(
                span.start / rate, tuple(rows[0, 3:]), float(load.mean()), ("flesh", matter or otherwise), "scrape",
                (figure.armature.name, name), (0.0, 1.0, 0.0), float(track[:, 0].mean()), _HEEL_MASS,
                (span.stop - 1 - span.start) / rate, tuple(tuple(map(float, row)) for row in rows),
                f"{side} foot", "keys",
            ))  # fmt: skip
    if palms.shape[1] == 2:
        gaps = np.linalg.norm(palms[:, 0] - palms[:, 1], axis=1)
        for near, speed in detect.approaches(gaps, rate, _CLAP, _CLAP_SPEED):
            time = detect.settles(gaps, min(len(gaps) - 1, int(np.ceil(near * rate))), rate, _DOWN, _CLAP_GIVE) / rate
            place = palms[min(len(palms) - 1, round(time * rate))].mean(0)
            found.append(Event(
                time, tuple(to_model(place)), 0.5 * speed, ("flesh", "flesh"), "hit", (figure.armature.name, ""),
                (0.0, 1.0, 0.0), speed, 0.5, part="hands", source="keys",
            ))  # fmt: skip
    return found


def _landings(height: Array) -> list[int]:
    """Samples at which a point has come down, of its heights (T,) m above where it stands."""
    found, aloft = [], False
    for moment in range(1, len(height)):
        aloft = aloft or height[moment] > _LIFTED
        if aloft and height[moment] < _SOLE:
            found.append(moment)
            aloft = False
    return found


def _drags(points: Array, down: NDArray[np.bool_], rate: float) -> list[tuple[slice, Array]]:
    """Where a foot is drawn over the floor: the samples, and of each the speed m/s and the place (3) m, model's axes.

    Args:
        points: (T, 2, 3) m, heel and ball, Blender's axes. down: (T, 2), which of them lies on the floor.
    """
    speeds = np.linalg.norm(np.gradient(points[..., :2], axis=0), axis=-1) * rate
    speeds = np.where(down, speeds, 0.0)
    drawn = speeds.max(1) > _DRAWN
    for rest in runs(~drawn):
        if rest.start > 0 and rest.stop < len(drawn) and rest.stop - rest.start <= _RESTS * rate and down[rest].any():
            drawn[rest] = True
    which = speeds.argmax(1)
    found = []
    for span in runs(drawn):
        speed = speeds[span].max(1)
        if span.stop - span.start > _SHORTEST * rate and speed.sum() / rate > _WAY:
            places = to_model(points[np.arange(len(points)), which][span])
            found.append((span, np.column_stack([speed, places])))
    return found


def _ground(point: Array, grounds: list[tuple[bpy.types.Object, Shape]]) -> tuple[float, str, str]:
    """Height m, name and material of the highest ground under a point, 0 and nobody's where there is none."""
    best: tuple[float, str, str] = (0.0, "", "")
    top = -np.inf
    for obj, shape in grounds:
        place, turn = parted(obj.matrix_world)
        origin = (point + np.array([0, 0, 0.35]) - place) @ turn
        spot, _, face, _ = shape.tree.ray_cast(origin.tolist(), (np.array([0, 0, -1.0]) @ turn).tolist(), 2.0)
        if spot is not None:
            height = float((np.array(spot) @ turn.T + place)[2])
            if height > top:
                top = height
                best = (height, obj.name, material_of(obj, int(shape.slots[face])))
    return best


def slaps_of(
    figure: Figure, palms: Array, sampled: Sampled, things: list[bpy.types.Object], shapes: dict[str, Shape]
) -> list[Event]:
    """Where a hand comes down on a thing, of its palms (T, 2, 3) m; things that no solver moves."""
    found: list[Event] = []
    for obj in things:
        shape = shapes[obj.name]
        places, turns = sampled.parts[obj.name] if obj.name in sampled.parts else parted(obj.matrix_world)
        for hand in range(palms.shape[1]):
            here = ((palms[:, hand] - places)[:, None] @ turns)[:, 0]
            outside = np.linalg.norm(np.maximum(0, np.maximum(shape.low - here, here - shape.high)), axis=1)
            gaps, spots = np.full(len(here), _AROUND), {}
            for index in np.flatnonzero(outside < _AROUND):
                spot, normal, face, distance = shape.tree.find_nearest(here[index].tolist(), _AROUND)
                if spot is not None:
                    gaps[index] = distance
                    spots[int(index)] = np.array(spot), np.array(normal), int(shape.slots[face])
            hit = -1
            for time, speed in detect.approaches(gaps, sampled.rate, _PALM, _SLAP):
                # A hand that goes through a thing comes to its other side.
                since, hit = hit, int(time * sampled.rate)
                if since >= 0 and gaps[since : hit + 1].max() < _FREE:
                    continue
                index = min(spots, key=lambda at: abs(at - time * sampled.rate))
                spot, normal, slot = spots[index]
                place, turn = (places, turns) if turns.ndim == 2 else (places[index], turns[index])
                away = turn @ (here[index] - spot if np.linalg.norm(here[index] - spot) > 1e-4 else normal)
                found.append(Event(
                    time, tuple(to_model(turn @ spot + place)), 1.2 * _HAND_MASS * speed,
                    ("flesh", material_of(obj, slot)), "hit", (figure.armature.name, obj.name),
                    tuple(to_model(away / np.linalg.norm(away))), speed, _HAND_MASS,
                    part=f"{('left', 'right')[hand]} hand", source="keys",
                ))  # fmt: skip
    return found


# --- things ---------------------------------------------------------------------------------------------------------


def meetings_of(
    scene: bpy.types.Scene, moving: list[str], sampled: Sampled, shapes: dict[str, Shape], progress: Progress = silent
) -> list[Event]:
    """Where keyed things come to touch each other, or what stands around. Raises Cancelled."""
    found: list[Event] = []
    still = {
        name: parted(scene.objects[name].matrix_world) for name in shapes
        if name not in sampled.parts and name in scene.objects
    }  # fmt: skip
    pairs = [(a, b) for i, a in enumerate(moving) for b in (*moving[i + 1 :], *still) if a in shapes and b in shapes]
    for number, (a, b) in enumerate(pairs):
        progress(number / len(pairs), f"Looking what {a} touches")
        places, turns = sampled.parts[a]
        gaps, points = np.full(len(places), 1.0), {}
        for index in range(len(places)):
            at = (places[index], turns[index])
            there = still[b] if b in still else (sampled.parts[b][0][index], sampled.parts[b][1][index])
            if boxes_near(shapes[a], at, shapes[b], there, 0.08):
                touch = touch_between(shapes[a], at, shapes[b], there, 0.1)
                if touch is not None:
                    gaps[index], points[index] = touch.gap, (touch.middle, touch.slot)
        for time, speed in detect.approaches(gaps, sampled.rate, _TOUCH, _SLOWEST):
            index = min((k for k in points), key=lambda k: abs(k - time * sampled.rate))
            point, slot = points[index]
            before = max(0, index - 1)
            toward = places[index] - places[before]
            if b not in still:
                toward = toward - (sampled.parts[b][0][index] - sampled.parts[b][0][before])
            normal = -toward / max(float(np.linalg.norm(toward)), 1e-9)
            one, other = scene.objects[a], scene.objects[b]
            mass = weight_of(shapes[a], material_of(one), thickness_of(one, shapes[a]))
            found.append(Event(
                time, tuple(to_model(point)), mass * 1.4 * speed, (material_of(one), material_of(other, slot)), "hit",
                (a, b), tuple(to_model(normal)), speed, mass, source="keys",
            ))  # fmt: skip
    return found


def weight_of(shape: Shape, material: str, thickness: float | None) -> float:
    """kg, from the material: of a solid where the faces enclose one, else of its walls."""
    a, b, c = shape.vertices[shape.triangles].swapaxes(0, 1)
    middle = shape.vertices.mean(0)
    volume = abs(float(np.einsum("ij,ij->i", a - middle, np.cross(b - middle, c - middle)).sum() / 6))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    matter = MATERIALS[material]
    walls = area * (thickness or matter.thickness)
    box = float(np.prod(np.maximum(np.ptp(shape.vertices, axis=0), 1e-6)))
    solid = thickness is None and volume > 0.2 * box
    return max(1e-3, matter.density * (volume if solid else min(walls, box)))
