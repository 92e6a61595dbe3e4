# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator may ask of the choreographer, as plain values of a job and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....rigs.errors import InputError
from ....rigs.moves import STYLES
from .track import Track

Array = NDArray[np.float64]

PACES = {"auto": None, "half": 0.5, "normal": 1.0, "double": 2.0}
FORMATIONS = ("unison", "canon", "mirrored", "own")

# Name -> (type, smallest, largest), as models/tasks.py checks options.
OPTIONS: dict[str, tuple[type, float | None, float | None]] = {
    "mix": (str, None, None),
    "energy": (float, 0, 2),
    "amplitude": (float, 0.2, 1.6),
    "travel": (float, 0, 1),
    "region": (str, None, None),
    "mirror": (bool, None, None),
    "pace": (str, None, None),
    "beat_offset": (float, -8, 8),
    "track": (str, None, None),
    "pins": (list, None, None),
    "keep": (str, None, None),
    "bars": (str, None, None),
    "upper": (str, None, None),
    "lower": (str, None, None),
    "continue_from": (str, None, None),
    "loop": (int, 1, 64),
    "dancers": (int, 1, 24),
    "formation": (str, None, None),
    "canon": (float, 0, 32),
    "spacing": (float, 0.5, 10),
    "variation": (float, 0, 1),
}


@dataclass(frozen=True)
class Pin:
    """At `time` s the body has exactly these `poses` (J, 3) and `trans` (3,), as in Motion."""

    time: float
    poses: Array
    trans: Array


@dataclass(frozen=True)
class Controls:
    """The animator's wishes.

    mix: style -> weight, in place of one style. energy: 0 sleepy, 1 as the music, 2 wild. amplitude: size of all
    movement. travel: 0 in place … 1 the whole floor. region: width (x) and depth (z), m, about the origin, that the
    hips do not leave. mirror: left for right. pace: a key of PACES, the dance's beats for each of the music's.
    beat_offset: music beats by which the dance comes late. track: choreography.md's lines. pins: poses to pass through.
    keep, bars: a motion file of which all but these bars (first, last; from 1) stay bit for bit. upper, lower: motion
    files from which the upper or the lower body comes. continue_from: a motion file whose last frame is the first here.
    loop: so many bars, the last frame being the first. dancers, formation, canon (music beats between one dancer and
    the next), spacing (m): a group. variation: how far the motion model may change what is written, where it is there.
    """

    mix: dict[str, float] = field(default_factory=dict)
    energy: float = 1.0
    amplitude: float = 1.0
    travel: float = 0.5
    region: tuple[float, float] | None = None
    mirror: bool = False
    pace: str = "auto"
    beat_offset: float = 0.0
    track: Track = field(default_factory=Track)
    pins: tuple[Pin, ...] = ()
    keep: str | None = None
    bars: tuple[int, int] | None = None
    upper: str | None = None
    lower: str | None = None
    continue_from: str | None = None
    loop: int | None = None
    dancers: int = 1
    formation: str = "unison"
    canon: float = 2.0
    spacing: float = 1.5
    variation: float = 0.0

    @classmethod
    def from_options(cls, options: dict[str, Any], joints: int, fps: float) -> Controls:
        """Of a job's options, all of OPTIONS optional; `joints` and `fps` of the result are what pins must fit.

        Raises:
            InputError: a value that cannot be read, or two wishes that exclude each other.
        """
        wishes = {name: value for name, value in options.items() if value is not None}
        if "mix" in wishes:
            wishes["mix"] = read_mix(wishes["mix"])
        if "region" in wishes:
            wishes["region"] = read_region(wishes["region"])
        if "track" in wishes:
            wishes["track"] = Track.read(wishes["track"])
        if "bars" in wishes:
            wishes["bars"] = read_bars(wishes["bars"])
        if "pins" in wishes:
            wishes["pins"] = tuple(read_pin(pin, joints, fps) for pin in wishes["pins"])
        controls = cls(**wishes)
        for name, value, known in (("pace", controls.pace, PACES), ("formation", controls.formation, FORMATIONS)):
            if value not in known:
                raise InputError(f"There is no {name} {value!r}; choose {', '.join(known)}.")
        if (controls.keep is None) != (controls.bars is None):
            raise InputError("To make some bars anew give both the take to keep and the bars, such as 5-8.")
        if controls.loop and (controls.keep or controls.continue_from or controls.pins or controls.variation):
            raise InputError("A loop can't be had together with pins, a take to keep or to continue, or variation.")
        if controls.dancers > 1 and (controls.keep or controls.continue_from or controls.pins):
            raise InputError("Pins, continuing and keeping bars are for one dancer; set dancers to 1.")
        return controls


def read_mix(text: str) -> dict[str, float]:
    """ "pop:2, hiphop:1" or "pop, hiphop" as weights that sum to 1."""
    weights: dict[str, float] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, _, number = item.partition(":")
        name = name.strip().lower()
        try:
            weight = float(number) if number.strip() else 1.0
        except ValueError:
            weight = -1.0
        if name not in STYLES or not 0 <= weight < 1e6:
            raise InputError(
                f"The mix {item!r} cannot be read; write pop:2, hiphop:1 with styles of {', '.join(STYLES)}."
            )
        weights[name] = weights.get(name, 0.0) + weight
    total = sum(weights.values())
    if total <= 0:
        raise InputError("The mix has no style with a weight above 0; write for example pop:2, hiphop:1.")
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def read_region(text: str) -> tuple[float, float]:
    """ "3x2" as width 3 m and depth 2 m."""
    match = re.fullmatch(r"\s*([\d.]+)\s*[x×]\s*([\d.]+)\s*", text)
    try:
        width, depth = (float(number) for number in match.groups()) if match else (0.0, 0.0)
    except ValueError:
        width = depth = 0.0
    if not (0.5 <= width <= 100 and 0.5 <= depth <= 100):
        raise InputError(
            f"The region {text!r} cannot be danced in; write width x depth in metres, such as 3x2, 0.5 at least."
        )
    return width, depth


def read_bars(text: str) -> tuple[int, int]:
    """ "5-8" or "5" as the first and the last bar, counted from 1."""
    match = re.fullmatch(r"\s*(\d+)\s*(?:[-–]\s*(\d+))?\s*", text)
    if not match or not 1 <= int(match[1]) <= int(match[2] or match[1]):
        raise InputError(f"The bars {text!r} cannot be read; write 5-8, or 5, counted from 1.")
    return int(match[1]), int(match[2] or match[1])


def read_pin(fields: Any, joints: int, fps: float) -> Pin:
    """A pin of {"time" s or "frame" (from 0), "poses" (J, 3) or (J*3,), "trans" (3,)}."""
    try:
        time = float(fields["time"]) if "time" in fields else float(fields["frame"]) / fps
        poses = np.asarray(fields["poses"], float).reshape(joints, 3)
        trans = np.asarray(fields["trans"], float).reshape(3)
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"A pin cannot be read ({error}); give time or frame, poses of {joints} x 3 numbers and trans of 3."
        ) from None
    if not (np.isfinite(poses).all() and np.isfinite(trans).all() and np.isfinite(time) and time >= 0):
        raise InputError("A pin holds values that are not numbers, or a time before the music; mend or remove it.")
    return Pin(time, poses, trans)
