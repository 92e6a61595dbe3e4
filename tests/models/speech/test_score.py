# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of recognition: shapes of phones, conditions of recordings, what the shipped weights make of a sentence."""

import numpy as np
import pytest
from avanim.models.audio.formant import demo_sentence
from avanim.models.face.score_measures import Tally, segments
from avanim.models.face.score_sets import Item
from avanim.models.speech import Heard, align, recognise
from avanim.models.speech import score as scores
from avanim.models.speech.conditions import conditions
from avanim.models.speech.features import RATE, features, pitch
from avanim.models.speech.recogniser import WEIGHTS
from avanim.rigs.phone_names import from_arpabet
from avanim.rigs.phones import Phones, those
from avanim.rigs.sound import Sound

needs_weights = pytest.mark.skipif(not WEIGHTS.exists(), reason="needs the weights")


@pytest.fixture(scope="module")
def sentence():
    """A sentence of our own synthesiser, which trained nothing, and its phones."""
    said = demo_sentence(RATE)
    rows = []
    for phone in said.phones:
        names = from_arpabet(phone.phone)
        step = (phone.end - phone.start) / max(len(names), 1)
        rows += [(phone.start + i * step, phone.start + (i + 1) * step, name) for i, name in enumerate(names)]
    return said.sound, Phones.of(row for row in rows if row[2] != "sil")


@pytest.fixture(scope="module")
def heard(sentence) -> Heard:
    return recognise(sentence[0], device="cpu")


def test_the_phones_themselves_have_the_best_score():
    labels = Phones.of(
        [(0.1, 0.2, "m"), (0.2, 0.4, "a"), (0.4, 0.5, "f"), (0.5, 0.7, "o"), (0.7, 0.8, "p"), (0.8, 0.9, "i")]
    )
    asked = segments(labels, 1.0)
    right, wrong = Tally(), Tally()
    right.add(asked, scores._shapes(labels, 1.0, 100))
    wrong.add(asked, scores._flap(np.linspace(-60, 0, 100, dtype=np.float32)))
    assert right.summary()["macro_f1"] == pytest.approx(1.0)
    assert wrong.summary()["macro_f1"] < 0.5


def test_conditions_keep_the_length_and_say_nothing_that_is_no_number():
    voice = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    for name, change in conditions().items():
        made = change(voice)
        assert made.shape == voice.shape and made.dtype == np.float32 and np.isfinite(made).all(), name
    assert np.abs(conditions()["40 dB quieter"](voice)).max() == pytest.approx(0.01 * np.abs(voice).max(), rel=1e-3)


def test_a_whisper_has_no_steady_pitch_and_a_shout_is_higher_and_louder(sentence):
    voice = sentence[0].mono()
    made = {name: conditions()[name](voice) for name in ("whispered", "sung", "shouted")}
    hertz = {name: pitch(features(x)) for name, x in made.items()} | {"as it is": pitch(features(voice))}
    voiced = {name: values[values > 0] for name, values in hertz.items()}
    steady = {name: np.mean(np.abs(np.diff(np.log2(values))) < 0.05) for name, values in voiced.items()}
    assert steady["whispered"] < 0.5 < steady["as it is"], "noise: what pitch is found in it leaps about"
    assert np.median(voiced["shouted"]) > 1.5 * np.median(voiced["as it is"])
    assert np.std(np.log2(voiced["sung"])) > 0.2, "it goes up and down a scale"
    loud = {name: np.sqrt(np.mean(x**2)) for name, x in made.items()}
    assert loud["whispered"] < 0.5 * np.sqrt(np.mean(voice**2)) < loud["shouted"]


@needs_weights
@pytest.mark.parametrize("name", ["whispered", "sung", "shouted", "telephone", "music, 6 dB below"])
def test_it_keeps_hearing_whatever_happens_to_the_voice(name, sentence):
    sound, labels = sentence
    count = round(labels.seconds * 100)
    heard = recognise(Sound(conditions()[name](sound.mono())[None], RATE), device="cpu")
    tally = Tally()
    tally.add(segments(labels, labels.seconds), scores._shapes(heard.phones, labels.seconds, count))
    flap = Tally()
    flap.add(segments(labels, labels.seconds), scores._flap(heard.loudness[:count]))
    assert tally.summary()["macro_f1"] > flap.summary()["macro_f1"] + 0.1


def test_clips_in_a_row_keep_their_labels():
    one = Item("one", Sound(np.zeros((1, RATE), np.float32), RATE), Phones.of([(0.2, 0.5, "m")]))
    two = Item("two", Sound(np.ones((1, 2 * RATE), np.float32), RATE), Phones.of([(0.5, 1.0, "a")]))
    made = scores._in_a_row((one, two))
    assert made.sound.seconds == 3.0 and made.phones.names == ("m", "a")
    np.testing.assert_allclose(made.phones.start, [0.2, 1.5])


@needs_weights
def test_a_voice_that_nobody_trained_on_is_understood(sentence, heard):
    _, labels = sentence
    count = round(labels.seconds * 100)
    spoken = scores._frames(labels, count) > 0
    assert np.mean((heard.speech[:count] > 0.5) == spoken) > 0.85
    lips = [t for t, name in zip(heard.phones.start, heard.phones.names, strict=True) if name in those("bilabial")]
    closed = [t for t, name in zip(labels.start, labels.names, strict=True) if name in those("bilabial")]
    assert any(abs(a - b) < 0.06 for a in lips for b in closed)
    tally = Tally()
    tally.add(segments(labels, labels.seconds), scores._shapes(heard.phones, labels.seconds, count))
    assert tally.summary()["macro_f1"] > 0.5
    voiced = heard.f0[heard.f0 > 0]
    assert 170 < np.median(voiced) < 250


@needs_weights
def test_known_phones_are_placed_to_a_few_hundredths_of_a_second(sentence, heard):
    sound, labels = sentence
    placed = align(sound, labels.names, heard=heard)
    assert placed.names == labels.names
    assert np.median(np.abs(placed.start - labels.start)) < 0.035
