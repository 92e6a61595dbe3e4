# SPDX-License-Identifier: GPL-3.0-or-later
"""What may happen while a job runs, with a real worker process whose tasks take no model.

The operator's turns are taken by hand, since bpy has no window; tests/gui does the same in one.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import avanim  # noqa: E402
from avanim.avanim_addon import generating, jobs, session  # noqa: E402
from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.dance.request import DanceRequest  # noqa: E402
from avanim.avanim_addon.scene import take  # noqa: E402
from avanim.avanim_addon.scene.ghost import Ghost  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.job import Job  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.skeleton import SMPL24, Rest  # noqa: E402

STUB = Path(__file__).resolve().parents[1] / "models" / "stub_worker.py"
SECONDS, FPS = 4, 24
TIMER = SimpleNamespace(type="TIMER", value="NOTHING")


def puppet(name):
    """A character's armature with no meshes."""
    data = bpy.data.armatures.new(name)
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode="EDIT")
    rest = Rest.average()
    for bone_name, parent, (x, y, z) in zip(SMPL24.joints, SMPL24.parents, rest.joints, strict=True):
        bone = data.edit_bones.new(bone_name)
        bone.head, bone.tail = (x, -z, y), (x + 0.02, -z, y + 0.1)
        bone.parent = data.edit_bones[SMPL24.joints[parent]] if parent >= 0 else None
    bpy.ops.object.mode_set(mode="OBJECT")
    made["avanim_character"], made["avanim_skeleton"] = "neutral", "smpl24"
    made["avanim_root"] = rest.joints[0].tolist()
    return made


@pytest.fixture
def motion():
    """The root walks 1 m, and the left elbow bends by 1 rad, over the whole length."""
    frames = SECONDS * FPS
    poses, trans = np.zeros((frames, 24, 3)), np.zeros((frames, 3))
    poses[:, SMPL24.index("left_elbow"), 1] = np.linspace(0, 1, frames)
    trans[:, 0] = np.linspace(0, 1, frames)
    return Motion(poses, trans, FPS)


@pytest.fixture
def worker(monkeypatch, motion, tmp_path):
    """A worker that needs 0.4 s for a dance, and sends it ahead after 0.04 s."""
    path = str(tmp_path / "dance.npz")
    motion.save(path)
    beats = Beats(np.arange(0.5, SECONDS, 0.5), np.arange(7) % 4, 120.0, 4)
    answer = {"motion": path, "beats": beats.to_dict(), "settings": {"method": "melody"}, "fps": FPS}

    def job(self, armature, scene, folder):
        return Job("slow", options={"steps": 20, "answer": answer, "preview": {"motion": path}})

    monkeypatch.setattr(DanceRequest, "job", job)
    worker = jobs.Worker(lambda: [sys.executable, str(STUB)])
    monkeypatch.setattr(session, "worker", lambda: worker)
    yield worker
    worker.kill()


@pytest.fixture
def ava(worker):
    bpy.ops.wm.read_homefile(use_empty=True)
    avanim.register()
    bpy.context.scene.render.fps = FPS
    made = puppet("Ava")
    bpy.ops.ed.undo_push(message="Character")
    yield made
    avanim.unregister()


class Press(generating.Generate):
    """The button, pressed."""

    def __init__(self, **wishes):
        self.wish = DanceRequest(
            Path("/song.wav"), **{"method": "choreographer", "add_sound": False, "fit_range": False, **wishes}
        )
        self.told = []
        self._begin(bpy.context)

    def request(self, context):
        return self.wish

    def report(self, kind, text):
        self.told.append(text)

    @property
    def handle(self):
        return self._job.handle

    def turn(self):
        """What a tick of the timer does; whether the operator has ended."""
        if self._number not in session.running and self.told:
            return True
        return self.modal(bpy.context, TIMER) != {"PASS_THROUGH"}

    def until(self, condition, seconds=10.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            assert not self.turn(), self.told
            time.sleep(0.01)

    def until_running(self):
        self.until(lambda: self.handle.state == "running")

    def to_the_end(self):
        end = time.monotonic() + 10
        while not self.turn():
            assert time.monotonic() < end
            time.sleep(0.01)
        return self.told[-1]


def takes(armature):
    return [tracks.take_on(track).name for track in tracks.take_tracks(armature)]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_jobs_of_two_characters_and_of_one_wait_for_each_other(ava):
    leo = puppet("Leo")
    bpy.context.view_layer.objects.active = ava
    first, second = Press(seed=1), Press(seed=2)
    bpy.context.view_layer.objects.active = leo
    third = Press(seed=1)
    assert [job.name for job in session.running.values()] == ["Ava", "Ava", "Leo"]
    assert session.job_of(ava) is first.handle and session.job_of(leo) is third.handle
    first.until_running()
    assert (second.handle.state, third.handle.state) == ("queued", "queued")
    for press in (first, second, third):
        press.to_the_end()
    assert takes(ava) == ["song choreographer 1", "song choreographer 2"] and takes(leo) == ["song choreographer 1.001"]
    assert session.running == {}


def test_the_same_wish_twice_is_refused_while_it_is_on_its_way(ava):
    first = Press(seed=1)
    with pytest.raises(InputError, match="Dance to song is on its way for Ava already"):
        Press(seed=1)
    first.to_the_end()
    Press(seed=1).to_the_end()
    assert len(takes(ava)) == 2


def test_one_job_is_cancelled_or_all_are(ava):
    first, second, third = (Press(seed=seed) for seed in range(3))
    assert bpy.ops.avanim.cancel_job(job=second._number) == {"FINISHED"}
    assert second.to_the_end() == "Cancelled"
    assert [press.handle.state for press in (first, third)] == ["queued", "queued"]
    assert bpy.ops.avanim.cancel_job() == {"FINISHED"} and first.handle.state == "cancelled"
    assert bpy.ops.avanim.cancel_jobs() == {"FINISHED"} and third.handle.state == "cancelled"
    for press in (first, third):
        press.to_the_end()
    with pytest.raises(RuntimeError, match="No job is running"):
        bpy.ops.avanim.cancel_jobs()
    assert len(bpy.data.actions) == 0


def test_escape_over_a_3d_view_stops_the_active_characters_job_else_the_newest(ava):
    leo = puppet("Leo")
    mine = [Press(seed=seed) for seed in (1, 2)]
    bpy.context.view_layer.objects.active = ava
    other = Press(seed=3)
    views = [SimpleNamespace(type=kind, x=x, y=0, width=100, height=50) for kind, x in (("VIEW_3D", 0), ("INFO", 100))]

    def escape(press, x, armature):
        context = SimpleNamespace(window=SimpleNamespace(screen=SimpleNamespace(areas=views)), object=armature)
        return press.modal(context, SimpleNamespace(type="ESC", value="PRESS", mouse_x=x, mouse_y=10))

    assert escape(other, 150, leo) == {"PASS_THROUGH"}
    assert escape(other, 50, leo) == {"RUNNING_MODAL"}
    assert [press.handle.state for press in (*mine, other)] == ["cancelled", "queued", "queued"]
    assert escape(mine[0], 50, None) == {"RUNNING_MODAL"}
    assert [press.handle.state for press in (*mine, other)] == ["cancelled", "queued", "cancelled"]
    for press in (mine[0], other, mine[1]):
        press.to_the_end()
    assert takes(leo) == ["song choreographer 2"]


# --- what must not go wrong -------------------------------------------------------------------------------------------


def delete_character(ava):
    bpy.data.objects.remove(ava)


def unlink_character(ava):
    for collection in ava.users_collection:
        collection.objects.unlink(ava)


def delete_scene(ava):
    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    bpy.data.scenes.remove(next(scene for scene in bpy.data.scenes if scene != other))


@pytest.mark.parametrize("gone", [delete_character, unlink_character, delete_scene])
@pytest.mark.parametrize("when", ["running", "writing"])
def test_a_result_whose_target_has_gone_is_kept_as_an_action(ava, motion, gone, when, tmp_path, monkeypatch):
    expected = take.write_take(ava, motion, "expected")
    curves = {
        (curve.data_path, curve.array_index): [key.co[:] for key in curve.keyframe_points]
        for curve in actions.curves(expected)
    }
    tracks.delete(ava, tracks.take_tracks(ava)[0])
    press = Press(seed=1, frame_start=1)
    press.until_running()
    if when == "writing":
        monkeypatch.setattr(generating, "_WRITING", 1e-6)
        press.until(lambda: len(bpy.data.actions))
    gone(ava)
    text = press.to_the_end()
    assert "gone" in text and "kept as the action song choreographer 1" in text
    assert ("Ava" in text) == (gone is not delete_scene)
    (action,) = bpy.data.actions
    assert action.name == "song choreographer 1" and action.use_fake_user and action.users == 1
    assert action["avanim_method"] == "melody" and action["avanim_frames"] == len(motion) and "avanim_request" in action
    kept = {
        (curve.data_path, curve.array_index): [key.co[:] for key in curve.keyframe_points]
        for curve in actions.curves(action)
    }
    assert kept == curves
    path = str(tmp_path / "kept.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert [action.name for action in bpy.data.actions] == ["song choreographer 1"]


def test_a_renamed_character_gets_its_take(ava):
    press = Press(seed=1)
    press.until_running()
    ava.name = "Anna"
    press.turn()
    assert session.running[press._number].name == "Anna"
    press.to_the_end()
    assert takes(bpy.data.objects["Anna"]) == ["song choreographer 1"]


@pytest.mark.parametrize("again", [False, True])
def test_undo_and_undo_of_undo_while_it_runs(ava, again):
    """The character's own beginning is undone; what is redone is the same character again."""
    bpy.ops.object.select_all(action="DESELECT")
    leo = puppet("Leo")
    bpy.ops.ed.undo_push(message="Leo")
    press = Press(seed=1)
    assert session.running[press._number].owner == leo.session_uid
    press.until_running()
    bpy.ops.ed.undo()
    assert "Leo" not in bpy.data.objects
    press.turn()
    if again:
        bpy.ops.ed.redo()
    text = press.to_the_end()
    if again:
        assert takes(bpy.data.objects["Leo"]) == ["song choreographer 1"] and text == "New take: song choreographer 1"
    else:
        assert "Leo is gone" in text and [action.name for action in bpy.data.actions] == ["song choreographer 1"]
    assert "Ava" in bpy.data.objects


def test_undo_in_the_middle_of_the_writing_begins_it_again(ava, monkeypatch):
    monkeypatch.setattr(generating, "_WRITING", 1e-6)
    ava.location.x = 1
    bpy.ops.ed.undo_push(message="Move")
    press = Press(seed=1)
    press.until(lambda: len(bpy.data.actions))
    bpy.ops.ed.undo()
    assert len(bpy.data.actions) == 0
    press.to_the_end()
    assert takes(bpy.data.objects["Ava"]) == ["song choreographer 1"] and len(bpy.data.actions) == 1


def test_cancel_in_the_middle_of_the_writing_leaves_nothing(ava, monkeypatch):
    monkeypatch.setattr(generating, "_WRITING", 1e-6)
    press = Press(seed=1)
    press.until(lambda: len(bpy.data.actions))
    session.cancel_all()
    press.to_the_end()
    assert len(bpy.data.actions) == 0 and takes(ava) == [] and session.running == {}


def test_a_file_saved_while_it_runs_or_writes_holds_nothing_of_it(ava, monkeypatch, tmp_path):
    monkeypatch.setattr(generating, "_WRITING", 1e-6)
    press = Press(seed=1)
    press.until(lambda: session.running[press._number].shown)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "running.blend"), copy=True)
    press.until(lambda: len(bpy.data.actions))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "writing.blend"), copy=True)
    press.to_the_end()
    assert takes(ava) == ["song choreographer 1"], "saving has not disturbed it"
    for name in ("running", "writing"):
        with bpy.data.libraries.load(str(tmp_path / f"{name}.blend")) as (inside, _):
            assert inside.actions == [] and inside.objects == ["Ava"] and inside.armatures == ["Ava"]


def test_another_file_cancels_it(ava, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    press = Press(seed=1)
    press.until(lambda: session.running[press._number].shown)
    folder = Path(press._folder.name)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert press.handle.state == "cancelled" and session.running == {}
    press.cancel(bpy.context)  # as Blender does
    assert not folder.exists() and len(bpy.data.actions) == 0


def test_the_take_is_in_step_when_the_frame_rate_has_changed_meanwhile(ava, motion):
    scene = bpy.context.scene
    from_file, from_strip = Press(seed=1), Press(seed=2, frame_start=49, start=1.5)
    from_file.until_running()
    scene.render.fps = 30
    from_file.to_the_end()
    from_strip.to_the_end()
    first, second = (tracks.take_on(track) for track in tracks.take_tracks(ava))
    assert first["avanim_fps"] == 30 and first["avanim_frame_start"] == 1
    # The strip's music that was 1.5 s in, at 24 frames a second, lay 36 frames into it and lies 45 frames into it now.
    assert second["avanim_frame_start"] == 49 - 36 + 45
    for action in (first, second):
        elbow = next(curve for curve in actions.curves(action) if "left_elbow" in curve.data_path)
        frames = [key.co.x for key in elbow.keyframe_points]
        assert (frames[-1] - frames[0]) / 30 == pytest.approx(SECONDS, abs=1 / 24)


def test_a_killed_worker_fails_the_job_and_the_one_that_waits_goes_on(ava, worker):
    first, second = Press(seed=1), Press(seed=2)
    first.until_running()
    os.kill(worker.about["pid"], signal.SIGKILL)
    assert "it was killed" in first.to_the_end()
    second.to_the_end()
    assert takes(ava) == ["song choreographer 2"]


def test_a_result_that_cannot_be_written_is_one_sentence_and_leaves_the_list(ava, monkeypatch, capsys):
    def steps(*_):
        yield
        raise ValueError("a bug")

    monkeypatch.setattr(DanceRequest, "steps", steps)
    assert Press(seed=1).to_the_end() == "Dance to song failed: ValueError: a bug"
    assert session.running == {} and "a bug" in capsys.readouterr().err


def test_no_room_for_temporary_files_is_one_sentence(ava, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(InputError, match=r"no room for temporary files \(No space left on device\); free some"):
        Press(seed=1)
    assert session.running == {}


# --- the preview ------------------------------------------------------------------------------------------------------


def test_a_preview_is_shown_while_it_runs_and_is_no_data(ava):
    press = Press(seed=1)
    press.until(lambda: session.running[press._number].shown)
    assert press.handle.state == "running" and len(bpy.data.actions) == 0 and ava.animation_data is None
    removed = []
    shown = session.running[press._number].shown
    shown.remove = lambda remove=shown.remove: removed.append(remove())
    press.to_the_end()
    assert removed == [None] and takes(ava) == ["song choreographer 1"]


def test_the_ghost_stands_where_the_take_will(ava, motion):
    ghost = Ghost(take.Shape.of(ava), motion, frame_start=10)
    try:
        take.write_take(ava, motion, "take", frame_start=10)
        scene = bpy.context.scene
        for frame in (10, 42, 90):
            scene.frame_set(frame)
            lines = ghost.lines(frame, FPS).reshape(-1, 2, 3)
            for joint, line in zip(SMPL24.joints[1:], lines, strict=False):
                bone = ava.pose.bones[joint]
                for point, head in ((line[0], bone.parent.head), (line[1], bone.head)):
                    assert np.abs(point - np.array(head)).max() < 0.02, (
                        frame,
                        joint,
                    )  # it keeps every 15th of a second
        assert (ghost.lines(-100, FPS) == ghost.lines(10, FPS)).all()
        assert (ghost.lines(1000, FPS) == ghost.lines(105, FPS)).all()
    finally:
        ghost.remove()


def test_takes_stay_in_a_file_that_is_opened_without_the_add_on(ava, motion, tmp_path):
    path = tmp_path / "takes.blend"
    for seed in (1, 2):
        Press(seed=seed).to_the_end()
    scene = bpy.context.scene
    scene.frame_set(60)
    here = [list(bone.head) for bone in ava.pose.bones]
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    code = (
        "import bpy, json, sys\n"
        f"bpy.ops.wm.open_mainfile(filepath={str(path)!r})\n"
        "assert not hasattr(bpy.types.Scene, 'avanim')\n"
        "ava = bpy.data.objects['Ava']\n"
        "bpy.context.scene.frame_set(60)\n"
        "print('FACTS', json.dumps([[track.strips[0].action.name for track in ava.animation_data.nla_tracks],"
        " [list(bone.head) for bone in ava.pose.bones]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    names, there = json.loads(done.stdout.partition("FACTS")[2].splitlines()[0])
    assert names == ["song choreographer 1", "song choreographer 2"] and np.abs(np.array(here) - there).max() < 1e-6
