# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of the live dance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...rigs.errors import InputError
from ...rigs.job import Job
from ...rigs.motion_files import load_motion
from .. import session
from ..background import Background, over_view, poll
from ..dance.operators import why_no_dance
from ..dance.request import is_heard, visible_part
from ..generating import new_seed
from ..request import temporary_folder
from ..scene import sound, take
from ..scene.take import by_uid
from ..takes import tracks
from .player import Player

KIND = "live"
_TICK = 0.05  # s
_WRITING = 24  # steps of a take that are written in one tick
# One dances at a time.
_stop_wanted = False


def dancing() -> bool:
    """Whether a character dances live."""
    return bool(session.errand(KIND))


def why_not_live(context: bpy.types.Context) -> str:
    """Why nobody can dance live, in one sentence; empty when somebody can."""
    return "It dances already; press Stop first" if dancing() else why_no_dance(context)


def played_part(scene: bpy.types.Scene) -> dict[str, Any]:
    """What of the music is danced to, from the current frame on: `audio`, `start`, `seconds`, `frame_start`.

    Music from a file is put into the sequencer first, if it is not there.

    Raises:
        InputError: there is no such music, or none is left after the current frame.
    """
    panel = scene.avanim.dance
    if panel.source == "STRIP":
        part = visible_part(scene, panel.strip)
    else:
        audio = Path(bpy.path.abspath(panel.audio)).resolve()
        if not audio.is_file():
            raise InputError(f"There is no sound file {audio}; choose one in the Dance panel.")
        part = {"audio": audio, "start": panel.start, "seconds": panel.seconds or None}
        part["frame_start"] = scene.frame_start
        if not is_heard(scene, audio, scene.frame_start):
            sound.add_sound_strip(scene, audio, scene.frame_start, start=panel.start, seconds=panel.seconds or None)
    late = max(0.0, (scene.frame_current - part["frame_start"]) / take.scene_fps(scene))
    left = part["seconds"] and part["seconds"] - late
    if left is not None and left < 1:
        raise InputError("The music is over at the current frame; go back in the timeline.")
    return {
        "audio": part["audio"], "start": part["start"] + late, "seconds": left,
        "frame_start": max(part["frame_start"], scene.frame_current),
    }  # fmt: skip


class _Danced:
    """Stands on the list of jobs for one that is done and goes on playing: its cross stops it."""

    state, ended, progress, eta, error, kind = "done", True, 1.0, None, "", ""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result, self.step = result, "Dancing live"
        self.preview: dict[str, Any] = {}

    def cancel(self) -> None:
        global _stop_wanted
        _stop_wanted = True


class AVANIM_OT_dance_live(Background, bpy.types.Operator):
    bl_idname = "avanim.dance_live"
    bl_label = "Dance Live"
    bl_description = (
        "Play the music from the current frame on and let the character dance to it as it comes, by GrooveNet. No key "
        "is made, unless it is recorded. ESC over a 3D view, or Stop, ends it"
    )
    bl_options = {"UNDO"}

    _part: dict[str, Any]  # as `played_part` gives it
    _steps: Any  # the take that is being written

    @classmethod
    def poll(cls, context):
        return poll(cls, why_not_live(context))

    def invoke(self, context, event):
        global _stop_wanted
        scene, armature, panel = context.scene, tracks.active_character(context), context.scene.avanim.live
        assert armature is not None  # why_not_live
        try:
            self._part = played_part(scene)
            self._player = Player(armature, self._part["frame_start"])
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        try:
            self._folder = temporary_folder()
        except InputError as error:
            self._player.stop(scene)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        _stop_wanted = False
        self._output = Path(self._folder.name) / "live.npz"
        self._armature, self._scene, self._title = armature.session_uid, scene.session_uid, self._part["audio"].stem
        self._fps, self._playing, self._steps = take.scene_fps(scene), True, None
        options = {
            "style": panel.style, "seed": panel.seed, "fps": self._fps, "start": self._part["start"],
            "character": armature["avanim_character"],
        }  # fmt: skip
        if self._part["seconds"] is not None:
            options["seconds"] = self._part["seconds"]
        self._seed = panel.seed
        handle = session.worker().submit(Job("groove_live", str(self._part["audio"]), options, str(self._output)))
        running = session.Running(handle, None, self._armature, armature.name, f"Live to {self._title}", kind=KIND)
        self._begin_job(context, running, _TICK)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        global _stop_wanted
        if event.type == "ESC" and event.value == "PRESS" and over_view(context, event) and self._playing:
            _stop_wanted = True
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        return super().modal(context, event)

    def _tick(self, context):
        if self._number not in session.running:  # another file, or Cancel All
            return self._end({"INFO"}, "Stopped")
        handle, scene = self._job.handle, by_uid(bpy.data.scenes, self._scene)
        begun = self._player.length > 0
        session.worker().poll()
        if handle.preview:
            self._player.take_in(self._output, handle.preview["chunks"])
        if scene is None or by_uid(bpy.data.objects, self._armature) is None:
            return self._end({"WARNING"}, f"{self._job.name} is gone")
        if not begun and self._player.length and self._playing:
            self._player.show(scene.frame_current)
            if not context.screen.is_animation_playing:
                bpy.ops.screen.animation_play()
        if self._playing and _stop_wanted:
            self._playing = False
            if context.screen.is_animation_playing:
                bpy.ops.screen.animation_cancel(restore_frame=False)
            self._player.stop(scene)
            if not (scene.avanim.live.record and self._player.heard):
                return self._end({"INFO"}, "Stopped")
            handle.step = "Recording"
        if handle.state == "done" and self._playing:
            if not isinstance(handle, _Danced):
                self._job.handle = _Danced(handle.result)
            self._show()
            return {"PASS_THROUGH"}
        return super()._tick(context)

    def _done(self, context):
        """It was stopped, and all is danced: write what has been seen as a take."""
        scene, armature = by_uid(bpy.data.scenes, self._scene), by_uid(bpy.data.objects, self._armature)
        try:
            if self._steps is None:
                self._steps = self._written(armature, scene)
            for _ in range(_WRITING):
                next(self._steps)
        except StopIteration as end:
            tracks.select(armature, end.value)
            self._put_away()
            self.report({"INFO"}, f"New take: {end.value.name}")
            return {"FINISHED"}
        except take.Undone:
            self._steps = None
        return {"PASS_THROUGH"}

    def _written(self, armature, scene):
        assert self._player.heard is not None
        first, last = self._player.heard
        whole, result = load_motion(self._output), self._job.handle.result
        last = max(last, first + 1)
        heard = replace(whole, poses=whole.poses[first : last + 1], trans=whole.trans[first : last + 1])
        name = f"{self._title} live {self._seed}"
        return take.take_steps(
            armature, heard, name, result["settings"], frame_start=self._player.frame_start + first, fps=self._fps
        )

    def _put_away(self):
        if self._steps is not None:
            self._steps.close()
        self._player.stop(by_uid(bpy.data.scenes, self._scene))
        super()._put_away()


class AVANIM_OT_stop_live(bpy.types.Operator):
    bl_idname = "avanim.stop_live"
    bl_label = "Stop"
    bl_description = "End the live dance; the character is as it was. If Record is on, a take is made of it"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        return poll(cls, "" if dancing() else "Nobody dances live")

    def execute(self, context):
        global _stop_wanted
        _stop_wanted = True
        return {"FINISHED"}


class AVANIM_OT_new_live_seed(bpy.types.Operator):
    bl_idname = "avanim.new_live_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice: the next live dance is another one"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context):
        context.scene.avanim.live.seed = new_seed({context.scene.avanim.live.seed})
        return {"FINISHED"}


CLASSES = (AVANIM_OT_dance_live, AVANIM_OT_stop_live, AVANIM_OT_new_live_seed)
