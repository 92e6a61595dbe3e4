# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told of, in one list. A class stands behind those that it refers to."""

from __future__ import annotations

import bpy

from . import background, cli, errands, menus, runtime_operators, session, sidebar
from .character import operators as character_operators
from .character import panels as character_panels
from .dance import choreography as dance_choreography
from .dance import menus as dance_menus
from .dance import operators as dance_operators
from .dance import panels as dance_panels
from .dance import presets as dance_presets
from .dance import properties as dance_properties
from .export import operators as export_operators
from .export import panels as export_panels
from .export import presets as export_presets
from .export import properties as export_properties
from .face import operators as face_operators
from .face import panels as face_panels
from .face import properties as face_properties
from .preferences import AVANIM_OT_open_log, AVANIM_OT_stop_worker, AVANIM_OT_test_python, AVANIM_Preferences
from .properties import AVANIM_PG_action, AVANIM_PG_object, AVANIM_PG_scene
from .render import operators as render_operators
from .render import panels as render_panels
from .render import playblast
from .render import presets as render_presets
from .render import properties as render_properties
from .sound import operators as sound_operators
from .sound import panels as sound_panels
from .sound import properties as sound_properties
from .takes import operators as take_operators
from .takes import panels as take_panels
from .takes import properties as take_properties

CLASSES: tuple[type, ...] = (
    AVANIM_OT_test_python,
    AVANIM_OT_stop_worker,
    AVANIM_OT_open_log,
    runtime_operators.AVANIM_OT_create_runtime,
    runtime_operators.AVANIM_OT_remove_runtime,
    runtime_operators.AVANIM_OT_cancel_runtime,
    AVANIM_Preferences,
    dance_choreography.AVANIM_PG_choreography,
    dance_properties.AVANIM_PG_dance,
    face_properties.AVANIM_PG_face,
    sound_properties.AVANIM_PG_sound,
    render_properties.AVANIM_PG_render,
    export_properties.AVANIM_PG_export,
    take_properties.AVANIM_PG_takes,
    AVANIM_PG_scene,
    AVANIM_PG_object,
    AVANIM_PG_action,
    background.AVANIM_OT_cancel_job,
    background.AVANIM_OT_cancel_jobs,
    character_operators.AVANIM_OT_add_character,
    dance_operators.AVANIM_OT_generate_dance,
    dance_operators.AVANIM_OT_new_seed,
    dance_operators.AVANIM_OT_pin_pose,
    dance_operators.AVANIM_OT_repeat_take,
    dance_operators.AVANIM_OT_dance_like_take,
    dance_operators.AVANIM_OT_dance_to_file,
    face_operators.AVANIM_OT_import_face,
    face_operators.AVANIM_OT_export_face,
    face_operators.AVANIM_OT_export_face_to_file,
    sound_operators.AVANIM_OT_add_sound,
    sound_operators.AVANIM_OT_find_beats,
    sound_operators.AVANIM_OT_mix_sound,
    render_operators.AVANIM_OT_add_studio,
    render_operators.AVANIM_OT_render_film,
    render_operators.AVANIM_OT_render_still,
    playblast.AVANIM_OT_playblast,
    export_operators.AVANIM_OT_export_character,
    export_operators.AVANIM_OT_export_to_file,
    errands.AVANIM_OT_open_written,
    take_operators.AVANIM_OT_use_only_take,
    take_operators.AVANIM_OT_mute_take,
    take_operators.AVANIM_OT_delete_take,
    take_operators.AVANIM_OT_mark_take,
    take_operators.AVANIM_OT_clear_take,
    take_operators.AVANIM_OT_show_markers,
    take_operators.AVANIM_OT_hide_markers,
    take_operators.AVANIM_OT_retime_take,
    take_operators.AVANIM_OT_regenerate_part,
    dance_presets.AVANIM_OT_add_dance_preset,
    dance_presets.AVANIM_PT_dance_presets,
    render_presets.AVANIM_OT_add_render_preset,
    render_presets.AVANIM_PT_render_presets,
    export_presets.AVANIM_OT_add_export_preset,
    export_presets.AVANIM_PT_export_presets,
    take_panels.AVANIM_UL_takes,
    character_panels.AVANIM_PT_character,
    dance_panels.AVANIM_PT_dance,
    dance_panels.AVANIM_PT_dance_choreography,
    dance_panels.AVANIM_PT_dance_tempo,
    dance_panels.AVANIM_PT_dance_scene,
    take_panels.AVANIM_PT_takes,
    # Behind the panels that start jobs: what comes and goes must not push buttons away under the mouse.
    sidebar.AVANIM_PT_jobs,
    take_panels.AVANIM_PT_takes_part,
    take_panels.AVANIM_PT_takes_markers,
    face_panels.AVANIM_PT_face,
    sound_panels.AVANIM_PT_sound,
    render_panels.AVANIM_PT_render,
    export_panels.AVANIM_PT_export,
    dance_menus.AVANIM_MT_dance,
    dance_menus.AVANIM_FH_dance,
    dance_menus.AVANIM_FH_sound,
    face_operators.AVANIM_FH_face,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.avanim = bpy.props.PointerProperty(type=AVANIM_PG_scene)
    bpy.types.Object.avanim = bpy.props.PointerProperty(type=AVANIM_PG_object)
    bpy.types.Action.avanim = bpy.props.PointerProperty(type=AVANIM_PG_action)
    dance_menus.register()
    menus.register()
    session.register()
    runtime_operators.register()
    cli.register()


def unregister() -> None:
    # The jobs first: their operators must be done before their classes go.
    cli.unregister()
    runtime_operators.unregister()
    session.unregister()
    menus.unregister()
    dance_menus.unregister()
    del bpy.types.Action.avanim
    del bpy.types.Object.avanim
    del bpy.types.Scene.avanim
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
