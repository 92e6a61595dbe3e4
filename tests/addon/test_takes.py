# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of takes: other takes by moved markers, by a part danced anew; and assets."""

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

import avanim  # noqa: E402
from avanim.avanim_addon import api, session  # noqa: E402
from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.scene import keys, marks, take  # noqa: E402
from avanim.avanim_addon.scene.character import add_character  # noqa: E402
from avanim.avanim_addon.takes import operators, tracks  # noqa: E402
from avanim.models.dance.regenerate import regenerate  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402

FPS, FRAMES = 30.0, 120


def motion_of(seed):
    """Four seconds: the root walks a way of its own, one elbow swings by the seed."""
    time = np.arange(FRAMES) / FPS
    poses = np.zeros((FRAMES, 24, 3))
    poses[:, 18, 0] = 0.8 * np.sin(3 * time + seed)
    poses[:, 0, 1] = 0.5 * seed + 0.3 * time
    trans = np.stack([seed + 0.4 * time, np.zeros(FRAMES), np.sin(time + seed)], axis=1)
    return Motion(poses, trans, FPS)


@pytest.fixture
def scene(fresh_scene):
    avanim.register()
    yield fresh_scene
    avanim.unregister()


@pytest.fixture
def ava(scene, puppet):
    return add_character(puppet, correctives=False)


@pytest.fixture
def asked(monkeypatch):
    """Instead of a model: `motion_of` the seed, with a beat every half second. Returns the jobs that were asked for."""
    jobs = []

    def dance(job, progress=None):
        motion_of(job.options["seed"]).save(job.output)
        beats = Beats(np.arange(0.5, 4, 0.5), np.arange(7) % 4, 120.0, 4)
        settings = {**job.options, "audio": job.input, "bpm": 120.0}
        return {"motion": job.output, "beats": beats.to_dict(), "settings": settings}

    def run(job, progress=None):
        jobs.append(job)
        return (dance if job.task == "dance" else lambda job: regenerate(dance, job, lambda *_: None))(job)

    monkeypatch.setattr(session, "run_to_the_end", run)
    return jobs


@pytest.fixture
def song(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"never read")
    return tmp_path / "song.wav"


@pytest.fixture
def dance(scene, ava, asked, song):
    return api.generate_dance(song, ava, method="melody", seed=1, add_sound=False)


def curve_values(action, id_type="OBJECT"):
    result = {}
    for curve in actions.curves(action, id_type):
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        result[curve.data_path, curve.array_index] = points.reshape(-1, 2)
    return result


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_put_in_and_the_others_stay_to_the_bit(scene):
    action = actions.new_action("by hand", bpy.data.objects.new("Empty", None))
    actions.write_curves(action, "OBJECT", np.arange(1, 11), [("location", 0, "Move", np.linspace(0, 1, 10) ** 2)])
    (curve,) = actions.curves(action)
    for point in curve.keyframe_points:
        point.interpolation, point.handle_left_type, point.type = "BEZIER", "FREE", "EXTREME"
        point.handle_left = (point.co.x - 0.3, point.co.y + 0.01)
    before = [(tuple(p.co), tuple(p.handle_left), p.interpolation, p.type) for p in curve.keyframe_points]
    keys.put_keys(curve, 4, np.array([5.0, 6.0, 7.0]), hold_last=True)
    after = [(tuple(p.co), tuple(p.handle_left), p.interpolation, p.type) for p in curve.keyframe_points]
    assert after[:3] == before[:3] and after[6:] == before[6:]
    assert [co for co, *_ in after[3:6]] == [(4.0, 5.0), (5.0, 6.0), (6.0, 7.0)]
    assert [kind for *_, kind, _ in after[3:6]] == ["LINEAR", "LINEAR", "CONSTANT"]
    np.testing.assert_allclose(keys.sample(curve, np.array([4.5, 6.5])), [5.5, 7.0])


# --- markers and re-timing --------------------------------------------------------------------------------------------


def names_and_frames(scene):
    return [(marker.name, marker.frame) for marker in scene.timeline_markers]


def marker(scene, name):
    return next(marker for marker in scene.timeline_markers if marker.name == name)


def test_beats_are_kept_and_shown_and_hidden(scene, ava, dance):
    assert names_and_frames(scene) == []
    scene.timeline_markers.new("1.2", frame=77)
    assert api.show_markers(dance, ava) == 7
    assert names_and_frames(scene)[:4] == [("1.2", 77), ("1.1", 16), ("1.2 2", 31), ("1.3", 46)]
    api.show_markers(dance, ava)
    assert len(scene.timeline_markers) == 8
    marker(scene, "1.1").frame = 9
    marker(scene, "1.3").name = "drop"
    api.hide_markers(dance)
    assert names_and_frames(scene) == [("1.2", 77)]


def test_only_one_take_shows_its_beats_at_a_time(scene, ava, asked, song, dance):
    other = api.generate_dance(song, ava, method="melody", seed=2, add_sound=False, beat_markers=True)
    assert marks.are_shown(scene, other) and not marks.are_shown(scene, dance)
    api.show_markers(dance, ava)
    assert len(scene.timeline_markers) == 7 and not marks.are_shown(scene, other)


def test_retiming_follows_the_markers_and_leaves_the_old_take(scene, ava, dance):
    before = curve_values(dance)
    api.show_markers(dance, ava)
    with pytest.raises(InputError, match="drag one first"):
        api.retime(dance, ava)
    # Moved, renamed, deleted, and one that is the animator's own.
    marker(scene, "1.3").frame += 6
    marker(scene, "1.1").name = "in"
    scene.timeline_markers.remove(marker(scene, "2.2"))
    scene.timeline_markers.new("mine", frame=50)
    made = api.retime(dance, ava)

    assert made.name == "song melody 1 re-timed" and tracks.take_on(tracks.selected_track(ava)) == made
    assert [track.mute for track in tracks.take_tracks(ava)] == [True, False]
    after = curve_values(dance)
    assert all(np.array_equal(before[key], after[key]) for key in before)
    old, new = take.read_take(ava, dance), take.read_take(ava, made)
    assert len(new) == len(old)
    np.testing.assert_allclose(new.trans[51], old.trans[45], atol=1e-4)
    np.testing.assert_allclose(new.poses[51], old.poses[45], atol=1e-3)
    np.testing.assert_allclose(new.trans[[0, 15, 119]], old.trans[[0, 15, 119]], atol=1e-4)
    kept = marks.kept(made)["beats"]
    assert kept.labels == ("in", "1.2", "1.3", "1.4", "2.1", "2.3")
    np.testing.assert_allclose(kept.times, [0.5, 1.0, 1.7, 2.0, 2.5, 3.5])
    assert marks.since_made(made)[0].tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.5]
    # The markers are the new take's now: it can be moved on from there, and back.
    assert marks.are_shown(scene, made) and not marks.are_shown(scene, dance)
    assert ("mine", 50) in names_and_frames(scene) and ("1.3", 52) in names_and_frames(scene)
    marker(scene, "1.3").frame -= 6
    back = take.read_take(ava, api.retime(made, ava))
    assert np.abs(back.trans - old.trans).max() < 0.02


def test_markers_that_crossed_or_left_are_refused_and_nothing_is_made(scene, ava, dance):
    api.show_markers(dance, ava)
    marker(scene, "1.3").frame = 70
    with pytest.raises(InputError, match="keep them in order"):
        api.retime(dance, ava)
    marker(scene, "1.3").frame = 46
    marker(scene, "2.3").frame = 130
    with pytest.raises(InputError, match="outside the take"):
        api.retime(dance, ava)
    assert len(bpy.data.actions) == 1


def test_a_take_that_was_moved_in_the_nla_is_marked_where_it_plays(scene, ava, dance):
    strip = tracks.strip_on(tracks.take_tracks(ava)[0])
    strip.frame_start_ui += 100
    api.show_markers(dance, ava)
    assert names_and_frames(scene)[0] == ("1.1", 116)
    marker(scene, "1.2").frame += 5
    made = api.retime(dance, ava)
    copy = tracks.strip_on(tracks.track_of(ava, made))
    assert (copy.frame_start, copy.frame_end) == (strip.frame_start, strip.frame_end)
    np.testing.assert_allclose(marks.kept(made)["beats"].times[:3], [0.5, 1 + 5 / 30, 1.5], atol=1e-6)
    strip.scale = 2
    with pytest.raises(InputError, match="stretched"):
        api.show_markers(dance, ava)


def test_markers_outlive_saving(scene, ava, dance, tmp_path):
    api.show_markers(dance, ava)
    marker(scene, "1.3").frame += 6
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "takes.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "takes.blend"))
    armature = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    (action,) = api.takes(armature)
    made = api.retime(action, armature)
    assert marks.kept(made)["beats"].times[2] == pytest.approx(1.7)


# --- a part made anew -------------------------------------------------------------------------------------------------


def test_a_stretch_is_made_anew_and_the_rest_stays_to_the_bit(scene, ava, asked, dance):
    made = api.regenerate(dance, 41, 90, ava, blend=10, seed=5)
    assert asked[-1].task == "regenerate" and asked[-1].options["first"] == 40 and asked[-1].options["last"] == 89
    assert made.name == "song melody 1 part 5"
    assert [track.mute for track in tracks.take_tracks(ava)] == [True, False]
    old, new = curve_values(dance), curve_values(made)
    assert old.keys() == new.keys()
    outside = np.r_[0:40, 90:FRAMES]
    for key in old:
        assert np.array_equal(old[key][outside], new[key][outside]), key
        assert np.array_equal(old[key][:, 0], new[key][:, 0])
    elbow = [key for key in old if "left_elbow" in key[0]]
    assert max(np.abs(old[key][60, 1] - new[key][60, 1]) for key in elbow) > 0.05
    before, after = take.read_take(ava, dance), take.read_take(ava, made)
    assert np.linalg.norm(np.diff(after.trans, axis=0), axis=1).max() < 0.12
    np.testing.assert_allclose(after.poses[50:80, 18], motion_of(5).poses[50:80, 18], atol=1e-4)
    assert json.loads(made["avanim_parts"])[0]["seed"] == 5 and before.fps == after.fps
    again = api.regenerate(made, 1, 20, ava, seed=6)
    assert [part["seed"] for part in json.loads(again["avanim_parts"])] == [5, 6]


def test_some_bones_are_made_anew_and_the_others_stay(scene, ava, dance):
    made = api.regenerate(dance, 1, FRAMES, ava, joints=["left_elbow"], seed=5)
    old, new = curve_values(dance), curve_values(made)
    changed = {key[0] for key in old if not np.array_equal(old[key], new[key])}
    assert changed == {'pose.bones["left_elbow"].rotation_quaternion'}
    np.testing.assert_allclose(take.read_take(ava, made).poses[:, 18], motion_of(5).poses[:, 18], atol=1e-4)


def test_a_quaternion_that_ends_on_the_other_side_is_held_for_a_frame(scene, ava, asked, dance, monkeypatch):
    """A whole turn within the stretch: the keys after it are not to be changed, nor is there to be a spin between."""
    spun = motion_of(1)
    spun.poses[40:90, 18, 0] += np.linspace(0, 2 * np.pi, 50)
    spun.poses[90:, 18, 0] += 2 * np.pi

    def run(job, progress=None):
        spun.save(job.output)
        return {"motion": job.output, "beats": {}, "settings": {}}

    monkeypatch.setattr(session, "run_to_the_end", run)
    made = api.regenerate(dance, 41, 90, ava, joints=["left_elbow"], seed=5)
    bone = ava.pose.bones["left_elbow"]
    scene.frame_set(90)
    held = bone.rotation_quaternion.copy()
    scene.frame_set(90, subframe=0.5)
    assert held.rotation_difference(bone.rotation_quaternion).angle < 1e-3
    assert np.array_equal(
        *(curve_values(action)[bone.path_from_id("rotation_quaternion"), 0][90:] for action in (dance, made))
    )


def test_the_part_of_a_retimed_take_follows_its_beats(scene, ava, asked, dance):
    api.show_markers(dance, ava)
    marker(scene, "1.3").frame += 6
    api.regenerate(api.retime(dance, ava), 30, 80, ava, seed=5)
    assert asked[-1].options["was"][2] == 1.5 and asked[-1].options["now"][2] == pytest.approx(1.7)


def test_the_button_takes_range_and_bones_from_where_the_animator_points(scene, ava, asked, dance):
    panel = scene.avanim.takes
    panel.first, panel.last, panel.blend = 20, 50, 5
    assert bpy.ops.avanim.regenerate_part() == {"FINISHED"}
    assert [asked[-1].options[name] for name in ("first", "last", "blend", "joints")] == [19, 49, 5, None]
    panel.span = "PREVIEW"
    assert "preview range" in operators.why_no_part(bpy.context)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 60, 300
    bpy.ops.avanim.regenerate_part()
    assert (asked[-1].options["first"], asked[-1].options["last"]) == (59, FRAMES - 1)
    panel.span = "MARKERS"
    assert "two markers" in operators.why_no_part(bpy.context)
    for frame in (80, 30):
        scene.timeline_markers.new("x", frame=frame).select = True
    panel.bones = "SELECTED"
    for bone in ava.pose.bones:
        (bone if bpy.app.version >= (5, 0, 0) else bone.bone).select = bone.name == "head"
    bpy.ops.avanim.regenerate_part()
    assert [asked[-1].options[name] for name in ("first", "last", "joints")] == [29, 79, ["head"]]
    panel.span = "FRAMES"
    panel.first, panel.last = 500, 600
    with pytest.raises(RuntimeError, match="choose a range within it"):
        bpy.ops.avanim.regenerate_part()


def test_a_take_that_is_deleted_meanwhile_loses_nothing(scene, ava, asked, dance, monkeypatch):
    run = session.run_to_the_end

    def deleting(job, progress=None):
        result = run(job)
        tracks.delete(ava, tracks.track_of(ava, dance))
        return result

    monkeypatch.setattr(session, "run_to_the_end", deleting)
    made = api.regenerate(dance, 41, 90, ava, seed=5)
    assert api.takes(ava) == [made] and made["avanim_frames"] == FRAMES


# --- the list ---------------------------------------------------------------------------------------------------------


def test_takes_are_marked_as_assets_with_what_made_them(scene, ava, dance):
    assert bpy.ops.avanim.mark_take() == {"FINISHED"}
    data = dance.asset_data
    assert data.description == "Dance of 4.0 s at 30 fps, to song.wav, method melody, style auto, seed 1"
    assert {tag.name for tag in data.tags} == {"AVAnim", "Dance", "melody", "auto", "120 bpm", "smpl24"}
    pixels = np.empty(128 * 128 * 4, np.float32)
    dance.preview.image_pixels_float.foreach_get(pixels)
    picture = pixels.reshape(128, 128, 4)
    assert tuple(dance.preview.image_size) == (128, 128) and 0.01 < (picture[..., 0] > 0.5).mean() < 0.3
    assert bpy.ops.avanim.clear_take() == {"FINISHED"} and dance.asset_data is None
    with pytest.raises(RuntimeError, match="is no asset"):
        bpy.ops.avanim.clear_take()


def test_buttons_say_why_they_cannot_be_pressed(scene, ava, dance):
    with pytest.raises(RuntimeError, match="press Show Markers first"):
        bpy.ops.avanim.retime_take()
    assert bpy.ops.avanim.show_markers() == {"FINISHED"}
    with pytest.raises(RuntimeError, match="drag one first"):
        bpy.ops.avanim.retime_take()
    marker(scene, "1.3").frame += 3
    assert bpy.ops.avanim.retime_take() == {"FINISHED"} and len(api.takes(ava)) == 2
    assert bpy.ops.avanim.mute_take(track=0) == {"FINISHED"} and not ava.animation_data.nla_tracks[0].mute
    assert bpy.ops.avanim.delete_take() == {"FINISHED"}
    assert api.takes(ava) == [dance] and len(scene.timeline_markers) == 0
    bpy.context.view_layer.objects.active = None
    for name in ("mark_take", "show_markers", "hide_markers", "retime_take", "regenerate_part", "mute_take"):
        with pytest.raises(RuntimeError, match=r"character|list|poll"):
            getattr(bpy.ops.avanim, name)()


def test_all_of_it_without_registration(fresh_scene, puppet, asked, song):
    """As a script with the bpy wheel does."""
    ava = add_character(puppet, correctives=False)
    action = api.generate_dance(song, ava, method="melody", seed=1, add_sound=False)
    api.show_markers(action, ava)
    marker(fresh_scene, "1.3").frame += 6
    made = api.regenerate(api.retime(action, ava), 10, 40, ava, seed=3)
    api.mark_asset(made, ava)
    api.use_only(action, ava)
    api.delete_take(made, ava)
    assert len(api.takes(ava)) == 2
    again = api.repeat(action, ava, seed=9)
    assert again["avanim_seed"] == 9 and len(api.takes(ava)) == 3
    # Made by a later AVAnim, which has more panels than this one.
    again["avanim_request"] = again["avanim_request"].replace('"dance"', '"hum"')
    with pytest.raises(InputError, match="does not know: hum"):
        api.repeat(again, ava)
