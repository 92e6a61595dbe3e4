# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons of the add-on's own runtime: create it, cancel that, remove it."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import EnumProperty

from ..rigs.errors import InputError
from ..rigs.job import Progress
from . import runtime, session

_TICK = 0.2  # s between two looks at the runtime that is being made
_LINE = 110  # characters of a sentence that fit into a line of the preferences

COMPUTE = {
    "cpu": ("CPU", "Runs everywhere, on Apple's GPUs too: 1.5 GB on the disk"),
    "cuda": ("NVIDIA GPU (CUDA)", "For NVIDIA's graphics cards from the RTX 20 series on: 5 GB on the disk"),
}
_STATES = {
    "none": "AVAnim has no runtime of its own",
    "part": "The runtime is half-made; creating it goes on from there",
    "old": "The runtime was made for an older AVAnim; creating it brings it up to date",
    "whole": "AVAnim has a runtime of its own",
}

_task: runtime.Background | None = None
_state = "none"
_problem = ""  # why the last try came to nothing


def log_file() -> Path:
    """What pip said the last time."""
    return session.log_file().with_name("runtime.log")


def redraw() -> None:
    """Show the news in the preferences."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


def why_no_runtime() -> str:
    """Why no runtime can be created or removed now, in one sentence; empty when it can."""
    if not session.PACKAGE.startswith("bl_ext."):
        return (
            "Only the installed extension has a runtime of its own; here the models run in the Python that you started"
        )
    if _task:
        return "The runtime is being worked on"
    if session.running:
        return "A job is running; wait for it, or cancel it"
    return ""


def why_not_online() -> str:
    """Why nothing may be fetched from the internet, in one sentence; empty when it may."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return "Blender was started with --offline-mode; start it without"
    return "It is fetched from the internet: allow online access in Preferences > System > Network"


def create_runtime(compute: str, progress: Progress) -> Path:
    """Create it and wait. Raises InputError and Cancelled."""
    if reason := why_no_runtime() or why_not_online():
        raise InputError(f"{reason}.")
    return _creating(compute)(progress)


def remove_runtime(progress: Progress) -> None:
    """Remove it and wait. Raises InputError and Cancelled."""
    if reason := why_no_runtime():
        raise InputError(f"{reason}.")
    _removing()(progress)


def _creating(compute: str) -> Callable[[Progress], Path]:
    """What does it, without a question to Blender: it may run on a thread."""
    folder, log = session.runtime_folder(), log_file()
    assert folder is not None
    session.stop_worker()
    return lambda progress: runtime.create(folder, compute, progress, log_file=log)


def _removing() -> Callable[[Progress], None]:
    folder = session.runtime_folder()
    assert folder is not None
    session.stop_worker()
    return lambda progress: runtime.remove(folder, progress)


def _begin(work: Callable[[Progress], object], then: Callable[[], None]) -> None:
    """Do it beside the window. It belongs to no file, so it goes on when another one is loaded."""
    global _task, _problem
    _task = task = runtime.Background(work)
    _problem = ""
    shown = ()

    def look() -> float | None:
        global _task, _problem
        nonlocal shown
        if _task is not task:
            return None
        if task.state == "running":
            if (task.step, round(task.progress, 2)) != shown:
                shown = (task.step, round(task.progress, 2))
                redraw()
            return _TICK
        _task, _problem = None, task.error
        refresh()
        session.status = "Not tried yet"
        redraw()
        if task.state == "done":
            then()
        return None

    bpy.app.timers.register(look, first_interval=_TICK, persistent=True)


def refresh() -> None:
    """Look at the disk, so that drawing need not."""
    global _state
    folder = session.runtime_folder()
    _state = runtime.state(folder) if folder else "none"


class _Runtime:
    """An operator on the runtime: beside the window, and waiting where there is none."""

    @classmethod
    def poll(cls, context):
        reason = cls.why_not()
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        work, then = self.work()
        if not bpy.app.background:
            _begin(work, then)
            return {"FINISHED"}
        steps = []

        def say(fraction: float, step: str) -> None:
            if [step] != steps[-1:]:
                steps.append(step)
                print(f"{fraction:4.0%} {step}", flush=True)

        try:
            work(say)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            refresh()
        return {"FINISHED"}


class AVANIM_OT_create_runtime(_Runtime, bpy.types.Operator):
    bl_idname = "avanim.create_runtime"
    bl_label = "Create Runtime"
    bl_description = (
        "Make a private Python environment in AVAnim's user folder and install into it what the models need, from the "
        "internet. Nothing else on the system is changed"
    )

    compute: EnumProperty(name="Runtime For", items=[(key, *COMPUTE[key]) for key in runtime.COMPUTE])

    @staticmethod
    def why_not():
        return why_no_runtime() or why_not_online()

    def work(self):
        return _creating(self.compute), bpy.ops.avanim.test_python


class AVANIM_OT_remove_runtime(_Runtime, bpy.types.Operator):
    bl_idname = "avanim.remove_runtime"
    bl_label = "Remove Runtime"
    bl_description = "Delete AVAnim's own runtime from the disk"

    @staticmethod
    def why_not():
        return why_no_runtime() or (_STATES["none"] if _state == "none" else "")

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def work(self):
        return _removing(), lambda: None


class AVANIM_OT_cancel_runtime(bpy.types.Operator):
    bl_idname = "avanim.cancel_runtime"
    bl_label = "Cancel"
    bl_description = "Stop; what is there is kept, and creating the runtime goes on from it"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        return _task is not None

    def execute(self, context):
        _task.cancel()
        return {"FINISHED"}


def draw_sentence(layout: bpy.types.UILayout, text: str, icon: str) -> None:
    """In as many lines as it takes."""
    column = layout.column(align=True)
    for i, line in enumerate(textwrap.wrap(text, _LINE)):
        column.label(text=line, icon="BLANK1" if i else icon)


def draw(layout: bpy.types.UILayout, preferences: bpy.types.AddonPreferences) -> None:
    """How the runtime is, and what can be done with it."""
    if _task:
        row = layout.split(factor=0.8)
        row.progress(text=_task.step, factor=_task.progress)
        row.operator(AVANIM_OT_cancel_runtime.bl_idname)
        return
    unused = ", but the Python above is used" if preferences.python and _state in ("old", "whole") else ""
    layout.label(text=_STATES[_state] + unused, icon="CHECKMARK" if _state == "whole" else "INFO")
    layout.row().prop(preferences, "compute", expand=True)
    row = layout.row()
    row.operator(AVANIM_OT_create_runtime.bl_idname).compute = preferences.compute
    row.operator(AVANIM_OT_remove_runtime.bl_idname)
    row.operator("avanim.open_log").of = "RUNTIME"
    draw_sentence(layout, _problem or ("" if _state == "whole" else why_not_online()), "ERROR")


def register() -> None:
    refresh()


def unregister() -> None:
    global _task
    if _task:
        # Longer than it takes: whatever pip runs is gone when Blender is.
        _task.cancel(2.0)
        _task = None


CLASSES = (AVANIM_OT_create_runtime, AVANIM_OT_remove_runtime, AVANIM_OT_cancel_runtime)
