# SPDX-License-Identifier: GPL-3.0-or-later
"""A staged dance survives the way through a .blend file, which needs nothing beside it."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene import performance  # noqa: E402
from avanim.avanim_addon.scene.take import read_take  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402


def test_saved_scene_holds_everything(puppet, wild_motion, audible, tmp_path, capfd):
    beats = Beats(np.arange(5) * 0.5, np.arange(5) % 4, 120.0, 4)
    performance.stage_dance(
        wild_motion, beats, audible, character=puppet, name="dance", settings={"seed": 5}, start=1.0
    )
    performance.finish(tmp_path / "dance.blend")
    assert capfd.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["dance.blend"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    performance.open_scene(tmp_path / "dance.blend")
    scene = bpy.context.scene
    assert (scene.render.fps, scene.frame_start, scene.frame_end) == (30, 1, 60)
    assert [mark.name for mark in scene.timeline_markers] == ["1.1", "1.2", "1.3", "1.4"]
    assert scene.camera is not None and scene.world is not None
    assert all(item.packed_file for item in (*bpy.data.images, *bpy.data.sounds) if item.name != "Render Result")
    assert [sound.filepath for sound in bpy.data.sounds] == ["//clicks.wav"] * bool(audible)
    action = bpy.data.actions["dance"]
    assert action["avanim_seed"] == 5
    back = read_take(scene.objects["Ava"], action)
    assert np.abs(back.trans - wild_motion.trans).max() < 1e-6


def test_bad_files_are_refused(fresh_scene, tmp_path):
    (tmp_path / "text.blend").write_text("no scene")
    with pytest.raises(InputError, match=r"text\.blend"):
        performance.open_scene(tmp_path / "text.blend")
    with pytest.raises(InputError, match="no scene"):
        performance.open_scene(tmp_path / "missing.blend")
    with pytest.raises(InputError, match="Cannot tell what"):
        performance.finish(tmp_path / "dance.gif")
