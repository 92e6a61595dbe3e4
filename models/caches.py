# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept from one run to the next to be quicker, beside what other programs keep."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import IO

from ..rigs.files import lock

_MOST = 100  # processes at once; where nothing can be locked, none
_held: list[IO[str]] = []


def cache_folder(name: str) -> Path:
    """The folder of that name; it need not exist."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "avanim" / name


def keep_numba_apart() -> None:
    """Have numba keep what it compiles for librosa in a folder that no other process uses meanwhile.

    Two processes that compile the same function at once give their files the same names, and whoever reads them next
    crashes without a word. A folder that the user has chosen stays, and so does numba's own choice where ours cannot be
    written.
    """
    ours = cache_folder("numba")
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if "numba" in sys.modules or (chosen and Path(chosen).parent != ours):
        return
    # What a parent process has claimed is not ours.
    os.environ.pop("NUMBA_CACHE_DIR", None)
    with contextlib.suppress(OSError):
        for number in range(_MOST):
            folder = ours / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / "lock").open("a")
            if lock(file):
                _held.append(file)  # the system lets go of it when the process ends
                os.environ["NUMBA_CACHE_DIR"] = str(folder)
                return
            file.close()
