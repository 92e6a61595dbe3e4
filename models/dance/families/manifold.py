# SPDX-License-Identifier: GPL-3.0-or-later
"""The convolutional motion manifold: a motion is cleaned by squeezing it through a network that knows only motion.

D. Holden, J. Saito, T. Komura, "A Deep Learning Framework for Character Motion Synthesis and Editing", SIGGRAPH 2016.
An autoencoder over time, trained to give back what noise has spoiled. The one here has two convolutions each way,
where the paper has one, and works at 30 frames a second.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn

from ....rigs.errors import InputError
from ....rigs.families.space import PATH, Space, headings, upright
from ....rigs.files import replacing
from ....rigs.motion import Motion
from ....rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ....rigs.skeleton import Rest
from ...weights_file import reading_weights

Array = NDArray[np.float64]

PATH_FILE = Path(__file__).resolve().parents[2] / "weights" / "dance_manifold.safetensors"
FPS = 30.0
_WAY = 0.5  # s, standard deviation: slower than that, the way over the floor is the given one's
_SHORTEST = 8  # frames


@dataclass(frozen=True)
class Config:
    width: int = 76
    hidden: int = 192
    code: int = 96
    kernel: int = 15
    inner: int = 7


class Manifold(nn.Module):
    """(N, width, T) normalised vectors to the same, through a code (N, code, T / 2)."""

    mean: Tensor  # (J, 3, 3) of the Space
    centre: Tensor  # (width,)
    scale: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        joints = (config.width - 1 - PATH) // 3
        self.register_buffer("mean", torch.zeros(joints, 3, 3))
        self.register_buffer("centre", torch.zeros(config.width))
        self.register_buffer("scale", torch.ones(config.width))

        def over_time(a: int, b: int, kernel: int) -> nn.Conv1d:
            return nn.Conv1d(a, b, kernel, padding=kernel // 2, padding_mode="replicate")

        self.into = over_time(config.width, config.hidden, config.kernel)
        self.deeper = over_time(config.hidden, config.code, config.inner)
        self.back = over_time(config.code, config.hidden, config.inner)
        self.out = over_time(config.hidden, config.width, config.kernel)
        self._begin()

    @torch.no_grad()
    def _begin(self) -> None:
        """Let it give back, at first, the means of two frames each: what has to be learned is what to leave out."""
        for layer in (self.into, self.deeper, self.back, self.out):
            layer.weight.mul_(0.3)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        size = min(self.config.width, self.config.code, self.config.hidden // 2)
        here = torch.arange(size)
        for sign, unit in ((1.0, here), (-1.0, here + size)):
            self.into.weight[unit, here, self.config.kernel // 2] = sign
            self.deeper.weight[here, unit, self.config.inner // 2] = sign
            self.back.weight[unit, here, self.config.inner // 2] = sign
            self.out.weight[here, unit, self.config.kernel // 2] = sign

    def code(self, vectors: Tensor) -> Tensor:
        return self.deeper(F.avg_pool1d(F.relu(self.into(vectors)), 2, ceil_mode=True))

    def forward(self, vectors: Tensor) -> Tensor:
        hidden = F.relu(self.back(self.code(vectors)))
        # The pooling's inverse: each frame of the code stands for two.
        return self.out(hidden.repeat_interleave(2, dim=2)[..., : vectors.shape[2]])

    def learn_scales(self, vectors: Array) -> None:
        """From (T, width): lengths stay in m, so that errors count as they are seen; paths are brought to the same."""
        self.centre.copy_(torch.tensor(vectors.mean(0)))
        spread = vectors.std(0)
        scale = np.full(vectors.shape[1], float(np.sqrt((spread[:-PATH] ** 2).mean())))
        scale[-PATH:] = np.maximum(spread[-PATH:], 1e-4)
        self.scale.copy_(torch.tensor(scale))

    @torch.no_grad()
    def projected(self, vectors: Array) -> Array:
        """(T, width) to the same, on the manifold."""
        given = (torch.tensor(vectors, dtype=torch.float32) - self.centre) / self.scale
        made = self(given.T[None])[0].T
        return (made * self.scale + self.centre).double().numpy()

    def space(self, rest: Rest) -> Space:
        average = Space.of([Motion(np.zeros((1, 24, 3)), np.zeros((1, 3)), FPS)], Rest.average())
        return replace(average, mean=self.mean.double().numpy())


def vectors_of(space: Space, motion: Motion) -> Array:
    """(T, 76) of a motion on SMPL's 24 joints."""
    return np.concatenate([space.body(motion), space.path(motion)], axis=1)


def save(net: Manifold, path: Path) -> None:
    from safetensors.torch import save_file

    tensors = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), metadata={"manifold": json.dumps(asdict(net.config))})


def load(path: Path = PATH_FILE) -> Manifold:
    """Raises InputError where there are no weights."""
    with reading_weights(path, "manifold", "dance/manifold") as (described, tensors):
        net = Manifold(Config(**described))
        net.load_state_dict(tensors)
        return net.eval()


def cleaned(
    motion: Motion, rest: Rest, strength: float = 1.0, weights: Path = PATH_FILE
) -> tuple[Motion, dict[str, Any]]:
    """The motion moved towards the manifold, 0 not at all and 1 onto it. Fingers, and slow drift, stay as they are.

    Raises:
        InputError: a strength outside 0..1, a motion of less than `_SHORTEST` frames, or no weights.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"The strength must be between 0 and 1, not {strength:g}.")
    body = motion.on("smpl24").resampled(FPS)
    if len(body) < _SHORTEST:
        raise InputError(f"A motion of {motion.seconds:.2f} s is too short to be cleaned; give a longer one.")
    net = load(weights)
    space, level = net.space(rest), _level(rest)
    # The manifold knows the average body, whose hips are as high as its legs are long.
    scaled = replace(body, trans=body.trans * level)
    given = vectors_of(space, scaled)
    made = net.projected(given)
    made = given + strength * (made - given)
    fresh = space.motion(made[:, :-PATH], made[:, -PATH:], scaled)
    fresh = _on_its_way(fresh, scaled)
    fresh = replace(fresh, trans=fresh.trans / level).resampled(motion.fps)
    return _carried_into(motion, fresh), {"strength": strength}


def _level(rest: Rest) -> float:
    average = Rest.average()
    return float((average.joints[0, 1] - average.floor) / (rest.joints[0, 1] - rest.floor))


def _on_its_way(fresh: Motion, given: Motion) -> Motion:
    """`fresh` led back to where `given` slowly goes, in place and in heading."""
    sigma = _WAY * given.fps
    off = gaussian_filter1d(given.trans - fresh.trans, sigma, axis=0, mode="nearest") * [1, 0, 1]
    off_course = np.unwrap(headings(given.poses) - headings(fresh.poses))
    turned = np.asarray(gaussian_filter1d(off_course, sigma, mode="nearest"), float)
    poses = fresh.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(upright(turned) @ matrix_from_axis_angle(poses[:, 0]))
    return replace(fresh, poses=poses, trans=fresh.trans + off)


def _carried_into(motion: Motion, body: Motion) -> Motion:
    """`motion` with the joints of a body of SMPL's 24, which may be some frames shorter or longer."""
    at = np.minimum(np.arange(len(motion)), len(body) - 1)
    poses = motion.poses.copy()
    for joint in body.rig.joints[:22]:
        poses[:, motion.rig.index(joint)] = body.poses[at, body.rig.index(joint)]
    return replace(motion, poses=poses, trans=body.trans[at])
