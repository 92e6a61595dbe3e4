# SPDX-License-Identifier: GPL-3.0-or-later
"""A film's sound on the timeline, by the button."""

from pathlib import Path

import av
import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")
pytest.importorskip("torch", reason="the models need it, which this Python lacks")

import avanim  # noqa: E402
from avanim.avanim_addon.compat import versions  # noqa: E402
from avanim.avanim_addon.foley import operators  # noqa: E402
from avanim.avanim_addon.scene import film_result  # noqa: E402
from avanim.models.impact import film  # noqa: E402
from avanim.models.impact.foley import Seen  # noqa: E402
from avanim.models.impact.shots import MATERIALS  # noqa: E402

pytestmark = pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this bpy was built without sound")


@pytest.fixture
def scene(monkeypatch):
    def watch(frames, *_):
        count = len(list(frames))
        hits = np.array([0.5, 1.0])
        kinds = np.full(2, MATERIALS.index("glass"))
        return Seen(hits, hits + 1, kinds, np.full(2, 0.3), np.ones(2), np.zeros(count), np.eye(8)[kinds[0]])

    monkeypatch.setattr(film, "watch", watch)
    bpy.ops.wm.read_homefile(use_empty=True)
    avanim.register()
    bpy.context.scene.render.fps, bpy.context.scene.frame_start = 24, 11
    yield bpy.context.scene
    avanim.unregister()


@pytest.fixture
def shot(tmp_path):
    path = tmp_path / "shot.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in range(45):
            picture = np.full((48, 64, 3), 5 * frame, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


def marks(scene):
    return sorted((marker.name, marker.frame) for marker in scene.timeline_markers)


def test_the_button_puts_sound_and_markers_where_the_film_is(scene, shot, tmp_path):
    panel = scene.avanim.foley
    assert operators.why_no_foley(bpy.context) == "Choose the film first"
    panel.film = str(shot)
    assert "Save the .blend first" in operators.why_no_foley(bpy.context)
    panel.path = str(tmp_path / "heard.wav")
    scene.timeline_markers.new("mine", frame=3)
    assert bpy.ops.avanim.foley() == {"FINISHED"}
    strip = versions.sequence_strips(scene)["shot impacts"]
    assert versions.strip_range(strip)[1] == 11 and panel.found == "2 events: 2 glass"
    assert marks(scene) == [("glass hit", 23), ("glass hit", 35), ("mine", 3)]
    # With the film itself on the timeline, the sound lies under it, in place of the one of before.
    versions.sequence_strips(scene).new_movie("Shot", str(shot), 1, 101)
    panel.material = "wood"
    assert bpy.ops.avanim.foley() == {"FINISHED"}
    sounds = [strip for strip in versions.all_strips(scene) if strip.type == "SOUND"]
    assert [versions.strip_range(strip)[1] for strip in sounds] == [101]
    assert Path(bpy.path.abspath(sounds[0].sound.filepath)).name == "heard-2.wav"
    assert marks(scene) == [("mine", 3), ("wood hit", 113), ("wood hit", 125)]
    assert bpy.ops.avanim.remove_foley() == {"FINISHED"}
    assert marks(scene) == [("mine", 3)] and not film_result.kept(scene)
    assert [strip.type for strip in versions.all_strips(scene)] == ["MOVIE"]
    assert (tmp_path / "heard-2.wav").exists() and not bpy.ops.avanim.remove_foley.poll()


def test_what_cannot_be_heard_is_said_and_changes_nothing(scene, tmp_path):
    panel = scene.avanim.foley
    panel.path = str(tmp_path / "heard.wav")
    (tmp_path / "text.mp4").write_text("no film")
    for name, said in (("none.mp4", "no film"), ("text.mp4", "as a film")):
        panel.film = str(tmp_path / name)
        with pytest.raises(RuntimeError, match=said):
            bpy.ops.avanim.foley()
    assert not versions.all_strips(scene) and not scene.timeline_markers and not (tmp_path / "heard.wav").exists()
