# SPDX-License-Identifier: GPL-3.0-or-later
"""The network: gated dilated convolutions at 50 Hz over pairs of frames, whose look-ahead can be limited.

Without a limit each layer hears as far ahead as back. With one, the layers take from what is ahead in their order until
the look-ahead is used up, and the others hear only what was. The same weights are trained with all limits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...rigs.phones import PHONES
from ..weights_file import reading_weights
from .features import WIDTH

EVENTS = ("closed", "lip-teeth", "round", "wide", "tongue")
# The real motion's curves that it can also tell.
CURVES = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthLowerDown", "mouthUpperUp",
    "mouthPress", "mouthStretch", "mouthSmile",
)  # fmt: skip
PAIR = 2  # frames of 10 ms to a step of the network
# Look-ahead, ms, that the network is trained for; None is all that its layers reach.
LIMITS = (60, 120, 240, None)
STEP_MS = 20


@dataclass(frozen=True)
class Config:
    width: int = 144
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4, 8, 16, 1, 2, 4)
    dropout: float = 0.1
    phones: tuple[str, ...] = PHONES
    events: tuple[str, ...] = EVENTS
    curves: tuple[str, ...] = CURVES


class Layer(nn.Module):
    """x + gated convolution over the steps t − d, t, t + d; without `ahead` the last of the three is nothing."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(3 * width, 2 * width)
        self.out = nn.Linear(width, width)
        self.dropout = dropout
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, ahead: bool = True) -> Tensor:
        """(B, T, width) to the same; before the first and after the last step is nothing."""
        y = F.pad(self.norm(x), (0, 0, self.dilation, self.dilation if ahead else 0))
        return x + self.gated(y, x.shape[1], ahead)

    def gated(self, y: Tensor, steps: int, ahead: bool) -> Tensor:
        """The convolution at `steps` steps, of `y` that has the dilation more before and, with `ahead`, after them."""
        d, width = self.dilation, y.shape[2]
        weight = self.mix.weight
        parts = [y[:, :steps], y[:, d : d + steps]]
        if ahead:
            parts.append(y[:, 2 * d : 2 * d + steps])
        mixed = F.linear(torch.cat(parts, 2), weight[:, : len(parts) * width], self.mix.bias)
        return self.out(F.dropout(F.glu(mixed, 2), self.dropout, self.training))


class SpeechNet(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(PAIR * WIDTH, config.width)
        self.limit = nn.Embedding(len(LIMITS), config.width)
        self.layers = nn.ModuleList(Layer(config.width, d, config.dropout) for d in config.dilations)
        self.norm = nn.LayerNorm(config.width)
        self.heads = (len(config.phones), len(config.events), len(config.curves))
        self.leave = nn.Linear(config.width, PAIR * sum(self.heads))
        nn.init.normal_(self.limit.weight, std=0.02)

    @property
    def blocks(self) -> list[Layer]:
        return cast("list[Layer]", list(self.layers))

    def ahead(self, limit: int | None) -> list[bool]:
        """Which layers hear ahead within `limit` ms."""
        left = 10**9 if limit is None else limit // STEP_MS
        hears = []
        for dilation in self.config.dilations:
            hears.append(dilation <= left)
            left -= dilation * hears[-1]
        return hears

    def reach(self, limit: int | None = None) -> tuple[int, int]:
        """How many steps a step hears back and ahead."""
        hears = self.ahead(limit)
        return sum(self.config.dilations), sum(d for d, h in zip(self.config.dilations, hears, strict=True) if h)

    def forward(self, heard: Tensor, limit: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, WIDTH) features, T even, to logits of phones (B, T, P), of events (B, T, E) and curves (B, T, C)."""
        x = self.entered(heard, limit)
        for layer, hears in zip(self.blocks, self.ahead(limit), strict=True):
            x = layer(x, hears)
        return self.left(x)

    def entered(self, heard: Tensor, limit: int | None) -> Tensor:
        """(B, T / PAIR, width) of features (B, T, WIDTH)."""
        pairs = heard.reshape(heard.shape[0], -1, PAIR * WIDTH)
        return self.enter(pairs) + self.limit.weight[LIMITS.index(limit)]

    def left(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three outputs at every frame of (B, steps, width)."""
        frames = self.leave(self.norm(x)).reshape(x.shape[0], x.shape[1] * PAIR, -1)
        phones, events, curves = frames.split(self.heads, 2)
        return phones, events, curves


def save_weights(net: SpeechNet, path: Path, notes: str) -> None:
    """Write the weights as float16, the configuration in the metadata."""
    import json

    from safetensors.torch import save_file

    from ...rigs.files import replacing

    tensors = {name: value.detach().half().contiguous() for name, value in net.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), {"speech": json.dumps({**asdict(net.config), "notes": notes})})


def load_weights(path: Path) -> SpeechNet:
    """The network of a file that `save_weights` wrote, ready to listen.

    Raises:
        InputError: the file is missing or is another one's.
    """
    with reading_weights(path, "speech", "speech/phones") as (described, tensors):
        described.pop("notes", None)
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in described.items()}
        config = Config(**fields)
        net = SpeechNet(config)
        net.load_state_dict(tensors)
    return net.eval()
