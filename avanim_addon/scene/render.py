# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and films."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import struct
import sys
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from ..compat import versions
from .console import quiet
from .take import scene_fps

# Per pixel, for a picture and for each frame of a film.
_SAMPLES = {"workbench": (8, 1), "eevee": (32, 8), "cycles": (64, 16)}
_RENDERING_SHARE = 0.96
_EGL_PLATFORM_SURFACELESS = 0x31DD


def render(
    path: str | Path,
    *,
    engine: str = "workbench",
    size: tuple[int, int] = (640, 360),
    frame: int | None = None,
    frame_range: tuple[int, int] | None = None,
    samples: int | None = None,
    progress: Progress = silent,
) -> None:
    """Render the current scene: a picture (.png) or a film with the sequencer's sound (.mp4, H.264 and AAC).

    The scene is left as it was.

    Args:
        engine: `workbench` (quick, made for machines without a GPU), `eevee` or `cycles`.
        frame: of the picture; by default the current one.
        frame_range: first and last frame of the film; by default the scene's.
        samples: per pixel; by default a small number that suits the engine. Workbench takes 1 (FXAA), 5, 8, 11, 16, 32.

    Raises:
        InputError: a wrong argument, no camera, or the machine lacks the libraries for this engine.
        Cancelled: progress raised it; nothing is written then.
    """
    path = Path(path)
    scene = bpy.context.scene
    _check(scene, path, engine, size)
    samples = samples or _SAMPLES[engine][path.suffix == ".mp4"]
    if path.suffix == ".png":
        with replacing(path) as temporary, _prepared(scene, engine, size, samples):
            progress(0.0, "Rendering the picture")
            _render_frame(scene, scene.frame_current if frame is None else frame, temporary)
            progress(1.0, "Rendered")
        return
    first, last = frame_range or (scene.frame_start, scene.frame_end)
    count = last - first + 1
    with replacing(path) as temporary:
        frames = []
        with _prepared(scene, engine, size, samples):
            for index in range(count):
                progress(_RENDERING_SHARE * index / count, f"Rendering frame {index + 1} of {count}")
                frames.append(temporary.with_name(f"{index:06d}.png"))
                _render_frame(scene, first + index, frames[-1])
        progress(_RENDERING_SHARE, "Encoding the film")
        _encode(scene, frames, first, temporary, size)
        progress(1.0, "Rendered")


def join_pictures(
    path: str | Path, *, pictures: str | Path, first: int, size: tuple[int, int], progress: Progress = silent
) -> None:
    """Make a film (.mp4) of finished pictures, with the sound of the current scene.

    Args:
        pictures: a folder with .png files, one per frame, in the order of their names.
        first: the scene's frame of the first picture.
        size: of the pictures.

    Raises:
        InputError: there are no pictures.
        Cancelled: progress raised it.
    """
    frames = sorted(Path(pictures).glob("*.png"))
    if not frames:
        raise InputError(f"There are no pictures in {pictures}.")
    progress(0.5, "Encoding the film")
    with replacing(path) as temporary:
        _encode(bpy.context.scene, frames, first, temporary, size)
    progress(1.0, "Encoded")


def mix_sound(scene: bpy.types.Scene, path: Path, frame_range: tuple[int, int]) -> Path | None:
    """Mix the sequencer's sound over the frames down to a 48 kHz 16-bit .wav that lasts exactly as long as they do.

    It is rendered as the sound of a tiny film, which happens at once in every version; the operator for mixing returns
    before it has begun since 5.2.

    Returns:
        `path`, or None where the scene has no sound.

    Raises:
        InputError: this Blender cannot mix sound.
    """
    if not _has_sound(scene):
        return None
    if not versions.CAN_MIX:
        raise InputError("This Blender lacks its module aud, so it cannot mix sound; use one from blender.org.")
    import aud

    count = frame_range[1] - frame_range[0] + 1
    film_path = path.with_suffix(".mkv")
    with _film_scene(scene, frame_range[0], count, (16, 16)) as film:
        strips = versions.sequence_strips(film)
        versions.add_colour_strip(strips, _top_channel(strips), frame_range[0], count)
        versions.set_sound_output(film.render)
        _render_film(film, film_path)
    samples = aud.Sound.file(str(film_path)).data()
    film_path.unlink()
    # The film's last packet is filled up.
    samples = samples[: round(count / scene_fps(scene) * 48000)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes((np.clip(samples, -1, 32767 / 32768) * 32768).round().astype("<i2").tobytes())
    return path


def write_mix(path: str | Path, *, frame_range: tuple[int, int] | None = None, progress: Progress = silent) -> None:
    """`mix_sound` of the current scene, by default over its range, whole or not at all.

    Raises:
        InputError: no .wav, or the scene has no sound.
        Cancelled: progress raised it.
    """
    path = Path(path)
    scene = bpy.context.scene
    if path.suffix.lower() != ".wav":
        raise InputError(f"Cannot mix the sound to {path}; end the name in .wav.")
    progress(0.0, "Mixing the sound")
    with replacing(path) as temporary:
        if mix_sound(scene, temporary, frame_range or (scene.frame_start, scene.frame_end)) is None:
            raise InputError(f"The scene {scene.name} has no sound; add a sound strip to the sequencer.")
    progress(1.0, "Mixed")


def contact_sheet(
    source: str | Path | Sequence[str | Path], path: str | Path, *, count: int = 12, columns: int = 4
) -> None:
    """Tile pictures of one size, row by row, into one picture file.

    Args:
        source: picture files, or one film, from which `count` frames are taken at even distances.

    Raises:
        InputError: there is no picture, or a file cannot be read.
    """
    from PIL import Image

    if isinstance(source, str | Path):
        pictures = _film_frames(Path(source), count)
    else:
        pictures = [Image.open(picture).convert("RGB") for picture in source]
    if not pictures:
        raise InputError(f"There are no pictures for {path}; give at least one.")
    width, height = pictures[0].size
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    with replacing(path) as temporary:
        sheet.save(temporary)


def _film_frames(path: Path, count: int) -> list[Any]:
    """`count` frames of a film, from the middles of as many equal stretches; all of them if it has fewer."""
    import av

    if not path.is_file():
        raise InputError(f"There is no film {path}; check the name.")
    with av.open(path) as film:
        total = sum(1 for _ in film.demux(video=0)) - 1
    count = min(count, total)
    wanted = {int((index + 0.5) * total / count) for index in range(count)}
    with av.open(path) as film:
        return [frame.to_image() for index, frame in enumerate(film.decode(video=0)) if index in wanted]


@contextlib.contextmanager
def changed(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Set attributes (owner, name, value) for the length of a block, and put them back in reverse order."""
    before = []
    try:
        for owner, name, value in changes:
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


def _check(scene: bpy.types.Scene, path: Path, engine: str, size: tuple[int, int]) -> None:
    if path.suffix not in (".png", ".mp4"):
        raise InputError(f"Cannot render to {path}; end the name in .png or .mp4.")
    if engine not in versions.ENGINES:
        raise InputError(f"Unknown engine {engine!r}; known are {', '.join(versions.ENGINES)}.")
    if scene.camera is None:
        raise InputError(f"The scene {scene.name} has no camera; add one and make it active.")
    if path.suffix == ".mp4" and (size[0] % 2 or size[1] % 2):
        raise InputError(f"A film of {size[0]} x {size[1]} is not possible; give even numbers.")
    if engine != "cycles":
        require_graphics()


def require_graphics() -> None:
    """Workbench and EEVEE draw with OpenGL, which comes from EGL without a window; where it fails Blender aborts.

    Raises:
        InputError: EGL cannot be loaded or finds no driver.
    """
    if sys.platform.startswith("linux") and bpy.app.background and not _egl_works():
        raise InputError(
            "This machine offers no OpenGL to render with; "
            "run `apt-get install libegl1 libgl1 libgl1-mesa-dri`, or choose the engine cycles."
        )


@functools.cache
def _egl_works() -> bool:
    pointer = ctypes.c_void_p
    try:
        ctypes.CDLL("libGL.so.1")
        egl = ctypes.CDLL("libEGL.so.1")
        egl.eglGetPlatformDisplay.restype = egl.eglGetDisplay.restype = pointer
        egl.eglGetPlatformDisplay.argtypes = [ctypes.c_uint, pointer, pointer]
        egl.eglGetDisplay.argtypes = [pointer]
        egl.eglInitialize.argtypes = [pointer] * 3
    except (OSError, AttributeError):
        return False
    with quiet():
        displays = egl.eglGetPlatformDisplay(_EGL_PLATFORM_SURFACELESS, None, None), egl.eglGetDisplay(None)
        return any(display and egl.eglInitialize(display, None, None) for display in displays)


@contextlib.contextmanager
def _prepared(scene: bpy.types.Scene, engine: str, size: tuple[int, int], samples: int) -> Iterator[None]:
    """The scene set up for single frames, and put back afterwards."""
    render, image = scene.render, scene.render.image_settings
    changes = [
        (render, "engine", versions.ENGINES[engine]),
        (render, "resolution_x", size[0]),
        (render, "resolution_y", size[1]),
        (render, "resolution_percentage", 100),
        (render, "filepath", render.filepath),
        (render, "use_file_extension", True),
        (render, "use_sequencer", False),
        (scene, "frame_current", scene.frame_current),
    ]
    if engine == "workbench":
        levels = {1: "FXAA", 5: "5", 8: "8", 11: "11", 16: "16", 32: "32"}
        level = levels[min(levels, key=lambda count: abs(count - samples))]
        changes += [
            (scene.display, "render_aa", level),
            # Smoothing costs most of a frame's time here and hardly shows.
            (render, "use_simplify", True),
            (render, "simplify_subdivision_render", 0),
        ]
    elif engine == "eevee":
        changes += [(scene.eevee, "taa_render_samples", samples), (scene.eevee, "use_raytracing", False)]
    else:
        changes += [(scene.cycles, "samples", samples), (scene.cycles, "use_denoising", True)]
    # Put back last to first, so in the order that they need.
    changes += [(image, name, getattr(image, name)) for name in reversed(versions.IMAGE_SETTINGS)]
    with changed(*changes):
        versions.set_image_output(render, compression=10)
        yield


def _render_frame(scene: bpy.types.Scene, frame: int, path: Path) -> None:
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    with quiet():
        bpy.ops.render.render(write_still=True, scene=scene.name)
    _ensure_whole(path, path.is_file() and path.read_bytes()[-8:-4] == b"IEND")


def _encode(scene: bpy.types.Scene, frames: Sequence[Path], first: int, path: Path, size: tuple[int, int]) -> None:
    """Make a film from finished pictures and the sequencer's sound."""
    with _film_scene(scene, first, len(frames), size) as film:
        strips = versions.sequence_strips(film)
        pictures = strips.new_image("Frames", str(frames[0]), _top_channel(strips), first)
        for frame in frames[1:]:
            pictures.elements.append(frame.name)
        pictures.frame_final_duration = len(frames)
        # Their colours are to be passed on as they are.
        film.view_settings.view_transform, film.view_settings.look = "Standard", "None"
        film.view_settings.exposure, film.view_settings.gamma = 0.0, 1.0
        film.view_settings.use_curve_mapping = False
        versions.set_video_output(film.render)
        if not _has_sound(scene):
            film.render.ffmpeg.audio_codec = "NONE"
        _render_film(film, path)


def _has_sound(scene: bpy.types.Scene) -> bool:
    return any(strip.type == "SOUND" and not strip.mute for strip in versions.all_strips(scene))


def _top_channel(strips: Any) -> int:
    return max((strip.channel for strip in strips), default=0) + 1


@contextlib.contextmanager
def _film_scene(scene: bpy.types.Scene, first: int, count: int, size: tuple[int, int]) -> Iterator[bpy.types.Scene]:
    """A copy of `scene` with its sequencer but without its objects, for `count` frames; gone after the block."""
    film = scene.copy()
    try:
        for child in list(film.collection.children):
            film.collection.children.unlink(child)
        for obj in list(film.collection.objects):
            film.collection.objects.unlink(obj)
        film.frame_start, film.frame_end, film.frame_step = first, first + count - 1, 1
        film.render.resolution_x, film.render.resolution_y = size
        film.render.resolution_percentage = 100
        film.render.use_sequencer = True
        film.render.use_compositing = False
        film.render.use_file_extension = False
        yield film
    finally:
        bpy.data.scenes.remove(film)


def _render_film(film: bpy.types.Scene, path: Path) -> None:
    film.render.filepath = str(path)
    with quiet():
        bpy.ops.render.render(animation=True, scene=film.name)
    _ensure_whole(path, path.is_file() and (path.suffix != ".mp4" or "moov" in _boxes(path)))


def _ensure_whole(path: Path, whole: bool) -> None:
    """Blender does not tell where it could not write all of a picture or film."""
    if not whole:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _boxes(path: Path) -> list[str]:
    """The parts that an .mp4 is made of, up to the first that is not whole."""
    names, place, size = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while place + 16 <= size:
            file.seek(place)
            length, name, long = struct.unpack(">I4sQ", file.read(16))
            length = long if length == 1 else length
            if length < 8 or place + length > size:
                break
            names.append(name.decode("latin-1"))
            place += length
    return names
