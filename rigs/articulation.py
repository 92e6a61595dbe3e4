# SPDX-License-Identifier: GPL-3.0-or-later
"""From timed phones to the curves of mouth, jaw and tongue.

Neighbouring phones blend by dominance (Cohen and Massaro, 1993) with rules for what the lips may never miss after JALI
(Edwards, Landreth, Fiume and Singh, 2016): tongue sounds leave the lips to their neighbours, rounding begins early, and
every p, b and m closes the lips in a frame. Loaded in Blender too, hence without scipy.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import articulation_natural as natural
from .articulation_contacts import (
    HISSING,
    LIP_AT_TEETH,
    LIPS,
    TEETH,
    TEETH_MEET,
    Contacts,
    Spans,
    all_spans,
    claimed,
    frame_count,
    gate,
)
from .articulation_poses import CHANNELS, CONTACTS, GROUPS, Poses, columns, default_poses
from .errors import InputError
from .face import ARKIT_52
from .phones import FEATURES, Phones, those

Array = NDArray[np.float64]

# Name -> (type, smallest, largest), as models/tasks.py checks options.
OPTIONS: dict[str, tuple[type, float | None, float | None]] = {
    "jaw": (float, 0, 2),
    "lips": (float, 0, 2),
    "articulation": (float, 0, 2),
    "closure": (float, 0, 2),
    "smoothing": (float, 0, 1),
    "natural": (float, 0, 1),
    "lead_ms": (float, -500, 500),
    "tongue": (float, 0, 2),
    "stepped": (bool, None, None),
    "hold_ms": (float, 0, 500),
}


@dataclass(frozen=True)
class MouthSettings:
    """The animator's wishes.

    jaw, lips, tongue: size of their movement, 1 as measured on real speakers. articulation: 0 mumbled … 1 … 2
    exaggerated. closure: how hard the lips press in p, b, m and f, v; they touch even at 0. smoothing: 0 crisp … 1
    sluggish. natural: how far the mouth does as a captured face would, where that is known. lead_ms: the mouth comes
    earlier by this, or later. stepped: poses that are held, for drawn mouths, each for `hold_ms` at least.
    """

    jaw: float = 1.0
    lips: float = 1.0
    articulation: float = 1.0
    closure: float = 1.0
    smoothing: float = 0.2
    natural: float = 0.7
    lead_ms: float = 0.0
    tongue: float = 1.0
    stepped: bool = False
    hold_ms: float = 80.0

    def __post_init__(self) -> None:
        for field in fields(self):
            kind, low, high = OPTIONS[field.name]
            value = getattr(self, field.name)
            if kind is bool or low is None or high is None:
                continue
            if not np.isfinite(value) or not low <= value <= high:
                raise InputError(f"The mouth's {field.name} must lie within {low:g} and {high:g}, not at {value}.")

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> MouthSettings:
        """Of a job's options, all of OPTIONS optional. Raises InputError."""
        return cls(**{name: options[name] for name in OPTIONS if options.get(name) is not None})


# Frames that are worked on at once, and phones looked at to either side of each.
_CHUNK, _REACH = 4096, 6
# The longest half of a phone (s) that counts: longer ones keep their pose in between.
_HALF = 0.10
# Ways to and from a contact, s.
_WAYS = ((LIPS, 0.035, 0.060), (TEETH, 0.055, 0.055), (HISSING, 0.070, 0.080))
_FUNNEL_WAY = 0.090
# In a pause of this length (s) or longer the lips meet, so long after the last sound, and part so long before the next.
_PAUSE, _MEET, _PART = 0.12, 0.02, 0.02
_SILENCE, _VOWELS = those("pause"), those("vowel")
_TEXTURE = those("vowel", "approximant", "trill", "velar", "glottal")


# The group of each of CHANNELS, by its number; and which of them are of the jaw, the lips and the tongue.
_GROUP_OF = np.concatenate([[g] * len(shapes) for g, shapes in enumerate(GROUPS.values())])
_OF_JAW, _OF_LIPS, _OF_TONGUE = (
    np.array([CHANNELS.index(shape) for group in groups for shape in GROUPS[group]])
    for groups in (("jaw",), ("round", "spread", "part"), ("tongue",))
)


def articulate(
    phones: Phones,
    seconds: float,
    fps: float,
    *,
    effort: ArrayLike | None = None,
    loudness: ArrayLike | None = None,
    usual: float | None = None,
    motion: ArrayLike | None = None,
    settings: MouthSettings | None = None,
    poses: Poses | None = None,
    since: int = 0,
) -> Array:
    """(T, 52) weights 0..1 of ARKit's shapes, all but mouth, jaw, cheekPuff and tongue at 0; T = round(seconds · fps).

    With `since` only the frames from there on, (T − since, 52): the same, in less time.

    Args:
        effort: 0 whispered or mumbled … 0.5 … 1 shouted; any number of values, spread evenly over `seconds`.
        loudness: dB, against any level, likewise: only how it goes up and down counts.
        usual: that of a usual vowel, dB; left out, it is the median of the vowels here.
        motion: (n, M) of articulation_natural.MOTION, likewise: what a captured face would do.

    Raises:
        InputError: the frame rate is not within 1..1000, or the clip's length is no number.
    """
    settings, poses = settings or MouthSettings(), poses or default_poses()
    if not (np.isfinite(fps) and 1 <= fps <= 1000):
        raise InputError(f"The frame rate must lie within 1 and 1000, not at {fps}.")
    if not (np.isfinite(seconds) and seconds >= 0):
        raise InputError(f"The clip's length must be a number of seconds, not {seconds}.")
    phones = led(phones, settings)
    whole = phones.filled(max(seconds, 1 / fps))
    targets, pull = asked(whole, poses, settings, effort, loudness, seconds, usual)
    count, sigma = frame_count(seconds, fps), settings.smoothing * 0.06 * fps
    begin = max(min(since, count) - _reach(sigma), 0)
    times = np.arange(begin, count) / fps
    if settings.stepped:
        times = _held(whole, times, settings.hold_ms / 1000)
    real = natural.sampled(motion, seconds, times + settings.lead_ms / 1000) if settings.natural else None
    curves = _blended(whole, times, targets, pull, poses, settings, real)
    if not settings.stepped:
        curves = _smoothed(curves, sigma)
    touch = all_spans(whole)
    made = claimed(touch, count, fps)
    frames = Contacts(made.closed[begin:], made.teeth[begin:], made.shut[begin:])
    return _touched(curves, whole, touch, times, frames, poses, settings, real)[since - begin :]


def led(phones: Phones, settings: MouthSettings) -> Phones:
    """The phones as the mouth forms them, with the settings' lead."""
    return phones.shifted(-settings.lead_ms / 1000) if settings.lead_ms else phones


def spread_over(values: ArrayLike | None, seconds: float, times: Array, default: float) -> Array:
    """Values spread evenly over `seconds`, at other times; `default` where there are none."""
    given = np.asarray([] if values is None else values, float).reshape(-1)
    given = np.where(np.isfinite(given), given, default)
    if not len(given):
        return np.full(len(times), default)
    own = (np.arange(len(given)) + 0.5) * (seconds / len(given))
    return np.interp(times, own, given)


def asked(
    phones: Phones, poses: Poses, settings: MouthSettings, effort: ArrayLike | None, loudness: ArrayLike | None,
    seconds: float, usual: float | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Each phone's targets (N, C) and pull (N, G), after settings, effort and loudness."""
    targets, pull = poses.targets[phones.numbers], poses.pull[phones.numbers]
    middle = (phones.start + phones.end) / 2
    vowel, textured = phones.among(_VOWELS), phones.among(_TEXTURE)

    tried = spread_over(effort, seconds, middle, 0.5).clip(0, 1)
    level = spread_over(loudness, seconds, middle, 0.0)
    if usual is None:
        usual = float(np.median(level[vowel])) if vowel.any() else 0.0
    above = level - usual
    loud = np.where(textured, (1 + 0.015 * above).clip(0.75, 1.3), 1.0)
    formed = np.where(vowel, 0.4 + 0.6 * phones.strength, 1.0)
    of_jaw, of_lips = _sizes(settings)
    jaw = of_jaw * (0.75 + 0.5 * tried) * loud * formed
    lips = of_lips * (0.8 + 0.4 * tried) * formed

    targets[:, _OF_JAW] *= jaw[:, None]
    targets[:, _OF_LIPS] *= lips[:, None]
    targets[:, _OF_TONGUE] *= settings.tongue
    pull *= np.where(vowel, 0.3 + 0.7 * phones.strength, 1.0)[:, None]
    return targets, pull


def _sizes(settings: MouthSettings) -> tuple[float, float]:
    """Of the jaw's and the lips' movement. Mumbling closes the jaw more than it slackens the lips."""
    size = settings.articulation
    return settings.jaw * (0.25 + 0.75 * size), settings.lips * (0.35 + 0.65 * size)


def _blended(
    phones: Phones, times: Array, targets: Array, pull: Array, poses: Poses, settings: MouthSettings, real: Array | None
) -> Array:
    """(T, C): at each moment the mean of the targets of the phones around, by their dominance; then moved towards the
    motion (T, M) that a captured face would have, where it is known, within what the phone of the moment permits.
    """
    sizes = _sizes(settings)
    bounds = natural.bounds(phones, targets, sizes)
    made = np.empty((len(times), len(CHANNELS)))
    for begin in range(0, len(times), _CHUNK):
        here = slice(begin, begin + _CHUNK)
        index, share = dominance(phones, times[here], pull, poses, settings)
        made[here] = np.einsum("tkc,tkc->tc", share[..., _GROUP_OF], targets[index])
        if real is not None:
            within = bounds[index[:, _REACH]]
            made[here] = natural.moved(made[here], real[here], within, settings.natural, sizes)
    return made


def dominance(
    phones: Phones, times: Array, pull: Array, poses: Poses, settings: MouthSettings
) -> tuple[NDArray[np.int64], Array]:
    """The K phones (T, K) around each moment, and the share (T, K, G) that each has there in every group of shapes."""
    half = np.minimum((phones.end - phones.start) / 2, _HALF)
    first, last = phones.start + half, phones.end - half
    # Exaggerated speech reaches its poses, mumbled speech blurs them.
    blur = 1.5 - 0.5 * settings.articulation if settings.articulation < 1 else 1.2 - 0.2 * settings.articulation
    t = times[:, None]
    here = np.searchsorted(phones.start, times, side="right") - 1
    index = here[:, None] + np.arange(-_REACH, _REACH + 1)
    inside = (index >= 0) & (index < len(phones))
    index = index.clip(0, len(phones) - 1)
    before, after = first[index] - t, t - last[index]  # (T, K), positive beside the phone
    away = np.maximum(np.maximum(before, after), 0)
    reach = np.where((before > 0)[..., None], poses.lead, poses.trail) * blur + half[index][..., None]
    power = pull[index] * np.exp(-((away[..., None] / reach) ** 2)) * inside[..., None]
    return index, power / (power.sum(1, keepdims=True) + 1e-12)


def _reach(sigma: float) -> int:
    return max(1, int(3 * sigma + 0.5))


def _smoothed(curves: Array, sigma: float) -> Array:
    """A Gaussian along time, of `sigma` frames."""
    if sigma < 0.2 or len(curves) < 2:
        return curves
    reach = _reach(sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    count = len(curves)
    padded = np.concatenate([curves[:1].repeat(reach, 0), curves, curves[-1:].repeat(reach, 0)])
    made = kernel[0] * padded[:count]
    for at in range(1, len(kernel)):
        made += kernel[at] * padded[at : at + count]
    return made


# Where each of CHANNELS and of CONTACTS goes in ARKIT_52.
_CHANNELS, _CONTACTS = (
    np.array([(column, place) for place, shape in enumerate(shapes) for column in columns(shape)]).T
    for shapes in (CHANNELS, CONTACTS)
)
_JAW, _CLOSE, _FUNNEL = (ARKIT_52.index(shape) for shape in ("jawOpen", "mouthClose", "mouthFunnel"))
_PARTING = columns("mouthLowerDown") + columns("mouthUpperUp")


def _touched(
    curves: Array, phones: Phones, touch: dict[frozenset[str], Spans], times: Array, frames: Contacts, poses: Poses,
    settings: MouthSettings, real: Array | None,
) -> Array:  # fmt: skip
    """(T, 52): the curves with every contact made; `touch` as `all_spans`."""
    weights = np.zeros((len(curves), len(ARKIT_52)))
    weights[:, _CHANNELS[0]] = curves[:, _CHANNELS[1]]

    lips, teeth, hissing = _levels(touch, times, frames)
    jaw = weights[:, _JAW]
    jaw += teeth * (LIP_AT_TEETH - jaw)
    jaw += hissing * (np.minimum(jaw, TEETH_MEET) - jaw)
    meet = np.maximum(lips, _resting(phones, times) * (1 - teeth))
    weights[:, _PARTING] *= ((1 - meet) * (1 - teeth))[:, None]
    # A funnel keeps the lips apart; what of the rounding goes through a closure is the pucker.
    wide = np.maximum(gate(times, *touch[LIPS][:2], _FUNNEL_WAY, _FUNNEL_WAY), meet)
    weights[:, _FUNNEL] *= 1 - 0.9 * wide
    # Apple's meaning of mouthClose: the lips are together although the jaw is open.
    weights[:, _CLOSE] = meet * jaw

    for level, kind in ((lips, LIPS), (teeth, TEETH)):
        if not level.any():
            continue
        firm, least = _firmness(kind, settings.closure), _firmness(kind, 0.0)
        pressed = level[:, None] * _contact_shapes(phones, touch[kind], times, poses) * firm
        if real is not None:
            pressed *= natural.firmness(real, kind is LIPS, settings.natural, least / firm)
        weights[:, _CONTACTS[0]] += pressed[:, _CONTACTS[1]]
    if real is not None:
        free = (1 - np.maximum(lips, teeth)) * settings.natural
        for shape, rolled in natural.rolls(real).items():
            weights[:, columns(shape)] += (free * rolled)[:, None]
    return weights.clip(0, 1)


def contact_levels(phones: Phones, times: Array, frames: Contacts) -> tuple[Array, Array, Array]:
    """(T,) each, 0..1: how near lips, lip and teeth, and the teeth are to each other; 1 where they touch."""
    return _levels(all_spans(phones), times, frames)


def _levels(touch: dict[frozenset[str], Spans], times: Array, frames: Contacts) -> tuple[Array, Array, Array]:
    lips, teeth, hissing = (gate(times, *touch[kind][:2], *ways) for kind, *ways in _WAYS)
    return (
        np.where(frames.closed, 1.0, np.where(frames.teeth, 0.0, lips * (1 - teeth))),
        np.where(frames.teeth, 1.0, np.where(frames.closed, 0.0, teeth * (1 - lips))),
        np.where(frames.shut, 1.0, hissing),
    )


def _firmness(kind: frozenset[str], closure: float) -> float:
    # Without any roll the lips of a mesh only just meet, or leave a slit.
    return 0.4 + 0.6 * closure if kind is LIPS else 0.6 + 0.4 * closure


def _contact_shapes(phones: Phones, touch: Spans, times: Array, poses: Poses) -> Array:
    """(T, K) of the contact that is nearest in time."""
    start, end, at = touch
    if not len(at):
        return np.zeros((len(times), len(CONTACTS)))
    middle = (start + end) / 2
    nearest = np.searchsorted((middle[1:] + middle[:-1]) / 2, times)
    return poses.contact[phones.numbers[at][nearest]]


def _resting(phones: Phones, times: Array) -> Array:
    """(T,) 0..1: the lips together in pauses, sooner than the jaw comes to rest."""
    silent = phones.among(_SILENCE)
    at_first, at_last = phones.start <= 0, phones.end >= phones.seconds
    long = silent & ((phones.end - phones.start >= _PAUSE) | at_first | at_last)
    # After and before a p, b or m they are together already.
    lips = phones.among(LIPS)
    after, before = np.r_[False, lips[:-1]], np.r_[lips[1:], False]
    start = np.where(at_first, -1.0, phones.start + np.where(after, -0.06, _MEET))[long]
    end = np.where(at_last, phones.seconds + 1.0, phones.end + np.where(before, 0.04, -_PART))[long]
    middle = (start + end) / 2
    return gate(times, np.minimum(start, middle), np.maximum(end, middle), _MEET + 0.03, _PART + 0.02)


# Which phones a held pose is made for rather than for their neighbours, in this order.
_RANKS = ("bilabial", "labiodental", "rounded", "vowel", "pause", "sibilant")


def _held(phones: Phones, times: Array, hold: float) -> Array:
    """For each frame the moment whose pose it holds: the middle of a phone, those too short having been passed over."""
    ranks = [next((i for i, group in enumerate(_RANKS) if group in FEATURES[n]), len(_RANKS)) for n in phones.names]
    made: list[list[float]] = []
    phrase: list[list[float]] = []
    for s, e, r, name in zip(phones.start, phones.end, ranks, phones.names, strict=True):
        # What is said between two pauses is looked at on its own.
        if name == "sil" and e - s >= hold:
            made += [*_merged(phrase, hold), [s, e, (s + e) / 2, r]]
            phrase = []
        else:
            phrase.append([s, e, (s + e) / 2, r])
    rows = made + _merged(phrase, hold)
    starts = np.array([row[0] for row in rows])
    middles = np.array([row[2] for row in rows])
    return middles[(np.searchsorted(starts, times + 1e-9, side="right") - 1).clip(0)]


def _merged(rows: list[list[float]], hold: float) -> list[list[float]]:
    """Rows of start, end, moment, rank: one too short and a neighbour become one, with the moment of the lower rank."""
    while len(rows) > 1:
        short = min(range(len(rows)), key=lambda i: (rows[i][1] - rows[i][0] >= hold, -rows[i][3]))
        if rows[short][1] - rows[short][0] >= hold:
            break
        beside = [i for i in (short - 1, short + 1) if 0 <= i < len(rows)]
        other = min(beside, key=lambda i: (rows[i][1] - rows[i][0] >= hold, rows[i][3]))
        keep = min((short, other), key=lambda i: rows[i][3])
        low, high = min(short, other), max(short, other)
        rows[low : high + 1] = [[rows[low][0], rows[high][1], *rows[keep][2:]]]
    return rows
