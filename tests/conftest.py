# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that all the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("avanim", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("avanim")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings that tests measure on: AVANIM_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("AVANIM_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("needs the recordings: set AVANIM_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of our own music, 120 beats a minute."""
    pytest.importorskip("librosa", reason="the models need it, which this Python lacks")
    from avanim.models.audio import save_wav
    from avanim.models.audio.composer import compose

    path = tmp_path_factory.mktemp("song") / "song.wav"
    save_wav(compose("disco", bpm=120, bars=5, seed=3, rate=22050).sound, path)
    return path


@pytest.fixture
def fresh_scene():
    """Blender with nothing loaded but an empty scene, at 30 frames a second. Blender is one per process."""
    bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    return scene


@pytest.fixture(scope="session")
def puppet():
    """A small made-up character on SMPL-24: tubes round the limbs, two shape keys, strong random pose correctives."""
    import numpy as np
    from avanim.rigs.characters import Character, Material, SkinnedMesh
    from avanim.rigs.skeleton import SMPL24, Rest
    from avanim.rigs.smpl import BodyModel

    joints, random = Rest.average().joints, np.random.default_rng(0)
    rings, sides = 5, 8
    along, angle = np.linspace(0, 1, rings), np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring, side = np.arange(rings - 1)[:, None] * sides, np.arange(sides)
    here, there = ring + side, ring + (side + 1) % sides
    quads = np.stack([here, there, there + sides, here + sides], -1)
    vertices, faces, weights = [], [], []
    for joint, parent in enumerate(SMPL24.parents):
        if parent >= 0:
            limb = joints[joint] - joints[parent]
            across = np.cross(limb, [0.3, 0.5, 0.8])
            across /= np.linalg.norm(across)
            other = np.cross(limb / np.linalg.norm(limb), across)
            circle = 0.05 * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * other)
            faces.append(quads.reshape(-1, 4) + len(vertices) * rings * sides)
            vertices.append((joints[parent] + along[:, None, None] * limb + circle).reshape(-1, 3))
            share = np.zeros((rings * sides, 24))
            share[:, joint] = np.repeat(along**2 / 2, sides)
            share[:, parent] = 1 - share[:, joint]
            weights.append(share)
    vertices, faces, weights = np.concatenate(vertices), np.concatenate(faces), np.concatenate(weights)
    posedirs = random.normal(0, 0.005, (len(vertices), 3, 9 * 23)).astype(np.float32)
    posedirs[:, :, 9 * 14 : 9 * 15] = 0
    homogeneous = np.vstack([vertices.T, np.ones(len(vertices))])
    body = BodyModel(
        skeleton=SMPL24,
        v_template=vertices.astype(np.float32),
        shapedirs=np.zeros((len(vertices), 3, 2), np.float32),
        expressions=np.zeros((len(vertices), 3, 0), np.float32),
        posedirs=posedirs,
        joint_regressor=(np.linalg.pinv(homogeneous) @ np.vstack([joints.T, np.ones(24)])).T,
        weights=weights.astype(np.float32),
        faces=np.concatenate([faces[:, :3], faces[:, [0, 2, 3]]]).astype(np.int32),
    )
    mesh = SkinnedMesh(
        name="body",
        vertices=body.v_template,
        polygon_vertices=faces.ravel(),
        polygon_sizes=np.full(len(faces), 4),
        corner_uvs=random.random((faces.size, 2)),
        polygon_materials=np.zeros(len(faces), int),
        materials=["skin"],
        weights=body.weights,
        morphs={name: random.normal(0, 0.01, vertices.shape) for name in ("jawOpen", "eyeBlinkLeft")},
        posedirs=posedirs,
    )
    return Character("neutral", body, [mesh], {"skin": Material("skin", (0.8, 0.4, 0.2))})


@pytest.fixture(scope="session")
def wild_motion():
    """Two seconds in which every joint of SMPL-24 swings and the root travels 3 m, at 30 frames a second."""
    import numpy as np
    from avanim.rigs.motion import Motion

    random = np.random.default_rng(7)
    time = np.arange(60) / 30
    phase, rate = random.uniform(0, 6, (24, 3)), random.uniform(2, 9, (24, 3))
    poses = random.uniform(0.2, 0.9, (24, 3)) * np.sin(rate * time[:, None, None] + phase)
    trans = np.stack([1.5 * time, 1.175 + 0.05 * np.sin(9 * time), 0.5 * np.sin(3 * time)], axis=1)
    return Motion(poses, trans, 30.0)


@pytest.fixture(scope="session")
def audible(clicks: Path) -> Path | None:
    """`clicks` where Blender can play sound; the bpy wheel of 4.2 was built without."""
    bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")
    return clicks if bpy.app.build_options.audaspace else None


@pytest.fixture(scope="session")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with a click every half second from 0.5 s on, 48 kHz."""
    import wave

    import numpy as np

    samples = np.zeros(6 * 48000, np.int16)
    for click in range(1, 12):
        samples[click * 24000 : click * 24000 + 20] = 30000
    path = tmp_path_factory.mktemp("sound") / "clicks.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path
