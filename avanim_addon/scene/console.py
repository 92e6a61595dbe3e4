# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own chatter."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow what Blender's C code and its add-ons print in the block; standard output belongs to the caller's result.

    When the block raises, what was swallowed goes to standard error, where it may explain the error.
    """
    _flush()
    kept = [os.dup(1), os.dup(2)]
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as swallowed:
            for descriptor in (1, 2):
                os.dup2(swallowed.fileno(), descriptor)
            try:
                # Operators report through Python's streams, which need not be those of the process.
                with contextlib.redirect_stdout(swallowed), contextlib.redirect_stderr(swallowed):
                    yield
            except BaseException:
                _restore(kept)
                swallowed.flush()
                swallowed.seek(0)
                sys.stderr.write(swallowed.read())
                raise
            _restore(kept)
    finally:
        for copy in kept:
            os.close(copy)


def _restore(kept: list[int]) -> None:
    _flush()
    for descriptor, copy in zip((1, 2), kept, strict=True):
        os.dup2(copy, descriptor)


def _flush() -> None:
    """Also what C code has printed and its library still holds back."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
