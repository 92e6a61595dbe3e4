# SPDX-License-Identifier: GPL-3.0-or-later
"""A quick film of the 3D view as it is drawn: a frame at each turn of the window, then a second Blender joins them."""

from dataclasses import dataclass
from pathlib import Path

import bpy

from ...rigs.job import Job
from .. import errands, session
from ..compat import versions
from ..request import temporary_folder
from ..scene.render import changed
from . import operators

_TICK = 0.01  # s


@dataclass
class _Shooting:
    """Stands for a job's handle while the frames are drawn."""

    progress: float = 0.0
    step: str = "Drawing the view"
    eta: float | None = None
    state: str = "running"

    def cancel(self) -> None:
        self.state = "cancelled"


def why_no_playblast(context: bpy.types.Context) -> str:
    """Why the view cannot be filmed, in one sentence; empty when it can."""
    if bpy.app.background:
        return "A playblast films the window, and there is none; render a film with Workbench"
    if context.area is None or context.area.type != "VIEW_3D":
        return "A playblast films a 3D view; press it in one"
    if not bpy.app.build_options.codec_ffmpeg:
        return "This Blender was built without FFmpeg, so it writes no films; use one from blender.org"
    return errands.why_no_output(context.scene.avanim.render.path)


class AVANIM_OT_playblast(errands.Errand, bpy.types.Operator):
    bl_idname = "avanim.playblast"
    bl_label = "Playblast"
    bl_description = (
        "Film the 3D view as it is drawn now, over the scene's range and with its sound, to an .mp4. ESC cancels"
    )
    kind = "render"
    why_not = staticmethod(why_no_playblast)

    def job(self, context):
        path = errands.output_path(context.scene.avanim.render.path, ".mp4")
        options = {"pictures": str(Path(self._folder.name) / "frames"), "first": self._first, "size": list(self._size)}
        return Job("film", None, options, str(path))

    def invoke(self, context, event):
        scene = context.scene
        self._folder = temporary_folder()
        self._first, self._last = scene.frame_start, scene.frame_end
        self._frame, self._came_from = scene.frame_start, scene.frame_current
        self._size = operators.size_of(scene)
        self._shooting = _Shooting()
        self.begin(context, self._shooting, str(errands.output_path(scene.avanim.render.path, ".mp4")), tick=_TICK)
        return {"RUNNING_MODAL"}

    def _tick(self, context):
        if self._job.handle is not self._shooting:
            return super()._tick(context)
        if self._shooting.state == "cancelled" or self._number not in session.running or context.area is None:
            return self._end({"INFO"}, "Cancelled")
        if self._frame > self._last:
            context.scene.frame_set(self._came_from)
            self._job.handle, self._job.own_worker = self.send(context, self.job(context))
            return {"RUNNING_MODAL"}
        try:
            self._shoot(context)
        except RuntimeError as error:
            return self._end({"ERROR"}, f"The view cannot be drawn: {str(error).strip()}")
        self._frame += 1
        self._shooting.progress = 0.8 * (self._frame - self._first) / (self._last - self._first + 1)
        self._show()
        return {"RUNNING_MODAL"}

    def _shoot(self, context):
        scene, render = context.scene, context.scene.render
        picture = Path(self._folder.name) / "frames" / f"{self._frame - self._first:06d}.png"
        image = render.image_settings
        with changed(
            (render, "filepath", str(picture)),
            (render, "resolution_x", self._size[0]),
            (render, "resolution_y", self._size[1]),
            (render, "resolution_percentage", 100),
            (render, "use_file_extension", True),
            *((image, name, getattr(image, name)) for name in reversed(versions.IMAGE_SETTINGS)),
        ):
            versions.set_image_output(render, compression=10)
            scene.frame_set(self._frame)
            bpy.ops.render.opengl(write_still=True, view_context=True)

    def _end(self, kind, text):
        if self._job.handle is self._shooting:
            bpy.context.scene.frame_set(self._came_from)
        return super()._end(kind, text)
