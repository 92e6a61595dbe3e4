# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels that write files: face, sound, render, export. Their windows are in tests/gui."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

import avanim  # noqa: E402
from avanim.avanim_addon import api, errands, jobs, request, session  # noqa: E402
from avanim.avanim_addon.export import operators as export_operators  # noqa: E402
from avanim.avanim_addon.face import operators as face_operators  # noqa: E402
from avanim.avanim_addon.render import operators as render_operators  # noqa: E402
from avanim.avanim_addon.render import playblast  # noqa: E402
from avanim.avanim_addon.scene import export, files, render, sound, studio, take  # noqa: E402
from avanim.avanim_addon.sound import operators as sound_operators  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.face import ARKIT_52, FaceTrack  # noqa: E402
from avanim.rigs.job import Job  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
HEARS = bpy.app.build_options.audaspace
needs_sound = pytest.mark.skipif(not HEARS, reason="this bpy was built without sound")
needs_graphics = pytest.mark.skipif(
    not render._egl_works(), reason="this machine offers no OpenGL (libegl1, libgl1-mesa-dri)"
)


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_empty=True)
    avanim.register()
    errands.written.clear()
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 30, 1, 6
    yield scene
    avanim.unregister()


@pytest.fixture
def dancer(scene, puppet, wild_motion):
    armature = api.character.add_character(puppet, correctives=False)
    take.write_take(armature, Motion(wild_motion.poses[:6], wild_motion.trans[:6], 30.0), "wild")
    mesh = armature.children[0]
    for frame, value in ((1, 0.0), (6, 1.0)):
        mesh.data.shape_keys.key_blocks["jawOpen"].value = value
        mesh.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=frame)
    return armature


@pytest.fixture
def staged(scene, dancer):
    bpy.ops.avanim.add_studio()
    return dancer


def small(scene):
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 130, 75, 50


# --- render -----------------------------------------------------------------------------------------------------------


def test_the_render_buttons_say_why_they_cannot(scene, dancer, tmp_path):
    panel = scene.avanim.render
    assert "no camera" in render_operators.why_no_picture(bpy.context)
    bpy.ops.avanim.add_studio()
    assert "Save the .blend first" in render_operators.why_no_picture(bpy.context)
    panel.path = ""
    assert "Choose the file" in render_operators.why_no_picture(bpy.context)
    panel.path = str(tmp_path / "film")
    assert render_operators.why_no_picture(bpy.context) == render_operators.why_no_film(bpy.context) == ""
    assert "no" in playblast.why_no_playblast(bpy.context), "there is no window to film"
    for name in ("render_film", "render_still"):
        panel.path = ""
        with pytest.raises(RuntimeError, match="Choose the file"):
            getattr(bpy.ops.avanim, name)()
    bpy.context.view_layer.objects.active = None
    with pytest.raises(RuntimeError, match="Select a character"):
        bpy.ops.avanim.add_studio()


@needs_graphics
def test_film_and_still_are_written_and_the_scene_stays_as_it_was(scene, staged, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    small(scene)
    scene.frame_set(3)
    before = scene.render.engine, scene.render.filepath, scene.render.resolution_x, scene.frame_current
    assert bpy.ops.avanim.render_still() == {"FINISHED"}
    picture = np.asarray(Image.open(tmp_path / "render0003.png"))
    assert picture.shape == (36, 64, 3) and picture.std() > 3, "half of 130 x 75, in even numbers"
    assert bpy.ops.avanim.render_film() == {"FINISHED"}
    with av.open(tmp_path / "render.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) == 6
    assert errands.written["render"] == str(tmp_path / "render.mp4")
    assert (scene.render.engine, scene.render.filepath, scene.render.resolution_x, scene.frame_current) == before


def test_the_studio_is_added_once_and_then_fitted_anew(scene, dancer):
    bpy.ops.avanim.add_studio()
    camera, count = scene.camera, len(bpy.data.objects)
    near = camera.location.copy()
    dancer.location.x = 4.0
    bpy.ops.avanim.add_studio()
    assert scene.camera == camera and len(bpy.data.objects) == count
    assert (camera.location - near).length > 2


def test_few_moments_tell_where_the_dance_goes(scene, dancer):
    full = studio.joint_trajectory(scene, dancer, (1, 6))
    few = studio.joint_trajectory(scene, dancer, (1, 6), moments=4)
    assert few.shape == full.shape and np.abs(few - full).max() < 0.1
    assert np.allclose(few[[0, -1]], full[[0, -1]])


def test_pictures_become_a_film(scene, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(3):
        Image.new("RGB", (32, 18), (80 * index, 0, 0)).save(folder / f"{index:06d}.png")
    job = Job("film", None, {"pictures": str(folder), "first": 1, "size": [32, 18]}, str(tmp_path / "film.mp4"))
    assert files.run(job) == {"output": job.output}
    with av.open(job.output) as film:
        reds = [frame.to_ndarray(format="rgb24")[..., 0].mean() for frame in film.decode(video=0)]
    assert reds == sorted(reds) and len(reds) == 3 and reds[2] > 100
    with pytest.raises(InputError, match="no pictures"):
        render.join_pictures(tmp_path / "none.mp4", pictures=tmp_path / "none", first=1, size=(32, 18))


# --- export -----------------------------------------------------------------------------------------------------------


def test_the_character_is_exported_as_the_panel_says(scene, dancer, tmp_path):
    panel = scene.avanim.export
    panel.path, panel.target = str(tmp_path / "wild.out"), "unreal"
    for panel.format in (".glb", ".fbx"):
        assert bpy.ops.avanim.export_character() == {"FINISHED"}
        path = tmp_path / f"wild.out{panel.format}"
        assert path.stat().st_size > 10_000 and errands.written["export"] == str(path)
    assert b"root" in path.read_bytes()
    # From the menu, the file's own ending decides.
    assert bpy.ops.avanim.export_to_file(filepath=str(tmp_path / "menu.glb")) == {"FINISHED"}
    assert (tmp_path / "menu.glb").read_bytes()[:4] == b"glTF" and panel.format == ".glb"


def test_the_export_button_says_why_it_cannot(scene, dancer, monkeypatch, tmp_path):
    assert "Save the .blend" in export_operators.why_no_export(bpy.context)
    scene.avanim.export.path = str(tmp_path / "x")
    assert export_operators.why_no_export(bpy.context) == ""
    monkeypatch.setitem(export.MISSING_EXPORTERS, ".fbx", "the add-on io_scene_fbx")
    assert "io_scene_fbx" in export_operators.why_no_export(bpy.context)
    with pytest.raises(InputError, match="lacks the add-on io_scene_fbx"):
        export.export(tmp_path / "x.fbx")
    handle = SimpleNamespace(cancel=lambda: None)
    monkeypatch.setitem(session.running, 1, session.Running(handle, None, kind="export"))
    with pytest.raises(RuntimeError, match="being done already"):
        bpy.ops.avanim.export_character()
    bpy.context.view_layer.objects.active = None
    assert "Select the character" in export_operators.why_no_export(bpy.context)


# --- sound ------------------------------------------------------------------------------------------------------------


@needs_sound
def test_beats_are_found_and_found_anew(scene, song):
    scene.frame_set(31)
    with pytest.raises(RuntimeError, match="Choose a sound strip"):
        bpy.ops.avanim.find_beats()
    bpy.ops.avanim.add_sound(filepath=str(song))
    scene.timeline_markers.new("verse", frame=40)
    for _ in range(2):
        assert bpy.ops.avanim.find_beats() == {"FINISHED"}
        numbers = [marker for marker in scene.timeline_markers if marker.name != "verse"]
        frames = np.array(sorted(marker.frame for marker in numbers))
        assert 15 <= len(frames) <= 30 and frames[0] >= 31
        assert np.abs(np.diff(frames) - 15).max() <= 1, "120 beats a minute at 30 frames a second"
        assert [marker.name for marker in numbers][:5] == ["1.1", "1.2", "1.3", "1.4", "2.1"]
    assert len(scene.timeline_markers) == len(numbers) + 1
    assert scene.avanim.sound.found == "120.0 bpm, 4/4"
    assert api.find_beats(song, start=2.0, seconds=4.0).bpm == pytest.approx(120, abs=1)


@needs_sound
def test_the_mix_lasts_as_long_as_the_range(scene, clicks, tmp_path):
    assert "no sound strip" in sound_operators.why_no_mix(bpy.context)
    sound.add_sound_strip(scene, clicks, 1)
    scene.frame_end = 45
    scene.avanim.sound.path = str(tmp_path / "mix.mp4")
    assert bpy.ops.avanim.mix_sound() == {"FINISHED"}
    with av.open(tmp_path / "mix.wav") as file:
        samples = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)
    assert samples.size // 2 == 72000
    with pytest.raises(InputError, match=r"end the name in \.wav"):
        api.mix_sound(tmp_path / "mix.mp3")


# --- face -------------------------------------------------------------------------------------------------------------


def test_what_the_face_does_is_written(scene, dancer, tmp_path):
    scene.avanim.face.path = str(tmp_path / "talk")
    assert bpy.ops.avanim.export_face() == {"FINISHED"}
    track = FaceTrack.load(tmp_path / "talk.csv", fps=30.0)
    jaw = track.weights[:, ARKIT_52.index("jawOpen")]
    assert len(track) == 6 and jaw[0] == 0 and jaw[-1] == 1 and (np.diff(jaw) > 0).all()
    assert np.delete(track.weights, ARKIT_52.index("jawOpen"), axis=1).max() == 0
    again = api.export_face(tmp_path / "talk.npz", dancer, frame_range=(2, 4))
    assert np.allclose(again.weights, track.weights[1:4], atol=1e-6)
    assert bpy.ops.avanim.export_face_to_file(filepath=str(tmp_path / "menu.csv")) == {"FINISHED"}
    dancer.children[0].shape_key_clear()
    assert "no facial shape keys" in face_operators.why_no_face(bpy.context)
    with pytest.raises(InputError, match="no facial shape keys"):
        api.export_face(tmp_path / "none.csv", dancer)


def test_a_recorded_face_becomes_a_take_and_comes_out_as_it_went_in(scene, dancer, tmp_path):
    weights = np.zeros((4, 52))
    weights[:, ARKIT_52.index("eyeBlinkLeft")] = [0, 0.5, 1, 0.25]
    FaceTrack(weights, np.zeros((4, 3)), np.zeros((4, 2)), 30.0).save(tmp_path / "blink.npz")
    assert not face_operators.AVANIM_FH_face.poll_drop(SimpleNamespace(area=None))
    scene.frame_set(2)
    assert bpy.ops.avanim.import_face(filepath=str(tmp_path / "blink.npz")) == {"FINISHED"}
    assert "blink" in [action.name for action in api.takes(dancer)]
    written = api.export_face(tmp_path / "again.csv", dancer, frame_range=(2, 5))
    column = ARKIT_52.index("eyeBlinkLeft")
    assert np.allclose(written.weights[:, column], weights[:, column], atol=1e-3)
    (tmp_path / "empty.csv").write_text("Timecode\n")
    with pytest.raises(RuntimeError, match="no Live Link Face recording"):
        bpy.ops.avanim.import_face(filepath=str(tmp_path / "empty.csv"))


# --- the second Blender -----------------------------------------------------------------------------------------------


@needs_graphics
def test_a_second_blender_writes_the_file_meanwhile(scene, staged, tmp_path):
    """The wheel stands for the second Blender here; tests/gui starts a real one."""
    small(scene)
    scene.name = "stage"
    bpy.data.scenes.new("another")
    copy, folder = tmp_path / "copy.blend", tmp_path / "folder"
    folder.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True)
    code = (
        f"import bpy, runpy; bpy.ops.wm.open_mainfile(filepath={str(copy)!r}); "
        f"runpy.run_path({errands.__file__.replace('errands.py', 'second.py')!r}, run_name='__main__')"
    )
    worker = jobs.Worker(lambda: [sys.executable, "-c", code])
    options = {"engine": "workbench", "size": [64, 36], "scene": "stage", "folder": str(folder)}
    try:
        result = jobs.run_to_the_end(worker, Job("render", None, options, str(tmp_path / "film.mp4")))
        assert result == {"output": str(tmp_path / "film.mp4")} and (tmp_path / "film.mp4").stat().st_size > 500
        with pytest.raises(InputError, match="end the name in"):
            jobs.run_to_the_end(worker, Job("render", None, options, str(tmp_path / "film.avi")))
    finally:
        worker.kill()


def test_an_unknown_task_and_object_are_refused(scene, tmp_path):
    with pytest.raises(InputError, match="Unknown task 'sing'"):
        files.run(Job("sing", None, {}, "x.wav"))
    with pytest.raises(InputError, match="no object Ava"):
        files.run(Job("export", None, {"armature": "Ava"}, str(tmp_path / "x.fbx")))


def test_loading_a_file_ends_what_runs(scene):
    stub = ROOT / "tests/models/stub_worker.py"
    worker = jobs.Worker(lambda: [sys.executable, str(stub)])
    handle = worker.submit(Job("slow"))
    timer = bpy.context.window_manager.event_timer_add(0.1, window=bpy.context.window)
    number = session.begin(session.Running(handle, timer, kind="render", own_worker=worker))
    assert session.errand("render") == number and not session.errand("export")
    assert not bpy.ops.avanim.render_film.poll()
    bpy.ops.wm.read_homefile(use_empty=True)
    assert handle.state == "cancelled" and session.running == {}


class _Pressed(render_operators._Render):
    """An errand's button, pressed; tests/gui does it in a window."""

    bl_label, ending = "Render Film", ".mp4"

    def __init__(self, handle, worker, folder):
        self.told, self._folder = [], folder
        job = session.Running(handle, None, name="film.mp4", title=self.bl_label, kind="render", own_worker=worker)
        self._begin_job(bpy.context, job)

    def report(self, kind, text):
        self.told.append(text)


def test_an_errand_is_on_the_list_of_jobs_and_is_cancelled_with_them(scene, tmp_path):
    stub = ROOT / "tests/models/stub_worker.py"
    tick = SimpleNamespace(type="TIMER", value="NOTHING")
    for name in ("cancel_jobs", "cancel_job"):
        worker = jobs.Worker(lambda: [sys.executable, str(stub)])
        folder = request.temporary_folder()
        press = _Pressed(worker.submit(Job("slow")), worker, folder)
        while not worker.about:
            assert press.modal(bpy.context, tick) == {"PASS_THROUGH"}
        assert session.running[press._number].name == "film.mp4"
        wish = {"job": press._number} if name == "cancel_job" else {}
        assert getattr(bpy.ops.avanim, name)(**wish) == {"FINISHED"}
        assert press.modal(bpy.context, tick) == {"CANCELLED"}
        assert press.told == ["Cancelled"] and session.running == {} and not Path(folder.name).exists()
        assert not worker.about, "its process has ended with it"


def test_presets_of_the_panels_keep_settings_and_no_file(scene, tmp_path, monkeypatch):
    def folder(*_, path="", create=False, **__):
        (tmp_path / path).mkdir(parents=True, exist_ok=True)
        return str(tmp_path / path)

    monkeypatch.setattr(bpy.utils, "user_resource", folder)
    for domain in ("render", "export"):
        scene.avanim.render.engine, scene.avanim.render.path = "cycles", "/a"
        scene.avanim.export.target, scene.avanim.export.path = "unity", "/a"
        assert getattr(bpy.ops.avanim, f"add_{domain}_preset")(name="mine") == {"FINISHED"}
        (preset,) = (tmp_path / "presets/avanim" / domain).glob("*.py")
        scene.avanim.render.engine, scene.avanim.render.path = "eevee", "/b"
        scene.avanim.export.target, scene.avanim.export.path = "plain", "/b"
        exec(preset.read_text(), {})
        kept = scene.avanim.render.engine, scene.avanim.export.target
        assert kept == (("cycles", "plain") if domain == "render" else ("eevee", "unity"))
        assert scene.avanim.render.path == scene.avanim.export.path == "/b"


# --- the public functions ---------------------------------------------------------------------------------------------


def test_the_page_of_the_functions_names_them_all_and_its_example_runs(clicks, tmp_path):
    page = (ROOT / "docs/api.md").read_text()
    for name in api.__all__:
        assert name[0].isupper() or f"`{name}(" in page, name
    example = ROOT / "examples/script_dance.py"
    body = example.read_text()
    block = page.split("game-engine file:\n\n```python\n")[1].split("```")[0]
    for line in block.strip().splitlines():
        assert line in body, "the page shows lines of the example"
    if not (ROOT / "rigs/characters/SMPL_NEUTRAL.npz").exists():
        pytest.skip("the characters are not built; run `python3 build_addon.py`")
    command = [sys.executable, example, clicks, tmp_path, "--seconds", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "60 frames" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == (
        ["dance.fbx"] + ["dance.manifest.json"] * HEARS + ["dance.png"] + ["dance.wav"] * HEARS
    )
