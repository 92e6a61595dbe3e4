# SPDX-License-Identifier: GPL-3.0-or-later
"""One wish for a tool's work on a take."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np

from ...models.dance.families import TOOLS
from ...rigs.errors import InputError
from ...rigs.job import Job
from ...rigs.motion_files import load_motion
from ..compat import actions
from ..request import remember, remembered, repeatable
from ..scene import marks, take
from ..scene.ghost import Ghost
from ..takes import tracks


@repeatable
@dataclass(frozen=True)
class ToolRequest:
    """`tool` on the take with the identity `take`, with `options` of `families.OPTIONS`; `other` is another take's."""

    kind: ClassVar[str] = "tools"
    tool: str
    take: str
    options: dict[str, Any] = field(default_factory=dict)
    other: str = ""
    seed: int = 0
    name: str | None = None

    @classmethod
    def from_panel(cls, scene: bpy.types.Scene, armature: bpy.types.Object, action: bpy.types.Action) -> ToolRequest:
        """What the panel asks for. Raises InputError: it does not fit the take."""
        panel = scene.avanim.tools
        tool, options = TOOLS[panel.tool], {}
        for name, still in (("gains", 1.0), ("offsets", 0.0)):
            if name in tool.options:
                values = [round(value, 4) for value in getattr(panel, name)]
                # Sliders that are left alone ask for nothing: a simple motion has fewer components.
                while values and values[-1] == still:
                    values.pop()
                options[name] = values
        for name in ("mix", "temperature", "strength"):
            if name in tool.options:
                options[name] = round(getattr(panel, name), 4)
        if panel.tool == "gp" and panel.span != "CONTINUE":
            options["keys"] = kept_frames(scene, armature, action, panel.span)
        elif "seconds" in tool.options:
            options["seconds"] = round(panel.seconds, 3)
        other = ""
        if panel.other is not None and (tool.needs_other or panel.tool in ("gp", "fcrbm")):
            other = panel.other["avanim_take"]
        if panel.tool == "fcrbm" and not other:
            options["mix"] = 0.0
        return cls(panel.tool, action["avanim_take"], options, other, panel.seed if "seed" in tool.options else 0)

    @classmethod
    def from_take(cls, action: bpy.types.Action, song: str = "") -> ToolRequest:
        """The wish that is kept on a take. Raises InputError."""
        if song:
            raise InputError(f"{action.name} was made of another take, not of a song; choose a dance.")
        wish = remembered(action)
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in wish.items() if name in known})

    def job(self, armature: bpy.types.Object, scene: bpy.types.Scene, folder: str | Path) -> Job:
        """The worker's job; its result is a file in `folder`, where the takes are written for it too."""
        there = Path(folder) / "take.npz"
        take.read_take(armature, self._action(self.take)).save(there)
        options = {"tool": self.tool, **self.options, "character": armature.get("avanim_character", "neutral")}
        if "seed" in TOOLS[self.tool].options:
            options["seed"] = self.seed
        if self.other:
            second = Path(folder) / "other.npz"
            take.read_take(armature, self._action(self.other)).save(second)
            options["other"] = str(second)
        return Job("motion", str(there), options, str(Path(folder) / "made.npz"))

    def target(self, armature: bpy.types.Object, scene: bpy.types.Scene) -> ToolTarget:
        """Raises InputError: the armature is neither a character nor mapped, or the take has gone."""
        action = self._action(self.take)
        first, fps = int(action["avanim_frame_start"]), float(action["avanim_fps"])
        return ToolTarget(self, self._title(action), take.shape_of(armature), first, fps)

    def steps(
        self, armature: bpy.types.Object, scene: bpy.types.Scene, result: dict[str, Any]
    ) -> Generator[None, None, tuple[bpy.types.Action, str]]:
        """Write the result as a take that plays where the old one does, which is muted."""
        owner = armature.session_uid
        motion = load_motion(result["motion"])
        old = self._action(self.take)
        fps, first = float(old["avanim_fps"]), int(old["avanim_frame_start"])
        first += tracks.frame_shift(armature, old)
        yield
        armature = take.found(bpy.data.objects, owner)
        action = yield from take.take_steps(
            armature, motion, self._title(self._action(self.take)), result["settings"], frame_start=first, fps=fps
        )
        armature, old = take.found(bpy.data.objects, owner), self._action(self.take)
        remember(action, self)
        for kind, there in marks.kept(old).items():
            marks.keep(action, kind, there, marks.made(old, kind))
        tracks.set_mute(armature, tracks.track_of(armature, old), True)
        tracks.select(armature, action)
        if len(motion) > old["avanim_frames"]:
            scene.frame_end = max(scene.frame_end, first + len(motion) - 1)
        return action, ""

    def _title(self, action: bpy.types.Action) -> str:
        return self.name or f"{action.name} {TOOLS[self.tool].title.lower()}"

    @staticmethod
    def _action(identity: str) -> bpy.types.Action:
        for action in bpy.data.actions:
            if action.get("avanim_take") == identity and "avanim_skeleton" in action:
                return action
        raise InputError("The take that this is made of has gone; select another.")


def kept_frames(scene: bpy.types.Scene, armature: bpy.types.Object, action: bpy.types.Action, span: str) -> list[int]:
    """The frames of the take (0 its first) between which all is to be made anew.

    Raises:
        InputError: fewer than two lie within the take, or all its keys are selected.
    """
    first = action["avanim_frame_start"]
    start = first + tracks.frame_shift(armature, action)
    if span == "PREVIEW":
        frames = [scene.frame_preview_start - start, scene.frame_preview_end - start]
    elif span == "MARKERS":
        frames = [marker.frame - start for marker in scene.timeline_markers if marker.select]
    else:
        frames = sorted({round(frame) - first for frame in _selected_keys(action)})
        if len(frames) >= action["avanim_frames"]:
            raise InputError(f"All keys of {action.name} are selected; select those whose poses are to stay.")
    frames = sorted({frame for frame in frames if 0 <= frame < action["avanim_frames"]})
    if len(frames) < 2:
        raise InputError(f"Fewer than two of those frames lie within {action.name}; choose two at least.")
    return frames


def _selected_keys(action: bpy.types.Action) -> set[float]:
    found: set[float] = set()
    for curve in actions.curves(action):
        count = len(curve.keyframe_points)
        chosen, places = np.empty(count, bool), np.empty(2 * count, np.float32)
        curve.keyframe_points.foreach_get("select_control_point", chosen)
        curve.keyframe_points.foreach_get("co", places)
        found.update(places[::2][chosen].tolist())
    return found


@dataclass(frozen=True)
class ToolTarget:
    """Whose take it is of, and where on the timeline, as it was when the job began."""

    request: ToolRequest
    name: str
    shape: take.Shape | take.ForeignShape
    frame_start: int
    fps: float

    @property
    def title(self) -> str:
        return self.name

    def keep(self, result: dict[str, Any]) -> Generator[None, None, bpy.types.Action]:
        """Write the result as an action alone."""
        motion = load_motion(result["motion"])
        yield
        action = yield from take.take_steps(
            None, motion, self.name, result["settings"], frame_start=self.frame_start, fps=self.fps, shape=self.shape
        )
        remember(action, self.request)
        return action

    def show(self, preview: dict[str, Any]) -> Ghost:
        """No tool sends anything ahead."""
        return Ghost(self.shape, load_motion(preview["motion"]), self.frame_start)
