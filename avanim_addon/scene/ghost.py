# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure of lines in the 3D views, which shows a motion while its take is still being made.

It is drawn, and is no data of Blender's: nothing of it can reach a file, the undo history or a crash's leavings.
"""

from __future__ import annotations

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

from ...rigs.motion import Motion
from ...rigs.skeleton import Rest
from .foreign import ForeignShape
from .take import Shape, by_uid, scene_fps

_COLOUR = (1.0, 0.55, 0.1, 0.9)
_WIDTH = 5.0  # pixels
_FPS = 15.0  # the most that is kept
_SKULL = 1.4  # the line from the neck goes on so far beyond the head's joint, in its own lengths


class Ghost:
    """Dances on the timeline from `frame_start` on, where `shape`'s character stands, until `remove`."""

    def __init__(self, shape: Shape | ForeignShape, motion: Motion, frame_start: int) -> None:
        motion = motion.on(shape.skeleton.name)
        motion = motion.resampled(min(motion.fps, _FPS))
        joints = shape.skeleton.joints
        body = Rest(shape.skeleton, shape.joints, 0.0)
        places, _ = body.forward(motion.poses, motion.trans + shape.root - shape.joints[0])
        places = shape.in_space(places)
        ends = [(places[:, parent], places[:, joint]) for joint, parent in enumerate(shape.skeleton.parents) if joint]
        head, neck = places[:, joints.index("head")], places[:, joints.index("neck")]
        ends.append((head, head + (head - neck) * _SKULL))
        self._lines = np.stack([end for pair in ends for end in pair], axis=1).astype(np.float32)  # (T, 2 * bones, 3)
        self._fps = motion.fps
        self._frame_start = frame_start
        self._owner = shape.owner
        self._handler = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_VIEW")

    def remove(self) -> None:
        bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")

    def lines(self, frame: float, fps: float) -> NDArray[np.float32]:
        """(2 * bones, 3) m in the armature's space: both ends of each line. Outside its dance it stands still."""
        index = round((frame - self._frame_start) / fps * self._fps)
        return self._lines[min(max(index, 0), len(self._lines) - 1)]

    def _draw(self) -> None:
        context = bpy.context
        armature = by_uid(bpy.data.objects, self._owner)
        if armature is None or context.region is None:
            return
        scene = context.scene
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        lines = self.lines(scene.frame_current_final, scene_fps(scene))
        batch = batch_for_shader(shader, "LINES", {"pos": lines})
        gpu.state.blend_set("ALPHA")
        with gpu.matrix.push_pop():
            gpu.matrix.multiply_matrix(armature.matrix_world)
            shader.uniform_float("viewportSize", (context.region.width, context.region.height))
            shader.uniform_float("lineWidth", _WIDTH)
            shader.uniform_float("color", _COLOUR)
            batch.draw(shader)
        gpu.state.blend_set("NONE")
