# SPDX-License-Identifier: GPL-3.0-or-later
"""What the published first stages share: sound to principal components of points of the face, and to shape keys.

Each method is a `Recipe` in a file of its own: what it hears, its network, how long it waits, which points it moves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from ...rigs.sound import Sound
from .. import device as devices
from ..weights_file import reading_weights
from .hearing import Source
from .landmarks import Landmarks

Array = NDArray[np.float64]

FOLDER = Path(__file__).parent.parent / "weights"


@dataclass(frozen=True)
class Recipe:
    """One method.

    `hears` sound to (T, F) float32 at `fps` · `build` (F, outputs) to a network that takes (B, T, F) sound and
    (B, K) the components of the face at rest, and gives (B, T, outputs) · `delay` frames of sound that it has heard
    when it says what a frame looks like · `points` of the 68 · `components`, None for the coordinates themselves ·
    `margin` s that it has to hear before and after a part.
    """

    name: str
    reference: str
    hears: Callable[[Sound], NDArray[np.float32]]
    build: Callable[[int, int], nn.Module]
    fps: float
    delay: int
    points: tuple[int, ...]
    components: int | None
    sequence: int = 100
    batch: int = 100
    margin: float = 1.0

    @property
    def weights(self) -> Path:
        return FOLDER / f"face_{self.name}.safetensors"


@dataclass(frozen=True)
class Space:
    """Where points live: `mean` (D,), `basis` (K, D), and `scale`, one for all, so that large components weigh more."""

    mean: Array
    basis: Array
    scale: float

    @classmethod
    def of(cls, points: Array, components: int | None) -> Space:
        """Of points (T, D): their principal components, or each coordinate by itself."""
        mean = points.mean(0)
        if components is None:
            return cls(mean, np.eye(points.shape[1]), float(points.std()) + 1e-6)
        values, vectors = np.linalg.eigh(np.cov(points.T))
        return cls(mean, vectors[:, ::-1][:, :components].T.copy(), float(np.sqrt(values[-1])) + 1e-6)

    def encode(self, points: Array) -> Array:
        return (points - self.mean) @ self.basis.T / self.scale

    def decode(self, values: Array) -> Array:
        return values * self.scale @ self.basis + self.mean


@dataclass(frozen=True)
class Learned:
    """A method's network with all it needs: `mean`, `std` (F,) of what it hears, and the face it was learned on."""

    net: nn.Module
    space: Space
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    face: Landmarks

    def points(self, recipe: Recipe, sound: Sound, device: torch.device) -> Array:
        """(T, P, 2) at the recipe's fps; frame t has heard the sound up to t + delay."""
        heard = (recipe.hears(sound) - self.mean) / self.std
        if not len(heard):
            return np.zeros((0, len(recipe.points), 2))
        heard = np.pad(heard, ((0, recipe.delay), (0, 0)), mode="edge")
        rest = self.space.encode(self.face.rest.reshape(1, -1))
        net = self.net.to(device).eval()
        with torch.inference_mode():
            said = net(_tensor(heard[None]).to(device), _tensor(rest).to(device))[0, recipe.delay :]
        return self.space.decode(said.double().cpu().numpy()).reshape(len(said), -1, 2)


def mouth(recipe: Recipe, source: Source, fps: float, *, device: str = "auto", progress: Progress = silent) -> Array:
    """(T, 52) weights of mouth and jaw, T = round(seconds · fps), at least 1. Raises InputError: no weights."""
    seconds = source.seconds
    learned = load_weights(recipe)
    on = devices.choose(device)
    part, made = 60.0, []
    count = max(1, round(seconds * recipe.fps))
    start = 0.0
    while start < seconds or not made:
        before = min(start, recipe.margin)
        points = learned.points(recipe, source.read(start - before, before + part + recipe.margin), on)
        first = round(before * recipe.fps)
        made.append(points[first : first + round(part * recipe.fps)])
        start += part
        progress(min(start / max(seconds, 1e-6), 1.0), "Moving the lips")
    points = np.concatenate(made)
    if len(points) < count:
        last = points[-1:] if len(points) else learned.face.rest[None]
        points = np.concatenate([points, np.repeat(last, count - len(points), axis=0)])
    weights = learned.face.weights(points[:count])
    times = np.arange(max(1, round(seconds * fps))) / fps
    # Frame t of the sound is centred half a frame later.
    own = (np.arange(len(weights)) + 0.5) / recipe.fps
    return np.stack([np.interp(times, own, column) for column in weights.T], axis=1)


def save_weights(learned: Learned, recipe: Recipe, path: str | Path) -> None:
    """Everything in one float16 .safetensors, whole or not at all."""
    from safetensors.torch import save_file

    net = learned.net.state_dict()
    tensors = {f"net.{name}": value.detach().half().cpu().contiguous() for name, value in net.items()}
    arrays = {
        "mean": learned.mean, "std": learned.std, "space.mean": learned.space.mean, "space.basis": learned.space.basis,
        "face.rest": learned.face.rest, "face.moves": learned.face.moves,
    }  # fmt: skip
    tensors.update({name: _tensor(value).half().contiguous() for name, value in arrays.items()})
    about = {"method": recipe.name, "scale": learned.space.scale, "inputs": len(learned.mean)}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), {"face": json.dumps(about)})


@lru_cache(maxsize=4)
def load_weights(recipe: Recipe, path: Path | None = None) -> Learned:
    """A method as it is shipped, or from a file of its own. Raises InputError: the file is missing or not one of it."""
    path = path or recipe.weights
    with reading_weights(path, "face", f"face/{recipe.name}") as (about, tensors):
        if about["method"] != recipe.name:
            raise ValueError(f"it is one of face/{about['method']}")
        basis = tensors["space.basis"].numpy().astype(float)
        net = recipe.build(int(about["inputs"]), len(basis))
        net.load_state_dict({name[4:]: value for name, value in tensors.items() if name.startswith("net.")})
        space = Space(tensors["space.mean"].numpy().astype(float), basis, float(about["scale"]))
        face = Landmarks(tensors["face.rest"].numpy().astype(float), tensors["face.moves"].numpy().astype(float))
        return Learned(net.eval(), space, tensors["mean"].numpy(), tensors["std"].numpy(), face)


class Delayed(nn.Module):
    """LSTM of one direction and one layer whose states run through the whole sound."""

    def __init__(self, inputs: int, outputs: int, hidden: int = 60) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, sound: Tensor, rest: Tensor) -> Tensor:
        return self.out(self.lstm(sound)[0])


def _tensor(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
