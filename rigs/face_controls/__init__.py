# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces that are moved by controls rather than shape keys: which bone is which point, and how far it goes.

One .toml per kind of rig; points.toml tells how the points of a face move in ARKit's shapes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face import ARKIT_52

Array = NDArray[np.float64]

_SIDES = ("left", "right")
_OTHER = {"Left": "Right", "Right": "Left"}
# Of the opening between the lids: what the upper one takes of the way in a blink, how far it rises in eyeWide, how far
# the lower one does in eyeSquint; measured as points.toml was.
_BLINK, _WIDE, _SQUINT = 0.92, 0.29, 0.25


@dataclass(frozen=True)
class FaceControls:
    """The bones of one rig: `points`, by name (lip_top, left_corner …) · `jaw`, and its property `lock` · `aim` of both
    eyes · `eyes`, `lids_top` and `lids_bottom` by side. What a rig lacks is "" or not there.
    """

    label: str
    jaw: str
    lock: str
    aim: str
    points: dict[str, str]
    eyes: dict[str, str]
    lids_top: dict[str, tuple[str, ...]]
    lids_bottom: dict[str, tuple[str, ...]]

    @property
    def bones(self) -> tuple[str, ...]:
        """Those that are moved by their location, but for the aim."""
        lids = [bone for table in (self.lids_top, self.lids_bottom) for side in table.values() for bone in side]
        return (*self.points.values(), *lids)

    @property
    def regions(self) -> list[tuple[str, ...]]:
        """`bones` in groups; controls of different ones do not hang on each other."""
        groups: dict[str, list[str]] = {}
        for point, bone in self.points.items():
            side, _, name = _sided(point)
            part = "brow" if "brow" in name else "mouth" if "lip" in name or name == "corner" else name
            groups.setdefault(part if part == "mouth" else f"{side} {part}", []).append(bone)
        lids = [(*self.lids_top.get(side, ()), *self.lids_bottom.get(side, ())) for side in _SIDES]
        return [*map(tuple, groups.values()), *filter(None, lids)]


def recognised_controls(bones: Collection[str]) -> FaceControls | None:
    """The controls of the face in a rig with these bones; None where there are none that are known."""
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        if path.stem != "points":
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            if all(bone in bones for bone in table["needed"]):
                return _of(table, bones)
    return None


def _of(table: dict[str, Any], bones: Collection[str]) -> FaceControls:
    written: dict[str, str] = dict(zip(_SIDES, table["sides"], strict=True))

    def first(names: list[str], side: str = "") -> str:
        return next((bone for name in names if (bone := name.replace("@", written.get(side, ""))) in bones), "")

    def lids(name: str) -> dict[str, tuple[str, ...]]:
        found = {side: tuple(bone for one in table[name] if (bone := first([one], side))) for side in _SIDES}
        return {side: some for side, some in found.items() if some}

    points: dict[str, str] = {}
    for point, names in table["points"].items():
        sides = _SIDES if any("@" in name for name in names) else ("",)
        found = {f"{side}_{point}" if side else point: first(names, side) for side in sides}
        points |= {name: bone for name, bone in found.items() if bone}
    eyes = {side: bone for side in _SIDES if (bone := first(table["eye"], side))}
    aim = first(table["aim"])
    return FaceControls(
        table["label"], table["jaw"], table["lock"], aim, points, eyes, lids("lid_top"), lids("lid_bottom")
    )


def _sided(point: str) -> tuple[str, str, str]:
    """A point's side ("" in the middle), "_", and its name."""
    return point.partition("_") if point.startswith(_SIDES) else ("", "", point)


@cache
def _points() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "points.toml").read_text(encoding="utf-8"))


def travel(controls: FaceControls, places: dict[str, Array]) -> dict[str, Array]:
    """By bone (52, 3): how far it goes from its rest place where one of ARKit's shapes is 1, beside what the jaw does.

    Args:
        places: (3,) of every bone of the controls at rest, in any unit, which is that of the result; the axes the
            model's (left +x, up +y, forward +z).
    """
    found: dict[str, Array] = {}
    sizes = _sizes(controls, places)
    for name, bone in controls.points.items():
        side, _, point = (
            name.partition("_") if name.startswith(tuple(f"{side}_" for side in _SIDES)) else ("", "", name)
        )
        size = sizes["brow" if "brow" in point else "mouth"]
        ways = np.zeros((52, 3))
        for shape, way in _points()[point].items():
            ways[ARKIT_52.index(_mirrored(shape) if side == "right" else shape)] = way
        found[bone] = size * ways * ([-1, 1, 1] if side == "right" else [1, 1, 1])
    for side in controls.lids_top.keys() & controls.lids_bottom.keys():
        found |= _lids(side, controls.lids_top[side], controls.lids_bottom[side], places)
    return found


def _sizes(controls: FaceControls, places: dict[str, Array]) -> dict[str, float]:
    """Units of `places` in a mm of points.toml, for the mouth and for the brows."""

    def between(bones: list[str | None], reference: float) -> float | None:
        if None in bones or "" in bones:
            return None
        return float(np.linalg.norm(places[str(bones[0])] - places[str(bones[1])])) / reference

    mouth = between([controls.points.get(f"{side}_corner") for side in _SIDES], _points()["mouth_width"])
    eyes = between([controls.eyes.get(side) for side in _SIDES], _points()["eye_distance"])
    known = mouth or eyes or 0.0
    return {"mouth": mouth or known, "brow": eyes or known}


def _mirrored(shape: str) -> str:
    for side, other in _OTHER.items():
        if shape.endswith(side):
            return shape.removesuffix(side) + other
    return shape


def _lids(side: str, top: tuple[str, ...], bottom: tuple[str, ...], places: dict[str, Array]) -> dict[str, Array]:
    """The lids meet in a blink, each control where the other lid is over or under it."""

    def under(bone: str, others: tuple[str, ...]) -> Array:
        """From a control to the other lid at its place across the eye."""
        line = np.array(sorted((places[other] for other in others), key=lambda place: place[0]))
        here = places[bone]
        return np.array([np.interp(here[0], line[:, 0], line[:, axis]) for axis in range(3)]) - here

    found = {bone: np.zeros((52, 3)) for bone in (*top, *bottom)}
    blink, wide, squint = (ARKIT_52.index(f"eye{name}{side.capitalize()}") for name in ("Blink", "Wide", "Squint"))
    for bone in top:
        way = under(bone, bottom)
        found[bone][blink], found[bone][wide] = _BLINK * way, -_WIDE * way
    for bone in bottom:
        way = under(bone, top)
        found[bone][blink], found[bone][squint] = (1 - _BLINK) * way, _SQUINT * way
    return found
