# SPDX-License-Identifier: GPL-3.0-or-later
"""The training data and the training: times of synthesised phones, what is held out, what the disturbances keep."""

import itertools
import json
import shutil

import numpy as np
import pytest
import soundfile
import torch
from avanim.models.speech import espeak, voices
from avanim.models.speech.augment import SHARES, Stretches, gain_to_level
from avanim.models.speech.corpus import Clip, held_out, labelled, load_people, load_spoken, trimmed
from avanim.models.speech.features import HOP, LEVEL_DB, RATE, WIDTH
from avanim.models.speech.net import EVENTS, Config, SpeechNet, load_weights
from avanim.models.speech.spelling import Label, from_arpabet, from_ipa
from avanim.models.speech.train import fit
from avanim.rigs.errors import InputError
from avanim.rigs.phones import PHONES

has_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="needs espeak-ng")


def clip(kind="espeak", voice="espeak en-us", language="en-us", forced=False):
    rng = np.random.default_rng(0)
    labels = [Label(0.0, 0.5, "sil"), Label(0.5, 0.6, "p"), Label(0.6, 0.8, "a"), Label(0.8, 0.9, "f")]
    samples = (0.05 * rng.standard_normal(RATE) * (np.arange(RATE) > RATE // 2) * 32767).astype(np.int16)
    return labelled(kind, voice, language, samples, labels, forced)


def test_labels_at_a_hundred_hertz():
    made = clip()
    names = [PHONES[i] for i in made.phones[:, 0]]
    assert names[:50] == ["sil"] * 50 and names[50:60] == ["p"] * 10 and names[80:90] == ["f"] * 10
    closed = np.flatnonzero(made.events[:, EVENTS.index("closed")])
    assert closed[0] == 50 and 54 <= closed[-1] <= 58  # its burst is no closure
    assert made.events[80:90, EVENTS.index("lip-teeth")].all()
    assert made.sure.min() == 1.0 and clip(forced=True).sure[[49, 51, 59, 61]].max() < 1.0


def test_diphthongs_are_two_and_a_doubtful_vowel_may_be_either():
    assert [label.phone for label in from_arpabet(0, 0.2, "AY1")] == ["a", "ih"]
    assert from_arpabet(0, 0.06, "AH0")[0] == Label(0, 0.06, "@", "a")
    assert from_arpabet(0, 0.2, "AH1")[0].phone == "a" and from_arpabet(0, 0.06, "AH", reduced=True)[0].phone == "a"
    assert from_ipa("ɜ", "de") == ["@"] and from_ipa("ɜː", "en-gb") == ["er"]


def test_silence_around_is_trimmed_and_stays_labelled():
    made = trimmed(clip(), 0.1)
    assert len(made.samples) == len(made.phones) * HOP
    assert made.phones[:10, 0].tolist() == [0] * 10 and PHONES[made.phones[10, 0]] == "p"


def test_held_out_is_by_speaker_and_by_language():
    assert held_out(clip("so762", "so762 0010")) and not held_out(clip("so762", "so762 0011"))
    assert held_out(clip(language=voices.HELD_OUT_LANGUAGES[0])) and not held_out(clip())


@pytest.mark.parametrize("gain", [0.003, 0.1, 1.0])
def test_every_voice_is_heard_at_one_level(gain):
    voice = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.2 * gain
    voice[: RATE // 2] = 0
    level = 20 * np.log10(np.sqrt(np.mean((voice[RATE // 2 :] * gain_to_level(voice)) ** 2)))
    assert level == pytest.approx(LEVEL_DB, abs=0.5)


def test_a_word_in_a_long_silence_is_heard_at_that_level_too():
    rng = np.random.default_rng(0)
    voice = 1e-4 * rng.standard_normal(20 * RATE).astype(np.float32)
    voice[RATE : 2 * RATE] += 0.3 * rng.standard_normal(RATE).astype(np.float32)
    level = 20 * np.log10(np.sqrt(np.mean((voice[RATE : 2 * RATE] * gain_to_level(voice)) ** 2)))
    assert level == pytest.approx(LEVEL_DB, abs=1.0)


def test_stretches_keep_labels_beside_their_sound():
    drawn = Stretches([clip()], [np.zeros(RATE, np.float32)], 3.0, seed=1)
    energy, spoken = [], []
    for _ in range(30):
        stretch = drawn.draw()
        assert stretch.heard.shape == (300, WIDTH) and np.isfinite(stretch.heard).all()
        assert stretch.phones.max() < len(PHONES)
        energy.append(stretch.heard[:, 10:60].mean(1))
        spoken.append(stretch.phones[:, 0] > 0)
    assert np.corrcoef(np.concatenate(energy), np.concatenate(spoken))[0, 1] > 0.4
    assert sum(SHARES.values()) == pytest.approx(1.0, abs=0.01)


def test_a_short_training_learns_and_writes(tmp_path):
    out = tmp_path / "net.safetensors"
    config = Config(width=16, dilations=(1, 2), dropout=0.0)
    silent, few = (lambda fraction, step: None), {"batch": 2, "seconds": 1.0, "music": []}
    fit([clip()], out, 0.03, SpeechNet(config), 0, "cpu", silent, **few)
    first = load_weights(out)
    assert first.config == config
    assert not out.with_suffix(".state.pt").exists()

    # And a later training goes on from there.
    fit([clip()], out, 0.0005, load_weights(out), 0, "cpu", silent, **few, rate=1e-5)
    later = load_weights(out)
    for before, after in zip(first.blocks[0].parameters(), later.blocks[0].parameters(), strict=True):
        assert torch.allclose(before, after, atol=5e-3)


def test_a_folder_without_the_corpora_is_refused(tmp_path):
    with pytest.raises(InputError, match="so762_sub"):
        load_people(tmp_path)
    with pytest.raises(InputError, match="sentences"):
        voices.make_voices(tmp_path / "none.json", tmp_path / "voices", 1.0)


def test_a_missing_synthesiser_is_named(monkeypatch):
    with pytest.raises(InputError, match="apt install"):
        voices._run(["no-such-synthesiser"])


def test_the_captured_face_and_the_people_are_read(shared_data, tmp_path):
    speech = shared_data / "speech"
    for name, listing in (("so762_sub", "so762.jsonl"), ("grid_s1", "grid_s1.jsonl")):
        (tmp_path / name).mkdir()
        lines = (speech / name / listing).read_text().splitlines()[:2]
        (tmp_path / name / listing).write_text("\n".join(lines))
        for line in map(json.loads, lines):
            path = line.get("wav") or line["clip"]
            (tmp_path / name / path).parent.mkdir(exist_ok=True)
            shutil.copy(speech / name / path, tmp_path / name / path)
    (tmp_path / "facegood_arkit").mkdir()
    for ending in ("npz", "flac"):
        shutil.copy(speech / "facegood_arkit" / f"1114_3_15.{ending}", tmp_path / "facegood_arkit")
    clips = load_people(tmp_path)
    assert [made.kind for made in clips] == ["so762", "so762", "grid", "grid", "facegood"]
    face = clips[-1]
    assert isinstance(face, Clip) and face.curves is not None and held_out(face)
    assert len(face.curves) == len(face.phones) and face.sure.max() == 0.0 and face.curves[:, 0].max() > 0.3
    for made in clips[:4]:
        loud = np.abs(made.samples[: len(made.samples) // HOP * HOP]).reshape(-1, HOP).mean(1)
        assert np.corrcoef(loud, made.phones[: len(loud), 0] > 0)[0, 1] > 0.3


def test_a_catch_between_words_is_no_pause_and_a_pause_is():
    caught = [
        Label(0, 0.1, "ih"),
        Label(0.1, 0.14, "sil"),
        Label(0.14, 0.3, "e"),
        Label(0.3, 0.5, "sil"),
        Label(0.5, 0.6, "m"),
    ]
    assert [(made.phone, made.end) for made in espeak.without_catches(caught)] == [
        ("ih", 0.14), ("e", 0.3), ("sil", 0.5), ("m", 0.6),
    ]  # fmt: skip
    edges = [Label(0, 0.02, "sil"), Label(0.02, 0.1, "a"), Label(0.1, 0.12, "sil")]
    assert espeak.without_catches(edges) == edges


@has_espeak
def test_a_stop_is_closed_before_it_is_released():
    samples, hz, labels = espeak.speak("Papa. A map of Bombay.", "en-us")
    assert abs(len(samples) / hz - labels[-1].end) < 0.05
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(labels))
    power = np.array([np.mean(samples[int(t * hz) : int((t + 0.01) * hz)] ** 2) for t in np.arange(0, 1, 0.01)])
    second = next(label for label in labels[2:] if label.phone == "p")
    assert power[round(second.start * 100) + 1] < 0.05 * power[round(second.start * 100) - 5]
    with pytest.raises(InputError, match="no voice"):
        espeak.speak("a", "xx-none")


@has_espeak
@pytest.mark.skipif(not (shutil.which("flite") and shutil.which("festival")), reason="needs flite and festival")
def test_voices_of_three_synthesisers(tmp_path):
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps({"en": ["My brother paints a boat.", "We love warm pie."], "sw": ["Watu wote."]}))
    listed = voices.make_voices(texts, tmp_path / "voices", 0.4, seed=0)
    clips = load_spoken(listed)
    assert {made.kind for made in clips} == {"espeak", "flite", "festival"}
    for made in clips:
        assert 0.5 < made.seconds < 25 and made.phones[:, 0].any()
    first = json.loads(listed.read_text().splitlines()[0])
    assert soundfile.info(listed.parent / first["wav"]).samplerate == RATE
