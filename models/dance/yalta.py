# SPDX-License-Identifier: GPL-3.0-or-later
"""Basic steps to music of any length: a recurrent encoder of the sound and a decoder that hears only itself beside it.

N. Yalta, S. Watanabe, K. Nakadai, T. Ogata, "Weakly-Supervised Deep Recurrent Neural Networks for Basic Dance Step
Generation", IJCNN 2019.

Five slices of the power spectrum a frame pass a small convolutional net and three LSTMs to a code. The decoder, three
LSTMs more, is given the code and its own previous output, in training as in use (auto-conditioning), so that it learns
to put itself right. A contrastive loss on weak labels shapes the code: between two frames in which the body goes on in
one direction the code should stay, where the direction turns, which is the beat, it should leap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.beats import Beats
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.motion_metrics import kinematic_beats
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from ..audio.load import resampled
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
PATH = WEIGHTS / "dance_yalta.safetensors"
STYLES = ("pop",)
STEPS = 600
SONGS, HELD_OUT = range(12), range(20, 22)
_RATE, _WINDOW, _HOP = 16000, 256, 80
_SLICES, _BINS = 5, 129
_STREAMS, _CHUNK = 12, 80  # songs that are learned from at a time, frames of each to a step


@dataclass(frozen=True)
class Config:
    """The published net has channels 16, 32, 64, 65 without strides, LSTMs of 500, and 30 fps."""

    channels: tuple[int, ...] = (8, 16, 32, 65)
    width: int = 128
    layers: int = 3
    code: int = 65
    motion: int = 3 * len(JOINTS)
    fps: float = 15.0
    margin: float = 3.0
    contrast: float = 0.1  # weight of the contrastive loss
    automatic: bool = True  # False: the decoder is trained on the true previous pose, to see what that does


def spectra(sound: Sound, fps: float = 15.0) -> NDArray[np.float32]:
    """(T, 645): five slices of 129 bins of the log power spectrum around every frame, -1 (60 dB down) .. 1."""
    y = resampled(sound, _RATE).mono()
    power = np.abs(librosa.stft(np.pad(y, (0, _WINDOW)), n_fft=_WINDOW, hop_length=_HOP)) ** 2
    level = librosa.power_to_db(power, ref=max(float(np.percentile(power.max(axis=0), 98)), 1e-9), top_db=None)
    level = np.clip(level / 30 + 1, -1, 1).T
    frames = int(np.ceil(sound.seconds * fps))
    at = np.round(np.arange(frames) / fps * _RATE / _HOP).astype(int)[:, None] + np.arange(_SLICES) - _SLICES // 2
    return level[np.clip(at, 0, len(level) - 1)].reshape(frames, -1).astype(np.float32)


class YaltaNet(nn.Module):
    """Spectra to a dance, frame by frame."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: Config = Config()) -> None:
        super().__init__()
        self.config = config
        sizes = (1, *config.channels)
        kernels, strides = ((33, 2), (9, 2), (5, 2), (3, 2)), ((4, 1), (2, 1), (2, 1), (1, 1))
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, kernel, stride), nn.BatchNorm2d(b), nn.ELU())
                for a, b, kernel, stride in zip(sizes, sizes[1:], kernels, strides, strict=False)
            )
        )
        self.encoder = nn.LSTM(config.channels[-1], config.width, config.layers, batch_first=True)
        self.to_code = nn.Linear(config.width, config.code)
        first = config.code + config.motion
        self.decoder = nn.ModuleList(
            nn.LSTMCell(first if k == 0 else config.width, config.width) for k in range(config.layers)
        )
        self.to_motion = nn.Linear(config.width, config.motion)
        self.register_buffer("mean", torch.zeros(config.motion))
        self.register_buffer("scale", torch.ones(1))

    def encode(self, spectrum: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """(N, T, 645) to the code (N, T, 65) and the state to go on from."""
        count, frames = spectrum.shape[:2]
        picture = spectrum.reshape(count * frames, 1, _SLICES, _BINS).transpose(2, 3)
        seen = self.convolutions(picture).reshape(count, frames, -1)
        hidden, state = self.encoder(seen, state)
        return self.to_code(hidden), state

    def start(self, count: int) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The output before the first frame, zeros, and the decoder's state."""
        zero = self.mean.new_zeros(count, self.config.width)
        return self.mean.new_zeros(count, self.config.motion), [(zero, zero) for _ in self.decoder]

    def step(self, code: Tensor, before: Tensor, state: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Any]:
        """One frame: code (N, 65) and the previous output (N, 63) to the next, and the new state."""
        values, after = torch.cat([code, before], dim=-1), []
        for cell, memory in zip(self.decoder, state, strict=True):
            memory = cell(values, memory)
            after.append(memory)
            values = memory[0]
        return self.to_motion(values), after

    def decode(self, code: Tensor, before: Tensor, state: Any, truth: Tensor | None = None) -> tuple[Tensor, Any]:
        """(N, T, 65) to (N, T, 63), each frame from the output of the one before, or from the true one if given."""
        made = []
        for at in range(code.shape[1]):
            before, state = self.step(code[:, at], before, state)
            made.append(before)
            if truth is not None:
                before = truth[:, at]
        return torch.stack(made, dim=1), state


def directions(motion: Tensor) -> Tensor:
    """(N, T - 2) weak labels of motion (N, T, 63): 1 where the body goes on in its direction, 0 where that turns.

    The direction is the sign of the change of the standard deviation of a frame's values; label t belongs to frame
    t + 2 and the one before it.
    """
    sign = torch.sign(torch.diff(motion.std(dim=-1), dim=1))
    return torch.clamp((sign[:, 1:] + sign[:, :-1]).abs(), max=1)


def contrastive_loss(code: Tensor, same: Tensor, margin: float) -> Tensor:
    """Pulls consecutive codes (N, T, C) together where `same` (N, T - 1) is 1, and `margin` apart where it is 0.

    Source: Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006.
    """
    distance = (torch.diff(code, dim=1).square().sum(-1) + 1e-8).sqrt()
    return (same * distance**2 + (1 - same) * torch.clamp(margin - distance, min=0) ** 2).mean() / 2


# --- training ---------------------------------------------------------------------------------------------------------


class Streams:
    """Songs run side by side; every step takes the next stretch of each, with the memory that the last one left."""

    def __init__(self, net: YaltaNet, lessons: list[Lesson], seed: int = 0, count: int = _STREAMS) -> None:
        motion = np.concatenate([one.motion for one in lessons])
        net.mean.copy_(torch.tensor(motion.mean(axis=0)))
        net.scale.fill_(float(motion.std(axis=0).mean()))
        self.net, self.lessons, self.count = net, lessons, count
        self.rng = np.random.default_rng(seed)
        self.places = [self._begin() for _ in range(count)]
        self.encoder: Any = None
        self.before, self.decoder = net.start(count)

    def _begin(self) -> tuple[int, int]:
        which = int(self.rng.integers(len(self.lessons)))
        # A dance begins with a figure.
        starts = np.flatnonzero(np.diff(np.floor(self.lessons[which].count / 8)) > 0) + 1
        starts = starts[starts < len(self.lessons[which].count) / 2]
        return which, int(self.rng.choice(starts))

    def loss(self, _: int) -> Tensor:
        config, net = self.net.config, self.net
        spectrum, motion, fresh = [], [], []
        for k, (which, at) in enumerate(self.places):
            if at + _CHUNK > len(self.lessons[which].motion):
                which, at = self._begin()
                fresh.append(k)
            spectrum.append(self.lessons[which].features[at : at + _CHUNK])
            motion.append(self.lessons[which].motion[at : at + _CHUNK])
            self.places[k] = (which, at + _CHUNK)
        keep = torch.ones(self.count, 1)
        keep[fresh] = 0
        if self.encoder is not None:
            self.encoder = tuple(memory * keep for memory in self.encoder)
        self.before = self.before * keep
        self.decoder = [(hidden * keep, cell * keep) for hidden, cell in self.decoder]

        # Other recordings are louder, duller and noisier.
        sound = torch.tensor(np.stack(spectrum))
        tilt = torch.linspace(-0.5, 0.5, _BINS).repeat(_SLICES)
        sound = sound + 0.2 * torch.randn(self.count, 1, 1) + 0.3 * torch.randn(self.count, 1, 1) * tilt
        sound = sound + 0.3 * torch.rand(self.count, 1, 1) * torch.randn_like(sound)
        truth = (torch.tensor(np.stack(motion)) - net.mean) / net.scale
        code, self.encoder = net.encode(sound, self.encoder)
        made, self.decoder = net.decode(code, self.before, self.decoder, None if config.automatic else truth)
        self.encoder = tuple(memory.detach() for memory in self.encoder)
        self.decoder = [(hidden.detach(), cell.detach()) for hidden, cell in self.decoder]
        self.before = (made if config.automatic else truth)[:, -1].detach()
        loss = ((made - truth) ** 2).mean()
        if config.contrast:
            loss = loss + config.contrast * contrastive_loss(code[:, 1:], directions(truth), config.margin)
        return loss


def train_style(
    style: str,
    data: Path,
    work: Path,
    steps: int,
    config: Config = Config(),
    label: str = "",
    progress: Progress = silent,
) -> YaltaNet:
    """Train one style, or take its run up where it was stopped."""
    lessons = prepared(
        "yalta", style, figures(style, data, 1, 1), spectra, config.fps, SONGS, work, part(progress, 0, 0.1)
    )
    torch.manual_seed(0)
    net = YaltaNet(config)
    streams = Streams(net, lessons)
    run = Run(net, steps, 2e-3, work / f"run_yalta_{style}{label}.pt")
    run.go(streams.loss, part(progress, 0.1, 1), f"Training {style}{label}")
    return net


def train(
    data_dir: str | Path,
    out: str | Path,
    *,
    styles: tuple[str, ...] = STYLES,
    steps: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """`lessons.train_styles`; `data_dir` is the folder of the recordings that salsa is cut from."""
    return train_styles(
        out,
        styles,
        load,
        lambda style, work, told: train_style(style, Path(data_dir), work, steps or STEPS, progress=told),
        progress,
    )


def load(path: Path = PATH) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Style to (YaltaNet, its description). Raises InputError where there are no weights."""

    def build(fields: dict[str, Any]) -> YaltaNet:
        return YaltaNet(Config(**{**fields, "channels": tuple(fields["channels"])}))

    return load_nets(path, build, "yalta")


# --- dancing ----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def dance_positions(net: YaltaNet, features: NDArray[np.float32], progress: Progress = silent) -> Array:
    """(T, 21, 3) m on the stage to spectra (T, 645), from the decoder's first frame on; memory does not grow with T."""
    device = net.mean.device
    before, state = net.start(1)
    memory, made = None, []
    for at in range(0, len(features), 600):
        code, memory = net.encode(torch.tensor(features[at : at + 600], device=device)[None], memory)
        values, state = net.decode(code, before, state)
        before = values[:, -1]
        made.append((values[0] * net.scale + net.mean).cpu().double().numpy())
        progress(min(1.0, (at + 600) / len(features)), "Dancing")
    return np.concatenate(made).reshape(len(features), len(JOINTS), 3)


def motion_beats(positions: Array, fps: float) -> Array:
    """(B,) s: when the body slows down, in joint positions (T, 21, 3)."""
    body = np.concatenate([positions, positions[:, :1]], axis=1)
    steps = np.arange(int((len(body) - 1) * 60 / fps) + 1) * fps / 60
    low = np.clip(steps.astype(int), 0, len(body) - 2)
    share = (steps - low)[:, None, None]
    return kinematic_beats(body[low] * (1 - share) + body[low + 1] * share) / 60


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

    The dance begins with the first downbeat; before it, the first figure is danced up to there. The seed chooses the
    side, and a little noise in the sound.
    """
    net = load(weights)[style][0].to(choose(device))
    rng = np.random.default_rng(seed)
    mirror = bool(rng.integers(2))
    features = spectra(sound, net.config.fps)
    features = features + rng.normal(0, 0.02, features.shape).astype(np.float32)
    first = min(round(first_downbeat(beats) * net.config.fps), max(0, len(features) - 2))
    danced = dance_positions(net, features[first:], part(progress, 0.1, 0.6))
    whole = before_the_dance(danced, first, beats, net.config.fps)
    motion = delivered(whole, net.config.fps, rest, fps, sound.seconds, mirror, part(progress, 0.6, 1.0))
    return motion, {"mirrored": mirror}
