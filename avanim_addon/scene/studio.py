# SPDX-License-Identifier: GPL-3.0-or-later
"""A photo studio around a performance: seamless backdrop, three lights, a camera that keeps the whole dance in view."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...rigs.skeleton import SMPLX55
from ..compat import actions, versions
from .axes import Array
from .character import skeleton_of
from .foreign import bones_of, is_mapped

COLLECTION = "Studio"
_FACE = ("jaw", "left_eye", "right_eye")
_LENS, _SENSOR = 75.0, 36.0
# Skin and clothes around the joints, and the free border of the picture as a fraction of its half width.
_FLESH = 0.11
_MARGIN = 0.04
_CAMERA_TURN = math.radians(14)
_CAMERA_PITCH = math.radians(5)
# The camera starts to follow where that brings the dancer this much nearer.
_FOLLOW_GAIN = 1.08
_FOLLOW_SECONDS = 1.6
# Colours of the backdrop, sRGB: under the dancer, and far away.
_NEAR, _FAR = np.array([1.0, 0.97, 0.93]), np.array([0.33, 0.46, 0.60])


def joint_trajectory(
    scene: bpy.types.Scene, armature: bpy.types.Object, frame_range: tuple[int, int], *, moments: int | None = None
) -> Array:
    """Where the joints are, as the scene is animated now.

    Args:
        moments: play no more frames than this, evenly spread, and join them by straight lines.

    Returns:
        (T, J, 3) m, world, a row per frame of `frame_range` (first and last frame).
    """
    names = list(_bones(armature).values())
    current = scene.frame_current
    frames = np.arange(frame_range[0], frame_range[1] + 1)
    played = frames
    if moments is not None and len(frames) > moments:
        played = np.unique(np.linspace(frames[0], frames[-1], moments).round().astype(int))
    rows = []
    for frame in played.tolist():
        scene.frame_set(frame)
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        rows.append([posed.matrix_world @ posed.pose.bones[name].head for name in names])
    scene.frame_set(current)
    positions = np.array(rows)
    if len(played) == len(frames):
        return positions
    flat = positions.reshape(len(played), -1)
    return np.stack([np.interp(frames, played, column) for column in flat.T], axis=1).reshape(-1, len(names), 3)


def _bones(armature: bpy.types.Object) -> dict[str, str]:
    """The joints that are looked at, hips first, and their bones. Raises InputError: it is no character's armature."""
    if not is_mapped(armature):
        return {joint: joint for joint in skeleton_of(armature).joints}
    mapped = bones_of(armature).bones
    found = {joint: mapped[joint] for joint in SMPLX55.joints if joint in mapped and joint not in _FACE}
    # A rig may end at the chest.
    top = next((joint for joint in ("head", "neck", "spine3", "spine2", "spine1") if joint in found), "pelvis")
    return found | {joint: found[top] for joint in ("neck", "head") if joint not in found}


def add_studio(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    frame_range: tuple[int, int],
    *,
    positions: Array | None = None,
    follow: bool | None = None,
) -> bpy.types.Collection:
    """Add backdrop, lights, world and camera, and choose colours for all engines.

    Args:
        positions: (T, J, 3) m world positions of the joints, one row per frame of the range; found by playing the
            scene if not given.
        follow: let the camera glide along with the dancer; by default only where the dance covers much ground.

    Returns:
        The collection that holds it all; removing it removes the studio.
    """
    if positions is None:
        positions = joint_trajectory(scene, armature, frame_range)
    collection = bpy.data.collections.new(COLLECTION)
    scene.collection.children.link(collection)
    camera = bpy.data.objects.new("Studio.Camera", bpy.data.cameras.new("Studio.Camera"))
    collection.objects.link(camera)
    scene.camera = camera
    camera["avanim_subject"] = armature.name
    if follow is not None:
        camera["avanim_follow"] = follow
    frame_performance(scene, camera, tuple(_bones(armature)), positions, frame_range[0])
    _add_backdrop(scene, collection, camera, positions)
    _add_lights(collection, camera, positions)
    _set_world(scene)
    _set_shading(scene)
    return collection


def add_or_refit(
    scene: bpy.types.Scene, armature: bpy.types.Object, *, moments: int = 300, follow: bool | None = None
) -> bpy.types.Object:
    """`add_studio` for the scene's range; where the camera is a studio's already, only fit it to this performance.

    Args:
        moments: the frames played to find out where the dance goes, at most.

    Returns:
        The camera.
    """
    scene_range = scene.frame_start, scene.frame_end
    positions = joint_trajectory(scene, armature, scene_range, moments=moments)
    camera = scene.camera
    if camera is None or "avanim_subject" not in camera:
        add_studio(scene, armature, scene_range, positions=positions, follow=follow)
        return scene.camera
    camera["avanim_subject"] = armature.name
    if follow is not None:
        camera["avanim_follow"] = follow
    frame_performance(scene, camera, tuple(_bones(armature)), positions, scene.frame_start)
    return camera


def frame_performance(
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    joints: tuple[str, ...],
    positions: Array,
    frame_start: int,
) -> None:
    """Place the camera so that every joint of every frame, with the flesh around it, is in the picture.

    The distance is the least that does so for the scene's picture size, found exactly: each side of the view is a plane
    that all points must lie within. Where the dancer travels far the camera follows slowly, and the same holds relative
    to it.
    """
    camera.data.lens, camera.data.sensor_width, camera.data.sensor_fit = _LENS, _SENSOR, "HORIZONTAL"
    camera.data.clip_start, camera.data.clip_end = 0.05, 200.0
    facing = _facing(joints, positions) + _CAMERA_TURN
    # Columns: to the right, up, and back towards the viewer.
    turn = Matrix.Rotation(facing, 3, "Z") @ Matrix.Rotation(math.pi / 2 - _CAMERA_PITCH, 3, "X")
    basis = np.array(turn)
    tangent = _SENSOR / _LENS / 2
    aspect = scene.render.resolution_x / scene.render.resolution_y
    points = _with_crown(joints, positions)
    still = _viewpoint(points, basis, tangent, aspect)
    path = _glide(positions[:, 0], scene.render.fps / scene.render.fps_base)
    near = _viewpoint(points - path[:, None], basis, tangent, aspect)
    distance = [float((point - centre) @ basis[:, 2]) for point, centre in
                ((still, points.mean((0, 1))), (near, (points - path[:, None]).mean((0, 1))))]  # fmt: skip
    follow = camera.get("avanim_follow")
    if follow is None:
        follow = distance[0] > _FOLLOW_GAIN * distance[1]
    if camera.animation_data:
        camera.animation_data_clear()
    camera.matrix_world = Matrix.Translation(Vector(still)) @ turn.to_4x4()
    if follow:
        action = actions.new_action(camera.name, camera)
        frames = frame_start + np.arange(len(path))
        actions.write_curves(
            action, "OBJECT", frames, [("location", axis, "Location", (near + path)[:, axis]) for axis in range(3)]
        )
        actions.assign(camera, action)


def _facing(joints: tuple[str, ...], positions: Array) -> float:
    """The angle about Z from -Y of the way that the dancer faces on the whole; 0 if there is no such way."""
    across = positions[:, joints.index("left_hip")] - positions[:, joints.index("right_hip")]
    forward = np.stack([across[:, 1], -across[:, 0]], axis=1)
    forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1e-9)
    mean = forward.mean(0)
    return math.atan2(mean[0], -mean[1]) if np.linalg.norm(mean) > 0.25 else 0.0


def _with_crown(joints: tuple[str, ...], positions: Array) -> Array:
    """The joints and the top of the head, (T, J + 1, 3)."""
    neck, head = positions[:, joints.index("neck")], positions[:, joints.index("head")]
    along = head - neck
    crown = head + 0.12 * along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return np.concatenate([positions, crown[:, None]], axis=1)


def _viewpoint(points: Array, basis: Array, tangent: float, aspect: float) -> Array:
    """The nearest place (3,) from which a camera with axes `basis` sees balls of flesh around all `points`."""
    seen = points.reshape(-1, 3) @ basis
    forward = -seen[:, 2]
    place = np.zeros(3)
    depths = []
    for axis, slope in ((0, tangent), (1, tangent / aspect)):
        slope *= 1 - _MARGIN
        flesh = _FLESH * math.hypot(1, slope)
        right = (seen[:, axis] - slope * forward).max() + flesh
        left = (-seen[:, axis] - slope * forward).max() + flesh
        place[axis] = (right - left) / 2
        depths.append(-(right + left) / (2 * slope))
    place[2] = -min(depths)
    return basis @ place


def _glide(root: Array, fps: float) -> Array:
    """(T, 3) the root's smoothed path over the floor, relative to its mean."""
    path = root - root.mean(0)
    path[:, 2] = 0
    spread = _FOLLOW_SECONDS * fps
    reach = min(len(path) - 1, int(3 * spread))
    if reach < 1:
        return np.zeros_like(path)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, axis], weights / weights.sum(), "valid") for axis in range(3)], axis=1)


def _ground_axes(camera: bpy.types.Object) -> tuple[Array, Array]:
    """Unit vectors on the floor, (3,) each: to the right of the picture, and away from the viewer."""
    right = np.array(camera.matrix_world.to_3x3().col[0])
    return right, np.array([-right[1], right[0], 0.0])


def _add_backdrop(
    scene: bpy.types.Scene, collection: bpy.types.Collection, camera: bpy.types.Object, positions: Array
) -> None:
    """Floor and wall in one piece with a rounded corner, and a pool of brightness under the dancer."""
    right, away = _ground_axes(camera)
    flat = positions.reshape(-1, 3)
    centre = np.array([*((flat.min(0) + flat.max(0))[:2] / 2), 0.0])
    extent = max(1.0, float(np.abs((flat - centre) @ np.stack([right, away], 1)).max()))
    behind = extent + 0.5
    before = float(np.linalg.norm(np.array(camera.matrix_world.translation)[:2] - centre[:2])) + extent + 4.0
    # Wide and high enough to fill the picture from wherever the camera glides.
    half_width = (before + behind) * _SENSOR / _LENS + extent
    corner = 7.0
    height = (before + behind) * 0.6 + corner
    bend = np.linspace(0, math.pi / 2, 49)
    wall = behind + corner * np.sin(bend[1:])
    depth = np.concatenate([[-before], np.linspace(-extent, behind, 8), wall, [behind + corner]])
    rise = np.concatenate([np.zeros(9), corner * (1 - np.cos(bend[1:])), [height]])
    columns = np.linspace(-half_width, half_width, 9)
    vertices = (
        centre
        + columns[None, :, None] * right
        + depth[:, None, None] * away
        + rise[:, None, None] * np.array([0, 0, 1.0])
    )
    rows, count = vertices.shape[:2]
    first = (np.arange(rows - 1)[:, None] * count + np.arange(count - 1)).ravel()
    faces = np.stack([first, first + 1, first + count + 1, first + count], axis=1)
    mesh = bpy.data.meshes.new("Studio.Backdrop")
    mesh.from_pydata(vertices.reshape(-1, 3).tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    # The texture is laid along the surface, so that it does not stretch on the wall.
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(depth), np.diff(rise)))]) + depth[0]
    reach = 6.0 + 1.5 * extent
    u, v = np.broadcast_arrays(columns[None, :] / reach, along[:, None] / reach)
    coordinates = (np.stack([u, v], axis=-1).reshape(-1, 2) + 1) / 2
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", coordinates[faces.ravel()].astype(np.float32).ravel())
    mesh.update()
    mesh.materials.append(_backdrop_material())
    backdrop = bpy.data.objects.new("Studio.Backdrop", mesh)
    backdrop.hide_select = True
    collection.objects.link(backdrop)


def _backdrop_material() -> bpy.types.Material:
    material = bpy.data.materials.new("Studio.Backdrop")
    versions.use_nodes(material)
    material.diffuse_color = (*(_FAR**2.2), 1.0)
    nodes = material.node_tree.nodes
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.6
    shader.inputs["Specular IOR Level"].default_value = 0.25
    texture = nodes.new("ShaderNodeTexImage")
    texture.location = (shader.location.x - 320, shader.location.y)
    texture.extension = "EXTEND"
    texture.image = _fall_off_image()
    # Under real light paper reflects only a part; Workbench looks at the texture alone.
    dim = nodes.new("ShaderNodeVectorMath")
    dim.location = (shader.location.x - 160, shader.location.y)
    dim.operation = "SCALE"
    dim.inputs["Scale"].default_value = 0.5
    material.node_tree.links.new(texture.outputs["Color"], dim.inputs[0])
    material.node_tree.links.new(dim.outputs["Vector"], shader.inputs["Base Color"])
    nodes.active = texture
    return material


def _fall_off_image(size: int = 512) -> bpy.types.Image:
    """A soft round fall-off from the near to the far colour; a little noise hides the steps of 8 bits."""
    axis = np.linspace(-1, 1, size)
    radius = np.minimum(1, np.hypot(*np.meshgrid(axis, axis)))
    far = (radius * radius * (3 - 2 * radius))[..., None]
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (size, size, 1)) / 255
    pixels = np.ones((size, size, 4), np.float32)
    pixels[..., :3] = np.clip(_NEAR * (1 - far) + _FAR * far + noise, 0, 1)
    image = bpy.data.images.new("Studio.Backdrop", size, size)
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    return image


def _add_lights(collection: bpy.types.Collection, camera: bpy.types.Object, positions: Array) -> None:
    """Key from the left of the camera, fill from its right, rim from behind; larger for a wider dance."""
    right, away = _ground_axes(camera)
    flat = positions.reshape(-1, 3)
    centre = np.array([*((flat.min(0) + flat.max(0))[:2] / 2), 1.1])
    extent = max(1.0, float(np.abs((flat - centre)[:, :2]).max()))
    for name, across, depth, up, size, power, colour in (
        ("Key", -2.2, -2.6, 2.6, 1.6, 150, (1.0, 0.94, 0.86)),
        ("Fill", 2.8, -2.0, 1.0, 2.5, 50, (0.80, 0.90, 1.0)),
        ("Rim", 1.6, 2.6, 2.8, 1.2, 140, (1.0, 0.97, 0.94)),
    ):
        data = bpy.data.lights.new(f"Studio.{name}", "AREA")
        scale = 1 + 0.5 * (extent - 1)
        data.size, data.energy, data.color = size * scale, power * scale * scale, colour
        light = bpy.data.objects.new(f"Studio.{name}", data)
        place = Vector(centre + (across * right + depth * away + up * np.array([0, 0, 1.0])) * scale)
        aim = (Vector(centre) - place).to_track_quat("-Z", "Y")
        light.matrix_world = Matrix.Translation(place) @ aim.to_matrix().to_4x4()
        collection.objects.link(light)


def _set_world(scene: bpy.types.Scene) -> None:
    world = bpy.data.worlds.new("Studio")
    versions.use_nodes(world)
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.72, 0.80, 0.92, 1.0)
    background.inputs["Strength"].default_value = 0.35
    world.color = tuple(_FAR**2.2)
    scene.world = world


def _set_shading(scene: bpy.types.Scene) -> None:
    """The look of the quick engine, Workbench, and the colour transform for all."""
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    shading = scene.display.shading
    shading.light = "STUDIO"
    shading.studio_light = "paint.sl"
    shading.color_type = "TEXTURE"
    shading.show_shadows = True
    shading.shadow_intensity = 0.35
    shading.show_cavity = True
    # The other kind, ambient occlusion, is grainy at the few samples that a film can afford.
    shading.cavity_type = "SCREEN"
    shading.curvature_ridge_factor, shading.curvature_valley_factor = 0.2, 0.4
    shading.show_object_outline = False
    shading.show_specular_highlight = True
    shading.background_type = "WORLD"
    scene.display.light_direction = (0.3, 0.85, 0.45)
