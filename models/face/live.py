# SPDX-License-Identifier: GPL-3.0-or-later
"""A mouth that moves while the speech comes in: heard, decoded and articulated piece by piece, a fixed time late."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation import MouthSettings, articulate
from ...rigs.articulation_natural import MOTION
from ...rigs.face import ARKIT_52
from ...rigs.phones import PHONES, those
from ..speech.decode import USUAL, Weights, scores, timed, without_flickers
from ..speech.net import SpeechNet
from ..speech.stream import Frames, Listener
from . import natural

Array = NDArray[np.float64]

_FRAMES = 100
LOOKAHEAD_MS = 120  # of the network
# How long a decision may wait for what comes after it, and how far the curves look ahead at decided phones, s.
_DECIDE, _AHEAD = 0.04, 0.01
# What is articulated anew with each piece: phones from so far back, s; frames that are forgotten together.
_BACK, _EVERY = 0.8, 20
_REMEMBERED = 2000  # frames of vowels whose loudness says how loud a vowel usually is
_IS_VOWEL = np.array([name in those("vowel") for name in PHONES])


class LiveMouth:
    """`feed` it samples at 16 kHz as they come; it returns the (n, 52) weights that have become final.

    Frame t of all shows the sound at t / fps; it comes `latency` s after that sound, and what `feed` waited for.

    Raises:
        InputError: the look-ahead is none that the network was trained for, or the weights are missing.
    """

    def __init__(
        self,
        fps: float = 60.0,
        lookahead_ms: int = LOOKAHEAD_MS,
        *,
        settings: MouthSettings | None = None,
        weights: Weights = USUAL,
        net: SpeechNet | None = None,
    ) -> None:
        self.fps, self.settings = fps, settings or MouthSettings()
        self._listener = Listener(lookahead_ms, net)
        self._decoder = _Decoder(weights, round(_DECIDE * _FRAMES))
        self._guess = _Guess(natural.shipped())
        self._effort = self._loudness = np.zeros(0, np.float32)  # from frame `_first` on, and more than is decided
        self._path = np.zeros(0, np.int64)  # decided phones from frame `_first` on
        self._vowels = np.zeros(0, np.float32)  # dB of the frames of the last vowels
        self._first = 0
        self._given = 0

    @property
    def latency(self) -> float:
        """s from a sound to the frame that shows it, without what `feed` was still waiting for and what it computes."""
        return self._listener.latency + _DECIDE + _AHEAD

    def feed(self, samples: NDArray[np.float32]) -> Array:
        """Hear (n,) samples more, −1..1."""
        return self._show(self._hear(self._listener.feed(samples)), _AHEAD)

    def finish(self) -> Array:
        """The frames that are still missing."""
        heard = self._hear(self._listener.finish())
        decided = np.concatenate([heard, self._decoder.undecided()])
        self._decoder.forget()
        return self._show(decided, 0.0)

    def _hear(self, frames: Frames) -> NDArray[np.int64]:
        if not len(frames):
            return np.zeros(0, np.int64)
        self._guess.feed(natural.inputs(frames.posterior, frames.events, frames.effort, frames.curves))
        self._effort = np.concatenate([self._effort, frames.effort])
        self._loudness = np.concatenate([self._loudness, frames.loudness])
        return self._decoder.feed(scores(frames.posterior, frames.events, self._decoder.weights))

    def _show(self, decided: NDArray[np.int64], ahead: float) -> Array:
        before, self._path = len(self._path), np.concatenate([self._path, decided])
        spoken = self._loudness[before : len(self._path)][_IS_VOWEL[decided]]
        if len(spoken):
            self._vowels = np.concatenate([self._vowels, spoken])[-_REMEMBERED:]
        known = self._first + len(self._path)
        last = int(np.floor((known / _FRAMES - ahead) * self.fps)) if known else 0
        if last <= self._given:
            return np.zeros((0, len(ARKIT_52)))
        # The lips make ready for what is probably said next.
        path = np.concatenate([self._path, self._decoder.undecided()])
        long = len(path)
        # The frames' raster begins where the phones that are kept do.
        start = self._first / _FRAMES
        frame = round(start * self.fps)
        phones = timed(without_flickers(path), self._effort[:long]).shifted(start - frame / self.fps)
        made = articulate(
            phones, long / _FRAMES, self.fps, effort=self._effort[:long], loudness=self._loudness[:long],
            usual=float(np.median(self._vowels)) if len(self._vowels) else None,
            motion=self._guess.motion(long) if self.settings.natural else None, settings=self.settings,
            since=self._given - frame,
        )  # fmt: skip
        new = made[: last - self._given]
        self._given += len(new)
        self._forget(known)
        return new

    def _forget(self, known: int) -> None:
        """Drop what lies far back, by whole frames, so that memory and work stay the same for ever."""
        wanted = int((self._given / self.fps - _BACK) * _FRAMES)
        drop = wanted - self._first
        if drop < _EVERY or wanted >= known:
            return
        self._first = wanted
        self._path, self._effort, self._loudness = self._path[drop:], self._effort[drop:], self._loudness[drop:]
        self._guess.forget(drop)


class _Guess:
    """A captured face's motion, guessed for each frame once, when all has been heard that it is guessed from."""

    def __init__(self, by: natural.Natural) -> None:
        self._by = by
        self._heard: Array | None = None  # what the frames that are not final are guessed from, and some before
        self._before = 0  # rows of `_heard` that are only looked back at
        self._made = np.zeros((0, len(MOTION)))  # of all frames that are not forgotten
        self._final = 0  # how many of them no longer change

    def feed(self, heard: Array) -> None:
        """(n, F) of `natural.inputs` more."""
        rows = heard if self._heard is None else np.concatenate([self._heard, heard])
        made = self._by.motion(rows)[self._before :]
        self._made = np.concatenate([self._made[: self._final], made])
        ready = max(len(made) - natural.AHEAD, 0)
        drop = max(self._before + ready - natural.BACK, 0)
        self._heard, self._before = rows[drop:], self._before + ready - drop
        self._final += ready

    def motion(self, count: int) -> Array:
        """(count, M) from the first frame that is not forgotten on; the last ones as if nothing changed any more."""
        return self._made[:count]

    def forget(self, count: int) -> None:
        self._made, self._final = self._made[count:], self._final - count


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

    def undecided(self) -> NDArray[np.int64]:
        """(n,) phones of the frames that are not decided, as they look now."""
        return np.array(self._trace() if self._back else [], np.int64)

    def forget(self) -> None:
        """Let the frames that are not decided be gone."""
        self._back.clear()

    def _trace(self) -> list[int]:
        """The best phones of the frames that are not decided, in order."""
        assert self._score is not None
        at = int(self._score.argmax())
        path = [at]
        for back in reversed(self._back[1:]):
            at = int(back[at])
            path.append(at)
        return path[::-1]
