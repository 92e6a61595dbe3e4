# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own way from music to dance: the music's form is heard, moves are planned on its beats and then performed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....rigs.beats import Beats
from ....rigs.errors import InputError
from ....rigs.job import Progress, silent
from ....rigs.motion import Motion
from ....rigs.motion_files import load_motion
from ....rigs.moves import Placed
from ....rigs.skeleton import Rest
from ....rigs.sound import Sound
from ...audio.structure import SILENCE, Structure, analyse
from .controls import PACES, Controls
from .dancers import on_floor
from .floor import region_for, within
from .grid import Grid, make_grid
from .plan import Planner, repertoire, spans_of
from .realise import HIT, Rough, combined, kept, loop, planted, rolled, rough, rounds, spot, through
from .vary import available, bridged, varied


@dataclass(frozen=True)
class Danced:
    """One motion for each dancer; frame 0, from which `beats` count, is at `start` s of the music."""

    motions: list[Motion]
    beats: Beats
    settings: dict[str, Any]
    start: float = 0.0


_LOOPED = 0.72  # median energy of beats, above which slow music counts as hip-hop


def suited(beats: Beats, structure: Structure) -> str:
    """The style that tempo, metre and drive of the music suggest."""
    if beats.metre == 3:
        return "waltz"
    if beats.confidence < 0.1:
        return "subtle"
    bpm = beats.bpm
    drive = float(np.median(structure.energy)) if len(structure.energy) else 0.0
    if bpm < 104:
        # A loop is equally loud throughout, a ballad swells.
        return "subtle" if bpm < 58 else "hiphop" if bpm >= 70 and drive > _LOOPED else "rumba"
    if 116 <= bpm <= 132 and drive > 0.62:
        return "disco"
    return "salsa" if 155 <= bpm <= 230 else "pop"


def dance_energy(grid: Grid, structure: Structure) -> NDArray[np.float64]:
    """(N,) 0..1, the music's energy on each beat of the dance."""
    number = grid.origin + (np.arange(len(grid.times)) - grid.lead) / grid.share
    return np.interp(number, np.arange(len(structure.energy)), structure.energy)


def generate(
    sound: Sound,
    beats: Beats,
    rest: Rest,
    *,
    style: str,
    seed: int,
    fps: float,
    device: str = "auto",
    controls: dict[str, Any] | None = None,
    preview: Callable[[Motion], None] | None = None,
    progress: Progress = silent,
) -> Danced:
    """A dance, or the dances of a group, to `sound`.

    Raises:
        InputError: a wish that cannot be read or granted.
    """
    wishes = Controls.from_options(controls or {}, len(rest.skeleton), fps)
    structure = analyse(sound, beats)
    progress(0.1, "Planning")
    style = suited(beats, structure) if style == "auto" else style
    known = repertoire(style, wishes.mix, beats.metre)
    grid = make_grid(beats, sound.seconds, known.moves, PACES[wishes.pace], wishes.beat_offset)
    frames = max(1, round(sound.seconds * fps))
    old = load_motion(wishes.keep, fps, rest=rest).on(rest.skeleton.name) if wishes.keep else None
    begun = load_motion(wishes.continue_from, fps, rest=rest).on(rest.skeleton.name) if wishes.continue_from else None
    here = spot(begun, rest, -1) if begun else (0.0, 0.0, 0.0)
    region = region_for(wishes.travel, wishes.region)
    region = replace(region, centre=here[:2]) if begun and wishes.region is None else region

    def plan(taste: int) -> list[Placed]:
        spans = spans_of(structure, grid)
        placed = Planner(grid, spans, dance_energy(grid, structure), known, wishes, taste).plan()
        return within(placed, region, wishes.travel, here)

    placed = plan(seed)
    progress(0.2, "Performing the moves")
    hit = HIT * min(1.4, 0.5 + 0.5 * wishes.energy)
    first = rough(placed, grid, rest, fps, frames, here, hit)
    if preview is not None:
        preview(first.motion)

    def freely(made: Rough, written: list[Placed], taste: int) -> Rough:
        if not wishes.variation:
            return made
        return varied(made, written, grid, rest, wishes.variation, style=style, seed=taste, device=device)

    progress(0.3, "Filling in" if wishes.variation else "Planting the feet")
    first = freely(first, placed, seed)
    start = 0.0
    beat_seconds = 60.0 / grid.bpm

    def another(k: int) -> Motion:
        """Dancer `k` of a group, in canon or with a plan of its own."""
        late = k * wishes.canon if wishes.formation == "canon" else 0.0
        written = plan(seed + k) if wishes.formation == "own" else placed
        if wishes.loop:
            around = _loop(written, grid, rest, fps, wishes.loop, hit, sound.seconds)[1]
            return rolled(around, round(late * grid.share * beat_seconds * fps))
        beats_late = round(late * grid.share)
        moved = [replace(one, beat=one.beat + beats_late) for one in written]
        moved = [one for one in moved if one.beat < len(grid.times) - 1]
        return planted(freely(rough(moved, grid, rest, fps, frames, here, hit), moved, seed + k), rest)

    if wishes.loop:
        start, made = _loop(placed, grid, rest, fps, wishes.loop, hit, sound.seconds)
        motions = _group(made, another, rest, wishes)
    elif wishes.dancers > 1:
        motions = _group(planted(first, rest), another, rest, wishes)
    else:
        pins = {min(round(pin.time * fps), frames - 1): (pin.poses, pin.trans) for pin in wishes.pins}
        for pin in wishes.pins:
            if pin.time > sound.seconds:
                raise InputError(f"A pin at {pin.time:.2f} s is after the end of the music at {sound.seconds:.2f} s.")
        if begun is not None:
            pins[0] = (begun.poses[-1], begun.trans[-1])

        def found(led: Rough) -> Rough:
            return bridged(led, sorted(pins), grid, rest, style=style, seed=seed, device=device)

        if pins:
            made = through(first, rest, pins, 1.2 * beat_seconds, found if available() else None)
        else:
            made = planted(first, rest)
        if old is not None and wishes.bars:
            span = (float(grid.seconds(grid.bar(wishes.bars[0]))), float(grid.seconds(grid.bar(wishes.bars[1] + 1))))
            made = kept(old, made, rest, *span)
        motions = [made]
    for path, is_upper in ((wishes.upper, True), (wishes.lower, False)):
        if path is not None:
            other = load_motion(path, fps, rest=rest).on(rest.skeleton.name)
            motions = [combined(one, other) if is_upper else combined(other, one) for one in motions]
    progress(1.0, "Danced")
    settings = _settings(style, structure, beats, grid, placed, controls)
    if start:
        heard = beats.within(start - 1e-3, motions[0].seconds)
        beats = replace(heard, times=np.maximum(heard.times - 1e-3, 0.0))
    return Danced(motions, beats, settings, start)


def _loop(
    placed: list[Placed], grid: Grid, rest: Rest, fps: float, bars: int, hit: float, seconds: float
) -> tuple[float, Motion]:
    """(where in the music it begins, the loop)."""
    first, last = grid.bar(1), grid.bar(1 + bars)
    if grid.seconds(last) > seconds:
        most = int(grid.bar_at(float(np.searchsorted(grid.times, seconds)) - 1)) - 1
        raise InputError(f"A loop of {bars} bars is longer than the music, which has {most}; ask for fewer.")
    made, frames = rounds(placed, grid, rest, fps, first, round(last - first), hit)
    return float(grid.seconds(first)), loop(made, rest, frames, 60.0 / grid.bpm)


def _group(lead: Motion, another: Callable[[int], Motion], rest: Rest, wishes: Controls) -> list[Motion]:
    """The dancers on their places; `another` dances for those that do not do what the first one does."""
    motions = [lead]
    for k in range(1, wishes.dancers):
        if wishes.formation == "unison" or (wishes.formation == "mirrored" and k % 2 == 0):
            motions.append(lead)
        elif wishes.formation == "mirrored":
            motions.append(lead.mirrored() if k == 1 else motions[1])
        else:
            motions.append(another(k))
    return on_floor(motions, rest, wishes.spacing, wishes.formation == "mirrored")[0]


def _settings(
    style: str, structure: Structure, beats: Beats, grid: Grid, placed: list[Placed], controls: dict[str, Any] | None
) -> dict[str, Any]:
    """What the dance is made of, as plain JSON values."""
    times = np.append(beats.times, beats.times[-1] + 60.0 / beats.bpm)
    return {
        "style": style,
        **(controls or {}),
        "beats_per_beat": round(grid.share, 4),
        "sections": [
            {"label": one.label, "name": one.name, "start": round(float(times[one.first]), 4), "energy": one.energy}
            for one in structure.sections
            if one.label != SILENCE or one.last - one.first > 1
        ],
        "plan": [
            {"bar": round(grid.bar_at(one.beat), 2), "move": one.move, "mirrored": bool(one.mirrored)} for one in placed
        ],
    }
