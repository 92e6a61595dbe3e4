# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes say exactly what the motion says, quickly, and leave everything else alone."""

import dataclasses
import json
import time

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.scene.axes import to_blender  # noqa: E402
from avanim.avanim_addon.scene.character import add_character  # noqa: E402
from avanim.avanim_addon.scene.take import read_take, write_take  # noqa: E402
from avanim.rigs.characters import load_character  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.rotation import matrix_from_axis_angle  # noqa: E402

pytestmark = pytest.mark.usefixtures("fresh_scene")


@pytest.fixture
def ava(fresh_scene, puppet):
    return add_character(puppet, correctives=False)


def curve_values(action):
    return {
        (curve.data_path, curve.array_index): [tuple(point.co) for point in curve.keyframe_points]
        for curve in actions.curves(action)
    }


def test_joints_stand_where_forward_kinematics_puts_them(fresh_scene, ava, puppet, wild_motion):
    write_take(ava, wild_motion, "wild")
    expected, _ = puppet.rest().forward(wild_motion.poses, wild_motion.trans)
    for frame in (0, 31, 59):
        fresh_scene.frame_set(fresh_scene.frame_start + frame)
        heads = np.array([ava.pose.bones[joint].head for joint in wild_motion.rig.joints])
        assert np.abs(heads - to_blender(expected[frame])).max() < 1e-5


def test_round_trip(ava, wild_motion):
    back = read_take(ava, write_take(ava, wild_motion, "wild"))
    assert (len(back), back.fps, back.skeleton) == (len(wild_motion), 30.0, "smpl24")
    assert np.abs(back.trans - wild_motion.trans).max() < 1e-6
    assert np.abs(matrix_from_axis_angle(back.poses) - matrix_from_axis_angle(wild_motion.poses)).max() < 1e-5


def test_a_body_motion_fits_the_body_with_fingers_and_back(fresh_scene, wild_motion):
    character = load_character("neutral", "smplx55")
    armature = add_character(dataclasses.replace(character, meshes=[]))
    fingers = {name: tuple(armature.pose.bones[name].rotation_quaternion) for name in ("left_index1", "right_ring2")}
    assert any(quaternion != (1, 0, 0, 0) for quaternion in fingers.values()), "hands are at ease"
    action = write_take(armature, wild_motion, "wild")
    back = read_take(armature, action)
    shared = [index for index, joint in enumerate(wild_motion.rig.joints) if not joint.endswith("_hand")]
    difference = matrix_from_axis_angle(back.poses) - matrix_from_axis_angle(wild_motion.poses)
    assert np.abs(difference[:, shared]).max() < 1e-5
    fresh_scene.frame_set(20)
    assert fingers == {name: tuple(armature.pose.bones[name].rotation_quaternion) for name in fingers}


def test_quaternions_never_jump(ava):
    turns = np.zeros((200, 24, 3))
    turns[:, 0, 1] = np.linspace(0, 30, 200)
    action = write_take(ava, Motion(turns, np.zeros((200, 3)), 30.0), "spin")
    channels = [
        [value for _, value in points]
        for (path, _), points in sorted(curve_values(action).items())
        if path == 'pose.bones["pelvis"].rotation_quaternion'
    ]
    quaternions = np.array(channels).T
    assert quaternions.shape == (200, 4)
    assert ((quaternions[1:] * quaternions[:-1]).sum(1) > 0.9).all()


def test_existing_keys_and_takes_are_not_touched(ava, wild_motion):
    ava.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=5)
    hand = ava.animation_data.action
    by_hand = curve_values(hand)
    first = write_take(ava, wild_motion, "song")
    before = curve_values(first)
    second = write_take(ava, wild_motion, "song")
    assert (first.name, second.name) == ("song", "song.001")
    assert ava.animation_data.action == hand and curve_values(hand) == by_hand
    assert curve_values(first) == before
    tracks = ava.animation_data.nla_tracks
    assert [track.strips[0].action for track in tracks] == [first, second]
    assert [track.name for track in tracks] == ["song", "song.001"]
    assert not any(track.mute for track in tracks)


def test_what_made_a_take_is_kept_on_it(ava, wild_motion):
    settings = {"method": "melody", "seed": 3, "audio": "a.wav", "style": "salsa", "bpm": 120.0}
    action = write_take(ava, wild_motion, "song", settings)
    assert (action["avanim_method"], action["avanim_seed"], action["avanim_audio"]) == ("melody", 3, "a.wav")
    assert json.loads(action["avanim_settings"]) == settings
    assert action.use_fake_user


def test_keys_follow_the_scene_s_rate_and_first_frame(fresh_scene, ava, wild_motion):
    fresh_scene.render.fps, fresh_scene.render.fps_base, fresh_scene.frame_start = 24, 1.001, 101
    action = write_take(ava, wild_motion, "film")
    frames = [frame for frame, _ in next(iter(curve_values(action).values()))]
    assert frames[0] == 101 and len(frames) == round(2.0 * 24 / 1.001)
    assert np.array_equal(np.diff(frames), np.ones(len(frames) - 1))
    strip = ava.animation_data.nla_tracks[0].strips[0]
    assert (strip.frame_start, strip.action_frame_start) == (101, 101)
    assert abs(read_take(ava, action).fps - 24 / 1.001) < 1e-5


def test_a_minute_is_written_in_under_a_second(ava):
    random = np.random.default_rng(0)
    motion = Motion(random.normal(0, 0.1, (1800, 24, 3)), np.zeros((1800, 3)), 30.0)
    # Of the processor, so that a busy machine does not matter.
    began = time.process_time()
    write_take(ava, motion, "long")
    assert time.process_time() - began < 1.0
