# SPDX-License-Identifier: GPL-3.0-or-later
"""GrooveNet live in a real Blender: the timeline plays, the character dances, nothing is keyed until it is recorded."""

import numpy as np

from .test_window import bring, play


def test_89_a_character_dances_live_and_is_recorded(extension, song, tmp_path):
    facts = play("live_scenarios.live", *bring(tmp_path, extension, song))
    assert facts["began"] == ["RUNNING_MODAL"] and facts["listed"] == [f"Live to {song.stem}"]
    frames, poses = zip(*facts["poses"], strict=True)
    assert frames[-1] > frames[0], "the timeline played"
    assert np.ptp(np.array(poses), axis=0).max() > 0.05, "the arm moved"
    assert facts["keys_meanwhile"] == 0 and not facts["playing_after"]
    (take,) = facts["takes"]
    assert take == f"{song.stem} live 1"
    start, count = facts["take"]
    assert start == 1 and count >= frames[-1] - 1
    assert facts["handlers"] == 0
