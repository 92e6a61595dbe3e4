# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the default characters' files.

Per character: `SMPL_<NAME>.npz` and `SMPLX_<NAME>.npz` in the layout of the official model files, so that any reader of
those (smplx among them) loads them, and `LOOK_<NAME>.npz`, which holds what both have in common: polygons, UVs,
clothes, hair, materials and pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import replacing
from ..job import Progress, part, silent
from ..skeleton import SMPL24, SMPLX55, Skeleton
from .body import Body, build_body, joint_regressor, mirror_of
from .character import relaxed_hand, to_smpl24
from .correctives import fit_posedirs, global_transforms, skin, spread
from .garments import dress
from .hair import STYLES, Scalp, grow, hair_texture
from .looks import LOOKS, Look, materials
from .makehuman import HumanData, find_data
from .skin import SkinMap, at_vertices, bake_eye, bake_skin, to_png
from .surface import Patch, Sparse, triangles

Array = NDArray[Any]

_ROOT = 2**32 - 1  # the root's parent in official files
HAIR_JOINTS = ("head", "neck")
_ARKIT_AT = 300  # column of SMPL-X's shapedirs where expressions begin


def build_files(folder: Path, names: Iterable[str], progress: Progress = silent) -> list[Path]:
    """Write the three files of every named character into `folder`, each whole or not at all."""
    names = list(names)
    data = HumanData(find_data())
    layout: SkinMap | None = None
    written = []
    for i, name in enumerate(names):
        stage = part(progress, i / len(names), (i + 1) / len(names))
        look = LOOKS[name]
        stage(0.0, f"{name}: body")
        body = build_body(data, look.sliders, look.details)
        layout = layout or SkinMap(body)
        stage(0.25, f"{name}: pose correctives")
        count = body.skin_count
        posedirs = np.zeros((len(body.vertices), 3, 486))
        posedirs[:count] = fit_posedirs(
            body.vertices[:count], body.weights[:count], body.joints, mirror_of(body.vertices[:count]), body.target
        )
        stage(0.6, f"{name}: clothes and hair")
        look_fields = _look_fields(data, body, posedirs, look, layout)
        stage(0.9, f"{name}: writing")
        regressor = joint_regressor(body)
        for file, fields in (
            (f"SMPL_{name.upper()}.npz", _smpl_fields(body, posedirs, regressor)),
            (f"SMPLX_{name.upper()}.npz", _smplx_fields(body, posedirs, regressor)),
            (f"LOOK_{name.upper()}.npz", look_fields),
        ):
            with replacing(folder / file) as temporary, temporary.open("wb") as out:
                np.savez_compressed(out, **fields)
            written.append(folder / file)
    progress(1.0, "done")
    return written


def _tree(skeleton: Skeleton) -> NDArray[np.int64]:
    return np.array([[_ROOT, *skeleton.parents[1:]], range(len(skeleton))], np.int64)


def _smplx_fields(body: Body, posedirs: Array, regressor: Array) -> dict[str, Any]:
    count = len(body.vertices)
    shapedirs = np.zeros((count, 3, 400), np.float32)
    shapedirs[:, :, : body.shapedirs.shape[2]] = body.shapedirs
    for k, name in enumerate(sorted(body.arkit)):
        shapedirs[:, :, _ARKIT_AT + k] = body.arkit[name]
    return {
        "v_template": body.vertices.astype(np.float32),
        "shapedirs": shapedirs,
        "posedirs": posedirs.astype(np.float32),
        "J_regressor": regressor[:55].astype(np.float32),
        "kintree_table": _tree(SMPLX55),
        "weights": body.weights.astype(np.float32),
        "f": triangles(body.faces).astype(np.uint32),
        "lmk_faces_idx": np.zeros(51, np.int64),
        "lmk_bary_coords": np.full((51, 3), 1 / 3, np.float32),
        "dynamic_lmk_faces_idx": np.zeros((79, 17), np.int64),
        "dynamic_lmk_bary_coords": np.full((79, 17, 3), 1 / 3, np.float32),
        "hands_componentsl": np.eye(45, dtype=np.float32),
        "hands_componentsr": np.eye(45, dtype=np.float32),
        "hands_meanl": np.zeros(45, np.float32),
        "hands_meanr": np.zeros(45, np.float32),
        "expression_names": np.array(sorted(body.arkit)),
    }


def _smpl_fields(body: Body, posedirs: Array, regressor: Array) -> dict[str, Any]:
    """SMPL has no fingers to bend, so its template has them at ease."""
    hand = relaxed_hand()
    turns = {name: matrix for name, matrix in zip(hand, _matrices(hand), strict=True)}
    rotations, translations = global_transforms(turns, body.joints)
    blend = (body.weights @ rotations.reshape(55, 9)).reshape(-1, 3, 3)
    template = skin(body.vertices, body.weights, rotations, translations)
    joints = regressor[[*range(22), 55, 56]]
    # The hand joints' rows were fitted to straight fingers: the knuckles that they average have not moved.
    return {
        "v_template": template.astype(np.float32),
        "shapedirs": np.einsum("vab,vbk->vak", blend, body.shapedirs).astype(np.float32),
        "posedirs": posedirs[:, :, :207].astype(np.float32),
        "J_regressor": joints.astype(np.float32),
        "kintree_table": _tree(SMPL24),
        "weights": to_smpl24(body.weights).astype(np.float32),
        "f": triangles(body.faces).astype(np.uint32),
        "bs_style": np.array("lbs"),
        "bs_type": np.array("lrotmin"),
    }


def _matrices(pose: dict[str, Array]) -> Array:
    from ..rotation import matrix_from_axis_angle

    return matrix_from_axis_angle(np.array(list(pose.values())))


def _look_fields(data: HumanData, body: Body, posedirs: Array, look: Look, layout: SkinMap) -> dict[str, Any]:
    garments = dress(data, body, look.outfit)
    count = body.skin_count
    hidden = np.zeros(len(body.vertices), bool)
    for garment in garments.values():
        hidden[:count] |= garment.hidden
    seen = [i for i, face in enumerate(body.faces) if not hidden[face].all()]
    fields: dict[str, Any] = {}
    meshes = ["body", *garments, "hair"]
    _store(
        fields, "body", [body.faces[i] for i in seen], [body.face_materials[i] for i in seen],
        np.concatenate([body.face_uvs[i] for i in seen]),
    )  # fmt: skip
    morphs = np.stack([body.arkit[name] for name in sorted(body.arkit)], -1)
    fields["morph_names"] = np.array(sorted(body.arkit))
    fields["morphs"] = (np.round(morphs * 2**16) / 2**16).astype(np.float32)

    def add(name: str, patch: Patch, follow: Sparse, joints: Sequence[str] = SMPLX55.joints) -> None:
        corners = patch.uvs[np.concatenate(patch.faces)]
        _store(fields, name, patch.faces, patch.labels, corners)
        weights = np.asarray(follow @ body.weights[:count])
        fields[f"{name}_vertices"] = patch.vertices.astype(np.float32)
        others = [j for j, joint in enumerate(SMPLX55.joints) if joint not in joints]
        weights[:, others] = 0
        weights[weights < 1e-3] = 0
        fields[f"{name}_weights"] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
        own = spread(posedirs[:count], follow)
        columns = np.flatnonzero(own.any((0, 1)))
        fields[f"{name}_columns"] = columns
        fields[f"{name}_posedirs"] = own[:, :, columns].astype(np.float32)

    for name, garment in garments.items():
        add(name, garment.patch, garment.follow)
    style = STYLES[look.hair_style]
    scalp = Scalp(body, at_vertices(data, body, "ears"))
    hair = grow(scalp, style)
    add("hair", hair, hair.source, HAIR_JOINTS)

    used = materials(
        look,
        bake_skin(
            data, body, layout, look.skin, look.hair, look.lips, look.stubble, look.brow, scalp.cover(style)
        ),
        bake_eye(look.iris),
        to_png(hair_texture(look.hair)),
    )  # fmt: skip
    fields["meshes"] = np.array(meshes)
    fields["materials"] = np.array(list(used))
    for name, material in used.items():
        fields[f"material_{name}"] = np.array(
            [
                *material.color,
                material.roughness,
                material.subsurface,
                material.sheen,
                material.coat,
                material.specular,
            ],
            np.float32,
        )
        if material.image is not None:
            fields[f"image_{name}"] = np.frombuffer(material.image, np.uint8)
    return fields


def _store(fields: dict[str, Any], name: str, faces: list[list[int]], labels: list[str], uvs: Array) -> None:
    used = list(dict.fromkeys(labels))
    fields[f"{name}_polygon_vertices"] = np.concatenate(faces).astype(np.int32)
    fields[f"{name}_polygon_sizes"] = np.array([len(face) for face in faces], np.int32)
    fields[f"{name}_corner_uvs"] = uvs.astype(np.float32)
    fields[f"{name}_polygon_materials"] = np.array([used.index(label) for label in labels], np.int32)
    fields[f"{name}_materials"] = np.array(used)
