# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores the beat tracker beside plain librosa on songs with known beats: `python -m avanim.models.audio.score`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from .beats import track_beats
from .load import load_sound

TOLERANCE = 0.07  # s, of a beat that counts as found
TEMPO_TOLERANCE = 0.04


def beat_f1(found: NDArray[np.float64], true: NDArray[np.float64], tolerance: float = TOLERANCE) -> float:
    """F1 of `found` against `true` beat times, each used once, nearest within `tolerance` s."""
    hits = 0
    i = j = 0
    found, true = np.sort(found), np.sort(true)
    while i < len(found) and j < len(true):
        if abs(found[i] - true[j]) <= tolerance:
            hits, i, j = hits + 1, i + 1, j + 1
        elif found[i] < true[j]:
            i += 1
        else:
            j += 1
    return 2.0 * hits / max(1, len(found) + len(true))


def score_beats(
    data_dir: str | Path | None = None, progress: Progress = silent, start: float = 0.0, seconds: float | None = None
) -> dict[str, Any]:
    """Tempo and beat F1 of ours and of librosa.beat.beat_track on `dance/research_only/songs.json` below `data_dir`.

    `data_dir` None: the folder in AVANIM_DATA, else ../shared/data beside the checkout. Half of the songs of each
    dance (every other one in order) served to choose the method ("tune"), the other half only to report ("test").
    `start`, `seconds`: of that part of each song alone.

    Raises:
        InputError: the songs are not there.
    """
    folder = find_songs(data_dir)
    songs = json.loads((folder / "songs.json").read_text())
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    names = sorted(songs)
    for index, name in enumerate(names):
        progress(index / len(names), f"beats of {name}")
        kind = name.split("_")[1]
        seen[kind] = seen.get(kind, -1) + 1
        truth = songs[name]
        sound = load_sound(folder / "songs" / f"{name}.mp3", rate=22050, start=start, seconds=seconds, mono=True)
        beats_true = truth["beat0_in_clip_s"] + np.arange(truth["beats"]) * 60.0 / truth["bpm"] - start
        beats_true = beats_true[(beats_true >= 0) & (beats_true < sound.seconds)]
        started = time.perf_counter()
        ours = track_beats(sound)
        took = time.perf_counter() - started
        plain_bpm, plain = librosa.beat.beat_track(y=sound.samples[0], sr=sound.rate, units="time")

        def span(times: NDArray[np.float64], true: NDArray[np.float64] = beats_true) -> NDArray[np.float64]:
            return times[(times > true[0] - TOLERANCE) & (times < true[-1] + TOLERANCE)]

        plain_bpm = float(np.atleast_1d(plain_bpm)[0])
        rows.append(
            {
                "name": name,
                "split": "tune" if seen[kind] % 2 == 0 else "test",
                "bpm": truth["bpm"],
                "metre": 3 if kind == "W" else 4,
                "ours_bpm": ours.bpm,
                "ours_metre": ours.metre,
                "ours_right": abs(ours.bpm / truth["bpm"] - 1) < TEMPO_TOLERANCE,
                "ours_f1": round(beat_f1(span(ours.times), beats_true), 3),
                "confidence": ours.confidence,
                "librosa_bpm": round(plain_bpm, 1),
                "librosa_right": abs(plain_bpm / truth["bpm"] - 1) < TEMPO_TOLERANCE,
                "librosa_f1": round(beat_f1(span(np.asarray(plain)), beats_true), 3),
                "seconds": round(sound.seconds, 1),
                "took": round(took, 2),
            }
        )
    progress(1.0, "beats scored")
    return {"songs": rows, "summary": {split: _summary(rows, split) for split in ("tune", "test", "all")}}


def find_songs(data_dir: str | Path | None = None) -> Path:
    """The folder with songs.json. Raises InputError when there is none."""
    root = Path(data_dir or os.environ.get("AVANIM_DATA") or Path(__file__).parents[3] / "shared" / "data")
    for folder in (root / "dance" / "research_only", root):
        if (folder / "songs.json").is_file():
            return folder
    raise InputError(
        f"There is no dance/research_only/songs.json in {root}: give its folder with --data or AVANIM_DATA."
    )


def _summary(rows: list[dict[str, Any]], split: str) -> dict[str, Any]:
    chosen = [row for row in rows if split in ("all", row["split"])]
    if not chosen:
        return {"songs": 0}
    return {
        "songs": len(chosen),
        "metre_right": sum(row["ours_metre"] == row["metre"] for row in chosen),
        **{
            f"{who}_{what}": value
            for who in ("ours", "librosa")
            for what, value in (
                ("right", sum(bool(row[f"{who}_right"]) for row in chosen)),
                ("mean_f1", round(float(np.mean([row[f"{who}_f1"] for row in chosen])), 3)),
            )
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with dance/research_only/songs.json, or with songs.json itself")
    parser.add_argument("--start", type=float, default=0.0, help="score the songs from this second on")
    parser.add_argument("--seconds", type=float, help="and only so much of them")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    arguments = parser.parse_args()
    try:
        result = score_beats(arguments.data, start=arguments.start, seconds=arguments.seconds)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(result))
        return 0
    print(f"{'song':12} {'split':5} {'bpm':>6}  {'librosa':>7} {'F1':>5}  {'ours':>7} {'in':>2} {'F1':>5} {'conf':>5}")
    for row in result["songs"]:
        print(
            f"{row['name']:12} {row['split']:5} {row['bpm']:6.1f}  {row['librosa_bpm']:7.1f} {row['librosa_f1']:5.2f}"
            f"  {row['ours_bpm']:7.2f} {row['ours_metre']:2d} {row['ours_f1']:5.2f} {row['confidence']:5.2f}"
            f"{'' if row['ours_right'] else '  wrong'}"
        )
    for split, values in result["summary"].items():
        print(split, json.dumps(values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
