# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes that are not as one would wish: a right sound or one clear sentence, and the scene is as it was."""

import hashlib
import math
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

import bmesh  # noqa: E402
from avanim import __main__ as command_line  # noqa: E402
from avanim.avanim_addon.scene import contacts, impact_bodies, impact_replica, impact_solver  # noqa: E402
from avanim.rigs.errors import Cancelled, InputError  # noqa: E402
from avanim.rigs.impact.bake import bake  # noqa: E402
from avanim.rigs.impact.capture import Capture  # noqa: E402
from avanim.rigs.impact.events import Events  # noqa: E402

from .impact_scenes import drop, dump  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:The scene has no camera")
FALL = math.sqrt(2 * 0.5 / 9.81)  # s to the first hit of what `drop` lets go


def first_hit(found):
    return next(event for event in found.events if event.kind == "hit")


def unchanged_capture(scene, **how):
    """What is found, after a look whether the scene is the same."""
    before = dump(scene)
    try:
        return contacts.capture(**how)
    finally:
        assert dump(scene) == before


def refused(scene, match, **how):
    with pytest.raises(InputError, match=match) as caught:
        unchanged_capture(scene, **how)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def heard(found, folder):
    """A sound that is there, of numbers only."""
    sound = bake(found, layout="mono", cache=folder).master
    assert np.isfinite(sound).all() and np.abs(sound).max() > 0


def test_no_world_and_nothing_that_touches(fresh_scene):
    refused(fresh_scene, "Nothing in the scene")
    bpy.ops.mesh.primitive_cube_add()
    refused(fresh_scene, "add rigid bodies")
    bpy.ops.rigidbody.world_add()
    refused(fresh_scene, "hits anything")
    bpy.ops.rigidbody.object_add()
    fresh_scene.frame_end = 5
    refused(fresh_scene, "hits anything")
    fresh_scene.rigidbody_world.enabled = False
    refused(fresh_scene, "hits anything")
    fresh_scene.rigidbody_world.enabled = True
    fresh_scene.rigidbody_world.collection = None
    refused(fresh_scene, "hits anything")


def test_a_range_of_one_frame_and_none(fresh_scene):
    drop(fresh_scene, ball=True, frames=20)
    refused(fresh_scene, "no range", frame_range=(5, 4))
    # Also where it is about to hit: nothing moves within one picture.
    refused(fresh_scene, "lengthen its range", frame_range=(8, 8))
    fresh_scene.frame_start = fresh_scene.frame_end = 1
    refused(fresh_scene, "lengthen its range")


def test_things_without_faces_mirrored_ones_and_numbers_that_are_none(fresh_scene):
    floor, _ = drop(fresh_scene, frames=14)
    floor.scale.x *= -1
    mesh = bpy.data.meshes.new("Line")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0)], [(0, 1)], [])
    line = bpy.data.objects.new("Line", mesh)
    fresh_scene.collection.objects.link(line)
    wild = bpy.data.meshes.new("Wild")
    wild.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    wild.vertices[0].co.x = math.nan
    assert impact_bodies.shape_of(line) is None
    assert next(event.objects for event in unchanged_capture(fresh_scene).events) == ("Thing", "Floor")
    obj = bpy.data.objects.new("Wild", wild)
    fresh_scene.collection.objects.link(obj)
    assert impact_bodies.shape_of(obj) is None


def test_only_things_without_faces(fresh_scene):
    _, thing = drop(fresh_scene)
    mesh = bpy.data.meshes.new("Line")
    mesh.from_pydata([(0, 0, 0), (0.1, 0, 0)], [(0, 1)], [])
    thing.data = mesh
    refused(fresh_scene, "hits anything")


@pytest.mark.parametrize("scale", [(-1, 1, 1), (1, -1, 1), (-1, -1, -1), (-2, 0.5, 1)])
def test_negative_scale(fresh_scene, tmp_path, scale):
    """A mirrored ball hits when and where the plain one does, and its faces look outward in its own frame."""
    floor, thing = drop(fresh_scene, ball=True)
    thing.rigid_body.collision_shape = "CONVEX_HULL"
    thing.scale = scale
    floor.scale = (1, -1, 1)
    found = unchanged_capture(fresh_scene)
    hit = first_hit(found)
    assert hit.objects == ("Thing", "Floor") and hit.time == pytest.approx(FALL, abs=0.008)
    assert hit.point == pytest.approx((0, 0, 0), abs=0.02) and hit.normal[1] == pytest.approx(1, abs=0.02)
    for body in found.bodies:
        a, b, c = body.vertices[body.triangles].swapaxes(0, 1)
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0, "outward"
        assert np.linalg.det(body.turns[0]) == pytest.approx(1)
    heard(found, tmp_path)


def test_non_manifold_meshes(fresh_scene, tmp_path):
    """A hole, a fin of a third face on an edge, a face twice, a vertex alone."""
    _, thing = drop(fresh_scene)
    mesh = bmesh.new()
    mesh.from_mesh(thing.data)
    mesh.faces.ensure_lookup_table()
    mesh.faces.remove(max(mesh.faces, key=lambda face: face.calc_center_median().z))
    edge = min(mesh.edges, key=lambda edge: edge.verts[0].co.z + edge.verts[1].co.z)
    mesh.faces.new((*edge.verts, mesh.verts.new((0.0, 0.0, 0.05))))
    copies = [mesh.verts.new(vertex.co) for vertex in mesh.faces[:][0].verts]
    mesh.faces.new(copies)
    mesh.verts.new((0, 0, 0))
    mesh.to_mesh(thing.data)
    found = unchanged_capture(fresh_scene)
    assert first_hit(found).time == pytest.approx(FALL, abs=0.01)
    heard(found, tmp_path)


def test_film_rates(fresh_scene):
    for fps in (24, 30, 60):
        for each in list(bpy.data.objects):
            bpy.data.objects.remove(each)
        if fresh_scene.rigidbody_world:
            bpy.ops.rigidbody.world_remove()
        drop(fresh_scene, ball=True, frames=fps)
        fresh_scene.render.fps, fresh_scene.render.fps_base = fps, 1.001
        found = unchanged_capture(fresh_scene)
        assert found.fps == pytest.approx(fps / 1.001)
        assert found.seconds == pytest.approx(fps / (fps / 1.001))
        assert first_hit(found).time == pytest.approx(FALL, abs=0.006)


# --- linked from other files ----------------------------------------------------------------------------------------


@pytest.fixture
def library(fresh_scene, tmp_path):
    """A .blend with the falling thing: a Solidify modifier, a constraint, a material."""
    drop(fresh_scene, ball=True)
    thing = bpy.data.objects["Thing"]
    thing.modifiers.new("Wall", "SOLIDIFY").thickness = 0.004
    thing.constraints.new("LIMIT_SCALE")
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def linked(path, override):
    """A scene of its own floor and the library's thing."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    floor, local = drop(scene, ball=True)
    bpy.data.objects.remove(local)
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.objects = ["Thing"]
    thing = wanted.objects[0]
    scene.collection.objects.link(thing)
    if override:
        thing = thing.override_create(remap_local_usages=True)
    if thing.name not in scene.rigidbody_world.collection.objects:
        scene.rigidbody_world.collection.objects.link(thing)
    scene.frame_set(1)
    return scene, floor, thing


@pytest.mark.parametrize("override", [False, True], ids=["linked", "override"])
def test_things_of_another_file(library, override, tmp_path, capsys, monkeypatch):
    scene, _, thing = linked(library, override)
    assert (thing.library is None) == override and (thing.override_library is not None) == override
    found = unchanged_capture(scene)
    hit = first_hit(found)
    assert hit.objects == ("Thing", "Floor") and hit.time == pytest.approx(FALL, abs=0.006)
    assert found.events.details["solver_error_m"] == 0.0
    body = next(body for body in found.bodies if body.name == "Thing")
    assert body.thickness == pytest.approx(0.004), "of the library's modifier"
    # And by the command, with neither file touched.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    before = [file.read_bytes() for file in (path, library)]
    out = tmp_path / "out.json"
    words = ["impacts", str(path), "-o", str(tmp_path / "out.wav"), "--events", str(out), "--quiet"]
    assert command_line.main(words) == 0
    assert first_hit(Capture((), Events.load(out), *[np.zeros(3)] * 2, 24.0)).time == pytest.approx(hit.time)
    assert [file.read_bytes() for file in (path, library)] == before
    capsys.readouterr()


def test_a_scene_that_is_linked_as_a_whole(library):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.scenes = ["Scene"]
    bpy.context.window.scene = wanted.scenes[0]
    found = unchanged_capture(bpy.context.scene)
    assert first_hit(found).time == pytest.approx(FALL, abs=0.006)


def test_a_library_that_is_gone(library, tmp_path):
    linked(library, False)
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    library.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(path))
    refused(bpy.context.scene, "hits anything")


def test_instances_of_collections_are_told_of(fresh_scene):
    """A collection that an empty shows, as linked assets often come, has no object that could be heard."""
    bpy.ops.mesh.primitive_plane_add(size=4)
    props = bpy.data.collections.new("Props")
    props.objects.link(bpy.data.objects.new("Ball", bpy.data.meshes.new("Ball")))
    empty = bpy.data.objects.new("Shown", None)
    empty.instance_type, empty.instance_collection = "COLLECTION", props
    fresh_scene.collection.objects.link(empty)
    refused(fresh_scene, "Make Instances Real")


# --- very large -----------------------------------------------------------------------------------------------------


SIZE = 1415  # vertices along each side


def large_mesh(points, outward=True):
    """Quads between (SIZE, SIZE, 3) points: two million vertices."""
    mesh = bpy.data.meshes.new("Large")
    cell = (np.arange(SIZE - 1)[:, None] * SIZE + np.arange(SIZE - 1)).ravel()
    quads = np.stack([cell, cell + SIZE, cell + SIZE + 1, cell + 1], 1)[:, :: 1 if outward else -1]
    mesh.vertices.add(SIZE * SIZE)
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.astype(np.int32).ravel())
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    assert len(mesh.vertices) > 2_000_000
    return mesh


def large_ball():
    around, rise = np.meshgrid(np.linspace(0, 2 * np.pi, SIZE), np.linspace(1e-3, np.pi - 1e-3, SIZE))
    return large_mesh(np.stack([np.cos(around) * np.sin(rise), np.sin(around) * np.sin(rise), np.cos(rise)], -1) * 0.1)


@pytest.mark.parametrize("what", ["thing", "floor", "keyed"])
def test_two_million_vertices(fresh_scene, tmp_path, what):
    """What Blender itself needs to show and simulate it is not counted."""
    if what == "keyed":
        fresh_scene.render.fps, fresh_scene.frame_end = 24, 11
        bpy.ops.mesh.primitive_plane_add(size=2)
    else:
        floor, thing = drop(fresh_scene, ball=True, frames=11)
    if what == "thing":
        thing.data = large_ball()
    if what == "floor":
        # A little relief, so that the box has a height.
        across, along = np.meshgrid(np.linspace(-3, 3, SIZE), np.linspace(-3, 3, SIZE))
        floor.data = large_mesh(np.stack([across, along, 0.1 * np.cos(across) * np.cos(along)], -1), outward=False)
        floor.rigid_body.collision_shape = "BOX"
    if what == "keyed":
        thing = bpy.data.objects.new("Thing", large_ball())
        fresh_scene.collection.objects.link(thing)
        for frame in range(1, 12):
            thing.location.z = 0.6 - 9.81 * ((frame - 1) / 24) ** 2 / 2 if frame < 9 else 0.1
            thing.keyframe_insert("location", frame=frame)
    fresh_scene.frame_set(1)
    began, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = unchanged_capture(fresh_scene)
    middle = time.process_time()
    heard(found, tmp_path)
    took, grown = time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(f"{what}: {middle - began:.1f} s of processor to find, {took:.1f} s in all, {grown:.0f} MiB more")
    hit = first_hit(found)
    assert set(hit.objects) >= {"Thing"} and hit.time == pytest.approx(FALL, abs=0.03 if what == "keyed" else 0.02)
    assert all(len(body.vertices) <= impact_bodies.MOST_VERTICES for body in found.bodies)
    assert took < 60 and grown < 3000
    if what == "thing":
        # As a convex hull Blender's solver would not finish; nothing is played then.
        thing.rigid_body.collision_shape = "CONVEX_HULL"
        began = time.process_time()
        refused(fresh_scene, "convex hull that Thing collides with .*choose Sphere")
        assert time.process_time() - began < 15


# --- stopped in the middle --------------------------------------------------------------------------------------------


def test_stopping_leaves_the_scene_as_it_was(fresh_scene):
    drop(fresh_scene)
    before = dump(fresh_scene)
    for stop_at in (0.1, 0.3, 0.6):

        def progress(fraction, step, stop_at=stop_at):
            if fraction > stop_at:
                raise Cancelled

        with pytest.raises(Cancelled):
            contacts.capture(progress=progress)
        assert dump(fresh_scene) == before


def test_what_fails_in_the_middle_leaves_the_scene_as_it_was(fresh_scene, monkeypatch):
    drop(fresh_scene)
    before = dump(fresh_scene)

    def fail(*_, **__):
        raise ZeroDivisionError

    for module, name in ((impact_replica, "_copy_joints"), (contacts, "shapes_of"), (impact_solver, "Solved")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fail)
            with pytest.raises(ZeroDivisionError):
                contacts.capture()
        assert dump(fresh_scene) == before


def test_edit_mode_and_a_later_frame_are_come_back_to(fresh_scene):
    _, thing = drop(fresh_scene, ball=True)
    fresh_scene.frame_set(7, subframe=0.25)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    assert first_hit(unchanged_capture(fresh_scene)).time == pytest.approx(FALL, abs=0.006)
    assert thing.mode == "EDIT" and fresh_scene.frame_current_final == 7.25


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_command_leaves_everything_as_it_was(fresh_scene, tmp_path, how):
    drop(fresh_scene, frames=14)
    blend = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    before, names = hashlib.sha256(blend.read_bytes()).digest(), set(tmp_path.iterdir())
    command = [sys.executable, "-m", "avanim", "impacts", str(blend), "-o", str(tmp_path / "out.wav")]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(how)
    running.communicate(timeout=60)
    assert running.returncode == (1 if how == signal.SIGTERM else -signal.SIGKILL)
    assert hashlib.sha256(blend.read_bytes()).digest() == before
    assert {path for path in tmp_path.iterdir() if not path.name.startswith(".avanim-")} == names
    assert not Path(tmp_path / "out.wav").exists()
