# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing sound: every format, every way in which a file can be bad, and memory."""

import errno
import os
import re
import resource
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from avanim.models.audio import load as load_module
from avanim.models.audio import load_sound, probe, save_wav
from avanim.models.audio.load import UnsoundWarning, resampled
from avanim.rigs.errors import InputError
from avanim.rigs.sound import Sound
from PIL import Image


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnsoundWarning)
        yield


def tone(seconds=2.0, rate=44100, channels=1, hertz=440.0, noise=0.1):
    t = np.arange(int(seconds * rate)) / rate
    rng = np.random.default_rng(1)
    samples = [
        0.3 * np.sin(2 * np.pi * hertz * (c + 1) * t) + noise * rng.standard_normal(len(t)) for c in range(channels)
    ]
    return np.stack(samples, axis=1)


def write_video(path: Path, with_sound: bool, rate: int = 48000) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono") if with_sound else None
        for _ in range(20):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(video.encode())
        if audio is not None:
            samples = tone(2.0, rate, noise=0.0).T.astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="mono")
            frame.rate = rate
            container.mux(audio.encode(frame))
            container.mux(audio.encode())


def pitch(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_formats(tmp_path, ending):
    path = tmp_path / f"tone.{ending}"
    soundfile.write(path, tone(), 44100)
    sound = load_sound(path)
    assert sound.rate == 44100 and sound.layout == "mono" and sound.samples.dtype == np.float32
    assert abs(sound.seconds - 2.0) < 0.06
    assert abs(pitch(sound.samples[0], 44100) - 440.0) < 2.0
    seconds, rate, channels = probe(path)
    assert abs(seconds - 2.0) < 0.06 and (rate, channels) == (44100, 1)
    part = load_sound(path, rate=16000, start=0.5, seconds=0.25, mono=True)
    assert part.samples.shape == (1, 4000)


def test_a_part_is_the_part(tmp_path):
    path = tmp_path / "a.wav"
    samples = tone(channels=2)
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    part = load_sound(path, start=0.5, seconds=0.3)
    assert part.layout == "stereo"
    assert np.array_equal(part.samples, samples[22050 : 22050 + 13230].T.astype(np.float32))
    beyond = load_sound(path, start=1.5, seconds=9.0)
    assert beyond.samples.shape == (2, 22050)


@pytest.mark.parametrize(("start", "seconds"), [(0.0, None), (1.0, 0.5)])
def test_the_sound_track_of_a_video(tmp_path, start, seconds):
    path = tmp_path / "film.mp4"
    write_video(path, True)
    sound = load_sound(path, rate=24000, start=start, seconds=seconds)
    assert sound.rate == 24000
    assert abs(sound.seconds - (seconds or 2.0)) < 0.1
    assert abs(pitch(sound.samples[0], 24000) - 440.0) < 3.0
    assert probe(path)[1:] == (48000, 1)


def test_resampling_in_blocks_equals_resampling_at_once(tmp_path):
    path = tmp_path / "a.wav"
    samples = tone(7.0, noise=0.0)
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    blocks = load_sound(path, rate=22050).samples[0]
    once = resampled(Sound(samples.T.astype(np.float32), 44100), 22050).samples[0]
    assert abs(len(blocks) - len(once)) <= 1
    assert np.abs(blocks[:-50] - once[: len(blocks)][:-50]).max() < 1e-4


def test_eight_channels(tmp_path):
    path = tmp_path / "eight.wav"
    samples = tone(1.0, channels=8)
    soundfile.write(path, samples, 48000, subtype="FLOAT")
    sound = load_sound(path)
    assert sound.samples.shape == (8, 44100) and sound.layout == "surround"
    mixed = load_sound(path, mono=True)
    assert mixed.layout == "mono" and np.allclose(mixed.samples[0], samples.mean(axis=1), atol=1e-6)


def test_eight_kilohertz_and_silence(tmp_path):
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    sound = load_sound(path, rate=22050)
    assert sound.samples.shape == (1, 22050) and not sound.samples.any()


def bad_files(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(folder / "picture.png")
    (folder / "picture.wav").write_bytes((folder / "picture.png").read_bytes())
    (folder / "notes.txt").write_text("la la la\n" * 500)
    (folder / "empty.mp3").write_bytes(b"")
    for ending in ("bin", "mp3", "wav", "ogg"):
        (folder / f"random.{ending}").write_bytes(rng.bytes(100000))
    soundfile.write(folder / "none.wav", np.zeros(0), 44100)
    soundfile.write(folder / "tone.wav", tone(), 44100)
    (folder / "header.wav").write_bytes((folder / "tone.wav").read_bytes()[:40])
    soundfile.write(folder / "tone.ogg", tone(), 44100)
    (folder / "header.ogg").write_bytes((folder / "tone.ogg").read_bytes()[:200])
    write_video(folder / "silent_film.mp4", False)
    samples = tone()
    samples[: len(samples) * 2 // 3] = np.nan
    soundfile.write(folder / "nan.wav", samples, 44100, subtype="FLOAT")
    return {path.name: path for path in folder.iterdir() if path.name not in ("tone.wav", "tone.ogg")}


def test_bad_files_get_one_plain_sentence(tmp_path):
    bad = bad_files(tmp_path)
    bad["missing.wav"] = tmp_path / "missing.wav"
    bad["folder"] = tmp_path
    assert len(bad) == 15
    for name, path in bad.items():
        with pytest.raises(InputError) as error:
            load_sound(path)
        text = str(error.value)
        assert str(path) in text, name
        assert "\n" not in text and text.endswith(".") and len(text) < 400, text
        assert re.search(r"give|check|export|change", text), text
        if name != "nan.wav":
            with pytest.raises(InputError):
                probe(path)
    with pytest.raises(InputError, match="without a sound track"):
        load_sound(bad["silent_film.mp4"])
    with pytest.raises(InputError, match="0 bytes"):
        load_sound(bad["empty.mp3"])
    with pytest.raises(InputError, match="is a folder"):
        load_sound(tmp_path)


def test_an_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "secret.wav"
    soundfile.write(path, tone(), 44100)

    def refused(self, *arguments, **more):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refused)  # the tests may run as root, whom no permission stops
    with pytest.raises(InputError, match="not permitted"):
        load_sound(path)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_truncated_files_give_what_there_is(tmp_path, ending):
    path = tmp_path / f"whole.{ending}"
    soundfile.write(path, tone(8.0), 44100)
    cut = tmp_path / f"cut.{ending}"
    data = path.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sound = load_sound(cut)
    assert 2.0 < sound.seconds < 5.0
    assert abs(pitch(sound.samples[0], 44100) - 440.0) < 2.0
    if ending != "ogg":  # an Ogg file has no length in its header: a shorter one is simply shorter
        assert any(issubclass(warning.category, UnsoundWarning) for warning in caught)


def test_a_hole_in_an_mp3_is_skipped(tmp_path):
    path = tmp_path / "a.mp3"
    soundfile.write(path, tone(8.0), 44100)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load_sound(path).seconds > 6.5


def test_a_few_samples_that_are_not_numbers_are_repaired(tmp_path):
    path = tmp_path / "a.wav"
    samples = tone()
    samples[100], samples[200], samples[300] = np.nan, np.inf, -np.inf
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    with pytest.warns(UnsoundWarning, match="3 samples"):
        sound = load_sound(path)
    assert np.isfinite(sound.samples).all() and sound.samples[0, 100] == 0.0


def test_over_full_scale_is_clipped(tmp_path):
    path = tmp_path / "hot.wav"
    soundfile.write(path, 1e20 * tone(), 44100, subtype="FLOAT")
    assert np.abs(load_sound(path).samples).max() == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": -1.0},
        {"start": 2.0},
        {"start": 1e9},
        {"start": float("nan")},
        {"seconds": 0.0},
        {"seconds": -3.0},
        {"seconds": float("nan")},
        {"seconds": 1e9},
        {"rate": 0},
        {"rate": 10**7},
    ],
)
def test_impossible_arguments(tmp_path, wrong):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), 44100)
    with pytest.raises(InputError) as error:
        load_sound(path, **wrong)
    assert str(path) in str(error.value)


def test_three_hours_are_refused_and_a_part_of_them_is_cheap(tmp_path):
    path = tmp_path / "night.flac"
    rate, hours = 8000, 3
    with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
        minute = np.zeros((60 * rate, 2), np.int16)
        for _ in range(60 * hours):
            file.write(minute)
    with pytest.raises(InputError, match="180 minutes"):
        load_sound(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sound = load_sound(path, rate=22050, start=2 * 3600.0, seconds=120.0, mono=True)
    assert sound.samples.shape == (1, 120 * 22050)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # KiB
    assert probe(path) == (10800.0, rate, 2)


def test_a_file_that_lies_about_its_length_is_still_bounded(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(3.0), 44100)
    monkeypatch.setattr(load_module, "LONGEST_SECONDS", 1.0)
    reader = load_module._open(path)
    monkeypatch.setattr(reader, "seconds", None)
    monkeypatch.setattr(load_module, "_open", lambda path: reader)
    with pytest.raises(InputError, match="give a start and a length"):
        load_sound(path)


def test_save_and_load_again(tmp_path):
    path = tmp_path / "out" / "a.wav"
    samples = np.clip(tone(channels=2), -1, 1).T.astype(np.float32)
    save_wav(Sound(samples, 44100, "stereo"), path)
    assert np.abs(load_sound(path).samples - samples).max() < 1 / 30000
    save_wav(Sound(samples, 44100, "stereo"), path, "FLOAT")
    assert np.array_equal(load_sound(path).samples, samples)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.wav"]


def test_saving_turns_down_what_would_clip(tmp_path):
    path = tmp_path / "a.wav"
    samples = 4.0 * tone(noise=0.0).T.astype(np.float32)
    with pytest.warns(UnsoundWarning, match="turned down"):
        save_wav(Sound(samples, 44100), path)
    back = load_sound(path).samples
    assert np.abs(back - samples / np.abs(samples).max()).max() < 1e-4


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(InputError, match="not numbers"):
        save_wav(Sound(np.full((1, 10), np.nan, np.float32), 44100), tmp_path / "a.wav")
    with pytest.raises(InputError):
        save_wav(Sound(np.zeros((1, 10), np.float32), 44100), tmp_path)
    assert not list(tmp_path.iterdir())
