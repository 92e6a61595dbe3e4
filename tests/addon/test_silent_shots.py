# SPDX-License-Identifier: GPL-3.0-or-later
"""Visually Indicated Sounds [80] and our own way, with the trained networks, on shots that are rendered here.

Shapes and textures are those that no training clip has. The networks get a film, and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")
pytest.importorskip("torch", reason="the models need it, which this Python lacks")

from avanim.avanim_addon.scene.impact_clips import make_clip  # noqa: E402
from avanim.models.impact.shots import FPS, Clip, load_clip  # noqa: E402
from avanim.models.tasks import run  # noqa: E402
from avanim.rigs.impact.events import Events  # noqa: E402
from avanim.rigs.job import Job  # noqa: E402

METHODS = ("foley", "indicated")
# Scenes in which each holds; docs/impacts.md says how often that is so. Seed, material, kind.
SHOTS = {
    "steel": (20261, "steel", "fall"), "cardboard": (20261, "cardboard", "fall"), "slide": (20261, "steel", "slide"),
    "float": (20261, "steel", "float"), "other steel": (20260, "steel", "fall"),
    "other slide": (20260, "steel", "slide"),
}  # fmt: skip


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Clip, Path]]:
    """A cone falls: of steel and, all else alike, of cardboard; of steel it slides, and floats."""
    folder = tmp_path_factory.mktemp("shots")
    made = {}
    for name, (seed, material, kind) in SHOTS.items():
        make_clip(folder / f"{name}.npz", seed, unseen=True, shape="cone", material=material, kind=kind, bodies=1)
        clip = load_clip(folder / f"{name}.npz")
        with av.open(str(folder / f"{name}.mp4"), "w") as out:
            stream = out.add_stream("mpeg4", rate=FPS)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 384, 288, "yuv420p", 6_000_000
            for picture in clip.frames[:, 12:84]:
                large = np.ascontiguousarray(picture.repeat(4, 0).repeat(4, 1))
                out.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
            out.mux(stream.encode())
        made[name] = clip, folder / f"{name}.mp4"
    return made


def heard(film: Path, method: str) -> tuple[Events, np.ndarray]:
    wav, listed = film.with_suffix(f".{method}.wav"), film.with_suffix(f".{method}.json")
    run(Job("foley", str(film), {"method": method, "events": str(listed)}, str(wav)))
    return Events.load(listed), soundfile.read(wav)[0]


def most(events: Events, what: str) -> str:
    names = [event.materials[0] if what == "material" else event.kind for event in events]
    return max(sorted(set(names)), key=names.count)


@pytest.mark.parametrize("method", METHODS)
def test_80_the_same_mesh_of_another_material_is_of_another_class(shots, method) -> None:
    steel, cardboard = (heard(shots[name][1], method) for name in ("steel", "cardboard"))
    assert most(steel[0], "material") != most(cardboard[0], "material")

    def late(samples: np.ndarray, events: Events) -> float:
        """Of the sound's energy from the first blow on, the share after 0.15 s."""
        begin = round((events.items[0].time + 0.15) * 48000)
        return float((samples[begin:] ** 2).sum() / (samples**2).sum())

    assert late(steel[1], steel[0]) > late(cardboard[1], cardboard[0])


@pytest.mark.parametrize(("method", "which"), [("foley", ""), ("indicated", "other ")])
def test_80_a_hit_and_a_scratch_of_the_same_material_are_told_apart(shots, method, which) -> None:
    hit, slide = (heard(shots[which + name][1], method)[0] for name in ("steel", "slide"))
    assert most(hit, "kind") == "hit" and most(slide, "kind") == "scrape"


@pytest.mark.parametrize(
    ("method", "names"), [("foley", ("steel", "cardboard", "other steel")), ("indicated", ("other steel",))]
)
def test_80_the_first_blow_is_heard_within_a_frame(shots, method, names) -> None:
    for name in names:
        clip, film = shots[name]
        events, samples = heard(film, method)
        first = next(event.time for event in events if event.kind == "hit")
        assert first == pytest.approx(clip.times[0], abs=1 / FPS)
        loud = np.flatnonzero(np.abs(samples) > 0.1 * np.abs(samples).max())[0] / 48000
        assert loud == pytest.approx(clip.times[0], abs=1.5 / FPS)


@pytest.mark.parametrize("method", METHODS)
def test_80_what_touches_nothing_makes_no_sound(shots, method) -> None:
    clip, film = shots["float"]
    assert not len(clip.times)
    events, samples = heard(film, method)
    assert not len(events) and not samples.any()
