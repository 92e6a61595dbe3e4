# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.articulation_contacts import aperture
from avanim.rigs.face import ARKIT_52, FaceTrack
from avanim.rigs.face_life import EYE_TURN, OPTIONS, live
from avanim.rigs.phones import Phones
from hypothesis import given
from hypothesis import strategies as st

from .speech import rates, sequences

UPPER = [i for i, name in enumerate(ARKIT_52) if name.startswith(("brow", "eye"))]


def talk(minutes=1.0):
    """Phrases of 2.4 s with pauses of 0.6 s."""
    rows = []
    for phrase in range(int(minutes * 20)):
        start = phrase * 3.0 + 0.6
        rows += [(start + i * 0.1, start + (i + 1) * 0.1, "tamiseno"[i % 8 : i % 8 + 1]) for i in range(24)]
    return Phones.of(rows)


def column(weights, name):
    return weights[:, ARKIT_52.index(name)]


@given(sequences(), rates, st.integers(0, 9), st.floats(0, 2), st.floats(0.1, 3))
def test_it_is_always_a_face_track(phones, fps, seed, amount, seconds):
    amounts = dict.fromkeys(OPTIONS, amount)
    weights, head, gaze = live(phones, seconds, fps, seed=seed, **amounts)
    FaceTrack(weights, head, gaze, fps)
    assert len(weights) == max(1, round(seconds * fps))
    assert np.abs(head).max() < np.radians(20) and np.abs(gaze).max() < 0.6


def test_the_same_seed_gives_the_same_face_and_another_another():
    one, two, other = (live(talk(), 60, 30, seed=seed) for seed in (1, 1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(one[0] - other[0]).max() > 0.5


def test_a_slider_leaves_the_other_parts_as_they_are():
    full, still = live(talk(), 60, 30, seed=1), live(talk(), 60, 30, seed=1, blinks=0)
    brows = [i for i, name in enumerate(ARKIT_52) if name.startswith("brow")]
    np.testing.assert_array_equal(full[0][:, brows], still[0][:, brows])
    np.testing.assert_array_equal(full[1], still[1])
    assert column(still[0], "eyeBlinkLeft").max() == 0


def test_every_amount_at_nought_is_a_still_face():
    weights, head, gaze = live(talk(), 60, 30, **dict.fromkeys(OPTIONS, 0.0))
    assert not weights.any() and not head.any() and not gaze.any()


@pytest.mark.parametrize("fps", [12, 30, 60])
def test_blinks_are_as_many_and_as_long_as_peoples(fps):
    lids = column(live(talk(4), 240, fps, seed=3)[0], "eyeBlinkLeft")
    shut = np.flatnonzero(np.diff((lids > 0.6).astype(int)) == 1)
    assert 12 <= len(shut) / 4 <= 22
    assert 0.03 <= (lids > 0.5).sum() / fps / len(shut) <= 0.2
    twice = column(live(talk(4), 240, fps, seed=3, blinks=2.0)[0], "eyeBlinkLeft")
    assert (np.diff((twice > 0.6).astype(int)) == 1).sum() > 1.4 * len(shut)


def test_brows_and_head_follow_the_accents_of_the_pitch():
    seconds, phones = 60.0, talk()
    f0 = np.full(6000, 110.0)
    accents = np.arange(1.55, 59, 3.0)
    for time in accents:
        f0[int(time * 100) - 8 : int(time * 100) + 8] = 190
    weights, head, _ = live(phones, seconds, 50, f0=f0, seed=0)
    still, calm, _ = live(phones, seconds, 50, f0=np.full(6000, 110.0), seed=0)
    at = (accents * 50).astype(int)
    brows = column(weights, "browOuterUpLeft")
    assert np.mean([brows[i - 5 : i + 10].max() > 0.08 for i in at]) > 0.6 and brows[at - 60].mean() < 0.02
    nod = head[:, 0] - calm[:, 0]
    assert np.degrees(nod[at + 4].mean()) > 0.5
    assert column(still, "browOuterUpLeft").max() < brows.max()


def test_lids_and_eyes_follow_the_gaze():
    weights, _, gaze = live(talk(), 60, 60, seed=5, blinks=0)
    left = gaze[:, 1] / EYE_TURN[0]
    np.testing.assert_allclose(
        column(weights, "eyeLookOutLeft") - column(weights, "eyeLookInLeft"), left.clip(-1, 1), atol=1e-9
    )
    assert column(weights, "eyeLookDownLeft")[gaze[:, 0] < 0].max() == 0
    # Saccades are jumps: nearly all of the time the eyes stand.
    speed = np.abs(np.diff(gaze[:, 1])) * 60
    assert np.median(speed) < 0.12 and speed.max() > 1.0


def test_breath_is_drawn_before_phrases_and_does_not_open_the_mouth_wide():
    weights, head, _ = live(talk(), 60, 50, seed=0, head=0)
    before, during = 50 * 3 + int(0.35 * 50), 50 * 3 + int(1.6 * 50)
    assert column(weights, "noseSneerLeft")[before] > 0.03 > column(weights, "noseSneerLeft")[during]
    assert aperture(weights).max() <= 0.03 and head[before, 0] < -0.005
    assert column(live(Phones.nothing(), 5.0, 30)[0], "jawOpen").max() == 0


def test_two_hours_take_seconds():
    phones = talk(20)
    weights, _, _ = live(phones, 1200, 30, seed=1)
    assert len(weights) == 36000 and weights[:, UPPER].any(0).sum() > 8
