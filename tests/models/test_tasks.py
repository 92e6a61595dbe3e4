# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: what a dance makes of its options."""

from __future__ import annotations

from pathlib import Path

import pytest
from avanim.models.audio import save_wav
from avanim.models.audio.composer import compose
from avanim.models.tasks import run
from avanim.rigs.errors import InputError
from avanim.rigs.job import Job
from avanim.rigs.motion_files import load_motion


def test_a_part_is_danced_with_the_tempo_of_the_whole(tmp_path: Path) -> None:
    music = compose("rumba", bpm=84, bars=20, seed=5, rate=22050)
    save_wav(music.sound, tmp_path / "song.wav")
    job = Job("dance", str(tmp_path / "song.wav"), {"start": 20, "seconds": 4}, str(tmp_path / "out.json"))
    beats = run(job)["beats"]
    assert beats["bpm"] == pytest.approx(84, rel=0.02)
    assert 0 <= beats["times"][0] < 60 / 84 and beats["times"][-1] < 4
    nearest = [min(abs(20 + time - true) for true in music.beats.times) for time in beats["times"]]
    assert max(nearest) < 0.07


def test_the_offset_counts_from_the_start_of_the_part(tmp_path: Path) -> None:
    save_wav(compose("pop", bpm=120, bars=16, seed=1, rate=22050).sound, tmp_path / "song.wav")
    options = {"start": 10, "seconds": 6, "bpm": 120, "offset": 0.25}
    beats = run(Job("dance", str(tmp_path / "song.wav"), options, str(tmp_path / "out.json")))["beats"]
    assert beats["times"][0] == pytest.approx(0.25, abs=1e-3) and beats["positions"][0] == 0


def test_beats_that_are_given_are_danced_to(tmp_path: Path) -> None:
    save_wav(compose("pop", bpm=120, bars=8, seed=1, rate=22050).sound, tmp_path / "song.wav")
    given = [[0.1 + 0.7 * number, number % 3] for number in range(12)]
    options = {"start": 2, "seconds": 8, "beats": given, "method": "melody"}
    result = run(Job("dance", str(tmp_path / "song.wav"), options, str(tmp_path / "out.npz")))
    assert load_motion(tmp_path / "out.npz").body == "neutral"
    beats = result["beats"]
    assert beats["times"] == pytest.approx([time for time, _ in given]) and beats["metre"] == 3
    assert beats["positions"] == [place for _, place in given] and beats["bpm"] == pytest.approx(60 / 0.7)
    for wrong, reason in (
        ([[0.5, 0]], "Fewer than two"),
        ([[0.5, 0], [0.4, 1], [2.0, 2]], "out of order"),
        ([[0.5, 0.5], [1, 0]], "place in the bar"),
        (["one", "two"], "place in the bar"),
    ):
        with pytest.raises(InputError, match=reason):
            run(Job("dance", str(tmp_path / "song.wav"), {"beats": wrong}, str(tmp_path / "out.npz")))


def test_a_start_beyond_the_end_is_refused(tmp_path: Path) -> None:
    save_wav(compose("pop", bpm=120, bars=4, seed=1, rate=22050).sound, tmp_path / "song.wav")
    with pytest.raises(InputError, match="from 4000 s"):
        run(Job("dance", str(tmp_path / "song.wav"), {"start": 4000}, str(tmp_path / "out.npz")))
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_long_music_is_previewed_and_the_result_is_the_same(tmp_path: Path) -> None:
    save_wav(compose("pop", bpm=120, bars=32, seed=1, rate=22050).sound, tmp_path / "song.wav")
    heard, fractions = [], []

    def dance(name: str, preview: object = None, **options: object) -> object:
        job = Job("dance", str(tmp_path / "song.wav"), {"seed": 3, **options}, str(tmp_path / name))
        return run(job, lambda fraction, step: fractions.append(fraction), preview)  # type: ignore[arg-type]

    dance("short.npz", heard.append, seconds=20, method="melody")
    assert heard == []
    fractions.clear()
    dance("shown.npz", lambda found: heard.append((found["motion"], len(fractions))))
    path, after = heard[0]
    assert fractions[after - 1] < 0.25 and fractions == sorted(fractions)
    preview = load_motion(path)
    assert 10 < preview.seconds < 15 and Path(path).parent == tmp_path
    dance("plain.npz")
    plain, shown = load_motion(tmp_path / "plain.npz"), load_motion(tmp_path / "shown.npz")
    assert (plain.poses == shown.poses).all() and (plain.trans == shown.trans).all()
