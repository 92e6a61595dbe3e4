# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end on sounds whose features are known."""

import numpy as np
import pytest
from avanim.models.audio import features
from avanim.models.audio.composer import compose
from avanim.rigs.sound import Sound


def sine(hertz, seconds=2.0, rate=22050):
    t = np.arange(int(seconds * rate)) / rate
    return Sound((0.3 * np.sin(2 * np.pi * hertz * t))[None].astype(np.float32), rate)


def clicks(times, low, high, seconds=4.0, rate=22050):
    """Bursts of band-limited noise."""
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * rate)) / rate
    spectrum = np.fft.rfft(rng.standard_normal(len(t)))
    frequency = np.fft.rfftfreq(len(t), 1 / rate)
    spectrum[(frequency < low) | (frequency > high)] = 0
    noise = np.fft.irfft(spectrum, len(t))
    level = sum(np.where(t >= start, np.exp(-np.maximum(t - start, 0) / 0.04), 0.0) for start in times)
    return Sound((0.2 * noise / noise.std() * level)[None].astype(np.float32), rate)


@pytest.mark.parametrize(
    ("low", "high", "band"), [(40, 140, 0), (200, 450, 1), (700, 1800, 2), (2500, 4500, 3), (6000, 9500, 4)]
)
def test_onsets_are_where_and_in_the_band_that_they_are_in(low, high, band):
    times = [0.5, 1.3, 2.2, 3.1]
    onsets = features.onset_bands(features.spectrogram(clicks(times, low, high)))
    assert onsets.shape[0] == 5 and np.all(onsets >= 0)
    assert onsets.sum(axis=1).argmax() == band
    for start in times:
        frame = round(start * features.ONSET_FPS)
        around = onsets[band, frame - 20 : frame + 21]
        assert abs(int(around.argmax()) - 20) <= 4  # 40 ms
        assert around.max() > 5 * np.median(onsets[band])


def test_a_steady_tone_has_no_onsets():
    onsets = features.onset_bands(features.spectrogram(sine(440.0)))
    struck = features.onset_bands(features.spectrogram(clicks([1.0], 300, 3000, 2.0)))
    assert onsets[:, 20:-20].max() < 0.05 * struck.max()


@pytest.mark.parametrize(("midi", "pitch_class"), [(60, 0), (64, 4), (69, 9), (71, 11)])
def test_chroma_names_the_note(midi, pitch_class):
    chroma = features.chroma(features.spectrogram(sine(440 * 2 ** ((midi - 69) / 12))))
    assert chroma.shape[0] == 12
    assert chroma.mean(axis=1).argmax() == pitch_class


def test_levelling_makes_quiet_parts_count():
    onsets = features.onset_bands(features.spectrogram(clicks([1, 2, 3, 13, 14, 15], 100, 8000, 16.0))).sum(axis=0)
    onsets[: len(onsets) // 2] *= 0.05
    flat = features.levelled(onsets)
    loud, quiet = flat[len(flat) // 2 + 100 :].max(), flat[: len(flat) // 2 - 100].max()
    assert 0.5 < quiet / loud < 2.0


def test_melody_features():
    song = compose("disco", 118.0, 6, rate=22050, stereo=False)
    found = features.melody_features(song.sound)
    assert found.shape == (1 + int(song.sound.seconds * 12800) // 512, features.MELODY_FEATURES)
    assert found.dtype == np.float32 and np.isfinite(found).all()
    assert np.array_equal(found.std(axis=0) > 1e-3, np.arange(16) != 14)  # the last lag lies outside the window
    # The columns: deltas average out, chroma and tempogram lie in 0..1, onset strength peaks after the beats.
    assert np.abs(found[:, 3:6].mean(axis=0)).max() < 0.5 * found[:, 3:6].std(axis=0).max()
    assert found[:, 6:15].min() > -1e-6 and found[:, 6:15].max() <= 1 + 1e-6
    frames = np.round(song.beats.times[:-1] * 25).astype(int)
    on = np.max([found[frames + shift, 15] for shift in (2, 3)], axis=0).mean()  # 2 frames late, as published
    assert on > 1.5 * found[: frames[-1], 15].mean()


def test_melody_features_do_not_hear_the_volume():
    sound = compose("waltz", 90.0, 4, rate=22050, stereo=False).sound
    loud, quiet = features.melody_features(sound), features.melody_features(Sound(sound.samples * 0.1, sound.rate))
    assert np.abs(loud - quiet).max() < 0.02 * np.abs(loud).max()


@pytest.mark.parametrize("samples", [0, 1, 100, 5000])
def test_hardly_any_sound(samples):
    sound = Sound(np.zeros((1, samples), np.float32), 22050)
    assert np.isfinite(features.melody_features(sound)).all()
    assert np.isfinite(features.log_mel(sound)).all()
    assert np.isfinite(features.chroma(features.spectrogram(sound))).all()


def test_log_mel():
    found = features.log_mel(sine(1000.0))
    assert found.shape == (1 + 2 * 22050 // 441, 64)
    assert abs(found.max()) < 1e-4 and found.min() >= -80.001
    assert np.ptp(found[10:-10].argmax(axis=1)) == 0
