# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a dance made anew, as the worker does it."""

import numpy as np
import pytest
from avanim.models.audio import save_wav
from avanim.models.audio.composer import compose
from avanim.models.tasks import run
from avanim.rigs.errors import InputError
from avanim.rigs.job import Job
from avanim.rigs.motion import Motion
from avanim.rigs.motion_files import load_motion
from avanim.rigs.skeleton import Rest

FPS, FRAMES = 30.0, 150


@pytest.fixture
def take(tmp_path):
    """Five seconds of somebody who stands still."""
    still = Motion(np.zeros((FRAMES, 24, 3)), np.zeros((FRAMES, 3)), FPS)
    still.save(tmp_path / "take.npz")
    return tmp_path / "take.npz"


@pytest.fixture
def music(tmp_path):
    save_wav(compose("disco", bpm=120, bars=3, seed=3, rate=22050).sound, tmp_path / "song.wav")
    return tmp_path / "song.wav"


@pytest.fixture
def body(monkeypatch):
    """The character need not be built."""

    class Average:
        def rest(self):
            return Rest.average()

    monkeypatch.setattr("avanim.rigs.characters.load_character", lambda *_, **__: Average())


def job(music, take, tmp_path, **more):
    options = {"method": "melody", "seed": 2, "fps": FPS, "seconds": 5.0, "take": str(take)}
    return Job("regenerate", str(music), {**options, **more}, str(tmp_path / "part.npz"))


def test_the_part_is_danced_and_the_rest_is_the_take(music, take, tmp_path, body):
    steps = []
    result = run(job(music, take, tmp_path, first=40, last=100, blend=8), lambda fraction, step: steps.append(fraction))
    merged = load_motion(result["motion"])
    assert len(merged) == FRAMES == result["frames"] and steps == sorted(steps) and steps[-1] == 1
    outside = np.r_[:40, 101:FRAMES]
    assert not merged.poses[outside].any() and not merged.trans[outside].any()
    assert np.abs(merged.poses[55:85]).max() > 0.2 and result["beats"]["times"]


def test_joints_and_moved_marks_go_along(music, take, tmp_path, body):
    whole = {"first": 0, "last": FRAMES - 1, "blend": 0, "joints": ["left_elbow"]}
    plain = load_motion(run(job(music, take, tmp_path, **whole))["motion"])
    moved = load_motion(run(job(music, take, tmp_path, **whole, was=[1.0, 2.0], now=[1.2, 2.0]))["motion"])
    others = [index for index in range(24) if index != 18]
    assert not plain.poses[:, others].any() and plain.poses[:, 18].any()
    np.testing.assert_allclose(moved.poses[36, 18], plain.poses[30, 18], atol=1e-6)


def test_what_is_missing_is_said(music, take, tmp_path, body):
    for options, sentence in (
        ({"first": 0, "last": 5}, "give take, first, last and blend"),
        ({"first": 0, "last": 5, "blend": 2, "colour": "red"}, "Unknown option 'colour'"),
        ({"first": 0, "last": 900, "blend": 2}, "range within it"),
    ):
        with pytest.raises(InputError, match=sentence):
            run(job(music, take, tmp_path, **options))
