# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.phone_files import read_phones, write_phones
from avanim.rigs.phone_names import ALPHABETS, alphabet_of, from_arpabet, from_espeak, from_ipa, from_xsampa, spelt
from avanim.rigs.phones import FEATURES, PHONES, Phones, those
from hypothesis import given
from hypothesis import strategies as st

from .speech import sequences

HELLO = Phones.of([(0.1, 0.2, "h"), (0.2, 0.3, "@"), (0.3, 0.38, "l"), (0.5, 0.7, "o"), (0.7, 0.8, "uh")])


def test_every_phone_has_features_and_the_groups_know_the_lips():
    assert all(FEATURES[phone] for phone in PHONES) and len(set(PHONES)) == len(PHONES)
    assert those("bilabial") == {"p", "b", "m"} and those("labiodental") == {"f", "v"}
    assert {"s", "ch"} <= those("sibilant") and not those("vowel") & those("fricative", "stop", "nasal")


@pytest.mark.parametrize(
    ("read", "text", "phones"),
    [
        (from_ipa, "tʃ", "ch"), (from_ipa, "t͡s", "t s"), (from_ipa, "aɪ", "a ih"), (from_ipa, "ɛ̃ː", "eh"),
        (from_ipa, "kʷʰ", "k w"), (from_ipa, "aj", "a ih"), (from_ipa, "ˈniːs", "n i s"), (from_ipa, "ç", "x"),
        (from_ipa, "øː", "oe"), (from_ipa, "ʁ", "rr"), (from_ipa, "mʲ", "m"), (from_ipa, "☃", ""),
        (from_ipa, "cç", "ch"),
        (from_arpabet, "AY1", "a ih"), (from_arpabet, "hh", "h"), (from_arpabet, "ER0", "er"),
        (from_arpabet, "BLA", ""),
        (from_xsampa, "tS", "ch"), (from_xsampa, "r\\", "r"), (from_xsampa, "r", "rr"), (from_xsampa, "E~:", "eh"),
        (from_xsampa, "t_h", "t"), (from_xsampa, '"y:', "yy"), (from_xsampa, "@U", "@ uh"), (from_xsampa, "s\\", "sh"),
        (from_espeak, "@L", "@ l"), (from_espeak, "3:", "er"), (from_espeak, "aI", "a ih"), (from_espeak, "0", "ao"),
    ],
)  # fmt: skip
def test_names_of_other_alphabets(read, text, phones):
    assert read(text) == phones.split()


@pytest.mark.parametrize(
    ("alphabet", "names"),
    [
        ("avanim", "sil m aa rr y @ ih"), ("arpabet", "SIL HH AH0 L OW1"), ("arpabet", "h# hh ax l ow"),
        ("ipa", "h ə l əʊ"), ("xsampa", "h @ l @U S { r\\"), ("ipa", "spn t͡ʃʰ aː"),
    ],
)  # fmt: skip
def test_the_alphabet_is_found_out(alphabet, names):
    assert alphabet_of(names.split()) == alphabet


def test_every_reader_yields_phones_of_the_inventory():
    letters = [chr(code) for code in [*range(33, 127), *range(0x250, 0x2B0), 0x153, 0xE6, 0xF8, 0xE7]]
    for alphabet, read in ALPHABETS.items():
        for name in [*letters, *(a + b for a in letters for b in "`\\:_")]:
            assert set(read(name)) <= set(PHONES), (alphabet, name)


def test_a_diphthong_is_long_first_and_an_affricate_even():
    assert spelt(1.0, 2.0, "aɪ", "ipa") == [(1.0, pytest.approx(1.6), "a"), (pytest.approx(1.6), 2.0, "ih")]
    assert [part[2] for part in spelt(0, 1, "ts", "ipa")] == ["t", "s"]
    with pytest.raises(InputError, match=r"'zzz' at 0\.00 s is no phone"):
        spelt(0, 1, "zzz", "arpabet")
    with pytest.raises(InputError, match="no alphabet"):
        spelt(0, 1, "a", "runes")


@given(sequences(), st.floats(0.1, 4))
def test_filled_phones_have_no_gap_and_keep_what_was_there(phones, seconds):
    whole = phones.filled(seconds)
    np.testing.assert_allclose([whole.start[0], whole.end[-1]], [0, seconds], atol=2e-3)
    np.testing.assert_allclose(whole.start[1:], whole.end[:-1], atol=1e-9)
    cut = phones.within(0, seconds)
    assert [n for n in whole.names if n != "sil"] == [n for n in cut.names if n != "sil"]
    assert not any(a == b == "sil" for a, b in zip(whole.names, whole.names[1:], strict=False))


@given(sequences(), st.floats(0.5, 4))
def test_marks_and_back(phones, seconds):
    whole = phones.filled(seconds)
    back = Phones.from_marks(phones.to_marks(seconds), seconds)
    assert back.names == whole.names
    np.testing.assert_allclose([back.start, back.end], [whole.start, whole.end], atol=2e-4)


def test_a_moved_mark_takes_its_neighbours_along():
    moved = HELLO.moved(np.array([0.5]), np.array([0.45]), 1.0)
    assert moved.start[3] == pytest.approx(0.45, abs=1e-4) and moved.names == HELLO.names
    assert (moved.start[1:] >= moved.end[:-1] - 1e-9).all()


def test_a_window_cuts_and_counts_from_its_start():
    part = HELLO.within(0.25, 0.3)
    assert part.names == ("@", "l", "o")
    np.testing.assert_allclose([part.start, part.end], [[0, 0.05, 0.25], [0.05, 0.13, 0.3]])
    np.testing.assert_allclose(HELLO.shifted(-0.15).start, [0, 0.05, 0.15, 0.35, 0.55])
    assert len(Phones.nothing()) == 0 and Phones.nothing().filled(1).names == ("sil",)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([(0, 1, "pp")], "no phone 'pp'"),
        ([(0.5, 0.5, "p")], "ends before it begins"),
        ([(-1, 0.5, "p")], "before the sound"),
        ([(0, 0.5, "p"), (0.3, 0.6, "a")], "before its predecessor"),
        ([(0, float("nan"), "p")], "not a number"),
        ([(0, 1, "p", 2.0)], "outside 0..1"),
        ([(0, "x", "p")], "start and end in s"),
        ([(0,)], "start and end in s"),
    ],
)
def test_bad_phones_are_refused_with_a_sentence(rows, sentence):
    with pytest.raises(InputError, match=sentence):
        Phones.of(rows)


def test_dictionaries():
    assert Phones.from_dict(json.loads(json.dumps(HELLO.to_dict()))).names == HELLO.names
    for broken in ({}, {"names": ["a"], "start": [0], "end": ["x"]}, {"names": 3, "start": [], "end": []}):
        with pytest.raises(InputError):
            Phones.from_dict(broken)
    with pytest.raises(InputError, match="do not fit"):
        Phones.from_dict({"names": ["a", "b"], "start": [0], "end": [1]})


@pytest.mark.parametrize("ending", ["json", "TextGrid", "lab", "txt", "csv"])
def test_files_come_back_as_they_were(tmp_path, ending):
    path = tmp_path / f"hello.{ending}"
    write_phones(path, HELLO, 1.0)
    back = read_phones(path)
    spoken = [(s, n) for s, n in zip(back.start, back.names, strict=True) if n != "sil"]
    assert tuple(n for _, n in spoken) == HELLO.names
    np.testing.assert_allclose([s for s, _ in spoken], HELLO.start, atol=1e-5)
    with pytest.raises(InputError, match="not as"):
        write_phones(tmp_path / "hello.doc", HELLO, 1.0)


LONG_GRID = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "say ""no"""
    item [2]:
        class = "IntervalTier"
        name = "Anna - phones"
        xmin = 0
        xmax = 1
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = "S"
        intervals [2]:
            xmin = 0.25
            xmax = 1
            text = "EY1"
'''


@pytest.mark.parametrize(
    ("name", "text", "phones"),
    [
        ("a.TextGrid", LONG_GRID, "s 0 0.25 e 0.25 0.7 ih 0.7 1"),
        ("a.lab", "0 2500000 sil\n2500000 5000000 M\n5000000 9000000 AA1\n", "sil 0 .25 m .25 .5 aa .5 .9"),
        ("a.lab", "separator ;\n#\n0.25 121 pau\n0.5 121 m\n0.9 121 aa\n", "sil 0 .25 m .25 .5 aa .5 .9"),
        ("a.phn", "0 4000 h#\n4000 8000 m\n8000 14400 iy\n", "sil 0 .25 m .25 .5 i .5 .9"),
        ("a.txt", "0.25\t0.5\tm\n\\\t100\t200\n0.5\t0.9\taɪ\n", "m .25 .5 a .5 .74 ih .74 .9"),
        ("a.csv", "Begin;End;Label;Type\n0.25;0.5;m;phones\n0.5;0.9;u;phones\n", "m .25 .5 u .5 .9"),
        ("a.csv", "0.25,0.5,m\n0.5,0.9,u\n", "m .25 .5 u .5 .9"),
        ("a.json", '{"phones": [[0.25, 0.5, "m"], [0.5, 0.9, "aɪ"]]}', "m .25 .5 a .5 .74 ih .74 .9"),
        ("a.json", '[[0.25, 0.5, "M"], [0.5, 0.9, "IY0"]]', "m .25 .5 i .5 .9"),
    ],
)
def test_files_of_others(tmp_path, name, text, phones):
    path = tmp_path / name
    path.write_text(text, encoding="utf-16" if "TextGrid" in name else "utf-8")
    read = read_phones(path)
    flat = phones.split()
    assert list(read.names) == flat[::3]
    np.testing.assert_allclose(read.start, np.array(flat[1::3], float), atol=1e-9)
    np.testing.assert_allclose(read.end, np.array(flat[2::3], float), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.TextGrid", LONG_GRID[:300], "breaks off"),
        ("a.TextGrid", "hello", "no TextGrid"),
        ("a.TextGrid", LONG_GRID.replace("Anna - phones", "notes"), "no tier of phones among words, notes"),
        ("a.lab", "0 1\n0.5 m\n", "line 2"),
        ("a.csv", "start,end,colour\n0,1,m\n", "no column phone"),
        ("a.csv", "start,end,phone\n0,x,m\n", "row 1"),
        ("a.json", "{", "no .json"),
        ("a.json", '{"phones": 3}', "holds no phones"),
        ("a.json", "[]", "holds no phones"),
        ("a.txt", "0 0.5 m\n0.5 1 §§\n", "'§§' at 0.50 s is no phone"),
        ("a.txt", "0 0.5 m\n0.3 1 a\n", "before its predecessor"),
        ("a.doc", "0 1 m", "are read from"),
        ("a.txt", "", "is empty"),
    ],
)
def test_bad_files_say_what_to_do(tmp_path, name, text, sentence):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_phones(path)
