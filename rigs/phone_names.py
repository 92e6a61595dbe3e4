# SPDX-License-Identifier: GPL-3.0-or-later
"""What other alphabets call the phones: IPA, ARPAbet, X-SAMPA and espeak-ng's own names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

from .errors import InputError
from .phones import FEATURES, PHONES

# One letter of the IPA -> our phone. Length, nasality, palatalisation and stress are lost on the way.
_IPA: dict[str, str] = {
    letter: phone
    for phone, letters in {
        "p": "pʘ", "b": "bɓβʙ", "m": "mɱ", "f": "fɸ", "v": "vʋⱱ", "w": "wʍɥ", "th": "θ", "dh": "ð",
        "t": "tʈǀ", "d": "dɖɗ", "n": "nɳɲ", "l": "lɫɭʎɬɮɺʟ", "s": "s", "z": "z", "sh": "ʃʂɕɧ", "zh": "ʒʐʑ",
        "k": "kqcǃǂǁ", "g": "gɡɢɟɠʛʄ", "ng": "ŋɴ", "x": "xɣχçʝħʕɰʜʢ", "q": "ʔʡ", "h": "hɦ", "r": "ɹɻ",
        "rr": "rɾʀʁɽ", "y": "j", "i": "i", "ih": "ɪɨɯ", "e": "eɘ", "eh": "ɛ", "ae": "æ", "a": "aʌɐ", "aa": "ɑ",
        "ao": "ɔɒ", "o": "o", "u": "uʉ", "uh": "ʊ", "@": "əɤᵊ", "er": "ɜɝɚ", "yy": "yʏ", "oe": "øœɵɞɶ",
    }.items()
    for letter in letters
}  # fmt: skip
_IPA_PAIRS = {
    "tʃ": "ch", "tɕ": "ch", "tʂ": "ch", "dʒ": "jh", "dʑ": "jh", "dʐ": "jh", "cʝ": "ch", "ɟʝ": "jh",
    "ʧ": "ch", "ʤ": "jh", "ʨ": "ch", "ʥ": "jh", "ʦ": "t s", "ʣ": "d z",
}  # fmt: skip
_IPA_SYMBOLS = {**_IPA, **_IPA_PAIRS}
_IPA_MARKS = re.compile(r"[ˈˌːˑ.\-|‖‿͡ʰʲˠˤⁿˡ˺ʼ'~^˥˦˧˨˩0-9_:\s]")

_ARPABET = {
    "AA": "aa", "AE": "ae", "AH": "@", "AO": "ao", "AW": "a uh", "AX": "@", "AX-H": "@", "AXR": "er", "AY": "a ih",
    "B": "b", "BCL": "b", "CH": "ch", "D": "d", "DCL": "d", "DH": "dh", "DX": "rr", "EH": "eh", "EL": "l", "EM": "m",
    "EN": "n", "ENG": "ng", "ER": "er", "EY": "e ih", "F": "f", "G": "g", "GCL": "g", "HH": "h", "HV": "h", "IH": "ih",
    "IX": "ih", "IY": "i", "JH": "jh", "K": "k", "KCL": "k", "L": "l", "M": "m", "N": "n", "NG": "ng", "NX": "n",
    "OW": "o uh", "OY": "ao ih", "P": "p", "PCL": "p", "Q": "q", "R": "r", "S": "s", "SH": "sh", "T": "t", "TCL": "t",
    "TH": "th", "UH": "uh", "UW": "u", "UX": "u", "V": "v", "W": "w", "Y": "y", "Z": "z", "ZH": "zh",
}  # fmt: skip

# X-SAMPA where a symbol is more than the IPA letter of the same look; the longest fits first.
_XSAMPA = {
    "r\\`": "r", "b_<": "b", "d_<": "d", "g_<": "g", "dZ": "jh", "tS": "ch", "ts\\": "ch", "dz\\": "jh", "ts`": "ch",
    "dz`": "jh", "s\\": "sh", "z\\": "zh", "s`": "sh", "z`": "zh", "p\\": "f", "B\\": "b", "r\\": "r", "R\\": "rr",
    "r`": "rr", "l`": "l", "l\\": "l", "K\\": "l", "L\\": "l", "n`": "n", "t`": "t", "d`": "d", "j\\": "x", "x\\": "sh",
    "X\\": "x", "?\\": "x", "<\\": "x", ">\\": "q", "h\\": "h", "H\\": "x", "N\\": "ng", "G\\": "g", "J\\": "g",
    "v\\": "v", "M\\": "x", "3\\": "oe", "@\\": "e", "I\\": "ih", "U\\": "uh", "@`": "er", "3`": "er", "&": "oe",
    "P": "v", "B": "b", "F": "m", "T": "th", "D": "dh", "S": "sh", "Z": "zh", "C": "x", "J": "n", "K": "l", "L": "l",
    "5": "l", "4": "rr", "r": "rr", "R": "rr", "G": "x", "X": "x", "x": "x", "q": "k", "c": "k", "?": "q", "N": "ng",
    "H": "w", "W": "w", "j": "y", "I": "ih", "Y": "yy", "1": "ih", "}": "u", "M": "ih", "U": "uh", "E": "eh",
    "{": "ae", "A": "aa", "V": "a", "6": "a", "Q": "ao", "O": "ao", "7": "@", "2": "oe", "9": "oe", "8": "oe",
    "3": "er", "y": "yy", "@": "@",
    **{letter: letter for letter in "p b m f v w t d n l s z k g h i e a o u".split()},
}  # fmt: skip
_XSAMPA_MARKS = re.compile(r"_[a-zA-Z0-9?<>~=^\\/+\-]|[:\"%'~`\-.=!|/*,^#;\s]")

# espeak-ng's own names, where they are not X-SAMPA.
_ESPEAK = {
    "a#": "@", "a2": "a", "aa": "ae", "0": "ao", "0#": "ao", "A:": "aa", "A@": "aa", "O@": "ao", "o@": "ao", "e@": "eh",
    "i@": "i @", "i@3": "i er", "U@": "uh @", "3:": "er", "3": "er", "@2": "@", "@5": "@", "@L": "@ l", "I2": "ih",
    "I#": "ih", "E#": "eh", "E2": "eh", "i2": "i", "aI@": "a ih @", "aI3": "a ih er", "aU@": "a uh @", "r": "r",
    "r-": "r", "R": "rr", "R2": "rr", "r2": "r", "*": "rr", "t#": "rr", "t2": "t", "d#": "d", "l#": "l", "n^": "n",
    "l^": "l", "tS;": "ch", "dZ;": "jh", "S;": "sh", "Z;": "zh", "w#": "w", "y:": "yy", "Y:": "oe", "W": "oe",
    "Y": "oe", "_": "sil", "_:": "sil", "_|": "sil", "_!": "sil",
}  # fmt: skip

_SILENCES = frozenset(
    "sil sp spn pau pause pauza _ # h# #h <p:> <p> <sil> <eps> <unk> <usb> noise nsn breath br brth laugh ssil "
    "{sl} {ns} {br} <s> </s> + epi silence xxx usb +noise+ +breath+ +spn+ [noise] [silence] [breath]".split()
)
_VOWELS = frozenset(phone for phone in PHONES if "vowel" in FEATURES[phone])

# The part of a diphthong that its first vowel takes.
_FIRST_OF_TWO = 0.6


def from_ipa(text: str) -> list[str]:
    """The phones of one segment, or of several written together, in the IPA; letters that are unknown are left out."""
    found, _ = _scan(_bare(text).replace("ʷ", "w"), _IPA_SYMBOLS, _IPA_MARKS)
    # Some aligners write a diphthong with the glide that it ends in, as aj.
    if len(found) == 2 and found[0] in _VOWELS and found[1] in ("y", "w"):
        found[1] = {"y": "ih", "w": "uh"}[found[1]]
    return found


def from_arpabet(name: str) -> list[str]:
    """The phones of one ARPAbet name, with or without its stress; none where there is no such name."""
    return _ARPABET.get(name.upper().rstrip("0123456789"), "").split()


def from_xsampa(text: str) -> list[str]:
    """The phones of one segment, or of several written together, in X-SAMPA or SAMPA."""
    return _scan(text, _XSAMPA, _XSAMPA_MARKS)[0]


def from_espeak(name: str) -> list[str]:
    """The phones of one of espeak-ng's own names, such as aI or @L."""
    name = name.strip("',%=")
    return _ESPEAK[name].split() if name in _ESPEAK else from_xsampa(name)


def _ours(name: str) -> list[str]:
    return [name] if name in FEATURES else []


# In the order of preference where two understand all the names of a file.
ALPHABETS: dict[str, Callable[[str], list[str]]] = {
    "avanim": _ours,
    "arpabet": from_arpabet,
    "ipa": from_ipa,
    "xsampa": from_xsampa,
    "espeak": from_espeak,
}


def is_silence(name: str) -> bool:
    """Whether a label stands for silence or for sound that is no speech."""
    return not name.strip() or name.strip().lower() in _SILENCES


def alphabet_of(names: Iterable[str]) -> str:
    """The key of ALPHABETS that understands the most of these names."""
    counts = Counter(name for name in names if not is_silence(name))
    return max(ALPHABETS, key=lambda alphabet: sum(counts[name] for name in counts if _is_whole(name, alphabet)))


def _is_whole(name: str, alphabet: str) -> bool:
    """Whether every letter of a name means something in this alphabet."""
    if alphabet == "ipa":
        return not _scan(_bare(name), _IPA_SYMBOLS, _IPA_MARKS)[1]
    if alphabet == "xsampa" or (alphabet == "espeak" and name not in _ESPEAK):
        return not _scan(name, _XSAMPA, _XSAMPA_MARKS)[1]
    return bool(ALPHABETS[alphabet](name))


def spelt(start: float, end: float, name: str, alphabet: str) -> list[tuple[float, float, str]]:
    """The phones of one labelled segment, s: a diphthong in two, of which the first is longer; others share evenly.

    Raises:
        InputError: the alphabet is none of ALPHABETS, or does not have the name.
    """
    if alphabet not in ALPHABETS:
        raise InputError(f"There is no alphabet {alphabet!r}; choose {', '.join(ALPHABETS)}.")
    phones = ["sil"] if is_silence(name) else ALPHABETS[alphabet](name)
    if not phones:
        raise InputError(f"The label {name!r} at {start:.2f} s is no phone of the alphabet {alphabet}; correct it.")
    parts = [1 / len(phones)] * len(phones)
    if len(phones) == 2 and phones[0] in _VOWELS and phones[1] in _VOWELS:
        parts = [_FIRST_OF_TWO, 1 - _FIRST_OF_TWO]
    edges = [start]
    for part in parts:
        edges.append(edges[-1] + part * (end - start))
    edges[-1] = end
    return [(edges[i], edges[i + 1], phone) for i, phone in enumerate(phones)]


def _bare(text: str) -> str:
    """Without the marks above and below the letters, of which only ç has one of its own: it is read as ʝ here."""
    parts = unicodedata.normalize("NFD", text.replace("ç", "ʝ").replace("ç", "ʝ"))
    return "".join(c for c in parts if not unicodedata.combining(c))


def _scan(text: str, table: dict[str, str], marks: re.Pattern[str]) -> tuple[list[str], int]:
    """The phones along `text`, the longest symbol of `table` first; and how many letters mean nothing."""
    found: list[str] = []
    longest = max(map(len, table))
    at, unknown = 0, 0
    while at < len(text):
        for length in range(min(longest, len(text) - at), 0, -1):
            if text[at : at + length] in table:
                found += table[text[at : at + length]].split()
                at += length
                break
        else:
            match = marks.match(text, at)
            unknown += not match
            at = match.end() if match else at + 1
    return found, unknown
