# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion that a take on a rig of the user's own was made of, kept on the take: its keys are no way back to it."""

from __future__ import annotations

import base64
import json
import zlib

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.motion import Motion
from ...rigs.skeleton import SKELETONS, Rest

Array = NDArray[np.float64]

_KEY = "avanim_motion"


def keep(action: bpy.types.Action, motion: Motion, rest: Rest) -> None:
    """Keep on a take what it was made of: the motion, and the body that the motion is for."""
    table = {
        "skeleton": motion.skeleton,
        "fps": motion.fps,
        "poses": _packed(motion.poses),
        "trans": _packed(motion.trans),
        "rest": {"skeleton": rest.skeleton.name, "joints": _packed(rest.joints), "floor": float(rest.floor)},
    }
    action[_KEY] = json.dumps(table)


def kept(action: bpy.types.Action) -> tuple[Motion, Rest]:
    """What `keep` kept. Raises InputError: the take has nothing, or it was damaged."""
    if _KEY not in action:
        raise InputError(f"{action.name} does not hold the motion that it was made of; make it again.")
    try:
        table = json.loads(action[_KEY])
        poses, trans = (_unpacked(table[name]) for name in ("poses", "trans"))
        motion = Motion(poses.reshape(len(trans) // 3, -1, 3), trans.reshape(-1, 3), table["fps"], table["skeleton"])
        body = table["rest"]
        rest = Rest(SKELETONS[body["skeleton"]], _unpacked(body["joints"]).reshape(-1, 3), float(body["floor"]))
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise InputError(f"The motion that {action.name} holds is damaged; make it again.") from error
    return motion, rest


def _packed(values: Array) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values, np.float32).tobytes(), 1)).decode()


def _unpacked(text: str) -> Array:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.float32).astype(np.float64)
