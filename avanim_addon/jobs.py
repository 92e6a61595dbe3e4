# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs jobs in the worker process: start, progress, cancel, result. Knows nothing of Blender; its caller polls.

Every method returns at once. What takes time (looking for a Python, starting it, reading what it says) happens on a
thread of its own, which hands plain messages to `Worker.poll`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ..rigs.errors import Cancelled, InputError
from ..rigs.job import Job, Progress, silent

ROOT = Path(__file__).resolve().parent.parent
WORKER = ROOT / "models" / "worker.py"

# What the models import; requirements.txt pins it, under the same names.
NEEDED = ("numpy", "scipy", "torch", "safetensors", "librosa", "soundfile", "soxr", "av", "espeakng_loader")
# Asked of a Python without loading any of it.
_PROBE = (
    "import importlib.util as u, json, sys; "
    f"print(json.dumps([sys.version_info[:3], [n for n in {NEEDED!r} if u.find_spec(n) is None]]))"
)
# The file in the add-on's runtime that is written when all is in it.
WHOLE = "whole.json"
_PROBE_SECONDS = 20.0
# s from cancel until a worker that does not listen is killed; the rest of the half second is for noticing it.
_CANCEL_SECONDS = 0.35
_LOG_LINES = 200
_EXIT_SECONDS = 2.0


def clean_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environment` without what makes another Python load Blender's libraries or somebody's modules."""
    unwanted = (
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONEXECUTABLE",
        "PYTHONSAFEPATH",
        "__PYVENV_LAUNCHER__",
    )
    kept = {key: value for key, value in environment.items() if key not in unwanted}
    # The add-on's folder is Blender's: nothing is written there, compiled Python neither.
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def hidden() -> dict[str, Any]:
    """Arguments of Popen that keep a console window (Windows) or the terminal's Ctrl-C (POSIX) away."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    return {"start_new_session": True}


@dataclass(frozen=True)
class Python:
    """An interpreter that was tried. `problem` is empty when it can run the models, else one plain sentence."""

    path: str
    version: str = ""
    problem: str = ""


def try_python(path: str) -> Python:
    """Run the interpreter at `path` and see whether it has what the models need. Takes a moment: not for draw()."""
    try:
        done = subprocess.run(
            [path, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            env=clean_environment(),
            **hidden(),
        )
        version, missing = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Python(path, problem=f"{path} did not run as a Python; choose another in the add-on's preferences.")
    text = ".".join(map(str, version))
    if version < [3, 11]:
        return Python(path, text, f"{path} is Python {text}, but AVAnim needs 3.11 or newer.")
    if missing:
        return Python(path, text, f"{path} lacks {', '.join(missing)}; install AVAnim's requirements into it.")
    return Python(path, text)


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def candidates(runtime: Path | None = None) -> list[str]:
    """The interpreters worth trying, best first: AVANIM_PYTHON, a checkout's .venv, the add-on's runtime, the PATH."""
    # Through a link in Blender's extensions folder, the checkout is where the link leads.
    folders = [ROOT / ".venv", *([runtime] if runtime and (runtime / WHOLE).is_file() else [])]
    named = [os.environ.get("AVANIM_PYTHON", ""), *(str(python_in(folder)) for folder in folders)]
    found = [path for path in named if path and Path(path).is_file()]
    on_path = [shutil.which(name) for name in ("python3", "python")]
    return list(dict.fromkeys([*found, *(path for path in on_path if path)]))


def find_python(chosen: str = "", runtime: Path | None = None) -> Python:
    """The interpreter to use: `chosen` if it is given, else the first candidate that has everything.

    Raises:
        InputError: none can run the models; the sentence says what is wrong with the nearest.
    """
    tried = []
    for path in [chosen] if chosen else candidates(runtime):
        python = try_python(path)
        if not python.problem:
            return python
        tried.append(python)
    if chosen:
        raise InputError(tried[0].problem)
    raise InputError(
        "No Python with torch was found; press Create Runtime in Edit > Preferences > Add-ons > AVAnim, or choose one "
        "there." + (f" {tried[0].problem}" if tried else "")
    )


class JobHandle:
    """One job on its way. `state` is queued, running, done, failed or cancelled; the rest is for showing."""

    def __init__(self, worker: Worker, identity: str, job: Job) -> None:
        self._worker = worker
        self.id = identity
        self.job = job
        self.state = "queued"
        self.stopped = False
        self.progress = 0.0
        self.step = "Waiting"
        self.eta: float | None = None  # s
        self.preview: dict[str, Any] = {}  # the latest, empty before the first
        self.result: dict[str, Any] = {}
        self.error = ""
        self.kind = ""  # of the error: input, cancelled or internal

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    def cancel(self) -> None:
        """Stop it; its state is cancelled from here on, unless it has ended already; `stopped` is true then, too."""
        self.stopped = True
        self._worker.cancel(self)

    def wait(self, seconds: float | None = None) -> bool:
        """Poll until it has ended, at most `seconds`; whether it has."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            self._worker.poll()
            if self.ended or (end is not None and time.monotonic() > end):
                return self.ended
            time.sleep(0.02)

    def _end(self, state: str, error: str = "", kind: str = "") -> None:
        self.state, self.error, self.kind, self.eta = state, error, kind, None


class _Process:
    """One life of the worker. Its thread writes messages into `inbox`: ("event", {…}) and at last ("end", sentence)."""

    def __init__(
        self,
        command: Callable[[], Sequence[str]],
        log_file: Path | None = None,
        afterwards: Callable[[int], object] | None = None,
    ) -> None:
        self.inbox: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.ready: dict[str, Any] = {}
        self.unanswered: set[str] = set()  # ids of the jobs that it was sent and has not ended
        self._command = command
        self._log_file = log_file
        self._afterwards = afterwards
        self._lock = threading.Lock()
        self._unsent: list[str] | None = []  # None once the process takes them itself
        self._process: subprocess.Popen[str] | None = None
        self.killed = False  # by us
        self._threads: list[threading.Thread] = []
        _living.add(self)
        self._run(self._live, "avanim worker")

    def _run(self, what: Callable[..., None], name: str, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait, not for long, until its threads have noticed that it was killed."""
        for thread in self._threads:
            thread.join(_EXIT_SECONDS)

    def send(self, request: dict[str, Any]) -> None:
        line = json.dumps(request) + "\n"
        if "job" in request:
            self.unanswered.add(request["id"])
        with self._lock:
            if self._unsent is not None:
                self._unsent.append(line)
            else:
                self._write(line)

    def kill(self) -> None:
        with self._lock:
            self.killed = True
            if self._process is not None:
                self._process.kill()

    def _write(self, line: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # a dead process is told of by ("end", …)
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _live(self) -> None:
        try:
            command = self._command()
            self._arguments = command
            with self._lock:
                if self.killed:
                    self.inbox.put(("end", "The worker was stopped."))
                    return
                self._process = process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                    env=clean_environment(),
                    **hidden(),
                )
                for line in self._unsent or ():
                    self._write(line)
                self._unsent = None
        except InputError as error:
            self.inbox.put(("end", str(error)))
            return
        except OSError as error:
            self.inbox.put(("end", f"The worker did not start: {error}. Choose another Python in the preferences."))
            return
        assert process.stdout is not None and process.stderr is not None
        self._run(self._read_log, "avanim log", process.stderr)
        refusal = ""
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                self.log.append(line.rstrip())
                continue
            if event.get("id", "") is None and not self.ready:
                refusal = event.get("error", "")  # why it cannot begin
            if "ready" in event:
                self.ready = event["ready"]
            if "result" in event or "error" in event:
                self.unanswered.discard(event["id"])
            self.inbox.put(("event", event))
        code = process.wait()
        if self._afterwards:
            self._afterwards(process.pid)
        self.inbox.put(("end", refusal or _epitaph(code)))

    def _read_log(self, stderr: IO[str]) -> None:
        with contextlib.ExitStack() as stack:
            file = None
            if self._log_file:
                with contextlib.suppress(OSError):  # a full disk stops no dance
                    self._log_file.parent.mkdir(parents=True, exist_ok=True)
                    file = stack.enter_context(self._log_file.open("w", encoding="utf-8", buffering=1))
                    file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(map(str, self._arguments))}\n")
            for line in stderr:
                self.log.append(line.rstrip())
                if file:
                    with contextlib.suppress(OSError):
                        file.write(line)


_living: weakref.WeakSet[_Process] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """A thread that wakes up while Python clears up after itself can crash the bpy wheel."""
    for process in list(_living):
        process.kill()
    for process in list(_living):
        process.join()


def _epitaph(code: int) -> str:
    """Why a process with this exit code ended, and what to do."""
    if sys.platform != "win32" and code == -signal.SIGKILL:
        how = "it was killed, perhaps because the machine ran out of memory"
    elif code < 0:
        how = f"signal {-code}"
    else:
        how = f"exit code {code}"
    return f"The worker process stopped in the middle ({how}); try again, it starts anew by itself."


class Worker:
    """The client of one worker process at a time. Use it from one thread, and call `poll` often (a timer)."""

    def __init__(
        self,
        command: Callable[[], Sequence[str]],
        log_file: Path | None = None,
        afterwards: Callable[[int], object] | None = None,
    ) -> None:
        """`command` finds out what to run, on the worker's own thread; it may take its time or raise InputError.

        `log_file` is given what the process that runs says on stderr; it tells of the last process only. `afterwards`
        is called with a process's pid when it has ended, killed or not, on that thread too.
        """
        self._command = command
        self._log_file = log_file
        self._afterwards = afterwards
        self._process: _Process | None = None
        self._handles: dict[str, JobHandle] = {}  # what the process has been asked and has not answered
        self._count = 0
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self.problem = ""  # why the last process never got ready

    @property
    def about(self) -> dict[str, Any]:
        """The ready event of the process that runs: versions, device, free_memory, pid; empty before."""
        return self._process.ready if self._process else {}

    @property
    def log_tail(self) -> list[str]:
        """The last lines that the worker, or the one before it, wrote on stderr."""
        return list(self._process.log if self._process else self._log)

    def start(self) -> None:
        """Warm it up: start the process unless it runs."""
        self.poll()
        if self._process is None:
            self.problem = ""
            self._process = _Process(self._command, self._log_file, self._afterwards)

    def submit(self, job: Job) -> JobHandle:
        self.start()
        self._count += 1
        handle = JobHandle(self, str(self._count), job)
        handle.step = "Waiting for the job before" if self._handles else "Starting the worker"
        if self.about and not self._handles:
            handle.step = "Starting"
        self._handles[handle.id] = handle
        self._send(handle)
        return handle

    def cancel(self, handle: JobHandle) -> None:
        self.poll()
        process = self._process
        if handle.ended or process is None:
            return
        handle._end("cancelled", "Cancelled.", "cancelled")
        process.send({"cancel": handle.id})

        def insist() -> None:
            # The worker has not let go of the job yet: it sits in one long step. The next job starts it anew.
            if handle.id in process.unanswered:
                process.kill()

        timer = threading.Timer(_CANCEL_SECONDS, insist)
        timer.daemon = True
        timer.start()

    def poll(self) -> None:
        """Bring every handle up to date."""
        process = self._process
        while process is not None and process is self._process:
            try:
                message, value = process.inbox.get_nowait()
            except queue.Empty:
                return
            if message == "event":
                self._hear(value)
            else:
                self._bury(process, value)

    def kill(self) -> None:
        """End the process now; what ran or waited is cancelled. The next job starts a new one."""
        process, self._process = self._process, None
        if process is not None:
            self._log = process.log
            process.kill()
        for handle in self._handles.values():
            if not handle.ended:
                handle._end("cancelled", "Cancelled.", "cancelled")
        self._handles.clear()

    def _send(self, handle: JobHandle) -> None:
        assert self._process is not None
        self._process.send({"id": handle.id, "job": asdict(handle.job)})

    def _hear(self, event: dict[str, Any]) -> None:
        handle = self._handles.get(event.get("id") or "")
        if handle is None:
            return
        if "progress" in event or "preview" in event:
            if handle.ended:
                return
            if "preview" in event:
                handle.preview = event["preview"]
            else:
                handle.state = "running"
                handle.progress, handle.step, handle.eta = event["progress"], event["step"], event["eta"]
            return
        del self._handles[handle.id]
        if handle.ended:
            return
        if "result" in event:
            handle.result = event["result"]
            handle.progress = 1.0
            handle._end("done")
        else:
            handle._end("cancelled" if event["kind"] == "cancelled" else "failed", event["error"], event["kind"])

    def _bury(self, process: _Process, sentence: str) -> None:
        """The process has ended. Jobs that had not begun move to a new one, unless this one never came up by itself."""
        self._process, self._log = None, process.log
        self.problem = "" if process.ready else sentence
        handles, self._handles = self._handles, {}
        for handle in handles.values():
            if handle.ended:
                continue
            if handle.state == "queued" and (process.ready or process.killed):
                if self._process is None:
                    self._process = _Process(self._command, self._log_file, self._afterwards)
                self._handles[handle.id] = handle
                self._send(handle)
            else:
                handle._end("failed", sentence, "internal" if process.ready else "input")


def run_to_the_end(worker: Worker, job: Job, progress: Progress = silent) -> dict[str, Any]:
    """Run `job` in the worker and wait for it: for scripts and Blender without a window.

    Raises:
        InputError: the input is wrong, or no Python can run the models.
        Cancelled: `progress` raised it, or the job was cancelled.
        RuntimeError: the job failed in the worker.
    """
    handle = worker.submit(job)
    try:
        while not handle.wait(0.1):
            progress(handle.progress, handle.step)
    except BaseException:
        handle.cancel()
        raise
    if handle.kind == "input":
        raise InputError(handle.error)
    if handle.state == "cancelled":
        raise Cancelled
    if handle.state == "failed":
        raise RuntimeError("\n".join([handle.error, *worker.log_tail[-12:]]))
    return handle.result
