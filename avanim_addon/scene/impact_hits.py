# SPDX-License-Identifier: GPL-3.0-or-later
"""Blows among the solver's steps: which bodies met, where, how hard, and at which moment between two steps.

Of each body a step tells only the sum of what was done to it. What did it is found by `rigs/impact/shares.py`, from all
bodies that the step struck, those that they touch, and the places where they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.impact import detect
from ...rigs.impact.events import Event
from ...rigs.impact.shares import Spot, Struck, shared
from ...rigs.job import Progress, silent
from .impact_bodies import Shape, material_of, to_model
from .impact_solver import Solved
from .impact_touch import Touch, boxes_near, touch_between

Array = NDArray[np.float64]

NEAR = 0.03  # m: how near a body must be to have been hit; the solver's margins keep them apart
_CARRIES = 0.01  # m: how near what carries a body is that was not itself struck


@dataclass
class _Push:
    """What one body got from another at a step: `impulse` (3,) N·s, where, and the part of each place."""

    step: int
    impulse: Array
    touch: Touch
    parts: Array


def hits_of(
    solved: Solved, jumps: dict[int, Array], shapes: dict[str, Shape], scene: bpy.types.Scene,
    progress: Progress = silent,
) -> list[Event]:  # fmt: skip
    """The blows, at the solver's own clock; of each two bodies all within `detect.MERGED` s made one.

    Args:
        jumps: of the bodies that move, by row, (S, 3) m/s that contact did to them at each step.

    Raises:
        Cancelled: progress raised it.
    """
    least = max(detect.FAINTEST, 2.5 * float(np.linalg.norm(solved.gravity)) * solved.step)
    struck: dict[int, list[int]] = {}
    for row, own in jumps.items():
        for step in np.flatnonzero(np.linalg.norm(own, axis=1) > least):
            struck.setdefault(int(step), []).append(row)
    pushes: dict[tuple[int, int], list[_Push]] = {}
    for number, step in enumerate(sorted(struck)):
        progress(number / len(struck), "Looking what touches")
        touches = _touches(solved, jumps, step, struck[step], shapes)
        for pair, push in _pushes(solved, jumps, step, touches, shapes, scene).items():
            lightest = min(solved.masses[row] for row in pair if row in jumps)
            if np.linalg.norm(push.impulse) > least * lightest:
                pushes.setdefault(pair, []).append(push)
    width = max(1, round(detect.MERGED / solved.step))
    found = []
    for pair, given in pushes.items():
        at = 0
        while at < len(given):
            inside = [push for push in given[at:] if push.step < given[at].step + width]
            found.append(_event(solved, pair, inside, scene))
            at += len(inside)
    return found


def _touches(
    solved: Solved, jumps: dict[int, Array], step: int, struck: list[int], shapes: dict[str, Shape]
) -> dict[tuple[int, int], Touch]:
    """What touches a struck body at a step, and what carries that, by the rows of the two; the first one moves."""
    found: dict[tuple[int, int], Touch] = {}
    seen: set[tuple[int, int]] = set()
    reaches = np.array([shapes[name].reach if name in shapes else -np.inf for name in solved.names])

    def look(row: int, reach: float) -> None:
        at = (solved.places[row, step], solved.turns[row, step])
        away = np.linalg.norm(solved.places[:, step] - at[0], axis=1)
        for other in map(int, np.flatnonzero(away < reaches + reaches[row] + reach)):
            name = solved.names[other]
            if other == row:
                continue
            first = row if other not in jumps or (row in jumps and row < other) else other
            second = other if first == row else row
            if (first, second) in seen:
                continue
            seen.add((first, second))
            there = (solved.places[other, step], solved.turns[other, step])
            if not boxes_near(shapes[solved.names[row]], at, shapes[name], there, reach):
                continue
            ends = (at, there) if first == row else (there, at)
            one, two = shapes[solved.names[first]], shapes[solved.names[second]]
            touch = touch_between(one, ends[0], two, ends[1], reach)
            if touch is not None:
                found[first, second] = touch

    for row in struck:
        jump = jumps[row][step]
        before = (solved.places[row, step] - solved.places[row, step - 1]) / solved.step
        toward = max(0.0, float(-before @ jump) / max(float(np.linalg.norm(jump)), 1e-12))
        look(row, NEAR + toward * solved.step)
    for row in {row for pair in found for row in pair if row in jumps and row not in struck}:
        look(row, _CARRIES)
    return found


def _pushes(
    solved: Solved, jumps: dict[int, Array], step: int, touches: dict[tuple[int, int], Touch],
    shapes: dict[str, Shape], scene: bpy.types.Scene,
) -> dict[tuple[int, int], _Push]:  # fmt: skip
    """What each of the touches did."""
    found = {}
    for group in _groups(touches, jumps):
        spots = [
            Spot(*pair, point, normal) for pair in group
            for point, normal in zip(touches[pair].points, touches[pair].normals, strict=True)
        ]  # fmt: skip
        known = {row for pair in group for row in pair if row in jumps and step < len(jumps[row]) - 1}
        bodies = {row: _struck(solved, row, step, jumps[row][step], shapes, scene) for row in sorted(known)}
        given = shared(spots, bodies)
        at = 0
        for pair in group:
            count = len(touches[pair].points)
            own = given[at : at + count]
            total = own.sum(0)
            along = np.maximum(own @ total, 0)
            parts = along / along.sum() if along.sum() > 0 else np.full(count, 1 / count)
            found[pair] = _Push(step, total, touches[pair], parts)
            at += count
    return found


def _groups(touches: dict[tuple[int, int], Touch], jumps: dict[int, Array]) -> list[list[tuple[int, int]]]:
    """Touches that hang together by bodies that move."""
    groups: list[tuple[set[int], list[tuple[int, int]]]] = []
    for pair in touches:
        moving, pairs = {row for row in pair if row in jumps}, [pair]
        for group in [group for group in groups if group[0] & moving]:
            moving |= group[0]
            pairs = group[1] + pairs
            groups.remove(group)
        groups.append((moving, pairs))
    return [pairs for _, pairs in groups]


def _struck(
    solved: Solved, row: int, step: int, jump: Array, shapes: dict[str, Shape], scene: bpy.types.Scene
) -> Struck:
    name, turn = solved.names[row], solved.turns[row, step]
    sides = np.ptp(shapes[name].vertices, axis=0)
    obj = scene.objects.get(name)
    form = obj.rigid_body.collision_shape if obj is not None and obj.rigid_body is not None else "BOX"
    # As Bullet has them: of all but balls and drums, those of the box round the shape.
    if form == "SPHERE":
        inertia = np.full(3, 0.4 * (sides.max() / 2) ** 2)
    elif form == "CYLINDER":
        across = sides[:2].max() / 2
        inertia = np.array([3 * across**2 + sides[2] ** 2] * 2 + [6 * across**2]) / 12
    else:
        inertia = (np.sum(sides**2) - sides**2) / 12
    change = spin(solved, row, step + 1) - spin(solved, row, step)
    mass = float(solved.masses[row])
    return Struck(
        solved.places[row, step], mass * jump, turn @ (mass * inertia * (change @ turn)), float(sides.max()) or 1.0
    )


def _event(solved: Solved, pair: tuple[int, int], pushes: list[_Push], scene: bpy.types.Scene) -> Event:
    row, other = pair
    impulse = np.sum([push.impulse for push in pushes], axis=0)
    size = float(np.linalg.norm(impulse))
    normal = impulse / max(size, 1e-12)
    first, largest = pushes[0], max(pushes, key=lambda push: float(np.linalg.norm(push.impulse)))
    step, clock, mass = first.step, solved.step, float(solved.masses[row])
    point = first.parts @ first.touch.points
    speeds = [
        (solved.places[body, step] - solved.places[body, step - 1]) / clock
        + np.cross(spin(solved, body, step), point - solved.places[body, step])
        for body in pair
    ]
    closing = max(float((speeds[1] - speeds[0]) @ normal), 0.5 * size / mass)
    # The solver acts at whole steps; the bodies meet when what is left between them is used up.
    within = float(np.clip(first.touch.gap / max(closing, 1e-3), 0, clock))
    name, partner = solved.names[row], solved.names[other]
    spots = zip(to_model(largest.touch.points), largest.parts, strict=True)
    return Event(
        step * clock + within, tuple(to_model(largest.parts @ largest.touch.points)), size,
        materials_of(scene, name, partner, largest.touch.slot), "hit", (name, partner), tuple(to_model(normal)),
        closing, mass, spots=tuple((*map(float, place), float(share)) for place, share in spots if share > 0.01),
    )  # fmt: skip


def materials_of(scene: bpy.types.Scene, one: str, other: str, slot: int | None = None) -> tuple[str, str]:
    first, second = scene.objects.get(one), scene.objects.get(other)
    return (material_of(first) if first else "wood", material_of(second, slot) if second else "wood")


def spin(solved: Solved, row: int, step: int) -> Array:
    """(3,) rad/s."""
    before = max(step - 1, 0)
    turn = solved.turns[row, min(before + 1, solved.turns.shape[1] - 1)] @ solved.turns[row, before].T
    return np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / (2 * solved.step)
