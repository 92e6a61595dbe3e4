# SPDX-License-Identifier: GPL-3.0-or-later
"""Every format on a rig of one's own, in a Blender without a window: `blender -b --python export_formats.py -- FOLDER`.

What each report found, or why this Blender lacks the format, goes to FOLDER/formats.json.
"""

import importlib
import json
import sys
from pathlib import Path

import bpy
import numpy as np

MODULE = "bl_ext.user_default.avanim"
folder = Path(sys.argv[-1])
bpy.ops.extensions.package_install_files(
    filepath=str(next(folder.glob("*.zip"))), repo="user_default", enable_on_install=True
)


def part(name):
    return importlib.import_module(f"{MODULE}.{name}")


bpy.ops.wm.read_homefile(use_empty=True)
scene, export = bpy.context.scene, part("avanim_addon.scene.export")
shape = part("rigs.sample_rig").sample_rig("unreal4", drop=45, fingers=False)
armature = part("avanim_addon.scene.sample_armature").add_sample_armature(
    shape, units_per_metre=100.0, shape_keys=["jawOpen"]
)
part("avanim_addon.scene.foreign").map_bones(armature)
time = np.arange(20) / 30
poses = 0.3 * np.sin(4 * time[:, None, None] + np.arange(72).reshape(24, 3))
motion = part("rigs.motion").Motion(poses, np.tile([0, 1.2, 0.0], (20, 1)), 30.0)
scene.render.fps, scene.frame_start, scene.frame_end = 30, 1, 20
part("avanim_addon.scene.take").write_take(armature, motion, "dance")
found = {}
for ending in export.ENDINGS:
    try:
        export.export(folder / f"clip{ending}", armature=armature, report=True)
        checks = json.loads((folder / "clip.report.json").read_text())["checks"]
        found[ending] = {check["name"]: check["good"] for check in checks}
    except part("rigs.errors").InputError as error:
        found[ending] = str(error)
(folder / "formats.json").write_text(json.dumps({"formats": found, "missing": export.MISSING_EXPORTERS}))
