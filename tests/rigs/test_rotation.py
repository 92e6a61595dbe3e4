# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotations, which Blender's own Python runs without scipy, against scipy."""

import subprocess
import sys

import numpy as np
import pytest
from avanim.rigs import rotation
from scipy.spatial.transform import Rotation, Slerp

RNG = np.random.default_rng(0)
DIRECTIONS = RNG.normal(size=(300, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)
# Nothing, next to nothing, half a turn and next to it, and more than a turn.
ANGLES = np.concatenate([[0, 1e-14, 1e-9, 1e-5, np.pi, np.pi - 1e-9, np.pi + 1e-6, 7.0], RNG.uniform(0, np.pi, 292)])
AXIS_ANGLE = DIRECTIONS * ANGLES[:, None]


def as_matrix(axis_angle):
    return Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(*axis_angle.shape, 3)


def test_every_form_says_the_same_rotation_as_scipy():
    expected = as_matrix(AXIS_ANGLE)
    np.testing.assert_allclose(rotation.matrix_from_axis_angle(AXIS_ANGLE), expected, atol=1e-14)
    wxyz = np.roll(Rotation.from_rotvec(AXIS_ANGLE).as_quat(), 1, axis=1)
    np.testing.assert_allclose(rotation.quaternion_from_axis_angle(AXIS_ANGLE), wxyz, atol=1e-14)
    np.testing.assert_allclose(as_matrix(rotation.axis_angle_from_matrix(expected)), expected, atol=1e-14)
    assert np.linalg.norm(rotation.axis_angle_from_matrix(expected), axis=1).max() <= np.pi + 1e-12
    from_matrix = rotation.quaternion_from_matrix(expected)
    np.testing.assert_allclose(np.abs((from_matrix * wxyz).sum(1)), 1, atol=1e-14)


def test_leading_axes_are_kept():
    stacked = AXIS_ANGLE.reshape(10, 30, 3)
    assert rotation.matrix_from_axis_angle(stacked).shape == (10, 30, 3, 3)
    assert rotation.axis_angle_from_matrix(as_matrix(stacked)).shape == (10, 30, 3)
    assert rotation.quaternion_from_matrix(np.eye(3)).tolist() == [1, 0, 0, 0]
    assert rotation.quaternion_from_axis_angle(np.zeros((0, 24, 3))).shape == (0, 24, 4)


def test_the_product_turns_by_the_right_one_first():
    a, b = AXIS_ANGLE[:150], AXIS_ANGLE[150:]
    product = rotation.quaternion_product(
        rotation.quaternion_from_axis_angle(a), rotation.quaternion_from_axis_angle(b)
    )
    expected = as_matrix(a) @ as_matrix(b)
    np.testing.assert_allclose(as_matrix(rotation.axis_angle_from_quaternion(product)), expected, atol=1e-13)


@pytest.mark.parametrize("frames", [2, 3, 40])
def test_resampling_is_scipys_slerp_held_at_the_ends(frames):
    poses = RNG.normal(size=(frames, 5, 3))
    times = np.cumsum(RNG.uniform(0.01, 0.1, frames))
    new_times = np.concatenate([times, np.linspace(times[0] - 1, times[-1] + 1, 77)])
    expected = np.stack(
        [
            Slerp(times, Rotation.from_rotvec(poses[:, j]))(np.clip(new_times, times[0], times[-1])).as_matrix()
            for j in range(5)
        ],
        axis=1,
    )
    np.testing.assert_allclose(as_matrix(rotation.resample_rotations(poses, times, new_times)), expected, atol=1e-12)


def test_the_modules_that_blender_loads_need_no_scipy():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "import avanim.rigs.motion, avanim.rigs.beats, avanim.rigs.job, avanim.rigs.sound, avanim.rigs.skeleton\n"
        "import numpy as np\n"
        "m = avanim.rigs.motion.Motion(np.zeros((9, 24, 3)), np.zeros((9, 3)), 30.0)\n"
        "assert len(m.resampled(60.0)) == 18"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
