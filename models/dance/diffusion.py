# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion model: fills in what is missing of a dance, and keeps what is given.

Frames are those of beat_frames.py. Transitions, poses between keyed ones, the missing half of a body, the steps along a
path, variations of a phrase and free phrases are all one thing, `Sampler.fill`: they differ in what is known.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from ..device import choose
from ..weights_file import reading_weights
from .beat_frames import PER_BEAT, PLANAR, ROOT, TURN, WIDTH, decode, encode, in_beats, in_seconds
from .diffusion_net import Config, Denoiser, signal
from .diffusion_path import led, way_columns, ways_between

Array = NDArray[Any]
Mask = NDArray[np.bool_]

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "dance_diffusion.safetensors"
STEPS = 10
_SEAM = PER_BEAT // 2  # frames over which a seam is mended
_CONTEXT = 2 * PER_BEAT  # frames at the beginning of a window that are there to be seen, not to be filled


@dataclass(frozen=True)
class Trained:
    """`mean` and `deviation` (152,) of the frames it learned from; `levels`, quantiles of speed, m a beat."""

    net: Denoiser
    mean: Array
    deviation: Array
    levels: Array


def save_weights(trained: Trained, path: str | Path) -> None:
    """One float16 .safetensors; the configuration stands in its metadata."""
    from safetensors.torch import save_file

    tensors = {f"net.{key}": value.half().cpu().contiguous() for key, value in trained.net.state_dict().items()}
    for key in ("mean", "deviation", "levels"):
        tensors[key] = torch.tensor(getattr(trained, key), dtype=torch.float32)
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), metadata={"config": json.dumps(asdict(trained.net.config))})


@lru_cache(maxsize=2)
def load_weights(path: Path = WEIGHTS) -> Trained:
    """Raises InputError: the file is missing or is not one of ours."""
    with reading_weights(path, "config", "dance/diffusion") as (fields, tensors):
        net = Denoiser(Config(**{**fields, "styles": tuple(fields["styles"])}))
        net.load_state_dict({key[4:]: value for key, value in tensors.items() if key.startswith("net.")})
        numbers = [tensors[key].double().numpy() for key in ("mean", "deviation", "levels")]
    return Trained(net.eval(), *numbers)


def place_columns(frames: int, beat: float | None, metre: int, way: Array) -> Array:
    """(T, 10) what a frame is told of its place: in the beat and the bar (0 where unknown), and `way` (T, 4)."""
    result = np.zeros((frames, 6))
    if beat is not None:
        at = 2 * np.pi * (beat + np.arange(frames) / PER_BEAT)
        result[:, :4] = np.stack([np.sin(at), np.cos(at), np.sin(2 * at), np.cos(2 * at)], axis=1)
        if metre:
            result[:, 4:] = np.stack([np.sin(at / metre), np.cos(at / metre)], axis=1)
    return np.concatenate([result, way], axis=1)


def scalar_columns(bpm: float | None, energy: float | None) -> list[float]:
    """Tempo and energy (0..1) as the network reads them."""
    tempo = [0.0, 0.0] if bpm is None else [float(np.log(bpm / 120)) * 2, 1.0]
    return [*tempo, *([0.0, 0.0] if energy is None else [2 * float(energy) - 1, 1.0])]


def windows(free: Mask, window: int) -> list[int]:
    """Starts of the windows that cover every free frame of (T,), T >= window, each with something before it to see."""
    starts: list[int] = []
    frame, last, context = 0, len(free) - window, min(_CONTEXT, window // 4)
    while frame < len(free):
        rest = np.flatnonzero(free[frame:])
        if not len(rest):
            break
        start = min(max(0, frame + int(rest[0]) - context), last)
        starts.append(start)
        # The end of a window is filled by the next one too, unless the song ends there.
        frame = start + window - (context if start < last else 0)
    return starts


def _mended(found: Tensor, values: Tensor, known: Tensor) -> Tensor:
    """What is known instead of what was found there, and the difference fading into what was not known."""
    frames, width = values.shape
    index = torch.arange(frames, device=values.device)[:, None].expand(frames, width)
    wrong = torch.where(known, values - found, 0.0)
    result = found.clone()
    for ahead in (True, False):
        if ahead:
            nearest = torch.where(known, index, -(10**6)).cummax(dim=0).values
        else:
            nearest = torch.where(known, index, 10**6).flip(0).cummin(dim=0).values.flip(0)
        away = (index - nearest).abs()
        fade = 0.5 + 0.5 * torch.cos(torch.pi * (away / _SEAM).clamp(max=1))
        result += fade * wrong.gather(0, nearest.clamp(0, frames - 1)) * ~known
    return torch.where(known, values, result)


class Sampler:
    """Draws motion from the model."""

    def __init__(self, trained: Trained, device: torch.device) -> None:
        self.trained, self.device = trained, device
        self.net = trained.net.to(device)

    @classmethod
    def load(cls, device: str = "auto", weights: str | Path = WEIGHTS) -> Sampler:
        """Raises InputError: no weights, or no such device."""
        return cls(load_weights(Path(weights)), choose(device))

    @staticmethod
    def available(weights: str | Path = WEIGHTS) -> bool:
        """Whether there are weights to load."""
        return Path(weights).is_file()

    def _predict(
        self, x: Tensor, t: float, known: Tensor, values: Tensor, place: Tensor, style: Tensor, scalars: Tensor,
        guidance: float,
    ) -> Tensor:  # fmt: skip
        """Clean windows (W, window, 152); with guidance (Ho and Salimans, 2022) the conditions count so much more."""
        times = torch.full((len(x),), t, device=self.device)
        found = self.net(x, times, known, values, place, style, scalars)
        if guidance == 1.0:
            return found
        anything = torch.full_like(style, len(self.net.config.styles))
        free = self.net(x, times, known, values, place, anything, torch.zeros_like(scalars))
        return free + guidance * (found - free)

    @torch.inference_mode()
    def fill(
        self,
        frames: ArrayLike,
        known: ArrayLike,
        *,
        style: str | None = None,
        bpm: float | None = None,
        energy: float | ArrayLike | None = None,
        seed: int = 0,
        steps: int = STEPS,
        strength: float = 1.0,
        guidance: float = 1.0,
        beat: float | None = 0.0,
        metre: int = 0,
        path: ArrayLike | None = None,
        progress: Progress = silent,
    ) -> Array:
        """The frames with all that is not known filled in; what is known comes back untouched.

        Args:
            frames: (T, 152), T >= 2; where not known, only `strength` < 1 looks at them.
            known: (T, 152) or (T, 1), bool, or numbers of which those from 0.5 on mean known.
            style: one of the model's styles, or None for any.
            bpm: tempo. energy: 0 calm … 1 wild, one or (T,). None lets it choose.
            seed: another seed, another filling; the same one gives the same on the same device.
            steps: of the sampler. guidance: over 1 obeys style, tempo and energy more, at twice the time.
            strength: 1 starts from noise; less keeps so much of the given frames' large shape (a variation).
            beat: number of the first frame's beat, None if there is none; metre: beats a bar, 0 if unknown.
            path: (T, 3) x, z m and heading rad of the root in the frames where it is prescribed, NaN elsewhere. Between
                two such frames in which the steps are not known, it will go exactly so far.

        Raises:
            InputError: shapes that do not fit, an unknown style, or numbers out of range.
            Cancelled: progress raised it.
        """
        given = np.asarray(frames, float)
        if given.ndim != 2 or given.shape[1] != WIDTH or len(given) < 2:
            raise InputError(f"Frames of shape {given.shape} cannot be filled; give (T, {WIDTH}), two at least.")
        held = np.broadcast_to(np.asarray(known, float) >= 0.5, given.shape)
        if not (steps >= 1 and 0 < strength <= 1):
            raise InputError(f"Give at least 1 step and a strength above 0, at most 1; not {steps} and {strength}.")
        styles = self.net.config.styles
        if style is not None and style not in styles:
            raise InputError(f"The motion model knows no style {style!r}; choose one of {', '.join(styles)}.")
        if held.all():
            return given.copy()

        count, window = len(given), self.net.config.window
        ways = ways_between(path, held)
        length = max(count, window)
        padded = np.concatenate([given, np.repeat(given[-1:], length - count, axis=0)])
        mask = np.concatenate([held, np.zeros((length - count, WIDTH), bool)])
        mean, deviation = self.trained.mean, self.trained.deviation
        values = self._tensor((padded - mean) / deviation)
        fixed = torch.tensor(mask, device=self.device)

        free = ~mask.all(axis=1)
        free[count:] = False
        starts = windows(free, window)
        rows = torch.tensor(np.array(starts)[:, None] + np.arange(window), device=self.device)
        place = self._tensor(place_columns(length, beat, metre, way_columns(ways, length)))[rows]
        level = None if energy is None else np.broadcast_to(np.asarray(energy, float), (count,))
        scalars = self._tensor(
            [scalar_columns(bpm, None if level is None else float(level[s : s + window].mean())) for s in starts]
        )
        number = torch.full((len(starts),), len(styles) if style is None else styles.index(style), device=self.device)
        # Where windows overlap, the one in whose middle a frame lies counts most.
        slope = self._tensor(np.minimum(np.arange(window) + 1, window - np.arange(window)))[:, None]
        weight = torch.zeros(length, 1, device=self.device).index_add_(
            0, rows.flatten(), slope.repeat(len(starts), 1)
        ).clamp(min=1e-6)  # fmt: skip

        noise = self._tensor(np.random.default_rng(seed).standard_normal((length, WIDTH)))
        times = np.linspace(strength, 0, steps + 1)
        clean = signal(torch.tensor(times, dtype=torch.float64)).numpy()
        x = values * clean[0] ** 0.5 + noise * (1 - clean[0]) ** 0.5 if strength < 1 else noise
        previous, h_before = None, 0.0
        found = values
        for k in range(steps):
            progress(k / steps, "Filling in")
            new = self._predict(
                x[rows], float(times[k]), fixed[rows], values[rows], place, number, scalars, guidance
            )  # fmt: skip
            found = torch.zeros_like(x).index_add_(0, rows.flatten(), (new * slope).flatten(0, 1)) / weight
            ends = torch.where(fixed, values, found)
            if ways:
                root = ends[:, ROOT].double().cpu().numpy() * deviation[ROOT] + mean[ROOT]
                ends[:, ROOT] = self._tensor((led(root, ways) - mean[ROOT]) / deviation[ROOT])
            if k == steps - 1:
                break
            # DPM-Solver++(2M) (Lu et al., 2022) on the predicted clean motion.
            a, s, a2, s2 = clean[k] ** 0.5, (1 - clean[k]) ** 0.5, clean[k + 1] ** 0.5, (1 - clean[k + 1]) ** 0.5
            h = np.log(a2 / s2) - np.log(a / s)
            ahead = ends if previous is None else ends + (ends - previous) * (h / (2 * h_before))
            x = x * (s2 / s) - ahead * (a2 * float(np.expm1(-h)))
            previous, h_before = ends, h
        result = _mended(found, values, fixed)[:count].double().cpu().numpy() * deviation + mean
        result = np.where(held, given, result)
        result[:, ROOT] = led(result[:, ROOT], ways)
        progress(1.0, "Filled in")
        return result

    def _tensor(self, values: ArrayLike) -> Tensor:
        return torch.tensor(np.asarray(values), dtype=torch.float32, device=self.device)


__all__ = ["PER_BEAT", "PLANAR", "TURN", "WIDTH", "Sampler", "decode", "encode", "in_beats", "in_seconds"]
