# SPDX-License-Identifier: GPL-3.0-or-later
"""How a move is written down.

A phrase says where the dancer *arrives* on which beat (halves and thirds of beats are as good): feet as steps, the body
as keys on a few channels, the arms as named poses. Beat 0 is the "one". All places are seen by the dancer: x to the
left, z forward, from the point between both feet, which `path` and `heading` carry over the floor.

The left foot is free when a phrase begins, and both stand near each other when it ends; so any phrase may follow any
other, and its mirror image too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

HOME = 0.11  # m from the middle to the ball of each foot
TURN_OUT = 0.22  # rad

# Channels of the body, in m and rad, and the value of each where nothing is said. The lateral ones change sign in the
# mirror; those of one side change places.
BODY = (
    "side", "fwd", "sink", "twist", "tuck", "hike",  # hips: to the left, forward, down, turn left, bow, left one up
    "bow", "turn", "lean", "slide", "pop",  # chest: forward, turn left, to the left; ribs to the left, ribs forward
    "nod", "look", "cock",  # head: down, to the left, tilted to the left
    "shrug_left", "shrug_right", "heel_left", "heel_right",  # shoulder up rad; heel raised rad
    "path_x", "path_z", "heading",
)  # fmt: skip
LATERAL = {"side", "twist", "hike", "turn", "lean", "slide", "look", "cock", "path_x", "heading"}
PAIRS = {"shrug_left": "shrug_right", "heel_left": "heel_right"} | {
    "shrug_right": "shrug_left",
    "heel_right": "heel_left",
}

Keys = dict[float, float]
Arms = dict[float, str | tuple[str, str]]  # names of POSES, of both arms or (left, right)


@dataclass(frozen=True)
class Step:
    """A foot arrives at `beat` at (x, z) m with the toes turned out by `turn` rad.

    `weight` how much of the body it takes over, 1 all, 0 a touch or a kick · `lift` height at which it stops, m (0 on
    the floor) · `pitch` rad, > 0 on the ball with the heel raised, < 0 on the heel · `air` beats for which it is off
    the floor (None: as the tempo asks) · `roll` rad on landing, > 0 ball first, < 0 heel first · `slide` it brushes
    over the floor · `pivot` it turns on its ball where it stands, and x, z say nothing.
    """

    beat: float
    foot: str
    x: float
    z: float = 0.0
    turn: float = TURN_OUT
    weight: float = 1.0
    lift: float = 0.0
    pitch: float = 0.0
    air: float | None = None
    roll: float = 0.16
    slide: bool = False
    pivot: bool = False

    def mirrored(self) -> Step:
        return replace(self, foot="right" if self.foot == "left" else "left", x=-self.x)


def L(beat: float, x: float = HOME, z: float = 0.0, turn: float = TURN_OUT, **more) -> Step:
    """A step of the left foot."""
    return Step(beat, "left", x, z, turn, **more)


def R(beat: float, x: float = -HOME, z: float = 0.0, turn: float = TURN_OUT, **more) -> Step:
    """A step of the right foot."""
    return Step(beat, "right", x, z, turn, **more)


# What a foot may do instead of a step: R(1, 0.1, **TOUCH).
TOUCH: Any = {"weight": 0.0, "pitch": 0.42}
TAP: Any = {"weight": 0.0, "pitch": 0.2}
HEEL: Any = {"weight": 0.0, "pitch": -0.38}
KICK: Any = {"weight": 0.0, "lift": 0.24, "pitch": 0.25}
KNEE: Any = {"weight": 0.0, "lift": 0.27, "pitch": 0.45}
STAMP: Any = {"roll": 0.03}
HEEL_FIRST: Any = {"roll": -0.22}


def each(beats: float, *values: float, every: float = 1.0, start: float = 0.0) -> Keys:
    """The values in turn, over and over, one `every` so many beats from `start` to before `beats`."""
    count = round((beats - start) / every)
    return {start + k * every: values[k % len(values)] for k in range(count)}


def rolling(start: float, beats: int) -> Arms:
    """Forearms that roll round each other once a beat."""
    poses = [("roll_high", "roll_low"), ("roll_out", "roll_in"), ("roll_low", "roll_high"), ("roll_in", "roll_out")]
    return {start + k / 4: poses[k % 4] for k in range(4 * beats)}


@dataclass(frozen=True)
class Phrase:
    """The score of a move.

    `body` keys by channel of BODY · `arms` poses of both arms, or (left, right), by beat · `weight` share of the left
    foot by beat, where it is not what the steps ask for · `jumps` (off, down) beats between which both feet are in the
    air · `bounce` m by which the knees give on every beat, `bounce2` on every half beat, `lift` m by which the body
    rises on the beat instead · `cuban` rad by which the hip over the standing leg is pushed up · `swing` how far the
    arms swing against the legs, 0..1 · `snap` 0 flowing … 1 hit and held · `spot` the head stays in front during turns.
    """

    beats: int
    steps: tuple[Step, ...] = ()
    body: dict[str, Keys] = field(default_factory=dict)
    arms: Arms = field(default_factory=dict)
    weight: Keys = field(default_factory=dict)
    jumps: tuple[tuple[float, float], ...] = ()
    bounce: float = 0.03
    bounce2: float = 0.0
    lift: float = 0.0
    cuban: float = 0.09
    swing: float = 0.3
    snap: float = 0.25
    spot: bool = False

    def mirrored(self) -> Phrase:
        """Left and right exchanged."""
        body = {
            PAIRS.get(channel, channel): {at: -v if channel in LATERAL else v for at, v in keys.items()}
            for channel, keys in self.body.items()
        }
        arms: Arms = {at: pose if isinstance(pose, str) else (pose[1], pose[0]) for at, pose in self.arms.items()}
        weight = {at: 1 - share for at, share in self.weight.items()}
        return replace(self, steps=tuple(s.mirrored() for s in self.steps), body=body, arms=arms, weight=weight)

    def then(self, other: Phrase) -> Phrase:
        """This phrase and then another, which goes on where this one has come to."""
        at = self.beats
        carried = {c: _last(self.body.get(c, {})) for c in ("path_x", "path_z", "heading")}
        body = {}
        for channel in dict.fromkeys([*self.body, *other.body]):
            first, second = self.body.get(channel, {0.0: 0.0}), other.body.get(channel, {0.0: 0.0})
            base = carried.get(channel, 0.0)
            body[channel] = {**first, **{at + beat: base + value for beat, value in second.items()}}
        return replace(
            self,
            beats=self.beats + other.beats,
            steps=self.steps + tuple(replace(s, beat=s.beat + at) for s in other.steps),
            body=body,
            arms={**self.arms, **{at + beat: pose for beat, pose in other.arms.items()}},
            weight={**self.weight, **{at + beat: share for beat, share in other.weight.items()}},
            jumps=self.jumps + tuple((at + a, at + b) for a, b in other.jumps),
        )

    def both_sides(self) -> Phrase:
        """This phrase, and then its mirror image."""
        return self.then(self.mirrored())

    def twice(self) -> Phrase:
        return self.then(self)


def _last(keys: Keys) -> float:
    return keys[max(keys)] if keys else 0.0


@dataclass(frozen=True)
class Move:
    """A phrase, and what a choreographer must know of it.

    `styles` of STYLES · `metres` beats a bar that it fits · `energy` 0 calm … 1 wild · `tempo` beats a minute between
    which it looks right · `family` step, turn, arms, groove, pose or idle.
    """

    name: str
    title: str
    styles: tuple[str, ...]
    metres: tuple[int, ...]
    energy: float
    tempo: tuple[float, float]
    family: str
    phrase: Phrase = field(repr=False)

    @property
    def beats(self) -> int:
        """Its length."""
        return self.phrase.beats

    @property
    def turns(self) -> bool:
        """Whether the dancer turns half way round or more."""
        return max((abs(v) for v in self.phrase.body.get("heading", {}).values()), default=0.0) > 2.5

    @property
    def travel(self) -> float:
        """Net way over the floor at amplitude 1, m."""
        x, z = (_last(self.phrase.body.get(channel, {})) for channel in ("path_x", "path_z"))
        return float((x * x + z * z) ** 0.5)

    @property
    def jumps(self) -> bool:
        """Whether both feet leave the floor."""
        return bool(self.phrase.jumps)


def move(
    name: str, title: str, styles: str, family: str, energy: float, tempo: tuple[float, float], phrase: Phrase,
    metres: tuple[int, ...] = (2, 4),
) -> Move:  # fmt: skip
    """A move; `styles` as words of one text."""
    return Move(name, title, tuple(styles.split()), metres, energy, tempo, family, phrase)
