# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of a rig plays which joint: by the names of the known conventions, else by the rig's shape."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .bone_structure import inferred_bones
from .conventions import ROLES, Controls, Convention, conventions
from .errors import InputError
from .files import read_bytes, replacing
from .rig_shape import RigShape, facing
from .skeleton import SMPLX55

# Without these no motion can be carried over.
REQUIRED: tuple[str, ...] = (
    "pelvis",
    *(
        f"{side}_{joint}"
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        for side in ("left", "right")
    ),
)
_BODY = frozenset(role for role in SMPLX55.joints[:22])
# How sure a name is: letter by letter, after a prefix, but for capitals and dots.
_EXACT, _PREFIXED, _ALIKE = 1.0, 0.97, 0.9
_INFERRED = 0.7
_MAX_SCHEME = 1 << 20


@dataclass(frozen=True)
class BoneMap:
    """`bones`, by role of `conventions.ROLES`, the rig's bone · `scores`, by role, how sure that is, 0..1.

    `convention` is the name of the one that fits, "" where the map was inferred or made by hand.
    """

    bones: dict[str, str]
    scores: dict[str, float] = field(default_factory=dict)
    convention: str = ""

    def __post_init__(self) -> None:
        unknown = [role for role in self.bones if role not in ROLES]
        if unknown:
            raise InputError(f"There is no joint {unknown[0]!r} to map a bone to; choose one of SMPL-X's, or root.")

    @property
    def controls(self) -> Controls:
        return conventions()[self.convention].controls if self.convention in conventions() else Controls()

    @property
    def label(self) -> str:
        """What kind of rig it is, for people."""
        return conventions()[self.convention].label if self.convention in conventions() else "own names"

    def save(self, path: str | Path) -> None:
        """Write the scheme as .json, whole or not at all. Raises InputError."""
        table = {"convention": self.convention, "bones": self.bones, "scores": self.scores}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> BoneMap:
        """Read a scheme that `save` wrote. Raises InputError: the file is missing, damaged, or no scheme."""
        try:
            table = json.loads(read_bytes(path, _MAX_SCHEME).decode("utf-8"))
            bones = {str(role): str(bone) for role, bone in table["bones"].items()}
            scores = {role: float(table.get("scores", {}).get(role, 1.0)) for role in bones}
            return cls(bones, scores, str(table.get("convention", "")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is no scheme of mapped bones; choose one that was saved here.") from error


def checked(bones: BoneMap, shape: RigShape) -> BoneMap:
    """The map without bones that the rig lacks.

    Raises:
        InputError: a joint that is needed has no bone then, or two joints share one.
    """
    kept = {role: bone for role, bone in bones.bones.items() if bone in shape.names}
    missing = [role for role in REQUIRED if role not in kept]
    if missing:
        listed = ", ".join(role.replace("_", " ") for role in missing[:4]) + (" …" if len(missing) > 4 else "")
        raise InputError(f"No bone is mapped to: {listed}; map the missing bones by hand.")
    taken: dict[str, str] = {}
    for role, bone in kept.items():
        if bone in taken:
            raise InputError(f"The bone {bone} is mapped to both {taken[bone]} and {role}; map it once.")
        taken[bone] = role
    return BoneMap(kept, {role: bones.scores.get(role, 1.0) for role in kept}, bones.convention)


def recognised(shape: RigShape) -> BoneMap:
    """The map of the convention that fits best; where none has all that is needed, of the rig's shape.

    Args:
        shape: Y up; forward may be anywhere.

    Raises:
        InputError: neither names nor shape are a humanoid's.
    """
    found = [_named(shape, convention) for convention in conventions().values()]
    complete = [(score, bones) for score, bones in found if all(role in bones.bones for role in REQUIRED)]
    if complete:
        return _judged(max(complete, key=lambda pair: pair[0])[1], shape)
    best = max(found, key=lambda pair: pair[0])
    try:
        bones = inferred_bones(shape)
    except InputError as error:
        if best[0] < 0.3:
            raise
        missing = ", ".join(role.replace("_", " ") for role in REQUIRED if role not in best[1].bones)
        raise InputError(f"The rig looks like {best[1].label}, but lacks: {missing}; map them by hand.") from error
    return _judged(BoneMap(bones, dict.fromkeys(bones, _INFERRED)), shape)


def _key(name: str) -> str:
    """A name without namespace, capitals, dots and underscores."""
    return re.sub(r"[\s_.\-]+", "", re.split(r"[:|]", name)[-1].lower())


def _named(shape: RigShape, convention: Convention) -> tuple[float, BoneMap]:
    """How well a convention's names fit, 0..1 and a little more, and the bones by them."""
    keys: dict[str, list[str]] = {}
    for name in shape.names:
        keys.setdefault(_key(name), []).append(name)
    wanted = {role: _key(bone) for role, bone in convention.bones.items()}
    prefixes = {""} | {key.removesuffix(wanted["pelvis"]) for key in keys if key.endswith(wanted["pelvis"])}
    best: tuple[float, BoneMap] = (-1.0, BoneMap({}))
    for prefix in sorted(prefixes, key=len)[:8]:
        bones, scores = {}, {}
        for role, bone in convention.bones.items():
            names = keys.get(prefix + wanted[role], [])
            if not names:
                continue
            exact = next((name for name in names if name == bone), None)
            bones[role] = exact or next((name for name in names if name.endswith(bone)), names[0])
            scores[role] = _EXACT if exact else _PREFIXED if bones[role].endswith(bone) else _ALIKE
        weights = {role: 1.0 if role in _BODY else 0.03 for role in convention.bones}
        score = sum(weights[role] * scores.get(role, 0.0) for role in weights) / sum(weights.values())
        if convention.marks:
            score += 0.06 if any(mark in name for mark in convention.marks for name in shape.names) else -0.2
        # Controls are what an animator works with; the bones that they move lie in the same rig.
        if convention.controls.follow_body and score > 0.7:
            score += 0.08
        # Of two that fit alike the one that knows more of the bones.
        score += 0.001 * len(bones)
        if score > best[0]:
            best = score, BoneMap(bones, scores, convention.name)
    return best


def _judged(bones: BoneMap, shape: RigShape) -> BoneMap:
    """The map with scores lowered where a bone hangs on the wrong one, or lies on the wrong side."""
    if any(role not in bones.bones for role in REQUIRED):
        return bones
    turn = facing(shape, bones.bones)
    role_of = {bone: role for role, bone in bones.bones.items()}
    scores = {}
    for role, bone in bones.bones.items():
        score = bones.scores.get(role, 1.0)
        place = turn @ (shape.heads[shape.index(bone)] - shape.heads[shape.index(bones.bones["pelvis"])])
        if role.startswith(("left_", "right_")):
            out = place[0] if role.startswith("left_") else -place[0]
            score *= 1.0 if out > -0.01 * shape.height else 0.4
        if not bones.controls.follow_body and role in SMPLX55.joints:
            above = next(
                (name for up in shape.ancestors(shape.index(bone)) if (name := shape.names[up]) in role_of), None
            )
            expected = _body_ancestors(role)
            if expected and (above is None or role_of[above] not in expected):
                score *= 0.6
        scores[role] = float(np.round(score, 3))
    return BoneMap(bones.bones, scores, bones.convention)


def _body_ancestors(role: str) -> list[str]:
    above, index = [], SMPLX55.index(role)
    while (index := SMPLX55.parents[index]) >= 0:
        above.append(SMPLX55.joints[index])
    return above
