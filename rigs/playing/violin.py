# SPDX-License-Identifier: GPL-3.0-or-later
"""A violinist: which string, which finger, and the bow's way."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..motion import Motion
from ..rotation import matrix_from_axis_angle
from ..skeleton import Rest
from .body import Body, slowed
from .hand import Hand
from .notes import Note, checked, chords, effort_of, held_path, smoothly

Array = NDArray[np.float64]
_UP = np.array([0.0, 1.0, 0.0])
# Violin, m and MIDI pitches: G D A E.
STRINGS = (55, 62, 69, 76)
STRING_LENGTH = 0.325
_AT_BRIDGE, _AT_NUT = 0.0113, 0.0055  # distance between neighbouring strings
BOW = 0.65


class Violin:
    """A violin in the frame of the chest (spine3), whose origin is that joint: `bridge` m, and the axes of the strings.

    `along` points from the bridge to the nut, `across` from the G to the E string, `normal` away from the body.
    """

    def __init__(self, rest: Rest) -> None:
        joints, index = rest.joints, rest.skeleton.index
        shoulder = joints[index("left_shoulder")] - joints[index("spine3")]
        self.along = np.array([0.62, -0.06, 0.78])
        self.along /= np.linalg.norm(self.along)
        # Tilted towards the E string, so that the bow arm need not rise.
        side = np.cross(_UP, -self.along)
        side /= np.linalg.norm(side)
        flat = np.cross(self.along, -side)
        flat *= np.sign(flat[1])
        self.normal = flat * np.cos(0.45) + side * np.sin(0.45)
        self.across = side * np.cos(0.45) - flat * np.sin(0.45)
        end = shoulder + np.array([-0.035, 0.085, 0.045])
        self.end = end
        self.bridge = end + 0.195 * self.along + 0.03 * self.normal

    def string(self, string: NDArray[np.number] | float, share: NDArray[np.floating] | float) -> Array:
        """(…, 3) m: a point on a string, `share` of the way from the bridge to the nut."""
        string, share = np.asarray(string), np.asarray(share, float)
        aside = (string - 1.5) * (_AT_BRIDGE + (_AT_NUT - _AT_BRIDGE) * share)
        # The bridge is an arch.
        height = -0.0022 * (string - 1.5) ** 2 * (1 - 0.6 * share)
        return (
            self.bridge
            + self.along * (share * STRING_LENGTH)[..., None]
            + self.across * aside[..., None]
            + self.normal * height[..., None]
        )

    def stop(self, pitch: int, string: int) -> Array:
        """(3,) m: where a finger stops the string for this pitch; a semitone shortens it by a twelfth root of two."""
        return self.string(string, 2.0 ** (-(pitch - STRINGS[string]) / 12.0))


# Semitones from the place of the hand that each finger stops, from the index finger on.
_STOPS = ((-1, 0), (1, 2), (3, 4), (4, 5))
_HIGHEST_STOP = 24


def _violin_fingering(notes: list[Note]) -> tuple[NDArray[np.int64], Array, NDArray[np.int64]]:
    """Per note its string, the place of the hand (semitones from the nut) and the finger, 0 for an open string."""
    candidates = []
    for note in notes:
        found = []
        for string, open_pitch in enumerate(STRINGS):
            above = note.pitch - open_pitch
            if above == 0:
                found.append((string, np.nan, 0, 0.3))
            for finger, stops in enumerate(_STOPS, start=1):
                for stop in stops:
                    place = above - stop
                    if 1 <= place <= _HIGHEST_STOP and 0 < above <= _HIGHEST_STOP:
                        found.append((string, float(place), finger, 0.15 * (place - 2) + 0.1 * (finger == 4)))
        candidates.append(found)
    # An open string leaves the hand where it was; the search carries its place along.
    states = [[(c[1] if c[1] == c[1] else 2.0) for c in candidates[0]]]
    costs = np.array([c[3] for c in candidates[0]])
    back = []
    for before, after in itertools.pairwise(candidates):
        places = np.array([[p if c[1] != c[1] else c[1] for p in states[-1]] for c in after])
        shift = np.abs(places - np.array(states[-1]))
        change = np.abs(np.subtract.outer([c[0] for c in after], [c[0] for c in before]))
        total = costs + 0.7 * shift + 0.25 * change
        best = total.argmin(1)
        back.append(best)
        costs = total.min(1) + [c[3] for c in after]
        states.append([float(places[i, j]) for i, j in enumerate(best)])
    chosen = [int(costs.argmin())]
    for best in reversed(back):
        chosen.append(int(best[chosen[-1]]))
    chosen.reverse()
    picked = [group[i] for group, i in zip(candidates, chosen, strict=True)]
    places = [state[i] for state, i in zip(states, chosen, strict=True)]
    return np.array([c[0] for c in picked]), np.array(places), np.array([c[2] for c in picked])


def play_violin(notes: Sequence[Note], rest: Rest, fps: float = 30.0, seconds: float | None = None) -> Motion:
    """A standing violinist. Of notes that begin together the highest is played.

    Raises:
        InputError: no note, a pitch that a violin lacks, or a skeleton without fingers.
    """
    notes = [group[-1] for group in chords(checked(notes, STRINGS[0], STRINGS[-1] + _HIGHEST_STOP))]
    seconds = seconds or max(n.start + n.seconds for n in notes) + 1.0
    times = np.arange(max(2, round(seconds * fps))) / fps
    violin, body = Violin(rest), Body(rest, len(times))
    strings, places, fingers = _violin_fingering(notes)
    starts = np.array([note.start for note in notes])
    ends = np.minimum([n.start + n.seconds for n in notes], np.append(starts[1:], np.inf))

    effort = slowed(effort_of(notes, times), fps, 0.6)
    sway = 0.05 * np.sin(2 * np.pi * times / 5.3) * (0.4 + effort)
    zero = np.zeros(len(times))
    stand(body)
    body.pelvis[:, 0] += 0.02 * np.sin(2 * np.pi * times / 5.3)
    body.trunk(0.03 + 0.05 * effort, zero + 0.06, sway, zero + 0.2, zero + 0.75)
    plant(body)
    _stop_strings(body, violin, (strings, places, fingers), notes, (starts, ends), times)
    _draw_bow(body, violin, strings, notes, (starts, ends), times)
    return body.motion(fps)


def stand(body: Body) -> None:
    """Stand upright."""
    body.pelvis[:] = [0.0, body.rest.joints[0, 1] - body.rest.floor - 0.012, 0.0]


def plant(body: Body) -> None:
    """Keep the feet where they stand, wherever the hips go."""
    rest = body.rest
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ankle = rest.joints[body.at(f"{side}_ankle")] - [0, rest.floor, 0] - rest.joints[0] * [1, 0, 1]
        body.leg(side, ankle, np.array([0.12 * sign, 0.0, 1.0]))


def _stop_strings(
    body: Body,
    violin: Violin,
    fingering: tuple[NDArray[np.int64], Array, NDArray[np.int64]],
    notes: list[Note],
    spans: tuple[Array, Array],
    times: Array,
) -> None:
    """The left hand: its place follows the positions, its fingers stop the strings."""
    strings, places, fingers = fingering
    starts, ends = spans
    leave = np.maximum(starts, np.append(starts[1:], np.inf) - 0.15)
    place = held_path(starts - 0.03, leave - 0.03, places[:, None], times)[:, 0]
    share = 2.0 ** (-place / 12.0)
    # The fingers stand up from below the neck on the E string's side and bend over the strings, the index to the nut.
    frame = np.stack([violin.normal, violin.across, violin.along], axis=-1) @ matrix_from_axis_angle(
        np.array([0.0, -0.06, 0.14])
    )
    hand = Hand(body.rest, "left")
    knuckle = hand.points[1, 0]
    at = violin.string(1.5, share) + violin.across * 0.030 - violin.normal * 0.020
    wrist = at - frame @ knuckle
    tips = np.empty((len(times), 5, 3))
    for row in range(5):
        finger = row  # 1 is the index finger
        ahead = 2.0 ** (-(place + _STOPS[max(row, 1) - 1][1]) / 12.0)
        tips[:, row] = violin.string(1.5 + 0.5, ahead) + violin.normal * 0.016
        for string, used, note, start, end in zip(strings, fingers, notes, starts, ends, strict=True):
            if used == finger and used > 0:
                near = smoothly((times - start + 0.09) / 0.06) * smoothly((end + 0.06 - times) / 0.08)
                tips[:, row] += near[:, None] * (violin.stop(note.pitch, int(string)) - tips[:, row])
    # The thumb lies on the other side of the neck.
    tips[:, 0] = violin.string(0.0, share) - violin.normal * 0.02 - violin.across * 0.014 + violin.along * 0.012
    stop_arm(body, hand, wrist, np.broadcast_to(frame, (len(times), 3, 3)), tips)


def stop_arm(body: Body, hand: Hand, wrist: Array, frame: Array, tips: Array) -> None:
    """Set the left arm: `wrist` (T, 3) m, its `frame` (T, 3, 3), fingertips (T, 5, 3) m; all as the chest sees them."""
    local = (np.swapaxes(frame, -1, -2)[:, None] @ (tips - wrist[:, None])[..., None])[..., 0]
    chest = body.world[:, body.at("spine3")]
    place = body.place("spine3") + (chest @ wrist[..., None])[..., 0]
    body.arm("left", place, chest @ frame, np.array([-0.15, -1.0, 0.1]), hand.turns(hand.reach(local))[0])


def bow_strokes(starts: Array, ends: Array, velocities: Array, times: Array) -> Array:
    """(T,) m of hair between frog and string: down and up in turn, as far as a note is long and loud."""
    lengths = np.clip((0.12 + 0.28 * velocities) * np.minimum(1.0, (ends - starts) / 0.6 + 0.2), 0.04, 0.42)
    from_frog = np.empty(len(starts) + 1)
    from_frog[0], direction = 0.10, 1.0
    for i, length in enumerate(lengths):
        if not 0.06 <= from_frog[i] + direction * length <= 0.52:
            length = (0.52 - from_frog[i]) if direction > 0 else (from_frog[i] - 0.06)
        from_frog[i + 1] = from_frog[i] + direction * length
        direction = -direction
    knots = np.ravel(np.column_stack([starts, ends]))
    return np.interp(times, knots, np.ravel(np.column_stack([from_frog[:-1], from_frog[1:]])))


def _draw_bow(
    body: Body,
    violin: Violin,
    strings: NDArray[np.int64],
    notes: list[Note],
    spans: tuple[Array, Array],
    times: Array,
) -> None:
    """The right hand: down and up in turn, as far as the note is long and loud; the bow tilts with the string."""
    starts, ends = spans
    way = bow_strokes(starts, ends, np.array([note.velocity for note in notes]), times)
    string = held_path(starts - 0.04, np.maximum(starts, np.append(starts[1:], np.inf) - 0.1) - 0.04,
                   strings[:, None].astype(float), times)[:, 0]  # fmt: skip
    sounding = np.max([smoothly((times - s + 0.05) / 0.05) * smoothly((e + 0.08 - times) / 0.08)
                       for s, e in zip(starts, ends, strict=True)], axis=0)  # fmt: skip
    off = 0.03 * (1 - slowed(sounding, (len(times) - 1) / (times[-1] - times[0]), 0.25))
    bow_arm(body, violin, string, way, off)


# The bow turns by this much from string to string, rad; it meets them this share of the way from bridge to nut.
_BOW_TURN, BOW_CONTACT = 0.30, 0.11
FROG = 0.02  # m the hand holds the bow behind the hair's end


def bow_line(violin: Violin, string: Array) -> tuple[Array, Array]:
    """(T, 3) m where the bow meets a string (T,), which may lie between two, and (T, 3) its way towards the frog."""
    angle = _BOW_TURN * (string - 1.5)[:, None]
    return violin.string(string, np.full(len(string), BOW_CONTACT)), (
        violin.across * np.cos(angle) - violin.normal * np.sin(angle)
    )


def bow_grip(hand: Hand, frames: int) -> tuple[Array, Array]:
    """The fingers (T, 5, 3, 3, 3) of the hand on the bow, and where in the wrist's frame it holds the stick, (T, 3) m.

    The stick lies between thumb and middle finger; in the wrist's frame it runs along +Z, from frog to tip.
    """
    grip = hand.curved(frames)
    grip[:, 1:, 1:] = [0.75, 0.75]
    grip[:, 4, 1:] = [0.55, 0.6]
    grip[:, 0] = [0.6, 0.5, 0.7]
    local, tips = hand.turns(grip)
    return local, (tips[:, 2] + tips[:, 0]) / 2


def bow_arm(body: Body, violin: Violin, string: Array, way: Array, off: Array) -> None:
    """Set the right arm: the bow on `string` (T,) 0..3, its frog `way` (T,) m from there, lifted `off` (T,) m."""
    hand = Hand(body.rest, "right")
    contact, across = bow_line(violin, string)
    frog = contact + across * (way + FROG)[:, None] + violin.normal * off[:, None]
    # The bow's tip points the other way; the back of the hand looks up.
    tip = -across
    up = np.broadcast_to(violin.normal, tip.shape) - tip * (tip @ violin.normal)[:, None]
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    side = np.cross(up, tip)
    frame = np.stack([side, up, tip], axis=-1) @ matrix_from_axis_angle(np.array([0.0, 0.0, 0.5]))
    local, held = bow_grip(hand, len(way))
    wrist = frog - (frame @ held[..., None])[..., 0]
    chest = body.world[:, body.at("spine3")]
    place = body.place("spine3") + (chest @ wrist[..., None])[..., 0]
    body.arm("right", place, chest @ frame, np.array([-1.0, -0.45, -0.2]), local)
