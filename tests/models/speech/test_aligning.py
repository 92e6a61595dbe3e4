# SPDX-License-Identifier: GPL-3.0-or-later
"""Forced alignment: known phones or words to their times."""

import numpy as np
import pytest
from avanim.models.speech import Heard, align
from avanim.models.speech.net import CURVES, EVENTS
from avanim.rigs.errors import InputError
from avanim.rigs.phones import PHONES, Phones
from avanim.rigs.sound import Sound

NOTHING = Sound(np.zeros((1, 16000), np.float32), 16000)


def heard(*runs, sure=0.7):
    """What a recogniser would have heard of (phone, frames) one after the other."""
    rows = []
    for name, frames in runs:
        row = np.full(len(PHONES), (1 - sure) / (len(PHONES) - 1), np.float32)
        row[PHONES.index(name)] = sure
        rows += [row] * frames
    posterior = np.array(rows)
    n = len(posterior)
    zeros = np.zeros(n, np.float32)
    events = np.full((n, len(EVENTS)), 0.1, np.float32)
    curves = np.zeros((n, len(CURVES)), np.float32)
    return Heard(Phones.nothing(), posterior, events, zeros, zeros, zeros, zeros, curves)


SAID = heard(("sil", 20), ("m", 8), ("a", 15), ("sil", 12), ("p", 9), ("i", 14), ("sil", 20))


def test_phones_find_their_places_and_pauses_stay():
    found = align(NOTHING, ["m", "a", "p", "i"], heard=SAID)
    assert found.names == ("m", "a", "p", "i")
    assert found.start.tolist() == pytest.approx([0.20, 0.28, 0.55, 0.64], abs=0.011)
    assert found.end.tolist() == pytest.approx([0.28, 0.43, 0.64, 0.78], abs=0.011)


def test_a_phone_that_was_heard_as_its_like_is_found_all_the_same():
    found = align(NOTHING, ["b", "ae", "b", "ih"], heard=SAID)
    assert found.names == ("b", "ae", "b", "ih")
    assert found.start.tolist() == pytest.approx([0.20, 0.28, 0.55, 0.64], abs=0.021)


def test_words_take_the_way_that_fits():
    words = [[["s", "u"], ["m", "a"]], [["p", "i"], ["k", "o", "t"]]]
    found = align(NOTHING, words, heard=SAID)
    assert found.names == ("m", "a", "p", "i")
    assert found.start[2] == pytest.approx(0.55, abs=0.021)


def test_sil_in_a_list_is_no_more_than_a_hint():
    assert align(NOTHING, ["sil", "m", "a", "sil", "p", "i", "sil"], heard=SAID).names == ("m", "a", "p", "i")
    assert len(align(NOTHING, ["sil"], heard=SAID)) == 0


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(InputError, match="no phones to align"):
        align(NOTHING, [], heard=SAID)
    with pytest.raises(InputError, match="no phone 'xyz'"):
        align(NOTHING, ["xyz"], heard=SAID)
    with pytest.raises(InputError, match="belong together"):
        align(NOTHING, ["a", "p"] * 40, heard=SAID)
