# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside the real Blender: `blender --python drive.py -- SCENARIO FOLDER [ARGUMENTS as JSON]`.

A scenario is a function of scenarios.py, or of another module beside it (MODULE.NAME). It yields seconds to
wait, or a function to wait for, and the window lives on meanwhile. What it notes in `facts` goes to FOLDER/facts.json,
with the traceback of whatever failed.
"""

import contextlib
import importlib
import json
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

SCENARIO, FOLDER = sys.argv[sys.argv.index("--") + 1 :][:2]
ARGUMENTS = json.loads((Path(FOLDER) / "arguments.json").read_text())
PATIENCE = 180.0  # s; what is busy with other things, too, is slow
# Must be set before the first redraw.
bpy.context.preferences.view.show_splash = False


class Stage:
    """The hands and eyes of a scenario."""

    def __init__(self) -> None:
        self.facts = {"version": list(bpy.app.version)}
        self.arguments = ARGUMENTS
        self.folder = Path(FOLDER)
        self.pictures = []

    @property
    def window(self):
        return bpy.context.window_manager.windows[0]

    @property
    def view(self):
        """The 3D view's area."""
        return next(area for area in self.window.screen.areas if area.type == "VIEW_3D")

    def region(self, kind: str):
        return next(region for region in self.view.regions if region.type == kind)

    def xdotool(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], check=True)

    def point_at(self, x: float, y: float) -> None:
        """Move the mouse to a place in Blender's window; y counts from below, as in Blender."""
        self.xdotool("mousemove", round(x), self.window.height - round(y))
        self.xdotool("mousemove_relative", 1, 1)

    def point_at_viewport(self) -> None:
        region = self.region("WINDOW")
        self.point_at(region.x + region.width * 0.4, region.y + region.height * 0.5)

    def picture(self, name: str) -> None:
        """A picture of the screen, taken while Blender goes on."""
        self.pictures.append(subprocess.Popen(["import", "-window", "root", str(self.folder / f"{name}.png")]))

    def end(self) -> None:
        """Keep what was noted."""
        for picture in self.pictures:
            picture.wait()
        (self.folder / "facts.json").write_text(json.dumps(self.facts, indent=1))

    def buttons(self, wanted):
        """Scenario part: look for operators' buttons in the sidebar by pointing and Ctrl-C, as a user may copy them.

        Blender tells no script where a button is. Returns {operator: (x, y)} of those found.
        """
        region = self.region("UI")
        found = {}
        clipboard = bpy.context.window_manager
        # Left of the middle, so that buttons which share a row with others are hit too.
        x = region.x + region.width * 0.4
        for y in range(region.y + region.height - 30, region.y + 10, -9):
            clipboard.clipboard = ""
            self.point_at(x, y)
            yield 0.06
            self.xdotool("key", "ctrl+c")
            yield 0.06
            for operator in wanted:
                if f"bpy.ops.{operator}(" in clipboard.clipboard:
                    found.setdefault(operator, (x, y - 2))
            if set(wanted) <= set(found):
                break
        return found


def play(generator, stage):
    """Steps a scenario with one of Blender's timers, then ends Blender."""
    waiting = {"for": None, "until": 0.0}

    def step():
        try:
            if waiting["for"] is not None and not waiting["for"]():
                if time.monotonic() > waiting["until"]:
                    raise TimeoutError("the scenario waited in vain")
                return 0.02
            wish = next(generator)
            if callable(wish):
                waiting.update({"for": wish, "until": time.monotonic() + PATIENCE})
                return 0.02
            waiting["for"] = None
            return wish
        except StopIteration:
            pass
        except BaseException:
            stage.facts["error"] = traceback.format_exc()
            with contextlib.suppress(Exception):
                stage.picture("error")
        stage.end()
        with bpy.context.temp_override(window=stage.window):
            bpy.ops.wm.quit_blender()
        return None

    # The first seconds go into compiling shaders. Persistent, for scenarios that load a file.
    bpy.app.timers.register(step, first_interval=2.0, persistent=True)


sys.path.append(str(Path(__file__).parent))
_stage = Stage()
_module, _, _name = SCENARIO.rpartition(".")
play(getattr(importlib.import_module(_module or "scenarios"), _name)(_stage), _stage)
