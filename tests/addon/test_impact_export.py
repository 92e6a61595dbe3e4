# SPDX-License-Identifier: GPL-3.0-or-later
"""An export's sound, events, manifest and engine scripts agree with each other, as far as shows without engines."""

import json
import sys
import types
import wave

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import versions  # noqa: E402
from avanim.avanim_addon.scene.export import export  # noqa: E402
from avanim.avanim_addon.scene.sound import add_sound_strip  # noqa: E402
from avanim.avanim_addon.scene.take import write_take  # noqa: E402
from avanim.rigs.impact import bundle  # noqa: E402

from .impact_scenes import lowest, walk  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:The scene has no camera")
JOINTS = {"left_ankle", "left_foot", "right_ankle", "right_foot"}


@pytest.fixture
def walker(fresh_scene, puppet):
    """Someone who marches on a floor from frame 11 on, and a sound over the same frames."""
    from avanim.avanim_addon.scene.character import add_character

    armature = add_character(puppet, correctives=False)
    motion = walk(1.4)
    write_take(armature, motion, "walk")
    fresh_scene.frame_start, fresh_scene.frame_end = 1, len(motion)
    bpy.ops.mesh.primitive_plane_add(size=4, location=(0, 0, lowest(armature)))
    bpy.context.object.name = "Path"
    return armature


def files_of(folder, name):
    """The manifest's files, each with the hash that it is said to have."""
    listed = json.loads((folder / f"{name}.manifest.json").read_text())["files"]
    for item in listed:
        path = folder / item["name"]
        assert bundle.digest(path) == item["sha256"] and path.stat().st_size == item["bytes"]
    return {item["name"] for item in listed}


def test_an_export_takes_its_sound_and_events_along(walker, tmp_path):
    scene = bpy.context.scene
    if versions.CAN_MIX:
        with wave.open(str(tmp_path / "click.wav"), "wb") as file:
            file.setparams((1, 2, 48000, 0, "NONE", ""))
            click = np.zeros(48000, np.int16)
            click[24000] = 20000
            file.writeframes(click.tobytes())
        add_sound_strip(scene, tmp_path / "click.wav", 1)
    scene.frame_start = 7
    export(tmp_path / "walk.fbx", "unreal", armature=walker)
    table = json.loads((tmp_path / "walk.events.json").read_text())
    assert table["events"] and {event["joint"] for event in table["events"]} <= JOINTS
    names = {"walk.fbx", "walk.events.json", "walk_unreal.py"} | ({"walk.wav"} if versions.CAN_MIX else set())
    assert files_of(tmp_path, "walk") == names
    assert table["sound"] == ("walk.wav" if versions.CAN_MIX else "")
    assert {event["sound"] for event in table["events"]} == {table["sound"]}
    # The clip begins with frame 7, a fifth of a second in, and so do events and sound.
    assert table["seconds"] == pytest.approx((scene.frame_end - 6) / 30)
    assert min(abs(event["time"] - 0.3) for event in table["events"] if event["part"].startswith("left")) < 0.06
    if versions.CAN_MIX:
        with wave.open(str(tmp_path / "walk.wav"), "rb") as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width * channels)
        assert len(raw) == pytest.approx(table["seconds"] * rate, abs=2)
        assert int(np.argmax(raw.astype(int).sum(1) > 0)) == pytest.approx(0.3 * rate, abs=2)


def test_unreals_script_puts_each_event_where_it_is(walker, tmp_path):
    export(tmp_path / "walk.fbx", "unreal", armature=walker)
    table = json.loads((tmp_path / "walk.events.json").read_text())
    editor = Editor(tmp_path / "walk_unreal.py", table["seconds"])
    editor.run()
    once = editor.notifies()
    events = table["events"]
    assert [time for time, _ in once] == [event["time"] for event in events]
    assert [values["attach_name"] for _, values in once] == [event["joint"] for event in events]
    loud = [min(1.0, max(0.05, event["strength"])) for event in events]
    assert [values["volume_multiplier"] for _, values in once] == loud
    editor.run()
    assert editor.notifies() == once, "its own are replaced"
    assert editor.saved == 2
    # An imported sound plays from the start; events beyond a clip that was cut are left out.
    table["sound"] = "walk.wav"
    (tmp_path / "walk.events.json").write_text(json.dumps(table))
    editor.assets["/Game/walk"] = editor.module.SoundBase()
    editor.length = 0.6
    editor.run()
    assert editor.notifies()[-1] == (0.0, {"sound": editor.assets["/Game/walk"]})
    assert [t for t, _ in editor.notifies()[:-1]] == [event["time"] for event in events if event["time"] <= 0.6]
    editor.chosen = []
    with pytest.raises(RuntimeError, match="exactly one"):
        editor.run()


class Editor:
    """Of Unreal's editor what the script may use: names and arguments as in the reference of its Python API (5.x)."""

    def __init__(self, script, length):
        self.script, self.length, self.tracks, self.assets, self.saved = script, length, {}, {}, 0
        module = self.module = types.ModuleType("unreal")

        class AnimSequence:
            get_path_name = staticmethod(lambda: "/Game/Walk.Walk")
            get_name = staticmethod(lambda: "Walk")

        class Notify:
            def __init__(self):
                self.values = {}

            def set_editor_property(self, name, value):
                assert name in ("attach_name", "follow", "pitch_multiplier", "sound", "volume_multiplier")
                self.values[name] = value

        module.AnimSequence, module.SoundBase = AnimSequence, type("SoundBase", (), {})
        module.AnimNotify_PlaySound = Notify
        module.LinearColor = lambda r, g, b, a: (r, g, b, a)
        self.chosen = [AnimSequence()]

        def add_track(animation_sequence_base, notify_track_name, track_color):
            assert isinstance(animation_sequence_base, AnimSequence) and notify_track_name not in self.tracks
            self.tracks[notify_track_name] = []

        def add_event(animation_sequence_base, notify_track_name, start_time, notify_class):
            assert 0 <= start_time <= self.length and notify_class is Notify
            self.tracks[notify_track_name].append((start_time, notify_class()))
            return self.tracks[notify_track_name][-1][1]

        def remove_track(animation_sequence_base, notify_track_name):
            del self.tracks[notify_track_name]

        def save(asset):
            self.saved += 1
            return True

        module.EditorUtilityLibrary = types.SimpleNamespace(get_selected_assets=lambda: self.chosen)
        module.AnimationLibrary = types.SimpleNamespace(
            is_valid_anim_notify_track_name=lambda sequence, name: name in self.tracks,
            add_animation_notify_track=add_track, remove_animation_notify_track=remove_track,
            get_sequence_length=lambda sequence: self.length, add_animation_notify_event=add_event,
        )  # fmt: skip
        module.EditorAssetLibrary = types.SimpleNamespace(save_loaded_asset=save)
        module.load_asset, module.log = self.assets.get, lambda text: None

    def run(self):
        sys.modules["unreal"] = self.module
        try:
            text = self.script.read_text(encoding="utf-8")
            exec(compile(text, str(self.script), "exec"), {"__file__": str(self.script), "__name__": "__main__"})
        finally:
            del sys.modules["unreal"]

    def notifies(self):
        (track,) = self.tracks.values()
        return [(time, notify.values) for time, notify in track]


# --- Unity ----------------------------------------------------------------------------------------------------------


def parsed(text):
    """The syntax tree of C#, without errors."""
    grammar = pytest.importorskip("tree_sitter_c_sharp", reason="needs a parser of C#")
    from tree_sitter import Language, Parser

    tree = Parser(Language(grammar.language())).parse(text.encode())
    assert not tree.root_node.has_error
    return tree.root_node


def nodes(node, kind):
    found = [node] if node.type == kind else []
    return found + [each for child in node.children for each in nodes(child, kind)]


def test_unitys_script_reads_what_is_written(walker, tmp_path):
    export(tmp_path / "2 steps.fbx", "unity", armature=walker)
    names = files_of(tmp_path, "2 steps")
    (script,) = (name for name in names if name.endswith(".cs"))
    assert script == "Clip_2_stepsImpacts.cs", "named as its class, which Unity wants"
    root = parsed((tmp_path / script).read_text(encoding="utf-8"))
    strings = {json.loads(each.text.decode()) for each in nodes(root, "string_literal")}
    assert {"2 steps.fbx", "2 steps.events.json"} <= strings & names
    classes = {each.child_by_field_name("name").text.decode(): each for each in nodes(root, "class_declaration")}
    assert set(classes) == {"Clip_2_stepsImpacts", "Item", "Table"}
    # JsonUtility fills fields by their names.
    table = json.loads((tmp_path / "2 steps.events.json").read_text())
    kinds = {"float": (int, float), "string": str, "string[]": list, "Item[]": list}
    for name, value in (("Table", table), ("Item", table["events"][0])):
        declared = nodes(classes[name], "field_declaration")
        assert declared
        for field in declared:
            kind, called = field.text.decode().removeprefix("public ").rstrip(";").split()
            assert isinstance(value[called.lstrip("@")], kinds[kind]), called


@pytest.mark.parametrize("clip", ["walk.fbx", 'we"ird.fbx', "Tänzerin.fbx", "class.fbx", "a\\b.fbx"])
def test_scripts_of_odd_names(clip):
    events = clip.replace(".fbx", ".events.json")
    compile(bundle.unreal_script(events), "script", "exec")
    root = parsed(bundle.unity_script(clip, events))
    strings = {json.loads(each.text.decode()) for each in nodes(root, "string_literal")}
    assert {clip, events} <= strings
