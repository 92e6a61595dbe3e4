# SPDX-License-Identifier: GPL-3.0-or-later
"""The Retarget panel in a real Blender, on an imported rig. Set AVANIM_GUI_ROOT, see make_blender.sh."""

import statistics

import numpy as np
import pytest
from avanim.rigs.characters.makehuman import find_data
from avanim.rigs.errors import InputError

from .run_blender import ROOT
from .test_window import bring, limit, play


@pytest.fixture(scope="module")
def rig(extension, song, tmp_path_factory):
    return play("retarget_scenarios.retarget", *bring(tmp_path_factory.mktemp("rig"), extension, song))


def test_a_click_maps_the_bones_of_an_imported_rig(rig):
    assert rig["convention"] == "mixamo"
    assert rig["rows"]["left_hip"] == ["mixamorig:LeftUpLeg", 0.97]
    assert min(score for bone, score in rig["rows"].values() if bone) > 0.9


def test_an_edited_table_is_saved_and_loaded(rig):
    assert rig["scheme"] == "mixamorig:LeftToeBase" and rig["emptied"] and rig["loaded"]


def test_the_face_is_mapped_with_a_gain_per_key(rig):
    assert "viseme_PP" in rig["face"] and rig["gain"] == 0.5


def test_a_dance_moves_the_rig_and_one_undo_removes_it(rig):
    assert np.ptp(rig["hand"], axis=0).max() > 0.1
    assert rig["after_undo"] == [[], True, 0]


def test_the_window_stays_alive_meanwhile(rig):
    gaps = rig["gaps"]
    print(f"a dance: {rig['seconds']:.1f} s, median {statistics.median(gaps) * 1e3:.0f} ms, longest {max(gaps):.2f} s")
    assert statistics.median(gaps) < limit(0.03)


def test_escape_leaves_nothing(extension, long_song, tmp_path):
    facts = play("retarget_scenarios.escape", *bring(tmp_path, extension, long_song))
    print(f"ESC: {facts['seconds']:.1f} s")
    assert facts["state_before"] == "running"
    assert facts["state"] == "cancelled" and facts["left"] == [[], 0]


def test_a_take_of_a_character_is_carried_over(rig):
    assert rig["carried"] == ["still.001"]


def test_a_face_of_visemes_speaks_by_a_click(extension, speech, tmp_path):
    facts = play("retarget_scenarios.speak", *bring(tmp_path, extension, speech))
    shown = np.array(facts["shown"])
    assert (np.ptp(shown, axis=0) > 0.2).sum() >= 4, "few of the seven visemes move"
    closed = [time for time, label in facts["phonemes"] if label in ("p", "b", "m")]
    assert closed
    for time in closed:
        frame = round(time * facts["rate"])
        assert shown[frame : frame + 4, 0].max() > 0.5, f"the lips stay open in the closure at {time:.2f} s"
    assert facts["after_undo"] == []


def test_faces_of_keys_of_a_jaw_and_of_controls_speak_by_a_click(extension, speech, tmp_path):
    try:
        human = find_data()
    except InputError as error:
        pytest.skip(str(error))
    # Vertices of the lips' inner rims, in the middle of the mouth, as in tests/addon/test_speaking_rigs.py.
    more = {"human": str(human), "rigs": str(ROOT / "tests" / "addon"), "rims": [[474, 520], [493, 523]]}
    facts = play("retarget_scenarios.speak_faces", *bring(tmp_path, extension, speech), **more)
    for kind in ("arkit", "jaw", "rigify"):
        gaps, rate = np.array(facts[kind]["gaps"]), facts[kind]["rate"]
        closed = [round(time * rate) for time, label in facts[kind]["phonemes"] if label in ("p", "b", "m")]
        shut = [gaps[frame : frame + 4].min() for frame in closed]
        print(f"{kind}: open by {gaps.max():.1f} mm, in {len(closed)} closures at most {max(shut):.1f} mm")
        assert closed and max(shut) < 1.3 and gaps.max() > 6
        assert facts[kind]["after_undo"] == []
