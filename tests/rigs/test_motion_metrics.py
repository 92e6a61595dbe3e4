# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.feet import plant_feet
from avanim.rigs.motion import Motion
from avanim.rigs.motion_metrics import (
    beat_alignment,
    bone_length_error,
    contact_speed,
    foot_skating_ratio,
    hinge_angles,
    hyperextension_rate,
    kinematic_beats,
    mean_jerk,
    measure,
    penetration,
    physical_foot_contact,
)
from avanim.rigs.skeleton import SMPL24, Rest
from hypothesis import given, settings
from hypothesis import strategies as st

REST = Rest.average()
FPS = 30.0
J = SMPL24.index
STANDING = REST.joints - [0, REST.floor, 0]


def moving(path):
    """The rest pose carried along `path` (T, 3)."""
    return STANDING[None] + np.asarray(path, float)[:, None]


def along_x(x):
    return np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1)


def test_pfc_of_a_known_slide():
    # Both feet and the root speed up evenly: every term is known. x = t^2 / 2 m, 30 fps.
    t = np.arange(31) / FPS
    positions = moving(along_x(t**2 / 2))
    steps = np.diff(t**2 / 2)[1:]
    assert physical_foot_contact(positions, FPS) == pytest.approx((steps * steps).mean() * 1e4)


def test_pfc_forgives_falling_but_not_pushing_off_in_the_air():
    t = np.arange(31) / FPS
    fall = np.stack([t, -4.9 * t**2, 0 * t], axis=1)
    assert physical_foot_contact(moving(fall), FPS) == pytest.approx(0, abs=1e-6)
    assert physical_foot_contact(moving(-fall), FPS) > 1
    assert physical_foot_contact(moving(0 * fall), FPS) == 0
    standing = moving(-fall)
    standing[:, [7, 10]] = STANDING[[7, 10]]
    assert physical_foot_contact(standing, FPS) == 0


def test_fsr_counts_sliding_frames_of_standing_feet():
    assert foot_skating_ratio(moving(along_x(np.zeros(50)))) == 0
    assert foot_skating_ratio(moving(along_x(np.arange(50) * 0.1))) == 1
    one_foot = moving(along_x(np.zeros(50)))
    one_foot[:, [7, 10], 0] += np.where(np.arange(50) < 25, 0, np.arange(50) - 25)[:, None] * 0.1
    assert foot_skating_ratio(one_foot) == pytest.approx(0.5 * 24 / 49)
    raised = moving(along_x(np.arange(50) * 0.1) + np.array([0, 1, 0]))
    assert foot_skating_ratio(raised, floor=0.03) == 0


def test_contact_speed_and_penetration_in_metres():
    count = 40
    trans = np.tile([0, -REST.floor - 0.013, 0], (count, 1))
    trans[:, 0] = 0.1 * np.arange(count) / FPS
    motion = Motion(np.zeros((count, 24, 3)), trans, FPS)
    np.testing.assert_allclose(contact_speed(motion, REST), 0.1)
    np.testing.assert_allclose(penetration(motion, REST), 0.013)
    assert np.median(contact_speed(plant_feet(motion, REST), REST)) < 1e-3
    flying = replace(motion, trans=motion.trans + along_x(np.arange(count) * 0.1))
    assert len(contact_speed(flying, REST)) == 0
    assert len(contact_speed(motion, REST, np.zeros((count, 4), bool))) == 0


def bouncing(beat, seconds=10.0, fps=FPS, phase=0.0):
    """A body that comes to rest on every beat (s); the odd offset keeps two frames from being exactly equally slow."""
    t = np.arange(round(seconds * fps)) / fps + 0.0037
    return moving(along_x(0.1 * np.cos(np.pi * (t + phase) / beat)))


def test_kinematic_beats_are_the_still_moments():
    frames = kinematic_beats(bouncing(0.5))
    np.testing.assert_allclose(np.diff(frames), 15, atol=1)
    assert np.abs((frames + 7) % 15 - 7).max() < 2


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_bas_is_high_on_the_beat_and_low_between(fps):
    beats = np.arange(1, 19) * 0.5
    score = beat_alignment(bouncing(0.5, fps=fps), fps, beats)
    assert score["fps"] == fps
    assert score["per_music_beat"] > 0.9
    assert score["per_kinematic_beat"] > 0.8
    assert score["per_music_beat_shifted"] < 0.3 * score["per_music_beat"]
    late = beat_alignment(bouncing(0.5, fps=fps, phase=0.25), fps, beats)
    assert late["per_music_beat_shifted"] > 0.9 > 0.3 > late["per_music_beat"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_bas_stays_within_0_and_1(seed):
    rng = np.random.default_rng(seed)
    positions = moving(rng.normal(size=(90, 3)).cumsum(axis=0))
    score = beat_alignment(positions, FPS, rng.uniform(0, 3, 8))
    assert all(0 <= value <= 1 for key, value in score.items() if key != "fps")


def test_jerk_of_a_cubic():
    t = np.arange(30) / FPS
    assert mean_jerk(moving(along_x(t**3)), FPS) == pytest.approx(6)
    assert mean_jerk(moving(along_x(t**2)), FPS) == pytest.approx(0, abs=1e-6)


def test_hinges_know_forwards_from_backwards():
    poses = np.zeros((4, 24, 3))
    poses[:, J("left_knee"), 0] = [0, 0.5, 1.0, -0.5]
    poses[:, J("left_elbow"), 1] = [0, -0.5, -1.0, 0.5]
    poses[:, J("right_elbow"), 1] = [0, 0.5, 1.0, -0.5]
    motion = Motion(poses, np.zeros((4, 3)), FPS)
    for angle in (hinge_angles(motion, REST)[name] for name in ("left_knee", "left_elbow", "right_elbow")):
        np.testing.assert_allclose(angle - angle[0], [0, 0.5, 1.0, -0.5], atol=0.01)
        assert 0 < angle[0] < 0.15
    assert hyperextension_rate(motion, REST) == {"knee": 0.125, "elbow": 0.25}


def test_bone_lengths():
    assert bone_length_error(STANDING[None], REST) == pytest.approx(0)
    assert bone_length_error(STANDING[None, :22] * 1.1, REST) == pytest.approx(0.1)


def test_measure_is_one_plain_object():
    count = 200
    trans = np.zeros((count, 3)) - [0, REST.floor, 0]
    motion = Motion(np.zeros((count, 24, 3)), trans, 50.0)
    result = measure(motion, REST, beat_times=np.arange(8) * 0.5)
    assert json.loads(json.dumps(result)) == result
    assert result["fps"] == 30 and result["pfc"] == 0 and result["fsr"] == 0 and result["contact_speed_median"] == 0
    flying = measure(replace(motion, trans=trans + np.arange(count)[:, None] * [0.2, 0, 0]), REST)
    assert flying["contact_speed_median"] is None and "beat_alignment" not in flying


def test_says_what_is_wrong():
    with pytest.raises(InputError, match="too few"):
        mean_jerk(STANDING[None], FPS)
    with pytest.raises(InputError, match="SMPL order"):
        foot_skating_ratio(np.zeros((10, 5, 3)))
    with pytest.raises(InputError, match="Fewer than two beats"):
        beat_alignment(bouncing(0.5), FPS, [1.0])


def test_reference_values_of_real_dances(shared_data):
    """The measures of recorded tango lie where the reference values say; a change of a formula would show here."""
    data = np.load(shared_data / "dance" / "research_only" / "smpl24_fits.npz")
    pfc, jerk = [], []
    for clip in ("14", "17"):
        joints = data[f"{clip}/offsets"].astype(float)
        for joint, above in enumerate(SMPL24.parents):
            if above >= 0:
                joints[joint] += joints[above]
        poses = data[f"{clip}/poses"].astype(float).reshape(-1, 24, 3)
        motion = Motion(poses, data[f"{clip}/trans"].astype(float), float(data[f"{clip}/fps"]))
        result = measure(motion, Rest(SMPL24, joints, joints[10, 1] - 0.03))
        pfc.append(result["pfc"])
        jerk.append(result["jerk"])
    assert np.mean(pfc) == pytest.approx(0.14, abs=0.05)
    assert np.mean(jerk) == pytest.approx(98, abs=20)
