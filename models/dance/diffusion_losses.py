# SPDX-License-Identifier: GPL-3.0-or-later
"""What the motion model is corrected by: errors of its numbers, of joints in space, of feet that should stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...rigs.feet import soles
from ...rigs.skeleton import SMPL24, Rest
from .beat_frames import CONTACTS, HEIGHT, PLANAR, ROTATIONS, TURN


@dataclass(frozen=True)
class Body:
    """Bones for forward kinematics in torch: joints by depth below the root."""

    parents: tuple[int, ...]
    offsets: Tensor
    depths: tuple[tuple[int, ...], ...]
    sole: Tensor  # (4, 3) heel and ball of both feet, from the ankle

    @classmethod
    def average(cls, device: torch.device) -> Body:
        rest = Rest.average()
        parents = rest.skeleton.parents
        depth = [0] * len(parents)
        for joint, parent in enumerate(parents):
            depth[joint] = depth[parent] + 1 if parent >= 0 else 0
        levels = tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(1, max(depth) + 1))
        sole = np.array([point for sole in soles(rest) for point in (sole.heel, sole.ball)])
        return cls(
            parents,
            torch.tensor(rest.offsets, dtype=torch.float32, device=device),
            levels,
            torch.tensor(sole, dtype=torch.float32, device=device),
        )

    def points(self, frames: Tensor) -> Tensor:
        """(B, T, 28, 3) m of frames (B, T, 152): 24 joints and 4 points of the soles, about the root, heading +Z."""
        pairs = frames[..., ROTATIONS].unflatten(-1, (24, 2, 3))
        first = torch.nn.functional.normalize(pairs[..., 0, :], dim=-1)
        second = pairs[..., 1, :]
        second = torch.nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
        local = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
        turned: list[Tensor] = [local[..., 0, :, :]] + [local[..., 0, :, :]] * 23
        height = frames[..., HEIGHT]
        places: list[Tensor] = [torch.stack([torch.zeros_like(height), height, torch.zeros_like(height)], -1)] * 24
        for joints in self.depths:
            parents = [self.parents[joint] for joint in joints]
            above = torch.stack([turned[p] for p in parents], dim=-3)
            spot = torch.stack([places[p] for p in parents], dim=-2)
            offset = self.offsets[list(joints)].unsqueeze(-1)
            at = spot + (above @ offset).squeeze(-1)
            here = above @ local[..., list(joints), :, :]
            for k, joint in enumerate(joints):
                turned[joint], places[joint] = here[..., k, :, :], at[..., k, :]
        ankles = [SMPL24.index("left_ankle")] * 2 + [SMPL24.index("right_ankle")] * 2
        for point, ankle in zip(self.sole, ankles, strict=True):
            places.append(places[ankle] + turned[ankle] @ point)
        return torch.stack(places, dim=-2)


def travelled(points: Tensor, frames: Tensor) -> Tensor:
    """(B, T - 1, K, 3) m by which points move over the floor from frame to frame, seen from the first one's heading."""
    turn = frames[:, :-1, TURN]
    sine, cosine = turn.sin()[..., None], turn.cos()[..., None]
    after = points[:, 1:]
    x = cosine * after[..., 0] + sine * after[..., 2] + frames[:, :-1, PLANAR.start, None]
    z = -sine * after[..., 0] + cosine * after[..., 2] + frames[:, :-1, PLANAR.start + 1, None]
    return torch.stack([x, after[..., 1], z], dim=-1) - points[:, :-1]


def losses(body: Body, found: Tensor, truth: Tensor, mean: Tensor, deviation: Tensor) -> dict[str, Tensor]:
    """Each (B,): errors of normalised frames (B, T, 152), of joints in space, and of feet that should stand."""
    found_frames, frames = found * deviation + mean, truth * deviation + mean
    here, there = body.points(found_frames), body.points(frames)
    moved, should = travelled(here, found_frames), travelled(there, frames)
    contact = frames[..., CONTACTS]
    standing = (contact[:, 1:] * contact[:, :-1])[..., None]
    steps, true_steps = found.diff(dim=1), truth.diff(dim=1)
    return {
        "pose": (found - truth).square().mean((1, 2)),
        "speed": (steps - true_steps).square().mean((1, 2)) * 25,
        "joints": (here - there).square().mean((1, 2, 3)) / 0.06**2,
        "travel": (moved - should).square().mean((1, 2, 3)) / 0.012**2,
        "slide": (moved[:, :, 24:] * standing).square().mean((1, 2, 3)) / 0.006**2,
        "contact": (found[..., CONTACTS] - truth[..., CONTACTS]).square().mean((1, 2)),
    }
