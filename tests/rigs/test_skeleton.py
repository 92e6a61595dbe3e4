# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons and forward kinematics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.rotation import matrix_from_axis_angle
from avanim.rigs.skeleton import SKELETONS, SMPL24, SMPLH52, SMPLX55, Rest, Skeleton


def test_the_24_joints_are_smpls(shared_data: Path) -> None:
    tables = json.loads((shared_data / "character" / "tables" / "bone_maps.json").read_text())
    assert list(SMPL24.joints) == tables["joints24"]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_parents_stand_before_children(skeleton: Skeleton) -> None:
    assert len(set(skeleton.joints)) == len(skeleton.joints) == len(skeleton.parents)
    assert skeleton.parents[0] == -1
    assert all(0 <= parent < joint for joint, parent in enumerate(skeleton.parents) if joint)
    for joint in skeleton.joints:
        mirrored = joint.replace("left", "right")
        if mirrored != joint:
            parent = skeleton.joints[skeleton.parents[skeleton.index(joint)]]
            other = skeleton.joints[skeleton.parents[skeleton.index(mirrored)]]
            assert other == parent.replace("left", "right")


def test_counts_and_order_of_fingers() -> None:
    assert (len(SMPL24), len(SMPLH52), len(SMPLX55)) == (24, 52, 55)
    assert SMPLH52.joints[22:37:3] == tuple(f"left_{f}1" for f in ("index", "middle", "pinky", "ring", "thumb"))
    assert SMPLX55.joints[22:25] == ("jaw", "left_eye", "right_eye") and SMPLX55.joints[25:] == SMPLH52.joints[22:]
    assert SMPLX55.parents[22:25] == (15, 15, 15) and SMPLX55.parents[25] == 20 and SMPLX55.parents[40] == 21


def test_average_person_stands_upright_and_even() -> None:
    rest = Rest.average()
    for joint, name in enumerate(SMPL24.joints):
        if name.startswith("left_"):
            other = rest.joints[SMPL24.index(name.replace("left", "right"))]
            np.testing.assert_allclose(rest.joints[joint] * [-1, 1, 1], other, atol=1e-9)
            assert rest.joints[joint, 0] > 0  # +X is the character's left
    assert rest.joints[SMPL24.index("left_foot"), 2] > rest.joints[SMPL24.index("left_ankle"), 2]  # toes to +Z
    assert rest.floor < rest.joints[:, 1].min()
    assert 1.4 < rest.joints[15, 1] - rest.floor < 1.7


def test_rest_pose_is_the_rest_pose() -> None:
    rest = Rest.average()
    positions, turned = rest.forward(np.zeros((2, 24, 3)), np.array([[0, 0, 0], [1.0, 2, 3]]))
    np.testing.assert_allclose(positions[0], rest.joints, atol=1e-12)
    np.testing.assert_allclose(positions[1], rest.joints + np.array([1, 2, 3]), atol=1e-12)
    np.testing.assert_array_equal(turned, np.broadcast_to(np.eye(3), (2, 24, 3, 3)))


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_forward_kinematics_against_plain_matrices(skeleton: Skeleton) -> None:
    rng = np.random.default_rng(0)
    rest = Rest(skeleton, rng.normal(0, 0.3, (len(skeleton), 3)), -1.0)
    poses, trans = rng.normal(0, 1, (5, len(skeleton), 3)), rng.normal(0, 1, (5, 3))
    positions, turned = rest.forward(poses, trans)
    for frame in range(5):
        worlds: list[np.ndarray] = []
        for joint, parent in enumerate(skeleton.parents):
            local = np.eye(4)
            local[:3, :3] = matrix_from_axis_angle(poses[frame, joint])
            local[:3, 3] = rest.joints[joint] + (trans[frame] if parent < 0 else -rest.joints[parent])
            worlds.append(local if parent < 0 else worlds[parent] @ local)
        np.testing.assert_allclose(positions[frame], [world[:3, 3] for world in worlds], atol=1e-12)
        np.testing.assert_allclose(turned[frame], [world[:3, :3] for world in worlds], atol=1e-12)


def test_bones_keep_their_lengths() -> None:
    rest = Rest.average()
    positions, _ = rest.forward(np.random.default_rng(1).normal(0, 2, (50, 24, 3)), np.zeros((50, 3)))
    parents = np.array(SMPL24.parents[1:])
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, parents], axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(np.linalg.norm(rest.offsets[1:], axis=-1), lengths.shape))
