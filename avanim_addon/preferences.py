# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Which Python runs the models."""

import time

import bpy
from bpy.props import StringProperty

from . import session

_PATIENCE = 120.0  # s until a Python that loads torch for the first time counts as stuck


def _describe(about: dict) -> str:
    versions = about["versions"]
    memory = f", {about['free_memory'] / 1e9:.0f} GB of memory free" if about["free_memory"] else ""
    return f"Python {versions['python']}, torch {versions['torch']}, runs on {about['device_name']}{memory}"


def _show(text: str) -> None:
    session.status = text
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


class AVANIM_OT_test_python(bpy.types.Operator):
    bl_idname = "avanim.test_python"
    bl_label = "Test"
    bl_description = "Start the Python that runs the models and see what it has"

    def execute(self, context):
        worker = session.worker()
        worker.start()
        _show("Starting …")
        end = time.monotonic() + _PATIENCE

        def look() -> float | None:
            worker.poll()
            if worker.about:
                _show(_describe(worker.about))
            elif worker.problem or time.monotonic() > end:
                _show(worker.problem or "It does not answer; choose another Python.")
            else:
                return 0.1
            return None

        if bpy.app.background:
            while look() is not None:
                time.sleep(0.1)
            self.report({"INFO"}, session.status)
        else:
            bpy.app.timers.register(look, first_interval=0.1)
        return {"FINISHED"}


class AVANIM_OT_stop_worker(bpy.types.Operator):
    bl_idname = "avanim.stop_worker"
    bl_label = "Free Memory"
    bl_description = "End the process that holds the models; the next job starts it again"

    def execute(self, context):
        session.stop_worker()
        _show("Stopped")
        return {"FINISHED"}


class AVANIM_OT_open_log(bpy.types.Operator):
    bl_idname = "avanim.open_log"
    bl_label = "Open Log"
    bl_description = "Show what the process with the models has said, for a report of what went wrong"

    def execute(self, context):
        path = session.log_file()
        if not path.is_file():
            self.report({"INFO"}, "There is no log yet: the models have not run")
            return {"CANCELLED"}
        if bpy.app.background:
            self.report({"INFO"}, str(path))
        else:
            bpy.ops.wm.path_open(filepath=str(path))
        return {"FINISHED"}


class AVANIM_Preferences(bpy.types.AddonPreferences):
    bl_idname = session.PACKAGE

    python: StringProperty(
        name="Python",
        description="The Python, with torch, that runs the models. Empty: found by itself",
        subtype="FILE_PATH",
        update=lambda self, context: _show("Not tried yet"),
    )

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "python")
        row = layout.row()
        row.label(text=session.status, icon="INFO")
        row.operator(AVANIM_OT_test_python.bl_idname)
        row.operator(AVANIM_OT_stop_worker.bl_idname)
        row.operator(AVANIM_OT_open_log.bl_idname)
