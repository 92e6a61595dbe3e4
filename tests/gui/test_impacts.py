# SPDX-License-Identifier: GPL-3.0-or-later
"""The impacts panel in a real Blender."""

import statistics

import av
import numpy as np
import pytest

from .test_window import bring, limit, play

NOTHING = {"strips": [], "markers": 0, "events": 0, "sounds": 0, "kept": False, "folders": [], "hidden": []}
STRIPS = ["All impacts", "Floor impacts", "Other impacts", "Second impacts", "Thing impacts"]


def silent_film(path):
    """Two seconds of a light square that falls, stops, and falls again."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 128, 96, "yuv420p", 2_000_000
        for frame in range(60):
            picture = np.full((96, 128, 3), 90, np.uint8)
            top = min(4 * (frame % 30), 60)
            picture[top : top + 24, 40:64] = 230
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


@pytest.fixture(scope="module")
def impacts(extension, song, tmp_path_factory):
    pytest.importorskip("torch", reason="the models need it, which this Python lacks")
    folder = tmp_path_factory.mktemp("impacts")
    silent_film(folder / "shot.mp4")
    facts = play("impact_scenarios.impacts", *bring(folder, extension, song))
    if facts["refused"]:
        assert "was built without sound; use one from blender.org" in facts["refused"]
        pytest.skip("this Blender was built without sound, and the button says so")
    return facts


def test_escape_in_the_middle_leaves_nothing(impacts):
    assert impacts["after_esc"][:2] == [NOTHING, NOTHING]
    assert max(impacts["esc_seconds"]) < limit(1.0)


def test_a_click_puts_sounds_and_markers_into_the_scene(impacts):
    baked = impacts["baked"]
    assert baked["strips"] == STRIPS and baked["folders"] == ["impacts-1"]
    assert baked["markers"] == baked["events"] == len(impacts["labels"]) >= 2
    assert {name.split()[0] for name, *_ in impacts["labels"]} == {"Thing", "Other"}
    assert impacts["same_file"] and "dB SPL" in impacts["found"]


def test_the_window_stays_alive_meanwhile(impacts):
    gaps = impacts["gaps"]
    print(
        f"Bake Impact Audio: {impacts['seconds']:.1f} s, {len(gaps)} turns of the main loop, median "
        f"{statistics.median(gaps) * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms"
    )
    assert statistics.median(gaps) < limit(0.03)


def test_one_undo_removes_all_of_it(impacts):
    left = impacts["after_undo"]
    assert {**left, "folders": [], "sounds": 0} == NOTHING and impacts["same_places"]
    assert impacts["after_redo"] == impacts["baked"]


def test_a_changed_event_is_made_anew_alone(impacts):
    first, changed, muted, undone = impacts["stems"]
    for name in ("Thing", "Floor"):
        assert first[name] == changed[name] == muted[name], "not touched"
    for name in ("Other", "Second"):
        assert first[name][1] != changed[name][1], "another sound"
        assert name not in muted, "silent"
    assert undone == changed
    assert impacts["changed"]["strips"] == STRIPS
    assert impacts["muted"]["strips"] == ["All impacts", "Floor impacts", "Thing impacts"]
    assert impacts["changed"]["markers"] == impacts["baked"]["markers"] == impacts["muted"]["markers"] + 1


def test_escape_while_an_event_is_made_anew_leaves_what_was_there(impacts):
    assert impacts["after_esc"][2] == impacts["baked"]


def test_a_film_is_heard_by_a_click_and_escape_leaves_nothing(impacts):
    before, after_esc, heard, undone = impacts["film"]
    assert before["files"] == [] and not before["kept"]
    assert after_esc == before
    assert heard["strips"] == ["shot impacts"] and heard["kept"] and heard["files"] == ["heard.json", "heard.wav"]
    assert impacts["film_frames"] == [pytest.approx(2 * impacts["rate"], abs=1)]
    count = int(heard["found"].split()[0])
    assert heard["markers"] - before["markers"] == count > 0
    assert {**undone, "files": []} == before, "one undo takes it off; the files stay for a redo"
