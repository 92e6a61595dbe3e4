# SPDX-License-Identifier: GPL-3.0-or-later
"""A mouth solved again from phoneme markers that have been moved, renamed or deleted; in Blender's own process."""

from __future__ import annotations

import json
import re
from typing import Any

import bpy
import numpy as np

from ...models.face.controls import emotion_curve
from ...rigs import emotion
from ...rigs.articulation import MouthSettings, articulate
from ...rigs.articulation_contacts import contacts
from ...rigs.articulation_poses import Poses
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.face_keys import face_keys
from ...rigs.face_regions import shapes_of
from ...rigs.marks import Marks
from ...rigs.phones import PHONES, Phones
from ..compat import actions
from ..scene import foreign_face, keys, marks
from ..scene.foreign import is_mapped
from ..takes import tracks

_KIND = "phonemes"


def resolve(scene: bpy.types.Scene, armature: bpy.types.Object, action: bpy.types.Action) -> bpy.types.Action:
    """Another take whose mouth forms the phonemes as their markers say; the old one is muted, all else stays.

    Raises:
        InputError: no phonemes are kept or shown, none was changed, one is unknown or out of order, or the take was not
            made of phonemes.
    """
    if "avanim_voice" not in action or _KIND not in marks.kept(action):
        raise InputError(f"{action.name} does not say what phonemes it was made of; generate one with the Face panel.")
    settings = json.loads(action.get("avanim_settings", "{}"))
    if settings.get("method") != "articulator":
        raise InputError(f"{action.name} was not made of phonemes; press Re-time instead.")
    if not marks.are_shown(scene, action):
        raise InputError(f"No markers of {action.name} are shown; press Show Markers, and drag some.")
    track = tracks.track_of(armature, action)
    shift = tracks.frame_shift(armature, action)
    stand, before = marks.moved(scene, action, shift)[_KIND], marks.kept(action)[_KIND]
    labels = tuple(_phone(label) for label in stand.labels)
    if np.array_equal(stand.now, before.times) and labels == before.labels:
        raise InputError(f"No phoneme of {action.name} has been moved, renamed or deleted; drag one first.")
    late = np.flatnonzero(np.diff(stand.now) <= 0)
    if len(late):
        raise InputError(f"The phoneme at {stand.now[late[0] + 1]:.2f} s has passed its neighbour; keep them in order.")
    fps, first, count = action["avanim_fps"], action["avanim_frame_start"], action["avanim_frames"]
    seconds = count / fps
    now = Marks(stand.now, labels)
    weights, keyed = _mouth(action, now, settings, seconds, fps)
    made = []
    for part in tracks.parts(armature, track):
        title = f"{action.name} re-solved" + (part.action.name.removeprefix(action.name) if made else "")
        copy = tracks.copy_of(part.action, title)
        if is_mapped(armature):
            _rewrite_foreign(copy, part.owner, armature, weights, fps, first, keyed)
        elif part.owner != armature:
            _rewrite(copy, weights, keyed, first)
        made.append(copy)
    then = np.interp(stand.was, before.times, marks.made(action, _KIND))
    marks.keep(made[0], _KIND, now, then)
    tracks.play_instead(armature, track, made)
    tracks.select(armature, made[0])
    marks.hide(scene, action)
    marks.show(scene, made[0], shift)
    return made[0]


def _phone(label: str) -> str:
    """The phone that a marker is named after; its number, where names repeat, is none of it. Raises InputError."""
    name = re.sub(r"\s+\d+$", "", label.strip())
    if name not in PHONES:
        raise InputError(f"There is no phoneme {name!r}; name the marker one of {' '.join(PHONES)}.")
    return name


def _mouth(
    action: bpy.types.Action, now: Marks, settings: dict[str, Any], seconds: float, fps: float
) -> tuple[Any, Any]:
    """(T, 52) with the emotion that was asked for, and the keys, where the take has not one on every frame."""
    voice = json.loads(action["avanim_voice"])
    wished = MouthSettings.from_options(settings)
    phones = Phones.from_marks(now, seconds)
    heard: dict[str, Any] = {name: voice.get(name) or None for name in ("effort", "loudness", "motion")}
    poses = Poses.read(settings["poses"]) if settings.get("poses") else None
    mouth = articulate(phones, seconds, fps, **heard, settings=wished, poses=poses)
    curve = emotion_curve(settings.get("emotion") or "")
    felt = emotion.felt([(curve, 1.0), (voice.get("mood", []), settings.get("suggest_emotion", 0.0))], seconds, fps)
    weights = emotion.combine(mouth, None, felt, phones=phones, fps=fps, settings=wished)
    error = json.loads(action.get("avanim_request", "{}")).get("error", 0.0)
    if not (error or wished.stepped):
        return weights, None
    led = phones.shifted(-wished.lead_ms / 1000).filled(seconds)
    return weights, face_keys(weights, contacts(led, seconds, fps), error, wished.stepped)


def _rewrite(action: bpy.types.Action, weights: Any, keyed: Any, first: int) -> None:
    """Key the mouth's curves of a copy anew."""
    lower = shapes_of(["lower"])
    for curve in actions.curves(action, "KEY"):
        shape = curve.data_path.split('"')[1]
        column = ARKIT_52.index(shape) if shape in ARKIT_52 else -1
        if column < 0 or not lower[column]:
            continue
        if keyed is None:
            keys.put_keys(curve, first, weights[:, column])
        else:
            kind = keys.CONSTANT if keyed.stepped else keys.LINEAR
            keys.replace_keys(curve, first + keyed.frames[column], keyed.values[column], kind)


def _rewrite_foreign(
    action: bpy.types.Action,
    owner: bpy.types.ID,
    armature: bpy.types.Object,
    weights: Any,
    fps: float,
    first: int,
    keyed: Any,
) -> None:
    """Key what of a rig of one's own moves the mouth anew: shape keys of any names, the jaw, the lips' controls."""
    still = np.zeros((len(weights), 3))
    track = FaceTrack(weights, still, still[:, :2], fps)
    parts = dict(foreign_face.foreign_parts(armature, track, fps, ("lower",)))
    controls = foreign_face.controls_of(armature)
    # What the cheeks' and the nose's controls do comes of the rest of the face too, and stays.
    mouth = {controls.jaw, *controls.regions[0]} if controls else None
    now = {
        (path, index): values
        for path, index, group, values in parts.get(owner, [])
        if owner != armature or mouth is None or group in mouth
    }
    for curve in actions.curves(action, owner.id_type):
        values = now.get((curve.data_path, curve.array_index))
        if values is None:
            continue
        if keyed is None or owner == armature:
            keys.put_keys(curve, first, values)
        else:
            kept = np.unique(np.concatenate(keyed.frames))
            kind = keys.CONSTANT if keyed.stepped else keys.LINEAR
            keys.replace_keys(curve, first + kept, values[kept], kind)
