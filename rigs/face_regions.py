# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions of the face, so that one take gives the mouth and another, such as a capture, the rest."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .face import ARKIT_52, FaceTrack

Array = NDArray[np.float64]

# Region -> the beginnings of its shapes' names; "upper" and "lower" are all of the face.
_STEMS: dict[str, tuple[str, ...]] = {
    "brows": ("brow",),
    "eyes": ("eye",),
    "cheeks": ("cheekSquint", "nose"),
    "jaw": ("jaw",),
    "mouth": ("mouth", "cheekPuff"),
    "tongue": ("tongue",),
    "upper": ("brow", "eye", "cheekSquint", "nose"),
    "lower": ("jaw", "mouth", "cheekPuff", "tongue"),
}
# Beside the shapes: the turn of the head and of the eyes.
REGIONS: tuple[str, ...] = (*_STEMS, "head", "gaze", "all")


def shapes_of(regions: Iterable[str]) -> NDArray[np.bool_]:
    """(52,) which of ARKit's shapes lie in one of these regions. Raises InputError."""
    stems: tuple[str, ...] = ()
    for region in regions:
        if region not in REGIONS:
            raise InputError(f"There is no region {region!r} of the face; choose of {', '.join(REGIONS)}.")
        stems += ("",) if region == "all" else _STEMS.get(region, ())
    return np.array([name.startswith(stems) if stems else False for name in ARKIT_52])


def merged(track: FaceTrack, base: FaceTrack, regions: Iterable[str], fade: float = 0.0) -> FaceTrack:
    """`track` in these regions and `base` in the others, at the frame rate and of the length of `track`.

    The gaze goes with "eyes" too. Where `base` is shorter its last frame stays. `fade` s: at both ends of `track`, how
    long it takes to go over from `base`, so that a passage can be replaced without a jump.

    Raises:
        InputError: a region is unknown, or `base` has no frames.
    """
    regions = list(regions)
    own = shapes_of(regions)
    if not len(base):
        raise InputError("The take that gives the other regions of the face has no frames.")
    times = np.arange(len(track)) / track.fps
    at = np.arange(len(base)) / base.fps

    def sampled(values: Array) -> Array:
        return np.stack([np.interp(times, at, column) for column in values.T], axis=1)

    share = np.ones(len(track))
    if fade > 0 and len(track):
        x = np.minimum(np.minimum(times, times[-1] - times) / fade, 1)
        share = x * x * (3 - 2 * x)

    def mixed(new: Array, old: Array, chosen: NDArray[np.bool_]) -> Array:
        part = share[:, None] * chosen
        return part * new + (1 - part) * old

    whole = {"all"} & set(regions)
    head = bool(whole or "head" in regions)
    gaze = bool(whole or {"gaze", "eyes", "upper"} & set(regions))
    return FaceTrack(
        mixed(track.weights, sampled(base.weights), own).clip(0, 1),
        mixed(track.head, sampled(base.head), np.array([head])),
        mixed(track.gaze, sampled(base.gaze), np.array([gaze])),
        track.fps,
    )
