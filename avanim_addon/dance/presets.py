# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the dance panel: its settings but for the music and what is known of it."""

import bpy

from ..presets import AddPreset, Presets
from .choreography import KEPT


class AVANIM_OT_add_dance_preset(AddPreset, bpy.types.Operator):
    bl_idname = "avanim.add_dance_preset"
    bl_label = "Add Dance Preset"
    bl_description = "Keep the settings of the dance panel under a name, without the music; or remove the preset"
    domain = "dance"
    kept = (
        *("method", "style", "seed", "add_sound", "fit_range", "beat_markers", "frame_rate"),
        *(f"choreography.{name}" for name in KEPT),
    )


class AVANIM_PT_dance_presets(Presets, bpy.types.Panel):
    bl_label = "Dance Presets"
    adds = AVANIM_OT_add_dance_preset


CLASSES = (AVANIM_OT_add_dance_preset, AVANIM_PT_dance_presets)
