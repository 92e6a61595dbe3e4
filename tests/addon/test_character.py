# SPDX-License-Identifier: GPL-3.0-or-later
"""A character in Blender is the character of floor 1: same skin, same names, standing on the floor."""

import dataclasses

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene.axes import to_blender  # noqa: E402
from avanim.avanim_addon.scene.character import add_character, meshes_of, skeleton_of  # noqa: E402
from avanim.avanim_addon.scene.take import write_take  # noqa: E402
from avanim.rigs.characters import load_character  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402

pytestmark = pytest.mark.usefixtures("fresh_scene")


def skin(mesh):
    """(V, 3) m of the mesh as it is deformed now, in model axes."""
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    x, y, z = points.reshape(-1, 3).T
    return np.stack([x, z, -y], axis=1)


def largest_error(scene, mesh, expected):
    errors = []
    for frame, vertices in expected.items():
        scene.frame_set(scene.frame_start + frame)
        errors.append(np.abs(skin(mesh) - vertices).max())
    return max(errors)


def random_motion(skeleton_size, frames, skeleton):
    random = np.random.default_rng(3)
    return Motion(random.normal(0, 0.5, (frames, skeleton_size, 3)), random.normal(0, 1, (frames, 3)), 30.0, skeleton)


@pytest.mark.parametrize("correctives", [True, False])
def test_skin_follows_the_body_model(fresh_scene, puppet, wild_motion, correctives):
    armature = add_character(puppet, correctives=correctives)
    write_take(armature, wild_motion, "wild")
    body = puppet.body if correctives else dataclasses.replace(puppet.body, posedirs=None)
    frames = (0, 17, 59)
    vertices = body.vertices(wild_motion.poses[list(frames)], wild_motion.trans[list(frames)])
    error = largest_error(fresh_scene, meshes_of(armature)[0], dict(zip(frames, vertices, strict=True)))
    assert error < 1e-5


def test_correctives_need_no_python_and_only_where_something_moves(puppet):
    mesh = meshes_of(add_character(puppet))[0]
    drivers = mesh.data.shape_keys.animation_data.drivers
    assert len(drivers) == 9 * 22, "the head's columns are zero"
    assert all(curve.driver.is_simple_expression for curve in drivers)


@pytest.fixture(scope="module", params=["smpl24", "smplx55"])
def default_character(request):
    return load_character("neutral", request.param)


def test_default_character(fresh_scene, default_character):
    """Its skin, all its clothes, its ARKit shapes, its pictures."""
    character = default_character
    armature = add_character(character)
    rig = character.body.skeleton
    body = meshes_of(armature)[0]
    assert abs(skin(body)[:, 1].min()) < 1e-5, "it stands on the floor"
    bones = armature.data.bones
    assert np.isclose(bones["left_foot"].head_local.x, character.rest().joints[rig.index("left_foot"), 0], atol=1e-5)
    assert bones["left_foot"].tail_local.y < bones["left_ankle"].head_local.y, "it faces -Y"
    assert (armature["avanim_character"], armature["avanim_skeleton"]) == ("neutral", rig.name)
    keys = body.data.shape_keys.key_blocks
    arkit = set(character.meshes[0].morphs)
    assert len(arkit) == 52 and {"jawOpen", "eyeBlinkLeft", "tongueOut"} <= arkit <= {key.name for key in keys}
    assert all(keys[name].value == 0 for name in arkit)
    assert all(image.packed_file for image in bpy.data.images)

    motion = random_motion(len(rig), frames=1, skeleton=rig.name)
    write_take(armature, motion, "random")
    fresh_scene.frame_set(fresh_scene.frame_start)
    assert len(meshes_of(armature)) == len(character.meshes)
    for source in character.meshes:
        model = dataclasses.replace(
            character.body,
            v_template=source.vertices,
            shapedirs=np.zeros((len(source.vertices), 3, 0), np.float32),
            posedirs=source.posedirs,
            weights=source.weights,
            joint_regressor=_regressor(source.vertices, character.rest().joints),
        )
        mesh = fresh_scene.objects[f"{armature.name}.{source.name.replace('_', ' ').title()}"]
        assert np.abs(skin(mesh) - model.vertices(motion.poses, motion.trans)[0]).max() < 1e-4, source.name


def _regressor(vertices, joints):
    """A regressor (J, V) that finds `joints` in these very vertices."""
    homogeneous = np.vstack([vertices.T.astype(float), np.ones(len(vertices))])
    return (np.linalg.pinv(homogeneous) @ np.vstack([joints.T, np.ones(len(joints))])).T


def test_two_characters_live_side_by_side(puppet):
    first, second = add_character(puppet), add_character(puppet)
    assert (first.name, second.name) == ("Ava", "Ava 2")
    assert [mesh.name for mesh in meshes_of(second)] == ["Ava 2.Body"]
    assert [modifier.object for modifier in meshes_of(second)[0].modifiers] == [second]
    variables = meshes_of(second)[0].data.shape_keys.animation_data.drivers[0].driver.variables
    assert variables[0].targets[0].id == second
    assert meshes_of(first)[0].data != meshes_of(second)[0].data


def test_bones_run_along_the_limbs_and_hinge_about_x(puppet):
    armature = add_character(puppet)
    bones, joints = armature.data.bones, to_blender(puppet.rest().joints)
    lift = np.array([0, 0, -puppet.rest().floor])
    names = puppet.body.skeleton.joints
    for bone, end in (("left_hip", "left_knee"), ("right_elbow", "right_wrist"), ("spine3", "neck")):
        assert np.allclose(bones[bone].head_local, joints[names.index(bone)] + lift, atol=1e-5)
        assert np.allclose(bones[bone].tail_local, joints[names.index(end)] + lift, atol=1e-5)
    assert tuple(armature.rotation_euler) == (0, 0, 0) and tuple(armature.scale) == (1, 1, 1)
    for knee in ("left_knee", "right_knee"):
        assert abs(bones[knee].matrix_local.col[0][0]) > 0.99
    for elbow in ("left_elbow", "right_elbow"):
        assert abs(bones[elbow].matrix_local.col[0][2]) > 0.99
    assert all(bone.length > 0.01 for bone in bones)


def test_foreign_armature_is_refused():
    foreign = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    with pytest.raises(InputError, match="Rig is not one of AVAnim's characters"):
        skeleton_of(foreign)
