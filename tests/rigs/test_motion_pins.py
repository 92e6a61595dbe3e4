# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins and loops on motions that are easily looked through."""

from __future__ import annotations

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.motion import Motion
from avanim.rigs.motion_edit import heading
from avanim.rigs.motion_pins import looped, pinned
from hypothesis import given, settings
from hypothesis import strategies as st

FPS = 30.0


def swaying(frames: int = 240) -> Motion:
    """Walks forward at 0.3 m/s, turns slowly, and swings its arms."""
    time = np.arange(frames) / FPS
    poses = np.zeros((frames, 24, 3))
    poses[:, 0, 1] = 0.2 * time
    poses[:, 16, 2] = 0.5 * np.sin(3 * time)
    poses[:, 18, 1] = 0.4 * np.cos(2 * time)
    trans = np.stack([0.05 * np.sin(time), 0.02 * np.cos(4 * time), 0.3 * time], axis=1)
    return Motion(poses, trans, FPS)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 239), min_size=1, max_size=5, unique=True), st.integers(0, 1000))
def test_pins_are_met_to_the_bit_and_nothing_jumps(frames, seed):
    rng = np.random.default_rng(seed)
    motion = swaying()
    frames = [frame for k, frame in enumerate(sorted(frames)) if k == 0 or frame - sorted(frames)[k - 1] > 12]
    pins = {
        frame: (motion.poses[frame] + rng.normal(0, 0.15, (24, 3)), motion.trans[frame] + rng.normal(0, 0.05, 3))
        for frame in frames
    }
    made = pinned(motion, pins)
    for frame, (poses, trans) in pins.items():
        assert np.array_equal(made.poses[frame], poses) and np.array_equal(made.trans[frame], trans)
    assert np.abs(np.diff(made.trans, axis=0)).max() < 0.06 and np.abs(np.diff(made.poses, axis=0)).max() < 0.25


def test_joints_are_led_for_a_moment_and_the_path_at_a_walk():
    motion = swaying()
    pose, place = motion.poses[120].copy(), motion.trans[120] + [0.5, 0, 0]
    pose[16] += [0.4, 0, 0]
    made = pinned(motion, {120: (pose, place)}, seconds=0.5)
    assert np.allclose(made.poses[:100, 16], motion.poses[:100, 16])
    assert np.allclose(made.poses[140:, 16], motion.poses[140:, 16])
    shift = made.trans[:, 0] - motion.trans[:, 0]
    assert shift[70] > 0.02 and np.abs(np.diff(shift)).max() * FPS < 0.5


def test_a_pin_that_faces_elsewhere_is_turned_to_the_short_way():
    motion = swaying()
    pose = motion.poses[100].copy()
    pose[0] = [0, heading(motion)[100] - 1.2, 0]
    made = pinned(motion, {100: (pose, motion.trans[100])})
    turn = heading(made) - heading(motion)
    assert turn.min() == pytest.approx(-1.2, abs=1e-6) and turn.max() < 0.05


def test_no_pins_no_change_and_wrong_pins_are_refused():
    motion = swaying()
    assert pinned(motion, {}) is motion
    with pytest.raises(InputError, match="outside"):
        pinned(motion, {240: (motion.poses[0], motion.trans[0])})
    with pytest.raises(InputError, match="does not fit"):
        pinned(motion, {3: (motion.poses[0, :22], motion.trans[0])})


def test_a_loop_ends_as_it_begins_with_its_speed():
    made = looped(swaying(), 150)
    assert len(made) == 151
    assert np.array_equal(made.poses[0], made.poses[-1]) and np.array_equal(made.trans[0], made.trans[-1])
    around = np.concatenate([made.poses[:-1], made.poses[:4]])
    steps = np.diff(around, axis=0)
    assert np.abs(np.diff(steps, axis=0))[145:152].max() < 0.03, "unmended the seam would be a jump of 1 rad"
    with pytest.raises(InputError, match="needs some more"):
        looped(swaying(), 239)
