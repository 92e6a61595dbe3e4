# SPDX-License-Identifier: GPL-3.0-or-later
"""What librosa has compiled is kept, and no two processes keep it in one place at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the models need it, which this Python lacks")

SAY = "import os, sys, avanim.models; print(os.environ.get('NUMBA_CACHE_DIR', ''), flush=True); sys.stdin.read()"


def began(cache: Path, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache), **more}
    if "NUMBA_CACHE_DIR" not in more:
        environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.Popen(
        [sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="the folder is in the user's library there")
def test_each_process_has_a_folder_of_its_own_and_the_next_ones_take_it_over(tmp_path):
    first, second = began(tmp_path), began(tmp_path)
    folders = {told(first), told(second)}
    assert folders == {str(tmp_path / "avanim" / "numba" / number) for number in "01"}
    # What a parent has claimed is not its child's.
    child = began(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "avanim" / "numba" / "0"))
    assert told(child) == str(tmp_path / "avanim" / "numba" / "2")
    for process in (first, second, child):
        ended(process)
    later = began(tmp_path)
    assert told(later) == str(tmp_path / "avanim" / "numba" / "0")
    ended(later)


def test_a_folder_that_the_user_chose_stays(tmp_path):
    process = began(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "mine"))
    assert told(process) == str(tmp_path / "mine")
    ended(process)


def test_numba_chooses_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    process = began(tmp_path / "file")
    assert told(process) == ""
    ended(process)
