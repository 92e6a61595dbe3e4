# SPDX-License-Identifier: GPL-3.0-or-later
"""Blows, scrapes and steps to sound pressure: what a body radiates, in Pa at one metre.

Linear throughout: the cost grows with the number of modes times samples, plus modes times events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from .contact import pulses
from .materials import Material
from .modes import Modes

Array = NDArray[np.float64]

RATE = 48000
AIR, SOUND = 1.204, 343.2  # kg/m³, m/s
_TOP = 0.45  # of the sample rate: no mode is rendered above


def filtered(numerator: Any, denominator: Any, sound: Array) -> Array:
    """A digital filter over (N,)."""
    return np.asarray(signal.lfilter(numerator, denominator, sound), float)


def above(sound: Array, frequency: float, rate: int) -> Array:
    """Without what is lower than that, in Hz."""
    top, bottom = butterworth(frequency, "high", rate)
    return filtered(top, bottom, sound)


def butterworth(frequency: float | list[float], kind: str, rate: int) -> tuple[Any, Any]:
    """Numerator and denominator of the second order."""
    made: Any = signal.butter(2, frequency, kind, fs=rate)
    return made[0], made[1]


@dataclass(frozen=True)
class Blow:
    """`time` s, `impulse` (3,) N·s and `point` (3,) m in the body's frame, `duration` s of the contact."""

    time: float
    impulse: Array
    point: Array
    duration: float


@dataclass(frozen=True)
class Rub:
    """A contact that lasts: `force` (N,) N, a signal that starts at `time` s; `knots` (K,) s and at them `points`
    (K, 3) m and directions (K, 3) of the force, in the body's frame.
    """

    time: float
    force: Array
    knots: Array
    points: Array
    directions: Array


def ring(
    modes: Modes,
    material: Material,
    blows: Sequence[Blow],
    rubs: Sequence[Rub],
    length: int,
    *,
    damping: float = 1.0,
    rate: int = RATE,
) -> Array:
    """(length,) Pa at 1 m: the modes of a body under all that happens to it.

    Each mode is a resonator with exactly its frequency and decay (impulse invariance). Radiated is what a sphere of
    the same surface would: rho c sqrt(sigma A / 4 pi), with sigma = x / (1 + x), x = (k a)², for the part of a mode
    that changes the volume, and x² / (4 + x²), a dipole's, for the rest.

    Args:
        damping: factor on the material's loss.
    """  # fmt: skip
    result = np.zeros(length)
    heard = modes.frequencies < _TOP * rate
    if not heard.any() or not (blows or rubs):
        return result
    frequencies = modes.frequencies[heard]
    decays = np.pi * material.loss * damping * frequencies
    radius = np.sqrt(modes.area / (4 * np.pi))
    wave = (2 * np.pi * frequencies / SOUND * radius) ** 2
    # What only bends pushes the air to and fro between its sides; what swells pumps it.
    swells = modes.swelling()[heard]
    sigma = swells * wave / (1 + wave) + (1 - swells) * wave**2 / (4 + wave**2)
    loud = AIR * SOUND * np.sqrt(sigma * modes.area / (4 * np.pi)) * modes.surface_motion()[heard]
    gains = np.array([modes.at(blow.point)[heard] @ blow.impulse for blow in blows]).reshape(
        len(blows), int(heard.sum())
    )
    samples, events, shares = pulses([b.time for b in blows], [b.duration for b in blows], rate, length)
    rubbed = [_rub_gains(modes, rub, rate)[heard] for rub in rubs]
    starts = [samples.min()] if len(samples) else []
    starts += [max(0, round(rub.time * rate)) for rub in rubs]
    if not starts:
        return result
    first = int(min(starts))
    last = max([int(samples.max(initial=0)), *(round(rub.time * rate) + len(rub.force) for rub in rubs)])
    for mode, (frequency, decay) in enumerate(zip(frequencies, decays, strict=True)):
        force = np.bincount(samples - first, shares * gains[:, mode][events], length - first).astype(float)
        for rub, knots in zip(rubs, rubbed, strict=True):
            start = round(rub.time * rate) - first
            stop = min(start + len(rub.force), len(force))
            if stop > max(start, 0):
                clock = np.arange(stop - start) / rate
                force[start:stop] += rub.force[: stop - start] / rate * np.interp(clock, rub.knots, knots[mode])
        angle, shrink = 2 * np.pi * frequency / rate, np.exp(-decay / rate)
        numerator = [0.0, loud[mode] * shrink * np.sin(angle)]
        # Once it is 90 dB down nobody hears it, nor needs it be computed.
        stop = min(len(force), last - first + round(10.4 / decay * rate) + 2)
        result[first : first + stop] += filtered(numerator, [1.0, -2 * shrink * np.cos(angle), shrink**2], force[:stop])
    return result


def _rub_gains(modes: Modes, rub: Rub, rate: int) -> Array:
    """(M, K): how much each mode is driven by a unit force at the knots."""
    return np.stack([modes.at(p) @ d for p, d in zip(rub.points, rub.directions, strict=True)], 1)


def jolt(mass: float, volume: float, blows: Sequence[Blow], length: int, rate: int = RATE) -> Array:
    """(length,) Pa at 1 m: acceleration noise, of the body as a whole being stopped.

    That of a sphere of the same volume (Kirchhoff; Chadwick, Zheng and James 2012), averaged over directions: velocity
    through rho c a s² / (2 + 2 s + s²), s in units of c/a. It is the whole sound of small stiff things.
    """
    if not blows or mass <= 0 or volume <= 0:
        return np.zeros(length)
    radius = (3 * volume / (4 * np.pi)) ** (1 / 3)
    samples, events, shares = pulses([b.time for b in blows], [b.duration for b in blows], rate, length)
    sizes = np.array([np.linalg.norm(b.impulse) for b in blows]) / mass
    jumps = np.float64(rate) * np.bincount(samples, shares * sizes[events], length)  # acceleration, m/s²
    t = radius / SOUND
    numerator, denominator = signal.bilinear([AIR * SOUND * radius * t * t, 0.0], [t * t, 2 * t, 2.0], rate)
    return filtered(numerator, denominator, jumps) / np.sqrt(3)


def thud(material: Material, thickness: float, blows: Sequence[Blow], length: int, rate: int = RATE) -> Array:
    """(length,) Pa at 1 m: a floor, which has no modes to speak of.

    A plate without end that a force F drives at a point radiates rho F / (2 pi m r) above it, with m its mass per area
    (Cremer, Heckl and Petersson, below coincidence).
    """
    if not blows:
        return np.zeros(length)
    samples, events, shares = pulses([b.time for b in blows], [b.duration for b in blows], rate, length)
    sizes = np.array([np.linalg.norm(b.impulse) for b in blows])
    force = np.float64(rate) * np.bincount(samples, shares * sizes[events], length)
    force = above(force, 30.0, rate)
    return AIR * force / (2 * np.pi * max(material.density * thickness, 1.0))


# --- what lasts -----------------------------------------------------------------------------------------------------


def rubbing(
    track: Array, roughness: float, rolling: bool, seed: int, rate: int = RATE, stiffness: float = 2e5
) -> tuple[Array, Array]:
    """The force of a surface's roughness on what slides or rolls over it.

    The surface is a random profile whose slopes fall off with the wavenumber; the contact reads it at its speed. A
    rolling contact feels only what is longer than its footprint. The steady load itself makes no sound.

    Args:
        track: (K, 3) time s, load N, speed m/s.
        roughness: m, root mean square of the two surfaces' heights.
        stiffness: N/m of the contact, which turns heights into force.

    Returns:
        force (N,) N and the knots' times (K,), s from the first.
    """
    times = track[:, 0] - track[0, 0]
    count = max(2, round(times[-1] * rate))
    clock = np.arange(count) / rate
    load = np.interp(clock, times, track[:, 1])
    speed = np.interp(clock, times, np.maximum(track[:, 2], 0))
    grain = 1e-3 if rolling else 1.5e-4  # m: the shortest that is felt
    way = np.cumsum(speed) / rate
    rng = np.random.default_rng(seed)
    spots = int(min(way[-1] / grain + 8, 4e6))
    white = rng.standard_normal(spots)
    profile = filtered([1.0], [1.0, -0.6], white)  # heights remember their neighbours
    profile /= max(profile.std(), 1e-12)
    heights = np.interp(way / grain, np.arange(spots), profile)
    # A push cannot change faster than the contact moves on; a contact that rests is silent.
    force = np.minimum(stiffness * roughness, 0.5 * load) * heights
    fade = np.minimum(1, np.minimum(clock, clock[-1] - clock) / 0.005)
    moving = np.minimum(1, speed / 0.02)
    force = above(force * moving, 40.0, rate)
    return force * fade, times


def footfall(
    ground: Material,
    thickness: float,
    time: float,
    impulse: float,
    heel: bool,
    seed: int,
    length: int,
    rate: int = RATE,
) -> Array:
    """(length,) Pa at 1 m: a foot in a shoe that comes down on a ground.

    The floor's thud under a blow that the sole softens, a tap of the sole's edge, and on loose ground the crackle of
    its grains, each a short damped tone at a random moment of the step (after Cook 2002, PhISEM).

    Args:
        impulse: N·s. heel: whether it is the heel that comes down, or ball and toes.
    """  # fmt: skip
    rng = np.random.default_rng(seed)
    blow = np.array([0.0, impulse, 0.0])
    soft = (0.009 if heel else 0.013) + ground.give
    tap = 0.0012 if heel else 0.002
    firm = ground.young / (ground.young + 1e8)  # 0 of what gives way, 1 of a hard floor
    blows = [Blow(time, blow, np.zeros(3), soft), Blow(time, 0.02 * firm * blow, np.zeros(3), tap)]
    result = thud(ground, thickness, blows, length, rate)
    rough = max(ground.roughness, 5e-6) ** 0.5 * 0.15
    spread = 0.05 if heel else 0.11  # s that the weight takes to come down
    hiss = rng.standard_normal(round(spread * rate)) * np.exp(-np.arange(round(spread * rate)) / (0.25 * spread * rate))
    hiss = filtered(*butterworth([700, 6000], "band", rate), hiss)
    _add(result, round(time * rate), rough * impulse * hiss)
    if ground.grains:
        number = max(1, round(ground.grains * min(2.0, 0.4 + 0.25 * impulse)))
        moments = time + np.sort(rng.gamma(2.0, spread / 2, number))
        _crackle(result, ground, moments, 0.1 * impulse**0.5, rng, rate)
    return result


# Of a shoe that is drawn along, judgements: m of its sole's roughness, N/m by which it gives way; m of way on which it
# stirs as many grains as a step does, and the impulse (N·s) of a step that stirs them as much; Pa of hiss at 1 m by 1
# m/s under 100 N, for the root of 1 m of the ground's roughness.
_SOLE_ROUGH, _SOLE_STIFF, _STEP_LONG, _STIRS, _HISSES = 50e-6, 2e4, 0.3, 2.0, 0.9


def shuffle(ground: Material, thickness: float, track: Array, seed: int, length: int, rate: int = RATE) -> Array:
    """(length,) Pa at 1 m: a sole that is drawn over a ground. Sole and ground hiss, loose grains crackle on the way.

    Args:
        track: (K, 3) time s, load N, speed m/s.
    """
    result = np.zeros(length)
    rng = np.random.default_rng(seed)
    start = round(track[0, 0] * rate)
    force, _ = rubbing(track, float(np.hypot(_SOLE_ROUGH, ground.roughness)), False, seed, rate, _SOLE_STIFF)
    # As of `thud`: what a plate without end radiates that a force drives.
    _add(result, start, AIR * force / (2 * np.pi * max(ground.density * thickness, 1.0)))
    clock = track[0, 0] + np.arange(len(force)) / rate
    loud = np.interp(clock, track[:, 0], np.minimum(track[:, 2], 3.0) * np.sqrt(track[:, 1] / 100))
    edge = np.minimum(1, np.minimum(clock - clock[0], clock[-1] - clock) / 0.01)
    hiss = filtered(*butterworth([700, 6000], "band", rate), rng.standard_normal(len(force)))
    _add(result, start, _HISSES * max(ground.roughness, 5e-6) ** 0.5 * loud * edge * hiss)
    if ground.grains:
        way = np.concatenate([[0.0], np.cumsum(0.5 * (track[1:, 2] + track[:-1, 2]) * np.diff(track[:, 0]))])
        number = round(ground.grains * way[-1] / _STEP_LONG)
        moments = np.interp(rng.uniform(0, way[-1], number), way, track[:, 0])
        _crackle(result, ground, moments, 0.1 * _STIRS**0.5, rng, rate)
    return result


def _crackle(result: Array, ground: Material, moments: Array, size: float, rng: np.random.Generator, rate: int) -> None:
    """Add a short damped tone of a grain at each of the moments."""
    tones = np.exp(rng.uniform(np.log(ground.grain[0]), np.log(ground.grain[1]), len(moments)))
    sizes = size * rng.pareto(2.5, len(moments)).clip(0, 6) / max(len(moments), 1) ** 0.25
    clock = np.arange(round(0.008 * rate)) / rate
    for moment, tone, loud in zip(moments, tones, sizes, strict=True):
        crumb = loud * np.exp(-clock * tone / 1.6) * np.sin(2 * np.pi * tone * clock)
        _add(result, round(moment * rate), crumb)


def clap(time: float, speed: float, seed: int, length: int, rate: int = RATE) -> Array:
    """(length,) Pa at 1 m: two hands, whose hollow rings for an instant between 0.8 and 2 kHz (after Repp 1987)."""
    rng = np.random.default_rng(seed)
    result = np.zeros(length)
    count = round(0.05 * rate)
    hollow = rng.uniform(900, 1600)
    burst = rng.standard_normal(count) * np.exp(-np.arange(count) / (0.006 * rate))
    numerator, denominator = signal.iirpeak(hollow, 2.0, fs=rate)
    air = filtered(numerator, denominator, burst)
    _add(result, round(time * rate), 0.8 * min(speed, 6.0) / 3 * air / max(np.abs(air).max(), 1e-12))
    return result


def slap(time: float, speed: float, seed: int, length: int, rate: int = RATE) -> Array:
    """(length,) Pa at 1 m: the skin of a hand that comes down flat; what it hits sounds by itself."""
    result = np.zeros(length)
    count = round(0.03 * rate)
    burst = np.random.default_rng(seed).standard_normal(count) * np.exp(-np.arange(count) / (0.004 * rate))
    air = filtered(*butterworth([300, 3000], "band", rate), burst)
    _add(result, round(time * rate), 0.3 * min(speed, 6.0) / 3 * air / max(np.abs(air).max(), 1e-12))
    return result


def _add(result: Array, start: int, piece: Array) -> None:
    first, last = max(start, 0), min(start + len(piece), len(result))
    if last > first:
        result[first:last] += piece[first - start : last - start]
