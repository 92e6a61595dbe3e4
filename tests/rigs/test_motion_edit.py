# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.motion import Motion
from avanim.rigs.motion_edit import blend, concatenate, heading, inertialised, placed
from avanim.rigs.skeleton import SMPL24, Rest
from scipy.ndimage import gaussian_filter1d

FPS = 30.0
REST = Rest(
    SMPL24, Rest.average().joints * [[0, 1, 1] if k in (0, 3, 6, 9, 12, 15) else [1, 1, 1] for k in range(24)], -1.175
)


def swaying(seed, frames=60):
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter1d(rng.normal(size=(frames, 25, 3)), 8, axis=0, mode="nearest") * 2
    return Motion(smooth[:, :24] * 0.5, smooth[:, 24] + [0, 1, 0], FPS)


def positions_of(motion):
    return REST.forward(motion.poses, motion.trans)[0]


def test_mirroring_reflects_every_joint_and_undoes_itself():
    motion = swaying(0)
    order = [SMPL24.index(n.replace("left", "*").replace("right", "left").replace("*", "right")) for n in SMPL24.joints]
    expected = positions_of(motion)[:, order] * [-1, 1, 1]
    np.testing.assert_allclose(positions_of(motion.mirrored()), expected, atol=1e-9)
    np.testing.assert_array_equal(motion.mirrored().mirrored().poses, motion.poses)
    Motion(np.zeros((2, 55, 3)), np.zeros((2, 3)), FPS, "smplx55").mirrored()


def test_a_slice_is_a_stretch_of_time():
    motion = swaying(1)
    part = motion.slice(0.5, 1.5)
    np.testing.assert_array_equal(part.poses, motion.poses[15:45])
    assert len(motion.slice(1.9, 99)) == 3
    with pytest.raises(InputError, match="No frame"):
        motion.slice(1, 1)


def test_placing_moves_the_root_and_turns_the_body():
    motion = swaying(2)
    moved = placed(motion, REST, 1.2, 3.0, -4.0)
    root = positions_of(moved)[:, 0]
    np.testing.assert_allclose(root[0, [0, 2]], [3, -4], atol=1e-9)
    np.testing.assert_allclose(root[:, 1], positions_of(motion)[:, 0, 1], atol=1e-9)
    turned = np.exp(1j * (heading(moved) - heading(motion)))
    np.testing.assert_allclose(turned, np.exp(1.2j), atol=1e-9)
    before, after = positions_of(motion), root[0]
    np.testing.assert_allclose(
        np.linalg.norm(positions_of(moved) - after, axis=-1), np.linalg.norm(before - before[0, 0], axis=-1), atol=1e-9
    )


def test_a_join_has_neither_a_jump_nor_a_kink():
    first, second = swaying(3), swaying(4)
    joined = concatenate([first, second], REST, seconds=0.5)
    assert len(joined) == 120
    np.testing.assert_array_equal(joined.poses[:60], first.poses)
    speed = np.linalg.norm(np.diff(positions_of(joined), axis=0), axis=-1).max(axis=1) * FPS
    usual = max(np.linalg.norm(np.diff(positions_of(m), axis=0), axis=-1).max() * FPS for m in (first, second))
    # One clip cut to the other jumps by half a body; the join must only be a quick move.
    cut = np.linalg.norm(positions_of(second)[0] - positions_of(first)[-1], axis=-1).max() * FPS
    assert cut > 4 * usual
    assert speed[58:76].max() < 2.5 * usual + 2
    kink = np.linalg.norm(np.diff(positions_of(joined), 2, axis=0), axis=-1).max(axis=1)[57:60].max()
    assert kink < 3 * max(np.linalg.norm(np.diff(positions_of(m), 2, axis=0), axis=-1).max() for m in (first, second))
    # After the transition the second clip goes on undisturbed, only placed elsewhere.
    np.testing.assert_allclose(joined.poses[75:, 1:], second.poses[15:, 1:], atol=1e-9)


def test_a_clip_cut_in_two_and_joined_is_the_clip():
    motion = swaying(5)
    first, second = motion.slice(0, 1), motion.slice(1, 2)
    joined = concatenate([first, second], REST, align=False)
    # The speed is carried on as it was a frame before, so hands of a body this wild stray by some centimetres.
    assert np.abs(positions_of(joined) - positions_of(motion)).max() < 0.04


def test_alignment_goes_on_where_the_first_one_stands():
    first, second = swaying(6), swaying(7)
    away = placed(second, REST, 2.0, 50.0, 50.0)
    near = concatenate([first, second], REST)
    np.testing.assert_allclose(concatenate([first, away], REST).poses, near.poses, atol=1e-6)
    np.testing.assert_allclose(concatenate([first, away], REST).trans, near.trans, atol=1e-6)


def test_blending():
    first, second = swaying(8), swaying(9)
    np.testing.assert_allclose(positions_of(blend(first, second, 0)), positions_of(first), atol=1e-9)
    np.testing.assert_allclose(positions_of(blend(first, second, 1)), positions_of(second), atol=1e-9)
    ramp = blend(first, second, np.linspace(0, 1, 60))
    np.testing.assert_allclose(positions_of(ramp)[-1], positions_of(second)[-1], atol=1e-9)


def test_says_what_is_wrong():
    motion = swaying(0)
    with pytest.raises(InputError, match="can't be joined"):
        inertialised(motion, motion.resampled(25))
    with pytest.raises(InputError, match="blended"):
        blend(motion, motion.slice(0, 1), 0.5)
    with pytest.raises(InputError, match="no motion"):
        concatenate([], REST)


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_clips(frames):
    short = swaying(0, frames)
    assert len(concatenate([short, short, short], REST)) == 3 * frames
