# SPDX-License-Identifier: GPL-3.0-or-later
"""Style machines: a hidden Markov model of two motions, whose styles are mixed.

M. Brand, A. Hertzmann, "Style Machines", SIGGRAPH 2000. States are shared; each emits pose and velocity by a Gaussian
whose mean and variance a style vector moves, here one number from the first motion to the second. Fitted by EM. The
paper's entropic prior, which finds the number of states, is left out: it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from ..errors import InputError
from ..motion import Motion
from ..skeleton import Rest
from .space import Components, Space

Array = NDArray[np.float64]

_LATENT = 12  # principal components of the body
_PATH_SCALE = np.array([2.0, 2.0, 1.0])  # of steps (m) and turns (rad) against the body's vectors
_FLOOR = 0.02  # least standard deviation of an emission, as part of the whole's
_TIE = 8.0  # frames counted beforehand of a state's mean of both styles, each about its own, so that it stays one
_STAY = 2.0  # frames counted beforehand of each state's staying as it is


@dataclass(frozen=True)
class StyleMachine:
    """`means`, `variances` (2 styles, K states, 2 d: value and speed a frame) · `start` (K,) · `transition` (K, K)."""

    space: Space
    components: Components
    start: Array
    transition: Array
    means: Array
    variances: Array
    likelihood: tuple[float, ...]  # per frame, after each round of EM

    def emissions(self, style: float) -> tuple[Array, Array]:
        """Means and variances (K, 2 d) at a style, 0 the first motion's and 1 the second's; beyond, exaggerated."""
        mean = (1 - style) * self.means[0] + style * self.means[1]
        share = np.clip(style, 0, 1)
        return mean, np.exp((1 - share) * np.log(self.variances[0]) + share * np.log(self.variances[1]))

    def observed(self, motion: Motion) -> Array:
        """(T, d): principal components of the poses, and the path."""
        return _observed(self.space, self.components, motion)

    def states(self, motion: Motion, style: float) -> NDArray[np.intp]:
        """(T,) the likeliest path (Viterbi) of a motion in a style."""
        score = _log_density(_with_speed(self.observed(motion)), *self.emissions(style))
        move = np.log(self.transition + 1e-12)
        best = np.log(self.start + 1e-12) + score[0]
        back = np.zeros(score.shape, np.intp)
        for t in range(1, len(score)):
            way = best[:, None] + move
            back[t] = way.argmax(axis=0)
            best = way.max(axis=0) + score[t]
        path = np.empty(len(score), np.intp)
        path[-1] = best.argmax()
        for t in range(len(score) - 1, 0, -1):
            path[t - 1] = back[t, path[t]]
        return path

    def drawn(self, frames: int, seed: int) -> NDArray[np.intp]:
        """(frames,) a path drawn from the machine."""
        rng = np.random.default_rng(seed)
        path = np.empty(frames, np.intp)
        path[0] = rng.choice(len(self.start), p=self.start / self.start.sum())
        for t in range(1, frames):
            path[t] = rng.choice(len(self.start), p=self.transition[path[t - 1]])
        return path

    def trajectory(self, path: NDArray[np.intp], style: float) -> Array:
        """(T, d): the likeliest values along a path, given what its states say of value and of speed."""
        mean, variance = (table[path] for table in self.emissions(style))
        size = mean.shape[1] // 2
        result = np.empty((len(path), size))
        for k in range(size):
            value, speed = 1 / variance[:, k], 1 / variance[:-1, size + k]
            band = np.zeros((2, len(path)))
            band[1] = value
            band[1, :-1] += speed
            band[1, 1:] += speed
            band[0, 1:] = -speed
            right = value * mean[:, k]
            right[:-1] -= speed * mean[:-1, size + k]
            right[1:] += speed * mean[:-1, size + k]
            result[:, k] = solveh_banded(band, right)
        return result

    def motion(self, values: Array, like: Motion) -> Motion:
        """The motion of values (T, d), from `like`'s first place on."""
        latent, path = values[:, : -len(_PATH_SCALE)], values[:, -len(_PATH_SCALE) :] / _PATH_SCALE
        return self.space.motion(self.components.unfolded(latent), path, like)


def _observed(space: Space, components: Components, motion: Motion) -> Array:
    return np.concatenate([components.squeezed(space.body(motion)), space.path(motion) * _PATH_SCALE], axis=1)


def _with_speed(values: Array) -> Array:
    return np.concatenate([values, np.diff(values, axis=0, append=2 * values[-1:] - values[-2:-1])], axis=1)


def _log_density(values: Array, mean: Array, variance: Array) -> Array:
    """(T, D) under K diagonal Gaussians: (T, K)."""
    off = (values**2) @ (1 / variance).T - 2 * values @ (mean / variance).T + (mean**2 / variance).sum(1)
    return -0.5 * (off + np.log(2 * np.pi * variance).sum(1))


def _forward_backward(score: Array, start: Array, transition: Array) -> tuple[Array, Array, float]:
    """Of log densities (T, K): state posteriors (T, K), summed transition posteriors (K, K), log likelihood."""
    top = score.max(axis=1, keepdims=True)
    density = np.exp(score - top)
    frames = len(score)
    ahead, scale = np.empty_like(density), np.empty(frames)
    for t in range(frames):
        value = (start if t == 0 else ahead[t - 1] @ transition) * density[t]
        scale[t] = max(value.sum(), 1e-300)
        ahead[t] = value / scale[t]
    behind = np.ones_like(density)
    for t in range(frames - 2, -1, -1):
        behind[t] = transition @ (density[t + 1] * behind[t + 1]) / scale[t + 1]
    pairs = transition * (ahead[:-1].T @ (density[1:] * behind[1:] / scale[1:, None]))
    return ahead * behind, pairs, float(np.log(scale).sum() + top.sum())


def _first_states(values: Sequence[Array], count: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """k-means from frames that lie far apart (k-means++), on values normalised motion by motion: a state is a moment
    of the movement, in whichever style."""
    unit = np.concatenate([(one - one.mean(0)) / (one.std(0) + 1e-9) for one in values])
    centres = unit[[rng.integers(len(unit))]]
    while len(centres) < count:
        away = ((unit[:, None] - centres) ** 2).sum(-1).min(1)
        if away.sum() <= 0:
            break
        centres = np.concatenate([centres, unit[[rng.choice(len(unit), p=away / away.sum())]]])
    label = np.zeros(len(unit), np.intp)
    for _ in range(15):
        label = ((unit[:, None] - centres) ** 2).sum(-1).argmin(1)
        centres = np.stack([unit[label == k].mean(0) if (label == k).any() else c for k, c in enumerate(centres)])
    return np.split(label, np.cumsum([len(one) for one in values])[:-1])


def learn(first: Motion, second: Motion, rest: Rest, states: int = 24, rounds: int = 12, seed: int = 0) -> StyleMachine:
    """A machine of two motions on one skeleton, the second resampled to the first's rate.

    Raises:
        InputError: less than a second of either.
    """
    second = second.resampled(first.fps)
    for motion in (first, second):
        if motion.seconds < 1:
            raise InputError(f"A style is learned from a second of motion at least, not from {motion.seconds:.2f} s.")
    space = Space.of([first, second], rest)
    components = Components.of(np.concatenate([space.body(one) for one in (first, second)]), _LATENT)
    data = [_with_speed(_observed(space, components, one)) for one in (first, second)]
    pooled = np.concatenate(data)
    floor = (_FLOOR * pooled.std(0)) ** 2 + 1e-10
    states = min(states, len(pooled) // 10)
    labels = _first_states(data, states, np.random.default_rng(seed))
    posts = [np.eye(states)[label] for label in labels]
    pairs = [post[:-1].T @ post[1:] for post in posts]
    means, variances = np.empty((2, states, pooled.shape[1])), np.empty((2, states, pooled.shape[1]))
    shifts = [values.mean(0) - pooled.mean(0) for values in data]
    plain = [values - shift for values, shift in zip(data, shifts, strict=True)]
    likelihood: list[float] = []
    start, transition = np.empty(states), np.empty((states, states))
    for _ in range(rounds):
        joint, even = np.concatenate(posts), np.concatenate(plain)
        weight = joint.sum(0)[:, None] + 1e-9
        both = joint.T @ even / weight
        spread = joint.T @ even**2 / weight - both**2
        for style, (post, values) in enumerate(zip(posts, data, strict=True)):
            seen = post.sum(0)[:, None]
            means[style] = (post.T @ values + _TIE * (both + shifts[style])) / (seen + _TIE)
            square = post.T @ (values**2) - 2 * means[style] * (post.T @ values) + seen * means[style] ** 2
            variances[style] = np.maximum((square + _TIE * np.maximum(spread, 0)) / (seen + _TIE), floor)
        start = (posts[0][0] + posts[1][0]) / 2 + 1e-3
        start = start / start.sum()
        counts = pairs[0] + pairs[1] + _STAY * np.eye(states) + 1e-4
        transition = counts / counts.sum(axis=1, keepdims=True)
        found = [
            _forward_backward(_log_density(values, means[style], variances[style]), start, transition)
            for style, values in enumerate(data)
        ]
        posts, pairs = [one[0] for one in found], [one[1] for one in found]
        likelihood.append((found[0][2] + found[1][2]) / len(pooled))
    return StyleMachine(space, components, start, transition, means, variances, tuple(likelihood))


def mixed(machine: StyleMachine, motion: Motion, style: float) -> Motion:
    """The first motion on its own path of states, in another style: 0 gives it back, 1 is the second's.

    What the machine cannot say of the motion (its detail) fades as the style leaves its own.
    """
    values, path = machine.observed(motion), machine.states(motion, 0.0)
    detail = values - machine.trajectory(path, 0.0)
    body = machine.space.body(motion)
    outside = body - machine.components.unfolded(machine.components.squeezed(body))
    keep = float(np.clip(1 - style, 0, 1))
    made = machine.trajectory(path, style) + keep * detail
    latent, way = made[:, : -len(_PATH_SCALE)], made[:, -len(_PATH_SCALE) :] / _PATH_SCALE
    return machine.space.motion(machine.components.unfolded(latent) + keep * outside, way, motion)
