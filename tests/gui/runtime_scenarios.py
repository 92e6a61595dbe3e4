# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences in Blender's window, see `drive.py`."""

import contextlib
import os
import time
from pathlib import Path

import bpy
from scenarios import MODULE, Ticks, _addon, _open_tab


def _pips():
    """How many processes make the runtime."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(path.read_bytes())
    return sum(str(_addon("session").runtime_folder()).encode() in command for command in commands)


def _use_index(stage):
    """Let pip ask the index on this machine."""
    installer = _addon("installer")
    installer._TORCH_INDEX, installer._BUILDS = stage.arguments["index"], {"cpu": "", "cuda": ""}
    os.environ["PATH"] += os.pathsep + stage.arguments["path"]
    os.environ.update(PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=stage.arguments["index"])


def quit_in_the_middle(stage):
    """Blender quits while pip downloads for the runtime."""
    yield from _open_tab(stage)
    _use_index(stage)
    operators = _addon("runtime_operators")
    bpy.context.preferences.system.use_online_access = True
    bpy.ops.avanim.create_runtime(compute="cpu")
    yield lambda: (operators._task is None or "torch" in operators._task.step) and _pips()
    stage.facts["in_the_middle"] = [operators._task.state, _pips()]


def runtime(stage):
    """The preferences' page, and a runtime from an index on this machine: begun, left alone, stopped, ended."""
    yield from _open_tab(stage)
    _use_index(stage)
    session, operators = _addon("session"), _addon("runtime_operators")
    facts, folder = stage.facts, session.runtime_folder()
    preferences = bpy.context.preferences
    preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "AVAnim"
    stage.view.type = "PREFERENCES"
    bpy.ops.preferences.addon_expand(module=MODULE)

    preferences.system.use_online_access = False
    facts["offline"] = [bpy.ops.avanim.create_runtime.poll(), operators.why_not_online()]
    bpy.ops.avanim.test_python()
    yield lambda: session.status.startswith("Python")
    facts["status"] = session.status
    yield 1.0
    stage.picture("offline")
    yield 1.0
    preferences.system.use_online_access = True
    ticks = Ticks()
    bpy.app.timers.register(ticks, persistent=True)

    # Another file is loaded in the middle, which is none of the runtime's business; then it is cancelled.
    began = time.perf_counter()
    bpy.ops.avanim.create_runtime(compute="cpu")
    yield lambda: (operators._task is None or "torch" in operators._task.step) and _pips()
    facts["gaps"] = ticks.gaps(began, time.perf_counter())
    yield 1.0
    stage.picture("creating")
    yield 1.0
    with bpy.context.temp_override(window=stage.window):
        bpy.ops.wm.read_homefile(app_template="", load_ui=False)
    yield 0.5
    facts["after_load"] = [operators._task.state, _pips()]
    began = time.perf_counter()
    bpy.ops.avanim.cancel_runtime()
    yield lambda: operators._task is None and not _pips()
    facts["cancelled"] = [time.perf_counter() - began, operators._state]

    # Once more: the extension is switched off in the middle.
    bpy.ops.avanim.create_runtime(compute="cpu")
    yield lambda: operators._task is None or "scipy" in operators._task.step
    began = time.perf_counter()
    bpy.ops.preferences.addon_disable(module=MODULE)
    facts["disabled"] = [time.perf_counter() - began, _pips()]
    bpy.ops.preferences.addon_enable(module=MODULE)
    session, installer, operators = _addon("session"), _addon("installer"), _addon("runtime_operators")
    installer._TORCH_INDEX, installer._BUILDS = stage.arguments["index"], {"cpu": "", "cuda": ""}
    facts["enabled_again"] = operators._state

    # To the end.
    bpy.ops.avanim.create_runtime(compute="cpu")
    yield lambda: operators._task is None
    facts["made"] = [operators._problem, operators._state, (folder / "whole.json").is_file()]
    yield lambda: session.status.startswith("Python")
    yield 1.0
    stage.picture("made")
    yield 1.0
    bpy.ops.avanim.remove_runtime("EXEC_DEFAULT")
    yield lambda: operators._task is None
    facts["removed"] = [operators._problem, operators._state, folder.exists()]
    ticks.on = False
