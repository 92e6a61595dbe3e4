# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from avanim.rigs.articulation import articulate
from avanim.rigs.emotion import EMOTIONS, combine, express, felt, pose, read_curve, suggest
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52, FaceTrack
from avanim.rigs.face_life import live
from avanim.rigs.face_regions import REGIONS, merged, shapes_of
from hypothesis import given
from hypothesis import strategies as st

from .speech import rates, sequences, settings
from .test_articulation import column, missed, spoken

mixes = st.dictionaries(st.sampled_from(list(EMOTIONS)), st.floats(0, 1.5), max_size=3)
curves = st.lists(st.tuples(st.floats(0, 3), mixes), max_size=4).map(lambda keys: sorted(keys, key=lambda key: key[0]))


@given(sequences(), rates, settings, curves, st.integers(0, 3))
def test_no_emotion_and_no_breath_breaks_a_contact(phones, fps, wishes, curve, seed):
    seconds = phones.seconds + 0.2
    mouth = articulate(phones, seconds, fps, settings=wishes)
    life, _, _ = live(phones, seconds, fps, seed=seed, breath=2.0)
    whole = combine(mouth, life, express(curve, seconds, fps), phones=phones, fps=fps, settings=wishes)
    assert whole.shape == mouth.shape and whole.min() >= 0 and whole.max() <= 1
    assert missed(whole, phones, wishes, fps, seconds) == []


def test_emotion_shows_between_the_contacts():
    phones = spoken("t a m a t a", 0.15)
    mouth = articulate(phones, 1.6, 60)
    happy = combine(mouth, None, express([(0, {"happy": 1.0})], 1.6, 60), phones=phones, fps=60)
    assert (column(happy, "mouthSmileLeft") - column(mouth, "mouthSmileLeft")).min() > 0.3
    wide = combine(mouth, None, express([(0, {"surprised": 1.0})], 1.6, 60), phones=phones, fps=60)
    assert column(wide, "jawOpen")[:10].min() > 0.1, "a jaw that drops in silence"
    assert (column(wide, "browInnerUp") > 0.6).all()


def test_mixes_go_over_into_each_other():
    curve = [(1.0, {"happy": 1.0}), (2.0, {"sad": 0.5, "afraid": 0.5})]
    shown = express(curve, 3.0, 10)
    np.testing.assert_allclose(shown[0], pose({"happy": 1}))
    np.testing.assert_allclose(shown[15], (pose({"happy": 1}) + pose({"sad": 0.5, "afraid": 0.5})) / 2)
    np.testing.assert_allclose(shown[29], pose({"sad": 0.5, "afraid": 0.5}))
    assert not express([], 1.0, 30).any() and not express([(0, {"neutral": 1.0})], 1.0, 30).any()


def test_curves_add_up_by_their_amounts():
    happy, sad = [(0.0, {"happy": 1.0})], [[0.0, {"sad": 0.5}]]
    made = felt([(happy, 0.5), (sad, 1.0), ([], 1.0)], 1.0, 10)
    np.testing.assert_allclose(made[4], 0.5 * pose({"happy": 1.0}) + pose({"sad": 0.5}))
    assert felt([([], 1.0), (happy, 0.0)], 1.0, 10) is None


def test_every_emotion_has_its_own_face():
    poses = np.stack([pose({name: 1.0}) for name in EMOTIONS if name != "neutral"])
    alike = poses @ poses.T / np.outer(*[np.linalg.norm(poses, axis=1)] * 2)
    assert (alike - np.eye(len(poses))).max() < 0.8 and poses.max() <= 1


def test_curves_as_text():
    assert read_curve("happy") == [(0.0, {"happy": 1.0})]
    assert read_curve("2.5: sad 0.4 + afraid 0.2; 0: Neutral") == [
        (0.0, {"neutral": 1.0}),
        (2.5, {"sad": 0.4, "afraid": 0.2}),
    ]
    for text in ("glad", "happy 9", "x: happy", "happy much"):
        with pytest.raises(InputError):
            read_curve(text)
    with pytest.raises(InputError, match="ascending"):
        express([(1, {}), (0, {})], 1.0, 30)


def test_suggestions_follow_the_voice():
    rng = np.random.default_rng(0)
    f0 = 120 * np.exp(rng.normal(0, 0.05, 3000))
    loud = rng.normal(-25, 3, 3000)
    f0[500:1000] *= 2 ** (4 / 12) * np.exp(rng.normal(0, 0.25, 500))  # high and lively
    loud[500:1000] += 4
    f0[2000:2500] = 90 * np.exp(rng.normal(0, 0.01, 500))  # low and level, quiet
    loud[2000:2500] -= 9
    curve = suggest(f0, loud, 30.0)
    named = {round(time, 2): next(iter(mix)) for time, mix in curve}
    assert len(curve) == 12 and all(0 <= a <= 1 for _, mix in curve for a in mix.values())
    assert named[6.25] in ("happy", "surprised") and named[21.25] == "sad"
    assert [named[t] for t in (13.75, 16.25)] == ["neutral"] * 2
    express(curve, 30.0, 24)


@pytest.mark.parametrize("f0", [np.zeros(500), np.full(500, np.nan), np.full(500, 120.0), np.zeros(0)])
def test_a_voice_that_tells_nothing_is_neutral(f0):
    assert {name for _, mix in suggest(f0, np.full(500, -30.0), 10.0) for name in mix} == {"neutral"}


def flat(value, count=20, fps=20.0):
    return FaceTrack(np.full((count, 52), value), np.full((count, 3), value), np.full((count, 2), value), fps)


def test_regions_share_the_face():
    assert (shapes_of(["upper"]) ^ shapes_of(["lower"])).all() and shapes_of(["all"]).all()
    assert (shapes_of(["brows", "eyes", "cheeks"]) == shapes_of(["upper"])).all()
    assert (shapes_of(["jaw", "mouth", "tongue"]) == shapes_of(["lower"])).all()
    made = merged(flat(0.8), flat(0.2, 10, 10.0), ["lower", "head"])
    jaw, brow = ARKIT_52.index("jawOpen"), ARKIT_52.index("browInnerUp")
    assert (made.weights[:, jaw] == 0.8).all() and np.allclose(made.weights[:, brow], 0.2)
    assert (made.head == 0.8).all() and np.allclose(made.gaze, 0.2)
    faded = merged(flat(0.8), flat(0.2), ["all"], fade=0.2)
    assert np.allclose(faded.weights[[0, -1]], 0.2) and np.allclose(faded.weights[10], 0.8)
    with pytest.raises(InputError, match="no region 'chin'"):
        merged(flat(0.8), flat(0.2), ["chin"])
    with pytest.raises(InputError, match="no frames"):
        merged(flat(0.8), flat(0.2, 0), ["all"])
    assert "gaze" in REGIONS
