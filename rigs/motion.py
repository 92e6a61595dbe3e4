# SPDX-License-Identifier: GPL-3.0-or-later
"""Body motion, saved as AMASS-style .npz."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .npz import save_npz
from .rotation import resample_rotations
from .skeleton import SKELETONS, Skeleton

Array = NDArray[np.float64]


def tidy_fps(fps: float) -> float:
    """A frame rate without the noise that files store: 120.00004577 becomes 120; 29.97 stays."""
    return float(round(fps)) if abs(fps - round(fps)) < 0.01 and round(fps) > 0 else float(fps)


@dataclass(frozen=True)
class Motion:
    """`poses` (T, J, 3) axis-angle rad · `trans` (T, 3) m · `fps` · `betas` (B,) · `skeleton` name · `body` that it was
    made for, where that is known: "average", or the name of one of `characters.CHARACTERS`.

    World: Y up, +Z forward, the floor at y = 0. The root stands at the body's rest root + trans (SMPL's convention).
    """

    poses: Array
    trans: Array
    fps: float
    skeleton: str = "smpl24"
    betas: Array = field(default_factory=lambda: np.zeros(10))
    gender: str = "neutral"
    body: str = ""

    def __post_init__(self) -> None:
        if self.skeleton not in SKELETONS:
            raise InputError(f"Unknown skeleton {self.skeleton!r}; known are {', '.join(SKELETONS)}.")
        if (
            self.poses.ndim != 3
            or self.poses.shape[1:] != (len(self.rig), 3)
            or self.trans.shape != (len(self.poses), 3)
        ):
            raise InputError(
                f"Poses {self.poses.shape} and trans {self.trans.shape} do not fit skeleton {self.skeleton}; "
                f"give (T, {len(self.rig)}, 3) and (T, 3)."
            )
        if not (np.isfinite(self.poses).all() and np.isfinite(self.trans).all()):
            raise InputError("The motion holds values that are not numbers; repair or leave out those frames.")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"The frame rate must be a positive number, not {self.fps}.")

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def rig(self) -> Skeleton:
        return SKELETONS[self.skeleton]

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def resampled(self, fps: float) -> Motion:
        """The same motion at another frame rate: slerp for rotations, linear for the root; frame 0 stays at time 0."""
        if fps == self.fps:
            return self
        times = np.arange(len(self)) / self.fps
        new_times = np.arange(max(1, round(self.seconds * fps))) / fps
        trans = np.stack([np.interp(new_times, times, self.trans[:, axis]) for axis in range(3)], axis=1)
        return replace(self, poses=resample_rotations(self.poses, times, new_times), trans=trans, fps=float(fps))

    def on(self, skeleton: str) -> Motion:
        """The same motion on another skeleton: joints of the same name are kept, the others stay at rest."""
        if skeleton == self.skeleton:
            return self
        if skeleton not in SKELETONS:
            raise InputError(f"Unknown skeleton {skeleton!r}; known are {', '.join(SKELETONS)}.")
        joints = SKELETONS[skeleton].joints
        poses = np.zeros((len(self), len(joints), 3))
        for index, joint in enumerate(joints):
            if joint in self.rig.joints:
                poses[:, index] = self.poses[:, self.rig.index(joint)]
        return replace(self, poses=poses, skeleton=skeleton)

    def slice(self, start: float, stop: float) -> Motion:
        """The frames from `start` to before `stop` (s), moved to time 0.

        Raises:
            InputError: no frame lies between them.
        """
        first, last = max(0, round(start * self.fps)), min(len(self), round(stop * self.fps))
        if first >= last:
            raise InputError(f"No frame lies between {start} s and {stop} s of a motion of {self.seconds:.2f} s.")
        return replace(self, poses=self.poses[first:last], trans=self.trans[first:last])

    def mirrored(self) -> Motion:
        """Left and right exchanged in the plane x = 0, for a body whose root lies in that plane at rest."""
        swap = {"left": "right", "right": "left"}
        names = ["_".join(swap.get(part, part) for part in name.split("_")) for name in self.rig.joints]
        order = [self.rig.index(name) for name in names]
        # A reflection keeps the turn about its own axis and reverses those about the two others.
        return replace(self, poses=self.poses[:, order] * [1, -1, -1], trans=self.trans * [-1, 1, 1])

    def save(self, path: str | Path) -> None:
        """Write `poses` (T, J*3), `trans`, `mocap_framerate`, `betas`, `gender`, `up` and `body`, whole or not at all.

        The names are AMASS's, save two: AMASS's own files are Z up, and this one says with `up` that it is not; and
        `body` names the body that it was made for, where that is known.
        """
        save_npz(
            path,
            poses=self.poses.reshape(len(self), -1),
            trans=self.trans,
            mocap_framerate=np.float64(self.fps),
            betas=self.betas,
            gender=np.array(self.gender),
            up=np.array("y"),
            **({"body": np.array(self.body)} if self.body else {}),
        )
