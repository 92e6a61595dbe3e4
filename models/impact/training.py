# SPDX-License-Identifier: GPL-3.0-or-later
"""Training by the clock, which can be stopped and taken up again: what the networks that watch shots share."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from ...rigs.files import replacing
from ...rigs.job import Progress
from .shots import Clip, load_clips

_RATE, _WARM_UP, _AVERAGING = 1.5e-3, 100, 0.998
_SAVED_EVERY, _LONGEST_STEP = 120.0, 20.0  # s
_HELD_OUT = 12  # of the clips, every so-many-th is not learned from, but chooses what is sure enough


Net = TypeVar("Net", bound=nn.Module)


class Run(Generic[Net]):
    """A network, its running average and its optimiser. Subclasses give `step`."""

    def __init__(self, net: Net, seed: int) -> None:
        self.net, self.average, self.seed = net, copy.deepcopy(net), seed
        self.optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=0.02)
        self.done, self.elapsed = 0, 0.0

    def step(self, share: float) -> float:
        """One step at `share` 0..1 of the schedule; its error."""
        raise NotImplementedError

    def descend(self, error: Tensor, share: float) -> float:
        """Go down along an error, and let the average follow."""
        slower = 0.51 + 0.49 * math.cos(math.pi * min(share, 1.0))
        for group in self.optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (self.done + 1) / _WARM_UP) * slower
        self.optimizer.zero_grad(set_to_none=True)
        error.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        keep = min(_AVERAGING, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            for ours, theirs in zip(self.average.parameters(), self.net.parameters(), strict=True):
                ours.lerp_(theirs, 1 - keep)
        self.done += 1
        return float(error.detach())

    def save(self, path: Path) -> None:
        parts = {key: getattr(self, key).state_dict() for key in ("net", "average", "optimizer")}
        with replacing(path) as temporary:
            torch.save({**parts, "done": self.done, "elapsed": self.elapsed}, temporary)

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        for key in ("net", "average", "optimizer"):
            getattr(self, key).load_state_dict(state[key])
        self.done, self.elapsed = int(state["done"]), float(state["elapsed"])

    def run(self, minutes: float, checkpoint: Path, progress: Progress) -> None:
        """Go on until it has run for so many minutes in all, from `checkpoint` where there is one. Raises Cancelled."""
        if checkpoint.is_file():
            self.resume(checkpoint)
        shown, saved, clock = 0.0, self.elapsed, time.monotonic()
        while self.elapsed < 60 * minutes:
            share = self.elapsed / (60 * minutes)
            error = self.step(share)
            # A machine that slept meanwhile has not trained.
            self.elapsed += min(time.monotonic() - clock, _LONGEST_STEP)
            clock = time.monotonic()
            shown = error if not shown else 0.98 * shown + 0.02 * error
            progress(min(1.0, share), f"Training: step {self.done}, error {shown:.3f}")
            if self.elapsed - saved > _SAVED_EVERY:
                self.save(checkpoint)
                saved = self.elapsed
        self.save(checkpoint)


def clips_to_learn_from(folder: str | Path) -> tuple[list[Clip], list[Clip]]:
    """Those that are learned from and those that are held out of a folder of rendered clips, with the quiet ones.

    Raises:
        InputError: there are none.
    """
    clips = load_clips(folder, "train") + load_clips(folder, "quiet-train", needed=False)
    taught = [clip for index, clip in enumerate(clips) if index % _HELD_OUT]
    return taught or clips, clips[::_HELD_OUT]


@contextmanager
def few_threads() -> Iterator[None]:
    """As many as AVANIM_TRAIN_THREADS says, one by default."""
    threads = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("AVANIM_TRAIN_THREADS", "1")))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
