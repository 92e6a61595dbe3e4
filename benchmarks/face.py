# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a talking face takes: `python benchmarks/face.py [--speech FILE] [--rhubarb PROGRAM] [--hours 2]`.

Of one minute of speech: wall and processor seconds by stage and end to end, and of Rhubarb Lip Sync on the same minute
in the same run; a stream's latency and share of one core; memory after 10, 60 and 120 minutes of a long recording. The
speech, by default a sentence of our own, is repeated as long as needed. Wall seconds are those of a busy machine if it
is one; processor seconds, of all cores together, hardly depend on that.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from avanim.models.audio import load_sound, save_wav
from avanim.models.audio.formant import demo_sentence
from avanim.models.audio.load import resampled
from avanim.models.face import generate
from avanim.models.face.hearing import Voice
from avanim.models.face.live import LiveMouth
from avanim.models.speech import features, recognise
from avanim.rigs.articulation import articulate
from avanim.rigs.articulation_contacts import contacts
from avanim.rigs.face_keys import face_keys
from avanim.rigs.sound import Sound

RATE = 16000
RECOGNISERS = ("phonetic", "pocketSphinx")


def a_minute(speech: Path | None, seconds: float = 60.0) -> Sound:
    sound = resampled(load_sound(speech) if speech else demo_sentence().sound, RATE)
    samples = np.tile(sound.samples[:1], (1, int(seconds / sound.seconds) + 1))[:, : int(seconds * RATE)]
    return Sound(np.ascontiguousarray(samples), RATE)


def least(do: Callable[[], object], times: int) -> tuple[float, float]:
    """The fewest wall and the fewest processor seconds of several runs."""
    found = []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        do()
        found.append((time.perf_counter() - began, time.process_time() - used))
    return min(wall for wall, _ in found), min(used for _, used in found)


def keyed(weights: np.ndarray, voice: Voice, fps: float) -> object:
    seconds = len(weights) / fps
    return face_keys(weights, contacts(voice.phones.filled(seconds), seconds, fps), 0.01)


def end_to_end(sound: Sound, fps: float) -> object:
    """From samples to reduced keys."""
    made = generate(sound, fps=fps)
    return keyed(made.track.weights, made.voice, fps)


def stages(sound: Sound, fps: float, times: int) -> dict[str, tuple[float, float]]:
    """Wall and processor seconds for the sound, by stage."""
    heard = recognise(sound)
    made = generate(sound, fps=fps)
    return {
        "features": least(lambda: features.features(sound.samples[0]), times),
        "hearing (features, network, decoding)": least(lambda: recognise(sound), times),
        "curves of the mouth": least(lambda: articulate(heard.phones, sound.seconds, fps, effort=heard.effort), times),
        "keys within 0.01": least(lambda: keyed(made.track.weights, made.voice, fps), times),
        "end to end": least(lambda: end_to_end(sound, fps), times),
    }


def streaming(sound: Sound, fps: float, piece_ms: int) -> dict[str, float]:
    """Latency in ms: of the method, and of the slowest and the median piece; and the share of one core, in percent."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    mouth = LiveMouth(fps, 120)
    size, spent = RATE * piece_ms // 1000, []
    began = time.process_time()
    for at in range(0, sound.samples.shape[1], size):
        before = time.perf_counter()
        mouth.feed(sound.samples[0, at : at + size])
        spent.append(1000 * (time.perf_counter() - before))
    used = time.process_time() - began
    torch.set_num_threads(threads)
    # A sound waits until its piece is full, then for the look-ahead, then for the work on the piece.
    waits = 1000 * mouth.latency
    return {
        "look-ahead and decisions (ms)": round(waits, 1),
        "a piece, median (ms)": round(float(np.median(spent)), 2),
        "a piece, 99 % (ms)": round(float(np.percentile(spent, 99)), 2),
        "latency with a piece's length and work, median (ms)": round(waits + piece_ms + float(np.median(spent)), 1),
        "of one core (%)": round(100 * used / sound.seconds, 2),
    }


# Run by another Python, so that its memory is only that of the long recording.
_LONG = """
import json, resource, sys, time
from avanim.models.face import generate
from avanim.models.face.hearing import Source

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

source = Source.of_file(sys.argv[1])
read, found = source.read, {}

def watched(start, seconds):
    for minutes in (10, 60, 120):
        if start + seconds >= 60 * minutes - 3 and minutes not in found:
            found[minutes] = round(resident())
    return read(start, seconds)

source.read = watched
began = time.perf_counter()
made = generate(source, fps=30.0)
print(json.dumps({
    "resident MB while hearing, after minutes": found,
    "peak MB with all curves": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    "curves MB": round(made.track.weights.nbytes / 2**20),
    "wall s": round(time.perf_counter() - began, 1),
    "processor s": round(time.process_time(), 1),
}))
"""


def long_recording(sound: Sound, hours: float) -> dict[str, Any]:
    """Memory, MB, of a face of so long a recording from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            piece = (sound.samples[0] * 32000).astype("<i2").tobytes()
            for _ in range(max(1, round(3600 * hours / sound.seconds))):
                file.writeframes(piece)
        said = subprocess.run([sys.executable, "-c", _LONG, str(path)], capture_output=True, text=True, check=True)
        return json.loads(said.stdout)


def rhubarb(program: Path, sound: Sound, patience: float) -> dict[str, tuple[float, float] | str]:
    """Wall and processor seconds for the same sound, by recogniser."""
    found: dict[str, tuple[float, float] | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        save_wav(sound, path)
        for recogniser in RECOGNISERS:
            command = [str(program), "-q", "-f", "tsv", "--extendedShapes", "GHX", "-r", recogniser, str(path)]
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            try:
                subprocess.run(command, capture_output=True, check=True, timeout=patience)
            except subprocess.TimeoutExpired:
                found[recogniser] = f"not done after {patience:g} s"
                continue
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found[recogniser] = time.perf_counter() - began, used
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--rhubarb", type=Path, help="its program")
    parser.add_argument("--patience", type=float, default=100.0, help="seconds that each of its recognisers is given")
    parser.add_argument("--hours", type=float, default=0.0, help="memory of so long a recording; 0 leaves it out")
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--times", type=int, default=2, help="runs, of which the shortest counts")
    arguments = parser.parse_args()
    sound = a_minute(arguments.speech)
    listen_once = generate(sound, fps=arguments.fps)
    assert len(listen_once.phones) > 0, "the minute holds no speech"
    found: dict[str, Any] = {"seconds of speech": round(sound.seconds, 1), "threads": torch.get_num_threads()}
    ours = stages(sound, arguments.fps, arguments.times)
    found["stages (wall s, processor s)"] = {name: [round(x, 3) for x in both] for name, both in ours.items()}
    wall, used = ours["end to end"]
    found["times real time, by the wall, by the processor"] = [round(sound.seconds / x, 1) for x in (wall, used)]
    if arguments.rhubarb:
        theirs = rhubarb(arguments.rhubarb, sound, arguments.patience)
        found["Rhubarb (wall s, processor s)"] = {
            name: [round(x, 2) for x in both] if isinstance(both, tuple) else both for name, both in theirs.items()
        }
        found["Rhubarb takes so many times as long (wall, processor)"] = {
            name: [round(both[0] / wall, 1), round(both[1] / used, 1)]
            for name, both in theirs.items()
            if isinstance(both, tuple)
        }
    found["stream of 40 ms pieces, 60 fps"] = streaming(sound, 60.0, 40)
    if arguments.hours:
        found[f"{arguments.hours:g} hours"] = long_recording(sound, arguments.hours)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
