# SPDX-License-Identifier: GPL-3.0-or-later
"""Body models in the file layouts of SMPL, SMPL-H and SMPL-X, and their linear blend skinning.

Formulas: Loper et al., "SMPL: A Skinned Multi-Person Linear Model" (2015); the extended models of Romero et al. (2017)
and Pavlakos et al. (2019) are the same with more joints and with expressions.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .files import reading
from .npz import load_npz
from .pickles import load_pickle
from .rotation import matrix_from_axis_angle
from .skeleton import SKELETONS, Rest, Skeleton

Floats = NDArray[np.float32]

_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")
# A full SMPL-X file keeps 300 shape directions and then the expressions; a file cut down to less than 400 columns keeps
# 10 and 10 (smplx 0.1.28 reads them so too).
_SHAPES, _FULL, _FEW = 300, 400, 10
# Skinning works on this many bytes of transforms at a time: large enough for fast products, small enough for caches.
_CHUNK_BYTES = 24 << 20


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A skinned body of V vertices on a skeleton of J joints; metres, Y up, facing +Z, rest pose = T-pose.

    `v_template` (V, 3) · `shapedirs` (V, 3, B) m per beta · `expressions` (V, 3, E) m per expression coefficient (E is
    0 without a face; ARKit-52 in AVAnim's own bodies) · `posedirs` (V, 3, 9 (J - 1)) m per entry of R - I, or None
    where all are zero · `joint_regressor` (J, V) · `weights` (V, J) · `faces` (F, 3). Columns that are zero to the end
    are left out.
    """

    skeleton: Skeleton
    v_template: Floats
    shapedirs: Floats
    expressions: Floats
    posedirs: Floats | None
    joint_regressor: NDArray[np.float64]
    weights: Floats
    faces: NDArray[np.int32]

    def shaped(self, betas: Any = None, expression: Any = None) -> NDArray[np.float64]:
        """(V, 3) m the T-pose with betas (B,) and expression (E,). Missing coefficients are 0; surplus ones, for
        directions that this body lacks, are left out."""
        shape = self.v_template.astype(float)
        for directions, coefficients in ((self.shapedirs, betas), (self.expressions, expression)):
            if coefficients is not None:
                values = np.ravel(coefficients)[: directions.shape[2]]
                shape += directions[..., : len(values)] @ values
        return shape

    def joints(self, betas: Any = None) -> NDArray[np.float64]:
        """(J, 3) m rest joints for betas (B,)."""
        return self.joint_regressor @ self.shaped(betas)

    def rest(self, betas: Any = None) -> Rest:
        """The rest pose for betas (B,); its floor is the height of the lowest vertex."""
        shape = self.shaped(betas)
        return Rest(self.skeleton, self.joint_regressor @ shape, float(shape[:, 1].min()))

    def vertices(self, poses: Any, trans: Any, betas: Any = None, expression: Any = None) -> Floats:
        """Linear blend skinning.

        Args:
            poses: (T, J, 3) axis-angle rad, relative to the parent.
            trans: (T, 3) m.
            betas: (B,) or None.
            expression: (E,), or (T, E) for a face that moves, or None.

        Returns:
            (T, V, 3) float32 m.

        Raises:
            InputError: the arrays do not fit this body.
        """
        poses, trans = np.asarray(poses, float), np.asarray(trans, float)
        count, joints = len(poses), len(self.skeleton)
        if poses.shape != (count, joints, 3) or trans.shape != (count, 3):
            raise InputError(
                f"Poses {poses.shape} and trans {trans.shape} do not fit this body; "
                f"give (T, {joints}, 3) and (T, 3) for its skeleton {self.skeleton.name}."
            )
        moving = None
        if expression is not None and np.ndim(expression) == 2:
            moving = np.asarray(expression, float)[:, : self.expressions.shape[2]]
            if len(moving) != count:
                raise InputError(f"There are {len(moving)} frames of expression but {count} of poses; give as many.")
        shape = self.shaped(betas, expression if moving is None else None)
        rest = np.broadcast_to(self.joint_regressor @ shape, (count, joints, 3))
        if moving is not None:
            per_coefficient = np.tensordot(self.joint_regressor, self.expressions[..., : moving.shape[1]], 1)
            rest = rest + np.einsum("te,jce->tjc", moving, per_coefficient)

        local = matrix_from_axis_angle(poses)
        transforms = _relative_transforms(local, rest, self.skeleton.parents)
        transforms[..., 3] += trans[:, None]

        still = np.ascontiguousarray(shape.T, np.float32)
        weights = np.ascontiguousarray(self.weights.T)
        out = np.empty((count, len(shape), 3), np.float32)
        step = max(1, _CHUNK_BYTES // (len(shape) * 12 * 4))
        for start in range(0, count, step):
            part = slice(start, min(count, start + step))
            size = part.stop - start
            # (t, 3, V): vertices run fastest, so that every product below is one long stride.
            unposed = np.broadcast_to(still, (size, *still.shape))
            if moving is not None:
                unposed = unposed + _blend(self.expressions[..., : moving.shape[1]], moving[part])
            if self.posedirs is not None:
                unposed = unposed + _blend(self.posedirs, (local[part, 1:] - np.eye(3)).reshape(size, -1))
            matrices = np.ascontiguousarray(transforms[part].transpose(0, 2, 3, 1), np.float32).reshape(-1, joints)
            blended = (matrices @ weights).reshape(size, 3, 4, -1)
            posed = blended[:, :, 3]
            for axis in range(3):
                blended[:, :, axis] *= unposed[:, None, axis]
                posed += blended[:, :, axis]
            out[part] = posed.transpose(0, 2, 1)
        return out


def _blend(directions: Floats, coefficients: NDArray[np.float64]) -> Floats:
    """(V, 3, K) directions and (t, K) coefficients to (t, 3, V) displacements."""
    flat = directions.reshape(-1, directions.shape[2])
    return (coefficients.astype(np.float32) @ flat.T).reshape(len(coefficients), -1, 3).transpose(0, 2, 1)


def _relative_transforms(local: NDArray, rest: NDArray, parents: tuple[int, ...]) -> NDArray[np.float64]:
    """(T, J, 3, 4): what carries a point of the rest pose along with each joint, before the root's translation."""
    turned, positions = np.empty_like(local), np.empty_like(local[..., 0])
    turned[:, 0], positions[:, 0] = local[:, 0], rest[:, 0]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            turned[:, joint] = turned[:, parent] @ local[:, joint]
            offset = rest[:, joint] - rest[:, parent]
            positions[:, joint] = positions[:, parent] + np.einsum("tij,tj->ti", turned[:, parent], offset)
    moved = positions - np.einsum("tjab,tjb->tja", turned, rest)
    return np.concatenate([turned, moved[..., None]], axis=3)


def load_body(path: str | Path) -> BodyModel:
    """Read an SMPL, SMPL-H or SMPL-X file: .npz, or .pkl (which is read without running it, see `pickles`).

    Raises:
        InputError: the file is missing, damaged, hostile, or holds no such body.
    """
    with reading(path) as file:
        zipped = zipfile.is_zipfile(file)
    # The content decides, not the ending: people rename these files.
    if zipped or Path(path).suffix == ".npz":
        fields = load_npz(path, _KEYS.__contains__)
    else:
        fields = load_pickle(path, _KEYS.__contains__)
    return _checked(fields, path)


def _checked(fields: Any, path: str | Path) -> BodyModel:
    def bad(reason: str) -> InputError:
        return InputError(
            f"{path} is not a body model that can be read: {reason}; choose an SMPL, SMPL-H or SMPL-X file."
        )

    if not isinstance(fields, dict):
        raise bad("it does not hold named arrays")
    missing = [key for key in _KEYS if key not in fields]
    if missing:
        raise bad(f"it lacks {', '.join(missing)}")

    def numbers(key: str, *shape: int | None) -> NDArray:
        value = fields[key]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            raise bad(f"{key} is not an array of numbers")
        fits = value.ndim == len(shape) and all(
            want in (None, size) for want, size in zip(shape, value.shape, strict=True)
        )
        if not fits or value.size == 0:
            raise bad(f"{key} has the shape {value.shape}")
        if not np.isfinite(value).all():
            raise bad(f"{key} holds values that are not numbers")
        return value

    template = numbers("v_template", None, 3)
    count = len(template)
    tree = numbers("kintree_table", 2, None)[0].astype(np.int64)
    skeleton = next((known for known in SKELETONS.values() if len(known) == len(tree)), None)
    if skeleton is None:
        raise bad(f"it has {len(tree)} joints instead of 24, 52 or 55")
    if tuple(tree[1:]) != skeleton.parents[1:]:
        raise bad(f"its {len(tree)} joints hang together in another way")
    joints = len(skeleton)
    directions = fields["shapedirs"]
    if isinstance(directions, np.ndarray) and directions.ndim == 2:
        fields["shapedirs"] = directions[:, :, None]
    shapedirs = numbers("shapedirs", count, 3, None)
    expressions = shapedirs[..., :0]
    if skeleton.name == "smplx55":
        first = _SHAPES if shapedirs.shape[2] >= _FULL else _FEW
        expressions = shapedirs[..., first : first + (_FULL - _SHAPES if first == _SHAPES else _FEW)]
        shapedirs = shapedirs[..., :first]
    posedirs = numbers("posedirs", count, 3, 9 * (joints - 1))
    weights = numbers("weights", count, joints)
    if np.abs(weights.sum(1) - 1).max() > 0.01:
        raise bad("the weights of a vertex do not add up to 1")
    faces = numbers("f", None, 3).astype(np.int64)
    if faces.min() < 0 or faces.max() >= count:
        raise bad("a face names a vertex that is not there")
    return BodyModel(
        skeleton=skeleton,
        v_template=template.astype(np.float32),
        shapedirs=_trimmed(shapedirs),
        expressions=_trimmed(expressions),
        posedirs=posedirs.astype(np.float32) if posedirs.any() else None,
        joint_regressor=numbers("J_regressor", joints, count).astype(float),
        weights=weights.astype(np.float32),
        faces=faces.astype(np.int32),
    )


def _trimmed(directions: NDArray) -> Floats:
    """(V, 3, K) without the columns at the end that are all zero."""
    used = np.flatnonzero(directions.any(axis=(0, 1)))
    return np.ascontiguousarray(directions[..., : used[-1] + 1 if len(used) else 0], np.float32)
