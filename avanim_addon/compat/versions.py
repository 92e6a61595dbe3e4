# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that changed between Blender versions."""

from __future__ import annotations

import contextlib
from typing import Any

import bpy

# Since 4.4 an action holds slots, one per animated data-block; since 5.0 its curves are reached only through them.
HAS_ACTION_SLOTS = bpy.app.version >= (4, 4, 0)
EEVEE = "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"
ENGINES = {"workbench": "BLENDER_WORKBENCH", "eevee": EEVEE, "cycles": "CYCLES"}

# Some distributions' Blenders (Debian's 4.3) play sound, but lack the module by which it is read.
CAN_MIX = False
with contextlib.suppress(ImportError):
    import aud  # noqa: F401

    CAN_MIX = bpy.app.build_options.audaspace

# Output settings in the order in which they must be set: each decides what the next may be.
IMAGE_SETTINGS = ("media_type", "file_format", "color_mode", "color_depth", "compression")
if bpy.app.version < (5, 0, 0):
    IMAGE_SETTINGS = IMAGE_SETTINGS[1:]


def use_nodes(owner: Any) -> None:
    """Give a material or world its node tree, which since 5.0 it has from the beginning."""
    if bpy.app.version < (5, 0, 0):
        owner.use_nodes = True


# Options of a path property that may begin with // for the .blend's folder; since 4.5 this has to be said.
RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


def sequence_strips(scene: bpy.types.Scene) -> Any:
    """The strips of the scene's sequencer, which is created if need be."""
    editor: Any = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(scene: bpy.types.Scene) -> list[Any]:
    """Also those inside meta strips; none where the scene has no sequencer."""
    editor: Any = scene.sequence_editor
    if not editor:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def set_strip_range(strip: Any, content_start: int, start: int, end: int) -> None:
    """Place a strip's content and trim it.

    Args:
        content_start: the frame at which the untrimmed content begins.
        start, end: first frame shown and the frame after the last.
    """
    # The later names exist since 5.1; the former ones are on their way out there.
    if bpy.app.version >= (5, 1, 0):
        strip.content_start = content_start
        strip.left_handle_offset = start - content_start
        strip.right_handle = end
    else:
        strip.frame_start = content_start
        strip.frame_offset_start = start - content_start
        strip.frame_final_end = end


def set_sound_offset(strip: Any, seconds: float) -> None:
    """Shift a sound against the frames its strip begins on. Up to 4.4 that cannot be done."""
    if hasattr(strip, "sound_offset"):
        strip.sound_offset = seconds


def strip_range(strip: Any) -> tuple[float, int, int]:
    """The frame at which a strip's untrimmed content begins, the first frame shown, and the frame after the last."""
    if bpy.app.version >= (5, 1, 0):
        return strip.content_start, strip.left_handle, strip.right_handle
    return strip.frame_start, strip.frame_final_start, strip.frame_final_end


def add_colour_strip(strips: Any, channel: int, frame_start: int, length: int) -> Any:
    """A black picture over everything below it."""
    extent = {"length": length} if bpy.app.version >= (5, 0, 0) else {"frame_end": frame_start + length}
    return strips.new_effect(name="Black", type="COLOR", channel=channel, frame_start=frame_start, **extent)


def set_video_output(render: Any) -> None:
    """Choose an H.264 film with AAC sound in an .mp4 as the output of `RenderSettings`."""
    _set_ffmpeg_output(render, "MPEG4", "H264", "AAC")
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.ffmpeg.ffmpeg_preset = "GOOD"
    render.ffmpeg.audio_bitrate = 192


def set_sound_output(render: Any) -> None:
    """Choose uncompressed sound, beside a picture that is of no use, in an .mkv."""
    _set_ffmpeg_output(render, "MKV", "MPEG4", "PCM")


def _set_ffmpeg_output(render: Any, container: str, codec: str, audio_codec: str) -> None:
    if bpy.app.version >= (5, 0, 0):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.image_settings.color_mode = "RGB"
    render.ffmpeg.format = container
    render.ffmpeg.codec = codec
    render.ffmpeg.audio_codec = audio_codec
    render.ffmpeg.audio_mixrate = 48000
    render.ffmpeg.audio_channels = "STEREO"


def set_image_output(render: Any, compression: int) -> None:
    """Choose 8-bit RGB PNG; `compression` 0..100."""
    if bpy.app.version >= (5, 0, 0):
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.image_settings.color_depth = "8"
    render.image_settings.compression = compression


def selected_bones(armature: Any) -> list[str]:
    """Names of the bones that are selected in pose mode."""
    on_pose = bpy.app.version >= (5, 0, 0)
    return [bone.name for bone in armature.pose.bones if (bone.select if on_pose else bone.bone.select)]
