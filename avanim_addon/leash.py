# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs some Python in a process that can be stopped at any moment and never outlives this one."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from .jobs import clean_environment, hidden

# Does what `python -m MODULE …` or `python -c CODE` does, and dies with its children when whoever holds the other end
# of its stdin is gone.
_LEASH = """
import os, runpy, signal, sys, threading
def watch():
    os.read(0, 1)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
mode, what = sys.argv[1:3]
sys.argv = sys.argv[2:]
if mode == "-m":
    runpy.run_module(what, run_name="__main__", alter_sys=True)
else:
    exec(what, {"__name__": "__main__"})
"""
_TICK = 0.1  # s


def run(
    python: str | Path,
    arguments: Sequence[str],
    hear: Callable[[str], None],
    tick: Callable[[], None],
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run `python ARGUMENTS` and wait for its exit status.

    Args:
        arguments: -m and a module with its own arguments, or -c and code.
        hear: is given every line of its output.
        tick: is called ten times a second while it is silent. What `hear` and `tick` raise ends the process at once.
        environment: variables in addition to this process's.

    Raises:
        OSError: `python` cannot be started.
    """
    process = subprocess.Popen(
        [str(python), "-I", "-c", _LEASH, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**clean_environment(), **(environment or {})},
        **hidden(),
    )
    assert process.stdout is not None and process.stdin is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), name="avanim leash", daemon=True).start()
    try:
        while True:
            try:
                line = lines.get(timeout=_TICK)
            except queue.Empty:
                tick()
                continue
            if line is None:
                return process.wait()
            hear(line)
    finally:
        _end(process)
        with contextlib.suppress(OSError):
            process.stdin.close()


def _read(stdout: IO[str], lines: queue.Queue[str | None]) -> None:
    with stdout:
        for line in stdout:
            lines.put(line.rstrip())
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        # It leads a group of its own (`hidden`), in which its children are too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
