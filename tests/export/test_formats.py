# SPDX-License-Identifier: GPL-3.0-or-later
"""Any rig, every format: what is written comes back the same, and the report says what is wrong with a file."""

import json
import struct
from pathlib import Path

import numpy as np
import pygltflib
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.scene import foreign, take  # noqa: E402
from avanim.avanim_addon.scene.export import MISSING_EXPORTERS, export  # noqa: E402
from avanim.avanim_addon.scene.export_report import summary, validate  # noqa: E402
from avanim.avanim_addon.scene.sample_armature import add_sample_armature  # noqa: E402
from avanim.avanim_addon.scene.sound import add_sound_strip  # noqa: E402
from avanim.rigs.bvh import load_bvh  # noqa: E402
from avanim.rigs.motion import Motion  # noqa: E402
from avanim.rigs.motion_files import load_motion  # noqa: E402
from avanim.rigs.sample_rig import sample_rig  # noqa: E402

from . import readers  # noqa: E402

FRAMES = 20


@pytest.fixture(params=[("mixamo", 100.0), ("unreal4", 1.0)], ids=["mixamo in cm", "unreal4"])
def stage(request, fresh_scene):
    """A rig that dances, a shape key of its mesh that runs from 0 to 1, and where its bones are, frame by frame."""
    convention, units = request.param
    armature = add_sample_armature(
        sample_rig(convention, drop=45, fingers=False), units_per_metre=units, shape_keys=["jawOpen", "other"]
    )
    foreign.map_bones(armature)
    time = np.arange(FRAMES) / 30
    poses = 0.4 * np.sin(4 * time[:, None, None] + np.arange(72).reshape(24, 3))
    motion = Motion(poses, np.stack([0.3 * time, 1.2 + 0 * time, 0 * time], axis=1), 30.0)
    take.write_take(armature, motion, "dance")
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, FRAMES
    mesh = next(child for child in armature.children if child.type == "MESH")
    key = mesh.data.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0.0), (FRAMES, 1.0)):
        key.value = value
        key.keyframe_insert("value", frame=frame)
    from avanim.avanim_addon.compat import actions

    for curve in actions.curves(mesh.data.shape_keys.animation_data.action, "KEY"):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    names = [bone.name for bone in armature.data.bones]
    places = np.empty((FRAMES, len(names), 3))
    for frame in range(FRAMES):
        scene.frame_set(frame + 1)
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        places[frame] = [posed.matrix_world @ posed.pose.bones[name].head for name in names]
    return armature, names, places, motion


def report_of(path):
    return {check["name"]: check for check in json.loads(path.with_suffix(".report.json").read_text())["checks"]}


@pytest.mark.parametrize("ending", [".fbx", ".glb", ".usdc"])
def test_bones_and_shape_keys_come_back(stage, tmp_path, ending):
    if ending in MISSING_EXPORTERS:
        pytest.skip(f"this Blender lacks {MISSING_EXPORTERS[ending]}")
    armature, names, places, _ = stage
    path = tmp_path / f"dance{ending}"
    before = [list(row) for row in armature.matrix_world]
    export(path, armature=armature, report=True)
    assert [list(row) for row in armature.matrix_world] == before
    found = report_of(path)
    assert [check for check in found.values() if check["good"] is False] == []
    for name in ("scale 1", "one root", "first key at 0", "length", "names", "no leaf bones"):
        assert found[name]["good"], name
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    if ending == ".fbx":
        import addon_utils

        addon_utils.enable("io_scene_fbx")
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0)
    elif ending == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.wm.usd_import(filepath=str(path), set_frame_range=False)
    again = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    blocks = next(obj for obj in bpy.data.objects if obj.type == "MESH" and obj.data.shape_keys).data.shape_keys
    # USD's names have no dots or colons.
    seen = {bone.name.rpartition("/")[2]: bone.name for bone in again.data.bones}
    assert len(seen) == len(names)
    for frame in (0, 7, FRAMES - 1):
        bpy.context.scene.frame_set(frame)
        posed = again.evaluated_get(bpy.context.evaluated_depsgraph_get())
        now = np.array([posed.matrix_world @ posed.pose.bones[seen[name]].head for name in names])
        assert np.abs(now - places[frame]).max() < 1e-3
        assert abs(blocks.key_blocks["jawOpen"].value - frame / (FRAMES - 1)) < 1e-3


def test_glb_by_another_reader(stage, tmp_path):
    armature, names, places, _ = stage
    export(tmp_path / "dance.glb", armature=armature)
    file = pygltflib.GLTF2().load(str(tmp_path / "dance.glb"))
    nodes, blob = file.nodes, file.binary_blob()
    parents = {child: at for at, node in enumerate(nodes) for child in node.children or []}

    def data(index):
        accessor = file.accessors[index]
        view = file.bufferViews[accessor.bufferView]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        return np.frombuffer(blob, np.float32, accessor.count * width, start).reshape(-1, width)

    keys = {(c.target.node, c.target.path): data(file.animations[0].samplers[c.sampler].output)
            for c in file.animations[0].channels}  # fmt: skip

    def matrix(at, frame):
        node = nodes[at]
        place = keys[at, "translation"][frame] if (at, "translation") in keys else node.translation or (0, 0, 0)
        x, y, z, w = keys[at, "rotation"][frame] if (at, "rotation") in keys else node.rotation or (0, 0, 0, 1)
        local = np.eye(4)
        local[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        local[:3, 3] = place
        return matrix(parents[at], frame) @ local if at in parents else local

    column = {nodes[joint].name: joint for joint in file.skins[0].joints}
    for frame in (0, 11, FRAMES - 1):
        y_up = np.array([matrix(column[name], frame)[:3, 3] for name in names])
        assert np.abs(y_up @ [[1, 0, 0], [0, 0, 1], [0, -1, 0]] - places[frame]).max() < 1e-3
    weights = next(values for (_, path), values in keys.items() if path == "weights").reshape(FRAMES, -1)
    assert np.abs(weights[:, 0] - np.linspace(0, 1, FRAMES)).max() < 1e-3


def test_bvh_and_npz_hold_the_motion(stage, tmp_path):
    armature, names, places, motion = stage
    export(tmp_path / "dance.bvh", armature=armature, report=True)
    clip = load_bvh(tmp_path / "dance.bvh", 1.0)
    y_up, _ = clip.forward()
    for at, name in enumerate(names):
        here = y_up[:, clip.names.index("_".join(name.split()))]
        assert np.abs(here - places[:, at] @ [[1, 0, 0], [0, 0, -1], [0, 1, 0]]).max() < 1e-3, name
    assert report_of(tmp_path / "dance.bvh")["one root"]["good"]
    export(tmp_path / "dance.npz", armature=armature)
    again = load_motion(tmp_path / "dance.npz")
    assert again.fps == 30 and len(again) == FRAMES and again.body == "neutral"
    arm = motion.rig.index("left_elbow")
    assert np.abs(again.poses[:, arm] - motion.poses[:, arm]).max() < 0.01


def test_usd_by_another_reader(stage, tmp_path):
    """Pixar's own library: joints within a millimetre, shape keys within 0.001, from time 0 on, metres, scale 1."""
    if ".usdc" in MISSING_EXPORTERS:
        pytest.skip(f"this Blender lacks {MISSING_EXPORTERS['.usdc']}")
    armature, names, places, _ = stage
    export(tmp_path / "dance.usdc", armature=armature)
    found = readers.read(tmp_path / "dance.usdc")
    assert found["seconds"] == pytest.approx(np.arange(FRAMES) / 30, abs=1e-6)
    assert found["metres"] == 1 and found["up"] == "Z" and np.allclose(found["scales"], 1, atol=1e-6)
    assert len(found["roots"]) == 1 and len(found["names"]) == len(names)
    column = [found["names"].index(name.replace(":", "_")) for name in names]
    assert np.abs(np.array(found["places"])[:, column] - places).max() < 1e-3
    weights = np.array(found["weights"])[:, found["keys"].index("jawOpen")]
    assert np.abs(weights - np.linspace(0, 1, FRAMES)).max() < 1e-3


def test_alembic_by_another_reader(stage, tmp_path):
    """The Alembic project's own library: every vertex within a millimetre of where the scene shows it, from time 0."""
    if ".abc" in MISSING_EXPORTERS:
        pytest.skip(f"this Blender lacks {MISSING_EXPORTERS['.abc']}")
    armature, *_ = stage
    mesh = next(child for child in armature.children if child.type == "MESH")
    shown = []
    for frame in (1, 8, FRAMES):
        bpy.context.scene.frame_set(frame)
        posed = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
        shown.append([posed.matrix_world @ vertex.co for vertex in posed.data.vertices])
    export(tmp_path / "dance.abc", armature=armature, report=True)
    assert [check for check in report_of(tmp_path / "dance.abc").values() if check["good"] is False] == []
    found = readers.read(tmp_path / "dance.abc")
    assert found["seconds"] == pytest.approx(np.arange(FRAMES) / 30, abs=1e-6)
    # Alembic is Y up: (x, y, z) here is (x, z, -y) there.
    there = np.array(found["vertices"])[[0, 7, FRAMES - 1]] @ [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    assert np.abs(there - np.array(shown)).max() < 1e-3


def test_bvh_by_blender_s_reader(stage, tmp_path):
    armature, names, places, _ = stage
    export(tmp_path / "dance.bvh", armature=armature, report=True)
    found = report_of(tmp_path / "dance.bvh")
    assert [check for check in found.values() if check["good"] is False] == [] and found["length"]["good"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    # Its importer puts the file's first frame one after the frame that it is given.
    bpy.ops.import_anim.bvh(filepath=str(tmp_path / "dance.bvh"), frame_start=0, use_fps_scale=False)
    again = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    for frame in (0, 7, FRAMES - 1):
        bpy.context.scene.frame_set(frame + 1)
        posed = again.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for name in names:
            here = posed.matrix_world @ posed.pose.bones["_".join(name.split())].head
            assert np.abs(np.array(here) - places[frame, names.index(name)]).max() < 1e-3, (frame, name)


@pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this Blender was built without sound")
@pytest.mark.parametrize("ending", [".fbx", ".glb", ".usdc", ".abc", ".bvh", ".npz"])
def test_a_click_lies_at_its_frame(fresh_scene, tmp_path, ending):
    """Whatever the format: a click at frame 17 of a clip that begins at frame 5 is 12 frames into the .wav."""
    if ending in MISSING_EXPORTERS:
        pytest.skip(f"this Blender lacks {MISSING_EXPORTERS[ending]}")
    import wave

    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 30, 5, 34
    armature = add_sample_armature(sample_rig("unreal4", fingers=False), shape_keys=["jawOpen"])
    foreign.map_bones(armature)
    time = np.arange(40) / 30
    poses = 0.3 * np.sin(4 * time[:, None, None] + np.arange(72).reshape(24, 3))
    take.write_take(armature, Motion(poses, np.tile([0, 1.2, 0.0], (40, 1)), 30.0), "dance", frame_start=1)
    samples = np.zeros(48000, np.int16)
    samples[int(0.4 * 48000)] = 30000  # at frame 1 + 12 of a strip that begins at frame 5
    with wave.open(str(tmp_path / "click.wav"), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    add_sound_strip(scene, tmp_path / "click.wav", 5)
    export(tmp_path / f"dance{ending}", armature=armature, report=True)
    with wave.open(str(tmp_path / "dance.wav"), "rb") as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())[:, 0]
        rate = file.getframerate()
    assert len(heard) == rate * 30 // 30
    assert abs(int(np.argmax(np.abs(heard.astype(int)))) - (17 - 5) * rate // 30) <= 1
    found = report_of(tmp_path / f"dance{ending}")
    assert found["sound"]["good"] and found["length"]["good"] and found["first key at 0"]["good"]


def test_alembic_holds_the_skin(stage, tmp_path):
    if ".abc" in MISSING_EXPORTERS:
        pytest.skip(f"this Blender lacks {MISSING_EXPORTERS['.abc']}")
    armature, _, places, _ = stage
    export(tmp_path / "dance.abc", armature=armature)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.alembic_import(filepath=str(tmp_path / "dance.abc"), as_background_job=False)
    bpy.context.scene.frame_set(FRAMES - 1)
    mesh = next(obj for obj in bpy.data.objects if obj.type == "MESH")
    posed = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.array([posed.matrix_world @ vertex.co for vertex in posed.data.vertices])
    assert (
        np.abs(points.max(0) - places[-1].max(0)).max() < 0.25
        and np.abs(points.min(0) - places[-1].min(0)).max() < 0.25
    )


def test_the_report_finds_what_is_wrong(tmp_path):
    """A file with two roots, a scale of 100, a late first key, and a sound that is too short."""
    table = {
        "nodes": [{"name": "a", "scale": [100, 100, 100]}, {"name": "b"}, {"name": "b_end"}],
        "skins": [{"joints": [0, 1, 2]}],
        "accessors": [{"min": [0.0333], "max": [0.5]}],
        "animations": [{"samplers": [{"input": 0}], "channels": []}],
    }
    text = json.dumps(table).encode()
    path = tmp_path / "bad.glb"
    path.write_bytes(struct.pack("<4sIIII", b"glTF", 2, 20 + len(text), len(text), 0x4E4F534A) + text)
    import wave

    with wave.open(str(tmp_path / "bad.wav"), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 47000))
    checks = {check.name: check.good for check in validate(path, ["a", "b", "c"], 30.0, 30)}
    wrong = ["scale 1", "one root", "first key at 0", "length", "names", "no leaf bones", "sound"]
    assert checks == dict.fromkeys(wrong, False)
    assert "scale 1" in summary(validate(path, ["a"], 30.0, 30))
    assert Path(path).exists()
