# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses as vectors in which straight lines are sensible: rotations away from the mean pose, weighted by their reach.

numpy alone: Blender's own process runs this too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..motion import Motion
from ..rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
)
from ..skeleton import Rest, Skeleton

Array = NDArray[np.float64]

PATH = 3  # numbers of a frame that lead over the floor: step to the left m, step forward m, turn rad
_LEAST_REACH = 0.03  # m, of a joint that nothing hangs on: hands, head, toes


def headings(poses: Array) -> Array:
    """(T,) rad, unwrapped: the part of the root's rotation that turns about Y, of poses (T, J, 3)."""
    quaternion = quaternion_from_axis_angle(poses[:, 0])
    return np.unwrap(2 * np.arctan2(quaternion[:, 2], quaternion[:, 0]))


def upright(angle: Array) -> Array:
    """(T,) rad to the turns about Y, (T, 3, 3)."""
    return matrix_from_axis_angle(angle[..., None] * np.array([0.0, 1.0, 0.0]))


def reach(skeleton: Skeleton, rest: Rest) -> Array:
    """(J,) m: how far a joint moves the joints that hang on it, root mean square over all joints, per rad."""
    joints, parents = rest.joints, skeleton.parents
    total = np.full(len(skeleton), _LEAST_REACH**2)
    for joint in range(len(skeleton)):
        above = parents[joint]
        while above >= 0:
            total[above] += ((joints[joint] - joints[above]) ** 2).sum() * 2 / 3
            above = parents[above]
    return np.sqrt(total / len(skeleton))


@dataclass(frozen=True)
class Space:
    """Where the poses of some motions live.

    A body vector (3 J + 1,) holds for each joint the logarithm of its rotation away from the mean one, times `weight`,
    and at last the root's height. Its squared length is about the mean squared way of the joints, in m². Heading and
    place are left out; they are the path's, (T, 3): the step to the next frame in the root's own axes, and the turn.

    `mean` (J, 3, 3) · `weight` (J,) m per rad.
    """

    skeleton: str
    mean: Array
    weight: Array

    @classmethod
    def of(cls, motions: Sequence[Motion], rest: Rest) -> Space:
        """Raises InputError: motions of different skeletons, or not of the body's."""
        if len({motion.skeleton for motion in motions}) != 1 or motions[0].skeleton != rest.skeleton.name:
            raise InputError("The motions and the body must be of one skeleton; convert them first.")
        matrices = np.concatenate([_without_heading(motion) for motion in motions])
        left, _, right = np.linalg.svd(matrices.mean(axis=0))
        # The rotation that is nearest to the average of the matrices (Moakher 2002).
        flip = np.where(np.linalg.det(left @ right) < 0, -1.0, 1.0)
        left[..., 2] *= flip[:, None]
        return cls(motions[0].skeleton, left @ right, reach(motions[0].rig, rest))

    def body(self, motion: Motion) -> Array:
        """(T, 3 J + 1)."""
        away = quaternion_from_matrix(np.swapaxes(self.mean, -1, -2) @ _without_heading(motion))
        # No joint turns half way round from its mean: the short way is the one.
        away *= np.where(away[..., :1] < 0, -1.0, 1.0)
        sine = np.linalg.norm(away[..., 1:], axis=-1, keepdims=True)
        angle = 2 * np.arctan2(sine, away[..., :1])
        logarithm = away[..., 1:] * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-12), 2.0)
        flat = (logarithm * self.weight[:, None]).reshape(len(motion), -1)
        return np.concatenate([flat, motion.trans[:, 1:2]], axis=1)

    def path(self, motion: Motion) -> Array:
        """(T, 3); of the last frame, as of the one before."""
        heading = headings(motion.poses)
        step = np.einsum("tij,tj->ti", upright(-heading[:-1]), np.diff(motion.trans, axis=0))[:, [0, 2]]
        path = np.concatenate([step, np.diff(heading)[:, None]], axis=1)
        return np.concatenate([path, path[-1:]]) if len(path) else np.zeros((1, PATH))

    def motion(self, body: Array, path: Array, like: Motion, start: Motion | None = None) -> Motion:
        """The motion of vectors (T, …) and path (T, 3), with `like`'s rate; it begins where `start` (`like`) does."""
        start = like if start is None else start
        heading = headings(start.poses)[0] + np.concatenate([[0.0], np.cumsum(path[:-1, 2])])
        ways = np.einsum("tij,tj->ti", upright(heading[:-1]), path[:-1] @ [[1.0, 0, 0], [0, 0, 1.0], [0, 0, 0]])
        trans = start.trans[0] + np.concatenate([np.zeros((1, 3)), np.cumsum(ways, axis=0)])
        trans[:, 1] = body[:, -1]
        logarithm = body[:, :-1].reshape(len(body), -1, 3) / self.weight[:, None]
        matrices = self.mean @ matrix_from_axis_angle(logarithm)
        matrices[:, 0] = upright(heading) @ matrices[:, 0]
        return replace(like, poses=axis_angle_from_matrix(matrices), trans=trans)

    def reposed(self, motion: Motion, body: Array) -> Motion:
        """The motion with other poses on its own way over the floor."""
        logarithm = body[:, :-1].reshape(len(body), -1, 3) / self.weight[:, None]
        matrices = self.mean @ matrix_from_axis_angle(logarithm)
        matrices[:, 0] = upright(headings(motion.poses)) @ matrices[:, 0]
        trans = motion.trans.copy()
        trans[:, 1] = body[:, -1]
        return replace(motion, poses=axis_angle_from_matrix(matrices), trans=trans)


def _without_heading(motion: Motion) -> Array:
    matrices = matrix_from_quaternion(quaternion_from_axis_angle(motion.poses))
    matrices[:, 0] = upright(-headings(motion.poses)) @ matrices[:, 0]
    return matrices


@dataclass(frozen=True)
class Components:
    """Principal components: `mean` (D,), `basis` (k, D) of unit length, `spread` (k,) their standard deviations."""

    mean: Array
    basis: Array
    spread: Array
    share: Array  # (k,) of the variance

    @classmethod
    def of(cls, vectors: Array, count: int) -> Components:
        """The first `count` of (T, D), or as many as there are."""
        mean = vectors.mean(axis=0)
        _, size, basis = np.linalg.svd(vectors - mean, full_matrices=False)
        variance = size**2 / max(1, len(vectors) - 1)
        count = max(1, min(count, int((size > 1e-9).sum())))
        # The sign is free: the largest entry is positive, so that a slider has one direction.
        signs = np.sign(basis[np.arange(len(basis)), np.abs(basis).argmax(axis=1)])
        basis = basis * np.where(signs == 0, 1.0, signs)[:, None]
        share = variance / max(float(variance.sum()), 1e-12)
        return cls(mean, basis[:count], np.sqrt(variance[:count]), share[:count])

    def squeezed(self, vectors: Array) -> Array:
        """(T, D) to (T, k)."""
        return (vectors - self.mean) @ self.basis.T

    def unfolded(self, coordinates: Array) -> Array:
        """(T, k) to (T, D)."""
        return coordinates @ self.basis + self.mean
