# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contrastive term does to the basic steps after Yalta: F-measure of motion beats against the music's.

Takes networks that differ in that term only (files written by lessons.save_nets) and prints one JSON object.

    python benchmarks/yalta_contrast.py WITH.safetensors WITHOUT.safetensors
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from avanim.models.audio.score import beat_f1
from avanim.models.dance.lessons import first_downbeat
from avanim.models.dance.melody_train import composed
from avanim.models.dance.yalta import dance_positions, load, motion_beats, spectra


def main() -> None:
    torch.set_num_threads(1)
    songs = [composed("pop", number) for number in range(20, 26)]
    result = {}
    for path in sys.argv[1:]:
        net, rows = load(Path(path))["pop"][0], []
        for song in songs:
            first = first_downbeat(song.beats)
            positions = dance_positions(net, spectra(song.sound)[round(first * net.config.fps) :])
            found, music = motion_beats(positions, net.config.fps) + first, song.beats.times
            half = float(np.median(np.diff(music))) / 2
            rows.append([beat_f1(found, music), beat_f1(found, music + half)])
        on, off = np.mean(rows, axis=0)
        result[Path(path).name] = {"beat_f1": round(float(on), 3), "half_a_beat_off": round(float(off), 3)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
