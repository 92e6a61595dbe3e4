# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the face panel: its settings but for the speech and what is known of it."""

import bpy

from ..presets import AddPreset, Presets


class AVANIM_OT_add_face_preset(AddPreset, bpy.types.Operator):
    bl_idname = "avanim.add_face_preset"
    bl_label = "Add Face Preset"
    bl_description = "Keep the settings of the face panel under a name, without the speech; or remove the preset"
    domain = "face"
    kept = (
        *("method", "seed", "articulation", "jaw", "lips", "tongue", "closure", "smoothing", "natural", "lead_ms"),
        *("stepped", "hold_ms", "upper", "blinks", "saccades", "brows", "head", "breath"),
        *("emotion", "emotion_amount", "emotion_curve", "suggest_emotion"),
        *("do_mouth", "do_brows", "do_eyes", "do_cheeks", "do_head", "additive", "error"),
        *("add_sound", "fit_range", "show_markers"),
    )


class AVANIM_PT_face_presets(Presets, bpy.types.Panel):
    bl_label = "Face Presets"
    adds = AVANIM_OT_add_face_preset


CLASSES = (AVANIM_OT_add_face_preset, AVANIM_PT_face_presets)
