# SPDX-License-Identifier: GPL-3.0-or-later
"""A captured scene to sound: one track per object, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..job import Progress, silent
from . import space, synth
from .capture import Body, Capture
from .contact import combined, contact_modulus, flat_duration, hertz_duration, local_radius
from .events import Event
from .materials import Material, material
from .meshing import cleaned, measure
from .modes import Modes, cached
from .synth import RATE, Blow, Rub

Array = NDArray[np.float64]

# A fixed thing that is larger than this is a floor or a wall and thuds; a smaller one rings.
_FLOOR = 2.5  # m
# A thing that stands fast on something loses more.
_HELD = 3.0
# Of the energy of a blow, what may go into vibration: a judgement; measured shares go from 1 % (balls on blocks) to
# most of it (balls on thin plates).
_SHARE = 0.05


@dataclass
class _Part:
    """A body with what is known of its sound."""

    body: Body
    material: Material
    modes: Modes | None
    size: float
    volume: float
    thickness: float
    trouble: str = ""

    @property
    def scale(self) -> float:
        """What an impulse is multiplied by: the solver's mass need not be that of the material."""
        if self.modes is None or self.body.mass <= 0:
            return 1.0
        return self.modes.mass / self.body.mass


@dataclass(frozen=True)
class Baked:
    """`tracks`: by object (C, N) Pa at the listener · `rate` Hz · `layout` · `modes`: by object how many · `notes`."""

    tracks: dict[str, Array]
    rate: int
    layout: str
    modes: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def master(self) -> Array:
        return np.sum(list(self.tracks.values()), axis=0)


def bake(
    capture: Capture,
    *,
    layout: str = "stereo",
    damping: float = 1.0,
    seed: int = 0,
    cache: str | Path | None = None,
    only: Sequence[str] | None = None,
    rate: int = RATE,
    tail: float = 0.0,
    progress: Progress = silent,
) -> Baked:
    """The sound of every contact, at the listener.

    Args:
        layout: of `space.LAYOUTS`. damping: factor on the materials' loss. cache: folder of known modes.
        only: objects whose tracks are wanted; all by default.
        tail: s beyond the captured range.

    Raises:
        InputError: an unknown layout or material, or nothing to make a sound of.
        Cancelled: progress raised it.
    """
    if layout not in space.LAYOUTS:
        raise InputError(f"There is no layout {layout!r}; choose one of {', '.join(space.LAYOUTS)}.")
    if not 0.01 <= damping <= 100:
        raise InputError(f"The damping must lie between 0.01 and 100, not be {damping:g}.")
    events = [event for event in capture.events if not event.mute and event.gain > 0]
    length = round((capture.seconds + tail) * rate)
    bodies = {body.name: body for body in capture.bodies}
    sounding = list(dict.fromkeys(name for event in events for name in event.objects if name in bodies))
    # A character's own track is that of its feet and hands, which have no body here.
    others = list(dict.fromkeys(event.objects[0] for event in events if event.objects[0] not in bodies))
    wanted = [name for name in (*sounding, *others) if only is None or name in only]
    parts: dict[str, _Part] = {}
    touched = {name for event in events if set(event.objects) & set(wanted) for name in event.objects}
    needed = [name for name in sounding if name in touched]
    for number, name in enumerate(needed):
        progress(0.7 * number / max(len(needed), 1), f"Finding the modes of {name}")
        parts[name] = _part(bodies[name], cache)
    tracks = {}
    for number, name in enumerate(wanted):
        progress(0.7 + 0.3 * number / max(len(wanted), 1), f"Playing {name}")
        mine = [(index, event) for index, event in enumerate(events) if name in event.objects]
        sound = _sound_of(name, parts, mine, capture.fps, length, damping, seed, rate)
        places = bodies[name].places if name in bodies else _event_places(mine, capture)
        tracks[name] = space.heard(sound, places, capture.ears, capture.looks, capture.fps, layout, rate)
    progress(1.0, "Played")
    notes = tuple(p.trouble for p in parts.values() if p.trouble)
    counts = {name: len(p.modes) for name, p in parts.items() if p.modes is not None}
    return Baked(tracks, rate, layout, counts, notes)


def _part(body: Body, cache: str | Path | None) -> _Part:
    matter = material(body.material).with_values(**body.values)
    thickness = body.thickness or matter.thickness
    try:
        vertices, triangles = cleaned(body.vertices, body.triangles)
    except InputError as error:
        return _Part(body, matter, None, 1.0, 0.0, thickness, f"{body.name} only thuds: {error}")
    measures = measure(vertices, triangles)
    extent = np.sort(measures.high - measures.low)
    if body.thickness is None and measures.closed and body.fixed:
        thickness = float(np.clip(extent[0], 1e-3, 0.5))
    volume = measures.volume or measures.area * thickness
    part_ = _Part(body, matter, None, measures.size, volume, thickness)
    if (body.fixed and measures.size > _FLOOR) or matter.grains:
        return part_
    try:
        part_.modes = cached(cache, body.vertices, body.triangles, matter, body.thickness)
    except (InputError, np.linalg.LinAlgError, RuntimeError, ArithmeticError) as error:
        part_.trouble = f"{body.name} only thuds: its modes could not be found ({error})."
    return part_


def _sound_of(
    name: str, parts: dict[str, _Part], events: list[tuple[int, Event]], fps: float, length: int, damping: float,
    seed: int, rate: int,
) -> Array:  # fmt: skip
    """(length,) Pa at 1 m: what one object contributes to its events."""
    own = parts.get(name)
    blows: list[Blow] = []
    rubs: list[Rub] = []
    result = np.zeros(length)
    for index, event in events:
        first = event.objects[0] == name
        if own is None:
            result += event.gain * _of_a_figure(event, parts.get(event.objects[1]), seed + 7919 * index, length, rate)
        elif event.part and event.kind in ("step", "scrape"):
            continue  # the ground's part is in the foot's
        elif event.kind == "hit":
            blows += _blows(own, parts.get(event.objects[1] if first else event.objects[0]), event, first, fps)
        elif event.track:
            rubs.append(_rub(own, event, first, fps, seed + 7919 * index, rate))
    if own is None:
        return result
    matter = _matter_of_events(own, events, name)
    if own.modes is None:
        result += synth.thud(matter, own.thickness, blows, length, rate)
        for rub in rubs:
            # A floor hisses under what slides over it, as far as it thuds.
            start = round(rub.time * rate)
            stop = min(start + len(rub.force), length)
            if stop > start:
                area = max(own.material.density * own.thickness, 1.0)
                result[start:stop] += synth.AIR * rub.force[: stop - start] / (2 * np.pi * area)
        return result
    held = _HELD if own.body.fixed else 1.0
    result += synth.ring(own.modes, matter, blows, rubs, length, damping=damping * held, rate=rate)
    if not own.body.fixed:
        result += synth.jolt(own.modes.mass, own.volume, blows, length, rate)
    return result


def _of_a_figure(event: Event, ground: _Part | None, seed: int, length: int, rate: int) -> Array:
    """(length,) Pa at 1 m: a character's foot, with what the ground does, or its hands."""
    if event.part == "hands":
        return synth.clap(event.time, event.speed, seed, length, rate)
    if event.part.endswith("hand"):
        return synth.slap(event.time, event.speed, seed, length, rate)
    matter = _matter(event.materials[1], ground)
    wall = ground.thickness if ground and ground.material.name == matter.name else matter.thickness
    if event.kind == "step":
        return synth.footfall(matter, wall, event.time, event.impulse, "heel" in event.part, seed, length, rate)
    if event.kind == "scrape" and event.track:
        return synth.shuffle(matter, wall, np.asarray(event.track, float)[:, :3], seed, length, rate)
    return np.zeros(length)


def _matter(name: str, part_: _Part | None) -> Material:
    return part_.material if part_ is not None and part_.material.name == name else material(name)


def _matter_of_events(own: _Part, events: list[tuple[int, Event]], name: str) -> Material:
    """The body's material; where every event was given another, that one's loss."""
    told = {event.materials[0 if event.objects[0] == name else 1] for _, event in events}
    return material(told.pop()) if len(told) == 1 and own.material.name not in told else own.material


def _blows(own: _Part, other: _Part | None, event: Event, first: bool, fps: float) -> list[Blow]:
    """One for each place that is hit, all of the same length."""
    place, turn = own.body.place(event.time, fps)
    point = (np.asarray(event.point) - place) @ turn
    impulse = np.asarray(event.normal) * event.impulse * event.gain * (1.0 if first else -1.0) * own.scale
    mine = _matter(event.materials[0 if first else 1], own)
    theirs = _matter(event.materials[1 if first else 0], other)
    modulus = contact_modulus(mine, theirs)
    radius = _radius(own, point)
    mass = own.modes.mass if own.modes is not None and not own.body.fixed else 1e6
    if other is not None:
        there, turned = other.body.place(event.time, fps)
        radius = combined(radius, _radius(other, (np.asarray(event.point) - there) @ turned))
        mass = combined(mass, other.modes.mass if other.modes is not None and not other.body.fixed else 1e6)
    if mass > 1e5:
        mass = event.mass
    speed = event.speed or event.impulse / max(event.mass, 1e-6)
    duration = hertz_duration(mass, modulus, radius, speed)
    size = own.size if other is None else min(own.size, other.size)
    if radius > 1.2 * size:  # face on face: a tenth of it bears
        duration = max(duration, flat_duration(mass, modulus, 0.1 * size**2))
    local = impulse @ turn
    spots = [((np.array(row[:3]) - place) @ turn, row[3]) for row in event.spots] or [(point, 1.0)]
    local = local * _yielding(own, local, spots, duration, speed, event.gain)
    return [Blow(event.time, local * share, spot, duration) for spot, share in spots]


def _yielding(
    own: _Part, impulse: Array, spots: list[tuple[Array, float]], duration: float, speed: float, gain: float
) -> float:
    """Factor 0..1 on a blow: where a thing gives way, as at the rim of a plate, a solver of rigid bodies hits too hard.

    The point that is hit gets no more speed, in all modes that the blow is short enough for, than a perfectly elastic
    blow would give it: twice that with which it came; and no more than `_SHARE` of the energy goes into vibration.
    """
    size = float(np.linalg.norm(impulse))
    if own.modes is None or not len(own.modes) or size <= 0 or gain <= 0:
        return 1.0
    slow = own.modes.frequencies < 1 / duration
    along = np.sum([share * own.modes.at(spot)[slow] for spot, share in spots], axis=0) @ (impulse / size)
    given = float((along**2).sum()) * size / gain
    taken = float(np.sqrt((along**2).sum())) * size / gain
    most = speed * np.sqrt(_SHARE * own.modes.mass)
    return float(min(1.0, 2 * speed / max(given, 1e-12), most / max(taken, 1e-12)))


def _radius(part_: _Part, point: Array) -> float:
    if len(part_.body.triangles) == 0 or (part_.body.fixed and part_.size > _FLOOR):
        return 1e3
    return local_radius(part_.body.vertices, part_.body.triangles, point, part_.size)


def _rub(own: _Part, event: Event, first: bool, fps: float, seed: int, rate: int) -> Rub:
    track = np.asarray(event.track, float)
    rough = float(np.hypot(material(event.materials[0]).roughness, material(event.materials[1]).roughness))
    force, knots = synth.rubbing(track[:, :3], rough, event.kind == "roll", seed, rate)
    normal = np.asarray(event.normal) * (1.0 if first else -1.0)
    points, directions = [], []
    for row in track:
        place, turn = own.body.place(row[0], fps)
        points.append((row[3:] - place) @ turn)
        directions.append(normal @ turn)
    return Rub(float(track[0, 0]), force * event.gain * own.scale**0.5, knots, np.array(points), np.array(directions))


def _event_places(events: list[tuple[int, Event]], capture: Capture) -> Array:
    """(T, 3) where a character's sounds come from: from each event's point on to the next."""
    times = np.array([event.time for _, event in events])
    points = np.array([event.point for _, event in events])
    order = np.argsort(times, kind="stable")
    frames = np.arange(len(capture.ears)) / capture.fps
    which = np.clip(np.searchsorted(times[order], frames + 0.5 / capture.fps, side="right") - 1, 0, None)
    return points[order][which]


def levelled(
    tracks: dict[str, Array], headroom: float = 3.0, full_scale: float | None = None
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """All tracks on one scale, on which neither they nor their sum clip, and the pressure in Pa that is 1.0.

    Args:
        tracks: by name; the one called "" is the sum, which is made where it is missing.
        headroom: dB that are left above the loudest moment. full_scale: Pa of 1.0, if it is to be a given one; raised
            where that would clip.
    """
    heard = list(tracks.values()) + ([] if "" in tracks or not tracks else [np.sum(list(tracks.values()), axis=0)])
    peak = max((float(np.abs(track).max(initial=0.0)) for track in heard), default=0.0)
    scale = peak * 10 ** (headroom / 20)
    if full_scale is not None:
        scale = max(full_scale, peak)
    scale = scale or 1.0
    return {name: (track / scale).astype(np.float32) for name, track in tracks.items()}, scale
