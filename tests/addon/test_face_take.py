# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of the face play what the track says, on every mesh that has the shapes, and are one take in the list."""

import dataclasses
import time

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon import api  # noqa: E402
from avanim.avanim_addon.scene import marks  # noqa: E402
from avanim.avanim_addon.scene.axes import bone_axes  # noqa: E402
from avanim.avanim_addon.scene.character import add_character, meshes_of  # noqa: E402
from avanim.avanim_addon.scene.face_take import face_take_steps, write_face_take  # noqa: E402
from avanim.avanim_addon.scene.take import write_take  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.face import ARKIT_52, FaceTrack  # noqa: E402
from avanim.rigs.marks import Marks  # noqa: E402

FPS = 30.0
JAW, BLINK = ARKIT_52.index("jawOpen"), ARKIT_52.index("eyeBlinkLeft")


def talking(frames=90):
    """The jaw opens and shuts, twice a second; the head nods."""
    time = np.arange(frames) / FPS
    weights = np.zeros((frames, 52))
    weights[:, JAW] = 0.5 - 0.5 * np.cos(4 * np.pi * time)
    weights[:, BLINK] = (np.arange(frames) % 30) / 30
    weights[:, ARKIT_52.index("tongueOut")] = 0.3  # the puppet has none
    head = np.stack([0.3 * np.sin(time), 0.2 * time, np.zeros(frames)], axis=1)
    return FaceTrack(weights, head, np.zeros((frames, 2)), FPS)


@pytest.fixture
def ava(fresh_scene, puppet):
    # Two meshes with shapes: a face, and teeth, say.
    teeth = dataclasses.replace(puppet.meshes[0], name="teeth", morphs={"jawOpen": puppet.meshes[0].morphs["jawOpen"]})
    return add_character(dataclasses.replace(puppet, meshes=[*puppet.meshes, teeth]), correctives=False)


def values(ava, shape):
    """What the shape is on each mesh that has it, now."""
    blocks = [mesh.data.shape_keys.key_blocks for mesh in meshes_of(ava)]
    return [block[shape].value for block in blocks if shape in block]


def test_the_face_plays_the_track(fresh_scene, ava):
    track = talking()
    action = write_face_take(ava, track, "talk", {"method": "test", "seed": 4}, frame_start=11)
    assert tracks.is_face(action) and action["avanim_seed"] == 4 and api.takes(ava) == [action]
    for frame in (0, 7, 31, 89):
        fresh_scene.frame_set(11 + frame)
        assert values(ava, "jawOpen") == pytest.approx([track.weights[frame, JAW]] * 2, abs=1e-6)
        assert values(ava, "eyeBlinkLeft") == pytest.approx([track.weights[frame, BLINK]], abs=1e-6)
    names = {part.action.name for part in tracks.parts(ava, tracks.take_tracks(ava)[0])}
    assert names == {"talk", "talk (Ava.Body)", "talk (Ava.Teeth)"}
    fresh_scene.frame_set(400)
    assert values(ava, "jawOpen") == pytest.approx([track.weights[-1, JAW]] * 2, abs=1e-6)


def test_the_head_turns_on_top_of_what_the_body_does(fresh_scene, ava, wild_motion):
    write_take(ava, wild_motion, "wild", frame_start=1)
    fresh_scene.frame_set(31)
    neck, head = (ava.pose.bones[name].matrix.to_3x3() for name in ("neck", "head"))
    before = neck.inverted() @ head
    still = talking()
    nod = FaceTrack(still.weights, np.tile([0.4, 0.0, 0.0], (90, 1)), still.gaze, FPS)
    write_face_take(ava, nod, "nod", frame_start=1)
    fresh_scene.frame_set(31)
    neck, head = (ava.pose.bones[name].matrix.to_3x3() for name in ("neck", "head"))
    turned = before.inverted() @ (neck.inverted() @ head)
    assert turned.to_quaternion().angle == pytest.approx(0.4, abs=1e-4)
    # About the model's X, positive looks down.
    axis = bone_axes(ava, ["head"])[0] @ np.array(turned.to_quaternion().axis)
    np.testing.assert_allclose(axis, [1, 0, 0], atol=1e-3)


def test_keys_by_hand_and_other_takes_are_not_touched(fresh_scene, ava):
    block = meshes_of(ava)[0].data.shape_keys
    block.key_blocks["jawOpen"].keyframe_insert("value", frame=1)
    hand = block.animation_data.action
    first, second = (write_face_take(ava, talking(), "talk") for _ in range(2))
    assert block.animation_data.action == hand and (first.name, second.name) == ("talk", "talk.001")
    assert len(block.animation_data.nla_tracks) == 2


def test_a_face_is_muted_used_and_deleted_as_one_and_beside_the_dance(fresh_scene, ava, wild_motion):
    dance = write_take(ava, wild_motion, "wild")
    first, second = (write_face_take(ava, talking(), f"talk {k}") for k in range(2))
    blocks = [mesh.data.shape_keys for mesh in meshes_of(ava)]
    api.use_only(first, ava)
    assert [track.mute for track in ava.animation_data.nla_tracks] == [False, False, True]
    assert all([track.mute for track in block.animation_data.nla_tracks] == [False, True] for block in blocks)
    api.delete_take(first, ava)
    assert api.takes(ava) == [dance, second] and len(bpy.data.actions) == 1 + 3
    assert all(len(block.animation_data.nla_tracks) == 1 for block in blocks)


def test_phonemes_are_markers_and_re_time_the_face(fresh_scene, ava):
    phonemes = Marks(np.array([0.5, 1.0, 1.5, 2.0]), ("AH", "M", "AH", "T"))
    action = write_face_take(ava, talking(), "talk", marks={"phonemes": phonemes}, frame_start=1)
    assert api.show_markers(action, ava) == 4
    markers = {marker.name: marker for marker in fresh_scene.timeline_markers}
    assert {name: marker.frame for name, marker in markers.items()} == {"AH 1": 16, "M": 31, "AH 2": 46, "T": 61}
    markers["M"].frame += 5
    made = api.retime(action, ava)
    assert marks.kept(made)["phonemes"].labels == ("AH", "M", "AH", "T")
    np.testing.assert_allclose(marks.kept(made)["phonemes"].times, [0.5, 1 + 5 / 30, 1.5, 2.0], atol=1e-6)
    track = talking()
    fresh_scene.frame_set(36)
    # What was heard at 1 s (frame 30 of the track) is seen five frames later, on all meshes; nothing moves elsewhere.
    assert values(ava, "jawOpen") == pytest.approx([track.weights[30, JAW]] * 2, abs=1e-5)
    assert values(ava, "eyeBlinkLeft") == pytest.approx([track.weights[30, BLINK]], abs=1e-5)
    fresh_scene.frame_set(80)
    assert values(ava, "jawOpen") == pytest.approx([track.weights[79, JAW]] * 2, abs=1e-5)
    assert [track.mute for track in tracks.take_tracks(ava)] == [True, False]


@pytest.mark.parametrize("ending", [".csv", ".npz"])
@pytest.mark.parametrize("eyes", ["bones", "shapes"])
def test_a_face_comes_out_as_it_went_in(fresh_scene, puppet, tmp_path, ending, eyes):
    """Head and gaze too, whether the eyes turn by bones or by shape keys."""
    body = dict(puppet.meshes[0].morphs)
    if eyes == "shapes":
        body["eyeLookUpLeft"] = body["jawOpen"]
    mesh = dataclasses.replace(puppet.meshes[0], morphs=body)
    ava = add_character(dataclasses.replace(puppet, meshes=[mesh]), correctives=False)
    if eyes == "bones":
        bpy.ops.object.mode_set(mode="EDIT")
        for side, place in (("left", 0.04), ("right", -0.04)):
            eye = ava.data.edit_bones.new(f"{side}_eye")
            eye.parent = ava.data.edit_bones["head"]
            eye.head, eye.tail = (place, -0.1, 1.6), (place, -0.15, 1.62)
        bpy.ops.object.mode_set(mode="OBJECT")
    track = talking(40)
    weights = track.weights * np.isin(np.arange(52), [JAW, BLINK])
    wild = np.random.default_rng(3).normal(0, 0.3, (40, 5))
    track = FaceTrack(weights, wild[:, :3], wild[:, 3:], FPS)
    track.save(tmp_path / f"in{ending}")
    api.import_face(tmp_path / f"in{ending}", ava, frame_start=7)
    out = api.export_face(tmp_path / f"out{ending}", ava, frame_range=(7, 46))
    again = FaceTrack.load(tmp_path / f"out{ending}", fps=FPS)
    for written in (out, again):
        for name in ("weights", "head", "gaze"):
            np.testing.assert_allclose(getattr(written, name), getattr(track, name), atol=1e-3, err_msg=name)


def test_the_heads_turn_in_a_dance_is_written_with_the_face(fresh_scene, ava, wild_motion, tmp_path):
    write_take(ava, wild_motion, "wild", frame_start=1)
    out = api.export_face(tmp_path / "out.npz", ava, frame_range=(1, 20))
    assert np.abs(out.head).max() > 0.1 and np.abs(out.gaze).max() == 0


@pytest.mark.parametrize("ending", [".csv", ".npz"])
def test_a_recording_is_imported(fresh_scene, ava, tmp_path, ending):
    talking().save(tmp_path / f"face{ending}")
    action = api.import_face(tmp_path / f"face{ending}", ava, frame_start=5, fps=60)
    assert action.name == "face" and action["avanim_frames"] == 180 and action["avanim_frame_start"] == 5
    fresh_scene.frame_set(5 + 2 * 40)
    assert values(ava, "jawOpen") == pytest.approx([talking().weights[40, JAW]] * 2, abs=1e-5)
    with pytest.raises(InputError, match="no file"):
        api.import_face(tmp_path / "none.csv", ava)


def test_says_in_one_sentence_why_a_face_cannot_move(fresh_scene, ava, puppet):
    block = meshes_of(ava)[1].data.shape_keys
    block.key_blocks["jawOpen"].driver_add("value").driver.expression = "0.5"
    with pytest.raises(InputError, match=r"The shape key jawOpen of Ava\.\w+ is driven .*remove the drivers"):
        write_face_take(ava, talking(), "talk")
    block.driver_remove('key_blocks["jawOpen"].value')
    write_face_take(ava, talking(), "talk")
    plain = dataclasses.replace(puppet.meshes[0], morphs={})
    faceless = add_character(dataclasses.replace(puppet, meshes=[plain]), correctives=False)
    with pytest.raises(InputError, match="no mesh with ARKit's shape keys"):
        write_face_take(faceless, talking(), "talk")


def test_an_unfinished_face_leaves_nothing(fresh_scene, ava):
    steps = face_take_steps(ava, talking(), "talk")
    for _ in range(2):
        next(steps)
    assert len(bpy.data.actions) == 3 and ava.animation_data is None
    steps.close()
    assert len(bpy.data.actions) == 0


def test_a_minute_is_written_in_under_a_second(ava):
    random = np.random.default_rng(0)
    track = FaceTrack(random.random((1800, 52)), np.zeros((1800, 3)), np.zeros((1800, 2)), FPS)
    began = time.process_time()
    write_face_take(ava, track, "long")
    assert time.process_time() - began < 1.0
