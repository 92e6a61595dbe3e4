# SPDX-License-Identifier: GPL-3.0-or-later
"""GrooveNet live: poses sent ahead of the music that plays, and at the end the same dance with its feet planted.

The machine hears no further ahead than a live listener would; it only hears sooner, since the file is known. What is
sent lags `_AHEAD` behind it, for the smoothing's sake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ...rigs.errors import InputError
from ...rigs.fit import fit_positions
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.rotation import resample_rotations
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from ..audio.live import FPS, live_features
from ..device import choose
from .groove import PATH, STYLES, Dancer, load
from .lessons import delivered
from .melody import JOINTS, carried_over, mirrored

Array = NDArray[np.float64]

CHUNK = 1.0  # s
_SMOOTHING = 3.0  # frames of the machine's 60 a second, as offline
_AHEAD = 12  # frames that the smoothing looks ahead


def steps(sound: Sound, style: str, seed: int, weights: Path = PATH) -> Iterator[Array]:
    """(21, 3) m for each 1/60 s of sound, one after the other; the seed chooses what is drawn, and the side."""
    if style not in STYLES:
        raise InputError(f"GrooveNet has no style {style!r}; choose {', '.join(STYLES)}.")
    dancer = Dancer(load(weights)[style][0].to(choose("cpu")), seed)
    mirror = bool(np.random.default_rng(seed).integers(2))
    for heard in live_features(sound):
        places = dancer.step(heard)
        yield mirrored(places[None])[0] if mirror else places


def stream(
    sound: Sound, rest: Rest, style: str, seed: int, fps: float, show: Callable[[Motion, int], None],
    progress: Progress = silent, weights: Path = PATH,
) -> Motion:  # fmt: skip
    """Dance to the whole sound.

    Args:
        show: called with each second of the dance as it is made, at `fps`, and the number of its first frame.

    Returns:
        All of it, with planted feet.

    Raises:
        InputError: an unknown style, or no weights. Cancelled: progress raised it.
    """
    total = max(2, round(sound.seconds * fps))
    made: list[Array] = []
    sent, threads = 0, torch.get_num_threads()
    torch.set_num_threads(1)  # one frame is too little to share
    try:
        for places in steps(sound, style, seed, weights):
            made.append(places)
            ready = int((len(made) - 1 - _AHEAD) / FPS * fps) + 1
            if ready - sent >= CHUNK * fps:
                show(_shown(made, rest, fps, sent, ready), sent)
                sent = ready
            if len(made) % 15 == 0:
                progress(0.8 * len(made) / (sound.seconds * FPS), "Dancing")
    finally:
        torch.set_num_threads(threads)
    if sent < total:
        show(_shown(made, rest, fps, sent, total), sent)
    whole = gaussian_filter1d(np.stack(made), _SMOOTHING, axis=0)
    return delivered(whole, FPS, rest, fps, sound.seconds, False, part(progress, 0.8, 1.0))


def _shown(made: list[Array], rest: Rest, fps: float, first: int, last: int) -> Motion:
    """Frames `first`..`last` - 1 at `fps` of the joints' places so far, smoothed as the whole will be."""
    begin = max(0, int(first / fps * FPS) - 4 * _AHEAD)
    part = np.stack(made[begin:])
    calm = gaussian_filter1d(part, _SMOOTHING, axis=0)
    average = Rest.average()
    motion = carried_over(fit_positions(calm, JOINTS, average, FPS, smoothing=0.0), average, rest)
    given = (begin + np.arange(len(motion))) / FPS
    times = np.arange(first, last) / fps
    trans = np.stack([np.interp(times, given, motion.trans[:, axis]) for axis in range(3)], axis=1)
    return Motion(resample_rotations(motion.poses, given, times), trans, fps, motion.skeleton)
