# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to fill a gap in a motion: the model, and ways that have learned nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.motion import Motion
from ...rigs.motion_edit import inertialised
from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle, resample_rotations
from ...rigs.skeleton import Rest
from .beat_frames import HEIGHT, PER_BEAT, ROOT, ROTATIONS, decode, encode, matrices, root_path
from .diffusion import Sampler
from .diffusion_data import Take
from .diffusion_net import bridge
from .diffusion_path import led, ways_between

Array = NDArray[Any]
Filler = Callable[[Array, NDArray[np.bool_], Take, int], Array]

_BODY = Rest.average()


def cut(motion: Motion, first: int, last: int) -> Motion:
    return replace(motion, poses=motion.poses[first:last], trans=motion.trans[first:last])


def frame_rate(take: Take) -> float:
    return take.bpm / 60 * PER_BEAT


def _span(known: NDArray[np.bool_]) -> tuple[int, int]:
    gap = np.flatnonzero(~known[:, 0])
    return int(gap[0]), int(gap[-1]) + 1


def slerped(frames: Array, known: NDArray[np.bool_], take: Take, beat: int) -> Array:
    """The shortest turn of every joint, the root at an even pace."""
    first, last = _span(known)
    filled = frames.copy()
    share = np.arange(first - 1, last + 1)
    for columns in (slice(0, HEIGHT + 1), ROOT):
        ends = frames[[first - 1, last]][:, columns]
        filled[first:last, columns] = np.stack(
            [np.interp(share[1:-1], [first - 1, last], end) for end in ends.T], axis=1
        )
    poses = decode(frames, _BODY, 24.0)[0].poses.copy()
    # Without the heading, which the steps of the root carry.
    poses[:, 0] = axis_angle_from_matrix(matrices(frames)[:, 0])
    turned = resample_rotations(poses[[first - 1, last]], np.array([first - 1.0, last]), share.astype(float))
    filled[first:last, ROTATIONS] = np.swapaxes(matrix_from_axis_angle(turned)[1:-1][..., :2], -1, -2).reshape(
        last - first, -1
    )
    return filled


def inertial(frames: Array, known: NDArray[np.bool_], take: Take, beat: int) -> Array:
    """The pose after the gap, entered from before it by inertialisation."""
    first, last = _span(known)
    motion, contact = decode(frames, _BODY, frame_rate(take))
    after = cut(motion, last, len(frames))
    held = replace(
        after,
        poses=np.concatenate([np.repeat(after.poses[:1], last - first, axis=0), after.poses]),
        trans=np.concatenate([np.repeat(after.trans[:1], last - first, axis=0), after.trans]),
    )
    made = inertialised(cut(motion, 0, first), held, (last - first) / motion.fps)
    whole = replace(
        motion,
        poses=np.concatenate([motion.poses[:first], made.poses]),
        trans=np.concatenate([motion.trans[:first], made.trans]),
    )
    filled = frames.copy()
    filled[first - 1 : last] = encode(whole, _BODY, contact)[first - 1 : last]
    return filled


def ways_to_fill(sampler: Sampler, to_place: bool) -> dict[str, Filler]:
    """By name. Each is given the frames, which of them are known, and the take and frame at which they begin.

    `inertialised` is told where the root stands after the gap; with `to_place` the model and the cubic are, once more.
    """
    mean, deviation = sampler.trained.mean, sampler.trained.deviation

    def place(frames: Array, known: NDArray[np.bool_]) -> Array:
        path = np.full((len(frames), 3), np.nan)
        ends = list(_span(known))
        path[ends] = root_path(frames)[ends]
        return path

    def model(frames: Array, known: NDArray[np.bool_], take: Take, start: int, path: Array | None = None) -> Array:
        style = take.styles[0] if take.styles and take.styles[0] in sampler.net.config.styles else None
        beat = take.beat + start / PER_BEAT
        return sampler.fill(
            frames, known, style=style, bpm=take.bpm, seed=start, beat=beat, metre=take.metre, path=path
        )

    def model_to_place(frames: Array, known: NDArray[np.bool_], take: Take, start: int) -> Array:
        return model(frames, known, take, start, place(frames, known))

    def cubic(frames: Array, known: NDArray[np.bool_], take: Take, start: int) -> Array:
        values = torch.tensor((frames - mean) / deviation)[None]
        return bridge(values, torch.tensor(known)[None])[0].numpy() * deviation + mean

    def cubic_to_place(frames: Array, known: NDArray[np.bool_], take: Take, start: int) -> Array:
        filled = cubic(frames, known, take, start)
        filled[:, ROOT] = led(filled[:, ROOT], ways_between(place(frames, known), known))
        return filled

    def mean_pose(frames: Array, known: NDArray[np.bool_], take: Take, start: int) -> Array:
        return np.where(known, frames, mean)

    ways: dict[str, Filler] = {
        "model": model, "cubic": cubic, "slerp": slerped, "inertialised": inertial, "mean_pose": mean_pose,
    }  # fmt: skip
    if to_place:
        ways["model_to_place"] = model_to_place
        ways["cubic_to_place"] = cubic_to_place
    return ways
