# SPDX-License-Identifier: GPL-3.0-or-later
"""Tempo, metre, beats and downbeats: of composed songs, whose beats are known, and of a few real ones."""

import json

import numpy as np
import pytest
from avanim.models.audio import load_sound, track_beats
from avanim.models.audio.composer import compose
from avanim.models.audio.score import beat_f1, find_songs, score_beats
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.sound import Sound

SONGS = [
    ("hiphop", 78, 12),
    ("rumba", 84, 12),
    ("waltz", 88, 16),
    ("pop", 96, 12),
    ("rumba", 102, 12),
    ("tango", 120, 16),
    ("disco", 118, 16),
    ("chacha", 124, 16),
    ("house", 128, 16),
    ("waltz", 132, 24),
    ("waltz", 176, 32),
    ("salsa", 180, 24),
]


def song(style, bpm, bars, seed=77, **more):
    return compose(style, bpm, bars, seed, rate=22050, stereo=False, **more)


def within(times, composition):
    """The found beats between the first and the last true one."""
    true = composition.beats.times
    return times[(times > true[0] - 0.07) & (times < true[-1] + 0.07)]


@pytest.mark.parametrize(("style", "bpm", "bars"), SONGS)
def test_composed_songs(style, bpm, bars):
    composition = song(style, bpm, bars)
    beats = track_beats(composition.sound)
    assert abs(beats.bpm / bpm - 1) < 0.01
    assert beats.metre == composition.beats.metre
    assert beat_f1(within(beats.times, composition), composition.beats.times) > 0.95
    near = np.abs(beats.times[:, None] - composition.beats.times[None]).min(axis=0)
    assert np.median(near) < 0.012
    assert beats.confidence > 0.2


def test_downbeats():
    right = 0
    for style, bpm, bars in SONGS:
        composition = song(style, bpm, bars, seed=5)
        beats = track_beats(composition.sound)
        downbeats = composition.beats.times[composition.beats.positions == 0]
        right += beat_f1(within(beats.times[beats.positions == 0], composition), downbeats) > 0.9
    assert right >= 0.8 * len(SONGS)


@pytest.mark.parametrize("bpm", [60.0, 72.0, 90.0, 110.0, 140.0, 160.0, 180.0])
def test_tempo_in_one_octave_or_another(bpm):
    """A plain backbeat says the pulse, not which multiple of it one dances to."""
    composition = song("pop", bpm, 12)
    beats = track_beats(composition.sound)
    assert min(abs(beats.bpm / (ratio * bpm) - 1) for ratio in (0.5, 1, 2)) < 0.01
    fixed = track_beats(composition.sound, bpm=bpm)
    assert beat_f1(within(fixed.times, composition), composition.beats.times) > 0.95


def test_drift_is_followed():
    composition = song("house", 120.0, 24, drift=0.05)
    beats = track_beats(composition.sound)
    assert np.ptp(np.diff(composition.beats.times)) > 0.04
    assert beat_f1(within(beats.times, composition), composition.beats.times) > 0.95
    steady = track_beats(composition.sound, bpm=120.0)
    assert beat_f1(within(steady.times, composition), composition.beats.times) < 0.8


def test_steady_music_gives_an_even_grid():
    beats = track_beats(song("disco", 117.3, 16).sound)
    assert np.ptp(np.diff(beats.times)) < 1e-9
    assert abs(beats.bpm - 117.3) < 0.15


def test_overrides():
    composition = song("disco", 118.0, 8)
    beats = track_beats(composition.sound, bpm=118.0, metre=3, offset=1.0)
    assert beats.bpm == 118.0 and beats.metre == 3
    downbeats = beats.times[beats.positions == 0]
    assert np.abs(downbeats - 1.0).min() < 1e-9
    assert np.allclose(np.diff(downbeats), 3 * 60 / 118.0)
    assert track_beats(composition.sound, metre=2).metre == 2
    double = track_beats(composition.sound, bpm=236.0)
    assert np.allclose(np.diff(double.times), 60 / 236.0)


@pytest.mark.parametrize("wrong", [{"bpm": 10}, {"bpm": float("nan")}, {"metre": 0}, {"offset": -1.0}, {"offset": 1e4}])
def test_impossible_overrides(wrong):
    with pytest.raises(InputError):
        track_beats(Sound(np.zeros((1, 22050), np.float32), 22050), **wrong)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 5.0, 30.0])
def test_silence_gives_the_default_grid(seconds):
    beats = track_beats(Sound(np.zeros((2, int(44100 * seconds)), np.float32), 44100, "stereo"))
    assert beats.bpm == 120.0 and beats.confidence == 0.0 and beats.metre == 4
    assert len(beats.times) == max(1, round(seconds * 2))
    assert np.array_equal(beats.positions, np.arange(len(beats.times)) % 4)


def test_noise_is_not_trusted():
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 22050 * 40)).astype(np.float32)
    assert track_beats(Sound(noise, 22050)).confidence < 0.2


@pytest.mark.parametrize("seconds", [0.5, 1.9, 2.1, 5.0])
def test_short_music(seconds):
    composition = song("house", 124.0, 8)
    start = 4 * 22050
    sound = Sound(composition.sound.samples[:, start : start + int(seconds * 22050)], 22050)
    beats = track_beats(sound)
    assert len(beats.times) == len(beats.positions) >= 1
    assert np.all(np.diff(beats.times) > 0) and beats.times[-1] <= sound.seconds


def test_the_rate_and_the_loudness_do_not_matter():
    sound = song("disco", 118.0, 8).sound
    loud = track_beats(sound)
    quiet = track_beats(Sound(sound.samples * 0.02, sound.rate))
    doubled = np.repeat(sound.samples, 2, axis=1)  # sample-and-hold: the same music at twice the rate
    other = track_beats(Sound(np.concatenate([doubled, doubled]), 2 * sound.rate, "stereo"))
    for beats in (quiet, other):
        assert abs(beats.bpm - loud.bpm) < 0.2
        assert beat_f1(beats.times, loud.times) > 0.97


def test_progress_can_cancel():
    def stop(fraction, step):
        if fraction >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        track_beats(song("house", 124.0, 4).sound, progress=stop)


def test_f1_by_hand():
    assert beat_f1(np.array([1.0, 2.0, 3.0]), np.array([1.05, 2.0, 3.2])) == pytest.approx(2 / 3)
    assert beat_f1(np.array([]), np.array([1.0])) == 0.0
    # A beat is used once.
    assert beat_f1(np.array([1.0, 1.02]), np.array([1.01])) == pytest.approx(2 / 3)


@pytest.fixture
def real_songs():
    try:
        return find_songs()
    except InputError as error:
        pytest.skip(str(error))


def test_four_real_songs(real_songs, tmp_path):
    songs = json.loads((real_songs / "songs.json").read_text())
    chosen = {name: songs[name] for name in ("DANCE_C_1", "DANCE_R_2", "DANCE_T_2", "DANCE_W_1")}
    (tmp_path / "songs.json").write_text(json.dumps(chosen))
    (tmp_path / "songs").symlink_to(real_songs / "songs")
    result = score_beats(tmp_path)
    assert result["summary"]["all"]["ours_right"] == 4
    assert result["summary"]["all"]["ours_mean_f1"] > 0.97
    assert load_sound(real_songs / "songs" / "DANCE_C_1.mp3", rate=8000, seconds=2.0, mono=True).seconds == 2.0


def test_scoring_needs_its_songs(tmp_path):
    with pytest.raises(InputError):
        score_beats(tmp_path)
