# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bones of a humanoid are called in other programs, one .toml per convention.

A file gives the bones of the joints of SMPL-X (`skeleton.SMPLX55`) and of `root`, the bone that carries the whole:
`[middle]` by joint, `[sided]` by the joint without its side and `[fingers]` by finger, with @ for the side, of which
`sides` says how the left and the right are written. `marks` are parts of names that no other convention has.

Of rigs with controls further tables tell how those act: `[controls]`, `[switches]`, `[ik]` (see `Controls`).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..skeleton import SMPLX55

ROOT = "root"
# What a bone can stand for, as a table shows it: from the root outwards, left before right.
ROLES: tuple[str, ...] = (ROOT, *SMPLX55.joints)
_SIDES = ("left", "right")


@dataclass(frozen=True)
class Ik:
    """A limb whose end is placed by a control: `control` and `toe` bones, `pole` of the bend, `switches` as below."""

    control: str
    pole: str
    toe: str
    switches: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Controls:
    """How a rig's controls act.

    `follow_body`: each control moves with that of the joint before it, whatever bones lie between · `switches`, by bone
    and custom property, what is held while a take plays · `ik`, by joint (left_ankle …), the other way to move a limb.
    """

    follow_body: bool = False
    switches: dict[str, dict[str, float]] = field(default_factory=dict)
    ik: dict[str, Ik] = field(default_factory=dict)


@dataclass(frozen=True)
class Convention:
    """`bones`, by role of `ROLES`, the name · `marks`, parts of names that only this convention has."""

    name: str
    label: str
    bones: dict[str, str]
    marks: tuple[str, ...]
    controls: Controls


@cache
def conventions() -> dict[str, Convention]:
    """All of them by name, in alphabetical order."""
    paths = sorted(Path(__file__).parent.glob("*.toml"))
    return {path.stem: _read(path) for path in paths}


def _read(path: Path) -> Convention:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    sides: dict[str, str] = dict(zip(_SIDES, table["sides"], strict=True))
    finger_sides = table.get("finger_sides", sides)
    bones = dict(table["middle"])
    for side in _SIDES:
        for joint, bone in table["sided"].items():
            bones[f"{side}_{joint}"] = bone.replace("@", sides[side])
        for finger, names in table.get("fingers", {}).items():
            for number, bone in enumerate(names, 1):
                bones[f"{side}_{finger}{number}"] = bone.replace("@", finger_sides[side])
    ordered = {role: bones.pop(role) for role in ROLES if role in bones}
    assert not bones, f"{path.name} names {', '.join(bones)}"
    return Convention(path.stem, table["label"], ordered, tuple(table.get("marks", ())), _controls(table, sides))


def _controls(table: dict[str, Any], sides: dict[str, str]) -> Controls:
    ik = {}
    for side in _SIDES:
        for joint, limb in table.get("ik", {}).items():
            names = {key: limb.get(key, "").replace("@", sides[side]) for key in ("control", "pole", "toe")}
            ik[f"{side}_{joint}"] = Ik(**names, switches=_of_side(limb["switches"], sides[side]))
    switches: dict[str, dict[str, float]] = {}
    for side in _SIDES:
        switches |= _of_side(table.get("switches", {}), sides[side])
    return Controls(table.get("controls", {}).get("follow") == "body", switches, ik)


def _of_side(switches: dict[str, dict[str, float]], side: str) -> dict[str, dict[str, float]]:
    return {
        bone.replace("@", side): {name: float(value) for name, value in values.items()}
        for bone, values in switches.items()
    }
