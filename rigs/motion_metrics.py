# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of body motion: feet, beats, smoothness, anatomy.

Functions take joint positions (T, J, 3) in metres, Y up, with the SMPL joint order in the first 22, unless they say
otherwise. Values from different frame rates can't be compared where a docstring says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelmin

from .errors import InputError
from .feet import contacts, sole_points
from .fit import HINGES, flexion, unit
from .motion import Motion
from .skeleton import Rest

Array = NDArray[np.float64]

_ANKLES, _FEET = (7, 8), (10, 11)
_PLANE = [0, 2]


def _joints(positions: ArrayLike, frames: int) -> Array:
    array = np.asarray(positions, float)
    if array.ndim != 3 or array.shape[1] < 22 or array.shape[2] != 3:
        raise InputError(f"Joint positions of shape {array.shape} can't be measured; give (T, 22+, 3) in SMPL order.")
    if len(array) < frames:
        raise InputError(f"{len(array)} frames are too few to measure; give at least {frames}.")
    return array


def physical_foot_contact(positions: ArrayLike, fps: float) -> float:
    """PFC: how often the root accelerates while neither foot stands; lower is better.

    Horizontal displacement per frame of the slower of ankle and toe, left times right, times the root's acceleration
    (upward part only, divided by the clip's largest); the mean times 10,000. The displacement is not divided by the
    frame time and the scale depends on the clip, so compare only 30-fps clips of about equal length (here 5 s).
    Source: Tseng, Castellon, Liu, "EDGE: Editable Dance Generation From Music", CVPR 2023, section 4.
    """
    joints = _joints(positions, 4)
    velocity = np.diff(joints[:, 0], axis=0) * fps
    acceleration = np.diff(velocity, axis=0) * fps
    acceleration[:, 1] = np.maximum(acceleration[:, 1], 0)
    size = np.linalg.norm(acceleration, axis=-1)
    if size.max() <= 1e-9:
        return 0.0
    steps = np.linalg.norm(np.diff(joints[1:][..., _PLANE], axis=0), axis=-1)
    left, right = (np.minimum(steps[:, a], steps[:, f]) for a, f in zip(_ANKLES, _FEET, strict=True))
    return float((left * right * size / size.max()).mean() * 1e4)


def foot_skating_ratio(positions: ArrayLike, floor: float | None = None) -> float:
    """FSR: share of standing frames in which a foot slides, mean of both feet, 0..1; for 30 fps.

    A foot stands when its ankle is within 8 cm and its toe within 5 cm of the floor, and slides when the mean of the x
    and z displacement of ankle or toe is over 1 cm a frame. `floor` is a joint height (m); None takes the 2nd
    percentile of the toes' height. Source: Li et al., "Lodge: A Coarse to Fine Diffusion Network for Long Dance
    Generation", CVPR 2024.
    """
    joints = _joints(positions, 2)
    if floor is None:
        floor = float(np.percentile(joints[:, _FEET, 1], 2))
    ratios = []
    for ankle, foot in zip(_ANKLES, _FEET, strict=True):
        standing = (joints[:-1, ankle, 1] <= floor + 0.08) & (joints[:-1, foot, 1] <= floor + 0.05)
        steps = np.diff(joints[:, [ankle, foot]][..., _PLANE], axis=0).mean(axis=-1)
        sliding = (np.abs(steps) > 0.01).any(axis=1) & standing
        ratios.append(sliding.sum() / max(1, standing.sum()))
    return float(np.mean(ratios))


def contact_speed(motion: Motion, rest: Rest, contact: ArrayLike | None = None) -> Array:
    """(N,) m/s: horizontal speed of the balls of the feet over all frame pairs in which they stand; empty if none do.

    `contact` (T, 4) as from `feet.contacts`, which None calls. Take its median; real dancers reach 0.02 to 0.06.
    """
    mask = contacts(motion, rest) if contact is None else np.asarray(contact, bool)
    balls = sole_points(motion, rest)[:, :, 1]
    speed = np.linalg.norm(np.diff(balls[..., _PLANE], axis=0), axis=-1) * motion.fps
    standing = mask[1:, 1::2] & mask[:-1, 1::2]
    return speed[standing]


def penetration(motion: Motion, rest: Rest, floor: float = 0.0) -> Array:
    """(T,) m: depth of the lowest point of both soles (heel, ball, toe tip) below the floor, 0 above it."""
    return np.maximum(0.0, floor - sole_points(motion, rest)[..., 1].min(axis=(1, 2)))


def kinematic_beats(positions: ArrayLike) -> Array:
    """Frames at which the body slows down: local minima of the mean joint speed, smoothed by a Gaussian of 5 frames.

    Source: Siyao et al., "Bailando", CVPR 2022, after Li et al., "AI Choreographer", ICCV 2021.
    """
    joints = _joints(positions, 3)
    speed = np.linalg.norm(np.diff(joints[:, :24], axis=0), axis=-1).mean(axis=1)
    return argrelmin(gaussian_filter1d(speed, 5))[0].astype(float)


def beat_alignment(positions: ArrayLike, fps: float, beat_times: ArrayLike) -> dict[str, float]:
    """BAS: how near the body's slow moments are to the beats, 0..1, with a control.

    The mean of exp(-(distance in frames)^2 / (2 * 3^2)) to the nearest partner: `per_music_beat` over the music's beats
    (as Bailando and Lodge compute it), `per_kinematic_beat` over the body's (AI Choreographer, Li et al., ICCV 2021).
    Widths are in frames, so values hold only for one `fps` (60 in Bailando, 30 in Lodge); it is returned with them. The
    `_shifted` values use the beats moved by half a beat: where these are as high, the score says nothing about timing.

    Raises:
        InputError: fewer than 2 beats lie within the motion.
    """
    joints = _joints(positions, 3)
    times = np.sort(np.asarray(beat_times, float)) * fps
    half = np.median(np.diff(times)) / 2 if len(times) > 1 else 0.0
    times = times[(times >= 0) & (times <= len(joints) - 1)]
    if len(times) < 2:
        raise InputError("Fewer than two beats lie within the motion; give its beats in seconds from its start.")
    body = kinematic_beats(joints)
    shifted = times + half
    shifted = shifted[shifted <= len(joints) - 1]

    def score(of: Array, nearest: Array) -> float:
        if not len(of) or not len(nearest):
            return 0.0
        distance = np.abs(of[:, None] - nearest[None]).min(axis=1)
        return float(np.exp(-(distance**2) / 18).mean())

    return {
        "fps": float(fps),
        "per_music_beat": score(times, body),
        "per_kinematic_beat": score(body, times),
        "per_music_beat_shifted": score(shifted, body),
        "per_kinematic_beat_shifted": score(body, shifted),
    }


def mean_jerk(positions: ArrayLike, fps: float) -> float:
    """m/s^3: mean over frames and joints of the norm of the third time derivative (differences) of position.

    It grows with fps on noisy data.
    """
    joints = _joints(positions, 4)
    return float(np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1).mean() * fps**3)


def hinge_angles(motion: Motion, rest: Rest) -> dict[str, Array]:
    """(T,) rad for each knee and elbow: flexion, 0 when its bones are in line, negative when bent backwards."""
    turned = rest.forward(motion.poses, motion.trans)[1]
    index, offsets = rest.skeleton.index, rest.offsets
    ends = {"knee": ("hip", "ankle"), "elbow": ("shoulder", "wrist")}
    result = {}
    for joint, hinge in HINGES.items():
        side, kind = joint.split("_")
        above, below = (index(f"{side}_{end}") for end in ends[kind])
        middle = index(joint)
        upper = unit(np.einsum("tij,j->ti", turned[:, above], offsets[middle]))
        lower = unit(np.einsum("tij,j->ti", turned[:, middle], offsets[below]))
        result[joint] = flexion(upper, lower, turned[:, above] @ hinge)[0]
    return result


def hyperextension_rate(motion: Motion, rest: Rest, tolerance: float = np.deg2rad(5)) -> dict[str, float]:
    """Share of frames, 0..1, in which either knee or either elbow is bent backwards by more than `tolerance` rad."""
    angles = hinge_angles(motion, rest)
    return {
        kind: float(np.mean([angles[f"{side}_{kind}"] < -tolerance for side in ("left", "right")]))
        for kind in ("knee", "elbow")
    }


def bone_length_error(positions: ArrayLike, rest: Rest) -> float:
    """Mean over frames and bones of |length - rest length| / rest length; 0 for motion that a skeleton performs."""
    joints = _joints(positions, 1)
    bones = [(j, p) for j, p in enumerate(rest.skeleton.parents) if p >= 0 and j < joints.shape[1]]
    child, parent = np.array(bones).T
    lengths = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
    rest_lengths = np.linalg.norm(rest.joints[child] - rest.joints[parent], axis=-1)
    return float((np.abs(lengths - rest_lengths) / rest_lengths).mean())


def measure(motion: Motion, rest: Rest, beat_times: ArrayLike | None = None) -> dict[str, Any]:
    """Every measure of this file as one plain object, on the motion resampled to 30 fps.

    PFC is the mean over 5-s windows that overlap by half, as in the reference values of docs/motion.md.
    """
    motion = motion.resampled(30.0)
    joints = rest.forward(motion.poses, motion.trans)[0]
    windows = [joints[k : k + 150] for k in range(0, len(joints) - 149, 75)] or [joints]
    speed = contact_speed(motion, rest)
    depth = penetration(motion, rest)
    result: dict[str, Any] = {
        "fps": 30.0,
        "pfc": float(np.mean([physical_foot_contact(window, 30.0) for window in windows])),
        "fsr": foot_skating_ratio(joints),
        "contact_speed_median": float(np.median(speed)) if len(speed) else None,
        "contact_speed_p75": float(np.percentile(speed, 75)) if len(speed) else None,
        "penetration_p99": float(np.percentile(depth, 99)),
        "jerk": mean_jerk(joints, 30.0),
        "hyperextension": hyperextension_rate(motion, rest),
    }
    if beat_times is not None:
        result["beat_alignment"] = beat_alignment(joints, 30.0, beat_times)
    return result
