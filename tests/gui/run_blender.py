# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the real Blender that `make_blender.sh` has put into a folder, with a screen, a mouse and a keyboard.

Everything runs in mount and process namespaces of its own: nothing stays mounted, no process is left.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCREEN = (1600, 900)
# In the folder `work`: the command lines of processes that live on a second after Blender has ended, whatever they are,
# and the temporary files of ours.
ORPHANS = "orphans.txt"


def gui_root() -> Path | None:
    """The folder with Blender in it, from AVANIM_GUI_ROOT."""
    named = os.environ.get("AVANIM_GUI_ROOT")
    return Path(named).resolve() if named else None


def why_not() -> str:
    """Why no real Blender can be started here; empty if one can."""
    root = gui_root()
    if root is None:
        return "AVANIM_GUI_ROOT is not set; tests/gui/make_blender.sh makes such a folder"
    if not (root / "usr/bin/blender").exists() or not (root / "usr/bin/xvfb-run").exists():
        return f"{root} holds no Blender with an X server; make it with tests/gui/make_blender.sh"
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return "entering the folder needs root and unshare"
    return ""


def run(
    arguments: list[str], work: Path, *, window: bool, timeout: float, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `blender ARGUMENTS` and wait. The checkout, this Python and `work` lie at the same paths as outside.

    Args:
        work: a folder to write into; also where Blender keeps its own settings.
        window: with a screen, else what the arguments say (-b).
    """
    root = gui_root()
    assert root is not None and not why_not()
    # This Python may be a virtual environment of another one.
    shared = {ROOT: "ro", Path(sys.base_prefix).resolve(): "ro", Path(sys.prefix).resolve(): "ro", work.resolve(): "rw"}
    lines = [
        "set -e",
        "mount --make-rprivate /",
        f"mount -t proc proc {root}/proc",
        f"mount --rbind /dev {root}/dev",
        f"mount -t tmpfs tmpfs {root}/tmp",
    ]
    # Outer folders first: a folder inside one that is bound needs no mount point of its own.
    for folder, mode in sorted(shared.items()):
        if mode == "ro" and any(folder != other and folder.is_relative_to(other) for other in shared):
            continue
        inside = shlex.quote(f"{root}{folder}")
        lines += [f"mkdir -p {inside}", f"mount --bind {shlex.quote(str(folder))} {inside}"]
        if mode == "ro":
            lines.append(f"mount -o remount,bind,ro {inside}")
    blender = ["blender", *arguments]
    if window:
        width, height = SCREEN
        blender[1:1] = ["--no-window-focus", "-p", "0", "0", str(width), str(height)]
        blender = ["xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24 +extension GLX", *blender]
    settings = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/root",  # keeps Mesa's shaders from one run to the next
        "LANG": "C.UTF-8",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "BLENDER_USER_RESOURCES": str(work / "blender"),
        "AVANIM_PYTHON": sys.executable,
        **(environment or {}),
    }
    command = ["env", "-i", *(f"{key}={value}" for key, value in settings.items()), *blender]
    # Not exec: xvfb-run as process 1 never gets the signal that its server is up.
    lines += [
        f"chroot {root} {shlex.join(command)} && true",
        "status=$?",
        "sleep 1",
        # This shell is process 1, and there is none but it and what Blender left.
        f"for process in {root}/proc/[0-9]*; do",
        f'  [ "$process" = {root}/proc/1 ] || tr "\\0" " " < "$process/cmdline"',
        f"done > {shlex.quote(str(work / ORPHANS))} 2>&1",
        # Where it crashed, if it did.
        f"cp {root}/tmp/*.crash.txt {shlex.quote(str(work))}/ 2>/dev/null || true",
        f"ls -d {root}/tmp/avanim-* >> {shlex.quote(str(work / ORPHANS))} 2>/dev/null || true",
        "exit $status",
    ]
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
