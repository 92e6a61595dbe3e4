# SPDX-License-Identifier: GPL-3.0-or-later
from itertools import pairwise

import numpy as np
import pytest
from avanim.models.face.pronounce import aligned, guess_language, known_language, pronounce
from avanim.models.speech import espeak
from avanim.rigs.errors import InputError
from avanim.rigs.sound import Sound


@pytest.fixture(autouse=True)
def _speaks():
    try:
        espeak.voices()
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("text", "language", "phones"),
    [
        ("Papa made a map.", "en-us", "p aa p @ m e ih d a m ae p"),
        ("Vater", "de", "f aa t a"),
        ("bonjour", "fr-fr", "b o zh u rr"),
        ("привет", None, "p rr i v e t"),
    ],
)
def test_words_become_phones(text, language, phones):
    names = [name for name in pronounce(text, language).names if name != "sil"]
    wanted = phones.split()
    # Versions of espeak-ng differ in a vowel here and there, never in the lips.
    lips = [name for name in names if name in ("p", "b", "m", "f", "v")]
    assert lips == [name for name in wanted if name in ("p", "b", "m", "f", "v")]
    assert abs(len(names) - len(wanted)) <= 1 and len(set(names) & set(wanted)) >= 0.6 * len(set(wanted))


def test_times_are_in_order_and_can_be_stretched():
    phones = pronounce("Hello, I am here. Watch me dance!", "en-us")
    assert (phones.start[1:] >= phones.end[:-1] - 1e-6).all() and 1.5 < phones.seconds < 5
    assert "sil" in phones.names
    assert pronounce("Hello, I am here.", "en-us", seconds=7.0).seconds == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The quick brown fox jumps over the lazy dog", "en-us"),
        ("Ich weiß nicht, was soll es bedeuten", "de"),
        ("Je ne sais pas ce que vous voulez", "fr-fr"),
        ("¿Dónde está la biblioteca?", "es"),
        ("Nie wiem, czy to jest dobre", "pl"),
        ("Всё хорошо", "ru"),
        ("Я не знаю, що це є", "uk"),
        ("今日はいい天気です", "ja"),
        ("今天天气很好", "cmn"),
        ("안녕하세요", "ko"),
        ("मैं ठीक हूँ", "hi"),
        ("xyzzy", "en-us"),
    ],
)
def test_the_language_is_guessed(text, code):
    assert guess_language(text) == code


def test_codes_as_others_write_them():
    assert known_language("de_DE") == "de" and known_language("en") == "en-us" and known_language("zh-CN") == "cmn"
    with pytest.raises(InputError, match="does not speak 'tlh-piqd-x'"):
        known_language("tlh-piqd-x")


@pytest.mark.parametrize("text", ["", "  \n", "…!?", "\0"])
def test_text_without_words(text):
    with pytest.raises(InputError, match="no words"):
        pronounce(text)


def test_text_too_long():
    with pytest.raises(InputError, match="at most"):
        pronounce("word " * 30000)


def test_without_espeak_it_says_what_to_install(monkeypatch):
    espeak._library.cache_clear()
    monkeypatch.setattr(espeak, "_places", lambda: [("no-such-library.so", None)])
    with pytest.raises(InputError, match="pip install espeakng-loader"):
        pronounce("hello", "en-us")
    monkeypatch.undo()
    espeak._library.cache_clear()


def test_text_is_laid_on_the_sound_that_says_it():
    text = "My papa made a map of Bombay"
    samples, rate, labels = espeak.speak(text, "en-us")
    sound = Sound(np.pad(samples, (rate // 2, rate // 2))[None], rate)
    try:
        phones = aligned(text, sound, "en-us")
    except InputError as error:
        pytest.skip(str(error))  # no weights here
    said = [label for label in labels if label.phone != "sil"]
    assert len({(a.phone, b.phone) for a, b in pairwise(said) if a.phone == b.phone}) == 0
    assert list(phones.names) == [label.phone for label in said]
    late = phones.start - np.array([label.start + 0.5 for label in said])
    assert np.median(np.abs(late)) < 0.03
