# SPDX-License-Identifier: GPL-3.0-or-later
"""Vary: GrooveNet's factored conditional Boltzmann machine on one motion, or on two, whose styles gate it.

G. Taylor, G. Hinton, "Factored Conditional Restricted Boltzmann Machines for Modeling Motion Style", ICML 2009: the
context is a label for each style, and in between it is a mixture of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from ....rigs.errors import InputError
from ....rigs.families.space import PATH
from ....rigs.job import Progress, part, silent
from ....rigs.motion import Motion
from ....rigs.skeleton import Rest
from ..groove import FCRBM, FEATURES, Config
from ..lessons import Run, one_thread
from .latent import Latent

Array = NDArray[np.float64]

FPS = 20.0
STEPS = 1200
_COMPONENTS, _ORDER, _BATCH, _ANEW = 16, 8, 64, 0.02
_SMOOTHING = 1.0  # frames
_BLUR = 0.25  # standard deviation, of the labels in training
_CALM = 4.0  # the latent numbers are this many deviations of the visible units


def label(style: float) -> Tensor:
    """(1, 84): how much of the first style and of the second."""
    made = torch.zeros(1, FEATURES)
    made[0, :2] = torch.tensor([1 - style, style])
    return made


def learned(clips: Sequence[Array], steps: int = STEPS, seed: int = 0, progress: Progress = silent) -> FCRBM:
    """A machine of the numbers (T, d) of one clip, or two of other styles, by contrastive divergence.

    As GrooveNet's own training it goes on from what the machine has made itself, and so learns to come back.
    """
    torch.manual_seed(seed)
    data = [torch.tensor(clip, dtype=torch.float32) * _CALM for clip in clips]
    size = data[0].shape[1]
    net = FCRBM(Config(components=size, order=_ORDER, hidden=80, factors=80, context=4, gibbs=2))
    net.heard_scale.fill_(1.0)
    net.limit.copy_(1.1 * torch.cat(data).abs().amax(0))
    rng = np.random.default_rng(seed)
    clip_of, at = np.zeros(_BATCH, int), np.zeros(_BATCH, int)
    past = torch.zeros(_BATCH, _ORDER, size)
    labels = torch.cat([label(float(k)) for k in range(2)])

    def begin(streams: Any) -> None:
        for k in streams:
            clip_of[k] = rng.integers(len(data))
            at[k] = rng.integers(_ORDER, len(data[clip_of[k]]))
            past[k] = data[clip_of[k]][at[k] - _ORDER : at[k]]

    begin(range(_BATCH))

    def loss(_: int) -> Tensor:
        nonlocal past
        over = [k for k in range(_BATCH) if at[k] >= len(data[clip_of[k]])]
        begin([*over, *np.flatnonzero(rng.random(_BATCH) < _ANEW)])
        truth = torch.stack([data[clip_of[k]][at[k]] for k in range(_BATCH)])
        # Labels between the two, and beyond, lead nowhere unless they have been near in training.
        heard = labels[clip_of]
        heard[:, :2] += _BLUR * torch.tensor(rng.normal(size=(_BATCH, 2)), dtype=torch.float32)
        value = net.contrastive_divergence(truth, past, heard)
        past = net.step(heard, past, None)[1]
        at[:] += 1
        return value

    with one_thread():
        Run(net, steps, 2e-3).go(loss, progress, "Learning")
    return net


def gone_on(net: FCRBM, before: Array, frames: int, style: float, seed: int) -> Array:
    """(frames, d) after (T, d), drawn frame by frame."""
    past = torch.tensor(before[-_ORDER:], dtype=torch.float32)[None] * _CALM
    heard, random, made = label(style), torch.Generator().manual_seed(seed), []
    for _ in range(frames):
        v, past = net.step(heard, past, random)
        made.append(v[0])
    return (torch.stack(made) / _CALM).double().numpy()


def varied(
    motion: Motion, rest: Rest, seconds: float, other: Motion | None = None, mix: float = 0.0, seed: int = 0,
    steps: int = STEPS, progress: Progress = silent,
) -> tuple[Motion, dict[str, Any]]:  # fmt: skip
    """What goes on where `motion` ends, `seconds` long, in its style (mix 0), the other's (1), or between.

    Raises:
        InputError: a mix outside 0..1 or without the other; less than 2 s of motion.
        Cancelled: progress raised it.
    """
    if not 0 <= mix <= 1:
        raise InputError(f"The mix must be between 0 and 1, not {mix:g}.")
    if mix and other is None:
        raise InputError("A mix needs another motion beside this one; give one, or set the mix to 0.")
    clips = [motion.resampled(FPS)] + ([other.resampled(FPS)] if other is not None else [])
    if min(clip.seconds for clip in clips) < 2:
        raise InputError("To vary a motion, 2 s of it at least are learned from; give a longer one.")
    latent = Latent.of(clips, rest, _COMPONENTS)
    # The poses alone: the feet make the way of them, where it would soon become a spin. It keeps its heading.
    numbers = [latent.numbers(clip)[:, :-PATH] for clip in clips]
    net = learned(numbers, steps, seed, part(progress, 0.0, 0.9))
    # Where the other's style is the stronger, its last frames are the past that leads into it.
    before = numbers[-1] if mix > 0.5 else numbers[0]
    made = gone_on(net, before, max(2, round(seconds * FPS)) + 1, mix, seed)
    # What is drawn trembles.
    calm = gaussian_filter1d(np.concatenate([before[-1:], made]), _SMOOTHING, axis=0, mode="nearest")
    calm = np.concatenate([calm, np.tile(-latent.centre / latent.spread[-PATH:], (len(calm), 1))], axis=1)
    last = clips[0].slice(clips[0].seconds - 1.5 / FPS, clips[0].seconds)
    return latent.motion(calm, clips[0], last), {"mix": mix}
