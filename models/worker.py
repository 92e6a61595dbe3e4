# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds the warm model: JSON lines in on stdin, JSON lines out on stdout.

Started as `python -m avanim.models.worker`, or by path as `python …/models/worker.py`, which works from wherever the
extension lies and needs no installed package. Every line is one JSON object in UTF-8.

Requests:

    {"id": "7", "job": {"task": "dance", "input": …, "options": {…}, "output": …}}      run; jobs wait in line
    {"cancel": "7"}                 stop it, whether it runs or waits
    {"ping": anything}              answered at once, also in the middle of a job
    {"quit": true}                  end the process; the end of stdin does the same

Events:

    {"ready": {"versions": {…}, "device": "cuda", "device_name": "…", "free_memory": bytes or null, "pid": 1}}
    {"id": "7", "progress": 0.25, "step": "Dancing", "eta": seconds or null}
    {"id": "7", "preview": {…}}             what can be shown already; of a long job only, maybe several
    {"id": "7", "result": {…}}
    {"id": "7", "error": "one sentence", "kind": "input" | "cancelled" | "internal"}
    {"id": null, "error": …, "kind": "input"}               a line that is no request
    {"pong": anything, "running": "7" or null, "waiting": 2, "free_memory": …}

Each job ends with exactly one result or error. A job starts with a progress of 0, so its client can tell waiting from
running. A cancelled job stops at its next progress call; a client that can't wait for it kills the process. When stdin
ends, or the parent process dies, the process is gone within a second even in the middle of a job: no orphans.
Exit code 0 after quit or the end of stdin; 2 when this Python cannot run the models at all (said in an error event).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def _by_path() -> None:
    """Load the folder above this one as the package `avanim`, whatever its name on disk, and serve from there."""
    root = Path(__file__).resolve().parent.parent
    # Python put this file's folder first on the path, where our `audio` or `face` would hide other people's modules.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != root / "models"]
    spec = importlib.util.spec_from_file_location(
        "avanim", root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["avanim"] = package
    spec.loader.exec_module(package)
    importlib.import_module("avanim.models.worker").serve()


if __name__ == "__main__" and not __package__:
    _by_path()
    sys.exit()

from ..rigs.errors import Cancelled, InputError  # noqa: E402 (this file is also a script, see above)
from ..rigs.job import Job, Progress  # noqa: E402

Run = Callable[[Job, Progress, Callable[[dict[str, Any]], None]], dict[str, Any]]

_GRACE = 0.4  # s that a running job gets to clean up after itself when the process must end
_INTERVAL = 0.05  # s between two progress events of the same step
_NICENESS = 5  # Blender's window and the sound come before the model


def free_memory() -> int | None:
    """Bytes that a job may still use: the GPU's when there is one, else the machine's; None when nobody says."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def describe() -> dict[str, Any]:
    """What this Python and this machine offer; loads torch.

    Raises:
        InputError: a package that the models need is missing.
    """
    versions = {"python": sys.version.split()[0]}
    for name in ("numpy", "scipy", "soundfile", "av", "torch"):
        try:
            versions[name] = str(importlib.import_module(name).__version__)
        except ImportError as error:
            raise InputError(
                f"The Python at {sys.executable} cannot load {name} ({error}); install AVAnim's requirements into it, "
                "or choose another Python in the add-on's preferences."
            ) from error
    from . import device

    chosen = {"device": device.choose().type, "device_name": device.describe()}
    return {"versions": versions, **chosen, "free_memory": free_memory()}


def run_task(job: Job, progress: Progress, preview: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The worker's default for `run`: what the command line runs in its own process."""
    from . import tasks

    return tasks.run(job, progress, preview)


class _Server:
    """One reader thread fills the line of jobs; the main thread works through it."""

    def __init__(self, requests: IO[str], events: IO[str], run: Run) -> None:
        self._requests = requests
        self._events = events
        self._run = run
        self._lock = threading.Lock()
        self._jobs: queue.Queue[tuple[str, Job]] = queue.Queue()
        self._waiting: set[str] = set()
        self._running: str | None = None
        self._stop = threading.Event()  # the running job is to end
        self._ending = False
        self._idle = threading.Event()
        self._idle.set()

    def start(self) -> None:
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        if hasattr(os, "getppid"):
            threading.Thread(target=self._watch_parent, args=(os.getppid(),), name="parent", daemon=True).start()

    def send(self, **event: Any) -> None:
        line = json.dumps(event, allow_nan=False)
        try:
            with self._lock:
                self._events.write(line + "\n")
                self._events.flush()
        except (OSError, ValueError):  # nobody listens any more
            os._exit(0)

    def work(self) -> None:
        """Run jobs until the process ends."""
        while True:
            identity, job = self._jobs.get()
            with self._lock:
                if identity not in self._waiting:
                    continue  # cancelled while it waited
                self._waiting.discard(identity)
                self._running = identity
                self._stop.clear()
                self._idle.clear()
            outcome = self._outcome(identity, job)
            with self._lock:
                self._running = None
            self._idle.set()
            self.send(id=identity, **outcome)

    def _outcome(self, identity: str, job: Job) -> dict[str, Any]:
        try:
            progress = self._reporter(identity)
            progress(0.0, "Starting")
            result = self._run(job, progress, lambda found: self.send(id=identity, preview=found))
            json.dumps(result, allow_nan=False)
            return {"result": result}
        except Cancelled:
            return {"error": "Cancelled.", "kind": "cancelled"}
        except InputError as error:
            return {"error": str(error), "kind": "input"}
        except MemoryError:
            traceback.print_exc()
            return {"error": "The machine ran out of memory; shorten the sound and try again.", "kind": "internal"}
        except Exception as error:
            traceback.print_exc()
            return {"error": f"The task {job.task} failed: {type(error).__name__}: {error}", "kind": "internal"}

    def _reporter(self, identity: str) -> Progress:
        began = time.monotonic()
        last_time, last_step = -1.0, ""

        def progress(fraction: float, step: str) -> None:
            nonlocal last_time, last_step
            if self._ending or self._stop.is_set():
                raise Cancelled
            now = time.monotonic()
            if step == last_step and now - last_time < _INTERVAL:
                return
            last_time, last_step = now, step
            fraction = min(1.0, max(0.0, float(fraction)))
            spent = now - began
            # The first moments say nothing about the rest: a job opens with loading, which runs at its own pace.
            eta = round(spent * (1 - fraction) / fraction, 1) if fraction > 0.02 and spent > 0.3 else None
            self.send(id=identity, progress=round(fraction, 4), step=step, eta=eta)

        return progress

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._requests:
                if line.strip():
                    self._take(line)
        self._end()

    def _take(self, line: str) -> None:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self.send(id=None, error=f"This line is no request: {line.strip()[:200]!r}.", kind="input")
        elif "quit" in request:
            self._end()
        elif "ping" in request:
            running, waiting = self._running, len(self._waiting)
            self.send(pong=request["ping"], running=running, waiting=waiting, free_memory=free_memory())
        elif "cancel" in request:
            self._cancel(str(request["cancel"]))
        elif "id" in request and isinstance(request.get("job"), dict):
            self._queue(str(request["id"]), request["job"])
        else:
            self.send(id=None, error=f"This line is no request: {line.strip()[:200]!r}.", kind="input")

    def _queue(self, identity: str, fields: dict[str, Any]) -> None:
        try:
            job = Job.from_json(json.dumps(fields))
        except InputError as error:
            self.send(id=identity, error=str(error), kind="input")
            return
        with self._lock:
            taken = identity in self._waiting or identity == self._running
            if not taken:
                self._waiting.add(identity)
        if taken:
            self.send(id=None, error=f"A job with the id {identity} is already here.", kind="input")
        else:
            self._jobs.put((identity, job))

    def _cancel(self, identity: str) -> None:
        with self._lock:
            waiting = identity in self._waiting
            self._waiting.discard(identity)
            if identity == self._running:
                self._stop.set()
        if waiting:
            self.send(id=identity, error="Cancelled.", kind="cancelled")

    def _watch_parent(self, parent: int) -> None:
        # stdin ends with the parent, except where another of its children holds the pipe's other end.
        while os.getppid() == parent:
            time.sleep(0.25)
        self._end()

    def _end(self) -> None:
        """End the process from any thread. A job that reaches its next progress call in time removes its own files."""
        self._ending = True
        self._idle.wait(_GRACE)
        os._exit(0)


def serve(run: Run = run_task, about: Callable[[], dict[str, Any]] = describe) -> None:
    """Speak the protocol on this process's stdin and stdout until it ends; does not return.

    `run` does the jobs and `about` fills the ready event; tests give their own.
    """
    # The two ends of the protocol are kept to ourselves: what a library prints goes to stderr, and a program that it
    # starts reads no requests.
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
    server = _Server(requests, events, run)
    server.start()
    try:
        server.send(ready={**about(), "pid": os.getpid()})
    except InputError as error:
        server.send(id=None, error=str(error), kind="input")
        os._exit(2)
    server.work()


if __name__ == "__main__":
    serve()
