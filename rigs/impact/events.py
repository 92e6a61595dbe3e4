# SPDX-License-Identifier: GPL-3.0-or-later
"""What touches what, when, where and how hard: the list that the sound is made from, saved as .json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import read_bytes, replacing

KINDS = ("hit", "scrape", "roll", "step")
_LARGEST = 1 << 28


@dataclass(frozen=True)
class Event:
    """One contact.

    `time` s from the first frame · `point` (3,) m, Y up · `impulse` N·s along the normal; of a scrape or a roll the
    mean load in N · `materials` of the two · `kind` of KINDS · `objects`, the names of the two; the second may be "" ·
    `normal` (3,) unit, the way the first is pushed · `speed` m/s at which they meet, slide or roll · `mass` kg that is
    stopped · `spots` of a hit in several places at once: (x, y, z, share of the impulse), else empty · `seconds` that a
    scrape or roll lasts · `track` of it: (time s, load N, speed m/s, x, y, z) · `part` of a character: left heel,
    hands … · `source`: solver, arc, keys · `mute`, `gain`: the user's.
    """

    time: float
    point: tuple[float, float, float]
    impulse: float
    materials: tuple[str, str]
    kind: str = "hit"
    objects: tuple[str, str] = ("", "")
    normal: tuple[float, float, float] = (0.0, 1.0, 0.0)
    speed: float = 0.0
    mass: float = 1.0
    seconds: float = 0.0
    track: tuple[tuple[float, ...], ...] = ()
    part: str = ""
    source: str = "solver"
    mute: bool = False
    gain: float = 1.0
    spots: tuple[tuple[float, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name not in ("track", "spots") or value}

    @classmethod
    def from_dict(cls, values: Any) -> Event:
        """Raises InputError: something is missing, unknown or no number."""
        try:
            known = {item.name for item in fields(cls)}
            kept = {name: value for name, value in values.items() if name in known}
            for name in ("point", "normal"):
                if name in kept:
                    kept[name] = tuple(float(x) for x in kept[name])
                    if len(kept[name]) != 3:
                        raise ValueError(f"{name} must have three numbers")
            for name in ("materials", "objects"):
                if name in kept:
                    kept[name] = tuple(str(x) for x in kept[name])
                    if len(kept[name]) != 2:
                        raise ValueError(f"{name} must name two")
            for name in ("time", "impulse", "speed", "mass", "seconds", "gain"):
                if name in kept:
                    kept[name] = float(kept[name])
            kept["track"] = tuple(tuple(float(x) for x in row) for row in kept.get("track", ()))
            kept["spots"] = tuple(tuple(float(x) for x in row) for row in kept.get("spots", ()))
            event = cls(**kept)
            numbers = [event.time, event.impulse, event.speed, event.mass, event.seconds, event.gain, *event.point,
                       *event.normal, *(x for row in (*event.track, *event.spots) for x in row)]  # fmt: skip
            if not all(math.isfinite(x) for x in numbers):
                raise ValueError("a number is not finite")
            if event.kind not in KINDS:
                raise ValueError(f"the kind must be one of {', '.join(KINDS)}")
            if any(len(row) != 6 for row in event.track):
                raise ValueError("each row of the track must have six numbers")
            if any(len(row) != 4 for row in event.spots):
                raise ValueError("each of the spots must have four numbers")
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise InputError(f"This is no event: {error}; give time, point, impulse, materials and kind.") from error
        return event


@dataclass(frozen=True)
class Events:
    """`items` in the order of time · `fps` and `frame_start` of the scene, by which a frame is told · `seconds` of the
    range · `notes`: what could not be exact, in sentences.
    """

    items: tuple[Event, ...] = ()
    fps: float = 24.0
    frame_start: int = 1
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.items)

    def sorted(self) -> Events:
        return replace(self, items=tuple(sorted(self.items, key=lambda event: event.time)))

    def frame(self, event: Event) -> float:
        """The frame, with its part, at which an event happens."""
        return self.frame_start + event.time * self.fps

    def to_dict(self) -> dict[str, Any]:
        return {
            "fps": self.fps, "frame_start": self.frame_start, "seconds": self.seconds, "axes": "Y up, metres",
            "notes": list(self.notes), "details": self.details, "events": [event.to_dict() for event in self],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Any) -> Events:
        """Raises InputError."""
        try:
            items = tuple(Event.from_dict(item) for item in values["events"])
            events = cls(
                items, float(values.get("fps", 24.0)), int(values.get("frame_start", 1)),
                float(values.get("seconds", 0.0)), tuple(str(x) for x in values.get("notes", ())),
                dict(values.get("details", {})),
            )  # fmt: skip
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InputError(f"This is no list of events: {error}; bake the scene again.") from error
        if not (0 < events.fps < 1e5 and 0 <= events.seconds < 1e6):
            raise InputError("This is no list of events: fps and seconds must be plain numbers; bake the scene again.")
        return events.sorted()

    def save(self, path: str | Path) -> None:
        """Write .json, whole or not at all. Raises InputError."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Events:
        """Read what `save` wrote. Raises InputError: the file is missing, damaged, or something else."""
        try:
            values = json.loads(read_bytes(path, _LARGEST).decode("utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is no .json file of events; bake the scene again.") from error
        return cls.from_dict(values)
