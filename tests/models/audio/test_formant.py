# SPDX-License-Identifier: GPL-3.0-or-later
"""The speaking voice: its pitch, its formants, its noises, its phone times."""

import librosa
import numpy as np
import pytest
from avanim.models.audio.formant import PHONES, demo_sentence, speak
from avanim.rigs.errors import InputError

RATE = 22050


def middle(speech, phone, share=0.5):
    """The samples of the middle `share` of the first `phone`."""
    item = next(item for item in speech.phones if item.phone == phone)
    margin = (1 - share) / 2 * (item.end - item.start)
    return speech.sound.samples[0, int((item.start + margin) * RATE) : int((item.end - margin) * RATE)]


def centroid(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    return np.sum(spectrum * np.fft.rfftfreq(len(samples), 1 / RATE)) / spectrum.sum()


def formants(samples):
    """Hz of the resonances that linear prediction at 10 kHz finds, ascending."""
    low = librosa.resample(samples, orig_sr=RATE, target_sr=10000)
    emphasised = np.append(low[0], low[1:] - 0.97 * low[:-1]) * np.hamming(len(low))
    roots = np.roots(librosa.lpc(emphasised.astype(np.float64), order=12))
    roots = roots[np.imag(roots) > 0]
    hertz, width = np.angle(roots) * 10000 / (2 * np.pi), -np.log(np.abs(roots)) * 10000 / np.pi
    return sorted(hertz[(width < 500) & (hertz > 150)])


@pytest.mark.parametrize("vowel", ["AA", "AE", "EH", "ER", "IH", "AH"])
def test_vowels_have_their_formants(vowel):
    speech = speak(f"HH {vowel}1 D .", pitch=120.0, speed=0.5)
    found = np.array(formants(middle(speech, vowel, 0.4)))
    for target in PHONES[vowel].formants[:2]:
        assert np.abs(found / target - 1).min() < 0.12, (target, found)


def test_a_diphthong_glides():
    speech = speak("AY1 .", pitch=120.0, speed=0.5)
    samples = middle(speech, "AY", 0.96)
    third = len(samples) // 4
    assert formants(samples[:third])[1] + 500 < formants(samples[-third:])[1]


@pytest.mark.parametrize("pitch", [110.0, 205.0])
def test_pitch(pitch):
    speech = speak("M AA1 M AA M AA .", pitch=pitch)
    f0 = librosa.yin(speech.sound.samples[0], fmin=60, fmax=450, sr=RATE)
    clock = librosa.times_like(f0, sr=RATE)
    vowels = [
        f0[(clock > item.start + 0.02) & (clock < item.end - 0.02)] for item in speech.phones if item.phone == "AA"
    ]
    means = [np.median(values) for values in vowels]
    assert means[0] > means[1] > means[2]  # a statement falls
    assert 0.75 < np.mean(means) / pitch < 1.3


def test_hisses_lie_high_and_sh_below_s():
    speech = speak("AA S AA SH AA F AA .")
    s, sh = (centroid(middle(speech, phone)) for phone in ("S", "SH"))
    assert s > sh > 2000 > 1.5 * centroid(middle(speech, "AA"))


def test_stops_close_and_burst():
    speech = speak("AA T AA .")
    item = next(item for item in speech.phones if item.phone == "T")
    samples = speech.sound.samples[0]
    length = item.end - item.start
    closed = samples[int((item.start + 0.3 * length) * RATE) : int((item.start + 0.55 * length) * RATE)]
    burst = samples[int((item.start + 0.6 * length) * RATE) : int((item.start + 0.8 * length) * RATE)]
    assert burst.std() > 4 * closed.std()


def test_demo_sentence():
    speech = demo_sentence()
    samples = speech.sound.samples
    assert speech.text and 2.0 < speech.sound.seconds < 5.0
    assert np.isfinite(samples).all() and 0.5 < np.abs(samples).max() < 0.95
    assert speech.phones[0].start == 0.0 and abs(speech.phones[-1].end - speech.sound.seconds) < 0.01
    for before, after in zip(speech.phones[:-1], speech.phones[1:], strict=True):
        assert before.end == after.start and before.end > before.start
    pause = max(
        np.abs(samples[0, int((item.start + 0.06) * RATE) : int((item.end - 0.03) * RATE)]).max(initial=0.0)
        for item in speech.phones
        if item.phone == "SIL"
    )
    assert pause < 0.02
    assert np.array_equal(samples, demo_sentence().sound.samples)


def test_every_phone_can_be_said():
    speech = speak(" ".join(f"AX {name}" for name in PHONES) + " .")
    assert np.isfinite(speech.sound.samples).all()
    for name in PHONES:
        if name != "SIL":
            assert middle(speech, name, 0.98).std() > 0.004, name


def test_speed():
    slow, fast = (speak("HH AX L OW1 .", speed=speed).sound.seconds for speed in (1.0, 2.0))
    assert abs(slow / fast - 2.0) < 0.01


@pytest.mark.parametrize("wrong", [{"phones": "HH XX"}, {"pitch": 5.0}, {"speed": 0.0}, {"rate": 10}])
def test_what_cannot_be_said(wrong):
    with pytest.raises(InputError):
        speak(**{"phones": "AA .", **wrong})
