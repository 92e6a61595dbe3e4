# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools on a take: another take, where the old one plays, and nothing of the old one changed."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

import avanim  # noqa: E402
from avanim.avanim_addon import api, session  # noqa: E402
from avanim.avanim_addon.scene import take  # noqa: E402
from avanim.avanim_addon.scene.character import add_character  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.avanim_addon.tools import operators  # noqa: E402
from avanim.avanim_addon.tools.request import kept_frames  # noqa: E402
from avanim.models.dance.families import OPTIONS, TOOLS  # noqa: E402
from avanim.models.tasks import checked_options  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402

FRAMES = 90


def waving(size: float = 0.5) -> Motion:
    time = np.arange(FRAMES) / 30
    poses = np.zeros((FRAMES, 24, 3))
    poses[:, 16:18, 2] = size * np.sin(4 * time)[:, None]
    poses[:, 18, 1] = 0.3 * np.sin(7 * time)
    return Motion(poses, np.zeros((FRAMES, 3)), 30.0)


@pytest.fixture
def scene(fresh_scene):
    avanim.register()
    yield fresh_scene
    avanim.unregister()


@pytest.fixture
def ava(scene, puppet):
    made = add_character(puppet, correctives=False)
    for name, size in (("first", 0.5), ("second", 1.0)):
        action = take.write_take(made, waving(size), name, {"method": "test", "seed": 1}, frame_start=11)
        tracks.select(made, action)
    tracks.select(made, bpy.data.actions["first"])
    bpy.context.view_layer.objects.active = made
    return made


@pytest.fixture
def asked(monkeypatch):
    """Instead of a model: the take with one joint lifted. Returns the jobs that were asked for."""
    jobs = []

    def run(job, progress=None):
        from avanim.rigs.motion_files import load_motion

        jobs.append(job)
        motion = load_motion(job.input)
        motion.poses[:, 15, 0] += 0.25
        motion.save(job.output)
        return {"motion": job.output, "settings": {"tool": job.options["tool"]}, "fps": motion.fps}

    monkeypatch.setattr(session, "run_to_the_end", run)
    return jobs


def keys_of(action) -> list[tuple[float, float]]:
    from avanim.avanim_addon.compat import actions

    return [tuple(point.co) for curve in actions.curves(action) for point in curve.keyframe_points]


@pytest.mark.parametrize("name", list(TOOLS))
def test_each_tool_makes_another_take_and_leaves_the_old_one(scene, ava, asked, name):
    old = bpy.data.actions["first"]
    before = keys_of(old)
    panel = scene.avanim.tools
    panel.tool, panel.other, panel.seed = name, bpy.data.actions["second"], 5
    panel.gains = (1.5, *panel.gains[1:])
    assert bpy.ops.avanim.use_tool() == {"FINISHED"}
    (job,) = asked
    options = checked_options(job.options, OPTIONS)
    assert set(options) - {"tool", "character", "other", "seed"} <= set(TOOLS[name].options)
    assert ("other" in options) == (name in ("hmm", "gp", "fcrbm")) and job.task == "motion"
    assert options.get("seed", 5) == 5 and ("gains" not in options or options["gains"][0] == 1.5)
    made = operators.selected_take(bpy.context)
    assert made is not old and keys_of(old) == before and made["avanim_frame_start"] == 11
    assert tracks.track_of(ava, old).mute and not tracks.track_of(ava, made).mute
    assert np.allclose(take.read_take(ava, made).poses[:, 15, 0], 0.25, atol=1e-5)
    # It can be made again from what is kept on it.
    again = api.repeat(made, ava)
    assert again is not made and asked[1].options.keys() == job.options.keys()


def test_frames_that_stay_come_from_where_the_animator_points(scene, ava, asked):
    action = bpy.data.actions["first"]
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 21, 51
    assert kept_frames(scene, ava, action, "PREVIEW") == [10, 40]
    for frame in (15, 30, 45, 500):
        scene.timeline_markers.new("here", frame=frame).select = True
    assert kept_frames(scene, ava, action, "MARKERS") == [4, 19, 34]
    from avanim.avanim_addon.compat import actions

    for curve in actions.curves(action):
        for point in curve.keyframe_points:
            point.select_control_point = point.co.x in (20, 60)
    assert kept_frames(scene, ava, action, "KEYS") == [9, 49]
    for curve in actions.curves(action):
        curve.keyframe_points.foreach_set("select_control_point", [True] * FRAMES)
    with pytest.raises(InputError, match="All keys"):
        kept_frames(scene, ava, action, "KEYS")
    scene.frame_preview_start, scene.frame_preview_end = 500, 600
    with pytest.raises(InputError, match="Fewer than two"):
        kept_frames(scene, ava, action, "PREVIEW")
    scene.avanim.tools.tool, scene.avanim.tools.span = "gp", "MARKERS"
    bpy.ops.avanim.use_tool()
    assert asked[0].options["keys"] == [4, 19, 34] and "seconds" not in asked[0].options


def test_a_disabled_button_says_why(scene, ava):
    panel = scene.avanim.tools
    panel.tool = "hmm"
    assert "another take" in operators.why_no_tool(bpy.context)
    panel.tool, panel.span = "gp", "MARKERS"
    assert "two markers" in operators.why_no_tool(bpy.context)
    panel.tool = "mdn"
    assert operators.why_no_tool(bpy.context) == ""
    ava.avanim.track = 99
    assert "Select a take" in operators.why_no_tool(bpy.context)


def test_sliders_are_set_back(scene, ava):
    panel = scene.avanim.tools
    panel.gains, panel.offsets = (2,) * 6, (1,) * 6
    bpy.ops.avanim.reset_sliders()
    assert tuple(panel.gains) == (1,) * 6 and tuple(panel.offsets) == (0,) * 6


def test_the_whole_way_in_this_process(scene, ava):
    """Real models: pose space on a take, with a gain of 2 on its first component."""
    pytest.importorskip("torch")
    panel = scene.avanim.tools
    panel.gains = (2.0, *panel.gains[1:])
    assert bpy.ops.avanim.use_tool() == {"FINISHED"}
    made = operators.selected_take(bpy.context)
    swing = [np.ptp(take.read_take(ava, one).poses[:, 16, 2]) for one in (bpy.data.actions["first"], made)]
    assert 1.7 < swing[1] / swing[0] < 2.1
