# SPDX-License-Identifier: GPL-3.0-or-later
"""The composer: its beats are where it says, its sound is clean, and the same seed gives the same song."""

import time

import numpy as np
import pytest
from avanim.models.audio.composer import ENERGY, compose, demo_song, divide
from avanim.models.audio.features import ONSET_FPS, levelled, onset_bands, spectrogram
from avanim.models.audio.styles import STYLES
from avanim.rigs.errors import InputError


def middle_tempo(style):
    return float(np.mean(STYLES[style].tempo))


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_clean_and_on_its_beats(style):
    bpm = middle_tempo(style)
    song = compose(style, bpm, 12, seed=4, rate=22050, stereo=False)
    samples = song.sound.samples
    assert samples.dtype == np.float32 and np.isfinite(samples).all()
    assert 0.3 < np.abs(samples).max() < 0.98
    assert abs(samples.mean()) < 1e-3
    assert abs(samples[0, 0]) < 1e-6 and abs(samples[0, -1]) < 1e-4
    crest = np.abs(samples).max() / samples.std()
    assert 3.0 < crest < 8.0  # 10 to 18 dB: neither crushed nor clicking
    beats, metre = song.beats, STYLES[style].metre
    assert beats.metre == metre and len(beats.times) == 12 * metre + 1
    assert np.allclose(np.diff(beats.times), 60 / bpm)
    assert np.array_equal(beats.positions, np.arange(len(beats.times)) % metre)

    onsets = levelled(onset_bands(spectrogram(song.sound))).sum(axis=0)
    clock = np.arange(len(onsets)) / ONSET_FPS
    period = 60 / bpm
    lags = np.arange(-0.1, 0.1, 0.005)
    comb = [np.interp(beats.times + lag, clock, onsets).mean() for lag in lags]
    assert abs(lags[int(np.argmax(comb))]) < 0.011
    if style != "salsa":  # the bass and the piano of a salsa lead the beat
        assert max(comb) > np.interp(beats.times[:-1] + 0.25 * period, clock, onsets).mean() + 0.5


def test_the_first_sound_is_the_first_beat():
    song = compose("house", 124.0, 4, rate=44100)
    first = np.flatnonzero(np.abs(song.sound.mono()) > 1e-4)[0] / 44100
    assert abs(first - song.beats.times[0]) < 0.006


def test_the_seed_decides():
    one, again = (compose("pop", 100.0, 6, seed=9, rate=22050) for _ in range(2))
    assert np.array_equal(one.sound.samples, again.sound.samples)
    other = compose("pop", 100.0, 6, seed=10, rate=22050)
    assert one.sound.samples.shape == other.sound.samples.shape
    assert not np.allclose(one.sound.samples, other.sound.samples, atol=0.05)


def test_no_clicks():
    """Nothing jumps more between two samples than the loudest treble of the drums does."""
    samples = compose("waltz", 90.0, 8, seed=1, rate=44100).sound.samples
    assert np.abs(np.diff(samples)).max() < 0.35
    assert np.abs(np.diff(samples, 2)).max() < 0.45


def test_sections():
    song = compose("disco", 120.0, 12, sections=[("intro", 4), ("build", 2), ("chorus", 6)], rate=22050, stereo=False)
    assert [section.name for section in song.sections] == ["intro", "build", "chorus"]
    assert [section.first_beat for section in song.sections] == [0, 16, 24]
    for section in song.sections:
        assert section.start == song.beats.times[section.first_beat] and section.energy == ENERGY[section.name]
    level = [
        np.sqrt(np.mean(song.sound.samples[0, int(section.start * 22050) : int(section.end * 22050)] ** 2))
        for section in song.sections
    ]
    assert level[0] < level[1] < level[2]
    after = song.sound.samples[0, int((song.beats.times[-1] + 2.3) * 22050) :]
    assert np.abs(after).max() < 0.05 * np.abs(song.sound.samples).max()


@pytest.mark.parametrize("bars", range(1, 40))
def test_every_length_divides(bars):
    plan = divide(bars)
    assert sum(count for _, count in plan) == bars and all(count > 0 for _, count in plan)


def test_drift():
    song = compose("house", 120.0, 16, drift=0.04, rate=22050, stereo=False)
    tempi = 60 / np.diff(song.beats.times)
    assert abs(tempi.max() / 120 - 1.04) < 0.002 and abs(tempi.min() / 120 - 0.96) < 0.002


def test_stereo_is_wide_and_its_mono_is_whole():
    song = compose("pop", 104.0, 8, rate=22050)
    left, right = song.sound.samples
    assert song.sound.layout == "stereo"
    assert 0.3 < np.corrcoef(left, right)[0, 1] < 0.98
    assert song.sound.mono().std() > 0.6 * left.std()


def test_it_is_fast():
    compose("disco", 118.0, 4, rate=22050, stereo=False)  # drums and tables are made once
    started = time.process_time()
    song = compose("disco", 121.0, 24, rate=22050, stereo=False)
    assert song.sound.seconds / (time.process_time() - started) > 20


@pytest.mark.parametrize("seconds", [8.0, 16.0, 19.0, 30.0])
def test_demo_song(seconds):
    song = demo_song(seconds, rate=22050)
    assert abs(song.sound.seconds - seconds) < 1.3
    assert 116 <= song.beats.bpm <= 120 and song.beats.metre == 4
    assert song.sections[-1].name == "chorus" and song.beats.positions[-1] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"style": "polka"},
        {"bpm": 10.0},
        {"bpm": float("nan")},
        {"bars": 0},
        {"bars": 10**6},
        {"drift": 0.9},
        {"sections": [("verse", 3)]},
        {"sections": [("bridge", 4)]},
        {"sections": [("verse", 5), ("chorus", -1)]},
    ],
)
def test_impossible_songs(wrong):
    with pytest.raises(InputError):
        compose(**{"style": "pop", "bpm": 100.0, "bars": 4, **wrong})
