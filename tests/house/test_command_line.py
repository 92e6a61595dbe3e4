# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's contract: what is written, what is printed where, and the exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.motion_files import load_motion


def avanim(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "avanim", *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=300
    )


def test_dance_writes_a_motion_and_one_json_object(song: Path, tmp_path: Path) -> None:
    done = avanim("dance", song, "-o", tmp_path / "out.npz", "--seconds", 6, "--seed", 3, "--fps", 24, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    motion = load_motion(tmp_path / "out.npz")
    assert motion.fps == 24 and len(motion) == result["frames"] == 144
    assert result["settings"]["seed"] == 3 and result["settings"]["method"] == "choreographer"
    assert result["beats"]["bpm"] == pytest.approx(120, abs=2)
    assert "100%" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_the_choreographers_flags(song: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("2: grapevine  # here\nforbid turns\n")
    pin = {"time": 3.0, "poses": [[0.0] * 3] * 24, "trans": [0.1, 0.0, 0.2]}
    (tmp_path / "pins.json").write_text(json.dumps([pin]))
    wishes = "--energy 1.4 --amplitude 0.9 --travel 0.2 --region 2x2 --mirror --pace normal --beat-offset 0".split()
    done = avanim(
        "dance", song, "-o", tmp_path / "one.npz", "--seconds", 6, "--style", "mix", "--mix", "pop:2, disco", *wishes,
        "--track", tmp_path / "plan.txt", "--pins", tmp_path / "pins.json", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)["settings"]
    assert settings["energy"] == 1.4 and settings["mirror"] is True and settings["region"] == "2x2"
    assert "grapevine" in [one["move"] for one in settings["plan"]]
    assert np.array_equal(load_motion(tmp_path / "one.npz").trans[90], pin["trans"])
    group = avanim(
        "dance", song, "-o", tmp_path / "many.npz", "--seconds", 4, "--dancers", 3, "--formation", "own", "--json"
    )
    made = json.loads(group.stdout)
    assert [Path(path).name for path in made["motions"]] == ["many.npz", "many-2.npz", "many-3.npz"]
    assert all(len(load_motion(path)) == 120 for path in made["motions"])
    refused = avanim("dance", song, "-o", tmp_path / "no.npz", "--track", "9: grapevin", "--quiet")
    assert refused.returncode == 2 and "grapevine" in refused.stderr and refused.stderr.count("\n") == 1


def test_same_seed_same_dance(song: Path, tmp_path: Path) -> None:
    motions = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        done = avanim("dance", song, "-o", tmp_path / f"{name}.npz", "--seconds", 5, "--seed", seed, "--quiet")
        assert done.returncode == 0 and done.stderr == ""
        motions.append(load_motion(tmp_path / f"{name}.npz"))
    assert np.array_equal(motions[0].poses, motions[1].poses) and np.array_equal(motions[0].trans, motions[1].trans)
    assert not np.array_equal(motions[0].poses, motions[2].poses)


def test_bvh_and_beats(song: Path, tmp_path: Path) -> None:
    assert avanim("dance", song, "-o", tmp_path / "out.bvh", "--seconds", 4).returncode == 0
    assert (tmp_path / "out.bvh").read_text().startswith("HIERARCHY")
    assert avanim("dance", song, "-o", tmp_path / "out.json", "--seconds", 4, "--metre", 3).returncode == 0
    assert json.loads((tmp_path / "out.json").read_text())["beats"]["metre"] == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("dance", "SONG", "-o", "out.xyz"), "end it in"),
        (("dance", "SONG", "-o", "out.npz", "--method", "nonsense"), "melody"),
        (("dance", "SONG", "-o", "out.npz", "--style", "nonsense"), "nonsense"),
        (("dance", "SONG", "-o", "out.npz", "--character", "nonsense"), "neutral"),
        (("dance", "SONG", "-o", "out.npz", "--fps", "0"), "between 1 and 240"),
        (("dance", "SONG", "-o", "out.npz", "--bpm", "nan"), "plain number"),
        (("dance", "SONG", "-o", "out.mp4", "--size", "big"), "1280x720"),
        (("dance", "no_such_file.mp3", "-o", "out.npz"), "no_such_file.mp3"),
        (("render", "no_such_scene.blend", "-o", "out.mp4"), "no_such_scene.blend"),
        (("export", "no_such_scene.blend", "-o", "out.mp4"), ".fbx"),
        (("train", "dance/nonsense", "--data", "."), "dance/melody"),
        (("score", "nonsense"), "beats"),
    ],
)
def test_wrong_arguments_end_with_2_and_one_sentence(
    words: tuple[str, ...], sentence: str, song: Path, tmp_path: Path
) -> None:
    done = avanim(*[str(song) if word == "SONG" else word for word in words], "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr and done.stderr.startswith("avanim: ") and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_argparse_errors_end_with_2() -> None:
    assert avanim("dance").returncode == 2
    assert avanim("nonsense").returncode == 2


def test_methods_and_doctor() -> None:
    assert "dance/melody" in avanim("methods").stdout
    lines = avanim("doctor").stdout.splitlines()
    assert len(lines) == 10
    assert "melody" in next(line for line in lines if line.startswith("weights"))
    assert json.loads(avanim("doctor", "--json").stdout).keys() >= {"torch", "blender", "graphics", "characters"}


@pytest.mark.skipif(os.name != "posix", reason="signals as posix has them")
@pytest.mark.parametrize("seconds", [0.5, 3.0, 6.0])
def test_ended_in_the_middle_nothing_is_left(seconds: float, song: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "avanim", "dance", song, "-o", tmp_path / "out.mp4"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not list(tmp_path.iterdir())
