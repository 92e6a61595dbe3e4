# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory of a three-minute dance, as the command line makes it: `python benchmarks/dance.py [SECONDS]`.

Prints one JSON object: seconds of work per second of music, and the peak memory of the process.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from avanim.models.audio import save_wav
from avanim.models.audio.composer import compose
from avanim.models.tasks import run
from avanim.rigs.job import Job


def main(seconds: float = 180.0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        song, output = Path(folder) / "song.wav", Path(folder) / "dance.npz"
        save_wav(compose("pop", bpm=120, bars=int(seconds / 2) + 1, seed=1).sound, song)
        times: dict[str, float] = {}
        steps: list[tuple[float, str]] = []
        began = time.perf_counter()
        run(
            Job("dance", str(song), {"seconds": seconds}, str(output)),
            lambda _, step: steps.append((time.perf_counter(), step)),
        )
        total = time.perf_counter() - began
        for (moment, step), (after, _) in zip(steps, [*steps[1:], (began + total, "")], strict=True):
            times[step] = round(times.get(step, 0.0) + after - moment, 2)
    print(
        json.dumps(
            {
                "music_s": seconds,
                "work_s": round(total, 1),
                "work_per_music": round(total / seconds, 3),
                "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "steps_s": times,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main(*(float(word) for word in sys.argv[1:2]))
