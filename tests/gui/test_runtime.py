# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's own runtime in a real Blender with a window. Set AVANIM_GUI_ROOT, see make_blender.sh."""

import statistics
import sys
from pathlib import Path

import pytest

from ..addon.package_index import Index, write_pages
from .test_window import bring, limit, play


@pytest.fixture
def scenario(extension, song, tmp_path):
    """Plays one of runtime_scenarios with an index that stalls at torch and at scipy."""
    index = Index(write_pages(tmp_path / "index"))
    index.stalled = {"torch", "scipy"}
    given = {"index": index.address, "path": str(Path(sys.base_prefix).resolve() / "bin")}
    yield lambda name: play(f"runtime_scenarios.{name}", *bring(tmp_path, extension, song), **given)
    index.shutdown()
    index.server_close()


def test_quitting_in_the_middle_of_making_a_runtime_leaves_no_process(scenario):
    facts = scenario("quit_in_the_middle")
    state, processes = facts["in_the_middle"]
    assert state == "running" and processes > 0
    assert facts["orphans"] == ""


def test_a_runtime_is_made_beside_the_window_and_leaves_no_process(scenario):
    facts = scenario("runtime")
    possible, reason = facts["offline"]
    assert not possible and "allow online access" in reason
    assert "torch" in facts["status"] and "runs on" in facts["status"]
    print(f"median turn of the main loop while pip runs {statistics.median(facts['gaps']) * 1e3:.0f} ms")
    assert statistics.median(facts["gaps"]) < limit(0.030)
    assert facts["after_load"][0] == "running" and facts["after_load"][1] > 0
    seconds, state = facts["cancelled"]
    assert seconds < limit(0.75) and state == "part"
    seconds, processes = facts["disabled"]
    assert seconds < limit(1) and processes == 0 and facts["enabled_again"] == "part"
    assert facts["made"] == ["", "whole", True]
    assert facts["removed"] == ["", "none", False]
    assert facts["orphans"] == ""
