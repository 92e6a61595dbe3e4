# SPDX-License-Identifier: GPL-3.0-or-later
"""Music that is none, or is hard to dance to, through `avanim dance`: a right result or one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from avanim.__main__ import main
from avanim.rigs.motion_files import load_motion
from avanim.rigs.motion_metrics import contact_speed
from avanim.rigs.skeleton import Rest

RATE = 22050


def clicks(times, seconds: float) -> np.ndarray:
    """A short low tone at each time."""
    samples, at = np.zeros(round(seconds * RATE)), np.arange(round(0.15 * RATE)) / RATE
    hit = 0.8 * np.exp(-at / 0.03) * np.sin(2 * np.pi * 200 * at)
    for start in (np.asarray(times) * RATE).astype(int):
        piece = samples[start : start + len(hit)]
        piece += hit[: len(piece)]
    return samples


def rubato() -> np.ndarray:
    random, times = np.random.default_rng(0), [0.3]
    while times[-1] < 14:
        times.append(times[-1] + 0.62 + 0.28 * np.sin(0.9 * times[-1]) + random.normal(0, 0.05))
    return clicks(times, 15)


def silent_middle() -> np.ndarray:
    samples = clicks(np.arange(0, 15, 0.5), 15)
    samples[5 * RATE : 10 * RATE] = 0
    return samples


def speech() -> np.ndarray:
    """Syllables at no steady rate: buzzing that a vocal tract's resonances colour."""
    from scipy.signal import lfilter

    random = np.random.default_rng(1)
    pieces = []
    for _ in range(40):
        long = int(random.uniform(0.08, 0.3) * RATE)
        phase = np.cumsum(random.uniform(90, 140) * np.ones(long)) / RATE
        voice = (phase % 1 < 0.1) * np.hanning(long)
        for pitch in random.uniform((300, 900), (800, 2300)):
            pole = 0.97 * np.exp(2j * np.pi * pitch / RATE)
            voice = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], voice)
        pieces += [0.3 * voice / (np.abs(voice).max() + 1e-9), np.zeros(int(random.exponential(0.08) * RATE))]
    return np.concatenate(pieces)


MUSIC = {
    "three seconds": lambda: clicks(np.arange(0, 3, 0.5), 3),
    "rubato": rubato,
    "300 a minute": lambda: clicks(np.arange(0, 12, 0.2), 12),
    "a silent middle": silent_middle,
    "speech": speech,
}


@pytest.mark.parametrize("kind", MUSIC)
def test_it_is_danced_to_as_long_as_it_is(kind, tmp_path, capfd):
    samples = MUSIC[kind]()
    soundfile.write(tmp_path / "in.wav", samples, RATE)
    assert main(["dance", str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.npz"), "--quiet", "--json"]) == 0
    made = json.loads(capfd.readouterr().out.splitlines()[-1])
    motion = load_motion(tmp_path / "out.npz")
    assert abs(motion.seconds - len(samples) / RATE) < 0.1 and motion.fps == 30
    assert (np.diff(made["beats"]["times"]) > 0).all()
    speed = contact_speed(motion, Rest.average())
    assert not len(speed) or np.median(speed) < 0.1


@pytest.mark.parametrize(
    ("samples", "said"),
    [(clicks([0.2], 1.0), "at least 2 s"), (np.zeros(5 * RATE), "silent")],
    ids=["one second", "silence"],
)
def test_what_cannot_be_danced_to_is_told_in_one_sentence(samples, said, tmp_path, capfd):
    soundfile.write(tmp_path / "in.wav", samples, RATE)
    assert main(["dance", str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.npz"), "--quiet"]) == 2
    told = capfd.readouterr().err.strip()
    assert said in told and told.startswith("avanim: ") and "\n" not in told
    assert not (tmp_path / "out.npz").exists()
