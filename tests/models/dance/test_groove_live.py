# SPDX-License-Identifier: GPL-3.0-or-later
"""GrooveNet live: what is sent ahead is what is danced, and hears nothing of what comes later."""

from __future__ import annotations

import time

import numpy as np
import pytest
from avanim.models.audio import save_wav
from avanim.models.audio.composer import compose
from avanim.models.dance.groove_live import stream
from avanim.models.tasks import run
from avanim.rigs.errors import InputError
from avanim.rigs.job import Job
from avanim.rigs.motion_files import load_motion
from avanim.rigs.motion_metrics import contact_speed
from avanim.rigs.skeleton import Rest
from avanim.rigs.sound import Sound

REST = Rest.average()


@pytest.fixture(scope="module")
def sound():
    return compose("pop", 120, 3, 5, rate=22050, stereo=False).sound.within(0.0, 4.0)


def streamed(sound: Sound, seed: int = 1):
    shown = []
    whole = stream(sound, REST, "pop", seed, 30.0, lambda motion, first: shown.append((first, motion)))
    return shown, whole


@pytest.fixture(scope="module")
def danced(sound):
    return streamed(sound)


def test_89_chunks_follow_each_other_without_a_leap(danced):
    shown, whole = danced
    assert [first for first, _ in shown] == list(np.cumsum([0, *[len(motion) for _, motion in shown[:-1]]]))
    poses = np.concatenate([motion.poses for _, motion in shown])
    assert len(poses) == len(whole) == 120
    seams = [first for first, _ in shown[1:]]
    leaps = np.abs(np.diff(poses, axis=0)).max(axis=(1, 2))
    assert leaps[[seam - 1 for seam in seams]].max() < 1.5 * leaps.max() and leaps.max() < 0.6


def test_89_what_is_recorded_is_what_was_seen_on_planted_feet(danced):
    shown, whole = danced
    places = [
        REST.forward(motion.poses, motion.trans)[0]
        for motion in (whole, *(motion for _, motion in shown))
    ]  # fmt: skip
    seen = np.concatenate(places[1:])
    hands = np.linalg.norm((places[0] - places[0][:, :1] - seen + seen[:, :1])[:, 20:22], axis=-1)
    assert np.median(hands) < 0.04
    assert np.median(contact_speed(whole, REST)) < 0.05


def test_89_it_hears_no_further_ahead_than_the_smoothing_looks(sound, danced):
    changed = Sound(sound.samples.copy(), sound.rate)
    changed.samples[:, round(2.5 * sound.rate) :] = 0
    other, _ = streamed(changed)
    before, after = danced[0][1][1], other[1][1]
    assert np.array_equal(before.poses, after.poses)  # frames 30 to 59
    assert not np.array_equal(danced[0][3][1].poses, other[3][1].poses)


def test_89_seeds_and_styles(sound, danced):
    other, _ = streamed(sound, 2)
    assert not np.allclose(other[1][1].poses, danced[0][1][1].poses)
    with pytest.raises(InputError, match="no style"):
        stream(sound, REST, "waltz", 1, 30.0, lambda *_: None)


def test_89_the_task_sends_ahead_and_keeps_all(sound, tmp_path):
    save_wav(sound, tmp_path / "song.wav")
    out, seen = tmp_path / "live.npz", []
    made = run(
        Job("groove_live", str(tmp_path / "song.wav"), {"seconds": 2.0, "start": 1.0, "fps": 24.0}, str(out)),
        preview=lambda fields: seen.append((fields["chunks"], time.monotonic())),
    )
    assert [chunks for chunks, _ in seen] == [1, 2] and made["frames"] == 48
    assert sum(len(load_motion(tmp_path / f"live-{k}.npz")) for k in range(2)) == 48
    for options, said in (({"start": 99.0}, "not that long"), ({"start": 3.8}, "half a second")):
        with pytest.raises(InputError, match=said):
            run(Job("groove_live", str(tmp_path / "song.wav"), options, str(out)))
