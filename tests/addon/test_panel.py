# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration, panels and buttons on the bpy wheel. What needs a window is in tests/gui."""

import builtins
import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
soundfile = pytest.importorskip("soundfile")

import avanim  # noqa: E402
from avanim.avanim_addon import api, jobs, registration, session  # noqa: E402
from avanim.avanim_addon.compat import versions  # noqa: E402
from avanim.avanim_addon.dance import menus, operators  # noqa: E402
from avanim.avanim_addon.dance.request import DanceRequest  # noqa: E402
from avanim.avanim_addon.scene import strip_beats, take  # noqa: E402
from avanim.avanim_addon.sound import menus as sound_menus  # noqa: E402
from avanim.avanim_addon.takes import panels as take_panels  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.job import Job  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.skeleton import SMPL24, Rest  # noqa: E402
from bl_ui.utils import PresetPanel  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# The bpy wheel of 4.2 was built without sound.
HEARS = bpy.app.build_options.audaspace
needs_sound = pytest.mark.skipif(not HEARS, reason="this bpy was built without sound")
SECONDS = 4.0


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_empty=True)
    avanim.register()
    yield bpy.context.scene
    avanim.unregister()


@pytest.fixture
def armature(scene):
    """A character's armature with no meshes: quick to add."""
    data = bpy.data.armatures.new("Ava")
    found = bpy.data.objects.new("Ava", data)
    scene.collection.objects.link(found)
    bpy.context.view_layer.objects.active = found
    bpy.ops.object.mode_set(mode="EDIT")
    rest = Rest.average()
    for name, parent, (x, y, z) in zip(SMPL24.joints, SMPL24.parents, rest.joints, strict=True):
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = (x, -z, y), (x, -z, y + 0.1)
        bone.parent = data.edit_bones[SMPL24.joints[parent]] if parent >= 0 else None
    bpy.ops.object.mode_set(mode="OBJECT")
    found["avanim_character"], found["avanim_skeleton"] = "neutral", "smpl24"
    found["avanim_root"] = rest.joints[0].tolist()
    return found


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "clicks.wav"
    time = np.arange(int(22050 * SECONDS)) / 22050
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 90 * time) * np.exp(-(time % 0.5) * 20), 22050)
    return path


@pytest.fixture
def quick(monkeypatch):
    """Instead of a model: a motion that stands still. Returns the jobs that were asked for."""
    asked = []

    def dance(job, progress=None):
        asked.append(job)
        frames = round(job.options.get("seconds", SECONDS) * job.options["fps"])
        Motion(np.zeros((frames, 24, 3)), np.zeros((frames, 3)), job.options["fps"]).save(job.output)
        beats = Beats(np.arange(0.5, SECONDS, 0.5), np.arange(7) % 4, 120.0, 4)
        settings = {"method": job.options["method"], "seed": job.options["seed"], "audio": job.input}
        return {"motion": job.output, "beats": beats.to_dict(), "settings": settings, "fps": job.options["fps"]}

    monkeypatch.setattr(session, "run_to_the_end", dance)
    return asked


# --- registration -----------------------------------------------------------------------------------------------------


def test_every_class_is_in_the_list_and_named_by_the_convention():
    defined = {
        value
        for name, module in sys.modules.items()
        if name.startswith("avanim.avanim_addon")
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == name and hasattr(value, "bl_rna")
    }
    assert defined == set(registration.CLASSES)
    kinds = {
        bpy.types.FileHandler: "FH",
        bpy.types.Menu: "MT",
        bpy.types.Operator: "OT",
        bpy.types.Panel: "PT",
        bpy.types.UIList: "UL",
        bpy.types.PropertyGroup: "PG",
    }
    for cls in registration.CLASSES:
        for kind, letters in kinds.items():
            if issubclass(cls, kind):
                assert cls.__name__.startswith(f"AVANIM_{letters}_")
        if issubclass(cls, bpy.types.Operator):
            assert cls.bl_idname == "avanim." + cls.__name__.removeprefix("AVANIM_OT_")
            assert cls.bl_description and not cls.bl_description.endswith(".")


def test_registering_and_unregistering_twice_leaves_nothing(scene):
    handlers = len(bpy.app.handlers.load_pre)
    avanim.unregister()
    assert not hasattr(bpy.types.Scene, "avanim") and not hasattr(bpy.types.Object, "avanim")
    assert len(bpy.app.handlers.load_pre) == handlers - 1
    avanim.register()
    assert scene.avanim.dance.seed == 1


def test_the_add_on_loads_and_adds_a_character_with_what_blender_brings():
    """Blender's Python has numpy, and neither scipy nor torch nor Pillow nor an audio library."""
    built = (ROOT / "rigs/characters/SMPL_NEUTRAL.npz").exists()
    code = (
        "import sys\n"
        "for name in ('scipy', 'torch', 'PIL', 'librosa', 'soundfile', 'soxr', 'av'): sys.modules[name] = None\n"
        "import avanim, bpy\n"
        "avanim.register()\n"
        f"if {built}: assert bpy.ops.avanim.add_character() == {{'FINISHED'}}\n"
        "print(bpy.context.scene.avanim.dance.method); avanim.unregister()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    # Not the exit status: bpy 4.2 crashes at the very end after any menu whose items come from a function.
    assert "choreographer" in done.stdout, done.stderr


HUM = {
    "__init__.py": "",
    "properties.py": """
import bpy
class AVANIM_PG_hum(bpy.types.PropertyGroup):
    loud: bpy.props.BoolProperty()
CLASSES = (AVANIM_PG_hum,)
""",
    "operators.py": """
import bpy
class AVANIM_OT_hum(bpy.types.Operator):
    bl_idname, bl_label = "avanim.hum", "Hum"
    def execute(self, context):
        context.scene.avanim.hum.loud = True
        return {"FINISHED"}
CLASSES = (AVANIM_OT_hum,)
""",
    "menus.py": """
from .operators import AVANIM_OT_hum
ENTRIES = {"VIEW3D_MT_object": lambda menu, context: menu.layout.operator(AVANIM_OT_hum.bl_idname)}
""",
    "panels.py": """
import bpy
from ..sidebar import Sidebar
from .operators import AVANIM_OT_hum
class AVANIM_PT_hum(Sidebar, bpy.types.Panel):
    bl_label = "Hum"
    def draw(self, context):
        self.layout.operator(AVANIM_OT_hum.bl_idname)
CLASSES = (AVANIM_PT_hum,)
""",
}


def test_a_new_panel_is_a_folder_and_its_name_in_one_list(tmp_path):
    copy = tmp_path / "avanim"
    copy.mkdir()
    for part in ("__init__.py", "rigs", "models", "avanim_addon"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("*.npz", "*.safetensors", "*.pyc"))
        else:
            shutil.copy2(ROOT / part, copy / part)
    (copy / "avanim_addon/hum").mkdir()
    for name, text in HUM.items():
        (copy / "avanim_addon/hum" / name).write_text(text)
    listed = copy / "avanim_addon/registration.py"
    listed.write_text(listed.read_text().replace('"render",', '"render", "hum",'))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import avanim, bpy\n"
        "avanim.register()\n"
        "assert bpy.ops.avanim.hum() == {'FINISHED'} and bpy.types.AVANIM_PT_hum.bl_category == 'AVAnim'\n"
        "print('hummed', bpy.context.scene.avanim.hum.loud)\n"
        "avanim.unregister(); avanim.register()\n"
        "print(hasattr(bpy.context.scene.avanim, 'hum')); avanim.unregister()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "hummed True\nTrue" in done.stdout, done.stdout + done.stderr


# --- panels -----------------------------------------------------------------------------------------------------------


class Layout:
    """Stands for Blender's UILayout: checks what is shown, and keeps the texts."""

    def __init__(self, seen=None):
        self.seen = [] if seen is None else seen

    def _part(self, **_):
        return Layout(self.seen)

    row = column = grid_flow = _part

    def prop(self, data, name, **_):
        assert name in data.bl_rna.properties, name

    def prop_search(self, data, name, search_data, search, **_):
        assert name in data.bl_rna.properties and search in search_data.bl_rna.properties

    def operator(self, name, **_):
        assert hasattr(bpy.ops.avanim, name.removeprefix("avanim."))
        self.seen.append(name)
        return SimpleNamespace()

    def prop_enum(self, data, name, value, **_):
        assert value in data.bl_rna.properties[name].enum_items

    def operator_menu_enum(self, name, _, **__):
        return self.operator(name)

    def label(self, text="", **_):
        self.seen.append(text)

    def progress(self, factor, text):
        self.seen.append((factor, text))

    def separator(self):
        pass

    def template_list(self, ui_list, _, data, tracks, active_data, active, **__):
        assert tracks in data.bl_rna.properties and active in active_data.bl_rna.properties
        self.seen.append(ui_list)


def draw_all():
    seen = []
    for cls in registration.CLASSES:
        blenders_own = issubclass(cls, PresetPanel)
        if issubclass(cls, bpy.types.Panel) and not blenders_own and getattr(cls, "poll", lambda _: True)(bpy.context):
            cls.draw(SimpleNamespace(layout=Layout(seen)), bpy.context)
    return seen


def test_drawing_touches_no_disk_and_shows_what_there_is(scene, armature, quick, song, monkeypatch):
    scene.avanim.dance.audio = str(song)
    bpy.ops.avanim.generate_dance()
    scene.avanim.dance.source = "STRIP"
    states = [draw_all()]
    handle = SimpleNamespace(state="running", progress=0.25, step="finding beats", eta=65.4, cancel=lambda: None)
    for number in (1, 2):
        job = session.Running(handle, None, armature.session_uid, "Ava", f"Dance to song {number}")
        monkeypatch.setitem(session.running, number, job)

    def no(*_, **__):
        raise AssertionError("drawing touches the disk")

    for module, name in ((builtins, "open"), (io, "open"), (os, "stat"), (os, "listdir"), (subprocess, "Popen")):
        monkeypatch.setattr(module, name, no)
    states.append(draw_all())
    monkeypatch.undo()
    assert "avanim.generate_dance" in states[0] and "AVANIM_UL_takes" in states[0]
    assert (0.25, "Finding beats · 1:05 left") in states[1] and "avanim.cancel_job" in states[1]
    assert {"Ava: Dance to song 1", "Ava: Dance to song 2", "avanim.cancel_jobs"} <= set(states[1])
    assert "avanim.generate_dance" in states[1] and "avanim.cancel_job" not in states[0]


def test_the_list_shows_takes_newest_first_and_hides_the_animators_tracks(scene, armature, quick, song):
    for seed in (1, 2):
        api.generate_dance(song, armature, seed=seed)
    armature.animation_data.nla_tracks.new().name = "by hand"
    fake = SimpleNamespace(bitflag_filter_item=1)
    flags, order = take_panels.AVANIM_UL_takes.filter_items(fake, bpy.context, armature.animation_data, "nla_tracks")
    assert flags == [1, 1, 0] and order == [2, 1, 0]


def test_a_disabled_button_says_why(scene, armature, monkeypatch):
    panel = scene.avanim.dance
    assert "music" in operators.why_no_dance(bpy.context)
    panel.source = "STRIP"
    assert "strip" in operators.why_no_dance(bpy.context)
    panel.strip = "song"
    assert operators.why_no_dance(bpy.context) == ""
    bpy.context.view_layer.objects.active = None
    assert "character" in operators.why_no_dance(bpy.context)
    for name in ("generate_dance", "repeat_take", "dance_like_take", "use_only_take", "delete_take"):
        with pytest.raises(RuntimeError, match=r"character|list"):
            getattr(bpy.ops.avanim, name)()


# --- a dance ----------------------------------------------------------------------------------------------------------


def strips(scene):
    return [(strip.name, *versions.strip_range(strip)[1:]) for strip in versions.sequence_strips(scene)]


def test_the_button_makes_a_take_with_sound_range_and_markers(scene, armature, quick, song):
    panel = scene.avanim.dance
    panel.audio, panel.seed, panel.beat_markers = str(song), 7, True
    panel.use_bpm, panel.bpm = True, 128
    scene.render.fps = 30
    assert bpy.ops.avanim.generate_dance() == {"FINISHED"}
    (job,) = quick
    assert job.task == "dance" and job.input == str(song.resolve())
    assert job.options == {
        "method": "choreographer", "style": "auto", "seed": 7, "bpm": 128, "start": 0, "fps": 30, "character": "neutral"
    }  # fmt: skip
    (track,) = tracks.take_tracks(armature)
    assert tracks.take_on(track).name == "clicks choreographer 7" and tracks.selected_track(armature) == track
    assert strips(scene) == ([("clicks", 1, 121)] if HEARS else [])
    assert (scene.frame_start, scene.frame_end) == (1, 120)
    assert [marker.frame for marker in scene.timeline_markers][:3] == [16, 31, 46]
    assert not Path(job.output).exists(), "the job's folder is gone"


@needs_sound
def test_a_second_take_keeps_the_first_and_adds_no_second_sound(scene, armature, quick, song):
    first = api.generate_dance(song, armature, seed=1)
    second = api.generate_dance(song, armature, seed=2)
    assert [tracks.take_on(track) for track in tracks.take_tracks(armature)] == [first, second]
    assert len(strips(scene)) == HEARS


def test_a_take_is_written_in_steps_and_shows_in_the_last_only(scene, armature, quick, song, tmp_path):
    request = DanceRequest(song, fps=30.0)
    result = session.run_to_the_end(request.job(armature, scene, tmp_path))
    before = scene.render.fps, scene.frame_end

    steps = request.steps(armature, scene, result)
    for _ in range(10):
        next(steps)
    assert armature.animation_data is None and (scene.render.fps, scene.frame_end) == before
    assert [action.users for action in bpy.data.actions] == [0]
    steps.close()
    assert len(bpy.data.actions) == 0

    steps = request.steps(armature, scene, result)
    for _ in range(10):
        next(steps)
    bpy.data.actions.remove(bpy.data.actions[0])  # as an undo does
    with pytest.raises(take.Undone):
        next(steps)

    steps = request.steps(armature, scene, result)
    pauses = sum(1 for _ in steps)
    assert pauses > 20 and scene.render.fps == 30 and len(tracks.take_tracks(armature)) == 1


def test_the_frame_rate_may_be_set_and_is_else_the_scenes(scene, armature, quick, song):
    scene.render.fps, scene.render.fps_base = 30, 1.001
    api.generate_dance(song, armature)
    assert quick[0].options["fps"] == pytest.approx(29.97003)
    scene.avanim.dance.audio, scene.avanim.dance.frame_rate = str(song), "60"
    bpy.ops.avanim.generate_dance()
    assert quick[1].options["fps"] == 60 and scene.render.fps == 60 and scene.frame_end == 240


@needs_sound
def test_a_trimmed_strip_is_danced_to_where_it_lies(scene, armature, quick, song):
    strip = versions.sequence_strips(scene).new_sound("song", str(song), 1, 50)
    scene.render.fps = 25
    versions.set_strip_range(strip, 50, 75, 125)
    panel = scene.avanim.dance
    panel.source, panel.strip = "STRIP", strip.name
    bpy.ops.avanim.generate_dance()
    assert quick[0].options["start"] == pytest.approx(1) and quick[0].options["seconds"] == pytest.approx(2)
    action = tracks.take_on(tracks.take_tracks(armature)[0])
    assert action["avanim_frame_start"] == 75 and action["avanim_frames"] == 50
    assert scene.frame_end == 124 and len(strips(scene)) == 1


@needs_sound
def test_a_dance_keeps_to_the_beat_markers_of_its_strip(scene, armature, quick, song):
    strip = versions.sequence_strips(scene).new_sound("song", str(song), 1, 10)
    scene.render.fps = 25
    panel = scene.avanim.dance
    panel.source, panel.strip = "STRIP", strip.name
    part = {"start": 0.0, "seconds": float(SECONDS), "frame_start": 10}
    strip_beats.mark(scene, strip, Beats(np.array([0.5, 1.0, 1.5]), np.arange(3), 120.0, 4), part)
    assert "Keeps to its beat markers" in draw_all()
    scene.timeline_markers["1.2"].frame += 5
    bpy.ops.avanim.generate_dance()
    assert quick[0].options["beats"] == [[0.5, 0], [1.2, 1], [1.5, 2]]
    panel.use_bpm = True
    bpy.ops.avanim.generate_dance()
    assert "beats" not in quick[1].options, "a tempo that is given by hand goes before"
    armature.avanim.track = 0
    bpy.ops.avanim.repeat_take(vary="SEED")
    assert quick[-1].options["beats"] == quick[0].options["beats"]
    armature.avanim.track = 0
    bpy.ops.avanim.repeat_take(audio=str(song))
    assert "beats" not in quick[-1].options


@needs_sound
def test_a_packed_sound_is_danced_to(scene, armature, quick, song, tmp_path):
    copy = tmp_path / "copy.wav"
    copy.write_bytes(song.read_bytes())
    strip = versions.sequence_strips(scene).new_sound("song", str(copy), 1, 1)
    strip.sound.pack()
    copy.unlink()
    scene.avanim.dance.source, scene.avanim.dance.strip = "STRIP", strip.name
    bpy.ops.avanim.generate_dance()
    assert Path(quick[0].input).read_bytes() == song.read_bytes()


def test_a_missing_file_and_a_missing_strip_are_told_in_one_sentence(scene, armature, quick, tmp_path):
    panel = scene.avanim.dance
    panel.audio = str(tmp_path / "none.wav")
    with pytest.raises(RuntimeError, match=r"There is no sound file .*none\.wav"):
        bpy.ops.avanim.generate_dance()
    panel.source, panel.strip = "STRIP", "gone"
    with pytest.raises(RuntimeError, match="no sound strip 'gone'"):
        bpy.ops.avanim.generate_dance()
    assert quick == [] and len(bpy.data.actions) == 0


def test_a_take_whose_sound_cannot_be_shown_stays_and_says_so(scene, armature, quick, song, monkeypatch):
    def refuse(*_, **__):
        raise InputError("Blender cannot read a sound from clicks.wav.")

    monkeypatch.setattr("avanim.avanim_addon.scene.sound.add_sound_strip", refuse)
    with pytest.warns(UserWarning, match="cannot read a sound"):
        api.generate_dance(song, armature)
    scene.avanim.dance.audio = str(song)
    assert bpy.ops.avanim.generate_dance() == {"FINISHED"}
    assert len(tracks.take_tracks(armature)) == 2


def test_the_api_refuses_what_is_no_character(scene, quick, song):
    with pytest.raises(InputError, match="No character is selected"):
        api.generate_dance(song)
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    with pytest.raises(InputError, match="Cube is not one of AVAnim's characters"):
        api.generate_dance(song, cube)


def test_a_mesh_of_the_character_stands_for_it(scene, armature):
    mesh = bpy.data.objects.new("Body", bpy.data.meshes.new("Body"))
    scene.collection.objects.link(mesh)
    mesh.parent = armature
    bpy.context.view_layer.objects.active = mesh
    assert tracks.active_character(bpy.context) == armature


def test_takes_are_muted_and_deleted(scene, armature, quick, song):
    for seed in (1, 2, 3):
        api.generate_dance(song, armature, seed=seed)
    armature.avanim.track = 1
    bpy.ops.avanim.use_only_take()
    assert [track.mute for track in armature.animation_data.nla_tracks] == [True, False, True]
    bpy.ops.avanim.delete_take()
    left = [tracks.take_on(track).name for track in tracks.take_tracks(armature)]
    assert left == ["clicks choreographer 1", "clicks choreographer 3"]
    assert "clicks choreographer 2" not in bpy.data.actions
    bpy.ops.avanim.delete_take()
    bpy.ops.avanim.delete_take()
    assert tracks.take_tracks(armature) == [] and len(bpy.data.actions) == 0


def test_a_take_is_made_again_with_another_seed_and_to_another_song(scene, armature, quick, song, tmp_path):
    with pytest.raises(RuntimeError, match="Select a take"):
        bpy.ops.avanim.repeat_take()
    first = api.generate_dance(song, armature, seed=7, style="auto", start=1.0, seconds=2.0, bpm=128, frame_start=20)
    assert bpy.ops.avanim.repeat_take() == {"FINISHED"}
    again = tracks.take_on(tracks.selected_track(armature))
    assert again != first and quick[1].options == quick[0].options and quick[1].input == quick[0].input
    assert again["avanim_frame_start"] == 20
    assert bpy.ops.avanim.repeat_take(vary="SEED") == {"FINISHED"}
    assert {**quick[2].options, "seed": 7} == quick[0].options and quick[2].options["seed"] != 7

    other = tmp_path / "other.wav"
    other.write_bytes(song.read_bytes())
    assert bpy.ops.avanim.dance_like_take(filepath=str(other)) == {"FINISHED"}
    assert quick[3].input == str(other.resolve()) and not {"bpm", "seconds"} & set(quick[3].options)
    assert tracks.take_on(tracks.selected_track(armature)).name.startswith("other choreographer")
    other.unlink()
    with pytest.raises(RuntimeError, match=r"no sound file .*choose another song"):
        bpy.ops.avanim.repeat_take()
    del tracks.take_on(tracks.selected_track(armature))["avanim_request"]
    with pytest.raises(RuntimeError, match="does not say how it was made"):
        bpy.ops.avanim.repeat_take()


def test_a_dropped_sound_is_danced_to_or_becomes_a_strip(scene, quick, song, armature, monkeypatch):
    bpy.context.view_layer.objects.active = None

    def add(*_):
        bpy.context.view_layer.objects.active = armature
        return armature

    monkeypatch.setattr(api, "add_character", add)
    # What a drop does: the file handler's operator with the file's name.
    for handler in (menus.AVANIM_FH_dance, sound_menus.AVANIM_FH_sound):
        assert ".m4a" in handler.bl_file_extensions.split(";")
        assert hasattr(bpy.ops.avanim, handler.bl_import_operator.removeprefix("avanim."))
        assert not handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="TEXT_EDITOR")))
        assert handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="VIEW_3D")))
    scene.avanim.dance.source, scene.avanim.dance.start = "STRIP", 3.0
    assert bpy.ops.avanim.dance_to_file(filepath=str(song)) == {"FINISHED"}
    assert quick[0].input == str(song.resolve()) and quick[0].options["start"] == 0
    assert len(tracks.take_tracks(armature)) == 1
    if HEARS:
        scene.frame_set(30)
        assert bpy.ops.avanim.add_sound(filepath=str(song)) == {"FINISHED"}
        assert strips(scene)[-1][1] == 30
    for name in ("add_sound", "dance_to_file"):
        with pytest.raises(RuntimeError, match="There is no sound file"):
            getattr(bpy.ops.avanim, name)(filepath="/none.wav")


def test_presets_keep_the_settings_without_the_music(scene, tmp_path, monkeypatch):

    def folder(*_, path="", create=False, **__):
        (tmp_path / path).mkdir(parents=True, exist_ok=True)
        return str(tmp_path / path)

    monkeypatch.setattr(bpy.utils, "user_resource", folder)
    panel = scene.avanim.dance
    panel.seed, panel.audio, panel.frame_rate = 77, "song.wav", "60"
    assert bpy.ops.avanim.add_dance_preset(name="my dance") == {"FINISHED"}
    (preset,) = tmp_path.rglob("*.py")
    assert preset.parent == tmp_path / "presets/avanim/dance"
    panel.seed, panel.audio, panel.frame_rate = 1, "other.wav", "24"
    exec(preset.read_text(), {})
    assert (panel.seed, panel.audio, panel.frame_rate) == (77, "other.wav", "60")


def test_the_log_is_opened_once_there_is_one(scene, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "log_file", lambda: tmp_path / "logs" / "worker.log")
    assert bpy.ops.avanim.open_log() == {"CANCELLED"}
    worker = jobs.Worker(
        lambda: [sys.executable, "-c", "import sys; print('heard', file=sys.stderr)"], session.log_file()
    )
    worker.submit(Job("any")).wait(10)
    for _ in range(100):
        if session.log_file().is_file() and "heard" in session.log_file().read_text():
            break
        time.sleep(0.05)
    assert "heard" in session.log_file().read_text() and sys.executable in session.log_file().read_text()
    assert bpy.ops.avanim.open_log() == {"FINISHED"}


def test_stars_stay_in_the_file(scene, armature, quick, song, tmp_path):
    api.generate_dance(song, armature, seed=1).avanim.star = True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "star.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "star.blend"))
    assert [action.avanim.star for action in bpy.data.actions] == [True]


def test_loading_a_file_and_unregistering_end_what_runs(scene, armature):
    stub = ROOT / "tests/models/stub_worker.py"
    for end in (lambda: bpy.ops.wm.read_homefile(use_empty=True), session.unregister):
        worker = jobs.Worker(lambda: [sys.executable, str(stub)])
        handle = worker.submit(Job("slow"))
        timer = bpy.context.window_manager.event_timer_add(0.1, window=bpy.context.window)
        session.begin(session.Running(handle, timer, 5))
        end()
        assert handle.state == "cancelled" and session.running == {}
        worker.kill()
    session.register()


def test_the_preferences_show_what_the_python_has_or_why_it_cannot(scene, monkeypatch):
    stub = ROOT / "tests/models/stub_worker.py"
    for command, shown in (
        ([sys.executable, str(stub)], "Python 3, torch none, runs on test"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "exit code 3"),
    ):
        worker = jobs.Worker(lambda command=command: command)
        monkeypatch.setattr(session, "_worker", worker)
        assert bpy.ops.avanim.test_python() == {"FINISHED"}
        assert shown in session.status
        bpy.ops.avanim.stop_worker()
        assert session.status == "Stopped" and worker.about == {}


def test_the_whole_way_from_song_to_keys_in_this_process(scene, armature, song, tmp_path):
    """Nothing replaced: the models, the take, the strip."""
    if not (ROOT / "rigs/characters/SMPL_NEUTRAL.npz").exists():
        pytest.skip("the characters are not built; run `python3 build_addon.py`")
    steps = []
    action = api.generate_dance(song, armature, seconds=3, progress=lambda fraction, step: steps.append(fraction))
    assert action["avanim_frames"] == 72 and steps == sorted(steps) and steps[-1] == 1
    assert DanceRequest(song).job(armature, scene, tmp_path).task == "dance"
    scene.frame_set(10)
    first = [bone.head.copy() for bone in armature.pose.bones]
    scene.frame_set(50)
    assert max((a - bone.head).length for a, bone in zip(first, armature.pose.bones, strict=True)) > 0.02
