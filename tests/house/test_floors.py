# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports only go down: avanim_addon -> models -> rigs. Read off the source, so that nothing need be installed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {"rigs": 1, "models": 2, "avanim_addon": 3}
BLENDER = {
    "bpy",
    "bmesh",
    "mathutils",
    "gpu",
    "gpu_extras",
    "blf",
    "bpy_extras",
    "addon_utils",
    "aud",
    "bl_ui",
    "bl_operators",
}
LEARNING = {"torch", "torchaudio", "safetensors"}
# What a floor may import beside Python itself and the floors below.
ALLOWED = {"rigs": {"numpy", "scipy"}, "avanim_addon": {"numpy", *BLENDER}}
# … and inside a function, for what is done without a window or before a release: contact sheets, the characters' maker.
# pxr comes with a Blender that was built with USD.
ALLOWED_WITHIN = {"rigs": set(), "avanim_addon": {"PIL", "av", "io_scene_fbx", "pxr"}}
# Blender's own Python has numpy and nothing else of what a pip install brings.
NOT_IN_BLENDER = {*LEARNING, "scipy", "librosa", "soundfile", "soxr", "av", "PIL", "anny", "smplx"}
SKIPPED = {".venv", "build", "dist", "__pycache__", "avanim.egg-info", ".git"}
SPDX = "# SPDX-License-Identifier: GPL-3.0-or-later"


def sources(folder: Path = ROOT) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if not SKIPPED.intersection(path.relative_to(ROOT).parts))


PACKAGED = [path for path in sources() if path.relative_to(ROOT).parts[0] in FLOORS or path.parent == ROOT]


class Import(NamedTuple):
    line: int
    module: str  # dotted; of a relative import from the root of the package
    relative: bool
    escapes: bool  # climbs out of the package
    within: bool  # stands in a function, and so is not run on loading


def imports(path: Path, text: str | None = None) -> Iterator[Import]:
    """Every import of a file; of `from … import a, b` each name on its own, since it may be a module."""
    package = path.relative_to(ROOT).parts[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8") if text is None else text, str(path))
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, within = pending.pop()
        inner = within or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            pending.extend((child, inner) for child in ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(node.lineno, name.name, False, False, within)
        elif isinstance(node, ast.ImportFrom):
            up = max(node.level - 1, 0)
            base = [*(package[: len(package) - up] if node.level else ()), *(node.module or "").split(".")]
            for name in node.names:
                dotted = ".".join(part for part in (*base, name.name) if part)
                yield Import(node.lineno, dotted, bool(node.level), up > len(package), within)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(node.lineno, first.value, False, False, within)


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def file_of(module: str) -> Path | None:
    """The file of a dotted module of ours, or of the module that a dotted name lies in."""
    parts = module.split(".")
    while parts:
        for path in (ROOT.joinpath(*parts, "__init__.py"), ROOT.joinpath(*parts).with_suffix(".py")):
            if path.is_file():
                return path
        parts.pop()
    return None


def loaded_with(path: Path, seen: set[Path] | None = None) -> set[Path]:
    """The files of ours that are run when `path` is imported, itself among them."""
    seen = set() if seen is None else seen
    if path in seen:
        return seen
    seen.add(path)
    packages = [parent / "__init__.py" for parent in path.parents if parent != ROOT and parent.is_relative_to(ROOT)]
    targets = [file_of(item.module) for item in imports(path) if item.relative and not item.within]
    for target in (*packages, *targets):
        if target is not None and target.is_file():
            loaded_with(target, seen)
    return seen


def floor_of(path: Path) -> str | None:
    first = path.relative_to(ROOT).parts[0]
    return first if first in FLOORS else None


def fault(path: Path, item: Import) -> str | None:
    """What is wrong with an import, or None."""
    floor, top = floor_of(path), item.module.split(".")[0]
    if item.escapes:
        return "climbs out of the package"
    if item.relative:
        if path == ROOT / "avanim_addon" / "cli.py" and item.module == "__main__" and item.within:
            return None  # the command line inside Blender is the same one
        if floor and top not in FLOORS:
            return "stands outside the floors"
        return "is on a floor above" if floor and FLOORS[top] > FLOORS[floor] else None
    if top == "avanim":
        # These are also started as scripts; they load the package by its path under this name.
        scripts = (ROOT / "models" / "worker.py", ROOT / "avanim_addon" / "second.py")
        return None if path in scripts else "must be relative: Blender has another name for it"
    if top in BLENDER and floor != "avanim_addon":
        return "belongs to avanim_addon alone"
    if top in LEARNING and floor != "models":
        return "belongs to models alone"
    if floor in ALLOWED:
        allowed = ALLOWED[floor] | sys.stdlib_module_names | (ALLOWED_WITHIN[floor] if item.within else set())
        # The maker of the default characters runs before a release, not in Blender.
        allowed |= {"PIL"} if path.is_relative_to(ROOT / "rigs" / "characters") else set()
        return None if top in allowed else f"is not for {floor}"
    return None


def faults(path: Path, text: str | None = None) -> list[str]:
    found = ((item, fault(path, item)) for item in imports(path, text))
    return [f"line {item.line}: {item.module} {reason}" for item, reason in found if reason]


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_go_down(path: Path) -> None:
    assert not faults(path)


@pytest.mark.parametrize(
    ("place", "text", "right"),
    [
        ("rigs/a.py", "import numpy as np\nfrom .errors import InputError", True),
        ("rigs/a.py", "import torch", False),
        ("rigs/a.py", "import bpy", False),
        ("rigs/a.py", "def f():\n    import librosa", False),
        ("rigs/a.py", "from ..models import audio", False),
        ("rigs/a.py", "from .. import models", False),
        ("rigs/a.py", "from ..demo import run_demo", False),
        ("rigs/a.py", "from ...outside import thing", False),
        ("rigs/a.py", "from PIL import Image", False),
        ("avanim_addon/scene/a.py", "import av", False),
        ("avanim_addon/scene/a.py", "def f():\n    import av", True),
        ("avanim_addon/scene/a.py", "def f():\n    import torch", False),
        ("rigs/characters/a.py", "from PIL import Image\nfrom ..smpl import load_body", True),
        ("models/dance/a.py", "import torch\nfrom ...rigs.motion import Motion\nfrom ..audio import load_sound", True),
        ("models/a.py", "import bpy", False),
        ("models/a.py", "from avanim.rigs.motion import Motion", False),
        ("models/a.py", "from ..avanim_addon import jobs", False),
        ("avanim_addon/a.py", "import bpy, mathutils\nfrom ..rigs.motion import Motion", True),
        ("avanim_addon/a.py", "if True:\n    import torch", False),
        ("avanim_addon/scene/a.py", "from ...models.tasks import run", True),
        ("avanim_addon/a.py", "import importlib\nimportlib.import_module('torch')", False),
        ("demo.py", "from .models.tasks import run", True),
        ("demo.py", "import bpy", False),
    ],
)
def test_the_rule_itself(place: str, text: str, right: bool) -> None:
    assert (not faults(ROOT / place, text)) is right


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_states_its_licence(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert SPDX in lines[: 2 if lines and lines[0].startswith("#!") else 1]


def in_blender() -> list[Path]:
    """All that Blender's process loads: the add-on, and what that imports of the floors below."""
    seen: set[Path] = set()
    for path in (ROOT / "__init__.py", *sources(ROOT / "avanim_addon")):
        loaded_with(path, seen)
    return sorted(seen)


def test_the_addon_loads_nothing_that_blender_lacks() -> None:
    loaded = in_blender()
    assert ROOT / "rigs" / "motion.py" in loaded and ROOT / "models" / "dance" / "melody.py" not in loaded
    wrong = [
        f"{path.relative_to(ROOT)} line {item.line}: {item.module}"
        for path in loaded
        for item in imports(path)
        if not item.relative and not item.within and item.module.split(".")[0] in NOT_IN_BLENDER
    ]
    assert not wrong


def test_what_blender_loads_of_the_lower_floors_runs_with_numpy_alone() -> None:
    """The same at run time, with everything else taken away."""
    lower = [path for path in in_blender() if floor_of(path) in ("rigs", "models")]
    names = [".".join(("avanim", *path.relative_to(ROOT).with_suffix("").parts)) for path in lower]
    script = (
        "import importlib, sys\n"
        f"for name in {sorted(NOT_IN_BLENDER | BLENDER)!r}: sys.modules[name] = None\n"
        f"for name in {[name.removesuffix('.__init__') for name in names]!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
