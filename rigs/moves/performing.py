# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves placed on the beats of a piece of music, and the motion that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..motion import Motion
from ..skeleton import Rest
from . import feet
from .arms import POSES, STYLINGS
from .body import Channels, pose
from .curves import Clock, held, softened, through
from .feet import Landing
from .move import BODY, HOME, TURN_OUT, Move, Phrase, Step

Array = NDArray[np.float64]

_SAMPLES = 120.0  # a second, at least, at which curves are read and softened
_GRAVITY = 9.81
# Who leads and who follows, in seconds: the hips a little before the beat, head and hands after it.
_LAG = {"side": -0.03, "fwd": -0.03, "twist": -0.03, "hike": -0.02, "tuck": -0.02, "slide": 0.0, "nod": 0.03,
        "look": 0.02, "cock": 0.04, "path_x": 0.0, "path_z": 0.0, "heading": 0.0}  # fmt: skip
_STILL = {"sink": 0.022}
_EXACT = ("path_x", "path_z", "heading")
_ARM_LAG = 0.02
_ON_THE_BODY = ("hip", "head", "shoulder", "tuck")


@dataclass(frozen=True)
class Placed:
    """A move from `beat` of the music on, a whole number.

    `mirrored` the first step is the right foot's · `amplitude` size of steps, hips and arms · `energy` 0..1 bounce and
    sharpness · `travel` scale of the way over the floor, 0 in place · `heading` rad of extra turn to the left, spread
    over the move · `arms` a key of STYLINGS in place of the move's own arms.
    """

    move: str
    beat: float
    mirrored: bool = False
    amplitude: float = 1.0
    energy: float = 0.5
    travel: float = 1.0
    heading: float = 0.0
    arms: str | None = None


@dataclass(frozen=True)
class Performance:
    """`motion` · `contacts` (T, 4) bool: left heel, left toe, right heel, right toe stand on the floor · `beat` (T,) of
    each frame, counted from the music's first."""

    motion: Motion
    contacts: NDArray[np.bool_]
    beat: Array


class _Score:
    """Keys of all channels of a whole dance."""

    def __init__(self, start: tuple[float, float, float]) -> None:
        self.x, self.z, self.heading = start
        self.keys: dict[str, dict[float, tuple[Any, float]]] = {}  # channel -> beat -> (value, snap)
        self.steps: list[tuple[Step, Placed]] = []
        self.weight: dict[float, float] = {}
        self.jumps: list[tuple[float, float]] = []
        self._curves: dict[str, tuple[Array, Array]] = {}

    def key(self, channel: str, beat: float, value: Any, snap: float = 0.0) -> None:
        self.keys.setdefault(channel, {})[beat] = (value, snap)

    def add(self, phrase: Phrase, placed: Placed, last: float) -> None:
        """A phrase, from which all that lies at `last` or later is left out."""
        at, size, energy = placed.beat, placed.amplitude, placed.energy
        length = min(float(phrase.beats), last - at)
        snap = float(np.clip(phrase.snap + 0.3 * (energy - 0.5), 0, 0.9))
        lively = size * (0.8 + 0.4 * energy)
        for channel in BODY:
            keys = {beat: v for beat, v in phrase.body.get(channel, {}).items() if beat < length}
            if channel in _EXACT:
                continue
            still = 0.0 if channel != "sink" else _STILL["sink"]
            full = {0.0: 0.0, **keys}
            if not keys:
                full[max(length - 1, 0.0)] = 0.0
            for beat, value in full.items():
                self.key(channel, at + beat, still + value * lively, snap)
        self._path(phrase, placed, length)
        for name, value in (
            ("bounce", phrase.bounce * size * (0.4 + 1.2 * energy)),
            ("bounce2", phrase.bounce2 * size * (0.4 + 1.2 * energy)),
            ("lift", phrase.lift * size * (0.4 + 1.2 * energy)),
            ("cuban", phrase.cuban * size),
            ("swing", phrase.swing * size),
            ("spot", float(phrase.spot)),
        ):
            for beat in (0.0, max(length - 1, 0.0)):
                self.key(name, at + beat, value)
        self._arms(phrase, placed, length, 0.7 * snap)
        self.steps += [(replace(s, beat=at + s.beat), placed) for s in phrase.steps if s.beat < length]
        self.weight.update({at + beat: share for beat, share in phrase.weight.items() if beat < length})
        self.jumps += [(at + off, at + down) for off, down in phrase.jumps if down < length]

    def _path(self, phrase: Phrase, placed: Placed, length: float) -> None:
        """The way over the floor and the heading, in the world; where they end, the next move begins."""
        along = placed.travel * placed.amplitude
        own = {channel: {0.0: 0.0, **phrase.body.get(channel, {})} for channel in _EXACT}
        inside = {channel: {b: v for b, v in keys.items() if b < length} for channel, keys in own.items()}
        tail = max(length - 1, 0.0)
        extra = lambda beat: placed.heading * min(1.0, (beat + 0.5) / max(length - 0.5, 0.5))  # noqa: E731
        turned = (
            {**{b: 0.0 for b in np.arange(0.0, length, 1.0)}, **inside["heading"]}
            if placed.heading
            else inside["heading"]
        )
        times, values = np.array(sorted(inside["heading"].items())).T
        for beat in {*turned, tail}:
            value = float(through(times, values[:, None], np.array([beat]))[0, 0])
            self.key("heading", placed.beat + beat, self.heading + value + extra(beat))
        c, s = np.cos(self.heading), np.sin(self.heading)
        knots = sorted({*inside["path_x"], *inside["path_z"], tail})
        way = []
        for channel in ("path_x", "path_z"):
            times, values = np.array(sorted(inside[channel].items())).T
            way.append(through(times, values[:, None], np.array(knots))[:, 0] * along)
        for beat, x, z in zip(knots, *way, strict=True):
            self.key("path_x", placed.beat + beat, self.x + c * x + s * z)
            self.key("path_z", placed.beat + beat, self.z - s * x + c * z)
        end_x, end_z = way[0][-1], way[1][-1]
        self.x, self.z = self.x + c * end_x + s * end_z, self.z - s * end_x + c * end_z
        self.heading += inside["heading"][max(inside["heading"])] + placed.heading

    def _arms(self, phrase: Phrase, placed: Placed, length: float, snap: float) -> None:
        keys = dict(phrase.arms) or {0.0: "bent"}
        if placed.arms is not None:
            period, pattern = STYLINGS[placed.arms]
            pattern = {b: p if isinstance(p, str) or not placed.mirrored else (p[1], p[0]) for b, p in pattern.items()}
            keys = {b + k * period: p for k in range(phrase.beats // period + 1) for b, p in pattern.items()}
        keys = {beat: v for beat, v in keys.items() if beat < length}
        if 0.0 not in keys:
            keys[0.0] = keys[min(keys)] if keys else "bent"
        for beat, poses in keys.items():
            pair = (poses, poses) if isinstance(poses, str) else poses
            for side, one in zip(("left", "right"), pair, strict=True):
                self.key(f"arm_{side}", placed.beat + beat, _arm_row(one, placed.amplitude), snap)

    def curve(self, channel: str, beat: Array) -> Array:
        """(T, D) of a channel; the score must be complete."""
        if channel not in self._curves:
            keys = self.keys[channel]
            times = np.array(sorted(keys))
            values = np.array([np.atleast_1d(keys[t][0]) for t in times], float)
            self._curves[channel] = held(times, values, np.array([keys[t][1] for t in times]))
        return through(*self._curves[channel], beat)


def _arm_row(name: str, amplitude: float) -> Array:
    """Hand 3, elbow 3, palm, wrist; the gesture taken smaller or larger from hanging arms."""
    this, hang = POSES[name], POSES["loose"]
    hand, base = np.array(this.hand), np.array(hang.hand)
    # Where hands meet, or lie on the body, size would part them.
    size = 1.0 if this.hand[0] < 0 or name in _ON_THE_BODY else min(amplitude, 1.2)
    moved = base + (hand - base) * size
    return np.array([*moved, *this.elbow, this.palm, this.wrist])


def _check(placed: Sequence[Placed], moves: Mapping[str, Move]) -> list[Placed]:
    for one in placed:
        if one.move not in moves:
            raise InputError(f"There is no move {one.move!r}; choose one of {', '.join(moves)}.")
        if one.arms is not None and one.arms not in STYLINGS:
            raise InputError(f"There is no arm styling {one.arms!r}; choose one of {', '.join(STYLINGS)}.")
    return sorted(placed, key=lambda one: one.beat)


def _idle(beats: float) -> Phrase:
    """Standing at ease for any length: feet brought home, weight from one leg to the other."""
    steps = (Step(0.0, "left", HOME), Step(1.0, "right", -HOME)) if beats >= 2 else ()
    sway = {float(b): 0.68 if (b // 4) % 2 else 0.32 for b in range(2, max(int(beats) - 1, 2), 4)}
    look = {float(b): 0.12 * (-1) ** (b // 8) for b in range(0, max(int(beats) - 1, 1), 8)}
    return Phrase(
        max(1, int(np.ceil(beats))), steps, {"look": look}, {0.0: "hang"}, sway, bounce=0.006, cuban=0.1, swing=0.0,
        snap=0.0,
    )  # fmt: skip


def _written(placed: list[Placed], moves: Mapping[str, Move], first: float, last: float, start) -> _Score:
    score = _Score(start)
    at = float(np.floor(first)) - 2.0
    for k, one in enumerate([*placed, None]):
        begin = one.beat if one else last
        if begin > at + 1e-6:
            score.add(_idle(begin - at), Placed("", at), begin)
        if one is None:
            break
        phrase = moves[one.move].phrase
        until = placed[k + 1].beat if k + 1 < len(placed) else np.inf
        score.add(phrase.mirrored() if one.mirrored else phrase, one, until)
        at = min(one.beat + phrase.beats, until)
    return score


def _landings(
    score: _Score, start: tuple[float, float, float], first: float, beats_a_second: Callable[[float], float]
) -> dict[str, list[Landing]]:
    """The steps in the world, by foot; each list begins with where the foot stands at the start."""
    beats = np.array([step.beat for step, _ in score.steps])
    path = np.concatenate([score.curve(channel, beats) for channel in _EXACT], axis=1)
    first = min([first, *beats]) - 4
    result: dict[str, list[Landing]] = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        c, s = np.cos(start[2]), np.sin(start[2])
        home = (start[0] + c * sign * HOME, start[1] - s * sign * HOME)
        result[side] = [
            Landing(first, home, start[2] + sign * TURN_OUT, 1.0, 0.0, 0.0, None, 0.16, False, False, 1.0, first - 0.4)
        ]
    for (step, placed), (x, z, heading) in zip(score.steps, path, strict=True):
        sign = 1.0 if step.foot == "left" else -1.0
        size = placed.amplitude
        dx, dz = sign * HOME + (step.x - sign * HOME) * size, step.z * size
        c, s = np.cos(heading), np.sin(heading)
        place = (x + c * dx + s * dz, z - s * dx + c * dz)
        if step.pivot:
            place = result[step.foot][-1].place
        spare = 0.9 + 0.2 * placed.energy
        result[step.foot].append(
            Landing(step.beat, place, heading + sign * step.turn, step.weight, step.lift * (0.6 + 0.4 * size) * spare,
                    step.pitch, step.air, step.roll, step.slide, step.pivot, (0.5 + 0.5 * size) * spare)
        )  # fmt: skip
    for landings in result.values():
        landings.sort(key=lambda landing: landing.beat)
        for k in range(len(landings) - 1, 0, -1):  # of two steps on one beat the later written counts
            if landings[k].beat - landings[k - 1].beat < 0.1:
                del landings[k - 1]
    for side, other in (("left", "right"), ("right", "left")):
        _set_down(result[side], result[other], score, 1.0 if side == "left" else -1.0)
    feet.timed(result["left"], result["right"], beats_a_second)
    for side in result:
        result[side] = _pivoting(result[side], score)
    feet.kept_apart(result["left"], result["right"])
    return result


def _set_down(landings: list[Landing], others: list[Landing], score: _Score, sign: float) -> None:
    """A foot that is left in the air comes down, beside the other, before that one steps."""
    beats = np.array([other.beat for other in others])
    for k in range(len(landings) - 1, 0, -1):
        landing = landings[k]
        until = landings[k + 1].beat if k + 1 < len(landings) else np.inf
        following = int(np.searchsorted(beats, landing.beat + 0.01, side="right"))
        if not landing.lift or following == len(others) or others[following].air is not None:
            continue
        if others[following].beat < until - 0.01:
            beat = landing.beat + 0.55 * (others[following].beat - landing.beat)
            x, z, heading = (float(score.curve(channel, np.array([beat]))[0, 0]) for channel in _EXACT)
            place = (x + np.cos(heading) * sign * HOME, z - np.sin(heading) * sign * HOME)
            yaw = heading + sign * TURN_OUT
            landings.insert(k + 1, replace(landing, beat=beat, place=place, yaw=yaw, lift=0.0, pitch=0.0, weight=1.0))


def _pivoting(landings: list[Landing], score: _Score) -> list[Landing]:
    """Feet that stand while the body turns away by more than the hip allows turn along on their balls."""
    begins = np.array([landing.beat for landing in landings])
    ends = np.maximum(np.array([landing.off for landing in landings[1:]] + [begins[-1]]), begins)
    turns = score.curve("heading", ends)[:, 0] - score.curve("heading", begins)[:, 0]
    return [
        replace(landing, pivoted=(float(last), float(turn - 0.3 * np.sign(turn))))
        if landing.lift == 0 and last > landing.beat + 0.1 and abs(turn) > 0.55
        else landing
        for landing, last, turn in zip(landings, ends, turns, strict=True)
    ]


def _airborne(jumps: list[tuple[float, float]], beat: Array, pace: Array) -> tuple[Array, Array]:
    """(T,) m by which the hips, and the feet, are thrown up: a parabola, with the knees giving before and after.

    `pace` (T,) beats a second.
    """
    hips, feet_up = np.zeros_like(beat), np.zeros_like(beat)
    for k, (off, down) in enumerate(jumps):
        bps = float(np.interp(off, beat, pace))
        air = (down - off) / bps
        before = (off - jumps[k - 1][1]) / bps if k else 9.0
        after = (jumps[k + 1][0] - down) / bps if k + 1 < len(jumps) else 9.0
        crouch = float(np.clip(0.5 * min(before, after), 0.08, 0.32))
        speed = min(_GRAVITY * air / 2, 2.1)
        first, leave, land, last = np.searchsorted(beat, [off - crouch * bps, off, down, down + crouch * bps])
        u = (beat[leave:land] - off) / (down - off)
        rise = speed * air * u * (1 - u)
        hips[leave:land] += rise
        feet_up[leave:land] += rise
        # Seconds before the take-off and after the landing, in parts of the crouch.
        for part, apart in (
            (slice(first, leave), off - beat[first:leave]),
            (slice(land, last), beat[land:last] - down),
        ):
            v = apart / bps / crouch
            hips[part] -= speed * crouch * (v * (1 - v) ** 3 + 0.96 * v * v * (1 - v) ** 2)
    return hips, feet_up


def _bounced(beat: Array, energy_depth: Array, per_beat: float) -> Array:
    """(T,) 0..1 times depth: lowest on the beat, falling faster than it rises."""
    phase = 2 * np.pi * per_beat * beat
    return energy_depth * (0.5 + 0.5 * np.cos(phase - 0.3 * np.sin(phase)))


def perform_on(
    placed: Sequence[Placed],
    beat: ArrayLike,
    rest: Rest,
    fps: float,
    moves: Mapping[str, Move],
    start: tuple[float, float, float] = (0.0, 0.0, 0.0),
    hit: float = 0.0,
) -> Performance:
    """As `perform`, for frames of which the beat is known: `beat` (T,), rising.

    hit: 0..0.9, how much slower than evenly the body's time runs on the beats, and faster between them: so movements
        are hit and held where the music is. Feet land on their beats anyway and keep their own time.
    """
    beat = np.asarray(beat, float)
    chosen = _check(placed, moves)
    more = max(1, int(np.ceil(_SAMPLES / fps)))
    frames = np.arange(len(beat))
    fine = np.interp(np.arange(len(beat) * more) / more, frames, beat)
    if len(beat) > 1:  # the last frame's part goes on at its tempo
        fine[(len(beat) - 1) * more :] = beat[-1] + (beat[-1] - beat[-2]) * np.arange(more) / more
    else:
        fine[:] = beat[0]
    rate = fps * more
    pace = np.maximum(np.gradient(fine) * rate if len(fine) > 1 else np.ones(1), 0.2)  # beats a second

    held_time = fine - hit / (2 * np.pi) * np.sin(2 * np.pi * fine)

    def beats_a_second(at: float) -> float:
        return float(np.interp(at, fine, pace))

    score = _written(chosen, moves, float(fine[0]), float(fine[-1]) + 4, start)
    landings = _landings(score, start, float(np.floor(fine[0])) - 2, beats_a_second)

    def curve(channel: str, lag: float = 0.0, soft: float = 0.03) -> Array:
        return softened(score.curve(channel, held_time - lag * pace), soft * rate)[::more]

    keys = feet.weight_keys(landings["left"], landings["right"])
    for at, share in score.weight.items():
        for near in [k for k in keys if abs(k - at) < 0.2]:
            del keys[near]
        keys[at] = share
    keys = {float(fine[0]) - 3: 0.5, **keys}
    times = np.array(sorted(keys))
    weight = through(times, np.array([keys[t] for t in times])[:, None], held_time)
    weight = softened(weight, 0.03 * rate)[::more, 0]

    hips_up, feet_up = _airborne(sorted(score.jumps), fine, pace)
    tracks = {}
    for side, other in (("left", "right"), ("right", "left")):
        heel, turn = (curve(channel)[:, 0] for channel in (f"heel_{side}", "heading"))
        foot = feet.track(landings[side], landings[other], fine[::more], heel, turn)
        foot.height = foot.height + np.where(foot.down, 0.0, feet_up[::more])
        tracks[side] = foot

    body = {channel: curve(channel, _LAG.get(channel, 0.0))[:, 0] for channel in BODY}
    now = fine[::more]
    bounce = _bounced(now, curve("bounce")[:, 0], 1.0) + _bounced(now, curve("bounce2")[:, 0], 2.0)
    lift = curve("lift")[:, 0]
    bounce += lift - _bounced(now, lift, 1.0)
    body["sink"] = body["sink"] + bounce
    # What nobody writes down: breath, the head that nods a little with the knees, shoulders that give.
    breath = np.sin(2 * np.pi * 0.27 * np.arange(len(beat)) / fps)
    late = softened(np.asarray(bounce)[:, None], 0.05 * fps)[:, 0]
    body["bow"] = body["bow"] + 0.012 * breath + 0.9 * bounce
    body["nod"] = body["nod"] + 1.3 * late - 0.02
    for side in ("left", "right"):
        body[f"shrug_{side}"] = body[f"shrug_{side}"] + 0.015 * breath

    arms = {}
    left, right = tracks["left"].place, tracks["right"].place
    forward = np.stack([np.sin(body["heading"]), np.cos(body["heading"])], axis=1)
    stride = np.tanh(((left - right) * forward).sum(1) * 3.0) * curve("swing")[:, 0]
    stance = (2 * weight - 1) * curve("swing")[:, 0]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rows = curve(f"arm_{side}", _ARM_LAG, 0.035).copy()
        # Arms hang on a body that moves: against the legs, and a little behind its bounce.
        rows[:, 2] -= sign * (0.28 * stride + 0.10 * stance)
        rows[:, 1] += 0.10 * np.abs(stride) - 0.9 * late
        rows[:, 0] += 0.3 * late
        arms[side] = rows
    channels = Channels(
        body, weight, hips_up[::more], tracks["left"], tracks["right"], arms["left"], arms["right"],
        curve("cuban")[:, 0], curve("spot")[:, 0],
    )  # fmt: skip
    poses, trans = pose(channels, rest, fps)
    stands = [mask for side in ("left", "right") for mask in feet.contacts(tracks[side])]
    motion = Motion(poses, trans, float(fps), rest.skeleton.name)
    return Performance(motion, np.stack(stands, axis=1), beat)


def perform(
    placed: Sequence[Placed],
    beats: ArrayLike,
    rest: Rest,
    fps: float,
    moves: Mapping[str, Move],
    start: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Performance:
    """Dance `placed` to music whose beats come at `beats` (B >= 2,) s, from time 0 to the last of them.

    Where no move is placed the dancer stands at ease; a move that runs into the next one is cut short.

    Args:
        rest: the body, on any skeleton with SMPL's body joints. fps: frames a second.
        start: x, z m and heading rad at first.

    Raises:
        InputError: an unknown move or styling, or fewer than two beats.
    """
    times = np.asarray(beats, float)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise InputError("A dance needs at least two beats, in rising order.")
    frames = np.arange(max(1, round(float(times[-1]) * fps)))
    return perform_on(placed, Clock(times).beat(frames / fps), rest, fps, moves, start)
