# SPDX-License-Identifier: GPL-3.0-or-later
"""Choreography as a camera sees it: a music encoder, and a decoder that goes on from the poses it has made itself.

J. Lee, S. Kim, K. Lee, "Listen to Dance: Music-driven choreography generation using Autoregressive Encoder-Decoder
Network", arXiv 1811.00818, 2018.

The paper names dilated causal convolutions and highway gates, and takes its poses from videos; sizes are not published
and are ours. Here the video is a camera before a dancer of whom a pose estimator gives 21 joints in the picture, a
little wrong. The network learns to dance in the picture. A second one, which has seen the same dancers in space, lifts
what it dances to three dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.beats import Beats
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from ..audio.features import log_mel
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
PATH = WEIGHTS / "dance_listen.safetensors"
STYLES = ("pop",)
STEPS, LIFT_STEPS = 1800, 800
ALONE = 0.5  # of the steps, after which the decoder learns from what it dances by itself
SONGS, HELD_OUT = range(12), range(20, 22)
_RATE, _HOP, _BANDS = 20480, 1024, 40
_CAMERA = (1.0, 4.5)  # height and distance of the camera, m
_BATCH, _FRAMES = 16, 200
_PASSES = 3  # of the decoder in a step of training, each on the output of the one before
_SEEN = 4  # frames on either side that the lifter sees


@dataclass(frozen=True)
class Config:
    channels: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    bands: int = _BANDS
    picture: int = 2 * len(JOINTS)
    fps: float = _RATE / _HOP  # 20
    lifter: int = 128

    @property
    def reach(self) -> int:
        """How many past poses the decoder sees."""
        return 2 * sum(self.dilations) + 1


def spectrogram(sound: Sound) -> NDArray[np.float32]:
    """(T, 40) mel spectrum at 20 fps, -1 (80 dB below the loudest) .. 1."""
    mel = log_mel(sound, _RATE, _HOP, _BANDS) / 40 + 1
    return mel[: int(np.ceil(sound.seconds * _RATE / _HOP))]


def pictured(positions: Tensor) -> Tensor:
    """(…, 63) m on the stage to (…, 42): where the camera sees the joints, in m at the stage's middle."""
    joints = positions.unflatten(-1, (len(JOINTS), 3))
    height, distance = _CAMERA
    nearness = distance / (distance - joints[..., 2:])
    return torch.cat([joints[..., :1], joints[..., 1:2] - height], dim=-1).mul(nearness).flatten(-2)


class Highway(nn.Module):
    """A dilated convolution of width 3 whose gate decides how much of it replaces what came in."""

    def __init__(self, channels: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.dilation, self.causal = dilation, causal
        self.convolution = nn.Conv1d(channels, 2 * channels, 3, dilation=dilation)

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, T) to the same."""
        before = 2 * self.dilation if self.causal else self.dilation
        return self._gated(self.convolution(F.pad(values, (before, 2 * self.dilation - before))), values)

    def step(self, values: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """One frame (N, C) with the 2 * dilation frames before it, (N, C, 2 d): the next, and the memory after it."""
        window = torch.cat([memory, values[..., None]], dim=-1)
        seen = window[..., [0, self.dilation, 2 * self.dilation]]
        made = F.conv1d(seen, self.convolution.weight, self.convolution.bias)[..., 0]
        return self._gated(made, values), window[..., 1:]

    @staticmethod
    def _gated(made: Tensor, values: Tensor) -> Tensor:
        gate, fresh = made.chunk(2, dim=1)
        gate = torch.sigmoid(gate)
        return gate * fresh + (1 - gate) * values


class ListenNet(nn.Module):
    """Mel spectrum and the poses so far to the next pose, in the picture; and the lifter."""

    mean: Tensor
    space: Tensor
    scale: Tensor

    def __init__(self, config: Config = Config()) -> None:
        super().__init__()
        self.config = config
        size = config.channels
        self.hear = nn.Conv1d(config.bands, size, 1)
        self.encoder = nn.Sequential(*(Highway(size, d, causal=False) for d in config.dilations))
        self.see = nn.Conv1d(config.picture, size, 1)
        self.join = nn.Conv1d(2 * size, size, 1)
        self.decoder = nn.ModuleList(Highway(size, d, causal=True) for d in config.dilations)
        self.pose = nn.Conv1d(size, config.picture, 1)
        self.lifter = nn.Sequential(
            nn.Conv1d(config.picture, config.lifter, 2 * _SEEN + 1, padding=_SEEN, padding_mode="replicate"),
            nn.ReLU(),
            nn.Conv1d(config.lifter, config.lifter, 1),
            nn.ReLU(),
            nn.Conv1d(config.lifter, 3 * len(JOINTS), 1),
        )
        for name, width in (("mean", config.picture), ("space", 3 * len(JOINTS))):
            self.register_buffer(name, torch.zeros(width))
        self.register_buffer("scale", torch.ones(1))

    def encode(self, mel: Tensor) -> Tensor:
        """(N, T, 40) to what was heard, (N, C, T)."""
        return self.encoder(self.hear(mel.transpose(1, 2)))

    def decode(self, heard: Tensor, before: Tensor) -> Tensor:
        """(N, C, T) and the pose before each frame (N, T, 42), zeros before the first, to the poses (N, T, 42)."""
        values = self.join(torch.cat([heard, self.see(before.transpose(1, 2))], dim=1))
        for layer in self.decoder:
            values = layer(values)
        return self.pose(values).transpose(1, 2)

    def start(self, count: int) -> list[Tensor]:
        """The decoder's memory before the first frame."""
        # A convolution over nothing sees zeros.
        return [self.mean.new_zeros(count, self.config.channels, 2 * d) for d in self.config.dilations]

    def step(self, heard: Tensor, before: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """One frame of `decode`: (N, C) and the last pose (N, 42) to the next one, and the new memory."""
        values = self.join(torch.cat([heard, self.see(before[..., None])[..., 0]], dim=1)[..., None])[..., 0]
        after = []
        for layer, past in zip(self.decoder, memory, strict=True):
            assert isinstance(layer, Highway)
            values, past = layer.step(values, past)
            after.append(past)
        return self.pose(values[..., None])[..., 0], after

    @torch.no_grad()
    def run(self, heard: Tensor, progress: Progress = silent) -> Tensor:
        """What was heard (N, C, T) to poses (N, T, 42), with no pose but its own."""
        pose, memory, made = self.mean.new_zeros(len(heard), self.config.picture), self.start(len(heard)), []
        for at in range(heard.shape[-1]):
            pose, memory = self.step(heard[..., at], pose, memory)
            made.append(pose)
            if at % 200 == 0:
                progress(at / heard.shape[-1], "Dancing")
        return torch.stack(made, dim=1)

    def lift(self, picture: Tensor) -> Tensor:
        """(N, T, 42), normalised, to joint positions (N, T, 63) m on the stage."""
        return self.lifter(picture.transpose(1, 2)).transpose(1, 2) * self.scale + self.space


# --- training ---------------------------------------------------------------------------------------------------------


class Lessons:
    """Batches: half of them from the beginning of a dance, the others from its midst."""

    def __init__(self, net: ListenNet, lessons: list[Lesson]) -> None:
        self.net, self.lessons = net, lessons
        space = torch.tensor(np.concatenate([one.motion for one in lessons]))
        seen = pictured(space)
        net.mean.copy_(seen.mean(0))
        net.space.copy_(space.mean(0))
        net.scale.fill_(float(seen.std(0).mean()))
        self.starts = [
            np.flatnonzero(
                (np.diff(np.floor(one.count / 16)) > 0) & (np.arange(len(one.count) - 1) < len(one.count) - _FRAMES)
            )
            + 1
            for one in lessons
        ]

    def draw(self, step: int, beginnings: bool) -> tuple[Tensor, Tensor, Tensor]:
        """mel (N, T, 40), the true picture (N, T, 42), joints in space (N, T, 63) of the batch of this step."""
        rng = np.random.default_rng((step, beginnings))
        mel, space = [], []
        for which in rng.integers(len(self.lessons), size=_BATCH):
            one = self.lessons[which]
            at = int(rng.choice(self.starts[which]) if beginnings else rng.integers(len(one.motion) - _FRAMES))
            mel.append(one.features[at : at + _FRAMES])
            space.append(one.motion[at : at + _FRAMES])
        there = torch.tensor(np.stack(space))
        heard = torch.tensor(np.stack(mel))
        tilt = torch.linspace(-0.5, 0.5, heard.shape[-1])
        heard = heard + 0.2 * torch.randn(_BATCH, 1, 1) + 0.3 * torch.randn(_BATCH, 1, 1) * tilt
        heard = heard + 0.2 * torch.rand(_BATCH, 1, 1) * torch.randn_like(heard)
        return heard, (pictured(there) - self.net.mean) / self.net.scale, there

    def loss(self, step: int, alone: bool) -> Tensor:
        """Of the poses made after those that the net has itself made.

        At first from its output to the true poses, `_PASSES` times over, since to run the decoder frame by frame is
        slow (Mihaylova, Martins, "Scheduled sampling for transformers", ACL 2019); then, `alone`, from a dance that it
        has run through by itself, half of the time. The other half begins in the midst of a dance.
        """
        beginnings = step % 2 == 0
        mel, truth, _ = self.draw(step, beginnings)
        heard = self.net.encode(mel)
        known = 0 if beginnings else self.net.config.reach
        estimated = truth + 0.1 * torch.randn_like(truth)  # as a pose estimator errs
        given, passes = estimated, _PASSES
        if alone and beginnings:
            given, passes = self.net.run(heard), 1
        for number in range(passes):
            before = F.pad(given[:, :-1], (0, 0, 1, 0))
            with torch.set_grad_enabled(number == passes - 1):
                made = self.net.decode(heard, before)
            given = torch.cat([estimated[:, :known], made[:, known:]], dim=1).detach()
        off = (made - truth)[:, known:]
        return (off**2).mean() + 2 * (torch.diff(off, dim=1) ** 2).mean()

    def lifting_loss(self, step: int) -> Tensor:
        _, picture, there = self.draw(step, False)
        lifted = self.net.lift(picture + 0.1 * torch.randn_like(picture))
        return (((lifted - there) / self.net.scale) ** 2).mean()


def train_style(style: str, data: Path, work: Path, steps: int, progress: Progress = silent) -> ListenNet:
    """Train one style, or take its run up where it was stopped."""
    torch.manual_seed(0)
    net = ListenNet()
    songs = prepared(
        "listen", style, figures(style, data), spectrogram, net.config.fps, SONGS, work, part(progress, 0, 0.1)
    )
    lessons = Lessons(net, songs)
    Run(net.lifter, max(1, steps * LIFT_STEPS // STEPS), 2e-3, work / f"run_lift_{style}.pt").go(
        lessons.lifting_loss, part(progress, 0.1, 0.2), f"Lifting {style}"
    )
    for weight in net.lifter.parameters():
        weight.requires_grad_(False)
    Run(net, steps, 2e-3, work / f"run_listen_{style}.pt").go(
        lambda step: lessons.loss(step, step >= steps * ALONE), part(progress, 0.2, 1), f"Training {style}"
    )
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
        lambda style, work, told: train_style(style, Path(data_dir), work, steps or STEPS, progress=told),
        progress,
    )


def load(path: Path = PATH) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Style to (ListenNet, its description). Raises InputError where there are no weights."""

    def build(fields: dict[str, Any]) -> ListenNet:
        return ListenNet(Config(**{**fields, "dilations": tuple(fields["dilations"])}))

    return load_nets(path, build, "listen")


# --- dancing ----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def dance_positions(net: ListenNet, mel: NDArray[np.float32], progress: Progress = silent) -> Array:
    """(T, 21, 3) m to a mel spectrum (T, 40). The decoder sees no pose but its own."""
    heard = net.encode(torch.tensor(mel, device=net.mean.device)[None])
    lifted = net.lift(net.run(heard, progress))
    return lifted[0].cpu().double().numpy().reshape(len(mel), len(JOINTS), 3)


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

    The dance begins with the first downbeat. The seed chooses the side, and a little noise in the sound.
    """
    net = load(weights)[style][0].to(choose(device))
    rng = np.random.default_rng(seed)
    mirror = bool(rng.integers(2))
    mel = spectrogram(sound)
    mel = mel + rng.normal(0, 0.02, mel.shape).astype(np.float32)
    first = min(round(first_downbeat(beats) * net.config.fps), max(0, len(mel) - 2))
    danced = dance_positions(net, mel[first:], part(progress, 0.1, 0.6))
    whole = before_the_dance(danced, first, beats, net.config.fps)
    motion = delivered(whole, net.config.fps, rest, fps, sound.seconds, mirror, part(progress, 0.6, 1.0))
    return motion, {"mirrored": mirror}
