# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels that the recogniser is trained with, from what corpora and synthesisers call their phones."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ...rigs import phone_names

_FIRST_OF_TWO = 0.6  # how much of a diphthong its first half takes
_GERMANIC = ("de", "da", "lb", "sv", "nb")


@dataclass(frozen=True)
class Label:
    """A labelled stretch, s. `also`: a second phone that it may as well be, of the same weight."""

    start: float
    end: float
    phone: str
    also: str = ""


def from_ipa(text: str, language: str = "") -> list[str]:
    """The phones of one of espeak-ng's IPA symbols. Its German ɜ is the vowel of -er, which other languages' is not."""
    if language.split("-")[0] in _GERMANIC:
        text = text.replace("ɜ", "ə")
    return phone_names.from_ipa(unicodedata.normalize("NFD", text.replace("ε", "ɛ").replace("ᵻ", "ɪ")))


def spread(start: float, end: float, names: list[str]) -> list[Label]:
    """The phones of one labelled segment one after the other: the first of two takes more, else they share evenly."""
    if len(names) == 2:
        middle = start + (end - start) * _FIRST_OF_TWO
        return [Label(start, middle, names[0]), Label(middle, end, names[1])]
    step = (end - start) / max(len(names), 1)
    return [Label(start + i * step, start + (i + 1) * step, name) for i, name in enumerate(names)]


def from_arpabet(start: float, end: float, symbol: str, reduced: bool = False) -> list[Label]:
    """The phones of an ARPAbet segment. `reduced`: its writer knows AX, so that AH is no reduced vowel."""
    if phone_names.is_silence(symbol) or symbol.upper() == "BRTH":
        return [Label(start, end, "sil")]
    if symbol.upper().rstrip("012") == "AH":
        return [Label(start, end, "a") if reduced or end - start > 0.11 else Label(start, end, "@", "a")]
    return spread(start, end, phone_names.from_arpabet(symbol))
