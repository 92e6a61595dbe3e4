# SPDX-License-Identifier: GPL-3.0-or-later
"""A composer: dance music of our own with exactly known beats, from a style, a tempo, a length and a seed.

It makes the demo song, and as many labelled songs as training wants. The styles are in styles.py, the
instruments in synth.py.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.sound import Sound
from . import synth
from .styles import STYLES, Part

_LOUD = {"X": 1.0, "x": 0.75, "o": 0.42}
_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_TAIL = 2.6  # s after the final downbeat
_LEAD_IN = 0.25  # s before the first beat: room for its onset
MAX_SECONDS = 900.0


@dataclass(frozen=True)
class Section:
    """`start`, `end` in s; `energy` 0..1; `first_beat` the index of its first beat."""

    name: str
    start: float
    end: float
    energy: float
    first_beat: int


@dataclass(frozen=True)
class Composition:
    sound: Sound
    beats: Beats
    sections: list[Section]
    style: str


_FORM = (
    ("intro", 0.36),
    ("verse", 0.58),
    ("build", 0.72),
    ("chorus", 1.0),
    ("break", 0.3),
    ("chorus", 1.0),
    ("outro", 0.5),
)
ENERGY = dict(_FORM)


def compose(
    style: str,
    bpm: float,
    bars: int,
    seed: int = 0,
    sections: list[tuple[str, int]] | None = None,
    rate: int = 44100,
    stereo: bool = True,
    drift: float = 0.0,
) -> Composition:
    """A song of `bars` bars and a final chord on the downbeat after them.

    `sections` lists (name, bars) with names of ENERGY; without it the bars are divided over a form. `drift` makes the
    tempo swing by that fraction, over and under, once in 32 beats. The same arguments give the same samples.

    Raises:
        InputError: an unknown style or section, or a tempo or length that cannot be.
    """
    if style not in STYLES:
        raise InputError(f"There is no style {style!r}: choose one of {', '.join(STYLES)}.")
    if not 30.0 <= bpm <= 300.0 or not 0.0 <= drift < 0.5:
        raise InputError(
            f"A song at {bpm:g} beats a minute (drift {drift:g}) cannot be made: give 30 to 300 (0 to 0.5)."
        )
    kind = STYLES[style]
    if bars < 1 or bars * kind.metre * 60.0 / bpm > MAX_SECONDS:
        raise InputError(f"A song of {bars} bars cannot be made: give at least 1 and at most 15 minutes of them.")
    plan = sections if sections is not None else divide(bars)
    for name, _ in plan:
        if name not in ENERGY:
            raise InputError(f"There is no section {name!r}: choose from {', '.join(ENERGY)}.")
    if sum(count for _, count in plan) != bars or any(count < 1 for _, count in plan):
        raise InputError(f"The sections must fill the {bars} bars, each with 1 or more.")

    writer = _Writer(style, bpm, plan, seed, rate, 2 if stereo else 1, drift)
    return writer.song()


def divide(bars: int) -> list[tuple[str, int]]:
    """(name, bars) of a form with as many sections as `bars` carries: each an even number of bars where possible."""
    if bars < 4:
        return [("chorus", bars)]
    if bars < 8:
        return [("verse", bars // 2), ("chorus", bars - bars // 2)]
    names = [name for name, _ in _FORM]
    if bars < 16:
        names = ["intro", "verse", "chorus", "outro"]
    share = {"verse": 2, "chorus": 2}
    total = sum(share.get(name, 1) for name in names)
    unit = max(1, bars // total)
    plan = [[name, unit * share.get(name, 1)] for name in names]
    left = bars - sum(int(count) for _, count in plan)
    chorus = [index for index, name in enumerate(names) if name in ("verse", "chorus")]
    for extra in range(left):
        entry = plan[chorus[extra % len(chorus)]]
        entry[1] = int(entry[1]) + 1
    return [(str(name), int(count)) for name, count in plan]


class _Writer:
    """Writes one song: draws what is open from the seed, then sets every note, then mixes."""

    def __init__(
        self, style: str, bpm: float, plan: list[tuple[str, int]], seed: int, rate: int, channels: int, drift: float
    ) -> None:
        self.name, self.style, self.bpm, self.plan = style, STYLES[style], bpm, plan
        self.rate, self.channels = rate, channels
        self.rng = np.random.default_rng([zlib.crc32(style.encode()), seed])
        metre = self.style.metre
        self.energy = [ENERGY[name] for name, count in plan for _ in range(count)]
        self.bars = len(self.energy)
        index = np.arange(self.bars * metre + 1)
        # Intervals 60 / (bpm (1 + drift sin)) summed up: beat k of a drifting song.
        interval = 60.0 / (bpm * (1.0 + drift * np.sin(2 * np.pi * index / 32.0)))
        self.beat_times = _LEAD_IN + np.concatenate([[0.0], np.cumsum(interval[:-1])])
        self.length = int((self.beat_times[-1] + _TAIL) * rate)
        self.bus = {name: np.zeros((channels, self.length), np.float32) for name in ("drums", "bass", "music", "lead")}
        self.kicks: list[float] = []

        draw = self.rng
        self.drums = self.style.drums[draw.integers(len(self.style.drums))]
        self.bass = self.style.bass[draw.integers(len(self.style.bass))]
        self.chords = self.style.chords[draw.integers(len(self.style.chords))]
        self.arpeggio = self.style.arpeggios[draw.integers(len(self.style.arpeggios))] if self.style.arpeggios else None
        self.lead = self.style.lead[draw.integers(len(self.style.lead))]
        self.minor = bool(draw.random() < self.style.minor)
        self.key = int(draw.integers(-5, 7))
        self.progression = [
            int(digit) - 1 for digit in self.style.progressions[draw.integers(len(self.style.progressions))]
        ]
        self.motif = self._motif()

    # Time

    def when(self, bar: int, step: float) -> float:
        """Time s of a step of a bar; every other sixteenth comes later where the style swings."""
        whole = int(step)
        if whole % 2 == 1:
            step += self.style.swing
        beat = bar * self.style.metre + step / 4.0
        return float(np.interp(beat, np.arange(len(self.beat_times)), self.beat_times))

    # Harmony

    def degree(self, bar: int) -> int:
        return self.progression[bar // self.style.bars_a_chord % len(self.progression)]

    def tone(self, step: int) -> int:
        """MIDI of a scale step counted from the key's own tone near middle C."""
        scale = _MINOR if self.minor else _MAJOR
        return 60 + self.key + 12 * (step // 7) + scale[step % 7]

    def chord(self, bar: int) -> list[int]:
        """MIDI of the triad and its octave, in the inversion nearest to middle C."""
        root = self.degree(bar)
        tones = []
        for step in (0, 2, 4):
            midi = self.tone(root + step)
            if self.minor and root == 4 and step == 2:
                midi += 1  # the dominant of a minor key has the leading note
            tones.append(55 + (midi - 55) % 12)
        tones.sort()
        return [*tones, tones[0] + 12, tones[1] + 12]

    def root(self, bar: int) -> int:
        """MIDI of the bass root, between E1 and D sharp 2."""
        return 28 + (self.tone(self.degree(bar)) - 28) % 12

    # Notes

    def put(self, bus: str, wave: NDArray[np.float32], time: float, gain: float, pan: float = 0.0) -> None:
        start = round(time * self.rate)
        end = min(self.length, start + wave.shape[-1])
        if end <= start:
            return
        wave = np.atleast_2d(wave)[:, : end - start]
        if self.channels == 2:
            sides = np.array([[np.cos((pan + 1) * np.pi / 4)], [np.sin((pan + 1) * np.pi / 4)]]) * np.sqrt(2)
            self.bus[bus][:, start:end] += (gain * sides * wave).astype(np.float32)
        else:
            self.bus[bus][:, start:end] += np.float32(gain) * wave

    def play(
        self, bus: str, instrument: str, midi: int, time: float, end: float, gain: float, pan: float = 0.0
    ) -> None:
        milliseconds = max(40, round((end - time) * 100) * 10)
        self.put(bus, synth.note(instrument, midi, milliseconds, self.rate, self.channels), time, gain, pan)

    def human(self, spread: float = 0.07) -> float:
        return float(1.0 + spread * self.rng.standard_normal())

    # Sections

    def song(self) -> Composition:
        sections = []
        bar = 0
        metre = self.style.metre
        for position, (name, count) in enumerate(self.plan):
            end = bar + count
            following = self.plan[position + 1][0] if position + 1 < len(self.plan) else "end"
            self.write_section(name, bar, end, following)
            sections.append(
                Section(
                    name,
                    float(self.beat_times[bar * metre]),
                    float(self.beat_times[end * metre]),
                    ENERGY[name],
                    bar * metre,
                )
            )
            bar = end
        self.write_ending()
        count = len(self.beat_times)
        beats = Beats(self.beat_times, (np.arange(count) % metre).astype(np.int64), float(self.bpm), metre)
        layout = "stereo" if self.channels == 2 else "mono"
        return Composition(Sound(self.mix(), self.rate, layout), beats, sections, self.name)

    def write_section(self, name: str, first: int, end: int, following: str) -> None:
        energy = ENERGY[name]
        if energy >= 0.99 or (name == "verse" and first > 0):
            self.put(
                "drums", synth.drum("crash", self.rate), self.when(first, 0), 0.35 if self.style.metre == 4 else 0.15
            )
        for bar in range(first, end):
            fill = bar == end - 1 and end - first > 1 and following != "outro" and bool(self.drums)
            self.write_drums(bar, first, energy, fill)
            self.write_bass(bar, first, energy)
            self.write_chords(bar, first, energy)
            if self.arpeggio is not None and energy >= self.arpeggio.above:
                self.write_arpeggio(bar, first, self.arpeggio)
            if name in ("verse", "chorus"):
                self.write_lead(bar, first, energy)
        if name == "build":
            self.write_build(first, end)

    def write_drums(self, bar: int, first: int, energy: float, fill: bool) -> None:
        steps = self.style.metre * 4
        for part in self.drums:
            if energy < part.above:
                continue
            pattern = part.patterns[(bar - first) % len(part.patterns)]
            quiet_last = fill and part.instrument in ("snare", "clap", "hat", "rim")
            for step, mark in enumerate(pattern):
                if mark not in _LOUD or (quiet_last and step >= steps - 4):
                    continue
                time = self.when(bar, step)
                if part.instrument in ("kick", "soft_kick"):
                    self.kicks.append(time)
                gain = part.gain * _LOUD[mark] * self.human()
                self.put("drums", synth.drum(part.instrument, self.rate), time, gain, part.pan)
        if fill:
            voice = "tom" if self.name in ("pop", "disco", "hiphop") else "bongo" if self.style.wet > 0.2 else "snare"
            for step in (steps - 4, steps - 3, steps - 2, steps - 1):
                if self.rng.random() < 0.8:
                    self.put(
                        "drums",
                        synth.drum(voice, self.rate),
                        self.when(bar, step),
                        0.5 * self.human(),
                        (step - steps) / 8,
                    )

    def write_bass(self, bar: int, first: int, energy: float) -> None:
        part = self.bass
        if energy < part.above:
            return
        root = self.root(bar)
        after = self.root(min(bar + 1, self.bars - 1))
        third = 3 if self.minor else 4
        shift = {"r": 0, "o": 12, "f": 7, "t": third, "a": after - root - 1}
        for step, end, mark in _strokes(part.patterns[(bar - first) % len(part.patterns)], "-"):
            time, stop = self.when(bar, step), self.when(bar, end)
            # Dry styles keep short notes; the upright bass rings.
            stop = stop if end - step > 1 else time + 0.8 * (self.when(bar, step + 2) - time)
            self.play("bass", part.instrument, root + shift[mark], time, stop, part.gain * self.human(0.04))

    def write_chords(self, bar: int, first: int, energy: float) -> None:
        tones = self.chord(bar)[:3]
        for part in self.chords:
            if energy < part.above:
                continue
            for step, end, mark in _strokes(part.patterns[(bar - first) % len(part.patterns)], "-"):
                time, stop = self.when(bar, step), self.when(bar, end)
                gain = part.gain * _LOUD[mark] * self.human(0.04) / np.sqrt(len(tones))
                for place, midi in enumerate(tones):
                    spread = 0.004 * place if part.instrument == "guitar" else 0.0
                    self.play("music", part.instrument, midi, time + spread, stop, gain, part.pan)

    def write_arpeggio(self, bar: int, first: int, part: Part) -> None:
        tones = self.chord(bar)
        for step, mark in enumerate(part.patterns[(bar - first) % len(part.patterns)]):
            if mark.isdigit():
                time = self.when(bar, step)
                accent = 1.0 if step % 4 == 0 else 0.75
                self.play(
                    "music",
                    part.instrument,
                    tones[int(mark)] + 12,
                    time,
                    self.when(bar, step + 2),
                    part.gain * accent,
                    part.pan,
                )

    def _motif(self) -> list[list[tuple[int, int, int]]]:
        """Four bars, each a list of (step, length in steps, scale steps from the chord's root): A A' B A''."""
        metre = self.style.metre
        draw = self.rng

        def rhythm() -> list[int]:
            choices = (
                [[0, 4, 6, 8, 12], [0, 3, 6, 8, 14], [0, 6, 8, 12, 14], [2, 4, 6, 8, 12], [0, 8, 12]]
                if metre == 4
                else [[0, 4, 8], [0, 8], [0, 4, 8, 10], [0, 6, 8]]
            )
            return choices[int(draw.integers(len(choices)))]

        def bar(steps: list[int], start: int) -> list[tuple[int, int, int]]:
            notes, pitch = [], start
            ends = [*steps[1:], metre * 4]
            for step, end in zip(steps, ends, strict=True):
                if step % 8 == 0:
                    pitch = min((0, 2, 4, 7), key=lambda tone: abs(tone - pitch - int(draw.integers(-1, 2))))
                else:
                    pitch = int(np.clip(pitch + draw.choice([-2, -1, 1, 2]), -1, 8))
                notes.append((step, min(end - step, 6), pitch))
            return notes

        one, two = rhythm(), rhythm()
        first = bar(one, 4)
        last = bar(one, 2)
        last[-1] = (last[-1][0], last[-1][1], 0)
        return [first, bar(one, 2), bar(two, 4), last]

    def write_lead(self, bar: int, first: int, energy: float) -> None:
        if energy < 0.9 and (bar - first) % 4 >= 2:
            return  # the verse leaves room for answers
        root = self.degree(bar)
        root = root - 7 if root > 3 else root
        for step, length, height in self.motif[(bar - first) % 4]:
            time = self.when(bar, step)
            stop = self.when(bar, step + 0.9 * length)
            gain = (0.36 if energy > 0.9 else 0.28) * (1.0 if step % 4 == 0 else 0.85)
            self.play("lead", self.lead, self.tone(root + height) + 12, time, stop, gain * self.human(0.05), 0.05)

    def write_build(self, first: int, end: int) -> None:
        start, stop = self.when(first, 0), self.when(end, 0)
        if self.channels == 2 or self.rate > 30000:
            self.put("music", synth.riser(stop - start, self.rate), start, 0.8)
        steps = self.style.metre * 4
        total = (end - first) * steps
        for count in range(total):
            x = count / total
            every = 4 if x < 0.5 else 2 if x < 0.75 else 1
            if count % every == 0 and self.style.duck:
                time = self.when(first + count // steps, count % steps)
                self.put("drums", synth.drum("snare", self.rate), time, 0.15 + 0.4 * x)

    def write_ending(self) -> None:
        """The chord that everything stops on."""
        time = float(self.beat_times[-1])
        hold = time + 1.3
        tones = [60 + self.key + interval for interval in ((0, 3, 7) if self.minor else (0, 4, 7))]
        for part in self.chords:
            for midi in tones:
                self.play("music", part.instrument, 55 + (midi - 55) % 12, time, hold, 0.9 * part.gain / np.sqrt(3))
        self.play("bass", self.bass.instrument, 28 + (60 + self.key - 28) % 12, time, hold, self.bass.gain)
        self.play("lead", self.lead, tones[0] + 12, time, time + 0.7, 0.25)
        if self.drums:
            kick = "kick" if self.style.duck else "soft_kick"
            self.put("drums", synth.drum(kick, self.rate), time, 1.0)
            self.put("drums", synth.drum("crash", self.rate), time, 0.4)

    # Mix

    def mix(self) -> NDArray[np.float32]:
        bus, rate = self.bus, self.rate
        dip = np.ones(self.length)
        if self.style.duck and self.kicks:
            dip = synth.duck(np.unique(self.kicks), self.length, rate, self.style.duck)
        beat = 60.0 / self.bpm
        lead = bus["lead"] + synth.echo(bus["lead"], rate, 0.75 * beat)
        wet = synth.reverb(0.35 * bus["drums"] * 0.4 + bus["music"] + lead, rate)
        mixed = 0.95 * bus["drums"] + dip * (0.85 * bus["bass"] + 0.8 * bus["music"]) + 0.85 * lead
        mixed = mixed + self.style.wet * np.sqrt(0.5) * (0.4 + 0.6 * dip) * wet
        metre = self.style.metre
        bars = self.beat_times[::metre]
        clock = np.arange(self.length) / rate
        energy = np.interp(clock, bars, [*self.energy, self.energy[-1]])
        finished = synth.master(mixed * (0.6 + 0.4 * energy), rate)
        fade = int(0.4 * rate)
        finished[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32) ** 2
        return finished


def _strokes(pattern: str, hold: str) -> list[tuple[int, int, str]]:
    """(step, end, mark) of each stroke of a pattern; `hold` lengthens the one before."""
    strokes: list[tuple[int, int, str]] = []
    for step, mark in enumerate(pattern):
        if mark == hold and strokes:
            strokes[-1] = (strokes[-1][0], step + 1, strokes[-1][2])
        elif mark not in (".", hold):
            strokes.append((step, step + 1, mark))
    return strokes


def demo_song(seconds: float = 19.0, rate: int = 44100, seed: int = 3) -> Composition:
    """The song of the demo: disco at 118, about `seconds` long (8 and more), built up, with a clear ending."""
    bpm = 118.0
    bars = max(3, round((seconds - _LEAD_IN - _TAIL) * bpm / 240.0))
    intro = max(1, bars // 4)
    build = max(1, bars // 4) if bars >= 4 else 0
    plan = [("intro", intro), ("build", build), ("chorus", bars - intro - build)]
    return compose("disco", bpm, bars, seed, [(name, count) for name, count in plan if count], rate)
