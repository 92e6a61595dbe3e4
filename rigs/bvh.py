# SPDX-License-Identifier: GPL-3.0-or-later
"""Biovision BVH: a skeleton with its motion as Euler angles, in text."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .files import read_bytes, replacing
from .motion import Motion, tidy_fps
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle
from .skeleton import Rest

Array = NDArray[np.float64]

_AXES = "XYZ"
_MAX_BYTES = 512 << 20
_MAX_JOINTS = 10_000
# Metres per unit that are tried when a file's unit is not given: metres, centimetres, millimetres, and the CMU
# database's length (an inch divided by 0.45).
_UNITS = (1.0, 0.01, 0.001, 0.0254 / 0.45)
_PERSON = 1.7


@dataclass(frozen=True)
class BvhClip:
    """A motion on its own skeleton of J joints, in the file's axes.

    `names` · `parents`, -1 for the root · `offsets` (J, 3) m from the parent at rest · `rotations` (T, J, 3) axis-angle
    rad, relative to the parent · `positions` (T, J, 3) m from the parent; of the root, in the world · `fps` ·
    `ends`, by joint, the tip (3,) m of a limb that ends there.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    rotations: Array
    positions: Array
    fps: float
    ends: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rotations)

    def forward(self) -> tuple[Array, Array]:
        """Forward kinematics: world positions (T, J, 3) m and rotations (T, J, 3, 3)."""
        local = matrix_from_axis_angle(self.rotations)
        turned, placed = local.copy(), self.positions.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                turned[:, joint] = turned[:, parent] @ local[:, joint]
                step = np.einsum("tij,tj->ti", turned[:, parent], self.positions[:, joint])
                placed[:, joint] = placed[:, parent] + step
        return placed, turned


def save_bvh(motion: Motion, rest: Rest, path: str | Path, order: str = "ZXY", centimetres: bool = False) -> None:
    """Write `motion` on the body `rest` as .bvh, Y up, whole or not at all.

    Rotations are Euler angles in `order`, ZXY or ZYX (the first is applied last), degrees. Lengths are metres, or
    centimetres if asked, as many game and film programs expect; a BVH itself cannot say which. The root's offset is 0
    and its channels hold its place in the world: programs that add the two and programs that do not read this alike.

    Raises:
        InputError: the skeletons differ, or the file cannot be written.
    """
    if order not in ("ZXY", "ZYX"):
        raise InputError(f"Euler order {order!r} is not written; choose ZXY or ZYX.")
    skeleton = rest.skeleton
    if skeleton.name != motion.skeleton:
        raise InputError(f"The motion is on {motion.skeleton} but the body on {skeleton.name}; give a body that fits.")
    scale = 100.0 if centimetres else 1.0
    offsets = rest.offsets * scale
    offsets[0] = 0
    children: list[list[int]] = [[] for _ in skeleton.joints]
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            children[parent].append(joint)

    lines = ["HIERARCHY"]
    written: list[int] = []

    def describe(joint: int, depth: int) -> None:
        written.append(joint)
        indent = "\t" * depth
        rotation = " ".join(f"{axis}rotation" for axis in order)
        channels = f"3 {rotation}" if depth else f"6 Xposition Yposition Zposition {rotation}"
        lines.append(f"{indent}{'JOINT' if depth else 'ROOT'} {skeleton.joints[joint]}")
        lines.extend([f"{indent}{{", f"{indent}\tOFFSET {_triple(offsets[joint])}", f"{indent}\tCHANNELS {channels}"])
        for child in children[joint]:
            describe(child, depth + 1)
        if not children[joint]:
            # A limb goes on for half the length of the bone before it; nothing in SMPL says how far.
            tip = _triple(offsets[joint] / 2)
            lines.extend([f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\tOFFSET {tip}", f"{indent}\t}}"])
        lines.append(f"{indent}}}")

    describe(0, 0)
    angles = np.degrees(euler_angles(matrix_from_axis_angle(motion.poses), order))
    place = (rest.joints[0] + motion.trans) * scale
    table = np.concatenate([place, angles[:, written].reshape(len(motion), -1)], axis=1)
    lines.extend(["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / motion.fps:.10f}"])
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
        # Adding 0 turns the -0.0 of rounding into 0.0.
        np.savetxt(file, table.round(6) + 0.0, fmt="%.6f")


def _triple(vector: Array) -> str:
    return " ".join(f"{value:.6f}" for value in vector.round(6) + 0.0)


def euler_angles(matrices: Array, order: str) -> Array:
    """(T, …, 3, 3) to (T, …, 3) rad in the given order (ZXY or ZYX), without jumps in time."""
    r = matrices
    if order == "ZXY":
        middle = np.arcsin(np.clip(r[..., 2, 1], -1, 1))
        first = np.arctan2(-r[..., 0, 1], r[..., 1, 1])
        last = np.arctan2(-r[..., 2, 0], r[..., 2, 2])
    else:
        middle = np.arcsin(np.clip(-r[..., 2, 0], -1, 1))
        first = np.arctan2(r[..., 1, 0], r[..., 0, 0])
        last = np.arctan2(r[..., 2, 1], r[..., 2, 2])
    # In gimbal lock only the sum of the outer angles is defined: all of it goes into the first.
    locked = np.abs(np.cos(middle)) < 1e-6
    spin = np.arctan2(r[..., 1, 0], r[..., 0, 0]) if order == "ZXY" else np.arctan2(-r[..., 0, 1], r[..., 1, 1])
    first = np.where(locked, spin, first)
    last = np.where(locked, 0.0, last)
    return np.unwrap(np.stack([first, middle, last], axis=-1), axis=0)


def _matrices(angles: Array, order: str) -> Array:
    """(T, len(order)) rad, the first applied last, to (T, 3, 3)."""
    matrices = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for column, axis in enumerate(order):
        turn = np.zeros((len(angles), 3))
        turn[:, _AXES.index(axis)] = angles[:, column]
        matrices = matrices @ matrix_from_axis_angle(turn)
    return matrices


class _Header:
    """The joints of a file while they are read."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[list[str]] = []
        self.ends: dict[int, list[float]] = {}


def load_bvh(path: str | Path, metres_per_unit: float | None = None) -> BvhClip:
    """Read a .bvh with any Euler order, with position channels on any joint.

    Without `metres_per_unit` the unit is guessed: of metres, centimetres, millimetres and the CMU database's length
    the one that makes the skeleton's largest extent at rest closest to a person's, 1.7 m.

    Raises:
        InputError: the file is missing, truncated, or no BVH.
    """
    data = read_bytes(path, _MAX_BYTES)
    try:
        return _parsed(data.decode("utf-8-sig", "replace"), path, metres_per_unit)
    except (ValueError, IndexError, OverflowError) as error:
        raise InputError(f"{path} is no readable BVH file: {str(error) or 'it is damaged'}.") from error


def _parsed(text: str, path: str | Path, metres_per_unit: float | None) -> BvhClip:
    hierarchy, found, rest = text.partition("MOTION")
    if hierarchy.split()[:1] != ["HIERARCHY"]:
        raise ValueError("it does not begin with HIERARCHY")
    if not found:
        raise ValueError("it breaks off before the motion")
    header = _read_hierarchy(hierarchy.split())
    words = rest.split()
    if [word.lower() for word in (words[0], *words[2:4])] != ["frames:", "frame", "time:"]:
        raise ValueError("the motion does not begin with Frames and Frame Time")
    count, frame_time = int(words[1]), float(words[4])
    if count < 1 or not math.isfinite(frame_time) or frame_time <= 0:
        raise ValueError("it has no frames or an impossible frame time")
    width = sum(map(len, header.channels))
    if len(words) - 5 != count * width:
        raise ValueError(f"it promises {count} frames of {width} numbers and holds {len(words) - 5} numbers")
    table = np.array(words[5:], float).reshape(count, width)
    offsets = np.array(header.offsets)
    if not (np.isfinite(table).all() and np.isfinite(offsets).all()):
        raise ValueError("it holds values that are not numbers")

    rotations, positions = np.zeros((count, len(offsets), 3)), np.tile(offsets, (count, 1, 1))
    column = 0
    for joint, channels in enumerate(header.channels):
        columns = range(column, column + len(channels))
        column += len(channels)
        turns = [at for at, name in zip(columns, channels, strict=True) if name.endswith("rotation")]
        order = "".join(name[0].upper() for name in channels if name.endswith("rotation"))
        rotations[:, joint] = axis_angle_from_matrix(_matrices(np.radians(table[:, turns]), order))
        for at, name in zip(columns, channels, strict=True):
            if name.endswith("position"):
                positions[:, joint, "xyz".index(name[0])] = table[:, at]
    scale = metres_per_unit or _guessed_unit(header, offsets)
    return BvhClip(
        names=tuple(header.names),
        parents=tuple(header.parents),
        offsets=offsets * scale,
        rotations=rotations,
        positions=positions * scale,
        fps=tidy_fps(1 / frame_time),
        ends={header.names[joint]: np.array(tip) * scale for joint, tip in header.ends.items()},
    )


def _read_hierarchy(words: list[str]) -> _Header:
    header = _Header()
    open_joints: list[int | None] = []  # None stands for an End Site
    at = 1
    while at < len(words):
        word = words[at].upper()
        if word in ("ROOT", "JOINT", "END"):
            brace = words.index("{", at)
            parent = open_joints[-1] if open_joints else -1
            if parent is None or (word == "ROOT") != (not header.names) or (word != "ROOT" and not open_joints):
                raise ValueError("its joints are not nested as they should be")
            if word == "END":
                open_joints.append(None)
            else:
                # Names with blanks are joined, and twins numbered, so that a name means one joint.
                name = "_".join(words[at + 1 : brace]) or "joint"
                if name in header.names:
                    name = f"{name}.{len(header.names):03}"
                open_joints.append(len(header.names))
                header.names.append(name)
                header.parents.append(parent)
                header.offsets.append([0.0, 0.0, 0.0])
                header.channels.append([])
                if len(header.names) > _MAX_JOINTS:
                    raise ValueError(f"it has more than {_MAX_JOINTS} joints")
            at = brace + 1
        elif word == "OFFSET":
            offset = [float(number) for number in words[at + 1 : at + 4]]
            if len(offset) < 3:
                raise ValueError("it breaks off in an offset")
            joint = open_joints[-1]
            if joint is None:
                owner = next(open_joint for open_joint in reversed(open_joints) if open_joint is not None)
                header.ends[owner] = offset
            else:
                header.offsets[joint] = offset
            at += 4
        elif word == "CHANNELS":
            count = int(words[at + 1])
            names = [name.lower() for name in words[at + 2 : at + 2 + count]]
            known = {axis + kind for axis in "xyz" for kind in ("position", "rotation")}
            joint = open_joints[-1]
            if joint is None or len(names) != count or len(set(names)) != count or not known.issuperset(names):
                raise ValueError(f"the channels {' '.join(names)[:80]} are not understood")
            header.channels[joint] = names
            at += 2 + count
        elif word == "}":
            open_joints.pop()
            at += 1
        else:
            raise ValueError(f"{words[at][:40]!r} is not understood")
    if open_joints or not header.names:
        raise ValueError("its joints are not nested as they should be")
    return header


def _guessed_unit(header: _Header, offsets: Array) -> float:
    places = offsets.copy()
    for joint, parent in enumerate(header.parents):
        if parent >= 0:
            places[joint] += places[parent]
    tips = [places[joint] + tip for joint, tip in header.ends.items()]
    extent = float(np.ptp(np.concatenate([places, np.reshape(tips, (-1, 3))]), axis=0).max())
    if extent <= 0:
        return 1.0
    return min(_UNITS, key=lambda unit: abs(math.log(extent * unit / _PERSON)))
