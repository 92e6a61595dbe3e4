# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Buttons of the impacts panel."""

import shutil
from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import EnumProperty

from ...rigs.errors import InputError
from ...rigs.impact.events import Events
from ...rigs.job import Job
from .. import session
from ..errands import Errand, scene_of, unused_path, why_no_output
from ..generating import poll
from ..request import temporary_folder
from ..scene import contacts, impact_result
from ..scene.impact_bodies import MATERIAL, VALUES, material_of
from .properties import MATERIAL_ITEMS, AVANIM_PG_impacts


def why_no_bake(context: bpy.types.Context) -> str:
    """Why no sound can be made of the scene, in one sentence; empty when it can."""
    if not bpy.app.build_options.audaspace:
        return "This Blender was built without sound; use one from blender.org"
    if not any(obj.type in ("MESH", "ARMATURE") for obj in context.scene.objects):
        return "The scene holds nothing that could touch anything; add rigid bodies, a character, or keyed things"
    return why_no_output(context.scene.avanim.impacts.path)


def _next_folder(text: str) -> Path:
    return unused_path(Path(bpy.path.abspath(text.rstrip("/\\"))), folder=True)


class AVANIM_OT_bake_impacts(Errand, bpy.types.Operator):
    bl_idname = "avanim.bake_impacts"
    bl_label = "Bake Impact Audio"
    bl_description = (
        "Find everything that touches within the scene's range, work out how it sounds, and put a sound for each "
        "object on the timeline. A second Blender looks for contacts in a copy; nothing seen changes. ESC cancels"
    )
    bl_options = {"UNDO"}
    kind = "impacts"
    why_not = staticmethod(why_no_bake)

    def job(self, context):
        panel: AVANIM_PG_impacts = context.scene.avanim.impacts
        self._scene, self._out = context.scene.session_uid, _next_folder(panel.path)
        self._options = {"layout": panel.layout, "damping": panel.damping, "seed": panel.seed}
        # Not in the folder of the second Blender, which goes with that.
        self._between = temporary_folder()
        self._captured = str(Path(self._between.name) / "capture.npz")
        return Job("contacts", None, {}, self._captured)

    def _second_job(self):
        options = {**self._options, "stems": str(self._out), "events": str(self._out / "events.json")}
        return Job("impacts", self._captured, options, str(self._out / "impacts.wav"))

    def do(self, job):
        contacts.write_capture(self._captured)
        return session.run_to_the_end(self._second_job())

    def _done(self, context):
        if self._job.own_worker is None:
            return super()._done(context)
        if self._job.handle.stopped:  # just as the contacts were found
            return self._end({"INFO"}, "Cancelled")
        # The models' Python plays them.
        self._job.own_worker.kill()
        self._job.own_worker = None
        self._job.handle = session.worker().submit(self._second_job())
        return {"PASS_THROUGH"}

    def _put_away(self):
        super()._put_away()
        self._between.cleanup()

    def finish(self, context, result):
        scene = scene_of(self._scene, ", so its sounds were not put on the timeline.")
        shutil.copy(self._captured, self._out / "scene.npz")
        events = Events.load(self._out / "events.json")
        count = impact_result.place(scene, events, result, self._out)
        _list(scene, events)
        panel = scene.avanim.impacts
        panel.found = f"{len(events)} events, full scale {result['decibel']:.0f} dB SPL"
        for note in result["notes"][:3]:
            self.report({"WARNING"}, note)
        return f"{len(events)} events, {len(result['stems'])} sounds, {count} markers"


def _list(scene: bpy.types.Scene, events: Events) -> None:
    panel = scene.avanim.impacts
    panel.events.clear()
    for number, event in enumerate(events):
        item = panel.events.add()
        item.name, item.index, item.frame = impact_result.label(event), number, events.frame(event)
        item.mute, item.gain = event.mute, event.gain
        item.first, item.second = event.materials
    panel.event = min(panel.event, max(len(panel.events) - 1, 0))


def edited(panel: AVANIM_PG_impacts, events: Events) -> tuple[Events, set[str]]:
    """The events as the list has them now, and the objects whose sound that changes."""
    items, objects = list(events), set()
    for item in panel.events:
        if item.index >= len(items):
            continue
        was = items[item.index]
        now = replace(was, mute=item.mute, gain=item.gain, materials=(item.first, item.second))
        if now.to_dict() != replace(was, gain=float(was.gain)).to_dict() and not _same(was, now):
            items[item.index] = now
            objects |= {name for name in was.objects if name}
    return replace(events, items=tuple(items)), objects


def _same(one, other) -> bool:
    close = abs(one.gain - other.gain) < 1e-6
    return close and one.mute == other.mute and one.materials == other.materials


def why_no_edit(context: bpy.types.Context) -> str:
    """Why no changed events can be baked, in one sentence; empty when they can."""
    made = impact_result.kept(context.scene)
    if not made or not context.scene.avanim.impacts.events:
        return "Bake the scene's impacts first"
    if not Path(made["capture"]).is_file() or not Path(made["events"]).is_file():
        return "The files of the bake are gone; bake the scene again"
    return ""


class AVANIM_OT_rebake_impacts(Errand, bpy.types.Operator):
    bl_idname = "avanim.rebake_impacts"
    bl_label = "Bake Changed Events"
    bl_description = (
        "Make the sounds of those objects anew whose events were changed in the list; the others stay as they are. "
        "Contacts are not looked for again. ESC cancels"
    )
    bl_options = {"UNDO"}
    kind = "rebake"
    why_not = staticmethod(why_no_edit)

    def job(self, context):
        scene = context.scene
        panel, made = scene.avanim.impacts, impact_result.kept(scene)
        events, objects = edited(panel, Events.load(made["events"]))
        if not objects:
            raise InputError("No event was changed in the list; change one first.")
        self._scene, self._out = scene.session_uid, _next_folder(panel.path)
        if getattr(self, "_folder", None) is None:
            self._folder = temporary_folder()
        changed = Path(self._folder.name) / "events.json"
        events.save(changed)
        others = [path for name, path in made["stems"].items() if name not in objects]
        self._before, self._objects = made, objects
        options = {
            "layout": made["layout"], "damping": panel.damping, "seed": panel.seed, "edited": str(changed),
            "events": str(self._out / "events.json"), "stems": str(self._out), "only": sorted(objects),
            "others": others, "full_scale": made["pascal"],
        }  # fmt: skip
        return Job("impacts", made["capture"], options, str(self._out / "impacts.wav"))

    def do(self, job):
        return session.run_to_the_end(job)

    def send(self, context, job):
        return session.worker().submit(job), None

    def finish(self, context, result):
        scene = scene_of(self._scene, ", so its sounds were not put on the timeline.")
        shutil.copy(self._before["capture"], self._out / "scene.npz")
        events = Events.load(self._out / "events.json")
        impact_result.place(scene, events, result, self._out, only=self._objects)
        _list(scene, events)
        return f"Made {', '.join(result['stems']) or 'nothing'} anew"


class AVANIM_OT_remove_impacts(bpy.types.Operator):
    bl_idname = "avanim.remove_impacts"
    bl_label = "Remove"
    bl_description = "Take the sounds and markers of the last bake off the timeline; the files stay"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if impact_result.kept(context.scene) else "Nothing was baked yet")

    def execute(self, context):
        impact_result.remove(context.scene)
        context.scene.avanim.impacts.events.clear()
        context.scene.avanim.impacts.found = ""
        return {"FINISHED"}


class AVANIM_OT_impact_material(bpy.types.Operator):
    bl_idname = "avanim.impact_material"
    bl_label = "Sounds Like"
    bl_description = "What the selected objects, or the active material slot, are made of, for their sound"
    bl_options = {"REGISTER", "UNDO"}

    material: EnumProperty(name="Material", items=MATERIAL_ITEMS)
    where: EnumProperty(
        name="Of",
        items=(
            ("OBJECT", "Objects", "The selected objects, whatever their material slots"),
            ("SLOT", "Material", "The active material slot: what has this material, on all objects"),
            ("GROUND", "Ground", "The ground on which characters step where there is no floor"),
        ),
    )

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if context.scene is not None else "There is no scene")

    def execute(self, context):
        if self.where == "GROUND":
            context.scene[contacts.GROUND] = self.material
            return {"FINISHED"}
        chosen = [obj for obj in context.selected_objects if obj.type == "MESH"]
        if self.where == "SLOT":
            active = context.object.active_material if context.object else None
            if active is None:
                self.report({"ERROR"}, "The active object has no material; give it one, or choose Objects")
                return {"CANCELLED"}
            chosen = [active]
        if not chosen:
            self.report({"ERROR"}, "No mesh is selected; select what should sound like that")
            return {"CANCELLED"}
        for item in chosen:
            try:
                item[MATERIAL] = self.material
            except (TypeError, RuntimeError) as error:
                self.report({"ERROR"}, f"{item.name} cannot be changed ({error}); make it local or a library override")
                return {"CANCELLED"}
        return {"FINISHED"}


class AVANIM_OT_impact_values(bpy.types.Operator):
    bl_idname = "avanim.impact_values"
    bl_label = "Own Values"
    bl_description = "Give the active object its own loss factor, stiffness, density and wall, to be edited below"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if context.object and context.object.type == "MESH" else "Select a mesh")

    def execute(self, context):
        obj = context.object
        if all(key in obj for key in VALUES.values()):
            for key in VALUES.values():
                del obj[key]
            return {"FINISHED"}
        from ...rigs.impact.materials import BOUNDS, MATERIALS

        matter = MATERIALS[material_of(obj)]
        for name, key in VALUES.items():
            obj[key] = 0.0 if name == "thickness" else float(getattr(matter, name))
            low, high = BOUNDS[name]
            what = "m; 0 finds it from the mesh" if name == "thickness" else "for the sound of this object"
            obj.id_properties_ui(key).update(min=0.0 if name == "thickness" else low, max=high, description=what)
        return {"FINISHED"}


CLASSES = (
    AVANIM_OT_bake_impacts,
    AVANIM_OT_rebake_impacts,
    AVANIM_OT_remove_impacts,
    AVANIM_OT_impact_material,
    AVANIM_OT_impact_values,
)
