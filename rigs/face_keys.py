# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys for the same face: within a stated error, with every contact of lips and teeth kept.

The curves are split where they stray furthest from straight lines between keys (Ramer, 1972; Douglas and Peucker,
1973), all pieces of a curve at once. Loaded in Blender too, hence without scipy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .articulation_contacts import Contacts, aperture, lip_at_teeth
from .errors import InputError
from .face import ARKIT_52
from .face_regions import shapes_of

Array = NDArray[np.float64]
Frames = NDArray[np.int64]

# What counts as closed, as at the teeth, as shut.
_CLOSED, _AT_TEETH, _SHUT = 0.03, 0.25, 0.08
_SAME = 1e-9


@dataclass(frozen=True)
class Keys:
    """Of each of C curves the frames that keep a key, ascending, and their values; `count` frames in all.

    Between keys curves are straight, or with `stepped` they hold; before the first and after the last key they hold.
    """

    frames: tuple[Frames, ...]
    values: tuple[Array, ...]
    count: int
    stepped: bool = False

    def __len__(self) -> int:
        """The number of keys of all curves together."""
        return sum(map(len, self.frames))

    def curves(self) -> Array:
        """(count, C) the values at every frame."""
        at = np.arange(self.count)
        if not self.stepped:
            made = [np.interp(at, frames, values) for frames, values in zip(self.frames, self.values, strict=True)]
        else:
            made = [
                values[(np.searchsorted(frames, at, side="right") - 1).clip(0)]
                for frames, values in zip(self.frames, self.values, strict=True)
            ]
        return np.stack(made, axis=1) if made else np.zeros((self.count, 0))


def reduced(values: ArrayLike, error: float = 0.01, keep: ArrayLike | None = None, stepped: bool = False) -> Keys:
    """The keys of curves (T, C) such that no frame is off by more than `error`; frames in `keep` (T,) or (T, C) stay.

    A curve that never changes by more than `error` from its first value has one key. `stepped` curves keep a key
    wherever they change by more than `error`.

    Raises:
        InputError: there are no frames, a value is no number, or the error is negative.
    """
    table = np.asarray(values, float)
    if table.ndim != 2 or not len(table):
        raise InputError("There are no frames to make keys of; give at least one.")
    if not np.isfinite(table).all():
        raise InputError("A value is not a number, so no keys can be made; repair the curves first.")
    if not (np.isfinite(error) and error >= 0):
        raise InputError(f"The error that keys may have is 0 or more, not {error}.")
    kept = np.zeros(table.shape, bool) if keep is None else np.asarray(keep, bool).reshape(len(table), -1)
    kept = np.broadcast_to(kept, table.shape)
    pick = _held if stepped else _split
    frames = tuple(pick(table[:, i], error, kept[:, i]) for i in range(table.shape[1]))
    chosen = tuple(table[at, i] for i, at in enumerate(frames))
    return Keys(frames, chosen, len(table), stepped)


def face_keys(weights: Array, contacts: Contacts, error: float = 0.01, stepped: bool = False) -> Keys:
    """The keys of weights (T, 52), with every frame that touches as it was: lips, teeth, jaw. Raises InputError."""
    keep = np.zeros(weights.shape, bool)
    lower = shapes_of(["lower"])
    keep[np.ix_(edges(contacts), lower)] = True
    while True:
        keys = reduced(weights, error, keep, stepped)
        made = keys.curves()
        lost = _lost(weights, made, contacts)
        if keep[np.ix_(lost, lower)].all():
            return keys
        keep[np.ix_(lost, lower)] = True


def edges(contacts: Contacts) -> NDArray[np.bool_]:
    """(T,) the first and the last frame of each contact."""
    every = (contacts.closed, contacts.teeth, contacts.shut)
    return np.any([flags & ~(np.r_[False, flags[:-1]] & np.r_[flags[1:], False]) for flags in every], axis=0)


def _lost(weights: Array, made: Array, contacts: Contacts) -> NDArray[np.bool_]:
    """(T,) frames at which a contact of `weights` is missing in `made`."""
    jaw = ARKIT_52.index("jawOpen")
    lips = aperture(made) > np.maximum(_CLOSED, aperture(weights) + _SAME)
    teeth = lip_at_teeth(made) < np.minimum(_AT_TEETH, lip_at_teeth(weights) - _SAME)
    # A lip that is at the teeth is not pressed against the other one.
    teeth |= aperture(made) < np.minimum(_CLOSED, aperture(weights) - _SAME)
    shut = made[:, jaw] > np.maximum(_SHUT, weights[:, jaw] + _SAME)
    return (contacts.closed & lips) | (contacts.teeth & teeth) | (contacts.shut & shut)


def _split(curve: Array, error: float, keep: NDArray[np.bool_]) -> Frames:
    """The frames of a curve between which straight lines stray by no more than `error`."""
    away = np.abs(curve - curve[0])
    if away.max() <= error and not away[keep].any():
        return np.array([0])
    at = np.arange(len(curve))
    chosen = keep.copy()
    chosen[[0, -1]] = True
    chosen[_turns(curve, error)] = True
    while True:
        frames = np.flatnonzero(chosen)
        away = np.abs(np.interp(at, frames, curve[frames]) - curve)
        worst = np.maximum.reduceat(away, frames)
        if worst.max() <= error + 1e-12:
            return frames
        # The frame that strays most in each piece that strays too far; of equals the first.
        piece = np.cumsum(chosen) - 1
        hit = np.flatnonzero((away >= worst[piece]) & (worst[piece] > error + 1e-12))
        chosen[hit[np.r_[True, np.diff(piece[hit]) > 0]]] = True


def _turns(curve: Array, error: float) -> list[int]:
    """The frames at which a curve turns round for more than `error`: they are keys in any case."""
    slope = np.sign(np.diff(curve))
    moving = np.flatnonzero(slope)
    turns = moving[1:][np.diff(slope[moving]) != 0]
    kept: list[int] = []
    last = float(curve[0])
    for frame, value in zip(turns.tolist(), curve[turns].tolist(), strict=True):
        if abs(value - last) > error:
            kept.append(frame)
            last = value
    return kept


def _held(curve: Array, error: float, keep: NDArray[np.bool_]) -> Frames:
    frames = [0]
    held = curve[0]
    for frame in np.flatnonzero((np.diff(curve) != 0) | keep[1:]) + 1:
        if abs(curve[frame] - held) > error or (keep[frame] and curve[frame] != held):
            frames.append(int(frame))
            held = curve[frame]
    return np.array(frames)
