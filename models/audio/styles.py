# SPDX-License-Identifier: GPL-3.0-or-later
"""The styles that the composer knows.

Patterns are strings, one character a step (four steps a beat): for drums X loud, x medium, o soft; for the bass r root,
f fifth, o octave, t third, a leading note, - holds; for chords X x o strike and - holds; for arpeggios a digit is the
chord tone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """What one instrument plays. `patterns` are taken in turn, bar by bar; from energy `above` on; `pan` -1..1."""

    instrument: str
    patterns: tuple[str, ...]
    gain: float = 1.0
    above: float = 0.0
    pan: float = 0.0


@dataclass(frozen=True)
class Style:
    """`drums`, `bass`, `chords` and `arpeggios` are lists of alternatives; the seed takes one of each."""

    metre: int
    tempo: tuple[float, float]
    drums: tuple[tuple[Part, ...], ...]
    bass: tuple[Part, ...]
    chords: tuple[tuple[Part, ...], ...]
    arpeggios: tuple[Part, ...] = ()
    lead: tuple[str, ...] = ("lead",)
    minor: float = 0.4
    swing: float = 0.0
    duck: float = 0.0
    wet: float = 0.18
    bars_a_chord: int = 1
    progressions: tuple[str, ...] = ("1564", "6415", "1645", "4156")


def _drums(*rows: tuple[str, str, float, float, float]) -> tuple[Part, ...]:
    return tuple(Part(name, tuple(pattern.split()), gain, above, pan) for name, pattern, gain, above, pan in rows)


_DISCO_TOP = (
    ("hat", "xoxoxoxoxoxoxoxo", 0.5, 0.35, 0.25),
    ("open_hat", "..x...x...x...x.", 0.55, 0.5, 0.2),
    ("shaker", "oxoxoxoxoxoxoxox", 0.4, 0.75, -0.4),
)
_LATIN_HAND = (
    ("slap", "....X...........", 0.7, 0.3, -0.25),
    ("mute", "o.o...o.o.o.....", 0.5, 0.3, -0.25),
    ("conga", "............X.x.", 0.8, 0.3, -0.3),
)

STYLES: dict[str, Style] = {
    "house": Style(
        4,
        (118, 130),
        (
            _drums(("kick", "X...X...X...X...", 1, 0.3, 0), ("clap", "....X.......X...", 0.8, 0.4, 0), *_DISCO_TOP),
            _drums(
                ("kick", "X...X...X...X... X...X...X...X..o", 1, 0.3, 0),
                ("clap", "....X.......X...", 0.8, 0.4, 0),
                ("open_hat", "..X...X...X...X.", 0.6, 0.3, 0.2),
                ("rim", "...o..o....o..o.", 0.4, 0.6, 0.4),
            ),
        ),
        (
            Part("bass", ("..r...r...r...o.", "..r...r..rr...f."), 0.8, 0.45),
            Part("bass", ("r..r..r.r..r..o.",), 0.75, 0.45),
        ),
        (
            (
                Part("epiano", ("x--.x--...x--...", "...x--.x--..x-.."), 0.42, 0.2),
                Part("pad", ("x---------------",), 0.3, 0.0),
            ),
        ),
        (Part("pluck", ("0.2.3.2.1.2.4.2.", "0.1.2.3.4.3.2.1."), 0.35, 0.6, 0.35),),
        minor=0.7,
        duck=0.6,
        progressions=("1645", "6415", "1745", "4561"),
    ),
    "disco": Style(
        4,
        (112, 124),
        (
            _drums(("kick", "X...X...X...X...", 1, 0.3, 0), ("snare", "....X.......X...", 0.75, 0.4, 0), *_DISCO_TOP),
            _drums(
                ("kick", "X...X...X...X...", 1, 0.3, 0),
                ("clap", "....X.......X...", 0.7, 0.4, 0),
                ("open_hat", "..X...X...X...X.", 0.5, 0.35, 0.2),
                ("conga", "x..x..x.x..x.xx.", 0.35, 0.7, -0.4),
            ),
        ),
        (
            Part("bass", ("r.o.r.o.r.o.r.o.", "r.o.r.o.f.o.r.oa"), 0.8, 0.35),
            Part("bass", ("r..rr.o.r..rf.o.",), 0.8, 0.35),
        ),
        (
            (
                Part("guitar", ("..xo..x...xo..xo",), 0.5, 0.45, 0.4),
                Part("strings", ("x---------------",), 0.3, 0.0, -0.1),
            ),
            (Part("epiano", ("x---..x-..x---..",), 0.42, 0.0, -0.2), Part("strings", ("x---------------",), 0.3, 0.6)),
        ),
        (Part("pluck", ("0.2.4.2.3.2.1.2.",), 0.32, 0.75, 0.35),),
        duck=0.45,
    ),
    "pop": Style(
        4,
        (90, 128),
        (
            _drums(
                ("kick", "X.....x.X....... X.....x.X.x.....", 1, 0.3, 0),
                ("snare", "....X.......X...", 0.8, 0.3, 0),
                ("hat", "x.o.x.o.x.o.x.o.", 0.5, 0.2, 0.25),
                ("shaker", "oxoxoxoxoxoxoxox", 0.4, 0.75, -0.4),
            ),
            _drums(
                ("kick", "X.......X.x..... X..x....X.......", 1, 0.3, 0),
                ("snare", "....X.......X...", 0.7, 0.3, 0),
                ("clap", "....X.......X...", 0.5, 0.8, 0),
                ("hat", "xoxoxoxoxoxoxoxo", 0.45, 0.2, 0.25),
            ),
        ),
        (
            Part("bass", ("r-----r-r-----..", "r-----r-f---r-a-"), 0.8, 0.35),
            Part("bass", ("r.r.r.r.r.r.r.r.",), 0.7, 0.35),
        ),
        (
            (Part("piano", ("x---x---x---x---",), 0.4, 0.0, -0.15), Part("pad", ("x---------------",), 0.28, 0.5)),
            (Part("guitar", ("x.xox.xox.xox.xo",), 0.45, 0.3, 0.35), Part("pad", ("x---------------",), 0.3, 0.0)),
        ),
        (Part("pluck", ("0.2.1.2.3.2.1.2.", "4.3.2.3.4.3.2.1."), 0.32, 0.5, 0.35),),
        duck=0.25,
    ),
    "hiphop": Style(
        4,
        (78, 100),
        (
            _drums(
                ("kick", "X..x..x...x..... X..x......x..x..", 1, 0.3, 0),
                ("snare", "....X.......X...", 0.8, 0.3, 0),
                ("hat", "x.x.x.xox.x.x.x.", 0.45, 0.25, 0.2),
            ),
            _drums(
                ("kick", "X......x..X..... X.....x...X..x..", 1, 0.3, 0),
                ("clap", "....X.......X...", 0.85, 0.3, 0),
                ("hat", "x.xox.x.x.xoxoxx", 0.45, 0.25, 0.2),
                ("rim", "..........o...o.", 0.4, 0.6, -0.3),
            ),
        ),
        (Part("sub", ("r--r--r---r-----", "r-----..f---r---"), 0.9, 0.35),),
        ((Part("epiano", ("x-------..x-----",), 0.45, 0.0, -0.1),), (Part("piano", ("x---..x---..x---",), 0.4, 0.0),)),
        (Part("pluck", ("0...2...4...3.2.",), 0.35, 0.5, 0.3),),
        lead=("flute", "lead"),
        minor=0.8,
        swing=0.16,
    ),
    "chacha": Style(
        4,
        (112, 128),
        (
            _drums(
                ("cowbell", "X...x...x...x...", 0.45, 0.35, 0.2),
                ("guiro", "X...x.x.X...x.x.", 0.5, 0.2, 0.4),
                *_LATIN_HAND,
                ("soft_kick", "x.......x.......", 0.7, 0.5, 0),
            ),
            _drums(
                ("cowbell", "X...x...X...x...", 0.45, 0.4, 0.2),
                ("maracas", "x.o.x.o.x.o.x.o.", 0.5, 0.2, 0.4),
                *_LATIN_HAND,
                ("rim", "....x.......x.x.", 0.5, 0.5, 0.1),
                ("soft_kick", "X...o...X...o...", 0.7, 0.5, 0),
            ),
        ),
        (
            Part("upright", ("r-----f-----r---", "r-----f-----o---"), 0.95, 0.2),
            Part("bass", ("r---..r-r---f-r-",), 0.75, 0.2),
        ),
        (
            (Part("piano", ("x...x.x.....X.x.", "x...x.x.x...X.x."), 0.45, 0.2, -0.2),),
            (Part("piano", ("....x.......X.X.",), 0.5, 0.2, -0.2), Part("brass", ("............X.X.",), 0.3, 0.7, 0.2)),
        ),
        (Part("piano", ("0.2.43.2.1.2.43.", "0.2.1.2.43.2.1.2"), 0.36, 0.6, -0.3),),
        lead=("flute", "brass"),
        minor=0.6,
        progressions=("1451", "1544", "1415"),
    ),
    "salsa": Style(
        4,
        (160, 200),
        (
            _drums(
                ("clave", "....x...x....... x.....x.....x...", 0.5, 0.2, 0.3),
                ("tick", "x...x.x...x.x.x. x...x...x.x.x.x.", 0.45, 0.4, 0.4),
                *_LATIN_HAND,
                ("cowbell", "X.......X.......", 0.4, 0.7, 0.2),
                ("soft_kick", "X...............", 0.6, 0.5, 0),
            ),
        ),
        (Part("upright", ("......r-----f---", "r-----r-----f---"), 0.95, 0.2),),
        (
            (
                Part("brass", ("X-..........X-X-", "................"), 0.3, 0.75, 0.2),
                Part("pad", ("x---------------",), 0.15, 0.0),
            ),
        ),
        (Part("piano", ("0...2.1.4.2.1.2.", "0.2.1.2.4.2.1.2."), 0.45, 0.15, -0.2),),
        lead=("brass", "flute"),
        minor=0.6,
        progressions=("1451", "1544", "2511"),
    ),
    "rumba": Style(
        4,
        (66, 108),
        (
            _drums(
                ("maracas", "x.o.x.o.x.o.x.o.", 0.5, 0.2, 0.4),
                ("clave", "x..x..x...x.x...", 0.4, 0.4, 0.25),
                *_LATIN_HAND,
                ("soft_kick", "x.......x.......", 0.7, 0.5, 0),
            ),
            _drums(
                ("maracas", "xoxoxoxoxoxoxoxo", 0.5, 0.2, 0.4),
                ("bongo", "x.oox.o.x.oox.o.", 0.5, 0.4, 0.3),
                ("conga", "....o.......X.X.", 0.7, 0.3, -0.3),
                ("rim", "....x.......x...", 0.5, 0.5, 0.1),
                ("soft_kick", "X.......X.....x.", 0.7, 0.5, 0),
            ),
        ),
        (
            Part("upright", ("r-----f-r---f---", "r-----f---r---a-"), 0.95, 0.2),
            Part("upright", ("r-------f---r---",), 0.95, 0.2),
        ),
        (
            (Part("guitar", ("..xo..x...xo..x.",), 0.5, 0.2, 0.3), Part("strings", ("x---------------",), 0.25, 0.4)),
            (Part("piano", ("x---..x---..x---",), 0.42, 0.0, -0.2),),
        ),
        (Part("guitar", ("0.2.4.2.0.2.4.2.", "0.1.2.4.3.2.1.2."), 0.42, 0.3, 0.3),),
        lead=("flute", "strings"),
        minor=0.6,
        wet=0.24,
    ),
    "waltz": Style(
        3,
        (80, 190),
        (
            _drums(("soft_kick", "X...........", 0.8, 0.4, 0), ("hat", "....x...x...", 0.35, 0.5, 0.2)),
            _drums(("soft_kick", "X...........", 0.8, 0.45, 0), ("rim", "....o...o...", 0.35, 0.6, 0.2)),
            _drums(
                ("soft_kick", "X.........o.", 0.8, 0.4, 0),
                ("snare", "....o...o...", 0.4, 0.5, 0),
                ("hat", "x.o.x.o.x.o.", 0.35, 0.6, 0.2),
            ),
            (),
        ),
        (Part("upright", ("r---........", "f---........"), 0.95, 0.1), Part("upright", ("r-------f---",), 0.9, 0.1)),
        (
            (Part("piano", ("....x--.x--.",), 0.42, 0.1, -0.2), Part("strings", ("x-----------",), 0.28, 0.4)),
            (Part("strings", ("....x--.x--.",), 0.35, 0.1, -0.1),),
            (Part("guitar", ("....x...x...",), 0.5, 0.1, 0.2), Part("pad", ("x-----------",), 0.26, 0.2)),
        ),
        (Part("piano", ("0.1.2.3.2.1.", "0.2.3.4.3.2."), 0.34, 0.6, 0.3),),
        lead=("strings", "flute"),
        wet=0.3,
        progressions=("1564", "1645", "1415", "6251"),
    ),
    "tango": Style(
        4,
        (112, 134),
        (
            _drums(("snare", "x...o...x...o.oo", 0.35, 0.5, 0.1), ("soft_kick", "X...x...X...x...", 0.6, 0.6, 0)),
            _drums(("rim", "x.....o.x.......", 0.4, 0.5, 0.2), ("soft_kick", "X.......X.......", 0.7, 0.5, 0)),
        ),
        (Part("upright", ("r-..f-..r-..f-..", "r-..f-..r-..a-.."), 0.95, 0.1),),
        (
            (
                Part("reed", ("X-..x-..X-..x-..",), 0.42, 0.1, -0.2),
                Part("piano", ("X...x...X...x...",), 0.36, 0.3, 0.2),
            ),
            (
                Part("piano", ("X..xx...X...x...", "X...x...X...x.xx"), 0.42, 0.1, 0.2),
                Part("strings", ("X-..x-..X-..x-..",), 0.3, 0.5),
            ),
        ),
        (),
        lead=("reed", "strings"),
        minor=1.0,
        progressions=("1511", "1451", "1455"),
    ),
}
