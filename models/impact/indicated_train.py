# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of Visually Indicated Sounds on rendered clips, whose sound is played on modes; and its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from ...rigs.job import Progress, part, silent
from .cochleagram import FPS, RATE, cochleagram
from .foley import Seen
from .foley import load_weights as load_watcher
from .foley_score import f1_of, matched, mean_guess, motion_guess
from .foley_train import augmented
from .indicated import (
    BEFORE_SECONDS,
    DELAY,
    PIECE_SECONDS,
    REPEATS,
    Ear,
    IndicatedNet,
    hear,
    learned_ear,
    load_weights,
    onsets,
    placed,
    retrieve,
    robust,
    save_weights,
)
from .play import RATE as PLAYED
from .play import played
from .shots import FPS as PICTURES
from .shots import MATERIALS, Clip, load_clips
from .training import Run, clips_to_learn_from, few_threads

Array = NDArray[np.float64]

MINUTES, BATCH, LENGTH = 20.0, 4, 45 + DELAY
_NEAR = 4.0  # frames from a hit, within which an onset is said to be that hit's
# Pa that becomes 1: the loudest clips are a little over.
_FULL_SCALE = 1000.0


def sound_of_clip(clip: Clip, seed: int = 0) -> Array:
    """(N,) at 22,050 Hz, about -1..1: what a clip sounds like; louder clips are squeezed, since they span 60 dB."""
    pressure = played(
        clip.times, clip.strengths, [MATERIALS[kind] for kind in clip.materials], clip.sizes, clip.slides > 0,
        MATERIALS[clip.material], len(clip.frames) / PICTURES, seed=seed,
    )  # fmt: skip
    made = np.asarray(soxr.resample(pressure / _FULL_SCALE, PLAYED, RATE), float)
    return np.tanh(made)


def pieces_of(clip: Clip, sound: Array, number: int) -> list[tuple[int, int, str, NDArray[np.float32]]]:
    """What can be copied from a clip's sound: around each hit, and out of the middle of each slide."""
    made = []
    moments = [(time, f"{MATERIALS[kind]} hit") for time, kind in zip(clip.times, clip.materials, strict=True)]
    sliding = np.flatnonzero(clip.slides > 0)
    if len(sliding) > 12:
        moments.append((sliding[len(sliding) // 2] / PICTURES, f"{MATERIALS[clip.material]} slide"))
    length = round(PIECE_SECONDS * RATE)
    others = np.sort(clip.times)
    for moment, kind in moments:
        begin = round((moment - BEFORE_SECONDS) * RATE)
        wave = np.zeros(length, np.float32)
        cut = sound[max(0, begin) : begin + length]
        wave[: len(cut)] = cut
        later = others[others > moment + 0.01]
        # The next blow is not this one's sound.
        end = round(min(PIECE_SECONDS, (later[0] - moment if len(later) else 9.0) + BEFORE_SECONDS - 0.01) * RATE)
        fade = min(end, 400)
        wave[end:] = 0
        wave[end - fade : end] *= np.linspace(1, 0, fade, dtype=np.float32)
        made.append((number, round(moment * FPS), kind, wave))
    return made


class Trainer(Run[IndicatedNet]):
    """The network, and the sounds of the clips as components."""

    def __init__(
        self, clips: Sequence[Clip], sounds: Sequence[Array], seed: int = 0, start: str | Path | None = None
    ) -> None:
        torch.manual_seed(seed)
        net = IndicatedNet()
        if start:
            begin_with(net, start)
        super().__init__(net, seed)
        self.clips = list(clips)
        grams = [cochleagram(sound) for sound in sounds]
        pieces = [
            piece
            for number, (clip, sound) in enumerate(zip(clips, sounds, strict=True))
            for piece in pieces_of(clip, sound, number)
        ]
        self.ear = learned_ear(grams, pieces)
        self.wanted = [self.ear.components(gram).astype(np.float32) for gram in grams]

    def step(self, share: float, batch: int = BATCH, length: int = LENGTH) -> float:
        """One step at `share` 0..1 of the schedule; its error."""
        rng = np.random.default_rng((self.seed, self.done))
        frames, wanted = [], []
        for number in rng.integers(0, len(self.clips), batch):
            begin = int(rng.integers(0, max(1, len(self.clips[number].frames) - length + 1)))
            frames.append(augmented(self.clips[number].frames[begin : begin + length], rng))
            wanted.append(self.wanted[number][begin * REPEATS : (begin + length) * REPEATS])
        found = self.net(torch.tensor(np.stack([one.transpose(0, 3, 1, 2) for one in frames])))
        late = DELAY * REPEATS
        return self.descend(robust(found[:, late:], torch.tensor(np.stack(wanted))[:, :-late]), share)


def train(
    data_dir: str | Path,
    out: str | Path,
    *,
    minutes: float = MINUTES,
    start: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train for so many minutes and write `out`, a .safetensors; the checkpoint lies beside it. A stopped run goes on.

    Args:
        start: weights of impact/foley, whose towers it begins with, as the paper's begin with those of ImageNet.

    Raises:
        InputError: no clips in `data_dir`.
        Cancelled: progress raised it; the next call goes on from the last checkpoint.
    """
    out = Path(out)
    taught, held = clips_to_learn_from(data_dir)
    with few_threads():
        sounds = []
        for number, clip in enumerate(taught):
            progress(0.05 * number / len(taught), "Playing the clips")
            sounds.append(sound_of_clip(clip, number))
        trainer = Trainer(taught, sounds, start=start)
        trainer.run(minutes, out.with_name(out.stem + "_run.pt"), part(progress, 0.05, 0.99))
        ear = replace(trainer.ear, rise=best_rise(trainer.average.eval(), trainer.ear, held))
        save_weights(trainer.average, ear, out)
    return {
        "weights": str(out),
        "clips": len(taught),
        "steps": trainer.done,
        "pieces": len(ear.kinds),
        "rise": ear.rise,
    }


def begin_with(net: IndicatedNet, weights: str | Path) -> None:
    """Give it the towers' convolutions of impact/foley, and what its motion tower makes of them. Raises InputError."""
    watcher, _ = load_watcher(Path(weights))
    net.look.layers.load_state_dict(watcher.eyes.look.layers.state_dict())
    net.motion.load_state_dict(watcher.eyes.motion.state_dict())


def best_rise(net: IndicatedNet, ear: Ear, clips: Sequence[Clip]) -> float:
    """The rise that is best taken for an onset: by which hits are found and none is made up (`f1`)."""
    heard = [hear(clip.frames, net, "cpu") for clip in clips]
    loudest = max(float(ear.cochleagram(components).mean(1).max()) for components in heard)
    scores = []
    for rise in loudest * np.geomspace(0.002, 0.2, 24):
        tried = replace(ear, rise=float(rise))
        found = [matched(clip.times, onsets(told, tried) / FPS)[1] for clip, told in zip(clips, heard, strict=True)]
        scores.append((f1_of(*(int(count) for count in np.sum(found, 0))), float(rise)))
    return max(scores)[1]


def _amid(clip: Clip) -> NDArray[np.bool_]:
    """(T,): whether something slides, and nothing has hit within 0.15 s."""
    clock = np.arange(len(clip.slides)) / PICTURES
    near = (np.abs(clock[:, None] - clip.times) < 0.15).any(1)
    return (clip.slides > 0) & ~near


def score(data_dir: str | Path, progress: Progress = silent) -> dict[str, Any]:
    """On clips of shapes and textures that were not trained on, beside pieces chosen at random.

    `f1` of onsets within a frame of hits, whatever their piece is, beside that of hits where the motion in the picture
    drops most sharply and of hits that are evenly spread, each as many as usual · `onset_error_ms` median of onsets
    within four frames of a hit · `quiet` as `foley_score` has it, here of pieces · `material` the share of found hits
    whose piece is of the right one · `action` the mean of the shares of onsets at hits, and of those amid slides, whose
    piece is of the right one · `loudness_r` correlation of the predicted with the true loudness over all frames of
    1/90 s · `error` mean distance of the components, beside that of their mean.

    Raises:
        InputError: there are no clips, or no weights.
    """
    clips, taught = load_clips(data_dir, "test"), load_clips(data_dir, "train")
    net, ear = load_weights()
    rng = np.random.default_rng(0)
    counts, material, chance, heard, true, late = np.zeros(3, int), [], [], [], [], []
    action: dict[str, list[bool]] = {"hit": [], "slide": []}
    for number, clip in enumerate(clips):
        told = part(progress, number / len(clips), (number + 1) / len(clips))
        components = hear(clip.frames, net, "cpu", told)
        at = onsets(components, ear)
        kinds = [ear.kinds[piece].split() for piece in retrieve(components, at, ear)]
        pairs, found = matched(clip.times, at / FPS)
        counts += found
        late += [abs(clip.times[i] - at[j] / FPS) for i, j in matched(clip.times, at / FPS, _NEAR)[0]]
        for hit, index in pairs:
            material.append(kinds[index][0] == MATERIALS[clip.materials[hit]])
            chance.append(ear.kinds[rng.integers(len(ear.kinds))].split()[0] == MATERIALS[clip.materials[hit]])
            action["hit"].append(kinds[index][1] == "hit")
        for moment, piece in zip(*placed(components, ear), strict=True):
            if _amid(clip)[min(round(moment / REPEATS), len(clip.slides) - 1)]:
                action["slide"].append(ear.kinds[piece].endswith("slide"))
        heard.append(components)
        true.append(ear.components(cochleagram(sound_of_clip(clip, number)))[: len(components)])
    still = load_clips(data_dir, "quiet-test", needed=False)
    false = [len(placed(hear(clip.frames, net, "cpu"), ear)[0]) for clip in still]
    quiet = {"clips": len(still), "left_without_onsets": false.count(0), "false_onsets": sum(false)} if still else None
    said, was = np.concatenate(heard), np.concatenate(true)
    loud = [ear.cochleagram(values).mean(1) for values in (said, was)]
    return {
        "clips": len(clips),
        "clips_are": "rendered; their shapes and textures were not trained on",
        "f1": f1_of(*(int(count) for count in counts)),
        "f1_of_motion": _guessed(clips, motion_guess(clips, taught)),
        "f1_of_the_mean": _guessed(clips, mean_guess(clips, taught)),
        "onset_error_ms": float(1000 * np.median(late)) if late else None,
        "quiet": quiet,
        "material": _mean(material),
        "material_by_chance": _mean(chance),
        "action": (_mean(action["hit"]) + _mean(action["slide"])) / 2,
        "action_by_chance": 0.5,
        "pieces_amid_slides": len(action["slide"]),
        "loudness_r": float(np.corrcoef(*loud)[0, 1]),
        "error": float(np.linalg.norm(said - was, axis=1).mean()),
        "error_of_the_mean": float(np.linalg.norm(was, axis=1).mean()),
    }


def _guessed(clips: Sequence[Clip], guesses: Sequence[Seen]) -> float:
    pairs = zip(clips, guesses, strict=True)
    found, missed, false = np.sum([matched(clip.times, guess.times)[1] for clip, guess in pairs], 0)
    return f1_of(int(found), int(missed), int(false))


def _mean(values: list[bool]) -> float:
    return float(np.mean(values)) if values else 0.0
