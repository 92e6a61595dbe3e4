# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a second Blender that has no window: `blender -b COPY.blend --python second.py`.

It speaks the worker's protocol (models/worker.py) and does the jobs of scene/files.py, while the Blender that started
it stays free. Its jobs have two options more: `scene`, the name of the scene that is meant, and `folder`, for Blender's
temporary files; whoever started it removes that folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import bpy


def _by_path() -> Any:
    """The add-on's package by its place on disk: this Blender need not have it enabled."""
    root = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        "avanim", root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["avanim"] = package
    spec.loader.exec_module(package)
    return importlib.import_module("avanim.avanim_addon.scene.files"), importlib.import_module("avanim.models.worker")


def main() -> None:
    files, worker = _by_path()

    def run(job: Any, progress: Any, *_: Any) -> dict[str, Any]:
        scene, folder = job.options.pop("scene"), job.options.pop("folder")
        # The process ends without Blender's own clearing up.
        bpy.context.preferences.filepaths.temporary_directory = folder
        bpy.context.window.scene = bpy.data.scenes[scene]
        return files.run(job, progress)

    worker.serve(run, lambda: {"versions": {"blender": bpy.app.version_string}})


if __name__ == "__main__":
    main()
