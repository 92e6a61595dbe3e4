# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces that are moved by controls: which bone is which point, and how far it goes."""

import numpy as np
import pytest
from avanim.rigs.face import ARKIT_52
from avanim.rigs.face_controls import recognised_controls, travel

OLD = ["jaw_master", "lip.T", "lip.B", "lips.L", "lips.R", "eyes", "master_eye.L", "master_eye.R"]
OLD += [f"brow.T.{side}.003" for side in "LR"] + [
    f"lid.{lid}.{side}.{n:03d}" for lid in "TB" for side in "LR" for n in (1, 2, 3)
]


def places_of(bones):
    """A face of twice the size that the points were measured on."""
    places = {bone: np.zeros(3) for bone in bones}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        places[f"lips.{side}"] = np.array([sign * 0.051, 0, 0])
        places[f"master_eye.{side}"] = np.array([sign * 0.062, 0.1, 0])
        for number in (1, 2, 3):
            for lid, height in (("T", 0.11), ("B", 0.09)):
                places[f"lid.{lid}.{side}.{number:03d}"] = np.array([sign * (0.04 + 0.01 * number), height, 0])
    return places


def test_either_of_rigify_s_faces_is_known():
    old = recognised_controls(OLD)
    assert old.aim == "eyes" and old.eyes == {"left": "master_eye.L", "right": "master_eye.R"} and old.lock
    assert old.points["left_corner"] == "lips.L" and "left_lip_top_side" not in old.points
    new = recognised_controls(["jaw_master", "lip.T", "lip.B", "lip_end.L.001", "eye_common"])
    assert new.aim == "eye_common" and new.points["left_corner"] == "lip_end.L.001" and not new.lids_top
    assert recognised_controls(["jaw", "Head"]) is None


def test_points_go_as_far_as_the_face_is_large_and_mirrored():
    ways = travel(recognised_controls(OLD), places_of(OLD))
    smile = ways["lips.L"][ARKIT_52.index("mouthSmileLeft")]
    # Measured: 7.6 mm to the side and 13 mm up, on a mouth of 51 mm; here it is 102 mm wide.
    assert smile == pytest.approx([0.0152, 0.026, -0.0114], abs=3e-4)
    assert ways["lips.R"][ARKIT_52.index("mouthSmileRight")] == pytest.approx(smile * [-1, 1, 1])
    assert not ways["lips.R"][ARKIT_52.index("jawOpen")].any()
    brow = ways["brow.T.L.003"][ARKIT_52.index("browInnerUp")]
    assert brow[1] == pytest.approx(0.0104, abs=3e-4)


def test_lids_meet_in_a_blink():
    places = places_of(OLD)
    ways, blink = travel(recognised_controls(OLD), places), ARKIT_52.index("eyeBlinkLeft")
    top, bottom = (places[bone] + ways[bone][blink] for bone in ("lid.T.L.002", "lid.B.L.002"))
    assert top == pytest.approx(bottom, abs=1e-9)
    assert not ways["lid.T.R.002"][blink].any()


def test_groups_do_not_share_controls():
    groups = recognised_controls(OLD).regions
    bones = [bone for group in groups for bone in group]
    assert sorted(bones) == sorted(set(bones)) == sorted(recognised_controls(OLD).bones)
