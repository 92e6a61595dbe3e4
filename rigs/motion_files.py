# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading body motion from the files of others: AMASS, AIST++, PhantomDance, bundles of clips, and our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bvh import load_bvh
from .errors import InputError
from .files import read_bytes
from .motion import Motion, tidy_fps
from .npz import load_npz
from .pickles import load_pickle
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle, matrix_from_quaternion
from .skeleton import SKELETONS, SMPL24, Rest

Array = NDArray[np.float64]

_FPS_KEYS = ("mocap_framerate", "mocap_frame_rate", "fps")
_SKELETON_OF_WIDTH = {3 * len(skeleton): skeleton for skeleton in SKELETONS.values()}
_NO_HANDS = 66  # SMPL's body without the two hands
_AIST_FPS = 60.0
_PHANTOM_FPS = 30.0
_MAX_JSON = 1 << 30
# Turns a Z-up world into the Y-up one: x stays, z becomes y, y becomes -z.
_UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def load_motion(path: str | Path, fps: float | None = None, up: str = "auto", rest: Rest | None = None) -> Motion:
    """Read a motion file; its ending tells the kind.

    - .npz: AMASS (SMPL-H or SMPL-X), our own files, and others that hold `poses` (N, 66 | 72 | 156 | 165) rad and
      `trans` (N, 3) m. 66 columns lack SMPL's two hands, which stay at rest.
    - .pkl: AIST++, 60 fps (`smpl_poses`, `smpl_trans` / `smpl_scaling`; Li et al. 2021). Nothing in it is run.
    - .json: PhantomDance, 30 fps (world rotations in Unity's left-handed axes; Li et al. 2022).
    - .bvh: on a skeleton whose joints have SMPL's names, such as `save_bvh` writes.

    Args:
        fps: frame rate of a file that does not state its own.
        up: the axis that points up in an .npz: "y", "z", or "auto", which goes by the file's own `up`, else by the
            dancer: where the root's up, which is Y at rest, points on the median along Z more than along Y, the world
            is Z up. A clip of somebody lying down may need "y" or "z".
        rest: the body that moves. It matters where a file states the root's place in the world or in a Z-up world;
            without it an average adult's is taken (a constant shift of some millimetres in another body).

    Raises:
        InputError: the file is missing, damaged, or holds no such motion.
    """
    if up not in ("auto", "y", "z"):
        raise InputError(f"up must be auto, y or z, not {up!r}.")
    rest = rest or Rest.average()
    match Path(path).suffix.lower():
        case ".npz":
            wanted = {"poses", "trans", "betas", "gender", "up", "body", *_FPS_KEYS}
            return _from_fields(load_npz(path, wanted.__contains__), path, fps, up, rest)
        case ".pkl":
            return _aist(load_pickle(path), path)
        case ".json":
            return _phantom(path, rest)
        case ".bvh":
            return _from_bvh(path, rest)
        case suffix:
            raise InputError(f"{path}: motion is read from .npz, .pkl, .json and .bvh, not from {suffix or 'this'}.")


def load_bundle(path: str | Path, fps: float | None = None, up: str = "y") -> dict[str, Motion]:
    """Read an .npz of many clips: `<trial>/poses`, `<trial>/trans` and, where it differs from `fps`, `<trial>/fps`.

    Raises:
        InputError: as `load_motion`, and where no clip is found.
    """
    clips: dict[str, dict[str, Any]] = {}
    for key, value in load_npz(path, lambda key: "/" in key).items():
        trial, _, name = key.rpartition("/")
        clips.setdefault(trial, {})[name] = value
    clips = {trial: fields for trial, fields in clips.items() if "poses" in fields}
    if not clips:
        raise InputError(f"{path} holds no clips named <trial>/poses.")
    rest = Rest.average()
    return {trial: _from_fields(fields, f"{path}, clip {trial}", fps, up, rest) for trial, fields in clips.items()}


def _from_fields(fields: dict[str, Any], path: str | Path, fps: float | None, up: str, rest: Rest) -> Motion:
    poses, trans = _numbers(fields, "poses", path), _numbers(fields, "trans", path)
    poses = poses.reshape(len(poses), -1) if poses.ndim == 3 else poses
    if poses.ndim != 2 or (poses.shape[1] not in _SKELETON_OF_WIDTH and poses.shape[1] != _NO_HANDS):
        raise InputError(f"{path}: poses have the shape {poses.shape}; give (N, 66), (N, 72), (N, 156) or (N, 165).")
    if poses.shape[1] == _NO_HANDS:
        poses = np.pad(poses, ((0, 0), (0, 6)))
    skeleton = _SKELETON_OF_WIDTH[poses.shape[1]]
    stated = next((fields[key] for key in _FPS_KEYS if key in fields), fps)
    if stated is None:
        raise InputError(f"{path} does not state its frame rate; give fps.")
    poses = poses.reshape(len(poses), -1, 3)
    if trans.shape != (len(poses), 3):
        raise InputError(f"{path}: trans has the shape {trans.shape}; give ({len(poses)}, 3).")
    betas = _numbers(fields, "betas", path).ravel() if np.size(fields.get("betas", ())) else np.zeros(0)
    if up == "auto":
        up = _text(fields["up"]).lower() if "up" in fields else _guessed_up(poses[:, 0])
    if up == "z":
        root = rest.joints[0]
        poses = poses.copy()
        poses[:, 0] = axis_angle_from_matrix(_UPRIGHT @ matrix_from_axis_angle(poses[:, 0]))
        trans = (trans + root) @ _UPRIGHT.T - root
    gender = _text(fields.get("gender", "neutral")) or "neutral"
    rate = _number(stated, path)
    # Our own files say `up`, and what they state is exact.
    fps = rate if "up" in fields else tidy_fps(rate)
    return Motion(poses, trans, fps, skeleton.name, betas, gender, _text(fields.get("body", "")))


def _guessed_up(root: Array) -> str:
    up = matrix_from_axis_angle(root)[:, :, 1]
    return "z" if len(up) and np.median(up[:, 2]) > np.median(up[:, 1]) else "y"


def _aist(fields: Any, path: str | Path) -> Motion:
    if not isinstance(fields, dict):
        raise InputError(f"{path} is no AIST++ motion: it does not hold named arrays.")
    poses, trans = _numbers(fields, "smpl_poses", path), _numbers(fields, "smpl_trans", path)
    scaling = _numbers(fields, "smpl_scaling", path).ravel() if "smpl_scaling" in fields else np.ones(1)
    if poses.ndim != 2 or poses.shape[1] != 3 * len(SMPL24) or scaling.size != 1 or not scaling[0] > 0:
        raise InputError(f"{path} is no AIST++ motion: smpl_poses {poses.shape}, smpl_scaling {scaling}.")
    return Motion(poses.reshape(len(poses), -1, 3), trans / scaling, _AIST_FPS, SMPL24.name, gender="male")


def _phantom(path: str | Path, rest: Rest) -> Motion:
    data = read_bytes(path, _MAX_JSON)
    try:
        fields = json.loads(data)
        names = [_smpl_name(name) for name in fields["bone_name"]]
        order = [names.index(joint) for joint in SMPL24.joints]
        quaternions = np.array(fields["rotations"], float)[:, order]
        places = np.array(fields["root_positions"], float)
        if quaternions.shape != (len(places), len(SMPL24), 4) or places.shape != (len(places), 3):
            raise ValueError("its arrays do not fit together")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no PhantomDance motion of 24 joints: {error}.") from error
    length = np.linalg.norm(quaternions, axis=-1, keepdims=True)
    if not (np.isfinite(length).all() and (length > 0.5).all()):
        raise InputError(f"{path} holds rotations that are not unit quaternions.")
    x, y, z, w = np.moveaxis(quaternions / length, -1, 0)
    # Unity's X points to the character's right. Mirroring it turns the other two axes of a rotation round.
    turned = matrix_from_quaternion(np.stack([w, x, -y, -z], axis=-1))
    local = turned.copy()
    for joint, parent in enumerate(SMPL24.parents):
        if parent >= 0:
            local[:, joint] = turned[:, parent].transpose(0, 2, 1) @ turned[:, joint]
    trans = places * [-1.0, 1.0, 1.0] - rest.joints[0]
    return Motion(axis_angle_from_matrix(local), trans, _PHANTOM_FPS, SMPL24.name)


def _smpl_name(name: str) -> str:
    """PhantomDance's L_Hip to left_hip."""
    name = name.lower()
    return {"l_": "left_", "r_": "right_"}.get(name[:2], name[:2]) + name[2:]


def _from_bvh(path: str | Path, rest: Rest) -> Motion:
    clip = load_bvh(path)
    skeleton = next((known for known in SKELETONS.values() if set(known.joints) == set(clip.names)), None)
    if skeleton is None:
        raise InputError(f"{path} is a BVH on a skeleton of its own ({len(clip.names)} joints); it must be retargeted.")
    order = [clip.names.index(joint) for joint in skeleton.joints]
    trans = clip.positions[:, clip.names.index(skeleton.joints[0])] - rest.joints[0]
    return Motion(clip.rotations[:, order], trans, clip.fps, skeleton.name)


def _numbers(fields: dict[str, Any], key: str, path: str | Path) -> Array:
    if key not in fields:
        raise InputError(f"{path} lacks {key}; give a file of body motion.")
    value = fields[key]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim == 0 or value.size == 0:
        raise InputError(f"{path}: {key} is not an array of numbers; give a file of body motion.")
    return value.astype(float)


def _number(value: Any, path: str | Path) -> float:
    try:
        return float(np.asarray(value).item())
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path} states the frame rate {value!r}, which is no number; mend the file.") from error


def _text(value: Any) -> str:
    """A text that may be stored as str, as bytes, or as an array of either."""
    value = np.asarray(value).ravel()[:1].tolist()
    text = value[0] if value else ""
    return text.decode("latin1") if isinstance(text, bytes) else str(text)
