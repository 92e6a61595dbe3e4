# SPDX-License-Identifier: GPL-3.0-or-later
"""One wish for a talking face: the job that it becomes, and what its result does to the scene."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np

from ...models.face import DEFAULT_METHOD, LIFE, MOUTH
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.face_regions import shapes_of
from ...rigs.job import Job
from ...rigs.phones import Phones
from ..compat import actions
from ..dance.request import is_heard, visible_part
from ..request import remember, remembered, repeatable
from ..scene import face_check, marks, sound, take
from ..scene.face_take import face_take_steps
from ..takes import tracks
from .properties import AVANIM_PG_face

_REGIONS = {"mouth": "lower", "brows": "brows", "eyes": "eyes", "cheeks": "cheeks", "head": "head"}
# What is kept of the voice on a take, so that its mouth can be solved again; longer speech would make the file heavy.
_KEPT_SECONDS = 1200.0


@repeatable
@dataclass(frozen=True)
class FaceRequest:
    """`start` and `seconds` in s of the sound; `frame_start` None is the scene's first; `controls` by the names of
    models.face.OPTIONS.
    """

    kind: ClassVar = "face"

    audio: Path
    start: float = 0.0
    seconds: float | None = None
    method: str = DEFAULT_METHOD
    seed: int = 0
    channel: str = "mix"
    text: str = ""
    frame_start: int | None = None
    regions: tuple[str, ...] = ("all",)
    additive: bool = False
    error: float = 0.0
    add_sound: bool = True
    fit_range: bool = False
    show_markers: bool = False
    name: str | None = None
    controls: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_panel(cls, scene: bpy.types.Scene) -> FaceRequest:
        """What `Scene.avanim.face` asks for.

        Raises:
            InputError: there is no such file or strip, no region, or no preview range that the speech lies in.
        """
        panel: AVANIM_PG_face = scene.avanim.face
        chosen = [name for part, name in _REGIONS.items() if getattr(panel, f"do_{part}")]
        if not chosen:
            raise InputError("No part of the face is to be moved; switch one on under Regions.")
        wish: dict[str, Any] = {
            "method": panel.method,
            "seed": panel.seed,
            "channel": panel.channel,
            "text": panel.text.strip(),
            "regions": ("all",) if len(chosen) == len(_REGIONS) else tuple(chosen),
            "additive": panel.additive,
            "error": round(panel.error, 4),
            "fit_range": panel.fit_range and not panel.use_range,
            "show_markers": panel.show_markers,
            "controls": wishes(panel),
        }
        if panel.source == "FILE":
            audio = Path(bpy.path.abspath(panel.audio)).resolve()
            if not panel.audio or not audio.is_file():
                raise InputError(f"There is no sound file {audio if panel.audio else ''}; choose one in the panel.")
            where: dict[str, Any] = {
                "audio": audio, "start": panel.start, "seconds": panel.seconds or None, "frame_start": None,
            }  # fmt: skip
            wish["add_sound"] = panel.add_sound
        else:
            where = visible_part(scene, panel.strip)
            wish["add_sound"] = False
        if panel.use_range:
            where = _within_preview(scene, where)
            wish["add_sound"] = False
        return cls(**where, **wish)

    @classmethod
    def from_take(cls, action: bpy.types.Action, song: str = "") -> FaceRequest:
        """The wish that a take was made for, at the take's place; or the same to another sound.

        Raises:
            InputError: the take does not say, or there is no such sound file.
        """
        wish = remembered(action)
        if wish.pop("kind") != cls.kind:
            raise InputError(f"{action.name} is no talking face; choose a take that is.")
        wish["frame_start"] = action["avanim_frame_start"]
        wish["regions"] = tuple(wish["regions"])
        if song:
            wish.update(audio=bpy.path.abspath(song), start=0.0, seconds=None, text="", name=None, add_sound=True)
        wish["audio"] = Path(wish["audio"]).resolve()
        if not wish["audio"].is_file():
            raise InputError(f"There is no sound file {wish['audio']} (any more); choose another one.")
        return cls(**wish)

    def job(self, armature: bpy.types.Object, scene: bpy.types.Scene, folder: str | Path) -> Job:
        """The worker's job; its result is a file in `folder`."""
        options: dict[str, Any] = {
            "method": self.method, "seed": self.seed, "start": self.start, "channel": self.channel,
            "fps": take.scene_fps(scene), "character": armature.get("avanim_character", "neutral"), **self.controls,
        }  # fmt: skip
        if self.seconds:
            options["seconds"] = self.seconds
        if self.text:
            options["text"] = bpy.path.abspath(self.text) if self.text.endswith(".txt") else self.text
        return Job("face", str(self.audio), options, str(Path(folder) / "face.npz"))

    @property
    def title(self) -> str:
        """What the take is to be called."""
        return self.name or f"{self.audio.stem} {self.method} {self.seed}"

    def target(self, armature: bpy.types.Object, scene: bpy.types.Scene) -> FaceTarget:
        """Raises InputError: the armature is not one of AVAnim's characters, or its face cannot be moved."""
        face_check.require_face(armature)
        return FaceTarget(self, self._first(scene), take.scene_fps(scene))

    def steps(
        self, armature: bpy.types.Object, scene: bpy.types.Scene, result: dict[str, Any]
    ) -> Generator[None, None, tuple[bpy.types.Action, str]]:
        """Write the result as a new take, and sound, range and markers as wished; at the end see that the mouth moves.

        It pauses as `take.take_steps` does; the scene is touched in the last step only.
        """
        owner, stage, first = armature.session_uid, scene.session_uid, self._first(scene)
        track = FaceTrack.load(result["face"])
        phones = Phones.from_dict(result["phones"])
        yield
        armature = take.found(bpy.data.objects, owner)
        kept = {"phonemes": phones.to_marks(track.seconds)} if len(phones) else None
        action = yield from face_take_steps(
            armature, track, self.title, result["settings"], frame_start=first, fps=track.fps, marks=kept,
            regions=self.regions, error=self.error, stepped=bool(self.controls.get("stepped")),
        )  # fmt: skip
        _describe(action, self, result)
        armature, scene = take.found(bpy.data.objects, owner), take.found(bpy.data.scenes, stage)
        tracks.select(armature, action)
        parts = tracks.parts(armature, tracks.track_of(armature, action))
        if self.additive:
            for part in parts:
                part.strip.blend_type = "ADD" if part.owner != armature else "COMBINE"
        if self.fit_range:
            scene.frame_start = min(scene.frame_start, first)
            scene.frame_end = first + action["avanim_frames"] - 1
        problems = list(result.get("notes", ()))
        try:
            if self.add_sound and not is_heard(scene, self.audio, first):
                sound.add_sound_strip(scene, self.audio, first, start=self.start, seconds=self.seconds)
        except InputError as error:  # the face is there all the same
            problems.append(str(error))
        if self.show_markers and kept:
            marks.show(scene, action)
        if "all" in self.regions or "lower" in self.regions:
            problems.append(face_check.why_still(scene, armature, parts) if len(phones) else "")
        return action, " ".join(filter(None, problems))

    def _first(self, scene: bpy.types.Scene) -> int:
        return scene.frame_start if self.frame_start is None else self.frame_start


@dataclass(frozen=True)
class FaceTarget:
    """Where on the timeline the face goes, as it was when the job began."""

    request: FaceRequest
    frame_start: int
    fps: float

    id_type: ClassVar = "KEY"
    name: ClassVar = "Key"

    @property
    def title(self) -> str:
        return f"Face to {self.request.audio.stem}"

    def keep(self, result: dict[str, Any]) -> Generator[None, None, bpy.types.Action]:
        """Write the face as an action of shape keys alone."""
        track = FaceTrack.load(result["face"])
        yield
        action = actions.new_action(self.request.title, self)
        moved = shapes_of(self.request.regions)
        channels = [
            (f'key_blocks["{shape}"].value', 0, "Face", track.weights[:, index])
            for index, shape in enumerate(ARKIT_52)
            if moved[index]
        ]
        actions.write_curves(action, "KEY", self.frame_start + np.arange(len(track)), channels)
        take.new_identity(action)
        action["avanim_fps"], action["avanim_frame_start"] = float(track.fps), int(self.frame_start)
        action["avanim_frames"] = len(track)
        action.use_fake_user = True
        take.keep_settings(action, result["settings"])
        _describe(action, self.request, result)
        return action

    def show(self, preview: dict[str, Any]) -> None:
        return None


def wishes(panel: AVANIM_PG_face) -> dict[str, Any]:
    """The controls that differ from what they are without anybody's touching them."""
    named = (*MOUTH, "upper", *LIFE, "suggest_emotion")
    found: dict[str, Any] = {}
    for name in named:
        value = getattr(panel, name)
        if value != panel.bl_rna.properties[name].default:
            found[name] = round(value, 4) if isinstance(value, float) else value
    if panel.emotion == "CURVE":
        found["emotion"] = panel.emotion_curve
    elif panel.emotion != "NONE":
        found["emotion"] = f"{panel.emotion.lower()} {panel.emotion_amount:.3g}"
    if panel.language.strip():
        found["language"] = panel.language.strip()
    return found


def _within_preview(scene: bpy.types.Scene, where: dict[str, Any]) -> dict[str, Any]:
    """The part of the sound that lies in the timeline's preview range. Raises InputError."""
    if not scene.use_preview_range:
        raise InputError("There is no preview range; draw one in the timeline first (P), or make all of the speech.")
    fps = take.scene_fps(scene)
    begins = scene.frame_start if where["frame_start"] is None else where["frame_start"]
    first = max(scene.frame_preview_start, begins)
    last = scene.frame_preview_end
    if where["seconds"]:
        last = min(last, begins + round(where["seconds"] * fps) - 1)
    if last <= first:
        raise InputError("The preview range lies beside the speech; move it onto frames in which somebody speaks.")
    return {
        **where, "start": where["start"] + (first - begins) / fps, "seconds": (last - first + 1) / fps,
        "frame_start": first,
    }  # fmt: skip


def _describe(action: bpy.types.Action, request: FaceRequest, result: dict[str, Any]) -> None:
    """What is kept on the take beside its settings: the wish, the phones as they were, and how loud they were."""
    remember(action, request)
    if result["seconds"] <= _KEPT_SECONDS:
        action["avanim_voice"] = json.dumps({"phones": result["phones"], **result.get("voice", {})})
