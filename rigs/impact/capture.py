# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a scene its sound is made from, as one file: bodies, how they move, who listens, and what touches what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..npz import load_npz, save_npz
from .events import Events

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Body:
    """`vertices` (V, 3) m and `triangles` (F, 3) in its own frame, with its scale applied · `places` (T, 3) m and
    `turns` (T, 3, 3), of the frame, at the capture's rate, Y up · `mass` kg that the solver gives it, 0 where none does
    · `thickness` m of its wall, None where nothing says so · `fixed`: it does not move, as a floor · `values`: numbers
    of its material that are its own.
    """

    name: str
    material: str
    vertices: Array
    triangles: Index
    places: Array
    turns: Array
    mass: float = 0.0
    thickness: float | None = None
    fixed: bool = False
    values: dict[str, float] = field(default_factory=dict)

    def place(self, time: float, fps: float) -> tuple[Array, Array]:
        """Position (3,) and turn (3, 3) at a time, s; the turn is that of the nearest frame."""
        at = np.clip(time * fps, 0, len(self.places) - 1)
        low = int(at)
        high = min(low + 1, len(self.places) - 1)
        return self.places[low] + (at - low) * (self.places[high] - self.places[low]), self.turns[round(float(at))]


@dataclass(frozen=True)
class Capture:
    """`ears` (T, 3) m and `looks` (T, 3, 3), rows right, up, forward, of who listens · all at `fps`."""

    bodies: tuple[Body, ...]
    events: Events
    ears: Array
    looks: Array
    fps: float

    @property
    def seconds(self) -> float:
        return self.events.seconds

    def save(self, path: str | Path) -> None:
        """Raises InputError."""
        arrays: dict[str, Any] = {"ears": self.ears, "looks": self.looks}
        heads = []
        for number, body in enumerate(self.bodies):
            heads.append({
                "name": body.name, "material": body.material, "mass": body.mass, "thickness": body.thickness,
                "fixed": body.fixed, "values": body.values,
            })  # fmt: skip
            for name in ("vertices", "triangles", "places", "turns"):
                arrays[f"{name}{number}"] = getattr(body, name)
        arrays["head"] = np.array(json.dumps({"fps": self.fps, "bodies": heads, "events": self.events.to_dict()}))
        save_npz(path, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Capture:
        """Raises InputError: the file is missing, damaged, or something else."""
        values = load_npz(path)
        try:
            head = json.loads(str(values["head"]))
            bodies = tuple(
                Body(
                    str(item["name"]), str(item["material"]), np.asarray(values[f"vertices{n}"], float).reshape(-1, 3),
                    np.asarray(values[f"triangles{n}"], np.int64).reshape(-1, 3),
                    np.asarray(values[f"places{n}"], float).reshape(-1, 3),
                    np.asarray(values[f"turns{n}"], float).reshape(-1, 3, 3), float(item["mass"]),
                    None if item["thickness"] is None else float(item["thickness"]), bool(item["fixed"]),
                    {str(k): float(v) for k, v in item["values"].items()},
                )
                for n, item in enumerate(head["bodies"])
            )  # fmt: skip
            ears, looks = np.asarray(values["ears"], float), np.asarray(values["looks"], float)
            return cls(bodies, Events.from_dict(head["events"]), ears.reshape(-1, 3), looks.reshape(-1, 3, 3),
                       float(head["fps"]))  # fmt: skip
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is no captured scene; bake the scene again.") from error
