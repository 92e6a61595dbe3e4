# SPDX-License-Identifier: GPL-3.0-or-later
"""A face track in the shape keys of other faces, and as Audio2Face's .json."""

import json

import numpy as np
import pytest
from avanim.rigs.articulation_contacts import aperture
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52, FaceTrack
from avanim.rigs.face_conventions import VISEME, FaceTarget, face_conventions
from avanim.rigs.face_mapping import FaceMap, opening, recognised_face
from hypothesis import given, settings
from hypothesis import strategies as st


def weights_of(**shapes):
    weights = np.zeros((2, 52))
    for shape, value in shapes.items():
        weights[1, ARKIT_52.index(shape)] = value
    return weights


@pytest.mark.parametrize("name", face_conventions())
def test_every_convention_is_known_by_its_names(name):
    targets = face_conventions()[name].targets
    face = recognised_face(list(targets))
    assert face.convention == name and set(face.targets) == set(targets)
    assert min(face.scores.values()) == 1.0


@pytest.mark.parametrize(
    "spelling",
    [
        lambda name: name,
        lambda name: name[0].upper() + name[1:],
        lambda name: name.removesuffix("Left") + "_L" if name.endswith("Left") else name,
        lambda name: f"blendShape1.{name}",
    ],
)
def test_arkit_in_any_spelling(spelling):
    face = recognised_face([spelling(name) for name in ARKIT_52])
    assert face.convention == "arkit" and len(face.targets) == 52
    values = face.values(weights_of(eyeBlinkLeft=0.7))
    assert values[spelling("eyeBlinkLeft")][1] == pytest.approx(0.7) and values[spelling("eyeBlinkRight")][1] == 0


def test_a_scanned_face_of_others(shared_data):
    names = np.load(shared_data / "character/ict_facekit_light/ict_light.npz")["names"]
    face = recognised_face([str(name) for name in names])
    assert face.convention == "arkit" and len(face.targets) >= 53
    values = face.values(weights_of(browInnerUp=0.4, mouthSmileRight=0.9))
    assert values["browInnerUp_L"][1] == values["browInnerUp_R"][1] == pytest.approx(0.4)
    assert values["mouthSmile_R"][1] == pytest.approx(0.9)


@pytest.mark.parametrize("name", ["oculus", "vrm", "vrm0", "mmd"])
def test_a_viseme_s_own_recipe_comes_out_as_that_viseme(name):
    face = recognised_face(list(face_conventions()[name].targets))
    for key, target in face.targets.items():
        if target.kind != VISEME:
            continue
        values = face.values(weights_of(**target.recipe))
        mixes = {k: v[1] for k, v in values.items() if face.targets[k].kind == VISEME}
        assert max(mixes, key=lambda k: mixes[k]) == key and mixes[key] > 0.75
        assert sum(value > 1e-6 for value in mixes.values()) <= 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_no_frame_sums_to_an_open_mouth(seed):
    """Whatever the face does, at most two visemes show it, and all values lie in 0..1."""
    weights = np.random.default_rng(seed).uniform(0, 1, (20, 52))
    for name in ("oculus", "vrm"):
        face = recognised_face(list(face_conventions()[name].targets))
        values = face.values(weights)
        visemes = np.stack([values[key] for key, target in face.targets.items() if target.kind == VISEME])
        assert ((visemes > 1e-6).sum(0) <= 2).all()
        assert all((value >= 0).all() and (value <= 1).all() for value in values.values())


def test_both_eyes_and_one_eye_do_not_add_up():
    face = recognised_face(list(face_conventions()["vrm"].targets))
    values = face.values(weights_of(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
    assert values["blinkLeft"][1] == values["blinkRight"][1] == 1 and values["blink"][1] == 0
    alone = recognised_face(["blink", "aa", "ih", "ou", "ee", "oh"])
    assert alone.values(weights_of(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))["blink"][1] == 1


def test_gains():
    face = recognised_face(list(ARKIT_52)).with_gain("jawOpen", 1.5).with_gain("mouthPucker", 0)
    values = face.values(weights_of(jawOpen=0.4, mouthPucker=0.8))
    assert values["jawOpen"][1] == pytest.approx(0.6) and values["mouthPucker"][1] == 0
    with pytest.raises(InputError):
        face.with_gain("jawOpen", float("nan"))
    with pytest.raises(InputError):
        FaceMap({"x": FaceTarget("shape", {"ears": 1.0})})
    with pytest.raises(InputError, match="known"):
        recognised_face(["Key 1", "Key 2", "Basis"])
    with pytest.raises(InputError):
        recognised_face([])


def test_audio2face_round_trip(tmp_path):
    random = np.random.default_rng(2)
    track = FaceTrack(random.uniform(0, 1, (30, 52)), np.zeros((30, 3)), np.zeros((30, 2)), 60.0)
    track.save(tmp_path / "face.json")
    again = FaceTrack.load(tmp_path / "face.json")
    assert again.fps == 60 and np.abs(again.weights - track.weights).max() < 1e-6
    table = json.loads((tmp_path / "face.json").read_text())
    assert table["numPoses"] == 52 and table["numFrames"] == 30 and table["facsNames"][0] == ARKIT_52[0]
    # Names in capitals, fewer of them, in another order.
    table["facsNames"], table["weightMat"] = ["JawOpen", "EyeBlinkLeft"], [[0.5, 1.5]]
    (tmp_path / "few.json").write_text(json.dumps(table))
    few = FaceTrack.load(tmp_path / "few.json")
    assert few.weights[0, ARKIT_52.index("jawOpen")] == 0.5 and few.weights[0, ARKIT_52.index("eyeBlinkLeft")] == 1
    for text in (
        "", "{", "[]", "{}", '{"weightMat": [[1]]}', '{"weightMat": [[1, 2]], "facsNames": ["jawOpen"]}',
        '{"weightMat": [["a"]], "facsNames": ["jawOpen"]}', '{"weightMat": [], "facsNames": []}',
        '{"weightMat": [[NaN]], "facsNames": ["jawOpen"]}', '{"weightMat": [[1]], "facsNames": ["ears"]}',
    ):  # fmt: skip
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError):
            FaceTrack.load(tmp_path / "bad.json")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["oculus", "vrchat", "vrm", "vrm0", "vroid", "mmd", "rocketbox"]))
def test_closed_lips_stay_closed_in_visemes(seed, name):
    """Whatever the jaw does beneath: where ARKit's lips touch, the mix of visemes parts them no further."""
    weights = np.random.default_rng(seed).uniform(0, 0.6, (40, 52))
    jaw, closed = ARKIT_52.index("jawOpen"), ARKIT_52.index("mouthClose")
    weights[::2, closed] = weights[::2, jaw]
    for shape in ("mouthLowerDown", "mouthUpperUp"):
        for side in ("Left", "Right"):
            weights[::2, ARKIT_52.index(shape + side)] *= 0.1
    face = recognised_face(list(face_conventions()[name].targets))
    values = face.values(weights)
    visemes = {key: target for key, target in face.targets.items() if target.kind == VISEME}
    parts = aperture(np.array([[target.recipe.get(shape, 0) for shape in ARKIT_52] for target in visemes.values()]))
    mixed = np.stack([values[key] for key in visemes], axis=1) @ np.maximum(parts, 0)
    touching = aperture(weights) <= 0.03
    assert touching.sum() >= 10
    assert (mixed[touching] <= np.maximum(aperture(weights)[touching], 0) + 1e-9).all()
    assert mixed[~touching].max() > 0.1


def test_speech_and_raised_brows_are_no_expression():
    face = recognised_face(list(face_conventions()["vrm"].targets))
    spoken = face.values(weights_of(jawOpen=0.5, mouthStretchLeft=0.3, mouthStretchRight=0.3, browInnerUp=0.6))
    assert max(spoken[key][1] for key in ("happy", "angry", "sad", "surprised")) < 1e-6 < 0.3 < spoken["aa"][1]
    happy = face.values(weights_of(**{k: 0.8 * v for k, v in face.targets["happy"].recipe.items()}))
    assert happy["happy"][1] == pytest.approx(0.8, abs=0.01) and max(happy[key][1] for key in ("aa", "ee")) < 0.05


def test_makehuman_s_units():
    face = recognised_face(["$md-asian", "mouth-open", "mouth-corner-puller", "eye-left-closure", "mouth-pursing"])
    assert face.convention == "makehuman" and "$md-asian" not in face.targets
    assert face.values(weights_of(jawOpen=0.5))["mouth-open"][1] == pytest.approx(0.45)
    assert face.values(weights_of(jawOpen=0.5, mouthClose=0.5))["mouth-open"][1] == 0


def test_a_shape_key_of_both_sides_beside_those_of_one():
    face = recognised_face(list(face_conventions()["cc4"].targets))
    values = face.values(weights_of(mouthRollLower=0.4))
    assert values["Mouth_Roll_In_Lower_L"][1] == pytest.approx(0.4) and values["Mouth_Roll_In_Lower"][1] == 0


def test_a_jaw_alone_closes_where_the_lips_do():
    weights = weights_of(jawOpen=0.4, mouthClose=0.4)
    assert opening(weights)[1] == 0
    assert opening(weights_of(jawOpen=0.4))[1] == pytest.approx(0.4)
