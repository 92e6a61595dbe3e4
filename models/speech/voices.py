# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the spoken half of the training data: many languages and voices from three synthesisers, phone times exact.

espeak-ng reads text in the languages that it has text for, and its other languages read text of the same script; flite
and festival, whose voices are recordings of people, read English, and other Latin text as an English reader would.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.job import Progress, silent
from . import espeak
from .spelling import Label, from_arpabet

RATE = 16000
# Left out of training altogether, to measure on.
HELD_OUT_LANGUAGES = ("it", "sl", "id", "da")
HELD_OUT_VARIANTS = ("f4", "m6", "Andy", "belinda")
_VARIANTS = (
    "f1 f2 f3 f5 m1 m2 m3 m4 m5 m7 m8 klatt klatt2 klatt3 klatt4 Alex Alicia Andrea Annie Denis Diogo Gene Gene2 "
    "Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen RicishayMax Storm Tweaky adam anika antonio aunty "
    "benjamin boris caleb david ed edward edward2 grandma grandpa gustave iven iven2 john kaukovalta linda marcelo max "
    "michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 travis victor zac whisper "
    "whisperf croak"
).split()
# espeak-ng's code for a text's language, where they differ, and how often a language is drawn, where not once.
_CODES = {"en": "en-us", "fr": "fr-fr", "sr": "sr", "cmn": "cmn"}
_OFTEN = {"de": 4, "en": 3, "fr": 3, "ca": 2, "es": 2, "nl": 2, "sw": 4, "pt": 2, "pl": 2, "cmn": 2, "ru": 2}
_ACCENTS = {
    "en": "en-us en-gb en-gb-x-rp en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-029 en-us-nyc".split(),
    "fr": "fr-fr fr-be fr-ch".split(),
    "es": "es es-419".split(),
    "pt": "pt pt-br".split(),
    "vi": "vi vi-vn-x-central vi-vn-x-south".split(),
}
# Voices without text of their own, and whose text they read instead.
_BORROWED = {
    "tn": "sw", "om": "sw", "mi": "sw", "haw": "sw", "ms": "hr", "az": "tr", "lb": "de", "kl": "fi", "gn": "es",
    "an": "es", "pap": "es", "ht": "fr", "la": "es", "eo": "es", "ia": "fr", "ga": "cy", "gd": "cy", "bs": "hr",
    "mk": "bg", "kk": "ru", "tt": "ru", "ky": "ru", "mr": "hi", "ne": "hi", "qu": "es", "ku": "tr",
    "uz": "tr", "lfn": "pt", "de": "nl", "jbo": "sw",
}  # fmt: skip
# How flite calls our phones, and what stands for those that English does not have.
_FLITE_PHONES = {
    "sil": "pau", "x": "hh", "h": "hh", "q": "", "rr": "r d", "i": "iy", "e": "ey", "a": "ah aa", "o": "ow ao",
    "u": "uw", "@": "ax", "yy": "uw iy", "oe": "er ax",
}  # fmt: skip
_FLITE = ("slt", "rms", "awb", "kal16", "kal")
_FESTIVAL = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
# Latin text for the English voices besides English.
_READ_AS_ENGLISH = "sw fi es nl eu hr ro tr pl de hu et sq".split()


@dataclass(frozen=True)
class Spoken:
    """(N,) float32 samples at RATE, who speaks, what language, and the phones."""

    samples: NDArray[np.float32]
    voice: str
    language: str
    labels: list[Label]


def make_voices(texts: Path, folder: Path, minutes: float, seed: int = 0, progress: Progress = silent) -> Path:
    """Write about `minutes` of speech below `folder` and return the list of it, a file of JSON lines.

    `texts` is a JSON file {language code: [sentence, …]}. The list is written last: an interrupted run leaves none.

    Raises:
        InputError: a synthesiser is missing, or the texts cannot be read.
    """
    sentences = _read_texts(texts)
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    shares = (("espeak", _espeak, 0.56), ("flite", _flite, 0.34), ("festival", _festival, 0.1))
    done = 0.0
    for name, source, share in shares:
        made = 0.0
        for number, spoken in enumerate(source(sentences, rng)):
            path = folder / f"{name}{number:05d}.flac"
            soundfile.write(path, spoken.samples, RATE, subtype="PCM_16")
            labels = [[round(x, 4) if isinstance(x, float) else x for x in astuple(label)] for label in spoken.labels]
            lines.append({"wav": path.name, "voice": spoken.voice, "language": spoken.language, "labels": labels})
            seconds = len(spoken.samples) / RATE
            made, done = made + seconds, done + seconds
            progress(min(done / (minutes * 60), 0.999), f"Speaking with {name}")
            if made > share * minutes * 60:
                break
    listed = folder / "spoken.jsonl"
    with replacing(listed) as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return listed


def _read_texts(texts: Path) -> dict[str, list[str]]:
    try:
        return {code: lines for code, lines in json.loads(texts.read_text(encoding="utf-8")).items() if lines}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"Cannot read the sentences {texts} ({error}); give JSON, language to sentences.") from error


def _espeak(sentences: dict[str, list[str]], rng: np.random.Generator) -> Iterator[Spoken]:
    known = set(espeak.voices())
    pairs = [(code, accent) for code in sentences for accent in _ACCENTS.get(code, [_CODES.get(code, code)])]
    weights = [_OFTEN.get(code, 1) / len(_ACCENTS.get(code, [code])) for code, _ in pairs]
    pairs += [(text, voice) for voice, text in _BORROWED.items()]
    weights += [0.5] * len(_BORROWED)
    usable = [i for i, (text, voice) in enumerate(pairs) if voice in known and text in sentences]
    chances = np.array(weights)[usable]
    while True:  # espeak-ng crashes on some pairs of voice and text, and then only its own process ends
        with ProcessPoolExecutor(1) as pool, contextlib.suppress(BrokenProcessPool):
            while True:
                text, voice = pairs[usable[rng.choice(len(usable), p=chances / chances.sum())]]
                variants = HELD_OUT_VARIANTS if voice in HELD_OUT_LANGUAGES else _VARIANTS
                variant = str(rng.choice(variants)) if rng.random() < 0.85 or voice in HELD_OUT_LANGUAGES else ""
                name = f"{voice}+{variant}" if variant else voice
                rate, pitch = int(rng.uniform(115, 250)), int(np.clip(rng.normal(50, 16), 10, 95))
                said = _said(sentences[text], rng)
                spoken = pool.submit(espeak.speak, said, name, rate, pitch, int(rng.uniform(15, 95)))
                samples, hz, labels = spoken.result()
                if 0.6 < len(samples) / hz < 25 and len(labels) > 3:
                    yield Spoken(soxr.resample(samples, hz, RATE), f"espeak {name}", voice, labels)


def _said(lines: list[str], rng: np.random.Generator) -> str:
    """A sentence, or words from several in a new order; of scripts without spaces a piece of a sentence."""
    if rng.random() < 0.4:
        line = str(rng.choice(lines))
        words = line.split()
        if len(words) > 16:
            first = int(rng.integers(0, len(words) - 15))
            return " ".join(words[first : first + 15])
        return line[:70] if len(words) < 3 else line
    count = int(rng.integers(3, 13))
    words = [word for line in rng.choice(lines, 4) for word in str(line).split()]
    if len(words) < 12:
        line = str(rng.choice(lines))
        first = int(rng.integers(0, max(len(line) - 30, 1)))
        return line[first : first + 30]
    words = [re.sub(r"[\d().;:]", "", str(word)) for word in rng.choice(words, count)]
    pauses = ["," if rng.random() < 0.08 else "" for _ in words]
    return " ".join(word + pause for word, pause in zip(words, pauses, strict=True)) + "."


def _english(sentences: dict[str, list[str]], rng: np.random.Generator) -> str:
    code = "en" if rng.random() < 0.5 else str(rng.choice([c for c in _READ_AS_ENGLISH if c in sentences]))
    return re.sub(r"[^A-Za-zÀ-ž ,.'-]", " ", _said(sentences[code], rng))


def _flite(sentences: dict[str, list[str]], rng: np.random.Generator) -> Iterator[Spoken]:
    foreign = _espeak(sentences, rng)
    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        wave = Path(folder) / "flite.wav"
        while True:
            voice = str(rng.choice(_FLITE, p=(0.32, 0.32, 0.25, 0.08, 0.03)))
            options = ["-voice", voice, "--setf", f"duration_stretch={rng.uniform(0.75, 1.25):.3f}"]
            if voice.startswith("kal"):
                options += ["--setf", f"int_f0_target_mean={rng.uniform(80, 190):.1f}"]
            language = "en-us"
            if rng.random() < 0.4:
                text = ["-t", _english(sentences, rng)]
            else:  # the sounds of another language, in words that no English sentence has
                other = next(foreign)
                if other.language in HELD_OUT_LANGUAGES:
                    continue
                text, language = ["-p", _as_flite(other.labels, rng)], other.language
            said = _run(["flite", *options, "-psdur", *text, "-o", str(wave)])
            labels, start = [], 0.0
            for item in said.split():
                name, _, end = item.rpartition(":")
                labels += from_arpabet(start, float(end), name, reduced=True)
                start = float(end)
            if len(labels) > 3 and wave.exists():
                yield Spoken(_read(wave), f"flite {voice}", language, labels)
                wave.unlink()


def _as_flite(labels: list[Label], rng: np.random.Generator) -> str:
    names = [str(rng.choice(_FLITE_PHONES.get(label.phone, label.phone).split() or [""])) for label in labels[:60]]
    return " ".join(["pau", *(name for name in names if name), "pau"])


def _festival(sentences: dict[str, list[str]], rng: np.random.Generator) -> Iterator[Spoken]:
    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        batch = 24  # at one start of festival
        while True:
            voice = str(rng.choice(_FESTIVAL))
            script = [f"(voice_{voice})"]
            for i in range(batch):
                text = re.sub(r"[^A-Za-z ,.']", " ", _english(sentences, rng))
                script += [
                    f"(Parameter.set 'Duration_Stretch {rng.uniform(0.8, 1.3):.3f})",
                    f'(set! u (utt.synth (Utterance Text "{text}")))',
                    f'(utt.save.segs u "{folder}/{i}.seg")',
                    f'(utt.save.wave u "{folder}/{i}.wav" \'riff)',
                ]
            (Path(folder) / "say.scm").write_text("\n".join(script))
            _run(["festival", "-b", str(Path(folder) / "say.scm")])
            for i in range(batch):
                if not (Path(folder) / f"{i}.wav").exists():
                    continue
                labels, start = [], 0.0
                for line in (Path(folder) / f"{i}.seg").read_text().splitlines():
                    fields = line.split()
                    if len(fields) == 3:
                        labels += from_arpabet(start, float(fields[0]), fields[2], reduced=True)
                        start = float(fields[0])
                if len(labels) > 3:
                    yield Spoken(_read(Path(folder) / f"{i}.wav"), f"festival {voice}", "en-us", labels)
                for ending in ("wav", "seg"):
                    (Path(folder) / f"{i}.{ending}").unlink(missing_ok=True)


def _run(command: list[str]) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError as error:
        raise InputError(
            f"Training speech is spoken by {command[0]} too, and it is not installed: apt install espeak-ng flite "
            "festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts."
        ) from error
    return ended.stdout


def _read(path: Path) -> NDArray[np.float32]:
    samples, hz = soundfile.read(path, dtype="float32")
    return np.asarray(samples if hz == RATE else soxr.resample(samples, hz, RATE), np.float32)
