# SPDX-License-Identifier: GPL-3.0-or-later
"""One wish for a part of a take to be made anew: a stretch of it, some of its bones, or both."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...rigs.errors import InputError
from ...rigs.job import Job
from ...rigs.motion import Motion
from ...rigs.motion_files import load_motion
from ...rigs.motion_span import part_shares
from ..compat import actions
from ..dance.request import DanceRequest, DanceTarget
from ..scene import keys, marks, source_motion, take
from ..scene.foreign import ForeignShape, is_mapped
from . import tracks


@dataclass(frozen=True)
class RegenerateRequest:
    """`dance` with the new seed, of whose result frames `first`..`last` (0 is the take's first) go into the take."""

    dance: DanceRequest
    take: str  # what the action is known by
    first: int
    last: int
    joints: tuple[str, ...] | None
    blend: int
    # Of a rig of the user's own, whose bones are not called as the joints.
    bones: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        armature: bpy.types.Object,
        action: bpy.types.Action,
        first: int,
        last: int,
        joints: tuple[str, ...] | None,
        blend: int,
        seed: int,
    ) -> RegenerateRequest:
        """For the frames `first`..`last` of the scene; what lies outside the take is left out.

        Args:
            joints: names of bones; None is all.

        Raises:
            InputError: the take does not say how it was made, is none of the body, the range misses it, or no joint of
                it is asked for.
        """
        if tracks.is_face(action):
            raise InputError(f"{action.name} is a take of the face; only a part of a dance can be made anew.")
        dance = DanceRequest.from_take(action)
        start = tracks.frame_shift(armature, action) + action["avanim_frame_start"]
        begin, end = max(0, first - start), min(action["avanim_frames"] - 1, last - start)
        if begin > end:
            raise InputError(
                f"Frames {first} to {last} miss {action.name}, which plays from {start} to "
                f"{start + action['avanim_frames'] - 1}; choose a range within it."
            )
        if joints is not None and not joints:
            raise InputError(f"No bone of {armature.name} is selected; select some in pose mode, or choose all bones.")
        dance = replace(dance, seed=seed, name=f"{action.name} part {seed}", add_sound=False, beat_markers=False)
        bones = None
        if is_mapped(armature):
            source_motion.kept(action)
            if joints is not None:
                joints, bones = ForeignShape.of(armature).played_by(joints)
        return cls(dance, action["avanim_take"], begin, end, joints, blend, bones)

    def job(self, armature: bpy.types.Object, scene: bpy.types.Scene, folder: str | Path) -> Job:
        """The worker's job; its result is a file in `folder`, where the take is written for it too."""
        action = self._take()
        if action is None:
            raise InputError("The take has gone; select another.")
        there = Path(folder) / "take.npz"
        take.read_take(armature, action).save(there)
        job = self.dance.job(armature, scene, folder)
        options = {**job.options, "fps": float(action["avanim_fps"]), "take": str(there)}
        options.update(first=self.first, last=self.last, blend=self.blend)
        options["joints"] = list(self.joints) if self.joints is not None else None
        since = marks.since_made(action)
        if since:
            options["was"], options["now"] = (times.tolist() for times in since)
        return replace(job, task="regenerate", options=options)

    def target(self, armature: bpy.types.Object, scene: bpy.types.Scene) -> DanceTarget:
        """Raises InputError: the armature is neither one of AVAnim's characters nor mapped."""
        return self.dance.target(armature, scene)

    def steps(
        self, armature: bpy.types.Object, scene: bpy.types.Scene, result: dict[str, Any]
    ) -> Generator[None, None, tuple[bpy.types.Action, str]]:
        """Write a copy of the take with the part made anew, and mute the take; pauses as `take.take_steps` does.

        If the take has gone meanwhile, what was to become of it is a take by itself.
        """
        owner, stage = armature.session_uid, scene.session_uid
        motion = load_motion(result["motion"])
        yield
        old, armature = self._take(), take.found(bpy.data.objects, owner)
        scene = take.found(bpy.data.scenes, stage)
        if old is None or old["avanim_frames"] != len(motion):
            return (yield from self.dance.steps(armature, scene, result))
        made = tracks.copy_of(old, self.dance.title).session_uid
        finished = False
        try:
            share = None
            if is_mapped(armature):
                # The feet are planted anew in all of it, so that the keys, too, go over into the old ones.
                share = part_shares(len(motion), self.first, self.last, self.blend)
                source_motion.keep(take.found(bpy.data.actions, made), motion, source_motion.kept(old)[1])
            for channels in self._channels(armature, scene, old, motion):
                yield
                _put(take.found(bpy.data.actions, made), channels, self.first, self.last, share)
            yield
            action, old = take.found(bpy.data.actions, made), self._take()
            armature = take.found(bpy.data.objects, owner)
            if old is None:
                raise take.Undone
            part = {name: getattr(self, name) for name in ("first", "last", "joints", "blend")}
            part["seed"] = self.dance.seed
            action["avanim_parts"] = json.dumps([*json.loads(old.get("avanim_parts", "[]")), part])
            tracks.play_instead(armature, tracks.track_of(armature, old), [action])
            tracks.select(armature, action)
            finished = True
            return action, ""
        finally:
            left = None if finished else take.by_uid(bpy.data.actions, made)
            if left is not None:
                bpy.data.actions.remove(left)

    def _channels(
        self, armature: bpy.types.Object, scene: bpy.types.Scene, old: bpy.types.Action, motion: Motion
    ) -> Iterator[list[take.Channel]]:
        """The curves of what is made anew, one bone after the other."""
        if is_mapped(armature):
            shape = replace(self.dance.shape(armature, scene), rest=source_motion.kept(old)[1])
            for channels in shape.channels(motion):
                if self.bones is None or channels[0][2] in self.bones:
                    yield channels
            return
        own = take.Shape.of(armature)
        for joint in motion.rig.joints:
            if joint in own.skeleton.joints and (self.joints is None or joint in self.joints):
                yield take.channels_of(own, motion, joint)

    def _take(self) -> bpy.types.Action | None:
        return next((action for action in bpy.data.actions if action.get("avanim_take") == self.take), None)


def _put(
    action: bpy.types.Action,
    channels: list[take.Channel],
    first: int,
    last: int,
    share: np.ndarray | None = None,
) -> None:
    """Key frames `first`..`last` of a take by whole curves of one bone, and leave its other keys alone.

    Args:
        share: (T,) how far each frame is the new one, where the two are to go over into each other.
    """
    start = action["avanim_frame_start"]
    there = {(curve.data_path, curve.array_index): curve for curve in actions.curves(action)}
    curves = [there.get((path, index)) for path, index, _, _ in channels]
    turns = [row for row, (path, *_) in enumerate(channels) if path.endswith("rotation_quaternion")]
    new = np.array([values[first : last + 1] for *_, values in channels], float)
    frames = start + np.arange(first, last + 1)
    hold = False

    def old(index: int) -> np.ndarray:
        return np.array([keys.sample(curves[row], np.array([start + index]))[0] for row in turns])

    if turns and all(curves[row] is not None for row in turns):
        # q and -q are one pose, but the way between them is not: begin on the side on which the keys before lie. If
        # those after lie on the other by then, they are not to be changed: the last key is held for a frame instead.
        if first > 0 and old(first - 1) @ new[turns, 0] < 0:
            new[turns] *= -1
        hold = last + 1 < len(channels[turns[0]][3]) and bool(old(last + 1) @ new[turns, -1] < 0)
    if share is not None:
        new = _mixed(channels, curves, turns, frames, new, share[first : last + 1])
    for row, curve in enumerate(curves):
        if curve is not None:
            keys.put_keys(curve, start + first, new[row], hold_last=hold and row in turns)


def _mixed(
    channels: list[take.Channel],
    curves: list[bpy.types.FCurve | None],
    turns: list[int],
    frames: np.ndarray,
    new: np.ndarray,
    share: np.ndarray,
) -> np.ndarray:
    """(C, N) from the keys that are there to `new` (C, N), by `share` (N,)."""
    old = np.array([new[row] if curve is None else keys.sample(curve, frames) for row, curve in enumerate(curves)])
    if turns:
        old[turns] *= np.where((old[turns] * new[turns]).sum(0) < 0, -1.0, 1.0)
    angles = [row for row, (path, *_) in enumerate(channels) if path.endswith("rotation_euler")]
    old[angles] += 2 * np.pi * np.round((new[angles] - old[angles]) / (2 * np.pi))
    mixed = old + share * (new - old)
    # An axis with its angle cannot be mixed by parts; what it is made of goes over smoothly by itself.
    whole = [row for row, (path, *_) in enumerate(channels) if path.endswith("rotation_axis_angle")]
    mixed[whole] = new[whole]
    if turns:
        mixed[turns] /= np.maximum(np.linalg.norm(mixed[turns], axis=0), 1e-9)
    return mixed
