# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that Blender's own exporters write of the current scene, and what this Blender lacks of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import addon_utils
import bpy

from .console import quiet

# Blender's own add-ons that write the files, and those of them that this Blender was packaged without.
_EXPORTERS = {".fbx": "io_scene_fbx", ".glb": "io_scene_gltf2"}
MISSING_EXPORTERS = {
    end: f"the add-on {name}" for end, name in _EXPORTERS.items() if importlib.util.find_spec(name) is None
}
# What Blender itself was built without; Debian's has neither.
_BUILT = {".usdc": ("usd", "USD"), ".abc": ("alembic", "Alembic")}
MISSING_EXPORTERS |= {
    end: f"support of {name}" for end, (option, name) in _BUILT.items() if not getattr(bpy.app.build_options, option)
}


def _enable(addon: str) -> None:
    if not addon_utils.check(addon)[1]:
        addon_utils.enable(addon)


def _write_fbx(path: Path) -> None:
    _enable(_EXPORTERS[".fbx"])
    with quiet():
        bpy.ops.export_scene.fbx(
            filepath=str(path),
            check_existing=False,
            object_types={"ARMATURE", "MESH"},
            # Unit factor 100 and scale 1 on every node: both engines import metres as metres.
            apply_scale_options="FBX_SCALE_ALL",
            axis_forward="-Z",
            axis_up="Y",
            add_leaf_bones=False,
            use_armature_deform_only=False,
            use_mesh_modifiers=False,
            mesh_smooth_type="FACE",
            bake_anim=True,
            bake_anim_use_nla_strips=False,
            bake_anim_use_all_actions=False,
            bake_anim_simplify_factor=0.0,
            bake_anim_force_startend_keying=True,
            path_mode="COPY",
            embed_textures=True,
        )


def _write_glb(path: Path) -> None:
    _enable(_EXPORTERS[".glb"])
    with quiet():
        bpy.ops.export_scene.gltf(
            filepath=str(path),
            check_existing=False,
            export_format="GLB",
            use_active_scene=True,
            export_cameras=False,
            export_lights=False,
            export_apply=False,
            export_def_bones=False,
            export_morph=True,
            export_morph_normal=False,
            export_animations=True,
            # One clip that holds both the bones and the shape keys.
            export_animation_mode="SCENE",
            export_anim_scene_split_object=False,
            export_force_sampling=True,
            export_optimize_animation_size=False,
        )


def _write_usd(path: Path) -> None:
    with quiet():
        bpy.ops.wm.usd_export(
            filepath=str(path),
            check_existing=False,
            export_animation=True,
            export_armatures=True,
            export_shapekeys=True,
            export_lights=False,
            export_cameras=False,
            convert_world_material=False,
            relative_paths=False,
        )


def _write_abc(path: Path) -> None:
    """Alembic has no bones: it holds the skin of every frame."""
    scene = bpy.context.scene
    with quiet():
        bpy.ops.wm.alembic_export(
            filepath=str(path),
            check_existing=False,
            start=scene.frame_start,
            end=scene.frame_end,
            as_background_job=False,
        )


WRITERS = {".fbx": _write_fbx, ".glb": _write_glb, ".usdc": _write_usd, ".abc": _write_abc}
