# SPDX-License-Identifier: GPL-3.0-or-later
"""Silent shots as a network sees them: films brought to one size and rate, and rendered clips to learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
_STILL = 4.0  # of 255: the mean change of a block of 4 x 4 pixels that is no motion yet
MATERIALS = ("steel", "glass", "wood", "plastic", "ceramic", "rubber", "stone", "cardboard")


@dataclass(frozen=True)
class Clip:
    """A rendered clip and what is known of it.

    `frames` (T, 96, 96, 3) · `times` (H,) s, `strengths` (H,) m/s and `materials` (H,) of its hits, as indices into
    MATERIALS · `sizes` (H,) m, the longest side of what hit · `slides` (T,) m/s, the fastest of what slides or rolls ·
    `material` of the body that hits most, or slides; -1 where there is nothing that could be heard.
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
        known = np.array([MATERIALS.index(str(name)) for name in fields["materials"]], int)
        bodies = np.asarray(fields["bodies"], int)
        slides = np.asarray(fields["slides"], float)
        if not len(known):
            whole = -1
        elif len(bodies):
            whole = int(known[np.bincount(bodies, minlength=len(known)).argmax()])
        else:
            whole = int(known[slides.mean(1).argmax()])
        return Clip(
            np.asarray(fields["frames"], np.uint8), np.asarray(fields["times"], float),
            np.asarray(fields["strengths"], float), known[bodies], np.asarray(fields["sizes"], float)[bodies],
            slides.max(axis=0, initial=0.0), whole,
        )  # fmt: skip
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path} is no rendered clip: {error}. Make clips with examples/impact_clips.py.") from error


def load_clips(folder: str | Path, kind: str, needed: bool = True) -> list[Clip]:
    """The clips `kind`-*.npz of a folder. Raises InputError: there are none, though `needed`, or one is no clip."""
    paths = sorted(Path(folder).glob(f"{kind}-*.npz"))
    if not paths and needed:
        raise InputError(f"There are no clips {kind}-*.npz in {folder}; render some with examples/impact_clips.py.")
    return [load_clip(path) for path in paths]


class Film:
    """A film's frames at 30 a second, squared to 96 pixels with its edges continued, read as they are asked for.

    Iterating gives (96, 96, 3) arrays; where the film has fewer frames a second the last is held, as a player holds it.
    `length` s and `fps` are what the file says of itself, else 0 and 30. After iterating `seconds` is how long it was
    seen to be, `notes` sentences on what was odd about it, and `moves` whether anything did.

    Raises:
        InputError: at once or while iterating: the file is missing, no film, shorter than three frames, or longer than
            ten minutes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.length, self.fps, self.seconds, self.notes, self.moves = 0.0, float(FPS), 0.0, (), False
        if not self.path.is_file():
            raise InputError(f"There is no film {path}.")
        with self._opened() as film:
            if film.duration:
                self.length = film.duration / 1e6
            self.fps = float(film.streams.video[0].average_rate or FPS)
        self._check(self.length - 1)

    def __iter__(self) -> Iterator[Pictures]:
        count, shown, last, step = 0, 0, 0.0, 1 / self.fps
        before: Pictures | None = None
        self.moves = False
        try:
            with self._opened() as film:
                stream = film.streams.video[0]
                stream.thread_type = "AUTO"
                first = None
                for frame in film.decode(stream):
                    time = frame.time if frame.time is not None else shown * step
                    first = time if first is None else first
                    time, shown = time - first, shown + 1
                    self._check(time)
                    last = max(last, time)
                    if round(time * FPS) < count:
                        continue
                    # A frame is seen until the next one comes.
                    for _ in range(round(time * FPS) - count):
                        yield before if before is not None else _small(frame)
                        count += 1
                    picture = _small(frame)
                    self.moves = self.moves or (before is not None and _differ(before, picture))
                    before = picture
                    yield picture
                    count += 1
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            if shown < 3:
                raise self._unread(error) from error
            self.notes = (f"{self.path.name} is damaged: it ends after {last + step:.2f} s; the sound does too.",)
        if shown < 3:
            raise InputError(f"{self.path} has fewer than three frames; give a film in which something moves.")
        while count < round((last + step) * FPS) and before is not None:
            yield before
            count += 1
        self.seconds = last + step

    def _check(self, time: float) -> None:
        if time > LONGEST_SECONDS:
            raise InputError(f"{self.path} is longer than {LONGEST_SECONDS / 60:g} minutes; cut out the part you want.")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            film = av.open(str(self.path))
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            raise self._unread(error) from error
        with film:
            if not film.streams.video:
                raise InputError(f"{self.path} has no pictures; give an .mp4 or another film.")
            yield film

    def _unread(self, error: Exception) -> InputError:
        return InputError(f"Cannot read {self.path} as a film: {error}. Give an .mp4 or another film.")


def load_shot(path: str | Path) -> tuple[Pictures, float]:
    """All frames of a `Film`, (T, 96, 96, 3), and its length in seconds. Raises InputError."""
    film = Film(path)
    frames = np.stack(list(film))
    return frames, film.seconds


class Rows:
    """Rows that come bit by bit. In one array that doubles, since small ones that stay between a network's large ones
    that go keep the memory of the latter in pieces which none of the next fits into.
    """

    def __init__(self, expected: int = 0) -> None:
        self._expected, self._filled = max(1024, expected), 0
        self._values = np.empty((0, 0))

    def add(self, rows: NDArray[Any]) -> None:
        """(N, K), with the same K each time."""
        end = self._filled + len(rows)
        if end > len(self._values):
            grown = np.empty((max(self._expected, 2 * end), rows.shape[1]))
            grown[: self._filled] = self._values[: self._filled].reshape(self._filled, rows.shape[1])
            self._values = grown
        self._values[self._filled : end] = rows
        self._filled = end

    def all(self) -> NDArray[np.float64]:
        return self._values[: self._filled]


def windows(frames: Iterable[Pictures], step: int, before: int, after: int) -> Iterator[tuple[Pictures, slice]]:
    """A film in parts: (frames of a part, which of them count). What counts follows on each other, `step` at a time;
    ahead of it are up to `before` frames, and behind it up to `after`, which are there to be seen only.
    """
    held: list[Pictures] = []
    told = 0  # of those that are held
    for frame in frames:
        held.append(frame)
        if len(held) == told + step + after:
            yield np.stack(held), slice(told, told + step)
            del held[: max(0, told + step - before)]
            told = min(before, told + step)
    if len(held) > told:
        yield np.stack(held), slice(told, len(held))


def _differ(one: Pictures, other: Pictures) -> bool:
    """Whether two frames differ by more than what a codec does to a picture that stands still."""
    change = np.abs(one.astype(np.float32) - other).mean(2)
    blocks = change.reshape(SIZE // 4, 4, SIZE // 4, 4).mean((1, 3))
    return float(blocks.max()) > _STILL


def _small(frame: av.VideoFrame) -> Pictures:
    """A decoded frame, upright and squared."""
    ratio = float(getattr(frame, "sample_aspect_ratio", None) or 1)
    width, height = frame.width * ratio, frame.height
    scale = SIZE / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    small = frame.reformat(across, down, "rgb24", interpolation="AREA")
    picture = np.asarray(small.to_ndarray(), np.uint8)
    return squared(np.rot90(picture, round(frame.rotation / 90)))


def squared(picture: Pictures) -> Pictures:
    """(96, 96, 3): the whole of an (H, W, 3) picture, its edges continued above and below or left and right."""
    height, width = picture.shape[:2]
    scale = SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size != (width, height):
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    down, across = SIZE - size[1], SIZE - size[0]
    return np.pad(picture, ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)), mode="edge")
