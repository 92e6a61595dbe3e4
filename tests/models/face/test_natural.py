# SPDX-License-Identifier: GPL-3.0-or-later
"""What a captured face would do, guessed from what is heard: fitted, kept in a file, and played along with a voice."""

import numpy as np
import pytest
import soundfile
from avanim.models.audio.formant import demo_sentence
from avanim.models.audio.load import resampled
from avanim.models.face import generate, natural, with_phones
from avanim.models.face.hearing import Source, listen
from avanim.models.face.live import LiveMouth
from avanim.models.face.score import motion_of
from avanim.models.speech.net import CURVES
from avanim.rigs.articulation import MouthSettings
from avanim.rigs.articulation_natural import MOTION
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52
from avanim.rigs.phones import PHONES, Phones

JAW = ARKIT_52.index("jawOpen")


@pytest.fixture(scope="module")
def sentence():
    return demo_sentence().sound


@pytest.fixture(scope="module")
def voice(sentence):
    return listen(Source.of_sound(sentence))


def lessons(count=3, frames=1500):
    """Random phones; the jaw goes by one of them 60 ms earlier, the funnel by another one, with noise."""
    made = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        names = np.repeat(rng.integers(0, len(PHONES), frames // 10), 10)
        posterior = np.eye(len(PHONES))[names]
        heard = natural.inputs(posterior, np.zeros((frames, 5)), np.zeros(frames), np.zeros((frames, len(CURVES))))
        motion = rng.normal(0.05, 0.02, (frames, len(MOTION)))
        motion[6:, 0] += 0.5 * np.isin(names[:-6], range(20, 30))
        motion[:, 1] += 0.3 * np.isin(names, range(5))
        made.append(natural.Lesson(str(seed), natural._around(heard), motion.clip(0, 1)))
    return made


def test_a_fit_foretells_clips_that_it_was_not_fitted_to():
    found = natural.crossed(lessons())
    assert found["jawOpen"] > 0.9 and found["mouthFunnel"] > 0.8
    assert abs(found["mouthRollLower"]) < 0.2, "what is noise cannot be foretold"


def test_rounding_comes_as_large_as_it_was_captured():
    taught = lessons()
    fitted = natural.fit(taught)
    made = np.concatenate([one.heard @ fitted.gain + fitted.rest for one in taught])
    real = np.concatenate([one.motion for one in taught])
    assert made[:, 1].std() == pytest.approx(real[:, 1].std(), rel=0.15)


def test_training_writes_what_can_be_read(tmp_path, sentence):
    folder = tmp_path / "facegood_arkit"
    folder.mkdir()
    samples = sentence.mono()
    frames = int(len(samples) / sentence.rate * 30)
    names = [n for n in ARKIT_52 if n.startswith(("jaw", "mouth"))]
    for name in ("a", "b"):
        soundfile.write(folder / f"{name}.flac", samples, sentence.rate)
        curves = np.random.default_rng(0).random((frames, len(names))).astype(np.float16)
        np.savez(folder / f"{name}.npz", arkit=curves, arkit_names=names, fps=30)
    out = tmp_path / "natural.safetensors"
    told = natural.train(tmp_path, out, device="cpu")
    assert set(told["crossed"]) == set(MOTION)
    assert natural.load(out).gain.shape == natural.shipped().gain.shape
    (folder / "b.npz").unlink()
    with pytest.raises(InputError, match="two captured faces"):
        natural.train(tmp_path, out, device="cpu")
    out.write_bytes(b"nothing")
    with pytest.raises(InputError, match="avanim train face/natural"):
        natural.load(out)


def test_the_motion_moves_a_heard_voice_and_makes_it_no_rougher(sentence, voice):
    assert voice.motion.shape == (len(voice.effort), len(MOTION)) and voice.motion.max() > 0.15
    with_it, without = (generate(sentence, voice=voice, natural=n, fps=60.0).track for n in (1.0, 0.0))
    assert np.abs(with_it.weights[:, JAW] - without.weights[:, JAW]).max() > 0.05
    assert motion_of([with_it])["chatter"] <= motion_of([without])["chatter"]


def test_a_quieter_recording_moves_the_same(sentence, voice):
    soft = listen(Source.of_sound(type(sentence)(sentence.samples * np.float32(0.05), sentence.rate)))
    assert np.corrcoef(soft.motion[:, 0], voice.motion[:, 0])[0, 1] > 0.97
    assert soft.motion[:, 0].max() == pytest.approx(voice.motion[:, 0].max(), rel=0.1)


def test_the_motion_of_a_stream_is_that_of_the_whole(monkeypatch, sentence, voice):
    samples = resampled(sentence, 16000).mono()
    guessed = np.zeros((len(voice.motion), len(MOTION)))

    def heard(settings):
        mouth = LiveMouth(60.0, 120, settings=settings)
        own = mouth._guess.motion

        def kept(count):
            made = own(count)
            first = mouth._first
            guessed[first : first + len(made)] = made[: max(len(guessed) - first, 0)]
            return made

        monkeypatch.setattr(mouth._guess, "motion", kept)
        parts = [mouth.feed(samples[at : at + 640]) for at in range(0, len(samples), 640)]
        monkeypatch.undo()
        return np.concatenate([*parts, mouth.finish()])[:, JAW]

    moved, plain = heard(MouthSettings()), heard(MouthSettings(natural=0.0))
    assert np.abs(moved - plain).max() > 0.05
    assert np.corrcoef(guessed[:, 0], voice.motion[:, 0])[0, 1] > 0.85


def test_phones_that_are_not_what_was_heard_go_without_its_motion(voice):
    assert len(with_phones(voice, voice.phones).motion)
    moved = voice.phones.shifted(0.02)
    assert len(with_phones(voice, moved).motion), "a little later is the same still"
    other = Phones.of([(0.2, 0.4, "m"), (0.4, 0.8, "aa"), (0.8, 1.0, "b")])
    assert not len(with_phones(voice, other).motion)
