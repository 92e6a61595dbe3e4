# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings that are odd or broken, through the job that the command line and the panel run."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import soundfile
from avanim.models.audio.composer import compose
from avanim.models.audio.formant import demo_sentence
from avanim.models.audio.load import resampled
from avanim.models.face import generate
from avanim.models.tasks import run
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52, FaceTrack
from avanim.rigs.job import Job
from avanim.rigs.sound import Sound

JAW = ARKIT_52.index("jawOpen")


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """(N,) at 48 kHz, two sentences."""
    return np.tile(resampled(demo_sentence().sound, 48000).mono(), 2)


def spoken(path, folder, **options):
    """Notes, phones and the jaw's largest opening."""
    out = folder / "face.npz"
    made = run(Job("face", str(path), options, str(out)))
    names = [name for name in made["phones"]["names"] if name != "sil"]
    return " ".join(made["notes"]), names, FaceTrack.load(out).weights[:, JAW].max()


def written(samples, folder, name, rate=48000, **how):
    path = folder / name
    soundfile.write(path, samples, rate, **how)
    return path


@pytest.fixture(scope="module")
def usual(clean, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    return spoken(written(clean, folder, "clean.wav"), folder)


@pytest.mark.parametrize("rate", [8000, 192000])
def test_from_telephone_to_studio(rate, clean, usual, tmp_path):
    sound = resampled(Sound(clean[None], 48000), rate)
    notes, names, jaw = spoken(written(sound.samples[0], tmp_path, "odd.wav", rate), tmp_path)
    assert notes == "" and abs(len(names) - len(usual[1])) < 0.25 * len(usual[1])
    assert jaw > 0.7 * usual[2]


def test_an_offset_is_not_heard(clean, usual, tmp_path):
    notes, names, jaw = spoken(written(clean * 0.5 + 0.4, tmp_path, "offset.wav"), tmp_path)
    assert notes == "" and names == usual[1] and jaw == pytest.approx(usual[2], abs=0.05)


def test_clipping_is_told(clean, usual, tmp_path):
    notes, names, jaw = spoken(written(np.clip(clean * 6, -1, 1), tmp_path, "loud.wav"), tmp_path)
    assert "clipped" in notes and len(names) > 0.6 * len(usual[1]) and jaw > 0.6 * usual[2]


def test_one_of_two_speakers(clean, usual, tmp_path):
    both = written(np.stack([clean, np.roll(clean[::-1], 20000)], axis=1), tmp_path, "both.wav")
    notes, names, _ = spoken(both, tmp_path)
    assert "left or the right" in notes
    notes, names, _ = spoken(both, tmp_path, channel="left")
    assert notes == "" and names == usual[1]
    with pytest.raises(InputError, match="no channel '3'"):
        spoken(both, tmp_path, channel="3")


@pytest.mark.parametrize("garbage", [b"\0garbage!" * 40, b"ID3\x04\0\0\x7f\x7f\x7f\x7f"])
def test_an_mp3_whose_header_is_broken(garbage, clean, usual, tmp_path):
    whole = written(clean, tmp_path, "whole.mp3").read_bytes()
    (tmp_path / "broken.mp3").write_bytes(garbage + whole[300:])
    try:
        _, names, jaw = spoken(tmp_path / "broken.mp3", tmp_path)
    except InputError as error:
        assert "no sound file" in str(error) or "damaged" in str(error)
        assert not garbage.startswith(b"\0"), "what follows is heard all the same"
    else:
        assert len(names) > 0.7 * len(usual[1]) and jaw > 0.6 * usual[2]


def test_half_a_file_is_spoken_and_told(clean, usual, tmp_path):
    path = written(clean, tmp_path, "half.mp3")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    notes, names, _ = spoken(path, tmp_path)
    assert "damaged" in notes and "are used" in notes
    assert 0.25 * len(usual[1]) < len(names) < 0.75 * len(usual[1])


@pytest.mark.parametrize(("style", "seed"), [("waltz", 2), ("tango", 3), ("salsa", 6), ("pop", 0)])
def test_music_alone_moves_no_mouth(style, seed):
    face = generate(compose(style, 110.0, 8, seed, rate=16000, stereo=False).sound)
    assert "No speech" in " ".join(face.notes)
    lower = [i for i, name in enumerate(ARKIT_52) if name.startswith(("jaw", "mouth"))]
    assert face.track.weights[:, lower].max() < 0.08
    assert face.track.weights[:, ARKIT_52.index("eyeBlinkLeft")].max() > 0.9, "it blinks all the same"


def test_a_word_in_a_long_silence_is_speech():
    word = resampled(demo_sentence().sound, 16000).mono()[:12000]
    noise = np.random.default_rng(0).normal(0, 2e-4, 16000 * 24).astype(np.float32)
    noise[160000 : 160000 + len(word)] += word
    face = generate(Sound(noise[None], 16000))
    assert face.notes == () and face.track.weights[:, JAW].max() > 0.1


def test_what_is_no_sound_is_refused(tmp_path):
    (tmp_path / "text.wav").write_bytes(b"this is no sound at all")
    (tmp_path / "nothing.wav").write_bytes(b"")
    for name, words in (("text.wav", "no sound file"), ("nothing.wav", "empty"), ("missing.wav", "missing.wav")):
        with pytest.raises(InputError, match=words):
            spoken(tmp_path / name, tmp_path)
    assert not (tmp_path / "face.npz").exists()


# What is said in each mood, as SSML's prosody: pitch, range, rate; and espeak's amplitude.
MOODS = {
    "neutral": ("medium", "medium", "medium", 60),
    "happy": ("x-high", "x-high", "fast", 120),
    "sad": ("x-low", "x-low", "slow", 30),
    "angry": ("low", "medium", "fast", 190),
    "afraid": ("x-high", "low", "fast", 35),
}


@pytest.mark.parametrize("voice", ["en-us+f3", "en-us+m3"])
def test_emotions_are_suggested_as_a_voice_plays_them(voice, tmp_path):
    import shutil

    from avanim.models.face.hearing import Source, listen
    from avanim.rigs.emotion import suggest

    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is missing")
    text = "The train to the city leaves at seven in the morning, and my brother will be on it with all of his friends."
    order = ["neutral", "happy", "neutral", "sad", "neutral", "angry", "neutral", "afraid"]
    samples, ends, rate = [], [], 22050
    for mood in order:
        pitch, spread, pace, loud = MOODS[mood]
        said = f'<speak><prosody pitch="{pitch}" range="{spread}" rate="{pace}">{text}</prosody></speak>'
        command = ["espeak-ng", "-v", voice, "-a", str(loud), "-m", "-w", str(tmp_path / "x.wav"), said]
        subprocess.run(command, check=True)
        part, rate = soundfile.read(tmp_path / "x.wav", dtype="float32")
        samples.append(part)
        ends.append(sum(map(len, samples)) / rate)
    heard = listen(Source.of_sound(Sound(np.concatenate(samples)[None], rate)))
    curve = suggest(heard.f0, heard.loudness, heard.seconds, effort=heard.effort)
    for mood, start, end in zip(order, [0.0, *ends[:-1]], ends, strict=True):
        named = [name for time, mix in curve if start <= time < end for name in mix]
        assert max(set(named), key=named.count) == mood, (mood, named)
