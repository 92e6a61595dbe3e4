# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stood stay where they stand on a rig of other proportions, and hands that met meet again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .contacts import SIDES, Sole, eased, raised_toes, runs, soles, steps, turn
from .limbs import bent, longest
from .skeleton import Rest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# s in which a correction comes and goes, and the most (of the leg) by which the hips sink so that a foot reaches.
_EASE, _DROP = 0.3, 0.12
# m that a standing foot of the source may stray before that is a step, or a slide, of its own.
_WANDER = 0.02
# m between the wrists of the source: nearer than the first they keep their distance, beyond the second they are free.
_MEET = (0.14, 0.3)


class Target(Protocol):
    """What is asked of the rig: `retarget` has it."""

    floor: float

    def place(self, role: str) -> Array: ...

    def has(self, *roles: str) -> bool: ...


@dataclass(frozen=True)
class Legs:
    """`points` (T, 2, 3, 3) m: of the left and the right sole the heel, the ball and the tip, over the floor at y = 0 ·
    `pinned` (T, 2, 2), where heel and ball were held."""

    points: Array
    pinned: Mask

    def slide(self, fps: float) -> float:
        """m/s: the fastest that a point that is held moves over the floor; 0 where none is."""
        if len(self.points) < 2:
            return 0.0
        speed = np.linalg.norm(np.diff(self.points[:, :, :2, [0, 2]], axis=0), axis=-1) * fps
        held = self.pinned[1:] & self.pinned[:-1]
        return float(speed[held].max(initial=0.0))

    @property
    def depth(self) -> float:
        """m by which the soles go below the floor at worst."""
        return float(max(0.0, -self.points[..., 1].min(initial=0.0)))


def kept_feet(
    target: Target,
    rest: Rest,
    turns: dict[str, Array],
    pelvis: Array,
    source: tuple[Array, Array],
    contact: Mask,
    scale: float,
    fps: float,
    plant: bool,
) -> tuple[Array, Legs]:
    """The pelvis' way (T, 3) m, lowered where a leg would not reach, and the soles; `turns` of the legs are changed.

    Args:
        turns: D (T, 3, 3) by role.
        source: positions and rotations of the source's joints, on `rest`.
        contact: (T, 4) of the source.
    """
    up = np.array([0.0, 1.0, 0.0])
    legs = []
    for side, sole, stands in zip(SIDES, soles(rest), contact.reshape(-1, 2, 2).transpose(1, 0, 2), strict=True):
        foot = _Foot(target, rest, side, scale)
        hip = pelvis + turn(turns["pelvis"], target.place(foot.hip) - target.place("pelvis"))
        upper, lower = turn(turns[foot.hip], foot.thigh), turn(turns[foot.knee], foot.shin)
        ankle, pinned = hip + upper + lower, np.zeros((len(pelvis), 2), bool)
        if plant:
            seen = _source_points(rest, source, side, sole)
            wanted, pinned = _planted(foot, turns[foot.ankle], ankle, stands, seen, fps)
        legs.append(_Leg(foot, hip, upper, lower, wanted if plant else ankle, pinned))
    if plant:
        pelvis = pelvis + _settled(legs, turns, fps)
    points, held = [], []
    for leg in legs:
        foot, upper, lower = leg.foot, leg.upper, leg.lower
        if plant:
            u, v = _directions(upper, lower)
            hinge = turns[foot.hip][:, :, 0]
            first, second = bent(leg.hip, u, v, foot.lengths, hinge, leg.ankle)
            turns[foot.hip], turns[foot.knee] = first @ turns[foot.hip], second @ turns[foot.knee]
            upper, lower = turn(turns[foot.hip], foot.thigh), turn(turns[foot.knee], foot.shin)
        ankle = leg.hip + upper + lower
        toes = turns.get(foot.toes, turns[foot.ankle])
        joint = ankle + turn(turns[foot.ankle], foot.joint)
        if plant and foot.toes in turns:
            turns[foot.toes] = toes = raised_toes(toes, turns[foot.ankle], joint - target.floor * up, foot.tip)
        sole = [ankle + turn(turns[foot.ankle], foot.heel), ankle + turn(turns[foot.ankle], foot.ball)]
        points.append(np.stack([*sole, joint + turn(toes, foot.tip)], axis=1) - target.floor * up)
        held.append(leg.pinned)
    return pelvis, Legs(np.stack(points, axis=1), np.stack(held, axis=1))


class _Foot:
    """One leg of the rig at rest, m: `heel`, `ball` and the toes' `joint` from the ankle, `tip` from that joint."""

    def __init__(self, target: Target, rest: Rest, side: str, scale: float) -> None:
        self.hip, self.knee, self.ankle, self.toes = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot"))
        ankle = target.place(self.ankle)
        self.thigh = target.place(self.knee) - target.place(self.hip)
        self.shin = ankle - target.place(self.knee)
        self.lengths = float(np.linalg.norm(self.thigh)), float(np.linalg.norm(self.shin))
        down = np.array([0, target.floor - ankle[1], 0])
        if target.has(self.toes):
            self.joint = target.place(self.toes) - ankle
        else:
            own = [rest.joints[rest.skeleton.index(role)] for role in (self.ankle, self.toes)]
            self.joint = scale * (own[1] - own[0])
        along = self.joint * [1, 0, 1]
        # As `contacts.soles` has it of the model's own feet.
        self.heel, self.ball = down - 0.4 * along, down + along
        self.tip = 0.55 * along + [0, target.floor - ankle[1] - self.joint[1], 0]
        self.floor = target.floor


@dataclass
class _Leg:
    """A leg in time: `hip`, `upper`, `lower` (T, 3) m as they came, and the `ankle` (T, 3) m where it is to be."""

    foot: _Foot
    hip: Array
    upper: Array
    lower: Array
    ankle: Array
    pinned: Mask


def _settled(legs: list[_Leg], turns: dict[str, Array], fps: float) -> Array:
    """(T, 3) m by which the pelvis gives way to the planted feet, so that the legs keep their directions.

    A straight leg that has to be a hundredth shorter would bend by 16°. Of what both feet ask for, that of the
    straighter leg counts more. The hips sink further where a leg would not reach. `hip` and `ankle` of the legs are
    moved along.
    """
    up = np.array([0.0, 1.0, 0.0])
    window = 2 * round(0.1 * fps) + 1
    shares = [np.clip(_smooth_over(leg.pinned.any(1).astype(float), window), 0, 1)[:, None] for leg in legs]
    asked = [leg.ankle - (leg.hip + leg.upper + leg.lower) for leg in legs]
    # The straighter leg has less to give.
    bends = [np.linalg.norm(np.cross(*_directions(leg.upper, leg.lower)), axis=-1, keepdims=True) for leg in legs]
    weights = [share / (0.1 + bend) for share, bend in zip(shares, bends, strict=True)]
    mean = sum(weight * ask for weight, ask in zip(weights, asked, strict=True)) / np.maximum(sum(weights), 1e-9)
    shift = mean * np.minimum(sum(shares), 1.0)
    drop = np.zeros(len(shift))
    for leg, share in zip(legs, shares, strict=True):
        leg.ankle = leg.ankle + (1 - share) * shift
        leg.ankle = leg.ankle + _raise(leg.foot, turns[leg.foot.ankle], leg.ankle)[:, None] * up
        leg.hip = leg.hip + shift
        reach = longest(*_directions(leg.upper, leg.lower), leg.foot.lengths)
        way = leg.ankle - leg.hip
        flat = np.linalg.norm(way[:, [0, 2]], axis=-1)
        short = -way[:, 1] - np.sqrt(np.maximum(reach**2 - flat**2, 0))
        drop = np.maximum(drop, np.where(leg.pinned.any(1), np.clip(short, 0, _DROP * sum(leg.foot.lengths)), 0))
    sunk = shift - _smooth_over(drop, window)[:, None] * up
    for leg in legs:
        leg.hip = leg.hip + (sunk - shift)
    return sunk


def _source_points(rest: Rest, source: tuple[Array, Array], side: str, sole: Sole) -> Array:
    """(T, 2, 3) m: heel and ball of the source."""
    positions, turned = source
    ankle = rest.skeleton.index(f"{side}_ankle")
    return np.stack([positions[:, ankle] + turn(turned[:, ankle], point) for point in (sole.heel, sole.ball)], axis=1)


def _directions(upper: Array, lower: Array) -> tuple[Array, Array]:
    return (
        upper / np.linalg.norm(upper, axis=-1, keepdims=True),
        lower / np.linalg.norm(lower, axis=-1, keepdims=True),
    )


def _planted(foot: _Foot, turned: Array, ankle: Array, stands: Mask, source: Array, fps: float) -> tuple[Array, Mask]:
    """Ankle (T, 3) m such that standing feet stand still, and which of heel and ball (T, 2) is held.

    A foot is held by its ball wherever that stands, else by its heel.
    """
    arms = [turn(turned, foot.heel), turn(turned, foot.ball)]
    masks = [steps(stands[:, k].copy(), source[:, k] * [1, 0, 1], fps, _WANDER) for k in (0, 1)]
    ball, heel = masks[1], masks[0] & ~masks[1]
    wanted, pinned = ankle.copy(), np.stack([heel, ball], axis=1)
    for span in runs(ball):
        points = ankle[span] + arms[1][span]
        wanted[span] = np.median(points, axis=0) * [1, 0, 1] + [0, foot.floor, 0] - arms[1][span]
    for span in runs(heel):
        # The heel is set down where it will lie when the ball comes down too, or lay before that rose.
        if span.stop < len(ball) and ball[span.stop]:
            anchor = wanted[span.stop] + arms[0][span.stop]
        elif span.start > 0 and ball[span.start - 1]:
            anchor = wanted[span.start - 1] + arms[0][span.start - 1]
        else:
            anchor = np.median(ankle[span] + arms[0][span], axis=0)
        wanted[span] = anchor * [1, 0, 1] + [0, foot.floor, 0] - arms[0][span]
    return ankle + eased(wanted - ankle, ball | heel, fps, _EASE), pinned


def _raise(foot: _Foot, turned: Array, ankle: Array) -> Array:
    """(T,) m by which a foot has to be lifted out of the floor."""
    lowest = np.minimum(*(ankle[:, 1] + turn(turned, point)[:, 1] for point in (foot.heel, foot.ball)))
    return np.maximum(0.0, foot.floor - lowest)


def _smooth_over(values: Array, window: int) -> Array:
    """(T,): smooth, and nowhere less than `values`."""
    if not values.any():
        return values
    half = window - 1
    padded = np.pad(values, half, mode="edge")
    values = np.lib.stride_tricks.sliding_window_view(padded, 2 * window - 1).max(axis=1)
    for _ in range(2):
        padded = np.pad(values, window // 2, mode="edge")
        values = np.lib.stride_tricks.sliding_window_view(padded, window).mean(axis=1)
    return values


def kept_hands(
    target: Target, rest: Rest, turns: dict[str, Array], pelvis: Array, positions: Array, scale: float
) -> None:
    """Let wrists that come near each other keep their distance; `turns` of the arms are changed."""
    index = rest.skeleton.index
    apart = positions[:, index("left_wrist")] - positions[:, index("right_wrist")]
    far = np.linalg.norm(apart, axis=-1)
    share = np.clip((_MEET[1] - far) / (_MEET[1] - _MEET[0]), 0, 1)
    share = (share * share * (3 - 2 * share))[:, None]
    arms = []
    for side in SIDES:
        roles = [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist")]
        start = _carried(target, turns, pelvis, roles[0])
        bones = [target.place(roles[1]) - target.place(roles[0]), target.place(roles[2]) - target.place(roles[1])]
        upper, lower = turn(turns[roles[0]], bones[0]), turn(turns[roles[1]], bones[1])
        lengths = float(np.linalg.norm(bones[0])), float(np.linalg.norm(bones[1]))
        arms.append((roles, start, upper, lower, lengths))
    ends = [start + upper + lower for _, start, upper, lower, _ in arms]
    middle = (ends[0] + ends[1]) / 2
    for (roles, start, upper, lower, lengths), end, sense in zip(arms, ends, (0.5, -0.5), strict=True):
        wanted = end + share * (middle + sense * scale * apart - end)
        u, v = _directions(upper, lower)
        # An elbow bends about the upright axis of the arm in the T-pose.
        hinge = turns[roles[0]][:, :, 1] * (-1.0 if sense > 0 else 1.0)
        first, second = bent(start, u, v, lengths, hinge, wanted)
        turns[roles[0]], turns[roles[1]] = first @ turns[roles[0]], second @ turns[roles[1]]


def _carried(target: Target, turns: dict[str, Array], pelvis: Array, role: str) -> Array:
    """(T, 3) m: where the bones from the pelvis up to a shoulder put it."""
    side = role.split("_")[0]
    chain = [joint for joint in ("pelvis", "spine1", "spine2", "spine3", f"{side}_collar") if joint in turns]
    place = pelvis
    for joint, following in zip(chain, [*chain[1:], role], strict=True):
        place = place + turn(turns[joint], target.place(following) - target.place(joint))
    return place
