# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the render panel."""

import bpy

from ...rigs.errors import InputError
from ...rigs.job import Job
from .. import api
from ..errands import Errand, output_path, why_no_output
from ..generating import poll
from ..takes import tracks
from .properties import AVANIM_PG_render


def why_no_picture(context: bpy.types.Context) -> str:
    """Why nothing can be rendered, in one sentence; empty when it can."""
    if context.scene.camera is None:
        return "The scene has no camera; press Add Studio, or add a camera"
    return why_no_output(context.scene.avanim.render.path)


def why_no_film(context: bpy.types.Context) -> str:
    """As `why_no_picture`, for a film."""
    if not bpy.app.build_options.codec_ffmpeg:
        return "This Blender was built without FFmpeg, so it writes no films; use one from blender.org"
    return why_no_picture(context)


def size_of(scene: bpy.types.Scene) -> tuple[int, int]:
    """Width and height as the panel wishes them, in even numbers: films want those."""
    size = scene.avanim.render.size
    if size == "SCENE":
        scale = scene.render.resolution_percentage / 100
        width, height = scene.render.resolution_x * scale, scene.render.resolution_y * scale
    else:
        width, height = map(int, size.split("x"))
    return max(2, int(width) // 2 * 2), max(2, int(height) // 2 * 2)


class _Render(Errand):
    kind = "render"
    ending: str

    def job(self, context):
        panel: AVANIM_PG_render = context.scene.avanim.render
        path = output_path(panel.path, self.ending)
        options = {"engine": panel.engine, "size": list(size_of(context.scene)), "samples": panel.samples or None}
        if self.ending == ".png":
            frame = context.scene.frame_current
            path = path.with_name(f"{path.stem}{frame:04d}.png")
            options["frame"] = frame
        return Job("render", None, options, str(path))


class AVANIM_OT_render_film(_Render, bpy.types.Operator):
    bl_idname = "avanim.render_film"
    bl_label = "Render Film"
    bl_description = (
        "Render the scene's range with its sound to an .mp4. A second Blender does it from a copy, so you may go on "
        "working; ESC cancels. The scene's own render settings stay as they are"
    )
    ending = ".mp4"
    why_not = staticmethod(why_no_film)


class AVANIM_OT_render_still(_Render, bpy.types.Operator):
    bl_idname = "avanim.render_still"
    bl_label = "Render Still"
    bl_description = "Render the current frame to a .png with the frame's number in its name; ESC cancels"
    ending = ".png"
    why_not = staticmethod(why_no_picture)


class AVANIM_OT_add_studio(bpy.types.Operator):
    bl_idname = "avanim.add_studio"
    bl_label = "Add Studio"
    bl_description = (
        "Build a backdrop, lights and a camera that keeps the active character's whole performance in view. Where the "
        "scene has the studio already, its camera is fitted anew"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        missing = tracks.active_character(context) is None
        return poll(cls, "Select a character, or add one first" if missing else "")

    def execute(self, context):
        armature = tracks.active_character(context)
        try:
            api.add_studio(armature, scene=context.scene)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"The camera sees {armature.name} in every frame of the scene's range")
        return {"FINISHED"}


CLASSES = (AVANIM_OT_add_studio, AVANIM_OT_render_film, AVANIM_OT_render_still)
