# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the recogniser: `avanim train speech/phones --data DIR`; see corpus.py for what lies in DIR."""

from __future__ import annotations

import copy
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...rigs.files import ensure_writable
from ...rigs.job import Progress, part, silent
from ...rigs.phones import PHONES
from .. import device as devices
from ..audio.composer import compose
from . import voices
from .augment import Stretches, gain_to_level
from .corpus import Clip, held_out, load_people, load_spoken, trimmed
from .features import RATE, features
from .net import LIMITS, PAIR, Config, SpeechNet, load_weights, save_weights

SPOKEN_MINUTES = 330.0
_BATCH, _SECONDS, _PEAK_RATE, _WARM_UP = 10, 4.6, 1.8e-3, 200
_LATER_RATE = 1e-3
_SMOOTHING = 0.06
_SONGS = {"house": 124.0, "disco": 116.0, "pop": 100.0, "hiphop": 88.0, "salsa": 180.0, "rumba": 100.0}
_OFFLINE = 0.55  # how often without a limit of the look-ahead
# What matters most for a mouth counts more than what is frequent.
_WEIGHTS = {"p": 1.9, "b": 1.9, "m": 1.7, "f": 2.2, "v": 2.2, "w": 1.4, "th": 1.5, "dh": 1.3, "sil": 0.6}
_EVENT_WEIGHTS = (2.2, 3.0, 1.2, 1.0, 1.0)


def train(
    data: str | Path,
    out: str | Path,
    minutes: float = 70.0,
    width: int = 144,
    seed: int = 0,
    device: str = "auto",
    start: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train for `minutes` on the corpora below `data` and write the weights `out`.

    The synthesised voices lie in a folder beside `out` and are made there if they are missing; a state to resume from
    lies beside it too. With `start`, the weights of an earlier training go on being trained, more slowly.

    Raises:
        InputError: the corpora or a synthesiser are missing, `out` cannot be written, or `start` cannot be read.
    """
    data, out = Path(data), Path(out)
    ensure_writable(out)
    first = load_weights(Path(start)) if start else SpeechNet(Config(width=width))
    spoken = out.with_name(f"{out.stem}_voices") / "spoken.jsonl"
    if not spoken.exists():
        texts = data / "text" / "udhr_sentences.json"
        voices.make_voices(texts, spoken.parent, SPOKEN_MINUTES, seed, part(progress, 0, 0.1))
    clips = load_spoken(spoken, part(progress, 0.1, 0.12)) + load_people(data, part(progress, 0.12, 0.15))
    rate = _LATER_RATE if start else _PEAK_RATE
    net = fit(clips, out, minutes, first, seed, device, part(progress, 0.15, 1), rate=rate)
    return {
        "weights": str(out),
        "parameters": sum(p.numel() for p in net.parameters()),
        "hours": round(sum(clip.seconds for clip in clips) / 3600, 2),
    }


def fit(
    clips: list[Clip], out: Path, minutes: float, first: SpeechNet, seed: int, device: str, progress: Progress,
    batch: int = _BATCH, seconds: float = _SECONDS, music: list[NDArray[np.float32]] | None = None,
    rate: float = _PEAK_RATE,
) -> SpeechNet:  # fmt: skip
    """Train `first` on the clips that are not held out; its averaged weights are written to `out`.

    `rate` is the highest learning rate.
    """
    on = devices.choose(device)
    torch.manual_seed(seed)
    net = first.to(on).train()
    averaged = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(_groups(net), lr=rate, betas=(0.9, 0.98))
    state = out.with_suffix(".state.pt")
    step, spent = 0, 0.0
    if state.exists():
        kept = torch.load(state, weights_only=True, map_location=on)
        net.load_state_dict(kept["net"])
        averaged.load_state_dict(kept["averaged"])
        optimiser.load_state_dict(kept["optimiser"])
        step, spent = kept["step"], kept["spent"]
    learnt = [trimmed(clip) for clip in clips if not held_out(clip)]
    drawn = Stretches(learnt, tunes(seed) if music is None else music, seconds, seed + step)
    weights = torch.tensor([_WEIGHTS.get(name, 1.0) for name in net.config.phones], device=on)
    log = out.with_suffix(".log.jsonl")
    rng = np.random.default_rng(seed + step)
    began, saved = time.monotonic() - spent, time.monotonic()
    losses: list[list[float]] = []
    while (passed := (time.monotonic() - began) / 60 / minutes) < 1:
        share = min((step + 1) / _WARM_UP, 0.5 * (1 + math.cos(math.pi * passed)) + 0.005)
        for group in optimiser.param_groups:
            group["lr"] = rate * share
        limit = None if rng.random() < _OFFLINE else LIMITS[int(rng.integers(len(LIMITS) - 1))]
        terms = _losses(net, _batch(drawn, batch, on), weights, limit)
        optimiser.zero_grad()
        torch.stack(terms).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        _average(averaged, net, min(0.998, step / (step + 20)))
        losses.append([float(term.detach()) for term in terms])
        if step % 50 == 0:
            means = np.mean(losses, axis=0).round(4).tolist()
            with log.open("a") as file:
                file.write(json.dumps({"step": step, "minutes": round(passed * minutes, 2), "loss": means}) + "\n")
            losses = []
            progress(passed, f"Training, step {step}, loss {sum(means):.3f}")
        if time.monotonic() - saved > 240:
            saved = time.monotonic()
            save_weights(averaged, out, f"{step} steps")
            kept = {"net": net.state_dict(), "averaged": averaged.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save({**kept, "step": step, "spent": saved - began}, state)
    refit_curves(averaged, learnt)
    save_weights(averaged, out, f"{step} steps")
    state.unlink(missing_ok=True)
    return averaged


def refit_curves(net: SpeechNet, clips: list[Clip], ridge: float = 3.0) -> None:
    """Fit the head of the curves to the captured faces in one go, by least squares on what the other layers make.

    The gradient's absolute loss draws curves that mostly rest, such as the lips' rolls, to nothing.
    """
    inner, outer = [], []
    on = next(net.parameters()).device
    for clip in clips:
        if clip.curves is None:
            continue
        samples = clip.samples.astype(np.float32) / 32768
        heard = features(samples * gain_to_level(samples))
        steps = min(len(heard), len(clip.curves)) // PAIR
        with torch.inference_mode():
            x = net.entered(torch.from_numpy(heard[: steps * PAIR])[None].to(on), None)
            for layer in net.blocks:
                x = layer(x)
            inner.append(net.norm(x)[0].double().cpu().numpy())
        outer.append(clip.curves[: steps * PAIR].reshape(steps, -1).astype(np.float64))
    if not inner:
        return
    known = np.concatenate([np.concatenate(inner), np.ones((sum(map(len, inner)), 1))], axis=1)
    square = known.T @ known + ridge * len(known) * 1e-3 * np.diag([*[1.0] * (known.shape[1] - 1), 0.0])
    found = torch.from_numpy(np.linalg.solve(square, known.T @ np.concatenate(outer)).T).float().to(on)
    phones, events, curves = net.heads
    with torch.no_grad():
        for half in range(PAIR):
            first = half * sum(net.heads) + phones + events
            net.leave.weight[first : first + curves] = found[half * curves : (half + 1) * curves, :-1]
            net.leave.bias[first : first + curves] = found[half * curves : (half + 1) * curves, -1]


def tunes(seed: int) -> list[NDArray[np.float32]]:
    """Music to lie under the voices: songs of our own at 16 kHz."""
    songs = [compose(style, bpm, 8, seed, rate=RATE, stereo=False) for style, bpm in _SONGS.items()]
    return [song.sound.mono() for song in songs]


def _batch(drawn: Stretches, count: int, on: torch.device) -> tuple[Tensor, ...]:
    stretches = [drawn.draw() for _ in range(count)]
    fields = ("heard", "phones", "events", "sure", "curves", "captured")
    return tuple(torch.from_numpy(np.stack([getattr(s, field) for s in stretches])).to(on) for field in fields)


def _losses(net: SpeechNet, batch: tuple[Tensor, ...], weights: Tensor, limit: int | None) -> list[Tensor]:
    """Of the phones (cross-entropy), the mouth's events (focal) and the captured curves (absolute)."""
    heard, phones, events, sure, curves, captured = batch
    said, seen, moved = net(heard, limit)
    logs = said.log_softmax(2)
    either = logs.gather(2, phones)
    right = torch.where(phones[..., 0] == phones[..., 1], either[..., 0], either.logsumexp(2))
    share = sure * weights[phones[..., 0]]
    cross = (1 - _SMOOTHING) * right + _SMOOTHING * logs.mean(2)
    phone_loss = -(cross * share).sum() / share.sum().clamp(min=1)
    chance = torch.sigmoid(seen)
    wrong = torch.where(events > 0.5, 1 - chance, chance)
    each = F.binary_cross_entropy_with_logits(seen, events, reduction="none") * (0.25 + wrong)
    each = each * torch.where(events > 0.5, torch.tensor(_EVENT_WEIGHTS, device=events.device), 1.0)
    event_loss = (each.mean(2) * sure).sum() / sure.sum().clamp(min=1)
    curve_loss = ((moved - curves).abs().mean(2) * captured).sum() / captured.sum().clamp(min=1)
    return [phone_loss, 2.0 * event_loss, 1.0 * curve_loss]


def _groups(net: SpeechNet) -> list[dict[str, Any]]:
    matrices = [p for p in net.parameters() if p.ndim > 1]
    return [
        {"params": matrices, "weight_decay": 0.02},
        {"params": [p for p in net.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]


def _average(averaged: SpeechNet, net: SpeechNet, keep: float) -> None:
    with torch.no_grad():
        for mean, value in zip(averaged.parameters(), net.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)


assert PHONES[0] == "sil"
