# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on rigs of the user's own are worked on as AVAnim's characters' are: made anew in part, pinned, re-timed."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")
pytest.importorskip("torch", reason="the models need it, which this Python lacks")

from avanim.avanim_addon import api  # noqa: E402
from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.dance import choreography  # noqa: E402
from avanim.avanim_addon.scene import foreign, source_motion, take  # noqa: E402
from avanim.avanim_addon.scene.sample_armature import add_sample_armature  # noqa: E402
from avanim.models.audio import save_wav  # noqa: E402
from avanim.models.audio.composer import compose  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.retarget import Wishes  # noqa: E402
from avanim.rigs.sample_rig import sample_rig  # noqa: E402


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "song.wav"
    save_wav(compose("pop", bpm=120, bars=4, seed=2, rate=22050).sound, path)
    return path


def rig(mode="QUATERNION", convention="mixamo"):
    armature = add_sample_armature(sample_rig(convention, drop=45, fingers=False))
    for bone in armature.pose.bones:
        bone.rotation_mode = mode
    foreign.map_bones(armature)
    return armature


def values(action):
    """By path and index, the keys' values on every frame of the take."""
    frames = action["avanim_frame_start"] + np.arange(action["avanim_frames"])
    return {
        (curve.data_path, curve.array_index): np.array([curve.evaluate(frame) for frame in frames])
        for curve in actions.curves(action)
    }


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
def test_a_range_is_made_anew(fresh_scene, song, mode):
    """The other frames stay to the bit, and the new ones go over into them without a jump."""
    bpy.context.scene.render.fps = 30
    armature = rig(mode)
    old = api.generate_dance(song, armature, seconds=6)
    made = api.regenerate(old, 61, 120, armature, seed=7)
    assert armature.animation_data.nla_tracks[0].mute and made["avanim_seed"] == old["avanim_seed"]
    before, after = values(old), values(made)
    assert before.keys() == after.keys()
    changed = 0.0
    for path, keys in before.items():
        assert np.array_equal(keys[:60], after[path][:60]) and np.array_equal(keys[120:], after[path][120:]), path
        changed = max(changed, np.abs(keys[75:105] - after[path][75:105]).max())
        steps = np.abs(np.diff(after[path][55:126])).max(initial=0)
        if not path[0].endswith("quaternion"):
            assert steps < 2.5 * max(np.abs(np.diff(keys)).max(), np.abs(np.diff(after[path][62:119])).max()), path
    assert changed > 0.1
    motion, _ = source_motion.kept(made)
    assert len(motion) == made["avanim_frames"]
    again = api.regenerate(made, 1, 40, armature, seed=8)
    assert np.array_equal(values(again)[next(iter(before))][45:], after[next(iter(before))][45:])


def test_only_the_chosen_bones(fresh_scene, song):
    armature = rig()
    old = api.generate_dance(song, armature, seconds=4)
    made = api.regenerate(old, 20, 80, armature, joints=["LeftArm", "LeftForeArm"], seed=5)
    before, after = values(old), values(made)
    moved = {
        path.split('"')[1] for (path, index), keys in before.items() if not np.array_equal(keys, after[path, index])
    }
    assert moved and moved <= {"LeftArm", "LeftForeArm"}
    armature.data.bones["Head"].name = "Cap"
    with pytest.raises(InputError, match="plays a joint"):
        api.regenerate(old, 20, 80, armature, joints=["nothing"], seed=5)


def test_rigs_whose_takes_say_nothing(fresh_scene, song):
    armature = rig()
    old = api.generate_dance(song, armature, seconds=3)
    del old["avanim_motion"]
    with pytest.raises(InputError, match="does not hold the motion"):
        api.regenerate(old, 20, 40, armature, seed=5)
    old["avanim_motion"] = "{}"
    with pytest.raises(InputError, match="damaged"):
        take.read_take(armature, old)


def test_another_seed_and_a_pinned_pose(fresh_scene, song):
    """The pose that was pinned is the one in which the next dance finds the rig, on that frame."""
    armature = rig(convention="unreal5")
    first = api.generate_dance(song, armature, seconds=5)
    other = api.repeat(first, armature, seed=99)
    assert any(not np.array_equal(keys, values(other)[path]) for path, keys in values(first).items())
    api.use_only(first, armature)
    scene = bpy.context.scene
    scene.frame_set(50)

    def pose():
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
        names = ["pelvis", "upperarm_l", "lowerarm_r", "thigh_l", "calf_r", "foot_l", "head"]
        return np.array([posed[name].matrix for name in names])

    pinned = pose()
    poses = choreography.posed(armature)
    pins = [{"frame": 50, "poses": poses.poses[0].tolist(), "trans": poses.trans[0].tolist()}]
    made = api.generate_dance(song, armature, seconds=5, seed=5, controls={"pins": pins}, frame_start=1)
    api.use_only(made, armature)
    scene.frame_set(50)
    now = pose()
    turned = [np.degrees(np.arccos(np.clip((np.trace(a[:3, :3].T @ b[:3, :3]) - 1) / 2, -1, 1)))
              for a, b in zip(pinned, now, strict=True)]  # fmt: skip
    print("pinned within", np.round(turned, 2), "degrees,", np.abs(now - pinned)[:, :3, 3].max(), "m")
    assert max(turned) < 3 and np.abs(now - pinned)[:, :3, 3].max() < 0.02


def test_pins_need_controls_that_can_be_read(fresh_scene):
    armature = rig()
    assert choreography.posed(armature).skeleton == "smpl24"
    armature.data.bones["LeftUpLeg"].name = "gone"
    with pytest.raises(InputError, match="left hip"):
        choreography.posed(armature)


def test_retimed_takes_keep_what_they_were_made_of(fresh_scene):
    armature = rig()
    time = np.arange(60) / 30
    poses = np.zeros((60, 24, 3))
    poses[:, 16, 2] = np.sin(3 * time)
    motion = Motion(poses, np.tile([0, 1.2, 0.0], (60, 1)), 30.0)
    bpy.context.scene.render.fps = 30
    action = take.write_take(armature, motion, "wave")
    assert np.abs(take.read_take(armature, action).poses - poses).max() < 1e-6
    made = api.retime(action, armature, was=[0.5], now=[0.8])
    moved = take.read_take(armature, made)
    assert moved.poses[24, 16, 2] == pytest.approx(np.sin(1.5), abs=0.01)


def test_the_studio_sees_all_of_it(fresh_scene, song):
    from bpy_extras.object_utils import world_to_camera_view

    for convention, controls in (("mixamo", "fk"), ("cmu_bvh", "fk")):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        armature = rig(convention=convention)
        foreign.keep_wishes(armature, Wishes(controls=controls))
        api.generate_dance(song, armature, seconds=3)
        camera = api.add_studio(armature)
        scene = bpy.context.scene
        assert scene.camera == camera
        for frame in (scene.frame_start, 45, scene.frame_end):
            scene.frame_set(frame)
            posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
            for bone in posed.pose.bones:
                x, y, depth = world_to_camera_view(scene, camera, posed.matrix_world @ bone.head)
                assert 0 < x < 1 and 0 < y < 1 and depth > 0, (convention, bone.name)
