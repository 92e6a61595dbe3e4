# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the worker, against a real process with tasks that take no model."""

import importlib.util
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from avanim.avanim_addon import jobs
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.files import clear_after
from avanim.rigs.job import Job

STUB = Path(__file__).resolve().parents[1] / "models" / "stub_worker.py"
SLOW, QUICK = Job("slow", options={"steps": 400}), Job("slow", options={"steps": 3})


@pytest.fixture
def worker():
    worker = jobs.Worker(lambda: [sys.executable, str(STUB)])
    yield worker
    worker.kill()


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def running(worker, handle):
    until(lambda: worker.poll() or handle.state == "running")


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_job_goes_from_queued_through_running_to_done(worker):
    handle = worker.submit(Job("slow", options={"steps": 40}))
    assert handle.state == "queued" and handle.step
    states, fractions = ["queued"], []
    while not handle.wait(0.02):
        fractions.append(handle.progress)
        if handle.state != states[-1]:
            states.append(handle.state)
    assert [*states, handle.state] == ["queued", "running", "done"]
    assert fractions == sorted(fractions) and fractions[-1] > 0.5 and handle.progress == 1
    assert handle.result["steps"] == 40


def test_previews_reach_the_handle_while_the_job_runs(worker):
    handle = worker.submit(Job("previewed"))
    assert handle.preview == {}
    until(lambda: worker.poll() or handle.preview)
    assert handle.state == "running" and handle.preview["number"] in range(3)
    assert handle.wait(10) and handle.preview == {"number": 2}


def test_what_a_killed_worker_was_writing_is_cleared_away(tmp_path):
    (tmp_path / ".avanim-1-other").mkdir()
    worker = jobs.Worker(lambda: [sys.executable, str(STUB)], afterwards=lambda pid: clear_after(pid, tmp_path))
    running(worker, worker.submit(Job("slow", output=str(tmp_path / "film.mp4"))))
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    worker.kill()
    until(lambda: [left.name for left in tmp_path.iterdir()] == [".avanim-1-other"])


def test_submitting_and_polling_never_wait(worker):
    began = time.monotonic()
    handle = worker.submit(SLOW)
    worker.poll()
    assert time.monotonic() - began < 0.05
    running(worker, handle)
    longest = 0.0
    for _ in range(50):
        began = time.monotonic()
        worker.poll()
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.01)
    assert longest < 0.03


def test_the_worker_stays_warm_between_jobs(worker):
    first, second = worker.submit(QUICK), worker.submit(QUICK)
    assert first.wait(10) and second.wait(10)
    assert first.result["pid"] == second.result["pid"] == worker.about["pid"]
    assert worker.about["device"] == "cpu"


def test_a_cancelled_job_is_cancelled_at_once_and_the_worker_stays(worker):
    handle = worker.submit(SLOW)
    running(worker, handle)
    pid = worker.about["pid"]
    handle.cancel()
    assert handle.state == "cancelled"
    following = worker.submit(QUICK)
    began = time.monotonic()
    assert following.wait(10) and following.result["pid"] == pid
    assert time.monotonic() - began < 1
    time.sleep(0.5)
    assert not gone(pid), "a worker that listened was killed"


def test_a_worker_that_does_not_listen_is_killed_within_half_a_second(worker):
    handle = worker.submit(Job("stubborn"))
    waiting = worker.submit(QUICK)
    running(worker, handle)
    pid = worker.about["pid"]
    began = time.monotonic()
    handle.cancel()
    until(lambda: gone(pid))
    assert time.monotonic() - began < 0.5
    assert waiting.wait(10) and waiting.state == "done", "the job that waited moves to the new worker"
    assert waiting.result["pid"] != pid


@pytest.mark.skipif(os.name != "posix", reason="kills with a POSIX signal")
def test_a_killed_worker_is_one_clear_sentence_and_the_next_job_starts_a_new_one(worker):
    handle = worker.submit(SLOW)
    waiting = worker.submit(QUICK)
    running(worker, handle)
    os.kill(worker.about["pid"], signal.SIGKILL)
    assert handle.wait(5) and handle.state == "failed"
    assert "killed" in handle.error and "try again" in handle.error and "\n" not in handle.error
    assert waiting.wait(10) and waiting.state == "done"
    following = worker.submit(QUICK)
    assert following.wait(10) and following.state == "done"


def test_a_job_cancelled_while_the_worker_is_still_loading_takes_no_other_along():
    code = f"import runpy, time; time.sleep(1.0); runpy.run_path({str(STUB)!r}, run_name='__main__')"
    worker = jobs.Worker(lambda: [sys.executable, "-c", code])
    first, second = worker.submit(SLOW), worker.submit(QUICK)
    first.cancel()
    assert second.wait(20) and (first.state, second.state) == ("cancelled", "done"), second.error
    worker.kill()


def test_kill_ends_the_process_and_cancels_what_it_had(worker):
    handles = [worker.submit(SLOW), worker.submit(SLOW)]
    running(worker, handles[0])
    pid = worker.about["pid"]
    worker.kill()
    assert [handle.state for handle in handles] == ["cancelled", "cancelled"]
    until(lambda: gone(pid), 1)


def test_kill_before_the_process_is_up_leaves_none_behind():
    threads = threading.active_count()
    worker = jobs.Worker(lambda: time.sleep(0.3) or [sys.executable, str(STUB)])
    handle = worker.submit(SLOW)
    worker.kill()
    assert handle.state == "cancelled"
    until(lambda: threading.active_count() <= threads, 2)


def test_errors_and_the_log_reach_the_handle(worker):
    wrong, bug = worker.submit(Job("input")), worker.submit(Job("bug"))
    assert wrong.wait(10) and bug.wait(10)
    assert (wrong.state, wrong.kind, wrong.error) == ("failed", "input", "The file a.wav is silent; choose another.")
    assert (bug.state, bug.kind) == ("failed", "internal") and "KeyError" in bug.error
    until(lambda: any("Traceback" in line for line in worker.log_tail))


def test_blenders_python_variables_do_not_reach_the_worker(worker, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    handle = worker.submit(Job("environment"))
    assert handle.wait(10) and handle.state == "done"
    assert "PYTHONPATH" not in handle.result and "PYTHONHOME" not in handle.result


def test_a_command_that_cannot_be_found_or_run_fails_the_job_with_its_sentence():
    def refuse():
        raise InputError("No Python with torch was found.")

    for command, part in ((refuse, "No Python with torch"), (lambda: ["/no/such/python"], "did not start")):
        handle = jobs.Worker(command).submit(QUICK)
        assert handle.wait(10) and handle.state == "failed" and handle.kind == "input"
        assert part in handle.error


def test_a_worker_that_dies_before_it_is_ready_is_not_started_again_and_again():
    starts = []

    def command():
        starts.append(1)
        return [sys.executable, "-c", "raise SystemExit(3)"]

    handle = jobs.Worker(command).submit(QUICK)
    assert handle.wait(10) and handle.state == "failed" and "exit code 3" in handle.error
    assert len(starts) == 1


def test_running_to_the_end_returns_raises_and_cancels(worker):
    seen = []
    result = jobs.run_to_the_end(worker, Job("slow", options={"steps": 40}), lambda f, s: seen.append(f))
    assert result["steps"] == 40 and seen == sorted(seen) and seen[-1] > 0
    with pytest.raises(InputError, match=r"a\.wav is silent"):
        jobs.run_to_the_end(worker, Job("input"))
    with pytest.raises(RuntimeError, match="KeyError"):
        jobs.run_to_the_end(worker, Job("bug"))

    def stop(fraction, step):
        if fraction > 0.05:
            raise Cancelled

    with pytest.raises(Cancelled):
        jobs.run_to_the_end(worker, SLOW, stop)


# --- which Python -----------------------------------------------------------------------------------------------------


def fake_python(path: Path, answer: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_this_python_can_run_the_models():
    python = jobs.try_python(sys.executable)
    if importlib.util.find_spec("torch") is None:
        assert "lacks" in python.problem and "torch" in python.problem
        pytest.skip("torch is not installed in this Python")
    assert python.problem == "" and python.version == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.skipif(os.name != "posix", reason="shell scripts stand for interpreters")
@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ("[[3, 9, 2], []]", "needs 3.11"),
        ('[[3, 12, 1], ["torch"]]', "lacks torch"),
        ("hello", "did not run as a Python"),
    ],
)
def test_a_python_that_cannot_run_the_models_is_told_apart(tmp_path, answer, part):
    path = fake_python(tmp_path / "python", answer)
    assert part in jobs.try_python(path).problem
    with pytest.raises(InputError, match=part):
        jobs.find_python(path)


def test_a_missing_python_is_told():
    assert "did not run" in jobs.try_python("/no/such/python").problem


@pytest.mark.skipif(os.name != "posix", reason="shell scripts stand for interpreters")
def test_the_order_of_choice(tmp_path, monkeypatch):
    good, bad = "[[3, 12, 1], []]", '[[3, 12, 1], ["torch"]]'
    named = fake_python(tmp_path / "named", good)
    runtime = fake_python(tmp_path / "runtime" / "bin" / "python", good)
    on_path = fake_python(tmp_path / "path" / "python3", good)
    monkeypatch.setattr(jobs, "ROOT", tmp_path / "checkout")
    venv = fake_python(tmp_path / "checkout" / ".venv" / "bin" / "python", good)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("AVANIM_PYTHON", named)
    assert jobs.candidates(tmp_path / "runtime") == [named, venv, on_path], "a half-made runtime is left alone"
    (tmp_path / "runtime" / jobs.WHOLE).write_text("{}")
    expected = [named, venv, runtime, on_path]
    assert jobs.candidates(tmp_path / "runtime") == expected
    for path in expected:
        assert jobs.find_python("", tmp_path / "runtime").path == path
        fake_python(Path(path), bad)  # and so the next one is taken
    with pytest.raises(InputError, match="No Python with torch"):
        jobs.find_python("", tmp_path / "runtime")
