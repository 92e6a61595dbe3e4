# SPDX-License-Identifier: GPL-3.0-or-later
"""How smoothly Blender's window goes on while a dance is made: `python benchmarks/window.py`.

Plays two scenarios of tests/gui in a real Blender (set AVANIM_GUI_ROOT, see tests/gui/make_blender.sh), and prints one
JSON object: turns of the window's main loop during a real job with the real worker, in ms, median and longest, beside
those of two seconds before it, in which nothing is done; and for one minute of dance, 60 keys a second, the seconds
that writing took and the longest turn meanwhile.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from avanim.build_addon import build_zip
from avanim.models.audio import save_wav
from avanim.models.audio.composer import compose

ROOT = Path(__file__).resolve().parents[1]
GUI = ROOT / "tests" / "gui"
sys.path.insert(0, str(GUI))

import run_blender  # noqa: E402 (tests are no package)


def play(scenario: str, folder: Path, **arguments: object) -> dict[str, Any]:
    """What a scenario noted."""
    (folder / "arguments.json").write_text(json.dumps(arguments, default=str))
    (folder / "facts.json").unlink(missing_ok=True)
    words = ["--factory-startup", "--python", str(GUI / "drive.py"), "--", scenario, str(folder)]
    done = run_blender.run(words, folder, window=True, timeout=400)
    facts = json.loads((folder / "facts.json").read_text())
    if "error" in facts:
        raise SystemExit(facts["error"] + (done.stdout + done.stderr)[-2000:])
    return facts


def main() -> None:
    if run_blender.why_not():
        raise SystemExit(run_blender.why_not())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = folder / "song.wav"
        save_wav(compose("pop", bpm=120, bars=10, seed=1, rate=22050).sound, song)
        files = {"extension": build_zip(folder, quiet=True), "song": song}
        dance = play("dance", folder, timed=True, **files)
        writing = play("writing", folder, fps=60, **files)
    gaps, idle = ([gap * 1e3 for gap in dance[name]] for name in ("gaps", "idle_gaps"))
    print(
        json.dumps(
            {
                "blender": ".".join(map(str, dance["version"])),
                "load_average": round(os.getloadavg()[0], 1),
                "idle_turn_median_ms": round(statistics.median(idle), 1),
                "idle_turn_longest_ms": round(max(idle), 1),
                "job_s": round(dance["seconds"], 2),
                "job_turns": len(gaps),
                "job_turn_median_ms": round(statistics.median(gaps), 1),
                "job_turn_longest_ms": round(max(gaps), 1),
                "minute_written_s": [round(turn["seconds"], 2) for turn in writing["rounds"]],
                "minute_turn_longest_ms": [round(turn["longest"] * 1e3, 1) for turn in writing["rounds"]],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
