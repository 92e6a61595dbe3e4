# SPDX-License-Identifier: GPL-3.0-or-later
"""What pyproject.toml and the extension's manifest say agrees with what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("rigs", "models", "avanim_addon")


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_folder_is_packaged(project: dict) -> None:
    folders = {path.parent for floor in FLOORS for path in (ROOT / floor).rglob("*.py")}
    # Folders of data count where files of theirs are packaged.
    data = {ROOT.joinpath(*name.split(".")[1:]) for name in project["tool"]["setuptools"]["package-data"]}
    there = {".".join(("avanim", *folder.relative_to(ROOT).parts)) for folder in folders | data if folder.is_dir()}
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(there | {"avanim"})
    for folder in folders:
        assert (folder / "__init__.py").is_file(), f"{folder} has no __init__.py"


def test_versions_and_licences_agree(project: dict) -> None:
    extension = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert extension["version"] == project["project"]["version"]
    assert extension["id"] == project["project"]["name"]
    assert extension["license"] == [f"SPDX:{project['project']['license']}"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", extension["version"])


def test_pins_satisfy_the_ranges(project: dict) -> None:
    from packaging.requirements import Requirement

    pins: dict[str, str] = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line and not line.startswith("-"):
            requirement = Requirement(line)
            pins[requirement.name.lower()] = str(requirement.specifier).removeprefix("==").partition("+")[0]
    ranges = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["bpy"]]
    for text in ranges:
        wanted = Requirement(text)
        assert wanted.name.lower() in pins, f"{wanted.name} is not pinned in requirements.txt"
        assert wanted.specifier.contains(pins[wanted.name.lower()]), f"{wanted.name} {pins[wanted.name.lower()]}"


def test_the_command_is_there(project: dict) -> None:
    module, _, function = project["project"]["scripts"]["avanim"].partition(":")
    source = (ROOT / f"{module.removeprefix('avanim.')}.py").read_text(encoding="utf-8")
    assert f"def {function}(" in source
