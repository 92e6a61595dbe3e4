# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the sound of films."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...rigs.impact.events import Events
from ...rigs.job import Job
from .. import session
from ..errands import Errand, output_path, scene_of, unused_path, why_no_output
from ..generating import poll
from ..scene import film_result
from .properties import SEEN, AVANIM_PG_foley


def why_no_foley(context: bpy.types.Context) -> str:
    """Why no film can be heard, in one sentence; empty when one can."""
    if not bpy.app.build_options.audaspace:
        return "This Blender was built without sound; use one from blender.org"
    panel: AVANIM_PG_foley = context.scene.avanim.foley
    if not panel.film:
        return "Choose the film first"
    if panel.film.startswith("//") and not bpy.data.filepath:
        return "Save the .blend first, or choose a film elsewhere: // is the folder of the .blend"
    return why_no_output(panel.path)


class AVANIM_OT_foley(Errand, bpy.types.Operator):
    bl_idname = "avanim.foley"
    bl_label = "Hear the Film"
    bl_description = (
        "Watch a film for what hits and slides, make the sound of it, and put that on the timeline with a marker for "
        "each hit: under the film's strip, or at the scene's first frame. ESC cancels"
    )
    bl_options = {"UNDO"}
    kind = "foley"
    why_not = staticmethod(why_no_foley)

    def job(self, context):
        panel: AVANIM_PG_foley = context.scene.avanim.foley
        self._scene, self._film = context.scene.session_uid, bpy.path.abspath(panel.film)
        out = unused_path(output_path(panel.path, ".wav"))
        self._events = out.with_suffix(".json")
        options = {"method": panel.method, "seed": panel.seed, "events": str(self._events)}
        if panel.material != SEEN:
            options["material"] = panel.material
        if panel.method == "foley":
            options["ground"] = panel.ground
        return Job("foley", self._film, options, str(out))

    def do(self, job):
        return session.run_to_the_end(job)

    def send(self, context, job):
        return session.worker().submit(job), None

    def finish(self, context, result):
        scene = scene_of(self._scene, f"; the sound of its film is in {result['output']}.")
        events = Events.load(self._events)
        film_result.place(scene, events, result["output"], self._film)
        made_of = ", ".join(f"{count} {name}" for name, count in result["materials"].items())
        scene.avanim.foley.found = f"{len(events)} events" + (f": {made_of}" if made_of else "")
        for note in result["notes"][:3]:
            self.report({"WARNING"}, note)
        return f"{Path(self._film).name}: {scene.avanim.foley.found}"


class AVANIM_OT_remove_foley(bpy.types.Operator):
    bl_idname = "avanim.remove_foley"
    bl_label = "Remove"
    bl_description = "Take the film's sound and markers off the timeline; the files stay"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if film_result.kept(context.scene) else "No film was heard yet")

    def execute(self, context):
        film_result.remove(context.scene)
        context.scene.avanim.foley.found = ""
        return {"FINISHED"}


CLASSES = (AVANIM_OT_foley, AVANIM_OT_remove_foley)
