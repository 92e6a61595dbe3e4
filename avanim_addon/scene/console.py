# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own chatter."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow what Blender's C code and its add-ons print in the block; standard output belongs to the caller's result.

    When the block raises, what was swallowed goes to standard error, where it may explain the error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as swallowed:
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(swallowed.fileno(), 1)
            os.dup2(swallowed.fileno(), 2)
            failed = True
            yield
            failed = False
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            if failed:
                swallowed.seek(0)
                sys.stderr.write(swallowed.read().decode(errors="replace"))
