# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the export panel: its settings but for the file."""

import bpy

from ..presets import AddPreset, Presets


class AVANIM_OT_add_export_preset(AddPreset, bpy.types.Operator):
    bl_idname = "avanim.add_export_preset"
    bl_label = "Add Export Preset"
    bl_description = "Keep the settings of the export panel under a name, without the file; or remove the preset"
    domain = "export"
    kept = ("target", "format", "correctives", "sound")


class AVANIM_PT_export_presets(Presets, bpy.types.Panel):
    bl_label = "Export Presets"
    adds = AVANIM_OT_add_export_preset


CLASSES = (AVANIM_OT_add_export_preset, AVANIM_PT_export_presets)
