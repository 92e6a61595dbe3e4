# SPDX-License-Identifier: GPL-3.0-or-later
"""From the solver's steps to events: what touches at blows is in impact_hits.py; here, what slides and rolls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.impact import detect
from ...rigs.impact.events import Event
from ...rigs.job import Progress, part, silent
from .impact_bodies import Shape, to_model
from .impact_hits import NEAR, hits_of, materials_of, spin
from .impact_solver import Solved
from .impact_touch import Touch, boxes_near, touch_between

Array = NDArray[np.float64]

_SLIDES = 0.05  # m/s
_KNOT = 0.02  # s between the knots of a contact that lasts
_SHORTEST = 0.08  # s


def events_of(
    solved: Solved, shapes: dict[str, Shape], scene: bpy.types.Scene, frame_start: int, progress: Progress = silent
) -> list[Event]:
    """The blows and what lasts, of all bodies, from frame `frame_start` on. Raises Cancelled."""
    clock = solved.step  # s of the solver; the scene's own may run faster or slower
    speedup = 1 / (solved.fps * (solved.places.shape[1] - 1) / max(solved.visible.shape[1] - 1, 1) * solved.step)
    shift = (solved.first - frame_start) / solved.fps
    size = float(np.linalg.norm(solved.gravity))
    jumps = {
        row: detect.velocity_jumps(
            solved.places[row, : max(int(solved.until[row]), 1)], clock, solved.gravity, float(solved.dampings[row])
        )
        for row, name in enumerate(solved.names) if solved.active[row] and name in shapes
    }  # fmt: skip
    found = [_moved(event, speedup, shift) for event in hits_of(solved, jumps, shapes, scene, part(progress, 0, 0.7))]
    for number, (row, own) in enumerate(jumps.items()):
        progress(0.7 + 0.3 * number / len(jumps), f"Looking what {solved.names[row]} slides on")
        lasting = detect.resting(own, clock, size)
        for event in _lasting(solved, row, own, lasting, shapes, scene):
            found.append(_moved(event, speedup, shift))
        found += [_moved(event, 1.0, shift) for event in _by_arcs(solved, row, shapes, scene)]
    return [event for event in sorted(found, key=lambda event: event.time) if event.time >= 0]


def _moved(event: Event, speedup: float, shift: float) -> Event:
    track = tuple((row[0] * speedup + shift, *row[1:]) for row in event.track)
    return replace(event, time=event.time * speedup + shift, seconds=event.seconds * speedup, track=track)


def _touched(solved: Solved, row: int, step: int, shapes: dict[str, Shape], reach: float) -> tuple[int, Touch] | None:
    """The body nearest to one at a step: its row, and where they touch."""
    mine, at = shapes[solved.names[row]], (solved.places[row, step], solved.turns[row, step])
    best = None
    for other, name in enumerate(solved.names):
        if other == row or name not in shapes:
            continue
        there = (solved.places[other, step], solved.turns[other, step])
        if not boxes_near(mine, at, shapes[name], there, reach):
            continue
        touch = touch_between(mine, at, shapes[name], there, reach)
        if touch is not None and (best is None or touch.gap < best[1].gap):
            best = (other, touch)
    return best


def _lasting(
    solved: Solved, row: int, jumps: Array, lasting: NDArray[np.bool_], shapes: dict[str, Shape],
    scene: bpy.types.Scene,
) -> list[Event]:  # fmt: skip
    """Scrapes and rolls of a body, as stretches in which it is carried and moves over what carries it."""
    every = max(1, round(_KNOT / solved.step))
    load = np.linalg.norm(jumps, axis=1)
    load = np.convolve(load, np.ones(2 * every + 1) / (2 * every + 1), "same") / solved.step * solved.masses[row]
    velocity = np.gradient(solved.places[row], solved.step, axis=0)
    found: list[Event] = []
    current: list[tuple[Any, ...]] = []

    def close() -> None:
        if len(current) > 2 and current[-1][0] - current[0][0] >= _SHORTEST:
            rolls = np.median([knot[6] for knot in current]) > 0.5
            track = tuple((k[0], k[1], k[3] if rolls else k[2], *to_model(k[4])) for k in current)
            partner = max({k[5] for k in current}, key=[k[5] for k in current].count)
            name, carrier = solved.names[row], solved.names[partner]
            found.append(Event(
                current[0][0], tuple(to_model(current[0][4])), float(np.mean([k[1] for k in current])),
                materials_of(scene, name, carrier, current[0][7]), "roll" if rolls else "scrape", (name, carrier),
                tuple(to_model(np.array([0.0, 0, 1]))), float(np.mean([row[2] for row in track])),
                float(solved.masses[row]), current[-1][0] - current[0][0], track,
            ))  # fmt: skip
        current.clear()

    for step in range(every, len(jumps) - 1, every):
        moving = np.linalg.norm(velocity[step]) > _SLIDES
        touched = None
        if lasting[step] and moving:
            touched = _touched(solved, row, step, shapes, NEAR)
        if touched is None:
            close()
            continue
        other, touch = touched
        point, slot = touch.middle, touch.slot
        arm = point - solved.places[row, step]
        slip = velocity[step] + np.cross(spin(solved, row, step), arm)
        slip = slip - (solved.places[other, step] - solved.places[other, step - 1]) / solved.step
        across = float(np.linalg.norm(slip))
        whole = float(np.linalg.norm(velocity[step]))
        current.append((step * solved.step, load[step], across, whole, point, other, across < 0.4 * whole, slot))
    close()
    return found


def _by_arcs(solved: Solved, row: int, shapes: dict[str, Shape], scene: bpy.types.Scene) -> list[Event]:
    """Past the step up to which the copy is right: from the visible motion."""
    substeps = (solved.places.shape[1] - 1) // max(solved.visible.shape[1] - 1, 1)
    start = int(solved.until[row]) // max(substeps, 1)
    frames = solved.visible.shape[1]
    if start >= frames - 4:
        return []
    track = solved.visible[row, start:]
    name = solved.names[row]
    events = []
    found = detect.arc_hits(track, solved.fps, solved.gravity)
    for peak in detect.acceleration_peaks(track, solved.fps, solved.gravity, 0.6):
        if all(abs(peak.time - jump.time) > 2 / solved.fps for jump in found):
            found.append(peak)
    for jump in found:
        normal = jump.change / max(jump.size, 1e-12)
        place = track[min(len(track) - 1, round(jump.time * solved.fps))]
        low = shapes[name].vertices @ solved.turns[row, -1].T
        point = place + low[np.argmin(low @ normal)]
        materials_ = materials_of(scene, name, "")
        events.append(Event(
            jump.time + start / solved.fps, tuple(to_model(point)), float(solved.masses[row] * jump.size), materials_,
            "hit", (name, ""), tuple(to_model(normal)), 0.6 * jump.size, float(solved.masses[row]), source="arc",
        ))  # fmt: skip
    return events
