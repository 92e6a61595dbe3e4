# SPDX-License-Identifier: GPL-3.0-or-later
"""The moves written by hand: every one of them, mirrored or not, slow and fast, small and large."""

from __future__ import annotations

from functools import lru_cache
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


@lru_cache(maxsize=None)
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
        assert performance.contacts.any(axis=1).mean() > 0.55


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
        assert rate.max() < 26, REST.skeleton.joints[int(rate.max(axis=0).argmax())]
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
    late = (one.beat >= LEAD + 1) & (one.beat <= LEAD + 2 * MOVES[name].beats - 1.2)
    assert np.abs(one.motion.mirrored().poses - other.motion.poses)[late].max() < 0.03
    assert np.abs(one.motion.mirrored().trans - other.motion.trans)[late].max() < 0.01
    assert (one.contacts == other.contacts[:, [2, 3, 0, 1]])[late].mean() > 0.995


@pytest.mark.parametrize("name", MOVES)
def test_amplitude_and_travel(name):
    move = MOVES[name]
    bpm = float(np.mean(move.tempo))
    ways = []
    for amplitude in (0.5, 1.0, 1.3):
        performance = danced(name, bpm, amplitude)
        inside = (performance.beat >= LEAD) & (performance.beat <= LEAD + 2 * move.beats - 1.2)
        position = joints(performance)[inside]
        ways.append(np.linalg.norm(np.diff(position[:, [0, 7, 8, 20, 21]], axis=0), axis=-1).sum())
    assert ways[0] < 0.95 * ways[1] and ways[1] < ways[2]
    path = joints(danced(name, bpm, 1.0))[:, 0][:, [0, 2]]
    assert np.linalg.norm(path[-1] - path[0]) == pytest.approx(2 * move.travel, abs=0.25)
    still = joints(danced(name, bpm, 1.0, travel=0.0))[:, 0][:, [0, 2]]
    assert np.ptp(still, axis=0).max() < 0.75
    assert np.linalg.norm(still[-1] - still[0]) < 0.2
