# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the sound panel."""

import bpy

from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.job import Job
from .. import session
from ..compat import versions
from ..dance.request import visible_part
from ..errands import Errand, output_path, scene_of, why_no_output
from ..generating import SoundFile
from ..scene import sound, strip_beats
from .properties import AVANIM_PG_sound


class AVANIM_OT_add_sound(SoundFile, bpy.types.Operator):
    bl_idname = "avanim.add_sound"
    bl_label = "Add Sound Strip"
    bl_description = "Choose a sound and put it into the sequencer at the current frame, to be played in step"
    bl_options = {"UNDO"}

    def execute(self, context):
        try:
            strip = sound.add_sound_strip(context.scene, self.filepath, context.scene.frame_current)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.scene.avanim.sound.strip = strip.name
        self.report({"INFO"}, f"Added {strip.name} to the sequencer")
        return {"FINISHED"}


def why_no_beats(context: bpy.types.Context) -> str:
    """Why no beats can be looked for, in one sentence; empty when they can."""
    name = context.scene.avanim.sound.strip
    strip = next((strip for strip in versions.all_strips(context.scene) if strip.name == name), None)
    if strip is None or strip.type != "SOUND":
        return "Choose a sound strip first, or add one"
    return ""


class AVANIM_OT_find_beats(Errand, bpy.types.Operator):
    bl_idname = "avanim.find_beats"
    bl_label = "Find Beats"
    bl_description = (
        "Listen to the visible part of the strip and mark its beats on the timeline, named bar.beat. Move them where "
        "you want them: the next dance to this strip keeps to the markers. ESC cancels"
    )
    bl_options = {"UNDO"}
    kind = "beats"
    why_not = staticmethod(why_no_beats)

    def job(self, context):
        panel: AVANIM_PG_sound = context.scene.avanim.sound
        part = visible_part(context.scene, panel.strip)
        self._scene, self._strip, self._part = context.scene.session_uid, panel.strip, part
        return Job("beats", str(part["audio"]), {"start": part["start"], "seconds": part["seconds"]})

    def do(self, job):
        return session.run_to_the_end(job)

    def send(self, context, job):
        return session.worker().submit(job), None

    def finish(self, context, result):
        scene = scene_of(self._scene, ", so its beats were not marked.")
        strip = versions.sequence_strips(scene).get(self._strip)
        if strip is None:
            raise InputError(f"The strip {self._strip} is gone, so its beats were not marked.")
        beats = Beats.from_dict(result["beats"])
        strip_beats.mark(scene, strip, beats, {**self._part, "seconds": result["seconds"]})
        heard = f"{beats.bpm:.1f} bpm, {beats.metre}/4" if beats.confidence > 0 else "No clear beat"
        scene.avanim.sound.found = heard
        return f"{self._strip}: {heard}"


def why_no_mix(context: bpy.types.Context) -> str:
    """Why the scene's sound cannot be mixed, in one sentence; empty when it can."""
    if not (versions.CAN_MIX and bpy.app.build_options.codec_ffmpeg):
        return "This Blender was built without sound, or without its module aud; use one from blender.org"
    if not any(strip.type == "SOUND" for strip in versions.all_strips(context.scene)):
        return "The scene has no sound strip; add one first"
    return why_no_output(context.scene.avanim.sound.path)


class AVANIM_OT_mix_sound(Errand, bpy.types.Operator):
    bl_idname = "avanim.mix_sound"
    bl_label = "Mix to .wav"
    bl_description = (
        "Mix all sound of the sequencer over the scene's range down to one .wav, 48 kHz, that lasts as long as the "
        "range does. ESC cancels"
    )
    kind = "mix"
    why_not = staticmethod(why_no_mix)

    def job(self, context):
        return Job("mix", None, {}, str(output_path(context.scene.avanim.sound.path, ".wav")))


CLASSES = (AVANIM_OT_add_sound, AVANIM_OT_find_beats, AVANIM_OT_mix_sound)
