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

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.sound import Sound


def with_sound(film: str | Path, sound: Sound, output: str | Path) -> None:
    """Write `output`: the pictures of a film as they are, and a sound that begins with the first of them.

    Raises:
        InputError: `output` is no kind of file that can hold these pictures, or it cannot be written.
    """
    try:
        with replacing(output) as temporary, av.open(str(film)) as source, av.open(str(temporary), "w") as made:
            pictures: Any = source.streams.video[0]
            copied = made.add_stream_from_template(pictures)
            voice: Any = made.add_stream("aac", rate=sound.rate, layout="mono")
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


def _encoded(voice: Any, sound: Sound, begin: float) -> Iterator[Any]:
    """AAC packets of a sound, the first sample at `begin` s."""
    samples, size = np.ascontiguousarray(sound.samples[:1], np.float32), 1024
    for first in range(0, samples.shape[1], size):
        frame = av.AudioFrame.from_ndarray(samples[:, first : first + size].copy(), "fltp", "mono")
        frame.sample_rate, frame.time_base = sound.rate, Fraction(1, sound.rate)
        frame.pts = round(begin * sound.rate) + first
        yield from voice.encode(frame)
    yield from voice.encode(None)
