# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of mouth poses: what each phone asks of jaw, lips and tongue, and how strongly (articulation.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .face import ARKIT_52
from .files import read_bytes
from .phones import PHONES

Array = NDArray[np.float64]

# The shapes of speech; a pair of left and right is one. Those of a group move together, with the same timing.
GROUPS: dict[str, tuple[str, ...]] = {
    "jaw": ("jawOpen", "jawForward"),
    "round": ("mouthFunnel", "mouthPucker"),
    "spread": ("mouthStretch", "mouthSmile", "mouthDimple", "mouthFrown"),
    "part": ("mouthLowerDown", "mouthUpperUp", "mouthShrugUpper", "mouthShrugLower"),
    "tongue": ("tongueOut",),
}
CHANNELS: tuple[str, ...] = tuple(shape for shapes in GROUPS.values() for shape in shapes)
# The shapes of the lips' contact.
CONTACTS: tuple[str, ...] = (
    "mouthPress", "mouthRollLower", "mouthRollUpper", "mouthUpperUp", "mouthShrugLower", "cheekPuff",
)  # fmt: skip

DEFAULT = Path(__file__).with_suffix("").with_name("articulation.toml")
_MAX_BYTES = 1 << 20


def columns(shape: str) -> list[int]:
    """The places in ARKIT_52 of a shape, or of its left and right."""
    names = [shape] if shape in ARKIT_52 else [f"{shape}Left", f"{shape}Right"]
    return [ARKIT_52.index(name) for name in names]


@dataclass(frozen=True)
class Poses:
    """Of P phones in the order of PHONES.

    `targets` (P, C) weights of CHANNELS · `pull` (P, G) of GROUPS · `lead`, `trail` (G,) s · `contact` (P, K) weights
    of CONTACTS while lips or lip and teeth touch.
    """

    targets: Array
    pull: Array
    lead: Array
    trail: Array
    contact: Array

    @classmethod
    def read(cls, path: str | Path | None = None) -> Poses:
        """The table of `articulation.toml`, with what a file of the same form says otherwise.

        Raises:
            InputError: the file is missing or damaged, or names a phone, shape or group that there is not.
        """
        tables = [_default()] if path is None else [_default(), _parsed(Path(path))]
        targets = np.zeros((len(PHONES), len(CHANNELS)))
        pull = np.ones((len(PHONES), len(GROUPS)))
        contact = np.zeros((len(PHONES), len(CONTACTS)))
        reach = {"lead": np.zeros(len(GROUPS)), "trail": np.zeros(len(GROUPS))}
        for source, table in zip((DEFAULT, path), tables, strict=False):
            try:
                for group, values in table.get("reach", {}).items():
                    for side, value in values.items():
                        if side not in reach:
                            raise ValueError(f"{side!r} is not lead or trail")
                        reach[side][_place(group, GROUPS)] = _number(value, 1.0)
                for names, values in table.get("phone", {}).items():
                    for row in [_place(phone, PHONES) for phone in names.split()]:
                        for group, strength in values.get("pull", {}).items():
                            pull[row, _place(group, GROUPS)] = _number(strength, 100.0)
                        for shape, weight in values.get("shape", {}).items():
                            contact[row, _place(shape, CONTACTS)] = _number(weight, 1.0)
                        for shape in values.keys() - {"pull", "shape"}:
                            targets[row, _place(shape, CHANNELS)] = _number(values[shape], 1.0)
            except (ValueError, AttributeError) as error:
                raise InputError(
                    f"The mouth poses of {source} cannot be used: {error}; compare them with {DEFAULT.name}."
                ) from error
        return cls(targets, pull, reach["lead"], reach["trail"], contact)


@cache
def default_poses() -> Poses:
    return Poses.read()


@cache
def _default() -> dict[str, Any]:
    return _parsed(DEFAULT)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(path, _MAX_BYTES).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no .toml: {error}.") from error


def _place(name: str, names: Iterable[str]) -> int:
    known = list(names)
    if name not in known:
        raise ValueError(f"there is no {name!r} among {', '.join(known)}")
    return known.index(name)


def _number(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{value!r} does not lie within 0..{most:g}")
    return float(value)
