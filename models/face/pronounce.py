# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to phones in any language that espeak-ng speaks; timed by its own voice, or to the sound of somebody's."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache

from ...rigs.errors import InputError
from ...rigs.job import Progress, silent
from ...rigs.phones import Phones
from ...rigs.sound import Sound
from ..speech import Heard, align, espeak

_MOST = 100_000  # letters
_RATE = 165  # words a minute: unhurried

# The script of a text tells its language, or the likeliest one: beginnings of the letters' Unicode names.
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "cmn", "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar",
    "HEBREW": "he", "DEVANAGARI": "hi", "BENGALI": "bn", "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn",
    "MALAYALAM": "ml", "GUJARATI": "gu", "GURMUKHI": "pa", "GEORGIAN": "ka", "ARMENIAN": "hy", "ETHIOPIC": "am",
    "SINHALA": "si", "MYANMAR": "my", "ORIYA": "or",
}  # fmt: skip
# Frequent words that few other languages have, and letters that hardly any other has.
_WORDS = {
    "en-us": "the and of to is that it with for was you this are have not be his from my we",
    "de": "der die das und ist nicht ich ein eine mit auf für sich dem den von zu auch es wir",
    "fr-fr": "le la les et est une des que qui dans pour pas vous nous avec ce sur ne je il",
    "es": "el los las una que y es por con para su del como más pero muy yo lo se está",
    "it": "il che di per non una sono con gli della nel alla è questo anche più ma io del si",
    "pt": "os as um uma que não com para por mais você ele ela isso mas são do da em está",
    "nl": "het een van en dat niet zijn ik op voor met hij maar ook de er aan wij naar te",
    "pl": "nie się jest na że to jak ale czy co tak przez dla już tylko być są po od z",
    "cs": "je se na že to jako ale už být jsem při které jeho nebo také před však s v by",
    "sv": "och att det som en på är av för med inte jag den till har ett om vi de så",
    "da": "og at det som en på er af for med ikke jeg den til har et om vi de så",
    "fi": "ja on ei se että oli mutta hän kun niin minä kuin myös ovat sen tai mitä nyt jos",
    "hu": "a az és hogy nem egy van meg is volt ez de csak már mint ki el még vagy ha",
    "tr": "bir ve bu için ile de da çok ne daha gibi ben var ama değil olarak her o ki en",
    "ro": "și nu este în la cu pe de care mai din că sunt un pentru dar ce a se au",
    "id": "yang dan di itu dengan untuk tidak dari dalam akan pada juga ini ke karena bisa ada saya kamu",
    "vi": "và của là có không được một người cho trong các này với những đã tôi để khi",
}  # fmt: skip
_LETTERS = {
    "de": "ßäöü", "fr-fr": "çèêœàùëïîâû", "es": "ñ¿¡", "pt": "ãõ", "pl": "łąęśźżćń", "cs": "ěřůč", "sv": "å",
    "da": "øæ",
    "hu": "őű", "tr": "ğışİ", "ro": "țșăâ", "vi": "đơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}  # fmt: skip


def pronounce(text: str, language: str | None = None, *, seconds: float | None = None) -> Phones:
    """The phones of `text` at the pace of espeak-ng's voice, or spread over `seconds`.

    `language` is a code that espeak-ng knows, such as de or pt-br; without it the text itself tells it.

    Raises:
        InputError: espeak-ng is not installed or does not know the language; the text is empty or too long.
    """
    text = " ".join(text.replace("\0", " ").split())
    if not any(letter.isalnum() for letter in text):
        raise InputError("The text has no words to say; write what is spoken.")
    if len(text) > _MOST:
        raise InputError(f"The text has {len(text)} letters; give at most {_MOST} at once.")
    code = known_language(language) if language else guess_language(text)
    _, _, labels = espeak.speak(text, code, rate=_RATE)
    rows: list[list[float | str]] = []
    for label in labels:
        if rows and rows[-1][2] == label.phone:  # a long sound is one
            rows[-1][1] = label.end
        elif label.end > label.start:
            rows.append([label.start, label.end, label.phone])
    phones = Phones.of(rows)
    if all(name == "sil" for name in phones.names):
        raise InputError(f"espeak-ng has no sounds for this text in the language {code}; name another language.")
    if seconds is not None and phones.seconds > 0:
        scale = seconds / phones.seconds
        phones = Phones(phones.start * scale, phones.end * scale, phones.names, phones.strength)
    return phones


def aligned(
    text: str,
    sound: Sound,
    language: str | None = None,
    *,
    heard: Heard | None = None,
    progress: Progress = silent,
    device: str = "auto",
) -> Phones:
    """The phones of `text` at the times at which `sound` says them.

    Args:
        heard: what `recognise` made of the same sound, to save its time.

    Raises:
        InputError: as `pronounce`, and where text and sound do not fit.
        Cancelled: progress raised it.
    """
    spoken = [name for name in pronounce(text, language).names if name != "sil"]
    return align(sound, spoken, heard=heard, progress=progress, device=device)


@cache
def known_language(code: str) -> str:
    """The name by which espeak-ng knows a language, such as de for de-DE. Raises InputError."""
    known = espeak.voices()
    wanted = code.strip().replace("_", "-").lower()
    aliases = {"en": "en-us", "zh": "cmn", "fr": "fr-fr", "no": "nb", "jp": "ja", "zh-cn": "cmn", "zh-tw": "cmn"}
    for name in (wanted, aliases.get(wanted, ""), wanted.split("-")[0], aliases.get(wanted.split("-")[0], "")):
        if name in known:
            return name
    raise InputError(f"espeak-ng does not speak {code!r}; it knows {', '.join(sorted(known))}.")


def guess_language(text: str) -> str:
    """The code of the language that a text is most likely in; en-us where nothing tells."""
    letters = [letter for letter in text.lower() if letter.isalpha()]
    scripts = Counter(unicodedata.name(letter, "?").split()[0].split("-")[0] for letter in letters)
    scripts.pop("LATIN", None)
    if scripts and sum(scripts.values()) > 0.3 * len(letters):
        # Japanese is written with Chinese letters too.
        if scripts["HIRAGANA"] + scripts["KATAKANA"] > 0:
            return "ja"
        if scripts["CYRILLIC"] and any(letter in "іїєґ" for letter in letters):
            return "uk"
        return _SCRIPTS.get(scripts.most_common(1)[0][0], "en-us")
    words = Counter("".join(c if c.isalpha() else " " for c in text.lower()).split())
    total = max(sum(words.values()), 1)

    def fit(code: str) -> float:
        common = sum(words[word] for word in _WORDS[code].split()) / total
        special = sum(text.lower().count(letter) for letter in _LETTERS.get(code, "")) / max(len(letters), 1)
        return common + 4 * special

    best = max(_WORDS, key=fit)
    return best if fit(best) > 0 else "en-us"
