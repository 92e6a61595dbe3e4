# SPDX-License-Identifier: GPL-3.0-or-later
import time
from dataclasses import replace

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.fit import REQUIRED, fit_positions, unit
from avanim.rigs.motion import Motion
from avanim.rigs.motion_metrics import hinge_angles, hyperextension_rate
from avanim.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from avanim.rigs.skeleton import SMPL24, SMPLX55, Rest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

FPS = 30.0
REST = Rest.average()
NAMES = SMPL24.joints
J = SMPL24.index


def steps(poses):
    """(T-1, J) degrees between neighbouring frames of each joint's local rotation."""
    local = matrix_from_axis_angle(poses)
    change = np.swapaxes(local[:-1], -1, -2) @ local[1:]
    return np.rad2deg(np.linalg.norm(axis_angle_from_matrix(change), axis=-1))


def swaying(seed, frames=90):
    """Smooth random motion of a body whose knees and elbows only flex."""
    rng = np.random.default_rng(seed)

    def noise(shape):
        return gaussian_filter1d(rng.normal(size=(frames, *shape)), 8, axis=0, mode="nearest") * 5

    poses = noise((24, 3)) * 0.08
    poses[:, 0] = noise((3,)) * [0.1, 0.8, 0.1]
    for joint, amount in (("shoulder", 4), ("hip", 2)):
        poses[:, [J(f"left_{joint}"), J(f"right_{joint}")]] *= amount
    bend = 0.3 + np.clip(0.6 * np.abs(noise((4,))), 0, 2)
    for k, (name, axis) in enumerate(
        (("left_knee", [1, 0, 0]), ("right_knee", [1, 0, 0]), ("left_elbow", [0, -1, 0]), ("right_elbow", [0, 1, 0]))
    ):
        poses[:, J(name)] = bend[:, k, None] * np.array(axis)
    trans = noise((3,)) * 0.1 + [0, 1.2, 0]
    return Motion(poses, trans, FPS)


@pytest.mark.parametrize("seed", range(4))
def test_returns_to_the_joints_it_was_given(seed):
    motion = swaying(seed)
    positions, turned = REST.forward(motion.poses, motion.trans)
    fitted = fit_positions(positions, NAMES, REST, FPS)
    reached, turned_again = REST.forward(fitted.poses, fitted.trans)
    assert np.linalg.norm(reached - positions, axis=-1).mean() < 1e-3
    thighs = [J("left_hip"), J("right_hip"), J("left_shoulder"), J("right_shoulder")]
    change = np.swapaxes(turned[:, thighs], -1, -2) @ turned_again[:, thighs]
    # The twist about thigh and upper arm is not in any position, only in the hinge plane below it.
    assert np.rad2deg(np.linalg.norm(axis_angle_from_matrix(change), axis=-1)).mean() < 6


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.floats(-np.pi, np.pi), st.floats(-5, 5), st.floats(-5, 5))
def test_turning_and_moving_the_input_turns_and_moves_the_result(seed, yaw, x, z):
    motion = swaying(seed, 40)
    positions = REST.forward(motion.poses, motion.trans)[0]
    turn = matrix_from_axis_angle(np.array([0, yaw, 0]))
    plain = fit_positions(positions, NAMES, REST, FPS)
    moved = fit_positions(positions @ turn.T + [x, 0, z], NAMES, REST, FPS)
    expected = REST.forward(plain.poses, plain.trans)[0] @ turn.T + [x, 0, z]
    np.testing.assert_allclose(REST.forward(moved.poses, moved.trans)[0], expected, atol=1e-6)
    np.testing.assert_allclose(moved.poses[:, 1:], plain.poses[:, 1:], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.floats(0.002, 0.03))
def test_noise_neither_breaks_joints_nor_makes_them_jump(seed, noise):
    motion = swaying(seed)
    rng = np.random.default_rng(seed)
    positions = REST.forward(motion.poses, motion.trans)[0]
    noisy = positions + rng.normal(0, noise, positions.shape)
    fitted = fit_positions(noisy, NAMES, REST, FPS)
    reached = REST.forward(fitted.poses, fitted.trans)[0]
    assert np.linalg.norm(reached - positions, axis=-1).mean() < np.linalg.norm(noisy - positions, axis=-1).mean()
    angles = hinge_angles(fitted, REST)
    assert min(angle.min() for angle in angles.values()) > -np.deg2rad(0.5)
    for name in ("left_knee", "right_knee", "left_elbow", "right_elbow"):
        assert np.linalg.norm(fitted.poses[:, J(name)], axis=-1).max() < np.deg2rad(165)
        along = unit(REST.offsets[SMPL24.parents.index(J(name))])
        assert np.abs(fitted.poses[:, J(name)] @ along).max() < np.deg2rad(25), "twisted forearm or shin"


def arms_circling(turns_per_second=0.5):
    """Straight arms that swing round overhead, behind and below, as in a windmill."""
    count = 120
    positions = np.repeat(REST.joints[None], count, axis=0) + np.array([0, 1.2, 0])
    angle = 2 * np.pi * turns_per_second * np.arange(count) / FPS
    way = np.stack([np.full(count, 0.3), -np.cos(angle), np.sin(angle)], axis=1)
    for side, sign in (("left", 1), ("right", -1)):
        direction = unit(way * [sign, 1, 1])
        shoulder = positions[:, J(f"{side}_shoulder")]
        for joint, distance in (("elbow", 0.26), ("wrist", 0.51), ("hand", 0.595)):
            positions[:, J(f"{side}_{joint}")] = shoulder + distance * direction
    return positions


def test_straight_arms_turn_without_candy_wrapper_twist():
    fitted = fit_positions(arms_circling(), NAMES, REST, FPS)
    speed = steps(fitted.poses)
    arm = [J(f"{side}_{joint}") for side in ("left", "right") for joint in ("collar", "shoulder", "elbow", "wrist")]
    # The arms turn by 6 degrees a frame; a twist that flips would show as tens of degrees.
    assert speed[:, arm].max() < 15
    for name in ("left_elbow", "right_elbow", "left_wrist", "right_wrist"):
        assert np.abs(fitted.poses[:, J(name)]).max() < np.deg2rad(15)


def test_full_turns_are_steady():
    motion = swaying(3, 120)
    poses = motion.poses.copy()
    poses[:, 0] = np.linspace(0, 4 * np.pi, 120)[:, None] * [0, 1, 0]
    positions = REST.forward(poses, motion.trans)[0]
    fitted = fit_positions(positions, NAMES, REST, FPS)
    assert abs(steps(fitted.poses)[:, 0] - np.rad2deg(4 * np.pi / 119)).max() < 0.1
    still = fit_positions(REST.forward(motion.poses * (np.arange(24) > 0)[:, None], motion.trans)[0], NAMES, REST, FPS)
    # The ankles' roll looks at the floor, so only they may see the difference between the two.
    others = [k for k in range(1, 24) if "ankle" not in NAMES[k]]
    np.testing.assert_allclose(fitted.poses[:, others], still.poses[:, others], atol=1e-5)


@pytest.mark.parametrize("joint", ["left_knee", "right_knee", "left_elbow", "right_elbow"])
def test_a_limb_bent_backwards_comes_out_straight(joint):
    motion = swaying(5)
    poses = motion.poses.copy()
    for name in ("left_knee", "right_knee", "left_elbow", "right_elbow"):
        poses[:, J(name)] = 0
    axis = [1, 0, 0] if "knee" in joint else [0, -1, 0] if "left" in joint else [0, 1, 0]
    poses[:, J(joint)] = -np.deg2rad(9) * np.array(axis)
    fitted = fit_positions(REST.forward(poses, motion.trans)[0], NAMES, REST, FPS)
    assert hyperextension_rate(replace(motion, poses=poses), REST, np.deg2rad(2))[joint.split("_")[1]] > 0.4
    assert hyperextension_rate(fitted, REST, np.deg2rad(0.5)) == {"knee": 0, "elbow": 0}


def test_another_body_keeps_directions_and_scales_its_path():
    motion = swaying(1)
    scale = np.ones(24)
    scale[[J(f"{side}_{bone}") for side in ("left", "right") for bone in ("knee", "ankle")]] = 1.2
    scale[[J(f"{side}_{bone}") for side in ("left", "right") for bone in ("elbow", "wrist")]] = 0.8
    joints = REST.offsets * scale[:, None]
    for joint, parent in enumerate(SMPL24.parents):
        if parent >= 0:
            joints[joint] += joints[parent]
    source_body = Rest(SMPL24, joints, REST.floor - 0.16)
    source = source_body.forward(motion.poses, motion.trans)[0]
    fitted = fit_positions(source, NAMES, REST, FPS)
    reached = REST.forward(fitted.poses, fitted.trans)[0]
    child, parent = np.arange(1, 24), np.array(SMPL24.parents[1:])
    cosine = (unit(reached[:, child] - reached[:, parent]) * unit(source[:, child] - source[:, parent])).sum(-1)
    assert np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).mean() < 0.3
    path, source_path = reached[:, 0] - reached[0, 0], source[:, 0] - source[0, 0]
    np.testing.assert_allclose(path[:, [0, 2]], source_path[:, [0, 2]] / 1.2, atol=1e-3)
    np.testing.assert_allclose(reached[:, 0, 1], source[:, 0, 1] / 1.2, atol=0.01)


@pytest.mark.parametrize("left_out", [("spine1",), ("spine1", "spine2", "spine3"), ("left_hand", "right_hand", "head")])
def test_missing_joints_are_made_up(left_out):
    motion = swaying(2)
    positions = REST.forward(motion.poses, motion.trans)[0]
    kept = [k for k, name in enumerate(NAMES) if name not in left_out]
    fitted = fit_positions(positions[:, kept], [NAMES[k] for k in kept], REST, FPS)
    reached = REST.forward(fitted.poses, fitted.trans)[0]
    assert np.linalg.norm(reached - positions, axis=-1)[:, kept].mean() < 0.03


def test_only_the_required_joints_are_enough():
    motion = swaying(2)
    kept = [J(name) for name in REQUIRED]
    positions = REST.forward(motion.poses, motion.trans)[0]
    fitted = fit_positions(positions[:, kept], REQUIRED, REST, FPS)
    reached = REST.forward(fitted.poses, fitted.trans)[0]
    assert np.linalg.norm(reached - positions, axis=-1)[:, kept].mean() < 0.06


def test_other_skeletons_get_the_same_body():
    motion = swaying(2)
    positions = REST.forward(motion.poses, motion.trans)[0]
    joints = np.zeros((55, 3))
    joints[:22] = REST.joints[:22]
    for side in ("left", "right"):
        hand = REST.joints[J(f"{side}_hand")]
        for k, name in enumerate(SMPLX55.joints):
            if name.startswith(side) and k > 24:
                joints[k] = hand + 0.02 * (int(name[-1]) - 1) * np.sign(hand[0]) * np.array([1, 0, 0])
    joints[22:25] = REST.joints[J("head")]
    fitted = fit_positions(positions, NAMES, Rest(SMPLX55, joints, REST.floor), FPS)
    plain = fit_positions(positions, NAMES, REST, FPS)
    assert fitted.skeleton == "smplx55"
    np.testing.assert_allclose(fitted.poses[:, :22], plain.poses[:, :22], atol=1e-9)


def test_says_what_is_wrong():
    positions = np.repeat(REST.joints[None], 3, axis=0)
    with pytest.raises(InputError, match="lack left_hip"):
        fit_positions(positions[:, 2:], NAMES[2:], REST, FPS)
    with pytest.raises(InputError, match="shape"):
        fit_positions(positions[:, :5], NAMES, REST, FPS)
    positions[1, 4, 2] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        fit_positions(positions, NAMES, REST, FPS)


def test_one_frame():
    fitted = fit_positions(REST.joints[None], NAMES, REST, FPS)
    assert np.linalg.norm(REST.forward(fitted.poses, fitted.trans)[0] - REST.joints, axis=-1).max() < 0.002


def test_a_minute_takes_under_two_seconds():
    motion = swaying(0, 1800)
    positions = REST.forward(motion.poses, motion.trans)[0]
    start = time.process_time()
    fit_positions(positions, NAMES, REST, FPS)
    assert time.process_time() - start < 2


def test_real_dances(shared_data):
    data = np.load(shared_data / "dance" / "cmu_dance_smpl24_30fps.npz")
    for clip in sorted({name.split("/")[0] for name in data.files})[::5]:
        poses = data[f"{clip}/poses"].astype(float).reshape(-1, 24, 3)
        positions = REST.forward(poses, data[f"{clip}/trans"].astype(float))[0]
        fitted = fit_positions(positions, NAMES, REST, FPS)
        reached = REST.forward(fitted.poses, fitted.trans)[0]
        assert np.linalg.norm(reached - positions, axis=-1).mean() < 1e-3, clip
        assert hyperextension_rate(fitted, REST) == {"knee": 0, "elbow": 0}
        smooth = np.percentile(steps(fitted.poses), 99.5), np.percentile(steps(poses), 99.5)
        assert smooth[0] < 1.3 * smooth[1] + 2, clip


def test_real_bodies_of_other_proportions(shared_data):
    data = np.load(shared_data / "dance" / "research_only" / "smpl24_fits.npz")
    child, parent = np.arange(1, 24), np.array(SMPL24.parents[1:])
    for clip in ("14", "ll_qq_04_2", "DANCE_W_21"):
        joints = data[f"{clip}/offsets"].astype(float)
        for joint, above in enumerate(SMPL24.parents):
            if above >= 0:
                joints[joint] += joints[above]
        poses = data[f"{clip}/poses"].astype(float).reshape(-1, 24, 3)
        source = Rest(SMPL24, joints, -1.2).forward(poses, data[f"{clip}/trans"].astype(float))[0]
        fitted = fit_positions(source, NAMES, REST, float(data[f"{clip}/fps"]))
        reached = REST.forward(fitted.poses, fitted.trans)[0]
        cosine = (unit(reached[:, child] - reached[:, parent]) * unit(source[:, child] - source[:, parent])).sum(-1)
        assert np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).mean() < 3, clip
