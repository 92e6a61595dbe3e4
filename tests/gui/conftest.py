# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests with a real Blender share: the extension's zip and a song."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from avanim.build_addon import build_zip

from .run_blender import why_not


@pytest.fixture(scope="session")
def blender():
    """Skips where there is no real Blender."""
    if why_not():
        pytest.skip(why_not())


@pytest.fixture(scope="session")
def extension(blender, tmp_path_factory) -> Path:
    """The zip that users get, found valid by Blender's own tool, which the bpy wheel brings."""
    pytest.importorskip("bpy", reason="needs the bpy wheel with Blender's extension tool")
    return build_zip(tmp_path_factory.mktemp("extension"), quiet=True)


def _drums(path: Path, seconds: float) -> Path:
    """Drums and a bass at 120 bpm."""
    rate = 22050
    time = np.arange(int(rate * seconds)) / rate
    since_beat = time % 0.5
    bar = (time // 2) % 4
    drum = np.sin(2 * np.pi * 60 * since_beat) * np.exp(-since_beat * 18)
    off_beat = np.random.default_rng(0).normal(size=len(time)) * np.exp(-((time + 0.25) % 0.5) * 60) * 0.2
    bass = 0.3 * np.sign(np.sin(2 * np.pi * (55 * 2 ** (np.array([0, 5, 7, 3])[bar.astype(int)] / 12)) * time))
    soundfile.write(path, 0.5 * (drum + off_beat + bass * (since_beat > 0.05)), rate)
    return path


@pytest.fixture(scope="session")
def song(tmp_path_factory) -> Path:
    return _drums(tmp_path_factory.mktemp("song") / "drums.wav", 20.0)


@pytest.fixture(scope="session")
def long_song(tmp_path_factory) -> Path:
    """Long enough to be previewed."""
    return _drums(tmp_path_factory.mktemp("long_song") / "drums.wav", 240.0)


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """A spoken sentence of our own."""
    pytest.importorskip("torch", reason="the models need it, which this Python lacks")
    from avanim.models.audio import save_wav
    from avanim.models.audio.formant import demo_sentence

    path = tmp_path_factory.mktemp("speech") / "hello.wav"
    save_wav(demo_sentence().sound, path)
    return path
