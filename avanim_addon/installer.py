# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a virtual environment and lets pip install into it, step by step, each of which may be stopped and repeated.

pip's own configuration says where packages come from. Only torch is looked for in its makers' index too, which has a
build without CUDA for Linux and builds with CUDA for Windows; what that index lacks, or when it can't be reached, comes
from the configured one.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from ..rigs.errors import InputError
from ..rigs.job import Progress, part
from .jobs import python_in
from .leash import run

_TORCH_INDEX = "https://download.pytorch.org/whl/"
_BUILDS = {"cpu": "cpu", "cuda": "cu130"}
# The Pythons for which there is a torch of the pinned version.
_OLDEST, _NEWEST = (3, 11), (3, 14)
# Bytes on the disk while it is being made, with the downloads; measured on Linux.
_SPACE = {"cpu": 3e9, "cuda": 11e9}
_DOWNLOADS, _TEMPORARY = "downloads", "tmp"
# The pins and what they need, about; only the progress bar depends on it.
_PACKAGES = 40
_FETCHING = 0.6  # of pip's time, the rest is unpacking
_ABOUT = (
    "import importlib.util as u, json, sys; print(json.dumps([sys.version_info[:2], sys.maxsize > 2**32, "
    "[n for n in ('venv', 'ensurepip') if u.find_spec(n) is None]]))"
)

_NO_ROOM = re.compile(r"No space left|Errno 28\b|WinError 112|not enough space|quota exceeded", re.IGNORECASE)
_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish|Max retries|timed out|unreachable|getaddrinfo|"
    r"connection broken|ConnectionError|IncompleteRead|ProxyError|SSLError",
    re.IGNORECASE,
)


class _Failed(Exception):
    """A command ended with an error. Its text is the last of what it said."""


class Installer:
    """One environment on its way."""

    def __init__(self, folder: Path, log: IO[str] | None = None) -> None:
        self.folder = folder
        self.python = python_in(folder)
        self._log = log

    def works(self, progress: Progress) -> bool:
        """Whether there is an environment that runs."""
        try:
            self._run(self.python, ["-c", "pass"], lambda: progress(0.0, "Looking at what is there"))
        except (OSError, _Failed):
            return False
        return True

    def ensure_room(self, compute: str) -> None:
        """Raises InputError where the disk has too little room for a runtime of this kind."""
        there = sum(path.lstat().st_size for path in self.folder.rglob("*") if not path.is_dir())
        free, needed = shutil.disk_usage(self.folder).free, _SPACE[compute] - there
        if free < needed:
            raise InputError(
                f"The runtime needs {needed / 1e9:.1f} GB more while it is made, but the disk with {self.folder} has "
                f"{free / 1e9:.1f} GB free; make room and try again."
            )

    def install(self, compute: str, pins: Sequence[str], progress: Progress) -> None:
        """Bring the environment to where it has `pins`, with what is there already; `compute` is cpu or cuda.

        Raises:
            InputError: why it can't be, in one sentence.
        """
        try:
            for name in (_DOWNLOADS, _TEMPORARY):
                (self.folder / name).mkdir(exist_ok=True)
            self._environment(part(progress, 0.0, 0.04))
            self._pip(["--upgrade", "pip"], part(progress, 0.04, 0.06))
            self._torch(compute, [pin for pin in pins if pin.startswith("torch=")], part(progress, 0.06, 0.5))
            self._pip(pins, part(progress, 0.5, 1.0), expected=_PACKAGES)
        except (OSError, _Failed) as error:
            raise InputError(explain(str(error), self.folder)) from error
        for name in (_DOWNLOADS, _TEMPORARY):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def check(self, packages: Sequence[str], progress: Progress) -> None:
        """Load them all. Raises InputError where one does not."""
        try:
            code = f"import {', '.join(packages)}"
            self._run(self.python, ["-c", code], lambda: progress(0.0, "Trying whether all of it loads"))
        except _Failed as error:
            raise InputError(
                f"All is installed, but does not load: {str(error).splitlines()[-1]}. The log says more; choose "
                "another Python for the models in the preferences."
            ) from error

    def _environment(self, progress: Progress) -> None:
        """An environment with a pip, from the first Python that can make one."""
        if not self.works(progress):
            refusals = []
            for base in bases():
                try:
                    self._base(base, progress)
                    break
                except (OSError, ValueError, _Failed, InputError) as error:
                    refusals.append(str(error) if isinstance(error, InputError) else f"{base} cannot make one")
                    self._discard()
            else:
                raise InputError(
                    f"No Python here can make a runtime: {'; '.join(refusals) or 'there is none'}. Install a Python "
                    f"from {_text(_OLDEST)} to {_text(_NEWEST)} (under Debian and Ubuntu also python3-venv), then try "
                    "again."
                )
        self._forget_unfinished()
        if not self._version("pip"):
            self._run(self.python, ["-m", "ensurepip"], lambda: progress(0.5, "Installing pip"))

    def _discard(self) -> None:
        """Remove what a Python made that could not make it whole."""
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink() and path.name not in (_DOWNLOADS, _TEMPORARY):
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_symlink() or path.name == "pyvenv.cfg":
                path.unlink()

    def _base(self, base: str, progress: Progress) -> None:
        """Make the environment with this Python. Raises InputError when it is of no use."""

        def tick() -> None:
            progress(0.0, f"Making the environment with {base}")

        said = self._run(base, ["-c", _ABOUT], tick)
        version, wide, missing = json.loads(said[-1])
        if not _OLDEST <= tuple(version) <= _NEWEST or not wide:
            raise InputError(f"{base} is Python {_text(version)}{'' if wide else ' with 32 bits'}")
        if missing:
            raise InputError(f"{base} lacks {' and '.join(missing)}")
        self._run(base, ["-m", "venv", "--without-pip", str(self.folder)], tick)

    def _torch(self, compute: str, pin: list[str], progress: Progress) -> None:
        """torch alone, which may come from its makers' own index; what it needs follows with the other packages."""
        if sys.platform == "darwin":
            return
        self._pip(["--no-deps", "--retries", "2", "--extra-index-url", _TORCH_INDEX + _BUILDS[compute], *pin], progress)
        if "+" in self._version("torch"):
            return
        self._write("torch's makers' index gave none; this torch is of the index that pip is set up with.")
        if sys.platform == "win32" and compute == "cuda":
            raise InputError(
                f"torch with CUDA for Windows comes only from {_TORCH_INDEX}, which cannot be reached; try again "
                "later, or make a runtime for the CPU."
            )
        if sys.platform == "linux":
            self.ensure_room("cuda")

    def _pip(self, arguments: Sequence[str], progress: Progress, expected: int = 1) -> None:
        """Let pip install; raises _Failed."""
        new = [int(number) for number in self._version("pip").split(".")[:2]] >= [24, 1]
        reader = PipReader(progress, expected)
        self._run(
            self.python,
            [
                *("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--only-binary", ":all:"),
                *("--cache-dir", str(self.folder / _DOWNLOADS), "--progress-bar", "raw" if new else "off"),
                *arguments,
            ],
            reader.tick,
            reader.hear,
        )

    def _run(
        self,
        python: str | Path,
        arguments: Sequence[str],
        tick: Callable[[], None],
        hear: Callable[[str], None] = lambda line: None,
    ) -> list[str]:
        """The last lines that it said; raises _Failed with them when it fails, and OSError."""
        said: deque[str] = deque(maxlen=40)

        def listen(line: str) -> None:
            hear(line)
            if line and not PipReader.NUMBERS.match(line):
                said.append(line)
                self._write(line)

        temporary = str(self.folder / _TEMPORARY)
        # pip unpacks gigabytes, for which the system's own temporary folder may be too small; and somebody's settings
        # may make it install for the user, which an environment refuses.
        environment = {name: temporary for name in ("TMPDIR", "TEMP", "TMP")} | {"PIP_USER": "0"}
        tick()
        self._write(f"{time.strftime('%H:%M:%S')} {python} {' '.join(arguments)}")
        if run(python, arguments, listen, tick, environment):
            raise _Failed("\n".join(said))
        return list(said)

    def _write(self, line: str) -> None:
        if self._log:
            with contextlib.suppress(OSError):  # a full disk is told of elsewhere
                self._log.write(line + "\n")

    def _packages(self, name: str) -> list[Path]:
        """What is noted of installed packages, by a pattern for their file names."""
        within = "Lib/site-packages" if sys.platform == "win32" else "lib/python3.*/site-packages"
        return list(self.folder.glob(f"{within}/{name}"))

    def _version(self, name: str) -> str:
        """Of an installed package; empty where there is none."""
        found = self._packages(f"{name}-*.dist-info")
        return found[0].name.removesuffix(".dist-info").partition("-")[2] if found else ""

    def _forget_unfinished(self) -> None:
        """Let pip see what a stop has left half-done as not there: INSTALLER is among the last files that it writes."""
        for path in self._packages("*.dist-info"):
            if not (path / "INSTALLER").is_file():
                shutil.rmtree(path, ignore_errors=True)
        for path in self._packages("~*"):
            shutil.rmtree(path, ignore_errors=True)


class PipReader:
    """Turns what pip says into progress."""

    NUMBERS = re.compile(r"Progress (\d+) of (\d+)")
    _WHEEL = re.compile(
        r"(?:Downloading|Using cached|Processing) (?:\S*[/\\])?([^-\s/]+)-\S+\.whl(?!\.)( \([\d.]+ [kMG]?B\))?"
    )

    def __init__(self, progress: Progress, expected: int = 1) -> None:
        """`expected` packages, or more: pip finds out on the way."""
        self._progress = progress
        self._wanted = expected
        self._collected = 0
        self._wheels = 0
        self._part = 0.0
        self._fraction = 0.0
        self._step = "Looking for packages"

    def tick(self) -> None:
        """Say it again: the progress callback may want to stop."""
        self._progress(self._fraction, self._step)

    def hear(self, line: str) -> None:
        line = line.strip()
        if line.startswith("Collecting "):
            self._collected += 1
        elif numbers := self.NUMBERS.match(line):
            self._part = int(numbers[1]) / max(int(numbers[2]), 1)
        elif wheel := self._WHEEL.match(line):
            self._wheels, self._part = self._wheels + 1, 0.0
            self._step = f"Fetching {wheel[1].replace('_', '-')}{wheel[2] or ''}"
        elif line.startswith("Installing collected packages:"):
            count = line.count(",") + 1
            self._step = f"Installing {count} packages" if count > 1 else f"Installing {line.rpartition(' ')[2]}"
            self._fraction = _FETCHING
        if self._wheels:
            fetched = (self._wheels - 1 + self._part) / max(self._wanted, self._collected, self._wheels)
            self._fraction = max(self._fraction, _FETCHING * fetched)
        self.tick()


def bases(own: str = sys.executable) -> list[str]:
    """Pythons that might make an environment, best first: Blender's own, then those on the PATH."""
    # A Blender that has no Python beside it may name itself, and would open a window.
    named = [own] if Path(own).name.lower().startswith("python") else []
    names = [f"python3.{minor}" for minor in (13, 12, 11, 14)] + ["python3", "python"]
    return list(dict.fromkeys([*named, *filter(None, map(shutil.which, names))]))


def explain(said: str, folder: Path) -> str:
    """What went wrong, in one sentence, from the last lines of a command."""
    if _NO_ROOM.search(said):
        return f"The disk with {folder} is full; make room and create the runtime again: it goes on where it stopped."
    if _NO_NETWORK.search(said):
        return (
            "The packages cannot be fetched: no connection. Look after the network and create the runtime again: it "
            "goes on where it stopped."
        )
    if missing := re.search(r"No matching distribution found for (\S+)", said):
        return f"There is no {missing[1]} for this Python and this system; the log says more. Choose another Python."
    errors = [line for line in said.splitlines() if "rror" in line]
    last = (errors or said.splitlines() or ["it did not say why"])[-1].strip()
    return f"The runtime could not be made: {last.rstrip('.')}. The log says more."


def _text(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
