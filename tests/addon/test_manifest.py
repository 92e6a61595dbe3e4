# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's manifest."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text())


def test_it_says_what_pyproject_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert MANIFEST["version"] == project["version"]
    assert MANIFEST["license"] == ["SPDX:" + project["license"]]
    assert MANIFEST["id"] == project["name"]


def test_blenders_own_tool_builds_a_valid_zip_without_what_users_do_not_need(tmp_path):
    tool = next(Path(sys.prefix).glob("**/bl_pkg/cli/blender_ext.py"), None)
    if tool is None:
        pytest.skip("the bpy wheel is not installed")
    archive = tmp_path / "avanim.zip"
    for arguments in (["build", "--source-dir", ROOT, "--output-filepath", archive], ["validate", archive]):
        done = subprocess.run([sys.executable, tool, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    names = zipfile.ZipFile(archive).namelist()
    assert {"__init__.py", "blender_manifest.toml", "LICENSE", "models/worker.py", "avanim_addon/jobs.py"} <= set(names)
    unwanted = ("tests", "docs", "benchmarks", "examples", "build", "dist", ".")
    assert [name for name in names if name.startswith(unwanted) or "__pycache__" in name] == []
