# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a dance: which move on which beat.

Each kind of section (a letter of the music's form) gets phrases of its own, one or two of up to eight bars of moves
found by beam search, and wherever that letter returns the phrase returns, every other time to the other side. A
phrase's score adds up, over its moves: how well their energy fits the music's, the style's weight, the way over the
floor that is wished for, what speaks against monotony (the same move, or family, again and too soon), turns and poses
where phrases end, and a taste that the seed draws for every move at every count. Nothing is random but the taste, so
one seed is one dance.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....rigs.errors import InputError
from ....rigs.moves import MOVES, STYLES, Move, Placed
from ...audio.structure import SILENCE, Section, Structure
from .controls import Controls
from .grid import Grid
from .track import IDLE, Rule, matches

Array = NDArray[np.float64]

_BEAM = 12
_PHRASE_BARS = 8
# What the arms may do instead when a phrase returns, by style.
_ARMS = {
    "pop": ("clap", "sway_up", "wave", "snaps", "up"),
    "hiphop": ("guard", "swing", "snaps"),
    "disco": ("point", "roll", "clap_up", "up"),
    "salsa": ("latin", "flow"),
    "chacha": ("latin", "snaps"),
    "rumba": ("flow",),
    "tango": ("frame",),
    "waltz": ("frame", "flow"),
    "indian": ("bhangra", "clap_up"),
    "charleston": ("clap", "swing", "snaps"),
    "subtle": ("hang", "snaps"),
}
_LARGEST = 1.3  # amplitude, that for which the moves are made
_TASTE = 0.9  # spread of the seed's liking, in the units of the score


@dataclass(frozen=True)
class Span:
    """A stretch of dance beats [first, last) in one section of the music; `label` - where nothing sounds."""

    label: str
    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Repertoire:
    """The moves that may be danced at all, and the log of each one's weight by its style."""

    moves: list[Move]
    weight: Array


def repertoire(style: str, mix: dict[str, float], metre: int) -> Repertoire:
    """The moves of a style, or of a mix, in which the styles come as often as their weights say.

    Those of another metre are left out unless none is left: then the dance keeps its own metre against the music's.
    """
    weights = mix or ({name: 1 / len(STYLES) for name in STYLES} if style == "mix" else {style: 1.0})
    named = [move for move in MOVES.values() if move.family != "idle" and any(name in weights for name in move.styles)]
    moves = [move for move in named if fits(move, metre)] or named
    if not moves:
        raise InputError(f"There is no move in the style {' '.join(weights)}; choose another, or a mix with others.")
    sizes = {name: sum(name in move.styles for move in moves) for name in weights}
    shares = [sum(weights[name] / sizes[name] for name in move.styles if name in weights) for move in moves]
    return Repertoire(moves, np.log(np.array(shares) / max(shares)))


def fits(move: Move, metre: int) -> bool:
    """Whether a move goes with a metre; bars of two are danced in pairs."""
    return metre in move.metres or (metre == 2 and 4 in move.metres)


def spans_of(structure: Structure, grid: Grid) -> list[Span]:
    """The sections on the dance's beats. What is shorter than two beats goes to its neighbour."""
    # Whole bars; what is left of the last is for coming to rest.
    end = grid.lead + (len(grid.times) - 1 - grid.lead) // grid.metre * grid.metre
    edges = [max(0, int(np.ceil(grid.beat_of(section.first) - 1e-6))) for section in structure.sections]
    edges = [0 if structure.sections[0].label != SILENCE else edges[0], *edges[1:]]
    spans = []
    for section, first, last in zip(structure.sections, edges, [*edges[1:], end], strict=True):
        spans.extend(_upbeat(section, first, min(last, end), grid))
    spans = [span for span in spans if span.last > span.first]
    # A last chord is no section to begin something new in.
    if len(spans) > 1 and spans[-1].last - spans[-1].first <= grid.metre + 1:
        spans[-1] = replace(spans[-1], label=SILENCE)
    return spans


def _upbeat(section: Section, first: int, last: int, grid: Grid) -> list[Span]:
    """What lies before bar 1 is a span of its own, so that phrases begin on downbeats."""
    if first < grid.lead:
        upbeat = Span("0", section.name, first, min(grid.lead, last))
        return [upbeat, Span(section.label, section.name, upbeat.last, last)]
    return [Span(section.label, section.name, first, last)]


class Planner:
    """Plans one dance on `grid`, whose beats have the energies `energy` (N,)."""

    def __init__(self, grid: Grid, spans: list[Span], energy: Array, known: Repertoire, controls: Controls, seed: int):
        self.grid, self.spans, self.known, self.controls, self.seed = grid, spans, known, controls, seed
        count = max((span.last for span in spans), default=0)
        self.energy = np.clip(np.resize(energy, count) if len(energy) < count else energy[:count], 0, 1)
        self.allowed = np.ones((count, len(known.moves)), bool)
        self.liked = np.tile(known.weight, (count, 1))
        self.fixed: list[Placed] = []
        self.taken = np.zeros(count, bool)
        for span in spans:
            if span.label in (SILENCE, "0"):
                self.taken[span.first : span.last] = True
        for rule in controls.track.rules:
            self._apply(rule)
        self.energy = np.clip(self.energy * controls.energy, 0, 1)
        self.phrases: dict[str, list[Placed]] = {}
        self.length: dict[str, int] = {}
        self.used: dict[str, int] = {}

    # The choreography track

    def _beats(self, rule: Rule) -> NDArray[np.bool_]:
        """(N,) where a rule holds."""
        place, here = rule.place, np.zeros(len(self.energy), bool)
        if place.section is not None:
            found = [span for span in self.spans if place.section in (span.label, span.name)]
            if not found:
                has = ", ".join(
                    dict.fromkeys(f"{span.name} ({span.label})" for span in self.spans if span.label != "0")
                )
                raise InputError(f"The choreography speaks of {place.section}, but this music has {has}.")
            for span in found:
                here[span.first : span.last] = True
        elif place.first is not None:
            first = round(self.grid.bar(place.first, place.beat))
            last = round(self.grid.bar(place.last + 1)) if place.last is not None else None
            if first >= len(here):
                bars = int(self.grid.bar_at(len(here)))
                raise InputError(f"The choreography speaks of bar {place.first}, but this music has {bars} bars.")
            here[first : len(here) if last is None else last] = True
            if last is None and rule.kind != "moves":
                here[round(self.grid.bar(place.first + 1)) :] = False
        else:
            here[:] = True
        return here

    def _apply(self, rule: Rule) -> None:
        here = self._beats(rule)
        if rule.kind == "no":
            for column, move in enumerate(self.known.moves):
                if any(matches(move, name) for name in rule.names):
                    self.allowed[here, column] = False
        elif rule.kind == "style":
            # Moves of that style that are not in the dance's repertoire join it here alone.
            self._widen(repertoire(rule.names[0], {}, self.grid.metre).moves)
            of_style = np.array([rule.names[0] in move.styles for move in self.known.moves])
            self.allowed[here] &= of_style
            self.liked[np.ix_(here, of_style)] = 0.0
        elif rule.kind == "energy":
            self.energy[here] *= rule.value
        else:
            single = rule.place.first is not None and rule.place.last is None
            for first, last in _stretches(here):
                self._set(rule, first, None if single else last)

    def _widen(self, moves: list[Move]) -> None:
        more = [move for move in moves if move not in self.known.moves]
        self.known = Repertoire([*self.known.moves, *more], np.append(self.known.weight, np.zeros(len(more))))
        self.allowed = np.pad(self.allowed, ((0, 0), (0, len(more))))
        self.liked = np.pad(self.liked, ((0, 0), (0, len(more))))
        self.allowed[:, len(self.known.moves) - len(more) :] = True

    def _set(self, rule: Rule, first: int, last: int | None) -> None:
        """The rule's moves in turn from `first`, once each without a `last`, else until there."""
        beat = first
        for turn, name in enumerate(itertools.cycle(rule.names)):
            if (turn >= len(rule.names)) if last is None else (beat >= last):
                break
            if name == IDLE:
                length = self.grid.metre if last is None else last - beat
            else:
                length = MOVES[name].beats
                if last is not None and turn and beat + length > last:
                    break
                if any(one.beat < beat + length and beat < one.beat + MOVES[one.move].beats for one in self.fixed):
                    raise InputError(
                        f"The choreography puts {name} at bar {self.grid.bar_at(beat):.3g} over another move."
                    )
                self.fixed.append(Placed(name, beat, mirrored=rule.mirrored ^ (turn % 2 == 1)))
            self.taken[beat : beat + length] = True
            beat += length

    # The search

    def plan(self) -> list[Placed]:
        """All moves in order; beats without one are for standing at ease."""
        placed = list(self.fixed)
        occurrence: dict[str, int] = {}
        size = _PHRASE_BARS * self.grid.metre
        for span in self.spans:
            nth = occurrence[span.label] = occurrence.get(span.label, -1) + 1
            for part, first in enumerate(range(span.first, span.last, size)):
                last = min(first + size, span.last)
                # A long section has two phrases, which take turns.
                label, time = f"{span.label}{part % 2}", nth + part // 2
                phrase = self._phrase(label, first, last, mirrored=time % 2 == 1)
                placed.extend(phrase if time == 0 else self._restyled(phrase, label, time))
        return sorted((self._shaped(move) for move in placed), key=lambda move: move.beat)

    def _phrase(self, label: str, first: int, last: int, mirrored: bool) -> list[Placed]:
        """The label's phrase at `first`, as far as it is made already and nothing forbids it; the rest is made anew."""
        columns = {move.name: column for column, move in enumerate(self.known.moves)}
        found, taken = [], self.taken[first:last].copy()
        for one in self.phrases.get(label, ()):
            beat, end = int(one.beat), int(one.beat) + MOVES[one.move].beats
            if end <= last - first and not taken[beat:end].any() and self.allowed[first + beat, columns[one.move]]:
                found.append(Placed(one.move, first + beat, mirrored=one.mirrored ^ mirrored))
                taken[beat:end] = True
        for a, b in _stretches(~taken):
            found.extend(self._search(label, first + a, first + b, phrase_end=b == last - first))
        free = not self.taken[first:last].any()
        if free and last - first > self.length.get(label, 0):
            self.length[label] = last - first
            self.phrases[label] = [
                Placed(one.move, one.beat - first, mirrored=one.mirrored ^ mirrored) for one in found
            ]
        return found

    def _restyled(self, phrase: list[Placed], label: str, time: int) -> list[Placed]:
        """The phrase as it returns for the `time`-th time: some of its steps with other arms."""
        rng = np.random.default_rng([self.seed, zlib.crc32(label.encode()), time])
        result = []
        for one in phrase:
            move = MOVES[one.move]
            arms = _ARMS[move.styles[0]]
            chosen = arms[int(rng.integers(len(arms)))] if rng.random() < 0.5 else None
            result.append(replace(one, arms=chosen) if move.family == "step" else one)
        return result

    def _search(self, label: str, first: int, last: int, phrase_end: bool) -> list[Placed]:
        """The best filling of the dance beats [first, last)."""
        moves, bar = self.known.moves, self.grid.metre
        length = np.array([move.beats for move in moves])
        # A move counts by its length, else many short ones would outweigh few long ones.
        share = length / (2 * bar)
        # The seed and the letter give the taste, so that a constraint elsewhere leaves this phrase as it is.
        rng = np.random.default_rng([self.seed, zlib.crc32(label.encode()), last - first])
        taste = _TASTE * rng.gumbel(size=(last - first, len(moves)))
        side = rng.random((last - first, len(moves))) < 0.5
        step_energy = np.concatenate([[0.0], np.cumsum(self.energy)])
        wanted_way = 2 * self.controls.travel - 1
        tempo = np.array(
            [max(0.0, np.log(move.tempo[0] / self.grid.bpm), np.log(self.grid.bpm / move.tempo[1])) for move in moves]
        )
        own = (
            -12 * tempo
            + wanted_way * np.minimum([move.travel for move in moves], 1.0)
            - 0.4 * np.array([self.used.get(move.name, 0) for move in moves])
        )
        beams: dict[int, list[tuple[float, tuple[tuple[int, int, bool], ...]]]] = {first: [(0.0, ())]}
        for beat in range(first, last):
            best = sorted(beams.pop(beat, []), key=lambda one: -one[0])[:_BEAM]
            if not best:
                continue
            ends = beat + length
            # A move may be cut short where the phrase ends, if half of it at least is danced.
            cut = (ends > last) & (2 * (last - beat) >= length) & (last - beat >= 2)
            ends = np.where(cut, last, ends)
            fits = self.allowed[beat] & (ends <= last)
            mean = (step_energy[np.minimum(ends, last)] - step_energy[beat]) / length
            score = own + self.liked[beat] + taste[beat - first]
            score = score - 7 * (np.array([move.energy for move in moves]) - mean) ** 2
            score = score - 1.5 * cut
            place = (beat - first) % bar
            score = score - 2.5 * (place != 0) - 0.8 * ((length >= 2 * bar) & ((beat - first) % (2 * bar) != 0))
            ending = (ends == last) & phrase_end
            score = score + np.where(ending, [0.8 * (move.family in ("turn", "pose")) for move in moves], 0.0)
            for total, so_far in best:
                for column in np.flatnonzero(fits):
                    fresh, mirrored = self._variety(so_far, int(column), bool(side[beat - first, column]))
                    beams.setdefault(int(ends[column]), []).append(
                        (total + share[column] * (score[column] + fresh), (*so_far, (beat, int(column), mirrored)))
                    )
                # A beat at ease, where nothing fits the rest of the phrase.
                beams.setdefault(beat + 1, []).append((total - 4.0, so_far))
        chosen = max(beams[last], key=lambda one: one[0])[1]
        for _, column, _ in chosen:
            self.used[moves[column].name] = self.used.get(moves[column].name, 0) + 1
        return [Placed(moves[column].name, beat, mirrored=mirrored) for beat, column, mirrored in chosen]

    def _variety(self, so_far: Sequence[tuple[int, int, bool]], column: int, side: bool) -> tuple[float, bool]:
        """(what the moves before say of this one, on which side it begins)."""
        if not so_far:
            return 0.0, side
        moves = self.known.moves
        move, before = moves[column], moves[so_far[-1][1]]
        times = sum(one == column for _, one, _ in so_far)
        if column == so_far[-1][1]:
            # Once to each side is good, a third time is not.
            again = len(so_far) > 1 and so_far[-2][1] == column
            return (-3.0 - times if again else 0.2), not so_far[-1][2]
        score = -1.3 * times - 0.4 * (move.family == before.family)
        return score - 2.0 * (move.turns and before.turns) - 1.0 * (move.jumps and before.jumps), side

    def _shaped(self, placed: Placed) -> Placed:
        """With the size and the energy that music and animator ask for at its place."""
        beat = int(placed.beat)
        here = self.energy[beat : beat + MOVES[placed.move].beats]
        energy = float(here.mean()) if len(here) else 0.5
        return replace(
            placed,
            mirrored=placed.mirrored ^ self.controls.mirror,
            amplitude=round(self.controls.amplitude * min(0.8 + 0.6 * energy, _LARGEST), 3),
            energy=round(energy, 3),
        )


def _stretches(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
