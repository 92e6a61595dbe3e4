# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's choreography: from properties and poses to a job, and a group's result to further characters."""

from __future__ import annotations

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import avanim  # noqa: E402
from avanim.avanim_addon.dance import choreography  # noqa: E402
from avanim.avanim_addon.dance.request import DanceRequest  # noqa: E402
from avanim.avanim_addon.scene import take  # noqa: E402
from avanim.avanim_addon.scene.character import add_character  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.models.dance.choreographer.controls import OPTIONS, Controls  # noqa: E402
from avanim.models.tasks import checked_options  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.motion_files import load_motion  # noqa: E402


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_empty=True)
    avanim.register()
    bpy.context.scene.render.fps = 30
    yield bpy.context.scene
    avanim.unregister()


@pytest.fixture
def armature(scene):
    return add_character("neutral", correctives=False)


def waving(frames: int = 3) -> Motion:
    rng = np.random.default_rng(0)
    return Motion(rng.normal(0, 0.4, (frames, 24, 3)), rng.normal(0, 0.5, (frames, 3)), 30.0)


def test_what_is_left_as_it_is_asks_for_nothing(scene):
    assert choreography.wishes(scene.avanim.dance.choreography) == {}


def test_all_wishes_are_options_that_the_choreographer_reads(scene, armature):
    panel = scene.avanim.dance.choreography
    panel.mix, panel.energy, panel.amplitude, panel.travel, panel.mirror = "pop:2, hiphop", 1.5, 0.8, 0.25, True
    panel.use_region, panel.region, panel.pace, panel.beat_offset = True, (3.5, 2), "half", 0.5
    panel.track, panel.script = "verse: no turns", bpy.data.texts.new("Dance")
    panel.script.write("9: grapevine\n# the end\n")
    panel.use_loop, panel.loop = True, 4
    found = choreography.wishes(panel)
    controls = Controls.from_options(checked_options(found, OPTIONS), 24, 30.0)
    assert controls.mix == {"pop": 2 / 3, "hiphop": 1 / 3} and controls.region == (3.5, 2.0) and controls.loop == 4
    assert len(controls.track.rules) == 2 and controls.pace == "half" and controls.energy == 1.5
    panel.use_loop, panel.dancers, panel.formation = False, 3, "canon"
    assert choreography.wishes(panel) | {"dancers": 3, "formation": "canon", "canon": 2.0} == choreography.wishes(panel)


def test_pins_are_the_poses_that_are_seen(scene, armature):
    motion = waving()
    take.write_take(armature, motion, "own", frame_start=10)
    panel = scene.avanim.dance.choreography
    for frame in (12, 10):
        scene.frame_set(frame)
        assert bpy.ops.avanim.pin_pose(what="THIS") == {"FINISHED"}
    pins = choreography.pins_of(panel)
    assert [pin["frame"] for pin in pins] == [10, 12] and panel.pinned == "10, 12"
    assert np.allclose(pins[1]["poses"], motion.poses[2], atol=1e-4)
    assert np.allclose(pins[1]["trans"], motion.trans[2], atol=1e-4)
    bpy.ops.avanim.pin_pose(what="CLEAR")
    assert choreography.pins_of(panel) == [] and panel.pinned == ""


def test_all_frames_keyed_by_hand_are_pinned(scene, armature):
    with pytest.raises(RuntimeError, match="no keys of your own"):
        bpy.ops.avanim.pin_pose(what="KEYED")
    bone = armature.pose.bones["left_elbow"]
    for frame, turn in ((5, 0.2), (25, 0.6)):
        bone.rotation_quaternion = (np.cos(turn), np.sin(turn), 0, 0)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    scene.frame_set(11)
    bpy.ops.avanim.pin_pose(what="KEYED")
    pins = choreography.pins_of(scene.avanim.dance.choreography)
    assert [pin["frame"] for pin in pins] == [5, 25] and scene.frame_current == 11
    elbow = 18
    assert np.linalg.norm(pins[1]["poses"][elbow]) == pytest.approx(1.2, abs=1e-4)


def test_pins_count_from_the_dances_first_frame_and_the_pose_goes_into_a_file(scene, armature, tmp_path):
    take.write_take(armature, waving(), "own", frame_start=10)
    scene.frame_set(11)
    bpy.ops.avanim.pin_pose(what="THIS")
    panel = scene.avanim.dance.choreography
    panel.from_pose = True
    request = DanceRequest(tmp_path / "song.wav", frame_start=4, controls=choreography.wishes(panel))
    options = request.job(armature, scene, tmp_path).options
    assert options["pins"][0]["frame"] == 7
    assert np.allclose(load_motion(options["continue_from"]).poses[-1], waving().poses[1], atol=1e-4)
    json.dumps(options)


def test_a_group_comes_with_further_characters(scene, armature, tmp_path):
    paths = [tmp_path / f"dance-{k}.npz" for k in range(2)]
    for path in paths:
        waving(20).save(path)
    result = {
        "motion": str(paths[0]), "motions": [str(path) for path in paths],
        "beats": {"times": [0.1, 0.3], "positions": [0, 1], "bpm": 120.0, "metre": 4},
        "settings": {"sections": [{"label": "A", "name": "verse", "start": 0.1, "energy": 0.5}]},
    }  # fmt: skip
    request = DanceRequest(tmp_path / "song.wav", add_sound=False, beat_markers=True)
    _, problem = take.last_of(request.steps(armature, scene, result))
    dancers = [one for one in scene.objects if one.type == "ARMATURE"]
    assert len(dancers) == 2 and problem == "" and bpy.context.view_layer.objects.active == armature
    for dancer in dancers:
        (track,) = tracks.take_tracks(dancer)
        assert len(take.read_take(dancer, tracks.take_on(track))) == 20
    assert "verse A" in [marker.name for marker in scene.timeline_markers]
