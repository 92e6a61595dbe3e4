# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender with a window, a mouse and a keyboard. Set AVANIM_GUI_ROOT, see make_blender.sh."""

import json
import os
import statistics
from pathlib import Path

import pytest

from .run_blender import run

DRIVE = Path(__file__).with_name("drive.py")


def bring(folder: Path, extension: Path, song: Path) -> tuple[Path, Path, Path]:
    """Copy both into the folder, which Blender's own world shares with this one. Returns the three there."""
    inside = [folder / file.name for file in (extension, song)]
    for file, copy in zip((extension, song), inside, strict=True):
        copy.write_bytes(file.read_bytes())
    return folder, *inside


def play(scenario: str, folder: Path, extension: Path, song: Path, **more: object) -> dict:
    """Play a scenario of scenarios.py; what it noted."""
    (folder / "arguments.json").write_text(json.dumps({"extension": str(extension), "song": str(song), **more}))
    done = run(
        ["--factory-startup", "--python", str(DRIVE), "--", scenario, str(folder)], folder, window=True, timeout=400
    )
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    facts = folder / "facts.json"
    assert facts.exists(), (done.stdout + done.stderr)[-3000:]
    facts = json.loads(facts.read_text())
    assert "error" not in facts, facts["error"] + (done.stdout + done.stderr)[-2000:]
    return facts


@pytest.fixture(scope="module")
def dance(extension, song, tmp_path_factory):
    return play("dance", *bring(tmp_path_factory.mktemp("dance"), extension, song))


@pytest.fixture(scope="module")
def guards(extension, song, tmp_path_factory):
    return play("guards", *bring(tmp_path_factory.mktemp("guards"), extension, song))


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
    gaps = dance["gaps"]
    print(
        f"{dance['seconds']:.1f} s of work, {len(gaps)} turns of the main loop: "
        f"median {statistics.median(gaps) * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms; "
        f"the take was there {dance['apply_seconds'] * 1e3:.0f} ms after"
    )
    assert len(gaps) > 20
    assert statistics.median(gaps) < 0.030
    # Without a graphics card one drawing of the view takes 0.2 s, and the test's own screenshot as long.
    assert max(gaps) < 0.5


def test_one_undo_removes_the_dance_and_nothing_else(dance):
    undone = dance["after_undo"]
    assert undone == {"actions": 0, "takes": 0, "character": dance["character"]["name"], "strips": 0}
    assert dance["after_redo"]["takes"] == 1


def test_writing_a_minute_of_dance_holds_the_window_up_for_less_than_150_ms(extension, song, tmp_path):
    facts = play("writing", *bring(tmp_path, extension, song), fps=60)
    longest = [round_["longest"] for round_ in facts["rounds"]]
    busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    print(
        "one minute, 60 keys a second, 24 bones, sound and markers: the longest turn of the main loop "
        f"{', '.join(f'{gap * 1e3:.0f}' for gap in longest)} ms{'; busy machine' if busy else ''}"
    )
    assert min(longest) < 0.15
    assert max(longest) < (0.5 if busy else 0.15)
    assert facts["takes"] == 1 and facts["after_undo"] == [0, 0]


def test_a_dropped_song_is_danced_to_or_becomes_a_strip(extension, song, tmp_path):
    facts = play("drop", *bring(tmp_path, extension, song))
    assert facts["dance"] == ["minute melody 1"]
    assert facts["after_undo"] == ["Ava", 0, True]
    assert facts["strip"] == ["minute", 11, 0]


def test_two_jobs_on_one_rig_are_refused_with_the_reason(guards):
    assert "Ava is being worked on" in guards["why_not_twice"]
    assert "Ava is being worked on" in guards["second_job"]


def test_the_cancel_button_acts_within_half_a_second(guards):
    assert guards["after_button"] == "cancelled" and guards["button_seconds"] < 0.5


def test_a_killed_worker_is_one_sentence_and_the_next_job_starts_another(guards):
    state, sentence = guards["killed"]
    assert state == "failed" and "killed" in sentence and "try again" in sentence
    assert guards["restarted"] == "running"


def test_deleting_the_character_and_loading_a_file_cancel_the_job(guards):
    assert guards["deleted"] == "cancelled"
    assert guards["loaded"] == ["cancelled", 0]


def test_switching_the_extension_off_ends_the_worker(guards):
    state, seconds, left = guards["disabled"]
    assert state == "cancelled" and seconds < 1 and not left
    assert guards["enabled_again"]


BACKGROUND = """
import bpy, json, sys
from pathlib import Path
bpy.ops.extensions.package_install_files(filepath={extension!r}, repo="user_default", enable_on_install=True)
from bl_ext.user_default.avanim.avanim_addon import api
assert bpy.ops.avanim.add_character() == {{"FINISHED"}}
bpy.context.scene.avanim.dance.audio = {song!r}
assert bpy.ops.avanim.generate_dance() == {{"FINISHED"}}
action = api.generate_dance({song!r}, seconds=5, seed=3, fps=30)
facts = {{
    "actions": sorted(action.name for action in bpy.data.actions),
    "frames": action["avanim_frames"],
    "modules": [name for name in ("torch", "librosa") if name in sys.modules],
}}
Path({facts!r}).write_text(json.dumps(facts))
"""


def test_without_a_window_button_and_function_wait_for_the_worker(extension, song, tmp_path):
    folder, extension, song = bring(tmp_path, extension, song)
    facts = folder / "facts.json"
    code = BACKGROUND.format(extension=str(extension), song=str(song), facts=str(facts))
    done = run(
        ["-b", "--factory-startup", "--python-exit-code", "1", "--python-expr", code],
        folder,
        window=False,
        timeout=300,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    facts = json.loads(facts.read_text())
    assert facts["actions"] == ["drums melody 1", "drums melody 3"] and facts["frames"] == 150
    assert facts["modules"] == []


def test_the_command_line_runs_inside_blender(extension, song, tmp_path):
    folder, extension, song = bring(tmp_path, extension, song)

    def blender(*words):
        done = run(list(map(str, words)), folder, window=False, timeout=200)
        return done.returncode, done.stdout, done.stderr

    install = ("--command", "extension", "install-file", "-r", "user_default", "--enable", extension)
    assert blender("-b", *install)[0] == 0
    avanim = ("-b", "--command", "avanim")
    status, out, err = blender(*avanim, "dance", song, "-o", folder / "dance.npz", "--seconds", 4, "--json")
    assert status == 0, out + err
    assert '"frames": 120' in out and (folder / "dance.npz").is_file()
    status, out, err = blender(*avanim, "dance", folder / "none.wav", "-o", folder / "dance.npz")
    assert status == 2 and "none.wav" in err
    status, out, err = blender(*avanim, "score", "beats")
    assert status == 2 and "python -m avanim score" in err
    status, out, err = blender(*avanim, "dance", song, "-o", folder / "dance.blend", "--seconds", 4)
    assert status == 0, out + err
    assert (folder / "dance.blend").is_file()
