# SPDX-License-Identifier: GPL-3.0-or-later
"""Visually Indicated Sounds: Owens, Isola, McDermott, Torralba, Adelson, Freeman, CVPR 2016.

How the first frame looks and how each moves goes through an LSTM, which says 90 times a second how it sounds: ten
principal components of a cochleagram. Around the peaks of that, the most similar piece of a training sound is copied.
Nothing but pictures goes in; neither the events nor the materials of a clip are ever said to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from ..device import choose
from ..weights_file import reading_weights
from .cochleagram import BANDS, FPS, RATE
from .shots import FPS as PICTURE_FPS
from .shots import Pictures, Rows, windows
from .towers import FEATURES, Tower, space_time

Array = NDArray[np.float64]

WEIGHTS = Path(__file__).parent.parent / "weights" / "impact_indicated.safetensors"
COMPONENTS, WIDTH = 10, 128
REPEATS = FPS // PICTURE_FPS
DELAY = 3  # pictures that the network sees after a moment before it says how that sounds
# Robustness of the loss: log(eps + r²) cares little for how wrong what is wrong is.
_EPSILON = 1 / 25**2
_TYPICAL = 0.3  # deviation of the first component
# Around a peak, frames of 1/90 s that are compared, and the seconds of sound that are copied.
BEFORE, AFTER = 2, 16
BEFORE_SECONDS, PIECE_SECONDS = 0.02, 0.6
_RISE = 0.02  # of the loudest sound: an onset, where nothing was tried out
_SMOOTH, _NEAR = 3, 4  # frames over which a rise is seen, and on either side of which it is the largest
_SHARE = 0.1  # of a film's largest rise, below which a rise is none
_LATE = 1  # frames that an onset comes after the largest rise
_APART = 0.1  # s between two peaks
_PART = 60  # s that are copied at a time
_LEAST = 0.15  # s that something is heard at the least where nothing has set in


class IndicatedNet(nn.Module):
    """(B, T, 3, 96, 96) frames 0..1 at 30 a second to (B, 3 T, 10) components at 90, `DELAY` pictures late."""

    def __init__(self) -> None:
        super().__init__()
        self.look, self.motion = Tower(), Tower()
        self.time = nn.LSTM(2 * FEATURES, WIDTH, batch_first=True)
        self.out = nn.Linear(WIDTH, COMPONENTS)

    def forward(self, frames: Tensor) -> Tensor:
        batch, count = frames.shape[:2]
        looked = self.look(frames[:, 0])[:, None].expand(-1, count, -1)
        moved = self.motion(space_time(frames).flatten(0, 1)).unflatten(0, (batch, count))
        seen = torch.cat([looked, moved], 2).repeat_interleave(REPEATS, 1)
        return self.out(self.time(seen)[0])


def robust(found: Tensor, wanted: Tensor) -> Tensor:
    """The loss: mean of log(eps + r²), r the distance of each moment's components."""
    return torch.log(_EPSILON + (found - wanted).square().sum(-1)).mean()


@dataclass(frozen=True)
class Ear:
    """What the sounds of the training clips have taught.

    `mean` (42,), `basis` (42, 10), `scale` (10,) of the components · `pieces` (N, 18, 10) components around an onset ·
    `waves` (N, L) the sound there at 22,050 Hz · `rise` of the bands that is an onset · `kinds` (N,) what each is: for
    scores, for lists of events, for what slides on, and where the user says the material.
    """

    mean: Array
    basis: Array
    scale: Array
    pieces: Array
    waves: NDArray[np.float32]
    kinds: tuple[str, ...]
    rise: float = 0.05

    def components(self, cochleagram: Array) -> Array:
        """(T, 42) to (T, 10)."""
        return (cochleagram - self.mean) @ self.basis / self.scale

    def only(self, material: str) -> Ear:
        """The same with no pieces but those of one material. Raises InputError: there are none."""
        kept = [index for index, kind in enumerate(self.kinds) if kind.split()[0] == material]
        if not kept:
            known = sorted({kind.split()[0] for kind in self.kinds})
            raise InputError(f"No sounds of {material} were learned; choose {', '.join(known)}, or the method foley.")
        kinds = tuple(self.kinds[index] for index in kept)
        return replace(self, pieces=self.pieces[kept], waves=self.waves[kept], kinds=kinds)

    def quiet(self) -> float:
        """Loudness below which there is nothing: half that of the quietest tenth of the pieces."""
        return 0.5 * float(np.quantile(self.cochleagram(self.pieces).mean(2).max(1), 0.1))

    def lasts(self) -> NDArray[np.int64]:
        """(N,) frames of 1/90 s after its onset at which each piece has faded, or is to be followed by another."""
        heard = np.abs(self.waves) > 1e-3 * np.abs(self.waves).max(1, keepdims=True)
        ends = self.waves.shape[1] - heard[:, ::-1].argmax(1)
        faded = np.round((ends / RATE - BEFORE_SECONDS) * FPS).astype(int) - 2
        return np.clip(faded, 1, round((PIECE_SECONDS - 0.1) * FPS))

    def cochleagram(self, components: Array) -> Array:
        return components * self.scale @ self.basis.T + self.mean


def hear(
    frames: Iterable[Pictures],
    net: IndicatedNet | None = None,
    device: str = "auto",
    progress: Progress = silent,
    count: int = 0,
) -> Array:
    """(3 T, 10): how a shot is thought to sound. Arguments as those of `foley.watch`. Raises InputError, Cancelled."""
    net = net or load_weights()[0]
    place = choose(device)
    net = net.to(place).eval()
    state, looked, watched = None, None, 0
    rows = Rows((count + DELAY) * REPEATS)
    late = DELAY * REPEATS
    with torch.inference_mode():
        for part, kept in windows(frames, 60, 1, 1):
            progress(min(1.0, watched / max(count, watched + len(part))), "Watching the shot")
            window = torch.tensor(part, device=place).permute(0, 3, 1, 2)[None].float() / 255
            looked = net.look(window[0, :1]) if looked is None else looked
            images = space_time(window)[0, kept]
            seen = torch.cat([looked.expand(len(images), -1), net.motion(images)], 1)
            answer, state = net.time(seen.repeat_interleave(REPEATS, 0)[None], state)
            rows.add(net.out(answer)[0].cpu().numpy())
            watched += len(images)
        if watched:
            # The end is answered as if what moves went on for a moment.
            answer, _ = net.time(seen[-1:].repeat_interleave(late, 0)[None], state)
            rows.add(net.out(answer)[0].cpu().numpy())
    progress(1.0, "Watching the shot")
    return rows.all()[late:]


def onsets(components: Array, ear: Ear) -> NDArray[np.int64]:
    """Where something sets in: frames of 1/90 s after which the bands get louder most (spectral flux, Bello 2005)."""
    gram, quiet = ear.cochleagram(components), ear.quiet()
    if not len(gram):
        return np.zeros(0, int)
    risen = np.maximum(_smoothed(np.diff(gram, axis=0, prepend=gram[:1])), 0).mean(1)
    loudness, apart = gram.mean(1), max(1, round(_APART * FPS))
    padded = np.pad(risen, _NEAR, constant_values=-np.inf)
    peaks = risen >= np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAR + 1).max(1)
    least = max(ear.rise, _SHARE * float(risen.max()))
    found: list[int] = []
    taken = np.zeros(len(gram), bool)
    candidates = np.flatnonzero(peaks & (risen >= least))
    for frame in candidates[np.argsort(-risen[candidates])]:
        if not taken[frame] and loudness[frame : frame + AFTER].max() >= quiet:
            found.append(int(frame))
            taken[max(0, frame - apart + 1) : frame + apart] = True
    return np.minimum(np.array(sorted(found), int) + _LATE, len(gram) - 1)


def _smoothed(values: Array) -> Array:
    """(T, K): each over `_SMOOTH` frames."""
    window = np.hanning(_SMOOTH + 2)[1:-1]
    padded = np.pad(values, ((_SMOOTH // 2, _SMOOTH // 2), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH, axis=0) @ (window / window.sum())


def placed(components: Array, ear: Ear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where pieces are copied to (frames of 1/90 s), and which: at the onsets, and where something slides besides."""
    if not len(components):
        return np.zeros(0, int), np.zeros(0, int)
    at = onsets(components, ear)
    chosen = retrieve(components, at, ear)
    # What hits rings; what slides is there without having set in, or still there when its piece has ended.
    loud, lasts = ear.cochleagram(components).mean(1) >= ear.quiet(), ear.lasts()
    least = round(_LEAST * FPS)
    more: list[tuple[int, int]] = []
    ends = np.append(at, len(loud))
    for end, free in zip(ends, [0, *(at + lasts[chosen])], strict=True):
        frame = int(free)
        while frame + least <= end:
            piece = int(retrieve(components, np.array([frame]), ear)[0]) if loud[frame : frame + least].all() else -1
            if piece >= 0 and ear.kinds[piece].endswith("slide"):
                more.append((frame, piece))
                frame += max(int(lasts[piece]), least)
            else:
                frame += 1 if piece < 0 else least
    at = np.append(at, np.array([frame for frame, _ in more], int))
    chosen = np.append(chosen, np.array([piece for _, piece in more], int))
    order = np.argsort(at, kind="stable")
    return at[order], chosen[order]


def retrieve(components: Array, at: NDArray[np.int64], ear: Ear) -> NDArray[np.int64]:
    """(N,) which pieces of the training sounds are nearest, by L1, around each onset."""
    padded = np.pad(components, ((BEFORE, AFTER), (0, 0)), mode="edge")
    wanted = np.stack([padded[frame : frame + BEFORE + AFTER] for frame in at]) if len(at) else np.zeros((0, 1, 1))
    return np.array([int(np.abs(ear.pieces - one).sum((1, 2)).argmin()) for one in wanted], int)


def sound_of(components: Array, ear: Ear) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """The waveform at 22,050 Hz made of training sounds; where they begin (1/90 s), and which they are."""
    at, chosen = placed(components, ear)
    return np.concatenate([np.zeros(0, np.float32), *copied(len(components), at, chosen, ear)]), at, chosen


def copied(count: int, at: NDArray[np.int64], chosen: NDArray[np.int64], ear: Ear) -> Iterator[NDArray[np.float32]]:
    """The sound of `count` frames of 1/90 s at 22,050 Hz, a minute at a time: pieces `chosen` that set in `at`."""
    length = ear.waves.shape[1]
    rings = np.zeros(length, np.float32)
    begins = np.round(np.asarray(at) * RATE / FPS).astype(int) - round(BEFORE_SECONDS * RATE)
    last = round(count * RATE / FPS)
    for first in range(0, last, _PART * RATE):
        made = np.zeros(_PART * RATE + length, np.float32)
        made[:length] = rings
        here = (begins >= first) & (begins < first + _PART * RATE) | (begins < 0) & (first == 0)
        for begin, number in zip(begins[here] - first, np.asarray(chosen)[here], strict=True):
            skipped = max(0, -begin)
            made[begin + skipped : begin + length] += ear.waves[number][skipped:]
        yield made[: min(_PART * RATE, last - first)]
        rings = made[_PART * RATE :].copy()


def save_weights(net: IndicatedNet, ear: Ear, path: str | Path) -> None:
    from safetensors.torch import save_file

    tensors = {f"net.{name}": value.half().contiguous() for name, value in net.state_dict().items()}
    for name in ("mean", "basis", "scale", "pieces"):
        tensors[f"ear.{name}"] = torch.tensor(getattr(ear, name), dtype=torch.float32)
    tensors["ear.waves"] = torch.tensor(np.clip(np.round(ear.waves * 32767), -32768, 32767), dtype=torch.int16)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"ear": json.dumps([ear.rise, *ear.kinds])})


@lru_cache(maxsize=2)
def load_weights(path: Path = WEIGHTS) -> tuple[IndicatedNet, Ear]:
    """The network and the sounds it chooses from. Raises InputError."""
    with reading_weights(path, "ear", "impact/indicated") as ((rise, *kinds), tensors):
        net = IndicatedNet()
        net.load_state_dict({key[4:]: value for key, value in tensors.items() if key.startswith("net.")})
        mean, basis, scale, pieces = (
            tensors[f"ear.{name}"].double().numpy() for name in ("mean", "basis", "scale", "pieces")
        )
        waves = (tensors["ear.waves"] / 32767).numpy().astype(np.float32)
        return net.eval(), Ear(mean, basis, scale, pieces, waves, tuple(kinds), float(rise))


def learned_ear(
    cochleagrams: list[Array], pieces: list[tuple[int, int, str, NDArray[np.float32]]], limit: int = 300
) -> Ear:
    """The components of some sounds, and pieces of them to copy.

    Args:
        cochleagrams: (T, 42) of each training sound.
        pieces: (number of the sound, frame of the onset, what it is, its wave) of each, evenly thinned to `limit`.
    """
    rows = np.concatenate(cochleagrams)
    mean = rows.mean(0)
    _, basis = np.linalg.eigh(np.cov((rows - mean).T))
    basis = basis[:, ::-1][:, :COMPONENTS].copy()
    # One scale for all, by which a typical distance from the mean is several times the loss's epsilon: were each of
    # deviation one, everything that sounds would be an outlier, and silence all that is learned.
    scale = np.full(COMPONENTS, ((rows - mean) @ basis).std(0).max() / _TYPICAL + 1e-9)
    ear = Ear(mean, basis, scale, np.zeros((0, 1, 1)), np.zeros((0, 1), np.float32), ())
    kept = [pieces[index] for index in np.unique(np.linspace(0, len(pieces) - 1, min(limit, len(pieces))).astype(int))]
    cut, waves = [], []
    for number, frame, _, wave in kept:
        padded = np.pad(ear.components(cochleagrams[number]), ((BEFORE, AFTER), (0, 0)), mode="edge")
        cut.append(padded[frame : frame + BEFORE + AFTER])
        waves.append(wave)
    loudest = max(float(gram.mean(1).max()) for gram in cochleagrams)
    return Ear(
        mean, basis, scale, np.stack(cut), np.stack(waves), tuple(kind for _, _, kind, _ in kept), _RISE * loudest
    )  # fmt: skip


assert FPS % PICTURE_FPS == 0 and BANDS > COMPONENTS
