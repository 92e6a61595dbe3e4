# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio to Body Dynamics: the sound of a piano or violin to the movement of who plays it.

Shlizerman, Dery, Schoen and Kemelmacher-Shlizerman, CVPR 2018: 28 acoustic features a frame go into an LSTM of one
layer of 200 units whose output comes six frames late, so that a movement may begin before its sound; one network each
for the body and either hand, the hands through 15 principal components; the key points then drive a rigged figure.
Here the key points are in three dimensions, since they come from performances that we compose and not from video, and
the fingers are brought onto the keys and strings at the onsets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress
from ...rigs.motion import Motion
from ...rigs.playing.points import BODY, HAND, body_from_points
from ...rigs.skeleton import SMPLX55, Rest
from ...rigs.sound import Sound
from ..audio.load import resampled
from ..device import choose
from ..weights_file import reading_weights

Array = NDArray[np.float64]

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "dance_body_dynamics.safetensors"
FPS = 30
FEATURES = 28
DELAY = 6  # frames
COMPONENTS = 15
PARTS = ("body", "left", "right")
_RATE = 24000  # a whole number of samples a frame
_HOP = _RATE // FPS


def features(sound: Sound) -> NDArray[np.float32]:
    """(T, 28) at 30 fps: 13 MFCC and the log energy, and their differences in time.

    Brought to one loudness first. T = 1 + N // hop.
    """
    y = np.pad(resampled(sound, _RATE).mono(), (0, _HOP))
    y = y * (0.1 / max(float(np.sqrt(np.mean(y**2))), 1e-5))
    mel = librosa.feature.melspectrogram(y=y, sr=_RATE, n_fft=2048, hop_length=_HOP, n_mels=80)
    level = librosa.power_to_db(mel, amin=1e-6, top_db=None)
    energy = np.log(librosa.feature.rms(y=y, frame_length=2048, hop_length=_HOP) + 1e-4)
    static = np.concatenate([librosa.feature.mfcc(S=level, n_mfcc=13), energy[:, : level.shape[1]]])
    delta = np.gradient(static, axis=1)
    return np.nan_to_num(np.concatenate([static, delta])).T.astype(np.float32)


def onset_times(sound: Sound) -> Array:
    """(N,) s at which notes begin."""
    y = resampled(sound, _RATE).mono()
    # Settings that find most notes of practice pieces and few that are none (vibrato); 10 ms steps.
    mel = librosa.feature.melspectrogram(y=y, sr=_RATE, n_fft=2048, hop_length=240, n_mels=120, fmin=50, fmax=8000)
    strength = librosa.onset.onset_strength(S=librosa.power_to_db(mel, amin=1e-7), sr=_RATE, lag=2)
    found = librosa.onset.onset_detect(onset_envelope=strength, sr=_RATE, hop_length=240, delta=0.1, wait=8)
    return np.asarray(found, float) * 240 / _RATE


class DelayedLSTM(nn.Module):
    """One layer, one direction, a first state that is learned. What it says at frame t is meant for frame t - delay."""

    def __init__(self, outputs: int, hidden: int = 200) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(2, 1, 1, hidden))
        self.lstm = nn.LSTM(FEATURES, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, sound: Tensor) -> Tensor:
        """(B, T, 28) to (B, T, outputs)."""
        hidden, cell = self.first.expand(-1, -1, len(sound), -1).contiguous()
        return self.out(self.drop(self.lstm(sound, (hidden, cell))[0]))


@dataclass(frozen=True)
class Head:
    """What turns a network's output into key points: mean (D,) m, basis (K, D), scale (K,)."""

    mean: Array
    basis: Array
    scale: Array

    @classmethod
    def of(cls, points: Array, components: int | None) -> Head:
        """From points (T, D): their principal components, or each coordinate by itself."""
        mean = points.mean(0)
        if components is None:
            return cls(mean, np.eye(points.shape[1]), points.std(0) + 1e-3)
        _, spread, basis = np.linalg.svd(points - mean, full_matrices=False)
        return cls(mean, basis[:components], spread[:components] / np.sqrt(len(points)) + 1e-3)

    def encode(self, points: Array) -> Array:
        return (points - self.mean) @ self.basis.T / self.scale

    def decode(self, values: Array) -> Array:
        return values * self.scale @ self.basis + self.mean


@dataclass(frozen=True)
class Player:
    """What has been learned of one instrument."""

    nets: Mapping[str, DelayedLSTM]
    heads: Mapping[str, Head]
    mean: Array
    std: Array
    delay: int = DELAY

    def points(self, sound: NDArray[np.float32], device: torch.device) -> dict[str, Array]:
        """Features (T, 28) to key points (T, D) m of each part; frame t has heard the sound up to t + delay."""
        scaled = (sound - self.mean) / self.std
        scaled = np.pad(scaled, ((0, self.delay), (0, 0)), mode="edge").astype(np.float32)
        found = {}
        with torch.inference_mode():
            for part in self.nets:
                said = self.nets[part].to(device)(torch.from_numpy(scaled)[None].to(device))[0, self.delay :]
                found[part] = self.heads[part].decode(said.double().cpu().numpy())
        return found


def save_weights(players: Mapping[str, Player], path: Path = WEIGHTS) -> None:
    """All instruments in one float16 .safetensors."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, player in players.items():
        tensors[f"{name}.mean"] = torch.tensor(player.mean, dtype=torch.float32)
        tensors[f"{name}.std"] = torch.tensor(player.std, dtype=torch.float32)
        for part in PARTS:
            head = player.heads[part]
            for key in ("mean", "basis", "scale"):
                tensors[f"{name}.{part}.{key}"] = torch.tensor(getattr(head, key), dtype=torch.float32)
            for key, value in player.nets[part].state_dict().items():
                tensors[f"{name}.{part}.net.{key}"] = value.half().cpu().contiguous()
    about = {name: player.delay for name, player in players.items()}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), metadata={"delays": json.dumps(about)})


def load_weights(path: Path = WEIGHTS) -> dict[str, Player]:
    """Instrument to player.

    Raises:
        InputError: the file is missing or is not one of ours.
    """
    with reading_weights(path, "delays", "dance/body_dynamics") as (delays, tensors):
        players = {}
        for name, delay in delays.items():
            nets, heads = {}, {}
            for part in PARTS:
                own = {key.removeprefix(f"{name}.{part}."): value for key, value in tensors.items()
                       if key.startswith(f"{name}.{part}.")}  # fmt: skip
                heads[part] = Head(*(own[key].double().numpy() for key in ("mean", "basis", "scale")))
                net = DelayedLSTM(len(heads[part].scale))
                net.load_state_dict({key.removeprefix("net."): v for key, v in own.items() if key.startswith("net.")})
                nets[part] = net.eval()
            players[name] = Player(
                nets,
                heads,
                tensors[f"{name}.mean"].double().numpy(),
                tensors[f"{name}.std"].double().numpy(),
                int(delay),
            )
    return players


def generate(
    sound: Sound,
    beats: Beats,
    rest: Rest,
    *,
    style: str,
    seed: int,
    fps: float,
    device: str = "auto",
    progress: Progress,
) -> tuple[Motion, dict[str, Any]]:
    """Somebody who plays what is heard, on the instrument that `style` names.

    Only the sway of the trunk follows the seed; the hands follow the sound. For SMPL-X's skeleton.

    Raises:
        InputError: a body without fingers and eyes, or the weights are missing.
        Cancelled: progress raised it.
    """
    if rest.skeleton is not SMPLX55:
        raise InputError("A musician needs fingers and eyes; choose a character on the skeleton smplx55.")
    progress(0.0, "Listening")
    player = load_weights()[style]
    found = player.points(features(sound), choose(device))
    onsets = onset_times(sound)
    progress(0.5, "Playing")
    frames = len(found["body"])
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / FPS
    tilt = 0.02 * np.sin(2 * np.pi * times / rng.uniform(4.0, 7.0) + rng.uniform(0, 2 * np.pi))
    points = (found["body"].reshape(frames, len(BODY), 3), found["left"].reshape(frames, HAND, 3),
              found["right"].reshape(frames, HAND, 3))  # fmt: skip
    motion = body_from_points(points, rest, FPS, style, onsets.tolist(), tilt)
    progress(0.95, "Playing")
    return motion.resampled(fps), {"instrument": style, "notes": len(onsets), "delay": player.delay}
