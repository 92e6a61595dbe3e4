# SPDX-License-Identifier: GPL-3.0-or-later
"""How well phones are heard, on speakers, clips and languages that were held out; beside a mouth that flaps.

The measures are those of `avanim score face` (models/face/score_measures.py), here straight from the phones, not from
the curves that are made of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.face import ARKIT_52
from ...rigs.job import Progress, part, silent
from ...rigs.phones import PHONES, Phones
from ...rigs.sound import Sound
from ..face.score_measures import SHAPES, Tally, segments
from ..face.score_sets import Item, held_out_sets
from .conditions import conditions
from .decode import decode
from .features import FRAMES, RATE
from .net import CURVES, SpeechNet, load_weights
from .recogniser import WEIGHTS, Heard, recognise
from .stream import Listener

# What is seen of a kind of segment, where it is not a narrow opening; None is as what follows.
_SHOWN = {
    "silence": "X", "lips": "A", "released lips": None, "lip at teeth": "G", "eh": "C", "a": "C", "aa": "D", "o": "E",
    "u": "F", "w": "F", "h": None,
}  # fmt: skip
_PEOPLE, _SOME = ("so762", "grid"), 30  # the sets of real voices, and how many clips of each are disturbed
_CHILD = 13  # years, from which on somebody is no child
_STEPS = ((-6, "D"), (-14, "C"), (-25, "B"), (-35, "A"))  # dB below the loud, and how wide a flapping mouth is


def score(
    data: str | Path, weights: str | Path | None = None, limit: int | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Measure the weights (None: the shipped ones) on at most `limit` clips of each set held out of those below `data`.

    Returns:
        By set and row the measures, `phones_right` the share of frames whose phone is; `captured` by clip the
        correlation of curves with the real ones, beside that of the jaw with loudness; `people` the measures of real
        voices under conditions.py.

    Raises:
        InputError: the corpora or the weights are missing.
    """
    net = load_weights(Path(weights) if weights else WEIGHTS)
    sets = held_out_sets(data, limit, part(progress, 0, 0.2))
    made: dict[str, Any] = {"parameters": sum(p.numel() for p in net.parameters()), "captured": {}}
    for number, (name, items) in enumerate(sets.items()):
        rows = {"offline": Tally(), "stream of 120 ms": Tally(), "loudness flap": Tally()}
        right: list[NDArray[np.bool_]] = []
        for index, item in enumerate(items):
            progress(0.2 + 0.8 * (number + index / len(items)) / len(sets), f"Scoring {name}")
            heard = recognise(item.sound, net=net, device="cpu")
            if item.captured is not None:
                made["captured"][item.name] = _motion(np.asarray(item.captured), heard)
                continue
            seconds = min(item.sound.seconds, item.phones.seconds)
            count = round(seconds * FRAMES)
            asked = segments(item.phones, seconds)
            rows["offline"].add(asked, _shapes(heard.phones, seconds, count))
            rows["stream of 120 ms"].add(asked, _shapes(streamed(item.sound, net), seconds, count))
            rows["loudness flap"].add(asked, _flap(heard.loudness[:count]))
            right.append(heard.posterior[:count].argmax(1) == _frames(item.phones, count))
        if right:
            made[name] = {row: tally.summary() for row, tally in rows.items()}
            made[name]["phones_right"] = float(np.concatenate(right).mean())
    people = [item for name in _PEOPLE for item in sets.get(name, [])[:_SOME]]
    made["people"] = {}
    for name, change in conditions().items():
        tally = Tally()
        for item in people:
            seconds = min(item.sound.seconds, item.phones.seconds)
            sound = Sound(change(item.sound.mono())[None], item.sound.rate)
            heard = recognise(sound, net=net, device="cpu")
            tally.add(segments(item.phones, seconds), _shapes(heard.phones, seconds, round(seconds * FRAMES)))
        made["people"][name] = tally.summary()
    made["people"] |= {name: _heard(items, net) for name, items in _others(Path(data), sets).items() if items}
    return made


def _heard(items: list[Item], net: SpeechNet) -> dict[str, Any]:
    """The measures of clips as they are."""
    tally = Tally()
    for item in items:
        seconds = min(item.sound.seconds, item.phones.seconds)
        heard = recognise(item.sound, net=net, device="cpu")
        tally.add(segments(item.phones, seconds), _shapes(heard.phones, seconds, round(seconds * FRAMES)))
    return tally.summary()


def _others(data: Path, sets: dict[str, list[Item]]) -> dict[str, list[Item]]:
    """Children and grown people apart, and clips in which every held-out language and English follow each other."""
    lines = [json.loads(line) for line in (data / "so762_sub" / "so762.jsonl").read_text("utf-8").splitlines()]
    age = {line["speaker"]: line["age"] for line in lines}
    so762 = [(age.get(item.name.split("_")[1], _CHILD), item) for item in sets.get("so762", [])]
    languages = [items for name, items in sets.items() if name.startswith("tts ")] + [sets.get("grid", [])]
    return {
        "children": [item for years, item in so762 if years < _CHILD],
        "grown-ups who speak the same": [item for years, item in so762 if years >= _CHILD],
        "several languages in one clip": [_in_a_row(row) for row in zip(*languages, strict=False) if len(row) > 1],
    }


def _in_a_row(items: tuple[Item, ...]) -> Item:
    """Clips one after the other as one."""
    rows, samples, start = [], [], 0.0
    for item in items:
        labels = zip(item.phones.start, item.phones.end, item.phones.names, strict=True)
        rows += [(start + s, start + e, name) for s, e, name in labels if name != "sil"]
        samples.append(item.sound.mono())
        start += item.sound.seconds
    return Item("+".join(item.name for item in items), Sound(np.concatenate(samples)[None], RATE), Phones.of(rows))


def streamed(sound: Sound, net: SpeechNet, lookahead_ms: int = 120) -> Phones:
    """The phones of a sound at 16 kHz that was heard as a stream, 40 ms at a time."""
    listener, samples, hop = Listener(lookahead_ms, net), sound.mono(), RATE // 25
    parts = [listener.feed(samples[first : first + hop]) for first in range(0, len(samples), hop)]
    parts.append(listener.finish())
    posterior, events, effort = (
        np.concatenate([getattr(p, f) for p in parts]) for f in ("posterior", "events", "effort")
    )
    return decode(posterior, events, effort)


def _shapes(phones: Phones, seconds: float, count: int) -> NDArray[np.int64]:
    """(count,) places in score_measures.SHAPES of the mouth that these phones ask for."""
    made = np.full(count, SHAPES.index("X"))
    shown = "B"
    for start, end, kind in reversed(segments(phones, seconds)):
        shown = _SHOWN.get(kind, "B") or (shown if shown != "X" else "B")
        made[round(start * FRAMES) : round(end * FRAMES)] = SHAPES.index(shown)
    return made


def _frames(phones: Phones, count: int) -> NDArray[np.int64]:
    made = np.zeros(count, np.int64)
    for start, end, name in zip(phones.start, phones.end, phones.names, strict=True):
        made[round(start * FRAMES) : round(end * FRAMES)] = PHONES.index(name)
    return made


def _flap(loudness: NDArray[np.float32]) -> NDArray[np.int64]:
    """What many plug-ins do: the louder, the wider."""
    below = loudness - np.percentile(loudness, 95) if len(loudness) else loudness
    return np.select([below > step for step, _ in _STEPS], [SHAPES.index(s) for _, s in _STEPS], SHAPES.index("X"))


def _motion(captured: NDArray[np.floating[Any]], heard: Heard) -> dict[str, float]:
    frames = min(len(heard.curves), len(captured))
    made = {}
    for i, name in enumerate(CURVES):
        sides = [ARKIT_52.index(side) for side in (name, f"{name}Left", f"{name}Right") if side in ARKIT_52]
        mine, theirs = heard.curves[:frames, i], captured[:frames, sides].mean(axis=1)
        if mine.std() > 1e-6 and theirs.std() > 1e-6:
            made[name] = round(float(np.corrcoef(mine, theirs)[0, 1]), 3)
    loud = np.maximum(heard.loudness[:frames], -60)
    jaw = captured[:frames, ARKIT_52.index("jawOpen")]
    made["jawOpen of loudness"] = round(float(np.corrcoef(loud, jaw)[0, 1]), 3)
    return made
