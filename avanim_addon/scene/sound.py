# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound strips and the frame rate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy

from ...rigs.errors import InputError
from ..compat import versions
from .take import scene_fps


def set_frame_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Also takes the rates of film and NTSC: 23.976 becomes 24 / 1.001."""
    scene.render.fps, scene.render.fps_base = _rate(fps)


def exact_rate(fps: float) -> float:
    """The rate that `set_frame_rate` sets."""
    whole, base = _rate(fps)
    return whole / base


def _rate(fps: float) -> tuple[int, float]:
    whole = max(1, math.ceil(fps - 1e-6))
    base = whole / fps
    # Rates given with three digits mean the exact ones.
    return whole, 1.001 if abs(base - 1.001) < 5e-5 else base


def add_sound_strip(
    scene: bpy.types.Scene,
    path: str | Path,
    frame_start: int,
    *,
    start: float = 0.0,
    seconds: float | None = None,
    name: str | None = None,
) -> Any:
    """Put a sound file on a free channel of the sequencer, to be played in step with the picture.

    Args:
        frame_start: the frame at which second `start` of the file is heard.
        start, seconds: the part of the file that is heard; to its end by default.

    Returns:
        The strip.

    Raises:
        InputError: the file is missing, too short, or holds no sound that Blender can read.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise InputError(f"There is no sound file {path}; check the name.")
    if not bpy.app.build_options.audaspace:
        raise InputError("This Blender was built without sound; use one from blender.org.")
    strips = versions.sequence_strips(scene)
    channel = max((strip.channel for strip in strips), default=0) + 1
    try:
        strip = strips.new_sound(name or path.stem, str(path), channel, frame_start)
    except RuntimeError as error:
        raise InputError(f"Blender cannot read a sound from {path}; convert it to .wav.") from error
    if not strip.sound.samplerate:
        data = strip.sound
        strips.remove(strip)
        if not data.users:
            bpy.data.sounds.remove(data)
        raise InputError(f"Blender cannot read a sound from {path}; convert it to .wav.")
    fps = scene_fps(scene)
    # A strip begins on a frame; what is left over shifts the sound within it.
    exact = frame_start - start * fps
    content_start = math.floor(exact)
    end = content_start + strip.frame_duration
    if seconds is not None:
        end = min(end, frame_start + math.ceil(seconds * fps - 1e-6))
    if end <= frame_start:
        strips.remove(strip)
        raise InputError(f"{path} ends before second {start:g}; start earlier.")
    versions.set_strip_range(strip, content_start, frame_start, end)
    versions.set_sound_offset(strip, (exact - content_start) / fps)
    scene.use_audio = True
    scene.sync_mode = "AUDIO_SYNC"
    return strip
