# SPDX-License-Identifier: GPL-3.0-or-later
"""A body from an SMPL, SMPL-H or SMPL-X file that the user has, as a character like AVAnim's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from ...rigs.characters import Character, Material, SkinnedMesh
from ...rigs.errors import InputError
from ...rigs.smpl import load_body
from .character import add_character
from .smpl_shape import SHAPE_PREFIX, keep_joints

_SKIN = (0.8, 0.55, 0.42)
# Importers and FBX clamp to a slider's range.
_RANGE = 5.0


def add_smpl_body(path: str | Path, betas: list[float] | None = None, *, correctives: bool = True) -> bpy.types.Object:
    """Add the body of an SMPL, SMPL-H or SMPL-X file (.npz, or .pkl, which is read without running it).

    Bones, takes and export are those of AVAnim's characters. Its shapes become the shape keys Shape000 … and Exp000 …
    to slide; they move the skin alone until `smpl_shape.fit_joints` puts the joints where the shape has them.

    Args:
        betas: how the body is built, at most as many as the file has.
        correctives: driven shape keys that repair the skin at bent joints (SMPL's pose blend shapes).

    Raises:
        InputError: the file is missing, damaged, hostile, or holds no such body; or there are too many betas.
    """
    body = load_body(path)
    count = body.shapedirs.shape[2]
    given = np.asarray(betas or [], float)
    if given.ndim != 1 or len(given) > count or not np.isfinite(given).all():
        raise InputError(f"{Path(path).name} has {count} betas; give at most so many numbers.")
    unshaped = body.v_template
    if given.any():
        moved = body.shapedirs[:, :, : len(given)] @ given
        body = replace(body, v_template=(body.v_template + moved).astype(np.float32))
    triangles = np.asarray(body.faces)
    morphs = {f"{SHAPE_PREFIX}{index:03d}": body.shapedirs[:, :, index] for index in range(count)}
    morphs |= {f"Exp{index:03d}": body.expressions[:, :, index] for index in range(body.expressions.shape[2])}
    mesh = SkinnedMesh(
        name="body",
        vertices=body.v_template,
        polygon_vertices=triangles.ravel(),
        polygon_sizes=np.full(len(triangles), 3),
        corner_uvs=np.zeros((triangles.size, 2)),
        polygon_materials=np.zeros(len(triangles), int),
        materials=["skin"],
        weights=body.weights,
        morphs=morphs,
        posedirs=body.posedirs,
    )
    character = Character(Path(path).stem, body, [mesh], {"skin": Material("skin", _SKIN)})
    armature = add_character(character, correctives=correctives)
    # Dances are made for one of AVAnim's characters.
    armature["avanim_character"] = "neutral"
    whole = np.concatenate([given, np.zeros(count - len(given))])
    armature["avanim_betas"] = whole.tolist()
    armature["avanim_lift"] = -float(body.v_template[:, 1].min())
    ways = np.einsum("jv,vak->jak", body.joint_regressor, body.shapedirs)
    keep_joints(armature, whole, body.joint_regressor @ unshaped, ways)
    for child in armature.children:
        keys = child.data.shape_keys if child.type == "MESH" else None
        for key in keys.key_blocks if keys else ():
            if key.name in morphs:
                key.slider_min, key.slider_max = -_RANGE, _RANGE
    return armature
