# SPDX-License-Identifier: GPL-3.0-or-later
"""Instruments stand where hands are."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from avanim.avanim_addon.scene.character import add_character  # noqa: E402
from avanim.avanim_addon.scene.instrument import add_instrument  # noqa: E402
from avanim.avanim_addon.scene.take import write_take  # noqa: E402
from avanim.rigs.characters import load_character  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.playing import Note, play_piano, play_violin  # noqa: E402


@pytest.fixture(scope="module")
def rest():
    try:
        return load_character("neutral", "smplx55").rest()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture
def armature(rest):
    bpy.ops.wm.read_homefile(use_empty=True)
    return add_character("neutral", "smplx55", correctives=False)


def vertices(obj):
    """(V, 3) m in the world, as posed now."""
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points = np.empty((len(mesh.vertices), 3))
    mesh.vertices.foreach_get("co", points.ravel())
    return points @ np.array(obj.matrix_world.to_3x3()).T + np.array(obj.matrix_world.translation)


def fingertip(armature, finger):
    bone = armature.pose.bones[f"{finger}3"]
    before = armature.data.bones[f"{finger}2"]
    length = 0.95 * (bone.bone.head_local - before.head_local).length
    return np.array(armature.matrix_world @ (bone.head + (bone.tail - bone.head).normalized() * length))


def test_a_pianist_s_finger_is_on_the_keyboard_s_key(armature, rest):
    (piano, bench) = add_instrument("piano", armature)
    write_take(armature, play_piano([Note(0.5, 1.0, 76, hand="right")], rest, 30.0), "piece", frame_start=0, fps=30.0)
    bpy.context.scene.frame_set(24)
    keys = vertices(piano)
    nearest = min(np.linalg.norm(keys - fingertip(armature, f"right_{f}"), axis=-1).min()
                  for f in ("thumb", "index", "middle", "ring", "pinky"))  # fmt: skip
    assert nearest < 0.03  # the key's nearest corner
    hips = np.array(armature.matrix_world @ armature.pose.bones["left_hip"].head)
    assert 0.05 < hips[2] - vertices(bench)[:, 2].max() < 0.2
    assert vertices(piano)[:, 2].min() == pytest.approx(0, abs=0.01)


def test_violin_and_bow_follow_chest_and_hand_and_meet(armature, rest):
    violin, bow = add_instrument("violin", armature)
    write_take(armature, play_violin([Note(0.5, 1.5, 69)], rest, 30.0), "piece", frame_start=0, fps=30.0)
    gaps = []
    for frame in (20, 40, 55):
        bpy.context.scene.frame_set(frame)
        stick, body = vertices(bow), vertices(violin)
        # The bow is two long rods: the nearest point of their axis to the violin's strings.
        a, b = stick[np.argmin(stick @ (stick[0] - stick[-1]))], stick[np.argmax(stick @ (stick[0] - stick[-1]))]
        share = np.clip((body - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        gaps.append(np.linalg.norm(body - (a + share[:, None] * (b - a)), axis=-1).min())
    # The hair meets the strings 36 mm from the bridge, whose corners are the nearest vertices.
    assert max(gaps) < 0.036
    chin = np.array(armature.matrix_world @ armature.pose.bones["jaw"].tail)
    assert np.linalg.norm(vertices(violin) - chin, axis=-1).min() < 0.15


def test_the_same_instrument_is_not_added_twice_and_fingers_are_needed(armature):
    assert add_instrument("piano", armature) == add_instrument("piano", armature)
    with pytest.raises(InputError, match="harp"):
        add_instrument("harp", armature)
    plain = add_character("neutral", "smpl24", correctives=False)
    with pytest.raises(InputError, match="no fingers"):
        add_instrument("violin", plain)
