# SPDX-License-Identifier: GPL-3.0-or-later
"""The task "foley": a silent film to the sound of what hits and slides in it, and a list of that."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.files import ensure_writable, replacing
from ...rigs.impact.events import Event, Events
from ...rigs.impact.materials import material
from ...rigs.job import Job, Progress, part
from . import DEFAULT_METHOD, METHODS
from . import cochleagram as ear_rates
from .foley import Seen, watch
from .indicated import PIECE_SECONDS, copied, hear, load_weights, placed
from .mux import with_sound
from .play import GROUND, RATE, SLIDING_SPEED, body, played_in_parts, stretches
from .shots import FPS, MATERIALS, Film

_HEADROOM, _BLOCK = 3.0, 1 << 18  # dB above the loudest, and samples that are written at once

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
    blocks, listed = make(shot, given, ground, options, part(progress, 0.0, 0.9))
    pascal = _write(blocks, round(shot.seconds * RATE), output)
    if method == "indicated":
        pascal = None
    progress(0.9, "Writing")
    notes = list(shot.notes)
    listed.sort(key=lambda pair: pair[0].time)
    events = [event for event, _ in listed]
    if not events:
        nothing = "hits or slides" if shot.moves else "moves"
        notes.append(f"Nothing is seen that {nothing} in {source.name}; the sound is silent.")
    if options.get("film"):
        with_sound(source, output, options["film"])
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


# The sound in parts; events, each with how sure it is (foley) or the peak of its piece, of 1 (indicated).
Made = tuple[Iterator[NDArray[np.float32]], list[tuple[Event, float]]]


def _write(blocks: Iterator[NDArray[np.float32]], count: int, output: Path) -> float:
    """Write `count` samples as .wav, the loudest 3 dB below 1 as in a bake; returns what 1 is in the blocks' unit.

    How loud the loudest is shows only at the end, and a long film is not kept in memory: it lies on the disk meanwhile.
    """
    with tempfile.TemporaryFile(prefix="avanim-") as raw:
        peak, left = 0.0, count
        for block in blocks:
            block = block[:left]
            if not np.isfinite(block).all():
                raise InputError(f"Cannot write {output}: the sound has samples that are not numbers; make it anew.")
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            raw.write(block.astype(np.float32).tobytes())
            left -= len(block)
        raw.write(bytes(4 * left))
        raw.seek(0)
        scale = peak * 10 ** (_HEADROOM / 20) or 1.0
        with (
            replacing(output) as temporary,
            soundfile.SoundFile(temporary, "w", RATE, 1, "PCM_24", format="WAV") as wav,
        ):
            while data := raw.read(4 * _BLOCK):
                wav.write(np.frombuffer(data, np.float32) / np.float32(scale))
    return scale


def _by_foley(shot: Film, given: str | None, ground: str | None, options: dict[str, Any], progress: Progress) -> Made:
    seen = watch(shot, None, None, options.get("device", "auto"), part(progress, 0, 0.6), round(shot.length * FPS))
    if not shot.moves:
        seen = _nothing(len(seen.slides))
    names = [given or MATERIALS[kind] for kind in seen.materials]
    sliding = given or MATERIALS[int(seen.material.argmax())]
    on = ground or GROUND
    blocks = played_in_parts(
        seen.times, seen.strengths, names, seen.sizes, seen.slides, sliding, shot.seconds,
        seed=options.get("seed", 0), ground=on, progress=part(progress, 0.6, 1.0),
    )  # fmt: skip
    return blocks, _listed(seen, names, sliding, on)


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
    at, chosen = placed(components, ear)
    progress(0.9, "Playing what is heard")
    events = []
    for frame, after, number in zip(at, [*at[1:], len(components)], chosen, strict=False):
        name, action = ear.kinds[number].split()
        lasts = min(PIECE_SECONDS, (after - frame) / ear_rates.FPS)
        told = ("hit", 0.0) if action == "hit" else ("scrape", lasts)
        event = _event(frame / ear_rates.FPS, (name, GROUND), told[0], seconds=told[1])
        events.append((event, float(np.abs(ear.waves[number]).max())))
    return _resampled(copied(len(components), at, chosen, ear)), events


def _resampled(blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    stream = soxr.ResampleStream(ear_rates.RATE, RATE, 1, "float32")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
