# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from .errors import InputError

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EACCES: "writing there is not permitted; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EISDIR: "it is a folder; give a file name",
    errno.EEXIST: "a file stands where its folder should be; choose another folder",
    errno.ENOTDIR: "a file stands where its folder should be; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; give a shorter one",
}

_FULL = 1 << 20  # bytes; with less the disk is full


def lock(file: IO[Any]) -> bool:
    """Keep an open file from other processes until it is closed or this one is gone; whether no other has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a path inside a temporary folder beside `path`; on success move it over `path` in one step.

    The temporary file keeps the ending of `path`, since many writers choose the format by it. Whatever else the block
    leaves in that folder is thrown away. Nothing is left behind when the block raises, nor folders that were made for
    it; what a killed process left is cleared away by the next one that writes there.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    folder = path.parent if str(path.parent) else Path()
    workspace, made = None, [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        _sweep(folder)
        workspace = Path(tempfile.mkdtemp(prefix=f".avanim-{os.getpid()}-", dir=folder))
        temporary = workspace / path.name
        yield temporary
        temporary.replace(path)
        made.clear()
    except OSError as error:
        if error.errno in _REASONS:
            raise InputError(f"Cannot write {path}: {_REASONS[error.errno]}.") from error
        raise
    except RuntimeError as error:
        # Some writers, Blender's among them, tell of a full disk in words of their own.
        if shutil.disk_usage(folder).free < _FULL:
            raise InputError(f"Cannot write {path}: {_REASONS[errno.ENOSPC]}.") from error
        raise
    finally:
        if workspace is not None:
            shutil.rmtree(workspace, ignore_errors=True)
        with contextlib.suppress(OSError):  # others may have put something there
            for each in made:
                each.rmdir()


def ensure_writable(path: str | Path) -> None:
    """Find out before long work, rather than after it, that `path` can be written. Raises InputError."""
    path = Path(path)
    with contextlib.suppress(_Untouched), replacing(path):
        raise _Untouched


def clear_after(pid: int, folder: str | Path) -> None:
    """Remove what `replacing` has left in `folder` for a process that was killed, and is gone, while it wrote there."""
    for left in Path(folder).glob(f".avanim-{pid}-*"):
        shutil.rmtree(left, ignore_errors=True)


class _Untouched(Exception):
    pass


def _sweep(folder: Path) -> None:
    """Remove the temporary folders of processes that are gone."""
    if os.name != "posix":  # signal 0 asks whether a process lives on posix only; on Windows it would end it
        return
    for left in folder.glob(".avanim-*-*"):
        match = re.fullmatch(r"\.avanim-(\d+)-.*", left.name)
        if match:
            try:
                os.kill(int(match[1]), 0)
            except ProcessLookupError:
                shutil.rmtree(left, ignore_errors=True)
            except OSError:
                continue


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[BinaryIO]:
    """Open `path` for reading bytes.

    Raises:
        InputError: the file is missing, empty, no plain file, or may not be read.
    """
    path = Path(path)
    try:
        status = path.stat()
        # A pipe or a device could keep the reader waiting, or feed it, for ever.
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is not a plain file; give a file.")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}; check the name.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; give a file.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot read {path}: {str(reason).lower()}.") from error
    with file:
        if status.st_size == 0:
            raise InputError(f"{path} is empty (0 bytes); copy it again.")
        yield file


def read_bytes(path: str | Path, limit: int) -> bytes:
    """The content of a file of at most `limit` bytes. Raises InputError as `reading` does, and where it is larger."""
    with reading(path) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise InputError(f"{path} is larger than {limit >> 20} MiB; such a file is not read.")
        return file.read()
