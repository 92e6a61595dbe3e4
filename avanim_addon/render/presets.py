# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the render panel: its settings but for the file."""

import bpy

from ..presets import AddPreset, Presets


class AVANIM_OT_add_render_preset(AddPreset, bpy.types.Operator):
    bl_idname = "avanim.add_render_preset"
    bl_label = "Add Render Preset"
    bl_description = "Keep the settings of the render panel under a name, without the file; or remove the preset"
    domain = "render"
    kept = ("engine", "size", "samples")


class AVANIM_PT_render_presets(Presets, bpy.types.Panel):
    bl_label = "Render Presets"
    adds = AVANIM_OT_add_render_preset


CLASSES = (AVANIM_OT_add_render_preset, AVANIM_PT_render_presets)
