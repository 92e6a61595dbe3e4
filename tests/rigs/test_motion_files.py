# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion from the files of AMASS, AIST++, PhantomDance and bundles."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.bvh import save_bvh
from avanim.rigs.errors import InputError
from avanim.rigs.motion import Motion
from avanim.rigs.motion_files import load_bundle, load_motion
from avanim.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle, quaternion_from_matrix
from avanim.rigs.skeleton import SMPL24, SMPLH52, SMPLX55, Rest

WIDTHS = {66: "smpl24", 72: "smpl24", 156: "smplh52", 165: "smplx55"}
# From our Y-up world to AMASS's Z-up one.
TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def amass(width: int = 156, frames: int = 20) -> dict[str, np.ndarray]:
    """A dancer who turns and bends in our world, as AMASS would store it in its Z-up world."""
    rng = np.random.default_rng(width)
    poses = rng.normal(0, 0.3, (frames, width // 3, 3))
    poses[:, 0] = np.stack([0.2 * np.ones(frames), np.linspace(-2, 2, frames), np.zeros(frames)], axis=1)
    poses[:, 0] = axis_angle_from_matrix(TO_Z_UP @ matrix_from_axis_angle(poses[:, 0]))
    return {
        "poses": poses.reshape(frames, width),
        "trans": rng.normal(0, 1, (frames, 3)),
        "betas": rng.normal(0, 1, 16),
        "dmpls": np.zeros((frames, 8)),
        "gender": np.array("male"),
        "mocap_framerate": np.array(120.00004577),
        "marker_data": np.full((frames, 5, 3), np.nan),
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate", "fps"])
@pytest.mark.parametrize("gender", [np.array("male"), np.array(b"male"), np.array(["male"])])
def test_amass_variants(width: int, rate: str, gender: np.ndarray, tmp_path: Path) -> None:
    fields = amass(width)
    fields[rate] = fields.pop("mocap_framerate")
    np.savez(tmp_path / "clip.npz", **{**fields, "gender": gender})
    read = load_motion(tmp_path / "clip.npz")
    assert (read.skeleton, read.fps, read.gender, len(read)) == (WIDTHS[width], 120, "male", 20)
    np.testing.assert_array_equal(read.betas, fields["betas"])
    np.testing.assert_array_equal(read.poses[:, 1:22].reshape(20, -1), fields["poses"][:, 3:66])
    if width == 66:
        assert not read.poses[:, 22:].any()


@pytest.mark.parametrize("up", ["auto", "z"])
def test_z_up_world_becomes_y_up(up: str, tmp_path: Path) -> None:
    """Every joint must come out where the Z-up clip had it, turned by 90 degrees."""
    fields = amass()
    np.savez(tmp_path / "clip.npz", **fields)
    joints = np.random.default_rng(3).normal(0, 0.3, (52, 3))
    rest = Rest(SMPLH52, joints, -1.0)
    read = load_motion(tmp_path / "clip.npz", up=up, rest=rest)
    theirs, _ = rest.forward(fields["poses"].reshape(20, 52, 3), fields["trans"])
    ours, turned = rest.forward(read.poses, read.trans)
    np.testing.assert_allclose(ours @ TO_Z_UP.T, theirs, atol=1e-9)
    assert (turned[:, 0, 1, 1] > 0.9).all()  # upright
    kept = load_motion(tmp_path / "clip.npz", up="y")
    np.testing.assert_array_equal(kept.trans, fields["trans"])


def test_y_up_clip_is_left_alone(tmp_path: Path) -> None:
    poses = np.random.default_rng(0).normal(0, 0.2, (10, 72))
    np.savez(tmp_path / "clip.npz", poses=poses, trans=np.zeros((10, 3)), fps=30)
    read = load_motion(tmp_path / "clip.npz")
    np.testing.assert_array_equal(read.poses.reshape(10, 72), poses)
    assert read.gender == "neutral" and read.betas.size == 0


def test_our_own_file_says_that_it_is_y_up(tmp_path: Path) -> None:
    """A dancer who lies face up would look Z-up by his pose alone."""
    poses = np.zeros((5, 24, 3))
    poses[:, 0, 0] = np.pi / 2
    made = Motion(poses, np.zeros((5, 3)), 30.0)
    made.save(tmp_path / "clip.npz")
    np.testing.assert_array_equal(load_motion(tmp_path / "clip.npz").poses, poses)


def test_frame_rate_can_be_given(tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", poses=np.zeros((10, 24, 3)), trans=np.zeros((10, 3)))
    assert load_motion(tmp_path / "clip.npz", fps=25).fps == 25
    with pytest.raises(InputError, match="frame rate"):
        load_motion(tmp_path / "clip.npz")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_aist(protocol: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    fields = {
        "smpl_poses": rng.normal(0, 0.3, (12, 72)),
        "smpl_scaling": np.array([93.8]),
        "smpl_trans": rng.normal(0, 90, (12, 3)),
        "smpl_loss": 0.00012,
    }
    path = tmp_path / "gBR_sBM_cAll_d04_mBR0_ch01.pkl"
    path.write_bytes(pickle.dumps(fields, protocol))
    read = load_motion(path)
    assert (read.fps, read.skeleton, read.gender) == (60, "smpl24", "male")
    np.testing.assert_array_equal(read.poses.reshape(12, 72), fields["smpl_poses"])
    np.testing.assert_allclose(read.trans, fields["smpl_trans"] / 93.8)


def test_aist_of_float32_and_of_scalars(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(
        pickle.dumps(
            {"smpl_poses": np.zeros((3, 72), "f4"), "smpl_scaling": np.ones((1, 1)), "smpl_trans": np.ones((3, 3))}
        )
    )
    assert len(load_motion(path)) == 3


def test_phantom_dance(tmp_path: Path) -> None:
    """Unity's axes: X to the right, left-handed; rotations in the world, x y z w; joints in any order."""
    rest = Rest.average()
    rng = np.random.default_rng(2)
    poses, trans = rng.normal(0, 0.5, (9, 24, 3)), rng.normal(0, 1, (9, 3))
    _, turned = rest.forward(poses, trans)
    mirror = np.diag([-1.0, 1, 1])
    w, x, y, z = np.moveaxis(quaternion_from_matrix(mirror @ turned @ mirror), -1, 0)
    names = [name.replace("left_", "L_").replace("right_", "R_").title() for name in SMPL24.joints]
    order = rng.permutation(24)
    fields = {
        "bone_name": [names[joint] for joint in order],
        "root_positions": ((rest.joints[0] + trans) * [-1, 1, 1]).tolist(),
        "rotations": np.stack([x, y, z, w], axis=-1)[:, order].tolist(),
    }
    (tmp_path / "dance.json").write_text(json.dumps(fields))
    read = load_motion(tmp_path / "dance.json")
    assert read.fps == 30
    np.testing.assert_allclose(matrix_from_axis_angle(read.poses), matrix_from_axis_angle(poses), atol=1e-9)
    np.testing.assert_allclose(read.trans, trans, atol=1e-12)


@pytest.mark.parametrize("skeleton", [SMPL24, SMPLX55], ids=lambda skeleton: skeleton.name)
def test_our_own_bvh(skeleton, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rest = Rest.average() if skeleton is SMPL24 else Rest(skeleton, rng.normal(0, 0.3, (55, 3)), -1.0)
    made = Motion(rng.normal(0, 0.5, (8, len(skeleton), 3)), rng.normal(0, 1, (8, 3)), 24.0, skeleton.name)
    save_bvh(made, rest, tmp_path / "a.bvh")
    read = load_motion(tmp_path / "a.bvh", rest=rest)
    assert (read.skeleton, read.fps) == (skeleton.name, 24)
    np.testing.assert_allclose(
        rest.forward(read.poses, read.trans)[0], rest.forward(made.poses, made.trans)[0], atol=1e-5
    )


def test_bundle(tmp_path: Path) -> None:
    clips = {f"set/{name}": amass(72, 5 + n) for n, name in enumerate("abc")}
    flat = {f"{name}/{key}": clip[key].astype("f2") for name, clip in clips.items() for key in ("poses", "trans")}
    np.savez(tmp_path / "bundle.npz", **flat, **{"set/b/fps": np.float32(40)}, note=np.array("ignored"))
    read = load_bundle(tmp_path / "bundle.npz", fps=30)
    assert {name: (len(clip), clip.fps) for name, clip in read.items()} == {
        "set/a": (5, 30), "set/b": (6, 40), "set/c": (7, 30),
    }  # fmt: skip
    np.testing.assert_allclose(read["set/a"].trans, clips["set/a"]["trans"], atol=2e-3)
    with pytest.raises(InputError, match="frame rate"):
        load_bundle(tmp_path / "bundle.npz")
    np.savez(tmp_path / "none.npz", poses=np.zeros((3, 72)))
    with pytest.raises(InputError, match="no clips"):
        load_bundle(tmp_path / "none.npz")


def test_dances_of_the_cmu_database(shared_data: Path) -> None:
    clips = load_bundle(shared_data / "dance" / "cmu_dance_smpl24_30fps.npz", fps=30)
    assert len(clips) > 30 and all(clip.skeleton == "smpl24" and clip.fps == 30 for clip in clips.values())
    assert sum(clip.seconds for clip in clips.values()) == pytest.approx(10.1 * 60, rel=0.1)


_FINE = {"poses": np.zeros((4, 72)), "trans": np.zeros((4, 3)), "fps": np.array(30.0)}
BROKEN = {
    "no poses": {"poses": None},
    "no trans": {"trans": None},
    "no frames": {"poses": np.zeros((0, 72)), "trans": np.zeros((0, 3))},
    "odd width": {"poses": np.zeros((4, 70))},
    "one number": {"poses": np.array(1.0)},
    "texts": {"poses": np.full((4, 72), "x")},
    "complex": {"poses": np.zeros((4, 72), complex)},
    "other length": {"trans": np.zeros((5, 3))},
    "NaN": {"poses": np.full((4, 72), np.nan)},
    "infinite": {"trans": np.full((4, 3), np.inf)},
    "fps 0": {"fps": np.array(0.0)},
    "fps of words": {"fps": np.array("fast")},
    "two fps": {"fps": np.array([30.0, 60.0])},
    "fps of objects": {"fps": np.array({"a": 1}, object)},
    "betas of words": {"betas": np.array(["a"])},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_npz_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    np.savez(path, **{key: value for key, value in {**_FINE, **BROKEN[name]}.items() if value is not None})
    with pytest.raises(InputError) as raised:
        load_motion(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npz", b""),
        ("a.npz", b"PK\x03\x04 and then nothing"),
        ("a.pkl", pickle.dumps([1, 2])),
        ("a.pkl", pickle.dumps({"smpl_poses": np.zeros((3, 70)), "smpl_trans": np.zeros((3, 3))})),
        ("a.pkl", pickle.dumps({"smpl_poses": np.zeros((3, 72)), "smpl_trans": np.zeros((2, 3))})),
        (
            "a.pkl",
            pickle.dumps(
                {"smpl_poses": np.zeros((3, 72)), "smpl_trans": np.zeros((3, 3)), "smpl_scaling": np.zeros(1)}
            ),
        ),
        ("a.json", b"{}"),
        ("a.json", b"[" * 100_000),
        ("a.json", b"\xff\xfe"),
        ("a.json", json.dumps({"bone_name": ["Pelvis"], "rotations": [], "root_positions": []}).encode()),
        ("a.bvh", b"HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 0 } MOTION Frames: 1 Frame Time: 1"),
        ("a.fbx", b"whatever"),
        ("noending", b"whatever"),
    ],
)
def test_files_that_are_no_motion_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        load_motion(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_missing_file_and_wrong_argument(tmp_path: Path) -> None:
    for ending in ("npz", "pkl", "json", "bvh"):
        with pytest.raises(InputError, match="no file"):
            load_motion(tmp_path / f"missing.{ending}")
    with pytest.raises(InputError, match="auto, y or z"):
        load_motion(tmp_path / "a.npz", up="x")
