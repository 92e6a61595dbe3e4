# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose the demo song and write it as WAV: `python examples/compose_song.py song.wav [--seconds 19] [--seed 3]`."""

from __future__ import annotations

import argparse
import sys

from avanim.models.audio import save_wav
from avanim.models.audio.composer import demo_song
from avanim.rigs.errors import InputError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="the .wav to write")
    parser.add_argument("--seconds", type=float, default=19.0, help="about how long (default 19)")
    parser.add_argument("--seed", type=int, default=3, help="another seed, another song")
    arguments = parser.parse_args()
    try:
        song = demo_song(arguments.seconds, seed=arguments.seed)
        save_wav(song.sound, arguments.output)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    for section in song.sections:
        print(f"{section.start:6.2f}–{section.end:6.2f} s  {section.name}")
    print(f"{song.sound.seconds:.2f} s at {song.beats.bpm:g} beats a minute: {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
