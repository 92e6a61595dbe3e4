# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of Dance with Melody: composed music paired with figures on its beats, one network for each dance type."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, part, silent
from ..audio.features import melody_features
from .melody import (
    Config,
    MelodyNet,
    Style,
    Trained,
    beat_numbers,
    figure_order,
    load_weights,
    loss,
    save_weights,
    scaled_features,
    step_times,
    temporal_indexes,
)  # fmt: skip
from .repertoire import Written, cut_figures, load_clips

Array = NDArray[np.float64]

SONGS, HELD_OUT = 20, 4
STEPS, BATCH = 8000, 32
# The published rate is 1e-3 for 1500 epochs; a higher one that falls to zero gets there in far fewer.
PEAK_RATE = 6e-3


class Repertoire(Protocol):
    figure: int
    figures: int
    levels: int
    tempo: tuple[float, float]

    def dance(self, levels: NDArray[np.int64], order: NDArray[np.int64], count: Array) -> Array: ...


@dataclass(frozen=True)
class Song:
    """The scaled features (T, 16) at 25 fps and the beats of a piece of music."""

    features: Array
    beats: Beats


@dataclass(frozen=True)
class Pair:
    """One dance to one song: acoustic (T, 16), temporal (T, 3), motion (T, 63) m."""

    acoustic: Array
    temporal: Array
    motion: Array


# Dance type -> tempo of the music to train with, metre, and the composer's styles that suit it.
MUSIC: dict[str, tuple[tuple[float, float], int, tuple[str, ...]]] = {
    "pop": ((75, 150), 4, ("pop", "disco", "house", "hiphop")),
    "salsa": ((105, 210), 4, ("salsa", "chacha", "pop")),
    "indian": ((80, 160), 4, ("pop", "hiphop", "rumba", "tango")),
    "waltz": ((78, 190), 3, ("waltz",)),
}


def repertoire(style: str, data_dir: Path) -> Repertoire:
    """What a dance type can do.

    Raises:
        InputError: an unknown style, or the recordings are not in `data_dir`.
    """
    if style == "pop":
        return Written(
            [
                ["step_touch", "hip_sway", "groove", "arm_wave", "disco_point", "two_step"],
                ["twist", "grapevine", "march_pump", "kick_step", "rolling_turn", "lunge_reach"],
            ],
            (75.0, 150.0),
        )
    if style == "waltz":
        return Written([["waltz_box", "waltz_balance"], ["waltz_turn", "waltz_sweep"]], (78.0, 190.0))
    if style == "salsa":
        cut = cut_figures(load_clips(data_dir, "salsa"), (2.7, 3.2), 2, 5)
        cut.tempo = (105.0, 210.0)
        return cut
    if style == "indian":
        cut = cut_figures(load_clips(data_dir, "indian"), (1.6, 3.0), 2, 4)
        cut.tempo = (80.0, 160.0)
        return cut
    raise InputError(f"There is no style {style!r} to train; choose one of {', '.join(MUSIC)}.")


def composed(style: str, number: int) -> Any:
    """Song `number` of a style's music, always the same for the same number; those from SONGS on are held out."""
    from ..audio.composer import compose

    (low, high), metre, kinds = MUSIC[style]
    rng = np.random.default_rng((zlib.crc32(style.encode()), number))
    bpm = float(np.round(np.exp(rng.uniform(np.log(low), np.log(high)))))
    bars = max(8, round(1.5 * bpm / metre / 8) * 8)
    return compose(kinds[number % len(kinds)], bpm, bars, 1000 + number, rate=22050, stereo=False)


def prepared_songs(style: str, folder: Path, progress: Progress = silent) -> list[Song]:
    """Training music as features, kept in `folder` for the next time."""
    path = folder / f"songs_{style}.npz"
    if not path.is_file():
        arrays: dict[str, Any] = {}
        for number in range(SONGS):
            song = composed(style, number)
            arrays[f"{number}/features"] = scaled_features(melody_features(song.sound).astype(float)).astype(np.float32)
            arrays[f"{number}/beats"] = np.array(json.dumps(song.beats.to_dict()))
            progress((number + 1) / SONGS, f"Composing music for {style}")
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    with np.load(path) as stored:
        return [
            Song(stored[f"{k}/features"].astype(float), Beats.from_dict(json.loads(str(stored[f"{k}/beats"]))))
            for k in range(SONGS)
        ]


def pair(song: Song, style: Style, moves: Repertoire, rng: np.random.Generator, threshold: float) -> Pair:
    """A dance to `song`: figures in an order by chance, livelier ones where the music is louder than `threshold`."""
    frames = len(song.features)
    times = np.arange(frames) / style.config.fps
    steps, _ = step_times(song.beats, style)
    count = beat_numbers(steps, times) + 1.0
    figures = max(int(count[-1] // style.figure) + 1, 1)
    order = figure_order(figures, style.figures, rng)
    which = np.clip((count // style.figure).astype(int), 0, figures - 1)
    levels = np.array(
        [figure_level(song.features[which == k], moves.levels, threshold) for k in range(figures)], np.int64
    )
    motion = moves.dance(levels, order, count)
    return Pair(song.features, temporal_indexes(times, steps, style, order), motion.reshape(frames, -1))


def figure_level(features: Array, levels: int, threshold: float) -> int:
    """The level of energy that a stretch of scaled features (T, 16) asks for, by its loudness (column 0)."""
    return 0 if levels == 1 or not len(features) else int(features[:, 0].mean() > threshold)


class Trainer:
    """One network, its optimiser and the place where it stands in its schedule; can be stopped and taken up again."""

    def __init__(
        self, pairs: list[Pair], config: Config, steps: int, batch: int = BATCH, peak: float = PEAK_RATE, seed: int = 0
    ) -> None:
        torch.manual_seed(seed)
        self.config, self.steps, self.batch, self.seed = config, steps, batch, seed
        self.net = MelodyNet(config)
        self.optimizer = torch.optim.Adam(self.net.parameters(), peak)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, peak, total_steps=steps, pct_start=0.05)
        motion = np.concatenate([one.motion for one in pairs])
        self.mean, self.scale = motion.mean(axis=0), float(motion.std(axis=0).mean())
        self.tensors = [
            tuple(
                torch.tensor(values, dtype=torch.float32)
                for values in (one.acoustic, one.temporal, (one.motion - self.mean) / self.scale)
            )
            for one in pairs
        ]
        self.windows = [
            (k, at) for k, one in enumerate(pairs) for at in range(0, len(one.motion) - config.window + 1, config.step)
        ]
        if not self.windows:
            raise InputError(f"Every song is shorter than {config.window / config.fps:.1f} s; give longer music.")
        self.done = 0

    def step(self) -> tuple[float, float]:
        """One step of Adam; the two errors before it. Which windows it sees depends on the number of the step alone."""
        rng = np.random.default_rng((self.seed, self.done))
        chosen = [self.windows[k] for k in rng.integers(len(self.windows), size=self.batch)]
        acoustic, temporal, motion = (
            torch.stack([self.tensors[k][column][at : at + self.config.window] for k, at in chosen])
            for column in range(3)
        )
        # Other recordings are louder, duller or noisier than ours.
        shape = (len(chosen), 1, self.config.acoustic)
        gain, shift = rng.uniform(0.85, 1.15, shape), rng.uniform(-0.1, 0.1, shape)
        noise = rng.normal(0, 0.08, acoustic.shape)
        acoustic = acoustic * torch.tensor(gain, dtype=torch.float32) + torch.tensor(shift + noise, dtype=torch.float32)
        total, reconstruct, moved = loss(self.net, acoustic, temporal, motion)
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.done += 1
        return reconstruct.item(), moved.item()

    def save(self, path: Path) -> None:
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        with replacing(path) as temporary:
            torch.save({**state, "done": self.done, "steps": self.steps}, temporary)

    def resume(self, path: Path) -> bool:
        """Take up a run of the same length; False if there is none."""
        if not path.is_file():
            return False
        state = torch.load(path, weights_only=True)
        if state["steps"] != self.steps:
            return False
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.done = int(state["done"])
        return True


def train_style(
    name: str, data_dir: Path, work: Path, steps: int, config: Config, progress: Progress = silent
) -> Trained:
    """Train one dance type, or take its run up where it was stopped."""
    moves = repertoire(name, data_dir)
    songs = prepared_songs(name, work, part(progress, 0.0, 0.2))
    style = Style(name, config, moves.figure, moves.figures, moves.tempo)
    threshold = level_threshold(songs)
    rng = np.random.default_rng(1)
    pairs = [pair(song, style, moves, rng, threshold) for _ in range(3) for song in songs]
    trainer = Trainer(pairs, config, steps)
    checkpoint = work / f"run_{name}.pt"
    trainer.resume(checkpoint)
    moved = float("nan")
    while trainer.done < steps:
        moved = trainer.step()[1]
        if trainer.done % 100 == 0:
            progress(
                0.2 + 0.8 * trainer.done / steps, f"Training {name}: step {trainer.done}, motion error {moved:.3f}"
            )
        if trainer.done % 500 == 0 or trainer.done == steps:
            trainer.save(checkpoint)
    return Trained(style, trainer.net.eval(), trainer.mean, trainer.scale, threshold)


def level_threshold(songs: list[Song]) -> float:
    """The loudness (column 0 of the scaled features, averaged over 4 s) that half of the music exceeds."""
    means = [song.features[at : at + 100, 0].mean() for song in songs for at in range(0, len(song.features) - 100, 100)]
    return float(np.median(means))


def train(
    data_dir: str | Path,
    out: str | Path,
    *,
    styles: tuple[str, ...] = tuple(MUSIC),
    steps: int = STEPS,
    config: Config | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train and write `out`, a .safetensors with one network for each style; what the file has of other styles stays.

    Args:
        data_dir: a folder with the recordings, as repertoire.load_clips reads them.
        out: where to write. Prepared features and checkpoints go to a folder beside it and are used again.

    Raises:
        InputError: no recordings there, or an unknown style.
        Cancelled: progress raised it; the next call goes on from the last checkpoint.
    """
    out = Path(out)
    work = out.with_suffix("").with_name(out.stem + "_training")
    work.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("AVANIM_TRAIN_THREADS", "1")))
    try:
        trained = load_weights(out) if out.is_file() else {}
        for k, name in enumerate(styles):
            trained[name] = train_style(
                name, Path(data_dir), work, steps, config or replace(Config(), learning_rate=PEAK_RATE),
                part(progress, k / len(styles), (k + 1) / len(styles)),
            )  # fmt: skip
            save_weights(list(trained.values()), out)
    finally:
        torch.set_num_threads(threads)
    return {"weights": str(out), "styles": {name: asdict(one.style) for name, one in trained.items()}}
