# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of timed phones: our own .json, Praat's TextGrid, labels of HTK, Audacity and others, tables in .csv."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import read_bytes, replacing
from .phone_names import alphabet_of, spelt
from .phones import Phones

# (start s, end s, label)
Segment = tuple[float, float, str]

_MAX_BYTES = 64 << 20
# Names of a TextGrid's tier of phones, in the order of preference.
_TIERS = ("phones", "phone", "phonemes", "phoneme", "mau", "segments", "segment", "phon", "sampa", "ipa", "kan-mau")
# HTK counts in units of 100 ns, TIMIT in samples at 16 kHz.
_HTK, _TIMIT = 1e-7, 1 / 16000
_HEADS = {"start": 0, "begin": 0, "tmin": 0, "end": 1, "stop": 1, "tmax": 1}
_NAME_HEADS = ("phone", "phoneme", "label", "name", "text", "symbol")


def read_phones(path: str | Path, alphabet: str = "auto", tier: str | None = None) -> Phones:
    """The phones of a file: .json, .TextGrid, .lab, .phn, .txt (start end name, in s or 100 ns) or .csv.

    `alphabet` is a key of `phone_names.ALPHABETS`, or "auto" for the one that understands the file's labels; `tier`
    names the TextGrid's tier, by default the one called phones or the like.

    Raises:
        InputError: the file is missing or damaged, holds no phones, or a label is in no known alphabet.
    """
    path = Path(path)
    text = _decoded(read_bytes(path, _MAX_BYTES), path)
    kind = path.suffix.lower()
    if kind == ".json":
        whole = _from_json(text, path)
        if isinstance(whole, Phones):
            return whole
        segments = whole
    elif kind == ".textgrid":
        segments = _from_textgrid(text, path, tier)
    elif kind == ".csv":
        segments = _from_csv(text, path)
    elif kind in (".lab", ".txt", ".phn"):
        segments = _from_lines(text, path)
    else:
        raise InputError(f"Phones are read from .json, .TextGrid, .lab, .phn, .txt or .csv, not from {path.name}.")
    segments = [segment for segment in segments if segment[1] > segment[0]]
    if not segments:
        raise InputError(f"{path} holds no phones; give start, end and name of each.")
    chosen = alphabet_of(label for _, _, label in segments) if alphabet == "auto" else alphabet
    try:
        return Phones.of(part for segment in sorted(segments) for part in spelt(*segment, chosen))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


def write_phones(path: str | Path, phones: Phones, seconds: float) -> None:
    """Write .json, .TextGrid, .lab (HTK), .txt (Audacity) or .csv, whole or not at all; `seconds` of sound in all.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    path = Path(path)
    writers: dict[str, Callable[[], str]] = {
        ".json": lambda: json.dumps(phones.to_dict()),
        ".textgrid": lambda: _textgrid(phones.filled(seconds), seconds),
        ".lab": lambda: _lines(phones, "{:.0f} {:.0f} {}", 1 / _HTK),
        ".txt": lambda: _lines(phones, "{:.6f}\t{:.6f}\t{}", 1),
        ".csv": lambda: "start,end,phone\n" + _lines(phones, "{:.6f},{:.6f},{}", 1),
    }
    if path.suffix.lower() not in writers:
        raise InputError(f"Phones are written as .json, .TextGrid, .lab, .txt or .csv, not as {path.name}.")
    text = writers[path.suffix.lower()]()
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _decoded(data: bytes, path: Path) -> str:
    # Praat writes UTF-16 where a label needs it, and Latin-1 in old files.
    for encoding in ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "latin-1"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path} is no text; give a file of phones.")


def _from_json(text: str, path: Path) -> Phones | list[Segment]:
    """Our own fields, or a list of [start, end, name] on its own or under "phones"."""
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is no .json: {error}.") from error
    if isinstance(content, dict) and "names" in content:
        return Phones.from_dict(content)
    rows = content.get("phones") if isinstance(content, dict) else content
    if isinstance(rows, dict) and "names" in rows:
        return Phones.from_dict(rows)
    try:
        return [(float(row[0]), float(row[1]), str(row[2])) for row in rows or ()]
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise InputError(
            f'{path} holds no phones; write {{"phones": [[0.1, 0.25, "m"], …]}} with times in s.'
        ) from error


def _from_textgrid(text: str, path: Path, wanted: str | None) -> list[Segment]:
    """Either of Praat's two text formats: both give the same values in the same order, one with names before them."""
    values = re.findall(r'"((?:[^"]|"")*)"|(?<![\w.\[])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.\]])', text)
    flat = [(string.replace('""', '"'), number) for string, number in values]
    tiers: dict[str, list[Segment]] = {}
    try:
        # After the two headings: the file's span, the number of tiers; then each tier.
        at = next(i for i, (_, number) in enumerate(flat) if number)
        count = int(float(flat[at + 2][1]))
        at += 3
        for _ in range(count):
            kind, name, size = flat[at][0], flat[at + 1][0], int(float(flat[at + 4][1]))
            at += 5
            step = 3 if kind == "IntervalTier" else 2
            if step == 3:
                rows = [flat[at + i * 3 : at + i * 3 + 3] for i in range(size)]
                tiers[name] = [(float(a[1]), float(b[1]), c[0].strip()) for a, b, c in rows]
            at += size * step
    except (StopIteration, IndexError, ValueError) as error:
        raise InputError(f"{path} is no TextGrid, or it breaks off; save it again in Praat as text.") from error
    if wanted is not None and wanted not in tiers:
        raise InputError(f"{path} has no tier {wanted!r}; it has {', '.join(tiers) or 'none with intervals'}.")
    lower = {name.split(" - ")[-1].strip().lower(): name for name in tiers}
    named = [wanted] if wanted is not None else [lower[tier] for tier in _TIERS if tier in lower]
    if not named and len(tiers) == 1:
        named = list(tiers)
    if not named:
        raise InputError(f"{path} has no tier of phones among {', '.join(tiers) or 'its tiers'}; name it phones.")
    return tiers[named[0]]


def _from_lines(text: str, path: Path) -> list[Segment]:
    """Lines of start, end and name, or, after a line #, of end, a number and name."""
    lines = [line.strip() for line in text.splitlines()]
    ends_only = "#" in lines
    if ends_only:
        lines = lines[lines.index("#") + 1 :]
    segments: list[Segment] = []
    whole = True
    for number, line in enumerate(lines, 1):
        cells = line.split("\t") if line.count("\t") >= 1 else line.split()
        if not line or line.startswith(("\\", "//")):  # Audacity's lines of frequencies
            continue
        try:
            if ends_only:
                start, end = segments[-1][1] if segments else 0.0, float(cells[0])
                name = cells[2] if len(cells) > 2 else ""
            else:
                start, end = float(cells[0]), float(cells[1])
                name = cells[2].strip() if len(cells) > 2 else ""
            whole = whole and not ends_only and not re.search(r"[.eE]", cells[0] + cells[1])
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{path}, line {number}: write start, end and name of a phone, not {line[:40]!r}."
            ) from error
        segments.append((start, end, name))
    unit = 1.0
    if whole and segments:
        unit = _TIMIT if path.suffix.lower() == ".phn" else _HTK if segments[-1][1] >= 1e4 else 1.0
    return [(start * unit, end * unit, name) for start, end, name in segments]


def _from_csv(text: str, path: Path) -> list[Segment]:
    """Columns named start, end and phone (or the like), or three columns without a heading."""
    try:
        dialect: Any = csv.Sniffer().sniff(text[:2000], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = [row for row in csv.reader(io.StringIO(text), dialect) if any(cell.strip() for cell in row)]
    heads = [cell.strip().lower() for cell in rows[0]] if rows else []
    places = [0, 1, 2]
    if any(head in _HEADS for head in heads):
        for index, head in enumerate(heads):
            if head in _HEADS:
                places[_HEADS[head]] = index
        named = [heads.index(name) for name in _NAME_HEADS if name in heads]
        if not named:
            raise InputError(f"{path} has no column phone; name its columns start, end and phone.")
        places[2] = named[0]
        rows = rows[1:]
    segments: list[Segment] = []
    for number, row in enumerate(rows, 1):
        try:
            start, end, name = (row[place].strip() for place in places)
            segments.append((float(start), float(end), name))
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}, row {number}: write start and end in s and the phone.") from error
    return segments


def _lines(phones: Phones, form: str, scale: float) -> str:
    rows = zip(phones.start * scale, phones.end * scale, phones.names, strict=True)
    return "".join(form.format(*row) + "\n" for row in rows)


def _textgrid(phones: Phones, seconds: float) -> str:
    span = f"0\n{seconds:.6f}\n"
    rows = zip(phones.start, phones.end, phones.names, strict=True)
    body = "".join(f'{start:.6f}\n{end:.6f}\n"{"" if name == "sil" else name}"\n' for start, end, name in rows)
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n{span}<exists>\n1\n'
    return f'{head}"IntervalTier"\n"phones"\n{span}{len(phones)}\n{body}'
