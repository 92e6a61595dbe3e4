# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of talking faces: mouths against labelled speech, beside Rhubarb Lip Sync and baselines that hear nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation_contacts import aperture, contacts
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.job import Progress, part, silent
from ...rigs.phone_files import read_phones
from ...rigs.phones import Phones
from .score_measures import Tally, segments, shapes_of_track
from .score_rows import FPS, Row, rows_of
from .score_sets import Item, held_out_sets, labelled_folder

Array = NDArray[np.float64]

_RATES = (12.0, 24.0, 30.0, 60.0, 120.0)
# What a captured face and a made one are compared by.
_COMPARED = {"jaw": ("jawOpen",), "funnel": ("mouthFunnel",), "rolls": ("mouthRollLower", "mouthRollUpper")}
_COLUMNS = (
    "macro_f1", "bilabial_f", "bilabial_r", "bilabial_p", "fv_r", "round_r", "onset_ms", "onset_p90_ms", "shift_ms",
    "silence",
)  # fmt: skip


def score_files(pred: str | Path, labels: str | Path, fps: float | None = None) -> dict[str, Any]:
    """One face (.csv, .npz) against one file of phones, or folders of both, by name.

    Returns:
        `measures` of all together (Tally.summary), `motion` (jitter), and `clips`.

    Raises:
        InputError: a file is missing or wrong, or no names match.
    """
    pred, labels = Path(pred), Path(labels)
    if pred.is_dir() != labels.is_dir():
        raise InputError("Give two files, or two folders: faces with --pred and phones with --labels.")
    pairs = [(pred, labels)]
    if pred.is_dir():
        tracks = {path.stem: path for path in sorted(pred.iterdir()) if path.suffix.lower() in (".csv", ".npz")}
        pairs = [(tracks[path.stem], path) for path in sorted(labels.iterdir()) if path.stem in tracks]
    if not pairs:
        raise InputError(f"No face in {pred} has a file of phones of its name in {labels}.")
    tally, tracks_read = Tally(), []
    for face, spoken in pairs:
        track, phones = FaceTrack.load(face, fps), read_phones(spoken)
        seconds = max(phones.seconds, 0.01)
        tally.add(segments(phones, seconds), shapes_of_track(track, round(seconds * 100)))
        tracks_read.append(track)
    return {"measures": tally.summary(), "motion": motion_of(tracks_read), "clips": len(pairs)}


def score_methods(
    methods: str,
    data: str | Path,
    *,
    labels: str | Path | None = None,
    rhubarb: str | Path | None = None,
    cache: str | Path | None = None,
    limit: int | None = 30,
    progress: Progress = silent,
    sets: dict[str, list[Item]] | None = None,
) -> dict[str, Any]:
    """Methods, Rhubarb and baselines on speech that nothing was trained on.

    Args:
        methods: names of `METHODS` and of `score_rows`, with commas, or all.
        data: the folder with so762_sub, grid_s1, facegood_arkit and text. labels: a folder of sounds with files of
            phones beside them, to score on instead.
        rhubarb: its program; without it, and without what `cache` keeps of it, its rows are left out.
        limit: clips of each set.

    Returns:
        `rows`: of each method, by set and "all", the measures; `captured` the correlation with held-out real motion;
        `motion` speeds and reversals beside the real ones; `closures` of the method's own p, b, m that are closed in
        some frame, by frame rate.

    Raises:
        InputError: the data is not there, or a method is unknown. Cancelled: progress raised it.
    """
    if sets is None:
        loading = part(progress, 0.0, 0.2)
        sets = {"labelled": labelled_folder(labels, limit)} if labels else held_out_sets(data, limit, loading)
    captured = sets.get("facegood", [])
    spoken = {name: items for name, items in sets.items() if name != "facegood"}
    made: dict[str, Any] = {}
    rows = rows_of(methods, rhubarb, cache)
    total = max(1, len(rows) * sum(map(len, sets.values())))
    done = 0
    for name, row in rows.items():
        whole, found, tracks = Tally(), {}, []
        counted = 0
        for group, items in spoken.items():
            tally = Tally()
            for item in items:
                count = round(item.sound.seconds * 100)
                asked = segments(item.phones, item.sound.seconds)
                shown = row.shapes(group, item, count)
                done += 1
                progress(0.2 + 0.8 * done / total, f"{row.title}: {group}")
                if shown is None:
                    continue
                shapes, track = shown
                counted += 1
                tally.add(asked, shapes)
                whole.add(asked, shapes)
                tracks += [track] if track is not None else []
            if tally.counts:
                found[group] = tally.summary()
        if not whole.counts:
            continue
        every = sum(map(len, spoken.values()))
        title = row.title if counted == every else f"{row.title} ({counted} of {every} clips)"
        entry: dict[str, Any] = {"title": title, "clips": counted, "all": whole.summary(), "sets": found}
        if tracks:
            entry["motion"] = motion_of(tracks)
        if row.track is not None:
            entry.update(_beside_real(row, captured))
            done += len(captured)
        if row.closures is not None:
            entry["closures"] = _closures(row.closures, spoken)
        made[name] = entry
    result: dict[str, Any] = {"rows": made, "clips": {name: len(items) for name, items in sets.items()}}
    if captured:
        result["real_motion"] = motion_of([FaceTrack(i.captured, *_still(i.captured), 100.0) for i in captured])
    return result


def motion_of(tracks: list[FaceTrack]) -> dict[str, float]:
    """Speeds (99th percentile, a second) of jaw, funnel and pucker, and how often the jaw turns round by 0.03 or more
    and back within 120 ms, a second: chatter.
    """
    speeds: dict[str, list[Array]] = {"jawOpen": [], "mouthFunnel": [], "mouthPucker": []}
    turns, seconds = 0, 0.0
    for track in tracks:
        times = np.arange(0, max(track.seconds, 1 / FPS), 1 / FPS)
        own = np.arange(len(track)) / track.fps
        for name, found in speeds.items():
            curve = np.interp(times, own, track.weights[:, ARKIT_52.index(name)])
            found.append(np.abs(np.diff(curve)) * FPS)
            if name == "jawOpen":
                turns += _chatter(curve)
        seconds += track.seconds
    made = {f"{name}_p99": round(float(np.percentile(np.concatenate(v), 99)), 2) for name, v in speeds.items() if v}
    return {**made, "chatter": round(turns / max(seconds, 1e-6), 3)}


def _chatter(curve: Array, least: float = 0.03, within: float = 0.12) -> int:
    """How often a curve goes one way and back by `least` or more within `within` s."""
    change = np.sign(np.diff(curve))
    corners = [0, *(np.flatnonzero(np.diff(change[change != 0])) + 1).tolist()]
    moving = np.flatnonzero(change != 0)
    ends = [0, *(int(moving[c]) for c in corners[1:] if c < len(moving)), len(curve) - 1]
    values = curve[ends]
    count = 0
    for a in range(1, len(ends) - 1):
        before, after = values[a] - values[a - 1], values[a + 1] - values[a]
        if before * after < 0 and min(abs(before), abs(after)) >= least and ends[a + 1] - ends[a - 1] <= within * FPS:
            count += 1
    return count


def _beside_real(row: Row, captured: list[Item]) -> dict[str, Any]:
    """Correlation of curves with captured ones, over the held-out clips together."""
    assert row.track is not None
    ours: dict[str, list[Array]] = {name: [] for name in _COMPARED}
    real: dict[str, list[Array]] = {name: [] for name in _COMPARED}
    for item in captured:
        track = row.track(item)
        if track is None:
            return {}
        times = (np.arange(len(item.captured)) + 0.5) / 100
        # The capture's motion comes 33 ms after its sound.
        later = times + 1 / 30
        for name, shapes in _COMPARED.items():
            columns = [ARKIT_52.index(shape) for shape in shapes]
            own = np.arange(len(track)) / track.fps
            ours[name].append(np.interp(times, own, track.weights[:, columns].mean(1)))
            real[name].append(np.interp(later, times, item.captured[:, columns].mean(1)))
    if not captured:
        return {}
    found = {}
    for name in _COMPARED:
        a, b = np.concatenate(ours[name]), np.concatenate(real[name])
        found[name] = round(float(np.corrcoef(a, b)[0, 1]), 3) if a.std() > 1e-6 and b.std() > 1e-6 else 0.0
    return {"captured": found}


def _closures(
    made: Callable[[Item, float], tuple[Phones, FaceTrack]], sets: Mapping[str, list[Item]], most: int = 6
) -> dict[str, float]:
    """By frame rate the share of a method's own p, b and m that are closed in some frame."""
    found = {}
    for fps in _RATES:
        hits = total = 0
        for items in sets.values():
            for item in items[:most]:
                phones, track = made(item, fps)
                shut = aperture(track.weights) < 0.03
                seconds = len(track) / fps
                whole = phones.filled(seconds)
                asked = contacts(whole, seconds, fps).closed
                for start, end, name in zip(whole.start, whole.end, whole.names, strict=True):
                    if name in ("p", "b", "m"):
                        first, last = math.floor(start * fps), math.ceil(end * fps) + 1
                        total += 1
                        hits += bool((shut & asked)[max(first, 0) : last].any())
        found[f"{fps:g}"] = round(hits / total, 4) if total else float("nan")
    return found


def _still(weights: Array) -> tuple[Array, Array]:
    return np.zeros((len(weights), 3)), np.zeros((len(weights), 2))


def table(result: Mapping[str, Any]) -> str:
    """The rows over all sets for a reader, in Markdown."""
    heads = ["", *_COLUMNS, "jaw r", "funnel r", "rolls r", "jaw p99", "chatter"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for entry in result["rows"].values():
        real, motion = entry.get("captured", {}), entry.get("motion", {})
        cells = [entry["title"], *(_cell(entry["all"].get(name)) for name in _COLUMNS)]
        cells += [_cell(real.get(name)) for name in ("jaw", "funnel", "rolls")]
        cells += [_cell(motion.get(name)) for name in ("jawOpen_p99", "chatter")]
        lines.append("| " + " | ".join(cells) + " |")
    if "real_motion" in result:
        real = result["real_motion"]
        cells = ["captured face", *[""] * len(_COLUMNS), "1", "1", "1"]
        cells += [_cell(real["jawOpen_p99"]), _cell(real["chatter"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sets_table(result: Mapping[str, Any], measure: str = "macro_f1") -> str:
    """One measure by set."""
    names = list(dict.fromkeys(group for entry in result["rows"].values() for group in entry["sets"]))
    lines = ["| " + " | ".join(["", *names]) + " |", "|" + " --- |" * (len(names) + 1)]
    for entry in result["rows"].values():
        cells = [_cell(entry["sets"].get(name, {}).get(measure)) for name in names]
        lines.append("| " + " | ".join([entry["title"], *cells]) + " |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3f}".rstrip("0").rstrip(".") or "0"
