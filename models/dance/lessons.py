# SPDX-License-Identifier: GPL-3.0-or-later
"""What the autoregressive methods share: lessons to learn from, a training run that can be taken up again, their
weights' file, and the way from joint positions to a dance.

A lesson is a composed song with figures laid on its beats, livelier ones where it is louder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.feet import plant_feet
from ...rigs.files import replacing
from ...rigs.fit import fit_positions
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from ..audio.features import log_mel
from ..weights_file import reading_weights
from .beat_frames import at_times
from .melody import JOINTS, beat_numbers, carried_over, mirrored
from .melody_train import Repertoire, composed
from .repertoire import Written, cut_figures, load_clips

Array = NDArray[np.float64]
WEIGHTS = Path(__file__).parents[1] / "weights"

# The figures of each style, calm and lively. Their order never changes, so that what went before tells what comes next.
POP = [["step_touch", "two_step"], ["march_pump", "grapevine"]]


@dataclass(frozen=True)
class Lesson:
    """`features` (T, F), `motion` (T, 63) m, `count` (T,) beats since the dance began, below 0 before."""

    features: NDArray[np.float32]
    motion: NDArray[np.float32]
    count: Array


def figures(style: str, data: Path, number: int = 2, levels: int = 2) -> Repertoire:
    """What a style dances: `number` figures of each of 1 or 2 `levels` of energy.

    Raises:
        InputError: an unknown style, or recordings that are not in `data`.
    """
    if style == "pop":
        return Written([names[:number] for names in POP[:levels]], (70.0, 160.0))
    if style == "salsa":
        cut = cut_figures(load_clips(data, "salsa"), (2.7, 3.2), levels, number)
        cut.tempo = (105.0, 210.0)
        return cut
    raise InputError(f"There is no style {style!r} to train; choose pop or salsa.")


def loudness(sound: Sound, times: Array) -> Array:
    """(T,) mean level around each time, 0 at the song's 10th percentile and 1 at its 90th."""
    mel = log_mel(sound)
    level = np.interp(times, np.arange(len(mel)) / 50, mel.mean(axis=1))
    low, high = np.percentile(level, [10, 90])
    return (level - low) / max(high - low, 1e-6)


def first_downbeat(beats: Beats) -> float:
    """Seconds."""
    downbeats = np.flatnonzero(beats.positions == 0)
    return float(beats.times[downbeats[0] if len(downbeats) else 0])


def lesson(sound: Sound, beats: Beats, moves: Repertoire, features: NDArray[np.float32], fps: float) -> Lesson:
    """The dance to a song whose features (T, F) at `fps` are known. Figures begin with the first downbeat."""
    times = np.arange(len(features)) / fps
    started = beats.times[beats.times >= first_downbeat(beats) - 1e-6]
    count = beat_numbers(started, times)
    which = np.maximum(count // moves.figure, 0).astype(int)
    order = np.arange(which[-1] + 2) % moves.figures
    level = loudness(sound, times)
    levels = np.array(
        [
            int(moves.levels > 1 and level[which == k].mean() > 0.5) if (which == k).any() else 0
            for k in range(len(order))
        ]
    )
    # A figure begins on the pick-up, a beat before its first step.
    motion = moves.dance(levels, order, np.clip(count + 1.0, 0.0, None))
    return Lesson(features, motion.reshape(len(times), -1).astype(np.float32), count)


def prepared(
    name: str,
    style: str,
    moves: Repertoire,
    features: Callable[[Sound], NDArray[np.float32]],
    fps: float,
    songs: range,
    folder: Path,
    progress: Progress = silent,
) -> list[Lesson]:
    """Lessons on composed songs by their numbers, kept in `folder` for the next time."""
    path = folder / f"lessons_{name}_{style}_{songs.start}_{songs.stop}.npz"
    if not path.is_file():
        arrays: dict[str, Any] = {}
        for done, number in enumerate(songs):
            song = composed(style, number)
            one = lesson(song.sound, song.beats, moves, features(song.sound), fps)
            arrays[f"{number}/features"] = one.features.astype(np.float16)
            arrays[f"{number}/motion"], arrays[f"{number}/count"] = one.motion, one.count
            progress((done + 1) / len(songs), f"Composing music for {style}")
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
    with np.load(path) as kept:
        return [
            Lesson(kept[f"{n}/features"].astype(np.float32), kept[f"{n}/motion"], kept[f"{n}/count"]) for n in songs
        ]


@contextmanager
def one_thread() -> Iterator[None]:
    """Training takes one core, or AVANIM_TRAIN_THREADS, and leaves the others alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("AVANIM_TRAIN_THREADS", "1")))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Run:
    """A network, Adam on a one-cycle schedule, and the steps done; kept in `path`, from which it goes on."""

    def __init__(self, net: nn.Module, steps: int, peak: float, path: Path | None = None) -> None:
        self.net, self.steps, self.path, self.done = net, steps, path, 0
        self.optimizer = torch.optim.Adam(net.parameters(), peak)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, peak, total_steps=steps + 1, pct_start=0.1)
        if path and path.is_file():
            state = torch.load(path, weights_only=True)
            if state["steps"] == steps:
                net.load_state_dict(state["net"])
                self.optimizer.load_state_dict(state["optimizer"])
                self.schedule.load_state_dict(state["schedule"])
                self.done = int(state["done"])

    def go(self, loss: Callable[[int], torch.Tensor], progress: Progress = silent, label: str = "") -> None:
        """Do the steps that are left; `loss(step)` is that of one batch."""
        self.net.train()
        mean = float("nan")
        while self.done < self.steps:
            value = loss(self.done)
            self.optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            self.done += 1
            mean = value.item() if not np.isfinite(mean) else 0.98 * mean + 0.02 * value.item()
            if self.done % 20 == 0:
                progress(self.done / self.steps, f"{label}: step {self.done}, loss {mean:.3f}")
            if self.path and (self.done % 200 == 0 or self.done == self.steps):
                state = {
                    "net": self.net.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "schedule": self.schedule.state_dict(),
                }
                with replacing(self.path) as temporary:
                    torch.save({**state, "done": self.done, "steps": self.steps}, temporary)
        self.net.eval()


def save_nets(path: Path, nets: dict[str, tuple[nn.Module, dict[str, Any]]]) -> None:
    """Style -> network and description, as one float16 .safetensors."""
    from safetensors.torch import save_file

    tensors = {
        f"{style}.{key}": value.half().contiguous()
        for style, (net, _) in nets.items()
        for key, value in net.state_dict().items()
    }
    described = {style: description for style, (_, description) in nets.items()}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), metadata={"styles": json.dumps(described)})


def train_styles(
    out: str | Path,
    styles: Sequence[str],
    load: Callable[[Path], dict[str, tuple[Any, dict[str, Any]]]],
    train_style: Callable[[str, Path, Progress], Any],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train and write `out`, a .safetensors with a network for each style; those of other styles stay in it.

    Args:
        out: checkpoints and prepared songs lie in a folder beside it, and are used again.
        load: reads such a file. train_style: trains a network, given that folder.

    Raises:
        InputError: an unknown style, or no recordings there.
        Cancelled: progress raised it; the next call goes on from the last checkpoint.
    """
    out = Path(out)
    work = out.with_name(out.stem + "_training")
    work.mkdir(parents=True, exist_ok=True)
    nets = dict(load(out)) if out.is_file() else {}
    with one_thread():
        for k, style in enumerate(styles):
            net = train_style(style, work, part(progress, k / len(styles), (k + 1) / len(styles)))
            nets[style] = net, asdict(net.config)
            save_nets(out, nets)
    return {"weights": str(out), "styles": list(nets)}


def load_nets(
    path: Path, build: Callable[[dict[str, Any]], nn.Module], method: str
) -> dict[str, tuple[nn.Module, dict[str, Any]]]:
    """Style -> network, which `build` makes of its description, and that description.

    Raises:
        InputError: the file is missing or is not one of ours.
    """
    with reading_weights(path, "styles", f"dance/{method}") as (described, tensors):
        result = {}
        for style, description in described.items():
            net = build(description)
            net.load_state_dict(
                {key.removeprefix(f"{style}."): value for key, value in tensors.items() if key.startswith(f"{style}.")}
            )
            result[style] = net.eval(), description
    return result


def before_the_dance(positions: Array, frames: int, beats: Beats, fps: float, figure: int = 8) -> Array:
    """Positions (T, 21, 3) with `frames` more before them: what precedes the first downbeat is the end of a figure."""
    length = max(1, round(figure * float(np.median(np.diff(beats.times))) * fps))
    at = np.clip(np.arange(-frames, 0) % length, 0, len(positions) - 1)
    return np.concatenate([positions[at], positions])


def delivered(
    positions: Array,
    fps: float,
    rest: Rest,
    wanted_fps: float,
    seconds: float,
    mirror: bool,
    progress: Progress = silent,
) -> Motion:
    """The dance of joint positions (T, 21, 3) m at `fps` on a body: rotations, all the frames, feet that stand."""
    average = Rest.average()
    motion = fit_positions(mirrored(positions) if mirror else positions, JOINTS, average, fps)
    motion = carried_over(motion, average, rest)
    progress(0.5, "Planting the feet")
    motion = at_times(motion, np.arange(max(1, round(seconds * wanted_fps))) / wanted_fps, wanted_fps)
    return plant_feet(replace(motion, fps=float(wanted_fps)), rest)
