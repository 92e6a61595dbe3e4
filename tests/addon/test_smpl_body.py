# SPDX-License-Identifier: GPL-3.0-or-later
"""A body from a file of SMPL's kind: it stands, dances and is corrected as the file says."""

import dataclasses
import pickle

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene.character import meshes_of  # noqa: E402
from avanim.avanim_addon.scene.smpl_body import add_smpl_body  # noqa: E402
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
