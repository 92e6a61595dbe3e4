# SPDX-License-Identifier: GPL-3.0-or-later
"""A small formant synthesiser that speaks from phonemes: the demo's voice, with exactly known phone times.

A voiced source (Rosenberg, JASA 1971) and noise pass through a cascade of formant resonators for vowels, nasals and
liquids, and through a parallel bank for the noise of fricatives and bursts, after Klatt (JASA 1980). Targets glide from
phone to phone (coarticulation); the pitch falls over each phrase, with a rise on each stressed vowel. Formants are of
the order of those of Peterson and Barney (JASA 1952) for a woman's voice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, lfilter, sosfilt

from ...rigs.errors import InputError
from ...rigs.sound import Sound

_STEP = 0.0005  # s between two settings of the filters
_BANDWIDTHS = (80.0, 100.0, 140.0, 220.0, 280.0)  # Hz, F1 to F5
_UPPER = (4100.0, 5000.0)  # Hz, F4 and F5 of a woman, much the same in all phones


@dataclass(frozen=True)
class Phone:
    """`formants` F1 to F3 Hz; `to` where a diphthong glides; `seconds` its length in clear speech; levels 0..1.

    `hiss` is (lowest, highest Hz) of the frication noise. A stop has a closure, then a burst; `nasal` damps F1 and adds
    the murmur of the nose.
    """

    formants: tuple[float, float, float]
    seconds: float
    voice: float = 1.0
    noise: float = 0.0
    breath: float = 0.0
    hiss: tuple[float, float] = (1000.0, 5000.0)
    to: tuple[float, float, float] | None = None
    stop: bool = False
    nasal: bool = False
    vowel: bool = False


def _vowel(f1: float, f2: float, f3: float, seconds: float, to: tuple[float, float, float] | None = None) -> Phone:
    return Phone((f1, f2, f3), seconds, to=to, vowel=True)


# ARPAbet names, which the speech corpora use.
PHONES: dict[str, Phone] = {
    "AA": _vowel(850, 1220, 2810, 0.13),
    "AE": _vowel(860, 2050, 2850, 0.13),
    "AH": _vowel(700, 1400, 2780, 0.08),
    "AO": _vowel(590, 920, 2710, 0.13),
    "AW": _vowel(860, 1450, 2800, 0.17, (480, 1000, 2700)),
    "AX": _vowel(560, 1500, 2700, 0.055),
    "AY": _vowel(860, 1350, 2800, 0.17, (400, 2350, 3000)),
    "EH": _vowel(610, 2330, 2990, 0.10),
    "ER": _vowel(500, 1500, 1850, 0.13),
    "EY": _vowel(560, 2250, 2950, 0.15, (380, 2600, 3100)),
    "IH": _vowel(430, 2480, 3070, 0.08),
    "IY": _vowel(310, 2790, 3310, 0.12),
    "OW": _vowel(600, 1150, 2700, 0.16, (420, 850, 2650)),
    "OY": _vowel(560, 900, 2700, 0.18, (400, 2350, 3000)),
    "UH": _vowel(470, 1160, 2680, 0.08),
    "UW": _vowel(370, 950, 2670, 0.12),
    "W": Phone((320, 720, 2500), 0.07, 0.75),
    "Y": Phone((300, 2700, 3300), 0.06, 0.75),
    "R": Phone((380, 1300, 1750), 0.07, 0.75),
    "L": Phone((380, 1150, 2950), 0.07, 0.75),
    "M": Phone((280, 1100, 2500), 0.075, 0.5, nasal=True),
    "N": Phone((280, 1750, 2700), 0.07, 0.5, nasal=True),
    "NG": Phone((280, 2300, 2800), 0.08, 0.5, nasal=True),
    "HH": Phone((600, 1600, 2800), 0.06, 0.0, 0.0, 0.55),
    "F": Phone((340, 1250, 2500), 0.10, 0.0, 0.16, hiss=(1500, 9000)),
    "V": Phone((320, 1250, 2500), 0.06, 0.45, 0.08, hiss=(1500, 9000)),
    "TH": Phone((350, 1550, 2700), 0.09, 0.0, 0.12, hiss=(3000, 9500)),
    "DH": Phone((330, 1550, 2700), 0.05, 0.5, 0.05, hiss=(3000, 9500)),
    "S": Phone((360, 1750, 2750), 0.10, 0.0, 0.5, hiss=(4800, 10000)),
    "Z": Phone((330, 1750, 2750), 0.08, 0.4, 0.28, hiss=(4800, 10000)),
    "SH": Phone((350, 2000, 2800), 0.11, 0.0, 0.5, hiss=(2200, 6500)),
    "P": Phone((350, 1000, 2400), 0.10, 0.0, 0.35, 0.3, (500, 3000), stop=True),
    "B": Phone((300, 1000, 2400), 0.075, 0.25, 0.2, 0.0, (400, 2500), stop=True),
    "T": Phone((350, 1850, 2850), 0.10, 0.0, 0.55, 0.3, (3500, 9000), stop=True),
    "D": Phone((300, 1850, 2850), 0.065, 0.25, 0.35, 0.0, (3200, 8000), stop=True),
    "K": Phone((350, 2000, 2700), 0.10, 0.0, 0.5, 0.3, (1500, 4500), stop=True),
    "G": Phone((300, 2000, 2600), 0.07, 0.25, 0.3, 0.0, (1400, 4200), stop=True),
    "CH": Phone((350, 1950, 2800), 0.13, 0.0, 0.5, 0.0, (2200, 7000), stop=True),
    "JH": Phone((300, 1950, 2800), 0.10, 0.25, 0.4, 0.0, (2200, 7000), stop=True),
    "SIL": Phone((500, 1500, 2700), 0.18, 0.0),
}
# Share of a stop that is silent closure; the affricates keep on hissing after it.
_CLOSURE = {"CH": 0.4, "JH": 0.4}


@dataclass(frozen=True)
class TimedPhone:
    """A phone without its stress mark, from `start` to `end` s."""

    phone: str
    start: float
    end: float


@dataclass(frozen=True)
class Speech:
    sound: Sound
    phones: list[TimedPhone]
    text: str


def speak(
    phones: str, text: str = "", pitch: float = 205.0, speed: float = 1.0, rate: int = 22050, seed: int = 0
) -> Speech:
    """Speak ARPAbet `phones`, separated by spaces: "HH AX L OW1 , AY1". A digit 1 or 2 stresses a vowel, `,` and
    `.` end a phrase. `pitch` Hz is the middle of the voice, `speed` times clear speech.

    Raises:
        InputError: a phone that is not in PHONES, or values that cannot be.
    """
    if not 50 <= pitch <= 500 or not 0.3 <= speed <= 3 or not 16000 <= rate <= 96000:
        raise InputError("Cannot speak like that: give a pitch of 50-500 Hz, a speed of 0.3-3, a rate of 16-96 kHz.")
    timed, stress = _timing(phones, speed)
    seconds = timed[-1].end
    frames = int(np.ceil(seconds / _STEP))
    clock = (np.arange(frames) + 0.5) * _STEP
    formants, voice, noise, breath, nasal, hiss = _tracks(timed, clock)
    melody = _melody(timed, stress, clock, pitch)

    length = int(seconds * rate)
    when = np.arange(length) / rate
    rng = np.random.default_rng(seed)

    def fine(track: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(when, clock, track)

    # Jitter and shimmer of a living voice.
    wobble = gaussian_filter1d(rng.standard_normal(length), 0.01 * rate)
    f0 = fine(melody) * (1.0 + 0.008 * wobble / (wobble.std() + 1e-9))
    phase = np.cumsum(f0) / rate
    hum = _glottis(phase % 1.0, f0 / rate)
    white = rng.standard_normal(length)
    pulsed = 0.6 + 0.4 * np.cos(2 * np.pi * phase)
    source = fine(voice) * (hum + 0.02 * white * pulsed) + 0.22 * fine(breath) * white
    out = _cascade(source, formants, nasal, rate)
    out += _fricatives(white, noise, hiss, fine, rate)
    out = np.asarray(sosfilt(butter(2, 70, "highpass", fs=rate, output="sos"), out))
    # A little compression lifts the closed vowels, as a presenter's microphone does.
    out = 0.75 * np.tanh(1.8 * out / max(float(np.abs(out).max()), 1e-9)) / np.tanh(1.8)
    fade = int(0.01 * rate)
    out[:fade] *= np.linspace(0, 1, fade)
    out[-fade:] *= np.linspace(1, 0, fade)
    return Speech(Sound(out[None].astype(np.float32), rate), timed, text)


def demo_sentence(rate: int = 22050) -> Speech:
    """What the demo says, about 3 s."""
    return speak(
        "HH AX L OW1 , AY1 AE M EY1 V AX . W AA1 CH M IY1 D AE1 N S .", "Hello, I am Ava. Watch me dance.", rate=rate
    )


def _timing(phones: str, speed: float) -> tuple[list[TimedPhone], list[int]]:
    """The phones with their times and stresses (0 none, 1, 2); silence before, after and between the phrases."""
    tokens = phones.replace(",", " SIL ").replace(".", " SIL SIL ").split()
    names, stress = ["SIL"], [0]
    for token in tokens:
        name = token.rstrip("012")
        if name not in PHONES:
            raise InputError(f"There is no phone {token!r}: give ARPAbet phones such as HH AX L OW1.")
        names.append(name)
        stress.append(int(token[-1]) if token[-1].isdigit() else 0)
    if names[-1] != "SIL":
        names.append("SIL")
        stress.append(0)
    timed = []
    now = 0.0
    for index, name in enumerate(names):
        seconds = PHONES[name].seconds / speed
        if PHONES[name].vowel:
            seconds *= {0: 0.9, 1: 1.2, 2: 1.05}[stress[index]]
        # The last syllable of a phrase is drawn out.
        if name != "SIL" and "SIL" in names[index + 1 : index + 4]:
            seconds *= 1.35 if PHONES[name].vowel else 1.1
        timed.append(TimedPhone(name, now, now + seconds))
        now += seconds
    return timed, stress


def _tracks(timed: list[TimedPhone], clock: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """At each time of `clock` (n,): formants (n, 3), levels of voice, noise, breath and nasality (n,), hiss (n, 2)."""
    n = len(clock)
    formants, hiss = np.zeros((n, 3)), np.zeros((n, 2))
    voice, noise, breath, nasal = (np.zeros(n) for _ in range(4))
    for index, item in enumerate(timed):
        phone = PHONES[item.phone]
        inside = (clock >= item.start) & (clock < item.end)
        x = ((clock[inside] - item.start) / (item.end - item.start))[:, None]
        start = np.array(phone.formants)
        end = start if phone.to is None else np.array(phone.to)
        following = np.array(PHONES[timed[min(index + 1, len(timed) - 1)].phone].formants)
        if item.phone == "HH":
            start = end = following  # the mouth is already where it will speak
        elif item.phone == "SIL":
            before = PHONES[timed[max(0, index - 1)].phone]
            start, end = np.array(before.to or before.formants), following
        glide = np.clip((x - 0.3) / 0.5, 0.0, 1.0)
        formants[inside] = start + (end - start) * glide
        hiss[inside] = phone.hiss
        voice[inside], breath[inside], nasal[inside] = phone.voice, phone.breath, phone.nasal
        if phone.stop:
            closed = _CLOSURE.get(item.phone, 0.6)
            y = x[:, 0]
            fall = 0.5 if item.phone in _CLOSURE else 0.12
            noise[inside] = phone.noise * np.where(y < closed, 0.0, np.exp(-(y - closed) / fall))
            breath[inside] = np.where(y < closed + 0.1, 0.0, phone.breath)
        else:
            noise[inside] = phone.noise
    # Articulators take some 20 ms, voicing some 10, a burst 2.
    formants = gaussian_filter1d(formants, 0.017 / _STEP, axis=0, mode="nearest")
    voice, nasal, breath = (gaussian_filter1d(track, 0.008 / _STEP) for track in (voice, nasal, breath))
    return formants, voice, gaussian_filter1d(noise, 0.003 / _STEP), breath, nasal, hiss


def _melody(
    timed: list[TimedPhone], stress: list[int], clock: NDArray[np.float64], pitch: float
) -> NDArray[np.float64]:
    """F0 Hz: falls by 5 semitones over each phrase and rises by some 3 about each stressed vowel."""
    semitones = np.zeros(len(clock))
    phrase: list[int] = []
    for index, item in enumerate(timed):
        if item.phone != "SIL":
            phrase.append(index)
        if phrase and (item.phone == "SIL" or index == len(timed) - 1):
            start, end = timed[phrase[0]].start, timed[phrase[-1]].end
            inside = (clock >= start - 0.05) & (clock < end + 0.05)
            semitones[inside] += 2.0 - 5.0 * np.clip((clock[inside] - start) / (end - start), 0, 1)
            for place in phrase:
                if stress[place]:
                    middle = timed[place].start + 0.35 * (timed[place].end - timed[place].start)
                    height = 3.5 if stress[place] == 1 else 2.0
                    semitones += height * np.exp(-0.5 * ((clock - middle) / 0.07) ** 2)
            phrase = []
    return pitch * 2.0 ** (gaussian_filter1d(semitones, 0.02 / _STEP) / 12.0)


def _glottis(phase: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """The derivative of Rosenberg's glottal flow at `phase` 0..1 of the period: opens to 0.4, closes by 0.56.

    Taken as the difference of the flow between two samples, which keeps the closing from aliasing.
    """

    def flow(p: NDArray[np.float64]) -> NDArray[np.float64]:
        p = p % 1.0
        rising = 0.5 * (1.0 - np.cos(np.pi * p / 0.4))
        falling = np.cos(0.5 * np.pi * (p - 0.4) / 0.16)
        return np.where(p < 0.4, rising, np.where(p < 0.56, falling, 0.0))

    return (flow(phase) - flow(phase - step)) / step / 6.0


def _cascade(
    source: NDArray[np.float64], formants: NDArray[np.float64], nasal: NDArray[np.float64], rate: int
) -> NDArray[np.float64]:
    """`source` through resonators whose settings change every _STEP; unit gain at 0 Hz each."""
    count = max(1, round(_STEP * rate))
    out = source
    upper = np.tile(_UPPER, (len(formants), 1))
    frequencies = np.concatenate([formants, upper], axis=1)
    for band in range(5):
        width = _BANDWIDTHS[band] * np.where(band < 2, 1.0 + 1.5 * nasal, 1.0)
        radius = np.exp(-np.pi * width / rate)
        b1 = 2.0 * radius * np.cos(2 * np.pi * np.minimum(frequencies[:, band], 0.48 * rate) / rate)
        b2 = -(radius**2)
        result = np.empty_like(out)
        memory = np.zeros(2)
        for frame, begin in enumerate(range(0, len(out), count)):
            k = min(frame, len(b1) - 1)
            piece = out[begin : begin + count]
            done, memory = lfilter([1.0 - b1[k] - b2[k]], [1.0, -b1[k], -b2[k]], piece, zi=memory)
            result[begin : begin + count] = done
        out = result
    return out


def _fricatives(
    white: NDArray[np.float64],
    noise: NDArray[np.float64],
    hiss: NDArray[np.float64],
    fine: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rate: int,
) -> NDArray[np.float64]:
    """White noise in the band of each phone, at its level."""
    out = np.zeros(len(white))
    for low, high in np.unique(hiss, axis=0):
        level = fine(np.where((hiss[:, 0] == low) & (hiss[:, 1] == high), noise, 0.0))
        if level.any():
            shape = np.asarray(butter(2, [low, min(high, 0.47 * rate)], "bandpass", fs=rate, output="sos"))
            band = np.asarray(sosfilt(shape, white))
            out += 0.8 * level * band / (band.std() + 1e-9)
    return out
