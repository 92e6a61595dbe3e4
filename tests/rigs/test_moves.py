# SPDX-License-Identifier: GPL-3.0-or-later
"""The moves written by hand: every one of them, mirrored or not, slow and fast, small and large."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.feet import sole_points
from avanim.rigs.motion_metrics import hinge_angles, penetration
from avanim.rigs.moves import MOVES, STYLES, STYLINGS, Performance, Placed, perform, perform_on
from avanim.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from avanim.rigs.skeleton import SMPLX55, Rest

REST = Rest.average()
FPS = 60.0
LEAD = 4  # beats before the move


@cache
def danced(name: str, bpm: float, amplitude: float, mirrored: bool = False, travel: float = 1.0) -> Performance:
    """A move danced twice, on the second half of which a test can rely."""
    beats = MOVES[name].beats
    placed = [Placed(name, LEAD + k * beats, mirrored, amplitude, travel=travel) for k in range(2)]
    return perform(placed, np.arange(LEAD + 2 * beats + 3) * 60 / bpm, REST, FPS)


def variants(name: str) -> list[Performance]:
    """Slow and small, slow and large, fast and small, fast and large and mirrored."""
    slow, fast = MOVES[name].tempo
    return [danced(name, slow, 0.7), danced(name, slow, 1.3), danced(name, fast, 0.7), danced(name, fast, 1.3, True)]


def joints(performance: Performance) -> np.ndarray:
    return REST.forward(performance.motion.poses, performance.motion.trans)[0]


def standing_speed(performance: Performance) -> np.ndarray:
    """m/s over the floor of heels and balls while they are said to stand."""
    points = sole_points(performance.motion, REST)[:, :, :2].reshape(-1, 4, 3)
    speed = np.linalg.norm(np.diff(points[..., [0, 2]], axis=0), axis=-1) * FPS
    return speed[performance.contacts[1:] & performance.contacts[:-1]]


def test_there_is_something_for_every_style():
    assert len(MOVES) >= 50
    for style in STYLES:
        assert sum(style in move.styles for move in MOVES.values()) >= 6, style
    for name, move in MOVES.items():
        assert name == move.name and set(move.styles) <= set(STYLES) and move.styles
        assert all(move.beats % metre == 0 for metre in move.metres if metre != 3 or move.metres == (3,))
        assert 40 <= move.tempo[0] < move.tempo[1] <= 215 and 0 <= move.energy <= 1
        assert move.family in ("step", "turn", "arms", "groove", "pose", "idle")
    assert MOVES["spin"].turns and not MOVES["step_touch"].turns
    assert MOVES["jump"].jumps and MOVES["walk"].travel > 1.0 and MOVES["grapevine"].travel < 0.01


@pytest.mark.parametrize("name", MOVES)
def test_feet_stand_still_and_never_under_the_floor(name):
    for performance in variants(name):
        assert penetration(performance.motion, REST).max() < 0.005
        speed = standing_speed(performance)
        assert np.median(speed) < 0.001
        assert np.percentile(speed, 95) < 0.03


@pytest.mark.parametrize("name", MOVES)
def test_what_is_said_to_stand_is_on_the_floor(name):
    for performance in variants(name):
        height = sole_points(performance.motion, REST)[:, :, :2, 1].reshape(-1, 4)
        assert height[performance.contacts].max() < 0.012
        assert performance.contacts.any(axis=1).mean() > 0.45


@pytest.mark.parametrize("name", [name for name, move in MOVES.items() if not any(s.slide for s in move.phrase.steps)])
def test_a_foot_that_swings_clears_the_floor(name):
    for performance in variants(name):
        points = sole_points(performance.motion, REST)
        moving = np.linalg.norm(np.diff(points[:, :, 1, [0, 2]], axis=0), axis=-1) * FPS > 1.0
        aloft = ~performance.contacts.reshape(-1, 2, 2).any(2)
        swings = moving & aloft[1:] & aloft[:-1]
        # The tip of the toes is the last to leave.
        lows = points[1:, :, :2, 1].min(2)[swings]
        assert np.count_nonzero(lows < 0.002) <= 0.05 * lows.size


@pytest.mark.parametrize("name", MOVES)
def test_knees_and_elbows_bend_the_right_way(name):
    for performance in variants(name):
        for joint, angle in hinge_angles(performance.motion, REST).items():
            assert angle.min() > -np.deg2rad(2), joint
            assert angle.max() < np.deg2rad(145), joint


@pytest.mark.parametrize("name", MOVES)
def test_nothing_jerks(name):
    for performance in variants(name):
        turned = matrix_from_axis_angle(performance.motion.poses)
        step = axis_angle_from_matrix(np.swapaxes(turned[:-1], -1, -2) @ turned[1:])
        rate = np.linalg.norm(step, axis=-1) * FPS
        assert rate.max() < 30, REST.skeleton.joints[int(rate.max(axis=0).argmax())]
        speed = np.linalg.norm(np.diff(joints(performance), axis=0), axis=-1) * FPS
        assert speed.max() < 9.5
        assert speed[:, 0].max() < 3.2  # the hips


@pytest.mark.parametrize("name", MOVES)
def test_steps_land_on_their_beat(name):
    """The first contact of a step comes within 15 ms of the beat that the score gives it."""
    move = MOVES[name]
    bpm = float(np.mean(move.tempo))
    performance = danced(name, bpm, 1.0)
    stands = {"left": performance.contacts[:, :2].any(axis=1), "right": performance.contacts[:, 2:].any(axis=1)}
    for step in move.phrase.steps:
        if step.lift or step.pivot or step.beat > move.beats - 0.6:
            continue
        same = [other for other in move.phrase.steps if other.foot == step.foot and abs(other.beat - step.beat) < 0.3]
        at = (LEAD + move.beats + step.beat) * 60 / bpm
        frame = at * FPS
        onsets = np.flatnonzero(~stands[step.foot][:-1] & stands[step.foot][1:]) + 1
        # The frame that first shows a contact is at most one later than the moment itself.
        assert len(same) > 1 or (np.abs(onsets - 0.5 - frame).min() <= 0.5 + 0.015 * FPS), (step, at)


@pytest.mark.parametrize("name", MOVES)
def test_the_mirror_is_exact(name):
    bpm = float(np.mean(MOVES[name].tempo))
    one, other = danced(name, bpm, 1.0), danced(name, bpm, 1.0, True)
    # Before and after, the dancer stands at ease, which has a side of its own.
    late = (one.beat >= LEAD + 2) & (one.beat <= LEAD + 1.5 * MOVES[name].beats)
    mirrored = one.motion.mirrored()
    there = REST.forward(mirrored.poses, mirrored.trans)[0]
    # The average body is not quite symmetric.
    assert np.abs(there - joints(other))[late].max() < 0.015
    assert (one.contacts == other.contacts[:, [2, 3, 0, 1]])[late].mean() > 0.995


@pytest.mark.parametrize("name", MOVES)
def test_amplitude_and_travel(name):
    move = MOVES[name]
    bpm = float(np.mean(move.tempo))
    ways = []
    for amplitude in (0.5, 1.0, 1.3):
        performance = danced(name, bpm, amplitude)
        inside = (performance.beat >= LEAD) & (performance.beat <= LEAD + 2 * move.beats - 2)
        position = joints(performance)[inside]
        ways.append(np.linalg.norm(np.diff(position[:, [0, 7, 8, 20, 21]], axis=0), axis=-1).sum())
    # A turn is as far round whatever its size, and feet that turn close together go round each other.
    if move.family not in ("idle", "turn"):
        assert ways[0] < ways[1] < ways[2]
    performance = danced(name, bpm, 1.0)
    ends = np.searchsorted(performance.beat, [0, LEAD + move.beats - 0.5])
    path = joints(performance)[ends, 0][:, [0, 2]]
    assert np.linalg.norm(path[1] - path[0]) == pytest.approx(move.travel, abs=0.3)
    still = joints(danced(name, bpm, 1.0, travel=0.0))[:, 0][:, [0, 2]]
    assert np.ptp(still, axis=0).max() < 0.9
    assert np.linalg.norm(still[-1] - still[0]) < 0.2


def followers(name: str) -> list[tuple[str, bool]]:
    """Moves that may follow: all of the small styles, every fourth of the large ones; each as it is or mirrored."""
    found = {}
    for style in MOVES[name].styles:
        others = [other for other, move in MOVES.items() if style in move.styles]
        at = others.index(name)
        chosen = others if len(others) <= 10 else others[at % 4 :: 4]
        found.update({other: bool((at + k) % 2) for k, other in enumerate(chosen)})
    return list(found.items())


@pytest.mark.parametrize("name", MOVES)
def test_a_move_runs_into_the_next_without_a_jump(name):
    move, fps = MOVES[name], 30.0
    for other, mirrored in followers(name):
        low, high = max(move.tempo[0], MOVES[other].tempo[0]), min(move.tempo[1], MOVES[other].tempo[1])
        bps = np.sqrt(low * high) / 60 if low < high else (low + high) / 120
        beat = np.arange(move.beats - 1.5, move.beats + 1.2, bps / fps)
        placed = [Placed(name, 0), Placed(other, move.beats, mirrored)]
        motion = perform_on(placed, beat, REST, fps).motion
        position = REST.forward(motion.poses, motion.trans)[0]
        velocity = np.diff(position, axis=0) * fps
        assert np.linalg.norm(velocity, axis=-1).max() < 9.0, other
        assert np.linalg.norm(velocity[:, 0], axis=-1).max() < 3.0, other
        change = np.linalg.norm(np.diff(velocity, axis=0), axis=-1)
        assert change[:, [0, 9, 15]].max() < 2.0, other  # hips, chest, head, m/s from frame to frame
        assert change[:, 12:22].max() < 4.5, other
        assert penetration(motion, REST).max() < 0.005


def distance(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(T,) m from points to segments, all (T, 3)."""
    way = end - start
    share = np.clip(((point - start) * way).sum(-1) / np.maximum((way * way).sum(-1), 1e-9), 0, 1)
    return np.linalg.norm(point - start - share[:, None] * way, axis=-1)


def between(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    return np.min([distance(a, b, c + (d - c) * share) for share in np.linspace(0, 1, 7)], axis=0)


@pytest.mark.parametrize("name", MOVES)
def test_no_part_of_the_body_passes_through_another(name):
    for performance in variants(name)[1::2]:
        motion = performance.motion
        position, turned = REST.forward(motion.poses, motion.trans)
        at = {joint: position[:, k] for k, joint in enumerate(REST.skeleton.joints)}
        spine = [at[joint] for joint in ("pelvis", "spine1", "spine2", "spine3", "neck")]
        levels = np.concatenate(
            [a[:, None] + (b - a)[:, None] * np.linspace(0, 1, 4)[:-1, None] for a, b in pairwise(spine)], axis=1
        )
        for side in ("left", "right"):
            for joint, least in (("wrist", 0.8), ("hand", 0.75), ("elbow", 0.75)):
                # In the trunk's frame: an upright ellipse of 31 by 25 cm.
                local = np.einsum("tij,tki->tkj", turned[:, 6], at[f"{side}_{joint}"][:, None] - levels)
                assert np.linalg.norm(local / [0.155, 0.05, 0.125], axis=-1).min() > least, (joint, "in the trunk")
            hand = at[f"{side}_hand"]
            for other in ("left", "right"):
                assert distance(at[f"{other}_hip"], at[f"{other}_knee"], hand).min() > 0.06
            assert distance(at["neck"], at["head"] + [0, 0.1, 0], hand).min() > 0.085
        shins = between(at["left_knee"], at["left_ankle"], at["right_knee"], at["right_ankle"])
        assert (shins < 0.06).mean() < 0.12
        soles = sole_points(motion, REST)
        assert (between(soles[:, 0, 0], soles[:, 0, 2], soles[:, 1, 0], soles[:, 1, 2]) < 0.06).mean() < 0.08
        arms = between(at["left_elbow"], at["left_hand"], at["right_elbow"], at["right_hand"])
        assert (arms < 0.03).mean() < 0.12


def test_exact_on_the_beat_when_the_tempo_changes():
    beats = np.cumsum([0.0, *np.linspace(0.42, 0.66, 24)])
    performance = perform([Placed("step_clap", 2), Placed("march_pump", 6)], beats, REST, 120.0)
    assert len(performance.motion) == round(beats[-1] * 120)
    on_left = performance.contacts[:, :2].any(axis=1)
    onsets = (np.flatnonzero(~on_left[:-1] & on_left[1:]) + 0.5) / 120
    for beat in (2, 6, 8, 10, 12):
        assert np.abs(onsets - beats[beat]).min() < 0.015
    assert np.interp(beats[7], np.arange(len(performance.beat)) / 120, performance.beat) == pytest.approx(7, abs=0.01)


def test_before_between_and_after_moves_the_dancer_stands_at_ease():
    performance = perform([Placed("jump", 6)], np.arange(24) * 0.5, REST, FPS)
    speed = np.linalg.norm(np.diff(joints(performance), axis=0), axis=-1).mean(axis=1) * FPS
    beat = performance.beat[1:]
    assert speed[beat < 4].max() < 0.25 and speed[beat > 14].max() < 0.25
    assert speed[(beat > 6) & (beat < 10)].max() > 1.0


def test_place_heading_and_styling():
    beats = np.arange(14) * 0.5
    placed = [Placed("walk", 1), Placed("walk", 5, heading=np.pi / 2)]
    performance = perform(placed, beats, REST, FPS, start=(1.0, 2.0, np.pi / 2))
    path = joints(performance)[:, 0]
    assert path[0, [0, 2]] == pytest.approx([1.0, 2.0], abs=0.15)
    # It walks the way it faces, +X, and turns by a quarter; about Y from +Z to +X, that is on to -Z.
    assert path[int(4.2 * 0.5 * FPS)][0] - 1.0 == pytest.approx(MOVES["walk"].travel, abs=0.35)
    forward = matrix_from_axis_angle(performance.motion.poses[-1, 0])[:, 2]
    assert forward @ [0, 0, -1] > 0.9
    for styling in STYLINGS:
        one = perform([Placed("bounce", 1, arms=styling)], beats, REST, FPS)
        assert (
            np.abs(
                one.motion.poses[:, 16:20] - perform([Placed("bounce", 1)], beats, REST, FPS).motion.poses[:, 16:20]
            ).max()
            > 0.05
        )


def test_energy_bounces_more():
    beats = np.arange(14) * 0.5
    dips = []
    for energy in (0.1, 0.5, 0.9):
        height = joints(perform([Placed("groove", 1, energy=energy)], beats, REST, FPS))[:, 0, 1]
        dips.append(np.ptp(height[int(FPS) : int(4 * FPS)]))
    assert dips[0] < 0.8 * dips[1] < 0.8 * dips[2]


def test_any_body_and_skeleton():
    count = len(SMPLX55)
    body = np.zeros((count, 3))
    body[:22] = REST.joints[:22] * 1.1
    body[22:] = body[15]
    rest = Rest(SMPLX55, body, REST.floor * 1.1)
    performance = perform([Placed("walk", 0)], np.arange(8) * 0.5, rest, 30.0)
    assert performance.motion.skeleton == "smplx55" and performance.motion.poses.shape[1] == count
    assert penetration(performance.motion, rest).max() < 0.006


@pytest.mark.parametrize(
    ("placed", "beats", "words"),
    [
        ([Placed("moonwalk", 0)], np.arange(8.0), "no move 'moonwalk'"),
        ([Placed("walk", 0, arms="tentacles")], np.arange(8.0), "no arm styling"),
        ([Placed("walk", 0)], np.array([1.0]), "two beats"),
        ([Placed("walk", 0)], np.array([1.0, 0.5, 2.0]), "rising order"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(placed, beats, words):
    with pytest.raises(InputError, match=words):
        perform(placed, beats, REST, 30.0)
