# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the dance panel: its settings but for the music and what is known of it."""

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

_FOLDER = "avanim/dance"
_KEPT = ("method", "style", "seed", "add_sound", "fit_range", "beat_markers", "frame_rate")


class AVANIM_OT_add_dance_preset(AddPresetBase, bpy.types.Operator):
    bl_idname = "avanim.add_dance_preset"
    bl_label = "Add Dance Preset"
    bl_description = "Keep the settings of the dance panel under a name, without the music; or remove the preset"
    preset_menu = "AVANIM_PT_dance_presets"
    preset_subdir = _FOLDER
    preset_defines = ("panel = bpy.context.scene.avanim.dance",)
    preset_values = tuple(f"panel.{name}" for name in _KEPT)


class AVANIM_PT_dance_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Dance Presets"
    preset_subdir = _FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = AVANIM_OT_add_dance_preset.bl_idname
