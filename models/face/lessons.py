# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the published first stages, the same for all: speech, and what the points of a speaking face do.

A captured face (FACEGOOD) gives real motion of one voice; labelled speech of many voices gets the motion that its
phones are articulated with.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ...rigs.articulation import articulate
from ...rigs.characters import CHARACTERS
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52
from ...rigs.job import Progress, part, silent
from ...rigs.phones import Phones
from ...rigs.sound import Sound
from ..speech.corpus import Clip, held_out, load_people
from ..speech.net import CURVES
from .landmarks import Landmarks, landmarks
from .recurrent import Learned, Recipe, Space, save_weights

Array = NDArray[np.float64]

_RATE = 16000
# FACEGOOD's motion comes 33 ms after its sound.
_LATE = 1 / 30
# How much of what is learned from is the captured face, of which there are minutes, not hours.
_CAPTURED = 0.4
_MOST = 400  # clips of a corpus


@dataclass(frozen=True)
class Lesson:
    """`heard` (T, F), `points` of each character (T, D), and whether a captured face moves them."""

    heard: NDArray[np.float32]
    points: tuple[Array, ...]
    captured: bool


def lesson(clip: Clip, recipe: Recipe, faces: Sequence[Landmarks]) -> Lesson:
    """A clip as a recipe hears it, and what the points of each face do at the same moments."""
    sound = Sound((clip.samples / np.float32(32768))[None], _RATE)
    heard = recipe.hears(sound)
    times = (np.arange(len(heard)) + 0.5) / recipe.fps
    if clip.curves is not None:
        weights = captured(clip, times + _LATE)
    else:
        phones = Phones.of((label.start, label.end, label.phone) for label in clip.labels if label.phone != "sil")
        curves = articulate(phones, clip.seconds, 100.0)
        own = np.arange(len(curves)) / 100
        weights = np.stack([np.interp(times, own, column) for column in curves.T], axis=1)
    points = tuple(face.points(weights).reshape(len(times), -1) for face in faces)
    return Lesson(heard, points, clip.curves is not None)


def captured(clip: Clip, times: Array) -> Array:
    """(T, 52) weights of a captured clip at `times` s; what was not captured is 0."""
    assert clip.curves is not None
    own = (np.arange(len(clip.curves)) + 0.5) / 100
    weights = np.zeros((len(times), len(ARKIT_52)))
    for column, name in enumerate(CURVES):
        values = np.interp(times, own, clip.curves[:, column])
        for shape in (name, f"{name}Left", f"{name}Right"):
            if shape in ARKIT_52:
                weights[:, ARKIT_52.index(shape)] = values
    return weights.clip(0, 1)


def train(
    recipe: Recipe,
    data: str | Path,
    out: str | Path,
    *,
    steps: int = 1200,
    seed: int = 0,
    clips: list[Clip] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train one method on the clips that are not held out, and write its weights.

    Args:
        data: the folder with so762_sub, grid_s1 and facegood_arkit.
        clips: what it holds, where that has been read already.

    Returns:
        `weights` the file, `steps`, `seconds`, `minutes` of speech, and `error` and `still`: the root of the mean
        squared distance of a point, in widths of the mouth, on the held-out clips, of the network and of a face that
        keeps the mean.

    Raises:
        InputError: the data is not there. Cancelled: progress raised it.
    """
    clips = clips if clips is not None else load_people(Path(data), part(progress, 0.0, 0.2))
    if not clips:
        raise InputError(f"There is no speech in {data}; give the folder with so762_sub, grid_s1 and facegood_arkit.")
    every = [landmarks(name) for name in CHARACTERS] if recipe.name == "atnet" else [landmarks()]
    faces = [face.only(recipe.points) for face in every]
    learnt, kept = _chosen(clips, recipe, faces, part(progress, 0.2, 0.3))
    heard = np.concatenate([one.heard for one in learnt])
    mean, std = heard.mean(0), heard.std(0) + 1e-3
    space = Space.of(np.concatenate([points for one in learnt for points in one.points]), recipe.components)
    torch.manual_seed(seed)
    net = recipe.build(len(mean), len(space.basis))
    rests = np.stack([space.encode(face.rest.reshape(1, -1))[0] for face in faces]).astype(np.float32)
    rng = np.random.default_rng(seed)
    groups = [[one for one in learnt if one.captured is kind] for kind in (True, False)]
    groups = [group for group in groups if group]
    chances = [np.array([len(one.heard) for one in group], float) for group in groups]
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    # Up for a tenth of the way, then down along half a cosine.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(10 * (step + 1) / steps, 0.5 + 0.5 * float(np.cos(np.pi * step / steps)))
    )
    began = time.perf_counter()
    for step in range(steps):
        sounds, wanted, who = [], [], []
        for _ in range(recipe.batch):
            kind = 0 if len(groups) == 1 or rng.random() < _CAPTURED else 1
            one = groups[kind][rng.choice(len(groups[kind]), p=chances[kind] / chances[kind].sum())]
            face = int(rng.integers(len(faces)))
            s, w = _stretch(one, face, recipe, rng)
            sounds.append((s - mean) / std)
            wanted.append(space.encode(w))
            who.append(face)
        said = net(torch.from_numpy(np.stack(sounds).astype(np.float32)), torch.from_numpy(rests[who]))
        target = torch.from_numpy(np.stack(wanted).astype(np.float32))
        loss = functional.mse_loss(said[:, recipe.delay :], target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress(0.3 + 0.65 * step / steps, f"Step {step} of {steps}, loss {loss.item():.4f}")
    learned = Learned(net.eval(), space, mean, std, faces[0])
    save_weights(learned, recipe, out)
    error, still = measured(learned, recipe, kept)
    progress(1.0, "Trained")
    return {
        "weights": str(out), "steps": steps, "seconds": round(time.perf_counter() - began, 1),
        "minutes": round(len(heard) / recipe.fps / 60, 1), "error": error, "still": still,
    }  # fmt: skip


def measured(learned: Learned, recipe: Recipe, lessons: Sequence[Lesson]) -> tuple[dict[str, float], dict[str, float]]:
    """Root of the mean squared distance of a point, in widths of the mouth: of the network, and of the mean face."""
    rest = torch.from_numpy(learned.space.encode(learned.face.rest.reshape(1, -1)).astype(np.float32))
    ours: dict[str, list[Array]] = {}
    still: dict[str, list[Array]] = {}
    for one in lessons:
        heard = np.pad((one.heard - learned.mean) / learned.std, ((0, recipe.delay), (0, 0)), mode="edge")
        with torch.inference_mode():
            said = learned.net(torch.from_numpy(heard[None].astype(np.float32)), rest)[0, recipe.delay :]
        made = learned.space.decode(said.double().numpy())
        kind = "captured" if one.captured else "articulated"
        ours.setdefault(kind, []).append((made - one.points[0]) ** 2)
        still.setdefault(kind, []).append((learned.space.mean - one.points[0]) ** 2)

    def root(of: dict[str, list[Array]]) -> dict[str, float]:
        return {kind: round(float(np.sqrt(2 * np.concatenate(values).mean())), 4) for kind, values in of.items()}

    return root(ours), root(still)


def _chosen(
    clips: list[Clip], recipe: Recipe, faces: Sequence[Landmarks], progress: Progress
) -> tuple[list[Lesson], list[Lesson]]:
    """Lessons to learn from, and those that are held out."""
    learnt: list[Lesson] = []
    kept: list[Lesson] = []
    count: dict[tuple[str, bool], int] = {}
    for number, clip in enumerate(clips):
        key = (clip.kind, held_out(clip))
        count[key] = count.get(key, 0) + 1
        if count[key] <= (40 if key[1] else _MOST):
            (kept if key[1] else learnt).append(lesson(clip, recipe, faces))
        progress(number / len(clips), "Listening to the speech")
    if not learnt:
        raise InputError("All of the speech is held out; give more than that to learn from.")
    return learnt, kept


def _stretch(one: Lesson, face: int, recipe: Recipe, rng: np.random.Generator) -> tuple[Array, Array]:
    """Sound (sequence + delay, F), and the points (sequence, D) that go with it."""
    count, points = len(one.heard), one.points[face]
    first = int(rng.integers(0, max(count - recipe.sequence, 0) + 1))
    at = np.arange(first, first + recipe.sequence)
    later = np.arange(first, first + recipe.sequence + recipe.delay)
    # A voice may be a little louder or softer, nearer or farther.
    heard = one.heard[later.clip(0, count - 1)] + rng.normal(0, 0.05)
    return heard, points[at.clip(0, count - 1)]
