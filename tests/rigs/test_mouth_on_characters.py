# SPDX-License-Identifier: GPL-3.0-or-later
"""What the curves do to the default characters' own lips and teeth, measured on their vertices."""

import io

import numpy as np
import pytest
from avanim.rigs.articulation import MouthSettings, articulate
from avanim.rigs.characters import CHARACTERS, load_character
from avanim.rigs.characters.surface import triangles
from avanim.rigs.emotion import EMOTIONS, combine, express
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52
from PIL import Image

from .test_articulation import spoken

MM = 1000.0


class Lips:
    """Of one character the lips' inner rims in the middle of the mouth, and the edge of the upper teeth."""

    def __init__(self, name):
        try:
            character = load_character(name)
        except InputError as error:
            pytest.skip(str(error))
        body, self.materials = character.meshes[0], character.materials
        self.vertices = np.asarray(body.vertices, float)
        self.morphs = np.stack([body.morphs[shape] for shape in ARKIT_52]).astype(float)
        jaw = self.morphs[ARKIT_52.index("jawOpen")][:, 1]
        owner = np.zeros(len(self.vertices), int)
        first = np.r_[0, np.cumsum(body.polygon_sizes)[:-1]]
        for polygon, (start, size) in enumerate(zip(first, body.polygon_sizes, strict=True)):
            owner[body.polygon_vertices[start : start + size]] = body.polygon_materials[polygon]
        skin, teeth = (owner == body.materials.index(part) for part in ("skin", "teeth"))
        x, y, z = self.vertices.T
        upper_teeth = teeth & (np.abs(jaw) < 1e-4) & (np.abs(x) < 0.008)
        front = z[upper_teeth].max()
        # The rims: skin before the teeth, in the middle; what the jaw takes along is the lower lip.
        middle = skin & (np.abs(x) < 0.006) & (z > front + 0.003) & (np.abs(y - y[upper_teeth].min()) < 0.012)
        self.upper = np.flatnonzero(middle & (np.abs(jaw) < 0.004))
        self.lower = np.flatnonzero(middle & (jaw < -0.025))
        self.teeth = np.flatnonzero(upper_teeth)
        self.lower_teeth = np.flatnonzero(teeth & (jaw < -0.003) & (np.abs(x) < 0.008))
        # Towards the corners the jaw takes the upper lip along too, less far than the lower one.
        rim = skin & (np.abs(y - y[self.lower].max()) < 0.005) & (z > z[self.lower].max() - 0.016)
        both = -0.0055 - 0.0085 * (x / 0.025) ** 2
        aside = rim & (np.abs(x) > 0.015) & (np.abs(x) < 0.021)
        self.beside = np.flatnonzero(aside & (jaw > both)), np.flatnonzero(aside & (jaw <= both))
        self.of_teeth = [
            body.polygon_vertices[start : start + size]
            for start, size, material in zip(first, body.polygon_sizes, body.polygon_materials, strict=True)
            if body.materials[material] == "teeth"
        ]

        # The corners, and what a look into the mouth can meet.
        seam = self.vertices[self.lower, 1].max()
        depth = z[upper_teeth].max() - z
        self.corners = np.flatnonzero(
            skin & (np.abs(y - seam) < 0.003) & (np.abs(np.abs(x) - 0.0255) < 0.0015) & (depth < 0.006)
        )
        near = (np.abs(x) < 0.06) & (np.abs(y - seam) < 0.07) & (depth < 0.075)
        polygons = np.split(body.polygon_vertices, first[1:])
        chosen = [p for p, polygon in enumerate(polygons) if near[polygon].all()]
        self.tris = triangles([polygons[p].tolist() for p in chosen])
        self.of_tris = np.repeat(
            np.array(body.materials)[body.polygon_materials[chosen]], body.polygon_sizes[chosen] - 2
        )
        self.depth = np.maximum(depth, 0)
        self.seam = np.array([0, seam, z[self.lower].max()])
        # How light a tooth's vertex is beside a front tooth.
        row = np.full(2, 255.0)
        if self.materials["teeth"].image:
            with Image.open(io.BytesIO(self.materials["teeth"].image)) as picture:
                row = np.asarray(picture.convert("L"), float)[0]
        self.light = np.zeros(len(x))
        columns = np.clip(body.corner_uvs[:, 0] * len(row), 0, len(row) - 1).astype(int)
        self.light[body.polygon_vertices] = (row[columns] / 255) ** 2.2 / (row[0] / 255) ** 2.2

    def width(self, weights):
        """Of the mouth from corner to corner, as a share of that at rest."""
        posed = np.abs(self._posed(weights)[self.corners, 0])
        return posed.mean() / np.abs(self.vertices[self.corners, 0]).mean()

    def seen(self, weights, turn, pitch=0.0):
        """The triangle (-1 for none) that rays 1.5 mm apart meet first; `turn` and `pitch` of the camera in degrees."""
        shown = self._posed(weights)
        turn, pitch = np.radians([turn, pitch])
        back = np.array([np.sin(turn) * np.cos(pitch), np.sin(pitch), np.cos(turn) * np.cos(pitch)])
        right = np.array([np.cos(turn), 0, -np.sin(turn)])
        up = np.cross(back, right)
        flat = (shown - self.seam) @ np.stack([right, up, back], 1)
        a, b, c = (flat[self.tris[:, k]] for k in range(3))
        u, v = (b - a)[:, :2], (c - a)[:, :2]
        area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        area = np.where(np.abs(area) < 1e-12, np.nan, area)
        met = []
        for height in np.arange(-0.030, 0.012, 0.0015):
            for place in np.arange(-0.032, 0.033, 0.0015):
                w = np.array([place, height]) - a[:, :2]
                s = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / area
                t = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0]) / area
                hit = np.flatnonzero((s >= 0) & (t >= 0) & (s + t <= 1))
                near = a[hit, 2] + s[hit] * (b - a)[hit, 2] + t[hit] * (c - a)[hit, 2]
                met.append(hit[near.argmax()] if len(hit) else -1)
        return np.array(met)

    def parted(self, weights):
        """mm from the upper edge of the lower lip up to the lower edge of the upper lip; below 0 they overlap."""
        shown = self._posed(weights)
        return (shown[self.upper, 1].min() - shown[self.lower, 1].max()) * MM

    def below_teeth(self, weights):
        """mm from the upper edge of the lower lip up to the edge of the upper teeth; below 0 it covers them."""
        shown = self._posed(weights)
        return (shown[self.teeth, 1].min() - shown[self.lower, 1].max()) * MM

    def teeth_shown(self, weights):
        """mm of the upper teeth below the upper lip, and of the lower teeth above the lower lip."""
        shown = self._posed(weights)[:, 1] * MM
        upper = shown[self.upper].min() - shown[self.teeth].min()
        return upper, shown[self.lower_teeth].max() - shown[self.lower].max()

    def _posed(self, weights):
        return self.vertices + np.einsum("k,kvc->vc", weights, self.morphs)


@pytest.fixture(scope="module", params=CHARACTERS)
def lips(request):
    return Lips(request.param)


@pytest.mark.parametrize("wishes", [MouthSettings(), MouthSettings(closure=0.0), MouthSettings(jaw=2.0, lips=2.0)])
def test_lips_meet_in_every_closure(lips, wishes):
    rest = lips.parted(np.zeros(52))
    phones = spoken("aa p o b i m u p ae m", 0.1)
    weights = articulate(phones, 1.6, 24, settings=wishes)
    gaps = np.array([lips.parted(frame) for frame in weights])
    for place in (1, 3, 5, 7, 9):
        start = 0.3 + 0.1 * place
        at = slice(int(start * 24), int((start + 0.1) * 24) + 1)
        assert gaps[at].min() < rest - 0.1, f"closure {place}: {gaps[at].min():.2f} mm apart"
    assert gaps.max() > 5.0, "between closures the mouth is open"


def test_emotions_leave_the_lips_together(lips):
    rest = lips.parted(np.zeros(52))
    phones = spoken("a m a p i b", 0.12)
    mouth = articulate(phones, 1.4, 30)
    closed = [round((0.3 + 0.12 * place + 0.045) * 30) for place in (1, 3, 5)]
    for name in EMOTIONS:
        whole = combine(mouth, None, express([(0, {name: 1.0})], 1.4, 30), phones=phones, fps=30)
        assert max(lips.parted(whole[frame]) for frame in closed) < rest + 0.3, name


def test_f_and_v_show_the_lip_on_the_edge_of_the_teeth(lips):
    phones = spoken("a f o v i", 0.12)
    weights = articulate(phones, 1.2, 50)
    for place in (1, 3):
        frame = weights[round((0.3 + 0.12 * place + 0.06) * 50)]
        assert -3.0 < lips.below_teeth(frame) < 0.2, "the lip reaches the edge of the teeth"
        assert lips.parted(frame) > 1.0, "the teeth are seen above it"
    assert lips.below_teeth(weights[round(0.36 * 50)]) > 1.5, "in a vowel it does not"


def test_the_teeth_stay_in_sight_in_s(lips):
    phones = spoken("a s i", 0.15)
    frame = articulate(phones, 1.2, 50)[round(0.525 * 50)]
    assert lips.parted(frame) > 1.0 and frame[ARKIT_52.index("jawOpen")] <= 0.08


@pytest.mark.parametrize("vowel", ["a", "aa", "eh", "ae", "ao", "o", "@"])
def test_open_vowels_show_the_upper_teeth_more_than_the_lower(lips, vowel):
    frame = articulate(spoken(vowel, 0.3), 0.9, 100)[45]
    upper, lower = lips.teeth_shown(frame)
    assert 1.5 < upper < 5.0 and lower < 1.0, (upper, lower)


def test_lips_at_rest_meet_up_to_their_corners(lips):
    upper, lower = (lips.vertices[ids, 1] for ids in lips.beside)
    assert len(upper) > 4 and len(lower) > 4
    assert (upper.min() - lower.max()) * MM < 0.0


def test_teeth_keep_their_edges_when_they_are_smoothed(lips):
    """A band that is folded at the edge loses millimetres of it to a subdivision surface, and with them the teeth."""
    centres = {int(v): [] for polygon in lips.of_teeth for v in polygon}
    for polygon in lips.of_teeth:
        for vertex in polygon:
            centres[int(vertex)].append(lips.vertices[polygon, 1].mean())
    edge = lips.vertices[lips.teeth, 1].min()
    at_edge = [v for v in lips.teeth if lips.vertices[v, 1] < edge + 0.0005]
    assert at_edge and max(np.mean(centres[v]) - lips.vertices[v, 1] for v in at_edge) * MM < 1.2


def pose(**weights):
    return np.array([weights.get(shape.removesuffix("Left").removesuffix("Right"), 0.0) for shape in ARKIT_52])


@pytest.mark.parametrize("jaw", [0.3, 0.5])
@pytest.mark.parametrize(("turn", "pitch"), [(14, 0), (-14, 0), (14, 5), (35, 0), (-35, 5)])
def test_no_molar_shines_in_the_corner_of_an_open_mouth(lips, jaw, turn, pitch):
    """Past the far corner one looks at the lower molars: they are below the lip, or from above in the dark."""
    met = lips.seen(pose(jawOpen=jaw), turn, pitch)
    met = met[met >= 0]
    inside = met[lips.of_tris[met] != "skin"]
    teeth = inside[lips.of_tris[inside] == "teeth"]
    far_back = teeth[lips.depth[lips.tris[teeth]].mean(1) > 0.022]
    assert len(inside) > 20 and len(teeth) > 5, "one looks into the mouth"
    bright = lips.light[lips.tris[far_back]].mean(1) > 0.3
    assert not bright.any(), f"{bright.sum()} of {len(inside)} rays meet a molar as light as front teeth"
    if (abs(turn), pitch) == (14, 0):
        assert len(far_back) < 0.02 * len(inside), f"{len(far_back)} of {len(inside)} rays meet molars"


def test_front_teeth_are_light(lips):
    assert lips.light[lips.teeth].min() > 0.9


@pytest.mark.parametrize(
    ("shape", "least", "most"),
    [
        (pose(jawOpen=0.25, mouthFunnel=0.6), 0.72, 0.84),
        (pose(jawOpen=0.08, mouthPucker=0.9), 0.60, 0.75),
        (pose(jawOpen=0.4), 0.94, 1.0),
    ],
)
def test_rounded_lips_are_narrow(lips, shape, least, most):
    assert least < lips.width(shape) < most


@pytest.mark.parametrize(
    ("vowel", "least", "most"), [("u", 0.62, 0.76), ("o", 0.72, 0.84), ("a", 0.93, 1.01), ("i", 1.0, 1.3)]
)
def test_vowels_have_the_width_that_tells_them_apart(lips, vowel, least, most):
    frame = articulate(spoken(vowel, 0.3), 0.9, 100)[45]
    assert least < lips.width(frame) < most


@pytest.mark.parametrize("turn", [0, 35, -35])
def test_teeth_stay_behind_puckered_lips(lips, turn):
    for shape in (pose(mouthPucker=1.0), pose(mouthPucker=0.6, jawOpen=0.1, mouthClose=0.1)):
        met = lips.seen(shape, turn)
        assert set(lips.of_tris[met[met >= 0]]) == {"skin"}
