# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound is heard to the sample where it belongs, at any frame rate."""

import wave

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import versions  # noqa: E402
from avanim.avanim_addon.scene.render import mix_sound  # noqa: E402
from avanim.avanim_addon.scene.sound import add_beat_markers, add_sound_strip, set_frame_rate  # noqa: E402
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


def test_beats_become_markers(fresh_scene):
    beats = Beats(np.array([0.0, 0.5, 1.0, 1.5, 9.0]), np.array([0, 1, 2, 0, 1]), 120.0, 3)
    add_beat_markers(fresh_scene, beats, 11, 100)
    assert [(mark.name, mark.frame) for mark in fresh_scene.timeline_markers] == [
        ("1", 11),
        ("2", 26),
        ("3", 41),
        ("1", 56),
    ]
