# SPDX-License-Identifier: GPL-3.0-or-later
"""The face panel on the bpy wheel: speech becomes a take that moves the mouth, markers solve it again."""

import dataclasses
import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")
pytest.importorskip("torch", reason="the models need it, which this Python lacks")

from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.face.request import FaceRequest, wishes  # noqa: E402
from avanim.avanim_addon.face.resolve import resolve  # noqa: E402
from avanim.avanim_addon.request import asked_for, perform  # noqa: E402
from avanim.avanim_addon.scene import face_check, marks  # noqa: E402
from avanim.avanim_addon.scene.character import add_character, meshes_of  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.models.audio import save_wav  # noqa: E402
from avanim.models.audio.formant import demo_sentence  # noqa: E402
from avanim.models.face import OPTIONS  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech") / "hello.wav"
    save_wav(demo_sentence().sound, path)
    return path


def block_of(ava):
    return meshes_of(ava)[0].data.shape_keys


def speak(scene, ava, speech, **wish):
    return perform(FaceRequest(speech, **wish), ava, scene)


def curves(ava, action):
    part = next(p for p in tracks.parts(ava, tracks.track_of(ava, action)) if p.owner != ava)
    return {curve.data_path.split('"')[1]: curve for curve in actions.curves(part.action, "KEY")}


def test_the_button_makes_a_take_that_moves_the_mouth(fresh_scene, ava, speech):
    panel = fresh_scene.avanim.face
    panel.audio, panel.show_markers, panel.emotion = str(speech), True, "HAPPY"
    assert bpy.ops.avanim.generate_face() == {"FINISHED"}
    action = tracks.take_on(tracks.take_tracks(ava)[0])
    assert tracks.is_face(action) and "phonemes" in marks.kept(action)
    assert len(fresh_scene.timeline_markers) > 10
    seen = []
    for frame in range(1, action["avanim_frames"], 3):
        fresh_scene.frame_set(frame)
        seen.append(block_of(ava).key_blocks["jawOpen"].value)
    assert max(seen) > 0.15 and min(seen) < 0.08
    assert face_check.why_still(fresh_scene, ava, tracks.parts(ava, tracks.take_tracks(ava)[0])) == ""
    again = asked_for(action)
    assert isinstance(again, FaceRequest) and again.controls["emotion"].startswith("happy")


def test_moved_and_renamed_markers_solve_the_mouth_again_and_leave_the_eyes(fresh_scene, ava, speech):
    action, _ = speak(fresh_scene, ava, speech)
    with pytest.raises(InputError, match="shown"):
        resolve(fresh_scene, ava, action)
    marks.show(fresh_scene, action)
    with pytest.raises(InputError, match="moved, renamed or deleted"):
        resolve(fresh_scene, ava, action)
    kept = marks.kept(action)["phonemes"]
    index = next(i for i, name in enumerate(kept.labels) if name not in ("sil", "m", "p", "b") and i > 3)
    # Two phonemes may stand on one frame, so the marker is looked for by its name too.
    frame = 1 + kept.times[index] * action["avanim_fps"]
    alike = [each for each in fresh_scene.timeline_markers if each.name.split()[0] == kept.labels[index]]
    marker = min(alike, key=lambda each: abs(each.frame - frame))
    marker.name = "hum"
    with pytest.raises(InputError, match="no phoneme 'hum'"):
        resolve(fresh_scene, ava, action)
    marker.name = "m"
    made = resolve(fresh_scene, ava, action)
    assert marks.kept(made)["phonemes"].labels[index] == "m"
    before, after = curves(ava, action), curves(ava, made)
    frame = 1 + round((kept.times[index] + kept.times[index + 1]) / 2 * action["avanim_fps"])
    closed = min(after["jawOpen"].evaluate(f) - after["mouthClose"].evaluate(f) for f in (frame - 1, frame, frame + 1))
    assert closed < 0.03  # the new m closes the lips
    for f in range(1, action["avanim_frames"], 4):
        assert after["eyeBlinkLeft"].evaluate(f) == before["eyeBlinkLeft"].evaluate(f)
    assert tracks.track_of(ava, action).mute and not tracks.track_of(ava, made).mute
    assert marks.are_shown(fresh_scene, made)


def test_a_mouth_solved_again_keeps_its_mood_and_its_own_poses(fresh_scene, ava, speech, tmp_path):
    (tmp_path / "mine.toml").write_text('[phone."a aa ae eh @"]\njawOpen = 0.9\nmouthStretch = 0.6\n')
    wide = {"poses": str(tmp_path / "mine.toml")}
    for controls, shape in ((wide, "jawOpen"), ({"emotion": "happy", "suggest_emotion": 1.0}, "mouthSmileLeft")):
        action, _ = speak(fresh_scene, ava, speech, show_markers=True, controls=controls)
        assert ("mood" in json.loads(action["avanim_voice"])) == ("emotion" in controls)
        marker = next(m for m in fresh_scene.timeline_markers if m.name == "m")
        marker.frame += 1
        made = resolve(fresh_scene, ava, action)
        before, after = curves(ava, action)[shape], curves(ava, made)[shape]
        frames = range(1, action["avanim_frames"], 3)
        off = [abs(before.evaluate(f) - after.evaluate(f)) for f in frames]
        assert np.median(off) < 0.02 and max(after.evaluate(f) for f in frames) > 0.4
        marks.hide(fresh_scene, made)


def test_only_the_mouth_leaves_the_rest_to_what_plays_below(fresh_scene, ava, speech):
    action, _ = speak(fresh_scene, ava, speech, regions=("lower",), additive=True)
    keyed = curves(ava, action)
    assert "jawOpen" in keyed and "mouthPucker" in keyed
    assert not [name for name in keyed if name.startswith(("eye", "brow"))]
    parts = tracks.parts(ava, tracks.track_of(ava, action))
    assert {part.strip.blend_type for part in parts} == {"ADD", "COMBINE"}


def test_stepped_takes_hold_and_fewer_keys_stay_within_the_error(fresh_scene, ava, speech):
    whole, _ = speak(fresh_scene, ava, speech)
    fewer, _ = speak(fresh_scene, ava, speech, error=0.02)
    full, thin = curves(ava, whole)["jawOpen"], curves(ava, fewer)["jawOpen"]
    assert len(thin.keyframe_points) < 0.7 * len(full.keyframe_points)
    off = [abs(full.evaluate(f) - thin.evaluate(f)) for f in range(1, whole["avanim_frames"])]
    assert max(off) < 0.0201
    held, _ = speak(fresh_scene, ava, speech, controls={"stepped": True})
    points = curves(ava, held)["jawOpen"].keyframe_points
    assert {point.interpolation for point in points} == {"CONSTANT"} and len(points) < len(full.keyframe_points) / 2


def test_a_preview_range_makes_only_its_frames(fresh_scene, ava, speech):
    panel = fresh_scene.avanim.face
    panel.audio, panel.use_range = str(speech), True
    with pytest.raises(InputError, match="preview range"):
        FaceRequest.from_panel(fresh_scene)
    fresh_scene.use_preview_range = True
    fresh_scene.frame_preview_start, fresh_scene.frame_preview_end = 16, 45
    request = FaceRequest.from_panel(fresh_scene)
    assert (request.start, request.seconds, request.frame_start) == (pytest.approx(0.5), pytest.approx(1.0), 16)
    fresh_scene.frame_preview_start, fresh_scene.frame_preview_end = -90, -40
    with pytest.raises(InputError, match="beside the speech"):
        FaceRequest.from_panel(fresh_scene)


def test_a_mouth_that_cannot_move_says_why(fresh_scene, ava, speech):
    block = block_of(ava)
    action, problem = speak(fresh_scene, ava, speech)
    assert problem == ""
    parts = tracks.parts(ava, tracks.track_of(ava, action))

    def reason():
        return face_check.why_still(fresh_scene, ava, parts)

    block.key_blocks["jawOpen"].mute = True
    assert "muted" in reason()
    block.key_blocks["jawOpen"].mute = False
    tracks.set_mute(ava, tracks.track_of(ava, action), True)
    assert "track of the take" in reason()
    tracks.set_mute(ava, tracks.track_of(ava, action), False)
    block.animation_data.use_nla = False
    assert "switched off" in reason()
    block.animation_data.use_nla = True
    mesh = meshes_of(ava)[0]
    mesh.hide_viewport = True
    bpy.context.view_layer.update()
    assert "hidden" in reason()
    mesh.hide_viewport = False
    bpy.context.view_layer.update()
    own = actions.new_action("by hand", block)
    actions.write_curves(own, "KEY", np.array([1, 50]), [('key_blocks["jawOpen"].value', 0, "Face", np.zeros(2))])
    actions.assign(block, own)
    assert "by hand" in reason()
    block.animation_data.action = None
    assert reason() == ""


def test_shape_keys_of_other_names_are_told_before_anything_runs(fresh_scene, puppet, speech):
    body = dataclasses.replace(puppet.meshes[0], morphs={"aa": puppet.meshes[0].vertices * 0 + 0.01})
    ava = add_character(dataclasses.replace(puppet, meshes=[body]), correctives=False)
    with pytest.raises(InputError, match=r"aa.*none of ARKit's names"):
        face_check.require_face(ava)
    with pytest.raises(InputError):
        FaceRequest(speech).target(ava, fresh_scene)


def test_the_panel_sends_only_what_was_touched_and_all_that_the_job_knows(fresh_scene, ava):
    panel = fresh_scene.avanim.face
    assert wishes(panel) == {}
    panel.jaw, panel.lead_ms, panel.stepped, panel.emotion = 1.5, 40, True, "CURVE"
    found = wishes(panel)
    assert found["jaw"] == 1.5 and found["stepped"] is True and found["emotion"] == "happy:0.6@0"
    assert set(found) <= set(OPTIONS)
    for name in ("articulation", "closure", "smoothing", "upper", "blinks", "suggest_emotion"):
        assert name in OPTIONS and hasattr(panel, name)
