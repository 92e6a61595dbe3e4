# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound files in and out: whatever libsndfile reads, and else whatever FFmpeg reads; WAV out.

Files are read block by block, mixed down and resampled on the way, so that memory holds only what was asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.sound import Sound

LONGEST_SECONDS = 1800.0  # the longest stretch that is read at once
_MOST_VALUES = 2**28  # 1 GiB of float32
_BLOCK = 1 << 16
_Block = NDArray[np.float32]  # (n, channels)
_LAYOUTS = {1: "mono", 2: "stereo"}


class UnsoundWarning(UserWarning):
    """A sound file was damaged, and what could be read of it was used."""


def load_sound(
    path: str | Path, rate: int | None = None, start: float = 0.0, seconds: float | None = None, mono: bool = False
) -> Sound:
    """Read `seconds` (None: all) of a sound file or of a video's sound track from `start` s on.

    `rate` Hz to resample to (None: the file's own). Layout is mono, stereo, or surround for more than two channels;
    `mono` mixes them down (their mean). Samples beyond full scale are clipped, as playback would. A damaged file gives
    what can be decoded of it, with an UnsoundWarning; silence is a sound like any other.

    Raises:
        InputError: the file is missing, unreadable or holds no sound; `start` or `seconds` lie outside it; or more than
            30 minutes (or 1 GiB) would have to be held.
    """
    path = _checked(path)
    if not np.isfinite(start) or start < 0:
        raise InputError(f"Cannot read {path} from {start:g} s: give a start of 0 s or later.")
    if seconds is not None and not seconds > 0:
        raise InputError(f"Cannot read {seconds:g} s of {path}: give a length above 0 s.")
    if rate is not None and not 1000 <= rate <= 768000:
        raise InputError(f"Cannot read {path} at {rate} Hz: give a rate between 1000 and 768000 Hz.")

    reader = _open(path)
    if reader.seconds is not None and start >= reader.seconds > 0:
        raise InputError(f"Cannot read {path} from {start:g} s: it is only {reader.seconds:.2f} s long.")
    out_rate = reader.rate if rate is None else int(rate)
    channels = 1 if mono else reader.channels
    wanted = seconds
    if wanted is None and reader.seconds:
        wanted = reader.seconds - start
    limit = min(LONGEST_SECONDS, _MOST_VALUES / (channels * out_rate))
    if wanted is not None and wanted > limit:
        _refuse_length(path, wanted, limit)

    store = _Store(channels, int(((wanted or 60.0) + 1.0) * out_rate))
    resample = _resampler(reader.rate, out_rate, channels)
    most_in = round(seconds * reader.rate) if seconds is not None else int(limit * reader.rate) + 1
    read = bad = 0
    for block in reader.blocks(start):
        block = block[: most_in - read]
        finite = np.isfinite(block)
        if not finite.all():
            bad += int(block.size - np.count_nonzero(finite))
            block = np.where(finite, block, np.float32(0.0))
        read += len(block)
        if mono:
            block = block.mean(axis=1, keepdims=True, dtype=np.float32)
        store.add(resample(block, False))
        if seconds is None and read > limit * reader.rate:
            _refuse_length(path, read / reader.rate, limit)
        if read >= most_in:
            break
    if not read:
        if start > 0:
            raise InputError(f"Cannot read {path} from {start:g} s: its sound ends before.")
        raise InputError(f"There is no sound in {path}: nothing in it can be decoded; give another file.")
    store.add(resample(np.zeros((0, channels), np.float32), True))

    if bad > 0.5 * read * reader.channels:
        raise InputError(f"Most samples of {path} are not numbers (NaN or infinite): export it anew.")
    if bad:
        warnings.warn(f"{path}: {bad} samples are not numbers and were set to 0.", UnsoundWarning, stacklevel=2)
    if reader.damage:
        warnings.warn(
            f"{path} is damaged ({reader.damage}); the {read / reader.rate:.2f} s that can be read are used.",
            UnsoundWarning,
            stacklevel=2,
        )
    samples = store.samples()
    np.clip(samples, -1.0, 1.0, out=samples)
    return Sound(samples, out_rate, _LAYOUTS.get(channels, "surround"))


def probe(path: str | Path) -> tuple[float, int, int]:
    """(length in s, rate in Hz, channels) of a sound file, from its header where that says them.

    Raises:
        InputError: as load_sound.
    """
    path = _checked(path)
    reader = _open(path)
    seconds = reader.seconds
    if not seconds:
        seconds = sum(len(block) for block in reader.blocks(0.0)) / reader.rate
    if not seconds:
        raise InputError(f"There is no sound in {path}: nothing in it can be decoded; give another file.")
    return float(seconds), reader.rate, reader.channels


def resampled(sound: Sound, rate: int) -> Sound:
    """`sound` mixed down to mono at `rate` Hz."""
    samples = sound.mono()
    if sound.rate != rate and len(samples):
        samples = soxr.resample(samples, sound.rate, rate)
    return Sound(np.asarray(samples, np.float32)[None], rate)


def save_wav(sound: Sound, path: str | Path, subtype: str = "PCM_16") -> None:
    """Write `sound` as WAV, whole or not at all; `subtype` PCM_16, PCM_24 or FLOAT.

    Peaks beyond full scale are not cut off: the whole sound is turned down to fit, with an UnsoundWarning. PCM_16 is
    dithered by nothing, so that the same sound gives the same bytes.

    Raises:
        InputError: the sound has values that are not numbers, or the file cannot be written.
    """
    path = Path(path)
    samples = np.asarray(sound.samples, np.float32)
    if not np.isfinite(samples).all():
        raise InputError(f"Cannot write {path}: the sound has samples that are not numbers; make it anew.")
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 1.0 and subtype != "FLOAT":
        warnings.warn(
            f"{path} would peak at {20 * np.log10(peak):+.1f} dB and was turned down.",
            UnsoundWarning,
            stacklevel=2,
        )
        samples = samples / peak
    with replacing(path) as temporary:
        soundfile.write(temporary, samples.T, sound.rate, subtype=subtype, format="WAV")


@dataclass
class _Reader:
    """An opened file. `blocks(start)` yields (n, channels) float32; `damage` says, after that, why it ended early."""

    rate: int
    channels: int
    seconds: float | None
    blocks: Callable[[float], Iterator[_Block]]
    damage: str = ""


class _Store:
    """Columns that grow; doubling keeps the copies few when the header did not say the length."""

    def __init__(self, channels: int, expected: int) -> None:
        self._values = np.empty((channels, max(expected, 1)), np.float32)
        self._length = 0

    def add(self, block: _Block) -> None:
        end = self._length + len(block)
        if end > self._values.shape[1]:
            grown = np.empty((self._values.shape[0], max(end, 2 * self._values.shape[1])), np.float32)
            grown[:, : self._length] = self._values[:, : self._length]
            self._values = grown
        self._values[:, self._length : end] = block.T
        self._length = end

    def samples(self) -> NDArray[np.float32]:
        if self._length == self._values.shape[1]:
            return self._values
        return np.ascontiguousarray(self._values[:, : self._length])


def _resampler(
    rate_in: int, rate_out: int, channels: int
) -> Callable[[NDArray[np.float32], bool], NDArray[np.float32]]:
    if rate_in == rate_out:
        return lambda block, last: block
    stream = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32")
    return lambda block, last: np.asarray(stream.resample_chunk(block, last=last), np.float32).reshape(-1, channels)


def _refuse_length(path: Path, seconds: float, limit: float) -> None:
    raise InputError(
        f"{path} would give {seconds / 60:.0f} minutes of sound, and at most {limit / 60:.0f} are read at once: "
        "give a start and a length."
    )


def _checked(path: str | Path) -> Path:
    """The path, once it is known to be a file with something in it that may be read."""
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a sound file.")
        if path.exists() and not path.is_file():  # a pipe would keep us waiting for ever
            raise InputError(f"{path} is not a plain file: give a sound file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{path} is empty (0 bytes): give another sound file.")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}: check the path.") from error
    except PermissionError as error:
        raise InputError(f"Reading {path} is not permitted: change its permissions or copy it elsewhere.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path} ({error}): check the path and the disk.") from error
    return path


def _open(path: Path) -> _Reader:
    reader = _open_libsndfile(path) or _open_ffmpeg(path)
    if reader is None:
        raise InputError(
            f"{path} is no sound file that libsndfile or FFmpeg can read: give WAV, FLAC, Ogg, MP3, M4A or a video."
        )
    return reader


def _is_mp3(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(3)
    return head == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0)


def _open_libsndfile(path: Path) -> _Reader | None:
    if path.suffix.lower() == ".mp3" or _is_mp3(path):
        return None  # libsndfile's decoder breaks on files that FFmpeg plays, and writes to the terminal
    try:
        with soundfile.SoundFile(path) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
            # libsndfile's log says so where the header promises more data than the file has.
            shortened = any("data :" in line and "should be" in line for line in file.extra_info.splitlines())
            first = file.read(_BLOCK, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError):
        return None
    if not len(first):
        return None

    def blocks(start: float) -> Iterator[_Block]:
        count = 0
        with soundfile.SoundFile(path) as file:
            try:
                count = file.seek(min(round(start * rate), max(frames, 0))) if start > 0 else 0
                while True:
                    block = file.read(_BLOCK, dtype="float32", always_2d=True)
                    if not len(block):
                        break
                    count += len(block)
                    yield np.asarray(block, np.float32)
            except (soundfile.LibsndfileError, RuntimeError) as error:
                reader.damage = str(error).strip() or "it breaks off"
        if shortened or count < frames - rate // 10:
            reader.damage = reader.damage or "it is shorter than its header says"

    reader = _Reader(rate, channels, frames / rate if frames > 0 else None, blocks)
    return reader


def _open_ffmpeg(path: Path) -> _Reader | None:
    def opened() -> av.container.InputContainer:
        # A playlist must not make FFmpeg fetch from the net.
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})

    try:
        with opened() as container:
            if not container.streams.audio:
                kind = "a video without a sound track" if container.streams.video else "no sound"
                if path.suffix.lower() in (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"):
                    raise InputError(f"{path} is {kind}: give a file with sound in it.")
                return None
            stream = container.streams.audio[0]
            rate, channels = stream.rate, stream.channels
            seconds = None
            if stream.duration is not None and stream.time_base is not None:
                seconds = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                seconds = container.duration / av.time_base
    except (av.error.FFmpegError, ValueError, OSError):
        return None
    if not rate or not channels:
        return None

    def blocks(start: float) -> Iterator[_Block]:
        to_float = av.AudioResampler(format="flt", rate=rate, layout=None)
        count = undecodable = 0
        drop: int | None = None  # how many samples of what is decoded lie before `start`
        with opened() as container:
            stream = container.streams.audio[0]
            try:
                if start > 0:
                    container.seek(int(start * av.time_base), backward=True)
                origin = float((stream.start_time or 0) * (stream.time_base or 0))
                for packet in container.demux(stream):
                    try:
                        frames = packet.decode()
                    except av.error.FFmpegError:
                        undecodable += 1
                        continue
                    for frame in frames:
                        if drop is None:
                            drop = max(0, round((start - (frame.time or 0.0) + origin) * rate)) if start > 0 else 0
                        for converted in to_float.resample(frame):
                            block = converted.to_ndarray().reshape(-1, len(converted.layout.channels))
                            if block.shape[1] != channels:
                                block = np.repeat(block.mean(axis=1, keepdims=True), channels, axis=1)
                            cut = min(drop, len(block))
                            drop -= cut
                            count += len(block) - cut
                            if cut < len(block):
                                yield np.ascontiguousarray(block[cut:], np.float32)
            except (av.error.FFmpegError, ValueError, OSError) as error:
                reader.damage = getattr(error, "strerror", None) or str(error) or "it breaks off"
        if undecodable:
            reader.damage = f"{undecodable} of its packets cannot be decoded"
        elif seconds is not None and count < (seconds - start - 0.25) * rate:
            reader.damage = reader.damage or "it is shorter than its header says"

    reader = _Reader(rate, channels, seconds, blocks)
    return reader
