# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shape keys of faces are called in other programs, one .toml per convention.

`[shapes]`: a shape key that is one of ARKit's, the mean of several, or a sum of them with shares · `[visemes]`,
`[expressions]`: one that is a mix, by the name of its recipe in recipes.toml. A face track in ARKit's shapes is told in
mixes by `face_mapping`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..face import ARKIT_52

SHAPE, VISEME, EXPRESSION = "shape", "viseme", "expression"


@dataclass(frozen=True)
class FaceTarget:
    """A shape key: `kind`, and of ARKit's shapes how much each has in it; of a SHAPE, how much of each it takes."""

    kind: str
    recipe: dict[str, float]


@dataclass(frozen=True)
class FaceConvention:
    """`targets`, by the name of the shape key."""

    name: str
    label: str
    targets: dict[str, FaceTarget]


@cache
def face_conventions() -> dict[str, FaceConvention]:
    """All of them by name, in alphabetical order."""
    folder = Path(__file__).parent
    recipes = tomllib.loads((folder / "recipes.toml").read_text(encoding="utf-8"))
    paths = [path for path in sorted(folder.glob("*.toml")) if path.stem != "recipes"]
    return {path.stem: _read(path, recipes) for path in paths}


def _read(path: Path, recipes: dict[str, dict[str, dict[str, float]]]) -> FaceConvention:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    targets = {}
    for key, shapes in table.get("shapes", {}).items():
        names = [shapes] if isinstance(shapes, str) else shapes
        recipe = dict(names) if isinstance(names, dict) else {name: 1.0 / len(names) for name in names}
        targets[key] = FaceTarget(SHAPE, recipe)
    for kind, section in ((VISEME, "visemes"), (EXPRESSION, "expressions")):
        for key, recipe in table.get(section, {}).items():
            targets[key] = FaceTarget(kind, {name: float(share) for name, share in recipes[section][recipe].items()})
    unknown = {shape for target in targets.values() for shape in target.recipe} - set(ARKIT_52)
    assert not unknown, f"{path.name} names {', '.join(sorted(unknown))}"
    return FaceConvention(path.stem, table["label"], targets)
