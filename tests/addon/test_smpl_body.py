# SPDX-License-Identifier: GPL-3.0-or-later
"""A body from a file of SMPL's kind: it stands, dances and is corrected as the file says."""

import dataclasses
import pickle

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene.character import add_character, meshes_of  # noqa: E402
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
