# SPDX-License-Identifier: GPL-3.0-or-later
"""The job "face": speech, text or timed phones to a file of a face's motion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...rigs.errors import InputError
from ...rigs.face import FaceTrack
from ...rigs.files import ensure_writable, read_bytes, replacing
from ...rigs.job import Job, Progress, part
from ...rigs.phone_files import read_phones
from ...rigs.phones import Phones
from . import DEFAULT_METHOD, METHODS, generate, mood, with_phones
from .controls import OPTIONS as CONTROLS
from .controls import Known

if TYPE_CHECKING:
    from .hearing import Source

OPTIONS: Known = {
    "method": (str, None, None),
    "seed": (int, 0, 2**31 - 1),
    "fps": (float, 1, 240),
    "start": (float, 0, None),
    "seconds": (float, 0.1, None),
    "channel": (str, None, None),
    "text": (str, None, None),
    "phones": (str, None, None),
    "character": (str, None, None),
    "device": (str, None, None),
    **CONTROLS,
}
ENDINGS = (".npz", ".csv", ".json")
# The longest face that is made at once; it is heard part by part, and its curves are what memory holds.
LONGEST_SECONDS = 4 * 3600.0
_MOST_TEXT = 4 << 20


def face(options: dict[str, Any], job: Job, progress: Progress) -> dict[str, Any]:
    """Speech to `output`: a face track as .npz, a Live Link Face .csv, or curves and phones as .json.

    `options` are those of the job, checked. `text` is what is said, or a .txt file of it, and is aligned to the sound;
    `phones`, a file of them, are taken as they are timed. Without a sound the text or the phones say it all.

    Returns:
        `face` the path written, `phones` (Phones.to_dict), `settings` all that is needed to make it again, `notes`
        sentences on what was odd about the sound, `voice` its effort, loudness and motion 25 times a second and the
        mood that was followed, by which the mouth can be solved again, `frames`, `fps`, `seconds`.

    Raises:
        InputError: the sound, the text, the phones or an option is wrong. Cancelled: progress raised it.
    """
    from .hearing import CHANNELS, Source, Voice, listen

    if not job.output or Path(job.output).suffix.lower() not in ENDINGS:
        raise InputError(f"Cannot write a face as {job.output!r}; end the name in {', '.join(ENDINGS)}.")
    ensure_writable(job.output)
    method, device = options.pop("method", DEFAULT_METHOD), options.get("device", "auto")
    if method not in METHODS:
        raise InputError(f"There is no face method {method!r}; choose one of {', '.join(METHODS)}.")
    text, timed = options.pop("text", None), options.pop("phones", None)
    if text and timed:
        raise InputError("Give text or phones, not both.")
    where = {name: options.pop(name) for name in ("start", "seconds", "channel") if name in options}
    character = options.pop("character", "neutral")
    progress(0.0, "Reading the sound")
    source, phones = None, None
    if job.input:
        channel = where.get("channel", CHANNELS[0])
        source = Source.of_file(job.input, where.get("start", 0.0), where.get("seconds"), channel)
        if source.seconds > LONGEST_SECONDS:
            raise InputError(f"{job.input} is longer than {LONGEST_SECONDS / 3600:g} hours; choose a part of it.")
    elif not (text or timed):
        raise InputError("No speech was given; name an audio file, or give text or phones.")
    if timed:
        phones = _timed(timed)
        # Phones that are given count from the beginning of the sound's file.
        phones = phones.within(where.get("start", 0.0), source.seconds) if source else phones
    if source is None:
        if text:
            from .pronounce import pronounce

            phones = pronounce(_words(text), options.get("language"), seconds=where.get("seconds"))
        assert phones is not None
        voice = Voice.silent(phones, where.get("seconds", phones.seconds + 0.3))
    else:
        voice = listen(source, device=device, progress=part(progress, 0.02, 0.7))
        if text:
            phones = _aligned(_words(text), source, options.get("language"), device)
        voice = with_phones(voice, phones) if phones is not None else voice
    made = generate(source, voice=voice, method=method, progress=part(progress, 0.7, 0.97), **options)
    settings = {
        **made.settings, **where, "audio": str(job.input) if job.input else None, "character": character,
        "seconds": voice.seconds, "text": text, "phones": timed,
    }  # fmt: skip
    progress(0.98, "Writing")
    output = Path(job.output)
    if output.suffix.lower() == ".json":
        _write_json(output, made.track, made.phones, settings)
    else:
        made.track.save(output)
    progress(1.0, "Done")
    return {
        "face": str(output),
        "phones": made.phones.to_dict(),
        "settings": settings,
        "notes": list(made.notes),
        "voice": {
            **{name: _thinned(getattr(voice, name), 3) for name in ("effort", "loudness")},
            "motion": _thinned(voice.motion, 2),
            **({"mood": mood(voice)} if made.settings.get("suggest_emotion") else {}),
        },
        "frames": len(made.track),
        "fps": made.track.fps,
        "seconds": made.track.seconds,
    }


def _thinned(values: Any, digits: int) -> list[Any]:
    """Of values or rows at 100 Hz the mean of each four."""
    count = len(values) // 4 * 4
    means = values[:count].reshape(count // 4, 4, *values.shape[1:]).mean(axis=1)
    return means.astype(float).round(digits).tolist()


def _write_json(path: Path, track: FaceTrack, phones: Phones, settings: dict[str, Any]) -> None:
    """Curves by name, 0..1 at `fps`, head (pitch, yaw, roll) and gaze (pitch, yaw) in rad, and the phones."""
    from ...rigs.face import ARKIT_52

    def rows(values: Any) -> list[list[float]]:
        return [[round(float(v), 5) for v in row] for row in values]

    whole = {
        "fps": track.fps,
        "frames": len(track),
        "curves": {name: [round(float(v), 5) for v in track.weights[:, i]] for i, name in enumerate(ARKIT_52)},
        "head": rows(track.head),
        "gaze": rows(track.gaze),
        "phones": phones.to_dict(),
        "settings": settings,
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(whole), encoding="utf-8")


def _words(text: str) -> str:
    """The text itself, or that of the file which it names."""
    if Path(text).suffix.lower() == ".txt" and "\n" not in text:
        try:
            return read_bytes(text, _MOST_TEXT).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{text} is not in UTF-8; save it so.") from error
    return text


def _aligned(text: str, source: Source, language: str | None, device: str) -> Phones:
    """When what is known to be said is said; of a long sound all of it has to be heard at once."""
    from .pronounce import aligned

    return aligned(text, source.read(0.0, source.seconds), language, device=device)


def _timed(given: str) -> Phones:
    """Phones of a file, or, as the add-on sends them, of a JSON text."""
    if given.lstrip().startswith("{"):
        try:
            return Phones.from_dict(json.loads(given))
        except ValueError as error:
            raise InputError(f"The phones are no JSON: {error}.") from error
    return read_phones(given)
