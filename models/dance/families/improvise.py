# SPDX-License-Identifier: GPL-3.0-or-later
"""Improvise: an LSTM whose output is a mixture of Gaussians learns one motion in seconds, and goes on in its manner.

L. Crnkovic-Friis, L. Crnkovic-Friis, "Generative Choreography using Deep Learning" (chor-rnn), ICCC 2016; mixture
densities: C. M. Bishop, 1994. The temperature: A. Graves, "Generating Sequences with Recurrent Neural Networks", 2013.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ....rigs.errors import InputError
from ....rigs.job import Progress, part, silent
from ....rigs.motion import Motion
from ....rigs.skeleton import Rest
from ..lessons import Run, one_thread
from .latent import Latent

Array = NDArray[np.float64]

FPS = 20.0
STEPS = 500
_COMPONENTS, _HIDDEN, _MIXTURES = 16, 128, 4
_BATCH, _FRAMES, _NOISE = 12, 50, 0.12
_NARROWEST = 0.02


class Improviser(nn.Module):
    """Numbers (N, T, d) to the mixture of the step to the next: log weights, means and log deviations."""

    def __init__(self, size: int, hidden: int = _HIDDEN, mixtures: int = _MIXTURES) -> None:
        super().__init__()
        self.size, self.mixtures = size, mixtures
        self.lstm = nn.LSTM(size, hidden, batch_first=True)
        self.out = nn.Linear(hidden, mixtures * (1 + 2 * size))

    def forward(self, numbers: Tensor, state: Any = None) -> tuple[Tensor, Tensor, Tensor, Any]:
        values, state = self.lstm(numbers, state)
        made = self.out(values)
        weight, mean, deviation = made.split([self.mixtures, *[self.mixtures * self.size] * 2], dim=-1)
        shape = (*made.shape[:-1], self.mixtures, self.size)
        deviation = _NARROWEST + F.softplus(deviation - 2).reshape(shape)
        return F.log_softmax(weight, dim=-1), mean.reshape(shape), deviation, state

    def surprise(self, numbers: Tensor, steps: Tensor) -> Tensor:
        """Mean negative log likelihood of the steps (N, T, d) that follow the numbers."""
        weight, mean, deviation, _ = self(numbers)
        off = (steps[..., None, :] - mean) / deviation
        density = -0.5 * (off**2).sum(-1) - deviation.log().sum(-1) - 0.919 * self.size
        return -torch.logsumexp(weight + density, dim=-1).mean()

    @torch.no_grad()
    def drawn(self, before: Tensor, frames: int, temperature: float, limit: Tensor, seed: int) -> Tensor:
        """(frames, d) after (T, d), one after the other, each from the mixture that those before it make likely.

        The temperature scales the deviations and flattens the weights; at 0 the likeliest step is taken.
        """
        random = torch.Generator().manual_seed(seed)
        weight, mean, deviation, state = self(before[None])
        here, made = before[-1], []
        for _ in range(frames):
            odds = weight[0, -1] / max(temperature, 1e-3)
            which = int(torch.multinomial(odds.softmax(-1), 1, generator=random)) if temperature else int(odds.argmax())
            step = mean[0, -1, which]
            step = step + temperature * deviation[0, -1, which] * torch.randn(self.size, generator=random)
            here = (here + step).clamp(-limit, limit)
            made.append(here)
            weight, mean, deviation, state = self(here[None, None], state)
        return torch.stack(made)


def learned(numbers: Array, steps: int = STEPS, seed: int = 0, progress: Progress = silent) -> Improviser:
    """A net for numbers (T, d) of one motion."""
    torch.manual_seed(seed)
    given = torch.tensor(numbers, dtype=torch.float32)
    net = Improviser(given.shape[1])
    long = min(_FRAMES, len(given) - 1)

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng((seed, step))
        starts = rng.integers(len(given) - long, size=_BATCH)
        truth = torch.stack([given[at : at + long + 1] for at in starts])
        noise = _NOISE * torch.tensor(rng.normal(size=(_BATCH, long, truth.shape[2])), dtype=torch.float32)
        noise = noise * torch.tensor(rng.uniform(0, 1, (_BATCH, 1, 1)), dtype=torch.float32)
        # From where it has strayed to, it learns to come back.
        seen = truth[:, :-1] + noise
        return net.surprise(seen, truth[:, 1:] - seen)

    with one_thread():
        Run(net, steps, 4e-3).go(loss, progress, "Learning")
    return net


def improvised(
    motion: Motion, rest: Rest, seconds: float, temperature: float = 0.5, seed: int = 0, steps: int = STEPS,
    progress: Progress = silent,
) -> tuple[Motion, dict[str, Any]]:  # fmt: skip
    """What goes on where `motion` ends, `seconds` long, at its rate.

    Raises:
        InputError: a temperature outside 0..2, or less than 2 s of motion.
        Cancelled: progress raised it.
    """
    if not 0 <= temperature <= 2:
        raise InputError(f"The temperature must be between 0 and 2, not {temperature:g}.")
    if motion.seconds < 2:
        raise InputError(f"To improvise, 2 s of motion at least are learned from, not {motion.seconds:.2f} s.")
    slow = motion.resampled(FPS)
    latent = Latent.of([slow], rest, _COMPONENTS)
    numbers = latent.numbers(slow)
    net = learned(numbers, steps, seed, part(progress, 0.0, 0.9))
    limit = torch.tensor(1.1 * np.abs(numbers).max(axis=0), dtype=torch.float32)
    before = torch.tensor(numbers[-80:], dtype=torch.float32)
    made = net.drawn(before, max(2, round(seconds * FPS)) + 1, temperature, limit, seed).double().numpy()
    last = slow.slice(slow.seconds - 1.5 / FPS, slow.seconds)
    whole = latent.motion(np.concatenate([numbers[-1:], made]), slow, last)
    return whole, {"temperature": temperature}
