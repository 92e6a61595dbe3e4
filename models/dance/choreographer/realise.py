# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plan to motion on one body: the moves performed, the feet planted, the pins passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....rigs.errors import InputError
from ....rigs.feet import plant_feet
from ....rigs.motion import Motion
from ....rigs.motion_edit import heading
from ....rigs.motion_merge import merge
from ....rigs.motion_pins import looped, pinned
from ....rigs.moves import Placed, perform_on
from ....rigs.skeleton import Rest
from .floor import Spot
from .grid import Grid

Array = NDArray[np.float64]
Pose = tuple[Array, Array]

# A step lands on its beat; the body over it comes to rest so many seconds later. That is what the eye takes for the
# beat, so all is danced that much ahead.
_AHEAD = 0.04
HIT = 0.15
# What a "lower body" is; the rest, with spine and arms, is the upper.
LOWER = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle", "foot"))


@dataclass(frozen=True)
class Rough:
    """A motion and its contacts (T, 4), before its feet are planted."""

    motion: Motion
    contacts: NDArray[np.bool_]


def rough(
    placed: Sequence[Placed], grid: Grid, rest: Rest, fps: float, frames: int, start: Spot, hit: float = HIT
) -> Rough:
    """The moves performed for `frames` frames.

    hit: 0..0.6, how much slower than evenly time runs on the beats, and faster between them: so movements are hit and
    held where the music is. The beats themselves stay where they are.
    """
    beat = np.interp(np.arange(frames) / fps + _AHEAD, grid.times, np.arange(len(grid.times)))
    beat = beat - hit / (2 * np.pi) * np.sin(2 * np.pi * beat)
    performed = perform_on(placed, beat, rest, fps, start)
    motion, contacts = performed.motion, performed.contacts
    short = frames - len(motion)
    if short > 0:
        motion = replace(
            motion,
            poses=np.concatenate([motion.poses, np.repeat(motion.poses[-1:], short, axis=0)]),
            trans=np.concatenate([motion.trans, np.repeat(motion.trans[-1:], short, axis=0)]),
        )
        contacts = np.concatenate([contacts, np.repeat(contacts[-1:], short, axis=0)])
    return Rough(replace(motion, poses=motion.poses[:frames], trans=motion.trans[:frames]), contacts[:frames])


def planted(made: Rough, rest: Rest) -> Motion:
    """With standing feet locked to the floor, none below it."""
    return plant_feet(made.motion, rest, contact=made.contacts, floor=0.0, clearance=0.0)


def through(made: Rough, rest: Rest, pins: dict[int, Pose], seconds: float) -> Motion:
    """Planted and passing through the pins: led there first, then planted, then led exactly there."""
    led = replace(made, motion=pinned(made.motion, pins, seconds))
    return pinned(planted(led, rest), pins, min(seconds, 0.3))


def loop(made: Rough, rest: Rest, frames: int, seconds: float) -> Motion:
    """`frames` + 1 frames, the last like the first, planted as if the loop had been running for ever."""
    closed = looped(made.motion, frames, seconds)
    rounds = replace(
        closed,
        poses=np.concatenate([closed.poses[:-1]] * 3),
        trans=np.concatenate([closed.trans[:-1]] * 3),
    )
    feet = np.concatenate([made.contacts[:frames]] * 3)
    whole = planted(Rough(rounds, feet), rest)
    middle = slice(frames, 2 * frames + 5)
    return looped(replace(whole, poses=whole.poses[middle], trans=whole.trans[middle]), frames, 0.15)


def kept(old: Motion, new: Motion, rest: Rest, first: float, last: float) -> Motion:
    """`old` but for the seconds `first` to `last`, which come from `new`."""
    if len(old) > len(new):
        raise InputError(
            f"The take to keep is {old.seconds:.1f} s long and the music {new.seconds:.1f} s; "
            "give the music it was made for."
        )
    a, b = round(first * old.fps), min(round(last * old.fps), len(old)) - 1
    if a >= len(old):
        raise InputError(f"The bars to make anew begin at {first:.1f} s, but the take ends at {old.seconds:.1f} s.")
    return merge(old, new, a, b, blend=max(2, round(0.35 * old.fps)), rest=rest)


def combined(lower: Motion, upper: Motion) -> Motion:
    """The path and the legs of one motion with the trunk, head and arms of the other, as long as the shorter."""
    frames = min(len(lower), len(upper))
    lower = replace(lower, poses=lower.poses[:frames], trans=lower.trans[:frames])
    joints = [joint for joint in lower.rig.joints[1:] if joint not in LOWER]
    return merge(lower, upper, 0, frames - 1, joints)


def spot(motion: Motion, rest: Rest, frame: int) -> Spot:
    """Where the hips stand and the dancer faces."""
    x, _, z = motion.trans[frame] + rest.joints[0]
    return (
        float(x),
        float(z),
        float(heading(replace(motion, poses=motion.poses[[frame]], trans=motion.trans[[frame]]))[0]),
    )
