# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound in, its features and its beats out: the one front end that everything uses."""

from .beats import track_beats
from .features import melody_features
from .load import load_sound, probe, save_wav

__all__ = ["load_sound", "melody_features", "probe", "save_wav", "track_beats"]
