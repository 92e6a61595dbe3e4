# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion: what it refuses, resampling, other skeletons, saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.motion import Motion, tidy_fps
from avanim.rigs.motion_files import load_motion
from avanim.rigs.rotation import matrix_from_axis_angle
from avanim.rigs.skeleton import SKELETONS
from hypothesis import given, settings
from hypothesis import strategies as st


def motion(frames: int, fps: float = 30.0, skeleton: str = "smpl24", seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 0.4, (frames, len(SKELETONS[skeleton]), 3)).cumsum(axis=0) * 0.1
    return Motion(poses, rng.normal(0, 0.1, (frames, 3)).cumsum(axis=0), fps, skeleton)


@pytest.mark.parametrize(
    "change",
    [
        {"skeleton": "smpl25"},
        {"poses": np.zeros((3, 23, 3))},
        {"poses": np.zeros((3, 72))},
        {"trans": np.zeros((2, 3))},
        {"poses": np.full((3, 24, 3), np.nan)},
        {"trans": np.full((3, 3), np.inf)},
        {"fps": 0.0},
        {"fps": -30.0},
        {"fps": float("nan")},
        {"fps": float("inf")},
    ],
)
def test_impossible_motions_are_refused(change: dict) -> None:
    fields = {"poses": np.zeros((3, 24, 3)), "trans": np.zeros((3, 3)), "fps": 30.0}
    with pytest.raises(InputError) as raised:
        Motion(**{**fields, **change})
    assert "\n" not in str(raised.value)


def test_resampling_up_and_down_comes_back() -> None:
    made = motion(60)
    there = made.resampled(120)
    assert len(there) == 240 and there.fps == 120 and there.seconds == made.seconds
    np.testing.assert_allclose(there.trans[::4], made.trans, atol=1e-12)
    np.testing.assert_allclose(matrix_from_axis_angle(there.poses[::4]), matrix_from_axis_angle(made.poses), atol=1e-9)
    assert made.resampled(30) is made


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 50), fps=st.floats(1, 240), new=st.floats(1, 240))
def test_resampling_keeps_start_length_and_bounds(frames: int, fps: float, new: float) -> None:
    made = motion(frames, fps)
    other = made.resampled(new)
    assert abs(len(other) - max(1, frames / fps * new)) <= 0.5 + 1e-9
    np.testing.assert_allclose(other.trans[0], made.trans[0])
    assert (other.trans >= made.trans.min(0) - 1e-9).all() and (other.trans <= made.trans.max(0) + 1e-9).all()


@pytest.mark.parametrize("target", SKELETONS)
@pytest.mark.parametrize("source", SKELETONS)
def test_on_another_skeleton_the_named_joints_stay(source: str, target: str) -> None:
    made = motion(4, skeleton=source)
    other = made.on(target)
    assert other.skeleton == target and other.fps == made.fps
    for index, joint in enumerate(SKELETONS[target].joints):
        expected = made.poses[:, made.rig.index(joint)] if joint in made.rig.joints else np.zeros((4, 3))
        np.testing.assert_array_equal(other.poses[:, index], expected)
    with pytest.raises(InputError):
        made.on("horse")


@settings(max_examples=20, deadline=None)
@given(
    skeleton=st.sampled_from(list(SKELETONS)),
    frames=st.integers(1, 5),
    fps=st.floats(0.5, 500),
    betas=st.lists(st.floats(-5, 5), max_size=16),
    seed=st.integers(0, 1000),
)
def test_saved_motion_is_loaded_exactly(
    tmp_path_factory, skeleton: str, frames: int, fps: float, betas: list[float], seed: int
) -> None:
    path: Path = tmp_path_factory.mktemp("motion") / "dance.npz"
    made = motion(frames, fps, skeleton, seed)
    made = Motion(made.poses, made.trans, fps, skeleton, np.array(betas), "female", "male")
    made.save(path)
    read = load_motion(path)
    for field in ("poses", "trans", "betas"):
        np.testing.assert_array_equal(getattr(read, field), getattr(made, field))
    assert (read.fps, read.skeleton, read.gender, read.body) == (fps, skeleton, "female", "male")


@pytest.mark.parametrize(
    ("stored", "meant"),
    [(120.00004577, 120), (59.9999, 60), (29.97, 29.97), (23.976, 23.976), (30, 30), (0.004, 0.004)],
)
def test_frame_rates_without_noise(stored: float, meant: float) -> None:
    assert tidy_fps(stored) == meant
