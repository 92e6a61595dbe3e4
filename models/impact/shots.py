# SPDX-License-Identifier: GPL-3.0-or-later
"""Silent shots as a network sees them: films brought to one size and rate, and rendered clips to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...rigs.errors import InputError
from ...rigs.npz import load_npz

Pictures = NDArray[np.uint8]

FPS, SIZE = 30, 96  # frames a second, and pixels of their sides
LONGEST_SECONDS = 600.0
MATERIALS = ("steel", "glass", "wood", "plastic", "ceramic", "rubber", "stone", "cardboard")


@dataclass(frozen=True)
class Clip:
    """A rendered clip and what is known of it.

    `frames` (T, 96, 96, 3) · `times` (H,) s, `strengths` (H,) m/s and `materials` (H,) of its hits, as indices into
    MATERIALS · `sizes` (H,) m, the longest side of what hit · `slides` (T,) m/s, the fastest of what slides or rolls ·
    `material` of the body that hits most, or slides.
    """

    frames: Pictures
    times: NDArray[np.float64]
    strengths: NDArray[np.float64]
    materials: NDArray[np.int64]
    sizes: NDArray[np.float64]
    slides: NDArray[np.float64]
    material: int


def load_clip(path: str | Path) -> Clip:
    """Read a clip that `examples/impact_clips.py` has rendered. Raises InputError."""
    fields = load_npz(path)
    try:
        known = np.array([MATERIALS.index(str(name)) for name in fields["materials"]])
        bodies = np.asarray(fields["bodies"], int)
        slides = np.asarray(fields["slides"], float)
        most = int(np.bincount(bodies, minlength=len(known)).argmax()) if len(bodies) else int(slides.mean(1).argmax())
        return Clip(
            np.asarray(fields["frames"], np.uint8), np.asarray(fields["times"], float),
            np.asarray(fields["strengths"], float), known[bodies], np.asarray(fields["sizes"], float)[bodies],
            slides.max(axis=0), int(known[most]),
        )  # fmt: skip
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path} is no rendered clip: {error}. Make clips with examples/impact_clips.py.") from error


def load_clips(folder: str | Path, kind: str) -> list[Clip]:
    """The clips `kind`-*.npz of a folder. Raises InputError."""
    paths = sorted(Path(folder).glob(f"{kind}-*.npz"))
    if not paths:
        raise InputError(f"There are no clips {kind}-*.npz in {folder}; render some with examples/impact_clips.py.")
    return [load_clip(path) for path in paths]


def load_shot(path: str | Path) -> tuple[Pictures, float]:
    """A film's frames at 30 a second, squared to 96 pixels with its edges continued, and its length in seconds.

    Raises:
        InputError: the file is missing, no film, or longer than ten minutes.
    """
    if not Path(path).is_file():
        raise InputError(f"There is no film {path}.")
    frames: list[Pictures] = []
    last = 0.0
    try:
        for time, picture in _decoded(path):
            if time > LONGEST_SECONDS:
                raise InputError(f"{path} is longer than {LONGEST_SECONDS / 60:g} minutes; cut out the part you want.")
            # A frame is seen until the next one comes.
            while len(frames) < round(time * FPS) and frames:
                frames.append(frames[-1])
            if round(time * FPS) >= len(frames):
                frames.append(squared(picture))
            last = time
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise InputError(f"Cannot read {path} as a film: {error}. Give an .mp4 or another film.") from error
    if len(frames) < 3:
        raise InputError(f"{path} has fewer than three frames; give a film in which something moves.")
    return np.stack(frames), max(last + 1 / FPS, len(frames) / FPS)


def _decoded(path: str | Path) -> Iterator[tuple[float, Pictures]]:
    with av.open(str(path)) as film:
        if not film.streams.video:
            raise InputError(f"{path} has no pictures; give an .mp4 or another film.")
        stream = film.streams.video[0]
        first = None
        for number, frame in enumerate(film.decode(stream)):
            time = frame.time if frame.time is not None else number / float(stream.average_rate or FPS)
            first = time if first is None else first
            yield time - first, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def squared(picture: Pictures) -> Pictures:
    """(96, 96, 3): the whole of an (H, W, 3) picture, its edges continued above and below or left and right."""
    height, width = picture.shape[:2]
    scale = SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    down, across = SIZE - size[1], SIZE - size[0]
    return np.pad(small, ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)), mode="edge")
