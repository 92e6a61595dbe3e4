# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender -b -c avanim …`: the commands of `python -m avanim`, inside Blender. The worker does what needs torch."""

from __future__ import annotations

import argparse
from typing import Any

import bpy

from ..rigs.errors import InputError
from ..rigs.job import Progress
from . import session

# These load torch into their own process, which Blender's must not be.
_ELSEWHERE = ("demo", "doctor", "score", "train")

_handle: Any = None


def _refuse(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    raise InputError(
        f"{arguments.command} does not run inside Blender; run `python -m avanim {arguments.command} …` with a Python "
        "that has AVAnim's requirements."
    )


def run(arguments: list[str]) -> int:
    """The command line with these words; its exit status."""
    from .. import __main__ as command_line

    try:
        return command_line.main(arguments, run_job=session.run_to_the_end, replaced=dict.fromkeys(_ELSEWHERE, _refuse))
    except SystemExit as end:  # argparse: --help, or words that it does not know
        return end.code if isinstance(end.code, int) else 2
    finally:
        session.stop_worker()


def register() -> None:
    global _handle
    _handle = bpy.utils.register_cli_command("avanim", run)


def unregister() -> None:
    bpy.utils.unregister_cli_command(_handle)
