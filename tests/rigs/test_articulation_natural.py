# SPDX-License-Identifier: GPL-3.0-or-later
"""A captured face's motion on top of articulated curves: followed, but within what each phone is recognised by."""

import numpy as np
import pytest
from avanim.rigs.articulation import MouthSettings, articulate
from avanim.rigs.articulation_contacts import aperture
from avanim.rigs.articulation_natural import MOTION
from avanim.rigs.face import ARKIT_52
from avanim.rigs.phones import Phones

FPS, SECONDS = 100, 1.5


def spoken(text, long=0.15, start=0.3):
    return Phones.of((start + i * long, start + (i + 1) * long, name) for i, name in enumerate(text.split()))


def column(weights, name):
    return weights[:, ARKIT_52.index(name)]


def motion(**curves):
    made = np.zeros((round(SECONDS * 100), len(MOTION)))
    for name, curve in curves.items():
        made[:, MOTION.index(name)] = curve
    return made


def made(text, real=None, **wishes):
    return articulate(spoken(text), SECONDS, FPS, motion=real, settings=MouthSettings(**wishes))


def middle(place, long=0.15, start=0.3):
    at = round((start + (place + 0.5) * long) * FPS)
    return slice(at - 2, at + 3)


def test_the_jaw_follows_the_motion_within_each_vowel():
    wide, small = (column(made("h aa l aa", motion(jawOpen=jaw)), "jawOpen") for jaw in (0.7, 0.25))
    plain = column(made("h aa l aa"), "jawOpen")
    for place in (1, 3):
        assert wide[middle(place)].mean() > plain[middle(place)].mean() + 0.1
        assert small[middle(place)].mean() < plain[middle(place)].mean() - 0.1


def test_a_phone_keeps_what_it_is_recognised_by():
    text = "t aa t i s u"
    for jaw in (0.0, 1.0):
        weights = made(text, motion(jawOpen=jaw, mouthFunnel=1 - jaw, mouthPucker=1 - jaw))
        opened = column(weights, "jawOpen")
        rounded = column(weights, "mouthPucker") + 0.8 * column(weights, "mouthFunnel")
        assert opened[middle(1)].min() > 0.16, "aa stays open"
        assert opened[middle(3)].max() < 0.16 and aperture(weights)[middle(3)].min() > 0.03, "i stays narrow"
        assert opened[middle(4)].max() <= 0.08, "the teeth meet in s"
        assert rounded[middle(5)].min() > 0.45, "u stays round"
        assert rounded[middle(1)].max() < 0.22, "aa does not become round"


def test_half_of_the_slider_is_half_way():
    real = motion(jawOpen=0.7)
    none, half, full = (column(made("h aa l aa", real, natural=n), "jawOpen")[middle(1)].mean() for n in (0, 0.5, 1))
    assert none == pytest.approx(column(made("h aa l aa"), "jawOpen")[middle(1)].mean())
    assert half == pytest.approx((none + full) / 2, abs=0.01)


def test_lips_roll_as_far_as_the_captured_ones_and_always_touch():
    weights = [made("a m a p a", motion(mouthRollLower=roll, mouthRollUpper=roll)) for roll in (0.0, 0.1)]
    soft, hard = (column(w, "mouthRollLower")[middle(1)].mean() for w in weights)
    assert hard > 1.5 * soft > 0
    assert all(aperture(w)[middle(place)].min() < 0.03 for w in weights for place in (1, 3))


def test_pauses_stay_closed_whatever_the_motion_says():
    weights = made("a t a", motion(jawOpen=0.5, mouthFunnel=0.5, mouthLowerDown=0.5), natural=1.0)
    assert aperture(weights)[:20].max() < 0.03 and aperture(weights)[-40:].max() < 0.03


def test_a_leading_mouth_takes_the_motion_along():
    ramp = motion(jawOpen=np.linspace(0.2, 0.8, round(SECONDS * 100)))
    early, plain = (column(made("aa h aa h aa", ramp, lead_ms=ms), "jawOpen") for ms in (100, 0))
    np.testing.assert_allclose(early[35:75], plain[45:85], atol=1e-6)


def test_a_motion_of_another_form_is_left_out():
    plain = made("a m a")
    for odd in (np.zeros((10, 3)), np.zeros(0), np.full((5, len(MOTION)), np.nan)[:0]):
        np.testing.assert_array_equal(made("a m a", odd), plain)


@pytest.mark.parametrize("smoothing", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("stepped", [False, True])
def test_the_last_frames_alone_are_those_of_the_whole(smoothing, stepped):
    real = np.random.default_rng(1).random((round(SECONDS * 100), len(MOTION)))
    settings = MouthSettings(smoothing=smoothing, stepped=stepped)
    whole = articulate(spoken("m aa f u s"), SECONDS, FPS, motion=real, settings=settings)
    for since in (0, 1, 70, len(whole) - 1, len(whole), len(whole) + 3):
        late = articulate(spoken("m aa f u s"), SECONDS, FPS, motion=real, settings=settings, since=since)
        assert late.shape == whole[since:].shape and np.allclose(late, whole[since:], atol=1e-12)
