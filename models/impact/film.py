# SPDX-License-Identifier: GPL-3.0-or-later
"""The task "foley": a silent film to the sound of what hits and slides in it, and a list of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.files import ensure_writable
from ...rigs.impact.bake import levelled
from ...rigs.impact.events import Event, Events
from ...rigs.impact.materials import material
from ...rigs.job import Job, Progress, part
from ...rigs.sound import Sound
from ..audio import save_wav
from . import DEFAULT_METHOD, METHODS
from . import cochleagram as ear_rates
from .foley import Seen, watch
from .indicated import hear, load_weights, sound_of
from .mux import with_sound
from .play import GROUND, RATE, SLIDING_SPEED, body, played, stretches
from .shots import FPS, MATERIALS, Film

Array = NDArray[np.float64]

OPTIONS: dict[str, tuple[type, float | None, float | None]] = {
    "method": (str, None, None),
    "material": (str, None, None),
    "ground": (str, None, None),
    "seed": (int, 0, 2**31 - 1),
    "events": (str, None, None),
    "film": (str, None, None),
    "device": (str, None, None),
}


def foley(options: dict[str, Any], job: Job, progress: Progress) -> dict[str, Any]:
    """A film to `output`, a mono .wav at 48 kHz and 24 bit that begins with its first picture and is as long.

    Options: `method` of METHODS · `material` that all is made of, whatever it looks like · `ground` on which it falls,
    stone by default (`foley` alone) · `seed` · `events`, the .json to write · `film`, a film to write: the pictures as
    they are, with this sound in place of any · `device`.

    Returns:
        `output`, `film`, `events` the number of them, `materials` how many of each, `method`, `seconds`, `notes`,
        `pascal` at full scale and `decibel` SPL of that (None by `indicated`, whose pieces have no level of their own).

    Raises:
        InputError: the film or an option is wrong. Cancelled: progress raised it.
    """
    if not job.input:
        raise InputError("No film was given; name one.")
    output, source = Path(job.output or ""), Path(job.input)
    if output.suffix.lower() != ".wav":
        raise InputError(f"Cannot write the sound to {job.output!r}; end the name in .wav.")
    method = options.get("method", DEFAULT_METHOD)
    if method not in METHODS:
        raise InputError(f"There is no method {method!r} for films; choose one of {', '.join(METHODS)}.")
    given, ground = options.get("material"), options.get("ground")
    for name in (given, ground):
        if name:
            material(name)
    if method == "indicated" and ground:
        raise InputError("The method indicated copies sounds of a stone floor; leave the ground out, or choose foley.")
    shot = Film(source)
    for path in (output, options.get("events"), options.get("film")):
        if path and Path(path).resolve() == source.resolve():
            raise InputError(f"{path} is the film itself; write to another file.")
        if path:
            ensure_writable(path)
    make = _by_foley if method == "foley" else _by_indicated
    samples, listed, pascal = make(shot, given, ground, options, part(progress, 0.0, 0.9))
    progress(0.9, "Writing")
    notes = list(shot.notes)
    listed.sort(key=lambda pair: pair[0].time)
    events = [event for event, _ in listed]
    if not events:
        nothing = "hits or slides" if shot.moves else "moves"
        notes.append(f"Nothing is seen that {nothing} in {source.name}; the sound is silent.")
    save_wav(Sound(samples[None], RATE), output, "PCM_24")
    if options.get("film"):
        with_sound(source, Sound(samples[None], RATE), options["film"])
    decibel = float(20 * np.log10(max(pascal, 1e-9) / 20e-6)) if pascal else None
    if options.get("events"):
        details = {"film": source.name, "sound": output.name, "method": method, "rate": RATE, "full_scale_pa": pascal}
        details["peaks" if method == "indicated" else "sure"] = [value for _, value in listed]
        Events(tuple(events), shot.fps, 1, shot.seconds, tuple(notes), details).save(options["events"])
    kinds = [event.materials[0] for event in events]
    progress(1.0, "Done")
    return {
        "output": str(output), "film": options.get("film"), "events": len(events), "method": method,
        "materials": {name: kinds.count(name) for name in dict.fromkeys(kinds)}, "seconds": shot.seconds,
        "notes": notes, "pascal": pascal, "decibel": decibel, "layout": "mono", "stems": {},
    }  # fmt: skip


# Samples; events, each with how sure it is (foley) or the peak of its piece, of 1 (indicated); Pa at full scale.
Made = tuple[NDArray[np.float32], list[tuple[Event, float]], float | None]


def _by_foley(shot: Film, given: str | None, ground: str | None, options: dict[str, Any], progress: Progress) -> Made:
    seen = watch(shot, None, None, options.get("device", "auto"), part(progress, 0, 0.6), round(shot.length * FPS))
    if not shot.moves:
        seen = _nothing(len(seen.slides))
    names = [given or MATERIALS[kind] for kind in seen.materials]
    sliding = given or MATERIALS[int(seen.material.argmax())]
    on = ground or GROUND
    pressure = played(
        seen.times, seen.strengths, names, seen.sizes, seen.slides, sliding, shot.seconds,
        seed=options.get("seed", 0), ground=on, progress=part(progress, 0.6, 1.0),
    )  # fmt: skip
    levels, pascal = levelled({"": pressure.astype(float)})
    return levels[""], _listed(seen, names, sliding, on), pascal


def _listed(seen: Seen, names: list[str], sliding: str, ground: str) -> list[tuple[Event, float]]:
    """What a shot shows as events. Their points are not known, nor the load of what slides."""
    made = []
    for time, speed, name, size, sure in zip(
        seen.times, seen.strengths, names, seen.sizes, seen.sure, strict=True
    ):  # fmt: skip
        mass = float(body(name, float(size)).mass)
        hit = _event(time, (name, ground), "hit", impulse=mass * float(speed), speed=float(speed), mass=mass)
        made.append((hit, float(sure)))
    for first, last in stretches(seen.slides):
        seconds = (last - first) / FPS
        slide = _event(first / FPS, (sliding, ground), "scrape", seconds=seconds, speed=SLIDING_SPEED)
        made.append((slide, float(seen.slides[first:last].mean())))
    return made


def _event(
    time: float, materials: tuple[str, str], kind: str, *, impulse: float = 0.0, speed: float = 0.0, mass: float = 1.0,
    seconds: float = 0.0,
) -> Event:  # fmt: skip
    return Event(
        float(time), (0.0, 0.0, 0.0), impulse, materials, kind, ("film", ""), speed=speed, mass=mass, seconds=seconds,
        source="film",
    )  # fmt: skip


def _nothing(count: int) -> Seen:
    none = np.zeros(0)
    return Seen(none, none, np.zeros(0, int), none, none, np.zeros(count), np.eye(len(MATERIALS))[0])


def _by_indicated(
    shot: Film, given: str | None, ground: str | None, options: dict[str, Any], progress: Progress
) -> Made:
    net, ear = load_weights()
    if given:
        ear = ear.only(given)
    components = hear(shot, net, options.get("device", "auto"), part(progress, 0, 0.8), round(shot.length * FPS))
    if not shot.moves:
        components = ear.components(np.zeros((len(components), ear_rates.BANDS)))
    sound, at, chosen = sound_of(components, ear)
    progress(0.9, "Playing what is heard")
    samples = np.zeros(round(shot.seconds * RATE), np.float32)
    made = soxr.resample(sound, ear_rates.RATE, RATE)[: len(samples)]
    samples[: len(made)] = made
    levels, _ = levelled({"": samples.astype(float)})
    events = []
    for frame, number in zip(at, chosen, strict=True):
        name, action = ear.kinds[number].split()
        kind = "hit" if action == "hit" else "scrape"
        events.append((_event(frame / ear_rates.FPS, (name, GROUND), kind), float(np.abs(ear.waves[number]).max())))
    return levels[""], events, None
