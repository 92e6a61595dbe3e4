# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech to timed phones, mouth events and effort, in any language; offline, as a stream, or aligned to text."""

from .aligner import align
from .recogniser import Heard, recognise, recognised_parts
from .stream import Listener

__all__ = ["Heard", "Listener", "align", "recognise", "recognised_parts"]
