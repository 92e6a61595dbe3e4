# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and films come out whole, in step, with the whole dance in view; the scene stays as it was."""

import contextlib
import dataclasses
import signal

import av
import numpy as np
import pytest
from PIL import Image

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene import performance  # noqa: E402
from avanim.avanim_addon.scene import render as rendering  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.errors import Cancelled, InputError  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402

needs_graphics = pytest.mark.skipif(
    not rendering._egl_works(), reason="this machine offers no OpenGL (libegl1, libgl1-mesa-dri)"
)
SMALL = (64, 36)


@pytest.fixture
def stage(puppet, wild_motion, audible):
    beats = Beats(np.arange(4) * 0.5, np.arange(4), 120.0, 4)
    short = Motion(wild_motion.poses[:8], wild_motion.trans[:8], 30.0)
    return performance.stage_dance(short, beats, audible, character=puppet, name="dance", start=0.4, correctives=False)


def settings():
    scene = bpy.context.scene
    render, image = scene.render, scene.render.image_settings
    return (
        (render.engine, render.resolution_x, render.resolution_y, render.filepath, render.use_simplify),
        (image.file_format, image.color_mode, scene.display.render_aa, scene.frame_start, scene.frame_end),
        (
            scene.frame_current,
            len(bpy.data.scenes),
            len(bpy.data.sounds),
            len([i for i in bpy.data.images if i.type != "RENDER_RESULT"]),
        ),
    )


@needs_graphics
def test_picture(stage, tmp_path):
    before = settings()
    rendering.render(tmp_path / "still.png", size=SMALL, frame=3)
    pixels = np.asarray(Image.open(tmp_path / "still.png"))
    assert pixels.shape == (36, 64, 3)
    assert pixels.std() > 5, "something is to be seen"
    assert settings() == before
    assert [path.name for path in tmp_path.iterdir()] == ["still.png"]


@contextlib.contextmanager
def no_room(size):
    """No file may grow beyond so many bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="file size limits are a posix matter")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@needs_graphics
@pytest.mark.parametrize("name", ["still.png", "film.mp4"])
def test_a_disk_that_fills_up_is_one_sentence_and_what_was_there_stays(stage, tmp_path, name):
    """Blender itself leaves half a picture, and tells nobody."""
    (tmp_path / name).write_bytes(b"an earlier one")
    with no_room(300), pytest.raises(InputError, match="the disk is full; free some space"):
        rendering.render(tmp_path / name, size=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"an earlier one"


@needs_graphics
def test_half_a_film_is_told_from_a_whole_one(stage, tmp_path):
    film = tmp_path / "film.mp4"
    rendering.render(film, size=SMALL, frame_range=(1, 3))
    assert {"ftyp", "moov", "mdat"} <= set(rendering._boxes(film))
    film.write_bytes(film.read_bytes()[:-20])
    with pytest.raises(OSError, match="No space left"):
        rendering._ensure_whole(film, "moov" in rendering._boxes(film))


@needs_graphics
@pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this Blender was built without sound")
def test_film_lasts_as_long_as_the_dance_and_has_its_sound(stage, tmp_path, capfd):
    before = settings()
    steps = []
    rendering.render(tmp_path / "film.mp4", size=SMALL, progress=lambda fraction, step: steps.append(fraction))
    with av.open(tmp_path / "film.mp4") as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height) == SMALL
        assert float(video.duration * video.time_base) == pytest.approx(8 / 30, abs=1e-3)
        pictures = [frame.to_ndarray(format="rgb24").astype(float) for frame in film.decode(video)]
    with av.open(tmp_path / "film.mp4") as film:
        sound = np.concatenate([frame.to_ndarray().mean(0) for frame in film.decode(audio=0)])
    assert len(pictures) == 8
    assert np.abs(pictures[0] - pictures[7]).max() > 20, "the dancer moves"
    # The dance begins at 0.4 s of the sound, which clicks at 0.5 s.
    assert abs(np.abs(sound).argmax() / 48000 - 0.1) < 0.01
    assert steps == sorted(steps) and steps[0] == 0.0 and steps[-1] == 1.0 and len(steps) >= 10
    assert settings() == before
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert capfd.readouterr().out == "", "standard output belongs to the caller"


@needs_graphics
def test_cancelled_film_leaves_nothing(stage, tmp_path):
    def stop(fraction, step):
        if fraction > 0.3:
            raise Cancelled

    before = settings()
    with pytest.raises(Cancelled):
        rendering.render(tmp_path / "film.mp4", size=SMALL, progress=stop)
    assert not list(tmp_path.iterdir())
    assert settings() == before


def test_cycles_needs_no_graphics(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "_egl_works", lambda: False)
    rendering.render(tmp_path / "still.png", engine="cycles", size=(32, 18), samples=1)
    assert np.asarray(Image.open(tmp_path / "still.png")).std() > 5
    if bpy.app.background and rendering.sys.platform.startswith("linux"):
        with pytest.raises(InputError, match="libegl1"):
            rendering.render(tmp_path / "other.png", size=SMALL)


def test_wrong_wishes_are_refused(stage, tmp_path):
    for name, wishes, reason in (
        ("film.avi", {}, "end the name in"),
        ("film.mp4", {"engine": "crayon"}, "Unknown engine"),
        ("film.mp4", {"size": (33, 18)}, "even numbers"),
    ):
        with pytest.raises(InputError, match=reason):
            rendering.render(tmp_path / name, **wishes)
    bpy.context.scene.camera = None
    with pytest.raises(InputError, match="no camera"):
        rendering.render(tmp_path / "still.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("travel", [0.2, 12.0])
@pytest.mark.parametrize("size", [(640, 360), (360, 640)])
def test_camera_keeps_the_whole_dance_in_view(puppet, wild_motion, travel, size):
    motion = dataclasses.replace(wild_motion.resampled(30), trans=wild_motion.trans * [travel / 3, 1, 1])
    armature = performance.stage_dance(motion, None, None, character=puppet, correctives=False)
    scene = bpy.context.scene
    performance._reframe(scene, size)
    scene.render.resolution_x, scene.render.resolution_y = size
    seen = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        seen += [world_to_camera_view(scene, scene.camera, bone.head) for bone in armature.pose.bones]
    across, up, depth = np.array(seen).T
    assert across.min() > 0 and across.max() < 1 and up.min() > 0 and up.max() < 1 and depth.min() > 0
    # It is not simply far away: the dance touches the borders of the picture in one direction.
    assert max(np.ptp(across), np.ptp(up)) > 0.55


@needs_graphics
def test_contact_sheet(stage, tmp_path):
    rendering.render(tmp_path / "film.mp4", size=SMALL)
    rendering.contact_sheet(tmp_path / "film.mp4", tmp_path / "sheet.png", count=6, columns=3)
    assert Image.open(tmp_path / "sheet.png").size == (3 * 64, 2 * 36)
    with pytest.raises(InputError, match="no pictures"):
        rendering.contact_sheet([], tmp_path / "none.png")
