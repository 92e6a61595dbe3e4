# SPDX-License-Identifier: GPL-3.0-or-later
"""One wish for a dance: the job that it becomes, and what its result does to the scene."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np

from ...models.dance import DEFAULT_METHOD, METHODS
from ...rigs.beats import Beats
from ...rigs.errors import InputError
from ...rigs.job import Job
from ...rigs.marks import Marks
from ...rigs.motion_files import load_motion
from ..compat import versions
from ..request import remember, remembered, repeatable
from ..scene import instrument, marks, sound, strip_beats, take
from ..scene.character import add_character
from ..scene.ghost import Ghost
from ..takes import tracks
from . import choreography
from .properties import AVANIM_PG_dance


@repeatable
@dataclass(frozen=True)
class DanceRequest:
    """`start`, `seconds` and `offset` in s of the music; `fps` None is the scene's; None elsewhere is "find out".

    `beats` pairs of time s from `start` and place in the bar · `controls` the choreographer's, as
    `choreography.wishes` gives them.
    """

    kind: ClassVar = "dance"

    audio: Path
    start: float = 0.0
    seconds: float | None = None
    method: str = DEFAULT_METHOD
    style: str = "auto"
    seed: int = 0
    bpm: float | None = None
    metre: int | None = None
    offset: float | None = None
    beats: list[list[float]] | None = None
    fps: float | None = None
    frame_start: int | None = None
    add_sound: bool = True
    fit_range: bool = True
    beat_markers: bool = False
    name: str | None = None
    controls: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_panel(cls, scene: bpy.types.Scene) -> DanceRequest:
        """What `Scene.avanim.dance` asks for.

        Raises:
            InputError: there is no such file or strip.
        """
        panel: AVANIM_PG_dance = scene.avanim.dance
        wish: dict[str, Any] = {
            "method": panel.method,
            "style": panel.style,
            "seed": panel.seed,
            "bpm": panel.bpm if panel.use_bpm else None,
            "metre": panel.metre if panel.use_metre else None,
            "offset": panel.offset if panel.use_offset else None,
            "fps": None if panel.frame_rate == "SCENE" else float(panel.frame_rate),
            "fit_range": panel.fit_range,
            "beat_markers": panel.beat_markers,
            "controls": choreography.wishes(panel.choreography) if METHODS[panel.method].choreographs else {},
        }
        if panel.source == "FILE":
            audio = Path(bpy.path.abspath(panel.audio)).resolve()
            if not panel.audio or not audio.is_file():
                raise InputError(
                    f"There is no sound file {audio if panel.audio else ''}; choose one in the Dance panel."
                )
            return cls(audio, panel.start, panel.seconds or None, add_sound=panel.add_sound, **wish)
        part = visible_part(scene, panel.strip)
        if not (panel.use_bpm or panel.use_metre or panel.use_offset):
            wish["beats"] = strip_beats.marked(scene, versions.sequence_strips(scene)[panel.strip], part)
        return cls(**part, add_sound=False, **wish)

    @classmethod
    def from_take(cls, action: bpy.types.Action, song: str = "") -> DanceRequest:
        """The wish that a take was made for, at the take's place; or the same to another song, whose beat is found out.

        Raises:
            InputError: the take does not say, or there is no such sound file.
        """
        wish = remembered(action)
        if wish.pop("kind") != cls.kind:
            raise InputError(f"{action.name} is no dance; choose a take that is.")
        wish["frame_start"] = action["avanim_frame_start"]
        if song:
            unknown: dict[str, Any] = dict.fromkeys(("seconds", "bpm", "metre", "offset", "beats", "name"))
            wish.update(unknown, audio=bpy.path.abspath(song), start=0.0, add_sound=True)
        wish["audio"] = Path(wish["audio"]).resolve()
        if not wish["audio"].is_file():
            raise InputError(f"There is no sound file {wish['audio']} (any more); choose another song.")
        return cls(**wish)

    def job(self, armature: bpy.types.Object, scene: bpy.types.Scene, folder: str | Path) -> Job:
        """The worker's job; its result is a file in `folder`."""
        names = ("method", "style", "seed", "bpm", "metre", "offset", "beats", "start", "seconds")
        options = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        options["fps"] = self.fps or take.scene_fps(scene)
        options["character"] = armature.get("avanim_character", "neutral")
        options.update(self.controls)
        if "pins" in self.controls:
            options["pins"] = self._pins(scene)
        if "continue_from" in self.controls:
            before = Path(folder) / "before.npz"
            replace(choreography.posed(armature), fps=options["fps"]).save(before)
            options["continue_from"] = str(before)
        return Job("dance", str(self.audio), options, str(Path(folder) / "dance.npz"))

    def _first(self, scene: bpy.types.Scene) -> int:
        return scene.frame_start if self.frame_start is None else self.frame_start

    def _pins(self, scene: bpy.types.Scene) -> list[dict[str, Any]]:
        """The pinned poses, their frames counted from the dance's first."""
        first = self._first(scene)
        return [
            {**pin, "frame": pin["frame"] - first} for pin in self.controls.get("pins", []) if pin["frame"] >= first
        ]

    def shape(self, armature: bpy.types.Object, scene: bpy.types.Scene) -> take.Shape | take.ForeignShape:
        """What the take is written by. Raises InputError: the armature is no character of AVAnim's and not mapped."""
        made = take.shape_of(armature)
        if isinstance(made, take.ForeignShape):
            return replace(made, exact=tuple(pin["frame"] for pin in self._pins(scene)))
        return made

    @property
    def title(self) -> str:
        """What the take is to be called."""
        return self.name or f"{self.audio.stem} {self.method} {self.seed}"

    def target(self, armature: bpy.types.Object, scene: bpy.types.Scene) -> DanceTarget:
        """Raises InputError: the armature is neither one of AVAnim's characters nor mapped."""
        return DanceTarget(self, self.shape(armature, scene), self._first(scene), self.fps or take.scene_fps(scene))

    def steps(
        self, armature: bpy.types.Object, scene: bpy.types.Scene, result: dict[str, Any]
    ) -> Generator[None, None, tuple[bpy.types.Action, str]]:
        """Write the result as a new take, and sound, range and markers as wished.

        It pauses as `take.take_steps` does; the scene is touched in the last step only.
        """
        owner, stage = armature.session_uid, scene.session_uid
        fps = take.scene_fps(scene) if self.fps is None else sound.exact_rate(self.fps)
        first = self._first(scene)
        if self.frame_start is not None and not self.add_sound:
            # A strip keeps its frames when the rate changes, so that its music comes at other ones.
            before = result.get("fps", fps) if self.fps is None else take.scene_fps(scene)
            first += round(self.start * (fps - before))
        motion = load_motion(result["motion"])
        yield
        armature = take.found(bpy.data.objects, owner)
        shape = self.shape(armature, take.found(bpy.data.scenes, stage))
        action = yield from take.take_steps(
            armature, motion, self.title, result["settings"], frame_start=first, fps=fps, shape=shape
        )
        _describe(action, self, result)
        for path in result.get("motions", [])[1:]:
            yield from self._other(path, owner, first, fps, result)
        armature, scene = take.found(bpy.data.objects, owner), take.found(bpy.data.scenes, stage)
        if self.fps is not None:
            sound.set_frame_rate(scene, self.fps)
        last = first + action["avanim_frames"] - 1
        tracks.select(armature, action)
        if self.fit_range:
            scene.frame_start, scene.frame_end = min(scene.frame_start, first), last
        problem = ""
        try:
            if "instrument" in result["settings"]:
                instrument.add_instrument(result["settings"]["instrument"], armature)
            if self.add_sound and not is_heard(scene, self.audio, first):
                sound.add_sound_strip(scene, self.audio, first, start=self.start, seconds=self.seconds)
        except InputError as error:  # the dance is there all the same
            problem = str(error)
        if self.beat_markers:
            marks.show(scene, action)
        return action, problem

    def _other(
        self, path: str, owner: int, first: int, fps: float, result: dict[str, Any]
    ) -> Generator[None, None, None]:
        """Another dancer of the group: a further character with a take of its own. The first one stays active."""
        leader = take.found(bpy.data.objects, owner)
        other = add_character(leader.get("avanim_character", "neutral"), leader.get("avanim_skeleton", "smpl24"))
        other.location, other.rotation_euler = leader.location, leader.rotation_euler
        bpy.context.view_layer.objects.active = leader
        other.select_set(False)
        leader.select_set(True)
        yield
        yield from take.take_steps(other, load_motion(path), self.title, result["settings"], frame_start=first, fps=fps)


@dataclass(frozen=True)
class DanceTarget:
    """Whose dance it is, and where on the timeline, as it was when the job began."""

    request: DanceRequest
    shape: take.Shape | take.ForeignShape
    frame_start: int
    fps: float

    @property
    def title(self) -> str:
        return f"Dance to {self.request.audio.stem}"

    def keep(self, result: dict[str, Any]) -> Generator[None, None, bpy.types.Action]:
        """Write the dance as an action alone."""
        motion = load_motion(result["motion"])
        yield
        action = yield from take.take_steps(
            None, motion, self.request.title, result["settings"], frame_start=self.frame_start, fps=self.fps,
            shape=self.shape,
        )  # fmt: skip
        _describe(action, self.request, result)
        return action

    def show(self, preview: dict[str, Any]) -> Ghost:
        """A figure of lines that dances what is there so far."""
        return Ghost(self.shape, load_motion(preview["motion"]), self.frame_start)


def _describe(action: bpy.types.Action, request: DanceRequest, result: dict[str, Any]) -> None:
    """What is kept on the take beside its settings: the wish, and the beats that it was made to."""
    remember(action, request)
    marks.keep(action, "beats", Marks.of_beats(Beats.from_dict(result["beats"])))
    sections = result["settings"].get("sections")
    if sections:
        labels = tuple(f"{one['name']} {one['label']}" for one in sections)
        marks.keep(action, "sections", Marks(np.array([one["start"] for one in sections]), labels))


def visible_part(scene: bpy.types.Scene, name: str) -> dict[str, Any]:
    """What is heard of a sound strip: `audio`, `start` and `seconds` in it, and the `frame_start` at which that is.

    Raises:
        InputError: there is no such strip.
    """
    strip = versions.sequence_strips(scene).get(name)
    if strip is None or strip.type != "SOUND":
        raise InputError(f"The sequencer has no sound strip {name!r}; choose one.")
    content_start, first, end = versions.strip_range(strip)
    fps = take.scene_fps(scene)
    # Since 4.5 the sound may be shifted within its strip.
    start = max(0.0, (first - content_start) / fps - getattr(strip, "sound_offset", 0.0))
    seconds = (end - first) / fps
    return {"audio": _sound_file(strip.sound), "start": start, "seconds": seconds, "frame_start": first}


def _sound_file(data: bpy.types.Sound) -> Path:
    """The file of a sound data-block; a packed one is written where Blender keeps its temporary files."""
    if data.packed_file is None:
        return Path(bpy.path.abspath(data.filepath, library=data.library)).resolve()
    path = Path(bpy.app.tempdir) / f"{data.session_uid}-{bpy.path.basename(data.filepath) or data.name}"
    path.write_bytes(data.packed_file.data)
    return path


def is_heard(scene: bpy.types.Scene, audio: Path, first: int) -> bool:
    """Whether a strip of this file begins at that frame already, from an earlier take."""
    for strip in versions.sequence_strips(scene):
        here = strip.type == "SOUND" and versions.strip_range(strip)[1] == first
        if here and Path(bpy.path.abspath(strip.sound.filepath)).resolve() == audio:
            return True
    return False
