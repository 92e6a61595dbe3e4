# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of sets of dances: the distances by hand, the recorded dancers, and a whole small table."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from avanim.__main__ import main
from avanim.models.audio import save_wav
from avanim.models.audio.composer import compose
from avanim.models.dance import score as dance_score
from avanim.models.dance.score_measures import Reference, Tally, frechet_distance
from avanim.models.dance.score_reference import (
    gestures,
    load_recordings,
    load_songs,
    nearest,
    training_gestures,
    training_motions,
)
from avanim.models.dance.score_retrieval import retrieval
from avanim.rigs import moves
from avanim.rigs.errors import InputError
from avanim.rigs.feet import sole_points
from avanim.rigs.motion import Motion
from avanim.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from avanim.rigs.skeleton import Rest

REST = Rest.average()


def step_touch(seconds: float = 12.0, bpm: float = 120.0, fps: float = 60.0) -> Motion:
    beats = np.arange(int(seconds * bpm / 60) + 2) * 60 / bpm
    placed = [moves.Placed("step_touch", float(at)) for at in range(0, len(beats), moves.MOVES["step_touch"].beats)]
    return moves.perform(placed, beats, REST, fps).motion.slice(0, seconds)


# --- distances


def test_frechet_distance_of_known_normal_distributions():
    random = np.random.default_rng(0).normal(size=(4000, 5))
    assert frechet_distance(random, random) == pytest.approx(0, abs=1e-3)
    assert frechet_distance(random, random + np.array([3, 0, 0, 0, 4])) == pytest.approx(25, rel=1e-3)
    # Equal means, standard deviations 1 and 2: (2 - 1)^2 for each of the columns.
    assert frechet_distance(random, 2 * (random - random.mean(0)) + random.mean(0)) == pytest.approx(5, rel=0.1)


def test_frechet_distance_bears_columns_that_never_vary():
    features = np.random.default_rng(1).normal(size=(50, 4))
    features[:, 2] = features[:, 1]
    features[:, 3] = 0
    assert frechet_distance(features, features + np.array([0, 0, 0, 1])) == pytest.approx(1, abs=1e-3)


def test_a_dance_is_nearer_to_its_like():
    tally, rng = Tally(), np.random.default_rng(2)
    for _ in range(6):
        tally.add(step_touch(20.0, rng.uniform(90, 140)), REST)
    reference = Reference.of(tally)
    same, still = Tally(), Tally()
    same.add(step_touch(40.0, 118.0), REST)
    still.add(replace(step_touch(40.0), poses=np.zeros((2400, 24, 3))), REST)
    for name in ("kinetic", "published", "geometric"):
        near, varied = reference.compare(name, np.array(getattr(same, name)))
        far, _ = reference.compare(name, np.array(getattr(still, name)))
        assert near < far
        assert varied >= 0
    assert reference.compare("kinetic", None)[1] > 0


def test_gestures_know_neither_place_nor_heading_and_find_a_copy():
    motion = step_touch(6.0, 100.0)
    quarter = matrix_from_axis_angle(np.array([0, np.pi / 2, 0]))
    poses = motion.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(quarter @ matrix_from_axis_angle(poses[:, 0]))
    # The root turns about its own place, which in the rest pose is not above the origin.
    offset = REST.joints[0] - quarter @ REST.joints[0]
    turned = replace(motion, poses=poses, trans=motion.trans @ quarter.T + (np.array([3, 0, -2]) - offset))
    here, there = gestures(motion, REST, 0.5), gestures(turned, REST, 0.5)
    assert here.shape == (10, 234)
    assert np.abs(here - there).max() < 1e-4

    known = training_gestures(training_motions(None))
    assert nearest(here, known).max() < 0.02
    assert nearest(gestures(motion, REST, 0.5, speed=1.1), known).max() < dance_score.COPY
    upside_down = replace(motion, poses=motion.poses + np.array([0.0, 0.0, 1.0]))
    assert nearest(gestures(upside_down, REST, 0.5), known).min() > 2 * dance_score.COPY


# --- beats


def test_alignment_falls_to_chance_with_other_music():
    motion, tally = step_touch(30.0, 120.0), Tally()
    tally.align(motion, REST, np.arange(59) * 0.5, np.array([0.47, 0.56, 0.63]), np.random.default_rng(0))
    (found,) = tally.alignment
    assert found["per_music_beat"] > 1.3 * found["per_music_beat_other_music"]
    assert found["per_kinematic_beat"] > 1.3 * found["per_kinematic_beat_other_music"]
    assert found["per_music_beat_shifted"] < found["per_music_beat"]


def test_retrieval_lasts_as_long_as_the_music_and_goes_on_where_a_piece_ended():
    song = compose("pop", 120, 4, 3, rate=22050, stereo=False)
    training = [
        (name, motion) for name, motion in training_motions(None) if name in ("step_touch at 125", "twist at 125")
    ]
    made = retrieval(song.sound, song.beats, training, 60.0, np.random.default_rng(0))
    assert len(made) == pytest.approx(song.sound.seconds * 60, abs=2)
    joints = REST.forward(made.poses, made.trans)[0]
    assert np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1).max() * 60 < 3
    again = retrieval(song.sound, song.beats, training, 60.0, np.random.default_rng(0))
    assert np.array_equal(made.poses, again.poses)


# --- the whole table


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two short songs with known beats, and recorded dancers: authored moves with bones of their own."""
    root = tmp_path_factory.mktemp("score")
    (root / "songs").mkdir()
    truth = {}
    for k, bpm in enumerate((110, 126)):
        song = compose("pop", bpm, 6, 40 + k, rate=22050, stereo=False)
        save_wav(song.sound, root / "songs" / f"song_{k}.wav")
        truth[f"song_{k}"] = {
            "bpm": bpm, "beat0_in_clip_s": float(song.beats.times[0]), "beats": len(song.beats.times)
        }  # fmt: skip
    (root / "songs.json").write_text(json.dumps(truth))
    fields = {}
    offsets = REST.offsets * 1.05
    offsets[0] = 0
    lines = ["cau,dance,beats,source,source_fps,start_frame,end_frame,seconds,bpm"]
    for name in ("groove", "twist", "two_step", "hip_sway"):
        beats = np.arange(33) * 0.5
        motion = moves.perform([moves.Placed(name, 8.0 * n) for n in range(4)], beats, REST, 40.0).motion
        fields[f"{name}/poses"] = motion.poses.reshape(len(motion), 72).astype(np.float32)
        fields[f"{name}/trans"] = (1.05 * (motion.trans + REST.joints[0]) + [0, 0.2, 0]).astype(np.float32)
        fields[f"{name}/offsets"] = offsets
        fields[f"{name}/fps"] = 40.0
        lines += [f"{name}-{n},P,8,{name},80,{n * 320},{(n + 1) * 320},4.0,120" for n in range(2)]
        lines.append(f"{name}-far,P,4,MISSING,,,,,")
    np.savez(root / "smpl24_fits.npz", **fields)
    (root / "caus.csv").write_text("\n".join(lines) + "\n")
    return root


def test_recorded_dancers_stand_on_the_floor_and_keep_their_beats(folders):
    recordings = load_recordings(folders)
    assert [recording.name for recording in recordings] == ["groove", "hip_sway", "twist", "two_step"]
    for recording in recordings:
        # Sections that follow one another are one stretch of 16 beats.
        ((start, end, beats),) = recording.danced
        assert (start, end) == (0, 8)
        assert beats == pytest.approx(np.arange(16) * 0.5)
        assert abs(np.median(sole_points(recording.motion, recording.rest)[:, :, :2, 1].min(axis=(1, 2)))) < 0.02


def test_songs_know_their_beats(folders):
    songs = load_songs(folders / "songs")
    assert [song.name for song in songs] == ["song_0", "song_1"]
    assert songs[1].beats is not None and songs[1].beats.bpm == 126
    assert [song.name for song in load_songs(folders / "songs", 1)] == ["song_0"]


def test_the_table_and_a_run_taken_up_again(folders, tmp_path, capsys, monkeypatch):
    command = [
        "score", "dance", "--method", "melody,retrieval", "--songs", str(folders / "songs"), "--reference",
        str(folders), "--cache", str(tmp_path), "--json", "--quiet",
    ]  # fmt: skip
    assert main(command) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert list(result["rows"]) == ["mocap", "melody", "retrieval", "random_poses", "shuffled_time", "mean_pose"]
    assert result["songs"] == result["songs_with_known_beats"] == 2
    assert result["fps"] == {"features": 60, "beat_alignment": 60, "feet": 30, "jerk": 30}
    mocap, danced, still = (result["rows"][name] for name in ("mocap", "melody", "mean_pose"))
    assert min(danced["fid_k"], danced["fid_g"], mocap["div_k"], danced["div_k"]) > 0
    assert danced["beat_alignment_per_music_beat"] > 1.3 * danced["beat_alignment_per_music_beat_other_music"]
    assert still["div_k"] == still["jerk_p999"] == still["beat_alignment_per_music_beat"] == 0
    assert mocap["nearest_training"] < 0.1
    # What is retrieved is the training motion itself.
    assert result["rows"]["retrieval"]["nearest_training"] < danced["nearest_training"]
    for row in result["rows"].values():
        assert all(value is None or np.isfinite(value) for value in row.values())
    # The table says the same on stderr, one line a row.
    lines = shown.err.splitlines()
    assert [line.split()[0] for line in lines[-6:]] == list(result["rows"])
    assert f"{danced['fid_k']:.1f}" in lines[-5]

    def never(*_, **__):
        raise AssertionError("made anew what was kept")

    monkeypatch.setattr(dance_score, "generate", never)
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == result


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"methods": "melody,polka"}, "polka"),
        ({"songs": "nowhere"}, "--songs"),
        ({"reference": "nowhere"}, "--reference"),
        ({"data": "nowhere"}, "--data"),
    ],
)
def test_wrong_input_is_refused(folders, changed, said):
    wanted = {"methods": "melody", "songs": folders / "songs", "reference": folders, **changed}
    with pytest.raises(InputError, match=said):
        dance_score.score(**wanted)


def test_the_command_asks_for_what_it_lacks(capsys):
    assert main(["score", "dance"]) == 2
    assert "--songs" in capsys.readouterr().err


def test_research_recordings_beside_the_documented_values(shared_data):
    folder = shared_data / "dance" / "research_only"
    if not (folder / "smpl24_fits.npz").is_file():
        pytest.skip("needs the research recordings")
    recordings = [one for one in load_recordings(folder) if one.name in ("14", "17")]
    tally = Tally()
    for recording in recordings:
        tally.add(recording.motion, recording.rest)
    # The tango takes of the design's reference table: PFC 0.14, skating 1.1 %.
    assert np.mean(tally.pfc) == pytest.approx(0.14, abs=0.06)
    assert np.mean([ratio for ratio, _ in tally.skating]) < 0.03
