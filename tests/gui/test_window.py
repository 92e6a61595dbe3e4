# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender with a window, a mouse and a keyboard. Set AVANIM_GUI_ROOT, see make_blender.sh."""

import json
import os
import statistics
from pathlib import Path

import pytest

from .run_blender import run

DRIVE = Path(__file__).with_name("drive.py")


def play(scenario: str, folder: Path, **arguments: object) -> dict:
    """Play a scenario of scenarios.py; what it noted."""
    (folder / "arguments.json").write_text(json.dumps(arguments, default=str))
    done = run(
        ["--factory-startup", "--python", str(DRIVE), "--", scenario, str(folder)], folder, window=True, timeout=300
    )
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    facts = folder / "facts.json"
    assert facts.exists(), (done.stdout + done.stderr)[-3000:]
    facts = json.loads(facts.read_text())
    assert "error" not in facts, facts["error"] + (done.stdout + done.stderr)[-2000:]
    return facts


@pytest.fixture(scope="module")
def dance(extension, song, tmp_path_factory):
    # Both lie in folders that Blender's chroot does not see; the work folder it does.
    folder = tmp_path_factory.mktemp("dance")
    for file in (extension, song):
        (folder / file.name).write_bytes(file.read_bytes())
    return play("dance", folder, extension=folder / extension.name, song=folder / song.name)


def test_the_extension_installs_and_its_tab_is_shown(dance):
    assert dance["enabled"] and dance["tab"] == "AVAnim"
    assert dance["torch_in_blender"] == []


def test_a_click_adds_a_character(dance):
    assert dance["character"]["bones"] == 24


def test_escape_cancels_within_half_a_second_and_leaves_nothing(dance):
    assert dance["state_before_esc"] == "running"
    assert dance["esc_seconds"] < 0.5
    assert dance["state_after_esc"] == "cancelled" and dance["actions_after_esc"] == 0


def test_a_click_makes_a_dance_with_its_sound_and_range(dance):
    assert dance["state"] == "done", dance["job_error"]
    assert len(dance["takes"]) == 1 and "drums" in dance["takes"][0]
    assert dance["sound_strips"] == ["drums"]
    assert abs(dance["frame_end"] - 20 * 24) <= 2
    assert len(dance["progress_seen"]) > 3


def test_the_window_stays_alive_while_it_works(dance):
    gaps = dance["gaps"] or pytest.skip("the dance was done within the five seconds that do not count")
    busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    print(
        f"{dance['seconds']:.1f} s of work, {len(gaps)} turns of the main loop after the first 5 s: "
        f"median {statistics.median(gaps) * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms; "
        f"writing the take held it up {dance['apply_seconds'] * 1e3:.0f} ms{'; busy machine' if busy else ''}"
    )
    assert statistics.median(gaps) < 0.030
    assert max(gaps) < (0.5 if busy else 0.15)


def test_one_undo_removes_the_dance_and_nothing_else(dance):
    undone = dance["after_undo"]
    assert undone == {"actions": 0, "takes": 0, "character": dance["character"]["name"], "strips": 0}
    assert dance["after_redo"]["takes"] == 1
