# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognition as the sound comes in: the offline network with its look-ahead limited, its layers keeping the past.

What comes out does not depend on how the sound was cut into pieces. Pieces are small, so what torch and numpy spend on
a call counts more than the sums do: there are few calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn import functional as F

from ...rigs.errors import InputError
from . import features
from .augment import level_gain
from .features import FRAMES, HOP, RATE, REACH
from .net import LIMITS, PAIR, STEP_MS, Layer, SpeechNet
from .recogniser import shipped, tilt

Array = NDArray[np.float32]

_MEMORY = 20 * FRAMES  # frames whose loudness says how loud the voice is
_QUIETEST_DB = -52.0  # what is quieter than this all along is no voice, and not made loud
_EXPECTED_DB = -26.0  # the voice, before any was heard
_ANEW = 20  # frames after which it is asked again how loud the voice is
_SLOW = 0.04  # how fast the gain follows, a frame
# Frames over which effort is smoothed: loudness, tilt (twice _EITHER and one), whether it is speech (only back).
_LOUD, _EITHER, _SPOKEN = 15, 12, 5
_EXPECTED_TILT, _DOUBT = 2.0, 20  # dB, before any voice was heard, and for how many frames this stands


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
    curves: Array

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
        self.net = (net or shipped()).cpu()
        self.limit = lookahead_ms
        with torch.inference_mode():
            hears = self.net.ahead(lookahead_ms)
            self._layers = [_Memory(layer, ahead) for layer, ahead in zip(self.net.blocks, hears, strict=True)]
            self._entered = self.net.enter.bias + self.net.limit.weight[LIMITS.index(lookahead_ms)]
        self._delay = self.net.reach(lookahead_ms)[1]
        self._samples = np.zeros(REACH, np.float32)  # not yet heard, and what the next frame hears before them
        self._heard = np.zeros((0, features.WIDTH), np.float32)  # frames that do not fill a step
        self._level = RunningLevel()
        # Loudness, tilt, voicing and pitch of the frames that are not final, and of some before.
        self._waiting = np.zeros((_EITHER, 4), np.float32)
        self._usual = _Usual()
        self._speech = np.zeros(_SPOKEN - 1, np.float32)  # of the last final frames
        self._given, self._began = 0, False

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
        level = frame_levels(cut)
        heard = features.framed_features(cut, self._level.feed(level))
        told = np.concatenate([level[:, None], tilt(heard)[:, None], heard[:, features.BANDS + 1 :]], axis=1)
        if not self._began:
            self._waiting[:, :2], self._began = told[0, :2], True
        self._waiting = np.concatenate([self._waiting, told])
        heard = np.concatenate([self._heard, heard])
        whole = len(heard) // PAIR * PAIR
        self._heard = heard[whole:]
        if not whole:
            return self._nothing()
        with torch.inference_mode():
            pairs = torch.from_numpy(heard[:whole].reshape(whole // PAIR, -1))
            x = F.linear(pairs, self.net.enter.weight, self._entered)
            for layer in self._layers:
                x = layer(x)
                if not len(x):
                    return self._nothing()
            said, seen, moved = self.net.left(x[None])
            posterior, events = said.softmax(2)[0].numpy(), seen.sigmoid()[0].numpy()
            curves = moved[0].clamp(0, 1).numpy()
        return self._frames(posterior, events, curves)

    def finish(self) -> Frames:
        """The frames that are still missing, as if silence followed."""
        first = self._given
        waiting = len(self._waiting) - _EITHER + (len(self._samples) - REACH) // HOP
        rest = self.feed(np.zeros(round(self.latency * RATE) + PAIR * HOP, np.float32))
        values = (rest.posterior, rest.events, rest.effort, rest.speech, rest.f0, rest.loudness, rest.curves)
        return Frames(first, *(value[:waiting] for value in values))

    def _frames(self, posterior: Array, events: Array, curves: Array) -> Frames:
        count = len(posterior)
        level, _, voicing, pitch = self._waiting[_EITHER : _EITHER + count].T
        speech = 1.0 - posterior[:, 0]
        effort = self._effort(speech)
        self._waiting = self._waiting[count:]
        voiced = (voicing > 0.5) & (level > -60) & (speech > 0.3)
        f0 = np.where(voiced, 150.0 * 2.0**pitch, 0.0).astype(np.float32)
        first, self._given = self._given, self._given + count
        return Frames(first, posterior, events, effort, speech, f0, level, curves)

    def _effort(self, speech: Array) -> Array:
        """(n,) as recogniser's of the n frames that are final now, against what was usual until then."""
        count = len(speech)
        around = self._waiting[: count + 2 * _EITHER, :2]
        if len(around) < count + 2 * _EITHER:  # with a short look-ahead the last frame stands for those to come
            around = np.concatenate([around, around[-1:].repeat(count + 2 * _EITHER - len(around), 0)])
        inner = around[_EITHER - _LOUD // 2 : len(around) - _EITHER + _LOUD // 2, 0]
        loud, keen = _running_mean(inner, _LOUD), _running_mean(around[:, 1], 2 * _EITHER + 1)
        usual = self._usual.feed(np.stack([loud, keen], axis=1), speech > 0.5)
        past = np.concatenate([self._speech, speech])
        self._speech = past[count:]
        made = expit((loud - usual[:, 0]) / 8 + 0.5 * (keen - usual[:, 1]) / 12)
        return (made * _running_mean(past, _SPOKEN)).astype(np.float32)

    def _nothing(self) -> Frames:
        empty = np.zeros(0, np.float32)
        phones, events, curves = (np.zeros((0, size), np.float32) for size in self.net.heads)
        return Frames(self._given, phones, events, empty, empty, empty, empty, curves)


def frame_levels(padded: Array) -> Array:
    """(T,) dB of the frames of samples that begin REACH before the first and end REACH after the last one."""
    count = (len(padded) - 2 * REACH) // HOP
    blocks = padded[REACH : REACH + count * HOP].reshape(count, HOP)
    return (10 * np.log10(np.einsum("ij,ij->i", blocks, blocks) / HOP + 1e-9)).astype(np.float32)


def _running_mean(values: Array, over: int) -> Array:
    return np.convolve(values, np.full(over, 1 / over, np.float32), "valid")


class RunningLevel:
    """The gain that brings a voice to the usual level, by all that has been heard of it."""

    def __init__(self) -> None:
        self._past = np.zeros(_MEMORY, np.float32)  # in no order once it is full
        self._count = 0
        self._gain = self._wanted = float(10 ** ((features.LEVEL_DB - _EXPECTED_DB) / 20))

    def feed(self, level: Array) -> Array:
        """(n,) gain at each of n frames more, of their (n,) dB."""
        gains = np.empty(len(level), np.float32)
        for at, value in enumerate(level):
            self._past[self._count % _MEMORY] = value
            self._count += 1
            if self._count % _ANEW == 0:
                known = self._past[: self._count]
                loud = known[known > _QUIETEST_DB]
                # A second of the expected voice, so that the first sounds do not decide alone.
                expected = np.full(max(FRAMES - len(loud), 0), _EXPECTED_DB, np.float32)
                self._wanted = float(level_gain(np.concatenate([loud, expected])))
            self._gain += _SLOW * (self._wanted - self._gain)
            gains[at] = self._gain
        return gains


class _Usual:
    """The medians of loudness and tilt where there was speech so far."""

    def __init__(self) -> None:
        self._past = np.zeros((_MEMORY, 2), np.float32)
        self._past[:_DOUBT] = _EXPECTED_DB, _EXPECTED_TILT
        self._spoken, self._count = _DOUBT, 0
        self._now = self._past[0].copy()

    def feed(self, values: Array, spoken: NDArray[np.bool_]) -> Array:
        """(n, 2) medians at each of n frames more, of their (n, 2) values and whether they are speech."""
        made = np.empty_like(values)
        for at, (value, speech) in enumerate(zip(values, spoken, strict=True)):
            if speech:
                self._past[self._spoken % _MEMORY] = value
                self._spoken += 1
            self._count += 1
            if self._count % _ANEW == 0:
                self._now = np.median(self._past[: self._spoken], axis=0)
            made[at] = self._now
        return made


class _Memory:
    """A layer with the steps that it has yet to hear."""

    def __init__(self, layer: Layer, ahead: bool) -> None:
        self.dilation, self.ahead = layer.dilation, ahead
        self.width = layer.norm.normalized_shape[0]
        self.norm = layer.norm.weight, layer.norm.bias, layer.norm.eps
        self.taps = 3 if ahead else 2
        self.mix = layer.mix.weight[:, : self.taps * self.width].contiguous(), layer.mix.bias
        self.out = layer.out.weight, layer.out.bias
        self.normed = torch.zeros(self.dilation, self.width)
        self.waiting = torch.zeros(0, self.width)

    def __call__(self, x: Tensor) -> Tensor:
        """The steps that are complete with (n, width) more."""
        d = self.dilation
        weight, bias, eps = self.norm
        y = torch.cat([self.normed, torch.layer_norm(x, (self.width,), weight, bias, eps)])
        steps = x.shape[0]
        if self.ahead:
            x = torch.cat([self.waiting, x])
            steps = x.shape[0] - d
            if steps <= 0:
                self.waiting, self.normed = x, y
                return x[:0]
            self.waiting = x[steps:]
            x = x[:steps]
        self.normed = y[steps:]
        # Each row the steps t − d, t and t + d, side by side.
        heard = y.as_strided((steps, self.taps, self.width), (self.width, d * self.width, 1)).flatten(1)
        return F.linear(F.glu(F.linear(heard, *self.mix), 1), *self.out).add_(x)
