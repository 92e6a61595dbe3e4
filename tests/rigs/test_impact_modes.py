# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes of vibration against theory, and meshes of every kind on the way there."""

from dataclasses import replace

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.impact import meshing, modes, shell
from avanim.rigs.impact.materials import MATERIALS, guessed, material
from avanim.rigs.impact.shapes import box, disc, tube

STEEL, GLASS = MATERIALS["steel"], MATERIALS["glass"]


@pytest.fixture(scope="module")
def plate():
    return modes.analyse(*disc(0.1), replace(GLASS, poisson=0.33), 0.003)


def test_a_free_disc_rings_as_theory_says(plate):
    """Leissa 1969, free circular plate at Poisson's ratio 0.33: 5.253, 9.084 and 12.23."""
    stiffness = GLASS.young * 0.003**3 / 12 / (1 - 0.33**2)
    wanted = np.array([5.253, 9.084, 12.23]) / (2 * np.pi * 0.1**2) * np.sqrt(stiffness / GLASS.density / 0.003)
    found = [plate.frequencies[0], plate.frequencies[2], plate.frequencies[3]]
    assert found == pytest.approx(wanted, rel=0.02)
    # Twins by symmetry; and no turn about the normal sounds as if it were a mode.
    assert plate.frequencies[1] == pytest.approx(plate.frequencies[0], rel=0.005)
    assert (
        np.abs(plate.frequencies - plate.frequencies[2]).argsort()[1] and plate.frequencies[4] > 1.3 * wanted[1] * 0.99
    )
    assert plate.mass == pytest.approx(GLASS.density * np.pi * 0.1**2 * 0.003, rel=0.02)


def test_a_free_bar_rings_as_theory_says():
    """Euler-Bernoulli, free ends: 4.7300, 7.8532; thin enough that shear does not count."""
    bar = modes.analyse(*box(0.3, 0.01, 0.01), STEEL)
    wanted = (
        np.array([4.7300, 7.8532]) ** 2 / (2 * np.pi * 0.3**2) * np.sqrt(STEEL.young * 0.01**2 / 12 / STEEL.density)
    )
    assert bar.kind == "solid"
    assert bar.frequencies[:4] == pytest.approx(np.repeat(wanted, 2), rel=0.02)
    assert bar.mass == pytest.approx(0.3 * 0.01 * 0.01 * STEEL.density, rel=1e-6)


def test_a_free_tube_rings_as_theory_says():
    """Rayleigh's inextensional modes of a cylinder, two to four waves around."""
    made = modes.analyse(*tube(0.1, 0.3), STEEL, 0.004)
    n = np.array([2, 3, 4])
    wanted = n * (n**2 - 1) / np.sqrt(n**2 + 1) / (2 * np.pi * 0.1**2)
    wanted = wanted * np.sqrt(STEEL.young * 0.004**2 / 12 / STEEL.density / (1 - STEEL.poisson**2))
    for frequency in wanted:
        assert np.abs(made.frequencies / frequency - 1).min() < 0.02


def test_modes_are_mass_normalised(plate):
    """The mean square of a shape times the mass is one, where the mass is spread evenly."""
    assert len(plate) == modes.COUNT and (np.diff(plate.frequencies) >= 0).all()
    share = (plate.shapes**2).sum(-1).mean(1) * plate.mass
    assert share[:20] == pytest.approx(np.ones(20), rel=0.35)


def test_what_is_made_larger_rings_lower():
    half, whole = modes.analyse(*box(0.1, 0.1, 0.1), STEEL), modes.analyse(*box(0.2, 0.2, 0.2), STEEL)
    scaled = half.scaled(2)
    assert whole.frequencies[: len(scaled)][:5] == pytest.approx(scaled.frequencies[:5], rel=1e-3)
    assert scaled.mass == pytest.approx(whole.mass)
    assert np.abs(scaled.shapes[0]).max() == pytest.approx(np.abs(whole.shapes[0]).max(), rel=0.2)


def test_a_hollow_cup_is_walls_and_a_cube_is_solid():
    outer, inner = tube(0.05, 0.1), tube(0.047, 0.1)
    count = len(outer[0])
    here, after = np.arange(32), (np.arange(32) + 1) % 32
    rims = []
    for a, b in ((after, here), (here + count - 32, after + count - 32)):
        rims += [np.stack([a, b, b + count], 1), np.stack([a, b + count, a + count], 1)]
    vertices = np.concatenate([outer[0], inner[0]])
    faces = np.concatenate([outer[1], inner[1][:, ::-1] + count, *rims])
    vertices, faces = meshing.cleaned(vertices, faces)
    measures = meshing.measure(vertices, faces)
    assert measures.closed and not modes.is_solid(measures, None)
    wall, walled = modes.wall_of(measures, STEEL, None)
    assert walled and wall == pytest.approx(0.003, rel=0.1)
    middle, _ = meshing.middle_surface(vertices, faces, wall)
    assert len(middle) < 0.6 * len(vertices), "both faces of the wall become one"
    assert modes.is_solid(meshing.measure(*meshing.cleaned(*box(1, 1, 1))), None)


def test_the_cache_gives_the_same_and_mends_itself(tmp_path):
    mesh = disc(0.1, 16, 4)
    made = modes.cached(tmp_path, *mesh, GLASS, 0.003, count=8)
    (file,) = tmp_path.glob("*.npz")
    moved = modes.cached(tmp_path, mesh[0] + 1, mesh[1], GLASS, 0.003, count=8)
    assert len(list(tmp_path.glob("*.npz"))) == 1, "where it stands does not matter"
    assert moved.frequencies == pytest.approx(made.frequencies)
    assert moved.positions == pytest.approx(made.positions + 1)
    file.write_bytes(b"no")
    assert modes.cached(tmp_path, *mesh, GLASS, 0.003, count=8).frequencies == pytest.approx(made.frequencies)
    modes.cached(tmp_path, *mesh, STEEL, 0.003, count=8)
    assert len(list(tmp_path.glob("*.npz"))) == 2


@pytest.mark.parametrize(
    ("vertices", "faces", "word"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "no faces"),
        (np.zeros((3, 3)), [[0, 1, 2]], "no extent"),
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], "no face with an area"),
        ([[0, 0, np.nan], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], "not numbers"),
    ],
)
def test_what_cannot_ring_says_so(vertices, faces, word):
    with pytest.raises(InputError, match=word):
        modes.analyse(np.array(vertices), np.array(faces), STEEL)


def test_non_manifold_and_scattered_meshes_ring():
    # Three leaves on one edge, a double face, and a piece that hangs together with nothing.
    places = [[0, 0, 0], [0, 0, 1], [1, 0, 0], [-1, 0.3, 0], [0.2, 1, 0], [5, 5, 5], [5, 6, 5], [6, 5, 5]]
    vertices = 0.1 * np.array(places)
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4], [2, 1, 0], [5, 6, 7]])
    made = modes.analyse(vertices, faces, GLASS, count=10, detail=0.3)
    assert len(made) and np.isfinite(made.shapes).all()


def test_a_mesh_of_very_many_vertices_is_thinned():
    x, y = np.meshgrid(np.linspace(0, 0.2, 500), np.linspace(0, 0.2, 500))
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    cell = (np.arange(499)[:, None] * 500 + np.arange(499)).reshape(-1)
    faces = np.concatenate([np.stack([cell, cell + 1, cell + 501], 1), np.stack([cell, cell + 501, cell + 500], 1)])
    thin, _ = meshing.even_shell(*meshing.cleaned(vertices, faces))
    assert len(thin) <= meshing.MOST_VERTICES and np.ptp(thin, axis=0)[:2] == pytest.approx([0.2, 0.2])


def test_rigid_movements_cost_nothing():
    vertices, faces = tube(0.1, 0.2, 12, 4)
    k, _ = shell.shell_matrices(vertices, faces, STEEL, 0.004)
    turn = np.array([0.3, -0.5, 0.8])
    moved = np.concatenate([np.cross(turn, vertices) + 0.3, np.tile(turn, (len(vertices), 1))], 1).ravel()
    assert np.abs(k @ moved).max() < 1e-9 * np.abs(k).max() * np.abs(moved).max()


def test_materials():
    assert {"steel", "iron", "aluminium", "glass", "ceramic", "wood", "plastic", "polycarbonate", "stone", "rubber",
            "cardboard"} <= MATERIALS.keys()  # fmt: skip
    assert guessed("Old oak table") == "wood" and guessed("Cube.003") == "wood" and guessed("wine bottle") == "glass"
    with pytest.raises(InputError, match="no material 'cheese'"):
        material("cheese")
    with pytest.raises(InputError, match="loss must lie between"):
        STEEL.with_values(loss=-1)
    with pytest.raises(InputError):
        STEEL.with_values(colour=1)
