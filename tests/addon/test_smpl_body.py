# SPDX-License-Identifier: GPL-3.0-or-later
"""A body from a file of SMPL's kind: it stands, dances and is corrected as the file says."""

import dataclasses
import json
import pickle

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.__main__ import main  # noqa: E402
from avanim.avanim_addon.scene.character import CORRECTIVE_PREFIX, add_character, meshes_of  # noqa: E402
from avanim.avanim_addon.scene.smpl_body import add_smpl_body  # noqa: E402
from avanim.avanim_addon.scene.smpl_shape import (  # noqa: E402
    bake_correctives,
    correctives_baked,
    drive_correctives,
    fit_joints,
)
from avanim.avanim_addon.scene.take import write_take  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402


@pytest.fixture(params=[".npz", ".pkl"])
def file(request, puppet, tmp_path):
    body = puppet.body
    shapedirs = np.random.default_rng(3).normal(0, 0.004, (*body.v_template.shape, 2))
    fields = {
        "v_template": body.v_template,
        "shapedirs": shapedirs,
        "posedirs": body.posedirs,
        "J_regressor": body.joint_regressor,
        "weights": body.weights,
        "f": body.faces,
        "kintree_table": np.array([body.skeleton.parents, range(24)]),
    }
    path = tmp_path / f"SMPL_NEUTRAL{request.param}"
    if request.param == ".npz":
        np.savez(path, **fields)
    else:
        path.write_bytes(pickle.dumps(fields, protocol=2))
    return path, dataclasses.replace(body, shapedirs=shapedirs.astype(np.float32))


def skin(armature, frame):
    bpy.context.scene.frame_set(frame)
    mesh = meshes_of(armature)[0].evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([mesh.matrix_world @ vertex.co for vertex in mesh.data.vertices])


@pytest.mark.parametrize("betas", [None, [1.5, -2.0]])
def test_the_skin_is_the_file_s(fresh_scene, file, wild_motion, betas):
    path, body = file
    armature = add_smpl_body(path, betas)
    write_take(armature, wild_motion, "dance")
    given = np.array(betas or [0.0, 0.0])
    template = body.v_template + body.shapedirs @ given
    shaped = dataclasses.replace(body, v_template=template.astype(np.float32))
    x, y, z = shaped.vertices(wild_motion.poses[20:21], wild_motion.trans[20:21])[0].T
    assert np.abs(skin(armature, 21) - np.stack([x, -z, y], axis=1)).max() < 2e-4


def test_shapes_are_sliders(fresh_scene, file):
    path, body = file
    armature = add_smpl_body(path, correctives=False)
    keys = meshes_of(armature)[0].data.shape_keys.key_blocks
    assert [key.name for key in keys] == ["Basis", "Shape000", "Shape001"] and keys["Shape000"].slider_min == -5
    before = skin(armature, 1)
    keys["Shape001"].value = 2.0
    x, y, z = 2 * body.shapedirs[:, :, 1].T
    assert np.abs(skin(armature, 1) - before - np.stack([x, -z, y], axis=1)).max() < 1e-5


def turned(points):
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([x, -z, y], axis=-1)


def test_joints_follow_the_sliders_on_request(fresh_scene, file, wild_motion):
    """Joints are the regressor's, a take made before or after moves the skin as the file says, the soles are down."""
    path, body = file
    armature = add_smpl_body(path, [0.5])
    before = write_take(armature, wild_motion, "before")
    keys = meshes_of(armature)[0].data.shape_keys.key_blocks
    axes = {bone.name: np.array(bone.matrix_local)[:3, :3] for bone in armature.data.bones}
    keys["Shape000"].value, keys["Shape001"].value = 2.0, -3.0
    betas = np.array([2.5, -3.0])
    assert np.allclose(fit_joints(armature), betas)
    rest = body.rest(betas)
    heads = np.array([armature.data.bones[joint].head_local for joint in body.skeleton.joints])
    assert np.abs(heads - turned(rest.joints) - [0, 0, -rest.floor]).max() < 1e-5
    assert np.abs(heads - turned(body.joints([0.5, 0])) - [0, 0, -body.rest([0.5, 0]).floor]).max() > 0.002
    for bone in armature.data.bones:
        assert np.abs(np.array(bone.matrix_local)[:3, :3] - axes[bone.name]).max() < 1e-5
    # Of the take made before, the hips count from where they rest now.
    up = np.array([0, 0, body.rest([0.5, 0]).floor - rest.floor])
    moved = turned(rest.joints[0] - body.rest([0.5, 0]).joints[0]) + up
    want = turned(body.vertices(wild_motion.poses[20:21], wild_motion.trans[20:21], betas)[0])
    hips = turned(rest.joints[0] - body.joints([0.5, 0])[0])
    assert np.abs(skin(armature, 21) - want - (moved - hips)).max() < 2e-4
    after = write_take(armature, wild_motion, "after")
    tracks = armature.animation_data.nla_tracks
    tracks[0].mute = True
    assert np.abs(skin(armature, 21) - want).max() < 2e-4 and before != after
    # At rest it stands on the floor; a second time nothing changes.
    for track in tracks:
        track.mute = True
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
    assert abs(skin(armature, 21)[:, 2].min()) < 1e-5
    fit_joints(armature)
    assert np.abs(np.array([armature.data.bones[j].head_local for j in body.skeleton.joints]) - heads).max() < 1e-6


def test_correctives_are_baked_and_driven_again(fresh_scene, file, wild_motion):
    """Keys give the same skin as drivers, also when nothing drives; given back, the drivers work and no key is left."""
    path, _ = file
    armature = add_smpl_body(path)
    write_take(armature, wild_motion, "dance")
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 5, 25
    driven = [skin(armature, frame) for frame in (5, 14, 25)]
    before = len(bpy.data.actions)
    assert correctives_baked(armature) is False
    assert bake_correctives(armature) > 20 and correctives_baked(armature) is True
    block = meshes_of(armature)[0].data.shape_keys
    keys = [key for key in block.key_blocks if key.name.startswith("Pose.")]
    for frame, was in zip((5, 14, 25), driven, strict=True):
        assert np.abs(skin(armature, frame) - was).max() < 1e-5
    assert max(abs(key.value) for key in keys) > 0.01
    for driver in list(block.animation_data.drivers):
        assert driver.mute
    bake_correctives(armature, 5, 6)
    assert len(bpy.data.actions) == before + 1 and len(block.animation_data.nla_tracks) == 1
    drive_correctives(armature)
    assert len(bpy.data.actions) == before and not block.animation_data.nla_tracks
    assert np.abs(skin(armature, 14) - driven[1]).max() < 1e-6
    with pytest.raises(InputError, match="empty"):
        bake_correctives(armature, 9, 3)


def test_the_panel_offers_both(fresh_scene, file):
    from avanim.avanim_addon import registration

    path, _ = file
    registration.register()
    try:
        assert not bpy.ops.avanim.fit_joints.poll() and not bpy.ops.avanim.bake_correctives.poll()
        assert bpy.ops.avanim.import_body(filepath=str(path)) == {"FINISHED"}
        armature = bpy.context.view_layer.objects.active
        meshes_of(armature)[0].data.shape_keys.key_blocks["Shape000"].value = 3.0
        assert bpy.ops.avanim.fit_joints() == {"FINISHED"}
        assert armature["avanim_betas"][0] == 3.0
        assert bpy.ops.avanim.bake_correctives() == {"FINISHED"} and correctives_baked(armature)
        assert bpy.ops.avanim.drive_correctives() == {"FINISHED"} and not correctives_baked(armature)
    finally:
        registration.unregister()


def test_only_bodies_of_files_have_sliders_to_follow(fresh_scene, puppet):
    with pytest.raises(InputError, match="Import SMPL Body"):
        fit_joints(add_character(puppet))


def test_bad_files(fresh_scene, file, tmp_path):
    path, _ = file
    with pytest.raises(InputError, match="2 betas"):
        add_smpl_body(path, [0.0] * 5)
    (tmp_path / "bad.npz").write_bytes(b"no")
    with pytest.raises(InputError):
        add_smpl_body(tmp_path / "bad.npz")
    (tmp_path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch /nowhere'\ntR.")
    with pytest.raises(InputError):
        add_smpl_body(tmp_path / "evil.pkl")
    assert not bpy.data.armatures


def command(capsys, *words):
    """The exit status of `avanim body`, its JSON, and stderr."""
    status = main(["body", *map(str, words), "--quiet", "--json"])
    told = capsys.readouterr()
    return status, json.loads(told.out) if status == 0 else None, told.err


def file_s_skin(body, betas, motion, frame):
    """The file's own formula, on the floor: (V, 3) m in Blender's axes."""
    template = (body.v_template + body.shapedirs @ np.array(betas)).astype(np.float32)
    shaped = dataclasses.replace(body, v_template=template)
    return turned(shaped.vertices(motion.poses[frame : frame + 1], motion.trans[frame : frame + 1])[0])


@pytest.mark.parametrize("correctives", ["driven", "baked"])
def test_a_body_is_built_by_a_command(file, wild_motion, tmp_path, capsys, correctives):
    """By default with the motion's own shape; the skin of the .blend is the file's, with its drivers or without."""
    path, body = file
    motion = dataclasses.replace(wild_motion, betas=np.array([1.0, -1.5, 0.5]))  # AMASS has more than some files do
    motion.save(tmp_path / "walk.npz")
    out = tmp_path / "walk.blend"
    words = ("--motion", tmp_path / "walk.npz", "--correctives", correctives)
    status, made, error = command(capsys, path, "-o", out, *words)
    assert status == 0, error
    assert made["betas"] == [1.0, -1.5] and made["correctives"] == correctives
    assert made["frames"] == len(motion) and (made["keyed"] is None) == (correctives == "driven")
    bpy.ops.wm.open_mainfile(filepath=str(out))
    armature = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    if correctives == "baked":  # what a program without drivers would show
        for mesh in meshes_of(armature):
            for curve in list(mesh.data.shape_keys.animation_data.drivers):
                mesh.data.shape_keys.driver_remove(curve.data_path)
    assert np.abs(skin(armature, 21) - file_s_skin(body, [1.0, -1.5], motion, 20)).max() < 1e-3


def test_a_body_in_a_scene_is_reshaped_by_a_command(file, wild_motion, tmp_path, capsys):
    path, body = file
    wild_motion.save(tmp_path / "walk.npz")
    first, second = tmp_path / "first.blend", tmp_path / "second.blend"
    assert command(capsys, path, "-o", first, "--betas", "0.5", "--motion", tmp_path / "walk.npz")[0] == 0
    status, made, _ = command(capsys, first, "-o", second, "--betas=-1,2", "--correctives", "baked")
    assert status == 0 and made["betas"] == [-1.0, 2.0] and made["correctives"] == "baked" and made["keyed"] > 10
    bpy.ops.wm.open_mainfile(filepath=str(second))
    armature = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    built = dataclasses.replace(
        body, v_template=(body.v_template + body.shapedirs @ np.array([-1.0, 2.0])).astype(np.float32)
    )
    heads = np.array([armature.data.bones[name].head_local for name in built.skeleton.joints])
    heads[:, 2] -= armature["avanim_lift"]
    assert np.abs(heads - turned(built.rest().joints)).max() < 1e-3
    status, made, _ = command(capsys, second, "-o", first, "--correctives", "driven")
    assert status == 0 and made["correctives"] == "driven" and made["keyed"] is None


def test_baked_correctives_go_into_an_export(file, wild_motion, tmp_path, capsys):
    path, _ = file
    wild_motion.save(tmp_path / "walk.npz")
    out = tmp_path / "walk.glb"
    words = ("--motion", tmp_path / "walk.npz", "--correctives", "baked")
    assert command(capsys, path, "-o", out, *words)[0] == 0
    blob = out.read_bytes()
    head = json.loads(blob[20 : 20 + int.from_bytes(blob[12:16], "little")])
    morphs = head["meshes"][0]["extras"]["targetNames"]
    assert sum(name.startswith(CORRECTIVE_PREFIX) for name in morphs) > 10
    assert any(channel["target"]["path"] == "weights" for channel in head["animations"][0]["channels"])


def test_a_body_that_cannot_be(file, tmp_path, capsys):
    path, _ = file
    out = tmp_path / "out.blend"
    for words, told in (
        ((path, "-o", out, "--betas", "1,x"), "must be numbers"),
        ((path, "-o", out, "--betas", "1,2,3"), "has 2 betas"),
        ((path, "-o", out, "--betas", "nan"), "has 2 betas"),
        ((path, "-o", tmp_path / "out.txt"), "end it in"),
        ((tmp_path / "none.npz", "-o", out), "none.npz"),
        ((path, "-o", out, "--motion", tmp_path / "none.bvh"), "none.bvh"),
    ):
        status, _, error = command(capsys, *words)
        assert status == 2 and told in error and error.count("\n") == 1, error
        assert not out.exists()
