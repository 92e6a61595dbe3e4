# SPDX-License-Identifier: GPL-3.0-or-later
"""Practice pieces, what their players do, and the training of Audio to Body Dynamics on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ...rigs.job import Progress, part, silent
from ...rigs.playing import Note, play_piano, play_violin
from ...rigs.playing.points import points_of
from ...rigs.skeleton import Rest
from ...rigs.sound import Sound
from ..audio import synth
from .body_dynamics import (
    COMPONENTS,
    DELAY,
    FPS,
    PARTS,
    DelayedLSTM,
    Head,
    Player,
    features,
    load_weights,
    save_weights,
)

Array = NDArray[np.float64]

_RATE = 24000
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10))
_CHORDS = ((0, 2, 4), (3, 5, 7), (4, 6, 8), (5, 7, 9), (1, 3, 5))
_WINDOW = 150  # frames
_HELD_OUT = 1000  # the first seed of pieces that are not trained on


def practice(instrument: str, seed: int, seconds: float = 30.0) -> list[Note]:
    """A piece for piano (a melody above broken or full chords) or violin (scales, leaps, long notes)."""
    rng = np.random.default_rng([seed, len(instrument)])
    scale, beat = _SCALES[rng.integers(3)], 60.0 / rng.uniform(60, 132)
    key = int(rng.integers(0, 12))

    def pitch(step: int, low: int) -> int:
        return low + key % 12 + 12 * (step // 7) + scale[step % 7]

    low, top = (55, 21) if instrument == "violin" else (60, 19)
    notes, time, step = [], 0.4, int(rng.integers(4, 12))
    while time < seconds - 1.5:
        length = float(rng.choice([0.25, 0.5, 0.5, 1.0, 1.0, 2.0])) * beat
        if rng.random() < 0.12:
            time += length
            continue
        step = int(np.clip(step + rng.choice([-4, -2, -1, -1, 0, 1, 1, 2, 4]), 0, top))
        tone = pitch(step, low) - (key % 12 if instrument == "violin" and pitch(step, low) > 95 else 0)
        notes.append(Note(time, 0.92 * length, tone, float(rng.uniform(0.4, 1.0)), "right"))
        time += length
    if instrument == "piano":
        bar, broken = 0.4, rng.random() < 0.5
        while bar < seconds - 1.5:
            chord = [pitch(s, 41) for s in _CHORDS[rng.integers(len(_CHORDS))]]
            for k in range(4):
                at = bar + k * beat
                tones = [chord[(0, 1, 2, 1)[k]]] if broken else chord if k % 2 == 0 else []
                notes += [Note(at, 0.9 * beat, tone, float(rng.uniform(0.3, 0.7)), "left") for tone in tones]
            bar += 4 * beat
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def performed(instrument: str, notes: Sequence[Note], seed: int) -> Sound:
    """The notes as they sound: from a dry or a roomy place, near or far."""
    rng = np.random.default_rng([seed, 7])
    seconds = max(note.start + note.seconds for note in notes) + 1.0
    y = np.zeros(round(seconds * _RATE) + 4 * _RATE, np.float32)
    voice = "piano" if instrument == "piano" else str(rng.choice(["strings", "reed"], p=[0.8, 0.2]))
    for note in notes:
        heard = synth.note(voice, note.pitch, round(note.seconds * 1000), _RATE, 1)[0] * note.velocity
        start = round(note.start * _RATE)
        y[start : start + len(heard)] += heard[: len(y) - start]
    wet = synth.reverb(y[None], _RATE, float(rng.uniform(0.4, 1.8)))[0, : len(y)]
    y = y + float(rng.uniform(0.0, 0.4)) * np.asarray(wet)
    y += float(rng.uniform(0, 3e-3)) * rng.standard_normal(len(y))
    y = y[: round(seconds * _RATE)]
    return Sound((0.5 * y / np.abs(y).max())[None].astype(np.float32), _RATE, "mono")


@dataclass(frozen=True)
class Piece:
    """`sound` (T, 28) features, `points` of each part (T, D) m."""

    sound: NDArray[np.float32]
    points: dict[str, Array]


def prepare(instrument: str, seed: int, rest: Rest, seconds: float = 30.0) -> Piece:
    """A practice piece with its performance."""
    notes = practice(instrument, seed, seconds)
    sound = performed(instrument, notes, seed)
    play = play_piano if instrument == "piano" else play_violin
    heard = features(sound)
    points = points_of(play(notes, rest, FPS, len(heard) / FPS), rest)
    frames = min(len(heard), len(points[0]))
    flat = {name: found[:frames].reshape(frames, -1) for name, found in zip(PARTS, points, strict=True)}
    return Piece(heard[:frames], flat)


def fit(
    pieces: Sequence[Piece],
    *,
    steps: int = 1500,
    batch: int = 24,
    delay: int = DELAY,
    names: Sequence[str] = PARTS,
    seed: int = 0,
    progress: Progress = silent,
) -> Player:
    """Train one instrument's networks, those of the named parts.

    Raises:
        Cancelled: progress raised it.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    every = np.concatenate([piece.sound for piece in pieces])
    mean, std = every.mean(0).astype(float), every.std(0).astype(float) + 1e-3
    sounds = [((piece.sound - mean) / std).astype(np.float32) for piece in pieces]
    nets, heads = {}, {}
    for number, name in enumerate(names):
        head = Head.of(np.concatenate([p.points[name] for p in pieces]), None if name == "body" else COMPONENTS)
        wished = [head.encode(piece.points[name]).astype(np.float32) for piece in pieces]
        net = DelayedLSTM(len(head.scale))
        optimiser = torch.optim.Adam(net.parameters(), 1e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, 1e-5)
        told = part(progress, number / len(names), (number + 1) / len(names))
        for step in range(steps):
            drawn = []
            for _ in range(batch):
                which = int(rng.integers(len(pieces)))
                start = int(rng.integers(0, len(sounds[which]) - _WINDOW - delay))
                drawn.append((sounds[which][start : start + _WINDOW + delay], wished[which][start : start + _WINDOW]))
            heard, target = (torch.from_numpy(np.stack(column)) for column in zip(*drawn, strict=True))
            # The first half second has no past to go by.
            loss = functional.mse_loss(net(heard)[:, delay + 15 :], target[:, 15:])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % 20 == 0:
                told(step / steps, f"Learning the {name}: loss {loss.item():.3f}")
        nets[name], heads[name] = net.eval(), head
    return Player(nets, heads, mean, std, delay)


def errors(player: Player, pieces: Sequence[Piece]) -> dict[str, Any]:
    """Mean distance of key points in mm, per part: the player's, and that of who always keeps the mean posture."""
    device = torch.device("cpu")
    scores: dict[str, Any] = {}
    for name in player.nets:
        own, still = [], []
        for piece in pieces:
            true = piece.points[name].reshape(len(piece.sound), -1, 3)
            said = player.points(piece.sound, device)[name].reshape(true.shape)
            own.append(np.linalg.norm(said - true, axis=-1).mean())
            mean = player.heads[name].mean.reshape(-1, 3)
            still.append(np.linalg.norm(mean - true, axis=-1).mean())
        scores[name] = {
            "mm": round(1000 * float(np.mean(own)), 2),
            "mean_pose_mm": round(1000 * float(np.mean(still)), 2),
        }
    return scores


def held_out(instrument: str, rest: Rest, pieces: int = 8) -> list[Piece]:
    """Pieces that are not trained on."""
    return [prepare(instrument, seed, rest) for seed in range(_HELD_OUT, _HELD_OUT + pieces)]


def score(progress: Progress = silent) -> dict[str, Any]:
    """`errors` of the weights that ship, by instrument.

    Raises:
        InputError: the weights or the character are missing.
        Cancelled: progress raised it.
    """
    from ...rigs.characters import load_character

    rest, players = load_character("neutral", "smplx55").rest(), load_weights()
    scores = {}
    for number, (instrument, player) in enumerate(players.items()):
        progress(number / len(players), f"Playing the {instrument}")
        scores[instrument] = errors(player, held_out(instrument, rest))
    return scores


def train(
    data_dir: str | Path,
    out: str | Path,
    *,
    pieces: int = 40,
    steps: int = 1200,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train both instruments and write `out`; measure them on pieces not trained on, with and without the delay.

    Nothing is read from `data_dir`, which every training is given: the pieces are composed.

    Raises:
        Cancelled: progress raised it.
    """
    from ...rigs.characters import load_character

    rest = load_character("neutral", "smplx55").rest()
    players, scores = {}, {}
    for number, instrument in enumerate(("piano", "violin")):
        told = part(progress, number / 2, (number + 1) / 2)
        made = []
        for seed in range(pieces):
            told(0.2 * seed / pieces, f"Composing for {instrument}")
            made.append(prepare(instrument, seed, rest))
        held = held_out(instrument, rest)
        players[instrument] = fit(made, steps=steps, progress=part(told, 0.2, 0.6))
        at_once = fit(made, steps=steps, delay=0, progress=part(told, 0.6, 1.0))
        scores[instrument] = {"delay 6": errors(players[instrument], held), "delay 0": errors(at_once, held)}
    save_weights(players, Path(out))
    return scores
