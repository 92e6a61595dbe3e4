# SPDX-License-Identifier: GPL-3.0-or-later
"""Speak a sentence by formant synthesis and write it as WAV: `python examples/speak_sentence.py hello.wav`.

Other words are given as ARPAbet phones: `--phones "G UH2 D AE2 F T ER N UW1 N ."`. `--times` prints when each phone is.
"""

from __future__ import annotations

import argparse
import sys

from avanim.models.audio import save_wav
from avanim.models.audio.formant import demo_sentence, speak
from avanim.rigs.errors import InputError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", help="the .wav to write")
    parser.add_argument("--phones", help="what to say; without it: Hello, I am Ava. Watch me dance.")
    parser.add_argument("--times", action="store_true", help="print the phones with their times")
    arguments = parser.parse_args()
    try:
        speech = speak(arguments.phones) if arguments.phones else demo_sentence()
        save_wav(speech.sound, arguments.output)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.times:
        for phone in speech.phones:
            print(f"{phone.start:.3f} {phone.end:.3f} {phone.phone}")
    print(f"{speech.sound.seconds:.2f} s: {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
