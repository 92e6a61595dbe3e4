# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons below the list of takes, pressed in a real Blender."""

import statistics

from .test_window import bring, limit, play


def test_another_seed_a_part_anew_and_moved_beats_by_real_clicks(extension, song, tmp_path):
    facts = play("take_scenarios.takes", *bring(tmp_path, extension, song))
    first, other, part, retimed = facts["takes"]
    assert len({first, other, part, retimed}) == 4
    assert part.startswith(f"{first} part ") and retimed == f"{part} re-timed"
    assert facts["muted"] == [True, False, False] and facts["markers"] > 30
    assert facts["after_undo"] == [first, other, part] and facts["muted_after_undo"] == [True, False, False]
    gaps = facts["gaps"]
    print(
        f"a part anew: {facts['seconds']:.1f} s, {len(gaps)} turns of the main loop, median "
        f"{statistics.median(gaps) * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms; Re-time "
        f"{facts['retime_seconds'] * 1e3:.0f} ms"
    )
    assert statistics.median(gaps) < limit(0.03)
