# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound is heard to the sample where it belongs, at any frame rate."""

import wave

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import versions  # noqa: E402
from avanim.avanim_addon.scene import marks, strip_beats  # noqa: E402
from avanim.avanim_addon.scene.render import mix_sound  # noqa: E402
from avanim.avanim_addon.scene.sound import add_sound_strip, set_frame_rate  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("fresh_scene"),
    pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this Blender was built without sound"),
]


def click_times(path):
    with wave.open(str(path), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, channels)[:, 0]
    loud = np.flatnonzero(np.abs(samples) > 8000) / rate
    return loud[np.diff(loud, prepend=-1) > 0.1], len(samples) / rate


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 23.976, 30000 / 1001])
@pytest.mark.parametrize("start", [0.0, 1.2345])
@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="strips begin on whole frames up to 4.4")
def test_clicks_are_heard_to_the_sample(fresh_scene, clicks, tmp_path, fps, start):
    set_frame_rate(fresh_scene, fps)
    rate = fresh_scene.render.fps / fresh_scene.render.fps_base
    last = 10 + round(3 * rate) - 1
    add_sound_strip(fresh_scene, clicks, 10, start=start, seconds=3.0)
    times, seconds = click_times(mix_sound(fresh_scene, tmp_path / "mix.wav", (10, last)))
    expected = np.arange(0.5, 6, 0.5) - start
    expected = expected[(expected >= 0) & (expected < seconds)]
    assert seconds == pytest.approx((last - 9) / rate, abs=1 / 48000)
    assert len(times) == len(expected) and np.abs(times - expected).max() < 1.5 / 48000


@pytest.mark.parametrize(
    ("fps", "kept"), [(23.976, (24, 1.001)), (29.97, (30, 1.001)), (25, (25, 1.0)), (12.5, (13, 1.04))]
)
def test_frame_rates(fresh_scene, fps, kept):
    set_frame_rate(fresh_scene, fps)
    assert (fresh_scene.render.fps, pytest.approx(fresh_scene.render.fps_base, abs=1e-6)) == kept


def test_only_the_asked_part_is_shown(fresh_scene, clicks):
    strip = add_sound_strip(fresh_scene, clicks, 5, start=1.0, seconds=2.0)
    assert (strip.frame_final_start, strip.frame_final_end) == (5, 65)
    assert fresh_scene.sync_mode == "AUDIO_SYNC" and fresh_scene.use_audio
    other = add_sound_strip(fresh_scene, clicks, 5)
    assert other.channel != strip.channel and other.frame_final_duration == 180


def test_unreadable_sound_is_refused_and_leaves_nothing(fresh_scene, clicks, tmp_path):
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"this is no sound")
    with pytest.raises(InputError, match="cannot read a sound"):
        add_sound_strip(fresh_scene, noise, 1)
    with pytest.raises(InputError, match="no sound file"):
        add_sound_strip(fresh_scene, tmp_path / "missing.wav", 1)
    with pytest.raises(InputError, match="ends before second 9"):
        add_sound_strip(fresh_scene, clicks, 1, start=9.0)
    assert not any(strip.type == "SOUND" for strip in versions.all_strips(fresh_scene) if strip.name != "clicks")


def test_beats_become_markers(fresh_scene, clicks):
    beats = Beats(np.array([0.0, 0.5, 1.0, 1.5, 9.0]), np.array([0, 1, 2, 0, 1]), 120.0, 3)
    strip = add_sound_strip(fresh_scene, clicks, 11)
    part = {"start": 0.0, "seconds": 3.0, "frame_start": 11}
    assert strip_beats.marked(fresh_scene, strip, part) is None
    assert strip_beats.mark(fresh_scene, strip, beats, part) == 4
    names = ["1.1", "1.2", "1.3", "2.1"]
    assert [(mark.name, mark.frame) for mark in fresh_scene.timeline_markers] == [
        *zip(names, (11, 26, 41, 56), strict=True)
    ]
    assert strip_beats.marked(fresh_scene, strip, part) == [[0.0, 0], [0.5, 1], [1.0, 2], [1.5, 0]]


def test_markers_that_were_moved_are_the_beats_of_a_strip(fresh_scene, clicks):
    # At 120.5 bpm beats lie between the frames, and stay there unless they are moved.
    times = np.arange(6) * 60 / 120.5
    strip = add_sound_strip(fresh_scene, clicks, 11)
    part = {"start": 0.0, "seconds": 6.0, "frame_start": 11}
    strip_beats.mark(fresh_scene, strip, Beats(times, np.arange(6) % 4, 120.5, 4), part)
    markers = fresh_scene.timeline_markers
    markers["1.2"].frame += 3
    markers.remove(markers["1.4"])
    markers["2.1"].name = "verse"
    markers["2.2"].name = "9.1"
    mine = markers.new("mine", frame=200)
    wanted = [[times[0], 0], [(26 + 3 - 11) / 30, 1], [times[2], 2], [times[4], 3], [times[5], 0]]
    for _ in range(2):
        np.testing.assert_allclose(strip_beats.marked(fresh_scene, strip, part), wanted, atol=1e-5)
        assert len(markers) == 6 and mine.name in markers and markers["1.2"].frame == 29
    # Of a strip that was moved and trimmed the music counts.
    later = {"start": 0.4, "seconds": 6.0, "frame_start": 53}
    moved = [[time - 0.4, place] for time, place in wanted if time >= 0.4]
    np.testing.assert_allclose(strip_beats.marked(fresh_scene, strip, later), moved, atol=1e-5)
    assert markers["1.2"].frame == 59
    # Taken off the timeline they stay the strip's; deleted one by one they are gone.
    marks.hide(fresh_scene, strip)
    assert list(markers) == [mine]
    np.testing.assert_allclose(strip_beats.marked(fresh_scene, strip, part), wanted, atol=1e-5)
    marks.show(fresh_scene, strip)
    for marker in list(markers):
        markers.remove(marker)
    assert strip_beats.marked(fresh_scene, strip, part) is None and not strip_beats.are_marked(strip)
