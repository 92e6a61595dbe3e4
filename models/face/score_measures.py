# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of a mouth against labelled speech, 100 times a second: five classes of what is seen, and contacts.

A mouth is told by nine shapes, named as in Rhubarb Lip Sync: A and X closed, G lip at the teeth, B narrow, C, D and H
open, E and F round. Each phone permits some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation_contacts import aperture, lip_at_teeth
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.phones import Phones

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
# Start and end in s, and a name of `_PERMITTED`.
Segment = tuple[float, float, str]

FRAMES = 100
SHAPES = "ABCDEFGHX"
CLASSES = ("closed", "liptooth", "narrow", "open", "round")
_CLASS_OF = np.array([CLASSES.index(name) for name in (
    "closed", "narrow", "open", "open", "round", "round", "liptooth", "open", "closed",
)])  # fmt: skip
_MEMBERS = [np.flatnonzero(np.equal(_CLASS_OF, c)) for c in range(len(CLASSES))]

_PERMITTED = {
    "silence": "XA", "lips": "A", "released lips": "ABCDEFGHX", "lip at teeth": "G", "tongue tip": "BF",
    "released tongue": "BCDEFGH", "hissing": "BF", "n": "BCFH", "back": "BCEFH", "ng": "BCEF", "l": "BEFH", "r": "BEF",
    "y": "BCF", "w": "F", "h": "ABCDEFGHX", "dental": "BF", "i": "B", "eh": "C", "e": "BC", "a": "CD", "aa": "CD",
    "o": "E", "u": "F", "schwa": "BC", "er": "EBC",
}  # fmt: skip
_PHONES = {
    "silence": "sil", "lips": "p b m", "lip at teeth": "f v", "tongue tip": "t d", "hissing": "s z sh zh ch jh",
    "n": "n", "back": "k g x", "ng": "ng", "l": "l", "r": "r rr", "y": "y", "w": "w", "h": "h q", "dental": "th dh",
    "i": "i ih", "eh": "eh", "e": "e", "a": "a ae", "aa": "aa", "o": "o ao", "u": "u uh yy oe", "schwa": "@",
    "er": "er",
}  # fmt: skip
_KIND = {phone: kind for kind, phones in _PHONES.items() for phone in phones.split()}
# How much of a stop is its closure.
_CLOSURE = 0.7
_STOPS = {"p": "released lips", "b": "released lips", "t": "released tongue", "d": "released tongue"}

# What counts as closed, lip at teeth, round, pursed, open, wide open.
_CLOSED, _TEETH, _ROUND, _PURSED, _OPEN, _WIDE = 0.03, 0.25, 0.22, 0.45, 0.16, 0.34
# Frames before and after a contact in which a seen one counts for it; what a closure may be away from a labelled one.
_BEFORE, _AFTER, _NEAR = 6, 3, 6
_MOST_SHIFT = 15


def segments(phones: Phones, seconds: float) -> list[Segment]:
    """What the phones ask to be seen, stops as closure and release, silence filled in."""
    found: list[Segment] = []
    whole = phones.filled(seconds)
    for start, end, name in zip(whole.start, whole.end, whole.names, strict=True):
        kind = _KIND[name]
        if name in _STOPS:
            middle = start + _CLOSURE * (end - start)
            found += [(start, middle, kind), (middle, end, _STOPS[name])]
        else:
            found.append((start, end, kind))
    return [(float(s), float(e), kind) for s, e, kind in found if e > s + 1e-6]


def shapes_of_track(track: FaceTrack, count: int) -> Ints:
    """(count,) places in SHAPES of what ARKit's curves show, at the middles of 10 ms."""
    times = (np.arange(count) + 0.5) / FRAMES
    own = np.arange(len(track)) / track.fps
    weights = np.stack([np.interp(times, own, column) for column in track.weights.T], axis=1)
    jaw = weights[:, ARKIT_52.index("jawOpen")]
    rounding = weights[:, ARKIT_52.index("mouthPucker")] + 0.8 * weights[:, ARKIT_52.index("mouthFunnel")]
    apart, teeth = aperture(weights), lip_at_teeth(weights)
    shapes = np.full(count, SHAPES.index("B"))
    shapes[jaw > _OPEN] = SHAPES.index("C")
    shapes[jaw > _WIDE] = SHAPES.index("D")
    shapes[rounding > _ROUND] = SHAPES.index("E")
    shapes[rounding > _PURSED] = SHAPES.index("F")
    shapes[(teeth > _TEETH) & (apart < _OPEN)] = SHAPES.index("G")
    shapes[apart < _CLOSED] = SHAPES.index("A")
    return shapes


def shapes_of_cues(cues: Sequence[tuple[float, str]], count: int) -> Ints:
    """(count,) places in SHAPES of shapes that hold from their time, s, to the next."""
    starts = np.array([time for time, _ in cues])
    names = np.array([SHAPES.index(name) for _, name in cues])
    at = np.searchsorted(starts, (np.arange(count) + 0.5) / FRAMES, side="right") - 1
    return names[at.clip(0)]


@dataclass
class Tally:
    """What has been counted so far: hits and chances by name, confused classes, errors of onsets, hits by shift."""

    counts: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    confusion: NDArray[np.float64] = field(default_factory=lambda: np.zeros((5, 5)))
    onsets: list[float] = field(default_factory=list)
    shifted: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2 * _MOST_SHIFT + 1, 2)))

    def add(self, asked: Sequence[Segment], shapes: Ints) -> None:
        """One clip: what its labels ask for, and the shape of the mouth in each of its frames."""
        count = len(shapes)
        permitted, silent, spoken = _permitted(asked, count)
        right = permitted[np.arange(count), shapes]
        self._count("permitted", right[spoken])
        self._count("silence", right[silent])
        for row, shift in enumerate(range(-_MOST_SHIFT, _MOST_SHIFT + 1)):
            moved = shapes[(np.arange(count) + shift).clip(0, count - 1)]
            self.shifted[row] += permitted[np.arange(count), moved][spoken].sum(), spoken.sum()
        classes = np.stack([permitted[:, _MEMBERS[c]].any(1) for c in range(len(CLASSES))], axis=1)
        sure = spoken & (classes.sum(1) == 1)
        np.add.at(self.confusion, (classes[sure].argmax(1), _CLASS_OF[shapes[sure]]), 1)
        self._contacts(asked, shapes, silent)
        rounded = _CLASS_OF[shapes] == CLASSES.index("round")
        round_there = permitted[:, [SHAPES.index("E"), SHAPES.index("F")]].any(1)
        self._count("round precision", round_there[rounded & spoken])

    def _contacts(self, asked: Sequence[Segment], shapes: Ints, silent: Flags) -> None:
        count, seen = len(shapes), _CLASS_OF[shapes]
        closed, teeth, wide, rounded = (seen == CLASSES.index(c) for c in ("closed", "liptooth", "open", "round"))
        runs = _runs(closed)
        near = np.zeros(count, bool)
        for start, end, kind in asked:
            first, last = round(start * FRAMES), round(end * FRAMES)
            if kind in ("lips", "released lips", "silence"):
                near[max(0, first - _NEAR) : last + _NEAR] = True
            last = min(last, count)
            if last <= first:
                continue
            if kind == "lips":
                hit = closed[max(0, first - _BEFORE) : last + _AFTER].any()
                self._count("lips", [hit])
                after_silence = first > 0 and silent[max(0, first - 2) : first].any()
                if hit and not after_silence:
                    meant = [run[0] for run in runs if run[0] < last + _AFTER and run[1] > first - _BEFORE]
                    self.onsets.append(min(abs(onset - first) for onset in meant) * 1000 / FRAMES)
            elif kind == "lip at teeth":
                self._count("teeth", [teeth[max(0, first - _AFTER) : last + _AFTER].any()])
            elif kind in ("u", "o", "w") and last - first >= 4:
                self._count("round", [rounded[first:last].mean() >= 0.4])
            elif kind in ("a", "aa") and last - first >= 6:
                self._count("open", [wide[first:last].mean() >= 0.4])
        self._count("lips precision", [near[a:b].any() for a, b in runs if not silent[a:b].all()])

    def summary(self) -> dict[str, float]:
        """The measures by name; NaN where there was nothing to measure."""
        asked, hit = self.confusion.sum(1), np.diag(self.confusion)
        f1 = 2 * hit / np.maximum(asked + self.confusion.sum(0), 1)
        recall, precision = self._share("lips"), self._share("lips precision")
        shares = self.shifted[:, 0] / np.maximum(self.shifted[:, 1], 1)
        made = {
            "macro_f1": float(f1[asked > 0].mean()) if asked.any() else float("nan"),
            "bilabial_f": 2 * recall * precision / max(1e-9, recall + precision),
            "bilabial_r": recall,
            "bilabial_p": precision,
            "fv_r": self._share("teeth"),
            "round_r": self._share("round"),
            "round_p": self._share("round precision"),
            "open_r": self._share("open"),
            "onset_ms": float(np.median(self.onsets)) if self.onsets else float("nan"),
            "onset_p90_ms": float(np.percentile(self.onsets, 90)) if self.onsets else float("nan"),
            "silence": self._share("silence"),
            # A mouth that never moves is as right at every shift.
            "shift_ms": float((int(shares.argmax()) - _MOST_SHIFT) * 1000 / FRAMES) if np.ptp(shares) else float("nan"),
            "permitted": self._share("permitted"),
            "frames": float(self.counts.get("permitted", np.zeros(2))[1]),
        }
        return {name: round(value, 4) for name, value in made.items()}

    def _count(self, name: str, hits: Sequence[object] | Flags) -> None:
        values = np.asarray(hits, bool)
        counted = self.counts.setdefault(name, np.zeros(2))
        counted += values.sum(), len(values)

    def _share(self, name: str) -> float:
        hits, chances = self.counts.get(name, np.zeros(2))
        return float(hits / chances) if chances else float("nan")


def _permitted(asked: Sequence[Segment], count: int) -> tuple[NDArray[np.bool_], Flags, Flags]:
    """(count, 9) shapes that each frame permits, and (count,) where there is silence, and speech that says anything."""
    permitted = np.zeros((count, len(SHAPES)), bool)
    silent = np.ones(count, bool)
    for start, end, kind in asked:
        first, last = round(start * FRAMES), min(count, round(end * FRAMES))
        permitted[first:last] = [shape in _PERMITTED[kind] for shape in SHAPES]
        silent[first:last] = kind == "silence"
    permitted[~permitted.any(1)] = [shape in _PERMITTED["silence"] for shape in SHAPES]
    return permitted, silent, ~silent & ~permitted.all(1)


def _runs(flags: Flags) -> list[tuple[int, int]]:
    edges = np.diff(np.concatenate([[0], flags.astype(int), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
