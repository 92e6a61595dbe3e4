# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces whose shape keys no take can move: told by the button before anything runs, or seen after baking."""

import dataclasses

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.scene import face_check  # noqa: E402
from avanim.avanim_addon.scene.character import add_character, meshes_of  # noqa: E402
from avanim.avanim_addon.scene.face_take import write_face_take  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.face import ARKIT_52, FaceTrack  # noqa: E402

JAW = ARKIT_52.index("jawOpen")


def talking(frames=60):
    weights = np.zeros((frames, 52))
    weights[:, JAW] = 0.3 + 0.3 * np.sin(np.arange(frames))
    return FaceTrack(weights, np.zeros((frames, 3)), np.zeros((frames, 2)), 30.0)


def baked(ava):
    """The parts of a take."""
    action = write_face_take(ava, talking(), "talk")
    return tracks.parts(ava, tracks.track_of(ava, action))


def key_of(ava):
    return meshes_of(ava)[0].data.shape_keys


def test_driven_shape_keys(fresh_scene, ava):
    block = key_of(ava)
    face_check.require_face(ava)
    for shape in ("jawOpen", "mouthFunnel"):
        block.key_blocks[shape].driver_add("value").driver.expression = "0"
    with pytest.raises(InputError, match=r"jawOpen of .* is driven \(2 are\).*remove the drivers"):
        face_check.require_face(ava)


def test_linked_shape_keys(fresh_scene, ava, tmp_path):
    mesh = meshes_of(ava)[0]
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {mesh.data})
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.meshes = list(there.meshes)
    mesh.data = here.meshes[0]
    assert key_of(ava).library is not None
    with pytest.raises(InputError, match="linked from another file; make its mesh data a library override"):
        face_check.require_face(ava)


def test_a_mesh_without_shape_keys_and_a_mouth_that_lacks_some(fresh_scene, puppet):
    bare = dataclasses.replace(puppet.meshes[0], morphs={})
    with pytest.raises(InputError, match="no mesh with shape keys"):
        face_check.require_face(add_character(dataclasses.replace(puppet, meshes=[bare]), correctives=False))
    few = dataclasses.replace(puppet.meshes[0], morphs={"jawOpen": puppet.meshes[0].vertices * 0 + 0.01})
    ava = add_character(dataclasses.replace(puppet, meshes=[few]), correctives=False)
    face_check.require_face(ava)
    assert "no shape key mouthClose" in face_check.why_still(fresh_scene, ava, baked(ava))


def test_what_keeps_a_baked_mouth_still_is_named(fresh_scene, ava):
    parts, block = baked(ava), key_of(ava)

    def reason():
        bpy.context.view_layer.update()
        return face_check.why_still(fresh_scene, ava, parts)

    assert reason() == ""
    own = actions.new_action("by hand", block)
    zeros = [('key_blocks["jawOpen"].value', 0, "Face", np.zeros(2))]
    actions.write_curves(own, "KEY", np.array([1, 60]), zeros)
    actions.assign(block, own)
    assert "The action by hand" in reason() and "plays over the take" in reason()
    block.animation_data.action = None
    driver = block.key_blocks["jawOpen"].driver_add("value")
    driver.driver.expression = "0"
    assert "should be" in reason() and "something else moves it" in reason()
    block.key_blocks["jawOpen"].driver_remove("value")
    assert reason() == ""
    block.key_blocks["jawOpen"].slider_max = 0.2
    assert "may go to 0.20 only" in reason()
    block.key_blocks["jawOpen"].slider_max = 1.0
    block.use_relative = False
    assert "absolute shape keys" in reason()
