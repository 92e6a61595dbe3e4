# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of all dance methods in one table, beside recorded dancers and trivial ones: `avanim score dance`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.feet import plant_feet
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.motion_files import load_motion
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from . import METHODS, generate
from .beat_frames import PER_BEAT, WIDTH, at_times, decode, in_seconds
from .melody import beat_numbers
from .score_measures import COPY, FEET_FPS, FPS, WINDOW, Reference, Tally, summary
from .score_reference import (
    Recording,
    Song,
    load_recordings,
    load_songs,
    resampled,
    training_gestures,
    training_motions,
)
from .score_retrieval import retrieval

Array = NDArray[np.float64]
Training = list[tuple[str, Motion]]

_REST = Rest.average()


# --- dancers that are no method ---------------------------------------------------------------------------------------


def random_poses(seconds: float, training: Training, rng: np.random.Generator) -> Motion:
    """Poses of the training motion in an order by chance, one after 0.2 to 0.8 s, with a smooth way between them."""
    times, poses, trans = [0.0], [], []
    while times[-1] < seconds + 1:
        times.append(times[-1] + rng.uniform(0.2, 0.8))
    for _ in times:
        motion = training[rng.integers(len(training))][1]
        at = rng.integers(len(motion))
        poses.append(motion.poses[at])
        trans.append(motion.trans[at] * [0, 1, 0])
    even = np.interp(np.arange(0, seconds, 1 / FPS), times, np.arange(len(times)))
    return at_times(Motion(np.array(poses), np.array(trans), 1.0), even, FPS)


def shuffled_time(seconds: float, training: Training, rng: np.random.Generator) -> Motion:
    """Half seconds of the training motion in an order by chance, put one after the other."""
    pieces, trans, length = [], [], 0
    while length < seconds * FPS:
        motion = resampled(training[rng.integers(len(training))][1].slice(0, 30), FPS)
        at = int(rng.integers(max(1, len(motion) - 30)))
        pieces.append(motion.poses[at : at + 30])
        moved = motion.trans[at : at + 30]
        trans.append(moved - moved[0] * [1, 0, 1])
        length += len(pieces[-1])
    count = round(seconds * FPS)
    return Motion(np.concatenate(pieces)[:count], np.concatenate(trans)[:count], FPS)


def mean_pose(seconds: float, training: Training, rng: np.random.Generator) -> Motion:
    """The mean of the training poses, standing still."""
    poses = np.concatenate([motion.poses for _, motion in training]).mean(0)
    poses[0] = 0
    height = np.concatenate([motion.trans[:, 1] for _, motion in training]).mean()
    count = max(2, round(seconds * FPS))
    return Motion(np.tile(poses, (count, 1, 1)), np.tile([0.0, height, 0.0], (count, 1)), FPS)


TRIVIAL: dict[str, Callable[[float, Training, np.random.Generator], Motion]] = {
    "random_poses": random_poses,
    "shuffled_time": shuffled_time,
    "mean_pose": mean_pose,
}


def diffusion_free(sound: Sound, beats: Beats) -> Motion:
    """The motion model alone, with no moves given: what an EDGE-style network comes to on the same data.

    Source: Tseng, Castellon, Liu, "EDGE: Editable Dance Generation From Music", CVPR 2023.
    """
    from .diffusion import Sampler

    sampler = Sampler.load()
    count = len(beats.times) * PER_BEAT
    first = int(np.flatnonzero(beats.positions == 0)[0]) if (beats.positions == 0).any() else 0
    frames = sampler.fill(
        np.zeros((count, WIDTH)),
        np.zeros((count, WIDTH), bool),
        style="waltz" if beats.metre == 3 else "pop",
        bpm=beats.bpm,
        beat=-float(first),
        metre=beats.metre,
    )
    motion, contact = decode(frames, _REST, PER_BEAT * beats.bpm / 60)
    motion = plant_feet(motion, _REST, contact=contact)
    times = np.arange(round(sound.seconds * FPS)) / FPS
    return in_seconds(motion, 0.0, beat_numbers(beats.times, times), FPS)


# --- the table ------------------------------------------------------------------------------------------------------

# The methods that dance; a musician's has no beat to be measured by.
DANCERS = tuple(name for name, method in METHODS.items() if method.skeleton == "smpl24")
FREE, RETRIEVAL = "diffusion_free", "retrieval"


def known_methods(names: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Row name to method and controls, of what `names` lists with commas; of "all", all methods.

    A method that choreographs may be followed by controls, as in `choreographer:variation=0`; FREE and RETRIEVAL are
    rows too.

    Raises:
        InputError: one of them does not exist.
    """
    rows = [*DANCERS, RETRIEVAL, *([FREE] if _free_is_there() else [])] if names == "all" else names.split(",")
    chosen: dict[str, tuple[str, dict[str, Any]]] = {}
    for row in (row.strip() for row in rows if row.strip()):
        name, *controls = row.split(":")
        if name not in (*DANCERS, RETRIEVAL, FREE):
            known = ", ".join([*DANCERS, RETRIEVAL, FREE])
            raise InputError(f"There is no dance method {name!r}; choose all or some of {known}.")
        chosen[row] = name, {key: _number(value) for key, _, value in (text.partition("=") for text in controls)}
    return chosen


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _free_is_there() -> bool:
    from .diffusion import Sampler

    return Sampler.available()


class Stage:
    """The songs of a run, and the folder in which their beats and dances are kept for the next one."""

    def __init__(self, songs: list[Song], cache: Path | None, told: bool, seconds: float | None) -> None:
        self.songs, self.cache, self.told, self.seconds = songs, cache, told, seconds

    def _kept(self, row: str, song: Song, ending: str) -> Path | None:
        if self.cache is None:
            return None
        told = "_told" if self.told and ending == ".npz" else ""
        folder = self.cache / f"{row.replace(':', '_')}{told}{f'_{self.seconds:g}s' if self.seconds else ''}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{song.name}{ending}"

    def heard(self, song: Song, sound: Sound) -> Beats:
        """The beats to dance to: those of the tracker, or the true ones where they are told."""
        if self.told and song.beats is not None:
            return song.beats
        from ..audio.beats import track_beats

        kept = self._kept("beats", song, ".json")
        if kept and kept.is_file():
            return Beats.from_dict(json.loads(kept.read_text()))
        beats = track_beats(sound)
        if kept:
            with replacing(kept) as temporary:
                temporary.write_text(json.dumps(beats.to_dict()))
        return beats

    def danced(self, row: str, method: str, controls: dict[str, Any], song: Song, training: Training) -> Motion:
        """The dance of a method to a song, at 60 fps on the average body. `training` is what RETRIEVAL takes from."""
        kept = self._kept(row, song, ".npz")
        if kept and kept.is_file():
            with suppress(InputError):  # a file cut short is made anew
                return load_motion(kept)
        from ..audio.load import load_sound

        sound = load_sound(song.path, rate=22050, mono=True, seconds=self.seconds)
        beats = self.heard(song, sound).within(0.0, sound.seconds)
        if method == FREE:
            motion = diffusion_free(sound, beats)
        elif method == RETRIEVAL:
            motion = retrieval(sound, beats, training, FPS, np.random.default_rng(2))
        else:
            motion = generate(sound, _REST, method=method, fps=FPS, beats=beats, controls=controls).motion
        if kept:
            motion.save(kept)
        return motion


def _periods(songs: list[Song]) -> Array:
    """Seconds to a beat of each song whose beats are known; 0.5 where none are."""
    return np.array([60.0 / song.beats.bpm for song in songs if song.beats is not None] or [0.5])


def score_recordings(recordings: list[Recording], periods: Array) -> tuple[Tally, float]:
    """The recorded dancers' tally, and their alignment per music beat where each stretch may choose its phase.

    They were recorded without music: how many beats a section has is known, not where in it they fall.
    """
    tally, rng, best = Tally(), np.random.default_rng(0), []
    for recording in recordings:
        tally.add(recording.motion, recording.rest)
        for start, end, beats in recording.danced:
            motion = recording.motion.slice(start, end)
            tally.align(motion, recording.rest, beats, periods, rng)
            phases = Tally()
            for phase in np.arange(-0.5, 0.5, 0.1):
                phases.align(motion, recording.rest, beats + phase * np.median(np.diff(beats)), periods, rng)
            if phases.alignment:
                best.append(max(one["per_music_beat"] for one in phases.alignment))
    return tally, float(np.mean(best)) if best else 0.0


def score_songs(dances: Iterator[tuple[Song, Motion]], periods: Array) -> Tally:
    tally, rng = Tally(), np.random.default_rng(0)
    for song, motion in dances:
        tally.add(motion, _REST)
        if song.beats is not None:
            tally.align(motion, _REST, song.beats.within(0.0, motion.seconds).times, periods, rng)
    return tally


def score(
    methods: str,
    songs: str | Path,
    reference: str | Path,
    *,
    data: str | Path | None = None,
    cache: str | Path | None = None,
    limit: int | None = None,
    seconds: float | None = None,
    told_beats: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Every method's scores on the same songs, beside recorded and trivial dancers.

    Args:
        methods: as known_methods reads them.
        songs: folder of sound files; `songs.json` in it or above states their true beats.
        reference: folder of the recorded dancers (score_reference.FITS and SECTIONS).
        data: folder of the recordings that train; without it only the authored moves count as training motion.
        cache: folder in which dances are kept, so that a run can be taken up again; nothing there is made anew.
        limit: so many songs, evenly taken. seconds: of each only the beginning.
        told_beats: dance to the true beats in place of those that the tracker hears.

    Raises:
        InputError: an unknown method, or a folder that lacks what it should hold.
        Cancelled: progress raised it.
    """
    chosen = known_methods(methods)
    stage = Stage(load_songs(Path(songs), limit), Path(cache) if cache else None, told_beats, seconds)
    recordings = load_recordings(Path(reference))
    training = training_motions(Path(data) if data else None)
    periods = _periods(stage.songs)
    progress(0.0, "Measuring the recorded dancers")
    recorded, best_phase = score_recordings(recordings, periods)
    compared, known = Reference.of(recorded), training_gestures(training)
    rows = {"mocap": summary(recorded, compared, known, itself=True)}
    names = [*chosen, *TRIVIAL]
    for index, name in enumerate(names):
        here = part(progress, 0.05 + 0.95 * index / len(names), 0.05 + 0.95 * (index + 1) / len(names))

        def dances(name: str = name, here: Progress = here) -> Iterator[tuple[Song, Motion]]:
            rng = np.random.default_rng(1)
            for k, song in enumerate(stage.songs):
                here(k / len(stage.songs), f"{name} dances to {song.name}")
                if name in chosen:
                    yield song, stage.danced(name, *chosen[name], song, training)
                else:
                    length = _seconds(song) if seconds is None else min(seconds, _seconds(song))
                    yield song, TRIVIAL[name](length, training, rng)

        rows[name] = summary(score_songs(dances(), periods), compared, known)
    progress(1.0, "Scored")
    return {
        "songs": len(stage.songs),
        "songs_with_known_beats": sum(song.beats is not None for song in stage.songs),
        "danced_to": "the true beats" if told_beats else "the beats that the tracker heard",
        "fps": {"features": FPS, "beat_alignment": FPS, "feet": FEET_FPS, "jerk": FEET_FPS},
        "window_s": WINDOW,
        "windows_compared": min(len(half) for half in compared.halves["kinetic"]),
        "mocap_beat_alignment_best_phase": _rounded(best_phase),
        "copy_m": COPY,
        "rows": {name: {key: _rounded(value) for key, value in row.items()} for name, row in rows.items()},
    }


def _seconds(song: Song) -> float:
    from ..audio.load import probe

    return probe(song.path)[0]


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


_COLUMNS = (
    ("beat", "beat_alignment_per_music_beat", 3),
    ("½off", "beat_alignment_per_music_beat_shifted", 3),
    ("other", "beat_alignment_per_music_beat_other_music", 3),
    ("body", "beat_alignment_per_kinematic_beat", 3),
    ("½off", "beat_alignment_per_kinematic_beat_shifted", 3),
    ("other", "beat_alignment_per_kinematic_beat_other_music", 3),
    ("FID_k", "fid_k", 1),
    ("FID_g", "fid_g", 1),
    ("Div_k", "div_k", 2),
    ("Div_g", "div_g", 2),
    ("PFC", "pfc", 2),
    ("FSR", "fsr", 3),
    ("foot", "contact_speed", 3),
    ("sunk", "penetration_p99", 3),
    ("jerk", "jerk_p999", 0),
    ("near", "nearest_training", 3),
    ("copied", "copied", 3),
)


def table(result: dict[str, Any]) -> str:
    """The rows of `score` for a reader; docs/dance.md says what the columns are."""
    lines = ["".join([f"{'':24}", *(f"{title:>8}" for title, _, _ in _COLUMNS)])]
    for name, row in result["rows"].items():
        cells = (f"{'–':>8}" if row[key] is None else f"{row[key]:8.{digits}f}" for _, key, digits in _COLUMNS)
        lines.append("".join([f"{name:24}", *cells]))
    return "\n".join(lines)
