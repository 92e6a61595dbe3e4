# SPDX-License-Identifier: GPL-3.0-or-later
"""The choreography track: a few readable lines that say what must, and what must not, be danced where.

    9: grapevine                  this move at bar 9 (9.3 is the third beat of bar 9)
    17-24: idle                   these bars so; several moves with commas take turns
    verse: no turns               in these sections (intro, verse, chorus, bridge, break, outro, or a letter from A)
    chorus: style hiphop          5-8: energy 1.5
    forbid running_man            anywhere; also turns, jumps, or a family of moves

Lines may be parted by semicolons too; what follows a # is a remark. As JSON: a list of {"where": "9", "what": "box"}.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ....rigs.errors import InputError
from ....rigs.moves import MOVES, STYLES, Move

IDLE = "idle"
_SECTIONS = ("intro", "verse", "chorus", "bridge", "break", "outro", "silence")
_PLURALS = {"turns": "turns", "jumps": "jumps"}


@dataclass(frozen=True)
class Place:
    """Bars `first` to `last` from 1 and, in the first, `beat` from 1; or the sections called `section`; or anywhere."""

    first: int | None = None
    last: int | None = None
    beat: int = 1
    section: str | None = None


@dataclass(frozen=True)
class Rule:
    """`kind` moves, no, style or energy; `names` the moves in turn or what is forbidden; `value` an energy factor."""

    place: Place
    kind: str
    names: tuple[str, ...] = ()
    value: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True)
class Track:
    rules: tuple[Rule, ...] = ()

    @classmethod
    def read(cls, text: str) -> Track:
        """Raises InputError with the line that is not understood."""
        if text.lstrip().startswith("["):
            try:
                pairs = [(str(item.get("where", "")), str(item["what"])) for item in json.loads(text)]
            except (ValueError, AttributeError, KeyError, TypeError) as error:
                raise InputError(
                    f'The choreography is no list of {{"where": …, "what": …}} ({error}); mend it or write lines.'
                ) from None
        else:
            lines = (re.sub(r"#.*", "", line).strip() for line in re.split(r"[;\n]", text))
            pairs = []
            for line in filter(None, lines):
                where, colon, what = line.partition(":")
                pairs.append((where.strip(), what.strip()) if colon else ("", line))
        return cls(tuple(_rule(where, what) for where, what in pairs))


def matches(move: Move, name: str) -> bool:
    """Whether `name` (a move, a family, turns or jumps) means this move."""
    return (
        move.name == name or move.family == name or (name == "turns" and move.turns) or (name == "jumps" and move.jumps)
    )


def _rule(where: str, what: str) -> Rule:
    place = _place(where)
    words = what.lower().split(None, 1)
    verb, rest = (words[0], words[1] if len(words) > 1 else "") if words else ("", "")
    if verb in ("no", "forbid"):
        return Rule(place, "no", tuple(_known(name, what) for name in _names(rest, what)))
    if verb == "style":
        if rest not in STYLES:
            raise _unclear(what, rest, STYLES, "style")
        return Rule(place, "style", (rest,))
    if verb == "energy":
        try:
            value = float(rest)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 2:
            raise InputError(f"The choreography says {what!r}; give the energy as a number from 0 to 2.")
        return Rule(place, "energy", value=value)
    if place == Place():
        raise InputError(f"The choreography says {what!r} but not where; write a bar before it, such as 9: {what}.")
    mirrored = what.lower().endswith(" mirrored")
    names = _names(what.lower().removesuffix(" mirrored"), what)
    for name in names:
        if name != IDLE and name not in MOVES:
            raise _unclear(what, name, [*MOVES, IDLE], "move")
    return Rule(place, "moves", tuple(names), mirrored=mirrored)


def _place(where: str) -> Place:
    if not where:
        return Place()
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?\s*(?:[-–]\s*(\d+))?", where)
    if match:
        first, beat = int(match[1]), int(match[2] or 1)
        last = int(match[3]) if match[3] else None
        if first < 1 or beat < 1 or (last is not None and last < first):
            raise InputError(f"The choreography names the bars {where}; count them from 1, the earlier first.")
        return Place(first, last, beat)
    if where.lower() in _SECTIONS:
        return Place(section=where.lower())
    if re.fullmatch(r"[A-Za-z]", where):
        return Place(section=where.upper())
    raise _unclear(where, where.lower(), _SECTIONS, "bar or section")


def _names(text: str, line: str) -> list[str]:
    names = [re.sub(r"[\s-]+", "_", name.strip()) for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"The choreography says {line!r}, which names no move; write one after it.")
    return names


def _known(name: str, line: str) -> str:
    families = {move.family for move in MOVES.values()}
    if name in MOVES or name in _PLURALS or name in families:
        return name
    if name.removesuffix("s") in families:
        return name.removesuffix("s")
    raise _unclear(line, name, [*MOVES, *_PLURALS, *families], "move")


def _unclear(line: str, name: str, known: Iterable[str], kind: str) -> InputError:
    near = difflib.get_close_matches(name, list(known), 3, 0.4)
    hint = f"did you mean {' or '.join(near)}" if near else "see avanim methods for what there is"
    return InputError(f"The choreography says {line!r}, but there is no {kind} {name!r}; {hint}?")
