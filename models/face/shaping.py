# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's wishes applied to mouth curves that no phones were articulated for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ...rigs.articulation import MouthSettings
from ...rigs.face import ARKIT_52

Array = NDArray[np.float64]

_JAW = [i for i, name in enumerate(ARKIT_52) if name.startswith("jaw") or name == "mouthClose"]
_LIPS = [i for i, name in enumerate(ARKIT_52) if name.startswith("mouth") and name != "mouthClose"]


def shaped(weights: Array, fps: float, settings: MouthSettings) -> Array:
    """(T, 52) with jaw and lips of another size, earlier or later, smoother, or held: as `MouthSettings` says."""
    made = weights.copy()
    made[:, _JAW] *= settings.jaw * settings.articulation
    made[:, _LIPS] *= settings.lips * settings.articulation
    if settings.lead_ms:
        frames = np.arange(len(made))
        later = frames + settings.lead_ms / 1000 * fps
        made = np.stack([np.interp(later, frames, column) for column in made.T], axis=1)
    # At the usual smoothing they stay as they come.
    more = (settings.smoothing - MouthSettings.smoothing) * 0.06 * fps
    if more > 0.05 and len(made) > 1:
        made = gaussian_filter1d(made, more, axis=0, mode="nearest")
    if settings.stepped:
        hold = max(1, round(settings.hold_ms / 1000 * fps))
        middle = (np.arange(len(made)) // hold * hold + hold // 2).clip(0, len(made) - 1)
        made = made[middle]
    return made.clip(0, 1)
