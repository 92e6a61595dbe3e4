# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of a set of dances: one `Tally` for each row of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist

from ...rigs.errors import InputError
from ...rigs.motion import Motion
from ...rigs.motion_features import geometric_features, kinetic_features
from ...rigs.motion_metrics import (
    beat_alignment,
    contact_speed,
    foot_skating_ratio,
    penetration,
    physical_foot_contact,
)
from ...rigs.skeleton import Rest
from .melody import carried_over
from .score_reference import gestures, nearest, resampled

Array = NDArray[np.float64]

FPS, FEET_FPS = 60.0, 30.0  # of features and beats; of feet and jerk
WINDOW = 5.0  # s; begun every half of it
_DRAWS = 4  # pieces of other music for the control
COPY = 0.06  # m: a second of training motion danced 10 % faster is nearer to it than that


@dataclass
class Tally:
    """What has been measured of a row so far, on the average body unless a dance has another."""

    seconds: float = 0.0
    kinetic: list[Array] = field(default_factory=list)
    published: list[Array] = field(default_factory=list)
    geometric: list[Array] = field(default_factory=list)
    half: list[int] = field(default_factory=list)  # of the clip, to which a window belongs
    pfc: list[float] = field(default_factory=list)
    skating: list[tuple[float, float]] = field(default_factory=list)
    speed: list[Array] = field(default_factory=list)
    depth: list[Array] = field(default_factory=list)
    jerk: list[NDArray[np.float32]] = field(default_factory=list)
    gestures: list[NDArray[np.float32]] = field(default_factory=list)
    alignment: list[dict[str, float]] = field(default_factory=list)

    def add(self, motion: Motion, rest: Rest) -> None:
        """Measure everything but the beats of a dance that stands on y = 0."""
        average = Rest.average()
        shared = carried_over(motion, rest, average) if rest.joints is not average.joints else motion
        at60, at30 = resampled(shared, FPS), resampled(motion, FEET_FPS)
        joints60 = average.forward(at60.poses, at60.trans)[0]
        joints30 = rest.forward(at30.poses, at30.trans)[0]
        self.seconds += motion.seconds
        for start in _starts(len(joints60), round(WINDOW * FPS)):
            window = joints60[start : start + round(WINDOW * FPS)]
            origin = window[0, 0] * [1, 0, 1]
            self.kinetic.append(kinetic_features(window - origin))
            self.published.append(kinetic_features(window - window[0, 0], published=True))
            self.geometric.append(geometric_features(window))
            self.half.append(int(start + WINDOW * FPS / 2 > len(joints60) / 2))
        for start in _starts(len(joints30), round(WINDOW * FEET_FPS)):
            self.pfc.append(physical_foot_contact(joints30[start : start + round(WINDOW * FEET_FPS)], FEET_FPS))
        self.skating.append((foot_skating_ratio(joints30), motion.seconds))
        self.speed.append(contact_speed(at30, rest))
        self.depth.append(penetration(at30, rest))
        third = np.diff(joints30[:, :22], 3, axis=0) * FEET_FPS**3
        self.jerk.append(np.linalg.norm(third, axis=-1).ravel().astype(np.float32))
        self.gestures.append(gestures(shared, average, 1.0))

    def align(self, motion: Motion, rest: Rest, beats: Array, periods: Array, rng: np.random.Generator) -> None:
        """Compare a dance with its music's `beats` (s), and with beats of music of other `periods` (s), begun anywhere.

        Beats that lie outside of it don't count.
        """
        at60 = resampled(motion, FPS)
        joints = rest.forward(at60.poses, at60.trans)[0]
        try:
            found = beat_alignment(joints, FPS, beats)
        except InputError:
            return
        other: list[dict[str, float]] = []
        for _ in range(_DRAWS):
            period = float(rng.choice(periods))
            count = int((beats[-1] - beats[0]) / period) + 1
            grid = beats[0] + (rng.random() + np.arange(count)) * period
            if count >= 3:
                other.append(beat_alignment(joints, FPS, grid[grid <= beats[-1]]))
        for key in ("per_music_beat", "per_kinematic_beat"):
            found[f"{key}_other_music"] = float(np.mean([one[key] for one in other])) if other else np.nan
        self.alignment.append(found)


def _starts(frames: int, window: int) -> range:
    return range(0, frames - window + 1, window // 2)


def frechet_distance(one: Array, other: Array) -> float:
    """Squared Fréchet distance of the normal distributions that fit two sets of features (N, D).

    Source: Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017.
    """
    means, covariances = [], []
    for features in (one, other):
        means.append(features.mean(0))
        covariances.append(np.cov(features, rowvar=False))
    root = np.asarray(sqrtm(covariances[0] @ covariances[1] + 1e-9 * np.eye(one.shape[1])))
    return float(
        ((means[0] - means[1]) ** 2).sum()
        + np.trace(covariances[0])
        + np.trace(covariances[1])
        - 2 * np.trace(root.real)
    )


def _evenly(features: NDArray[Any], count: int) -> NDArray[Any]:
    return features[np.linspace(0, len(features) - 1, min(count, len(features))).round().astype(int)]


@dataclass(frozen=True)
class Reference:
    """Features of the recorded dancers in two halves (the first and the second of every take), (N, D) each."""

    halves: dict[str, tuple[Array, Array]]
    jerk: float  # m/s³, the 99.9th percentile

    @classmethod
    def of(cls, tally: Tally) -> Reference:
        half = np.array(tally.half)
        halves = {
            name: (np.array(getattr(tally, name))[half == 0], np.array(getattr(tally, name))[half == 1])
            for name in ("kinetic", "published", "geometric")
        }
        return cls(halves, float(np.percentile(np.concatenate(tally.jerk), 99.9)))

    def compare(self, name: str, features: Array | None) -> tuple[float, float]:
        """Fréchet distance and diversity of features (N, D) beside the recorded ones; None: of these themselves.

        Columns are divided by the recorded ones' standard deviation. Every distance is between equally many windows,
        evenly taken, since it grows as they get fewer, and the mean of that to either half.
        """
        both = np.concatenate(self.halves[name])
        mean, spread = both.mean(0), both.std(0)
        spread = np.where(spread > 1e-6, spread, 1.0)
        first, second = ((half - mean) / spread for half in self.halves[name])
        count = min(len(first), len(second))
        first, second = _evenly(first, count), _evenly(second, count)
        if features is None:
            diversity = float(np.mean([pdist(first).mean(), pdist(second).mean()]))
            return frechet_distance(first, second), diversity
        drawn = _evenly((features - mean) / spread, count)
        distance = np.mean([frechet_distance(drawn, half) for half in (first, second)])
        return float(distance), float(pdist(drawn).mean())


def summary(tally: Tally, reference: Reference, known: NDArray[np.float32], itself: bool = False) -> dict[str, Any]:
    """A row of the table. `itself`: the tally is the reference's own."""
    jerk = np.concatenate(tally.jerk)
    speed = np.concatenate(tally.speed)
    ratio, length = np.array(tally.skating).T
    moved = np.concatenate(tally.gestures)
    distance = nearest(_evenly(moved, 1500), known) if len(known) and len(moved) else np.zeros(0)
    row: dict[str, Any] = {"seconds": tally.seconds, "windows": len(tally.kinetic)}
    for short, name in (("k", "kinetic"), ("g", "geometric"), ("k_published", "published")):
        features = None if itself else np.array(getattr(tally, name))
        enough = itself or len(tally.kinetic) > 1
        row[f"fid_{short}"], row[f"div_{short}"] = reference.compare(name, features) if enough else (None, None)
    row |= {
        "pfc": float(np.mean(tally.pfc)) if tally.pfc else None,
        "fsr": float(np.average(ratio, weights=length)),
        "contact_speed": float(np.median(speed)) if len(speed) else None,
        "contact_speed_p75": float(np.percentile(speed, 75)) if len(speed) else None,
        "penetration_p99": float(np.percentile(np.concatenate(tally.depth), 99)),
        "jerk_p999": float(np.percentile(jerk, 99.9)),
        "jerk_over_mocap": float((jerk > reference.jerk).mean()),
        "nearest_training": float(np.median(distance)) if len(distance) else None,
        "copied": float((distance < COPY).mean()) if len(distance) else None,
    }
    keys = [f"per_{of}_beat{control}" for of in ("music", "kinematic") for control in ("", "_shifted", "_other_music")]
    for key in keys:
        row[f"beat_alignment_{key}"] = (
            float(np.nanmean([one[key] for one in tally.alignment])) if tally.alignment else None
        )
    return row
