# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a talking face takes: `python benchmarks/face.py [--speech FILE] [--rhubarb PROGRAM] [--hours 2]`.

Seconds for a minute of speech, by stage; a stream's latency and share of one core; memory of a long recording; and, in
the same run, Rhubarb Lip Sync. The speech, by default a sentence of our own, is repeated to a minute.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from avanim.models.audio import load_sound, save_wav
from avanim.models.audio.formant import demo_sentence
from avanim.models.audio.load import resampled
from avanim.models.face import generate
from avanim.models.face.hearing import Source, listen
from avanim.models.face.live import LiveMouth
from avanim.models.speech import features, recognise
from avanim.rigs.articulation import articulate
from avanim.rigs.articulation_contacts import contacts
from avanim.rigs.face_keys import face_keys
from avanim.rigs.sound import Sound

RATE = 16000


def a_minute(speech: Path | None, seconds: float = 60.0) -> Sound:
    sound = resampled(load_sound(speech) if speech else demo_sentence().sound, RATE)
    samples = np.tile(sound.samples, (1, int(seconds / sound.seconds) + 1))[:, : int(seconds * RATE)]
    return Sound(np.ascontiguousarray(samples), RATE)


def least(do: Callable[[], object], times: int) -> float:
    """The shortest of several runs, s."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        found.append(time.perf_counter() - began)
    return min(found)


def stages(sound: Sound, fps: float, times: int) -> dict[str, float]:
    """Seconds for the sound, by stage."""
    heard = recognise(sound)
    seconds = sound.seconds
    weights = articulate(heard.phones, seconds, fps, effort=heard.effort, loudness=heard.loudness)
    touched = contacts(heard.phones.filled(seconds), seconds, fps)
    return {
        "features": least(lambda: features.features(sound.samples[0]), times),
        "hearing (features, network, decoding)": least(lambda: recognise(sound), times),
        "curves of the mouth": least(lambda: articulate(heard.phones, seconds, fps, effort=heard.effort), times),
        "keys within 0.01": least(lambda: face_keys(weights, touched, 0.01), times),
        "end to end": least(lambda: generate(sound, fps=fps), times),
    }


def streaming(sound: Sound, fps: float, piece_ms: int) -> dict[str, float]:
    """Latency in ms: of the method, and of the slowest and the median piece; and the share of one core, in percent."""
    torch.set_num_threads(1)
    mouth = LiveMouth(fps, 120)
    size, spent = RATE * piece_ms // 1000, []
    began = time.process_time()
    for at in range(0, sound.samples.shape[1], size):
        before = time.perf_counter()
        mouth.feed(sound.samples[0, at : at + size])
        spent.append(1000 * (time.perf_counter() - before))
    used = time.process_time() - began
    return {
        "look-ahead and decisions (ms)": round(1000 * mouth.latency, 1),
        "a piece, median (ms)": round(float(np.median(spent)), 2),
        "a piece, 99 % (ms)": round(float(np.percentile(spent, 99)), 2),
        "latency with a piece (ms)": round(1000 * mouth.latency + float(np.median(spent)), 1),
        "of one core (%)": round(100 * used / sound.seconds, 2),
    }


def long_recording(sound: Sound, hours: float) -> dict[str, float]:
    """Peak memory, MB, of hearing so long a recording from a file, beside that of a tenth of it."""
    found = {}
    for name, share in (("a tenth", 0.1), ("all", 1.0)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "long.wav"
            times = max(1, round(3600 * hours * share / sound.seconds))
            save_wav(Sound(np.tile(sound.samples, (1, times)), RATE), path)
            code = (
                "import resource, sys; from avanim.models.face.hearing import Source, listen; "
                "listen(Source.of_file(sys.argv[1])); "
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
            )
            began = time.perf_counter()
            said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
            found[f"{name}: peak MB"] = round(float(said.stdout), 0)
            found[f"{name}: seconds"] = round(time.perf_counter() - began, 1)
    return found


def rhubarb(program: Path, sound: Sound) -> dict[str, float]:
    """Seconds for the same sound, by recogniser."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        save_wav(sound, path)
        for recogniser in ("phonetic", "pocketSphinx"):
            command = [str(program), "-q", "-f", "tsv", "--extendedShapes", "GHX", "-r", recogniser, str(path)]
            began = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            found[recogniser] = round(time.perf_counter() - began, 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--rhubarb", type=Path, help="its program")
    parser.add_argument("--hours", type=float, default=0.0, help="memory of so long a recording; 0 leaves it out")
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--times", type=int, default=3, help="runs, of which the shortest counts")
    arguments = parser.parse_args()
    sound = a_minute(arguments.speech)
    found: dict[str, object] = {"seconds of speech": round(sound.seconds, 1), "threads": torch.get_num_threads()}
    times = {name: round(value, 3) for name, value in stages(sound, arguments.fps, arguments.times).items()}
    found["stages (s)"] = times
    found["times real time"] = round(sound.seconds / times["end to end"], 1)
    began = time.process_time()
    generate(sound, fps=arguments.fps)
    # Of all cores together; unlike the other times it hardly depends on what else the machine does.
    found["processor seconds end to end"] = round(time.process_time() - began, 2)
    if arguments.rhubarb:
        found["Rhubarb (s)"] = rhubarb(arguments.rhubarb, sound)
    if arguments.hours:
        found[f"{arguments.hours:g} hours"] = long_recording(sound, arguments.hours)
    found["stream of 40 ms pieces, 60 fps"] = streaming(sound, 60.0, 40)
    found["peak MB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    assert listen(Source.of_sound(sound)).seconds > 0
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
