# SPDX-License-Identifier: GPL-3.0-or-later
"""A mouth that moves while the speech comes in: heard, decoded and articulated piece by piece, a fixed time late."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation import MouthSettings, articulate
from ...rigs.face import ARKIT_52
from ...rigs.phones import PHONES, Phones
from ..speech.decode import USUAL, Weights, scores
from ..speech.net import SpeechNet
from ..speech.stream import Frames, Listener
from . import natural

Array = NDArray[np.float64]

_FRAMES = 100
# How long a decision may wait for what comes after it, and how far the curves look ahead at decided phones, s.
_DECIDE, _AHEAD = 0.05, 0.04
# What is articulated anew with each piece: phones from so far back, s.
_BACK = 1.2


class LiveMouth:
    """`feed` it samples at 16 kHz as they come; it returns the (n, 52) weights that have become final.

    Frame t of all shows the sound at t / fps; it comes `latency` s after that sound, and what `feed` waited for.

    Raises:
        InputError: the look-ahead is none that the network was trained for, or the weights are missing.
    """

    def __init__(
        self,
        fps: float = 60.0,
        lookahead_ms: int = 120,
        *,
        settings: MouthSettings | None = None,
        weights: Weights = USUAL,
        net: SpeechNet | None = None,
    ) -> None:
        self.fps, self.settings = fps, settings or MouthSettings()
        self._listener = Listener(lookahead_ms, net)
        self._decoder = _Decoder(weights, round(_DECIDE * _FRAMES))
        self._natural = natural.shipped()
        self._heard: list[Array] = []  # what the motion of a captured face is guessed from; more than is decided
        self._effort: list[NDArray[np.float32]] = []
        self._loudness: list[NDArray[np.float32]] = []
        self._path = np.zeros(0, np.int64)  # decided phones from frame `_first` on
        self._first = 0
        self._given = 0

    @property
    def latency(self) -> float:
        """s from a sound to the frame that shows it."""
        return self._listener.latency + _DECIDE + _AHEAD

    def feed(self, samples: NDArray[np.float32]) -> Array:
        """Hear (n,) samples more, −1..1."""
        return self._show(self._hear(self._listener.feed(samples)), _AHEAD)

    def finish(self) -> Array:
        """The frames that are still missing."""
        decided = np.concatenate([self._hear(self._listener.finish()), self._decoder.rest()])
        return self._show(decided, 0.0)

    def _hear(self, frames: Frames) -> NDArray[np.int64]:
        if not len(frames):
            return np.zeros(0, np.int64)
        self._heard.append(natural.inputs(frames.posterior, frames.events, frames.effort))
        self._effort.append(frames.effort)
        self._loudness.append(frames.loudness)
        return self._decoder.feed(scores(frames.posterior, frames.events, self._decoder.weights))

    def _show(self, decided: NDArray[np.int64], ahead: float) -> Array:
        self._path = np.concatenate([self._path, decided])
        known = self._first + len(self._path)
        last = int(np.floor((known / _FRAMES - ahead) * self.fps)) if known else 0
        if last <= self._given:
            return np.zeros((0, len(ARKIT_52)))
        start = self._first / _FRAMES
        seconds = len(self._path) / _FRAMES
        # The frames' raster begins where the phones that are kept do.
        frame = round(start * self.fps)
        motion = self._natural.motion(np.concatenate(self._heard))[: len(self._path)]
        made = articulate(
            _phones(self._path, frame / self.fps - start), seconds, self.fps, effort=self._kept(self._effort),
            loudness=self._kept(self._loudness), motion=motion, settings=self.settings, since=self._given - frame,
        )  # fmt: skip
        new = made[: last - self._given]
        self._given += len(new)
        self._forget(known)
        return new

    def _kept(self, pieces: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.concatenate(pieces)[: len(self._path)]

    def _forget(self, known: int) -> None:
        """Drop what lies far back, by whole frames, so that memory and work stay the same for ever."""
        wanted = int((self._given / self.fps - _BACK) * _FRAMES)
        drop = wanted - self._first
        if drop < 50 or wanted >= known:
            return
        self._path, self._first = self._path[drop:], wanted
        self._heard[:] = [np.concatenate(self._heard)[drop:]]
        for pieces in (self._effort, self._loudness):
            pieces[:] = [np.concatenate(pieces)[drop:]]


class _Decoder:
    """Viterbi as in `decode`, that decides about each frame `lag` frames later."""

    def __init__(self, weights: Weights, lag: int) -> None:
        self.weights, self.lag = weights, lag
        self._score: NDArray[np.float32] | None = None
        self._back: list[NDArray[np.int64]] = []

    def feed(self, scored: NDArray[np.float32]) -> NDArray[np.int64]:
        """(n,) phones decided with (m, P) scores more."""
        decided = []
        for row in scored:
            if self._score is None:
                self._score = row.copy()
                self._back.append(np.arange(len(row)))
            else:
                best = int(self._score.argmax())
                moved = self._score[best] - self.weights.change
                self._back.append(np.where(self._score >= moved, np.arange(len(row)), best))
                score = np.maximum(self._score, moved) + row
                self._score = score - score.max()
            if len(self._back) > self.lag:
                decided.append(self._trace()[0])
                del self._back[0]
        return np.array(decided, np.int64)

    def rest(self) -> NDArray[np.int64]:
        return np.array(self._trace() if self._back else [], np.int64)

    def _trace(self) -> list[int]:
        """The best phones of the frames that are not decided, in order."""
        assert self._score is not None
        at = int(self._score.argmax())
        path = [at]
        for back in reversed(self._back[1:]):
            at = int(back[at])
            path.append(at)
        return path[::-1]


def _phones(path: NDArray[np.int64], earlier: float) -> Phones:
    """Timed phones of frames at 100 Hz, all of them `earlier` s earlier."""
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    rows = [
        (max(a / _FRAMES - earlier, 0.0), b / _FRAMES - earlier, PHONES[path[a]])
        for a, b in pairwise(edges)
        if b > a and path[a] != 0 and b / _FRAMES - earlier > 1e-3
    ]
    return Phones.of(rows)
