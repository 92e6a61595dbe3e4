# SPDX-License-Identifier: GPL-3.0-or-later
"""AVAnim's own: phones that are heard, in any language, or given, articulated so that no contact is missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation import MouthSettings, articulate
from ...rigs.articulation_poses import Poses
from .hearing import Voice

Array = NDArray[np.float64]


def mouth(voice: Voice, fps: float, settings: MouthSettings, poses: Poses | None = None) -> Array:
    """(T, 52) weights of mouth, jaw and tongue, T = round(seconds · fps), at least 1."""
    return articulate(
        voice.phones,
        max(voice.seconds, 1 / fps),
        fps,
        effort=voice.effort if len(voice.effort) else None,
        loudness=voice.loudness if len(voice.loudness) else None,
        motion=voice.motion if len(voice.motion) else None,
        settings=settings,
        poses=poses,
    )
