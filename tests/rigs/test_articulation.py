# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.articulation import OPTIONS, MouthSettings, articulate
from avanim.rigs.articulation_contacts import HISSING, LIPS, TEETH, TEETH_MEET, aperture, contacts, lip_at_teeth, spans
from avanim.rigs.articulation_poses import CHANNELS, GROUPS, Poses, default_poses
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52
from avanim.rigs.phones import PHONES, Phones
from hypothesis import given
from hypothesis import strategies as st

from .speech import motions, rates, sequences, settings

CLOSED, AT_TEETH = 0.03, 0.25


def column(weights, name):
    return weights[:, ARKIT_52.index(name)]


def spoken(text, long=0.1, start=0.3):
    """Phones of equal length after a silence."""
    return Phones.of((start + i * long, start + (i + 1) * long, name) for i, name in enumerate(text.split()))


def touched(frames, start, end, fps):
    """Whether one of these frames lies within a contact or is the nearest to it that a rendering has."""
    times = np.arange(len(frames)) / fps
    near = (times > start - 1.6 / fps) & (times < end + 1.6 / fps)
    return frames[near].any()


def missed(weights, phones, wishes, fps, seconds):
    """The contacts of `phones` that no rendered frame shows."""
    led = phones.shifted(-wishes.lead_ms / 1000).within(0, max(seconds, 1 / fps))
    claimed = contacts(led, seconds, fps)
    closed = aperture(weights) <= CLOSED
    found = []
    for kind, frames in (
        (LIPS, closed),
        (TEETH, (lip_at_teeth(weights) >= AT_TEETH) & ~closed),
        (HISSING, column(weights, "jawOpen") <= 0.08 + 1e-9),
    ):
        for start, end, at in zip(*spans(led, kind), strict=True):
            crowded = kind is TEETH and touched(claimed.closed, start, end, fps)
            if not touched(frames, start, end, fps) and not crowded:
                found.append((led.names[at], start, end))
    return found


@given(sequences(), rates, settings, motions(), st.floats(0, 0.5))
def test_every_contact_is_seen_at_any_frame_rate(phones, fps, wishes, motion, tail):
    seconds = phones.seconds + tail
    weights = articulate(phones, seconds, fps, motion=motion, settings=wishes)
    assert weights.shape == (max(1, round(seconds * fps)), 52)
    assert np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1
    assert missed(weights, phones, wishes, fps, seconds) == []


@given(sequences(), rates)
def test_lips_and_teeth_never_claim_the_same_frame(phones, fps):
    frames = contacts(phones, phones.seconds, fps)
    assert not (frames.closed & frames.teeth).any()
    assert frames.closed.any() == any(name in LIPS for name in phones.names)


@pytest.mark.parametrize("fps", [12, 24, 30, 60, 120])
def test_lip_and_teeth_are_seen_even_between_closures(fps):
    phones = spoken("m f m v p f b a v", 0.1)
    weights = articulate(phones, 1.5, fps)
    assert missed(weights, phones, MouthSettings(), fps, 1.5) == []
    assert contacts(phones, 1.5, fps).teeth.any()


def test_without_the_contacts_lips_would_stay_open():
    # The same blend with p, b, m made of what the others are made of: what the guarantee is worth.
    weights = articulate(spoken("a t a k a"), 1.0, 30)
    during = slice(round(0.35 * 30), round(0.75 * 30))
    assert aperture(weights)[during].min() > CLOSED
    assert aperture(articulate(spoken("a p a k a"), 1.0, 30))[during].min() < 0


def test_silence_is_a_still_closed_mouth():
    for phones in (Phones.nothing(), Phones.of([(0, 2, "sil")])):
        assert not articulate(phones, 2.0, 30).any()
    assert articulate(Phones.nothing(), 0.0, 30).shape == (1, 52)


def test_the_mouth_comes_to_rest_and_opens_shortly_before_the_voice():
    weights = articulate(spoken("h a l o", start=0.6), 2.5, 100)
    assert (aperture(weights)[:52] <= CLOSED).all(), "quiet until 80 ms before"
    assert aperture(weights)[58:61].max() > CLOSED / 4, "opening before the first sound"
    assert (aperture(weights)[101:] <= CLOSED).all(), "shut as soon as the last sound has ended"
    assert column(weights, "jawOpen")[130:].max() < 0.01


def test_each_vowel_looks_like_itself():
    poses = {name: articulate(spoken(f"t {name} t", 0.25), 1.5, 50)[33] for name in ("aa", "i", "u", "o", "s", "sh")}

    def of(name, shape):
        return poses[name][ARKIT_52.index(shape)]

    opened = [of(name, "jawOpen") for name in ("aa", "o", "i", "s")]
    assert opened == sorted(opened, reverse=True) and opened[0] > 0.4 > 0.3 > opened[1] > 0.16 > opened[2]
    assert of("u", "mouthPucker") > 0.45 and of("i", "mouthPucker") < 0.05
    assert of("sh", "mouthFunnel") > 0.3 and of("i", "mouthStretchLeft") > 0.12


def test_rounding_begins_in_the_consonants_before():
    early, plain = (articulate(spoken(f"a s t {v} a", 0.08), 1.2, 100) for v in ("u", "i"))
    before = slice(round((0.3 + 2 * 0.08) * 100), round((0.3 + 2.9 * 0.08) * 100))  # during the t
    assert column(early, "mouthPucker")[before].mean() > column(plain, "mouthPucker")[before].mean() + 0.1


def test_the_tongue_leaves_the_lips_alone():
    with_t = articulate(spoken("u t u", 0.1), 1.0, 100)
    assert column(with_t, "mouthPucker")[42:48].min() > 0.4


def test_rounding_goes_through_a_closure_without_parting_the_lips():
    weights = articulate(spoken("u p u", 0.1), 1.0, 100)
    closed = slice(43, 46)
    assert column(weights, "mouthPucker")[closed].min() > 0.2 and aperture(weights)[closed].max() < 0


def test_no_shape_moves_faster_than_a_face():
    text = "h a l o dh eh r m a m a p a p a s t r ih ng s f ae b o u b i w aa t"
    weights = articulate(spoken(text, 0.09), 4.0, 60)
    speed = np.abs(np.diff(weights, axis=0)) * 60
    assert np.percentile(speed[:, ARKIT_52.index("jawOpen")], 99) <= 6.4
    assert np.percentile(speed[:, ARKIT_52.index("mouthFunnel")], 99) <= 5.0
    assert np.percentile(speed[:, ARKIT_52.index("mouthPucker")], 99) <= 6.0


def test_smoothing_and_mumbling_move_less():
    text = spoken("a t i s o k aa d e n u l ae t i", 0.08)

    def moved(**wishes):
        return np.abs(np.diff(column(articulate(text, 2.0, 60, settings=MouthSettings(**wishes)), "jawOpen"))).sum()

    assert moved(smoothing=1.0) < 0.9 * moved(smoothing=0.0)
    assert moved(articulation=0.3) < 0.7 * moved() < 0.7 * moved(articulation=1.6)
    assert moved(jaw=0.0) == 0 < moved(jaw=0.5) < moved()


def test_lead_and_lag():
    text = spoken("a p a")
    early, late = (articulate(text, 1.2, 100, settings=MouthSettings(lead_ms=ms)) for ms in (100, -100))
    np.testing.assert_allclose(early[20:60], articulate(text, 1.2, 100)[30:70], atol=1e-9)
    np.testing.assert_allclose(late[40:80], articulate(text, 1.2, 100)[30:70], atol=1e-9)


def test_a_louder_and_a_more_effortful_voice_opens_the_jaw_further():
    text = spoken("t a t a t a t a", 0.12)
    loud = np.repeat([-30.0, -20.0], 50)
    jaw = column(articulate(text, 1.5, 60, loudness=loud), "jawOpen")
    assert jaw[:45].max() < 0.9 * jaw[45:].max()
    soft, hard = (column(articulate(text, 1.5, 60, effort=[e]), "jawOpen").max() for e in (0.1, 0.9))
    assert soft < 0.8 * hard
    np.testing.assert_allclose(articulate(text, 1.5, 60, loudness=[np.nan, -3]), articulate(text, 1.5, 60), atol=0.2)


def test_stepped_poses_are_held_and_still_close():
    text = spoken("h a l o m a m a p i s", 0.07)
    wishes = MouthSettings(stepped=True, hold_ms=80)
    weights = articulate(text, 1.5, 24, settings=wishes)
    jumps = np.flatnonzero(np.abs(np.diff(weights, axis=0)).max(1) > 1e-6)
    assert len(jumps) < 0.7 * len(weights) and missed(weights, text, wishes, 24, 1.5) == []


def test_long_recordings_go_in_pieces():
    one = spoken("h a l o m a m a p i s", 0.1).filled(1.5)
    rows = [(k * 1.5 + s, k * 1.5 + e, n) for k in range(60) for s, e, n, _ in one._rows()]
    weights = articulate(Phones.of(rows), 90.0, 60)
    np.testing.assert_allclose(weights[90 * 5 : 90 * 6], weights[90 * 50 : 90 * 51], atol=1e-6)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"jaw": 3}, "jaw must lie within 0 and 2"),
        ({"lead_ms": float("nan")}, "lead_ms"),
        ({"smoothing": -1}, "smooth"),
    ],
)
def test_bad_settings(wishes, sentence):
    with pytest.raises(InputError, match=sentence):
        MouthSettings(**wishes)


def test_settings_of_a_job():
    assert MouthSettings.from_options({"jaw": 0.5, "seed": 3, "lips": None}) == MouthSettings(jaw=0.5)
    assert set(OPTIONS) == set(MouthSettings.__dataclass_fields__)
    for fps in (0, float("nan"), 5000):
        with pytest.raises(InputError, match="frame rate"):
            articulate(Phones.nothing(), 1.0, fps)
    with pytest.raises(InputError, match="length"):
        articulate(Phones.nothing(), float("inf"), 30)


def test_a_table_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[phone."a aa"]\njawOpen = 0.8\npull = { jaw = 3.0 }\n[reach.jaw]\nlead = 0.1\n')
    mine, plain = Poses.read(path), default_poses()
    rows = [PHONES.index("a"), PHONES.index("aa")]
    assert (mine.targets[rows, CHANNELS.index("jawOpen")] == 0.8).all()
    assert (mine.pull[rows, list(GROUPS).index("jaw")] == 3).all() and mine.lead[0] == 0.1
    others = [i for i in range(len(PHONES)) if i not in rows]
    np.testing.assert_array_equal(mine.targets[others], plain.targets[others])
    weights = articulate(spoken("t a t", 0.2), 1.2, 30, poses=mine)
    assert column(weights, "jawOpen").max() > 0.6


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[phone.bla]\njawOpen = 0.1", "no 'bla' among sil"),
        ("[phone.a]\njawopen = 0.1", "no 'jawopen' among jawOpen"),
        ("[phone.a]\njawOpen = 7", "within 0..1"),
        ("[phone.a]\npull = { ear = 1 }", "no 'ear'"),
        ("[reach.jaw]\nlag = 1", "lead or trail"),
        ("[phone.a]\njawOpen = 'x'", "'x'"),
        ("phone = 3", "cannot be used"),
        ("[phone", "is no .toml"),
    ],
)
def test_a_broken_table_says_what_is_wrong(tmp_path, text, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        Poses.read(path)


def test_the_teeth_meet_before_the_lips_do():
    assert TEETH_MEET > CLOSED
