# SPDX-License-Identifier: GPL-3.0-or-later
"""The moves written by hand: on the beat, on the floor, in any order."""

from __future__ import annotations

import numpy as np
import pytest
from avanim.rigs.feet import plant_feet
from avanim.rigs.motion import Motion
from avanim.rigs.motion_metrics import hinge_angles, penetration
from avanim.rigs.moves.figures import MOVES, perform
from avanim.rigs.skeleton import Rest

REST = Rest.average()
FPS = 60
FEET = [10, 11]


def danced(names: list[str], bpm: float = 120.0):
    total = sum(MOVES[name].beats for name in names)
    beats = np.arange(0, total, bpm / 60 / FPS)
    poses, trans = perform(names, beats, REST)
    return beats, Motion(poses, trans, FPS), REST.forward(poses, trans)[0]


@pytest.mark.parametrize("name", MOVES)
def test_a_move_keeps_to_the_floor_and_bends_the_right_way(name):
    _, motion, _ = danced([name])
    assert penetration(motion, REST).max() < 0.03
    for joint, angle in hinge_angles(motion, REST).items():
        assert angle.min() > -np.deg2rad(3), joint
        assert angle.max() < np.deg2rad(150), joint


@pytest.mark.parametrize("name", MOVES)
def test_a_move_arrives_on_the_beat(name):
    beats, _, joints = danced([name])
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(axis=1) * FPS
    phase = (beats[:-1] + beats[1:]) / 2 % 1
    near = np.minimum(phase, 1 - phase) < 0.1
    assert speed[near].mean() < 0.35 * speed[~near].mean()
    assert speed.mean() > 0.3


@pytest.mark.parametrize("name", MOVES)
def test_a_foot_that_bears_the_weight_stands(name):
    _, motion, joints = danced([name])
    speed = np.linalg.norm(np.diff(joints[:, FEET][..., [0, 2]], axis=0), axis=-1) * FPS
    assert np.median(speed.min(axis=1)) < 0.02
    planted = plant_feet(motion, REST)
    change = np.linalg.norm(REST.forward(planted.poses, planted.trans)[0] - joints, axis=-1)
    assert change.mean() < 0.02 and change.max() < 0.16


def test_any_move_follows_any_other():
    fours = [name for name, move in MOVES.items() if move.beats == 8]
    order = [name for first in fours for second in fours[:3] for name in (first, second)]
    _, _, joints = danced(order)
    # At 120 beats a minute nothing of the body is faster than a hand in a quick gesture.
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() * FPS < 9.0
    assert np.abs(joints[:, 0, [0, 2]]).max() < 1.2


def test_all_moves_end_alike():
    ends = []
    for name, move in MOVES.items():
        poses, trans = perform([name], np.array([move.beats - 1.0]), REST)
        ends.append(REST.forward(poses, trans)[0][0])
    assert np.ptp(ends, axis=0).max() < 0.05


def test_a_dance_goes_round():
    names = ["step_touch", "twist"]
    poses, trans = perform(names, np.array([3.3, 19.3, -12.7]), REST)
    assert poses[1] == pytest.approx(poses[0], abs=1e-9)
    assert poses[2] == pytest.approx(poses[0], abs=1e-9)
    assert trans[1] == pytest.approx(trans[0], abs=1e-9)
