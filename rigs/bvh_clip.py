# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a BVH of any skeleton: `bvh.save_bvh` is for the model's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .bvh import BvhClip, euler_angles
from .errors import InputError
from .files import replacing
from .rotation import matrix_from_axis_angle

# m within which a joint stays where it is on its parent.
_STILL = 1e-5


def save_clip(clip: BvhClip, path: str | Path) -> None:
    """Write a clip as .bvh, Y up, metres, whole or not at all. Joints turn; those that also leave their places, move.

    Raises:
        InputError: it has more than one root, or the file cannot be written.
    """
    roots = [joint for joint, parent in enumerate(clip.parents) if parent < 0]
    if roots != [0]:
        raise InputError(f"A .bvh has one root; this rig has {len(roots)} bones without a parent. Give them one.")
    children: list[list[int]] = [[] for _ in clip.names]
    for joint, parent in enumerate(clip.parents):
        if parent >= 0:
            children[parent].append(joint)
    moving = np.abs(clip.positions - clip.offsets).max(axis=(0, 2)) > _STILL
    moving[0] = True
    lines, order = ["HIERARCHY"], []

    def row(values: Any) -> str:
        return " ".join(f"{value:.6f}" for value in values.round(6) + 0.0)

    todo: list[tuple[int, int]] = [(0, 0)]
    while todo:
        joint, depth = todo.pop()
        indent = "\t" * depth
        if joint < 0:
            lines.append(f"{indent}}}")
            continue
        order.append(joint)
        channels = "3 Zrotation Xrotation Yrotation"
        if moving[joint]:
            channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
        # A blank would end the name.
        name = "_".join(clip.names[joint].split())
        lines += [f"{indent}{'JOINT' if depth else 'ROOT'} {name}", f"{indent}{{"]
        lines.append(f"{indent}\tOFFSET {row(clip.offsets[joint] * (depth > 0))}")
        lines.append(f"{indent}\tCHANNELS {channels}")
        if not children[joint]:
            tip = clip.ends.get(clip.names[joint], clip.offsets[joint] / 2)
            lines += [f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\tOFFSET {row(tip)}", f"{indent}\t}}"]
        todo.append((-1, depth))
        todo += [(child, depth + 1) for child in reversed(children[joint])]
    angles = np.degrees(euler_angles(matrix_from_axis_angle(clip.rotations), "ZXY"))
    columns = []
    for joint in order:
        columns += [clip.positions[:, joint], angles[:, joint]] if moving[joint] else [angles[:, joint]]
    table = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(clip)}", f"Frame Time: {1 / clip.fps:.10f}"]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
        np.savetxt(file, table.round(6) + 0.0, fmt="%.6f")
