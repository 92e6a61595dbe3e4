# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound put under the pictures of a film, which are not encoded anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import soundfile

from ...rigs.errors import InputError
from ...rigs.files import replacing


def with_sound(film: str | Path, sound: str | Path, output: str | Path) -> None:
    """Write `output`: the pictures of a film as they are, and a mono .wav that begins with the first of them.

    Raises:
        InputError: `output` is no kind of file that can hold these pictures, or it cannot be written.
    """
    try:
        with replacing(output) as temporary, av.open(str(film)) as source, av.open(str(temporary), "w") as made:
            pictures: Any = source.streams.video[0]
            copied = made.add_stream_from_template(pictures)
            voice: Any = made.add_stream("aac", rate=soundfile.info(sound).samplerate, layout="mono")
            packets: Iterator[Any] = (packet for packet in source.demux(pictures) if packet.dts is not None)
            first = next(packets)
            begin = float((first.dts if first.pts is None else first.pts) * first.time_base)
            heard = _encoded(voice, sound, begin)
            ahead = next(heard, None)
            for packet in itertools.chain([first], packets):
                # Both come in the order of time, as players want them.
                while ahead is not None and ahead.pts * ahead.time_base < packet.dts * packet.time_base:
                    made.mux(ahead)
                    ahead = next(heard, None)
                packet.stream = copied
                made.mux(packet)
            for packet in itertools.chain([ahead] if ahead else [], heard):
                made.mux(packet)
    except (av.error.FFmpegError, ValueError, StopIteration) as error:
        raise InputError(f"Cannot write {output}: {error}; end its name in .mp4 or .mkv.") from error


def _encoded(voice: Any, sound: str | Path, begin: float) -> Iterator[Any]:
    """AAC packets of a .wav, the first sample at `begin` s."""
    rate, told = soundfile.info(sound).samplerate, 0
    for block in soundfile.blocks(sound, 1024, dtype="float32", always_2d=True):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T, np.float32), "fltp", "mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(begin * rate) + told
        told += len(block)
        yield from voice.encode(frame)
    yield from voice.encode(None)
