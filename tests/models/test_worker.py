# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's protocol, driven over real pipes with tasks that take no model."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STUB = Path(__file__).with_name("stub_worker.py")


class Client:
    """A worker process and what it has said."""

    def __init__(self, arguments: list[str]) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.events: queue.Queue[dict] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def say(self, request: object) -> None:
        self.process.stdin.write((request if isinstance(request, str) else json.dumps(request)) + "\n")
        self.process.stdin.flush()

    def wait(self, wanted, timeout: float = 10.0) -> dict:
        """The next event for which `wanted(event)` holds."""
        end = time.monotonic() + timeout
        while True:
            event = self.events.get(timeout=max(0.01, end - time.monotonic()))
            if wanted(event):
                return event

    def ended(self, identity: str, timeout: float = 10.0) -> dict:
        return self.wait(lambda e: e.get("id") == identity and ("result" in e or "error" in e), timeout)

    def running(self, identity: str) -> dict:
        return self.wait(lambda e: e.get("id") == identity and "progress" in e)


@pytest.fixture
def client():
    client = Client([str(STUB)])
    client.wait(lambda event: "ready" in event)
    yield client
    client.process.kill()
    client.process.wait()


def test_a_job_reports_progress_step_eta_and_its_result(client):
    client.say({"id": "1", "job": {"task": "slow", "options": {"steps": 60}}})
    seen = []
    while True:
        event = client.events.get(timeout=10)
        seen.append(event)
        if "result" in event:
            break
    fractions = [event["progress"] for event in seen if "progress" in event]
    assert fractions[0] == 0 and fractions == sorted(fractions) and fractions[-1] > 0.8
    assert seen[1]["step"] == "Sleeping"
    etas = [event["eta"] for event in seen if event.get("eta") is not None]
    assert etas and etas[0] < 5 and etas[-1] < 0.5
    assert seen[-1]["id"] == "1" and seen[-1]["result"]["steps"] == 60


def test_previews_come_before_the_result(client):
    client.say({"id": "1", "job": {"task": "previewed"}})
    for number in range(3):
        assert client.wait(lambda event: "preview" in event) == {"id": "1", "preview": {"number": number}}
    assert client.ended("1")["result"] == {"previews": 3}


def test_jobs_run_one_at_a_time_in_order(client):
    client.say({"id": "a", "job": {"task": "slow", "options": {"steps": 15}}})
    client.say({"id": "b", "job": {"task": "slow", "options": {"steps": 5}}})
    order = []
    client.wait(lambda event: order.append(event.get("id")) or (event.get("id") == "b" and "result" in event))
    assert order == sorted(order) and set(order) == {"a", "b"}


def test_cancel_ends_a_running_job_within_half_a_second_and_leaves_no_file(client, tmp_path):
    client.say({"id": "1", "job": {"task": "slow", "output": str(tmp_path / "out.txt")}})
    client.running("1")
    began = time.monotonic()
    client.say({"cancel": "1"})
    event = client.ended("1")
    assert event["kind"] == "cancelled" and time.monotonic() - began < 0.5
    assert list(tmp_path.iterdir()) == []


def test_a_waiting_job_is_cancelled_at_once_and_never_starts(client):
    client.say({"id": "1", "job": {"task": "slow", "options": {"steps": 40}}})
    client.say({"id": "2", "job": {"task": "slow", "options": {"steps": 40}}})
    client.running("1")
    began = time.monotonic()
    client.say({"cancel": "2"})
    assert client.ended("2")["kind"] == "cancelled" and time.monotonic() - began < 0.5
    assert client.ended("1")["result"]["steps"] == 40
    client.say({"id": "3", "job": {"task": "slow", "options": {"steps": 2}}})
    assert client.wait(lambda event: event.get("id") in ("2", "3"))["id"] == "3"


def test_cancelling_what_is_not_there_changes_nothing(client):
    client.say({"cancel": "nobody"})
    client.say({"id": "1", "job": {"task": "slow", "options": {"steps": 2}}})
    assert "result" in client.ended("1")


def test_ping_is_answered_in_the_middle_of_a_job(client):
    client.say({"id": "1", "job": {"task": "slow"}})
    client.running("1")
    client.say({"ping": 5})
    pong = client.wait(lambda event: "pong" in event, 1)
    assert pong["pong"] == 5 and pong["running"] == "1" and pong["waiting"] == 0
    assert pong["free_memory"] is None or pong["free_memory"] > 1e6


@pytest.mark.parametrize(
    "line", ["garbage", "[1, 2]", '{"id": "1"}', '{"id": "1", "job": 5}', "{}", "\x00\x01", "null", '{"job": {}}']
)
def test_a_line_that_is_no_request_is_answered_and_does_no_harm(client, line):
    client.say(line)
    event = client.wait(lambda e: "error" in e)
    assert event["id"] is None and event["kind"] == "input" and "request" in event["error"]
    client.say({"id": "9", "job": {"task": "slow", "options": {"steps": 2}}})
    assert "result" in client.ended("9")


def test_a_job_of_the_wrong_shape_is_an_input_error_of_that_job(client):
    client.say({"id": "1", "job": {"task": "slow", "colour": "red"}})
    assert client.ended("1")["kind"] == "input"


def test_errors_tell_the_users_fault_from_ours(client):
    client.say({"id": "1", "job": {"task": "input"}})
    event = client.ended("1")
    assert event == {"id": "1", "error": "The file a.wav is silent; choose another.", "kind": "input"}
    client.say({"id": "2", "job": {"task": "bug"}})
    event = client.ended("2")
    assert event["kind"] == "internal" and "KeyError" in event["error"]
    client.say({"id": "3", "job": {"task": "not a number"}})
    assert client.ended("3")["kind"] == "internal"


def test_what_a_library_prints_stays_out_of_the_protocol(client):
    client.say({"id": "1", "job": {"task": "chatty"}})
    assert client.ended("1")["result"] == {"said": "enough"}
    client.process.stdin.close()
    assert "printed by a child" in client.process.stderr.read()


@pytest.mark.parametrize("task", ["slow", "stubborn"])
@pytest.mark.parametrize("how", ["end of stdin", "quit"])
def test_the_end_of_stdin_and_quit_end_the_process_in_the_middle_of_a_job(client, task, how, tmp_path):
    output = str(tmp_path / "out.txt") if task == "slow" else None
    client.say({"id": "1", "job": {"task": task, "output": output}})
    client.running("1")
    began = time.monotonic()
    if how == "quit":
        client.say({"quit": True})
    else:
        client.process.stdin.close()
    assert client.process.wait(5) == 0
    assert time.monotonic() - began < 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="kills with a POSIX signal")
@pytest.mark.parametrize("pipe_survives", [False, True])
def test_no_orphan_is_left_when_the_client_is_killed(pipe_survives):
    """Also where the pipe stays open, since another child of the client holds its other end."""
    keeper = "os.set_inheritable(p.stdin.fileno(), True); subprocess.Popen(['sleep', '20'], close_fds=False)"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import os, subprocess, sys, time\n"
            f"p = subprocess.Popen([sys.executable, {str(STUB)!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            f"{keeper if pipe_survives else ''}\n"
            f"p.stdout.readline()\n"
            f'p.stdin.write(b\'{{"id": "1", "job": {{"task": "stubborn"}}}}\\n\'); p.stdin.flush()\n'
            f"p.stdout.readline()\n"
            f"print(p.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    pid = int(parent.stdout.readline())
    assert _alive(pid)
    began = time.monotonic()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while _alive(pid) and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert time.monotonic() - began < 1


def _alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("arguments", [["-m", "avanim.models.worker"], [str(ROOT / "models" / "worker.py")]])
def test_the_real_worker_gets_ready_both_ways(arguments, tmp_path):
    client = Client(arguments)
    try:
        ready = client.wait(lambda event: "ready" in event, 120)["ready"]
        assert ready["device"] in ("cpu", "cuda", "mps") and ready["pid"] == client.process.pid
        assert set(ready["versions"]) >= {"python", "torch", "numpy"}
        client.say({"id": "1", "job": {"task": "no such task", "input": str(tmp_path / "none.wav")}})
        event = client.ended("1", 60)
        assert event["kind"] == "input" and "no such task" in event["error"]
        client.process.stdin.close()
        assert client.process.wait(5) == 0
    finally:
        client.process.kill()
        client.process.wait()


def test_a_python_without_torch_says_so_and_ends_with_2(tmp_path):
    """The bare interpreter stands for a Python that somebody chose by mistake."""
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')")
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); "
        f"runpy.run_path({str(ROOT / 'models' / 'worker.py')!r}, run_name='__main__')"
    )
    client = Client(["-c", code])
    event = client.wait(lambda e: "error" in e, 60)
    assert event["kind"] == "input" and "torch" in event["error"] and sys.executable in event["error"]
    assert client.process.wait(10) == 2
