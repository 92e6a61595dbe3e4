# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dance type can do: figures of a few beats that may follow one another in any order.

Figures are either written by hand (rigs/moves) or cut out of recordings: beats are found from the steps, stretches
of eight beats that begin and end alike are picked, turned to face the audience, and led into one common pose at their
joints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from ...rigs.errors import InputError
from ...rigs.feet import plant_feet
from ...rigs.fit import fit_positions
from ...rigs.motion import Motion
from ...rigs.motion_files import load_bundle, load_motion
from ...rigs.moves import MOVES, Placed, perform_on
from ...rigs.skeleton import SMPL24, Rest
from .melody import JOINTS, mirrored

Array = NDArray[np.float64]

BUNDLE = "cmu_dance_smpl24_30fps.npz"
_COLUMNS = [SMPL24.index(name) for name in JOINTS]
_FEET = [JOINTS.index("left_foot"), JOINTS.index("right_foot")]
_HIPS = [JOINTS.index("left_hip"), JOINTS.index("right_hip")]
_PER_BEAT = 24  # samples of a recorded figure
_MARGIN = 1.0  # beats kept before and after a figure, for the joints
_PHASES = 8  # places in a beat at which a figure may begin, for want of music that would tell
_LINGER = 0.35  # how much slower a recorded body moves on the beat, and faster between
_BODY = Rest.average()
_FPS = 25.0  # of the frames that are asked for


@dataclass(frozen=True)
class Clip:
    """A recording: `positions` (T, 21, 3) m of an average body, standing on y = 0, at `fps`."""

    name: str
    positions: Array
    fps: float


class Written:
    """Figures out of rigs/moves. `names[level]` are the figures for music of that level of energy."""

    def __init__(self, names: list[list[str]], tempo: tuple[float, float]) -> None:
        self.names, self.tempo = names, tempo
        self.figure = MOVES[names[0][0]].beats
        self.figures, self.levels = len(names[0]), len(names)

    def dance(self, levels: NDArray[np.int64], order: NDArray[np.int64], count: Array) -> Array:
        """(T, 21, 3) m at `count` (T,) beats from the first figure on; figure k is `order[k]` of `levels[k]`."""
        chosen = [self.names[level][which] for level, which in zip(levels, order, strict=True)]
        placed = [Placed(name, k * self.figure) for k, name in enumerate(chosen)]
        motion = perform_on(placed, np.clip(count - 1.0, -1.0, None), _BODY, _FPS).motion
        return _BODY.forward(motion.poses, motion.trans)[0][:, _COLUMNS]


class Recorded:
    """Figures cut from recordings; each curve (S, 21, 3) has `_MARGIN` beats to spare at both ends."""

    def __init__(self, curves: list[list[Array]], figure: int, tempo: tuple[float, float]) -> None:
        self.figure, self.tempo = figure, tempo
        self.figures, self.levels = len(curves[0]), len(curves)
        margin = int(_MARGIN * _PER_BEAT)
        everything = [curve for level in curves for curve in level]
        begin = np.mean([curve[: 2 * margin + 1] for curve in everything], axis=0)
        end = np.mean([curve[-2 * margin - 1 :] for curve in everything], axis=0)
        fade = (0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, 2 * margin + 1)))[:, None, None]
        joint = (begin + end) / 2
        self._splines = []
        for level in curves:
            row = []
            for curve in level:
                curve = curve.copy()
                curve[: 2 * margin + 1] += fade * (joint - curve[: 2 * margin + 1])
                curve[-2 * margin - 1 :] += fade * (joint - curve[-2 * margin - 1 :])
                row.append(CubicSpline(np.arange(len(curve)) / _PER_BEAT - _MARGIN, curve))
            self._splines.append(row)

    def dance(self, levels: NDArray[np.int64], order: NDArray[np.int64], count: Array) -> Array:
        """As Written.dance."""
        index = np.clip((count // self.figure).astype(int), 0, len(order) - 1)
        result = np.empty((len(count), len(JOINTS), 3))
        for k in np.unique(index):
            rows = index == k
            result[rows] = self._splines[levels[k]][order[k]](
                np.clip(count[rows] - k * self.figure, -_MARGIN, self.figure + _MARGIN)
            )
        return result


def load_clips(folder: Path, kind: str) -> list[Clip]:
    """The recordings in `folder` whose names begin with `kind`: those of BUNDLE, and single files (AMASS, AIST++,
    PhantomDance, our own; see rigs/motion_files.py).

    The root need not fit the body: the scale of its path and the floor are taken from the legs.

    Raises:
        InputError: there are none, or one is damaged.
    """
    motions = load_bundle(folder / BUNDLE, 30.0) if (folder / BUNDLE).is_file() else {}
    found = {name: motion for name, motion in motions.items() if name.startswith(kind)}
    for path in sorted(folder.glob(f"{kind}*")):
        if path.suffix in (".npz", ".pkl", ".json", ".bvh"):
            motion = load_motion(path)
            # The bundle states where the hips are, a motion file how far they are from their rest place.
            found[path.stem] = replace(motion, trans=motion.trans + _BODY.joints[0])
    if not found:
        raise InputError(f"There are no recordings named {kind}… in {folder}; name a folder that holds {BUNDLE}.")
    return [_standing(name, found[name].resampled(30.0)) for name in sorted(found)]


def _standing(name: str, motion: Motion) -> Clip:
    """The joints of the average body that moves so, on the floor; `motion.trans` is the place of the hips."""
    poses = np.zeros((len(motion), 24, 3))
    poses[:, :22] = motion.poses[:, :22]
    positions = _BODY.forward(poses, np.zeros((len(motion), 3)))[0]
    root = positions[:, :1].copy()
    legs = np.median(root[:, 0, 1] - positions[:, [10, 11], 1].min(axis=1)) / max(np.median(motion.trans[:, 1]), 0.3)
    positions += motion.trans[:, None] * min(float(legs), 1.1) - root
    # The floor may slope or drift in a recording: it is where the lower foot is, over some seconds.
    low = positions[:, [10, 11], 1].min(axis=1)
    floor = np.array([np.percentile(low[max(0, t - 30) : t + 31], 20) for t in range(len(low))])
    positions[..., 1] += (_BODY.joints[10, 1] - _BODY.floor) - gaussian_filter1d(floor, 15)[:, None]
    return Clip(name, gaussian_filter1d(positions[:, _COLUMNS], 0.7, axis=0), 30.0)


def step_rate(clip: Clip, low: float, high: float) -> float:
    """Steps a second, between `low` and `high`: the comb on which feet come to rest."""
    speed = np.linalg.norm(np.gradient(clip.positions[:, _FEET], 1 / clip.fps, axis=0), axis=-1)
    speed = gaussian_filter1d(speed, 1.0, axis=0)
    # A foot comes to rest where its speed falls fastest.
    landing = np.maximum(-np.gradient(speed, axis=0), 0).sum(axis=1)
    times = np.arange(len(landing)) / clip.fps
    rates = np.arange(low, high, 0.005)
    comb = np.exp(-2j * np.pi * rates[:, None] * times) @ landing
    return float(rates[int(np.argmax(np.abs(comb)))])


def _aligned(window: Array) -> Array:
    """A stretch (S, 21, 3) turned to face +Z, on average over its ends, and moved to begin and end at the origin."""
    margin = int(_MARGIN * _PER_BEAT)
    ends = window[[margin, -margin - 1]]
    across = (ends[:, _HIPS[0]] - ends[:, _HIPS[1]]).sum(axis=0)
    angle = np.arctan2(across[2], across[0])
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    window = window @ turn.T
    place = window[:, _HIPS].mean(axis=1) * [1, 0, 1]
    start, end = place[margin], place[-margin - 1]
    u = (np.arange(len(window)) - margin) / (len(window) - 1 - 2 * margin)
    return window - (start + u[:, None] * (end - start))[:, None]


def _clear(speed: Array, beats: Array) -> float:
    """How much slower a body is on the beats than between them: 0 not at all, 1 as a sine wave that stops on each."""
    return float(-2 * (speed * np.cos(2 * np.pi * beats)).mean() / speed.mean())


def _windows(clip: Clip, rate: float, figure: int) -> Iterator[tuple[float, Array, float]]:
    """(start in beats, stretch (S, 21, 3), clearness) of all stretches that keep the beat and stay on the spot."""
    spline = CubicSpline(np.arange(len(clip.positions)) / clip.fps, clip.positions)
    speed = np.linalg.norm(spline(np.arange(len(clip.positions)) / clip.fps, 1), axis=-1).mean(axis=1)
    margin, samples = int(_MARGIN * _PER_BEAT), int((figure + 2 * _MARGIN) * _PER_BEAT) + 1
    beats = np.arange(samples) / _PER_BEAT - _MARGIN
    # Lingering a little on the beat, as a dancer does who hears it.
    lingering = beats - _LINGER * np.sin(2 * np.pi * beats) / (2 * np.pi)
    last = (len(clip.positions) - 1) / clip.fps
    for start in np.arange(_MARGIN, last * rate - figure - _MARGIN, 1 / _PHASES):
        clear = _clear(np.interp((start + beats) / rate, np.arange(len(speed)) / clip.fps, speed), beats)
        if clear < 0.1:
            continue
        window = spline((start + lingering) / rate)
        hips = window[:, _HIPS].mean(axis=1)
        place = hips[:, [0, 2]]
        drift = float(np.linalg.norm(place[-margin - 1] - place[margin]))
        reach = float(np.linalg.norm(place - place.mean(axis=0), axis=1).max())
        if drift < 0.5 and reach < 0.9 and hips[:, 1].min() > 0.75 * np.median(hips[:, 1]):
            yield float(start), window, clear


def _planted(curves: list[Array], rate: float, figure: int) -> list[Array]:
    """The figures with their feet still while they stand: each is danced three times over, and the middle one taken."""
    margin = int(_MARGIN * _PER_BEAT)
    looped = Recorded([curves], figure, (0.0, 0.0))
    result = []
    for which in range(len(curves)):
        count = np.arange(3 * figure * _PER_BEAT) / _PER_BEAT
        loop = looped.dance(np.zeros(3, np.int64), np.full(3, which), count)
        motion = plant_feet(fit_positions(loop, JOINTS, _BODY, rate * _PER_BEAT), _BODY)
        planted = _BODY.forward(motion.poses, motion.trans)[0][:, _COLUMNS]
        result.append(planted[figure * _PER_BEAT - margin : 2 * figure * _PER_BEAT + margin + 1])
    return result


def cut_figures(clips: list[Clip], rates: tuple[float, float], levels: int, figures: int, figure: int = 8) -> Recorded:
    """Pick `levels` x `figures` stretches of `figure` steps that keep the beat and begin and end in much the same way.

    Args:
        rates: the least and greatest number of steps a second to look for.

    Raises:
        InputError: not enough of them are found.
    """
    windows, names, clearness, tempos = [], [], [], []
    for clip in clips:
        rate = step_rate(clip, *rates)
        tempos.append(rate)
        for start, window, clear in _windows(clip, rate, figure):
            for side in (window, mirrored(window)):
                windows.append(_aligned(side).astype(np.float32))
                names.append((clip.name, start))
                clearness.append(clear)
    if len(windows) < levels * figures:
        raise InputError("The recordings are too short or keep no beat; give more of them.")
    stack = np.array(windows)
    lively = np.linalg.norm(np.diff(stack, axis=1), axis=-1).mean((1, 2)) * _PER_BEAT  # m a beat
    margin = int(_MARGIN * _PER_BEAT)
    # Pose and velocity at both ends, in metres and metres a beat.
    ends = []
    for at in (margin, stack.shape[1] - 1 - margin):
        velocity = (stack[:, at + 3] - stack[:, at - 3]) / 6 * _PER_BEAT
        ends.append(np.concatenate([stack[:, at], 0.25 * velocity], axis=1))
    merit = 0.1 * lively + 0.15 * np.array(clearness)
    best: tuple[float, list[int]] = (np.inf, [])
    for centre in ends[0][::3]:
        cost = sum(np.sqrt(((end - centre) ** 2).sum(-1).mean(1)) for end in ends) - merit
        picked: list[int] = []
        for k in np.argsort(cost):
            if all(names[k][0] != names[p][0] or abs(names[k][1] - names[p][1]) >= figure / 2 for p in picked):
                picked.append(int(k))
            if len(picked) == levels * figures:
                best = min(best, (float(cost[picked].sum()), picked))
                break
    if not best[1]:
        raise InputError("The recordings are too short or too much alike; give more of them.")
    ranked = sorted(best[1], key=lambda k: lively[k])
    curves = _planted([stack[k].astype(float) for k in ranked], float(np.median(tempos)), figure)
    return Recorded(
        [curves[level * figures : (level + 1) * figures] for level in range(levels)],
        figure,
        (60 * min(tempos), 60 * max(tempos)),
    )
