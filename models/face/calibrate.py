# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit the mouth poses to a captured face: `python -m avanim.models.face.calibrate --data DIR [--out mine.toml]`.

The curves that phones are articulated with are, contacts aside, sums of each phone's targets times its share of the
moment. So with the shares as they are the targets that come nearest to real motion follow from a linear system, held
to the table where the capture says little. The face is heard by the recogniser first: no labels are needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.articulation import MouthSettings, articulate, asked, dominance
from ...rigs.articulation_poses import CHANNELS, GROUPS, Poses, columns, default_poses
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ...rigs.npz import load_npz
from ...rigs.phones import PHONES, Phones
from ..audio.load import load_sound
from ..speech import recognise

Array = NDArray[np.float64]

# Clips that nothing is fitted on.
HELD_OUT = ("1114_2_04", "1114_3_15")
# What is fitted; the shapes of contact stay as they are, since contacts are a promise.
FITTED = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDown")
COMPARED = (*FITTED, "mouthRollLower", "mouthRollUpper")
# A capture's motion comes so long (s) after its sound.
_LATE = 1 / 30
# How many frames of a phone count as much as what the table says of it.
_PRIOR = 60.0
_BRIEF = 0.05  # targets nearer to the table's than this are left out of the file


@dataclass(frozen=True)
class Captured:
    """One recording: `phones`, `loudness` dB and `effort` as they are heard, and `weights` (T, 52) at `fps`."""

    name: str
    weights: Array
    fps: float
    phones: Phones
    seconds: float
    loudness: Array
    effort: Array

    @classmethod
    def read(cls, path: Path, device: str = "auto", progress: Progress = silent) -> Captured:
        """Of an .npz with arkit, arkit_names and fps, and the .flac beside it. Raises InputError, Cancelled."""
        fields = load_npz(path, {"arkit", "arkit_names", "fps"}.__contains__)
        try:
            weights = np.zeros((len(fields["arkit"]), len(ARKIT_52)))
            for column, name in enumerate(map(str, fields["arkit_names"])):
                if name in ARKIT_52:
                    weights[:, ARKIT_52.index(name)] = fields["arkit"][:, column]
            fps = float(fields["fps"])
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise InputError(f"{path} is no captured face: it needs arkit, arkit_names and fps.") from error
        heard = recognise(load_sound(path.with_suffix(".flac"), mono=True), device=device, progress=progress)
        loudness, effort = np.asarray(heard.loudness, float), np.asarray(heard.effort, float)
        return cls(path.stem, weights, fps, heard.phones, heard.seconds, loudness, effort)

    def times(self) -> Array:
        """Of each captured frame the moment of the sound that it belongs to."""
        return (np.arange(len(self.weights)) / self.fps - _LATE).clip(0)

    def made(self, poses: Poses) -> Array:
        """(T, 52) as its phones are articulated with `poses`, at the capture's frames."""
        curves = articulate(self.phones, self.seconds, 100.0, effort=self.effort, loudness=self.loudness, poses=poses)
        own = np.arange(len(curves)) / 100.0
        return np.stack([np.interp(self.times(), own, column) for column in curves.T], axis=1)

    def energy(self) -> Array:
        """(T,) loudness alone, the baseline."""
        own = (np.arange(len(self.loudness)) + 0.5) / 100.0
        return np.interp(self.times(), own, self.loudness)


def captured_faces(folder: str | Path, device: str = "auto", progress: Progress = silent) -> list[Captured]:
    """The recordings of a folder: pairs of .npz (arkit, arkit_names, fps) and .flac. Raises InputError, Cancelled."""
    paths = sorted(path for path in Path(folder).glob("*.npz") if path.with_suffix(".flac").exists())
    if not paths:
        raise InputError(f"{folder} holds no captured faces; give a folder of .npz files with a .flac beside each.")
    return [
        Captured.read(path, device, part(progress, i / len(paths), (i + 1) / len(paths)))
        for i, path in enumerate(paths)
    ]


def fit(poses: Poses, faces: Sequence[Captured], prior: float = _PRIOR) -> Poses:
    """`poses` with targets that come nearest to the motion of `faces` (least squares, ridge towards `poses`)."""
    parts = [_shares(poses, face) for face in faces]
    targets = poses.targets.copy()
    for shape in FITTED:
        group = next(name for name, shapes in GROUPS.items() if shape in shapes)
        shares = np.concatenate([found[group] for found in parts])
        real = np.concatenate([face.weights[:, columns(shape)].mean(1) for face in faces])
        place = CHANNELS.index(shape)
        table = poses.targets[:, place]
        change = np.linalg.solve(shares.T @ shares + prior * np.eye(len(PHONES)), shares.T @ (real - shares @ table))
        targets[:, place] = (table + change).clip(0, 1)
    targets[PHONES.index("sil")] = 0.0
    return replace(poses, targets=targets)


def _shares(poses: Poses, face: Captured) -> dict[str, Array]:
    """By group (T, P): how much of each captured frame each phone of PHONES makes up."""
    phones, settings = face.phones.filled(face.seconds), MouthSettings()
    ones = replace(poses, targets=np.ones_like(poses.targets))
    gains, pull = asked(phones, ones, settings, face.effort, face.loudness, face.seconds)
    times = face.times()
    index, share = dominance(phones, times, pull, poses, settings)
    rows = phones.numbers[index]
    found = {}
    for group, (name, shapes) in enumerate(GROUPS.items()):
        gain = gains[:, CHANNELS.index(shapes[0])][index]
        total = np.zeros((len(times), len(PHONES)))
        np.add.at(total, (np.arange(len(times))[:, None], rows), share[..., group] * gain)
        found[name] = total
    return found


def compared(poses: Poses, faces: Sequence[Captured]) -> dict[str, Any]:
    """How the articulated curves of `faces` go with the captured ones, all together: correlations, beside loudness
    alone; the 90th and 99th percentile of each shape, and its speed's 99th (1/s), made and real.
    """
    made = np.concatenate([face.made(poses) for face in faces])
    real = np.concatenate([face.weights for face in faces])
    energy = np.concatenate([face.energy() for face in faces])
    result: dict[str, Any] = {}
    for shape in COMPARED:
        a, b = made[:, columns(shape)].mean(1), real[:, columns(shape)].mean(1)
        speeds = [float(np.percentile(np.abs(np.diff(x)) * faces[0].fps, 99)) for x in (a, b)]
        result[shape] = {
            "r": _r(a, b),
            "r_loudness": _r(energy, b),
            "made_p90_p99": [round(float(x), 3) for x in np.percentile(a, [90, 99])],
            "real_p90_p99": [round(float(x), 3) for x in np.percentile(b, [90, 99])],
            "speed_made_real": [round(x, 2) for x in speeds],
        }
    return result


def _r(a: Array, b: Array) -> float:
    return round(float(np.corrcoef(a, b)[0, 1]), 3) if min(a.std(), b.std()) > 1e-6 else 0.0


def written(new: Poses, old: Poses) -> str:
    """What differs between two tables, as a file for `Poses.read`."""
    lines = ["# Fitted to a captured face; see articulation.toml for what the numbers mean."]
    for row, phone in enumerate(PHONES):
        changed = [
            f"{shape} = {new.targets[row, place]:.3f}"
            for place, shape in enumerate(CHANNELS)
            if abs(new.targets[row, place] - old.targets[row, place]) >= _BRIEF
        ]
        if changed:
            lines += [f'[phone."{phone}"]', *changed]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder of captured faces, as facegood_arkit")
    parser.add_argument("--out", help="the .toml to write, for `Poses.read`")
    parser.add_argument("--prior", type=float, default=_PRIOR, help="frames that the table's own values count for")
    chosen = parser.parse_args(arguments)
    try:
        faces = captured_faces(chosen.data)
        kept = [face for face in faces if face.name not in HELD_OUT]
        held = [face for face in faces if face.name in HELD_OUT] or kept
        table = default_poses()
        fitted = fit(table, kept or held, chosen.prior)
        if chosen.out:
            with replacing(chosen.out) as temporary:
                temporary.write_text(written(fitted, table), encoding="utf-8")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"held_out": compared(table, held), "held_out_fitted": compared(fitted, held)}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
