# SPDX-License-Identifier: GPL-3.0-or-later
"""Face tracks as the .json of NVIDIA's Audio2Face: names, a frame rate, and one row of weights a frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .files import read_bytes, replacing

if TYPE_CHECKING:
    from .face import FaceTrack

Array = NDArray[np.float64]

_MAX_BYTES = 512 << 20
_FPS = 30.0


def write_face_json(track: FaceTrack, path: str | Path) -> None:
    """Write the shapes of a track, whole or not at all. Raises InputError: the file cannot be written."""
    from .face import ARKIT_52

    table = {
        "exportFps": track.fps,
        "trackPath": "",
        "numPoses": len(ARKIT_52),
        "numFrames": len(track),
        "facsNames": list(ARKIT_52),
        "weightMat": [[round(float(weight), 6) for weight in row] for row in track.weights],
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(table) + "\n", encoding="utf-8")


def read_face_json(path: str | Path, fps: float | None = None) -> tuple[Array, Array, Array, float]:
    """Weights (T, 52) in ARKit's order, head (T, 3) and gaze (T, 2), which are 0, and the frame rate.

    Shapes that the file lacks are 0; those that are none of ARKit's are left out.

    Raises:
        InputError: the file is missing, damaged, or no such .json.
    """
    from .face import ARKIT_52
    from .face_mapping import face_key

    def bad(reason: str) -> InputError:
        return InputError(f"{path} is no face animation of Audio2Face: {reason}; export it again.")

    try:
        table: Any = json.loads(read_bytes(path, _MAX_BYTES).decode("utf-8-sig"))
    except ValueError as error:
        raise bad("it is no .json text, or breaks off") from error
    if not isinstance(table, dict) or "weightMat" not in table:
        raise bad("it lacks weightMat")
    names = next((table[key] for key in ("facsNames", "blendshapeNames", "names") if key in table), None)
    if not isinstance(names, list):
        raise bad("it lacks facsNames")
    try:
        given = np.array(table["weightMat"], float)
        rate = float(fps or table.get("exportFps") or _FPS)
    except (ValueError, TypeError) as error:
        raise bad("its weights are not rows of numbers") from error
    if given.ndim != 2 or given.shape[1] != len(names) or not len(given) or not np.isfinite(given).all():
        raise bad(f"its weights do not fit its {len(names)} names")
    column = {face_key(str(name)): index for index, name in enumerate(names)}
    weights = np.zeros((len(given), len(ARKIT_52)))
    known = [(row, column[face_key(shape)]) for row, shape in enumerate(ARKIT_52) if face_key(shape) in column]
    if not known:
        raise bad("none of its names is one of ARKit's shapes")
    for shape, index in known:
        weights[:, shape] = np.clip(given[:, index], 0, 1)
    return weights, np.zeros((len(given), 3)), np.zeros((len(given), 2)), rate
