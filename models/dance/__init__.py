# SPDX-License-Identifier: GPL-3.0-or-later
"""Music to a dance, by one of several methods of the literature."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.moves import STYLES
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound

DEFAULT_METHOD = "choreographer"
SHORTEST_SECONDS = 2.0
# Longer music is previewed: its beginning is danced first, which costs about half a second.
_LONG_SECONDS = 60.0
_PREVIEW_SECONDS = 12.0
_SILENCE = 1e-4  # peak of the samples, -80 dB


@dataclass(frozen=True)
class Dance:
    """A motion as long as the music, the beats it keeps, and all settings that are needed to make it again.

    `others` the motions of the other dancers of a group · `start` s of the music at which frame 0 and the beats' time 0
    lie (a loop begins on a downbeat).
    """

    motion: Motion
    beats: Beats
    settings: dict[str, Any]
    others: tuple[Motion, ...] = ()
    start: float = 0.0


@dataclass(frozen=True)
class Method:
    """`styles`, the first for music that no other suits · `entry` gives the function that dances (imports torch).

    `previews`: that function takes `preview` too, and calls it with a coarse motion of the whole. `choreographs`: it
    takes an animator's `controls` too, finds the style "auto" itself, and returns a `choreographer.generate.Danced`.
    """

    title: str
    reference: str
    styles: tuple[str, ...]
    entry: Callable[[], Callable[..., Any]]
    previews: bool = False
    choreographs: bool = False
    skeleton: str = "smpl24"


def _choreographer() -> Callable[..., Any]:
    from .choreographer.generate import generate

    return generate


def _body_dynamics() -> Callable[..., tuple[Motion, dict[str, Any]]]:
    from .body_dynamics import generate

    return generate


def _melody() -> Callable[..., tuple[Motion, dict[str, Any]]]:
    from .melody import generate

    return generate


def _groove() -> Callable[..., tuple[Motion, dict[str, Any]]]:
    from .groove import generate

    return generate


def _yalta() -> Callable[..., tuple[Motion, dict[str, Any]]]:
    from .yalta import generate

    return generate


def _listen() -> Callable[..., tuple[Motion, dict[str, Any]]]:
    from .listen import generate

    return generate


METHODS: dict[str, Method] = {
    "choreographer": Method(
        "Choreographer",
        "AVAnim's own: moves planned on beats and sections",
        (*STYLES, "mix"),
        _choreographer,
        previews=True,
        choreographs=True,
    ),
    "melody": Method(
        "Dance with Melody",
        "Tang, Jia, Mao: Dance with Melody, ACM Multimedia 2018",
        ("pop", "salsa", "indian", "waltz"),
        _melody,
    ),
    "yalta": Method(
        "Basic steps",
        "Yalta, Watanabe, Nakadai, Ogata: Basic Dance Step Generation, IJCNN 2019",
        ("pop",),
        _yalta,
    ),
    "listen": Method(
        "Listen to Dance",
        "Lee, Kim, Lee: Listen to Dance, arXiv 1811.00818, 2018",
        ("pop",),
        _listen,
    ),
    "groove": Method(
        "GrooveNet",
        "Alemi, Françoise, Pasquier: GrooveNet, KDD 2017 workshop",
        ("pop", "pop_rnn"),
        _groove,
    ),
    "body_dynamics": Method(
        "Audio to Body Dynamics",
        "Shlizerman, Dery, Schoen, Kemelmacher-Shlizerman: Audio to Body Dynamics, CVPR 2018",
        ("piano", "violin"),
        _body_dynamics,
        skeleton="smplx55",
    ),
}


# Methods whose networks go on from their own last pose: they share their training and their scores.
AUTOREGRESSIVE = ("yalta", "listen", "groove")

# What `avanim train dance/…` trains: the module with its train(data_dir, out, **options, progress).
TRAINERS = {
    "melody": "melody_train",
    "diffusion": "diffusion_train",
    "body_dynamics": "body_dynamics_train",
    "manifold": "families.manifold_train",
    **{name: name for name in AUTOREGRESSIVE},
}


def suited_style(beats: Beats, styles: tuple[str, ...]) -> str:
    """Three-time is waltzed, fast music is salsa, all else goes to the first style."""
    if beats.metre == 3 and "waltz" in styles:
        return "waltz"
    if beats.metre == 4 and 155 <= beats.bpm <= 230 and "salsa" in styles:
        return "salsa"
    return styles[0]


def generate(
    sound: Sound,
    rest: Rest,
    *,
    method: str = DEFAULT_METHOD,
    style: str = "auto",
    seed: int = 0,
    fps: float = 30.0,
    bpm: float | None = None,
    metre: int | None = None,
    offset: float | None = None,
    beats: Beats | None = None,
    device: str = "auto",
    progress: Progress = silent,
    preview: Callable[[Motion], None] | None = None,
    controls: dict[str, Any] | None = None,
) -> Dance:
    """A dance to music, on one body.

    Args:
        sound: the music, two seconds at least.
        rest: the body, on any skeleton that has SMPL's body joints.
        method: a key of METHODS. style: one of its styles, or auto, which goes by tempo and metre.
        seed: every seed is another take; the same seed on the same device gives the same motion, bit for bit.
        fps: frame rate of the motion.
        bpm, metre, offset: what is known of the music, `offset` s being the first downbeat; None is found out.
        beats: those of the music, two at least, where they have been tracked already; the three above then do nothing.
        device: auto, cpu, cuda or mps.
        preview: called, where that pays, with a coarse motion long before the end; of the music's beginning, or of all.
        controls: an animator's wishes by the names in choreographer.controls.OPTIONS, for methods that choreograph.

    Raises:
        InputError: unknown method, style or device; silence, or music too short to dance to.
        Cancelled: progress raised it.
    """
    if method not in METHODS:
        raise InputError(f"There is no dance method {method!r}; choose one of {', '.join(METHODS)}.")
    chosen = METHODS[method]
    if style != "auto" and style not in chosen.styles:
        raise InputError(f"Method {method} has no style {style!r}; choose auto, {', '.join(chosen.styles)}.")
    controls = {name: value for name, value in (controls or {}).items() if value is not None}
    if controls and not chosen.choreographs:
        raise InputError(f"Method {method} knows no {', '.join(controls)}; leave that out, or choose {DEFAULT_METHOD}.")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"The frame rate must be a positive number, not {fps}.")
    if device.partition(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise InputError(f"There is no device {device}; choose auto, cpu, cuda or mps.")
    if sound.seconds < SHORTEST_SECONDS:
        raise InputError(f"The music is {sound.seconds:.1f} s long; give at least {SHORTEST_SECONDS:g} s to dance to.")
    if float(np.abs(sound.samples).max()) < _SILENCE:
        raise InputError("The music is silent; choose another file or another part of it.")

    if preview is not None and sound.seconds > _LONG_SECONDS:
        begun = part(progress, 0.0, 0.1)
        progress = part(progress, 0.1, 1.0)
        with contextlib.suppress(InputError):  # nothing to dance to yet, such as a silent introduction
            beginning = generate(
                sound.within(0.0, _PREVIEW_SECONDS), rest, method=method, style=style, seed=seed, fps=fps, bpm=bpm,
                metre=metre, offset=offset, device=device, controls=controls, progress=begun,
            )  # fmt: skip
            preview(beginning.motion)
    if beats is None:
        from ..audio.beats import track_beats

        beats = track_beats(sound, bpm=bpm, metre=metre, offset=offset, progress=part(progress, 0.0, 0.4))
    danced = suited_style(beats, chosen.styles) if style == "auto" and not chosen.choreographs else style
    own: dict[str, Any] = {"preview": preview} if chosen.previews else {}
    if chosen.choreographs:
        own["controls"] = controls
    made = chosen.entry()(
        sound, beats, rest, style=danced, seed=seed, fps=fps, device=device, progress=part(progress, 0.4, 1.0), **own
    )
    if chosen.choreographs:
        motions, kept, details, start = made.motions, made.beats, made.settings, made.start
    else:
        motions, kept, details, start = [made[0]], beats, made[1], 0.0
    settings = {
        "method": method, "style": danced, "seed": seed, "fps": fps, "bpm": beats.bpm, "metre": beats.metre,
        "offset": offset, "device": device, **details,
    }  # fmt: skip
    progress(1.0, "Danced")
    return Dance(motions[0], kept, settings, tuple(motions[1:]), start)
