# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told of, in one list. A class stands behind those that it refers to."""

from __future__ import annotations

import bpy

from . import cli, generating, session, sidebar
from .character import operators as character_operators
from .character import panels as character_panels
from .dance import menus as dance_menus
from .dance import operators as dance_operators
from .dance import panels as dance_panels
from .dance import presets as dance_presets
from .dance import properties as dance_properties
from .preferences import AVANIM_OT_open_log, AVANIM_OT_stop_worker, AVANIM_OT_test_python, AVANIM_Preferences
from .properties import AVANIM_PG_action, AVANIM_PG_object, AVANIM_PG_scene
from .takes import operators as take_operators
from .takes import panels as take_panels

CLASSES: tuple[type, ...] = (
    AVANIM_OT_test_python,
    AVANIM_OT_stop_worker,
    AVANIM_OT_open_log,
    AVANIM_Preferences,
    dance_properties.AVANIM_PG_dance,
    AVANIM_PG_scene,
    AVANIM_PG_object,
    AVANIM_PG_action,
    generating.AVANIM_OT_cancel_job,
    generating.AVANIM_OT_cancel_jobs,
    character_operators.AVANIM_OT_add_character,
    dance_operators.AVANIM_OT_generate_dance,
    dance_operators.AVANIM_OT_new_seed,
    dance_operators.AVANIM_OT_repeat_take,
    dance_operators.AVANIM_OT_dance_like_take,
    dance_operators.AVANIM_OT_dance_to_file,
    dance_operators.AVANIM_OT_add_sound,
    take_operators.AVANIM_OT_use_only_take,
    take_operators.AVANIM_OT_delete_take,
    dance_presets.AVANIM_OT_add_dance_preset,
    dance_presets.AVANIM_PT_dance_presets,
    take_panels.AVANIM_UL_takes,
    character_panels.AVANIM_PT_character,
    dance_panels.AVANIM_PT_dance,
    dance_panels.AVANIM_PT_dance_tempo,
    dance_panels.AVANIM_PT_dance_scene,
    take_panels.AVANIM_PT_takes,
    sidebar.AVANIM_PT_jobs,
    dance_menus.AVANIM_MT_dance,
    dance_menus.AVANIM_FH_dance,
    dance_menus.AVANIM_FH_sound,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.avanim = bpy.props.PointerProperty(type=AVANIM_PG_scene)
    bpy.types.Object.avanim = bpy.props.PointerProperty(type=AVANIM_PG_object)
    bpy.types.Action.avanim = bpy.props.PointerProperty(type=AVANIM_PG_action)
    dance_menus.register()
    session.register()
    cli.register()


def unregister() -> None:
    # The jobs first: their operators must be done before their classes go.
    cli.unregister()
    session.unregister()
    dance_menus.unregister()
    del bpy.types.Action.avanim
    del bpy.types.Object.avanim
    del bpy.types.Scene.avanim
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
