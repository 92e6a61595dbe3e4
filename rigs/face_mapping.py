# SPDX-License-Identifier: GPL-3.0-or-later
"""A face track in the shapes of another face: which of its shape keys is what, and how much each moves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .articulation_contacts import aperture
from .errors import InputError
from .face import ARKIT_52
from .face_conventions import EXPRESSION, SHAPE, VISEME, FaceTarget, face_conventions
from .face_regions import shapes_of

Array = NDArray[np.float64]

# Fewer of a convention's shape keys than this are taken for a chance.
_FEWEST = 3
# A mouth shows no more shapes at a time: where more fit, their sum would be an open mouth.
_AT_ONCE = 2
_SWEEPS = 40
# Lips this near count as closed (`articulation_contacts.aperture`); a mix parts them no further than the face does.
_CLOSED = 0.03


@dataclass(frozen=True)
class FaceMap:
    """`targets`, by the face's own shape key · `gains`, by it, how much it moves · `scores` 0..1, how sure it is.

    Shape keys without a gain move by 1.
    """

    targets: dict[str, FaceTarget]
    gains: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    convention: str = ""

    def __post_init__(self) -> None:
        for key, gain in self.gains.items():
            if not np.isfinite(gain):
                raise InputError(f"The gain of {key} must be a number, not {gain}.")
        unknown = {shape for target in self.targets.values() for shape in target.recipe} - set(ARKIT_52)
        if unknown:
            raise InputError(f"{sorted(unknown)[0]} is none of ARKit's shapes; choose one of the 52.")

    @property
    def label(self) -> str:
        """What kind of face it is, for people."""
        return face_conventions()[self.convention].label if self.convention in face_conventions() else "own names"

    def with_gain(self, key: str, gain: float) -> FaceMap:
        return replace(self, gains={**self.gains, key: gain})

    def values(self, weights: Array) -> dict[str, Array]:
        """By shape key its values (T,), 0..1 where the gain is 1 or less, of weights (T, 52) in ARKit's order."""
        column = {shape: index for index, shape in enumerate(ARKIT_52)}
        found = {}
        for key, target in self.targets.items():
            if target.kind == SHAPE:
                found[key] = sum(share * weights[:, column[shape]] for shape, share in target.recipe.items())
        # Where a shape key is both sides' and others are one side's each, all of them would move it twice.
        for key in list(found):
            if {face_key(f"{key}_{side}") for side in "LR"} <= {face_key(other) for other in found}:
                found[key] = np.zeros(len(weights))
        singles = {next(iter(self.targets[key].recipe)) for key in found if len(self.targets[key].recipe) == 1}
        for key in list(found):
            recipe = self.targets[key].recipe
            if len(recipe) > 1 and set(recipe) <= singles:
                found[key] = np.zeros(len(weights))
        rest = weights
        expressions = {key: target for key, target in self.targets.items() if target.kind == EXPRESSION}
        if expressions:
            shares, rest = _expressed(expressions, weights)
            found |= shares
        visemes = {key: target for key, target in self.targets.items() if target.kind == VISEME}
        if visemes:
            found |= _spoken(visemes, rest, aperture(weights))
        return {key: self.gains.get(key, 1.0) * np.clip(values, 0, 1) for key, values in found.items()}


def _basis(targets: dict[str, FaceTarget]) -> Array:
    """(K, 52) the recipes."""
    basis = np.zeros((len(targets), 52))
    for row, target in enumerate(targets.values()):
        for shape, share in target.recipe.items():
            basis[row, ARKIT_52.index(shape)] = share
    return basis


def _expressed(targets: dict[str, FaceTarget], weights: Array) -> tuple[dict[str, Array], Array]:
    """The expressions in `weights`, and what of those they leave.

    An expression is there as far as both the mouth and the rest of the face show it, so that speech alone, or a brow
    that goes up on a stressed word, is none.
    """
    basis, lower = _basis(targets), shapes_of(["lower"])
    halves = []
    for part in (lower, ~lower):
        shown = part & basis.any(axis=0)
        allowed = np.broadcast_to(basis[:, shown].any(axis=1), (len(weights), len(targets)))
        shares = _nonnegative(basis[:, shown], weights[:, shown], allowed)
        halves.append(np.where(allowed, shares, np.inf))
    shares = np.minimum(*halves)
    return dict(zip(targets, shares.T, strict=True)), np.clip(weights - shares @ basis, 0, None)


def _spoken(targets: dict[str, FaceTarget], weights: Array, apart: Array) -> dict[str, Array]:
    """The mix of no more than two visemes that comes nearest to `weights` on each frame.

    Args:
        apart: (T,) how far the lips are from each other: where they touch, the mix leaves them together.
    """
    basis = _basis(targets)
    parted = np.maximum(aperture(basis), 0)
    basis, seen = _as_seen(basis), _as_seen(weights)
    used = basis.any(axis=0)
    basis, seen = basis[:, used], seen[:, used]
    shares = _nonnegative(basis, seen, np.ones((len(weights), len(targets)), bool))
    if len(targets) > _AT_ONCE:
        # How much of the face each explains, rather than how large it is: small shapes have large shares.
        size = shares * np.linalg.norm(basis, axis=1)
        least = np.sort(size, axis=1)[:, -_AT_ONCE][:, None]
        shares = _nonnegative(basis, seen, size >= np.maximum(least, 1e-9))
    bound, opened = _loosely(apart), shares @ parted
    shares = np.where(parted > 0, shares * np.minimum(1, bound / np.maximum(opened, 1e-9))[:, None], shares)
    return dict(zip(targets, shares.T, strict=True))


def _loosely(apart: Array) -> Array:
    """How far another mouth may open: up to where the lips count as closed as far as they do; beyond, ever more."""
    return np.maximum(apart, 0.0) + 2.0 * np.maximum(apart - _CLOSED, 0.0)


def opening(weights: Array) -> Array:
    """(T,) how far a jaw alone is to open a mouth, in jawOpen's unit, of `weights` (T, 52)."""
    jaw, closed = (weights[:, ARKIT_52.index(shape)] for shape in ("jawOpen", "mouthClose"))
    return np.clip(jaw - closed, 0, _loosely(aperture(weights)))


def _as_seen(weights: Array) -> Array:
    """The weights with a jaw that opens as far as the lips do: under closed ones it is not seen."""
    seen = weights.copy()
    jaw, closed = ARKIT_52.index("jawOpen"), ARKIT_52.index("mouthClose")
    seen[:, jaw] = np.maximum(weights[:, jaw] - weights[:, closed], 0)
    seen[:, closed] = 0
    return seen


def _nonnegative(basis: Array, seen: Array, allowed: NDArray[np.bool_]) -> Array:
    """(T, K) not negative, of which `basis` (K, N) makes nearly `seen` (T, N); by coordinate descent."""
    gram, correlation = basis @ basis.T, seen @ basis.T
    shares = np.zeros(correlation.shape)
    for _ in range(_SWEEPS):
        for k in range(len(basis)):
            rest = correlation[:, k] - shares @ gram[:, k] + shares[:, k] * gram[k, k]
            shares[:, k] = np.where(allowed[:, k], np.clip(rest / max(gram[k, k], 1e-9), 0, 1), 0)
    return shares


def recognised_face(names: list[str] | tuple[str, ...]) -> FaceMap:
    """The map of the convention of which most shape keys are among `names`.

    Raises:
        InputError: none fits.
    """
    best: FaceMap | None = None
    most = 0.0
    for convention in face_conventions().values():
        keys: dict[str, str] = {}
        for name in names:
            keys.setdefault(face_key(name), name)
        targets, scores = {}, {}
        for key, target in convention.targets.items():
            name = key if key in names else keys.get(face_key(key))
            if name is not None and name not in targets:
                targets[name], scores[name] = target, 1.0 if name == key else 0.9
        # A face with all of ARKit's shapes says more than one with a few visemes beside them.
        found = sum(scores.values()) * (0.5 + 0.5 * len(targets) / len(convention.targets))
        if len(targets) >= _FEWEST and found > most:
            best, most = FaceMap(targets, {}, scores, convention.name), found
    if best is None:
        raise InputError("None of the face's shape keys has a name that is known; map them by hand, or name them so.")
    return best


def face_key(name: str) -> str:
    """A shape key's name without capitals, separators, what stands before it, and with its side as a word."""
    name = re.sub(r"^(CTRL_expressions_|blendShape\d*\.|head_lod0_mesh__?|A\d\d_|AK_\d\d_)", "", name)
    name = re.sub(r"[_.\- ](L|Left|left)$", "Left", name)
    name = re.sub(r"[_.\- ](R|Right|right)$", "Right", name)
    return re.sub(r"[_.\- ]+", "", name).lower()
