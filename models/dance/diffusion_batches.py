# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches for the motion model: windows of eight beats, varied, parts of which are given and the rest to be found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import SMPL24
from .beat_frames import CONTACTS, HEIGHT, PER_BEAT, ROOT, WIDTH, columns, mirrored
from .diffusion import place_columns, scalar_columns
from .diffusion_data import Take
from .diffusion_net import Config
from .diffusion_path import way_to_go

Array = NDArray[Any]

_UPPER = [SMPL24.index(f"{s}_{p}") for s in ("left", "right") for p in ("collar", "shoulder", "elbow", "wrist", "hand")]
_LEGS = [SMPL24.index(f"{s}_{p}") for s in ("left", "right") for p in ("hip", "knee", "ankle", "foot")]
_TRUNK = [SMPL24.index(name) for name in ("spine1", "spine2", "spine3", "neck", "head")]
_SHARES = {"recorded": 0.4, "written": 0.35, "chained": 0.25}


def _columns_of(joints: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(WIDTH)[columns(joint)] for joint in joints])


_CONTACT = np.arange(WIDTH)[CONTACTS]
_ROOT = np.append(HEIGHT, np.arange(WIDTH)[ROOT])
_LOWER = np.concatenate([_CONTACT, _ROOT, _columns_of([0, *_LEGS])])
_PARTS = [_columns_of(_UPPER), _columns_of([*_UPPER, *_TRUNK]), _LOWER, _columns_of(_TRUNK), _ROOT, np.arange(5, 8)]


def random_known(frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(T, 152): what of a window is given. Gaps, single poses, a beginning, parts of the body, a path, or nothing."""
    known = np.zeros((frames, WIDTH), bool)
    kind = rng.choice(6, p=[0.12, 0.36, 0.14, 0.14, 0.14, 0.10])
    if kind == 1:  # one or two gaps
        known[:] = True
        for _ in range(rng.integers(1, 3)):
            length = round(PER_BEAT * float(np.exp(rng.uniform(np.log(0.33), np.log(5)))))
            start = int(rng.integers(-length // 2, frames - length // 2))
            known[max(start, 0) : start + length] = False
    elif kind == 2:  # single poses, up to one a beat
        known[rng.random(frames) < np.exp(rng.uniform(np.log(0.01), np.log(0.12)))] = True
    elif kind == 3:  # go on from here, or lead up to there
        length = int(rng.integers(2, frames // 2))
        known[:length] = True
        if rng.random() < 0.3:
            known = known[::-1].copy()
    elif kind >= 4:  # parts of the body all along, and perhaps a gap in which the rest is missing
        if kind == 4:
            known[:] = True
            length = int(rng.integers(PER_BEAT, frames))
            start = int(rng.integers(0, frames - length + 1))
            known[start : start + length] = False
        for which in rng.choice(len(_PARTS), rng.integers(1, 3), replace=False):
            known[:, _PARTS[which]] = True
    if rng.random() < 0.5:
        known[:, CONTACTS] = False
    return known


class Batches:
    """Windows out of takes, varied: mirrored, relabelled in tempo, arms of one on the legs of another, arms larger."""

    def __init__(self, takes: Sequence[Take], config: Config, levels: Array) -> None:
        window = config.window
        self.config, self.levels = config, levels
        self.takes = [take for take in takes if len(take.frames) >= PER_BEAT * 5]
        self.chance = np.zeros(len(self.takes))
        for origin, share in _SHARES.items():
            sizes = np.array([len(take.frames) * (take.origin == origin) for take in self.takes], float)
            if sizes.any():
                self.chance += share * sizes / sizes.sum()
        self.chance /= self.chance.sum()
        self.window = window

    def _window(self, rng: np.random.Generator) -> tuple[Take, NDArray[np.float32], float, float]:
        """A take, frames (T, 152), the beat of the first, and the energy. A short take is held at its ends."""
        take = self.takes[rng.choice(len(self.takes), p=self.chance)]
        start = int(rng.integers(0, max(1, len(take.frames) - self.window + 1)))
        frames = take.frames[start : start + self.window]
        speed = float(take.speed[start : start + self.window].mean())
        if len(frames) < self.window:
            frames = np.concatenate([frames, np.repeat(frames[-1:], self.window - len(frames), axis=0)])
            frames[-(self.window - len(take.frames)) :, ROOT] = 0
        if rng.random() < 0.5:
            frames = mirrored(frames)
        energy = float(np.interp(speed, self.levels, np.linspace(0, 1, len(self.levels))))
        return take, frames, take.beat + start / PER_BEAT, energy

    def sample(self, size: int, rng: np.random.Generator) -> dict[str, Array]:
        """Arrays of a batch, frames not yet normalised."""
        rows: dict[str, list[Any]] = {key: [] for key in ("frames", "known", "place", "style", "scalars")}
        styles = self.config.styles
        for _ in range(size):
            take, frames, beat, energy = self._window(rng)
            if rng.random() < 0.2:
                frames = frames.copy()
                swapped = _columns_of(_UPPER)
                frames[:, swapped] = self._window(rng)[1][:, swapped]
            if rng.random() < 0.3:
                frames = frames.copy()
                chosen = _columns_of(_UPPER)
                mean = frames[:, chosen].mean(axis=0)
                frames[:, chosen] = mean + (frames[:, chosen] - mean) * rng.uniform(0.75, 1.2)
            known = random_known(len(frames), rng)
            drop = rng.random(5)
            bare = drop[4] < 0.08
            named = [styles.index(style) for style in take.styles if style in styles]
            label = named[rng.integers(len(named))] if named and drop[0] > 0.15 and not bare else len(styles)
            bpm = take.bpm * float(np.exp(rng.uniform(-0.25, 0.25)))
            rows["frames"].append(frames)
            rows["known"].append(known)
            rows["place"].append(
                place_columns(
                    len(frames), beat if drop[3] > 0.1 else None, take.metre,
                    way_to_go(frames, known, rng.random() < 0.5),
                )
            )  # fmt: skip
            rows["style"].append(label)
            rows["scalars"].append(
                scalar_columns(
                    bpm if drop[1] > 0.15 and not bare else None, energy if drop[2] > 0.15 and not bare else None
                )
            )
        return {key: np.array(value) for key, value in rows.items()}
