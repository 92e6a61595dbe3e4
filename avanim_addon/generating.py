# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""What the buttons that generate something share: the job, its progress, its end, and why it cannot begin."""

import random
import time
from collections.abc import Callable, Container

import bpy
from bpy.props import BoolProperty, StringProperty

from ..rigs.errors import Cancelled, InputError
from . import session
from .background import Background, poll, redraw
from .request import Request, perform, temporary_folder
from .scene.take import Undone, by_uid
from .takes import tracks

_WRITING = 0.02  # s of each tick that go into writing the take


def why_no_job(context: bpy.types.Context) -> str:
    """Why nothing can be generated for the active character, in one sentence; empty when something can."""
    armature = tracks.active_character(context)
    if armature is None:
        if context.object is not None and context.object.type == "ARMATURE":
            return f"The bones of {context.object.name} are not mapped yet; press Map Bones in the Retarget panel"
        return "Select a character, or add one first"
    if armature.library is not None:
        return f"{armature.name} is linked from another file; make it local first"
    return ""


def start(operator: bpy.types.Operator, other: Callable[..., set[str]], **values: object) -> set[str]:
    """Hand over to another operator, which lives on in the window, and waits where there is none."""
    try:
        other("EXEC_DEFAULT" if bpy.app.background else "INVOKE_DEFAULT", **values)
    except RuntimeError as error:  # what it has reported
        operator.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"CANCELLED"}
    return {"FINISHED"}


def new_seed(taken: Container[int]) -> int:
    return next(seed for seed in iter(lambda: random.randrange(1, 10_000), None) if seed not in taken)


class Generate(Background):
    """In the window it starts the job, leaves the window free and writes the take at the end; elsewhere it waits."""

    # No REGISTER: the redo panel would run it all again at every touch of a property.
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        return poll(cls, cls.why_not(context))

    @staticmethod
    def why_not(context: bpy.types.Context) -> str:
        """Why it cannot begin, in one sentence; empty when it can."""
        raise NotImplementedError

    def request(self, context: bpy.types.Context) -> Request:
        """What is wished for; raises InputError."""
        raise NotImplementedError

    def execute(self, context):
        armature = tracks.active_character(context)
        try:
            made = perform(self.request(context), armature, context.scene)
        except Cancelled:
            return {"CANCELLED"}
        except (InputError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._tell(*made)
        return {"FINISHED"}

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        try:
            self._begin(context)
        except InputError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _begin(self, context):
        """Put the job into the worker's queue, and on the list."""
        armature, scene = tracks.active_character(context), context.scene
        self._request = self.request(context)
        self._target = self._request.target(armature, scene)
        if any(session.running[number].request == self._request for number in session.jobs_of(armature)):
            raise InputError(f"{self._target.title} is on its way for {armature.name} already; wait, or change it")
        self._folder = temporary_folder()
        self._armature, self._scene = armature.session_uid, scene.session_uid
        handle = session.worker().submit(self._request.job(armature, scene, self._folder.name))
        self._preview = handle.preview
        self._steps = None
        title = self._target.title
        self._begin_job(
            context, session.Running(handle, None, self._armature, armature.name, title, request=self._request)
        )

    def _tick(self, context):
        armature = by_uid(bpy.data.objects, self._armature)
        self._job.name = armature.name if armature else self._job.name
        handle = self._job.handle
        if handle.preview is not self._preview and not handle.ended:
            self._preview = handle.preview
            if self._job.shown is not None:
                self._job.shown.remove()
            self._job.shown = self._target.show(handle.preview)
            redraw(("WINDOW",))
        return super()._tick(context)

    def _done(self, context):
        """Go on writing the take for a moment: a long one would hold up the window."""
        self._job.handle.step = "Writing the take"
        self._show()
        armature, scene = by_uid(bpy.data.objects, self._armature), by_uid(bpy.data.scenes, self._scene)
        # Deleted, or in no collection any more and so on its way out.
        gone = armature is None or scene is None or not armature.users_collection
        try:
            if self._steps is not None and gone != self._alone:
                self._steps.close()
                self._steps = None
            if self._steps is None:
                self._alone = gone
                result = self._job.handle.result
                self._steps = self._target.keep(result) if gone else self._request.steps(armature, scene, result)
            until = time.monotonic() + _WRITING
            while time.monotonic() < until:
                next(self._steps)
        except StopIteration as end:
            self._put_away()
            if isinstance(end.value, tuple):
                self._tell(*end.value)
            else:
                lost = self._job.name if scene else "The scene"
                self.report({"WARNING"}, f"{lost} is gone; the result is kept as the action {end.value.name}")
            return {"FINISHED"}
        except Undone:
            self._steps = None
        except InputError as error:
            return self._end({"ERROR"}, str(error))
        return {"PASS_THROUGH"}

    def _tell(self, action, problem):
        if problem:
            self.report({"WARNING"}, f"New take: {action.name}. {problem}")
        else:
            self.report({"INFO"}, f"New take: {action.name}")

    def _put_away(self):
        if self._steps is not None:
            self._steps.close()
        super()._put_away()


class SoundFile:
    """Asks for a sound file where it is given none."""

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_sound: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class SoundDrop:
    """Of a file handler: it takes sounds that are dropped onto a 3D view. Where several do, Blender asks which."""

    bl_file_extensions = ".wav;.mp3;.flac;.ogg;.m4a"

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"
