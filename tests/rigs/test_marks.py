# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.beats import Beats
from avanim.rigs.errors import InputError
from avanim.rigs.marks import Marks, moved_times, source_times
from hypothesis import given
from hypothesis import strategies as st

steps = st.lists(st.floats(0.05, 2.0), min_size=1, max_size=12)


@given(steps, st.data())
def test_the_map_runs_through_the_marks_and_only_rises(gaps, data):
    was = np.cumsum(gaps)
    others = data.draw(st.lists(st.floats(0.05, 2.0), min_size=len(gaps), max_size=len(gaps)))
    now = np.cumsum(others)
    seconds = max(was[-1], now[-1]) + 1
    np.testing.assert_allclose(source_times(was, now, now, seconds), was, atol=1e-9)
    grid = np.linspace(0, seconds, 2000)
    source = source_times(was, now, grid, seconds)
    assert (np.diff(source) >= -1e-9).all() and source[0] == 0 and source[-1] == pytest.approx(seconds)
    # Smooth: no kink, where the slope would change within a sample by more than the steepest pieces allow.
    slope = np.diff(source) / np.diff(grid)
    ratio = np.concatenate(
        [[was[0] / now[0]], np.diff(was) / np.diff(now), [(seconds - was[-1]) / (seconds - now[-1])]]
    )
    assert np.abs(np.diff(slope)).max() < 12 * ratio.max() * (grid[1] / 0.05)
    np.testing.assert_allclose(moved_times(was, now, was, seconds), now, atol=2e-2)


@given(steps)
def test_marks_that_stay_change_nothing(gaps):
    was = np.cumsum(gaps)
    grid = np.linspace(0, was[-1] + 1, 300)
    np.testing.assert_allclose(source_times(was, was, grid, was[-1] + 1), grid, atol=1e-9)


def test_a_moved_mark_is_felt_nearby_only():
    was = np.arange(1.0, 20.0)
    now = was.copy()
    now[9] += 0.4
    grid = np.linspace(0, 20, 4001)
    change = np.abs(source_times(was, now, grid, 20.0) - grid)
    assert change[(grid < was[7]) | (grid > was[11])].max() < 1e-9 and change.max() == pytest.approx(0.4, abs=0.01)


def test_a_mark_on_the_first_frame_may_be_moved_away_from_it():
    source = source_times([0.0, 1.0], [0.2, 1.0], [0.0, 0.1, 0.2, 1.0, 1.5], 2.0)
    np.testing.assert_allclose(source, [0, 0, 0, 1, 1.5], atol=0.02)


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        ([1, 3, 2], "keep them in order"),
        ([1, 2, 2], "keep them in order"),
        ([-1, 2, 3], "outside"),
        ([1, 2, 9], "outside"),
    ],
)
def test_marks_in_the_wrong_place_are_refused(now, sentence):
    with pytest.raises(InputError, match=sentence):
        source_times([1, 2, 3], now, [0.0], 4.0)
    with pytest.raises(InputError, match="no marks"):
        source_times([], [], [0.0], 4.0)


def test_beats_are_labelled_as_musicians_count_them():
    beats = Beats(np.arange(6) / 2, np.array([2, 0, 1, 2, 0, 1]), 120.0, 3)
    marks = Marks.of_beats(beats)
    assert marks.labels == ("0.3", "1.1", "1.2", "1.3", "2.1", "2.2")
    assert Marks.from_dict(marks.to_dict()).labels == marks.labels
    with pytest.raises(InputError, match="ascending"):
        Marks(np.array([1.0, 0.0]), ("a", "b"))
    with pytest.raises(InputError, match="do not fit"):
        Marks(np.array([1.0]), ("a", "b"))
