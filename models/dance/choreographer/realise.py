# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plan to motion on one body: the moves performed, the feet planted, the pins passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....rigs.errors import InputError
from ....rigs.feet import plant_feet
from ....rigs.motion import Motion
from ....rigs.motion_edit import heading
from ....rigs.motion_edit import placed as turned
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
HIT = 0.63  # how much slower than evenly the body's time runs on the beats
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

    hit: as perform_on has it.
    """
    beat = np.interp(np.arange(frames) / fps + _AHEAD, grid.times, np.arange(len(grid.times)))
    return _danced(placed, beat, rest, fps, start, hit)


def _danced(placed: Sequence[Placed], beat: Array, rest: Rest, fps: float, start: Spot, hit: float) -> Rough:
    """The moves at the beat numbers `beat` (T,) of the frames."""
    performed = perform_on(placed, beat, rest, fps, start, hit)
    return Rough(performed.motion, performed.contacts)


def rounds(
    placed: Sequence[Placed], grid: Grid, rest: Rest, fps: float, first: float, beats: int, hit: float
) -> tuple[Rough, int]:
    """One round, and a few frames more, of the moves from dance beat `first` on for `beats` beats, out of the middle of
    three: so it begins as it ends. Also how many frames a round has."""
    start, end = grid.seconds(first), grid.seconds(first + beats)
    frames = round(float(end - start) * fps)
    once = np.interp(start + np.arange(frames) / fps + _AHEAD, grid.times, np.arange(len(grid.times)))
    inside = [one for one in placed if first <= one.beat < first + beats]
    thrice = [replace(one, beat=one.beat + shift) for shift in (-beats, 0, beats) for one in inside]
    beat = np.concatenate([once - beats, once, once + beats])
    made = _danced(thrice, np.maximum.accumulate(beat), rest, fps, (0.0, 0.0, 0.0), hit)
    middle = slice(frames, 2 * frames + 5)
    motion = replace(made.motion, poses=made.motion.poses[middle], trans=made.motion.trans[middle])
    front = turned(motion, rest, -spot(motion, rest, 0)[2], 0.0, 0.0)
    return Rough(front, made.contacts[middle]), frames


def planted(made: Rough, rest: Rest) -> Motion:
    """With standing feet locked to the floor, none below it."""
    return plant_feet(made.motion, rest, contact=made.contacts, floor=0.0, clearance=0.0)


def through(
    made: Rough, rest: Rest, pins: dict[int, Pose], seconds: float, found: Callable[[Rough], Rough] | None = None
) -> Motion:
    """Planted and passing through the pins: led there first, then planted, then led exactly there.

    found: finds the ways into and out of the pins anew, between leading and planting.
    """
    led = replace(made, motion=pinned(made.motion, pins, seconds))
    led = found(led) if found is not None else led
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


def rolled(looped: Motion, frames: int) -> Motion:
    """A loop that begins `frames` frames earlier in its round."""
    order = (np.arange(len(looped)) - frames) % (len(looped) - 1)
    return replace(looped, poses=looped.poses[order], trans=looped.trans[order])


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
