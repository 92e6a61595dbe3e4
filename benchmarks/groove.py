# SPDX-License-Identifier: GPL-3.0-or-later
"""How long GrooveNet takes for a sixtieth of a second: hearing, stepping, and both. Prints one JSON object.

python benchmarks/groove.py
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
from avanim.models.audio.live import HOP, Listener
from avanim.models.dance.groove import Dancer, load


def main() -> None:
    torch.set_num_threads(1)
    samples = np.random.default_rng(0).normal(0, 0.1, (600, HOP))
    result = {"budget_ms": 1000 / 60}
    for style, (net, _) in load().items():
        listener, dancer, taken = Listener(), Dancer(net), []
        for piece in samples:
            began = time.perf_counter()
            heard = listener.hear(piece)[0]
            middle = time.perf_counter()
            dancer.step(heard)
            taken.append((middle - began, time.perf_counter() - middle))
        hearing, stepping = 1000 * np.array(taken).T
        both = hearing + stepping
        result[style] = {
            "hearing_ms": round(float(np.median(hearing)), 2),
            "stepping_ms": round(float(np.median(stepping)), 2),
            "both_ms": round(float(np.median(both)), 2),
            "both_p99_ms": round(float(np.percentile(both, 99)), 2),
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
