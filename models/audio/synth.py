# SPDX-License-Identifier: GPL-3.0-or-later
"""The instruments and the effects of the composer: a wavetable synthesiser, drums of sines and noise, reverb, delay.

Everything is computed; nothing is sampled. A sound of a pitch and length is made once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, sosfilt

Array = NDArray[np.floating]
_TABLE = 2048


@dataclass(frozen=True)
class Instrument:
    """Times in s. Harmonic k has the level k^-dark, and k^-bright at the attack, fading over `bright_decay`.

    `sustain` is the level that `decay` (a time constant) leads to; `odd` how far even harmonics are turned down;
    `detune` the cents of the voices; `vibrato` in cents; `breath` the level of noise at the attack.
    """

    attack: float = 0.004
    decay: float = 0.4
    sustain: float = 0.0
    release: float = 0.06
    dark: float = 2.0
    bright: float = 1.1
    bright_decay: float = 0.1
    odd: float = 0.0
    detune: tuple[float, ...] = (0.0,)
    vibrato: float = 0.0
    breath: float = 0.0


INSTRUMENTS = {
    "bass": Instrument(0.005, 0.5, 0.55, 0.05, 2.4, 1.25, 0.12),
    "sub": Instrument(0.006, 0.9, 0.4, 0.08, 4.0, 2.2, 0.05),
    "upright": Instrument(0.006, 0.45, 0.0, 0.08, 2.8, 1.5, 0.06, breath=0.05),
    "pluck": Instrument(0.002, 0.28, 0.0, 0.10, 2.4, 1.05, 0.07, detune=(-3.0, 3.0)),
    "guitar": Instrument(0.002, 0.16, 0.0, 0.05, 1.9, 1.0, 0.05, breath=0.06),
    "piano": Instrument(0.003, 0.75, 0.0, 0.12, 2.2, 1.35, 0.2, detune=(-1.5, 1.5), breath=0.03),
    "epiano": Instrument(0.003, 0.9, 0.0, 0.15, 3.2, 1.7, 0.25, detune=(-2.0, 2.0)),
    "pad": Instrument(0.18, 1.0, 0.9, 0.30, 1.9, 1.5, 0.8, detune=(-9.0, 0.0, 8.0)),
    "strings": Instrument(0.09, 1.0, 0.9, 0.20, 1.6, 1.35, 0.5, detune=(-6.0, 5.0), vibrato=9.0),
    "lead": Instrument(0.008, 0.35, 0.6, 0.08, 1.7, 1.1, 0.15, odd=0.5, detune=(-5.0, 5.0), vibrato=10.0),
    "flute": Instrument(0.04, 0.5, 0.8, 0.08, 2.8, 2.4, 0.2, vibrato=12.0, breath=0.04),
    "reed": Instrument(0.02, 0.6, 0.8, 0.06, 1.5, 1.2, 0.3, detune=(-4.0, 4.0)),
    "brass": Instrument(0.015, 0.3, 0.6, 0.07, 1.7, 0.95, 0.12, detune=(-4.0, 3.0)),
}


def frequency(midi: float) -> float:
    """Hz of a MIDI note; 69 is 440 Hz."""
    return 440.0 * 2.0 ** ((midi - 69.0) / 12.0)


@lru_cache(1024)
def note(instrument: str, midi: int, milliseconds: int, rate: int, channels: int) -> NDArray[np.float32]:
    """(channels, N) one note at full velocity, held for `milliseconds`, then released to silence."""
    made = INSTRUMENTS[instrument]
    held = milliseconds / 1000.0
    t = np.arange(int((held + 6 * made.release) * rate)) / rate
    level = made.sustain + (1.0 - made.sustain) * np.exp(-t / made.decay)
    level *= np.minimum(1.0, t / made.attack)
    level *= np.where(t > held, np.exp(-(t - held) / made.release), 1.0)
    level[-min(64, len(level)) :] *= np.linspace(1.0, 0.0, min(64, len(level)))
    bright = np.exp(-t / made.bright_decay)

    base = frequency(midi)
    dark_table, bright_table = _tables(instrument, int(min(8000.0, 0.45 * rate) / base) + 1)
    out = np.zeros((channels, len(t)))
    rng = np.random.default_rng([midi, milliseconds])
    for channel in range(channels):
        for cents in made.detune:
            # Opposite detuning of the two sides makes the wide instruments wide.
            pitch = base * 2.0 ** ((cents if channel == 0 else -cents) / 1200.0)
            phase = pitch * t + rng.random()
            if made.vibrato:
                depth = pitch * made.vibrato * (np.log(2) / 1200.0) * np.clip((t - 0.15) / 0.25, 0.0, 1.0)
                phase = phase + depth / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * t)
            place = (phase % 1.0) * _TABLE
            index = place.astype(np.int64)
            part = place - index
            dark = dark_table[index] * (1 - part) + dark_table[index + 1] * part
            light = bright_table[index] * (1 - part) + bright_table[index + 1] * part
            out[channel] += dark + bright * (light - dark)
    out *= level / np.sqrt(len(made.detune))
    if made.breath:
        out += made.breath * rng.standard_normal(len(t)) * np.exp(-t / 0.012) * np.minimum(1.0, t / 0.001)
    return out.astype(np.float32)


@cache
def _tables(instrument: str, harmonics: int) -> tuple[Array, Array]:
    """One period with the dark and one with the bright spectrum, as loud as each other; one sample over."""
    made = INSTRUMENTS[instrument]
    count = max(1, min(harmonics, 40))
    k = np.arange(1, count + 1)
    phases = 2 * np.pi * (k * 0.618) % (2 * np.pi)  # spread, so that the crest is low
    x = np.arange(_TABLE + 1) / _TABLE
    waves = np.sin(2 * np.pi * k[:, None] * x[None] + phases[:, None])
    even = np.where(k % 2 == 0, 1.0 - made.odd, 1.0)
    tables = []
    for slope in (made.dark, made.bright):
        table = (even * k**-slope) @ waves
        tables.append(0.3 * table / table.std())
    return tables[0], tables[1]


@cache
def drum(name: str, rate: int) -> NDArray[np.float32]:
    """(N,) one stroke at full velocity."""
    rng = np.random.default_rng(list(name.encode()))
    out = _DRUM_MAKERS[name](rate, rng)
    fade = min(len(out), rate // 100)
    out[-fade:] *= np.linspace(1.0, 0.0, fade)
    return out.astype(np.float32)


def _filtered(sound: Array, rate: int, order: int, edges: float | list[float], kind: str = "lowpass") -> Array:
    """Butterworth-filtered along the last axis."""
    return np.asarray(sosfilt(np.asarray(butter(order, edges, kind, fs=rate, output="sos")), sound, axis=-1))


def _clock(seconds: float, rate: int) -> Array:
    return np.arange(int(seconds * rate)) / rate


def _noise(rng: np.random.Generator, t: Array, low: float, high: float, rate: int) -> Array:
    """Band-passed noise of unit standard deviation."""
    high = min(high, 0.47 * rate)
    noise = _filtered(rng.standard_normal(len(t)), rate, 2, [min(low, 0.8 * high), high], "bandpass")
    return noise / (noise.std() + 1e-9)


def _sweep(t: Array, start: float, end: float, fall: float) -> Array:
    """A sine that falls from `start` to `end` Hz with the time constant `fall`."""
    return np.sin(2 * np.pi * (end * t + (start - end) * fall * (1 - np.exp(-t / fall))))


def _soft(t: Array, attack: float = 0.0008) -> Array:
    return np.minimum(1.0, t / attack)


def _kick(rate: int, rng: np.random.Generator, punch: float = 1.0) -> Array:
    t = _clock(0.38, rate)
    body = _sweep(t, 90 + 150 * punch, 47, 0.028) * np.exp(-t / 0.13)
    click = 0.16 * punch * _noise(rng, t, 1500, 6000, rate) * np.exp(-t / 0.004)
    return np.tanh(1.4 * (body + click)) * _soft(t)


def _snare(rate: int, rng: np.random.Generator) -> Array:
    t = _clock(0.32, rate)
    tone = (_sweep(t, 260, 185, 0.02) + 0.5 * _sweep(t, 420, 330, 0.02)) * np.exp(-t / 0.055)
    return (0.55 * tone + 0.26 * _noise(rng, t, 900, 9000, rate) * np.exp(-t / 0.075)) * _soft(t)


def _clap(rate: int, rng: np.random.Generator) -> Array:
    t = _clock(0.35, rate)
    level = 0.9 * np.exp(-t / 0.09)
    for burst in (0.0, 0.011, 0.021):
        level = np.maximum(level * 0.75, np.where(t >= burst, np.exp(-(t - burst) / 0.006), 0.0))
    return 0.32 * _noise(rng, t, 900, 3200, rate) * level * _soft(t)


def _metal(rate: int, rng: np.random.Generator, seconds: float, fall: float, low: float = 6500.0) -> Array:
    t = _clock(seconds, rate)
    ring = sum(np.sin(2 * np.pi * f * t + p) for f, p in zip((5311, 6947, 8123, 9377), rng.random(4) * 6, strict=True))
    hiss = _noise(rng, t, low, 14000, rate) + (0.25 * ring if rate > 30000 else 0.0)
    return 0.2 * hiss * np.exp(-t / fall) * _soft(t)


def _crash(rate: int, rng: np.random.Generator) -> Array:
    t = _clock(2.2, rate)
    return (
        0.2
        * (_noise(rng, t, 3000, 13000, rate) + 0.5 * _noise(rng, t, 900, 4000, rate))
        * np.exp(-t / 0.5)
        * _soft(t, 0.004)
    )


def _grain(rate: int, rng: np.random.Generator, rise: float, fall: float, low: float, high: float) -> Array:
    t = _clock(rise + 6 * fall, rate)
    level = np.where(t < rise, (t / rise) ** 2, np.exp(-(t - rise) / fall))
    return 0.22 * _noise(rng, t, low, high, rate) * level


def _skin(rate: int, rng: np.random.Generator, pitch: float, fall: float, slap: float) -> Array:
    t = _clock(6 * fall, rate)
    body = _sweep(t, pitch * 1.15, pitch, 0.02) + 0.35 * _sweep(t, pitch * 1.9, pitch * 1.6, 0.02) * np.exp(-t / 0.04)
    return (0.55 * body * np.exp(-t / fall) + slap * _noise(rng, t, 1200, 6000, rate) * np.exp(-t / 0.012)) * _soft(t)


def _bell(rate: int, rng: np.random.Generator) -> Array:
    t = _clock(0.3, rate)
    squares = np.tanh(3 * np.sin(2 * np.pi * np.outer([562.0, 845.0], t))).sum(axis=0)
    ring = _filtered(squares, rate, 1, [500, 4000], "bandpass")
    return 0.25 * ring * (0.7 * np.exp(-t / 0.025) + 0.3 * np.exp(-t / 0.09)) * _soft(t)


def _wood(rate: int, rng: np.random.Generator, pitch: float, fall: float = 0.018) -> Array:
    t = _clock(0.12, rate)
    return 0.5 * np.sin(2 * np.pi * pitch * t) * np.exp(-t / fall) * _soft(t, 0.0005)


def _guiro(rate: int, rng: np.random.Generator) -> Array:
    t = _clock(0.16, rate)
    teeth = (0.5 + 0.5 * np.sin(2 * np.pi * (70 * t + 160 * t**2))) ** 4
    return 0.3 * _noise(rng, t, 2500, 7000, rate) * teeth * np.minimum(t / 0.004, 1.0) * np.exp(-t / 0.09)


_DRUM_MAKERS = {
    "kick": _kick,
    "soft_kick": lambda rate, rng: 0.8 * _kick(rate, rng, 0.25),
    "snare": _snare,
    "rim": lambda rate, rng: _wood(rate, rng, 1650.0, 0.012),
    "clap": _clap,
    "hat": lambda rate, rng: _metal(rate, rng, 0.12, 0.022),
    "open_hat": lambda rate, rng: _metal(rate, rng, 0.45, 0.11),
    "shaker": lambda rate, rng: _grain(rate, rng, 0.022, 0.03, 5000, 11000),
    "maracas": lambda rate, rng: _grain(rate, rng, 0.006, 0.018, 4500, 11000),
    "conga": lambda rate, rng: _skin(rate, rng, 190.0, 0.12, 0.06),
    "slap": lambda rate, rng: _skin(rate, rng, 330.0, 0.035, 0.28),
    "mute": lambda rate, rng: _skin(rate, rng, 230.0, 0.03, 0.05),
    "bongo": lambda rate, rng: _skin(rate, rng, 420.0, 0.06, 0.1),
    "cowbell": _bell,
    "clave": lambda rate, rng: _wood(rate, rng, 2450.0),
    "guiro": _guiro,
    "tick": lambda rate, rng: _metal(rate, rng, 0.08, 0.012, 3500.0),
    "tom": lambda rate, rng: _skin(rate, rng, 110.0, 0.16, 0.1),
    "crash": _crash,
}


def riser(seconds: float, rate: int) -> NDArray[np.float32]:
    """(N,) noise that swells and brightens: the way into a chorus."""
    t = _clock(seconds, rate)
    rng = np.random.default_rng(7)
    low, high = _noise(rng, t, 300, 1500, rate), _noise(rng, t, 2000, 9000, rate)
    x = t / seconds
    out = 0.16 * x**2 * ((1 - x) * low + x * high)
    fade = min(len(out), rate // 50)
    out[-fade:] *= np.linspace(1.0, 0.0, fade)
    return out.astype(np.float32)


@cache
def _room(seconds: float, rate: int, channels: int) -> Array:
    """(channels, N) impulse response: noise that decays by 60 dB in `seconds`, the treble faster; unit energy."""
    t = _clock(seconds, rate)
    rng = np.random.default_rng(3)
    out = []
    for _ in range(channels):
        bright = rng.standard_normal(len(t)) * np.exp(-6.9 * t / (0.45 * seconds))
        dark = _filtered(rng.standard_normal(len(t)), rate, 1, 1800) * np.exp(-6.9 * t / seconds)
        tail = (0.4 * bright + 1.6 * dark) * np.minimum(1.0, t / 0.012)
        tail = _filtered(tail, rate, 1, 180, "highpass")
        out.append(tail / np.sqrt(np.sum(tail**2)))
    return np.stack(out)


def reverb(sound: Array, rate: int, seconds: float = 1.4) -> Array:
    """(C, N) the wet part alone, cut at the length of `sound`."""
    return np.asarray(oaconvolve(sound, _room(seconds, rate, sound.shape[0]), axes=1))[:, : sound.shape[1]]


def echo(sound: Array, rate: int, seconds: float, feedback: float = 0.38, repeats: int = 4) -> Array:
    """(C, N) the wet part alone of a delay; with two channels the repeats change sides."""
    out = np.zeros_like(sound)
    for repeat in range(1, repeats + 1):
        shift = int(repeat * seconds * rate)
        if shift >= sound.shape[1]:
            break
        source = sound[::-1] if repeat % 2 else sound
        out[:, shift:] += feedback**repeat * source[:, : sound.shape[1] - shift]
    return out


def duck(times: Array, length: int, rate: int, depth: float = 0.55, recovery: float = 0.14) -> Array:
    """(length,) gain that dips at each of `times` and comes back: the kick makes room for itself."""
    since = np.full(length, 1e3)
    clock = np.arange(length) / rate
    starts = np.searchsorted(clock, times)
    for start, end in zip(starts, [*starts[1:], length], strict=True):
        since[start:end] = clock[start:end] - clock[min(start, length - 1)]
    gain = 1.0 - depth * np.exp(-since / recovery)
    smooth = max(1, rate // 400)
    return np.convolve(gain, np.full(smooth, 1.0 / smooth), "same") if length > smooth else gain


def master(mix: Array, rate: int, loudness: float = -14.0) -> NDArray[np.float32]:
    """(C, N) the finished mix: no rumble, `loudness` dB RMS in its loud parts, soft-clipped below 0.97."""
    mix = _filtered(mix, rate, 2, 28, "highpass")
    size = max(1, int(0.4 * rate))
    power = (mix[:, : mix.shape[1] // size * size] ** 2).mean(axis=0).reshape(-1, size).mean(axis=1)
    loud = np.sqrt(np.quantile(power, 0.9)) if len(power) else 0.0
    mix = mix * (10 ** (loudness / 20) / max(float(loud), 1e-6))
    return (0.97 * np.tanh(mix / 0.97)).astype(np.float32)
