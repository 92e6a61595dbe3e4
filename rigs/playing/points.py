# SPDX-License-Identifier: GPL-3.0-or-later
"""Key points of a musician, and the way back: from points that a network guessed to a body whose hands are on the
instrument."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..motion import Motion
from ..skeleton import Rest
from .body import Body, slowed
from .hand import FINGERS, Hand
from .notes import smoothly
from .piano import BLACK_DEPTH, HIGHEST, KEY_DIP, KEY_HEIGHT, LOWEST, SHORTER, SIDES, Piano, seat, white_keys
from .violin import FROG, STRINGS, Violin, bow_arm, bow_line, bow_strokes, plant, stand, stop_arm

Array = NDArray[np.float64]

INSTRUMENTS = ("piano", "violin")
# As pose estimators name them: eight points of the upper body, relative to the pelvis …
BODY = ("nose", "neck", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist")
# … and per hand the knuckles and the tips of five fingers, relative to the wrist.
HAND = 2 * len(FINGERS)


def points_of(motion: Motion, rest: Rest) -> tuple[Array, Array, Array]:
    """(T, 8, 3), (T, 10, 3) and (T, 10, 3) m: body, left and right hand. For skeletons with fingers and eyes."""
    positions, turned = rest.forward(motion.poses, motion.trans)
    index = rest.skeleton.index
    nose = (positions[:, index("left_eye")] + positions[:, index("right_eye")]) / 2
    body = np.stack([nose, *(positions[:, index(name)] for name in BODY[1:])], axis=1)
    hands = []
    for side in SIDES:
        knuckles = [positions[:, index(f"{side}_{finger}1")] for finger in FINGERS]
        tips = []
        for finger in FINGERS:
            last, before = index(f"{side}_{finger}3"), index(f"{side}_{finger}2")
            bone = 0.95 * (rest.joints[last] - rest.joints[before])
            tips.append(positions[:, last] + turned[:, last] @ bone)
        hands.append(np.stack([*knuckles, *tips], axis=1) - positions[:, None, index(f"{side}_wrist")])
    return body - positions[:, None, 0], hands[0], hands[1]


def body_from_points(
    points: tuple[Array, Array, Array],
    rest: Rest,
    fps: float,
    instrument: str,
    onsets: Sequence[float] = (),
    tilt: Array | None = None,
) -> Motion:
    """A musician who moves as the points say, brought onto the instrument.

    Fingers that come near a key or string at an onset are laid on it, the others stay off. The bow's hand is laid on
    the line through the contact point, and its strokes go down and up in turn from onset to onset. What the points
    leave open (legs, spine's share) is the instrument's posture.

    Args:
        points: as `points_of`, of a body of about this size.
        onsets: times s at which notes begin.
        tilt: (T,) rad added to the sway of the trunk.

    Raises:
        InputError: an unknown instrument, or a skeleton without fingers.
    """
    if instrument not in INSTRUMENTS:
        raise InputError(f"Nobody plays the {instrument} here; choose {' or '.join(INSTRUMENTS)}.")
    upper, *hands = points
    body = Body(rest, len(upper))
    if instrument == "piano":
        seat(body)
    else:
        stand(body)
    _bend_trunk(body, upper, np.zeros(len(upper)) if tilt is None else tilt)
    if instrument == "violin":
        plant(body)
    frames = np.clip(np.round(np.asarray(onsets, float) * fps).astype(int), 0, len(upper) - 1)
    if instrument == "piano":
        _press_keys(body, upper, hands, frames, fps)
    else:
        _hold_violin(body, upper, hands, frames, fps)
    return body.motion(fps)


def _bend_trunk(body: Body, upper: Array, extra: Array) -> None:
    """Spine and head from neck, shoulders and nose."""
    rest = body.rest
    neck = upper[:, 1]
    upright = rest.joints[body.at("neck")] - rest.joints[0]
    # The spine bends from its base to its top, so its end is turned further than the line to it.
    share = 1.6
    bow = share * (np.arctan2(neck[:, 2], neck[:, 1]) - np.arctan2(upright[2], upright[1]))
    sway = -share * np.arctan2(neck[:, 0], neck[:, 1])
    shoulders = upper[:, 2] - upper[:, 3]
    turn = -np.arctan2(shoulders[:, 2], shoulders[:, 0])
    eyes = (rest.joints[body.at("left_eye")] + rest.joints[body.at("right_eye")]) / 2 - rest.joints[body.at("neck")]
    face = upper[:, 0] - neck
    look = np.arctan2(face[:, 0], face[:, 2])
    forward = np.hypot(face[:, 0], face[:, 2])
    nod = np.arctan2(eyes[1], eyes[2]) - np.arctan2(face[:, 1], forward)
    body.trunk(bow, turn, sway + extra, nod, look)


def _wrist_frame(hand: Hand, knuckles: Array) -> Array:
    """(T, 3, 3): the turn of the wrist that brings its knuckles (T, 5, 3) m nearest (Kabsch 1976)."""
    # The thumb's base moves on its own.
    covariance = np.swapaxes(knuckles[:, 1:], -1, -2) @ hand.points[1:, 0]
    left, _, right = np.linalg.svd(covariance)
    sign = np.linalg.det(left @ right)
    left[..., -1] *= sign[:, None]
    turned: Array = np.matmul(left, right)
    return turned


def _press_keys(body: Body, upper: Array, hands: list[Array], onsets: NDArray[np.int64], fps: float) -> None:
    piano = Piano(body.rest)
    shift = piano.pelvis
    times = np.arange(len(upper)) / fps
    tips = np.stack(
        [points[:, 5:] + upper[:, None, BODY.index(f"{side}_wrist")] for side, points in zip(SIDES, hands, strict=True)]
    ) + shift  # fmt: skip
    surface = tips[..., 1] - KEY_HEIGHT
    wished = tips.copy()
    wished[..., 1] = np.maximum(tips[..., 1], KEY_HEIGHT + 0.004)
    for number, frame in enumerate(onsets):
        now = surface[:, frame]
        # The lowest finger sounds, and with it all that have gone down about as far.
        down = np.argwhere(now <= min(float(now.min()) + 0.004, 0.008)) if now.min() < 0.008 else []
        if len(down) == 0:
            down = [np.unravel_index(int(now.argmin()), now.shape)]
        following = onsets[number + 1] if number + 1 < len(onsets) else frame + round(0.5 * fps)
        end = times[frame] + min(max((following - frame) / fps - 0.06, 0.06), 0.6)
        for side, finger in down:
            tip = tips[side, frame, finger]
            place = _nearest_key(piano, tip, int(finger))
            near = smoothly((times - times[frame] + 0.13) / 0.10) * smoothly((end + 0.10 - times) / 0.10)
            pressed = smoothly((times - times[frame] + 0.045) / 0.04) * smoothly((end - times) / 0.06)
            own = wished[side, :, finger]
            own += near[:, None] * (place + np.array([0, 0.006, 0]) - own)
            own[:, 1] += pressed * (place[1] - KEY_DIP - own[:, 1])
    for side, sign, points, tip in zip(SIDES, (1.0, -1.0), hands, wished, strict=True):
        hand = Hand(body.rest, side)
        frame = _wrist_frame(hand, points[:, :5])
        wrist = upper[:, BODY.index(f"{side}_wrist")] + shift
        local = (np.swapaxes(frame, -1, -2)[:, None] @ (tip - wrist[:, None])[..., None])[..., 0]
        body.arm(side, wrist, frame, np.array([0.75 * sign, -1.0, -0.25]), hand.turns(hand.reach(local))[0])


def _nearest_key(piano: Piano, tip: Array, finger: int) -> Array:
    """(3,) m: where that finger strikes the key nearest to its tip; far back a black one."""
    pitches = np.arange(LOWEST, HIGHEST + 1)
    keys = piano.key(pitches)
    depth = tip[2] + SHORTER[finger] - piano.strike
    black = white_keys(pitches) % 1 != 0
    cost = np.abs(keys[:, 0] - tip[0]) + np.where(black == (depth > BLACK_DEPTH / 2), 0.0, 0.02)
    return keys[int(cost.argmin())] - np.array([0, 0, SHORTER[finger]])


def _hold_violin(body: Body, upper: Array, hands: list[Array], onsets: NDArray[np.int64], fps: float) -> None:
    violin = Violin(body.rest)
    chest, origin = body.world[:, body.at("spine3")], body.place("spine3")
    times = np.arange(len(upper)) / fps

    def seen(points: Array) -> Array:
        """(T, K, 3) from the pelvis to the chest's frame."""
        return (np.swapaxes(chest, -1, -2)[:, None] @ (points + body.pelvis[:, None] - origin[:, None])[..., None])[
            ..., 0
        ]

    # The left hand.
    hand = Hand(body.rest, "left")
    at = upper[:, BODY.index("left_wrist")]
    wrist = seen(at[:, None])[:, 0]
    frame = np.swapaxes(chest, -1, -2) @ _wrist_frame(hand, hands[0][:, :5])
    tips = seen(hands[0][:, 5:] + at[:, None])
    wished = tips.copy()
    for number, moment in enumerate(onsets):
        finger, place = _nearest_stop(violin, tips[moment])
        following = onsets[number + 1] if number + 1 < len(onsets) else moment + round(0.5 * fps)
        end = times[moment] + max((following - moment) / fps - 0.05, 0.06)
        near = smoothly((times - times[moment] + 0.10) / 0.07) * smoothly((end + 0.05 - times) / 0.08)
        wished[:, finger] += near[:, None] * (place - wished[:, finger])
    stop_arm(body, hand, wrist, frame, wished)

    # The bow: the line through the contact point that comes nearest to the hand.
    held = (hands[1][:, 5] + hands[1][:, 7]) / 2  # between thumb and middle finger
    grip = seen((held + upper[:, BODY.index("right_wrist")])[:, None])[:, 0]
    strings = np.linspace(0.0, 3.0, 31)
    away = []
    for string in strings:
        contact, across = bow_line(violin, np.full(len(grip), string))
        reach = grip - contact
        away.append(np.linalg.norm(reach - (reach * across).sum(-1, keepdims=True) * across, axis=-1))
    string = slowed(strings[np.argmin(away, axis=0)], fps, 0.2)
    contact, across = bow_line(violin, string)
    way = ((grip - contact) * across).sum(-1) - FROG
    if len(onsets):
        # Whether a stroke goes down or up cannot be heard, so a network keeps to the middle: they go in turn.
        starts = times[onsets]
        ends = np.append(starts[1:], starts[-1] + 0.5) - 0.02
        strokes = bow_strokes(starts, np.maximum(ends, starts + 0.02), np.full(len(starts), 0.6), times)
        way = slowed(way, fps, 1.0) + strokes - slowed(strokes, fps, 1.0)
    way = np.clip(way, 0.03, 0.55)
    bow_arm(body, violin, string, way, np.zeros(len(way)))


def _nearest_stop(violin: Violin, tips: Array) -> tuple[int, Array]:
    """The finger (1 the index) that is nearest to a string, and the stop of the semitone under it, (3,) m."""
    best = (np.inf, 1, violin.bridge)
    for string, open_pitch in enumerate(STRINGS):
        stops = np.stack([violin.stop(open_pitch + above, string) for above in range(1, 25)])
        distance = np.linalg.norm(tips[1:, None] - stops, axis=-1)
        finger, stop = np.unravel_index(int(distance.argmin()), distance.shape)
        if distance[finger, stop] < best[0]:
            best = (float(distance[finger, stop]), int(finger) + 1, stops[stop])
    return best[1], best[2]
