# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves for a game engine comes back the same: joints, shape keys, scale, time, sound."""

import wave

import numpy as np
import pygltflib
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene import performance  # noqa: E402
from avanim.avanim_addon.scene.character import meshes_of  # noqa: E402
from avanim.avanim_addon.scene.export import export  # noqa: E402
from avanim.rigs.errors import Cancelled, InputError  # noqa: E402

FRAMES = 30
needs_sound = pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this Blender was built without sound")


@pytest.fixture
def stage(puppet, wild_motion, audible):
    """A dance whose first frame is 1, with a shape key that is animated by hand: 0 to 1 over the clip."""
    armature = performance.stage_dance(wild_motion, None, audible, character=puppet, name="dance", start=0.4)
    bpy.context.scene.frame_end = FRAMES
    jaw = meshes_of(armature)[0].data.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0.0), (FRAMES, 1.0)):
        jaw.value = value
        jaw.keyframe_insert("value", frame=frame)
    for curve in _curves(jaw.id_data):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    return armature


def _curves(owner):
    from avanim.avanim_addon.compat import actions

    return actions.curves(owner.animation_data.action, "KEY")


def contents():
    """What an export could change by accident."""
    scene = bpy.context.scene
    lists = (
        bpy.data.objects,
        bpy.data.meshes,
        bpy.data.armatures,
        bpy.data.actions,
        bpy.data.scenes,
        bpy.data.shape_keys,
    )
    shown = [(obj.name, [m.show_viewport for m in obj.modifiers], obj.select_get()) for obj in scene.objects]
    active = bpy.context.view_layer.objects.active
    return [sorted(item.name for item in items) for items in lists], shown, scene.frame_current, scene.name, active


def joints_now(armature, names):
    return np.array([armature.matrix_world @ armature.pose.bones[name].head for name in names])


def reimport(path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    if path.suffix == ".fbx":
        import addon_utils

        addon_utils.enable("io_scene_fbx")
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0)
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    armature = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    mesh = next(obj for obj in bpy.data.objects if obj.type == "MESH" and obj.data.shape_keys)
    return armature, mesh


@pytest.mark.parametrize("ending", [".fbx", ".glb"])
@pytest.mark.parametrize("target", ["plain", "unity", "unreal"])
def test_round_trip(stage, wild_motion, audible, tmp_path, ending, target):
    path = tmp_path / f"dance{ending}"
    expected = performance.joint_positions(stage, wild_motion)
    before = contents()
    export(path, target)
    assert contents() == before
    beside = {"dance.manifest.json", "dance.events.json", "dance_unreal.py", "danceImpacts.cs"}
    written = {file.name for file in tmp_path.iterdir()}
    assert written - beside == {path.name, *(["dance.wav"] if audible else [])} and "dance.manifest.json" in written

    armature, mesh = reimport(path)
    assert np.allclose(armature.scale, 1, atol=1e-5)
    names = wild_motion.rig.joints
    assert {bone.name for bone in armature.data.bones} == {*names, *(["root"] if target == "unreal" else [])}
    keys = mesh.data.shape_keys.key_blocks
    assert [key.name for key in keys] == ["Basis", "jawOpen", "eyeBlinkLeft"]
    for frame in (0, 11, FRAMES - 1):
        bpy.context.scene.frame_set(frame)
        assert np.abs(joints_now(armature, names) - expected[frame]).max() < 1e-3
        assert abs(keys["jawOpen"].value - frame / (FRAMES - 1)) < 1e-3
    assert min(action.frame_range[0] for action in bpy.data.actions) == 0
    assert max(action.frame_range[1] for action in bpy.data.actions) == FRAMES - 1


def test_unreal_gets_root_motion_on_the_floor(stage, wild_motion, tmp_path):
    export(tmp_path / "dance.fbx", "unreal")
    armature, _ = reimport(tmp_path / "dance.fbx")
    assert armature.name == "Armature"
    assert armature.data.bones["pelvis"].parent.name == "root"
    for frame in (0, 15, FRAMES - 1):
        bpy.context.scene.frame_set(frame)
        root, pelvis = joints_now(armature, ["root", "pelvis"])
        assert abs(root[2]) < 1e-4 and np.abs(root[:2] - pelvis[:2]).max() < 1e-4
        assert abs((armature.matrix_world @ armature.pose.bones["root"].matrix).to_3x3().col[2][2] - 1) < 1e-4


def test_skin_in_the_file_is_the_skin_in_the_scene(stage, puppet, wild_motion, tmp_path):
    """With the correctives as morph targets the exported body is SMPL's to a tenth of a millimetre."""
    meshes_of(stage)[0].data.shape_keys.animation_data.action = None
    meshes_of(stage)[0].data.shape_keys.key_blocks["jawOpen"].value = 0
    export(tmp_path / "dance.fbx", correctives=True)
    _, mesh = reimport(tmp_path / "dance.fbx")
    bpy.context.scene.frame_set(20)
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.array([evaluated.matrix_world @ vertex.co for vertex in evaluated.data.vertices])
    x, y, z = puppet.body.vertices(wild_motion.poses[20:21], wild_motion.trans[20:21])[0].T
    assert np.abs(points - np.stack([x, -z, y], axis=1)).max() < 1e-4


def test_glb_read_by_another_reader(stage, tmp_path):
    export(tmp_path / "dance.glb")
    file = pygltflib.GLTF2().load(str(tmp_path / "dance.glb"))
    assert len(file.skins) == 1 and len(file.skins[0].joints) == 24
    assert len(file.animations) == 1 and file.animations[0].name == "dance"
    assert not file.cameras and not (file.extensions or {}).get("KHR_lights_punctual")
    assert all(np.allclose(node.scale or [1, 1, 1], 1, atol=1e-6) for node in file.nodes)
    mesh = file.meshes[file.nodes[next(i for i, node in enumerate(file.nodes) if node.mesh is not None)].mesh]
    assert mesh.extras["targetNames"] == ["jawOpen", "eyeBlinkLeft"]
    clip = file.animations[0]
    times = [file.accessors[sampler.input] for sampler in clip.samplers]
    assert min(time.min[0] for time in times) == 0
    assert max(time.max[0] for time in times) == pytest.approx((FRAMES - 1) / 30, abs=1e-5)
    assert {channel.target.path for channel in clip.channels} >= {"rotation", "translation", "weights"}


@needs_sound
def test_sound_beside_it_starts_with_the_first_key(stage, tmp_path):
    export(tmp_path / "dance.glb")
    with wave.open(str(tmp_path / "dance.wav"), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())
        assert len(samples) == file.getframerate() * FRAMES // 30
    # The dance begins at 0.4 s of a sound that clicks at 0.5 s and 1.0 s.
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 8000)
    assert [loud[0], loud[np.diff(loud, prepend=0) > 1000][1]] == [4800, 28800]


def test_constraints_and_moved_armatures_come_out_as_seen(stage, wild_motion, tmp_path):
    stage.location, stage.rotation_euler = (1, 2, 0), (0, 0, 1)
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (3, -2, 2)
    aim = stage.pose.bones["head"].constraints.new("DAMPED_TRACK")
    aim.target = target
    names = wild_motion.rig.joints
    bpy.context.scene.frame_set(8)
    expected = joints_now(stage, names)
    facing = np.array(stage.matrix_world @ stage.pose.bones["head"].tail) - expected[names.index("head")]
    export(tmp_path / "dance.fbx")
    armature, _ = reimport(tmp_path / "dance.fbx")
    bpy.context.scene.frame_set(7)
    assert np.abs(joints_now(armature, names) - expected).max() < 1e-3
    head = armature.pose.bones["head"]
    seen = np.array(armature.matrix_world @ head.tail) - np.array(armature.matrix_world @ head.head)
    assert np.allclose(seen / np.linalg.norm(seen), facing / np.linalg.norm(facing), atol=1e-3)


def test_cancelled_and_refused_exports_leave_nothing(stage, tmp_path):
    def stop(fraction, step):
        if fraction > 0.2:
            raise Cancelled

    before = contents()
    with pytest.raises(Cancelled):
        export(tmp_path / "dance.fbx", progress=stop)
    with pytest.raises(InputError, match="Unknown target"):
        export(tmp_path / "dance.fbx", "toaster")
    with pytest.raises(InputError, match="end the name"):
        export(tmp_path / "dance.obj")
    assert contents() == before
    assert not list(tmp_path.iterdir())
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    with pytest.raises(InputError, match="no armature"):
        export(tmp_path / "dance.fbx")
