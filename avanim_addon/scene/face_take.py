# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of the face: ARKit's shapes onto the shape keys of a character's meshes, head and eyes onto its bones."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...rigs import face_regions
from ...rigs.articulation_contacts import Contacts, contacts
from ...rigs.errors import InputError
from ...rigs.face import ARKIT_52, FaceTrack
from ...rigs.face_keys import edges, face_keys, reduced
from ...rigs.marks import Marks
from ...rigs.phones import PHONES, Phones
from ...rigs.rotation import matrix_from_axis_angle, quaternion_from_matrix, sign_continuous
from ..compat import actions
from . import foreign_face
from . import marks as marking
from .axes import bone_axes
from .character import meshes_of, skeleton_of
from .foreign import Channel, is_mapped
from .take import by_uid, found, keep_settings, last_of, new_identity, scene_fps

Array = NDArray[np.float64]
# The frames that get a key, from 0, and the curve through those.
Keyed = tuple[NDArray[np.int64], Channel]

EYES = ("left_eye", "right_eye")
# Pitch and yaw of the eyes in the head, rad, of the armature: where no bones turn the eyes, kept for other programs.
GAZE = "avanim_gaze"
# Curves that are written between two pauses.
_AT_ONCE = 8


def write_face_take(
    armature: bpy.types.Object,
    track: FaceTrack,
    name: str,
    settings: dict[str, Any] | None = None,
    *,
    frame_start: int | None = None,
    fps: float | None = None,
    marks: dict[str, Marks] | None = None,
    regions: Iterable[str] = ("all",),
    error: float = 0.0,
    stepped: bool = False,
) -> bpy.types.Action:
    """Key a face onto a character as a new take.

    Each mesh of the character with shape keys named as ARKit's gets an action of its own, on its own NLA track; the
    armature gets one that turns the head, on top of what the body does, and the eyes where they have bones and no shape
    keys turn them. Shapes that a mesh lacks are left out. Nothing that exists is changed.

    Args:
        settings: plain values such as `method`, `seed`, `audio`, kept on the action as custom properties.
        frame_start: the frame of the first key, by default the scene's first.
        fps: keys a second, by default the scene's.
        marks: kept on the take, e.g. {"phonemes": …}.
        regions: of `face_regions`: what lies in the others gets no keys, so that what moves it goes on.
        error: keys are left out where that changes no weight by more; every contact of the lips stays.
        stepped: each key holds until the next one, for drawn mouths.

    Returns:
        The armature's action, which stands for the take in the list.

    Raises:
        InputError: the character has no shape keys of ARKit's, or they are driven or linked; or it is not one of
            AVAnim's characters.
    """
    return last_of(
        face_take_steps(
            armature, track, name, settings, frame_start=frame_start, fps=fps, marks=marks, regions=regions,
            error=error, stepped=stepped,
        )
    )  # fmt: skip


def face_take_steps(
    armature: bpy.types.Object,
    track: FaceTrack,
    name: str,
    settings: dict[str, Any] | None = None,
    *,
    frame_start: int | None = None,
    fps: float | None = None,
    marks: dict[str, Marks] | None = None,
    regions: Iterable[str] = ("all",),
    error: float = 0.0,
    stepped: bool = False,
) -> Generator[None, None, bpy.types.Action]:
    """`write_face_take`, with pauses in which the window may live on; as `take.take_steps`.

    Raises:
        InputError: as `write_face_take`.
        Undone: begin again.
    """
    scene = bpy.context.scene
    frame_start = scene.frame_start if frame_start is None else frame_start
    fps = fps or scene_fps(scene)
    count = max(1, round(track.seconds * fps))
    frames = frame_start + np.arange(count)
    touching = None
    if error or stepped:
        touching = _contacts((marks or {}).get("phonemes"), settings or {}, count / fps, fps)
    parts = _parts(armature, track, fps, tuple(regions), touching, error, stepped)

    made: list[tuple[int, int]] = []  # session_uid of the owner and of its action; the armature's first
    finished = False
    try:
        for owner, _ in parts:
            title = f"{name} ({owner.name})" if made else name
            made.append((owner.session_uid, actions.new_action(title, owner).session_uid))
        owners: list[tuple[int, str]] = [(owner.session_uid, owner.id_type) for owner, _ in parts]
        keys = [curves for _, curves in parts]
        del parts
        for (_, kind), (_, action_uid), curves in zip(owners, made, keys, strict=True):
            for start in range(0, len(curves), _AT_ONCE):
                for at, channel in curves[start : start + _AT_ONCE]:
                    between = "CONSTANT" if stepped and kind == "KEY" else "LINEAR"
                    actions.write_curves(found(bpy.data.actions, action_uid), kind, frames[at], [channel], between)
                yield
        armature = found(bpy.data.objects, made[0][0])
        moved = [armature, *(found(bpy.data.shape_keys, owner) for owner, _ in made[1:])]
        written = [found(bpy.data.actions, action) for _, action in made]
        if not is_mapped(armature) and GAZE not in armature:
            armature[GAZE] = [0.0, 0.0]
        _onto_tracks(armature, moved, written, frame_start, len(frames), fps, settings or {}, marks or {})
        finished = True
        return written[0]
    finally:
        for _, uid in () if finished else made:
            left = by_uid(bpy.data.actions, uid)
            if left is not None:
                bpy.data.actions.remove(left)


def _parts(
    armature: bpy.types.Object,
    track: FaceTrack,
    fps: float,
    regions: tuple[str, ...],
    touching: Contacts | None,
    error: float,
    stepped: bool,
) -> list[tuple[bpy.types.ID, list[Keyed]]]:
    """Per data-block, the armature first, its curves with the frames that get a key: all, where `touching` is None."""
    every = np.arange(max(1, round(track.seconds * fps)))
    if is_mapped(armature):
        made: list[tuple[bpy.types.ID, list[Keyed]]] = []
        for owner, channels in foreign_face.foreign_parts(armature, track, fps, regions):
            if touching is None or owner == armature or not channels:
                made.append((owner, [(every, channel) for channel in channels]))
                continue
            few = reduced(np.stack([values for *_, values in channels], axis=1), error, edges(touching), stepped)
            kept = zip(channels, few.frames, few.values, strict=True)
            made.append((owner, [(at, (*channel[:3], values)) for channel, at, values in kept]))
        return made
    blocks = keyed_blocks(armature)
    times = every / fps
    weights = _at(times, track.weights, track.fps)
    moved = face_regions.shapes_of(regions)
    keys = None if touching is None else face_keys(weights, touching, error, stepped)
    on_bones = [(every, channel) for channel in _bone_channels(armature, blocks, track, times, regions)]
    by_shape: dict[str, Keyed] = {}
    for column in np.flatnonzero(moved):
        at, values = (every, weights[:, column]) if keys is None else (keys.frames[column], keys.values[column])
        by_shape[ARKIT_52[column]] = at, (f'key_blocks["{ARKIT_52[column]}"].value', 0, "Face", values)
    return [
        (armature, on_bones),
        *((block, [by_shape[shape] for shape in _shapes(block) if shape in by_shape]) for block in blocks),
    ]


def _onto_tracks(
    armature: bpy.types.Object,
    owners: list[bpy.types.ID],
    parts: list[bpy.types.Action],
    frame_start: int,
    count: int,
    fps: float,
    settings: dict[str, Any],
    marks: dict[str, Marks],
) -> bpy.types.Action:
    """Put the actions of a take, the armature's first, on new tracks of what they are for; returns that first one."""
    new_identity(parts[0])
    for owner, action in zip(owners, parts, strict=True):
        action["avanim_take"] = parts[0]["avanim_take"]
        action["avanim_fps"], action["avanim_frame_start"] = float(fps), int(frame_start)
        action["avanim_frames"] = count
        action.use_fake_user = True
        first = owner.animation_data is None or not owner.animation_data.nla_tracks
        strip = actions.push_to_track(owner, action, frame_start)
        # As with the body: where nothing plays, Blender would leave the face as it was seen last.
        strip.extrapolation = "HOLD" if first else "NOTHING"
        if owner == armature:
            # The head turns on top of what the body does.
            strip.blend_type = "COMBINE"
    keep_settings(parts[0], settings)
    for kind, some in marks.items():
        marking.keep(parts[0], kind, some)
    return parts[0]


def keyed_blocks(armature: bpy.types.Object) -> list[bpy.types.Key]:
    """The shape keys of the character's meshes that have some of ARKit's; raises InputError where none can be keyed."""
    skeleton_of(armature)
    keyed = [mesh.data.shape_keys for mesh in meshes_of(armature) if mesh.data.shape_keys]
    blocks = [block for block in dict.fromkeys(keyed) if _shapes(block)]
    if not blocks:
        raise InputError(
            f"{armature.name} has no mesh with ARKit's shape keys, such as jawOpen; add one of AVAnim's characters."
        )
    for block in blocks:
        foreign_face.require_free(armature, block, _shapes(block), "remove the drivers first")
    return blocks


def _shapes(block: bpy.types.Key) -> list[str]:
    return [shape for shape in ARKIT_52 if shape in block.key_blocks]


def _contacts(phonemes: Marks | None, settings: dict[str, Any], seconds: float, fps: float) -> Contacts:
    """Which frames must touch, by the phonemes that are kept on the take."""
    phones = Phones.nothing()
    if phonemes is not None and all(label in PHONES for label in phonemes.labels):
        phones = Phones.from_marks(phonemes, seconds).shifted(-float(settings.get("lead_ms") or 0.0) / 1000)
    return contacts(phones.filled(seconds), seconds, fps)


def _at(times: Array, values: Array, fps: float) -> Array:
    """(N, …): linear between `values` (T, …), of which frame 0 is at time 0."""
    own = np.arange(len(values)) / fps
    return np.stack([np.interp(times, own, column) for column in values.T], axis=1)


def _bone_channels(
    armature: bpy.types.Object, blocks: list[bpy.types.Key], track: FaceTrack, times: Array, regions: tuple[str, ...]
) -> list[tuple[str, int, str, Array]]:
    """Curves of the head's turn, and of the eyes': of a property where shape keys turn those or no bones are there."""
    head = _at(times, track.head, track.fps)
    turns = {"head": turned(head[:, 1], head[:, 0], head[:, 2])} if {"all", "head"} & set(regions) else {}
    gaze = _at(times, track.gaze, track.fps)
    by_shapes = any("eyeLookUpLeft" in block.key_blocks for block in blocks)
    looks = bool({"all", "eyes", "gaze", "upper"} & set(regions))
    eyes = [eye for eye in EYES if eye in armature.data.bones and not by_shapes and looks]
    turns.update((eye, turned(gaze[:, 1], gaze[:, 0])) for eye in eyes)
    channels = []
    for bone, rotations in turns.items():
        axes = bone_axes(armature, [bone])[0]
        quaternions = sign_continuous(quaternion_from_matrix(axes.T @ rotations @ axes))
        path = f'pose.bones["{bone}"].rotation_quaternion'
        channels += [(path, part, bone, quaternions[:, part]) for part in range(4)]
    if gaze.any() and looks and not eyes:
        channels += [(f'["{GAZE}"]', axis, "Face", gaze[:, axis]) for axis in range(2)]
    return channels


def turned(yaw: Array, pitch: Array, roll: Array | None = None) -> Array:
    """(N, 3, 3): yaw about Y, pitch about X and roll about Z, put together in this order."""
    one = np.eye(3)
    turned = matrix_from_axis_angle(yaw[:, None] * one[1]) @ matrix_from_axis_angle(pitch[:, None] * one[0])
    return turned if roll is None else turned @ matrix_from_axis_angle(roll[:, None] * one[2])


def turned_by(rotations: Array) -> tuple[Array, Array, Array]:
    """The inverse of `turned`: yaw, pitch and roll (N,) of rotations (N, 3, 3)."""
    yaw = np.arctan2(rotations[:, 0, 2], rotations[:, 2, 2])
    pitch = -np.arcsin(np.clip(rotations[:, 1, 2], -1, 1))
    return yaw, pitch, np.arctan2(rotations[:, 1, 0], rotations[:, 1, 1])
