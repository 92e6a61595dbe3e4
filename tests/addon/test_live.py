# SPDX-License-Identifier: GPL-3.0-or-later
"""The live dance: poses without keys over whatever the character plays, by the real worker; and none when it ends."""

from __future__ import annotations

import sys

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

import avanim  # noqa: E402
from avanim.avanim_addon import jobs, session  # noqa: E402
from avanim.avanim_addon.live import operators  # noqa: E402
from avanim.avanim_addon.live.player import Player  # noqa: E402
from avanim.avanim_addon.scene import sound, take  # noqa: E402
from avanim.avanim_addon.scene.character import add_character  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.job import Job  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402


@pytest.fixture
def scene(fresh_scene):
    avanim.register()
    yield fresh_scene
    avanim.unregister()


@pytest.fixture
def ava(scene, puppet):
    made = add_character(puppet, correctives=False)
    bpy.context.view_layer.objects.active = made
    return made


def lifted(frames: int, angle: float) -> Motion:
    poses = np.zeros((frames, 24, 3))
    poses[:, 16, 2] = angle + 0.01 * np.arange(frames)
    return Motion(poses, np.tile([0.5, 0.0, 0.0], (frames, 1)), 30.0)


def shoulder(armature) -> float:
    """rad, as it is seen."""
    seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return seen.pose.bones["left_shoulder"].matrix_basis.to_quaternion().angle


def test_89_poses_go_over_a_take_while_it_plays_and_are_gone_afterwards(scene, ava, tmp_path):
    action = take.write_take(ava, lifted(60, 0.2), "mine", frame_start=1)
    keyed = [tuple(point.co) for curve in _curves(action) for point in curve.keyframe_points]
    scene.frame_set(10)
    before = shoulder(ava)
    player = Player(ava, 5)
    for number, angle in enumerate((1.0, 1.3)):
        lifted(30, angle).save(tmp_path / f"live-{number}.npz")
    player.take_in(tmp_path / "live.npz", 1)
    player.take_in(tmp_path / "live.npz", 2)
    assert player.length == 60 and player.heard is None
    for frame in (6, 20, 45):
        scene.frame_set(frame)
        late = frame - 5
        wanted = 1.0 + 0.01 * late if late < 30 else 1.3 + 0.01 * (late - 30)
        assert abs(shoulder(ava) - wanted) < 1e-3
    assert player.heard == (1, 40)
    scene.frame_set(500)  # it has not been sent so far: the last pose holds
    assert abs(shoulder(ava) - 1.59) < 1e-3
    player.stop(scene)
    scene.frame_set(10)
    assert abs(shoulder(ava) - before) < 1e-5
    assert keyed == [tuple(point.co) for curve in _curves(action) for point in curve.keyframe_points]
    assert len(bpy.data.actions) == 1 and player._frame_changed not in bpy.app.handlers.frame_change_post
    player.stop(scene)


def test_89_bones_that_nothing_moves_get_back_what_they_had(scene, ava, tmp_path):
    ava.pose.bones["left_shoulder"].rotation_mode = "QUATERNION"
    ava.pose.bones["left_shoulder"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    player = Player(ava, 1)
    lifted(30, 1.0).save(tmp_path / "live-0.npz")
    player.take_in(tmp_path / "live.npz", 1)
    scene.frame_set(4)
    player.stop(scene)
    assert np.allclose(ava.pose.bones["left_shoulder"].rotation_quaternion, (0.8, 0.6, 0.0, 0.0), atol=1e-6)


def _curves(action):
    from avanim.avanim_addon.compat import actions

    return list(actions.curves(action))


def test_89_the_real_worker_sends_poses_ahead(scene, ava, song, tmp_path):
    pytest.importorskip("torch")
    worker = jobs.Worker(lambda: [sys.executable, str(jobs.WORKER)])
    try:
        options = {"seconds": 3.0, "fps": 30.0, "seed": 2, "character": "neutral"}
        handle = worker.submit(Job("groove_live", str(song), options, str(tmp_path / "live.npz")))
        assert handle.wait(120) and handle.state == "done", handle.error
        player = Player(ava, 1)
        player.take_in(tmp_path / "live.npz", handle.preview["chunks"])
        assert player.length == 90
        turns = []
        for frame in (1, 31, 61):
            scene.frame_set(frame)
            turns.append(shoulder(ava))
        player.stop(scene)
        assert len(set(np.round(turns, 3))) == 3
    finally:
        worker.kill()


def test_the_music_is_danced_to_from_the_current_frame_on(scene, ava, clicks):
    panel = scene.avanim.dance
    panel.source, panel.audio = "FILE", str(clicks)
    scene.frame_set(31)
    part = operators.played_part(scene)
    assert part["frame_start"] == 31 and abs(part["start"] - 1.0) < 1e-6 and part["audio"] == clicks
    assert len(scene.sequence_editor.strips if hasattr(scene.sequence_editor, "strips") else []) in (0, 1)
    operators.played_part(scene)  # no second strip
    panel.audio = str(clicks) + "x"
    with pytest.raises(InputError, match="no sound file"):
        operators.played_part(scene)


def test_a_strip_that_is_over_is_refused(scene, ava, audible):
    if audible is None:
        pytest.skip("this Blender cannot play sound")
    strip = sound.add_sound_strip(scene, audible, 1)
    scene.avanim.dance.source, scene.avanim.dance.strip = "STRIP", strip.name
    scene.frame_set(61)
    part = operators.played_part(scene)
    assert abs(part["start"] - 2.0) < 1e-6 and abs(part["seconds"] - 4.0) < 0.1
    scene.frame_set(175)
    with pytest.raises(InputError, match="is over"):
        operators.played_part(scene)


def test_buttons_say_why(scene, ava, clicks):
    assert "music" in operators.why_not_live(bpy.context)
    scene.avanim.dance.audio = str(clicks)
    assert operators.why_not_live(bpy.context) == "" and not bpy.ops.avanim.stop_live.poll()
    session.begin(session.Running(jobs.JobHandle(None, "1", Job("x")), None, kind=operators.KIND))
    assert "already" in operators.why_not_live(bpy.context) and bpy.ops.avanim.stop_live.poll()
    session.running.clear()


def test_the_cross_beside_a_dance_that_is_only_played_stops_it(scene):
    operators._stop_wanted = False
    number = session.begin(session.Running(operators._Danced({}), None, kind=operators.KIND))
    assert operators.dancing() and bpy.ops.avanim.cancel_job(job=number) == {"FINISHED"}
    assert operators._stop_wanted
    session.running.clear()
