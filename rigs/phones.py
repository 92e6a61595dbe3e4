# SPDX-License-Identifier: GPL-3.0-or-later
"""Timed phones of speech in any language: forty-two sounds and silence, told apart by what is seen and heard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .marks import Marks, moved_times

Array = NDArray[np.float64]

# th and dh are dental; x is any fricative of the back of the mouth; q the glottal stop; r an approximant, rr a tap, a
# trill or what stands for it; y as in yes; @ the schwa; yy and oe the front rounded vowels, close and open.
PHONES: tuple[str, ...] = tuple(
    "sil p b m f v w th dh t d n l s z sh zh ch jh k g ng x q h r rr y i ih e eh ae a aa ao o u uh @ er yy oe".split()
)

_GROUPS: dict[str, str] = {
    "bilabial": "p b m",  # the lips meet
    "labiodental": "f v",  # the lower lip touches the upper teeth
    "dental": "th dh",  # the tongue shows between the teeth
    "alveolar": "t d n l s z",
    "postalveolar": "sh zh ch jh r rr",
    "velar": "k g ng x",
    "glottal": "q h",
    "palatal": "y",
    "stop": "p b t d k g q",
    "affricate": "ch jh",
    "nasal": "m n ng",
    "fricative": "f v th dh s z sh zh x h",
    "sibilant": "s z sh zh ch jh",  # the teeth nearly meet
    "approximant": "w l r y",
    "trill": "rr",
    "tongue": "t d n l k g ng x q h rr",  # the lips are free to do what their neighbours want
    "voiced": "b m v w dh d n l z zh jh g ng r rr y i ih e eh ae a aa ao o u uh @ er yy oe",
    "vowel": "i ih e eh ae a aa ao o u uh @ er yy oe",
    "rounded": "w sh zh ch jh ao o u uh yy oe",
    "close": "i ih u uh yy",
    "mid": "e eh o @ er oe",
    "open": "ae a aa ao",
    "spread": "i ih e eh ae s z y",
    "pause": "sil",
}  # fmt: skip

# Phone -> what it is: names of the groups above.
FEATURES: dict[str, frozenset[str]] = {
    phone: frozenset(group for group, members in _GROUPS.items() if phone in members.split()) for phone in PHONES
}

# Times (s) that differ by less than this are one: files round them.
_SAME = 1e-4
# Shorter ones (s) are no phones: a marker was moved onto its neighbour.
_SHORTEST = 1e-3


_NUMBERS = {phone: number for number, phone in enumerate(PHONES)}


@cache
def _flags(kind: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([phone in kind for phone in PHONES])


def those(*features: str) -> frozenset[str]:
    """The phones that have one of these features."""
    return frozenset(phone for phone in PHONES if FEATURES[phone] & set(features))


@dataclass(frozen=True)
class Phones:
    """`start`, `end` (N,) s, one after the other; `names`, of `PHONES`; `strength` (N,) 0..1, how fully each is formed.

    Stops include their closure. Between phones, before the first and after the last there is silence.
    """

    start: Array
    end: Array
    names: tuple[str, ...]
    strength: Array

    def __post_init__(self) -> None:
        count = len(self.names)
        if any(np.shape(values) != (count,) for values in (self.start, self.end, self.strength)):
            raise InputError(f"The phones' times and strengths do not fit their {count} names; give one of each.")
        if not all(np.isfinite(values).all() for values in (self.start, self.end, self.strength)):
            raise InputError("A time or a strength of the phones is not a number; mend the file of phones.")
        unknown = [name for name in self.names if name not in FEATURES]
        if unknown:
            raise InputError(f"There is no phone {unknown[0]!r}; choose of {' '.join(PHONES)}.")
        if not count:
            return
        if self.start.min() < -_SAME:
            raise InputError(
                f"A phone begins at {self.start.min():.2f} s, before the sound does; move it to 0 or later."
            )
        wrong = np.flatnonzero(self.end <= self.start)
        if len(wrong):
            raise InputError(f"The phone at {self.start[wrong[0]]:.2f} s ends before it begins; give its end in s.")
        wrong = np.flatnonzero(self.start[1:] < self.end[:-1] - _SAME)
        if len(wrong):
            raise InputError(
                f"The phone at {self.start[wrong[0] + 1]:.3f} s begins before its predecessor has ended; put them in "
                "order."
            )
        if self.strength.min() < 0 or self.strength.max() > 1:
            raise InputError("A strength of the phones lies outside 0..1; clip the strengths first.")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """(N,) places of the names in PHONES."""
        return np.array([_NUMBERS[name] for name in self.names], int)

    def among(self, kind: frozenset[str]) -> NDArray[np.bool_]:
        """(N,) which of them are of `kind`."""
        return _flags(kind)[self.numbers]

    @property
    def seconds(self) -> float:
        """When the last phone has ended."""
        return float(self.end[-1]) if len(self) else 0.0

    @classmethod
    def of(cls, segments: Iterable[Sequence[Any]]) -> Phones:
        """From (start, end, name) or (start, end, name, strength), times in s. Raises InputError."""
        try:
            rows = [(float(s[0]), float(s[1]), str(s[2]), float(s[3]) if len(s) > 3 else 1.0) for s in segments]
        except (TypeError, ValueError, IndexError) as error:
            raise InputError("Phones are given as start and end in s and a name, such as [0.1, 0.25, 'm'].") from error
        start, end, strength = (np.array([row[i] for row in rows], float) for i in (0, 1, 3))
        return cls(start, end, tuple(row[2] for row in rows), strength)

    @classmethod
    def nothing(cls) -> Phones:
        return cls.of([])

    def to_dict(self) -> dict[str, Any]:
        return {
            "start": [round(float(t), 6) for t in self.start],
            "end": [round(float(t), 6) for t in self.end],
            "names": list(self.names),
            "strength": [round(float(s), 4) for s in self.strength],
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Phones:
        """The inverse of `to_dict`; without "strength" all are 1. Raises InputError."""
        try:
            names = tuple(map(str, fields["names"]))
            strength = fields.get("strength")
            return cls(
                np.asarray(fields["start"], float),
                np.asarray(fields["end"], float),
                names,
                np.ones(len(names)) if strength is None else np.asarray(strength, float),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError("Phones are kept as lists start, end and names of the same length; mend them.") from error

    def within(self, start: float, seconds: float) -> Phones:
        """Those heard from `start` s on for `seconds`, cut at both ends, their times counted from `start`."""
        begin = np.maximum(self.start - start, 0.0)
        end = np.minimum(self.end - start, seconds)
        return self._only(begin, end)

    def shifted(self, seconds: float) -> Phones:
        """Later by `seconds`, or earlier; what would lie before 0 is cut."""
        return self._only(np.maximum(self.start + seconds, 0.0), self.end + seconds)

    def filled(self, seconds: float) -> Phones:
        """Without gaps from 0 to `seconds`: silence is written as `sil`, and several of those in a row are one."""
        rows: list[list[Any]] = []
        at = 0.0
        cut = self.within(0.0, seconds)
        for begin, end, name, strength in [*cut._rows(), (seconds, seconds, "", 1.0)]:
            if begin > at + _SAME:
                _append(rows, [at, begin, "sil", 1.0])
            elif rows:
                rows[-1][1] = begin
            if name:
                _append(rows, [begin if rows else 0.0 if begin < _SAME else begin, end, name, strength])
            at = max(at, end)
        rows = [row for row in rows if row[1] > row[0]]
        start, end, strength = (np.array([row[i] for row in rows], float) for i in (0, 1, 3))
        return _in_order(start, end, tuple(row[2] for row in rows), strength)

    def to_marks(self, seconds: float) -> Marks:
        """One mark at the start of each phone and of each silence, labelled with its name."""
        whole = self.filled(seconds)
        return Marks(whole.start, whole.names)

    @classmethod
    def from_marks(cls, marks: Marks, seconds: float) -> Phones:
        """The inverse of `to_marks`: each phone lasts until the next mark, the last one until `seconds`."""
        ends = np.append(marks.times[1:], max(seconds, marks.times[-1])) if len(marks.times) else marks.times
        start = np.maximum(marks.times, 0.0)
        keep = np.flatnonzero(ends - start >= _SHORTEST)
        names = tuple(marks.labels[i] for i in keep)
        return cls(start[keep], ends[keep], names, np.ones(len(keep)))

    def moved(self, was: Array, now: Array, seconds: float) -> Phones:
        """With marks that stood at `was` (N,) s now at `now`; what lies between goes along. Raises InputError."""
        start, end = (moved_times(was, now, times, seconds) for times in (self.start, self.end))
        made = self._only(start, np.maximum(end, start))
        return Phones(made.start, made.end, made.names, made.strength)

    def _rows(self) -> list[tuple[float, float, str, float]]:
        return list(zip(self.start.tolist(), self.end.tolist(), self.names, self.strength.tolist(), strict=True))

    def _only(self, start: Array, end: Array) -> Phones:
        """With new times, and without those that have none left."""
        keep = end - start >= _SHORTEST
        if keep.all():
            return _in_order(start, end, self.names, self.strength)
        at = np.flatnonzero(keep)
        return _in_order(start[at], end[at], tuple(self.names[i] for i in at), self.strength[at])


def _in_order(start: Array, end: Array, names: tuple[str, ...], strength: Array) -> Phones:
    """Phones made of checked ones, without checking them again: a stream does this many times a second."""
    made = object.__new__(Phones)
    made.__dict__.update(start=start, end=end, names=names, strength=strength)
    return made


def _append(rows: list[list[Any]], row: list[Any]) -> None:
    if rows and rows[-1][2] == row[2] == "sil":
        rows[-1][1] = row[1]
    else:
        rows.append(row)
