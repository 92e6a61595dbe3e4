# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.articulation import articulate
from avanim.rigs.articulation_contacts import contacts
from avanim.rigs.emotion import combine, express
from avanim.rigs.errors import InputError
from avanim.rigs.face_keys import face_keys, reduced
from avanim.rigs.face_life import live
from hypothesis import given
from hypothesis import strategies as st

from .speech import rates, sequences, settings
from .test_articulation import missed, spoken


@given(sequences(), rates, settings, st.sampled_from([0.0, 0.005, 0.01, 0.03, 0.1]))
def test_keys_keep_the_stated_error_and_every_contact(phones, fps, wishes, error):
    seconds = phones.seconds + 0.2
    mouth = articulate(phones, seconds, fps, settings=wishes)
    whole = combine(mouth, None, express([(0, {"sad": 0.5})], seconds, fps), phones=phones, fps=fps, settings=wishes)
    led = phones.shifted(-wishes.lead_ms / 1000)
    keys = face_keys(whole, contacts(led, seconds, fps), error, wishes.stepped)
    made = keys.curves()
    assert np.abs(made - whole).max() <= error + 1e-9
    assert missed(made, phones, wishes, fps, seconds) == []
    for frames, values in zip(keys.frames, keys.values, strict=True):
        assert len(frames) == len(values) and (np.diff(frames) > 0).all()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.floats(0, 0.3))
def test_any_curve(values, error):
    curve = np.array(values)[:, None]
    for stepped in (False, True):
        keys = reduced(curve, error, stepped=stepped)
        assert np.abs(keys.curves() - curve).max() <= error + 1e-9


def test_speech_needs_far_fewer_keys_than_frames():
    phones = spoken("h a l o dh eh r m a m a p a p a s t r ih ng s f ae b o u b i w aa t", 0.09)
    mouth = articulate(phones, 5.0, 60)
    life, _, _ = live(phones, 5.0, 60)
    whole = combine(mouth, life, phones=phones, fps=60)
    keys = face_keys(whole, contacts(phones, 5.0, 60), 0.01)
    moving = (np.abs(whole - whole[0]).max(0) > 0.01).sum() * len(whole)
    assert len(keys) < 0.35 * moving
    tight = face_keys(whole, contacts(phones, 5.0, 60), 0.002)
    assert len(keys) < len(tight)


def test_a_curve_at_rest_has_one_key():
    keys = reduced(np.zeros((500, 2)), 0.01)
    assert [list(frames) for frames in keys.frames] == [[0], [0]] and not keys.curves().any()


def test_frames_to_keep_are_kept():
    keep = np.zeros(100, bool)
    keep[37] = True
    assert 37 in reduced(np.linspace(0, 1, 100)[:, None], 0.5, keep).frames[0]


@pytest.mark.parametrize(
    ("values", "error", "sentence"),
    [(np.zeros((0, 2)), 0.01, "no frames"), ([[np.nan]], 0.01, "not a number"), ([[0.0]], -1, "0 or more")],
)
def test_bad_input(values, error, sentence):
    with pytest.raises(InputError, match=sentence):
        reduced(values, error)


def test_long_takes_go_quickly():
    curve = np.sin(np.arange(60000) * 0.05)[:, None] * np.ones((1, 4))
    assert len(reduced(curve, 0.01)) < 0.4 * curve.size
