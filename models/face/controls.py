# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's wishes for a talking face. Loaded in Blender too, hence without torch."""

from __future__ import annotations

import re
from typing import Any

from ...rigs import articulation, face_life
from ...rigs.emotion import read_curve
from ...rigs.face_regions import shapes_of

# Name -> (type, smallest, largest), as models/tasks.py checks options.
Known = dict[str, tuple[type, float | None, float | None]]
OPTIONS: Known = {
    **articulation.OPTIONS,
    "upper": (float, 0, 2),
    **face_life.OPTIONS,
    "emotion": (str, None, None),
    "suggest_emotion": (float, 0, 1),
    "language": (str, None, None),
    "regions": (str, None, None),
    "keep": (str, None, None),
    "poses": (str, None, None),
}
# What of it asks how the mouth moves, and what the rest of the face does.
MOUTH = tuple(articulation.OPTIONS)
LIFE = tuple(face_life.OPTIONS)


def chosen_regions(text: str | None) -> tuple[str, ...]:
    """The regions that "lower, eyes" names; all where there is no text. Raises InputError: one is unknown."""
    names = tuple(name.strip().lower() for name in (text or "").split(",") if name.strip())
    shapes_of(names)
    return names or ("all",)


def amounts(controls: dict[str, Any]) -> dict[str, float]:
    """How much of each doing of `face_life.live` is wanted: its own slider times that of the whole upper face."""
    upper = float(controls.get("upper", 1.0))
    return {name: min(float(controls.get(name, 1.0)) * upper, 2.0) for name in LIFE}


def emotion_curve(text: str) -> list[tuple[float, dict[str, float]]]:
    """Times in s and amounts of "happy:0.6@0, sad:1@3.5", or as `emotion.read_curve` reads. Raises InputError."""
    text = re.sub(r"([A-Za-z]+)\s*:\s*(?=[\d.])", r"\1 ", text)
    if "@" in text or "," in text:
        parts = [part.partition("@") for part in text.split(",") if part.strip()]
        text = "; ".join(f"{time.strip() or 0}: {mix.strip()}" for mix, _, time in parts)
    return read_curve(text)
