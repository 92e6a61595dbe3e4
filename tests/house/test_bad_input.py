# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input to the command line: one plain sentence, the right exit status, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from avanim.rigs.motion_files import load_motion

TIMEOUT = 120


def avanim(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "avanim", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=TIMEOUT)


def tones(seconds: float, rate: int = 22050, channels: int = 1) -> np.ndarray:
    """(N, channels): a kick on every beat of 120 a minute over a chord."""
    at = np.arange(round(seconds * rate)) / rate
    kick = np.sin(2 * np.pi * 60 * at) * np.exp(-(at % 0.5) * 20)
    chord = 0.1 * sum(np.sin(2 * np.pi * pitch * at) for pitch in (220, 277, 330))
    return np.repeat(0.5 * (kick + chord)[:, None], channels, axis=1)


def assert_one_sentence(done: subprocess.CompletedProcess[str], status: int) -> str:
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    # Progress may stand before it; without --quiet it would be more lines.
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("avanim: ") and lines[0].endswith("."), done.stderr
    assert "Traceback" not in done.stderr and "Error" not in done.stderr
    return lines[0]


# ---- Music that cannot be danced to ----


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("This is a shopping list: bread, butter, cheese.\n" * 50)


def _noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(50_000))


def _picture(path: Path) -> None:
    from PIL import Image

    with path.open("wb") as file:
        Image.new("RGB", (64, 64), "red").save(file, "png")


def _header_alone(path: Path) -> None:
    soundfile.write(path, tones(3), 22050, format="WAV", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:44])


def _half_a_header(path: Path) -> None:
    soundfile.write(path, tones(3), 22050, format="WAV", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:20])


def _no_samples(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22050, 0, "NONE", ""))


def _all_nan(path: Path) -> None:
    soundfile.write(path, np.full((22050 * 4, 1), np.nan), 22050, format="WAV", subtype="FLOAT")


def _too_short(path: Path) -> None:
    soundfile.write(path, tones(0.2), 22050, format="WAV", subtype="PCM_16")


def _folder(path: Path) -> None:
    path.mkdir()


def _missing(path: Path) -> None:
    pass


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _three_hours(path: Path) -> None:
    """A WAV that is honest about its three hours; on disk it is a hole."""
    size = 3 * 3600 * 8000 * 2
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    header = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)


@pytest.mark.parametrize(
    "make",
    [
        _empty,
        _text,
        _noise,
        _picture,
        _header_alone,
        _half_a_header,
        _no_samples,
        _all_nan,
        _too_short,
        _folder,
        _missing,
        _pipe,
        _three_hours,
    ],
)
def test_what_is_no_music_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    music, out = tmp_path / "music.wav", tmp_path / "out"
    out.mkdir()
    make(music)
    done = avanim("dance", music, "-o", out / "dance.npz", "--quiet", folder=tmp_path)
    assert "music" in assert_one_sentence(done, 2)
    assert not list(out.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are a posix matter")
def test_unreadable_file(tmp_path: Path) -> None:
    music = tmp_path / "music.wav"
    soundfile.write(music, tones(4), 22050)
    music.chmod(0)
    if os.access(music, os.R_OK):
        pytest.skip("root reads every file")
    done = avanim("dance", music, "-o", tmp_path / "dance.npz", "--quiet", folder=tmp_path)
    assert "music.wav" in assert_one_sentence(done, 2)


# ---- Odd music that can be danced to ----


def _silent(path: Path) -> None:
    soundfile.write(path, np.zeros((22050 * 6, 1)), 22050, format="WAV", subtype="PCM_16")


def _five_seconds(path: Path) -> None:
    soundfile.write(path, tones(5), 22050, format="WAV", subtype="PCM_16")


def _eight_channels(path: Path) -> None:
    soundfile.write(path, tones(6, 48000, 8), 48000, format="WAV", subtype="PCM_24")


def _telephone(path: Path) -> None:
    soundfile.write(path, tones(6, 8000), 8000, format="WAV", subtype="PCM_U8")


def _some_nan(path: Path) -> None:
    samples = tones(6)
    samples[5000:9000] = np.nan
    samples[20000] = np.inf
    soundfile.write(path, samples, 22050, format="WAV", subtype="FLOAT")


def _truncated(path: Path) -> None:
    soundfile.write(path, tones(12), 22050, format="WAV", subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _wrong_ending(path: Path) -> None:
    with path.open("wb") as file:
        soundfile.write(file, tones(6), 22050, format="FLAC")


@pytest.mark.parametrize(
    ("make", "seconds"),
    [
        (_silent, 6),
        (_five_seconds, 5),
        (_eight_channels, 6),
        (_telephone, 6),
        (_some_nan, 6),
        (_truncated, 6),
        (_wrong_ending, 6),
    ],
)
def test_odd_music_is_danced_or_refused_plainly(make: Callable[[Path], None], seconds: float, tmp_path: Path) -> None:
    music, out = tmp_path / "music.wav", tmp_path / "dance.npz"
    make(music)
    done = avanim("dance", music, "-o", out, "--quiet", folder=tmp_path)
    assert "Traceback" not in done.stderr
    if make is _silent and done.returncode:  # silence may be danced to, or named as what it is
        assert_one_sentence(done, 2)
        assert not out.exists()
        return
    assert done.returncode == 0, done.stderr
    motion = load_motion(out)
    assert motion.seconds == pytest.approx(seconds, abs=0.1)
    # Damage is told to the user, in whole sentences.
    warned = done.stderr.splitlines()
    assert all(line.startswith("avanim: ") and line.endswith(".") for line in warned)
    assert bool(warned) == (make in (_some_nan, _truncated, _silent))


def test_a_part_of_three_hours(tmp_path: Path) -> None:
    music = tmp_path / "music.wav"
    _three_hours(music)
    chord = (tones(30, 8000)[:, 0] * 20000).astype("<i2").tobytes()
    with music.open("r+b") as file:
        file.seek(44 + 2 * 3600 * 8000 * 2)
        file.write(chord)
    done = avanim(
        "dance", music, "-o", tmp_path / "dance.npz", "--start", 7200, "--seconds", 8, "--quiet", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert load_motion(tmp_path / "dance.npz").seconds == pytest.approx(8, abs=0.1)


# ---- Places that cannot be written ----


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("ending", ["npz", "bvh"])
def test_full_disk(ending: str, small_disk: Path, song: Path, tmp_path: Path) -> None:
    done = avanim("dance", song, "-o", small_disk / f"dance.{ending}", "--quiet", folder=tmp_path)
    assert "disk is full" in assert_one_sentence(done, 2)
    assert not list(small_disk.iterdir())


def test_output_is_a_folder_or_lies_in_a_file(song: Path, tmp_path: Path) -> None:
    (tmp_path / "dance.npz").mkdir()
    assert "folder" in assert_one_sentence(avanim("dance", song, "-o", "dance.npz", "--quiet", folder=tmp_path), 2)
    (tmp_path / "file").write_bytes(b"keep me")
    done = avanim("dance", song, "-o", Path("file") / "dance.npz", "--quiet", folder=tmp_path)
    assert_one_sentence(done, 2)
    assert (tmp_path / "file").read_bytes() == b"keep me"


# ---- Killed at any moment ----


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(scope="module")
def undisturbed(song: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], float, bytes]:
    """A short dance to ./dance.npz: the command, how long it takes (s), and what it writes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    command = [sys.executable, "-m", "avanim", "dance", str(song), "-o", "dance.npz", "--seconds", "4", "--quiet"]
    start = time.monotonic()
    subprocess.run(command, check=True, cwd=folder, capture_output=True, timeout=TIMEOUT)
    return command, time.monotonic() - start, (folder / "dance.npz").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are a posix matter")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_at_random_moments_leaves_nothing_half_written(
    how: signal.Signals, undisturbed: tuple[list[str], float, bytes], tmp_path: Path
) -> None:
    command, whole, expected = undisturbed
    moments = random.Random(int(how))
    for fraction in (0.02, moments.uniform(0.1, 0.6), moments.uniform(0.6, 0.9), moments.uniform(0.9, 1.05)):
        (tmp_path / "dance.npz").write_bytes(b"the old dance")
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(fraction * whole)
        process.send_signal(how)
        _, errors = process.communicate(timeout=60)
        content = (tmp_path / "dance.npz").read_bytes()
        assert content in (b"the old dance", expected)
        assert process.returncode != 0 or content == expected
        assert _group_is_gone(process.pid), "an orphan is left"
        left = [path.name for path in tmp_path.iterdir() if path.name != "dance.npz"]
        if how == signal.SIGKILL:
            assert process.returncode in (-how, 0)
            # Nobody can clean up after SIGKILL; what is left is hidden, and the next command clears it away.
            assert all(name.startswith(".avanim-") for name in left)
        else:
            # A signal before Python has got to our code, or after it has left it, ends Python in its own way.
            assert not left and process.returncode in (0, 1, -how)
            if process.returncode == 1 and "Traceback" not in errors:
                assert errors.strip() == "avanim: stopped; nothing was written."
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, timeout=TIMEOUT)
    assert [path.name for path in tmp_path.iterdir()] == ["dance.npz"]
    assert (tmp_path / "dance.npz").read_bytes() == expected


def test_an_interrupt_that_a_library_swallows_stops_at_the_next_report() -> None:
    """numba's compiler calls Python back from C, and what is raised there is lost."""
    from avanim.__main__ import ProgressLine, Stopped
    from avanim.rigs.errors import Cancelled

    progress = ProgressLine(quiet=True)
    progress(0.1, "Working")
    with contextlib.suppress(Stopped):
        progress.stop(signal.SIGINT, None)
    with pytest.raises(Cancelled):
        progress(0.2, "Working")
