# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech to faces: the job, its controls, and sounds that are no speech or badly recorded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from avanim.models.audio import save_wav
from avanim.models.audio.formant import demo_sentence
from avanim.models.face import generate
from avanim.models.face.controls import emotion_curve
from avanim.models.face.hearing import PART_SECONDS, Source, Voice, listen
from avanim.models.face.live import LiveMouth
from avanim.models.tasks import run
from avanim.rigs.articulation_contacts import aperture
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52, FaceTrack
from avanim.rigs.job import Job
from avanim.rigs.phone_files import write_phones
from avanim.rigs.phones import Phones
from avanim.rigs.sound import Sound

JAW = ARKIT_52.index("jawOpen")


@pytest.fixture(scope="module")
def sentence() -> Sound:
    return demo_sentence().sound


@pytest.fixture(scope="module")
def speech(tmp_path_factory, sentence):
    path = tmp_path_factory.mktemp("speech") / "hello.wav"
    save_wav(sentence, path)
    return path


@pytest.fixture(scope="module")
def plain(sentence):
    return generate(sentence, seed=1)


def test_the_mouth_is_the_same_for_every_seed_and_the_eyes_are_not(sentence, plain):
    again, other = generate(sentence, seed=1), generate(sentence, seed=2)
    assert np.array_equal(again.track.weights, plain.track.weights)
    assert np.array_equal(other.track.weights[:, JAW], plain.track.weights[:, JAW])
    assert not np.array_equal(other.track.gaze, plain.track.gaze)
    assert plain.track.weights[:, JAW].max() > 0.15 and len(plain.phones) > 8


def test_controls_do_what_they_say(sentence, plain):
    wide = generate(sentence, voice=plain.voice, seed=1, jaw=1.6)
    assert wide.track.weights[:, JAW].mean() > 1.3 * plain.track.weights[:, JAW].mean()
    still = generate(sentence, voice=plain.voice, seed=1, upper=0.0)
    assert still.track.weights[:, ARKIT_52.index("eyeBlinkLeft")].max() == 0 and not still.track.head.any()
    early = generate(sentence, voice=plain.voice, seed=1, lead_ms=100.0).track.weights[:, JAW]
    shifts = [float(np.corrcoef(early[: 90 - s], plain.track.weights[s:90, JAW])[0, 1]) for s in range(6)]
    assert int(np.argmax(shifts)) == 3
    happy = generate(sentence, voice=plain.voice, seed=1, emotion="happy:0.8@0")
    smile = ARKIT_52.index("mouthSmileLeft")
    assert happy.track.weights[:, smile].mean() > plain.track.weights[:, smile].mean() + 0.2
    closed = aperture(plain.track.weights) < 0.03
    assert (aperture(happy.track.weights)[closed] < 0.03).mean() > 0.9


def test_regions_are_left_alone_or_kept_from_a_capture(tmp_path, sentence, plain):
    only = generate(sentence, voice=plain.voice, regions="lower")
    assert not only.track.weights[:, ARKIT_52.index("eyeBlinkLeft")].any() and only.track.weights[:, JAW].any()
    captured = FaceTrack(np.full((30, 52), 0.25), np.zeros((30, 3)), np.zeros((30, 2)), 30.0)
    captured.save(tmp_path / "capture.csv")
    both = generate(sentence, voice=plain.voice, regions="lower", keep=str(tmp_path / "capture.csv"))
    assert np.allclose(both.track.weights[:, ARKIT_52.index("browInnerUp")], 0.25)
    assert np.allclose(both.track.weights[:, JAW], only.track.weights[:, JAW])
    with pytest.raises(InputError, match="no region"):
        generate(sentence, voice=plain.voice, regions="chin")
    usual = generate(sentence, voice=plain.voice, keep=str(tmp_path / "capture.csv"))
    np.testing.assert_array_equal(usual.track.weights, both.track.weights)
    for wishes, words in (({"regions": "all", "keep": "capture.csv"}, "keeps nothing"), ({"keep": "no.csv"}, "no.csv")):
        with pytest.raises(InputError, match=words):
            generate(sentence, **wishes)


def test_emotions_are_read_as_animators_write_them():
    assert emotion_curve("happy:0.6@0, sad:1@3.5") == [(0.0, {"happy": 0.6}), (3.5, {"sad": 1.0})]
    assert emotion_curve("angry") == [(0.0, {"angry": 1.0})]
    assert emotion_curve("happy:0.5+surprised:0.2") == [(0.0, {"happy": 0.5, "surprised": 0.2})]
    with pytest.raises(InputError):
        emotion_curve("hungry:1@2")


@pytest.mark.parametrize("ending", [".npz", ".csv", ".json"])
def test_the_job_writes_each_kind_of_file(tmp_path, speech, ending):
    out = tmp_path / f"face{ending}"
    made = run(Job("face", str(speech), {"fps": 25.0, "seed": 4, "emotion": "sad:0.5@0"}, str(out)))
    assert made["fps"] == 25 and made["settings"]["seed"] == 4 and not made["notes"]
    assert made["frames"] == round(made["seconds"] * 25)
    if ending == ".json":
        told = json.loads(out.read_text())
        assert len(told["curves"]) == 52 and len(told["curves"]["jawOpen"]) == told["frames"]
        assert Phones.from_dict(told["phones"]).names == tuple(made["phones"]["names"])
    else:
        assert len(FaceTrack.load(out)) == made["frames"]


def test_a_part_of_the_sound_is_spoken_alone(tmp_path, speech):
    out = tmp_path / "face.npz"
    made = run(Job("face", str(speech), {"start": 0.5, "seconds": 1.0}, str(out)))
    assert made["seconds"] == pytest.approx(1.0, abs=0.02) and made["settings"]["start"] == 0.5


def test_timed_phones_speak_with_and_without_a_sound(tmp_path, speech):
    phones = Phones.of([(0.2, 0.4, "m"), (0.4, 0.8, "aa"), (0.8, 1.0, "b")])
    write_phones(tmp_path / "said.TextGrid", phones, 1.2)
    for sound in (None, str(speech)):
        out = tmp_path / "face.npz"
        made = run(Job("face", sound, {"phones": str(tmp_path / "said.TextGrid"), "fps": 60.0}, str(out)))
        assert [name for name in made["phones"]["names"] if name != "sil"] == ["m", "aa", "b"]
        track = FaceTrack.load(out)
        assert track.weights[36, JAW] > 0.2 and aperture(track.weights)[18] < 0.03


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "nothing"])
def test_what_is_no_speech_gives_a_quiet_face_and_a_note(kind):
    rng, times = np.random.default_rng(0), np.arange(32000) / 16000
    samples = {
        "silence": np.zeros(32000),
        "noise": rng.normal(0, 0.05, 32000),
        "tone": 0.3 * np.sin(2 * np.pi * 1000 * times),
        "nothing": np.zeros(0),
    }[kind].astype(np.float32)
    face = generate(Sound(samples[None], 16000))
    lower = [i for i, name in enumerate(ARKIT_52) if name.startswith("jaw")]
    assert face.track.weights[:, lower].max() < 0.08
    if kind != "nothing":
        assert "No speech" in " ".join(face.notes)


def test_bad_recordings_are_heard_all_the_same(sentence, plain):
    mono = sentence.mono()
    rate = sentence.rate
    said = len(plain.phones)
    spoiled = {
        "offset": Sound((mono * 0.5 + 0.3)[None], rate),
        "clipped": Sound(np.clip(mono * 5, -1, 1)[None], rate),
        "quiet": Sound((mono * 0.01)[None], rate),
        "holes": Sound(np.where(np.arange(len(mono)) % 5000 < 3, np.nan, mono).astype(np.float32)[None], rate),
    }
    for kind, sound in spoiled.items():
        face = generate(sound)
        assert len(face.phones) > 0.4 * said, kind
        assert face.track.weights[:, JAW].max() > 0.1, kind
    assert any("clipped" in note for note in generate(spoiled["clipped"]).notes)


def test_of_two_speakers_one_can_be_chosen(sentence):
    mono = sentence.mono()
    two = Sound(np.stack([mono, np.roll(mono[::-1], 9000)]), sentence.rate)
    both = Source.of_sound(two)
    listen(both)
    assert any("different sounds" in note for note in both.notes)
    left = listen(Source.of_sound(two, "left"))
    assert left.phones.names == listen(Source.of_sound(sentence)).phones.names
    with pytest.raises(InputError, match="no channel"):
        Source.of_sound(two, "7")


def test_long_sounds_are_heard_in_parts_as_in_one(sentence):
    mono = sentence.mono()
    seconds = PART_SECONDS + 8
    many = np.tile(mono, int(seconds * sentence.rate / len(mono)) + 1)[: int(seconds * sentence.rate)]
    voice = listen(Source.of_sound(Sound(many[None], sentence.rate)))
    assert len(voice.effort) == pytest.approx(seconds * 100, abs=2)
    inside = [name for s, name in zip(voice.phones.start, voice.phones.names, strict=True) if s > PART_SECONDS]
    assert len(inside) > 10 and voice.phones.seconds <= seconds + 0.02


def test_a_stream_moves_as_the_whole_does(sentence):
    from avanim.models.audio.load import resampled

    samples = resampled(sentence, 16000).samples[0]
    mouth = LiveMouth(60.0, 120)
    assert mouth.latency + 0.04 < 0.25  # s, with the piece that is waited for
    made = np.concatenate([*(mouth.feed(samples[at : at + 640]) for at in range(0, len(samples), 640)), mouth.finish()])
    whole = generate(sentence, fps=60.0, upper=0.0).track.weights
    count = min(len(made), len(whole))
    assert abs(len(made) - len(whole)) <= 2
    assert np.corrcoef(made[:count, JAW], whole[:count, JAW])[0, 1] > 0.85
    # Each curve that moves, where it moves: how far it is from the whole's, against how far that is from its mean.
    moving = whole[:count].std(axis=0) > 0.02
    away = np.abs(made[:count] - whole[:count])[:, moving].mean(axis=0)
    usual = np.abs(whole[:count] - whole[:count].mean(axis=0))[:, moving].mean(axis=0)
    assert moving.sum() >= 8 and np.median(away / usual) < 0.5 and (away / usual).max() < 1.0


def test_a_stream_hears_a_raised_voice(sentence):
    from avanim.models.audio.load import resampled
    from avanim.models.speech import recognise
    from avanim.models.speech.stream import Listener

    said = resampled(sentence, 16000).samples[0]
    samples = np.concatenate([0.05 * said, 0.4 * said]).astype(np.float32)
    whole = recognise(Sound(samples[None], 16000)).effort
    listener = Listener(120)
    heard = [listener.feed(samples[at : at + 640]) for at in range(0, len(samples), 640)]
    effort = np.concatenate([part.effort for part in heard])
    count = len(effort) // 2
    spoken = whole[: len(effort)] > 0.2
    loud, soft = (effort[part][spoken[part]].mean() for part in (slice(count, None), slice(0, count)))
    assert loud > soft + 0.2
    assert np.corrcoef(effort[spoken], whole[: len(effort)][spoken])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "telepathy"}, "no face method"),
        ({"jaw": 7}, "jaw must be between"),
        ({"text": "hello", "phones": "a.lab"}, "not both"),
        ({"channel": "middle"}, "no channel"),
        ({"start": 900.0}, "only"),
        ({"lips": float("nan")}, "plain number"),
    ],
)
def test_wrong_wishes_are_told(tmp_path, speech, options, words):
    with pytest.raises(InputError, match=words):
        run(Job("face", str(speech), options, str(tmp_path / "face.npz")))
    assert not (tmp_path / "face.npz").exists()


def test_nothing_to_speak_is_told(tmp_path):
    with pytest.raises(InputError, match="No speech was given"):
        run(Job("face", None, {}, str(tmp_path / "face.npz")))
    with pytest.raises(InputError, match=r"end the name in"):
        run(Job("face", "a.wav", {}, str(tmp_path / "face.bvh")))
    assert Voice.silent(Phones.nothing(), 1.0).seconds == 1.0
