# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples run as their pages say. The character sheet renders for minutes and is left to hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("script", "shortest"), [("compose_song.py", 15), ("speak_sentence.py", 2)])
def test_writes_a_sound(script: str, shortest: float, tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / script, tmp_path / "out.wav"], check=True, timeout=120)
    samples, rate = soundfile.read(tmp_path / "out.wav")
    assert len(samples) / rate > shortest and 0.1 < abs(samples).max() <= 1
