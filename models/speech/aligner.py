# SPDX-License-Identifier: GPL-3.0-or-later
"""Forced alignment: when the phones or the words that are known to be said are said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from ...rigs.phones import FEATURES, PHONES, Phones, those
from ...rigs.sound import Sound
from .decode import USUAL, prompt, scores
from .features import FRAMES
from .recogniser import Heard, recognise

# A word: the ways to say it, each a list of phones.
Word = Sequence[Sequence[str]]

_LEAST = 2  # frames of a phone
_UNLIKELY = np.float32(-1e9)
_MOST_CELLS = 400_000_000  # of frames times states
_PAUSE = -1.5  # what a pause between two phones of a list costs


def align(
    sound: Sound,
    names: Sequence[str] | Sequence[Word],
    *,
    heard: Heard | None = None,
    progress: Progress = silent,
    device: str = "auto",
) -> Phones:
    """The times of phones, or of words each given with the ways to say it, in `sound` (Viterbi on the posteriors).

    Silence may stand before, between and after words, and between phones where it is heard clearly. Of a word's ways
    the one that fits is taken. Sounds that are near to each other pass for one another, so that an accent or a slip
    does no harm.

    Args:
        heard: what `recognise` made of the same sound, to save its time.

    Raises:
        InputError: an unknown phone, nothing to align, or more phones than the sound has time for.
        Cancelled: progress raised it.
    """
    if not len(names):
        raise InputError("There are no phones to align; give text or a file of phones with something in it.")
    if isinstance(names[0], str):
        words: list[list[list[str]]] = [[[str(name)]] for name in names if name != "sil"]
        pause = _PAUSE
    else:
        words = [[[str(phone) for phone in way if phone != "sil"] for way in word] for word in names]  # type: ignore[union-attr]
        words = [[way for way in word if way] for word in words]
        words = [word for word in words if word]
        pause = 0.0
    for phone in (phone for word in words for way in word for phone in way):
        if phone not in FEATURES:
            raise InputError(f"There is no phone {phone!r}; choose of {' '.join(PHONES)}.")
    if not words:
        return Phones.nothing()
    if heard is None:
        heard = recognise(sound, progress=progress, device=device)
    graph = _graph(words, pause)
    frames = len(heard.posterior)
    shortest = sum(min(map(len, word)) for word in words) * _LEAST
    if frames < shortest:
        raise InputError(
            f"The sound lasts {frames / FRAMES:.1f} s and {shortest / FRAMES:.1f} s is the least that its "
            f"{sum(len(word[0]) for word in words)} phones need; check that text and sound belong together."
        )
    if frames * len(graph.phone) > _MOST_CELLS:
        raise InputError("Text and sound are too long to be aligned at once; align parts of about ten minutes.")
    told = scores(heard.posterior, heard.events, USUAL)
    path = _best(_lenient(told), graph)
    rows: list[tuple[float, float, str, float]] = []
    first = 0
    for last in range(1, frames + 1):
        if last == frames or graph.segment[path[last]] != graph.segment[path[first]]:
            name = PHONES[graph.phone[path[first]]]
            if name != "sil":
                rows.append((first / FRAMES, last / FRAMES, name, 1.0))
            first = last
    return Phones.of(prompt(rows))


@dataclass
class _Graph:
    """States one after the other; `before` lists the states that each may follow besides itself."""

    phone: list[int] = field(default_factory=list)
    segment: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    before: list[list[int]] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)

    def chain(self, phone: int, count: int, after: list[int], cost: float = 0.0) -> int:
        """Append `count` states of one segment and return the last one; `cost` to enter it."""
        segment = self.segment[-1] + 1 if self.segment else 0
        for i in range(count):
            self.phone.append(phone)
            self.segment.append(segment)
            self.cost.append(cost if i == 0 else 0.0)
            self.before.append(after if i == 0 else [len(self.phone) - 2])
        return len(self.phone) - 1


def _graph(words: list[list[list[str]]], pause: float) -> _Graph:
    graph = _Graph()
    ends: list[int] = []
    quiet = graph.chain(0, _LEAST, [])
    graph.first.append(0)
    for number, word in enumerate(words):
        made = []
        for way in word:
            after = [*ends, quiet]
            for i, phone in enumerate(way):
                start = len(graph.phone)
                end = graph.chain(PHONES.index(phone), _LEAST, after)
                after = [end]
                if number == 0 and i == 0:
                    graph.first.append(start)
            made += after
        ends = made
        quiet = graph.chain(0, _LEAST, list(ends), pause)
    graph.last = [*ends, quiet]
    return graph


def _best(score: NDArray[np.float32], graph: _Graph) -> NDArray[np.int64]:
    frames, count = len(score), len(graph.phone)
    width = max(max(map(len, graph.before)), 1)
    before = np.full((count, width + 1), count, np.int64)  # the state `count` is never reached
    for state, others in enumerate(graph.before):
        before[state, 0] = state
        before[state, 1 : len(others) + 1] = others
    cost = np.zeros((count, width + 1), np.float32)
    cost[:, 1:] = np.array(graph.cost, np.float32)[:, None]
    emitted = np.array(graph.phone)
    at = np.full(count + 1, _UNLIKELY, np.float32)
    at[graph.first] = score[0, emitted[graph.first]]
    came = np.zeros((frames, count), np.uint8)
    rows = np.arange(count)
    for t in range(1, frames):
        ways = at[before] + cost
        came[t] = ways.argmax(axis=1)
        at[:count] = ways[rows, came[t]] + score[t, emitted]
        at[count] = _UNLIKELY
    path = np.zeros(frames, np.int64)
    path[-1] = max(graph.last, key=lambda state: at[state])
    for t in range(frames - 1, 0, -1):
        path[t - 1] = before[path[t], came[t, path[t]]]
    return path


def _lenient(told: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores where each phone also passes, at a price, for the ones like it, and nothing is quite impossible."""
    chance = np.exp(np.minimum(told, 0.0))
    made = np.log(chance @ _likeness() + 2e-4)
    # Silence is only what sounds like it.
    made[:, 0] = np.log(chance[:, 0] + 1e-4)
    return made.astype(np.float32)


def _likeness() -> NDArray[np.float32]:
    """(P, P) how far one phone passes for another: by the features that they share."""
    vowels = those("vowel")
    table = np.zeros((len(PHONES), len(PHONES)), np.float32)
    for i, one in enumerate(PHONES):
        for j, other in enumerate(PHONES):
            if i == j:
                table[i, j] = 1.0
            elif "sil" not in (one, other) and (one in vowels) == (other in vowels):
                mine, theirs = FEATURES[one] - {"voiced"}, FEATURES[other] - {"voiced"}
                table[i, j] = 0.35 * len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.1
    return table
