# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognition as the sound comes in: the offline network with its look-ahead limited, its layers keeping the past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...rigs.errors import InputError
from . import features
from .augment import level_gain
from .features import FRAMES, HOP, RATE, REACH
from .net import LIMITS, PAIR, STEP_MS, Layer, SpeechNet
from .recogniser import shipped

Array = NDArray[np.float32]

_MEMORY = 20 * FRAMES  # frames whose loudness says how loud the voice is
_QUIETEST_DB = -52.0  # what is quieter than this all along is no voice, and not made loud
_EXPECTED_DB = -26.0  # the voice, before any was heard
_SLOW = 0.15  # how fast the gain follows, a feed


@dataclass(frozen=True)
class Frames:
    """What has become final, at 100 Hz: frame 0 of it is frame `first` of the sound. As in recogniser.Heard."""

    first: int
    posterior: Array
    events: Array
    effort: Array
    speech: Array
    f0: Array
    loudness: Array

    def __len__(self) -> int:
        return len(self.posterior)


class Listener:
    """Hears samples at 16 kHz as they come; `feed` returns the frames that have become final.

    A frame is final `latency` s after its sound has come in, and `feed` may be called with any number of samples: the
    fewer, the sooner, and the more work. 20 to 60 ms are a good choice.

    Raises:
        InputError: the look-ahead is none that the network was trained for, or the weights are missing.
    """

    def __init__(self, lookahead_ms: int = 120, net: SpeechNet | None = None) -> None:
        if lookahead_ms not in LIMITS:
            known = ", ".join(str(limit) for limit in LIMITS if limit)
            raise InputError(f"A stream cannot look {lookahead_ms} ms ahead; choose {known}.")
        self.net = net or shipped()
        self.limit = lookahead_ms
        self._layers = [
            _Memory(layer, hears) for layer, hears in zip(self.net.blocks, self.net.ahead(lookahead_ms), strict=True)
        ]
        self._delay = self.net.reach(lookahead_ms)[1]
        self._samples = np.zeros(REACH, np.float32)  # not yet heard, and what the next frame hears before them
        self._heard = np.zeros((0, features.WIDTH), np.float32)  # frames that do not fill a step
        self._level: list[Array] = []
        self._gain = float(10 ** ((features.LEVEL_DB - _EXPECTED_DB) / 20))
        self._waiting: list[Array] = []  # loudness, voicing and pitch of the frames that are not final
        self._given = 0
        self._usual = _EXPECTED_DB

    @property
    def latency(self) -> float:
        """s from a sound to its frame being final, without what `feed` was still waiting for and what it computes."""
        return self._delay * STEP_MS / 1000 + (PAIR * HOP + REACH) / RATE

    def feed(self, samples: Array) -> Frames:
        """Hear (n,) samples more, −1..1."""
        samples = np.nan_to_num(np.asarray(samples, np.float32))
        self._samples = np.concatenate([self._samples, samples])
        count = (len(self._samples) - 2 * REACH) // HOP
        if count <= 0:
            return self._nothing()
        cut = self._samples[: count * HOP + 2 * REACH]
        self._samples = self._samples[count * HOP :]
        blocks = cut[REACH : REACH + count * HOP].reshape(count, HOP)
        level = (10 * np.log10(np.mean(blocks**2, axis=1) + 1e-9)).astype(np.float32)
        before = self._gain
        self._follow(level)
        gains = np.linspace(before, self._gain, len(cut), dtype=np.float32)
        heard = features.framed_features(cut * gains)
        self._waiting.append(np.concatenate([level[:, None], heard[:, features.BANDS + 1 :]], axis=1))
        heard = np.concatenate([self._heard, heard])
        whole = len(heard) // PAIR * PAIR
        self._heard = heard[whole:]
        if not whole:
            return self._nothing()
        with torch.inference_mode():
            x = self.net.entered(torch.from_numpy(heard[:whole])[None], self.limit)
            for layer in self._layers:
                x = layer(x)
                if not x.shape[1]:
                    return self._nothing()
            said, seen, _ = self.net.left(x)
            posterior, events = said.softmax(2)[0].numpy(), seen.sigmoid()[0].numpy()
        return self._frames(posterior, events)

    def finish(self) -> Frames:
        """The frames that are still missing, as if silence followed."""
        first = self._given
        waiting = sum(len(x) for x in self._waiting) + (len(self._samples) - REACH) // HOP
        rest = self.feed(np.zeros(round(self.latency * RATE) + PAIR * HOP, np.float32))
        values = (rest.posterior, rest.events, rest.effort, rest.speech, rest.f0, rest.loudness)
        return Frames(first, *(value[:waiting] for value in values))

    def _follow(self, level: Array) -> None:
        self._level.append(level)
        while sum(map(len, self._level)) - len(self._level[0]) > _MEMORY:
            self._level.pop(0)
        known = np.concatenate(self._level)
        loud = known[known > _QUIETEST_DB]
        # A second of the expected voice, so that the first sounds do not decide alone.
        expected = np.full(max(FRAMES - len(loud), 0), _EXPECTED_DB, np.float32)
        wanted = float(level_gain(np.concatenate([loud, expected])))
        self._gain += _SLOW * (wanted - self._gain)
        if len(loud):
            self._usual += 0.02 * (float(np.median(loud)) - self._usual)

    def _frames(self, posterior: Array, events: Array) -> Frames:
        count = len(posterior)
        waiting = np.concatenate(self._waiting)
        level, voicing, pitch = waiting[:count].T
        self._waiting = [waiting[count:]]
        speech = 1.0 - posterior[:, 0]
        effort = (speech / (1.0 + np.exp(-(level - self._usual) / 8.0))).astype(np.float32)
        voiced = (voicing > 0.5) & (level > -60) & (speech > 0.3)
        f0 = np.where(voiced, 150.0 * 2.0**pitch, 0.0).astype(np.float32)
        first, self._given = self._given, self._given + count
        return Frames(first, posterior, events, effort, speech, f0, level)

    def _nothing(self) -> Frames:
        empty = np.zeros(0, np.float32)
        phones, events, _ = self.net.heads
        return Frames(self._given, np.zeros((0, phones), np.float32), np.zeros((0, events), np.float32), *[empty] * 4)


class _Memory:
    """A layer with the steps that it has yet to hear."""

    def __init__(self, layer: Layer, ahead: bool) -> None:
        self.layer, self.ahead = layer, ahead
        width = layer.norm.normalized_shape[0]
        self.normed = torch.zeros(1, layer.dilation, width)
        self.waiting = torch.zeros(1, 0, width)

    def __call__(self, x: Tensor) -> Tensor:
        """The steps that are complete with (1, n, width) more."""
        d = self.layer.dilation
        x = torch.cat([self.waiting, x], 1)
        self.normed = torch.cat([self.normed, self.layer.norm(x[:, self.waiting.shape[1] :])], 1)
        steps = x.shape[1] - (d if self.ahead else 0)
        if steps <= 0:
            self.waiting = x
            return x[:, :0]
        made = x[:, :steps] + self.layer.gated(self.normed, steps, self.ahead)
        self.waiting = x[:, steps:]
        self.normed = self.normed[:, steps:]
        return made
