# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job does. The command line runs it in its own process, the panel in the worker; the result is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..rigs.errors import InputError
from ..rigs.job import Job, Progress, part, silent
from ..rigs.motion import Motion
from .dance.choreographer.controls import OPTIONS as DANCE_CONTROLS

# Called with what can be shown before a job is done, as plain JSON values.
Preview = Callable[[dict[str, Any]], None]

# Name -> (type, smallest, largest); None where there is no bound. What a task does not name is refused.
Known = dict[str, tuple[type, float | None, float | None]]
_DANCE_OPTIONS: Known = {
    "method": (str, None, None),
    "style": (str, None, None),
    "seed": (int, 0, 2**31 - 1),
    "fps": (float, 1, 240),
    "start": (float, 0, None),
    "seconds": (float, 1, None),
    "bpm": (float, 20, 400),
    "metre": (int, 2, 4),
    "offset": (float, None, None),
    "beats": (list, None, None),
    "character": (str, None, None),
    "device": (str, None, None),
    **DANCE_CONTROLS,
}
_KINDS = {str: "text", bool: "true or false", list: "list"}
_BEATS_OPTIONS: Known = {name: _DANCE_OPTIONS[name] for name in ("start", "seconds", "bpm", "metre", "offset")}
_LIVE_OPTIONS: Known = {
    name: _DANCE_OPTIONS[name] for name in ("style", "seed", "fps", "start", "seconds", "character")
}
# The longest stretch of music for one dance. It bounds memory; longer pieces are danced in parts.
LONGEST_DANCE_SECONDS = 15 * 60
# How much of the music before and after a part is listened to: tempo and metre of a few seconds alone are a guess.
_CONTEXT_SECONDS = 30.0


def checked_options(options: dict[str, Any], known: Known) -> dict[str, Any]:
    """`options` with None left out and numbers of the right type.

    Raises:
        InputError: an unknown name, a wrong type, or a number out of bounds.
    """
    checked = {}
    for name, value in options.items():
        if value is None:
            continue
        if name not in known:
            raise InputError(f"Unknown option {name!r}; this task knows {', '.join(known)}.")
        smallest, largest = known[name][1:]
        kind: Any = known[name][0]
        literal = kind in (bool, list)
        try:
            if literal and not isinstance(value, kind):
                raise TypeError
            number: Any = kind(value)
        except (TypeError, ValueError):
            raise InputError(f"Option {name} must be a {_KINDS.get(kind, 'number')}, not {value!r}.") from None
        if kind in (int, float) and not (number == number and abs(number) < 1e12):
            raise InputError(f"Option {name} must be a plain number, not {value!r}.")
        if (smallest is not None and number < smallest) or (largest is not None and number > largest):
            bounds = f"at least {smallest:g}" if largest is None else f"between {smallest:g} and {largest:g}"
            raise InputError(f"Option {name} must be {bounds}, not {value}.")
        checked[name] = number
    return checked


def dance(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """Music to `output`, a motion as .npz, or .bvh, or the beats as .json; a second dancer's to OUT-2.npz …

    The option `beats`, pairs of time s from `start` and place in the bar, says where they are: none are looked for.

    A preview is `{"motion": path}`, an .npz in the folder of `output`, which the caller removes.

    Returns:
        `motion` the path written, `motions` the paths of all dancers, `beats` (Beats.to_dict), `settings` all that is
        needed to make it again, `frames`, `fps`, `seconds`.

    Raises:
        InputError: the music or an option is wrong.
        Cancelled: progress raised it.
    """
    import itertools
    import json

    from ..rigs.beats import Beats
    from ..rigs.bvh import save_bvh
    from ..rigs.characters import load_character
    from ..rigs.files import ensure_writable, replacing
    from .audio import load_sound, probe, track_beats
    from .dance import DEFAULT_METHOD, METHODS, generate

    options = checked_options(job.options, _DANCE_OPTIONS)
    if not job.input:
        raise InputError("No music was given; name an audio file.")
    if not job.output or Path(job.output).suffix not in (".npz", ".bvh", ".json"):
        raise InputError(f"Cannot write a dance as {job.output!r}; end the name in .npz, .bvh or .json.")
    ensure_writable(job.output)
    character = options.pop("character", "neutral")
    start, seconds = options.pop("start", 0.0), options.pop("seconds", None)
    progress(0.0, "Reading the music")
    length = probe(job.input)[0]
    if start >= length:
        raise InputError(f"Cannot dance to {job.input} from {start:g} s: it is only {length:.2f} s long.")
    before = min(start, _CONTEXT_SECONDS)
    most = min(seconds or 1e9, LONGEST_DANCE_SECONDS + 1)
    heard = load_sound(job.input, rate=22050, start=start - before, seconds=before + most + _CONTEXT_SECONDS, mono=True)
    sound = heard.within(before, most)
    if sound.seconds > LONGEST_DANCE_SECONDS + 0.5:
        raise InputError(
            f"{job.input} is longer than {LONGEST_DANCE_SECONDS // 60} minutes; "
            "choose a part of it with start and seconds."
        )
    progress(0.05, "Loading the character")
    method = METHODS.get(options.get("method", DEFAULT_METHOD))
    skeleton = method.skeleton if method else "smpl24"
    rest = load_character(character, skeleton, progress=part(progress, 0.05, 0.1)).rest()
    wishes = {name: options.pop(name, None) for name in ("bpm", "metre", "offset")}
    controls = {name: options.pop(name) for name in DANCE_CONTROLS if name in options}
    given = options.pop("beats", None)
    beats = Beats.by_hand(given, sound.seconds) if given is not None else None
    if beats is None and heard.seconds > sound.seconds:
        moved = {**wishes, "offset": None if wishes["offset"] is None else wishes["offset"] + before}
        beats = track_beats(heard, **moved, progress=part(progress, 0.1, 0.4)).within(before, sound.seconds)
        beats = beats if len(beats.times) > 1 else None
    output = Path(job.output)
    previews = itertools.count(1)

    def show(motion: Motion) -> None:
        path = output.with_name(f"{output.stem}-preview{next(previews)}.npz")
        motion.save(path)
        if preview:
            preview({"motion": str(path)})

    result = generate(
        sound, rest, **wishes, beats=beats, progress=part(progress, 0.4 if beats else 0.1, 0.98),
        preview=show if preview else None, controls=controls, **options
    )  # fmt: skip
    settings = {
        **result.settings, "audio": str(job.input), "start": start + result.start, "seconds": sound.seconds,
        "character": character,
    }  # fmt: skip
    progress(0.98, "Writing")
    written = []
    if output.suffix != ".json":
        for number, motion in enumerate((result.motion, *result.others), 1):
            path = output if number == 1 else output.with_name(f"{output.stem}-{number}{output.suffix}")
            motion = replace(motion, body=character)
            motion.save(path) if path.suffix == ".npz" else save_bvh(motion, rest, path)
            written.append(str(path))
    else:
        with replacing(output) as temporary:
            temporary.write_text(json.dumps({"beats": result.beats.to_dict(), "settings": settings}, indent=1))
    progress(1.0, "Done")
    return {
        "motion": str(output),
        "motions": written,
        "beats": result.beats.to_dict(),
        "settings": settings,
        "frames": len(result.motion),
        "fps": result.motion.fps,
        "seconds": result.motion.seconds,
    }


def beats(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """The beats of a sound or of a part of it; `output`, if given, is a .json file with the same.

    Returns:
        `beats` (Beats.to_dict, their times counted from `start`), and `seconds` of the part.

    Raises:
        InputError: the sound or an option is wrong.
        Cancelled: progress raised it.
    """
    import json

    from ..rigs.files import replacing
    from .audio import load_sound, probe, track_beats

    options = checked_options(job.options, _BEATS_OPTIONS)
    if not job.input:
        raise InputError("No sound was given; name an audio file.")
    start, seconds = options.pop("start", 0.0), options.pop("seconds", None)
    progress(0.0, "Reading the sound")
    length = probe(job.input)[0]
    if start >= length:
        raise InputError(f"Cannot listen to {job.input} from {start:g} s: it is only {length:.2f} s long.")
    sound = load_sound(job.input, rate=22050, start=start, seconds=seconds, mono=True)
    found = track_beats(sound, **options, progress=part(progress, 0.1, 0.98))
    result = {"beats": found.to_dict(), "seconds": sound.seconds}
    if job.output:
        with replacing(job.output) as temporary:
            temporary.write_text(json.dumps(result, indent=1))
    progress(1.0, "Done")
    return result


def regenerate(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """A part of a dance made anew, see `dance.regenerate`."""
    from .dance.regenerate import regenerate

    return regenerate(dance, job, progress)


def motion(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """A tool of `dance.families.tools` on the motion `input`; `output` is another, .npz or .bvh.

    Returns:
        `motion` the path written, `settings` what it was made with, `frames`, `fps`, `seconds`.

    Raises:
        InputError: the motion or an option is wrong. Cancelled: progress raised it.
    """
    from ..rigs.bvh import save_bvh
    from ..rigs.characters import load_character
    from ..rigs.files import ensure_writable
    from ..rigs.motion_files import load_motion
    from .dance.families import OPTIONS
    from .dance.families.tools import apply_tool

    options = checked_options(job.options, OPTIONS)
    if not job.input:
        raise InputError("No motion was given; name a file of one.")
    if not job.output or Path(job.output).suffix not in (".npz", ".bvh"):
        raise InputError(f"Cannot write a motion as {job.output!r}; end the name in .npz or .bvh.")
    ensure_writable(job.output)
    progress(0.0, "Reading the motion")
    given = load_motion(job.input)
    tool, other = options.pop("tool", ""), options.pop("other", None)
    second = load_motion(other) if other else None
    rest = load_character(options.get("character", "neutral"), given.skeleton).rest()
    made, settings = apply_tool(given, rest, tool, second, options, part(progress, 0.1, 0.95))
    progress(0.97, "Writing")
    output = Path(job.output)
    made = replace(made, body=options.get("character", given.body or "neutral"))
    made.save(output) if output.suffix == ".npz" else save_bvh(made, rest, output)
    progress(1.0, "Done")
    settings = {**{name: value for name, value in options.items() if name != "character"}, **settings}
    return {
        "motion": str(output), "settings": settings, "frames": len(made), "fps": made.fps, "seconds": made.seconds
    }  # fmt: skip


def face(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """Speech to the motion of a face, see `face.task.face`."""
    from .face.task import OPTIONS, face

    return face(checked_options(job.options, OPTIONS), job, progress)


def impacts(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """A captured scene to the sound of its contacts, see `impact.bake.impacts`."""
    from .impact.bake import OPTIONS, impacts

    return impacts(checked_options(job.options, OPTIONS), job, progress)


def foley(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """A silent film to the sound of what hits and slides in it, see `impact.film.foley`."""
    from .impact.film import OPTIONS, foley

    return foley(checked_options(job.options, OPTIONS), job, progress)


def groove_live(job: Job, progress: Progress, preview: Preview | None = None) -> dict[str, Any]:
    """GrooveNet to a sound or a part of it, sent ahead second by second; `output` .npz is all of it on planted feet.

    A preview is `{"chunks": n}`: beside `output` there are now OUT-0.npz … OUT-(n-1).npz, which follow each other. The
    caller removes them.

    Returns:
        `motion` the path written, `settings`, `frames`, `fps`, `seconds`.

    Raises:
        InputError: the sound or an option is wrong. Cancelled: progress raised it.
    """
    from ..rigs.characters import load_character
    from ..rigs.files import ensure_writable
    from .audio import load_sound, probe
    from .dance.groove_live import stream

    options = checked_options(job.options, _LIVE_OPTIONS)
    if not job.input or not job.output or Path(job.output).suffix != ".npz":
        raise InputError("To dance live, a sound is needed, and an output that ends in .npz.")
    ensure_writable(job.output)
    start, seconds = options.get("start", 0.0), options.get("seconds")
    progress(0.0, "Reading the music")
    if start >= probe(job.input)[0]:
        raise InputError(f"Cannot dance to {job.input} from {start:g} s: it is not that long.")
    most = min(seconds or 1e9, LONGEST_DANCE_SECONDS)
    sound = load_sound(job.input, rate=22050, start=start, seconds=most, mono=True)
    if sound.seconds < 0.5:
        raise InputError("There is less than half a second of music left to dance to; go back in the timeline.")
    character = options.get("character", "neutral")
    rest = load_character(character).rest()
    output, chunks = Path(job.output), 0

    def show(motion: Motion, first: int) -> None:
        nonlocal chunks
        motion.save(output.with_name(f"{output.stem}-{chunks}.npz"))
        chunks += 1
        if preview:
            preview({"chunks": chunks})

    style, seed, fps = options.get("style", "pop"), options.get("seed", 0), options.get("fps", 30.0)
    made = stream(sound, rest, style, seed, fps, show, part(progress, 0.05, 0.98))
    replace(made, body=character).save(output)
    progress(1.0, "Done")
    settings = {
        "method": "groove", "live": True, "style": style, "seed": seed, "fps": fps, "audio": str(job.input),
        "start": start, "seconds": sound.seconds, "character": character,
    }  # fmt: skip
    return {"motion": str(output), "settings": settings, "frames": len(made), "fps": fps, "seconds": made.seconds}


# Each is called as task(job, progress, preview); whether it previews anything is its own affair.
TASKS: dict[str, Callable[[Job, Progress, Preview | None], dict[str, Any]]] = {
    "dance": dance,
    "beats": beats,
    "regenerate": regenerate,
    "motion": motion,
    "groove_live": groove_live,
    "face": face,
    "impacts": impacts,
    "foley": foley,
}


def run(job: Job, progress: Progress = silent, preview: Preview | None = None) -> dict[str, Any]:
    """Do a job and return its result as plain JSON values.

    Raises:
        InputError: the job, its input or its options are wrong.
        Cancelled: progress raised it.
    """
    if job.task not in TASKS:
        raise InputError(f"Unknown task {job.task!r}; known are {', '.join(TASKS)}.")
    return TASKS[job.task](job, progress, preview)
