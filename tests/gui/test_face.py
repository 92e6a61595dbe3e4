# SPDX-License-Identifier: GPL-3.0-or-later
"""The face panel in a real Blender."""

import statistics

from .test_window import bring, limit, play


def test_a_face_is_generated_and_a_renamed_phoneme_solved_again(extension, speech, tmp_path):
    facts = play("face_scenarios.face", *bring(tmp_path, extension, speech))
    assert facts["buttons"] == ["avanim.generate_face"]
    assert facts["jaw"][0] < 0.1 and facts["jaw"][1] > 0.15
    assert facts["markers"] > 10
    first, solved = facts["takes"]
    assert solved == f"{first} re-solved" and facts["muted"] and facts["shown"]
    assert facts["after_undo"] == [first]
    gaps = facts["gaps"]
    print(
        f"a face: {facts['seconds']:.1f} s, {len(gaps)} turns of the main loop, median "
        f"{statistics.median(gaps) * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms; Re-solve "
        f"{facts['resolve_seconds'] * 1e3:.0f} ms"
    )
    assert statistics.median(gaps) < limit(0.03)
