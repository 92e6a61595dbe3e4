# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance with Melody: an LSTM autoencoder whose code passes on the beats only.

T. Tang, J. Jia, H. Mao, "Dance with Melody: An LSTM-autoencoder Approach to Music-oriented Dance Synthesis", ACM
Multimedia 2018.

An extractor squeezes 16 acoustic features a frame into a code of 10 numbers. The code is multiplied by the is-beat
index, so that it is exactly zero off the beat. From what is left a decoder must restore the features and a predictor
must make the dance, 21 joint positions. Three temporal indexes (frame number from the first beat, is-beat, frames since
the last beat) enter before every LSTM.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn

from ...rigs.beats import Beats
from ...rigs.feet import plant_feet
from ...rigs.files import replacing
from ...rigs.fit import fit_positions
from ...rigs.job import Progress, part, silent
from ...rigs.motion import Motion
from ...rigs.skeleton import SMPL24, Rest
from ...rigs.sound import Sound
from ..audio.features import melody_features
from ..device import choose
from ..weights_file import reading_weights

Array = NDArray[np.float64]

# The 63 outputs: SMPL's 22 body joints but for spine2, which its neighbours determine.
JOINTS = tuple(name for name in SMPL24.joints[:22] if name != "spine2")
WEIGHTS = Path(__file__).parents[1] / "weights" / "dance_melody.safetensors"
_HOP = 30  # frames
_SMOOTHING = 1.2  # frames, Gaussian
_BATCH = 64  # windows at a time: bounds the memory whatever the song's length
_CODE_NOISE = 0.1  # of the code's spread, so that no two takes are alike


@dataclass(frozen=True)
class Config:
    """The published sizes, but for `width` where a style's card says so."""

    width: int = 32
    hidden: int = 24
    code: int = 10
    acoustic: int = 16
    temporal: int = 3
    motion: int = 3 * len(JOINTS)
    window: int = 120
    step: int = 10
    fps: float = 25.0
    learning_rate: float = 1e-3
    reconstruction_floor: float = 0.045


class TemporalLSTM(nn.Module):
    """FC, then three LSTMs, each of which also sees the temporal indexes."""

    def __init__(self, inputs: int, config: Config) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, config.hidden)
        sizes = (config.hidden, config.width, config.width)
        self.lstms = nn.ModuleList(nn.LSTM(size + config.temporal, config.width, batch_first=True) for size in sizes)

    def forward(self, values: Tensor, temporal: Tensor) -> Tensor:
        """(N, T, inputs), (N, T, 3) to (N, T, width)."""
        values = torch.tanh(self.enter(values))
        for lstm in self.lstms:
            values, _ = lstm(torch.cat([values, temporal], dim=-1))
        return values


class MelodyNet(nn.Module):
    """Acoustic features and temporal indexes to a dance."""

    def __init__(self, config: Config = Config()) -> None:
        super().__init__()
        self.config = config
        self.extractor = TemporalLSTM(config.acoustic, config)
        self.to_code = nn.Linear(config.width, config.code)
        self.decoder = TemporalLSTM(config.code, config)
        self.to_acoustic = nn.Linear(config.width, config.acoustic)
        self.predictor = TemporalLSTM(config.code, config)
        self.to_motion = nn.Linear(config.width, config.motion)

    def encode(self, acoustic: Tensor, temporal: Tensor) -> Tensor:
        """(N, T, 10) code: exactly zero wherever the is-beat index is."""
        return self.to_code(self.extractor(acoustic, temporal)) * temporal[..., 1:2]

    def predict(self, code: Tensor, temporal: Tensor) -> Tensor:
        """(N, T, 63) motion, normalised."""
        return self.to_motion(self.predictor(code, temporal))

    def forward(self, acoustic: Tensor, temporal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, T, 16), (N, T, 3) to code (N, T, 10), reconstruction (N, T, 16) and motion (N, T, 63)."""
        code = self.encode(acoustic, temporal)
        return code, self.to_acoustic(self.decoder(code, temporal)), self.predict(code, temporal)


def loss(net: MelodyNet, acoustic: Tensor, temporal: Tensor, motion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """max(0.045, L_reconstruct) + L_motion, and the two mean squared errors. Below the floor only motion is learned."""
    _, restored, danced = net(acoustic, temporal)
    reconstruct = ((restored - acoustic) ** 2).mean()
    moved = ((danced - motion) ** 2).mean()
    return torch.clamp(reconstruct, min=net.config.reconstruction_floor) + moved, reconstruct, moved


def beat_numbers(beats: Array, times: Array) -> Array:
    """(T,) beats, with fractions, since the first of `beats` (B >= 2,) s; the tempo goes on at both ends."""
    numbers = np.interp(times, beats, np.arange(len(beats)))
    first, last = beats[1] - beats[0], beats[-1] - beats[-2]
    return numbers + np.minimum(times - beats[0], 0) / first + np.maximum(times - beats[-1], 0) / last


def scaled_features(features: Array) -> Array:
    """(T, 16): each column of a song to about -0.9 .. 0.9 between its 2nd and 98th percentile; a flat column to 0."""
    low, high = np.percentile(features, [2, 98], axis=0)
    spread = high - low
    scaled = (features - (low + high) / 2) / np.where(spread > 1e-6, spread, np.inf) * 1.8
    return np.clip(scaled, -1.2, 1.2)


@dataclass(frozen=True)
class Style:
    """What a network of one dance type was trained on. `figure` beats make a phrase, `figures` of them a round.

    `tempo` is the range of step rates (a minute) in which it was learned; other music is danced in half or double time.
    """

    name: str
    config: Config
    figure: int
    figures: int
    tempo: tuple[float, float]

    @property
    def round(self) -> int:
        """Beats after which the frame count starts over."""
        return self.figure * self.figures


@dataclass(frozen=True)
class Trained:
    """A style's network, the mean (63,) m and scale m that turn its output into joint positions, and the loudness
    (column 0 of the scaled features) above which the music of its training asked for livelier figures."""

    style: Style
    net: MelodyNet
    mean: Array
    scale: float
    threshold: float


def save_weights(trained: list[Trained], path: Path) -> None:
    """All styles in one float16 .safetensors; sizes and ranges stand in its metadata."""
    from safetensors.torch import save_file

    tensors, described = {}, {}
    for one in trained:
        name = one.style.name
        tensors |= {f"{name}.{key}": value.half().contiguous() for key, value in one.net.state_dict().items()}
        tensors[f"{name}.mean"] = torch.tensor(one.mean, dtype=torch.float32)
        described[name] = {**asdict(one.style), "scale": one.scale, "threshold": one.threshold}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), metadata={"styles": json.dumps(described)})


def load_weights(path: Path = WEIGHTS) -> dict[str, Trained]:
    """Style name to its network.

    Raises:
        InputError: the file is missing or is not one of ours.
    """
    with reading_weights(path, "styles", "dance/melody") as (described, tensors):
        result = {}
        for name, fields in described.items():
            scale, threshold = float(fields.pop("scale")), float(fields.pop("threshold"))
            style = Style(**{**fields, "config": Config(**fields["config"]), "tempo": tuple(fields["tempo"])})
            net = MelodyNet(style.config)
            state = {
                key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")
            }
            mean = state.pop("mean").double().numpy()
            net.load_state_dict(state)
            result[name] = Trained(style, net.eval(), mean, scale, threshold)
    return result


def step_times(beats: Beats, style: Style) -> tuple[Array, float]:
    """When to step: (S,) s, the first of them on a downbeat, and the steps to a beat of the music.

    Half or double time brings the step rate into the style's range; in three-time every beat has its step.
    """
    downbeats = np.flatnonzero(beats.positions == 0)
    first = int(downbeats[0]) if len(downbeats) else 0
    rate, share = 60.0 / float(np.median(np.diff(beats.times))), 1.0
    low, high = style.tempo
    while beats.metre != 3 and rate * share > high:
        share /= 2
    while beats.metre != 3 and rate * share < low and rate * share * 2 <= high:
        share *= 2
    count = int((len(beats.times) - 1 - first) * share) + 1
    return beat_times(beats.times, first + np.arange(max(count, 2)) / share), share


def beat_times(times: Array, numbers: Array) -> Array:
    """(N,) s of the beats `numbers`, from the first of `times`, with fractions; the tempo goes on past the end."""
    last = times[-1] - times[-2]
    return np.interp(numbers, np.arange(len(times)), times) + np.maximum(numbers - (len(times) - 1), 0) * last


def figure_order(count: int, figures: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) which figure comes when: each round has all of them in an order of its own, none twice in a row."""
    order: list[int] = []
    while len(order) < count:
        turn = rng.permutation(figures)
        order.extend(np.roll(turn, 1) if order and figures > 1 and turn[0] == order[-1] else turn)
    return np.array(order[:count], np.int64)


def temporal_indexes(times: Array, steps: Array, style: Style, order: NDArray[np.int64]) -> Array:
    """The three temporal indexes of the frames at `times` (T,) s, (T, 3), each column scaled on its own.

    Column 0, the frame number from the first beat, is measured in rounds and runs from -1 to 1: it starts over with
    every round of figures, so that a song of any length stays in the range of the training songs, and `order` says
    which figure of the round comes when. Figures begin on the pick-up, one beat before their first step, on which all
    of them stand alike. Column 1 is 1 on the frame nearest to each beat, else 0. Column 2, the frames since the last
    beat, is measured in beats and runs from -1 to 1.
    """
    number = beat_numbers(steps, times)
    half = 0.5 / style.config.fps
    on_beat = np.floor(beat_numbers(steps, times + half)) > np.floor(beat_numbers(steps, times - half))
    count = number + 1.0
    which = order[np.clip((count // style.figure).astype(int), 0, len(order) - 1)]
    index = (which * style.figure + count % style.figure) / style.round
    return np.stack([index * 2 - 1, on_beat.astype(float), number % 1.0 * 2 - 1], axis=1)


@torch.no_grad()
def dance_positions(
    trained: Trained, features: Array, temporal: Array, noise: Array, device: torch.device, progress: Progress = silent
) -> Array:
    """(T, 21, 3) m joint positions on the stage, from the scaled features (T, 16) and the temporal indexes (T, 3).

    Windows of the length that the network was trained on, each begun _HOP frames after the one before, are averaged; a
    window counts more as its memory fills. `noise` (T, 10) is added to the code on the beats, in units of the code's
    own spread. T is at least one window.
    """
    config = trained.style.config
    frames, window = len(features), config.window
    starts = [*range(0, frames - window, _HOP), frames - window]
    age = np.arange(window)
    weight = np.clip((age - 20) / 40, 1e-3, 1) * np.clip((window - age) / 20, 0, 1)
    total, weights = np.zeros((frames, config.motion)), np.zeros((frames, 1))
    net = trained.net.to(device)
    for at in range(0, len(starts), _BATCH):
        group = starts[at : at + _BATCH]
        acoustic, indexes, jitter = (
            torch.tensor(
                np.stack([values[start : start + window] for start in group]), dtype=torch.float32, device=device
            )
            for values in (features, temporal, noise)
        )
        code = net.encode(acoustic, indexes)
        on_beat = indexes[..., 1:2]
        spread = (code.square().sum((0, 1)) / on_beat.sum().clamp(min=1)).sqrt()
        moved = net.predict(code + jitter * spread * on_beat, indexes).cpu().double().numpy()
        for start, values in zip(group, moved, strict=True):
            total[start : start + window] += values * weight[:, None]
            weights[start : start + window] += weight[:, None]
        progress((at + len(group)) / len(starts), "Dancing")
    motion = without_jumps(total / weights, temporal[:, 1] > 0)
    return (motion * trained.scale + trained.mean).reshape(frames, len(JOINTS), 3)


def without_jumps(motion: Array, on_beat: NDArray[np.bool_], reach: int = 6) -> Array:
    """(T, M) with the jump that the code, coming in on the beat, makes there spread over `reach` frames to either side.

    The jump is how far the step onto a beat exceeds the mean of the steps before and after it.
    """
    motion = motion.copy()
    steps = np.diff(motion, axis=0)
    offset = np.zeros_like(motion)
    fade = 0.5 + 0.5 * np.cos(np.pi * np.arange(reach) / reach)
    for beat in np.flatnonzero(on_beat):
        if 2 <= beat < len(motion) - 1:
            jump = steps[beat - 1] - (steps[beat - 2] + steps[beat]) / 2
            after = fade[: len(motion) - beat]
            offset[beat : beat + reach] -= after[:, None] * jump / 2
            before = fade[:beat]
            offset[beat - len(before) : beat] += before[::-1, None] * jump / 2
    return gaussian_filter1d(motion + offset, _SMOOTHING, axis=0)


def mirrored(positions: Array) -> Array:
    """(T, 21, 3) with left and right exchanged."""
    other = [name.replace("left", "*").replace("right", "left").replace("*", "right") for name in JOINTS]
    return positions[:, [JOINTS.index(name) for name in other]] * np.array([-1.0, 1.0, 1.0])


def carried_over(motion: Motion, source: Rest, rest: Rest) -> Motion:
    """The same rotations on another body, its root's path scaled by the length of the legs.

    Bodies whose bones point elsewhere in the rest pose, such as the neck, would nod if the joint positions were fitted.
    """

    def legs(body: Rest) -> float:
        return float(body.joints[0, 1] - body.joints[body.skeleton.index("left_ankle"), 1])

    poses = np.zeros((len(motion), len(rest.skeleton), 3))
    for name in motion.rig.joints:
        if name in rest.skeleton.joints:
            poses[:, rest.skeleton.index(name)] = motion.poses[:, motion.rig.index(name)]
    trans = (source.joints[0] + motion.trans) * (legs(rest) / legs(source)) - rest.joints[0]
    return Motion(poses, trans, motion.fps, rest.skeleton.name)


def generate(
    sound: Sound,
    beats: Beats,
    rest: Rest,
    *,
    style: str,
    seed: int,
    fps: float,
    device: str,
    weights: Path = WEIGHTS,
    progress: Progress = silent,
) -> tuple[Motion, dict[str, Any]]:
    """A dance to `sound` on the body `rest`, and the settings it was made with.

    The seed chooses the order of the figures, the side on which they begin, and a little noise on each beat's code.
    """
    trained = load_weights(weights)[style]
    config = trained.style.config
    steps, share = step_times(beats, trained.style)
    # One window's lead-in, in which the beat already runs, fills the network's memory before the first frame.
    lead = config.window
    frames = int(np.ceil(sound.seconds * config.fps)) + 2
    times = np.arange(-lead, max(frames, 2)) / config.fps
    rng = np.random.default_rng(seed)
    mirror = bool(rng.integers(2))
    count = int(max(0.0, beat_numbers(steps, times[-1:])[0]) // trained.style.figure) + 2
    temporal = temporal_indexes(times, steps, trained.style, figure_order(count, trained.style.figures, rng))
    features = scaled_features(melody_features(sound).astype(float))
    features = np.pad(features, ((lead, max(0, len(times) - lead - len(features))), (0, 0)), mode="edge")[: len(times)]
    noise = rng.normal(0.0, _CODE_NOISE, (len(times), config.code))
    progress(0.1, "Dancing")
    try:
        positions = dance_positions(trained, features, temporal, noise, choose(device), part(progress, 0.1, 0.6))
    except torch.OutOfMemoryError:
        warnings.warn("The GPU's memory is full; dancing on the CPU instead.", RuntimeWarning, stacklevel=2)
        positions = dance_positions(trained, features, temporal, noise, torch.device("cpu"), part(progress, 0.1, 0.6))
    positions = positions[lead:]
    learned_on = Rest.average()
    fitted = fit_positions(mirrored(positions) if mirror else positions, JOINTS, learned_on, config.fps)
    motion = carried_over(fitted, learned_on, rest)
    progress(0.75, "Planting the feet")
    motion = motion.resampled(fps)
    wanted = max(1, round(sound.seconds * fps))
    motion = replace(motion, poses=motion.poses[:wanted], trans=motion.trans[:wanted])
    return plant_feet(motion, rest), {"steps_per_beat": share, "mirrored": mirror}
