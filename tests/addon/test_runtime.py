# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's own runtime, made from an index on this machine whose packages are a few bytes each."""

import contextlib
import functools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from avanim.avanim_addon import installer, jobs, runtime
from avanim.rigs.errors import Cancelled, InputError
from packaging.requirements import Requirement

from .package_index import Index, write_pages, write_wheel

PINS = runtime.pins()
posix = pytest.mark.skipif(os.name != "posix", reason="looks at processes, or lets shell scripts stand for Pythons")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    return write_pages(tmp_path_factory.mktemp("index"))


@pytest.fixture
def index(pages, monkeypatch):
    index = Index(pages)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in (("CONFIG_FILE", os.devnull), ("INDEX_URL", index.address), ("RETRIES", "0"), ("TIMEOUT", "5")):
        monkeypatch.setenv(f"PIP_{name}", value)
    # torch's makers' index is this one too: nothing is asked of the internet.
    monkeypatch.setattr(installer, "_TORCH_INDEX", index.address)
    monkeypatch.setattr(installer, "_BUILDS", {"cpu": "", "cuda": ""})
    yield index
    index.shutdown()
    index.server_close()


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "runtime"


def stop_at(words):
    def progress(fraction, step):
        if step.startswith(words):
            raise Cancelled

    return progress


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A runtime in which there is no more than pip."""
    folder = tmp_path_factory.mktemp("template") / "runtime"
    with pytest.raises(Cancelled):
        runtime.create(folder, progress=stop_at("Looking for packages"))
    return folder


@pytest.fixture
def begun(template, folder) -> Path:
    return Path(shutil.copytree(template, folder, symlinks=True))


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def processes(folder: Path) -> list[int]:
    """Those that have the folder in their command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@posix
def test_it_is_stopped_at_once_is_not_used_half_made_and_goes_on_from_there(index, begun, monkeypatch):
    index.stalled = {"scipy"}
    task = runtime.Background(functools.partial(runtime.create, begun, "cpu"))
    until(lambda: "scipy" in index.asked or task.state != "running")
    assert task.state == "running", task.error
    assert processes(begun)
    with pytest.raises(InputError, match="Another Blender"):
        runtime.create(begun)
    began = time.monotonic()
    task.cancel()
    until(lambda: task.state != "running" and not processes(begun))
    assert time.monotonic() - began < 0.5
    assert task.state == "cancelled" and runtime.state(begun) == "part"
    assert str(jobs.python_in(begun)) not in jobs.candidates(begun)

    # As if it had been stopped in the middle of writing a package.
    marker = next(begun.glob("lib/python3.*/site-packages/torch-*.dist-info/INSTALLER"))
    assert marker.read_text().strip() == "pip"
    (unfinished := marker.parent.with_name("soxr-0.dist-info")).mkdir()
    index.stalled, index.asked = set(), []
    seen = []
    python = runtime.create(begun, progress=lambda *news: seen.append(news), log_file=begun.with_name("log.txt"))
    assert python == jobs.python_in(begun) and runtime.state(begun) == "whole"
    assert "torch" not in index.asked and sorted(index.asked) == sorted(set(jobs.NEEDED) - {"torch"})
    assert not unfinished.exists()
    assert str(python) in jobs.candidates(begun) and jobs.try_python(str(python)).problem == ""
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert not any("Making the environment" in step for _, step in seen)
    assert {"Fetching scipy", "Installing 8 packages"} <= {step.partition(" (")[0] for _, step in seen}
    assert sorted(path.name for path in begun.iterdir() if path.is_file()) == ["pyvenv.cfg", "whole.json"]
    assert not (begun / "downloads").exists() and not (begun / "tmp").exists()
    assert "Requirement already satisfied: torch==2.13.0" in begun.with_name("log.txt").read_text()

    # Once more there is nothing to do, until the pins change; and a Python that no longer runs is made anew.
    index.asked, seen = [], []
    runtime.create(begun, progress=lambda *news: seen.append(news))
    assert index.asked == [] and {step for _, step in seen} == {"Looking at what is there"}
    monkeypatch.setattr(runtime, "pins", lambda: [pin for pin in PINS if not pin.startswith("av=")])
    assert runtime.state(begun) == "old" and str(python) in jobs.candidates(begun)
    runtime.create(begun)
    assert runtime.state(begun) == "whole" and index.asked == []
    python.unlink()
    with pytest.raises(Cancelled):
        runtime.create(begun, progress=stop_at("Making the environment"))
    assert runtime.state(begun) == "part" and not marker.exists()

    runtime.remove(begun)
    assert not begun.exists() and runtime.state(begun) == "none"
    with pytest.raises(InputError, match="no runtime"):
        runtime.remove(begun)


@posix
def test_no_process_is_left_when_the_one_that_makes_it_is_killed(index, begun):
    index.stalled = {"torch"}
    code = (
        "import sys; from pathlib import Path; from avanim.avanim_addon import installer, runtime; "
        "installer._TORCH_INDEX = sys.argv[1]; runtime.create(Path(sys.argv[2]))"
    )
    maker = subprocess.Popen([sys.executable, "-c", code, index.address, str(begun)])
    until(lambda: "torch" in index.asked or maker.poll() is not None)
    assert len(processes(begun)) == 2
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    until(lambda: not processes(begun), 2)
    assert runtime.state(begun) == "part"


def test_without_a_network_one_sentence_says_so(index, begun):
    index.shutdown()
    index.server_close()
    with pytest.raises(InputError, match="no connection") as told:
        runtime.create(begun)
    assert "goes on where it stopped" in str(told.value) and "\n" not in str(told.value)


def test_a_disk_without_room_is_told_before_anything_is_written(index, folder, monkeypatch):
    usage = installer.shutil.disk_usage(folder.parent)
    monkeypatch.setattr(installer.shutil, "disk_usage", lambda path: usage._replace(free=int(1e9)))
    with pytest.raises(InputError, match=r"needs 3\.0 GB more .* has 1\.0 GB free; make room"):
        runtime.create(folder)
    assert runtime.state(folder) == "none" and index.asked == []


@posix
def test_a_torch_with_cuda_in_place_of_the_other_is_told_and_needs_its_room(index, begun, tmp_path, monkeypatch):
    # The makers' index gives nothing, and the configured one has the version as PyPI names it.
    other = tmp_path / "other"
    (other / "torch").mkdir(parents=True)
    write_wheel(other / "torch", "torch", "2.13.0")
    second = Index(other)
    monkeypatch.setenv("PIP_INDEX_URL", second.address)
    monkeypatch.setattr(installer, "_TORCH_INDEX", "http://127.0.0.1:9/")
    usage = installer.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(installer.shutil, "disk_usage", lambda path: usage._replace(free=int(5e9)))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(InputError, match=r"5\.0 GB free"):
        runtime.create(begun, log_file=tmp_path / "log.txt")
    second.shutdown()
    second.server_close()
    assert "torch is of the index that pip is set up with" in (tmp_path / "log.txt").read_text()


def test_what_else_lies_in_the_folder_is_left_alone(index, folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    for attempt in (runtime.create, runtime.remove):
        with pytest.raises(InputError):
            attempt(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="no runtime for tpu"):
        runtime.create(folder, "tpu")


@posix
@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ("[[3, 9], true, []]", "is Python 3.9"),
        ("[[3, 15], true, []]", "is Python 3.15"),
        ("[[3, 12], false, []]", "with 32 bits"),
        ('[[3, 14], true, ["ensurepip"]]', "lacks ensurepip"),
        ("hello", "cannot make one"),
    ],
)
def test_the_first_python_that_can_make_an_environment_does(index, folder, tmp_path, monkeypatch, answer, part):
    useless = tmp_path / "python-x"
    useless.write_text(f"#!/bin/sh\necho '{answer}'\n")
    useless.chmod(useless.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(installer, "bases", lambda: ["/no/such/python", str(useless)])
    with pytest.raises(InputError, match=f"No Python here can make a runtime: .*{part}") as told:
        runtime.create(folder)
    assert "3.11 to 3.14" in str(told.value) and "python3-venv" in str(told.value)

    monkeypatch.setattr(installer, "bases", lambda: [str(useless), sys.executable])
    with pytest.raises(Cancelled):
        runtime.create(folder, progress=stop_at("Installing pip"))
    assert jobs.python_in(folder).exists()


def test_blender_itself_is_not_taken_for_a_python(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installer.bases("/usr/bin/blender") == []
    assert installer.bases("/opt/blender/5.2/python/bin/python3.13") == ["/opt/blender/5.2/python/bin/python3.13"]


def test_there_is_one_pin_of_every_needed_package_for_the_python_of_every_blender():
    for version in ("3.11", "3.12", "3.13", "3.14"):
        fitting = [r for r in map(Requirement, PINS) if not r.marker or r.marker.evaluate({"python_version": version})]
        assert sorted(requirement.name for requirement in fitting) == sorted(jobs.NEEDED)
        assert all(str(requirement.specifier).startswith("==") for requirement in fitting)


def test_what_pip_says_becomes_progress():
    seen = []
    reader = installer.PipReader(lambda *news: seen.append(news), expected=2)
    for line in (
        "Collecting torch==2.13.0",
        "  Downloading torch-2.13.0%2Bcpu-cp311-cp311-win_amd64.whl.metadata (28 kB)",
        "Downloading https://example.org/torch-2.13.0%2Bcpu-cp311-cp311-win_amd64.whl (189.2 MB)",
        "Progress 50 of 100",
        "Using cached typing_extensions-4.16.0-py3-none-any.whl (44 kB)",
        "Installing collected packages: typing-extensions, torch",
    ):
        reader.hear(line)
    assert [step for _, step in seen] == [
        *["Looking for packages"] * 2,
        *["Fetching torch (189.2 MB)"] * 2,
        "Fetching typing-extensions (44 kB)",
        "Installing 2 packages",
    ]
    assert [round(fraction, 2) for fraction, _ in seen] == [0, 0, 0, 0.15, 0.3, 0.6]


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "is full; make room",
        ),
        ("ERROR: Could not install packages due to an OSError: [WinError 112] There is not enough space", "is full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching", "no connection"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no torch==2.13.0 for this Python"),
        ("Traceback\nValueError: odd.\n", "ValueError: odd. The log says more"),
        ("", "did not say why"),
    ],
)
def test_what_went_wrong_is_one_sentence(said, part):
    told = installer.explain(said, Path("runtime"))
    assert part in told and "\n" not in told


# --- in Blender -------------------------------------------------------------------------------------------------------


@pytest.fixture
def extension(folder, monkeypatch):
    """The add-on registered as if it were an installed extension whose user folder is `folder`'s."""
    bpy = pytest.importorskip("bpy")
    import avanim
    from avanim.avanim_addon import session

    avanim.register()
    monkeypatch.setattr(session, "PACKAGE", "bl_ext.user_default.avanim")
    monkeypatch.setattr(session, "runtime_folder", lambda: folder)
    monkeypatch.setattr(session, "log_file", lambda: folder.with_name("worker.log"))
    online = bpy.context.preferences.system.use_online_access
    yield bpy
    bpy.context.preferences.system.use_online_access = online
    avanim.unregister()


def test_nothing_is_fetched_unless_blender_may_go_online(index, folder, extension):
    from avanim.avanim_addon import api, runtime_operators

    extension.context.preferences.system.use_online_access = False
    assert "allow online access" in runtime_operators.why_not_online()
    with pytest.raises(InputError, match="allow online access in Preferences"):
        api.create_runtime()
    assert not extension.ops.avanim.create_runtime.poll()
    assert index.asked == [] and not folder.exists()


@posix
def test_the_buttons_wait_where_there_is_no_window(index, begun, extension, capfd):
    from avanim.avanim_addon import api, runtime_operators

    extension.context.preferences.system.use_online_access = True
    assert not extension.ops.avanim.remove_runtime.poll()
    assert extension.ops.avanim.create_runtime(compute="cpu") == {"FINISHED"}
    assert "100% Done" in capfd.readouterr().out
    assert runtime.state(begun) == "whole" and "torch" in (begun.with_name("runtime.log")).read_text()
    assert json.loads((begun / "whole.json").read_text())["compute"] == "cpu"
    assert api.create_runtime() == jobs.python_in(begun)
    assert extension.ops.avanim.remove_runtime() == {"FINISHED"}
    assert not begun.exists()
    index.stalled = {"torch"}
    runtime_operators._begin(runtime_operators._creating("cpu"), lambda: None)
    until(lambda: "torch" in index.asked)
    assert not extension.ops.avanim.create_runtime.poll()
    began = time.monotonic()
    extension.ops.avanim.cancel_runtime()
    runtime_operators.unregister()  # as at the end of Blender
    assert time.monotonic() - began < 0.5 and processes(begun) == []
