# SPDX-License-Identifier: GPL-3.0-or-later
"""Impulses of whole bodies, shared among the places where they touch."""

import numpy as np
import pytest
from avanim.rigs.impact.shares import Spot, Struck, least_squares, shared
from scipy.optimize import nnls

UP = np.array([0.0, 0, 1])


@pytest.mark.parametrize("seed", range(12))
def test_least_squares_against_scipy(seed):
    random = np.random.default_rng(seed)
    matrix, wanted = random.normal(size=(14, 9)), random.normal(size=14)
    assert least_squares(matrix, wanted) == pytest.approx(nnls(matrix, wanted)[0], abs=1e-8)
    # More unknowns than equations: as near, if not by the same numbers.
    wide = random.normal(size=(6, 20))
    mine = least_squares(np.concatenate([wide, 1e-3 * np.eye(20)]), np.concatenate([wanted[:6], np.zeros(20)]))
    assert (mine >= 0).all() and np.linalg.norm(wide @ mine - wanted[:6]) < nnls(wide, wanted[:6])[1] + 1e-2


def struck(centre, pushes):
    """A body that was pushed so at these points."""
    centre = np.array(centre, float)
    total = np.sum([push for _, push in pushes], axis=0)
    turn = np.sum([np.cross(np.array(point) - centre, push) for point, push in pushes], axis=0)
    return Struck(centre, total, turn, 1.0)


def test_a_beam_on_two_supports_presses_the_nearer_one_harder():
    ends = [np.array([-0.4, 0, 0]), np.array([0.2, 0, 0])]
    given = [1.0 * UP, 2.0 * UP]
    beam = struck((0, 0, 0.05), list(zip(ends, given, strict=True)))
    spots = [Spot(0, 1, ends[0], UP), Spot(0, 2, ends[1], UP)]
    assert shared(spots, {0: beam}) == pytest.approx(np.array(given), abs=0.01)


def test_a_blow_goes_through_a_stack_into_the_floor():
    """The one in the middle does not move at all, and yet is hit from both sides."""
    top = struck((0, 0, 0.3), [((0, 0, 0.2), 3 * UP)])
    middle = Struck(np.array([0, 0, 0.1]), np.zeros(3), np.zeros(3), 0.2)
    spots = [Spot(0, 1, np.array([0, 0, 0.2]), UP), Spot(1, 2, np.array([0, 0, 0.0]), UP)]
    assert shared(spots, {0: top, 1: middle}) == pytest.approx(np.array([3 * UP, 3 * UP]), abs=0.01)


def test_floor_and_wall_are_told_apart():
    wall, beside = np.array([1.0, 0, 0]), np.array([-0.1, 0, 0.1])
    corner = struck((0, 0, 0.1), [((0, 0, 0), 2 * UP), (beside, 1.2 * wall)])
    found = shared([Spot(0, 1, np.zeros(3), UP), Spot(0, 2, beside, wall)], {0: corner})
    assert found == pytest.approx(np.array([2 * UP, 1.2 * wall]), abs=0.05)
    assert found.sum(0) == pytest.approx(corner.impulse, abs=0.01)


def test_friction_is_kept():
    push = np.array([-0.3, 0.4, 2.0])
    ball = struck((0, 0, 0.1), [((0, 0, 0), push)])
    assert shared([Spot(0, 1, np.zeros(3), UP)], {0: ball})[0] == pytest.approx(push, abs=0.01)


def test_four_corners_bear_alike_and_nothing_pulls():
    corners = [np.array([x, y, 0.0]) for x in (-0.1, 0.1) for y in (-0.1, 0.1)]
    box = Struck(np.array([0, 0, 0.1]), 4 * UP, np.zeros(3), 0.2)
    found = shared([Spot(0, 1, corner, UP) for corner in corners], {0: box})
    assert found == pytest.approx(np.tile(UP, (4, 1)), abs=0.01)
    pulled = Struck(np.array([0, 0, 0.1]), -4 * UP, np.zeros(3), 0.2)
    assert np.abs(shared([Spot(0, 1, corners[0], UP)], {0: pulled})).max() < 1e-6
    assert shared([], {}).shape == (0, 3)
