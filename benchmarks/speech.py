# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast speech is recognised: a minute offline, its parts, a stream, the memory of hours. Prints one JSON object.

python benchmarks/speech.py [--threads N] [--hours H]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from avanim.models.audio.formant import demo_sentence
from avanim.models.speech import Listener, recognise, recognised_parts
from avanim.models.speech.decode import decode
from avanim.models.speech.features import RATE, features
from avanim.models.speech.recogniser import listen, shipped
from avanim.rigs.sound import Sound

_HOP_MS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hours", type=float, default=0.0, help="also a file of so many hours, for its memory")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    speech = demo_sentence(RATE).sound.mono()
    minute = np.resize(speech, 60 * RATE).astype(np.float32)
    sound = Sound(minute[None], RATE)
    heard = features(minute)
    said = recognise(sound, device="cpu")
    result: dict[str, Any] = {
        "threads": arguments.threads,
        "times_real_time": round(60 / _best(lambda: recognise(sound, device="cpu")), 1),
        "times_real_time_of_cpu_time": round(60 / _best(lambda: recognise(sound, device="cpu"), time.process_time), 1),
        "features_s": round(_best(lambda: features(minute)), 3),
        "network_s": round(_best(lambda: listen(shipped(), heard)), 3),
        "decoding_s": round(_best(lambda: decode(said.posterior, said.events, said.effort)), 3),
        "stream": {f"{ms}_ms": _stream(minute[: 20 * RATE], ms) for ms in (60, 120, 240)},
    }
    if arguments.hours:
        result["long"] = _long(minute, arguments.hours)
    print(json.dumps(result, indent=1))


def _best(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter, times: int = 4) -> float:
    taken = []
    for _ in range(times):
        began = clock()
        work()
        taken.append(clock() - began)
    return min(taken)


def _stream(samples: np.ndarray, lookahead_ms: int) -> dict[str, float]:
    """On one thread: ms from a sound to its frame being final at worst, and the share of a core that is used."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    listener, hop = Listener(lookahead_ms), RATE * _HOP_MS // 1000
    taken = []
    for first in range(0, len(samples), hop):
        began = time.process_time()
        listener.feed(samples[first : first + hop])
        taken.append(time.process_time() - began)
    torch.set_num_threads(threads)
    compute = float(np.percentile(taken, 95)) * 1000
    return {
        "latency_ms": round(listener.latency * 1000 + _HOP_MS + compute, 1),
        "of_one_core": round(float(np.sum(taken)) / (len(samples) / RATE), 4),
    }


def _long(minute: np.ndarray, hours: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            for _ in range(round(hours * 60)):
                file.write(minute)
        began, before, phones = time.perf_counter(), _memory(), 0
        for start, heard in recognised_parts(path, device="cpu"):
            phones += len(heard.phones)
            if start == 0:
                before = _memory()  # after the first part; what is more by the end has grown with the length
        taken = time.perf_counter() - began
    return {
        "hours": hours,
        "phones": phones,
        "times_real_time": round(hours * 3600 / taken, 1),
        "memory_mb": round(_memory()),
        "grown_mb": round(_memory() - before),
    }


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
