# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m avanim.rigs.characters [NAME …] [--folder DIR]` generates the default characters' files."""

from __future__ import annotations

import argparse
import sys

from ..errors import InputError
from . import CHARACTERS, build


def main() -> int:
    parser = argparse.ArgumentParser(prog="avanim.rigs.characters", description="Generate the default characters.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(CHARACTERS)}; all by default")
    parser.add_argument("--folder", help="where to write; by default where avanim looks for them")
    arguments = parser.parse_args()
    try:
        files = build(
            arguments.folder,
            arguments.names or CHARACTERS,
            lambda fraction, step: print(f"{fraction:4.0%} {step}", file=sys.stderr),
        )
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    for path in files:
        print(f"{path} {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
