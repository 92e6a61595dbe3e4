# SPDX-License-Identifier: GPL-3.0-or-later
"""`avanim retarget`: motion files and rigs that move, onto rigs in files."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.__main__ import main  # noqa: E402
from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.scene import rig_file, take  # noqa: E402
from avanim.avanim_addon.scene.carry import source_body  # noqa: E402
from avanim.avanim_addon.scene.foreign import default_rest  # noqa: E402
from avanim.avanim_addon.scene.performance import save_scene  # noqa: E402
from avanim.avanim_addon.scene.sample_armature import add_sample_armature  # noqa: E402
from avanim.rigs.average import average_rest  # noqa: E402
from avanim.rigs.bone_mapping import BoneMap, recognised  # noqa: E402
from avanim.rigs.motion_files import load_motion  # noqa: E402
from avanim.rigs.moves import Placed, perform  # noqa: E402
from avanim.rigs.retarget_source import body_of, load_any_motion  # noqa: E402
from avanim.rigs.sample_rig import sample_rig  # noqa: E402

REST = average_rest("smpl24")
LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a dance, and with rigs: one in a .blend of 25 frames a second, one in centimetres in an .fbx."""
    folder = tmp_path_factory.mktemp("rigs")
    dance = perform([Placed("grapevine", 1)], np.arange(11) * 0.5, REST, 30.0).motion
    dance.save(folder / "dance.npz")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 25
    add_sample_armature(sample_rig("unreal5", drop=45, swing=8, legs=1.1), "Manny")
    save_scene(folder / "manny.blend")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_sample_armature(sample_rig("mixamo", drop=30, prefix="mixamorig:", legs=0.9), "Boss", units_per_metre=100.0)
    from avanim.avanim_addon.scene.export_writers import _enable

    _enable("io_scene_fbx")
    bpy.ops.export_scene.fbx(filepath=str(folder / "boss.fbx"), add_leaf_bones=False)
    return folder


def run(capsys, *words):
    """The exit status, the JSON on stdout, and stderr."""
    status = main(["retarget", *map(str, words), "--quiet", "--json"])
    told = capsys.readouterr()
    return status, json.loads(told.out) if status == 0 else None, told.err


def directions(motion, rest):
    places, _ = rest.forward(motion.poses, motion.trans)
    limbs = {}
    for side in ("left", "right"):
        for first, second in LIMBS:
            step = (
                places[:, rest.skeleton.index(f"{side}_{second}")] - places[:, rest.skeleton.index(f"{side}_{first}")]
            )
            limbs[f"{side}_{first}"] = step / np.linalg.norm(step, axis=-1, keepdims=True)
    return limbs


def furthest(first, second):
    """Degrees between the limbs of two motions."""
    cosines = [np.clip((first[limb] * second[limb]).sum(-1), -1, 1) for limb in first]
    return float(np.degrees(np.arccos(np.min(cosines))))


def test_onto_the_rig_of_a_blend(files, tmp_path, capsys):
    out, scheme = tmp_path / "out.blend", tmp_path / "map.json"
    status, made, told = run(
        capsys, files / "dance.npz", "--to", files / "manny.blend", "-o", out, "--save-map", scheme
    )
    assert status == 0, told
    assert made["mapping"]["convention"] == "unreal5" and made["mapping"]["bones"]["left_hip"]["bone"] == "thigh_l"
    assert made["legs"]["bent_degrees"] < 3 and made["legs"]["slide_cm_s"] < 1 and made["legs"]["depth_cm"] < 1
    # The scene's own rate is kept, and all that it holds.
    assert made["fps"] == 25 and made["frames"] == pytest.approx(25 * 5, abs=2)
    assert BoneMap.load(scheme).convention == "unreal5"
    armature = rig_file.open_rig(out)
    assert armature.name == "Manny" and bpy.context.scene.render.fps == 25
    motion, rest, name = rig_file.read_animation(armature)
    assert name == made["take"] == "dance"
    source = load_motion(files / "dance.npz").resampled(25.0)
    assert furthest(directions(motion, rest), directions(source, REST)) < 3


def test_fewer_keys_within_the_stated_error(files, tmp_path, capsys):
    out = tmp_path / "out.blend"
    words = (files / "dance.npz", "--to", files / "manny.blend", "-o", out, "--fps", 30)
    status, made, told = run(capsys, *words, "--error", "0.4,1.5")
    assert status == 0, told
    few, of, many, _ = made["keys"].replace(",", "").split()
    assert of == "of" and int(few) < int(many) / 3
    armature = rig_file.open_rig(out)
    action, whole = bpy.data.actions[made["take"]], bpy.data.actions["dance"]
    frames = np.arange(1, made["frames"] + 1)
    mine = {(curve.data_path, curve.array_index): curve for curve in actions.curves(action)}
    for curve in actions.curves(whole):
        if curve.data_path.endswith(".location"):
            other = mine[curve.data_path, curve.array_index]
            off = [curve.evaluate(frame) - other.evaluate(frame) for frame in frames]
            assert 1000 * np.abs(off).max() <= 1.5 + 1e-2
    assert [track.mute for track in armature.animation_data.nla_tracks].count(False) == 1


def test_from_a_rig_that_moves_to_another(files, tmp_path, capsys):
    """The dance by way of an FBX in centimetres, read back and carried on to a third rig."""
    status, made, told = run(
        capsys, files / "dance.npz", "--to", files / "boss.fbx", "-o", tmp_path / "boss.fbx", "--armature", "Boss"
    )
    assert status == 0, told
    assert made["mapping"]["convention"] == "mixamo" and made["fps"] == 30
    assert (tmp_path / "boss.report.json").exists()
    words = (tmp_path / "boss.fbx", "--to", files / "manny.blend", "--fps", 30)
    status, made, told = run(capsys, *words, "-o", tmp_path / "manny.bvh")
    assert status == 0, told
    assert made["legs"]["slide_cm_s"] < 1
    motion, rest = load_any_motion(tmp_path / "manny.bvh", own_body=True)
    source = load_motion(files / "dance.npz")
    count = min(len(motion), len(source))
    seen, meant = directions(motion, rest), directions(source, REST)
    off = furthest(
        {limb: way[:count] for limb, way in seen.items()}, {limb: way[:count] for limb, way in meant.items()}
    )
    assert off < 5


def test_a_take_of_a_character_as_the_source(files, tmp_path, capsys):
    from avanim.avanim_addon.scene.character import add_character

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    ava = add_character("neutral", "smpl24")
    source = load_motion(files / "dance.npz")
    take.write_take(ava, source, "first", {})
    take.write_take(ava, source.resampled(30.0), "second", {})
    save_scene(tmp_path / "ava.blend")
    words = (tmp_path / "ava.blend", "--take", "first", "--to", "vrm", "-o", tmp_path / "vrm.glb", "--seconds", 2)
    status, made, told = run(capsys, *words)
    assert status == 0, told
    assert made["mapping"]["convention"] == "vrm" and made["frames"] == 60 and made["legs"]["bent_degrees"] < 4
    status, _, told = run(capsys, tmp_path / "ava.blend", "--take", "third", "--to", "vrm", "-o", tmp_path / "no.glb")
    assert status == 2 and "first" in told and told.count("\n") == 1


def test_the_map_alone(files, capsys):
    status, made, told = run(capsys, "--to", files / "manny.blend", "--mapping")
    assert status == 0, told
    assert made["label"].startswith("Unreal") and made["bones"]["head"] == {"bone": "head", "score": 1.0}
    assert made["held"] == []


def test_root_motion(files, tmp_path, capsys):
    words = (files / "dance.npz", "--to", files / "manny.blend", "--fps", 30, "--seconds", 3)
    spread = {}
    for root in ("root", "in-place"):
        status, _, told = run(capsys, *words, "-o", tmp_path / f"{root}.blend", "--root", root)
        assert status == 0, told
        armature = rig_file.open_rig(tmp_path / f"{root}.blend")
        places = []
        for frame in range(1, 90, 8):
            bpy.context.scene.frame_set(frame)
            bones = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
            places.append([bones["root"].head[:2], bones["pelvis"].head[:2]])
        spread[root] = np.ptp(np.array(places), axis=0).max(axis=-1)
    assert spread["root"].min() > 0.2 and spread["in-place"].max() < 1e-4


@pytest.mark.skipif(not bpy.app.build_options.usd, reason="this Blender was built without USD")
def test_from_and_onto_usd(files, tmp_path, capsys):
    """A rig that moves in a USD file is a source, at the file's own rate, and a target; what it did is kept."""
    first, second = tmp_path / "manny.usdc", tmp_path / "again.npz"
    status, made, told = run(capsys, files / "dance.npz", "--to", files / "manny.blend", "-o", first, "--fps", 30)
    assert status == 0, told
    status, back, told = run(capsys, first, "--to", first, "-o", second, "--no-plant")
    assert status == 0, told
    assert (
        back["fps"] == 30 and abs(back["frames"] - made["frames"]) <= 1 and back["mapping"]["convention"] == "unreal5"
    )
    status, _, told = run(
        capsys, files / "dance.npz", "--to", files / "manny.blend", "-o", tmp_path / "direct.npz", "--fps", 30
    )
    motion, wanted = load_motion(second), load_motion(tmp_path / "direct.npz")
    count = min(len(motion), len(wanted))
    motion, wanted = (dataclasses.replace(one, poses=one.poses[:count], trans=one.trans[:count])
                      for one in (motion, wanted))  # fmt: skip
    assert count > 100 and furthest(directions(motion, REST), directions(wanted, REST)) < 0.5


def test_bad_input_is_refused_in_one_sentence(files, tmp_path, capsys):
    dance, manny, out = files / "dance.npz", files / "manny.blend", tmp_path / "out.blend"
    (tmp_path / "bad.fbx").write_bytes(b"no such thing")
    (tmp_path / "bad.usdc").write_bytes(b"no such thing")
    (tmp_path / "bad.json").write_text("[]")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    save_scene(tmp_path / "empty.blend")
    add_sample_armature(sample_rig("vrm"), "One")
    add_sample_armature(sample_rig("vrm"), "Two")
    bpy.context.view_layer.objects.active = None
    save_scene(tmp_path / "two.blend")
    cases = (
        ((dance, "--to", tmp_path / "gone.blend", "-o", out), "no scene"),
        ((dance, "--to", tmp_path / "bad.fbx", "-o", out), "no binary FBX"),
        ((dance, "--to", tmp_path / "empty.blend", "-o", out), "no armature"),
        ((dance, "--to", tmp_path / "two.blend", "-o", out), "One, Two"),
        ((dance, "--to", manny, "-o", out, "--armature", "Three"), "Manny"),
        ((dance, "--to", "mixmo", "-o", out), "mixamo"),
        ((dance, "--to", manny, "-o", tmp_path / "out.doc"), "end it in"),
        ((dance, "--to", manny, "-o", tmp_path / "out.fbx", "--error", "1,1"), "--error"),
        ((dance, "--to", manny, "-o", out, "--error", "1"), "degrees and millimetres"),
        ((dance, "--to", manny, "-o", out, "--map", tmp_path / "bad.json"), "no scheme"),
        ((dance, "--to", manny, "-o", out, "--take", "x"), "--take"),
        ((dance, "--to", manny, "-o", out, "--body", "hulk"), "neutral"),
        ((dance, "--to", manny, "-o", out, "--seconds", "-1"), "positive"),
        ((dance, "--to", manny, "-o", out, "--scale", "0"), "positive"),
        ((tmp_path / "gone.npz", "--to", manny, "-o", out), "gone.npz"),
        ((manny, "--to", manny, "-o", out), "no animation"),
        ((dance, "--to", tmp_path / "rig.abc", "-o", out), "no bones"),
        ((tmp_path / "clip.abc", "--to", manny, "-o", out), "no bones"),
        ((dance, "--to", tmp_path / "bad.usdc", "-o", out), "no USD file"),
        ((dance, "--to", manny), "-o OUT"),
        ((dance, "--to", manny, "--mapping"), "--mapping"),
    )
    for words, part in cases:
        status, _, told = run(capsys, *words)
        assert status == 2 and part in told and told.count("\n") == 1, (words, told)
    assert not out.exists() and not (tmp_path / "out.fbx").exists()


def test_a_body_of_a_rigs_proportions():
    for build in ({"height": 1.4}, {"legs": 0.85, "shins": 1.1}, {"arms": 1.2}):
        shape = sample_rig("mixamo", drop=45, swing=10, **build)
        bones = recognised(shape)
        body = body_of(shape, bones)

        def length(first, second, shape=shape, bones=bones):
            return np.linalg.norm(
                *[shape.heads[shape.index(bones.bones[second])] - shape.heads[shape.index(bones.bones[first])]]
            )

        for first, second in LIMBS:
            offset = body.offsets[body.skeleton.index(f"left_{second}")]
            assert np.linalg.norm(offset) == pytest.approx(length(f"left_{first}", f"left_{second}"))
        assert body.joints[body.skeleton.index("left_ankle"), 1] - body.floor == pytest.approx(
            shape.heads[shape.index(bones.bones["left_ankle"]), 1]
        )


def test_the_body_that_a_motion_was_made_for_is_found_out():
    """Of a dance made on the neutral character's legs, and of one on an average adult's."""
    average, neutral = REST, default_rest()
    if np.allclose(average.joints, neutral.joints):
        pytest.skip("the characters are not built")
    for body in (average, neutral):
        dance = perform([Placed("salsa_basic", 1)], np.arange(11) * 0.33, body, 30.0).motion
        assert source_body(dance, average) is (average if body is average else neutral)
        assert source_body(dance, average, "average").joints.shape == average.joints.shape
    assert np.allclose(source_body(dance, average, "neutral").joints, neutral.joints)
    # What a file says counts more than feet; of a name that is none they decide.
    told = dataclasses.replace(dance, body="average")
    assert np.allclose(source_body(told, average).joints, average.joints)
    assert source_body(dataclasses.replace(dance, body="../../etc"), average) is neutral
    # A body that the file itself brought is taken as it is.
    own = body_of(sample_rig("vrm", legs=0.8), recognised(sample_rig("vrm", legs=0.8)))
    assert source_body(dance.on(own.skeleton.name), own) is own
