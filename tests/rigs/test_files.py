# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are written whole or not at all, and read only where they are plain files."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.files import ensure_writable, read_bytes, reading, replacing
from avanim.rigs.motion import Motion


def test_file_appears_at_once_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "song.wav"
    with replacing(path) as temporary:
        assert temporary.suffix == ".wav" and temporary.parent.parent == path.parent
        temporary.write_bytes(b"one")
        assert not path.exists()
    with replacing(path) as temporary:
        temporary.write_bytes(b"two")
        (temporary.parent / "thumbnail.tmp").write_bytes(b"left over")
        assert path.read_bytes() == b"one"
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, Cancelled, KeyboardInterrupt, OSError, MemoryError])
def test_failure_leaves_nothing_and_keeps_the_old_file(failure: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"old")
    with pytest.raises(failure), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise failure
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
def test_disk_troubles_are_told_in_one_sentence(code: int, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised, replacing(tmp_path / "a.npz") as temporary:
        temporary.write_bytes(b"half")
        raise OSError(code, os.strerror(code))
    text = str(raised.value)
    assert str(tmp_path / "a.npz") in text and "\n" not in text and text.endswith(".")
    assert not list(tmp_path.iterdir())


def test_folder_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"), replacing(tmp_path):
        raise AssertionError("the block must not run")
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "a.npz", tmp_path / "file" / "folder" / "a.npz", tmp_path / ("long" * 100)):
        with pytest.raises(InputError, match=r"where its folder should be|too long"), replacing(path) as temporary:
            temporary.write_bytes(b"")
    assert [left.name for left in tmp_path.iterdir()] == ["file"]


def test_ensure_writable_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    ensure_writable(path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError):
        ensure_writable(tmp_path)


def _save_a_large_motion(path: Path) -> None:
    rng = np.random.default_rng(0)
    Motion(rng.normal(size=(4000, 24, 3)), np.zeros((4000, 3)), 30.0).save(path)


@pytest.mark.skipif(os.name != "posix", reason="file size limits are a posix matter")
def test_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """What the system does when a file grows past its limit: an OSError in the midst of writing."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises((InputError, OSError)):
            _save_a_large_motion(tmp_path / "a.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(small_disk: Path) -> None:
    with pytest.raises(InputError, match="disk is full"):
        _save_a_large_motion(small_disk / "a.npz")
    assert not list(small_disk.iterdir())


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from avanim.rigs.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.npz")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.npz").exists() and all(left.name.startswith(".") for left in tmp_path.iterdir())
    with replacing(tmp_path / "a.npz") as temporary:
        temporary.write_bytes(b"whole")
    assert [left.name for left in tmp_path.iterdir()] == ["a.npz"]


def test_folders_of_living_processes_are_left_alone(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as first, replacing(tmp_path / "b.txt") as second:
        first.write_bytes(b"a")
        second.write_bytes(b"b")
    assert sorted(left.name for left in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    with reading(path) as file:
        assert file.read() == b"content"
    assert read_bytes(path, 7) == b"content"
    with pytest.raises(InputError, match="larger"):
        read_bytes(path, 6)


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "pipe", "loop", "null in the name"])
def test_what_cannot_be_read_is_told_in_one_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.write_bytes(b"")
        case "pipe":
            os.mkfifo(path)  # opening it would wait for a writer for ever
        case "loop":
            path.symlink_to(path)
        case "null in the name":
            path = tmp_path / "a\0b"
    with pytest.raises(InputError) as raised, reading(path):
        pass
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


def test_sparse_file_of_a_terabyte_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="larger"):
        read_bytes(path, 1 << 30)


def test_folders_made_for_a_file_that_does_not_come_are_gone_again(tmp_path):
    ensure_writable(tmp_path / "new" / "deep" / "a.txt")
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "old" / "deep" / "a.txt") as temporary:
        temporary.write_text("no")
        raise ZeroDivisionError
    assert (tmp_path / "old").is_dir() and not any((tmp_path / "old").iterdir())
    with replacing(tmp_path / "new" / "deep" / "a.txt") as temporary:
        temporary.write_text("yes")
    assert (tmp_path / "new" / "deep" / "a.txt").read_text() == "yes"
