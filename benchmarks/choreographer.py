# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds that the choreographer takes for a minute of dance, by stage, for short and for long music.

Run: python benchmarks/choreographer.py [--minutes 1 10]. Beside it a diffusion transformer of the size of EDGE (47
million parameters, 50 DDIM steps), made of our own layers, with random weights, for its time alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from avanim.models.audio.beats import track_beats
from avanim.models.audio.composer import compose
from avanim.models.audio.structure import analyse
from avanim.models.dance.choreographer import generate as choreographer
from avanim.models.dance.choreographer.controls import Controls
from avanim.models.dance.choreographer.floor import region_for, within
from avanim.models.dance.choreographer.generate import dance_energy
from avanim.models.dance.choreographer.grid import make_grid
from avanim.models.dance.choreographer.plan import Planner, repertoire, spans_of
from avanim.models.dance.choreographer.realise import planted, rough
from avanim.models.dance.diffusion_net import HINTS, PHASES, Config, Denoiser
from avanim.rigs.skeleton import Rest
from avanim.rigs.sound import Sound

REST = Rest.average()
FPS = 30.0


class Stages:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def music(minutes: float) -> Sound:
    """Disco at 120, repeated to length."""
    song = compose("disco", 120, 32, 1, rate=22050, stereo=False).sound
    samples = song.samples[:, : int(64 * song.rate)]
    count = int(np.ceil(minutes * 60 / 64))
    return Sound(np.tile(samples, (1, count)), song.rate).within(0, minutes * 60)


def timed(minutes: float) -> dict[str, float]:
    """Seconds a minute of dance, by stage and as a whole."""
    sound, stages, wishes = music(minutes), Stages(), Controls()
    with stages.stage("beats"):
        beats = track_beats(sound)
    with stages.stage("structure"):
        structure = analyse(sound, beats)
    with stages.stage("plan"):
        known = repertoire("disco", {}, beats.metre)
        grid = make_grid(beats, sound.seconds, known.moves, None, 0.0)
        planner = Planner(grid, spans_of(structure, grid), dance_energy(grid, structure), known, wishes, 1)
        placed = within(planner.plan(), region_for(wishes.travel, None), wishes.travel)
    with stages.stage("perform"):
        made = rough(placed, grid, REST, FPS, round(sound.seconds * FPS), (0.0, 0.0, 0.0))
    with stages.stage("feet"):
        planted(made, REST)
    began = time.perf_counter()
    choreographer.generate(sound, beats, REST, style="disco", seed=2, fps=FPS)
    whole = time.perf_counter() - began + stages.seconds["beats"]
    result = {name: round(seconds / minutes, 3) for name, seconds in stages.seconds.items()}
    result["preview"] = round(sum(stages.seconds[name] for name in ("beats", "structure", "plan", "perform")), 3)
    return {**result, "whole": round(whole / minutes, 3)}


def edge(windows: int = 2) -> tuple[float, float]:
    """(million parameters, seconds a minute of dance) of a network as large as EDGE's and used as it is: windows of 5 s
    at 30 fps that overlap by half, 50 steps, each with and without the music for guidance."""
    net = Denoiser(Config(width=704, layers=11, heads=8, inner=1408, patch=1, window=150)).eval()
    values = torch.zeros(windows, net.config.window, 152)
    inputs = (
        values, torch.full((windows,), 0.5), torch.zeros_like(values, dtype=torch.bool), values,
        torch.zeros(windows, net.config.window, PHASES + HINTS), torch.zeros(windows, dtype=torch.long),
        torch.zeros(windows, 4),
    )  # fmt: skip
    with torch.inference_mode():
        steps = []
        for _ in range(4):  # the first warms up; the best is least disturbed by what else the machine does
            began = time.perf_counter()
            net(*inputs)
            steps.append((time.perf_counter() - began) / windows)
    step = min(steps)
    return sum(one.numel() for one in net.parameters()) / 1e6, step * (60 * 30 / 75) * 50 * 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    timed(0.2)  # what is loaded and cached at first
    rows = {}
    for minutes in arguments.minutes:
        rows[f"{minutes:g} min"] = timed(minutes)
        rows[f"{minutes:g} min"]["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    names = list(next(iter(rows.values())))
    print("s a minute".ljust(12) + "".join(name.rjust(11) for name in names))
    for row, values in rows.items():
        print(row.ljust(12) + "".join(f"{values[name]:11g}" for name in names))
    size, seconds = edge()
    print(f"EDGE-sized  {size:.0f} M parameters, 50 steps: {seconds:.0f} s a minute")
    print(json.dumps({**rows, "edge": {"million": round(size, 1), "whole": round(seconds, 1)}}))


if __name__ == "__main__":
    main()
