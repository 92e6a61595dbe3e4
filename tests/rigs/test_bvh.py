# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files: written for others, read from others, and refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.bvh import load_bvh, save_bvh
from avanim.rigs.errors import InputError
from avanim.rigs.motion import Motion
from avanim.rigs.skeleton import SKELETONS, SMPL24, Rest
from hypothesis import given, settings
from hypothesis import strategies as st


def motion(frames: int = 30, spread: float = 1.0, skeleton: str = "smpl24", fps: float = 30.0, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, spread, (frames, len(SKELETONS[skeleton]), 3))
    return Motion(poses, rng.normal(0, 1, (frames, 3)), fps, skeleton)


def body(skeleton: str) -> Rest:
    joints = np.random.default_rng(1).normal(0, 0.2, (len(SKELETONS[skeleton]), 3))
    return Rest.average() if skeleton == "smpl24" else Rest(SKELETONS[skeleton], joints, -1.0)


@pytest.mark.parametrize("skeleton", SKELETONS)
@pytest.mark.parametrize("order", ["ZXY", "ZYX"])
@pytest.mark.parametrize("centimetres", [False, True])
def test_round_trip_keeps_every_joint_in_place(skeleton: str, order: str, centimetres: bool, tmp_path: Path) -> None:
    made, rest = motion(skeleton=skeleton), body(skeleton)
    save_bvh(made, rest, tmp_path / "a.bvh", order, centimetres)
    clip = load_bvh(tmp_path / "a.bvh", metres_per_unit=0.01 if centimetres else 1)
    placed, turned = clip.forward()
    expected, globally = rest.forward(made.poses, made.trans)
    at = [clip.names.index(joint) for joint in rest.skeleton.joints]
    np.testing.assert_allclose(placed[:, at], expected, atol=1e-5)
    np.testing.assert_allclose(turned[:, at], globally, atol=1e-6)
    assert clip.fps == 30 and len(clip) == 30
    assert set(clip.ends) == {joint for joint in rest.skeleton.joints if not _is_parent(rest, joint)}


def _is_parent(rest: Rest, joint: str) -> bool:
    return rest.skeleton.index(joint) in rest.skeleton.parents


@settings(max_examples=60, deadline=None)
@given(
    poses=st.lists(st.lists(st.floats(-6, 6, width=32), min_size=72, max_size=72), min_size=1, max_size=3),
    fps=st.floats(1, 240),
)
def test_any_pose_survives(tmp_path_factory, poses: list[list[float]], fps: float) -> None:
    path = tmp_path_factory.mktemp("bvh") / "a.bvh"
    made = Motion(np.array(poses).reshape(-1, 24, 3), np.zeros((len(poses), 3)), fps)
    save_bvh(made, Rest.average(), path)
    clip = load_bvh(path)
    at = [clip.names.index(joint) for joint in SMPL24.joints]
    expected = Rest.average().forward(made.poses, made.trans)[1]
    np.testing.assert_allclose(clip.forward()[1][:, at], expected, atol=3e-6)
    assert clip.fps == pytest.approx(fps, abs=0.01)


@pytest.mark.parametrize("order", ["ZXY", "ZYX"])
def test_gimbal_lock(order: str, tmp_path: Path) -> None:
    poses = np.zeros((3, 24, 3))
    poses[:, 0, "XYZ".index(order[1])] = [np.pi / 2, -np.pi / 2, np.pi / 2]
    poses[:, 16, "XYZ".index(order[0])] = 1
    poses[:, 17] = [[1, 1, 1], [-1, 2, 0], [0, 0, 0]]
    made = Motion(poses, np.zeros((3, 3)), 30)
    save_bvh(made, Rest.average(), tmp_path / "a.bvh", order)
    clip = load_bvh(tmp_path / "a.bvh")
    at = [clip.names.index(joint) for joint in SMPL24.joints]
    expected = Rest.average().forward(made.poses, made.trans)[0]
    np.testing.assert_allclose(clip.forward()[0][:, at], expected, atol=1e-5)


def test_turning_on_and_on_has_no_jumps(tmp_path: Path) -> None:
    poses = np.zeros((90, 24, 3))
    poses[:, 0, 1] = np.linspace(0, 6 * np.pi, 90)
    save_bvh(Motion(poses, np.zeros((90, 3)), 30), Rest.average(), tmp_path / "a.bvh")
    rows = (tmp_path / "a.bvh").read_text().split("Frame Time")[1].splitlines()[1:]
    yaw = np.array([[float(word) for word in row.split()] for row in rows])[:, 5]
    assert np.abs(np.diff(yaw)).max() < 15 and abs(yaw[-1]) == pytest.approx(1080)


@pytest.mark.parametrize("centimetres", [False, True])
@pytest.mark.parametrize("order", ["ZXY", "ZYX"])
def test_blender_shows_every_joint_in_place(order: str, centimetres: bool, tmp_path: Path) -> None:
    bpy = pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    made, rest = motion(12, 0.8), Rest.average()
    save_bvh(made, rest, tmp_path / "dance.bvh", order, centimetres)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_anim.bvh(
        filepath=str(tmp_path / "dance.bvh"), global_scale=0.01 if centimetres else 1.0, update_scene_fps=True
    )
    armature, scene = bpy.context.object, bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == 30
    assert tuple(armature.animation_data.action.frame_range) == (1, 12)
    expected, _ = rest.forward(made.poses, made.trans)
    for frame in range(12):
        scene.frame_set(1 + frame)
        for joint, name in enumerate(rest.skeleton.joints):
            x, y, z = expected[frame, joint]
            head = armature.matrix_world @ armature.pose.bones[name].head
            assert np.abs(np.array(head) - (x, -z, y)).max() < 1e-3


# The habits of motion capture databases: a T-pose first, offsets in another unit, names with blanks, positions on every
# joint, capitals and tabs at will.
FOREIGN = """HIERARCHY
ROOT Hips
{
  OFFSET 0.00000 0.00000 0.00000
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Left Up Leg
  {
\tOFFSET 1.5 -1.5 0
\tCHANNELS 3 Zrotation Yrotation Xrotation
\tJOINT LeftLeg
\t{
\t  OFFSET 0 -14 0
\t  CHANNELS 6 xposition yposition zposition YROTATION XROTATION ZROTATION
\t  End Site
\t  {
\t    OFFSET 0 -14 1
\t  }
\t}
  }
  JOINT Spine
  {
    OFFSET 0 1 0
    CHANNELS 0
    End Site
    {
      OFFSET 0 2 0
    }
  }
}
MOTION
Frames:\t2
Frame Time:\t.0083333
0 17 0 0 0 0  0 0 0  0 -14 0 0 0 0
1 17 2 0 90 0  90 0 0  0 -13 0 30 0 0
"""


def test_foreign_file(tmp_path: Path) -> None:
    path = tmp_path / "60_01.bvh"
    path.write_text(FOREIGN.replace("\n", "\r\n"))
    unit = 0.0254 / 0.45
    clip = load_bvh(path)
    assert clip.names == ("Hips", "Left_Up_Leg", "LeftLeg", "Spine") and clip.parents == (-1, 0, 1, 0)
    assert clip.fps == 120
    np.testing.assert_allclose(clip.offsets[2], [0, -14 * unit, 0])
    np.testing.assert_allclose(clip.ends["LeftLeg"], [0, -14 * unit, unit])
    placed, turned = clip.forward()
    np.testing.assert_allclose(placed[0], np.array([[0, 17, 0], [1.5, 15.5, 0], [1.5, 1.5, 0], [0, 18, 0]]) * unit)
    # The hips turn 90 degrees about Y, then the leg 90 degrees about Z: it points along the hips' X, the world's -Z.
    hips, leg, shin = np.array([[1, 17, 2], [0, -1.5, -1.5], [0, 0, -13]])
    knee = hips + leg + shin
    np.testing.assert_allclose(placed[1, 2], knee * unit, atol=1e-12)
    np.testing.assert_allclose(turned[1, 0] @ [1, 0, 0], [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(load_bvh(path, metres_per_unit=0.01).offsets[2], [0, -0.14, 0])


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0, 0.45 / 0.0254])
def test_unit_of_a_person_is_found(scale: float, tmp_path: Path) -> None:
    save_bvh(motion(2), Rest(SMPL24, Rest.average().joints * scale, 0.0), tmp_path / "a.bvh")
    clip = load_bvh(tmp_path / "a.bvh")
    knee = clip.offsets[clip.names.index("left_knee")]
    np.testing.assert_allclose(knee, Rest.average().offsets[SMPL24.index("left_knee")], atol=1e-3)


BROKEN = {
    "empty": "",
    "text": "hello",
    "no motion": FOREIGN.partition("MOTION")[0],
    "half a hierarchy": FOREIGN[:300],
    "too few numbers": FOREIGN[:-10],
    "too many numbers": FOREIGN + "1 2 3\n",
    "words for numbers": FOREIGN.replace("17 2", "17 x"),
    "NaN": FOREIGN.replace("17 2", "17 nan"),
    "infinite offset": FOREIGN.replace("OFFSET 0 1 0", "OFFSET 0 inf 0"),
    "no frames": FOREIGN.replace("Frames:\t2", "Frames:\t0"),
    "a trillion frames": FOREIGN.replace("Frames:\t2", "Frames:\t1000000000000"),
    "frame time 0": FOREIGN.replace(".0083333", "0"),
    "negative frame time": FOREIGN.replace(".0083333", "-1"),
    "no frame time": FOREIGN.replace("Frame Time", "Time"),
    "unknown channel": FOREIGN.replace("Xposition", "Wposition"),
    "twice the same channel": FOREIGN.replace("Xposition Yposition", "Xposition Xposition"),
    "two roots": FOREIGN.replace("JOINT Spine", "ROOT Spine"),
    "joint before the root": FOREIGN.replace("ROOT Hips", "JOINT Hips"),
    "a brace too many": FOREIGN.replace("}\nMOTION", "}}\nMOTION"),
    "a brace too few": FOREIGN.replace("}\nMOTION", "MOTION"),
    "a joint in an end": FOREIGN.replace("OFFSET 0 2 0", "JOINT a { OFFSET 0 2 0"),
    "a channel in an end": FOREIGN.replace("OFFSET 0 2 0", "CHANNELS 1 Xrotation"),
    "many channels": FOREIGN.replace("CHANNELS 0", "CHANNELS 999999999"),
    "deep": "HIERARCHY\n" + "ROOT a {" + "JOINT a {" * 20000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.bvh"
    path.write_text(BROKEN[name])
    with pytest.raises(InputError) as raised:
        load_bvh(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, len(FOREIGN)), piece=st.text(max_size=6), drop=st.integers(0, 30))
def test_damage_is_read_or_refused_but_never_anything_else(tmp_path_factory, cut: int, piece: str, drop: int) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.bvh"
    path.write_bytes((FOREIGN[:cut] + piece + FOREIGN[cut + drop :]).encode("utf-8", "surrogatepass"))
    try:
        clip = load_bvh(path)
    except InputError:
        return
    assert np.isfinite(clip.forward()[0]).all()


def test_writing_refuses_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ZXY or ZYX"):
        save_bvh(motion(), Rest.average(), tmp_path / "a.bvh", "XYZ")
    with pytest.raises(InputError, match="smplx55"):
        save_bvh(motion(skeleton="smplx55"), Rest.average(), tmp_path / "a.bvh")
    assert not list(tmp_path.iterdir())
