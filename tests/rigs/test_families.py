# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose space and style machines: what makes each what it is, on motions whose right answer is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.families import style_hmm
from avanim.rigs.families.pose_space import PoseSpace
from avanim.rigs.families.space import Components, Space
from avanim.rigs.motion import Motion
from avanim.rigs.moves import Placed, perform
from avanim.rigs.skeleton import Rest

REST = Rest.average()


def danced(move: str, times: int = 3, **how: float) -> Motion:
    beats = np.arange(8 * times + 2) * 0.5
    return perform([Placed(move, 8 * k, **how) for k in range(times)], beats, REST, 30.0).motion.slice(0, 4.0 * times)


@pytest.fixture(scope="module")
def step():
    return danced("step_touch")


@pytest.fixture(scope="module")
def lively():
    return danced("step_touch", amplitude=1.6, arms="up", energy=1.0)


def joints(motion: Motion) -> np.ndarray:
    return REST.forward(motion.poses, motion.trans)[0]


def test_vectors_give_the_motion_back(wild_motion):
    space = Space.of([wild_motion], REST)
    again = space.motion(space.body(wild_motion), space.path(wild_motion), wild_motion)
    assert np.abs(joints(again) - joints(wild_motion)).max() < 1e-9


def test_vectors_know_neither_place_nor_heading(wild_motion):
    from avanim.rigs.motion_edit import placed

    space = Space.of([wild_motion], REST)
    elsewhere = placed(wild_motion, REST, 1.3, 4.0, -2.0)
    assert np.allclose(space.body(elsewhere), space.body(wild_motion), atol=1e-9)
    # The root of the rest pose stands a little beside the origin, about which it is turned.
    assert np.allclose(space.path(elsewhere), space.path(wild_motion), atol=5e-3)


# --- [103, 104] dimensionality reduction


def test_103_a_motion_is_edited_in_its_linear_subspace_and_nowhere_else(step):
    poses = PoseSpace.of(step, REST, 4)
    edited = poses.edited(step, gains=[0.0, 2.0], offsets=[0.5])
    before, after = poses.coordinates(step), poses.coordinates(edited)
    assert np.allclose(after[:, 0], 0.5, atol=1e-6) and np.allclose(after[:, 1], 2 * before[:, 1], atol=1e-6)
    assert np.allclose(after[:, 2:], before[:, 2:], atol=1e-6)
    # What lies outside is the motion's own.
    body = [poses.space.body(motion) for motion in (step, edited)]
    off = [vectors - poses.components.unfolded(poses.components.squeezed(vectors)) for vectors in body]
    assert np.allclose(off[0], off[1], atol=1e-6)
    assert np.array_equal(edited.trans[:, [0, 2]], step.trans[:, [0, 2]])


def test_103_the_subspace_holds_more_of_another_clip_than_any_other_of_its_size(step):
    """Held out: the mirror image's second half, by a basis of the first half; beside random bases."""
    first, second = step.slice(0, 8), step.slice(8, 12)
    poses = PoseSpace.of(first, REST, 6)
    vectors = poses.space.body(second) - poses.components.mean
    kept = np.linalg.norm(vectors @ poses.components.basis.T)
    random = np.random.default_rng(0)
    for _ in range(5):
        basis, _ = np.linalg.qr(random.normal(size=(vectors.shape[1], 6)))
        assert np.linalg.norm(vectors @ basis) < 0.6 * kept
    errors = [np.abs(joints(PoseSpace.of(first, REST, k).edited(second, only=True)) - joints(second)).mean()
              for k in (1, 4, 12)]  # fmt: skip
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.01


def test_components_are_orthonormal_and_sorted():
    vectors = np.random.default_rng(1).normal(size=(50, 7)) * np.arange(7, 0, -1)
    found = Components.of(vectors, 9)
    assert found.basis.shape == (7, 7) and np.allclose(found.basis @ found.basis.T, np.eye(7), atol=1e-9)
    assert (np.diff(found.spread) <= 0).all() and np.allclose(found.unfolded(found.squeezed(vectors)), vectors)
    assert np.allclose(found.squeezed(vectors).std(0, ddof=1), found.spread) and np.isclose(found.share.sum(), 1)


def test_wrong_numbers_are_refused(step):
    poses = PoseSpace.of(step, REST, 2)
    for bad in ({"gains": [1, 1, 1]}, {"offsets": [np.nan]}):
        with pytest.raises(InputError):
            poses.edited(step, **bad)
    with pytest.raises(InputError):
        PoseSpace.of(replace(step, poses=step.poses[:2], trans=step.trans[:2]), REST)
    with pytest.raises(InputError):
        PoseSpace.of(step, REST, 0)


# --- [105] hidden Markov model


@pytest.fixture(scope="module")
def machine(step, lively):
    return style_hmm.learn(step, lively, REST)


def test_105_learning_makes_both_motions_likelier(machine):
    likelihood = machine.likelihood
    assert likelihood[-1] > likelihood[0] + 0.5 and (np.diff(likelihood) > -0.05).all()
    assert np.allclose(machine.transition.sum(1), 1)


def test_105_forward_backward_is_the_sum_over_all_paths():
    random = np.random.default_rng(0)
    score, start = random.normal(size=(4, 2)), np.array([0.3, 0.7])
    move = np.array([[0.9, 0.1], [0.4, 0.6]])
    post, pairs, total = style_hmm._forward_backward(score, start, move)
    paths = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), -1).reshape(-1, 4)
    each = np.array([np.log(start[p[0]]) + sum(np.log(move[a, b]) for a, b in pairwise(p))
                     + score[np.arange(4), p].sum() for p in paths])  # fmt: skip
    weight = np.exp(each - each.max())
    assert np.isclose(total, each.max() + np.log(weight.sum()))
    weight /= weight.sum()
    assert np.allclose(post[:, 1], [(weight * (paths[:, t] == 1)).sum() for t in range(4)])
    turned = (paths[:, :-1] == 0) & (paths[:, 1:] == 1)
    assert np.isclose(pairs[0, 1], (weight[:, None] * turned).sum())


def test_105_the_style_interpolates_the_emissions(machine):
    halves = machine.emissions(0.5)[0]
    assert np.allclose(halves, machine.means.mean(0))
    assert np.allclose(machine.emissions(1.0)[1], machine.variances[1])


def test_105_velocity_is_part_of_the_emission(machine, step):
    """Along a path, values flow from state to state; without what is known of velocity they would leap."""
    path = machine.states(step, 0.0)
    leaps = np.abs(np.diff(machine.emissions(0.0)[0][path][:, : machine.observed(step).shape[1]], axis=0)).max()
    assert np.abs(np.diff(machine.trajectory(path, 0.0), axis=0)).max() < 0.5 * leaps


def test_105_a_slider_between_two_actions(machine, step, lively):
    """0 is the motion itself; 1 moves as large as the other, on the motion's own time; in between lies between."""
    assert np.abs(joints(style_hmm.mixed(machine, step, 0.0)) - joints(step)).max() < 1e-6

    def hands(motion: Motion) -> float:
        return float(joints(motion)[:, [20, 21], 1].mean())

    heights = [hands(style_hmm.mixed(machine, step, style)) for style in (0.0, 0.5, 1.0)]
    assert heights[0] < heights[1] < heights[2]
    assert abs(heights[2] - hands(lively)) < 0.25 * abs(hands(lively) - hands(step))


def test_105_paths_are_drawn_from_the_transitions(machine):
    path = machine.drawn(200, 3)
    assert np.array_equal(path, machine.drawn(200, 3)) and not np.array_equal(path, machine.drawn(200, 4))
    assert (machine.transition[path[:-1], path[1:]] > 1e-4).all()


def test_105_too_little_is_refused(step):
    with pytest.raises(InputError, match="second"):
        style_hmm.learn(step, step.slice(0, 0.5), REST)
