# SPDX-License-Identifier: GPL-3.0-or-later
"""One leg of a rig in time: where it stands, and what it costs to put its foot elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .contacts import runs, steps, turn, unit
from .limbs import bent_directions
from .skeleton import Rest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FLAT = np.array([1.0, 0, 1])
# m that a standing foot of the source may stray before that is a step, or a slide, of its own, and how near it is to
# where it stood while it is still said to stand there; m/s, slower than which it stands wherever it is.
_WANDER, _NEAR, _SLOW, _LANDED = 0.02, 0.004, 0.1, 0.01
# Of the heights of a foot while it is said to touch the floor the percentile at which it does.
_LOW = 10
# The most (rad) by which a foot that stands on its ball tilts, and the height (of its length) of a heel that is free.
_TILT, _FREE = np.radians(2.5), 0.3
# In lengths of the leg. Squared, added to what 1 rad moves it: a straight leg can be shortened, though not by linear
# terms · what it costs (rad) not to arrive · the step by which slopes are taken, and the least squared slope.
_STRAIGHT, _MISS, _STEP, _LEAST = 5e-4, 15.0, 1e-3, 6e-3


class Target(Protocol):
    """What is asked of the rig: `retarget` has it."""

    floor: float

    def place(self, role: str) -> Array: ...

    def has(self, *roles: str) -> bool: ...


class Foot:
    """One leg of the rig at rest, m: `heel`, `ball` and the toes' `joint` from the ankle, `tip` from that joint.

    `size` m is the length of thigh and shin.
    """

    def __init__(self, target: Target, rest: Rest, side: str, scale: float) -> None:
        self.hip, self.knee, self.ankle, self.toes = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot"))
        ankle = target.place(self.ankle)
        self.thigh = target.place(self.knee) - target.place(self.hip)
        self.shin = ankle - target.place(self.knee)
        self.lengths = float(np.linalg.norm(self.thigh)), float(np.linalg.norm(self.shin))
        self.size = sum(self.lengths)
        down = np.array([0, target.floor - ankle[1], 0])
        if target.has(self.toes):
            self.joint = target.place(self.toes) - ankle
        else:
            own = [rest.joints[rest.skeleton.index(role)] for role in (self.ankle, self.toes)]
            self.joint = scale * (own[1] - own[0])
        along = self.joint * _FLAT
        # As `contacts.soles` has it of the model's own feet.
        self.heel, self.ball = down - 0.4 * along, down + along
        self.tip = 0.55 * along + [0, target.floor - ankle[1] - self.joint[1], 0]
        self.floor = target.floor


def _held(stands: Mask, path: Array, fps: float) -> Mask:
    """Where a foot that `stands` (T,) keeps to a place: what it stands on goes along `path` (T, 3) m."""
    held = np.append(steps(stands, path, fps, _WANDER), [False, False])
    # Next to a step the foot may still lie where it stood, and between two steps for a moment.
    slow = np.linalg.norm(np.diff(path, axis=0), axis=-1) < _SLOW / fps
    for span in runs(stands & (np.append(slow, False) | np.append(False, slow))):
        if not held[max(0, span.start - 1) : span.stop + 1].any() and span.stop - span.start > 1:
            held[span] = True
    for span in runs(held):
        for edge, step in ((span.start, -1), (span.stop - 1, 1)):
            at = edge + step
            # Two stances that came to touch would be one.
            while 0 <= at < len(stands) and stands[at] and not held[at] and not held[at + step]:
                if np.linalg.norm(path[at] - path[edge]) > _NEAR:
                    break
                held[at] = True
                at += step
    # A foot that comes quickly from a centimetre off has not landed yet, and has lifted when it goes.
    for span in runs(held):
        off = np.linalg.norm(path[span] - np.median(path[span], axis=0), axis=-1) > _LANDED
        calm = np.append(slow, [True])[span] & np.append([True], slow)[span]
        there = np.flatnonzero(~off | calm)
        first, last = (there[0], there[-1]) if len(there) else (span.stop - span.start, -1)
        held[span.start : span.start + first] = held[span.start + last + 1 : span.stop] = False
    return held[:-2]


@dataclass(frozen=True)
class Stance:
    """A stretch in which one foot stands: in `frames` the point on which it stands lies `way` (n, 3) m from its place.

    The place is a point of the floor, y = 0; heights are in the way. A foot that rolls from heel to ball stands on the
    one, then on the other.
    """

    frames: slice
    way: Array


class Leg:
    """A leg in time, as the source's directions have it, and where its foot stands.

    `hip`, `ankle` (T, 3) m · `upper`, `lower` (T, 3), where thigh and shin point · `arms` (T, 2, 3) m, from the ankle
    to heel and ball · `height` (T,) m of the lower of them over the floor · `stances`, and `pinned` (T, 2), whether
    heel or ball is held in them: the ball wherever it stands.
    """

    def __init__(
        self, foot: Foot, turns: dict[str, Array], hip: Array, stands: Mask, source: Array, fps: float, exact: Mask
    ) -> None:
        """`turns` D (T, 3, 3) by role; of the source whether heel and ball `stands` (T, 2), and both (T, 2, 3) m.

        `exact` (T,) where the pose is kept as it is, so that a foot that it lifts does not stand.
        """
        self.foot, self.hip = foot, hip
        upper, lower = turn(turns[foot.hip], foot.thigh), turn(turns[foot.knee], foot.shin)
        self.ankle = hip + upper + lower
        self.upper, self.lower = unit(upper), unit(lower)
        # Knees bend, and feet tilt, about the axis that lies across the body in the T-pose.
        self.hinge, self.side = turns[foot.hip][:, :, 0], turns[foot.ankle][:, :, 0]
        self.arms = np.stack([turn(turns[foot.ankle], point) for point in (foot.heel, foot.ball)], axis=1)
        self.height = self.ankle[:, 1] + self.arms[:, :, 1].min(1) - foot.floor
        lifted = exact & (self.height > _LANDED)
        self.stances, self.pinned = self._stood(stands & ~lifted[:, None], source, fps)
        pivot = self.pivots()
        high = (self.arms[:, 0, 1] - self.arms[:, 1, 1]) / (_FREE * np.linalg.norm(foot.ball - foot.heel))
        high = np.clip(high, 0, 1)
        self._free = (self.pinned[:, 1] * high * high * (3 - 2 * high))[:, None]
        self._lever = np.cross(self.side, pivot), np.cross(self.side, np.cross(self.side, pivot))
        self._share = np.einsum("ti,tij->tj", self._free * self._lever[0], self.cost())

    def _stood(self, stands: Mask, source: Array, fps: float) -> tuple[list[Stance], Mask]:
        """The stances, and what is pinned.

        From heel to ball a foot rolls without slipping: the heel is set down where it will lie when the ball comes down
        too. Where the source slips, one stance ends and another begins.
        """
        both = np.append(False, stands[1:, 1] & stands[:-1, 1])[:, None]

        def rolled(points: Array) -> Array:
            """(T, 3): how far the point on which the foot turns has come over the floor, of points (T, 2, 3)."""
            by = np.diff(points, axis=0, prepend=points[:1])
            return np.asarray(np.cumsum(np.where(both, by[:, 1], by[:, 0]), axis=0) * _FLAT, float)

        # A foot that is lifted a little and set down again where it was has stood twice.
        path = rolled(source) + source.min(1) * [0, 1, 0]
        touches = stands.any(1)
        for span in runs(touches):
            touches[span] = path[span, 1] < np.percentile(path[span, 1], _LOW) + _LANDED
        held = _held(touches, path, fps)
        pinned = np.stack([held & ~stands[:, 1], held & stands[:, 1]], axis=1)
        pivot = np.where(pinned[:, :1], self.arms[:, 0], self.arms[:, 1])
        way = pivot * _FLAT - rolled(self.arms)
        way[:, 1] = self.foot.floor + pivot[:, 1] - self.arms[:, :, 1].min(1)
        return [Stance(span, way[span] - way[span.start] * _FLAT) for span in runs(held)], pinned

    def pivots(self) -> Array:
        """(T, 3) m from the ankle to the point on which the foot stands: the heel where that is held, else the ball."""
        return np.asarray(np.where(self.pinned[:, :1], self.arms[:, 0], self.arms[:, 1]), float)

    def cost(self) -> Array:
        """(T, 3, 3): what moving the point on which it stands costs at the least, in squared turns, rad² a m².

        With thigh a u, shin b v and a foot that may tilt about c it goes by a δu + b δv + c δ, and δu, δv are square to
        u, v.
        """
        still = np.eye(3)
        reach = _STRAIGHT * self.foot.size**2 * still
        for length, line in zip(self.foot.lengths, (self.upper, self.lower), strict=True):
            reach = reach + length**2 * (still - line[:, :, None] * line[:, None, :])
        lever = self._free * self._lever[0]
        return np.linalg.inv(reach + lever[:, :, None] * lever[:, None, :])

    def tilts(self, moved: Array) -> Array:
        """(T,) rad: what the foot does of moving the point on which it stands by `moved` (T, 3) m."""
        return _TILT * np.tanh((self._share * moved).sum(-1) / _TILT)

    def tilted(self, tilts: Array) -> Array:
        """(T, 3) m: by how much the ankle goes when the foot tilts about the point on which it stands."""
        return -np.sin(tilts)[:, None] * self._lever[0] - (1 - np.cos(tilts))[:, None] * self._lever[1]

    def off(self, moved: Array) -> Array:
        """(T, 10) rad: by how much thigh (3), shin (3) and foot turn when the point on which it stands is `moved`
        (T, 3) m, and the part (3) of the way by which that fails, at `_MISS`."""
        tilts = self.tilts(moved)
        way = self.ankle + moved + self.tilted(tilts) - self.hip
        upper, lower = bent_directions(way, self.upper, self.lower, self.foot.lengths, self.hinge)
        missed = way - self.foot.lengths[0] * upper - self.foot.lengths[1] * lower
        return np.concatenate(
            [upper - self.upper, lower - self.lower, tilts[:, None], _MISS / self.foot.size * missed], axis=1
        )

    def near(self, moved: Array) -> tuple[Array, Array, Array]:
        """The squares of `off` near `moved`: (T, 3, 3) rad² a m² and (T, 3) m where they are least; (T,) rad, the most
        that a bone turns."""
        here = self.off(moved)
        size = _STEP * self.foot.size
        slope = np.stack([(self.off(moved + size * axis) - here) / size for axis in np.eye(3)], axis=2)
        cost = slope.swapaxes(1, 2) @ slope + _LEAST / self.foot.size**2 * np.eye(3)
        least = moved - np.linalg.solve(cost, np.einsum("tki,tk->ti", slope, here)[..., None])[..., 0]
        parts = (here[:, :3], here[:, 3:6], here[:, 6:7])
        return cost, least, np.max([np.linalg.norm(part, axis=1) for part in parts], axis=0)
