# SPDX-License-Identifier: GPL-3.0-or-later
"""The task "impacts": a captured scene (rigs/impact/capture.py) to sound files and a list of events."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...rigs.errors import InputError
from ...rigs.files import ensure_writable, replacing
from ...rigs.impact.bake import bake, levelled
from ...rigs.impact.capture import Capture
from ...rigs.impact.events import Events
from ...rigs.impact.space import LAYOUTS
from ...rigs.job import Job, Progress, part
from ...rigs.sound import Sound
from ..audio import load_sound, save_wav
from ..caches import cache_folder

OPTIONS: dict[str, tuple[type, float | None, float | None]] = {
    "layout": (str, None, None),
    "damping": (float, 0.01, 100),
    "seed": (int, 0, 2**31 - 1),
    "events": (str, None, None),
    "edited": (str, None, None),
    "stems": (str, None, None),
    "only": (list, None, None),
    "others": (list, None, None),
    "cache": (str, None, None),
    "full_scale": (float, 0, None),
    "tail": (float, 0, 60),
}


def impacts(options: dict[str, Any], job: Job, progress: Progress) -> dict[str, Any]:
    """A capture .npz to `output`, a .wav of everything, at 48 kHz and 24 bit.

    Options: `layout` stereo, binaural, ambix or mono · `damping` factor · `events`, the .json to write · `edited`, a
    .json of events that count instead of the captured ones · `stems`, a folder for one .wav per object · `only`, the
    objects whose stems are made anew, and `others`, the stems that stay, from which the rest of `output` is taken ·
    `full_scale` Pa of 1.0, in which those are · `tail` s after the range.

    Returns:
        `output`, `stems` by object, `events` the number of them, `pascal` at full scale and `decibel` SPL of that,
        `seconds`, `modes` by object, `notes`.

    Raises:
        InputError: the capture, an event or an option is wrong. Cancelled: progress raised it.
    """
    if not job.input:
        raise InputError("No captured scene was given; bake one with `avanim impacts SCENE.blend`.")
    output = Path(job.output or "")
    if output.suffix.lower() != ".wav":
        raise InputError(f"Cannot write the sound to {job.output!r}; end the name in .wav.")
    layout = options.get("layout", "stereo")
    if layout not in LAYOUTS:
        raise InputError(f"There is no layout {layout!r}; choose one of {', '.join(LAYOUTS)}.")
    ensure_writable(output)
    progress(0.0, "Reading the scene")
    capture = Capture.load(job.input)
    if options.get("edited"):
        capture = replace(capture, events=Events.load(options["edited"]))
    if not len(capture.events):
        raise InputError("There are no events to be heard; bake the scene again.")
    only = [str(name) for name in options["only"]] if options.get("only") else None
    cache = options.get("cache") or str(cache_folder("modes"))
    made = bake(
        capture, layout=layout, damping=options.get("damping", 1.0), seed=options.get("seed", 0), cache=cache,
        only=only, tail=options.get("tail", 0.0), progress=part(progress, 0.02, 0.95),
    )  # fmt: skip
    progress(0.95, "Writing")
    count = round((capture.seconds + options.get("tail", 0.0)) * made.rate)
    channels = {"mono": 1, "ambix": 4}.get(layout, 2)
    master = made.master if made.tracks else np.zeros((channels, count))
    for path in options.get("others") or ():
        kept = load_sound(path, rate=made.rate).samples[:, :count] * options.get("full_scale", 1.0)
        master[:, : kept.shape[1]] += kept
    levels, pascal = levelled({**made.tracks, "": master}, full_scale=options.get("full_scale"))
    kind = "ambiX" if layout == "ambix" else "mono" if layout == "mono" else "stereo"
    notes = [*capture.events.notes, *made.notes]
    decibel = float(20 * np.log10(max(pascal, 1e-9) / 20e-6))
    stems, written = {}, {}
    if options.get("stems"):
        taken = set()
        for name in made.tracks:
            stems[name] = str(Path(options["stems"]) / f"{_file_name(name, taken)}.wav")
            written[stems[name]] = name
    written[str(output)] = ""
    # All of them or none.
    with contextlib.ExitStack() as stack:
        for path, name in written.items():
            save_wav(Sound(levels[name], made.rate, kind), stack.enter_context(replacing(path)), "PCM_24")
            progress(0.97, "Writing")
        if options.get("events"):
            details = {
                **capture.events.details,
                "sound": output.name,
                "layout": layout,
                "rate": made.rate,
                "full_scale_pa": pascal,
                "full_scale_db_spl": decibel,
                "stems": {name: Path(path).name for name, path in stems.items()},
            }
            listed = stack.enter_context(replacing(options["events"]))
            replace(capture.events, notes=tuple(notes), details=details).save(listed)
    progress(1.0, "Done")
    return {
        "output": str(output), "stems": stems, "events": len(capture.events), "pascal": pascal, "decibel": decibel,
        "seconds": count / made.rate, "modes": made.modes, "notes": notes, "layout": layout,
    }  # fmt: skip


def _file_name(name: str, taken: set[str]) -> str:
    stem = re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "object"
    number, made = 1, stem
    while made.lower() in taken:
        number += 1
        made = f"{stem}-{number}"
    taken.add(made.lower())
    return made
