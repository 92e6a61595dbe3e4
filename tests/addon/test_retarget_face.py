# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of the face on rigs of the user's own."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.scene import foreign, foreign_face  # noqa: E402
from avanim.avanim_addon.scene.character import meshes_of  # noqa: E402
from avanim.avanim_addon.scene.face_take import write_face_take  # noqa: E402
from avanim.avanim_addon.scene.sample_armature import add_sample_armature  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.face import ARKIT_52, FaceTrack  # noqa: E402
from avanim.rigs.face_conventions import face_conventions  # noqa: E402
from avanim.rigs.sample_rig import sample_rig  # noqa: E402


@pytest.fixture
def track():
    weights = np.zeros((20, 52))
    weights[:, ARKIT_52.index("jawOpen")] = np.linspace(0, 0.5, 20)
    weights[:, ARKIT_52.index("eyeBlinkLeft")] = weights[:, ARKIT_52.index("eyeBlinkRight")] = 0.5
    head = np.zeros((20, 3))
    head[:, 1] = np.linspace(0, 0.4, 20)
    return FaceTrack(weights, head, np.zeros((20, 2)), 30.0)


def rig(convention="mixamo", names=()):
    armature = add_sample_armature(sample_rig(convention, fingers=False), shape_keys=names)
    foreign.map_bones(armature)
    return armature


@pytest.mark.parametrize(("convention", "key", "value"), [("cc4", "Jaw_Open", 0.5), ("vrm", "blinkLeft", 0.5)])
def test_shape_keys_of_other_names(fresh_scene, track, convention, key, value):
    armature = rig(names=face_conventions()[convention].targets)
    action = write_face_take(armature, track, "speech", {"method": "test"})
    bpy.context.scene.frame_set(20)
    keys = meshes_of(armature)[0].data.shape_keys.key_blocks
    assert keys[key].value == pytest.approx(value, abs=1e-5)
    assert tracks.is_face(action) and len(tracks.parts(armature, tracks.track_of(armature, action))) == 2
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    rest = armature.data.bones["Head"].matrix_local.to_3x3()
    turned = np.array(posed.pose.bones["Head"].matrix.to_3x3() @ rest.inverted())
    assert np.arctan2(turned[1, 0], turned[0, 0]) == pytest.approx(0.4, abs=1e-3)


def test_gain_and_map_are_kept(fresh_scene, track):
    armature = rig(names=face_conventions()["cc4"].targets)
    face = foreign_face.map_face(armature)
    foreign_face.map_face(armature, face.with_gain("Jaw_Open", 0.5))
    assert foreign_face.face_of(armature).gains["Jaw_Open"] == 0.5
    write_face_take(armature, track, "speech")
    bpy.context.scene.frame_set(20)
    assert meshes_of(armature)[0].data.shape_keys.key_blocks["Jaw_Open"].value == pytest.approx(0.25, abs=1e-5)


def test_a_plain_jaw_bone(fresh_scene, track):
    armature = rig("unreal5")
    action = write_face_take(armature, track, "speech")
    groups = {curve.group.name for curve in actions.curves(action)}
    assert groups == {"head", "FACIAL_C_Jaw"}
    bpy.context.scene.frame_set(20)
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    jaw, head = (np.array(posed.pose.bones[name].matrix.to_3x3()) for name in ("FACIAL_C_Jaw", "head"))
    rest = [np.array(armature.data.bones[name].matrix_local.to_3x3()) for name in ("FACIAL_C_Jaw", "head")]
    opened = (head @ rest[1].T).T @ (jaw @ rest[0].T)
    assert np.arccos((np.trace(opened) - 1) / 2) == pytest.approx(0.21, abs=0.01)


def test_faces_that_cannot_move_say_why(fresh_scene, track):
    armature = rig()
    with pytest.raises(InputError, match="neither shape keys"):
        write_face_take(armature, track, "speech")
    with pytest.raises(InputError, match="has shape keys"):
        foreign_face.map_face(armature)
    assert not bpy.data.actions
    armature = rig(names=["Key 1", "Key 2"])
    with pytest.raises(InputError, match="known"):
        foreign_face.map_face(armature)
    armature = rig(names=ARKIT_52)
    meshes_of(armature)[0].data.shape_keys.key_blocks["jawOpen"].driver_add("value")
    with pytest.raises(InputError, match="jawOpen of"):
        write_face_take(armature, track, "speech")
    assert not bpy.data.actions
