# SPDX-License-Identifier: GPL-3.0-or-later
"""GrooveNet: dance to sound as it comes in, one frame at a time.

O. Alemi, J. Françoise, P. Pasquier, "GrooveNet: Real-Time Music-Driven Dance Movement Generation using Artificial
Neural Networks", ACM SIGKDD 2017 Workshop on Machine Learning for Creativity.

A factored conditional restricted Boltzmann machine (Taylor, Hinton, "Factored conditional restricted Boltzmann machines
for modeling motion style", ICML 2009) draws the next pose given the last 30, and the sound gates how its parts work
together. What is drawn differs with the seed. Beside it stands the paper's second model, a recurrent net, which draws
nothing by chance. Both are stepped 60 times a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn

from ...rigs.beats import Beats
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from ..audio.live import FEATURES, FPS, live_features
from ..device import choose
from .lessons import (
    WEIGHTS,
    Lesson,
    Run,
    before_the_dance,
    delivered,
    figures,
    first_downbeat,
    load_nets,
    prepared,
    train_styles,
)
from .melody import JOINTS

Array = NDArray[np.float64]
PATH = WEIGHTS / "dance_groove.safetensors"
STYLES = ("pop", "pop_rnn")
STEPS = {"fcrbm": 3500, "rnn": 500}
SONGS, HELD_OUT = range(8), range(20, 22)
_BATCH, _ANEW = 128, 0.004  # streams, and how likely one begins anew at a frame
_DRAWN = 1.0, 0.1  # standard deviation with which visible units are drawn, in use and in training
_SMOOTHING = 3.0  # frames, Gaussian
_STREAMS, _FRAMES, _PASSES = 12, 240, 3  # of the recurrent net


@dataclass(frozen=True)
class Config:
    """The published FCRBM has 500 hidden units, 500 factors and order 30; its visible units are joint rotations."""

    model: str = "fcrbm"
    components: int = 16  # principal components of the joint positions, the visible units
    order: int = 30
    hidden: int = 200
    factors: int = 200
    context: int = 48
    gibbs: int = 3  # steps for a frame
    rnn: int = 160


class Groove(nn.Module):
    """What both models share: principal components, and the scale of the features."""

    mean: Tensor
    basis: Tensor
    spread: Tensor
    heard_mean: Tensor
    heard_scale: Tensor
    beginning: Tensor
    limit: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        motion, size = 3 * len(JOINTS), config.components
        for name, shape in (
            ("mean", (motion,)), ("basis", (size, motion)), ("spread", (size,)), ("heard_mean", (FEATURES,)),
            ("heard_scale", (FEATURES,)), ("beginning", (config.order, size)), ("limit", (size,)),
        ):  # fmt: skip
            self.register_buffer(name, torch.zeros(shape))

    def learn_scales(self, lessons: list[Lesson]) -> None:
        motion = torch.tensor(np.concatenate([one.motion for one in lessons]))
        heard = torch.tensor(np.concatenate([one.features for one in lessons]))
        self.mean.copy_(motion.mean(0))
        _, size, basis = torch.linalg.svd((motion - self.mean)[::4], full_matrices=False)
        self.basis.copy_(basis[: self.config.components])
        # Between metres and equal variances: small movements count more than their size, but less than large ones.
        self.spread.copy_((size[: self.config.components] / (len(motion) / 4) ** 0.5).clamp(min=1e-3) ** 0.5 * 0.3)
        self.heard_mean.copy_(heard.mean(0))
        self.heard_scale.copy_(heard.std(0).clamp(min=1e-3))
        # No frame leaves the range of those that were learned from, so that no error can grow for long.
        self.limit.copy_(1.2 * self.squeezed(motion).abs().amax(0))
        begun = [self.squeezed(torch.tensor(one.motion[: self.config.order])) for one in lessons]
        self.beginning.copy_(torch.stack(begun).mean(0))

    def squeezed(self, motion: Tensor) -> Tensor:
        """(…, 63) m to (…, components)."""
        return (motion - self.mean) @ self.basis.T / self.spread

    def unfolded(self, visible: Tensor) -> Tensor:
        return (visible * self.spread) @ self.basis + self.mean

    def normalised(self, heard: Tensor) -> Tensor:
        return ((heard - self.heard_mean) / self.heard_scale).clamp(-3, 3)


class FCRBM(Groove):
    """Visible v (a frame), hidden h, context z (the sound), past p (the last `order` frames).

    E = |v - a|² / 2 - h·b - Σ_f (v·V)(h·H)(z·Z), where a = a0 + Σ_f (p·Pa)(z·Za) Va and b = b0 + Σ_f (p·Pb)(z·Zb) Hb.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        size, past, factors = config.components, config.components * config.order, config.factors

        def weight(rows: int, size: float = 0.05) -> nn.Parameter:
            return nn.Parameter(size * torch.randn(rows, factors))

        self.context = nn.Linear(FEATURES, config.context)
        self.v, self.h, self.z = weight(size), weight(config.hidden), weight(config.context)
        self.va, self.pa, self.za = weight(size), weight(past, 0.01), weight(config.context)
        self.hb, self.pb, self.zb = weight(config.hidden), weight(past, 0.01), weight(config.context)
        self.a = nn.Parameter(torch.zeros(size))
        self.b = nn.Parameter(torch.zeros(config.hidden))
        # Each gate is 1 plus what the sound says, so that the net moves at all before it has learned to listen.
        self.one = 1.0

    def biases(self, past: Tensor, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """past (N, order, D), oldest first, and features (N, 84) to a (N, D), b (N, H) and the gate (N, factors)."""
        flat, z = past.flatten(1), torch.tanh(self.context(self.normalised(heard)))
        a = self.a + past[:, -1] + ((flat @ self.pa) * (self.one + z @ self.za)) @ self.va.T
        b = self.b + ((flat @ self.pb) * (self.one + z @ self.zb)) @ self.hb.T
        return a, b, self.one + z @ self.z

    def hidden(self, v: Tensor, b: Tensor, gate: Tensor) -> Tensor:
        """Log odds of the hidden units."""
        return ((v @ self.v) * gate) @ self.h.T + b

    def visible(self, h: Tensor, a: Tensor, gate: Tensor) -> Tensor:
        """Mean of the visible units."""
        return ((h @ self.h) * gate) @ self.v.T + a

    def free_energy(self, v: Tensor, a: Tensor, b: Tensor, gate: Tensor) -> Tensor:
        return ((v - a) ** 2).sum(-1) / 2 - F.softplus(self.hidden(v, b, gate)).sum(-1)

    def gibbs(
        self, v: Tensor, a: Tensor, b: Tensor, gate: Tensor, steps: int, random: torch.Generator | None
    ) -> Tensor:
        """v after some steps, in which hidden units are drawn; the last takes their means."""
        for step in range(steps + 1):
            h = torch.sigmoid(self.hidden(v, b, gate))
            if step < steps:
                h = (torch.rand(h.shape, generator=random).to(h.device) < h).float()
            v = self.visible(h, a, gate)
            if step < steps:
                v = v + _DRAWN[self.training] * torch.randn(v.shape, generator=random).to(v.device)
        return v

    def contrastive_divergence(self, v: Tensor, past: Tensor, heard: Tensor) -> Tensor:
        """Its gradient is that of CD-1: Hinton, "Training products of experts by minimizing contrastive divergence"."""
        a, b, gate = self.biases(past, heard)
        with torch.no_grad():
            h = torch.sigmoid(self.hidden(v, b, gate))
            dreamt = self.visible(torch.bernoulli(h), a, gate)
        return (self.free_energy(v, a, b, gate) - self.free_energy(dreamt, a, b, gate)).mean()

    def start(self) -> Any:
        return self.beginning[None]

    @torch.no_grad()
    def step(self, heard: Tensor, past: Any, random: torch.Generator | None) -> tuple[Tensor, Any]:
        """One frame: features (1, 84) and the past to the next frame (1, D), and the past after it."""
        a, b, gate = self.biases(past, heard)
        v = self.gibbs(past[:, -1], a, b, gate, self.config.gibbs, random).clamp(-self.limit, self.limit)
        return v, torch.cat([past[:, 1:], v[:, None]], dim=1)


class GrooveRNN(Groove):
    """Two LSTMs that hear the sound and see the previous frame."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.context = nn.Linear(FEATURES, config.context)
        self.lstm = nn.LSTM(config.context + config.components, config.rnn, 2, batch_first=True)
        self.out = nn.Linear(config.rnn, config.components)

    def forward(self, heard: Tensor, before: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """features (N, T, 84) and the frame before each (N, T, D) to the frames (N, T, D)."""
        z = torch.tanh(self.context(self.normalised(heard)))
        values, state = self.lstm(torch.cat([z, before], dim=-1), state)
        return self.out(values), state

    def start(self) -> Any:
        return self.beginning[-1:], None

    @torch.no_grad()
    def step(self, heard: Tensor, past: Any, random: torch.Generator | None) -> tuple[Tensor, Any]:
        """As FCRBM.step; nothing is drawn."""
        before, state = past
        made, state = self(heard[:, None], before[:, None], state)
        return made[:, 0], (made[:, 0], state)


class Dancer:
    """A net that is danced with live: `step` takes the features of 1/60 s of sound and gives the joints' places.

    Args:
        net: FCRBM or GrooveRNN. seed: every one is another dance, of the FCRBM.
    """

    def __init__(self, net: Any, seed: int = 0) -> None:
        self.net = net
        self.past = net.start()
        self.random = torch.Generator().manual_seed(seed)

    def step(self, features: NDArray[np.float32]) -> Array:
        """(84,) to (21, 3) m on the stage."""
        heard = torch.as_tensor(features, dtype=torch.float32, device=self.net.mean.device)[None]
        v, self.past = self.net.step(heard, self.past, self.random)
        return self.net.unfolded(v)[0].cpu().double().numpy().reshape(len(JOINTS), 3)


# --- training ---------------------------------------------------------------------------------------------------------


class Streams:
    """Dances that go on from step to step of training, one frame each, on what the machine has made itself.

    Every frame is pulled to the true one by contrastive divergence. So it learns to come back from where it would
    drift to. Now and then a stream begins anew elsewhere, on true frames.
    """

    def __init__(self, net: FCRBM, lessons: list[Lesson]) -> None:
        self.net, self.lessons, self.rng = net, lessons, np.random.default_rng(0)
        self.places = np.zeros((_BATCH, 2), int)
        self.past = torch.zeros(_BATCH, net.config.order, net.config.components)
        self._begin(range(_BATCH))

    def _begin(self, streams: Iterable[int]) -> None:
        order = self.net.config.order
        for k in streams:
            which = int(self.rng.integers(len(self.lessons)))
            at = int(self.rng.integers(order, len(self.lessons[which].motion) - 1))
            self.places[k] = which, at
            self.past[k] = torch.tensor(self.lessons[which].motion[at - order : at])

    def loss(self, _: int) -> Tensor:
        over = [k for k, (which, at) in enumerate(self.places) if at >= len(self.lessons[which].motion)]
        self._begin([*over, *np.flatnonzero(self.rng.random(_BATCH) < _ANEW)])
        truth = torch.tensor(np.stack([self.lessons[which].motion[at] for which, at in self.places]))
        heard = torch.tensor(np.stack([self.lessons[which].features[at] for which, at in self.places]))
        heard = heard + 0.1 * self.net.heard_scale * torch.randn_like(heard)
        loss = self.net.contrastive_divergence(truth, self.past, heard)
        self.past = self.net.step(heard, self.past, None)[1]
        self.places[:, 1] += 1
        return loss


def rnn_loss(net: GrooveRNN, lessons: list[Lesson], step: int) -> Tensor:
    """Of frames made after those that the net has itself made, `_PASSES` times over, from a dance's beginning on."""
    rng = np.random.default_rng(step)
    motion, heard = [], []
    for k in rng.integers(len(lessons), size=_STREAMS):
        starts = np.flatnonzero(np.diff(np.floor(lessons[k].count / 16)) > 0) + 1
        at = int(rng.choice(starts[starts < len(lessons[k].motion) - _FRAMES]))
        motion.append(lessons[k].motion[at : at + _FRAMES])
        heard.append(lessons[k].features[at : at + _FRAMES])
    truth, sound = torch.tensor(np.stack(motion)), torch.tensor(np.stack(heard))
    sound = sound + 0.1 * net.heard_scale * torch.randn_like(sound)
    first = net.beginning[-1].expand(len(truth), 1, -1)
    given = truth + 0.05 * torch.randn_like(truth)
    for number in range(_PASSES):
        with torch.set_grad_enabled(number == _PASSES - 1):
            made, _ = net(sound, torch.cat([first, given[:, :-1]], dim=1))
        given = made.detach()
    off = made - truth
    return (off**2).mean() + 10 * (torch.diff(off, dim=1) ** 2).mean()


def train_style(name: str, data: Path, work: Path, steps: int | None, progress: Progress = silent) -> Groove:
    """Train one style, or take its run up where it was stopped."""
    style, _, model = name.partition("_")
    torch.manual_seed(0)
    lessons = prepared(
        "groove", style, figures(style, data, 1, 1), live_features, FPS, SONGS, work, part(progress, 0, 0.1)
    )
    config = Config(model=model or "fcrbm")
    net = built(config)
    net.learn_scales(lessons)
    lessons = [replace(one, motion=net.squeezed(torch.tensor(one.motion)).numpy()) for one in lessons]
    learn = (lambda step: rnn_loss(net, lessons, step)) if isinstance(net, GrooveRNN) else Streams(net, lessons).loss
    run = Run(net, steps or STEPS[config.model], 3e-3 if model else 1e-3, work / f"run_groove_{name}.pt")
    run.go(learn, part(progress, 0.1, 1), f"Training {name}")
    return net


def train(
    data_dir: str | Path,
    out: str | Path,
    *,
    styles: tuple[str, ...] = STYLES,
    steps: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """`lessons.train_styles`; `data_dir` as yalta.train."""
    return train_styles(
        out,
        styles,
        load,
        lambda style, work, told: train_style(style, Path(data_dir), work, steps, progress=told),
        progress,
    )


def built(config: Config) -> FCRBM | GrooveRNN:
    return FCRBM(config) if config.model == "fcrbm" else GrooveRNN(config)


def load(path: Path = PATH) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Style to (FCRBM or GrooveRNN, its description). Raises InputError where there are no weights."""
    return load_nets(path, lambda fields: built(Config(**fields)), "groove")


# --- dancing ----------------------------------------------------------------------------------------------------------


def dance_positions(net: Any, features: NDArray[np.float32], seed: int = 0, progress: Progress = silent) -> Array:
    """(T, 21, 3) m to features (T, 84), one step after the other."""
    dancer, made = Dancer(net, seed), np.empty((len(features), len(JOINTS), 3))
    for at, heard in enumerate(features):
        made[at] = dancer.step(heard)
        if at % 600 == 0:
            progress(at / len(features), "Dancing")
    return made


def generate(
    sound: Sound,
    beats: Beats,
    rest: Rest,
    *,
    style: str,
    seed: int,
    fps: float,
    device: str,
    weights: Path = PATH,
    progress: Progress = silent,
) -> tuple[Motion, dict[str, Any]]:
    """A dance to `sound` on the body `rest`, and the settings it was made with.

    The dance begins with the first downbeat. The seed chooses what is drawn, and the side.
    """
    net = load(weights)[style][0].to(choose(device))
    mirror = bool(np.random.default_rng(seed).integers(2))
    features = live_features(sound)
    first = min(round(first_downbeat(beats) * FPS), max(0, len(features) - 2))
    danced = dance_positions(net, features[first:], seed, part(progress, 0.1, 0.6))
    # What is drawn trembles; offline that can be smoothed without lagging behind.
    whole = gaussian_filter1d(before_the_dance(danced, first, beats, FPS), _SMOOTHING, axis=0)
    motion = delivered(whole, FPS, rest, fps, sound.seconds, mirror, part(progress, 0.6, 1.0))
    return motion, {"mirrored": mirror}
