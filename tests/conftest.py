# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that all the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings that tests measure on: AVANIM_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("AVANIM_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("needs the recordings: set AVANIM_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of our own music, 120 beats a minute."""
    from avanim.models.audio import save_wav
    from avanim.models.audio.composer import compose

    path = tmp_path_factory.mktemp("song") / "song.wav"
    save_wav(compose("disco", bpm=120, bars=5, seed=3, rate=22050).sound, path)
    return path
