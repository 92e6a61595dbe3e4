# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.feet import plant_feet, sole_points
from avanim.rigs.motion import Motion
from avanim.rigs.motion_edit import heading
from avanim.rigs.motion_merge import merge
from avanim.rigs.motion_span import retimed
from avanim.rigs.moves import MOVES, Placed, perform
from avanim.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from avanim.rigs.skeleton import SMPL24, Rest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

FPS = 30.0
REST = Rest.average()


def swaying(seed, frames=120, size=1.0):
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter1d(rng.normal(size=(frames, 25, 3)), 8, axis=0, mode="nearest") * 2 * size
    return Motion(smooth[:, :24] * 0.5, smooth[:, 24] + [0, 1, 0], FPS)


def steps(motion):
    """Per frame, the largest turn of a joint against the frame before (rad) and the root's way (m)."""
    turned = matrix_from_axis_angle(motion.poses)
    turns = np.linalg.norm(axis_angle_from_matrix(np.swapaxes(turned[:-1], -1, -2) @ turned[1:]), axis=-1)
    return turns, np.linalg.norm(np.diff(motion.trans, axis=0), axis=-1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(0, 118), st.data(), st.integers(0, 30), st.booleans())
def test_outside_the_range_nothing_changes_by_a_bit(seed, first, data, blend, whole):
    last = data.draw(st.integers(first, 119))
    joints = None if whole else ["left_shoulder", "head"]
    old, new = swaying(seed), swaying(seed + 100)
    merged = merge(old, new, first, last, joints, blend, REST)
    outside = np.ones(120, bool)
    outside[first : last + 1] = False
    np.testing.assert_array_equal(merged.poses[outside], old.poses[outside])
    np.testing.assert_array_equal(merged.trans[outside], old.trans[outside])
    if not whole:
        others = [index for index, joint in enumerate(SMPL24.joints) if joint not in joints]
        np.testing.assert_array_equal(merged.poses[:, others], old.poses[:, others])
        np.testing.assert_array_equal(merged.trans, old.trans)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(1, 40), st.integers(80, 118), st.integers(8, 20))
def test_neither_place_nor_speed_jumps_at_the_ends(seed, first, last, blend):
    # Poses may lie any way apart, half a turn and more.
    old, new = swaying(seed, size=2.0), swaying(seed + 100, size=2.0)
    turns, ways = steps(merge(old, new, first, last, None, blend))
    usual = [steps(motion) for motion in (old, new)]
    # A blend crosses what lies between the two within its length; the weight's steepest slope is 15/8.
    most = 2 * (max(turn.max() for turn, _ in usual) + 15 / 8 * 2 * np.pi / blend)
    assert turns.max() < most
    assert ways.max() < 3 * max(way.max() for _, way in usual) + 15 / 8 * 2.0 / blend
    # At the very edges the weight has hardly begun: the speed is the old motion's.
    for edge in (first, last):
        merged = merge(old, new, first, last, None, blend)
        kink = np.diff(merged.trans, 2, axis=0)[edge - 1] - np.diff(old.trans, 2, axis=0)[edge - 1]
        apart = 2 * sum(np.linalg.norm(motion.trans, axis=1).max() for motion in (old, new))
        assert np.linalg.norm(kink) < 60 / blend**3 * apart


def test_within_the_range_the_new_motion_is_seen():
    old, new = swaying(1), swaying(2)
    merged = merge(old, new, 30, 90, None, 10)
    np.testing.assert_array_equal(merged.poses[41:80, 1:], new.poses[41:80, 1:])
    only = merge(old, new, 0, 119, ["left_elbow"])
    np.testing.assert_array_equal(only.poses[:, 18], new.poses[:, 18])


def test_blends_go_the_short_way_round():
    still, turned = (Motion(np.zeros((60, 24, 3)), np.zeros((60, 3)), FPS) for _ in range(2))
    still.poses[:, 18, 0], turned.poses[:, 18, 0] = 0.9 * np.pi, -0.9 * np.pi
    angles = np.abs(merge(still, turned, 10, 50, ["left_elbow"], 10).poses[:, 18, 0])
    assert angles.min() > 0.89 * np.pi


def test_the_range_goes_on_where_the_old_motion_stands_and_faces():
    walk = Motion(np.zeros((120, 24, 3)), np.zeros((120, 3)), FPS)
    walk.trans[:, 2] = np.arange(120) / FPS
    away = Motion(np.zeros((120, 24, 3)), np.zeros((120, 3)), FPS)
    away.poses[:, 0, 1] = 2.0
    away.trans[:] = [30, 0, -5] + np.arange(120)[:, None] / FPS * np.array([np.sin(2.0), 0, np.cos(2.0)])
    merged = merge(walk, away, 20, 100, None, 12)
    np.testing.assert_allclose(merged.trans, walk.trans, atol=1e-6)
    np.testing.assert_allclose(heading(merged), 0, atol=1e-6)
    np.testing.assert_allclose(merge(walk, away, 20, 119, None, 12).trans, walk.trans, atol=1e-6)


def dance(seed):
    rng = np.random.default_rng(seed)
    placed, beat = [], 0
    while beat < 16:
        move = MOVES[rng.choice(["step_touch", "two_step", "grapevine", "twist", "disco_point", "kick_step"])]
        placed.append(Placed(move.name, beat, mirrored=bool(rng.integers(2))))
        beat += move.beats
    return plant_feet(perform(placed, np.arange(0, 8.01, 0.5), REST).motion, REST)


def slide(motion):
    """m/s: the mean over all frames of how fast the fastest sole that touches the floor slips over it."""
    balls = sole_points(motion, REST)[:, :, 1]
    speed = np.linalg.norm(np.diff(balls[..., [0, 2]], axis=0), axis=-1) * FPS
    return np.where(balls[1:, :, 1] < 0.015, speed, 0).max(axis=1).mean()


def test_feet_do_not_skate_in_the_blends_and_between():
    figures = []
    for seed in range(3):
        old, new = dance(seed), dance(seed + 50)
        ways = merge(old, new, 70, 170, None, 12, REST), merge(old, new, 70, 170, None, 12), old, new
        figures.append([slide(motion.slice(70 / FPS, 171 / FPS)) for motion in ways])
    planted, loose, *usual = np.mean(figures, axis=0)
    print(f"standing soles slip by {planted:.3f} m/s planted, {loose:.3f} not, {max(usual):.3f} in the dances")
    assert planted < 0.4 * loose and planted < max(usual) + 0.08


def test_retiming_moves_what_happens():
    motion = swaying(3)
    at = retimed(motion, [1.0, 2.0], [1.2, 2.0])
    np.testing.assert_allclose(at.trans[36], motion.trans[30], atol=1e-9)
    np.testing.assert_allclose(at.trans[60], motion.trans[60], atol=1e-9)
    np.testing.assert_allclose(at.poses[36], motion.poses[30], atol=1e-9)
    assert len(at) == len(motion)


def test_says_what_is_wrong():
    old = swaying(0)
    for wrong, sentence in (
        (lambda: merge(old, old.resampled(25), 0, 5), "resample one"),
        (lambda: merge(old, old, 5, 120), "range within"),
        (lambda: merge(old, old, -1, 12), "range within"),
        (lambda: merge(old, old.slice(0, 2), 5, 80), "longer"),
        (lambda: merge(old, old, 5, 12, ["tail"]), "no joint 'tail'"),
    ):
        with pytest.raises(InputError, match=sentence):
            wrong()
