# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that are not as they should be, through the panels' buttons: one clear sentence, or a right result."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon import registration  # noqa: E402
from avanim.avanim_addon.face.operators import why_no_face  # noqa: E402
from avanim.avanim_addon.generating import why_no_job  # noqa: E402
from avanim.avanim_addon.retarget.operators import why_no_map  # noqa: E402
from avanim.avanim_addon.scene import face_check, foreign, foreign_face  # noqa: E402
from avanim.avanim_addon.scene.character import meshes_of  # noqa: E402
from avanim.avanim_addon.scene.sample_armature import add_sample_armature  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.face import ARKIT_52, FaceTrack  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.sample_rig import sample_rig  # noqa: E402


@pytest.fixture
def panel(fresh_scene):
    registration.register()
    bpy.context.scene.render.fps = 30
    yield
    registration.unregister()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.npz"
    poses = np.zeros((20, 24, 3))
    poses[:, 16, 2] = np.linspace(0, 1, 20)
    Motion(poses, np.tile([0, 1.17, 0.0], (20, 1)), 30.0).save(path)
    return path


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("capture") / "face.csv"
    weights = np.zeros((20, 52))
    weights[:, ARKIT_52.index("jawOpen")] = np.linspace(0, 0.6, 20)
    FaceTrack(weights, np.zeros((20, 3)), np.zeros((20, 2)), 30.0).save(path)
    return path


def add(convention="mixamo", **options):
    armature = add_sample_armature(sample_rig(convention, drop=30, fingers=False), **options)
    bpy.context.view_layer.objects.active = armature
    return armature


def edited(armature, change):
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    change(armature.data.edit_bones)
    bpy.ops.object.mode_set(mode="OBJECT")


def takes(armature):
    return [tracks.take_on(track) for track in tracks.take_tracks(armature)]


def test_an_armature_without_legs(panel, clip):
    armature = add()

    def cut(bones):
        for name in list(bones.keys()):
            if any(part in name for part in ("UpLeg", "Leg", "Foot", "Toe")):
                bones.remove(bones[name])

    edited(armature, cut)
    with pytest.raises(RuntimeError, match=r"(?i)leg|hip"):
        bpy.ops.avanim.map_bones()
    # The table is there, to be filled by hand, and says what is missing when a take is wished for.
    assert len(armature.avanim.retarget.rows) > 20
    with pytest.raises(RuntimeError, match="No bone is mapped to"):
        bpy.ops.avanim.import_motion(filepath=str(clip))
    assert not bpy.data.actions


def test_two_armatures(panel, clip):
    """The active one is mapped and moved; the other is left alone, also where its mesh is the active object."""
    other, armature = add("unreal4"), add()
    bpy.ops.avanim.map_bones()
    bpy.ops.avanim.import_motion(filepath=str(clip))
    assert len(takes(armature)) == 1 and other.animation_data is None and not foreign.is_mapped(other)
    bpy.context.view_layer.objects.active = meshes_of(other)[0]
    bpy.ops.avanim.map_bones()
    assert foreign.bones_of(other).convention == "unreal4"
    bpy.ops.avanim.import_motion(filepath=str(clip))
    assert len(takes(other)) == 1 and len(takes(armature)) == 1


def test_an_uneven_and_a_mirrored_scale(panel):
    armature = add()
    for scale in ((1, 1, 1.5), (-1, 1, 1)):
        armature.scale = scale
        bpy.context.view_layer.update()
        with pytest.raises(RuntimeError, match="apply its scale first"):
            bpy.ops.avanim.map_bones()
    armature.scale = (0.5, 0.5, 0.5)
    bpy.context.view_layer.update()
    assert bpy.ops.avanim.map_bones() == {"FINISHED"}


def test_bones_renamed_in_japanese(panel, clip):
    armature = add()
    words = {
        "Hips": "腰",
        "LeftUpLeg": "左もも",
        "RightUpLeg": "右もも",
        "LeftLeg": "左すね",
        "Head": "頭",
        "LeftArm": "左腕",
    }
    for number, bone in enumerate(armature.data.bones):
        bone.name = words.get(bone.name, f"骨{number}")
    bpy.ops.avanim.map_bones()
    bones = foreign.bones_of(armature)
    assert bones.convention == "" and bones.bones["left_hip"] == "左もも" and bones.bones["left_shoulder"] == "左腕"
    bpy.ops.avanim.import_motion(filepath=str(clip))
    bpy.context.scene.frame_set(20)
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["左腕"]
    turned = posed.matrix.to_quaternion().rotation_difference(armature.data.bones["左腕"].matrix_local.to_quaternion())
    assert turned.angle > 0.5


def test_bones_without_length(panel, clip):
    """Blender itself removes bones of length 0; what is left are such as are far too short, or lie on each other."""
    armature = add()

    def shrink(bones):
        for name in ("Head", "LeftHand", "RightToeBase"):
            bones[name].use_connect = False
            bones[name].length = 1e-6

    edited(armature, shrink)
    bpy.ops.avanim.map_bones()
    bpy.ops.avanim.import_motion(filepath=str(clip))
    action = takes(armature)[0]
    assert action["avanim_frames"] == 20

    def onto_each_other(bones):
        bones["LeftLeg"].use_connect = False
        bones["LeftLeg"].head = bones["LeftUpLeg"].head

    edited(armature, onto_each_other)
    with pytest.raises(RuntimeError, match="begin in one place"):
        bpy.ops.avanim.import_motion(filepath=str(clip))
    assert takes(armature) == [action]


def test_a_mesh_without_shape_keys(panel):
    add()
    bpy.ops.avanim.map_bones()
    with pytest.raises(RuntimeError, match="No mesh of Rig has shape keys"):
        bpy.ops.avanim.map_face()
    assert "neither shape keys with known names nor a jaw bone" in why_no_face(bpy.context)
    assert not bpy.ops.avanim.import_face.poll()


def test_driven_shape_keys(panel, capture):
    armature = add(shape_keys=ARKIT_52)
    bpy.ops.avanim.map_bones()
    keys = meshes_of(armature)[0].data.shape_keys.key_blocks
    driver = keys["jawOpen"].driver_add("value").driver
    driver.expression = "0.0"
    reason = why_no_face(bpy.context)
    assert reason.startswith(f"The shape key jawOpen of {meshes_of(armature)[0].name} is driven")
    assert not reason.endswith("."), "the sentence goes on"
    assert not bpy.ops.avanim.import_face.poll()
    keys["jawOpen"].driver_remove("value")
    assert why_no_face(bpy.context) == ""
    bpy.ops.avanim.import_face(filepath=str(capture))
    bpy.context.scene.frame_set(20)
    assert keys["jawOpen"].value > 0.5


def test_a_mouth_that_does_not_move_is_told_why(panel, capture):
    armature = add(shape_keys=["viseme_aa", "viseme_PP", "viseme_O", "viseme_FF"])
    bpy.ops.avanim.map_bones()
    bpy.ops.avanim.import_face(filepath=str(capture))
    (mesh,) = meshes_of(armature)
    (action,) = takes(armature)
    parts = tracks.parts(armature, tracks.track_of(armature, action))

    def reason():
        return face_check.why_still(bpy.context.scene, armature, parts)

    assert reason() == ""
    keys = mesh.data.shape_keys.key_blocks
    keys["viseme_aa"].mute = True
    assert reason() == f"The shape key viseme_aa of {mesh.name} is muted (1 are); tick its box in the mesh's data."
    keys["viseme_aa"].mute = False
    assert reason() == ""
    track = mesh.data.shape_keys.animation_data.nla_tracks[0]
    track.mute = True
    assert "is muted; unmute it in the NLA editor" in reason()


def test_linked_and_overridden(panel, clip, capture, tmp_path):
    armature = add(name="Linked", shape_keys=["viseme_aa", "viseme_PP", "viseme_O"])
    path = str(tmp_path / "rig.blend")
    bpy.data.libraries.write(path, {armature, *armature.children}, fake_user=True)
    for obj in [armature, *armature.children]:
        bpy.data.objects.remove(obj)
    with bpy.data.libraries.load(path, link=True) as (there, into):
        into.objects = there.objects
    for obj in into.objects:
        bpy.context.scene.collection.objects.link(obj)
    linked = next(obj for obj in into.objects if obj.type == "ARMATURE")
    bpy.context.view_layer.objects.active = linked
    bpy.context.view_layer.update()
    assert "make a library override" in why_no_map(bpy.context) and not bpy.ops.avanim.map_bones.poll()
    assert why_no_job(bpy.context)
    # What Library Override > Make does: the rig with its meshes and their shape keys.
    scene, layer = bpy.context.scene, bpy.context.view_layer
    override = linked.override_hierarchy_create(scene, layer)
    layer.objects.active = override
    layer.update()
    assert bpy.ops.avanim.map_bones() == {"FINISHED"}
    bpy.ops.avanim.import_motion(filepath=str(clip))
    assert len(takes(override)) == 1
    # The mesh's data stays linked then, and no take can move linked shape keys; overridden, it can.
    (mesh,) = override.children
    assert mesh.override_library and "linked from another file; make its mesh data a library override" in why_no_face(
        bpy.context
    )
    mesh.data.override_create(remap_local_usages=True)
    assert why_no_face(bpy.context) == ""
    assert bpy.ops.avanim.import_face(filepath=str(capture)) == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "override.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "override.blend"))
    bpy.context.scene.frame_set(20)
    mesh = next(obj for obj in bpy.context.scene.objects if obj.type == "MESH" and obj.override_library)
    assert mesh.data.shape_keys.key_blocks["viseme_aa"].value > 0.3


def test_other_kinds_of_objects(panel):
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    bpy.context.scene.collection.objects.link(cube)
    bpy.context.view_layer.objects.active = cube
    assert "Select the armature" in why_no_map(bpy.context) and not bpy.ops.avanim.map_bones.poll()
    empty = bpy.data.objects.new("Empty", bpy.data.armatures.new("Empty"))
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.objects.active = empty
    with pytest.raises(RuntimeError, match="has no bones"):
        bpy.ops.avanim.map_bones()


def test_one_undo_removes_a_face_take_and_leaves_map_and_gains(panel, capture):
    armature = add(shape_keys=["viseme_aa", "viseme_PP", "viseme_O", "viseme_FF"])
    bpy.ops.avanim.map_bones()
    bpy.ops.avanim.map_face()
    next(row for row in armature.avanim.retarget.face if row.name == "viseme_aa").gain = 0.5
    bpy.ops.ed.undo_push(message="Mapped")
    bpy.ops.avanim.import_face(filepath=str(capture))
    assert len(bpy.data.actions) == 2 and len(takes(armature)) == 1
    bpy.ops.ed.undo_push(message="Face")
    bpy.ops.ed.undo()
    armature = bpy.data.objects["Rig"]
    assert len(bpy.data.actions) == 0 and takes(armature) == []
    assert foreign_face.face_of(armature).gains["viseme_aa"] == 0.5 and foreign.is_mapped(armature)
