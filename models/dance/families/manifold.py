# SPDX-License-Identifier: GPL-3.0-or-later
"""The convolutional motion manifold: a motion is cleaned by squeezing it through what is known of motion.

After D. Holden, J. Saito, T. Komura, "A Deep Learning Framework for Character Motion Synthesis and Editing", SIGGRAPH
2016: an autoencoder of a convolution over time and its transpose. Their units are rectified, pooled and learned by
descent; the ones here are linear, so that the best are known in closed form (the principal components of all short
stretches of motion), and what is most likely noise is told from their variances (Wiener). Joints that jump are found
by what the manifold cannot explain, and are not listened to.
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
from ....rigs.families.space import Space, headings, upright
from ....rigs.files import replacing
from ....rigs.motion import Motion
from ....rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ....rigs.skeleton import Rest
from ...weights_file import reading_weights

Array = NDArray[np.float64]

PATH_FILE = Path(__file__).resolve().parents[2] / "weights" / "dance_manifold.safetensors"
FPS = 30.0
_SHORTEST = 8  # frames
_ROUNDS = 6  # in which jumps are found
_ODD = 3.0  # times the usual error of its joint, a frame is half believed
_ROOT = 1.5  # frames, Gaussian, over place and heading


@dataclass(frozen=True)
class Config:
    width: int = 73
    code: int = 160
    frames: int = 15


class Manifold(nn.Module):
    """(N, width, T) vectors about their mean to the same, through a code (N, code, T)."""

    mean: Tensor  # (J, 3, 3) of the Space
    centre: Tensor  # (width,)
    kernel: Tensor  # (code, width, frames), orthonormal
    variance: Tensor  # (code,)

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros((config.width - 1) // 3, 3, 3))
        self.register_buffer("centre", torch.zeros(config.width))
        self.register_buffer("kernel", torch.zeros(config.code, config.width, config.frames))
        self.register_buffer("variance", torch.ones(config.code))

    def code(self, vectors: Tensor) -> Tensor:
        """Each of the frames lies in `frames` stretches; those at the ends go on as they end."""
        return F.conv1d(F.pad(vectors, (self.config.frames - 1,) * 2, mode="replicate"), self.kernel)

    def forward(self, vectors: Tensor, noise: float = 0.0) -> Tensor:
        """The mean of what the stretches make of a frame. `noise` is the variance of that in a number."""
        kept = self.variance / (self.variance + noise)
        made = F.conv_transpose1d(self.code(vectors) * kept[:, None], self.kernel) / self.config.frames
        return made[..., self.config.frames - 1 : made.shape[2] - self.config.frames + 1]

    @torch.no_grad()
    def projected(self, vectors: Array) -> Array:
        """(T, width) to the same, on the manifold."""
        given = torch.tensor(vectors, dtype=torch.float32).sub(self.centre).T[None]
        # Noise is what even the whole manifold leaves over, twice: the half that lies within it is not seen.
        rough = self(given)
        noise = float(((given - rough)[:, :-1] ** 2).median()) * 2 / 0.455
        joints = given.shape[1] // 3
        believed, made = given, self(given, noise)
        for _ in range(_ROUNDS):
            off = (given - made)[0, : 3 * joints].reshape(joints, 3, -1).norm(dim=1)
            usual = off.median(dim=1, keepdim=True).values + 1e-5
            belief = 1 / (1 + (off / (_ODD * usual)) ** 4)
            weight = torch.ones_like(given[0])
            weight[: 3 * joints] = belief.repeat_interleave(3, dim=0)
            believed = weight * given + (1 - weight) * made
            made = self(believed, noise)
        return made[0].T.add(self.centre).double().numpy()

    def space(self, rest: Rest) -> Space:
        average = Space.of([Motion(np.zeros((1, 24, 3)), np.zeros((1, 3)), FPS)], Rest.average())
        left, _, right = np.linalg.svd(self.mean.double().numpy())
        return replace(average, mean=left @ right)


def save(net: Manifold, path: Path) -> None:
    from safetensors.torch import save_file

    tensors = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    tensors["variance"] = net.variance.float()
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
    """The motion moved towards the manifold, 0 not at all and 1 onto it. Fingers stay as they are.

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
    given = space.body(scaled)
    made = given + strength * (net.projected(given) - given)
    fresh = _steadied(space.reposed(scaled, made), strength)
    fresh = replace(fresh, trans=fresh.trans / level).resampled(motion.fps)
    return _carried_into(motion, fresh), {"strength": strength}


def _level(rest: Rest) -> float:
    average = Rest.average()
    return float((average.joints[0, 1] - average.floor) / (rest.joints[0, 1] - rest.floor))


def _steadied(motion: Motion, strength: float) -> Motion:
    """Place and heading, of which the manifold knows nothing, smoothed a little."""
    heading = headings(motion.poses)
    calm: Any = gaussian_filter1d(heading, _ROOT, mode="nearest")
    poses = motion.poses.copy()
    poses[:, 0] = axis_angle_from_matrix(
        upright(strength * (calm - heading)) @ matrix_from_axis_angle(motion.poses[:, 0])
    )
    path = gaussian_filter1d(motion.trans, _ROOT, axis=0, mode="nearest")
    off = strength * (path - motion.trans) * np.array([1.0, 0.0, 1.0])
    return replace(motion, poses=poses, trans=motion.trans + off)


def _carried_into(motion: Motion, body: Motion) -> Motion:
    """`motion` with the joints of a body of SMPL's 24, which may be some frames shorter or longer."""
    at = np.minimum(np.arange(len(motion)), len(body) - 1)
    poses = motion.poses.copy()
    for joint in body.rig.joints[:22]:
        poses[:, motion.rig.index(joint)] = body.poses[at, body.rig.index(joint)]
    return replace(motion, poses=poses, trans=body.trans[at])
