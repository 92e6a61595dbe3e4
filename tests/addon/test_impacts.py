# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts of a scene and the sound of them: found exactly, nothing changed, bad scenes in one sentence."""

import itertools
import json
import math
import wave
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

import avanim  # noqa: E402
from avanim import __main__ as command_line  # noqa: E402
from avanim.avanim_addon.compat import versions  # noqa: E402
from avanim.avanim_addon.scene import contacts, impact_bodies, impact_result, impact_solver  # noqa: E402
from avanim.avanim_addon.scene.take import write_take  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.impact.events import Events  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.skeleton import SKELETONS  # noqa: E402
from mathutils import Matrix  # noqa: E402

from .impact_scenes import drop, dump, lowest, walk  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
needs_sound = pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this bpy was built without sound")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Modes are kept for the session, away from the user's."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))


pytestmark = pytest.mark.filterwarnings("ignore:The scene has no camera")


def test_the_first_hit_of_a_ball_is_where_physics_puts_it(fresh_scene):
    """Free fall of 0.5 m; the solver alone is up to a step of 4.2 ms beside it."""
    drop(fresh_scene, ball=True)
    fresh_scene.frame_set(3)
    before = dump(fresh_scene)
    found = contacts.capture()
    assert dump(fresh_scene) == before
    hit = found.events.items[0]
    assert hit.kind == "hit" and hit.objects == ("Thing", "Floor") and hit.materials == ("wood", "wood")
    assert hit.time == pytest.approx(math.sqrt(2 * 0.5 / 9.81), abs=0.006)
    assert hit.normal == pytest.approx((0, 1, 0), abs=1e-3) and hit.point == pytest.approx((0, 0, 0), abs=0.01)
    assert hit.speed == pytest.approx(math.sqrt(2 * 0.5 * 9.81), rel=0.1)
    assert hit.impulse == pytest.approx(1.0 * hit.speed * 1.3, rel=0.3), "mass 1 kg, restitution 0.3"
    assert found.events.details["solver_error_m"] == 0.0, "the copy moves bit for bit as the scene does"


def test_a_moving_collider_and_a_second_body(fresh_scene):
    floor, thing = drop(fresh_scene, height=0.35, frames=16)
    floor.location.z = -0.1
    floor.rigid_body.kinematic = True
    for frame, height in ((1, -0.1), (16, 0.0)):
        floor.location.z = height
        floor.keyframe_insert("location", frame=frame)
    other = thing.copy()
    other.name, other.location.z = "Other", 0.75
    fresh_scene.collection.objects.link(other)
    fresh_scene.frame_set(0)  # what was just made has no place yet, for the solver
    found = contacts.capture()
    assert found.events.details["solver_error_m"] < 1e-3
    assert {"Floor", "Other"} <= {name for event in found.events for name in event.objects}
    pairs = [event for event in found.events if set(event.objects) == {"Thing", "Other"} and event.kind == "hit"]
    assert pairs and all(b.time - a.time > 0.01 for a, b in itertools.pairwise(pairs)), "told once"


def body(name, size, location, mass):
    """A box whose size is in its mesh."""
    bpy.ops.mesh.primitive_cube_add(size=1, location=location)
    thing = bpy.context.object
    thing.name = name
    thing.data.transform(Matrix.Diagonal((*size, 1)))
    bpy.ops.rigidbody.object_add(type="ACTIVE")
    thing.rigid_body.mass, thing.rigid_body.collision_shape, thing.rigid_body.restitution = mass, "BOX", 0.4
    return thing


def test_a_blow_on_two_things_at_once_is_shared_as_the_two_took_it(fresh_scene):
    """A beam flies into two free blocks at the same moment; what each got is told by its own speed afterwards."""
    fresh_scene.render.fps, fresh_scene.frame_end, fresh_scene.gravity = 24, 20, (0, 0, 0)
    bpy.ops.rigidbody.world_add()
    beam = body("Beam", (1.0, 0.1, 0.1), (0, 0, 0.5), 1.0)
    for name, x, mass in (("Near", 0.15, 2.0), ("Far", -0.45, 0.5)):
        body(name, (0.1, 0.1, 0.1), (x, 0, 0), mass).rigid_body.linear_damping = 0.0
    beam.rigid_body.kinematic, beam.rigid_body.linear_damping = True, 0.0
    for frame, kinematic, z in ((1, True, 0.9), (5, True, 0.5), (6, False, 0.4)):
        beam.location.z, beam.rigid_body.kinematic = z, kinematic
        beam.keyframe_insert("location", frame=frame)
        beam.keyframe_insert("rigid_body.kinematic", frame=frame)
    fresh_scene.frame_set(1)
    solved = impact_solver.solve(fresh_scene, 20)
    assert solved.error < 1e-3 and (solved.until == solved.places.shape[1]).all()
    events = [event for event in contacts.capture().events if event.kind == "hit"]
    first = min(event.time for event in events)
    step = round(first / solved.step)
    took = {}
    for name in ("Near", "Far"):
        row = solved.names.index(name)
        flight = (solved.places[row, step + 3] - solved.places[row, step + 2]) / solved.step
        took[name] = solved.masses[row] * np.linalg.norm(flight)
    told = {
        name: sum(e.impulse for e in events if set(e.objects) == {"Beam", name} and e.time < first + 0.013)
        for name in took
    }  # fmt: skip
    assert min(took.values()) > 0.05 and told == pytest.approx(took, rel=0.05)


def test_what_falls_on_a_stack_sounds_down_to_the_floor(fresh_scene):
    """The lower box hardly moves, yet the floor gets what the upper one brings."""
    drop(fresh_scene, frames=24)
    bpy.data.objects.remove(bpy.data.objects["Thing"])
    body("Lower", (0.4, 0.4, 0.2), (0, 0, 0.1), 5.0)
    body("Upper", (0.2, 0.2, 0.2), (0, 0, 0.8), 1.0)
    fresh_scene.frame_set(1)
    events = [event for event in contacts.capture().events if event.kind == "hit"]
    above = max((e for e in events if set(e.objects) == {"Lower", "Upper"}), key=lambda event: event.impulse)
    below = [e for e in events if e.objects == ("Lower", "Floor") and abs(e.time - above.time) < 0.02]
    assert above.impulse == pytest.approx(math.sqrt(2 * 9.81 * 0.5) * 1.16, rel=0.3), "restitution 0.16, 1 kg"
    assert below and 0.5 * above.impulse < sum(e.impulse for e in below) < 1.6 * above.impulse


def test_a_flat_fall_is_borne_by_corners(fresh_scene):
    drop(fresh_scene)
    hit = next(event for event in contacts.capture().events if event.kind == "hit")
    places = np.array(hit.spots)
    assert len(places) == 4 and places[:, 3].sum() == pytest.approx(1)
    assert sorted(map(tuple, np.round(places[:, :3], 2).tolist())) == sorted(
        (x, 0.0, z) for x in (-0.1, 0.1) for z in (-0.1, 0.1)
    )
    # Not all bear the same: the solver itself tips the box a little.
    assert hit.point == pytest.approx(places[:, 3] @ places[:, :3])


def test_what_cannot_be_followed_is_found_from_what_is_seen(fresh_scene, monkeypatch):
    drop(fresh_scene, ball=True, frames=30)
    monkeypatch.setattr(impact_solver, "TOLERANCE", -1.0)
    with pytest.warns(UserWarning, match="moves otherwise than when it is simulated"):
        found = contacts.capture()
    assert found.events.items[0].source == "arc"
    assert found.events.items[0].time == pytest.approx(math.sqrt(2 * 0.5 / 9.81), abs=0.03)


def test_sliding_is_heard_as_sliding(fresh_scene):
    floor, thing = drop(fresh_scene, height=0.1, frames=30)
    floor.rotation_euler.y = 0.5
    thing.rotation_euler.y = 0.5
    thing.location = (0.05, 0, 0.113)
    for obj in (floor, thing):
        obj.rigid_body.friction = 0.1
    slides = [event for event in contacts.capture().events if event.kind == "scrape"]
    assert slides and max(event.seconds for event in slides) > 0.3
    speeds = [row[2] for row in max(slides, key=lambda event: event.seconds).track]
    assert speeds[-1] > speeds[0] > 0


def test_keyed_things_meet(fresh_scene):
    fresh_scene.render.fps, fresh_scene.frame_end = 24, 30
    bpy.ops.mesh.primitive_plane_add(size=2)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.1, location=(0, 0, 1))
    ball = bpy.context.object
    for frame in range(1, 31):
        ball.location.z = 0.1 + abs(math.cos((frame - 1) / 24 * 1.5 * math.pi))
        ball.keyframe_insert("location", frame=frame)
    times = [event.time for event in contacts.capture().events]
    assert times == pytest.approx([1 / 3, 1.0], abs=0.02)


def test_a_characters_steps_and_its_ground(fresh_scene, puppet):
    from avanim.avanim_addon.scene.character import add_character

    armature = add_character(puppet, correctives=False)
    motion = walk()
    write_take(armature, motion, "walk")
    fresh_scene.frame_start, fresh_scene.frame_end = 1, len(motion)
    bpy.ops.mesh.primitive_plane_add(size=4, location=(0, 0, lowest(armature)))
    bpy.context.object["avanim_sound_material"] = "gravel"
    bpy.context.object.name = "Path"
    before = dump(fresh_scene)
    steps = contacts.capture().events.items
    assert dump(fresh_scene) == before
    assert steps and all(event.kind == "step" and event.materials[1] == "gravel" for event in steps)
    assert {event.objects for event in steps} == {(armature.name, "Path")}
    left = [event.time for event in steps if event.part.startswith("left")]
    right = [event.time for event in steps if event.part.startswith("right")]
    assert left and min(abs(t - 0.5) for t in left) < 0.06 and min(abs(t - 1.0) for t in right) < 0.06


@pytest.mark.parametrize("above", [0.0, 0.1])
def test_feet_that_are_drawn_over_the_floor_scrape(fresh_scene, puppet, above):
    """A body that is slid along by half a metre in a second, on its feet or a hand's breadth above the floor."""
    from avanim.avanim_addon.scene.character import add_character
    from avanim.rigs.impact.bake import bake

    fresh_scene.render.fps, fresh_scene.frame_start, fresh_scene.frame_end = 24, 1, 73
    armature = add_character(puppet, correctives=False)
    motion = walk()
    still = Motion(np.repeat(motion.poses[:1], 73, 0), np.repeat(motion.trans[:1], 73, 0), 24.0, motion.skeleton)
    write_take(armature, still, "still")
    bpy.ops.mesh.primitive_plane_add(size=6, location=(0, 0, lowest(armature)))
    bpy.context.object["avanim_sound_material"] = "concrete"
    for frame, x in ((25, 0.0), (49, 0.5)):
        armature.location = (x, 0, above)
        armature.keyframe_insert("location", frame=frame)
    if above:
        with pytest.raises(InputError, match="touches anything"):
            contacts.capture()
        return
    found = contacts.capture()
    assert sorted(event.part for event in found.events) == ["left foot", "right foot"]
    for event in found.events:
        assert event.kind == "scrape" and event.objects == (armature.name, "Plane")
        assert event.materials[1] == "concrete"
        # Blender eases in and out: slower than 0.15 m/s for a part of the second.
        assert 0.7 < event.seconds < 1.01 and abs(event.time + event.seconds / 2 - 1.5) < 0.05
        assert sum(row[2] for row in event.track) / (24 * 4) == pytest.approx(0.5, abs=0.04)
    baked = bake(found)
    assert list(baked.tracks) == ["Plane", armature.name] and not baked.tracks["Plane"].any()
    sound = np.abs(baked.tracks[armature.name]).max(0)
    rate = len(sound) / found.seconds
    before, during, after = (sound[round(a * rate) : round(b * rate)].max() for a, b in ((0, 0.9), (1, 2), (2.2, 3)))
    assert during > 5e-4 and before < 0.05 * during and after < 0.05 * during


@pytest.mark.parametrize("beaten", ["still", "raised"])
def test_a_hand_hits_a_thing(fresh_scene, puppet, beaten):
    """An arm that swings down comes upon a drum that stands there, or that is lifted to meet it."""
    from avanim.avanim_addon.scene import impact_keys
    from avanim.avanim_addon.scene.character import add_character
    from avanim.rigs.impact.bake import bake

    fresh_scene.render.fps, fresh_scene.frame_start, fresh_scene.frame_end = 24, 1, 49
    armature = add_character(puppet, correctives=False)
    base = walk()
    motion = Motion(np.repeat(base.poses[:1], 49, 0), np.repeat(base.trans[:1], 49, 0), 24.0, base.skeleton)
    arm = SKELETONS[base.skeleton].index("right_shoulder")
    motion.poses[:, arm] = [0, 0, 0]
    motion.poses[:, arm, 2] = np.interp(np.arange(49), [0, 12, 18, 30, 48], [-0.6, -0.6, 0.0, 0.0, -0.6])
    write_take(armature, motion, "beat")
    palms = impact_keys.sample(fresh_scene, impact_keys.figures_of(fresh_scene), [], 1, 49).palms[0][:, 1]
    hit = 18 * impact_keys.SUBFRAMES
    assert palms[0][2] > palms[hit][2] + 0.1
    bpy.ops.mesh.primitive_cylinder_add(radius=0.2, depth=0.1, location=palms[hit] - [0, 0, 0.05 + 0.025])
    drum = bpy.context.object
    drum.name, drum["avanim_sound_material"] = "Drum", "plastic"
    if beaten == "raised":
        top = drum.location.z
        for frame, z in ((1, top - 0.5), (13, top - 0.4), (19, top), (25, top), (37, top - 0.5)):
            drum.location.z = z
            drum.keyframe_insert("location", frame=frame)
    found = contacts.capture()
    blows = [event for event in found.events if event.objects == (armature.name, "Drum")]
    assert [event.part for event in blows] == ["right hand"] and blows[0].materials == ("flesh", "plastic")
    assert blows[0].time == pytest.approx(18 / 24, abs=0.05) and blows[0].speed > 0.5
    assert np.linalg.norm(np.array(blows[0].point) - [palms[hit][0], palms[hit][2] - 0.025, -palms[hit][1]]) < 0.06
    tracks = bake(found).tracks
    for name in ("Drum", armature.name):
        sound = np.abs(tracks[name]).max(0)
        begin = np.flatnonzero(sound > 0.05 * sound.max())[0] / 48000
        assert begin == pytest.approx(blows[0].time, abs=0.05), name


def test_thickness_materials_and_values_are_read(fresh_scene):
    bpy.ops.mesh.primitive_grid_add(size=1)
    obj = bpy.context.object
    modifier = obj.modifiers.new("Wall", "SOLIDIFY")
    modifier.thickness = 0.02
    shape = impact_bodies.shape_of(obj)
    assert shape.thickness == pytest.approx(0.02) and np.ptp(shape.vertices[:, 2]) == 0, "the wall is a number"
    assert modifier.show_viewport and impact_bodies.thickness_of(obj, shape) == pytest.approx(0.02)
    obj["avanim_sound_thickness"] = 0.005
    assert impact_bodies.thickness_of(obj, shape) == 0.005
    assert impact_bodies.material_of(obj) == "wood"
    for name in ("Brushed steel", "Glass"):
        obj.data.materials.append(bpy.data.materials.new(name))
    assert impact_bodies.material_of(obj) == "steel"
    obj.data.materials[1]["avanim_sound_material"] = "rubber"
    assert impact_bodies.material_of(obj, 1) == "rubber"
    obj["avanim_sound_loss"] = 0.2
    assert impact_bodies.values_of(obj) == {"loss": 0.2}


# --- files and the panel ----------------------------------------------------------------------------------------------


def sound_of(path):
    with wave.open(str(path), "rb") as file:
        return file.getnchannels(), file.getnframes() / file.getframerate()


@pytest.fixture
def blend(fresh_scene, tmp_path):
    drop(fresh_scene, frames=14)
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def test_the_command(blend, tmp_path, capsys):
    before = blend.read_bytes()
    words = ["impacts", str(blend), "-o", str(tmp_path / "out.wav"), "--events", str(tmp_path / "out.json")]
    assert (
        command_line.main([*words, "--layout", "ambix", "--stems", str(tmp_path / "stems"), "--json", "--quiet"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert sound_of(tmp_path / "out.wav") == (4, pytest.approx(14 / 24, abs=1e-3))
    events = Events.load(tmp_path / "out.json")
    assert len(events) == told["events"] and events.details["full_scale_pa"] == pytest.approx(told["pascal"])
    assert {Path(path).name for path in told["stems"].values()} == {"Thing.wav", "Floor.wav"}
    assert blend.read_bytes() == before
    for wrong in (["impacts", str(blend), "-o", "out.mp3"], ["impacts", "film.avi", "-o", "out.wav"],
                  ["impacts", str(tmp_path / "none.blend"), "-o", str(tmp_path / "o.wav")],
                  ["impacts", str(blend), "-o", str(tmp_path / "o.wav"), "--damping", "0"]):  # fmt: skip
        assert command_line.main(wrong) == 2
        assert len(capsys.readouterr().err.strip().splitlines()[-1]) > 20


@needs_sound
def test_bake_change_one_event_and_take_it_away(blend):
    avanim.register()
    try:
        scene = bpy.context.scene
        scene.avanim.impacts.path = str(blend.with_name("sounds"))
        assert bpy.ops.avanim.bake_impacts() == {"FINISHED"}
        strips = {strip.name: strip for strip in versions.all_strips(scene)}
        assert set(strips) == {"Thing impacts", "Floor impacts", impact_result.MASTER}
        assert strips[impact_result.MASTER].mute and not strips["Thing impacts"].mute
        panel = scene.avanim.impacts
        assert len(scene.timeline_markers) == len(panel.events) > 0
        kept = impact_result.kept(scene)
        with pytest.raises(RuntimeError, match="No event was changed"):
            bpy.ops.avanim.rebake_impacts()
        panel.events[0].mute = True
        assert bpy.ops.avanim.rebake_impacts() == {"FINISHED"}
        again = Events.load(impact_result.kept(scene)["events"])
        assert again.items[0].mute and len(scene.timeline_markers) == len(panel.events) - 1
        assert len(versions.all_strips(scene)) == 3 and Path(kept["events"]).is_file()
        assert bpy.ops.avanim.remove_impacts() == {"FINISHED"}
        assert not versions.all_strips(scene) and not scene.timeline_markers and not panel.events
    finally:
        avanim.unregister()


def test_the_buttons_say_why_they_cannot(fresh_scene):
    avanim.register()
    try:
        from avanim.avanim_addon.impacts import operators

        if bpy.app.build_options.audaspace:
            assert "holds nothing" in operators.why_no_bake(bpy.context)
            bpy.ops.mesh.primitive_cube_add()
            assert "Save the .blend first" in operators.why_no_bake(bpy.context)
        assert "Bake the scene" in operators.why_no_edit(bpy.context)
        bpy.ops.mesh.primitive_cube_add()
        assert bpy.ops.avanim.impact_material(material="glass", where="OBJECT") == {"FINISHED"}
        assert impact_bodies.material_of(bpy.context.object) == "glass"
        with pytest.raises(RuntimeError, match="no material"):
            bpy.ops.avanim.impact_material(material="glass", where="SLOT")
        assert bpy.ops.avanim.impact_values() == {"FINISHED"}
        assert impact_bodies.values_of(bpy.context.object)["density"] == 2600
    finally:
        avanim.unregister()
