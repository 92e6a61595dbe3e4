# SPDX-License-Identifier: GPL-3.0-or-later
"""A pianist: fingering by dynamic programming, then arms and fingers that arrive as the note sounds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..motion import Motion
from ..skeleton import Rest
from .body import Body, slowed, turned_by
from .hand import Hand
from .notes import Note, checked, chords, effort_of, held_path, smoothly

Array = NDArray[np.float64]

SIDES = ("left", "right")
# m. A white key is 23.5 mm wide; a finger strikes 45 mm behind the front edge, on a black key 50 mm further back.
KEY_WIDTH = 0.0235
KEY_HEIGHT = 0.735
BLACK_HEIGHT, BLACK_DEPTH = 0.012, 0.05
KEY_DIP = 0.009
LOWEST, HIGHEST = 21, 108
# Thumb and little finger are shorter and strike nearer to the edge.
SHORTER = np.array([0.024, 0.004, -0.002, 0.004, 0.034])
_WHITE = (0, 0.5, 1, 1.5, 2, 3, 3.5, 4, 4.5, 5, 5.5, 6)  # place of each pitch class, in white keys from C
_IS_BLACK = np.array([x != int(x) for x in _WHITE])


@dataclass(frozen=True)
class Grip:
    """One way to lie on the notes of one moment: hand at (x, z) m, and which finger (0 the thumb) takes which note."""

    x: float
    z: float
    fingers: tuple[int, ...]
    strain: float


def white_keys(pitch: NDArray[np.integer] | int) -> Array:
    """Place along the keyboard in white keys, 0 at the lowest C of MIDI; black keys lie at halves."""
    pitch = np.asarray(pitch)
    return 7.0 * (pitch // 12) + np.array(_WHITE)[pitch % 12]


class Piano:
    """A keyboard before a seated body. x runs to the player's left, so low notes lie at high x."""

    def __init__(self, rest: Rest) -> None:
        joints, index = rest.joints, rest.skeleton.index
        # The thighs lie level, the shins stand.
        shin = joints[index("left_knee"), 1] - rest.floor
        self.pelvis = np.array([0.0, shin + 0.03 + joints[0, 1] - joints[index("left_hip"), 1], 0.0])
        shoulder = joints[index("left_shoulder")] - joints[0]
        forearm = np.linalg.norm(joints[index("left_wrist")] - joints[index("left_elbow")])
        self.strike = float(shoulder[2] + 0.13 + forearm + 0.14)
        self.front = self.strike - 0.045

    def key(self, pitch: NDArray[np.integer] | int) -> Array:
        """(…, 3) m: where a finger strikes."""
        pitch = np.asarray(pitch)
        black = _IS_BLACK[pitch % 12]
        x = (white_keys(64) + 0.5 - white_keys(pitch)) * KEY_WIDTH
        return np.stack([x, KEY_HEIGHT + BLACK_HEIGHT * black, self.strike + BLACK_DEPTH * black], -1)


def hands_of(notes: Sequence[Note]) -> list[Note]:
    """The notes, each with a hand: those that have none go to the side on which they lie at their moment."""
    given = []
    split = 60.0
    for _, group in itertools.groupby(sorted(notes, key=lambda n: (n.start, n.pitch)), key=lambda n: round(n.start, 2)):
        together = list(group)
        pitches = [note.pitch for note in together]
        if len(together) > 1 and max(pitches) - min(pitches) > 12:
            gaps = np.diff(pitches)
            split = pitches[int(gaps.argmax())] + gaps.max() / 2
        for note in together:
            hand = note.hand or ("left" if note.pitch < split else "right")
            given.append(Note(note.start, note.seconds, note.pitch, note.velocity, hand))
    return given


def _grips(piano: Piano, pitches: list[int], sign: float) -> list[Grip]:
    """All ways to take these keys (in the order of the fingers from the thumb outward); `sign` 1 for the left hand."""
    places = piano.key(np.array(pitches))
    found = []
    for fingers in itertools.combinations(range(5), len(pitches)):
        # The middle finger lies over the hand's place; one white key from finger to finger.
        offsets = sign * (np.array(fingers) - 2) * KEY_WIDTH
        x = float((places[:, 0] - offsets).mean())
        stretch = (np.abs(places[:, 0] - offsets - x) / KEY_WIDTH).sum()
        thumb_on_black = sum(_IS_BLACK[p % 12] for p, f in zip(pitches, fingers, strict=True) if f == 0)
        weak = 0.15 * sum(f in (3, 4) for f in fingers)
        z = float((places[:, 2] - piano.strike).mean()) * 0.7
        found.append(Grip(x, z, fingers, stretch + 0.6 * thumb_on_black + weak))
    return found


def _fingering(groups: list[list[Grip]]) -> list[Grip]:
    """The cheapest sequence of grips: little way for the hand, little strain (Viterbi)."""
    costs = np.array([grip.strain for grip in groups[0]])
    back: list[NDArray[np.int64]] = []
    for before, after in itertools.pairwise(groups):
        way = np.abs(np.subtract.outer([g.x for g in after], [g.x for g in before])) / KEY_WIDTH
        same = np.array([[0.5 * bool(set(a.fingers) & set(b.fingers)) * (way[i, j] > 0.5) for j, b in enumerate(before)]
                         for i, a in enumerate(after)])  # fmt: skip
        total = costs + way + same
        back.append(total.argmin(1))
        costs = total.min(1) + [grip.strain for grip in after]
    best = [int(costs.argmin())]
    for choice in reversed(back):
        best.append(int(choice[best[-1]]))
    return [group[i] for group, i in zip(groups, reversed(best), strict=True)]


def _piano_hand(piano: Piano, notes: list[Note], side: str, times: Array) -> tuple[Array, Array]:
    """Places of one hand (T, 3) m and of its fingertips (T, 5, 3) m in the world."""
    sign = 1.0 if side == "left" else -1.0
    groups = chords(notes)
    outward = [sorted(group, key=lambda n: n.pitch, reverse=side == "left") for group in groups]
    grips = _fingering([_grips(piano, [n.pitch for n in group], sign) for group in outward])
    starts = np.array([group[0].start for group in groups])
    ends = np.array([max(n.start + n.seconds for n in group) for group in groups])
    following = np.append(starts[1:], np.inf)
    # The hand leaves when its notes end, and in time to arrive.
    leave = np.minimum(np.maximum(np.minimum(ends, following - 0.12), starts), np.maximum(following - 0.05, starts))
    ahead = 0.03  # s before the note the hand lies
    hand = held_path(starts - ahead, leave - ahead, np.array([(g.x, g.z) for g in grips]), times)
    force = np.array([np.mean([n.velocity for n in group]) for group in groups])
    lift = np.zeros(len(times))
    for start, before, strength in zip(starts, np.insert(leave[:-1], 0, starts[0] - 0.4), force, strict=True):
        gap = start - before
        if gap > 0.08:
            share = np.clip((times - before) / gap, 0, 1)
            lift += (0.01 + 0.03 * strength) * min(1.0, gap / 0.3) * np.sin(np.pi * share) ** 2
    tips = np.empty((len(times), 5, 3))
    for finger in range(5):
        x = hand[:, 0] + sign * (finger - 2) * KEY_WIDTH
        z = piano.strike + hand[:, 1] - SHORTER[finger]
        own = np.stack([x, np.full(len(times), KEY_HEIGHT + 0.016), z], -1)
        own[:, 1] += lift
        for group, grip in zip(outward, grips, strict=True):
            for note, used in zip(group, grip.fingers, strict=True):
                if used == finger:
                    # Down within 60 ms, on the key at the note's start; let go at its end.
                    hold = max(note.seconds - 0.04, 0.05)
                    near = smoothly((times - note.start + 0.12) / 0.09) * smoothly(
                        (note.start + hold + 0.09 - times) / 0.09
                    )
                    pressed = smoothly((times - note.start + 0.03) / 0.04) * smoothly(
                        (note.start + hold - times) / 0.06
                    )
                    place = piano.key(note.pitch) - [0, 0, SHORTER[finger]]
                    own += near[:, None] * (place + np.array([0, 0.006, 0]) - own)
                    own[:, 1] += pressed * (place[1] - KEY_DIP - own[:, 1])
        tips[:, finger] = own
    place = np.stack([hand[:, 0], np.full(len(times), KEY_HEIGHT) + lift, piano.strike + hand[:, 1]], -1)
    return place, tips


def play_piano(notes: Sequence[Note], rest: Rest, fps: float = 30.0, seconds: float | None = None) -> Motion:
    """A pianist on a bench, the keyboard of `Piano(rest)` in front.

    Raises:
        InputError: no note, a pitch that a piano lacks, or a skeleton without fingers.
    """
    notes = checked(notes, LOWEST, HIGHEST)
    seconds = seconds or max(n.start + n.seconds for n in notes) + 1.0
    times = np.arange(max(2, round(seconds * fps))) / fps
    piano, body = Piano(rest), Body(rest, len(times))
    given = hands_of(notes)
    places, tips = {}, {}
    for side in SIDES:
        own = [note for note in given if note.hand == side]
        # A hand without notes waits over the keys.
        resting = [Note(0.0, seconds, 48 if side == "left" else 72, 0.0)]
        places[side], tips[side] = _piano_hand(piano, own or resting, side, times)
    centre = slowed((places["left"][:, 0] + places["right"][:, 0]) / 2, fps, 0.8)
    effort = slowed(effort_of(notes, times), fps, 0.5)
    breath = 0.012 * np.sin(2 * np.pi * times / 3.9)
    seat(body)
    body.trunk(0.14 + 0.10 * effort + breath, 0.25 * centre, -0.45 * centre, 0.42 + 0.06 * effort, 0.8 * centre)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _lay_hand(body, Hand(rest, side), places[side], tips[side], sign)
    return body.motion(fps)


def seat(body: Body) -> None:
    """Put the body on the bench, the feet on the floor."""
    rest = body.rest
    body.pelvis[:] = Piano(rest).pelvis
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip = rest.joints[body.at(f"{side}_hip")] - rest.joints[0]
        thigh = np.linalg.norm(body.between(f"{side}_hip", f"{side}_knee"))
        ankle = rest.joints[body.at(f"{side}_ankle"), 1] - rest.floor
        body.leg(side, np.array([hip[0] + 0.03 * sign, ankle, hip[2] + thigh]), np.array([0.1 * sign, 1.0, 0.6]))


def _lay_hand(body: Body, hand: Hand, place: Array, tips: Array, sign: float) -> None:
    """A pianist's arm: the wrist behind the hand's place, turned a little outward where the hand lies far out."""
    shoulder = body.place(f"{hand.side}_shoulder")
    far = (place[:, 0] - shoulder[:, 0]) * 0.5
    zero = np.zeros_like(far)
    turned = turned_by(zero - 0.05, far, zero) @ turned_by(zero, zero - sign * np.pi / 2, zero)
    # Behind and above the keys so that the fingers are well bent, however long they are.
    length = np.linalg.norm(hand.points[2, 3])
    wrist = place + length * np.array([0.0, 0.2, -0.76])
    local = (np.swapaxes(turned, -1, -2)[:, None] @ (tips - wrist[:, None])[..., None])[..., 0]
    fingers = hand.turns(hand.reach(local))[0]
    body.arm(hand.side, wrist, turned, np.array([0.75 * sign, -1.0, -0.25]), fingers)
