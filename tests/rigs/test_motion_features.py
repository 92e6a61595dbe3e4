# SPDX-License-Identifier: GPL-3.0-or-later
"""The features of sets of dances, on motion whose features are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.motion_features import geometric_features, geometric_relations, kinetic_features
from avanim.rigs.skeleton import SMPL24, Rest

REST = Rest.average()
_INDEX = SMPL24.index


def standing(frames: int = 60) -> np.ndarray:
    """The average body in its T-pose."""
    return np.tile(REST.joints, (frames, 1, 1))


def posed(**turned: tuple[float, float, float]) -> np.ndarray:
    """The body with some joints turned (rad), standing still."""
    poses = np.zeros((10, 24, 3))
    for joint, rotation in turned.items():
        poses[:, _INDEX(joint)] = rotation
    return REST.forward(poses, np.zeros((10, 3)))[0]


def holding(positions: np.ndarray) -> set[str]:
    return {name for name, holds in geometric_relations(positions).items() if holds.all()}


def test_a_body_at_constant_speed_has_known_kinetic_features():
    time = np.arange(90)[:, None, None] / 60
    features = kinetic_features(standing(90) + time * np.array([0.3, 0.2, -0.4])).reshape(24, 3)
    assert features[:, 0] == pytest.approx(0.3**2 + 0.4**2)
    assert features[:, 1] == pytest.approx(0.2**2)
    assert features[:, 2] == pytest.approx(0, abs=1e-6)


def test_a_falling_body_accelerates_as_it_should():
    time = np.arange(60) / 60
    positions = standing()
    positions[..., 1] -= (0.5 * 9.81 * time**2)[:, None]
    features = kinetic_features(positions).reshape(24, 3)
    assert features[:, 2] == pytest.approx(9.81)
    assert features[:, 0] == pytest.approx(0)
    # mean of (g t)^2 over a second is g^2 / 3
    assert features[:, 1] == pytest.approx(9.81**2 / 3, rel=0.05)


def test_kinetic_features_of_a_still_body_are_zero_and_published_ones_are_not():
    assert kinetic_features(standing()).shape == (72,)
    assert not kinetic_features(standing()).any()
    published = kinetic_features(standing(), published=True).reshape(24, 3)
    # (velocity 0 less p - p / dt) / dt: the distance from the origin times 59 * 60
    assert published[:, 2] == pytest.approx(np.linalg.norm(REST.joints, axis=1) * 59 * 60)


def test_kinetic_features_are_per_second():
    time = np.arange(241) / 60
    positions = standing(241)
    positions[:, _INDEX("head"), 0] += 0.1 * np.sin(np.pi * time)
    fast, slow = kinetic_features(positions), kinetic_features(positions[::2], fps=30)
    assert slow[3 * 15] == pytest.approx(fast[3 * 15], rel=0.05)
    assert slow[3 * 15 + 2] == pytest.approx(fast[3 * 15 + 2], rel=0.05)


def test_the_t_pose():
    arms = {"right arm away from the trunk", "left arm away from the trunk", "hands far apart"}
    assert holding(standing()) == {*arms, "left foot behind the right leg"}


@pytest.mark.parametrize(
    ("turned", "relation"),
    [
        ({"right_shoulder": (0, 0, -1.4)}, "right hand above the neck"),
        ({"left_shoulder": (0, 0, 1.4)}, "left hand above the neck"),
        ({"right_elbow": (0, 1.6, 0)}, "right elbow bent"),
        ({"left_elbow": (0, -1.6, 0)}, "left elbow bent"),
        ({"right_knee": (1.6, 0, 0), "right_hip": (-1.6, 0, 0)}, "right knee bent"),
        ({"right_knee": (1.6, 0, 0), "right_hip": (-1.6, 0, 0)}, "right foot raised"),
        ({"right_hip": (-1.6, 0, 0)}, "right thigh away from the trunk"),
        ({"left_hip": (0, 0, 0.5), "right_hip": (0, 0, -0.5)}, "feet far apart"),
        ({"pelvis": (1.5, 0, 0)}, "trunk level"),
    ],
)
def test_a_pose_sets_its_relation(turned, relation):
    assert relation in holding(posed(**turned))
    assert relation not in holding(standing())


def test_the_other_side_is_not_meant():
    raised = holding(posed(right_shoulder=(0, 0, -1.4)))
    assert "left hand above the neck" not in raised
    bent = holding(posed(left_elbow=(0, -1.6, 0)))
    assert "right elbow bent" not in bent


def test_a_foot_before_the_other_leg():
    relations = holding(posed(right_hip=(-0.7, 0, 0), left_hip=(0.3, 0, 0)))
    assert "right foot before the left leg" in relations
    assert "right foot before the left leg" not in holding(posed(left_hip=(-0.7, 0, 0)))


@pytest.mark.parametrize(
    ("joint", "velocity", "relation"),
    [
        ("right_wrist", (0, 0, -0.3), "right hand moves backwards"),
        ("left_wrist", (0, 0, 0.3), "left hand moves forwards"),
        ("spine3", (0, 0.3, 0), "chest rises"),
        ("right_wrist", (-0.3, 0, 0), "hands part"),
        ("right_wrist", (0, 0, -0.4), "right hand fast"),
        ("left_ankle", (0, 0, 0.4), "left foot fast"),
        ("pelvis", (0.4, 0, 0), "root fast"),
    ],
)
def test_a_speed_sets_its_relation(joint, velocity, relation):
    positions = standing(6)
    for sign, expected in ((1, True), (0.5, False), (-1, "fast" in relation)):
        moved = positions.copy()
        moved[:, _INDEX(joint)] += sign * np.arange(6)[:, None] / 60 * np.array(velocity)
        assert (relation in holding(moved)) == expected


def test_geometric_features_are_shares_of_frames():
    positions = np.concatenate([standing(31), posed(right_shoulder=(0, 0, -1.4))])
    features = dict(zip(geometric_relations(positions), geometric_features(positions), strict=True))
    assert len(features) == 32
    assert features["right hand above the neck"] == pytest.approx(10 / 40)


def test_features_need_a_body():
    for wrong in (np.zeros((3, 24, 3)), np.zeros((10, 22, 3))):
        with pytest.raises(InputError, match="24"):
            kinetic_features(wrong)
