# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which: by name, by shape, and what is said where it cannot be told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from avanim.rigs.bone_mapping import BoneMap, recognised
from avanim.rigs.bone_structure import inferred_bones
from avanim.rigs.conventions import ROLES, conventions
from avanim.rigs.errors import InputError
from avanim.rigs.rig_shape import RigShape, facing
from avanim.rigs.rotation import matrix_from_axis_angle
from avanim.rigs.sample_rig import sample_rig
from hypothesis import given, settings
from hypothesis import strategies as st

BODY = ROLES[1:23]
JAPANESE = {
    "pelvis": "下半身", "spine1": "上半身", "spine3": "上半身2", "neck": "首", "head": "頭", "left_collar": "左肩",
    "left_shoulder": "左腕", "left_elbow": "左ひじ", "left_wrist": "左手首", "left_hip": "左足", "left_knee": "左ひざ",
    "left_ankle": "左足首", "left_foot": "左つま先",
}  # fmt: skip


@pytest.mark.parametrize("name", conventions())
def test_every_convention_is_known_by_its_names(name):
    prefix = {"mixamo": "mixamorig:", "smpl": "m_avg_"}.get(name, "")
    shape = sample_rig(name, drop=45, prefix=prefix)
    bones = recognised(shape)
    assert bones.convention == name
    assert bones.bones == {role: prefix + bone for role, bone in conventions()[name].bones.items()}
    assert set(bones.scores) == set(bones.bones) and min(bones.scores.values()) >= 0.9


@pytest.mark.parametrize("name", ["mixamo", "unreal4", "vrm", "rokoko", "cc4", "biped", "smpl"])
@pytest.mark.parametrize("drop", [0, 45])
def test_shape_alone_tells_the_bones(name, drop):
    shape = sample_rig(name, drop=drop)
    nameless = replace(shape, names=tuple(f"骨{at}" for at in range(len(shape))))
    bones = recognised(nameless)
    expected = conventions()[name].bones
    assert bones.convention == ""
    for role in BODY:
        if role in expected:
            assert bones.bones.get(role) == f"骨{shape.index(expected[role])}", role
    for role, bone in expected.items():
        if role[-1].isdigit() and not role.startswith("spine"):
            assert bones.bones.get(role) == f"骨{shape.index(bone)}", role
    assert max(bones.scores.values()) < 0.8


def test_names_in_japanese():
    shape = sample_rig("mixamo", fingers=False)
    to_ours = {bone: role for role, bone in conventions()["mixamo"].bones.items()}
    words = JAPANESE | {
        role.replace("left", "right"): word.replace("左", "右") for role, word in JAPANESE.items() if "left" in role
    }
    renamed = replace(shape, names=tuple(words.get(to_ours[name], name) for name in shape.names))
    bones = recognised(renamed)
    for role, word in words.items():
        assert bones.bones[role] == word


@settings(max_examples=20, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.01, 100), st.sampled_from(["mixamo", "unreal5", "rigify_metarig"]))
def test_where_it_faces_and_how_large_it_is_do_not_matter(yaw, size, name):
    shape = sample_rig(name, drop=30).turned(matrix_from_axis_angle(np.array([0, yaw, 0])), size)
    bones = recognised(replace(shape, names=tuple(f"b{at}" for at in range(len(shape)))))
    named = recognised(shape)
    for role in ("pelvis", "left_knee", "right_knee", "left_elbow", "right_wrist", "left_ankle"):
        assert bones.bones[role] == f"b{shape.index(named.bones[role])}"
    # The frame in which it faces forward is a rotation, and undoes the turn.
    turn = facing(shape, named.bones)
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) > 0
    upright = shape.turned(turn)
    left = (
        upright.heads[upright.index(named.bones["left_hip"])] - upright.heads[upright.index(named.bones["right_hip"])]
    )
    assert left[0] > 0.98 * np.linalg.norm(left)


def test_scores_tell_what_looks_wrong():
    shape = sample_rig("mixamo")
    names = list(shape.names)
    a, b = names.index("LeftHand"), names.index("RightHand")
    names[a], names[b] = names[b], names[a]
    bones = recognised(replace(shape, names=tuple(names)))
    assert bones.scores["left_wrist"] < 0.5 and bones.scores["right_wrist"] < 0.5 and bones.scores["head"] > 0.9


def test_what_is_no_humanoid():
    shape = sample_rig("mixamo", fingers=False)
    kept = [at for at, name in enumerate(shape.names) if "Leg" not in name and "Foot" not in name and "Toe" not in name]
    column = {at: number for number, at in enumerate(kept)}
    no_legs = RigShape(
        tuple(shape.names[at] for at in kept),
        tuple(column.get(shape.parents[at], -1) for at in kept),
        shape.heads[kept],
        shape.tails[kept],
        shape.axes[kept],
    )
    with pytest.raises(InputError, match="lacks: left hip"):
        recognised(no_legs)
    nameless = replace(no_legs, names=tuple(f"b{at}" for at in range(len(no_legs))))
    with pytest.raises(InputError, match="no two legs"):
        recognised(nameless)
    chain = RigShape(
        tuple(f"b{at}" for at in range(9)),
        tuple(range(-1, 8)),
        np.arange(9)[:, None] * [0.0, 0.1, 0],
        np.arange(9)[:, None] * [0.0, 0.1, 0],
        np.tile(np.eye(3), (9, 1, 1)),
    )
    with pytest.raises(InputError):
        inferred_bones(chain)
    with pytest.raises(InputError, match="only 1 bones"):
        recognised(RigShape(("a",), (-1,), np.zeros((1, 3)), np.zeros((1, 3)), np.eye(3)[None]))
    points = replace(shape, heads=np.zeros_like(shape.heads))
    with pytest.raises(InputError):
        facing(points, recognised(shape).bones)


def test_a_scheme_is_kept(tmp_path):
    bones = recognised(sample_rig("unreal5"))
    path = tmp_path / "scheme.json"
    bones.save(path)
    assert BoneMap.load(path) == bones
    for text in ("", "{", "[]", '{"bones": 3}', json.dumps({"bones": {"tail": "x"}})):
        path.write_text(text)
        with pytest.raises(InputError):
            BoneMap.load(path)
