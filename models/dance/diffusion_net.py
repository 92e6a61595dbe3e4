# SPDX-License-Identifier: GPL-3.0-or-later
"""The denoiser: a small transformer over quarter beats that corrects a bridge drawn through what is known.

Sources: Ho et al., "Denoising Diffusion Probabilistic Models", 2020 (the process) · Nichol and Dhariwal, 2021 (cosine
schedule) · Peebles and Xie, "DiT", and Chen et al., "PixArt-alpha", 2023 (adaLN, shared by all blocks) · Su et al.,
"RoFormer", 2021 (rotary positions) · Oreshkin et al., "Motion Inbetweening via Deep Delta-Interpolator", 2022 (learning
the difference from an interpolation).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from ...rigs.moves import STYLES
from .beat_frames import WIDTH

PHASES, HINTS = 6, 4
_FREQUENCIES = 32


@dataclass(frozen=True)
class Config:
    """`width`, `layers`, `heads`, `inner` width of the feed-forward layers · `patch` frames a token · `window` frames.

    `styles` are those it knows, in its own order.
    """

    width: int = 192
    layers: int = 6
    heads: int = 6
    inner: int = 576
    patch: int = 3
    window: int = 96
    styles: tuple[str, ...] = STYLES


SIZES = {"small": Config(), "base": Config(width=256, layers=8, heads=8, inner=1024, patch=1)}


def signal(t: Tensor) -> Tensor:
    """Share (0..1] of the clean motion in its variance at time t 0..1 of the process: the cosine schedule."""
    return torch.cos((t * 0.992 + 0.008) / 1.008 * torch.pi / 2).clamp(min=1e-3) ** 2


def bridge(values: Tensor, known: Tensor) -> Tensor:
    """A curve through the known values (B, T, C), each column for itself; all of it smooth, none of it learned.

    Between two known frames a cubic with their slopes; beyond one beat from any, it fades to 0, the mean motion.
    """
    batch, frames, width = values.shape
    index = torch.arange(frames, device=values.device).view(1, -1, 1).expand(batch, -1, width)
    before = torch.where(known, index, -1).cummax(dim=1).values
    after = torch.where(known, index, frames).flip(1).cummin(dim=1).values.flip(1)
    has_before, has_after = before >= 0, after < frames
    before, after = before.clamp(min=0), after.clamp(max=frames - 1)

    def slope(at: Tensor, other: Tensor) -> Tensor:
        valid = (other >= 0) & (other < frames)
        other = other.clamp(0, frames - 1)
        step = values.gather(1, at) - values.gather(1, other)
        return torch.where(valid & known.gather(1, other), step, 0.0)

    first, last = values.gather(1, before), values.gather(1, after)
    span = (after - before).clamp(min=1).to(values.dtype)
    # A slope that went on over a long span would overshoot.
    calm = (8 / span).clamp(max=1) * span
    start, end = slope(before, before - 1) * calm, -slope(after, after + 1) * calm
    x = (index - before) / span
    between = (
        first * (1 - x) ** 2 * (1 + 2 * x) + last * x**2 * (3 - 2 * x) + start * x * (1 - x) ** 2 - end * x**2 * (1 - x)
    )
    far = frames + 100
    distance = torch.minimum(
        torch.where(has_before, index - before, far), torch.where(has_after, after - index, far)
    ).to(values.dtype)
    curve = torch.where(has_before & has_after, between, torch.where(has_before, first, last))
    fade = ((36 - distance) / 24).clamp(0, 1)
    curve = curve * fade * fade * (3 - 2 * fade)
    return torch.where(known, values, torch.where(has_before | has_after, curve, 0.0))


class _Block(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.width
        self.heads = config.heads
        self.normal = nn.LayerNorm(d, elementwise_affine=False)
        self.attend, self.attended = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.feed = nn.Sequential(nn.Linear(d, config.inner), nn.GELU(approximate="tanh"), nn.Linear(config.inner, d))
        self.own = nn.Parameter(torch.zeros(6, d))

    def forward(self, x: Tensor, shared: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        batch, tokens, d = x.shape
        shift, scale, gate, shift2, scale2, gate2 = (shared + self.own).unsqueeze(2).unbind(1)
        y = self.normal(x) * (1 + scale) + shift
        q, k, v = self.attend(y).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = scaled_dot_product_attention(_rotary(q, turns), _rotary(k, turns), v)
        x = x + gate * self.attended(y.transpose(1, 2).reshape(batch, tokens, d))
        return x + gate2 * self.feed(self.normal(x) * (1 + scale2) + shift2)


def _rotary(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = turns
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], dim=-1)


class Denoiser(nn.Module):
    """Clean motion out of noisy motion; everything is normalised (mean 0, deviation about 1)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        d, patch = config.width, config.patch
        # Patches overlap by a frame on both sides where they are longer than one.
        kernel, margin = (patch + 2, 1) if patch > 1 else (3, 1)
        self.enter = nn.Conv1d(3 * WIDTH + PHASES + HINTS, d, kernel, patch, margin)
        self.leave = nn.ConvTranspose1d(d, WIDTH, kernel, patch, margin)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.layers))
        self.normal = nn.LayerNorm(d)
        self.style = nn.Embedding(len(config.styles) + 1, d)
        self.condition = nn.Sequential(nn.Linear(2 * _FREQUENCIES + 4, d), nn.SiLU(), nn.Linear(d, d))
        self.modulate = nn.Linear(d, 6 * d)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.modulate.weight)
        with torch.no_grad():
            self.modulate.bias.view(6, d).copy_(torch.tensor([0, 0, 0.3, 0, 0, 0.3])[:, None].expand(6, d))

    def forward(
        self, noisy: Tensor, t: Tensor, known: Tensor, values: Tensor, place: Tensor, style: Tensor, scalars: Tensor
    ) -> Tensor:
        """(B, T, 152) clean motion; T a multiple of the patch.

        Args:
            noisy: (B, T, 152). t: (B,) 0 clean … 1 noise.
            known: (B, T, 152) bool; values: (B, T, 152), of which those that are known count.
            place: (B, T, PHASES + HINTS) where in beat and bar a frame lies, and how far the root has to go.
            style: (B,) number of the style, the last + 1 for any.
            scalars: (B, 4) log tempo about 0 and whether it is given, energy about 0 and whether it is given.
        """
        base = bridge(values, known)
        seen = torch.where(known, values, noisy)
        x = torch.cat([seen, base, known.to(seen.dtype), place], dim=-1)
        x = self.enter(x.transpose(1, 2)).transpose(1, 2)
        waves = torch.exp(torch.linspace(0, 6.2, _FREQUENCIES, device=t.device)) * t[:, None]
        given = torch.cat([waves.sin(), waves.cos(), scalars], dim=-1)
        shared = self.modulate(silu(self.condition(given) + self.style(style))).view(len(x), 6, -1)
        half = self.config.width // self.config.heads // 2
        rates = 10.0 ** torch.linspace(0, -2, half, device=x.device)
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * self.config.patch / 3 * rates
        turns = angles.cos(), angles.sin()
        for block in self.blocks:
            x = block(x, shared, turns)
        return base + self.leave(self.normal(x).transpose(1, 2)).transpose(1, 2)
