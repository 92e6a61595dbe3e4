# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the add-on's own runtime: a private Python environment with what the models need. Knows nothing of Blender.

A runtime is an ordinary virtual environment. While it is being made, its folder also holds `begun.json`, which becomes
`whole.json` at the very end: without that nobody uses the runtime, and `create` goes on from whatever is there.
Downloads and temporary files stay inside the folder too, so that removing it leaves nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ..rigs.errors import Cancelled, InputError
from ..rigs.files import lock, replacing
from ..rigs.job import Progress, part, silent
from . import jobs
from .installer import Installer

# With Apple's GPU or without, macOS has one build of torch.
COMPUTE = ("cpu",) if sys.platform == "darwin" else ("cpu", "cuda")
_BEGUN = "begun.json"


def pins(requirements: Path = jobs.ROOT / "requirements.txt") -> list[str]:
    """The lines of requirements.txt for the packages that the models import.

    Raises:
        InputError: the file is missing.
    """
    try:
        lines = requirements.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{requirements}, which says what to install, is missing; install AVAnim again.") from error
    lines = [line.partition("#")[0].strip() for line in lines]
    return [line for line in lines if re.split(r"[^\w.-]", line)[0] in jobs.NEEDED]


def state(folder: Path) -> str:
    """none; part: half-made; whole; old: whole, but made for an older AVAnim."""
    made = _read(folder / jobs.WHOLE)
    if made:
        return "whole" if made.get("pins") == pins() else "old"
    return "part" if (folder / _BEGUN).is_file() else "none"


def create(folder: Path, compute: str = "cpu", progress: Progress = silent, *, log_file: Path | None = None) -> Path:
    """Make the runtime in `folder`, or go on with a half-made one, and wait. Returns its Python.

    Args:
        compute: cpu, or cuda (Linux, Windows).
        progress: may raise Cancelled, which ends at once whatever runs.
        log_file: is given all that pip says.

    Raises:
        InputError: no network, no room, no fitting Python, the folder holds something else.
        Cancelled: progress raised it.
    """
    if compute not in COMPUTE:
        raise InputError(f"There is no runtime for {compute} on this system; choose {' or '.join(COMPUTE)}.")
    wanted = {"compute": compute, "pins": pins()}
    with _alone(folder), _opened(log_file) as log:
        made = _read(folder / jobs.WHOLE) or _read(folder / _BEGUN)
        if not made and any(folder.iterdir()):
            raise InputError(f"{folder} holds something else; choose an empty folder for the runtime.")
        installer = Installer(folder, log)
        # A Blender that has gone takes its Python along, from under the runtime.
        if made.get("compute") != compute or not installer.works(progress):
            _empty(folder)
        elif made == wanted and (folder / jobs.WHOLE).is_file():
            return installer.python
        installer.ensure_room(compute)
        with replacing(folder / _BEGUN) as file:
            file.write_text(json.dumps(wanted), "utf-8")
        (folder / jobs.WHOLE).unlink(missing_ok=True)
        installer.install(compute, wanted["pins"], part(progress, 0.0, 0.95))
        installer.check(jobs.NEEDED, part(progress, 0.95, 1.0))
        (folder / _BEGUN).replace(folder / jobs.WHOLE)
        progress(1.0, "Done")
        return installer.python


def remove(folder: Path, progress: Progress = silent) -> None:
    """Delete the runtime, whole or half-made.

    Raises:
        InputError: it is no runtime, or a file of it is in use.
    """
    if state(folder) == "none":
        raise InputError(f"There is no runtime in {folder}.")
    with _alone(folder):
        progress(0.0, "Removing the runtime")
        _empty(folder)
        folder.rmdir()


class Background:
    """Work on a thread of its own. `state` is running, done, failed or cancelled; the rest is for showing."""

    def __init__(self, work: Callable[[Progress], object]) -> None:
        self.state = "running"
        self.progress = 0.0
        self.step = "Starting"
        self.error = ""
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name="avanim runtime", daemon=True)
        self._thread.start()

    def cancel(self, patience: float = 0.0) -> None:
        """Stop it; wait at most `patience` seconds until it has."""
        self._stop.set()
        self._thread.join(patience)

    def _live(self) -> None:
        try:
            self._work(self._report)
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
        except InputError as error:
            self.state, self.error = "failed", str(error)
        except Exception as error:  # the thread has nobody to raise it to
            self.state, self.error = "failed", f"The runtime failed: {error!r}."

    def _report(self, fraction: float, step: str) -> None:
        if self._stop.is_set():
            raise Cancelled
        self.progress, self.step = fraction, step


# --- inside -----------------------------------------------------------------------------------------------------------


def _read(path: Path) -> dict:
    try:
        made = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}


def _empty(folder: Path) -> None:
    """Remove all that is in it; what names it a runtime goes last, so that a try cut short can be repeated."""
    for _ in range(20):  # Windows lets go of a killed process's files only after a while
        for path in sorted(folder.glob("*"), key=lambda path: path.name in (_BEGUN, jobs.WHOLE)):
            if path.name == jobs.WHOLE:
                path.replace(folder / _BEGUN)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()
        if not any(folder.glob("*")):
            return
        time.sleep(0.1)
    raise InputError(f"A file in {folder} is in use; close other Blenders and try again.")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others from the same runtime. The system forgets the lock of a process that is gone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder.with_name(folder.name + ".lock").open("a")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {str(error.strerror).lower()}.") from error
    with file:
        if not lock(file):
            raise InputError("Another Blender is at work on this runtime; wait for it.")
        yield


@contextlib.contextmanager
def _opened(log_file: Path | None) -> Iterator[IO[str] | None]:
    if log_file is None:
        yield None
        return
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        file = log_file.open("w", encoding="utf-8", buffering=1)
    except OSError:  # a missing log is no reason to stop
        yield None
        return
    with file:
        yield file
