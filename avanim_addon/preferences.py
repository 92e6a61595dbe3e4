# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Which Python runs the models: one that is chosen, or the add-on's own runtime, made here."""

import shutil
import time

import bpy
from bpy.props import EnumProperty, StringProperty

from . import runtime, runtime_operators, session

_PATIENCE = 120.0  # s until a Python that loads torch for the first time counts as stuck


def _describe(about: dict) -> str:
    versions = about["versions"]
    # A CUDA device says itself how much it has.
    own = about["free_memory"] and about["device"] != "cuda"
    memory = f", {about['free_memory'] / 1e9:.0f} GB of memory free" if own else ""
    return f"Python {versions['python']}, torch {versions['torch']}, runs on {about['device_name']}{memory}"


def _show(text: str) -> None:
    session.status = text
    runtime_operators.redraw()


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
    bl_description = (
        "End the process that holds the models, which frees its memory and the graphics card's; the next job starts it "
        "again"
    )

    def execute(self, context):
        session.stop_worker()
        _show("Stopped")
        return {"FINISHED"}


class AVANIM_OT_open_log(bpy.types.Operator):
    bl_idname = "avanim.open_log"
    bl_label = "Open Log"
    bl_description = "Show what the process has said, for a report of what went wrong"

    of: EnumProperty(
        name="Of",
        items=(("MODELS", "Models", "The process with the models"), ("RUNTIME", "Runtime", "Making the runtime")),
        options={"SKIP_SAVE"},
    )

    def execute(self, context):
        path = session.log_file() if self.of == "MODELS" else runtime_operators.log_file()
        if not path.is_file():
            never = "the models have not run" if self.of == "MODELS" else "no runtime has been made"
            self.report({"INFO"}, f"There is no log yet: {never}")
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
    compute: EnumProperty(
        name="Runtime For",
        description="What the runtime is made for",
        items=[(key, *runtime_operators.COMPUTE[key]) for key in runtime.COMPUTE],
        default="cuda" if "cuda" in runtime.COMPUTE and shutil.which("nvidia-smi") else "cpu",
    )

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "python")
        runtime_operators.draw_sentence(layout, session.status, "INFO")
        row = layout.row()
        row.operator(AVANIM_OT_test_python.bl_idname)
        row.operator(AVANIM_OT_stop_worker.bl_idname)
        row.operator(AVANIM_OT_open_log.bl_idname)
        layout.separator()
        runtime_operators.draw(layout, self)


CLASSES = (AVANIM_OT_test_python, AVANIM_OT_stop_worker, AVANIM_OT_open_log, AVANIM_Preferences)
