# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's manifest."""

import tomllib
import zipfile
from pathlib import Path

import pytest
from avanim.build_addon import build_zip

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text())


def test_it_says_what_pyproject_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert MANIFEST["version"] == project["version"]
    assert MANIFEST["license"] == ["SPDX:" + project["license"]]
    assert MANIFEST["id"] == project["name"]


def test_blenders_own_tool_builds_a_valid_zip_without_what_users_do_not_need(tmp_path):
    pytest.importorskip("bpy", reason="needs Blender's Python module")
    names = zipfile.ZipFile(build_zip(tmp_path, quiet=True)).namelist()
    assert {"__init__.py", "blender_manifest.toml", "LICENSE", "models/worker.py", "avanim_addon/jobs.py"} <= set(names)
    unwanted = ("tests", "docs", "benchmarks", "examples", "build", "dist", ".")
    assert [name for name in names if name.startswith(unwanted) or "__pycache__" in name] == []
