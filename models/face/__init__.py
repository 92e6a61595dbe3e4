# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech to the motion of a face: ARKit's 52 shapes, head and gaze, by one of several methods of the literature."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...rigs import emotion, face_life
from ...rigs.articulation import MouthSettings
from ...rigs.articulation_poses import Poses
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.face_regions import REGIONS, merged
from ...rigs.job import Progress, part, silent
from ...rigs.phones import FEATURES, Phones
from ...rigs.sound import Sound
from .controls import LIFE, MOUTH, OPTIONS, amounts, chosen_regions, emotion_curve

if TYPE_CHECKING:
    from .hearing import Source, Voice

Array = NDArray[np.float64]

DEFAULT_METHOD = "articulator"
# Labels of a recording and what was heard of it are 0.67 alike and more, those of two recordings mostly less than 0.5.
_THE_SAME = 0.6


@dataclass(frozen=True)
class Method:
    """`module` of this folder: one with a `RECIPE` moves points of the face, the other articulates phones."""

    title: str
    reference: str
    module: str
    articulates: bool = False


METHODS: dict[str, Method] = {
    "articulator": Method(
        "Articulator",
        "AVAnim's own: phones of any language, articulated",
        "articulator",
        articulates=True,
    ),
    "obamanet": Method(
        "ObamaNet",
        "Kumar, Sotelo, Kumar, de Brébisson, Bengio: ObamaNet, arXiv 1801.01442, 2017",
        "obamanet",
    ),
    "synthesizing": Method(
        "Synthesizing Obama",
        "Suwajanakorn, Seitz, Kemelmacher-Shlizerman: Synthesizing Obama, ACM TOG 36(4), 2017",
        "synthesizing",
    ),
    "jalalifar": Method(
        "Facial Reenactment",
        "Jalalifar, Hasani, Aghajan: Speech-Driven Facial Reenactment, arXiv 1803.07461, 2018",
        "jalalifar",
    ),
    "atnet": Method(
        "AT-net",
        "Chen, Maddox, Duan, Xu: Hierarchical Cross-Modal Talking Face Generation, CVPR 2019",
        "atnet",
    ),
}
# Those that `avanim train face/…` trains.
TRAINED = tuple(name for name, method in METHODS.items() if not method.articulates)


@dataclass(frozen=True)
class Face:
    """The motion, the phones that were heard or given, and all settings that are needed to make it again.

    `voice` what else was heard · `notes` sentences on what was odd about the sound.
    """

    track: FaceTrack
    phones: Phones
    settings: dict[str, Any]
    voice: Voice
    notes: tuple[str, ...] = ()


def generate(
    sound: Sound | Source | None = None,
    *,
    voice: Voice | None = None,
    method: str = DEFAULT_METHOD,
    seed: int = 0,
    fps: float = 30.0,
    device: str = "auto",
    progress: Progress = silent,
    **controls: Any,
) -> Face:
    """The face that goes with a voice. A sound without speech gives a face that only looks about and blinks.

    Args:
        sound: in memory, or a `hearing.Source` that reads a file part by part; None where `voice` says it all.
        voice: what has been heard of it already, or phones that are known; then AVAnim's own method needs no sound.
        method: a key of METHODS.
        seed: every seed is another play of eyes, brows and head; the mouth does not depend on it.
        fps: frame rate of the motion, 1 to 240.
        controls: an animator's wishes, by the names in controls.OPTIONS: sizes, smoothness, lead, emotion; `regions` of
            the face to move, and `keep`, a recorded face (.csv, .npz) that moves the others; `poses`, a table
            like rigs/articulation.toml.

    Raises:
        InputError: unknown method, control or device, no sound, or a wish out of its bounds.
        Cancelled: progress raised it.
    """
    from . import articulator
    from .hearing import Source, listen

    if method not in METHODS:
        raise InputError(f"There is no face method {method!r}; choose one of {', '.join(METHODS)}.")
    if not (np.isfinite(fps) and 1 <= fps <= 240):
        raise InputError(f"The frame rate of a face must lie within 1 and 240, not at {fps}.")
    if device.partition(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise InputError(f"There is no device {device}; choose auto, cpu, cuda or mps.")
    controls = {name: value for name, value in controls.items() if value is not None}
    for name in controls:
        if name not in OPTIONS:
            raise InputError(f"A face has no control {name!r}; it has {', '.join(OPTIONS)}.")
    # With a capture to keep, what is made by default is what speech needs.
    regions = chosen_regions(controls.get("regions") or ("lower" if "keep" in controls else None))
    if regions == ("all",) and "keep" in controls:
        raise InputError("A face of which all regions are made keeps nothing of the capture; name the regions to make.")
    # A damaged capture is told before anything is heard.
    rest = FaceTrack.load(controls["keep"]) if "keep" in controls else None
    settings = MouthSettings.from_options(controls)
    source = Source.of_sound(sound) if isinstance(sound, Sound) else sound
    if voice is None:
        if source is None:
            raise InputError("There is nothing to speak; give a sound, or phones.")
        voice = listen(source, device=device, progress=part(progress, 0.0, 0.7))
    if METHODS[method].articulates:
        poses = Poses.read(controls["poses"]) if "poses" in controls else None
        mouth = articulator.mouth(voice, fps, settings, poses)
    elif source is None:
        raise InputError(f"The method {method} needs a sound, not phones alone; give one, or choose {DEFAULT_METHOD}.")
    elif not len(voice.phones):
        mouth = np.zeros((max(1, round(voice.seconds * fps)), len(ARKIT_52)))
    else:
        mouth = _by_points(method, source, fps, settings, device, part(progress, 0.7, 0.9))
    progress(0.9, "Moving eyes, brows and head")
    life, head, gaze = face_life.live(
        voice.phones, max(voice.seconds, 1 / fps), fps, loudness=voice.loudness if len(voice.loudness) else None,
        f0=voice.f0 if len(voice.f0) else None, seed=seed, **amounts(controls),
    )  # fmt: skip
    weights = _layered(mouth, life, voice, fps, settings, controls)
    track = FaceTrack(weights, head, gaze, fps)
    if regions != ("all",):
        nothing = FaceTrack(np.zeros((1, len(ARKIT_52))), np.zeros((1, 3)), np.zeros((1, 2)), fps)
        track = merged(track, nothing if rest is None else rest, regions)
    kept = {name: controls[name] for name in OPTIONS if name in controls}
    progress(1.0, "Spoken")
    return Face(
        track,
        voice.phones,
        {"method": method, "seed": seed, "fps": fps, "device": device, **kept, "regions": ", ".join(regions)},
        voice,
        tuple(source.notes) if source else (),
    )


def _layered(
    mouth: Array, life: Array, voice: Voice, fps: float, settings: MouthSettings, controls: dict[str, Any]
) -> Array:
    """The mouth, the rest of the face, and the emotions that are asked for or guessed."""
    layers = [
        (emotion_curve(str(controls.get("emotion", ""))), 1.0),
        (mood(voice), controls.get("suggest_emotion", 0.0)),
    ]
    felt = emotion.felt(layers, len(mouth) / fps, fps)
    return emotion.combine(mouth, life, felt, phones=voice.phones, fps=fps, settings=settings)


def mood(voice: Voice) -> list[tuple[float, dict[str, float]]]:
    """The emotion curve that the voice suggests; empty where nothing was heard of it."""
    return emotion.suggest(voice.f0, voice.loudness, voice.seconds, effort=voice.effort) if len(voice.f0) else []


def _by_points(
    method: str, source: Source, fps: float, settings: MouthSettings, device: str, progress: Progress
) -> Array:
    """What a published method makes of the sound, with the animator's wishes for size, time and smoothness."""
    from .recurrent import mouth
    from .shaping import shaped

    recipe = importlib.import_module(f".{METHODS[method].module}", __package__).RECIPE
    return shaped(mouth(recipe, source, fps, device=device, progress=progress), fps, settings)


def with_phones(voice: Voice, phones: Phones) -> Voice:
    """The same voice saying other phones, such as those of a file, or moved ones. Where they are not what was heard, a
    captured face's motion does not go with them, and is left out.
    """
    phones = phones.within(0.0, voice.seconds)
    motion = voice.motion if _alike(phones, voice.phones, voice.seconds) >= _THE_SAME else voice.motion[:0]
    return replace(voice, phones=phones, motion=motion)


def _alike(one: Phones, other: Phones, seconds: float) -> float:
    """Of the time in which either speaks, the share in which both have a vowel, or a consonant."""
    kinds = np.zeros((2, round(seconds * 100)), int)
    for row, phones in zip(kinds, (one, other), strict=True):
        for start, end, name in zip(phones.start, phones.end, phones.names, strict=True):
            row[round(start * 100) : round(end * 100)] = 0 if name == "sil" else 1 + ("vowel" in FEATURES[name])
    spoken = kinds.any(axis=0)
    return float((kinds[0] == kinds[1])[spoken].mean()) if spoken.any() else 0.0


__all__ = [
    "DEFAULT_METHOD", "LIFE", "METHODS", "MOUTH", "OPTIONS", "REGIONS", "TRAINED", "Face", "Method", "generate", "mood",
    "with_phones",
]  # fmt: skip
