# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig of somebody else's, at rest: what of an armature or of a BVH's skeleton motion is carried over by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Array = NDArray[np.float64]

# Bones shorter than this part of the rig's height count as points: they have no direction.
_POINT = 1e-4
# Within this angle of one of the rig's own axes the body is taken to stand along it.
_UPRIGHT = np.cos(np.radians(20))


@dataclass(frozen=True)
class RigShape:
    """N bones at rest; a parent stands before its children, and -1 is none.

    `heads`, `tails` (N, 3) m · `axes` (N, 3, 3), each bone's own axes as columns · `floor` (m), the height of the
    soles, or None where nobody has measured it · `loose`, the bones that do not turn with their parents ·
    `square`, those whose location is stated along the rig's axes rather than their own, and `frame` (3, 3), these axes
    as columns. Y is up; turned by `facing`, +Z is forward and +X the body's left.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: Array
    tails: Array
    axes: Array
    floor: float | None = None
    loose: frozenset[str] = frozenset()
    square: frozenset[str] = frozenset()
    frame: Array = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        count = len(self.names)
        fits = self.heads.shape == self.tails.shape == (count, 3) and self.axes.shape == (count, 3, 3)
        if not fits or len(self.parents) != count or not all(up < at for at, up in enumerate(self.parents)):
            raise InputError("The bones' names, parents, places and axes do not fit together; read the rig anew.")
        if count and not (np.isfinite(self.heads).all() and np.isfinite(self.axes).all()):
            raise InputError("A bone of the rig lies nowhere (a value that is no number); repair the rig.")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, bone: str) -> int:
        return self.names.index(bone)

    def ancestors(self, bone: int) -> list[int]:
        """The bones above, the nearest first."""
        above = []
        while self.parents[bone] >= 0:
            bone = self.parents[bone]
            above.append(bone)
        return above

    def location_axes(self, bone: int) -> Array:
        """(3, 3): the axes, as columns, along which the location of a bone is stated."""
        return self.frame if self.names[bone] in self.square else self.axes[bone]

    def children(self) -> list[list[int]]:
        """Per bone those that hang on it."""
        below: list[list[int]] = [[] for _ in self.names]
        for bone, parent in enumerate(self.parents):
            if parent >= 0:
                below[parent].append(bone)
        return below

    @property
    def height(self) -> float:
        """The largest extent of the heads, m."""
        return float(np.ptp(self.heads, axis=0).max()) if len(self) else 0.0

    def turned(self, turn: Array, scale: float = 1.0) -> RigShape:
        """The rig in other axes: `turn` (3, 3) acts on columns."""
        return replace(
            self,
            heads=scale * self.heads @ turn.T,
            tails=scale * self.tails @ turn.T,
            axes=turn @ self.axes,
            frame=turn @ self.frame,
            floor=None if self.floor is None else scale * self.floor,
        )


def facing(shape: RigShape, bones: dict[str, str]) -> Array:
    """(3, 3): turns the rig's axes into those of the model: Y up, +Z forward, +X to the body's left.

    It goes by the mapped bones at rest: up is from the hips to the chest or head, left from the right limbs to the left
    ones. A body that stands within 20° of one of the rig's axes is taken to stand upright on it.

    Raises:
        InputError: the bones tell no direction.
    """
    place = {role: shape.heads[shape.index(bone)] for role, bone in bones.items()}
    hips = (place["left_hip"] + place["right_hip"]) / 2
    high = next((place[role] for role in ("head", "neck", "spine3", "left_shoulder") if role in place), None)
    sides = [
        place[f"left_{joint}"] - place[f"right_{joint}"]
        for joint in ("hip", "knee", "shoulder", "elbow")
        if f"left_{joint}" in place and f"right_{joint}" in place
    ]
    if high is None or not sides:
        raise InputError(
            "The mapped bones do not tell where up and left are; map the hips, the shoulders and the head."
        )
    if "right_shoulder" in place and high is place.get("left_shoulder"):
        high = (place["left_shoulder"] + place["right_shoulder"]) / 2
    up, left = _snapped(high - hips), np.sum(sides, axis=0)
    left = left - up * (left @ up)
    if np.linalg.norm(left) < 1e-6 * max(np.linalg.norm(high - hips), 1e-9):
        raise InputError("The left and the right bones of the rig lie on each other; check the mapping.")
    left = _snapped(left, np.cos(np.radians(8)))
    left = left - up * (left @ up)
    left /= np.linalg.norm(left)
    return np.stack([left, up, np.cross(left, up)])


def _snapped(direction: Array, within: float = _UPRIGHT) -> Array:
    length = np.linalg.norm(direction)
    if length < 1e-9:
        raise InputError("The hips and the head of the rig lie in one place; check the mapping.")
    direction = direction / length
    axis = int(np.abs(direction).argmax())
    if abs(direction[axis]) < within:
        return direction
    snapped = np.zeros(3)
    snapped[axis] = np.sign(direction[axis])
    return snapped
